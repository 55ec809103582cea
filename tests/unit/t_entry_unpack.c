/* The decoder of entries by hand: it takes the usual forms, leaves the others, and never differs from message_unpack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "entry.pb-c.h"
#include "tests/support/random.h"
#include "tests/support/unpack_pair.h"

#define BODY_MAX  4096u
#define LINES_MAX 40u

static const struct method *post(void)
{
    const struct method *method = domain_method(slice_text("Entry.Post"));
    assert_non_null(method);
    return method;
}

struct entry {
    Daftari__V1__PostEntry message;
    Daftari__V1__EntryLine lines[LINES_MAX];
    Daftari__V1__EntryLine *pointers[LINES_MAX];
    Daftari__V1__Tag tag;
    Daftari__V1__Tag *tags[1];
};

static char business[] = "WTR", type[] = "SALE", text[] = "Maji ya Lita 20 \xE2\x80\x94 jumla", usd[] = "USD";

static void entry_init(struct entry *entry, size_t lines)
{
    entry->message = (Daftari__V1__PostEntry)DAFTARI__V1__POST_ENTRY__INIT;
    entry->tag = (Daftari__V1__Tag)DAFTARI__V1__TAG__INIT;
    entry->tag.name = entry->tag.value = business;
    entry->tags[0] = &entry->tag;
    for (size_t i = 0; i < lines; i++) {
        entry->lines[i] = (Daftari__V1__EntryLine)DAFTARI__V1__ENTRY_LINE__INIT;
        entry->lines[i].has_account = 1;
        entry->lines[i].account = 1110 + (uint32_t)i;
        entry->pointers[i] = &entry->lines[i];
    }
    entry->message.n_lines = lines;
    entry->message.lines = entry->pointers;
    entry->message.description = text;
}

static struct slice entry_pack(const struct entry *entry, uint8_t out[BODY_MAX])
{
    assert_true(daftari__v1__post_entry__get_packed_size(&entry->message) <= BODY_MAX);
    return slice_of(out, daftari__v1__post_entry__pack(&entry->message, out));
}

static void entry_make(struct entry *entry, struct random *random)
{
    entry_init(entry, (size_t)random_below(random, LINES_MAX));
    uint64_t with = random_next(random);
    entry->message.business = (with & 1) != 0 ? business : NULL;
    entry->message.type = (with & 2) != 0 ? type : NULL;
    entry->message.reference = (with & 4) != 0 ? text : NULL;
    entry->message.has_date = (with & 8) != 0;
    entry->message.date = (uint32_t)random_next(random);
    for (size_t i = 0; i < entry->message.n_lines; i++) {
        Daftari__V1__EntryLine *line = &entry->lines[i];
        uint64_t bits = random_next(random);
        line->has_debit_minor = (bits & 1) != 0;
        line->has_credit_minor = (bits & 2) != 0;
        line->debit_minor = (int64_t)(random_next(random) >> (bits >> 8 & 63));
        line->credit_minor = (int64_t)random_next(random);
        line->business = (bits & 4) != 0 ? business : NULL;
        line->currency = (bits & 8) != 0 ? usd : NULL;
        line->description = (bits & 16) != 0 ? text : NULL;
        line->party = (bits & 32) != 0 ? business : NULL;
    }
    if ((with & 0x70) == 0) {
        entry->message.n_tags = 1;
        entry->message.tags = entry->tags;
    }
}

static void usual_forms_are_taken(void **state)
{
    (void)state;
    struct entry entry;
    uint8_t body[BODY_MAX];
    entry_init(&entry, 2);
    entry.lines[0].has_debit_minor = entry.lines[1].has_credit_minor = 1;
    entry.lines[0].debit_minor = entry.lines[1].credit_minor = INT64_MAX;
    entry.lines[1].business = business;
    entry.lines[1].currency = usd;
    entry.lines[1].description = text;
    entry.lines[1].party = business;
    entry.message.business = business;
    entry.message.type = type;
    entry.message.reference = text;
    entry.message.has_date = 1;
    entry.message.date = 20261123;
    assert_true(unpack_pair_agrees(post(), entry_pack(&entry, body)));
    entry_init(&entry, 32);
    assert_true(unpack_pair_agrees(post(), entry_pack(&entry, body)));
    entry_init(&entry, 0);
    assert_true(unpack_pair_agrees(post(), entry_pack(&entry, body)));
    assert_true(unpack_pair_agrees(post(), slice_of(NULL, 0)));
}

static void the_rest_is_left_to_message_unpack(void **state)
{
    (void)state;
    struct entry entry;
    uint8_t body[BODY_MAX];
    entry_init(&entry, 33);
    assert_false(unpack_pair_agrees(post(), entry_pack(&entry, body)));
    entry_init(&entry, 1);
    entry.message.n_tags = 1;
    entry.message.tags = entry.tags;
    assert_false(unpack_pair_agrees(post(), entry_pack(&entry, body)));
    static const struct {
        const char *what;
        size_t len;
        uint8_t bytes[16];
    } odd[] = {
        {"a field twice", 6, {0x0A, 1, 'A', 0x0A, 1, 'B'}},
        {"a number twice", 4, {0x10, 1, 0x10, 1}},
        {"a padded number", 3, {0x10, 0x81, 0x00}},
        {"a number of 33 bits", 6, {0x10, 0x80, 0x80, 0x80, 0x80, 0x10}},
        {"an account of 33 bits", 8, {0x32, 6, 0x08, 0x80, 0x80, 0x80, 0x80, 0x10}},
        {"a text cut short", 3, {0x22, 2, 'A'}},
        {"a control character", 3, {0x22, 1, 0x07}},
        {"half a character", 3, {0x22, 1, 0xE2}},
        {"a NUL", 3, {0x22, 1, 0x00}},
        {"an unknown field", 2, {0x48, 1}},
        {"a wrong wire type", 2, {0x08, 1}},
        {"a cut line", 3, {0x32, 2, 0x08}},
        {"a line with a tag", 4, {0x32, 2, 0x3A, 0}},
        {"a padded tag", 3, {0x90, 0x00, 1}},
    };
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        if (unpack_pair_agrees(post(), slice_of(odd[i].bytes, odd[i].len)))
            fail_msg("%s was taken", odd[i].what);
}

static void too_little_memory_is_left_to_message_unpack(void **state)
{
    (void)state;
    struct entry entry;
    uint8_t body[BODY_MAX];
    ProtobufCMessage *message;
    entry_init(&entry, 2);
    struct slice bytes = entry_pack(&entry, body);
    size_t enough = 0;
    for (size_t cap = 0; cap < 2048; cap += 16) {
        struct arena arena;
        arena_init(&arena, cap);
        if (post()->unpack(bytes, &arena, &message))
            enough++;
        arena_done(&arena);
    }
    assert_true(enough > 0 && enough < 2048 / 16);
}

static void random_entries_agree_whole_and_damaged(void **state)
{
    (void)state;
    struct random random = random_start();
    struct entry entry;
    uint8_t body[BODY_MAX];
    size_t taken = 0;
    for (int i = 0; i < 20000; i++) {
        entry_make(&entry, &random);
        struct slice bytes = entry_pack(&entry, body);
        taken += unpack_pair_agrees(post(), bytes);
        for (int j = 0; j < 4 && bytes.len > 0; j++) {
            body[random_below(&random, bytes.len)] = (uint8_t)random_next(&random);
            (void)unpack_pair_agrees(post(), bytes);
        }
        (void)unpack_pair_agrees(post(), slice_of(body, (size_t)random_below(&random, bytes.len + 1)));
    }
    assert_true(taken > 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_forms_are_taken),
        cmocka_unit_test(the_rest_is_left_to_message_unpack),
        cmocka_unit_test(too_little_memory_is_left_to_message_unpack),
        cmocka_unit_test(random_entries_agree_whole_and_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
