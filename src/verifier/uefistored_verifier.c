// SPDX-License-Identifier: BSD-2-Clause
/*
 * uefistored-verifier: checks signatures for a daemon, which starts it with a socket as standard
 * input and with its own settings of the sandbox:
 *
 *     -c DIR         change the root to DIR
 *     -n, -s         leave the host's namespaces; -s: fail where that is refused
 *     -u UID -g GID  become this user and group
 *
 * It locks itself in before it reads anything, and then has its socket and its memory.
 */
#include "base/log.h"
#include "crypto/openssl_verifier.h"
#include "crypto/verifier_server.h"
#include "daemon/sandbox.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define REQUEST_SECONDS 30u /* nobody waits longer for the answer */

static bool parse_id(unsigned *out, const char *text)
{
    char *end;

    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    *out = (unsigned)value;
    return errno == 0 && end != text && *end == '\0' && value < UINT32_MAX;
}

static bool parse_arguments(struct sandbox_config *config, int argc, char *argv[])
{
    bool ok = true;
    int option;

    while (ok && (option = getopt(argc, argv, "c:nsu:g:")) != -1) {
        switch (option) {
        case 'c':
            config->chroot = optarg;
            break;
        case 'n':
        case 's':
            config->namespaces = true;
            config->strict = option == 's';
            break;
        case 'u':
            config->drop = true;
            ok = parse_id(&config->uid, optarg);
            break;
        case 'g':
            ok = parse_id(&config->gid, optarg);
            break;
        default:
            ok = false;
        }
    }
    return ok && optind == argc;
}

/* Without the clean-up of exit(), libcrypto's above all: the process has nothing to keep. */
int main(int argc, char *argv[])
{
    struct sandbox_config config = {.uses = SANDBOX_USE_VERIFIER};
    struct verifier *verifier = openssl_verifier_new(OPENSSL_VERIFIER_RSA);
    struct err err;

    log_init();
    mallopt(M_MMAP_THRESHOLD, 4096); /* a request is given back when it is answered */
    prctl(PR_SET_NAME, "uefi-verifier", 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (!parse_arguments(&config, argc, argv) || verifier == NULL) {
        log_error("uefistored-verifier is run by uefistored, not by hand");
        _exit(2);
    }
    if (!sandbox_enter(&config, &err)) {
        log_error("the verifier: %s", err.text);
        _exit(1);
    }
    close(STDERR_FILENO);
    _exit(verifier_serve(STDIN_FILENO, verifier, REQUEST_SECONDS) ? 0 : 1);
}
