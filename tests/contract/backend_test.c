// SPDX-License-Identifier: BSD-2-Clause
/* What backend.h promises, asked of every backend. */
#include "backend/backend.h"

#include "backend/file.h"
#include "backend/memory.h"
#include "backend/persist.h"
#include "backend/xapi.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "support/faulty.h"
#include "support/folder.h"
#include "support/sample.h"
#include "support/xapi_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ------------------------------------------------------------------------------------ backends */

static struct folder folder; /* of the test that runs */

static struct backend *open_memory(void)
{
    return memory_backend_open(NULL, NULL);
}

static struct backend *open_file(void)
{
    return file_backend_open(folder.path, geteuid(), getegid(), NULL);
}

static struct backend *open_memory_over_file(void)
{
    return memory_backend_open(open_file(), NULL);
}

static struct backend *open_faulty(void)
{
    return faulty_backend_new(open_memory(), FAULTY_REFUSED, 0);
}

/* A server for each folder. The limit on the rate would only make the tests slow. */
static struct backend *open_xapi(void)
{
    const struct xapi_config xapi_config = {
        .socket = xapi_server_in(&folder),
        .uuid = "12345678-9abc-def0-1234-56789abcdef0",
        .abort_fd = -1,
        .save_burst = INT32_MAX,
    };

    return xapi_backend_open(&xapi_config, NULL);
}

#define LARGE (3u << 20)

struct kind {
    const char *name;
    struct backend *(*open)(void);
    bool survives;  /* is what was saved there after closing and opening it? */
    size_t largest; /* state that it takes */
};

static const struct kind kinds[] = {
    {"memory", open_memory, false, LARGE},
    {"file", open_file, true, LARGE},
    {"memory over file", open_memory_over_file, false, LARGE},
    {"faulty around memory", open_faulty, false, LARGE},
    {"xapi", open_xapi, true, 224u << 10},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct backend *open_kind(void **state)
{
    const struct kind *kind = *state;
    struct backend *backend = kind->open();

    assert_non_null(backend);
    return backend;
}

static int make_folder(void **state)
{
    (void)state;
    folder = folder_new();
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    folder_remove(&folder);
    return 0;
}

static struct span text_span(const char *text)
{
    return span_of(text, strlen(text));
}

static void save(struct backend *backend, struct span blob)
{
    struct err err = {.text = ""};

    assert_true(backend->ops->save(backend, blob, false, &err));
}

static void expect_load(struct backend *backend, struct span expected)
{
    auto_free uint8_t *blob = NULL;
    size_t len = 0;
    struct err err;

    assert_int_equal(backend->ops->load(backend, &blob, &len, &err), BACKEND_LOADED);
    assert_true(span_equal(span_of(blob, len), expected));
}

static void expect_first_boot(struct backend *backend)
{
    uint8_t *blob = NULL;
    size_t len = 0;

    assert_int_equal(backend->ops->load(backend, &blob, &len, NULL), BACKEND_FIRST_BOOT);
    assert_null(blob);
}

/* ------------------------------------------------------------------------------------- contract */

static void has_nothing_before_the_first_save(void **state)
{
    struct backend *backend = open_kind(state);

    expect_first_boot(backend);
    expect_first_boot(backend);
    backend_close(backend);
}

static void loads_what_was_saved_last(void **state)
{
    struct backend *backend = open_kind(state);

    save(backend, text_span("a first state"));
    expect_load(backend, text_span("a first state"));
    save(backend, text_span("another, longer than the first"));
    expect_load(backend, text_span("another, longer than the first"));
    save(backend, text_span("short"));
    expect_load(backend, text_span("short"));
    expect_load(backend, text_span("short"));
    backend_close(backend);
}

static void keeps_a_copy(void **state)
{
    struct backend *backend = open_kind(state);
    char text[] = "state";

    save(backend, text_span(text));
    text[0] = 'X';
    expect_load(backend, text_span("state"));
    backend_close(backend);
}

static void takes_large_states(void **state)
{
    static uint8_t large[LARGE];
    const struct kind *kind = *state;
    struct backend *backend = open_kind(state);
    struct sample sample = {.state = 5};
    struct span blob = span_of(large, kind->largest);

    sample_bytes(&sample, large, sizeof(large));
    save(backend, blob);
    expect_load(backend, blob);
    backend_close(backend);
}

static void tells_what_survives(void **state)
{
    const struct kind *kind = *state;
    struct backend *backend = open_kind(state);

    save(backend, text_span("state"));
    backend_close(backend);
    backend = open_kind(state);
    if (kind->survives) {
        expect_load(backend, text_span("state"));
    } else {
        expect_first_boot(backend);
    }
    backend_close(backend);
}

static void takes_saves_that_change_keys(void **state)
{
    struct backend *backend = open_kind(state);

    for (char c = 'a'; c < 'z'; c++) {
        assert_true(backend->ops->save(backend, span_of(&c, 1), c % 2 == 0, NULL));
        expect_load(backend, span_of(&c, 1));
    }
    backend_close(backend);
}

static void notifies(void **state)
{
    struct backend *backend = open_kind(state);
    struct err err;

    assert_true(backend->ops->notify(backend, &err));
    backend_close(backend);
}

/* --------------------------------------------------------------------------- under a service */

static const struct service_config config = {.enforce = true};

struct machine {
    struct backend *backend;
    struct persistence persistence;
    struct service *service;
};

static void machine_start(struct machine *machine, struct backend *backend)
{
    struct err err;

    machine->backend = backend;
    machine->persistence = persist_in(backend);
    machine->service = service_new(&config, &machine->persistence, sample_verifier());
    assert_non_null(machine->service);
    assert_int_not_equal(persist_load(machine->service, backend, true, &err), BACKEND_FAILED);
}

static void machine_stop(struct machine *machine)
{
    service_free(machine->service);
    backend_close(machine->backend);
}

/* Loads what the backend has into another service: is it what this one has? */
static bool loads_the_same(const struct machine *machine)
{
    struct service *other = service_new(&config, NULL, NULL);
    struct err err;

    enum backend_load result = persist_load(other, machine->backend, true, &err);
    bool same = result != BACKEND_FAILED &&
                sample_same_stores(service_store(machine->service), service_store(other), true);
    service_free(other);
    return same;
}

static efi_status set(struct service *service, struct span name, struct span data)
{
    const struct request request = {
        .command = WIRE_SET_VARIABLE, .name = name, .data = data, .attributes = 7};

    return service_set_variable(service, &request);
}

static void what_a_service_accepts_can_be_loaded(void **state)
{
    static struct sample_request request;
    struct sample sample = {.state = 77};
    struct machine machine;
    unsigned accepted = 0;

    machine_start(&machine, open_kind(state));
    for (int i = 0; i < 400; i++) {
        sample_request(&sample, &request);
        if (service_set_variable(machine.service, &request.request) == EFI_SUCCESS) {
            accepted++;
            assert_true(loads_the_same(&machine));
        }
    }
    assert_in_range(accepted, 50, 399);
    machine_stop(&machine);
}

/* One save of a stream fails, with and without effect: exactly that write is refused, the service
 * goes on, and in the end the backend has what the service has. */
static void a_failed_save_is_refused_and_forgotten(void **state)
{
    for (unsigned nth = 1; nth <= 12; nth++) {
        struct backend *inner = open_kind(state);
        struct machine machine;
        enum faulty_save how = nth % 2 == 0 ? FAULTY_REFUSED : FAULTY_ANSWER_LOST;

        machine_start(&machine, faulty_backend_new(inner, how, nth));
        for (uint8_t i = 1; i <= 12; i++) {
            const uint8_t name[] = {(uint8_t)('a' + i % 4), 0};
            efi_status expected = i == nth ? EFI_DEVICE_ERROR : EFI_SUCCESS;

            assert_int_equal(set(machine.service, span_of(name, 2), span_of(&i, 1)), expected);
            if (how == FAULTY_REFUSED || i != nth) {
                assert_true(loads_the_same(&machine));
            }
        }
        assert_int_equal(set(machine.service, EFI_NAME("z"), text_span("z")), EFI_SUCCESS);
        assert_true(loads_the_same(&machine));
        machine_stop(&machine);
        folder_remove(&folder);
        folder = folder_new();
    }
}

static void a_write_that_changes_nothing_saves_nothing(void **state)
{
    struct machine machine;

    machine_start(&machine, faulty_backend_new(open_kind(state), FAULTY_REFUSED, 0));
    assert_int_equal(set(machine.service, EFI_NAME("a"), text_span("1")), EFI_SUCCESS);
    assert_int_equal(faulty_backend_saves(machine.backend), 1);
    assert_int_equal(set(machine.service, EFI_NAME("a"), text_span("1")), EFI_SUCCESS);
    assert_int_equal(set(machine.service, EFI_NAME("b"), text_span("")), EFI_NOT_FOUND);
    assert_int_equal(faulty_backend_saves(machine.backend), 1);
    machine_stop(&machine);
}

/* ----------------------------------------------------------------------------------------- main */

static const struct {
    const char *name;
    CMUnitTestFunction run;
} contract[] = {
#define CLAUSE(function)                                                                           \
    {                                                                                              \
#function, function                                                                        \
    }
    CLAUSE(has_nothing_before_the_first_save),
    CLAUSE(loads_what_was_saved_last),
    CLAUSE(keeps_a_copy),
    CLAUSE(takes_large_states),
    CLAUSE(tells_what_survives),
    CLAUSE(takes_saves_that_change_keys),
    CLAUSE(notifies),
    CLAUSE(what_a_service_accepts_can_be_loaded),
    CLAUSE(a_failed_save_is_refused_and_forgotten),
    CLAUSE(a_write_that_changes_nothing_saves_nothing),
};

#define CLAUSES (sizeof(contract) / sizeof(contract[0]))

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    static struct CMUnitTest tests[KINDS * CLAUSES];
    static char names[KINDS * CLAUSES][128];

    for (size_t i = 0; i < KINDS * CLAUSES; i++) {
        const struct kind *kind = &kinds[i / CLAUSES];

        snprintf(names[i], sizeof(names[i]), "%s %s", kind->name, contract[i % CLAUSES].name);
        tests[i] = (struct CMUnitTest){names[i], contract[i % CLAUSES].run, make_folder,
                                       drop_folder, (void *)(uintptr_t)kind};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
