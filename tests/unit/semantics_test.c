// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rules of docs/PROTOCOL.md, one test a rule and outcome, each as a script of calls that a
 * firmware makes. A row's name begins with the rule: "set 4" is the fourth check of SetVariable.
 */
#include "base/log.h"
#include "support/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct guid mor =
    GUID_INIT(0xe20939be, 0x32d4, 0x41be, 0xa1, 0x50, 0x89, 0x7f, 0x85, 0xd4, 0x98, 0x29);
static const struct guid mor_lock =
    GUID_INIT(0xbb983ccf, 0x151d, 0x40e1, 0xa0, 0x7b, 0x4a, 0x17, 0xbe, 0x16, 0x82, 0x92);
static const struct guid ppi =
    GUID_INIT(0x9d1947eb, 0x09bb, 0x4780, 0xa3, 0xcd, 0xbe, 0xa9, 0x56, 0xe0, 0xe0, 0x56);

#define GLOBAL (&EFI_GLOBAL_VARIABLE)
#define DATABASE (&EFI_IMAGE_SECURITY_DATABASE)
#define CONTROL &mor, "MemoryOverwriteRequestControl"
#define LOCK &mor_lock, "MemoryOverwriteRequestControlLock"
#define FLAGS &ppi, "Tcg2PhysicalPresenceFlags"
#define FLAGS_LOCK &ppi, "Tcg2PhysicalPresenceFlagsLock"
#define PPI_BUFFER &ppi, "PPIBuffer"

static const struct row rows[] = {
    /* The request. */
    ROW("request: another version is DEVICE_ERROR", COMMAND(0, 0, EFI_DEVICE_ERROR),
        COMMAND(2, 0, EFI_DEVICE_ERROR)),
    ROW("request: an unknown command is UNSUPPORTED", COMMAND(1, 5, EFI_UNSUPPORTED),
        COMMAND(1, UINT32_MAX, EFI_UNSUPPORTED)),

    /* SetVariable, in the order of its checks. */
    ROW("set 1: an empty name is INVALID_PARAMETER", SET("", NBR, "x", INVALID)),
    ROW("set 1: data of 57344 bytes is taken", SET_SIZE("A", NBR, 57344, OK)),
    ROW("set 1: data over 57344 bytes is OUT_OF_RESOURCES", SET_SIZE("A", NBR, 57345, FULL),
        GET_NONE("A")),
    ROW("set 2: HARDWARE_ERROR_RECORD is INVALID_PARAMETER", SET("A", NBR | HW, "x", INVALID),
        SET("A", HW, "", INVALID)),
    ROW("set 2: AUTHENTICATED_WRITE_ACCESS is UNSUPPORTED in any combination",
        SET("A", NBR | AUTH, "x", EFI_UNSUPPORTED), SET("A", AUTH | TIME, "x", EFI_UNSUPPORTED),
        SET("A", AUTH | ENH, "x", EFI_UNSUPPORTED), SET("A", AUTH, "", EFI_UNSUPPORTED)),
    ROW("set 2: TIME_BASED with ENHANCED is INVALID_PARAMETER",
        SET("A", NBR | TIME | ENH, "x", INVALID)),
    ROW("set 2: ENHANCED alone is UNSUPPORTED", SET("A", NBR | ENH, "x", EFI_UNSUPPORTED)),
    ROW("set 2: a bit above 0x80 is INVALID_PARAMETER", SET("A", NBR | 0x100, "x", INVALID),
        SET("A", NBR | 0x80000000, "x", INVALID)),
    ROW("set 2: RUNTIME without BOOTSERVICE is INVALID_PARAMETER", SET("A", R, "x", INVALID),
        SET("A", V | R, "x", INVALID), SET("A", V | R | ADD, "x", INVALID)),
    ROW("set 2: every sane combination is taken", SET("A", B, "x", OK), SET("B", B | R, "x", OK),
        SET("C", V | B, "x", OK), SET("D", NBR, "x", OK)),
    ROW("set 4: at run time what has no RUNTIME can't be changed", SET("A", V | B, "x", OK),
        SET_RT("A", V | B, "y", INVALID), SET_RT("A", NBR, "y", INVALID),
        SET_RT("A", 0, "", INVALID), GET("A", "x")),
    ROW("set 4: at run time a volatile variable is WRITE_PROTECTED", SET("A", B | R, "x", OK),
        SET_RT("A", B | R, "y", PROTECTED), SET_RT("A", 0, "", PROTECTED), GET("A", "x")),
    ROW("set 4: at run time a new variable has to be NV and RT", SET_RT("A", B | R, "x", INVALID),
        SET_RT("B", V | B, "x", INVALID), SET_RT("C", NBR, "x", OK), GET("C", "x")),
    ROW("set 4: at run time NV and RT is changed and deleted", SET("A", NBR, "x", OK),
        SET_RT("A", NBR, "y", OK), GET("A", "y"), SET_RT("A", NBR, "", OK), GET_NONE("A")),
    ROW("set 4: at run time deleting what isn't there is NOT_FOUND", SET_RT("A", 0, "", MISSING),
        SET_RT("A", NBR, "", MISSING)),
    ROW("set 5: mode variables are WRITE_PROTECTED against writes",
        SET_OF(GLOBAL, "SecureBoot", B | R, "\1", PROTECTED),
        SET_OF(GLOBAL, "SetupMode", B | R, "\1", PROTECTED),
        SET_OF(GLOBAL, "AuditMode", B | R, "\1", PROTECTED),
        SET_OF(GLOBAL, "DeployedMode", B | R, "\1", PROTECTED),
        SET_OF(GLOBAL, "SignatureSupport", B | R, "x", PROTECTED),
        SET_OF(GLOBAL, "SecureBoot", NBR, "\1", PROTECTED)),
    ROW("set 5: mode variables are WRITE_PROTECTED against deletion",
        SET_OF(GLOBAL, "SecureBoot", B | R, "", PROTECTED),
        SET_OF(GLOBAL, "SecureBoot", 0, "", PROTECTED),
        SET_OF(GLOBAL, "SetupMode", 0, "x", PROTECTED),
        SET_OF(GLOBAL, "DeployedMode", B | R | ADD, "", PROTECTED),
        GET_OF(GLOBAL, "SetupMode", "\1", 1)),
    ROW("set 5: their names under another GUID are ordinary", SET("SecureBoot", NBR, "x", OK),
        GET("SecureBoot", "x"), SET("SecureBoot", NBR, "", OK)),
    ROW("set 6: the lock takes the single byte 1 only",
        SET_BYTES(FLAGS_LOCK, NBR, "\0", 1, INVALID), SET_BYTES(FLAGS_LOCK, NBR, "\2", 1, INVALID),
        SET_BYTES(FLAGS_LOCK, NBR, "\1\1", 2, INVALID),
        SET_BYTES(FLAGS_LOCK, NBR | ADD, "\1", 1, INVALID),
        SET_BYTES(FLAGS_LOCK, V | B, "\1", 1, INVALID), SET_OF(FLAGS_LOCK, NBR, "", PROTECTED),
        SET_OF(FLAGS_LOCK, 0, "", PROTECTED), GET_OF(FLAGS_LOCK, "\0", 1),
        SET_BYTES(FLAGS_LOCK, NBR, "\1", 1, OK), GET_OF(FLAGS_LOCK, "\1", 1)),
    ROW("set 6: the flags are free while the lock is open", SET_OF(FLAGS, NBR, "x", OK),
        SET_OF(FLAGS, NBR, "y", OK), SET_OF(FLAGS, NBR, "", OK)),
    ROW("set 6: locked flags are WRITE_PROTECTED", SET_OF(FLAGS, NBR, "x", OK),
        SET_BYTES(FLAGS_LOCK, NBR, "\1", 1, OK), SET_OF(FLAGS, NBR, "y", PROTECTED),
        SET_OF(FLAGS, NBR, "", PROTECTED), SET_OF(FLAGS, 0, "", PROTECTED),
        SET_OF(FLAGS, NBR | ADD, "y", PROTECTED), GET_OF(FLAGS, "x", 1),
        SET_BYTES(FLAGS_LOCK, NBR, "\0", 1, INVALID)),
    ROW("set 6: locked flags can't be created", SET_BYTES(FLAGS_LOCK, NBR, "\1", 1, OK),
        SET_OF(FLAGS, NBR, "x", PROTECTED), GET_NONE_OF(FLAGS)),
    ROW("set 7: keys take their own attributes only", SET_OF(GLOBAL, "PK", NBR, "x", INVALID),
        SET_OF(GLOBAL, "KEK", B, "x", INVALID), SET_OF(DATABASE, "db", NBR, "x", INVALID),
        SET_OF(DATABASE, "dbx", B | R | TIME, "x", INVALID),
        SET_OF(DATABASE, "dbt", V | B | TIME, "x", INVALID), SET_OF(GLOBAL, "PK", 0, "", INVALID),
        SET_OF(DATABASE, "db", TIME, "", INVALID)),
    ROW("set 7: the names of keys under another GUID are ordinary",
        SET_OF(&script_vendor, "PK", NBR, "x", OK), SET_OF(DATABASE, "PK", NBR, "x", OK),
        SET_OF(GLOBAL, "db", NBR, "x", OK)),
    ROW("set 8: attributes of a variable don't change", SET("A", NBR, "x", OK),
        SET("A", V | B, "y", INVALID), SET("A", B | R, "y", INVALID), SET("A", B, "", INVALID),
        SET("A", NBR | TIME, "y", INVALID), GET("A", "x"), ATTRIBUTES("A", NBR)),
    ROW("set 8: APPEND doesn't count as an attribute", SET("A", NBR, "x", OK),
        SET("A", NBR | ADD, "y", OK), GET("A", "xy"), ATTRIBUTES("A", NBR)),
    ROW("set 8: attributes without access delete an ordinary variable", SET("A", NBR, "x", OK),
        SET("A", 0, "y", OK), GET_NONE("A"), SET("B", B, "x", OK), SET("B", V, "", OK),
        GET_NONE("B"), SET("C", NBR, "x", OK), SET("C", ADD, "y", OK), GET_NONE("C")),
    ROW("set 9: an authenticated write without a descriptor is SECURITY_VIOLATION",
        SET("A", NBR | TIME, "x", EFI_SECURITY_VIOLATION),
        SET("A", NBR | TIME, "", EFI_SECURITY_VIOLATION), GET_NONE("A"),
        SET_OF(GLOBAL, "PK", NBR | TIME, "", EFI_SECURITY_VIOLATION)),
    ROW("set 10: a deletion is SUCCESS where the variable was", SET("A", NBR, "x", OK),
        SET("A", NBR, "", OK), GET_NONE("A")),
    ROW("set 10: a deletion is NOT_FOUND where it wasn't", SET("A", NBR, "", MISSING),
        SET("A", 0, "", MISSING), SET("A", 0, "x", MISSING), SET("A", TIME, "x", MISSING),
        SAVES(0)),
    ROW("set 10: an append of nothing changes nothing", SET("A", NBR, "x", OK),
        SET("A", NBR | ADD, "", OK), GET("A", "x"), SAVES(1)),
    ROW("set 10: an append of nothing to nothing is NOT_FOUND", SET("A", NBR | ADD, "", MISSING),
        GET_NONE("A")),
    ROW("set 10: an append to nothing creates", SET("A", NBR | ADD, "x", OK), GET("A", "x"),
        ATTRIBUTES("A", NBR)),
    ROW("set 11: an append counts with what is there", SET_SIZE("A", NBR, 57000, OK),
        SET_SIZE("A", NBR | ADD, 344, OK), SET_SIZE("A", NBR | ADD, 1, FULL),
        GET_CAP("A", 0, 57344, EFI_BUFFER_TOO_SMALL)),
    ROW("set 11: all variables together have 131072 bytes", SET_SIZE("A", NBR, 57344, OK),
        SET_SIZE("B", NBR, 57344, OK), SET_SIZE("C", NBR, 57344, FULL), GET_NONE("C"),
        SET_SIZE("C", NBR, 14000, OK)),
    ROW("set 11: a change that makes a full store smaller succeeds", SET_SIZE("A", NBR, 57344, OK),
        SET_SIZE("B", NBR, 57344, OK), SET_SIZE("B", NBR, 57343, OK), SET("A", NBR, "", OK),
        SET_SIZE("C", NBR, 57344, OK)),
    ROW("set 12: a change of a non-volatile variable is saved", SET("A", NBR, "x", OK), SAVES(1),
        SET("A", NBR, "y", OK), SAVES(2), SET("A", NBR, "", OK), SAVES(3)),
    ROW("set 12: a change of a volatile variable is not", SET("A", B | R, "x", OK),
        SET("A", B | R, "", OK), SAVES(0)),
    ROW("set 12: a write that changes nothing is not", SET("A", NBR, "x", OK),
        SET("A", NBR, "x", OK), SAVES(1)),
    ROW("set 12: where it can't be saved everything is as before", SET("A", NBR, "x", OK),
        FAIL_SAVES(1), SET("A", NBR, "y", EFI_DEVICE_ERROR), SET("A", NBR, "", EFI_DEVICE_ERROR),
        SET("B", NBR, "z", EFI_DEVICE_ERROR), SET("C", B, "z", OK), GET("A", "x"), GET_NONE("B"),
        GET("C", "z"), SAVES(1)),
    ROW("set 12: after a failed save the next write is saved even if it changes nothing",
        SET("A", NBR, "x", OK), FAIL_SAVES(1), SET("A", NBR, "y", EFI_DEVICE_ERROR), FAIL_SAVES(0),
        SET("A", NBR, "x", OK), SAVES(2), SET("A", NBR, "x", OK), SAVES(2)),

    /* GetVariable. */
    ROW("get: gives data and attributes", SET("A", V | B, "hello", OK), GET("A", "hello"),
        ATTRIBUTES("A", V | B)),
    ROW("get: an empty name is NOT_FOUND", GET_NONE("")),
    ROW("get: what isn't there is NOT_FOUND", GET_NONE("A"), SET("A", NBR, "x", OK),
        GET_NONE_OF(GLOBAL, "A"), GET_NONE("a"), GET_NONE("AA")),
    ROW("get: at run time only what has RUNTIME is there", SET("A", V | B, "x", OK),
        GET_RT("A", NULL, MISSING), SET("B", B | R, "y", OK), GET_RT("B", "y", OK)),
    ROW("get: too little room is BUFFER_TOO_SMALL with the size", SET("A", NBR, "hello", OK),
        GET_CAP("A", 0, 5, EFI_BUFFER_TOO_SMALL), GET_CAP("A", 4, 5, EFI_BUFFER_TOO_SMALL),
        GET_CAP("A", 5, 5, OK), GET_CAP("A", 6, 5, OK)),
    ROW("get: the largest variable fits the reply", SET_SIZE("A", NBR, 57344, OK),
        GET_CAP("A", 65536, 57344, OK)),

    /* GetNextVariableName. The vendor's GUID sorts behind those of the variables made at start. */
    ROW("next: a name that isn't there is INVALID_PARAMETER", NEXT("A", 100, NULL, INVALID),
        SET("B", NBR, "x", OK), NEXT("A", 100, NULL, INVALID)),
    ROW("next: gives the name behind", SET("A", NBR, "x", OK), SET("B", NBR, "x", OK),
        NEXT("A", 100, "B", OK)),
    ROW("next: too little room is BUFFER_TOO_SMALL with the size", SET("A", NBR, "x", OK),
        SET("BCD", NBR, "x", OK), NEXT("A", 7, NULL, EFI_BUFFER_TOO_SMALL),
        NEXT("A", 8, "BCD", OK)),
    ROW("next: at run time what has no RUNTIME is passed over", SET("A", NBR, "x", OK),
        SET("B", V | B, "x", OK), SET("C", NBR, "x", OK), NEXT_RT("A", 100, "C", OK),
        NEXT("A", 100, "B", OK)),
    ROW("next: at run time what has no RUNTIME is no place to go on from", SET("A", V | B, "x", OK),
        SET("B", NBR, "x", OK), NEXT_RT("A", 100, NULL, INVALID)),

    /* QueryVariableInfo. */
    ROW("query: HARDWARE_ERROR_RECORD is UNSUPPORTED", QUERY(NBR | HW, EFI_UNSUPPORTED),
        QUERY(HW, EFI_UNSUPPORTED)),
    ROW("query: RUNTIME without BOOTSERVICE is INVALID_PARAMETER", QUERY(R, INVALID),
        QUERY(V | R, INVALID)),
    ROW("query: no attributes are INVALID_PARAMETER", QUERY(0, INVALID)),
    ROW("query: tells what is free", QUERY(NBR, OK), SET_SIZE("A", NBR, 1000, OK), QUERY(NBR, OK),
        SET("B", B, "x", OK), QUERY(B, OK)),

    /* NotifySecureBootFailure. */
    ROW("notify: once in a start", NOTIFY(OK), NOTIFICATIONS(1), NOTIFY(EFI_ACCESS_DENIED),
        NOTIFY(EFI_ACCESS_DENIED), NOTIFICATIONS(1)),
    ROW("notify: a failure is DEVICE_ERROR, and is not tried again", FAIL_NOTIFY(1),
        NOTIFY(EFI_DEVICE_ERROR), FAIL_NOTIFY(0), NOTIFY(EFI_ACCESS_DENIED), NOTIFICATIONS(1)),

    /* The mode variables. */
    ROW("modes: setup mode without a PK", GET_OF(GLOBAL, "SetupMode", "\1", 1),
        GET_OF(GLOBAL, "SecureBoot", "\0", 1), GET_OF(GLOBAL, "DeployedMode", "\0", 1),
        GET_OF(GLOBAL, "AuditMode", "\0", 1)),
    ROW("modes: are volatile, BS and RT", ATTRIBUTES_OF(GLOBAL, "SetupMode", B | R),
        ATTRIBUTES_OF(GLOBAL, "SignatureSupport", B | R)),

    /* MOR. */
    ROW("mor: both are a zero byte at start", GET_OF(CONTROL, "\0", 1), GET_OF(LOCK, "\0", 1),
        ATTRIBUTES_OF(CONTROL, NBR), ATTRIBUTES_OF(LOCK, NBR)),
    ROW("mor control: takes 0x00, 0x01, 0x10, 0x11, unsaved",
        SET_BYTES(CONTROL, NBR, "\x11", 1, OK), GET_OF(CONTROL, "\x11", 1),
        SET_BYTES(CONTROL, NBR, "\x01", 1, OK), SET_BYTES(CONTROL, NBR, "\x10", 1, OK),
        SET_BYTES(CONTROL, NBR, "\0", 1, OK), SAVES(0)),
    ROW("mor control: anything else is INVALID_PARAMETER",
        SET_BYTES(CONTROL, NBR, "\x02", 1, INVALID), SET_BYTES(CONTROL, NBR, "\x81", 1, INVALID),
        SET_BYTES(CONTROL, NBR, "\0\0", 2, INVALID), SET_OF(CONTROL, NBR, "", INVALID),
        SET_BYTES(CONTROL, V | B, "\1", 1, INVALID), SET_OF(CONTROL, 0, "", INVALID),
        SET_BYTES(CONTROL, NBR | ADD, "\1", 1, INVALID), GET_OF(CONTROL, "\0", 1)),
    ROW("mor control: locked it is WRITE_PROTECTED", SET_BYTES(LOCK, NBR, "\1", 1, OK),
        SET_BYTES(CONTROL, NBR, "\1", 1, PROTECTED), SET_BYTES(CONTROL, NBR, "\2", 1, INVALID),
        GET_OF(CONTROL, "\0", 1)),
    ROW("mor lock: attributes 0 or no data are WRITE_PROTECTED",
        SET_BYTES(LOCK, 0, "\1", 1, PROTECTED), SET_OF(LOCK, NBR, "", PROTECTED),
        SET_OF(LOCK, V | B, "", PROTECTED)),
    ROW("mor lock: other attributes, appends and lengths are INVALID_PARAMETER",
        SET_BYTES(LOCK, V | B, "\1", 1, INVALID), SET_BYTES(LOCK, NBR | ADD, "\1", 1, INVALID),
        SET_BYTES(LOCK, NBR, "\1\1", 2, INVALID), SET_BYTES(LOCK, NBR, "123456789", 9, INVALID),
        GET_OF(LOCK, "\0", 1)),
    ROW("mor lock: 0 is SUCCESS when unlocked, another value INVALID_PARAMETER",
        SET_BYTES(LOCK, NBR, "\0", 1, OK), SET_BYTES(LOCK, NBR, "\2", 1, INVALID),
        GET_OF(LOCK, "\0", 1)),
    ROW("mor lock: 1 locks without a key, for good", SET_BYTES(LOCK, NBR, "\1", 1, OK),
        GET_OF(LOCK, "\1", 1), SET_BYTES(LOCK, NBR, "\0", 1, EFI_ACCESS_DENIED),
        SET_BYTES(LOCK, NBR, "\1", 1, EFI_ACCESS_DENIED),
        SET_BYTES(LOCK, NBR, "\7", 1, EFI_ACCESS_DENIED),
        SET_BYTES(LOCK, NBR, "12345678", 8, EFI_ACCESS_DENIED), SAVES(0)),
    ROW("mor lock: a key locks, and never shows", SET_BYTES(LOCK, NBR, "12345678", 8, OK),
        GET_OF(LOCK, "\2", 1), SET_BYTES(LOCK, NBR, "\1", 1, EFI_ACCESS_DENIED),
        SET_BYTES(CONTROL, NBR, "\1", 1, PROTECTED)),
    ROW("mor lock: the right key unlocks", SET_BYTES(LOCK, NBR, "12345678", 8, OK),
        SET_BYTES(LOCK, NBR, "12345678", 8, OK), GET_OF(LOCK, "\0", 1),
        SET_BYTES(CONTROL, NBR, "\1", 1, OK)),
    ROW("mor lock: a wrong key locks for good", SET_BYTES(LOCK, NBR, "12345678", 8, OK),
        SET_BYTES(LOCK, NBR, "12345679", 8, EFI_ACCESS_DENIED), GET_OF(LOCK, "\1", 1),
        SET_BYTES(LOCK, NBR, "12345678", 8, EFI_ACCESS_DENIED)),

    /* The physical presence ports. */
    ROW("ppi: the volatile area keeps what is written, unsaved", PPI_READ(0, 1, 0),
        PPI_WRITE(0, 4, 0x44332211), PPI_READ(0, 4, 0x44332211), PPI_READ(1, 2, 0x3322),
        PPI_READ(3, 1, 0x44), PPI_WRITE(0xff, 1, 0x99), PPI_READ(0xff, 1, 0x99), SAVES(0)),
    ROW("ppi: the buffer is a variable, saved at each change",
        GET_OF(
            PPI_BUFFER,
            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
            "\0\0\0\0\0\0",
            48),
        PPI_WRITE(0x100, 2, 0x2211), SAVES(1), PPI_WRITE(0x100, 1, 0x11), SAVES(1),
        PPI_WRITE(0x12f, 1, 0x77), SAVES(2), PPI_READ(0x100, 4, 0x2211), PPI_READ(0x12f, 1, 0x77)),
    ROW("ppi: an access across an area's end reads 0 and writes nothing",
        PPI_WRITE(0xfc, 4, UINT32_MAX), PPI_WRITE(0xfd, 4, 0), PPI_READ(0xfd, 4, 0),
        PPI_READ(0xfc, 4, UINT32_MAX), PPI_WRITE(0x12d, 4, UINT32_MAX), PPI_READ(0x12d, 4, 0),
        PPI_READ(0x12c, 4, 0), PPI_WRITE(0x130, 1, 1), PPI_READ(0x130, 1, 0),
        PPI_READ(UINT32_MAX, 4, 0), PPI_WRITE(UINT32_MAX, 4, 1), SAVES(0)),
    ROW("ppi: the port stays within what the guest made of the buffer",
        SET_OF(PPI_BUFFER, NBR, "", OK), PPI_WRITE(0x100, 1, 1), PPI_READ(0x100, 1, 0),
        GET_NONE_OF(PPI_BUFFER), SET_OF(PPI_BUFFER, NBR, "abc", OK), PPI_READ(0x100, 2, 0x6261),
        PPI_READ(0x100, 4, 0), PPI_WRITE(0x102, 1, 'x'), GET_OF(PPI_BUFFER, "abx", 3)),
    ROW("ppi: the port leaves a buffer with other attributes alone",
        SET_OF(PPI_BUFFER, NBR, "", OK), SET_OF(PPI_BUFFER, B | R, "abcd", OK),
        PPI_READ(0x100, 4, 0), PPI_WRITE(0x100, 4, 0), GET_OF(PPI_BUFFER, "abcd", 4)),
    ROW("ppi: a write that can't be saved is undone", PPI_WRITE(0x100, 1, 1), FAIL_SAVES(1),
        PPI_WRITE(0x100, 1, 2), PPI_READ(0x100, 1, 1)),
};

static void run_row(void **state)
{
    static const struct service_config config = {.secure_boot = true, .enforce = true};
    const struct row *row = *state;
    struct vm *vm = vm_open(&config, NULL);

    script_run(vm, row);
    vm_close(vm);
}

int main(void)
{
    enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };
    static struct CMUnitTest tests[ROW_COUNT];

    log_set_level(LOG_LEVEL_ERROR);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        tests[i] = (struct CMUnitTest){.name = rows[i].rule,
                                       .test_func = run_row,
                                       .initial_state = (void *)(uintptr_t)&rows[i]};
    }
    printf("%d rules of the protocol and the variable services\n", (int)ROW_COUNT);
    return cmocka_run_group_tests_name("semantics", tests, NULL, NULL);
}
