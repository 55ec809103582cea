/* Three records of ours and what follows from them, frozen: whoever changes these bytes breaks every book ever written.
 * They were computed by a program that shares no code with this one. docs/journal-format.md shows the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "books.pb-c.h"
#include "entry.pb-c.h"
#include "proto/record/note.h"
#include "proto/record/tree.h"
#include "proto/wire/message.h"
#include "server/base/content.h"
#include "tests/support/document.h"
#include "tests/support/hex.h"
#include "type_ids.h"

#define RECORDS 3
static const char *const record_hex[RECORDS] = {
    "01000001000100000000000000000001000660f05550300000000000000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000220000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "0a0a44656d6f20626f6f6b7312034b4553180220e8022885cad40930653a034b5368",
    "0100001e000100010000000000000002000660f055503001000102030405060708090a0b0c0d0e0f"
    "00000000000000010000000101352903000100040000000000000001000000510000000000000000"
    "56b43840cf42cd0e7ca4f9f462ec2d3c86a56b78ad8d81340a8b3384a97da8400a4c3cd5a2475e83"
    "000003e80002000100000000000000000001e87a00000fa00001000100000000fffffffffffe1786"
    "0000076c0002000100000000fffffffffffe17860000076c0001000100000000000000000001e87a"
    "0a035754521083d2d4091a0347454e2224576174657220736f6c642c2063617368206b6570742062"
    "7920746865206c61756e647279320c08e80710fad00722034c4452320c08a01f18fad00722035754"
    "52",
    "0100001f000100010000000000000003000660f0556eb480101112131415161718191a1b1c1d1e1f"
    "00000000000000010000000101352903000100040000000000000002000000260000000000000002"
    "915321fe2f83063ad8d541516d8962df017247860f1f35a2374dff3ae3305ed31fe8c0793a188d04"
    "000003e80002000100000000fffffffffffe178600000fa00001000100000000000000000001e87a"
    "0000076c0002000100000000000000000001e87a0000076c0001000100000000fffffffffffe1786"
    "0a104a452d32303236313132332d303030311883d2d409220d456e7465726564207477696365",
};
static const char *const hash_hex[RECORDS] = {
    "7ca4f9f462ec2d3c86a56b78ad8d81340a8b3384a97da8400a4c3cd5a2475e83",
    "d8d541516d8962df017247860f1f35a2374dff3ae3305ed31fe8c0793a188d04",
    "31fa2d2032509eeebb31cce59e4882d6e2b68d3dc1e09d93b55fe11c29a1e43d",
};
#define ROOT_OF_2 "834c4c75543af5fca25358e822badc800d2c79181513e2c4a3af71c37a973265"
#define ROOT_OF_3 "41bda395235654e4d50a55300c7a86afb283577a7f76f77e7ce7d93ae591da12"
#define VKEY      "books.example/demo+562ca657+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define CHECKPOINT                                                                                           \
    "books.example/demo\n"                                                                                   \
    "3\n"                                                                                                    \
    "Qb2jlSNWVOTVClUwDHqGr7KDV3p/dvd+fOfZOuWR2hI=\n"                                                         \
    "\n"                                                                                                     \
    "\xe2\x80\x94 books.example/demo "                                                                       \
    "ViymV5Whyu6qsUDyaoAQhWyXCIq8t/qREhaZrlJTeU/sCP1ogWmek7D2bKnMVkWrh3I486uaX2gDgo6//lA4Z4qPKwk=\n"
#define START_US INT64_C(1795435200000000) /* 2026-11-23T12:00:00Z */

static uint8_t bytes[RECORDS][512];
static struct record records[RECORDS];

static void assert_hash(const struct hash *hash, const char *expected)
{
    struct hash want;
    assert_int_equal(hex_bytes(expected, want.bytes, HASH_BYTES), HASH_BYTES);
    assert_memory_equal(hash, &want, HASH_BYTES);
}

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < RECORDS; i++) {
        size_t len = hex_bytes(record_hex[i], bytes[i], sizeof bytes[i]);
        struct fault why = {0};
        if (record_decode(slice_of(bytes[i], len), &records[i], &why) != STATUS_OK)
            return -1;
    }
    return 0;
}

static void hashes_chain_and_tree(void **state)
{
    (void)state;
    struct hash previous = {{0}}, root;
    struct tree_range range = {0};
    for (size_t i = 0; i < RECORDS; i++) {
        assert_int_equal(records[i].header.position, i + 1);
        assert_memory_equal(&records[i].header.previous, &previous, HASH_BYTES);
        record_hash(records[i].bytes, &previous);
        assert_hash(&previous, hash_hex[i]);
        tree_range_append(&range, &previous);
        tree_range_root(&range, &root);
        if (i > 0)
            assert_hash(&root, i == 1 ? ROOT_OF_2 : ROOT_OF_3);
    }
}

static void fields_are_where_they_were(void **state)
{
    (void)state;
    const struct record_header *h = &records[0].header;
    assert_int_equal(h->type, EVENT_BOOKS_OPENED);
    assert_int_equal(h->time, START_US);
    assert_true(command_id_is_zero(&h->command_id));
    h = &records[1].header;
    assert_int_equal(h->type, EVENT_ENTRY_POSTED);
    assert_int_equal(h->type_version, 1);
    assert_int_equal(h->business, 1);
    assert_int_equal(h->time, START_US + 1);
    assert_int_equal(h->command_id.bytes[15], 15);
    assert_int_equal(h->session, 1);
    assert_int_equal(h->user, 1);
    assert_int_equal(h->business_date, 20261123);
    assert_int_equal(h->series, 1);
    assert_int_equal(h->number, 1);
    assert_int_equal(h->cause, 0);
    assert_true(h->content == content_digest("Entry.Post", records[1].payload));
    h = &records[2].header;
    assert_int_equal(h->type, EVENT_ENTRY_REVERSED);
    assert_int_equal(h->number, 2);
    assert_int_equal(h->cause, 2);
    assert_true(h->content == content_digest("Entry.Reverse", records[2].payload));
    for (size_t i = 0; i < RECORDS; i++)
        assert_int_equal(record_check_balance(&records[i], NULL), STATUS_OK);
    for (size_t i = 0; i < 4; i++) { /* the reversal swaps sides and nothing else */
        struct posting p = record_posting(&records[1], i), r = record_posting(&records[2], i);
        assert_true(p.account == r.account && p.business == r.business && p.currency == 1 && r.currency == 1);
        assert_true(p.party == 0 && r.party == 0 && p.amount == -r.amount);
    }
}

static void writing_gives_the_same_bytes(void **state)
{
    (void)state;
    const struct posting postings[] = {
        {.account = 1000, .business = 2, .currency = 1, .amount = 125050},
        {.account = 4000, .business = 1, .currency = 1, .amount = -125050},
        {.account = 1900, .business = 2, .currency = 1, .amount = -125050},
        {.account = 1900, .business = 1, .currency = 1, .amount = 125050},
    };
    struct record_header header = {.type = 30,
                                   .type_version = 1,
                                   .business = 1,
                                   .position = 2,
                                   .time = START_US + 1,
                                   .session = 1,
                                   .user = 1,
                                   .business_date = 20261123,
                                   .series = 1,
                                   .number = 1,
                                   .content = UINT64_C(0x56b43840cf42cd0e)};
    for (uint8_t i = 0; i < COMMAND_ID_BYTES; i++)
        header.command_id.bytes[i] = i;
    hex_bytes(hash_hex[0], header.previous.bytes, HASH_BYTES);
    uint8_t out[512];
    size_t size = record_size(4, 0, records[1].payload.len);
    assert_int_equal(size, records[1].bytes.len);
    record_encode(&header, postings, 4, NULL, 0, records[1].payload, out);
    assert_memory_equal(out, records[1].bytes.ptr, size);
}

static void payloads_are_their_messages(void **state)
{
    (void)state;
    static const ProtobufCMessageDescriptor *const types[RECORDS] = {
        &daftari__v1__open_books__descriptor,
        &daftari__v1__post_entry__descriptor,
        &daftari__v1__reverse_entry__descriptor,
    };
    for (size_t i = 0; i < RECORDS; i++)
        assert_int_equal(message_check(types[i], records[i].payload, true, NULL), STATUS_OK);
    Daftari__V1__PostEntry *entry =
        daftari__v1__post_entry__unpack(NULL, records[1].payload.len, records[1].payload.ptr);
    assert_non_null(entry);
    assert_string_equal(entry->description, "Water sold, cash kept by the laundry");
    assert_int_equal(entry->n_lines, 2);
    assert_int_equal(entry->lines[0]->debit_minor, 125050);
    assert_string_equal(entry->lines[0]->business, "LDR");
    daftari__v1__post_entry__free_unpacked(entry, NULL);
}

static void the_checkpoint_covers_them(void **state)
{
    (void)state;
    struct note_verifier verifier;
    struct checkpoint checkpoint;
    assert_int_equal(note_vkey_parse(slice_text(VKEY), &verifier, NULL), STATUS_OK);
    assert_int_equal(checkpoint_open(slice_text(CHECKPOINT), &verifier, &checkpoint, NULL), STATUS_OK);
    assert_int_equal(checkpoint.size, RECORDS);
    assert_hash(&checkpoint.root, ROOT_OF_3);
}

/* Movements are in the format from the first day; no record type of this version writes one. */
static void movement_bytes(void **state)
{
    (void)state;
    const struct movement movement = {.item = 0x01020304,
                                      .business = 5,
                                      .place = 6,
                                      .condition = 7,
                                      .quantity = -1500,
                                      .value = 0x1122334455667788};
    struct record_header header = {.type = 1, .type_version = 1, .position = 1};
    uint8_t out[256], expected[MOVEMENT_BYTES];
    assert_int_equal(hex_bytes("01020304 0005 0006 0007 0000 fffffffffffffa24 1122334455667788", expected,
                               sizeof expected),
                     MOVEMENT_BYTES);
    record_encode(&header, NULL, 0, &movement, 1, slice_of(NULL, 0), out);
    assert_memory_equal(out + RECORD_HEADER_BYTES, expected, MOVEMENT_BYTES);
}

/* docs/journal-format.md shows these very bytes. */
static void the_page_shows_the_same(void **state)
{
    (void)state;
    static struct document page;
    document_read(&page, "docs/journal-format.md");
    for (size_t i = 0; i < RECORDS; i++) {
        assert_true(document_shows(&page, record_hex[i]));
        assert_true(document_shows(&page, hash_hex[i]));
    }
    assert_true(document_shows(&page, ROOT_OF_2));
    assert_true(document_shows(&page, ROOT_OF_3));
    assert_true(document_shows(&page, VKEY));
    assert_true(document_shows(&page, CHECKPOINT));
    assert_false(document_shows(&page, "00112233445566778899"));
#define SHOWN(number, name, message)                                                                         \
    assert_true(document_shows(&page, "|" #number "|" #name "|`" message "`|"));
    TYPE_IDS(SHOWN)
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_chain_and_tree),        cmocka_unit_test(fields_are_where_they_were),
        cmocka_unit_test(writing_gives_the_same_bytes), cmocka_unit_test(payloads_are_their_messages),
        cmocka_unit_test(the_checkpoint_covers_them),   cmocka_unit_test(movement_bytes),
        cmocka_unit_test(the_page_shows_the_same),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
