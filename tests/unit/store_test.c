// SPDX-License-Identifier: BSD-2-Clause
#include "store/store.h"

#include "support/alloc_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEYS 60

/* Variable number i of a small world, with data that say what it is. */
static struct variable sample(unsigned i, const char *data, uint32_t attributes)
{
    static uint8_t names[KEYS][4];

    names[i][0] = (uint8_t)('a' + i % 20);
    names[i][2] = (uint8_t)('a' + i / 20);
    return (struct variable){
        .guid = {{(uint8_t)(i % 3)}},
        .name = span_of(names[i], i % 2 == 0 ? 4 : 2),
        .data = span_of(data, strlen(data)),
        .attributes = attributes,
    };
}

static void put(struct store *store, unsigned i, const char *data)
{
    struct variable variable = sample(i, data, EFI_VARIABLE_NV_BS_RT);

    assert_true(store_put(store, &variable));
}

static const struct variable *get(const struct store *store, unsigned i)
{
    struct variable key = sample(i, "x", 0);

    return store_get(store, &key.guid, key.name);
}

static void erase(struct store *store, unsigned i)
{
    struct variable key = sample(i, "x", 0);

    assert_true(store_delete(store, &key.guid, key.name));
}

/* Sorted, no key twice, and used is what the variables cost. */
static void check_store(const struct store *store, size_t reserved)
{
    size_t used = reserved;

    for (size_t i = 0; i < store_count(store); i++) {
        const struct variable *v = store_at(store, i);

        used += variable_cost(v->name.len, v->data.len);
        assert_ptr_equal(store_get(store, &v->guid, v->name), v);
        assert_ptr_equal(store_after(store, &v->guid, v->name), store_at(store, i + 1));
        if (i > 0) {
            const struct variable *before = store_at(store, i - 1);
            assert_true(store_key_compare(&before->guid, before->name, &v->guid, v->name) < 0);
        }
    }
    assert_null(store_at(store, store_count(store)));
    assert_int_equal(store_used(store), used);
}

static void what_is_put_is_found(void **state)
{
    struct store *store = store_new(100);

    (void)state;
    size_t mark = store_begin(store);
    for (unsigned i = KEYS; i-- > 0;) {
        put(store, i * 7 % KEYS, "data");
    }
    store_commit(store, mark);
    check_store(store, 100);
    for (unsigned i = 0; i < KEYS; i++) {
        assert_non_null(get(store, i));
    }
    store_free(store);
}

static void an_abort_puts_everything_back(void **state)
{
    struct store *store = store_new(0);

    (void)state;
    size_t mark = store_begin(store);
    put(store, 1, "one");
    put(store, 2, "two");
    store_commit(store, mark);
    mark = store_begin(store);
    put(store, 1, "changed");
    put(store, 1, "changed again");
    erase(store, 2);
    put(store, 3, "new");
    erase(store, 3);
    put(store, 4, "new");
    store_abort(store, mark);
    check_store(store, 0);
    assert_int_equal(store_count(store), 2);
    assert_true(span_equal(get(store, 1)->data, span_of("one", 3)));
    assert_true(span_equal(get(store, 2)->data, span_of("two", 3)));
    store_free(store);
}

/* An inner transaction whose mark is the outer's own must not end the outer one. */
static void transactions_nest(void **state)
{
    struct store *store = store_new(0);

    (void)state;
    size_t outer = store_begin(store);
    size_t inner = store_begin(store);
    put(store, 1, "one");
    store_commit(store, inner);
    inner = store_begin(store);
    put(store, 2, "two");
    store_abort(store, inner);
    assert_non_null(get(store, 1));
    assert_null(get(store, 2));
    store_abort(store, outer);
    assert_int_equal(store_count(store), 0);
    check_store(store, 0);
    store_free(store);
}

static bool is_non_volatile(const struct variable *variable)
{
    return (variable->attributes & EFI_VARIABLE_NON_VOLATILE) != 0;
}

static void what_was_changed_is_known(void **state)
{
    struct store *store = store_new(0);
    struct variable variable = sample(1, "x", EFI_VARIABLE_BOOTSERVICE_ACCESS);

    (void)state;
    size_t mark = store_begin(store);
    assert_true(store_put(store, &variable));
    assert_false(store_changed(store, mark, is_non_volatile));
    size_t inner = store_begin(store);
    put(store, 2, "x");
    assert_true(store_changed(store, mark, is_non_volatile));
    store_commit(store, inner);
    store_commit(store, mark);
    mark = store_begin(store);
    assert_false(store_changed(store, mark, is_non_volatile));
    erase(store, 2);
    assert_true(store_changed(store, mark, is_non_volatile));
    store_abort(store, mark);
    store_free(store);
}

static efi_status put_size(struct store *store, unsigned i, size_t len)
{
    char *data = malloc(len + 1);

    memset(data, 'x', len);
    data[len] = '\0';
    size_t mark = store_begin(store);
    put(store, i, data);
    free(data);
    efi_status status = store_check_quota(store, mark);
    if (status == EFI_SUCCESS) {
        store_commit(store, mark);
    } else {
        store_abort(store, mark);
    }
    return status;
}

static void the_quota_is_exact(void **state)
{
    struct store *store = store_new(1000);
    size_t name_len = sample(3, "x", 0).name.len;

    (void)state;
    assert_int_equal(put_size(store, 1, STORE_DATA_MAX + 1), EFI_OUT_OF_RESOURCES);
    assert_int_equal(put_size(store, 1, STORE_DATA_MAX), EFI_SUCCESS);
    assert_int_equal(put_size(store, 2, STORE_DATA_MAX), EFI_SUCCESS);
    size_t left = STORE_SIZE_MAX - store_used(store) - STORE_VARIABLE_OVERHEAD - name_len;
    assert_int_equal(put_size(store, 3, left + 1), EFI_OUT_OF_RESOURCES);
    assert_int_equal(put_size(store, 3, left), EFI_SUCCESS);
    assert_int_equal(store_used(store), STORE_SIZE_MAX);
    assert_int_equal(put_size(store, 3, left + 1), EFI_OUT_OF_RESOURCES);
    assert_int_equal(put_size(store, 3, left), EFI_SUCCESS);
    assert_int_equal(put_size(store, 3, left - 1), EFI_SUCCESS);
    store_free(store);
}

/* A store that was loaded too full may only shrink. */
static void an_overfull_store_may_shrink(void **state)
{
    struct store *store = store_new(STORE_SIZE_MAX);

    (void)state;
    size_t mark = store_begin(store);
    put(store, 1, "some data");
    store_commit(store, mark);
    assert_int_equal(put_size(store, 1, 10), EFI_OUT_OF_RESOURCES);
    assert_int_equal(put_size(store, 1, 8), EFI_SUCCESS);
    assert_int_equal(put_size(store, 2, 1), EFI_OUT_OF_RESOURCES);
    store_free(store);
}

/* Random changes against a model, half of the transactions aborted. */
static void random_transactions_match_a_model(void **state)
{
    struct store *store = store_new(0);
    char model[KEYS] = {0}; /* what each key's data is, 0: not there */
    unsigned seed = 1;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        char before[KEYS];
        size_t mark = store_begin(store);

        memcpy(before, model, sizeof(model));
        for (int changes = rand_r(&seed) % 5; changes > 0; changes--) {
            unsigned key = (unsigned)rand_r(&seed) % KEYS;
            model[key] = (char)(rand_r(&seed) % 3 == 0 ? 0 : 'a' + rand_r(&seed) % 26);
            if (model[key] == 0) {
                erase(store, key);
            } else {
                put(store, key, (char[]){model[key], '\0'});
            }
        }
        if (rand_r(&seed) % 2 == 0) {
            store_commit(store, mark);
        } else {
            store_abort(store, mark);
            memcpy(model, before, sizeof(model));
        }
        for (unsigned key = 0; key < KEYS; key++) {
            const struct variable *v = get(store, key);
            assert_int_equal(v == NULL ? 0 : v->data.data[0], model[key]);
        }
    }
    check_store(store, 0);
    store_free(store);
}

static void without_memory_nothing_changes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEYS; i++) {
        struct store *store = store_new(0);
        struct variable variable = sample(i, "data", EFI_VARIABLE_NV_BS_RT);
        bool failed = true;

        size_t mark = store_begin(store);
        for (long n = 0; failed; n++) {
            alloc_fault_arm(n);
            bool done = store_put(store, &variable);
            failed = alloc_fault_disarm();
            assert_true(done != failed);
            assert_int_equal(store_count(store), done);
        }
        store_abort(store, mark);
        check_store(store, 0);
        store_free(store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found),
        cmocka_unit_test(an_abort_puts_everything_back),
        cmocka_unit_test(transactions_nest),
        cmocka_unit_test(what_was_changed_is_known),
        cmocka_unit_test(the_quota_is_exact),
        cmocka_unit_test(an_overfull_store_may_shrink),
        cmocka_unit_test(random_transactions_match_a_model),
        cmocka_unit_test(without_memory_nothing_changes),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
