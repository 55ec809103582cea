/* The message checker against bytes made by hand and by chance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "entry.pb-c.h"
#include "envelope.pb-c.h"
#include "people.pb-c.h"
#include "proto/wire/message.h"
#include "tests/support/hex.h"
#include "tests/support/random.h"

/* A message of every kind of field, which the schemas do not have: numbers with gaps, packed fields, and itself. */
struct every {
    ProtobufCMessage base;
    protobuf_c_boolean has_i32, has_s32, has_u32, has_flag, has_level, has_fixed, has_u64;
    int32_t i32, s32;
    uint32_t u32;
    protobuf_c_boolean flag;
    int level;
    size_t n_numbers, n_wides;
    uint32_t *numbers;
    uint64_t *wides;
    struct every *again;
    char *name;
    uint32_t fixed;
    uint64_t u64;
};
static const ProtobufCMessageDescriptor every_type;
#define FIELD(id, name, label, type, quantifier, descriptor)                                                 \
    {                                                                                                        \
#name, id, PROTOBUF_C_LABEL_##label, PROTOBUF_C_TYPE_##type, quantifier,                             \
            offsetof(struct every, name), descriptor, NULL, 0, 0, NULL, NULL                                 \
    }
#define HAS(name) offsetof(struct every, has_##name)
static const ProtobufCFieldDescriptor every_fields[] = {
    FIELD(1, i32, OPTIONAL, INT32, HAS(i32), NULL),
    FIELD(2, s32, OPTIONAL, SINT32, HAS(s32), NULL),
    FIELD(3, u32, OPTIONAL, UINT32, HAS(u32), NULL),
    FIELD(4, flag, OPTIONAL, BOOL, HAS(flag), NULL),
    FIELD(5, level, OPTIONAL, ENUM, HAS(level), &daftari__v1__level__descriptor),
    FIELD(6, numbers, REPEATED, UINT32, offsetof(struct every, n_numbers), NULL),
    FIELD(7, wides, REPEATED, FIXED64, offsetof(struct every, n_wides), NULL),
    FIELD(8, again, OPTIONAL, MESSAGE, 0, &every_type),
    FIELD(20, name, OPTIONAL, STRING, 0, NULL),
    FIELD(21, fixed, OPTIONAL, FIXED32, HAS(fixed), NULL),
    FIELD(300, u64, OPTIONAL, UINT64, HAS(u64), NULL),
};
static const unsigned every_by_name[] = {7, 3, 9, 0, 4, 8, 5, 1, 2, 10, 6};
static const ProtobufCIntRange every_ranges[] = {{1, 0}, {20, 8}, {300, 10}, {0, 11}};
static const ProtobufCMessageDescriptor every_type = {PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
                                                      "Every",
                                                      "Every",
                                                      "Every",
                                                      "",
                                                      sizeof(struct every),
                                                      11,
                                                      every_fields,
                                                      every_by_name,
                                                      3,
                                                      every_ranges,
                                                      NULL,
                                                      NULL,
                                                      NULL,
                                                      NULL};

#define POST_ENTRY (&daftari__v1__post_entry__descriptor)

struct outcome {
    enum status strict, lenient;
    struct fault why; /* of the strict check */
};

/* Checks bytes written in hexadecimal from an exact copy on the heap, so that the sanitizer sees a read past the end. */
static struct outcome check(const ProtobufCMessageDescriptor *type, const char *hex)
{
    static uint8_t buffer[4096];
    size_t len = hex_bytes(hex, buffer, sizeof buffer);
    uint8_t *copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, buffer, len);
    struct outcome outcome = {.lenient = message_check(type, slice_of(copy, len), false, NULL)};
    outcome.strict = message_check(type, slice_of(copy, len), true, &outcome.why);
    assert_int_equal(outcome.strict, outcome.why.status);
    free(copy);
    return outcome;
}

struct wrong_case {
    const char *hex, *field, *text; /* text: the sentence, or a part of it */
    enum status lenient;
};

static void check_wrong(const ProtobufCMessageDescriptor *type, const struct wrong_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct outcome outcome = check(type, cases[i].hex);
        if (outcome.strict != STATUS_INVALID || outcome.lenient != cases[i].lenient)
            fail_msg("%s: %d %d", cases[i].hex, outcome.strict, outcome.lenient);
        assert_string_equal(outcome.why.field, cases[i].field);
        if (strstr(outcome.why.text, cases[i].text) == NULL)
            fail_msg("%s: \"%s\" is not in \"%s\"", cases[i].hex, cases[i].text, outcome.why.text);
    }
}

static void good_messages_pass(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "0801",                   /* 1 */
        "08ffffffffffffffffff01", /* -1 as int32, in ten bytes */
        "0880808080f8ffffffff01", /* INT32_MIN */
        "08ffffffff07",           /* INT32_MAX */
        "10ffffffff0f",           /* sint32, zigzag of INT32_MIN */
        "18ffffffff0f",           /* UINT32_MAX */
        "2000",
        "2001",           /* bool */
        "2802",           /* enum */
        "3001 3002 3003", /* repeated, one by one */
        "3203 010203",
        "3200",
        "3201 01 3001", /* packed, empty, and mixed */
        "3205 ffffffff0f",
        "3a08 0102030405060708",
        "390102030405060708",
        "4200",
        "42024200",
        "42080801 2001 42022802",
        "a20103616263",
        "a20100",
        "a20103e282ac",
        "ad0101020304",
        "e012ffffffffffffffffff01", /* UINT64_MAX */
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct outcome outcome = check(&every_type, good[i]);
        if (outcome.strict != STATUS_OK || outcome.lenient != STATUS_OK)
            fail_msg("%s: %s: %s", good[i], outcome.why.field, outcome.why.text);
    }
    assert_int_equal(message_check(POST_ENTRY, slice_of(NULL, 0), true, NULL), STATUS_OK);
}

static void varints(void **state)
{
    (void)state;
    static const struct wrong_case cases[] = {
        {"08", "i32", "ends within", STATUS_INVALID},
        {"0880", "i32", "ends within", STATUS_INVALID},
        {"08ffffffffffffffffff", "i32", "ends within", STATUS_INVALID},
        {"08ffffffffffffffffffff01", "i32", "at most 64 bits", STATUS_INVALID},
        {"e012ffffffffffffffffff02", "u64", "at most 64 bits", STATUS_INVALID},
        {"08ffffffffffffffffff8000", "i32", "at most 64 bits", STATUS_INVALID},
        {"e0128000", "u64", "shortest form", STATUS_INVALID},
        {"e012818000", "u64", "shortest form", STATUS_INVALID},
        {"888000 01", "", "shortest form", STATUS_INVALID}, /* the field's number */
        {"a201808080808000", "name", "shortest form", STATUS_INVALID},
        {"80", "", "ends within", STATUS_INVALID},
        {"ffffffffffffffffffff01", "", "at most 64 bits", STATUS_INVALID},
        {"32028000", "numbers[0]", "shortest form", STATUS_INVALID},
        {"3201 80", "numbers[0]", "ends within", STATUS_INVALID},
        {"3001 3202 0180", "numbers[1]", "ends within", STATUS_INVALID},
    };
    check_wrong(&every_type, cases, sizeof cases / sizeof *cases);
}

static void values_out_of_range(void **state)
{
    (void)state;
    static const struct wrong_case cases[] = {
        {"088080808008", "i32", "32 bits", STATUS_INVALID},           /* INT32_MAX + 1 */
        {"08ffffffff0f", "i32", "32 bits", STATUS_INVALID},           /* -1 in five bytes */
        {"08fffffffff7ffffffff01", "i32", "32 bits", STATUS_INVALID}, /* INT32_MIN - 1 */
        {"108080808010", "s32", "32 bits", STATUS_INVALID},
        {"188080808010", "u32", "32 bits", STATUS_INVALID},
        {"18ffffffffffffffffff01", "u32", "32 bits", STATUS_INVALID},
        {"2002", "flag", "0 or 1", STATUS_INVALID},
        {"20ffffffffffffffffff01", "flag", "0 or 1", STATUS_INVALID},
        {"2804", "level", "known value of Level, got 4", STATUS_OK}, /* perhaps of a newer version */
        {"28ffffffffffffffffff01", "level", "known value of Level, got -1", STATUS_OK},
        {"288080808010", "level", "within 32 bits", STATUS_INVALID}, /* would be cut to 0 */
        {"28818080808001", "level", "within 32 bits", STATUS_INVALID},
        {"3206 018080808010", "numbers[0]", "32 bits", STATUS_INVALID},
        {"3a07 01020304050607", "wides[0]", "8 bytes each", STATUS_INVALID},
        {"3a09 010203040506070809", "wides[0]", "8 bytes each", STATUS_INVALID},
    };
    check_wrong(&every_type, cases, sizeof cases / sizeof *cases);
}

static void wire_types_and_lengths(void **state)
{
    (void)state;
    static const struct wrong_case cases[] = {
        {"0a0101", "i32", "wire type 0, got 2", STATUS_INVALID},
        {"0d01020304", "i32", "wire type 0, got 5", STATUS_INVALID},
        {"0b0c", "i32", "wire type 0, got 3", STATUS_INVALID}, /* groups */
        {"0e", "i32", "wire type 0, got 6", STATUS_INVALID},
        {"0f", "i32", "wire type 0, got 7", STATUS_INVALID},
        {"4001", "again", "wire type 2, got 0", STATUS_INVALID},
        {"a00101", "name", "wire type 2, got 0", STATUS_INVALID},
        {"a80101", "fixed", "wire type 5, got 0", STATUS_INVALID},
        {"350102030405", "numbers[0]", "wire type 0, got 5", STATUS_INVALID},
        {"3801", "wides[0]", "wire type 1, got 0", STATUS_INVALID},
        {"ad01010203", "fixed", "4 bytes", STATUS_INVALID},
        {"3901020304050607", "wides[0]", "8 bytes", STATUS_INVALID},
        {"a20104616263", "name", "4 bytes are said, 3 are there", STATUS_INVALID},
        {"a201ffffffffffffffffff01", "name", "0 are there", STATUS_INVALID},
        {"a201ffffffff0f61", "name", "1 are there", STATUS_INVALID},
        {"4203 420201", "again.again", "2 bytes are said, 1 are there", STATUS_INVALID},
        {"4202 0880 01", "again.i32", "ends within", STATUS_INVALID}, /* the bytes after it are not its own */
        {"0001", "", "field number from 1", STATUS_INVALID},
        {"8080808010 01", "", "field number from 1", STATUS_INVALID}, /* 2^29 */
    };
    check_wrong(&every_type, cases, sizeof cases / sizeof *cases);
}

static void unknown_fields_and_repeats(void **state)
{
    (void)state;
    static const struct wrong_case cases[] = {
        {"4801", "", "has no field 9", STATUS_OK},
        {"4a0101", "", "has no field 9", STATUS_OK},
        {"4d01020304", "", "has no field 9", STATUS_OK},
        {"490102030405060708", "", "has no field 9", STATUS_OK},
        {"42024801", "again", "a field of Every; it has no field 9", STATUS_OK},
        {"f8ffffff0f01", "", "has no field 536870911", STATUS_OK},
        {"4b4c", "", "has no field 9", STATUS_INVALID}, /* a group is never skipped */
        {"4f", "", "has no field 9", STATUS_INVALID},
        {"4a02 01", "", "has no field 9", STATUS_INVALID},
        {"4d010203", "", "has no field 9", STATUS_INVALID},
        {"48ffffffffffffffffffff01", "", "has no field 9", STATUS_INVALID},
        {"0801 0802", "i32", "given once", STATUS_OK},
        {"4200 4200", "again", "given once", STATUS_OK},
    };
    check_wrong(&every_type, cases, sizeof cases / sizeof *cases);
    struct outcome fine = check(&every_type, "4204 0801 2001 0801 2001"); /* once in each message */
    assert_int_equal(fine.strict, STATUS_OK);
}

static void text_is_checked(void **state)
{
    (void)state;
    static const struct wrong_case cases[] = {
        {"a2010100", "name", "UTF-8 without control", STATUS_INVALID},
        {"a20103610062", "name", "UTF-8 without control", STATUS_INVALID},
        {"a20101ff", "name", "UTF-8 without control", STATUS_INVALID},
        {"a20102c080", "name", "UTF-8 without control", STATUS_INVALID},
        {"a20103eda080", "name", "UTF-8 without control", STATUS_INVALID},
        {"a20102e282 ac", "name", "UTF-8 without control", STATUS_INVALID},
        {"a201011b", "name", "UTF-8 without control", STATUS_INVALID},
    };
    check_wrong(&every_type, cases, sizeof cases / sizeof *cases);
    /* `bytes` fields hold anything. */
    assert_int_equal(check(&daftari__v1__command__descriptor, "0a03ff0000 1202c080").strict, STATUS_OK);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(check(&every_type, "420c 420a 4208 4206 4204 4202 4200").strict,
                     STATUS_OK); /* eight deep */
    struct outcome outcome = check(&every_type, "420e 420c 420a 4208 4206 4204 4202 4200");
    assert_int_equal(outcome.strict, STATUS_INVALID);
    assert_int_equal(outcome.lenient, STATUS_INVALID);
    assert_non_null(strstr(outcome.why.text, "at most 8 deep"));
    assert_string_equal(outcome.why.field, "again.again.again.again.again.again.again.again");

    /* A megabyte of nothing but openings. */
    size_t len = FRAME_PAYLOAD_MAX;
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i += 4)
        memcpy(bytes + i, "\x42\xff\xff\x3f", 4);
    assert_int_equal(message_check(&every_type, slice_of(bytes, len), false, NULL), STATUS_INVALID);
    free(bytes);
}

static void paths_name_the_element(void **state)
{
    (void)state;
    static const struct wrong_case cases[] = {
        {"0a03575452 3200 3a00 3202 08e8 07", "lines[1].account", "ends within", STATUS_INVALID},
        {"3200 3200 3200 3203 320101", "lines[3].description", "UTF-8", STATUS_INVALID},
        {"3205 3a03 0a01ff", "lines[0].tags[0].name", "UTF-8", STATUS_INVALID},
        {"3200 3209 3a00 3a00 3a03 1201ff", "lines[1].tags[2].value", "UTF-8", STATUS_INVALID},
        {"3204 08011000 3801", "tags[0]", "wire type 2, got 0", STATUS_INVALID},
        {"3a00 3a00 4001", "", "a field of PostEntry; it has no field 8", STATUS_OK},
    };
    check_wrong(POST_ENTRY, cases, sizeof cases / sizeof *cases);
}

/* An allocator that hands out at most `left` bytes in all and frees nothing before the end. */
struct capped {
    ProtobufCAllocator allocator;
    size_t left, used_blocks;
    void *blocks[64];
};
static void *capped_alloc(void *data, size_t size)
{
    struct capped *capped = data;
    if (size > capped->left || capped->used_blocks == 64)
        return NULL;
    capped->left -= size;
    return capped->blocks[capped->used_blocks++] = malloc(size);
}
static void capped_free(void *data, void *pointer)
{
    (void)data, (void)pointer;
}
static void capped_start(struct capped *capped, size_t bytes)
{
    *capped = (struct capped){.allocator = {capped_alloc, capped_free, capped}, .left = bytes};
}
static void capped_end(struct capped *capped)
{
    for (size_t i = 0; i < capped->used_blocks; i++)
        free(capped->blocks[i]);
}

static void unpacking_is_checked_and_capped(void **state)
{
    (void)state;
    uint8_t bytes[64];
    size_t len = hex_bytes("0a03575452 3206 08e807 10e807 3205 08a01f 1864", bytes, sizeof bytes);
    struct slice body = slice_of(bytes, len);
    ProtobufCMessage *message = NULL;
    struct capped capped;
    capped_start(&capped, 4096);
    assert_int_equal(message_unpack(POST_ENTRY, body, true, &capped.allocator, &message, NULL), STATUS_OK);
    const Daftari__V1__PostEntry *entry = (const Daftari__V1__PostEntry *)message;
    assert_string_equal(entry->business, "WTR");
    assert_int_equal(entry->n_lines, 2);
    assert_int_equal(entry->lines[0]->debit_minor, 1000);
    assert_int_equal(entry->lines[1]->credit_minor, 100);
    assert_false(entry->lines[1]->has_debit_minor);
    capped_end(&capped);

    for (size_t cap = 0; cap < 300; cap++) { /* never a crash, whichever allocation fails */
        struct fault why = {0};
        ProtobufCMessage *none = NULL;
        capped_start(&capped, cap);
        enum status status = message_unpack(POST_ENTRY, body, true, &capped.allocator, &none, &why);
        assert_true(status == STATUS_TOO_LARGE || (status == STATUS_OK && cap > 100));
        assert_int_equal(why.status, status);
        assert_true((none == NULL) == (status != STATUS_OK));
        capped_end(&capped);
    }
    capped_start(&capped, 4096);
    bytes[2] = 0xff;
    ProtobufCMessage *none = NULL;
    assert_int_equal(message_unpack(POST_ENTRY, body, true, &capped.allocator, &none, NULL), STATUS_INVALID);
    assert_null(none);
    assert_int_equal(capped.used_blocks, 0);
    capped_end(&capped);
}

/* What the checker takes, protobuf-c takes; and packed again it is taken again. */
static void check_agrees(const ProtobufCMessageDescriptor *type, struct slice bytes, unsigned *taken)
{
    if (message_check(type, bytes, true, NULL) != STATUS_OK) {
        struct fault why = {0};
        enum status status = message_check(type, bytes, false, &why);
        assert_int_equal(status, why.status);
        return;
    }
    ++*taken;
    assert_int_equal(message_check(type, bytes, false, NULL), STATUS_OK);
    ProtobufCMessage *message = protobuf_c_message_unpack(type, NULL, bytes.len, bytes.ptr);
    assert_non_null(message);
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *again = malloc(len + 1);
    assert_non_null(again);
    assert_int_equal(protobuf_c_message_pack(message, again), len);
    assert_int_equal(message_check(type, slice_of(again, len), true, NULL), STATUS_OK);
    free(again);
    protobuf_c_message_free_unpacked(message, NULL);
}

static void mutations(void **state)
{
    (void)state;
    static const struct {
        const ProtobufCMessageDescriptor *type;
        const char *hex;
    } seeds[] = {
        {POST_ENTRY, "0a035754521083d2d4091a0347454e22057761746572320c08e80710fad00722034c4452320c08a01f18fad"
                     "0072203575452"
                     "3a060a01611201623206 3a040a02c3a9"},
        {&daftari__v1__request__descriptor,
         "0801 120a456e7472792e506f7374 18e807 2005 2a06 0a0201ff 1200 2a00 3008"},
        {&daftari__v1__define_role__descriptor, "0a036f6e6512001a0408011002 1a00 2001 2800"},
        {&every_type,
         "08ffffffffffffffffff01 1003 1805 2001 2802 3001 3203010203 3a080102030405060708 4204 0801 2001"
         "a20103e282ac ad0101020304 e012ffffffffffffffffff01"},
    };
    struct random random = random_start();
    unsigned taken = 0;
    for (unsigned round = 0; round < 200000; round++) {
        size_t s = random_below(&random, sizeof seeds / sizeof *seeds);
        uint8_t bytes[256];
        size_t len = hex_bytes(seeds[s].hex, bytes, sizeof bytes);
        for (uint64_t changes = random_below(&random, 4); changes > 0; changes--) {
            size_t at = random_below(&random, len);
            switch (random_below(&random, 4)) {
            case 0:
                bytes[at] = (uint8_t)random_next(&random);
                break;
            case 1:
                bytes[at] ^= (uint8_t)(1u << random_below(&random, 8));
                break;
            case 2: /* leave a byte out */
                memmove(bytes + at, bytes + at + 1, len - at - 1);
                len = len > 1 ? len - 1 : 1;
                break;
            default: /* say a byte twice */
                if (len < sizeof bytes) {
                    memmove(bytes + at + 1, bytes + at, len - at);
                    len++;
                }
                break;
            }
        }
        check_agrees(seeds[s].type, slice_of(bytes, len), &taken);
    }
    assert_true(taken > 20000);
}

/* protobuf-c's unknown-field and memory behaviour is what is guarded against: a megabyte of empty messages is taken
 * by the check, in time in proportion to its length. */
static void a_megabyte_of_empty_messages(void **state)
{
    (void)state;
    size_t len = FRAME_PAYLOAD_MAX;
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i += 2)
        memcpy(bytes + i, "\x32\x00", 2);
    assert_int_equal(message_check(POST_ENTRY, slice_of(bytes, len), true, NULL), STATUS_OK);
    struct capped capped;
    capped_start(&capped, 4 * 1024 * 1024);
    ProtobufCMessage *message = NULL;
    assert_int_equal(
        message_unpack(POST_ENTRY, slice_of(bytes, len), true, &capped.allocator, &message, NULL),
        STATUS_TOO_LARGE);
    capped_end(&capped);
    bytes[len - 1] = 0x01;
    struct fault why;
    assert_int_equal(message_check(POST_ENTRY, slice_of(bytes, len), true, &why), STATUS_INVALID);
    assert_string_equal(why.field, "lines[524287]");
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_messages_pass),
        cmocka_unit_test(varints),
        cmocka_unit_test(values_out_of_range),
        cmocka_unit_test(wire_types_and_lengths),
        cmocka_unit_test(unknown_fields_and_repeats),
        cmocka_unit_test(text_is_checked),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(paths_name_the_element),
        cmocka_unit_test(unpacking_is_checked_and_capped),
        cmocka_unit_test(mutations),
        cmocka_unit_test(a_megabyte_of_empty_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
