# SPDX-License-Identifier: BSD-2-Clause
"""XML-RPC over HTTP as XAPI speaks it, in every form that the options of server.py name."""
import xml.etree.ElementTree as ET


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Replies:
    """Reads calls and writes answers; self.options says how."""

    def head(self, length, rule):
        keep = self.options["keep_alive"]
        headers = [("Content-Type", "text/xml"), ("Cache-Control", "no-cache, no-store")]
        headers.append(("Connection", "keep-alive" if keep else "close"))
        if rule.get("action") != "no_length":
            headers.append(("Content-Length", str(length)))
        case = {"title": str, "lower": str.lower, "upper": str.upper,
                "mixed": lambda name: "".join(c.upper() if i % 2 else c.lower() for i, c in enumerate(name))}
        lines = ["%s: %s" % (case[self.options["header_case"]](name), value) for name, value in headers]
        status = "HTTP/%s %s" % (self.options["http"], rule.get("code", "200 OK"))
        return "\r\n".join([status] + lines) + "\r\n\r\n"

    def parse_call(self, body):
        root = ET.fromstring(body)
        params = []
        for value in root.findall("params/param/value"):
            typed = value[0] if len(value) else value
            params.append((typed.tag, typed.text or ""))
        return root.findtext("methodName"), params

    def value(self, value):
        space = "\n  " if self.options["pretty"] else ""
        if value is None:
            inner = "<nil/>"
        elif isinstance(value, dict):
            items = list(value.items())
            if self.options["members"] == "reverse":
                items.reverse()
            inner = "<struct>%s</struct>" % "".join(
                "%s<member>%s<name>%s</name>%s%s</member>" % (space, space, escape(name), space, self.value(member))
                for name, member in items)
        elif isinstance(value, (list, tuple)):
            inner = "<array>%s<data>%s</data></array>" % (space, "".join(self.value(item) for item in value))
        else:
            inner = escape(value)
            if self.options["strings"] == "typed":
                inner = "<string>%s</string>" % inner
            else:
                space = ""
        return "<value>%s%s%s</value>" % (space, inner, space)

    def response(self, struct):
        return '<?xml version="1.0"?><methodResponse><params><param>%s</param></params></methodResponse>' % self.value(struct)

    def success(self, value):
        return self.response({"Status": "Success", "Value": value})

    def failure(self, description, exact=False):
        form = self.options["failure"]
        if not exact and form != "array":
            description = None if form == "nil" else " ".join(description)
        return self.response({"Status": "Failure", "ErrorDescription": description})
