/* The stored record: layout, form checks, sums. Frozen bytes are in tests/golden/t_journal.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/base/bytes.h"
#include "proto/base/limits.h"
#include "proto/base/money.h"
#include "proto/record/record.h"
#include "tests/support/random.h"

static uint8_t buffer[RECORD_BYTES_MAX];

static void random_header(struct random *random, struct record_header *h)
{
    memset(h, 0, sizeof *h);
    h->type = (uint16_t)random_next(random);
    h->type_version = (uint16_t)random_next(random);
    h->business = (uint16_t)random_next(random);
    h->position = random_next(random);
    h->time = (timestamp_us)random_next(random);
    random_fill(random, h->command_id.bytes, COMMAND_ID_BYTES);
    h->session = random_next(random);
    h->user = (uint32_t)random_next(random);
    h->business_date = (civil_date)random_next(random);
    h->series = (uint16_t)random_next(random);
    h->number = (uint32_t)random_next(random);
    h->cause = random_next(random);
    h->content = random_next(random);
    random_fill(random, h->previous.bytes, HASH_BYTES);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct random random = random_start();
    static struct posting postings[POSTINGS_MAX];
    static struct movement movements[MOVEMENTS_MAX];
    static uint8_t payload[2000];
    for (int round = 0; round < 300; round++) {
        struct record_header header;
        random_header(&random, &header);
        size_t posting_count = random_below(&random, round % 10 == 0 ? POSTINGS_MAX + 1 : 8);
        size_t movement_count = random_below(&random, round % 10 == 0 ? MOVEMENTS_MAX + 1 : 4);
        size_t payload_len = random_below(&random, sizeof payload);
        for (size_t i = 0; i < posting_count; i++)
            postings[i] = (struct posting){.account = (uint32_t)random_next(&random),
                                           .business = (uint16_t)random_next(&random),
                                           .currency = (uint16_t)random_next(&random),
                                           .party = (uint32_t)random_next(&random),
                                           .amount = (int64_t)random_next(&random)};
        for (size_t i = 0; i < movement_count; i++)
            movements[i] = (struct movement){.item = (uint32_t)random_next(&random),
                                             .business = (uint16_t)random_next(&random),
                                             .place = (uint16_t)random_next(&random),
                                             .condition = (uint16_t)random_next(&random),
                                             .quantity = (int64_t)random_next(&random),
                                             .value = (int64_t)random_next(&random)};
        random_fill(&random, payload, payload_len);
        size_t size = record_size(posting_count, movement_count, payload_len);
        assert_int_equal(size, 120 + 20 * posting_count + 28 * movement_count + payload_len);
        record_encode(&header, postings, posting_count, movements, movement_count,
                      slice_of(payload, payload_len), buffer);

        struct record record;
        assert_int_equal(record_decode(slice_of(buffer, size), &record, NULL), STATUS_OK);
        assert_memory_equal(&record.header.command_id, &header.command_id, COMMAND_ID_BYTES);
        assert_memory_equal(&record.header.previous, &header.previous, HASH_BYTES);
        assert_int_equal(record.header.type, header.type);
        assert_int_equal(record.header.type_version, header.type_version);
        assert_int_equal(record.header.business, header.business);
        assert_true(record.header.position == header.position && record.header.time == header.time);
        assert_true(record.header.session == header.session && record.header.user == header.user);
        assert_true(record.header.business_date == header.business_date &&
                    record.header.series == header.series);
        assert_true(record.header.number == header.number && record.header.cause == header.cause);
        assert_true(record.header.content == header.content);
        assert_int_equal(record.posting_count, posting_count);
        assert_int_equal(record.movement_count, movement_count);
        assert_true(slice_equal(record.payload, slice_of(payload, payload_len)));
        assert_true(slice_equal(record.bytes, slice_of(buffer, size)));
        for (size_t i = 0; i < posting_count; i++) {
            struct posting p = record_posting(&record, i);
            assert_true(p.account == postings[i].account && p.business == postings[i].business &&
                        p.currency == postings[i].currency && p.party == postings[i].party &&
                        p.amount == postings[i].amount);
        }
        for (size_t i = 0; i < movement_count; i++) {
            struct movement m = record_movement(&record, i);
            assert_true(m.item == movements[i].item && m.business == movements[i].business &&
                        m.place == movements[i].place && m.condition == movements[i].condition &&
                        m.quantity == movements[i].quantity && m.value == movements[i].value);
        }
    }
}

static void sizes_have_limits(void **state)
{
    (void)state;
    assert_int_equal(record_size(0, 0, 0), RECORD_HEADER_BYTES);
    assert_int_equal(record_size(0, 0, RECORD_BYTES_MAX - RECORD_HEADER_BYTES), RECORD_BYTES_MAX);
    assert_int_equal(record_size(0, 0, RECORD_BYTES_MAX - RECORD_HEADER_BYTES + 1), 0);
    assert_int_equal(record_size(POSTINGS_MAX + 1, 0, 0), 0);
    assert_int_equal(record_size(0, MOVEMENTS_MAX + 1, 0), 0);
    assert_int_equal(record_size(SIZE_MAX, SIZE_MAX, SIZE_MAX), 0);
    assert_int_equal(record_size(0, 0, SIZE_MAX), 0);
    size_t all = record_size(POSTINGS_MAX, MOVEMENTS_MAX, 0);
    assert_int_equal(all, 120 + 20 * 1024 + 28 * 512);
    assert_int_equal(record_size(POSTINGS_MAX, MOVEMENTS_MAX, RECORD_BYTES_MAX - all), RECORD_BYTES_MAX);
    assert_int_equal(record_size(POSTINGS_MAX, MOVEMENTS_MAX, RECORD_BYTES_MAX - all + 1), 0);
}

/* A small record with two postings, one movement and three bytes of payload. */
static size_t small_record(void)
{
    struct record_header header = {.type = 30, .type_version = 1, .position = 1, .time = 1};
    struct posting postings[] = {{.account = 1000, .currency = 1, .amount = 5},
                                 {.account = 4000, .currency = 1, .amount = -5}};
    struct movement movement = {.item = 7, .place = 1, .quantity = 1000, .value = 5};
    record_encode(&header, postings, 2, &movement, 1, slice_of("abc", 3), buffer);
    return record_size(2, 1, 3);
}

static void decode_as(size_t len, const char *field)
{
    struct record record = {.posting_count = 77};
    struct fault why = {0};
    /* An exact copy on the heap, so that the sanitizer sees a read past the end. */
    uint8_t *copy = malloc(len != 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, buffer, len);
    assert_int_equal(record_decode(slice_of(copy, len), &record, &why), STATUS_CORRUPT);
    assert_string_equal(why.field, field);
    assert_true(why.text[0] != '\0');
    assert_int_equal(record.posting_count, 77);
    free(copy);
}

static void form_is_checked(void **state)
{
    (void)state;
    size_t len = small_record();
    for (size_t cut = 0; cut < len; cut++)
        decode_as(cut, cut < RECORD_HEADER_BYTES ? "" : "payload_len");
    buffer[len] = 0;
    decode_as(len + 1, "payload_len");

    static const struct {
        size_t offset;
        uint8_t value;
        const char *field;
    } changes[] = {
        {0, 0, "format"},
        {0, 2, "format"},
        {1, 1, "flags"},
        {1, 0x80, "flags"},
        {62, 1, "reserved"},
        {63, 1, "reserved"},
        {58, 0xff, "posting_count"},
        {59, 1, "payload_len"},
        {59, 3, "payload_len"},
        {60, 0xff, "movement_count"},
        {61, 0, "payload_len"},
        {68, 0xff, "payload_len"},
        {71, 2, "payload_len"},
        {71, 4, "payload_len"},
        {170, 1, "movements[0].reserved"},
        {171, 1, "movements[0].reserved"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        small_record();
        buffer[changes[i].offset] = changes[i].value;
        decode_as(len, changes[i].field);
    }
    struct record record;
    assert_int_equal(record_decode(slice_of(NULL, 0), &record, NULL), STATUS_CORRUPT);
}

/* Whatever the bytes, decode says yes or no within them; whatever it takes comes out the same when written again. */
static void mutations(void **state)
{
    (void)state;
    struct random random = random_start();
    static struct posting postings[POSTINGS_MAX];
    static struct movement movements[MOVEMENTS_MAX];
    int taken = 0;
    for (int round = 0; round < 100000; round++) {
        size_t len = small_record();
        for (uint64_t changes = random_below(&random, 4); changes > 0; changes--)
            buffer[random_below(&random, len)] = (uint8_t)random_next(&random);
        if (random_below(&random, 4) == 0)
            len = random_below(&random, len + 20);
        struct record record;
        if (record_decode(slice_of(buffer, len), &record, NULL) != STATUS_OK)
            continue;
        taken++;
        for (size_t i = 0; i < record.posting_count; i++)
            postings[i] = record_posting(&record, i);
        for (size_t i = 0; i < record.movement_count; i++)
            movements[i] = record_movement(&record, i);
        uint8_t again[512];
        assert_int_equal(record_size(record.posting_count, record.movement_count, record.payload.len), len);
        record_encode(&record.header, postings, record.posting_count, movements, record.movement_count,
                      record.payload, again);
        assert_memory_equal(again, buffer, len);
    }
    assert_true(taken > 1000);
}

static void one_changed_bit_changes_the_hash(void **state)
{
    (void)state;
    size_t len = small_record();
    struct hash first, other;
    record_hash(slice_of(buffer, len), &first);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        buffer[bit / 8] ^= (uint8_t)(1u << bit % 8);
        record_hash(slice_of(buffer, len), &other);
        assert_memory_not_equal(&first, &other, HASH_BYTES);
        buffer[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    record_hash(slice_of(buffer, len), &other);
    assert_memory_equal(&first, &other, HASH_BYTES);
}

static enum status balance_of(const struct posting *postings, size_t count, struct fault *why)
{
    struct record_header header = {.type = 30, .type_version = 1, .position = 1};
    struct record record;
    record_encode(&header, postings, count, NULL, 0, slice_of(NULL, 0), buffer);
    assert_int_equal(record_decode(slice_of(buffer, record_size(count, 0, 0)), &record, NULL), STATUS_OK);
    return record_check_balance(&record, why);
}

static void sums_are_zero_per_business_and_currency(void **state)
{
    (void)state;
    struct fault why = {0};
    assert_int_equal(balance_of(NULL, 0, &why), STATUS_OK);

    const struct posting two_businesses[] = {
        {.account = 1000, .business = 1, .currency = 1, .amount = 100},
        {.account = 1900, .business = 1, .currency = 1, .amount = -100},
        {.account = 1900, .business = 2, .currency = 1, .amount = 100},
        {.account = 4000, .business = 2, .currency = 1, .amount = -100},
    };
    assert_int_equal(balance_of(two_businesses, 4, &why), STATUS_OK);

    const struct posting across_businesses[] = {
        {.account = 1000, .business = 1, .currency = 1, .amount = 100},
        {.account = 4000, .business = 2, .currency = 1, .amount = -100},
    };
    assert_int_equal(balance_of(across_businesses, 2, &why), STATUS_CORRUPT);
    assert_string_equal(why.field, "postings");

    const struct posting across_currencies[] = {
        {.account = 1000, .business = 1, .currency = 1, .amount = 100},
        {.account = 4000, .business = 1, .currency = 2, .amount = -100},
    };
    assert_int_equal(balance_of(across_currencies, 2, &why), STATUS_CORRUPT);

    const struct posting zero[] = {{.account = 1000, .currency = 1, .amount = 5},
                                   {.account = 1000, .currency = 1, .amount = -5},
                                   {.account = 1000, .currency = 1, .amount = 0}};
    assert_int_equal(balance_of(zero, 3, &why), STATUS_CORRUPT);
    assert_string_equal(why.field, "postings[2].amount");

    const struct posting too_large[] = {{.account = 1000, .currency = 1, .amount = INT64_MIN},
                                        {.account = 1000, .currency = 1, .amount = INT64_MIN}};
    assert_int_equal(balance_of(too_large, 2, &why), STATUS_CORRUPT); /* wraps to zero in 64 bits */
    assert_string_equal(why.field, "postings[0].amount");
    const struct posting past_limit[] = {{.account = 1000, .currency = 1, .amount = AMOUNT_MAX + 1},
                                         {.account = 1000, .currency = 1, .amount = -AMOUNT_MAX - 1}};
    assert_int_equal(balance_of(past_limit, 2, &why), STATUS_CORRUPT);
}

/* Sums that pass 64 bits on the way, and as many pairs as a record can hold. */
static void sums_are_wide_and_many(void **state)
{
    (void)state;
    static struct posting postings[POSTINGS_MAX];
    for (size_t i = 0; i < POSTINGS_MAX; i++)
        postings[i] = (struct posting){
            .account = 1000, .currency = 1, .amount = i < POSTINGS_MAX / 2 ? AMOUNT_MAX : -AMOUNT_MAX};
    assert_int_equal(balance_of(postings, POSTINGS_MAX, NULL), STATUS_OK);
    postings[POSTINGS_MAX - 1].amount++;
    assert_int_equal(balance_of(postings, POSTINGS_MAX, NULL), STATUS_CORRUPT);

    for (size_t i = 0; i < POSTINGS_MAX; i++)
        postings[i] = (struct posting){.account = 1000,
                                       .business = (uint16_t)(i % 512 / 8),
                                       .currency = (uint16_t)(1 + i % 8),
                                       .amount = i < 512 ? 7 : -7};
    assert_int_equal(balance_of(postings, POSTINGS_MAX, NULL), STATUS_OK);
    postings[700].business ^= 1;
    assert_int_equal(balance_of(postings, POSTINGS_MAX, NULL), STATUS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(sizes_have_limits),
        cmocka_unit_test(form_is_checked),
        cmocka_unit_test(mutations),
        cmocka_unit_test(one_changed_bit_changes_the_hash),
        cmocka_unit_test(sums_are_zero_per_business_and_currency),
        cmocka_unit_test(sums_are_wide_and_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
