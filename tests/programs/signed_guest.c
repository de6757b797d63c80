// SPDX-License-Identifier: BSD-2-Clause
/*
 * signed_guest SOCKET: a guest behind the local transport that has keys, driven by lines on stdin,
 * each answered by a status in words.
 *
 *   enroll          db, dbx, KEK and PK, as a VM in setup mode gets them
 *   fill COUNT LEN  so many ordinary variables of LEN bytes
 *   plain           writes an ordinary variable
 *   sign            adds a hash to dbx, signed by the KEK
 *   forge           the same, signed by somebody else
 *   private         writes a variable of one's own, signed
 *   chain           the same, by a larger key whose certificate another one issued, with SHA-512
 * and signed attributes
 *
 * The keys are new in each process: only who has enrolled them can sign.
 */
#include "support/client.h"
#include "support/signing.h"

#include <stdio.h>

#define KEY_ATTRIBUTES (EFI_VARIABLE_NV_BS_RT | EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS)
#define DBX_HASHES 300u

static const struct guid private_guid =
    GUID_INIT(0x5e0b1d6f, 0x2c4a, 0x4bd5, 0x9d, 0x0e, 0x3b, 0x71, 0x42, 0xa6, 0x58, 0xcc);

struct guest {
    struct client *client;
    struct signing_key *pk, *kek, *stranger, *chained; /* see key_of */
    unsigned time;                                     /* of the last signed write */
};

/* A key, made when it is first needed, as that takes a while. */
static const struct signing_key *key_with(struct signing_key **key,
                                          const struct signing_key_options *options)
{
    if (*key == NULL) {
        *key = signing_key_new(options);
    }
    return *key;
}

static const struct signing_key *key_of(struct signing_key **key, const char *name)
{
    return key_with(key, &(struct signing_key_options){.name = name});
}

static const struct signing_key *kek(struct guest *guest)
{
    return key_of(&guest->kek, "KEK");
}

static const struct signing_key *stranger(struct guest *guest)
{
    return key_of(&guest->stranger, "stranger");
}

static efi_status write_signed_as(struct guest *guest, const struct signing_key *key,
                                  const struct signing_options *options, const struct guid *guid,
                                  struct span name, uint32_t append, struct span payload)
{
    static uint8_t data[32768];
    const struct signing_target target = {
        .guid = guid,
        .name = name,
        .attributes = KEY_ATTRIBUTES | append,
        .time = signing_time(++guest->time),
        .payload = payload,
    };
    size_t len = signing_write(data, sizeof(data), key, options, &target);

    return client_set(guest->client, guid, name, target.attributes, span_of(data, len));
}

static efi_status write_signed(struct guest *guest, const struct signing_key *key,
                               const struct guid *guid, struct span name, uint32_t append,
                               struct span payload)
{
    return write_signed_as(guest, key, NULL, guid, name, append, payload);
}

static efi_status write_certificate(struct guest *guest, const struct signing_key *signer,
                                    const struct guid *guid, struct span name,
                                    const struct signing_key *certificate)
{
    uint8_t list[4096];
    size_t len = signing_esl_certificate(list, sizeof(list), signing_certificate(certificate));

    return write_signed(guest, signer, guid, name, 0, span_of(list, len));
}

static efi_status write_hashes(struct guest *guest, const struct signing_key *signer,
                               unsigned first, unsigned count)
{
    static uint8_t list[16384];
    size_t len = signing_esl_hashes(list, sizeof(list), first, count);

    return write_signed(guest, signer, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("dbx"),
                        first > 0 ? EFI_VARIABLE_APPEND_WRITE : 0, span_of(list, len));
}

static efi_status enroll(struct guest *guest)
{
    const struct signing_key *pk = key_of(&guest->pk, "PK");
    efi_status status = write_hashes(guest, NULL, 0, DBX_HASHES);

    if (status == EFI_SUCCESS) {
        status = write_certificate(guest, NULL, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("db"), pk);
    }
    if (status == EFI_SUCCESS) {
        status = write_certificate(guest, NULL, &EFI_GLOBAL_VARIABLE, EFI_NAME("KEK"), kek(guest));
    }
    if (status == EFI_SUCCESS) {
        status = write_certificate(guest, pk, &EFI_GLOBAL_VARIABLE, EFI_NAME("PK"), pk);
    }
    return status;
}

static efi_status write_plain(struct guest *guest, unsigned number, size_t len)
{
    static uint8_t data[4096];
    char text[32];
    uint8_t name[64];

    data[0]++;
    snprintf(text, sizeof(text), "Plain%04u", number);
    return client_set(guest->client, &private_guid,
                      span_of(name, efi_name_parse(name, sizeof(name), text)),
                      EFI_VARIABLE_NV_BS_RT, span_of(data, len));
}

static efi_status write_chain(struct guest *guest)
{
    const struct signing_key *issuer = stranger(guest);
    const struct signing_key_options chained = {
        .name = "chained", .bits = 4096, .digest = "SHA384", .issuer = issuer, .leaf = true};
    const struct signing_options options = {
        .digest = "SHA512", .attributes = true, .carried = {issuer}};

    return write_signed_as(guest, key_with(&guest->chained, &chained), &options, &private_guid,
                           EFI_NAME("Chain"), 0, span_of("mine", 4));
}

static efi_status fill(struct guest *guest, const char *arguments)
{
    unsigned count;
    size_t len;
    efi_status status = EFI_SUCCESS;

    if (sscanf(arguments, "%u %zu", &count, &len) != 2 || len > 4096) {
        return EFI_INVALID_PARAMETER;
    }
    for (unsigned i = 0; i < count && status == EFI_SUCCESS; i++) {
        status = write_plain(guest, i, len);
    }
    return status;
}

static efi_status obey(struct guest *guest, const char *line)
{
    if (strcmp(line, "enroll") == 0) {
        return enroll(guest);
    }
    if (strncmp(line, "fill ", 5) == 0) {
        return fill(guest, line + 5);
    }
    if (strcmp(line, "plain") == 0) {
        return write_plain(guest, 0, 100);
    }
    if (strcmp(line, "sign") == 0) {
        return write_hashes(guest, kek(guest), 1000 + guest->time, 1);
    }
    if (strcmp(line, "forge") == 0) {
        return write_hashes(guest, stranger(guest), 1000 + guest->time, 1);
    }
    if (strcmp(line, "private") == 0) {
        return write_signed(guest, stranger(guest), &private_guid, EFI_NAME("Private"), 0,
                            span_of("mine", 4));
    }
    if (strcmp(line, "chain") == 0) {
        return write_chain(guest);
    }
    return EFI_UNSUPPORTED;
}

int main(int argc, char **argv)
{
    char line[256];
    struct err err = {.text = "usage: signed_guest SOCKET"};
    struct guest guest = {.client = argc == 2 ? client_open(argv[1], 10000, &err) : NULL};

    if (guest.client == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        efi_status status = obey(&guest, line);
        printf("%s\n", status == CLIENT_LOST ? "Lost" : efi_status_text(status));
        fflush(stdout);
    }
    signing_key_free(guest.pk);
    signing_key_free(guest.kek);
    signing_key_free(guest.stranger);
    signing_key_free(guest.chained);
    client_close(guest.client);
    return 0;
}
