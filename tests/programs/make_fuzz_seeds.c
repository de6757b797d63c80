// SPDX-License-Identifier: BSD-2-Clause
/*
 * make_fuzz_seeds DIR: what the fuzzers begin with, in DIR/NAME for tests/fuzz/NAME.c: real signed
 * writes, what they are made of, stored variables, and what a firmware asks while it boots. New
 * keys every time, so nothing is committed.
 */
#include "auth/auth.h"
#include "backend/vars.h"
#include "base/io.h"
#include "base/writer.h"
#include "support/boot.h"
#include "support/sample.h"
#include "support/signing.h"
#include "support/vm.h"
#include "tools/pe.h"
#include "tools/tool.h"
#include "transport/record.h"
#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CAPACITY 32768u

static const char *folder;
static uint8_t buffer[CAPACITY];

static void make_folder(const char *path)
{
    if (mkdir(path, 0755) != 0 && errno != EEXIST) {
        perror(path);
        exit(1);
    }
}

static void put_seed(const char *fuzzer, struct span bytes)
{
    static unsigned number;
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", folder, fuzzer);
    make_folder(path);
    snprintf(path, sizeof(path), "%s/%s/seed-%02u", folder, fuzzer, number++);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || !io_write_all(fd, bytes) || close(fd) != 0) {
        perror(path);
        exit(1);
    }
}

#define KEY(...) signing_key_new(&(struct signing_key_options){__VA_ARGS__})

/* ------------------------------------------------------------------------------------- signatures
 */

static void put_signature(const struct signing_key *signer, const struct signing_options *options,
                          const struct signing_key *trusted)
{
    static const uint8_t content[] = "content for fuzzing"; /* as in tests/fuzz/signature_fuzz.c */
    uint8_t pkcs7[CAPACITY];
    struct writer writer = writer_of(buffer, sizeof(buffer));
    struct span certificate = signing_certificate(trusted);

    writer_u16le(&writer, (uint16_t)certificate.len);
    writer_bytes(&writer, certificate);
    writer_bytes(&writer, span_of(pkcs7, signing_pkcs7(pkcs7, sizeof(pkcs7), signer, options,
                                                       span_of(content, sizeof(content)))));
    put_seed("signature_fuzz", writer_span(&writer));
}

static void put_signatures(void)
{
    struct signing_key *root = KEY(.name = "root");
    struct signing_key *middle =
        KEY(.name = "middle", .issuer = root, .key_usage = "keyCertSign", .path_len = "1");
    struct signing_key *leaf = KEY(.name = "leaf", .issuer = middle, .leaf = true);
    struct signing_key *curve = KEY(.name = "curve", .curve = "P-256");

    put_signature(root, NULL, root);
    put_signature(root, &(struct signing_options){.no_certificates = true}, root);
    put_signature(root, &(struct signing_options){.attributes = true, .content_info = true}, root);
    put_signature(leaf, &(struct signing_options){.carried = {middle}}, root);
    put_signature(leaf, &(struct signing_options){.carried = {middle, root}, .attributes = true},
                  root);
    put_signature(leaf, &(struct signing_options){.digest = "SHA512"}, middle);
    put_signature(root, &(struct signing_options){.second = leaf}, root);
    put_signature(curve, NULL, curve);
    signing_key_free(root);
    signing_key_free(middle);
    signing_key_free(leaf);
    signing_key_free(curve);
}

/* --------------------------------------------------------------------------------------- requests
 */

static void write_request(struct writer *writer, const struct signing_target *target,
                          struct span data)
{
    size_t len = 4 + 4 + 8 + target->name.len + 16 + 8 + data.len + 4 + 1;

    writer_u16le(writer, (uint16_t)len);
    writer_u32le(writer, WIRE_VERSION);
    writer_u32le(writer, WIRE_SET_VARIABLE);
    writer_u64le(writer, target->name.len);
    writer_bytes(writer, target->name);
    writer_guid(writer, target->guid);
    writer_u64le(writer, data.len);
    writer_bytes(writer, data);
    writer_u32le(writer, target->attributes);
    writer_u8(writer, 0);
}

/* A signed write of the payload, as a descriptor and in requests. */
static void put_write(uint8_t flags, const struct guid *guid, struct span name, uint32_t attributes,
                      const struct signing_key *signer, struct span payload)
{
    static uint8_t data[CAPACITY];
    struct writer writer = writer_of(buffer, sizeof(buffer));
    struct signing_target target = {.guid = guid,
                                    .name = name,
                                    .attributes = attributes,
                                    .time = signing_time(10),
                                    .payload = payload};
    struct span write = span_of(data, signing_write(data, sizeof(data), signer, NULL, &target));

    put_seed("descriptor_fuzz", write);
    writer_u8(&writer, flags);
    write_request(&writer, &target, write);
    target.attributes ^= EFI_VARIABLE_APPEND_WRITE;
    write_request(&writer, &target, write);
    put_seed("request_fuzz", writer_span(&writer));
}

static void put_databases(struct span old, struct span new)
{
    struct writer writer = writer_of(buffer, sizeof(buffer));

    writer_u16le(&writer, (uint16_t)old.len);
    writer_bytes(&writer, old);
    writer_bytes(&writer, new);
    put_seed("signature_list_fuzz", writer_span(&writer));
}

static void put_writes(void)
{
    static uint8_t certificates[CAPACITY];
    static uint8_t hashes[CAPACITY];
    struct signing_key *key = KEY(.name = "key");
    struct span certificate =
        span_of(certificates, signing_esl_certificate(certificates, sizeof(certificates),
                                                      signing_certificate(key)));
    struct span some = span_of(hashes, signing_esl_hashes(hashes, sizeof(hashes), 2, 4));
    const uint32_t append = EFI_VARIABLE_APPEND_WRITE;

    put_write(0, &EFI_GLOBAL_VARIABLE, EFI_NAME("PK"), AUTH_KEY_ATTRIBUTES, key, certificate);
    put_write(1, &EFI_GLOBAL_VARIABLE, EFI_NAME("KEK"), AUTH_KEY_ATTRIBUTES, key, certificate);
    put_write(1, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("dbx"), AUTH_KEY_ATTRIBUTES | append, key,
              some);
    put_write(3, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("db"), AUTH_KEY_ATTRIBUTES, NULL,
              span_of(NULL, 0));
    put_write(4, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("other"), AUTH_KEY_ATTRIBUTES, key,
              span_of("data", 4));
    put_write(9, &EFI_GLOBAL_VARIABLE, EFI_NAME("BootOrder"), EFI_VARIABLE_NV_BS_RT, NULL,
              span_of("data", 4));
    put_databases(some, some);
    put_databases(certificate, some);
    put_databases(some, certificate);
    signing_key_free(key);
}

/* ------------------------------------------------------------------------------------------ blobs
 */

static void put_blobs(void)
{
    static const struct service_config config = {.enforce = true};
    static struct sample_variable variable;
    struct sample sample = {.state = 1};
    struct service *service = service_new(&config, NULL, NULL);
    size_t len;

    for (int i = 0; i < 12; i++) {
        sample_variable(&sample, &variable);
        service_restore_variable(service, &variable.variable);
        if (i % 4 == 0) {
            uint8_t *state = vars_encode_store(service_store(service), &len, NULL);
            put_seed("vars_fuzz", span_of(state, len));
            uint8_t *image = vars_encode_service(service, &len, NULL);
            put_seed("vars_fuzz", span_of(image, len));
            free(state);
            free(image);
        }
    }
    service_free(service);
}

/* ------------------------------------------------------------------------------------------ boots
 */

#define RECORDING_MAX (4u << 20)
#define EVENTS_A_SEED 40u

/* A first boot, with some physical presence before it. Gives the length of the recording. */
static size_t record_boot(uint8_t *recording)
{
    static const struct service_config config = {.enforce = true};
    static struct boot boot;
    char path[PATH_MAX];
    size_t len = 0;

    snprintf(path, sizeof(path), "%s/boot.recording", folder);
    struct vm *vm = vm_open(&config, NULL);
    struct recorder *recorder = record_open(path, &vm->handler, NULL);
    struct client *client = recorder != NULL ? client_over(record_handler(recorder)) : NULL;
    for (uint32_t i = 0xf8; i < 0x108 && client != NULL; i++) {
        client_ppi_write(client, i, client_ppi_read(client, i) + 1);
    }
    bool ok = client != NULL && boot_play(&boot, client);
    client_close(client);
    record_close(recorder);
    vm_close(vm);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *bytes = ok && fd >= 0 ? io_read_all(fd, RECORDING_MAX, &len, NULL) : NULL;
    if (bytes == NULL) {
        fprintf(stderr, "make_fuzz_seeds: can't record a boot: %s\n", boot.failure);
        exit(1);
    }
    close(fd);
    memcpy(recording, bytes, len);
    free(bytes);
    return len;
}

/* The next events, as a short recording and, its requests only, as the input of request_fuzz. */
static void put_events(struct span head, struct reader *reader)
{
    static uint8_t requests[CAPACITY];
    struct writer writer = writer_of(requests, sizeof(requests));
    struct writer events = writer_of(buffer, sizeof(buffer));
    struct record_event event;
    const uint8_t *first = reader->rest.data;

    writer_u8(&writer, 0);
    for (unsigned i = 0; i < EVENTS_A_SEED && record_read_event(reader, &event); i++) {
        if (event.kind == RECORD_REQUEST) {
            writer_u16le(&writer, (uint16_t)event.bytes.len);
            writer_bytes(&writer, event.bytes);
        }
    }
    writer_bytes(&events, head);
    writer_bytes(&events, span_of(first, (size_t)(reader->rest.data - first)));
    put_seed("recording_fuzz", writer_span(&events));
    put_seed("request_fuzz", writer_span(&writer));
}

static void put_boot(void)
{
    uint8_t *recording = malloc(RECORDING_MAX);
    size_t len = recording != NULL ? record_boot(recording) : 0;
    struct reader reader = reader_of(span_of(recording, len));

    if (!record_read_head(&reader)) {
        fprintf(stderr, "make_fuzz_seeds: not a recording\n");
        exit(1);
    }
    while (!reader_end(&reader)) {
        put_events(span_of(recording, 8), &reader);
    }
    free(recording);
}

/* ----------------------------------------------------------------------------------------- images
 */

/* Debian's shim is too long for a seed: its signatures alone, without db and dbx. */
static void put_image_signatures(void)
{
    struct pe_image image;
    struct span pkcs7;
    bool malformed;
    size_t len;
    uint8_t *shim = tool_read_file("/usr/lib/shim/shimx64.efi.signed", 64u << 20, &len, NULL);

    if (shim == NULL || !pe_parse(&image, span_of(shim, len), NULL)) {
        fprintf(stderr, "make_fuzz_seeds: no shim, no seeds of signed images\n");
        free(shim);
        return;
    }
    struct reader table = reader_of(image.certificates);
    while (pe_next_signature(&table, &pkcs7, &malformed)) {
        struct writer writer = writer_of(buffer, sizeof(buffer));

        writer_zeros(&writer, 4);
        writer_bytes(&writer, pkcs7);
        put_seed("tools_image_fuzz", writer_span(&writer));
    }
    free(shim);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make_fuzz_seeds DIR\n");
        return 2;
    }
    folder = argv[1];
    make_folder(folder);
    put_signatures();
    put_writes();
    put_blobs();
    put_boot();
    put_image_signatures();
    return 0;
}
