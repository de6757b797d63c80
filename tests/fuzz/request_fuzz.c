// SPDX-License-Identifier: BSD-2-Clause
/*
 * A guest that sends requests, one after the other, to a service that believes every signature: so
 * that everything behind the check is reached. The first byte of the input says what the service
 * begins with; then come the requests, the length (u16) of each before it.
 *
 * Whatever the guest sends, what the service saves can be loaded again (support/secure_boot.c sees
 * to that at each save), every reply has a status, and the mode variables say what is stored.
 */
#include "base/log.h"
#include "base/reader.h"
#include "support/fake_verifier.h"
#include "support/secure_boot.h"

#include <stdlib.h>

#define WITH_KEYS 0x01u
#define PERMISSIVE 0x02u
#define NO_SAVES 0x04u /* every save fails */
#define DOUBTS 0x08u   /* the verifier believes nobody */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void put_keys(struct secure_boot *vm)
{
    const struct span certificate = span_of("any certificate", 15);
    uint8_t esl[128];
    size_t len = signing_esl_certificate(esl, sizeof(esl), certificate);

    must(secure_boot_write(vm, "dbx", NULL, 1, 0, secure_boot_hashes(0, 3)) == EFI_SUCCESS);
    must(secure_boot_write(vm, "KEK", NULL, 1, 0, span_of(esl, len)) == EFI_SUCCESS);
    must(secure_boot_write(vm, "PK", NULL, 1, 0, span_of(esl, len)) == EFI_SUCCESS);
}

static void check_modes(const struct secure_boot *vm)
{
    unsigned setup = secure_boot_get(vm, "PK") == NULL;

    must(secure_boot_mode(vm, "SetupMode") == setup);
    must(secure_boot_mode(vm, "SecureBoot") == !setup);
    must(secure_boot_mode(vm, "DeployedMode") == !setup);
}

static void serve(struct secure_boot *vm, struct span request)
{
    static uint8_t reply[WIRE_BUFFER_SIZE];
    uint64_t state = vm->save_fails ? secure_boot_state(vm) : 0;
    size_t len = service_handle(vm->service, request, reply);
    struct reader reader = reader_of(span_of(reply, len));
    uint64_t status;

    must(len >= 8 && len <= WIRE_BUFFER_SIZE && reader_u64le(&reader, &status));
    must(!vm->save_fails || status != EFI_DEVICE_ERROR || secure_boot_state(vm) == state);
    check_modes(vm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct secure_boot vm;
    static struct fake_verifier fake;
    struct reader reader = reader_of(span_of(data, size));
    struct span request;
    uint16_t len;
    uint8_t flags;

    if (!reader_u8(&reader, &flags)) {
        return 0;
    }
    log_set_level(LOG_LEVEL_ERROR);
    fake_verifier_init(&fake);
    fake.believe_all = true;
    vm.verifier = &fake.base;
    secure_boot_reset(&vm, (flags & PERMISSIVE) == 0);
    if ((flags & WITH_KEYS) != 0) {
        put_keys(&vm);
    }
    service_start(vm.service);
    vm.save_fails = (flags & NO_SAVES) != 0;
    fake.believe_all = (flags & DOUBTS) == 0;
    while (reader_u16le(&reader, &len) && reader_span(&reader, &request, len)) {
        serve(&vm, request);
    }
    service_free(vm.service);
    vm.service = NULL;
    return 0;
}
