// SPDX-License-Identifier: BSD-2-Clause
#include "tools/device_path.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>

#define TYPE_END 0x7fu
#define END_ENTIRE 0xffu

/* Each reads a node's data; false when it is too short for the node it claims to be. */
typedef bool (*print_node)(FILE *stream, struct reader *data);

static bool print_pci(FILE *stream, struct reader *data)
{
    uint8_t function;
    uint8_t device;

    if (!reader_u8(data, &function) || !reader_u8(data, &device)) {
        return false;
    }
    fprintf(stream, "Pci(0x%x,0x%x)", device, function);
    return true;
}

static bool print_vendor(FILE *stream, struct reader *data, const char *kind)
{
    struct guid guid;
    char text[GUID_TEXT_SIZE];

    if (!reader_guid(data, &guid)) {
        return false;
    }
    fprintf(stream, "%s(%s", kind, guid_format(text, &guid));
    for (size_t i = 0; i < data->rest.len; i++) {
        fprintf(stream, "%s%02x", i == 0 ? "," : "", data->rest.data[i]);
    }
    fputc(')', stream);
    return true;
}

static bool print_vendor_hardware(FILE *stream, struct reader *data)
{
    return print_vendor(stream, data, "VenHw");
}

static bool print_vendor_message(FILE *stream, struct reader *data)
{
    return print_vendor(stream, data, "VenMsg");
}

static bool print_vendor_media(FILE *stream, struct reader *data)
{
    return print_vendor(stream, data, "VenMedia");
}

/* UEFI 2.10, 10.3.3: an EISA id, "PNP" in its low half. */
static bool print_acpi(FILE *stream, struct reader *data)
{
    uint32_t hid;
    uint32_t uid;

    if (!reader_u32le(data, &hid) || !reader_u32le(data, &uid)) {
        return false;
    }
    if (hid == 0x0a0341d0) {
        fprintf(stream, "PciRoot(0x%x)", uid);
    } else if (hid == 0x0a0841d0) {
        fprintf(stream, "PcieRoot(0x%x)", uid);
    } else if ((hid & 0xffff) == 0x41d0) {
        fprintf(stream, "Acpi(PNP%04X,0x%x)", hid >> 16, uid);
    } else {
        fprintf(stream, "Acpi(0x%08x,0x%x)", hid, uid);
    }
    return true;
}

static bool print_scsi(FILE *stream, struct reader *data)
{
    uint16_t target;
    uint16_t lun;

    if (!reader_u16le(data, &target) || !reader_u16le(data, &lun)) {
        return false;
    }
    fprintf(stream, "Scsi(0x%x,0x%x)", target, lun);
    return true;
}

static bool print_ata(FILE *stream, struct reader *data)
{
    uint8_t secondary;
    uint8_t slave;
    uint16_t lun;

    if (!reader_u8(data, &secondary) || !reader_u8(data, &slave) || !reader_u16le(data, &lun)) {
        return false;
    }
    fprintf(stream, "Ata(%s,%s,0x%x)", secondary != 0 ? "Secondary" : "Primary",
            slave != 0 ? "Slave" : "Master", lun);
    return true;
}

static bool print_sata(FILE *stream, struct reader *data)
{
    uint16_t port;
    uint16_t multiplier;
    uint16_t lun;

    if (!reader_u16le(data, &port) || !reader_u16le(data, &multiplier) ||
        !reader_u16le(data, &lun)) {
        return false;
    }
    fprintf(stream, "Sata(0x%x,0x%x,0x%x)", port, multiplier, lun);
    return true;
}

static bool print_usb(FILE *stream, struct reader *data)
{
    uint8_t port;
    uint8_t interface;

    if (!reader_u8(data, &port) || !reader_u8(data, &interface)) {
        return false;
    }
    fprintf(stream, "USB(0x%x,0x%x)", port, interface);
    return true;
}

static bool print_nvme(FILE *stream, struct reader *data)
{
    uint32_t namespace;
    uint8_t eui[8];

    if (!reader_u32le(data, &namespace) || !reader_copy(data, eui, sizeof(eui))) {
        return false;
    }
    fprintf(stream, "NVMe(0x%x,%02X-%02X-%02X-%02X-%02X-%02X-%02X-%02X)", namespace, eui[7], eui[6],
            eui[5], eui[4], eui[3], eui[2], eui[1], eui[0]);
    return true;
}

static bool print_mac(FILE *stream, struct reader *data)
{
    uint8_t address[32];
    uint8_t type;

    if (!reader_copy(data, address, sizeof(address)) || !reader_u8(data, &type)) {
        return false;
    }
    fprintf(stream, "MAC(%02x%02x%02x%02x%02x%02x,0x%x)", address[0], address[1], address[2],
            address[3], address[4], address[5], type);
    return true;
}

static bool print_ip(FILE *stream, struct reader *data, int family)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t local[16];
    uint8_t remote[16];
    size_t size = family == AF_INET ? 4 : 16;

    if (!reader_copy(data, local, size) || !reader_copy(data, remote, size)) {
        return false;
    }
    fprintf(stream, "%s(%s)", family == AF_INET ? "IPv4" : "IPv6",
            inet_ntop(family, remote, text, sizeof(text)));
    return true;
}

static bool print_ipv4(FILE *stream, struct reader *data)
{
    return print_ip(stream, data, AF_INET);
}

static bool print_ipv6(FILE *stream, struct reader *data)
{
    return print_ip(stream, data, AF_INET6);
}

static void print_ascii(FILE *stream, struct span text)
{
    for (size_t i = 0; i < text.len && text.data[i] != 0; i++) {
        fputc(text.data[i] >= 0x20 && text.data[i] < 0x7f ? text.data[i] : '?', stream);
    }
}

static bool print_uri(FILE *stream, struct reader *data)
{
    fputs("Uri(", stream);
    print_ascii(stream, data->rest);
    fputc(')', stream);
    return true;
}

static bool print_partition_id(FILE *stream, uint8_t kind, const uint8_t signature[16])
{
    struct guid guid;
    char text[GUID_TEXT_SIZE];

    if (kind == 2) {
        memcpy(guid.bytes, signature, GUID_SIZE);
        fprintf(stream, "GPT,%s", guid_format(text, &guid));
    } else {
        fprintf(stream, "MBR,0x%02x%02x%02x%02x", signature[3], signature[2], signature[1],
                signature[0]);
    }
    return true;
}

static bool print_hard_drive(FILE *stream, struct reader *data)
{
    uint32_t number;
    uint64_t start;
    uint64_t size;
    uint8_t signature[16];
    uint8_t format;
    uint8_t kind;

    if (!reader_u32le(data, &number) || !reader_u64le(data, &start) || !reader_u64le(data, &size) ||
        !reader_copy(data, signature, sizeof(signature)) || !reader_u8(data, &format) ||
        !reader_u8(data, &kind)) {
        return false;
    }
    fprintf(stream, "HD(%u,", number);
    print_partition_id(stream, kind, signature);
    fprintf(stream, ",0x%" PRIx64 ",0x%" PRIx64 ")", start, size);
    return true;
}

static bool print_cdrom(FILE *stream, struct reader *data)
{
    uint32_t entry;

    if (!reader_u32le(data, &entry)) {
        return false;
    }
    fprintf(stream, "CDROM(0x%x)", entry);
    return true;
}

static bool print_file(FILE *stream, struct reader *data)
{
    struct span name = data->rest;
    char text[1024];

    while (name.len >= 2 && name.data[name.len - 1] == 0 && name.data[name.len - 2] == 0) {
        name.len -= 2;
    }
    fputs(efi_name_format(text, sizeof(text), name), stream);
    return true;
}

static bool print_firmware_file(FILE *stream, struct reader *data)
{
    return print_vendor(stream, data, "FvFile");
}

static bool print_firmware_volume(FILE *stream, struct reader *data)
{
    return print_vendor(stream, data, "Fv");
}

static bool print_bbs(FILE *stream, struct reader *data)
{
    uint16_t type;
    uint16_t flags;

    if (!reader_u16le(data, &type) || !reader_u16le(data, &flags)) {
        return false;
    }
    fprintf(stream, "BBS(0x%x,", type);
    print_ascii(stream, data->rest);
    fputc(')', stream);
    return true;
}

static const struct {
    uint8_t type, subtype;
    print_node print;
} nodes[] = {
    {1, 1, print_pci},
    {1, 4, print_vendor_hardware},
    {2, 1, print_acpi},
    {3, 1, print_ata},
    {3, 2, print_scsi},
    {3, 5, print_usb},
    {3, 10, print_vendor_message},
    {3, 11, print_mac},
    {3, 12, print_ipv4},
    {3, 13, print_ipv6},
    {3, 18, print_sata},
    {3, 23, print_nvme},
    {3, 24, print_uri},
    {4, 1, print_hard_drive},
    {4, 2, print_cdrom},
    {4, 3, print_vendor_media},
    {4, 4, print_file},
    {4, 6, print_firmware_file},
    {4, 7, print_firmware_volume},
    {5, 1, print_bbs},
};

static bool print_unknown(FILE *stream, uint8_t type, uint8_t subtype, struct span data)
{
    fprintf(stream, "Path(%u,%u", type, subtype);
    for (size_t i = 0; i < data.len; i++) {
        fprintf(stream, "%s%02x", i == 0 ? "," : "", data.data[i]);
    }
    fputc(')', stream);
    return true;
}

static bool print_one(FILE *stream, uint8_t type, uint8_t subtype, struct span data)
{
    struct reader reader = reader_of(data);

    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        if (nodes[i].type == type && nodes[i].subtype == subtype) {
            return nodes[i].print(stream, &reader);
        }
    }
    return print_unknown(stream, type, subtype, data);
}

bool device_path_print(FILE *stream, struct span path)
{
    struct reader reader = reader_of(path);
    const char *separator = "";

    for (;;) {
        uint8_t type;
        uint8_t subtype;
        uint16_t len;
        struct span data;

        if (!reader_u8(&reader, &type) || !reader_u8(&reader, &subtype) ||
            !reader_u16le(&reader, &len) || len < 4 ||
            !reader_span(&reader, &data, (uint64_t)len - 4)) {
            return false;
        }
        if (type == TYPE_END && subtype == END_ENTIRE) {
            return true;
        }
        if (type == TYPE_END) {
            separator = ",";
            continue;
        }
        fputs(separator, stream);
        if (!print_one(stream, type, subtype, data)) {
            return false;
        }
        separator = "/";
    }
}
