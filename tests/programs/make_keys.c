// SPDX-License-Identifier: BSD-2-Clause
/*
 * make_keys DIR: a set of keys, and signed writes to try them with. Into DIR, which it makes:
 *
 *     PK KEK db        .key and .crt (PEM), .esl (the database with that certificate)
 *     PK KEK db dbx    .auth: what uefistored --keys DIR enrolls at a first boot (dbx is an append)
 *     dbx-update       .auth, signed by KEK: appends 3 hashes to dbx           attributes 0x67
 *     dbx-stranger     .auth, the same signed by nobody known                  attributes 0x67
 *     dbx-unsigned     .auth, the same with an empty signature                 attributes 0x67
 *     db-older         .auth, signed by KEK, but older than db.auth            attributes 0x27
 *     PK-delete        .auth, signed by PK: deletes it, back to setup mode     attributes 0x27
 *
 * PK and KEK are in EFI_GLOBAL_VARIABLE, db and dbx in EFI_IMAGE_SECURITY_DATABASE.
 */
#include "auth/auth.h"
#include "base/io.h"
#include "support/signing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPEND EFI_VARIABLE_APPEND_WRITE
#define CAPACITY 16384u

static const char *folder;

static const char *path_of(const char *name, const char *suffix)
{
    static char paths[2][PATH_MAX]; /* two at a time are needed */
    static unsigned turn;
    char *path = paths[turn++ % 2];

    snprintf(path, PATH_MAX, "%s/%s.%s", folder, name, suffix);
    return path;
}

static void put_file(const char *name, const char *suffix, struct span bytes)
{
    const char *path = path_of(name, suffix);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0 || !io_write_all(fd, bytes) || close(fd) != 0) {
        perror(path);
        exit(1);
    }
}

static struct signing_key *make_key(const char *name, const char *common_name)
{
    struct signing_key *key = signing_key_new(&(struct signing_key_options){.name = common_name});
    uint8_t esl[CAPACITY];

    signing_key_save(key, path_of(name, "key"), path_of(name, "crt"));
    put_file(name, "esl",
             span_of(esl, signing_esl_certificate(esl, sizeof(esl), signing_certificate(key))));
    return key;
}

/* A write to target into NAME.auth. */
static void put_write(const char *name, const struct signing_key *signer,
                      const struct signing_target *target)
{
    uint8_t data[CAPACITY];

    put_file(name, "auth", span_of(data, signing_write(data, sizeof(data), signer, NULL, target)));
}

/* NAME.auth: the certificate of key as the only one. */
static void put_certificate(const char *name, const struct guid *guid, struct span variable,
                            const struct signing_key *signer, const struct signing_key *key,
                            unsigned time)
{
    uint8_t esl[CAPACITY];
    size_t len = signing_esl_certificate(esl, sizeof(esl), signing_certificate(key));

    put_write(name, signer,
              &(struct signing_target){.guid = guid,
                                       .name = variable,
                                       .attributes = AUTH_KEY_ATTRIBUTES,
                                       .time = signing_time(time),
                                       .payload = span_of(esl, len)});
}

/* NAME.auth: an append of hashes to dbx. */
static void put_hashes(const char *name, const struct signing_key *signer, unsigned first,
                       unsigned count, unsigned time)
{
    uint8_t esl[CAPACITY];
    size_t len = signing_esl_hashes(esl, sizeof(esl), first, count);

    put_write(name, signer,
              &(struct signing_target){.guid = &EFI_IMAGE_SECURITY_DATABASE,
                                       .name = EFI_NAME("dbx"),
                                       .attributes = AUTH_KEY_ATTRIBUTES | APPEND,
                                       .time = signing_time(time),
                                       .payload = span_of(esl, len)});
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make_keys DIR\n");
        return 2;
    }
    folder = argv[1];
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) {
        perror(folder);
        return 1;
    }
    struct signing_key *pk = make_key("PK", "The platform's key");
    struct signing_key *kek = make_key("KEK", "The pool's key exchange key");
    struct signing_key *db = make_key("db", "Who signs the images");
    struct signing_key *stranger =
        signing_key_new(&(struct signing_key_options){.name = "A stranger"});

    put_certificate("PK", &EFI_GLOBAL_VARIABLE, EFI_NAME("PK"), pk, pk, 100);
    put_certificate("KEK", &EFI_GLOBAL_VARIABLE, EFI_NAME("KEK"), pk, kek, 100);
    put_certificate("db", &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("db"), kek, db, 100);
    put_certificate("db-older", &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("db"), kek, kek, 99);
    put_hashes("dbx", kek, 0, 2, 100);
    put_hashes("dbx-update", kek, 10, 3, 200);
    put_hashes("dbx-stranger", stranger, 20, 3, 200);
    put_hashes("dbx-unsigned", NULL, 20, 3, 200);
    put_write("PK-delete", pk,
              &(struct signing_target){.guid = &EFI_GLOBAL_VARIABLE,
                                       .name = EFI_NAME("PK"),
                                       .attributes = AUTH_KEY_ATTRIBUTES,
                                       .time = signing_time(300)});
    signing_key_free(pk);
    signing_key_free(kek);
    signing_key_free(db);
    signing_key_free(stranger);
    return 0;
}
