// SPDX-License-Identifier: BSD-2-Clause
#include "tools/command.h"

#include "tools/tool.h"

#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

/* Every option of every subcommand; one with a member of type bool takes no argument. */
static const struct option_rule {
    char letter;
    const char *name;
    const char *argument; /* NULL: a flag */
    size_t member;        /* offset in struct command_line */
    const char *help;
} rules[] = {
#define MEMBER(member) offsetof(struct command_line, member)
    {'V', "vm", "UUID", MEMBER(vm), "the variables that XAPI has of this VM"},
    {'S', "store", "DIR", MEMBER(store), "the variables in this folder of the daemon's"},
    {'s', "socket", "PATH", MEMBER(socket), "XAPI's socket"},
    {'f', "from", "FORMAT", MEMBER(from), "what the file is: vars, base64, edk2 or json"},
    {'t', "to", "FORMAT", MEMBER(to), "vars, base64, edk2, json or efivarfs"},
    {'o', "output", "FILE", MEMBER(output), "write into this file, not to stdout"},
    {'T', "template", "FILE", MEMBER(template_file), "an OVMF_VARS.fd to put the variables into"},
    {'a', "attributes", "NUMBER", MEMBER(attributes), "of a new variable (7)"},
    {'K', "keys", "DIR", MEMBER(keys), "the folder with keys and certificates"},
    {'p', "profile", "NAME", MEMBER(profile), "2011+2023, 2023 or own"},
    {'G', "owner", "GUID", MEMBER(owner), "who the keys' entries in the variables belong to"},
    {'N', "name", "TEXT", MEMBER(name), "who the keys are for"},
    {'r', "arch", "NAME", MEMBER(arch), "of the VM, for dbx: x64, ia32, aarch64 or arm"},
    {'w', "wanted", "on|off", MEMBER(wanted), "whether the host enables Secure Boot"},
    {'j', "json", NULL, MEMBER(json), "print JSON"},
    {'x', "hex", NULL, MEMBER(hex), "print all data in hexadecimal"},
    {'C', "check", NULL, MEMBER(check), "one line and an exit code for a monitor"},
    {'A', "all", NULL, MEMBER(all), "all stores in these folders, or all VMs of XAPI's"},
    {'n', "dry-run", NULL, MEMBER(dry_run), "show what would change, and change nothing"},
    {'y', "yes", NULL, MEMBER(yes), "don't ask"},
    {'m', "merge", NULL, MEMBER(merge), "add to what is there"},
    {'P', "append", NULL, MEMBER(append), "append to the variable"},
    {'O', "optional", NULL, MEMBER(optional), "revoke what Microsoft leaves to the owner, too"},
    {'F', "force", NULL, MEMBER(force), "change a VM of XAPI's that may be running"},
    {'q', "quiet", NULL, MEMBER(quiet), "only the exit code"},
#undef MEMBER
};

#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))

bool command_colours(void)
{
    return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
}

const char *command_take(struct command_line *line)
{
    if (line->count == 0) {
        return NULL;
    }
    line->count--;
    return *line->args++;
}

bool command_confirm(const struct command_line *line, const char *question, struct err *err)
{
    char answer[16];

    if (line->yes) {
        return true;
    }
    if (!isatty(STDIN_FILENO)) {
        return err_set(err, "%s To go ahead without being asked: --yes", question);
    }
    fprintf(stderr, "%s [y/N] ", question);
    return (fgets(answer, sizeof(answer), stdin) != NULL && (*answer == 'y' || *answer == 'Y')) ||
           err_set(err, "nothing was changed");
}

static void print_usage(FILE *stream, const struct command *command)
{
    fprintf(stream, "Usage: varstore %s %s\n%s.\n", command->name, command->arguments,
            command->summary);
    for (size_t i = 0; i < RULE_COUNT; i++) {
        char option[48];

        if (strchr(command->options, rules[i].letter) == NULL) {
            continue;
        }
        snprintf(option, sizeof(option), "-%c, --%s%s%s", rules[i].letter, rules[i].name,
                 rules[i].argument != NULL ? " " : "",
                 rules[i].argument != NULL ? rules[i].argument : "");
        fprintf(stream, "  %-26s %s\n", option, rules[i].help);
    }
}

static void print_commands(FILE *stream)
{
    fputs("Usage: varstore SUBCOMMAND [STORE] [ARGUMENT]... [OPTION]...\n"
          "Shows and changes the UEFI variables of VMs. STORE is a folder of the daemon's, a file\n"
          "(VARS, base64 of it, OVMF_VARS.fd, JSON) or a folder of efivarfs files; in its place,\n"
          "--vm UUID is a VM of XAPI's. varstore SUBCOMMAND --help tells more,\n"
          "varstore --version which version this is.\n\n",
          stream);
    for (size_t i = 0; COMMANDS[i] != NULL; i++) {
        fprintf(stream, "  %-10s %s\n", COMMANDS[i]->name, COMMANDS[i]->summary);
    }
}

/* letters: room for two characters for each rule, "h" and the terminator. */
static void make_options(const struct command *command, struct option *out, char *letters)
{
    size_t count = 0;

    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (strchr(command->options, rules[i].letter) != NULL) {
            out[count++] =
                (struct option){rules[i].name, rules[i].argument != NULL, NULL, rules[i].letter};
            *letters++ = rules[i].letter;
            *letters = ':';
            letters += rules[i].argument != NULL;
        }
    }
    out[count++] = (struct option){"help", no_argument, NULL, 'h'};
    out[count] = (struct option){0};
    memcpy(letters, "h", 2);
}

static void take_option(struct command_line *line, int letter, const char *value)
{
    for (size_t i = 0; i < RULE_COUNT; i++) {
        char *member = (char *)line + rules[i].member;

        if (rules[i].letter != letter) {
            continue;
        }
        if (rules[i].argument != NULL) {
            *(const char **)(void *)member = value;
        } else {
            *(bool *)(void *)member = true;
        }
    }
}

/* -1: go on; otherwise the exit code. */
static int parse(const struct command *command, struct command_line *line, int argc, char **argv)
{
    struct option options[RULE_COUNT + 2];
    char letters[RULE_COUNT * 2 + 2];
    int letter;

    make_options(command, options, letters);
    while ((letter = getopt_long(argc, argv, letters, options, NULL)) != -1) {
        if (letter == 'h' || letter == '?') {
            print_usage(letter == 'h' ? stdout : stderr, command);
            return letter == 'h' ? 0 : EXIT_WRONG_USAGE;
        }
        take_option(line, letter, optarg);
    }
    line->args = argv + optind;
    line->count = argc - optind;
    bool named = line->vm != NULL || line->store != NULL;
    int most = command->most - (named && strchr(command->options, 'S') != NULL);
    int least = command->least - (named && strchr(command->options, 'S') != NULL);
    least = line->all ? 0 : least;
    if (line->count < least || (command->most >= 0 && line->count > most) ||
        (line->vm != NULL && line->store != NULL)) {
        print_usage(stderr, command);
        return EXIT_WRONG_USAGE;
    }
    return -1;
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; COMMANDS[i] != NULL; i++) {
        if (strcmp(COMMANDS[i]->name, name) == 0) {
            return COMMANDS[i];
        }
    }
    return NULL;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct command_line line = {0};
    struct err err = {0};
    int code = parse(command, &line, argc, argv);

    if (code >= 0) {
        return code;
    }
    code = command->run(&line, &err);
    if (err.text[0] == '\0') {
        tool_flush(&err);
    }
    if (err.text[0] != '\0') {
        fprintf(stderr, "varstore %s: %s\n", command->name, err.text);
        return code != 0 ? code : 1;
    }
    return code;
}

int command_main(int argc, char **argv)
{
    const struct command *command = argc > 1 ? find(argv[1]) : NULL;

    if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
        return tool_print_version("varstore");
    }
    if (command == NULL) {
        bool help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0 ||
                                 strcmp(argv[1], "-h") == 0);
        if (argc > 1 && !help) {
            fprintf(stderr, "varstore: there is no subcommand %s\n", argv[1]);
        }
        print_commands(help ? stdout : stderr);
        return help ? 0 : EXIT_WRONG_USAGE;
    }
    return run(command, argc - 1, argv + 1);
}
