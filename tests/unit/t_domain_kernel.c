/* The kernel of the domain where no honest command leads: records that contradict state, decisions that break the law,
 * stored rows that do not decode, memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "entry.pb-c.h"
#include "people.pb-c.h"
#include "proto/wire/message.h"
#include "reason.pb-c.h"
#include "server/base/kv_mem.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/effects.h"
#include "server/domain/kernel/facts.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/rows.h"
#include "tests/support/world.h"
#include "type_ids.h"

static struct world *world;

static int open_world(void **unused)
{
    (void)unused;
    world = world_new();
    return world_open_example(world) ? 0 : 1;
}

static int close_world(void **unused)
{
    (void)unused;
    world_free(world);
    return 0;
}

static struct kv_txn *begin(bool write)
{
    struct kv_txn *txn;
    assert_int_equal(kv_begin(world->state, write, &txn), STATUS_OK);
    return txn;
}

/* ---- the law ----------------------------------------------------------------------------------------------------------- */

static void expect_law(struct posting first, struct posting second, enum status status, uint32_t reason)
{
    struct fault why = {0};
    struct kv_txn *txn = begin(false);
    struct decision *decision = world->decision;
    decision_init(decision, slice_of(NULL, 0));
    decision->type = EVENT_ENTRY_POSTED;
    decision->postings[0] = first;
    decision->postings[1] = second;
    decision->posting_count = 2;
    arena_reset(world->arena);
    assert_int_equal(effects_check(txn, decision, true, world->arena, &why), status);
    assert_int_equal(why.reason, reason);
    kv_abort(txn);
}

static void law_holds_for_every_decision(void **unused)
{
    struct posting cash = {.account = 1110, .business = 1, .currency = 1, .amount = 100};
    struct posting sales = {.account = 4100, .business = 1, .currency = 1, .amount = -100};
    struct posting bad;
    (void)unused;
    expect_law(cash, sales, STATUS_OK, 0);
    bad = sales, bad.amount = -99;
    expect_law(cash, bad, STATUS_INTERNAL, 0);
    bad = sales, bad.amount = 0;
    expect_law(cash, bad, STATUS_INTERNAL, 0);
    bad = sales, bad.amount = -AMOUNT_MAX - 1;
    expect_law(cash, bad, STATUS_INTERNAL, 0);
    bad = sales, bad.currency = 9;
    expect_law(cash, bad, STATUS_INTERNAL, 0);
    bad = sales, bad.business = BUSINESSES_MAX;
    expect_law(cash, bad, STATUS_INTERNAL, 0);
    bad = sales, bad.account = 4999;
    expect_law(cash, bad, STATUS_INTERNAL, 0);
    bad = cash, bad.business = 2;
    sales.business = 2;
    expect_law(bad, sales, STATUS_INTERNAL, 0);
    sales = cash, sales.amount = -100; /* in one business to zero, in two not */
    sales.account = 1170, sales.business = 0;
    expect_law(cash, sales, STATUS_INTERNAL, 0);
}

static void changes_add_up_whatever_their_number(void **unused)
{
    enum { MANY = 1000 };
    static struct posting postings[MANY];
    int128 sum = 0;
    size_t count;
    (void)unused;
    for (size_t i = 0; i < MANY; i++)
        postings[i] = (struct posting){.account = 1000 + (uint32_t)(i * 7 % 37),
                                       .business = (uint16_t)(i % 3),
                                       .currency = 1,
                                       .amount = (int64_t)i - 300};
    arena_reset(world->arena);
    struct balance_change *changes = effects_changes(postings, MANY, world->arena, &count);
    assert_non_null(changes);
    assert_int_equal(count, 37 * 3);
    for (size_t i = 0; i < count; i++) {
        int128 own = 0;
        for (size_t j = 0; j < MANY; j++)
            if (postings[j].account == changes[i].account && postings[j].business == changes[i].business)
                own += postings[j].amount;
        assert_true(own == changes[i].sum);
        sum += changes[i].sum;
    }
    assert_true(sum == (int128)MANY * (MANY - 1) / 2 - 300 * MANY);
}

/* ---- records that contradict state -------------------------------------------------------------------------------------- */

static enum status apply_to_copy(struct record_header *header)
{
    static uint8_t bytes[RECORD_HEADER_BYTES];
    struct record record;
    struct fault why;
    assert_int_equal(record_size(0, 0, 0), sizeof bytes);
    header->position = world->record_count + 1;
    header->type_version = 1;
    header->time = world->now;
    record_encode(header, NULL, 0, NULL, 0, slice_of(NULL, 0), bytes);
    assert_int_equal(record_decode(slice_of(bytes, sizeof bytes), &record, &why), STATUS_OK);
    struct kv_txn *txn = begin(true);
    arena_reset(world->arena);
    domain_apply(txn, &record, world->arena);
    enum status status = kv_error(txn);
    kv_abort(txn);
    return status;
}

static void contradictions_are_corruption(void **unused)
{
    struct record_header header = {.type = 999};
    (void)unused;
    assert_int_equal(apply_to_copy(&header), STATUS_CORRUPT); /* no such type */
    header = (struct record_header){.type = EVENT_ENTRY_POSTED};
    assert_int_equal(apply_to_copy(&header), STATUS_OK);
    header.series = 1, header.business_date = 20250601, header.number = 2; /* not the next number */
    assert_int_equal(apply_to_copy(&header), STATUS_CORRUPT);
    header.number = 0;
    assert_int_equal(apply_to_copy(&header), STATUS_CORRUPT);
    header.number = 1;
    assert_int_equal(apply_to_copy(&header), STATUS_OK);
    header = (struct record_header){.type = EVENT_ENTRY_REVERSED}; /* reverses nothing */
    assert_int_equal(apply_to_copy(&header), STATUS_CORRUPT);
    header.cause = world->record_count + 1; /* or itself */
    assert_int_equal(apply_to_copy(&header), STATUS_CORRUPT);
    header.cause = world->record_count;
    assert_int_equal(apply_to_copy(&header), STATUS_OK);
    header = (struct record_header){.type = EVENT_ADJUSTMENT_REJECTED, .cause = 1};
    assert_int_equal(apply_to_copy(&header), STATUS_CORRUPT);
    header = (struct record_header){.type = EVENT_BUSINESS_DEACTIVATED, .business = 9};
    assert_int_equal(apply_to_copy(&header), STATUS_CORRUPT);
    header = (struct record_header){.type = EVENT_TRANSACTION_TYPE_DEACTIVATED, .number = 900};
    assert_int_equal(apply_to_copy(&header), STATUS_CORRUPT);
    header = (struct record_header){.type = EVENT_ACCOUNT_DEACTIVATED};
    assert_int_equal(apply_to_copy(&header), STATUS_CORRUPT);
}

/* ---- stored rows --------------------------------------------------------------------------------------------------------- */

static void rows_that_do_not_decode_are_corruption(void **unused)
{
    static const uint8_t junk[] = {0xFF, 0xFF, 0xFF};
    struct slice bytes = slice_of(junk, sizeof junk);
    static const struct {
        unsigned table;
        const char *key;
        size_t key_len;
    } rows[] = {
        {TABLE_BOOKS, "facts", 5},          {TABLE_BUSINESS_CODE, "WTR", 3},
        {TABLE_ACCOUNT, "\0\0\x04\x56", 4}, {TABLE_COUNTER, "\0\x01\1\2\3\4", 6},

        {TABLE_CURRENCY, "\0\x01", 2},      {TABLE_SERIES, "\0\x01", 2},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct facts facts;
        struct account_row account;
        uint16_t number;
        char text[NUMBER_TEXT_MAX + 1];
        struct kv_txn *txn = begin(true);
        arena_reset(world->arena);
        kv_put(txn, rows[i].table, slice_of(rows[i].key, rows[i].key_len), bytes);
        facts_get(txn, &facts);
        (void)business_find(txn, "WTR", &number);
        (void)account_row_get(txn, 1110, &account);
        (void)number_next(txn, 1, 0x01020304);
        (void)currency_info_get(txn, 1, world->arena);
        (void)number_format(txn, 1, 20250101, 1, text);
        assert_int_equal(kv_error(txn), STATUS_CORRUPT);
        kv_abort(txn);
    }
}

static void text_fields_are_found_without_unpacking(void **unused)
{
    /* 1: "ab", 2: varint 300, 3: 4 bytes, 4: 8 bytes, 1: "c" (the last one counts) */
    static const uint8_t message[] = {0x0A, 2, 'a', 'b', 0x10, 0xAC, 2, 0x1D, 1, 2,    3, 4,
                                      0x21, 1, 2,   3,   4,    5,    6, 7,    8, 0x0A, 1, 'c'};
    struct kv_txn *txn = begin(false);
    (void)unused;
    assert_true(slice_equal(row_text_field(txn, slice_of(message, sizeof message), 1), slice_text("c")));
    assert_int_equal(row_text_field(txn, slice_of(message, sizeof message), 9).len, 0);
    assert_int_equal(kv_error(txn), STATUS_OK);
    assert_int_equal(row_number_field(txn, slice_of(message, sizeof message), 2), 300);
    assert_int_equal(row_number_field(txn, slice_of(message, sizeof message), 1), 0);
    (void)row_text_field(txn, slice_of(message, sizeof message - 1), 1);
    assert_int_equal(kv_error(txn), STATUS_CORRUPT);
    kv_abort(txn);
    txn = begin(false);
    static const uint8_t group[] = {0x0B};
    (void)row_text_field(txn, slice_of(group, sizeof group), 1);
    assert_int_equal(kv_error(txn), STATUS_CORRUPT);
    kv_abort(txn);
    txn = begin(false);
    static const uint8_t endless[] = {0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    (void)row_text_field(txn, slice_of(endless, sizeof endless), 1);
    assert_int_equal(kv_error(txn), STATUS_CORRUPT);
    kv_abort(txn);
}

static void keys_are_cut_and_numbers_counted(void **unused)
{
    char name[400];
    struct kv_txn *txn = begin(false);
    (void)unused;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct row_key key = row_key_text(name);
    assert_int_equal(key.len, ROW_KEY_MAX);
    assert_int_equal(row_next_number_u16(txn, TABLE_BUSINESS, 0), 4);
    assert_int_equal(row_next_number_u16(txn, TABLE_RECONCILIATION, 7), 7);
    assert_int_equal(row_next_number_u32(txn, TABLE_ACCOUNT, 1), 5871);
    kv_abort(txn);
}

/* ---- numbers, dates, accounts -------------------------------------------------------------------------------------------- */

static void document_numbers_are_written_and_found(void **unused)
{
    char text[NUMBER_TEXT_MAX + 1];
    uint64_t position;
    struct kv_txn *txn = begin(false);
    (void)unused;
    assert_true(number_format(txn, 1, 20250101, 7, text));
    assert_string_equal(text, "JE-20250101-0007");
    assert_true(number_format(txn, 1, 20250101, 12345, text));
    assert_string_equal(text, "JE-20250101-12345");
    assert_false(number_format(txn, 99, 20250101, 1, text));
    assert_true(number_find(txn, "JE-20250101-0001", &position));
    assert_int_equal(world_record_at(world, position).header.type, EVENT_OPENING_BALANCES_POSTED);
    static const char *const wrong[] = {"",
                                        "JE",
                                        "JE-20250101",
                                        "JE-20250101-0009",
                                        "JE-2025-01",
                                        "-20250101-01",
                                        "QQ-20250101-0001",
                                        "JE-20250101-000x",
                                        "JE-20250101-00001x",
                                        "TOOLONG-20250101-0001"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(number_find(txn, wrong[i], &position));
    assert_int_equal(kv_error(txn), STATUS_OK);
    kv_abort(txn);
}

static void every_document_of_a_busy_day_is_found(void **unused)
{
    char text[NUMBER_TEXT_MAX + 1];
    uint64_t position;
    struct kv_txn *txn = begin(true);
    const uint64_t far = (UINT64_C(1) << 48) - 300;
    (void)unused;
    for (uint32_t number = 1; number <= 200; number++) {
        assert_false(number_take(txn, 1, 20260228, number + 1, far + number)); /* none is left out */
        assert_true(number_take(txn, 1, 20260228, number, far + number));
        assert_false(number_take(txn, 1, 20260228, number, far + number)); /* nor taken twice */
    }
    for (uint32_t number = 1; number <= 200; number++) {
        assert_true(number_format(txn, 1, 20260228, number, text));
        assert_true(number_find(txn, text, &position));
        assert_int_equal(position, far + number);
    }
    assert_false(number_find(txn, "JE-20260228-0201", &position));
    assert_false(number_find(txn, "JE-20260301-0001", &position));
    assert_true(number_take(txn, 1, 20260301, 1, 7));
    assert_true(number_find(txn, "JE-20260301-0001", &position));
    assert_int_equal(position, 7);
    assert_int_equal(kv_error(txn), STATUS_OK);
    kv_set_error(txn, STATUS_NO_MEMORY); /* nothing of this stays */
    assert_int_equal(kv_commit(txn), STATUS_NO_MEMORY);
}

static void fiscal_years_end_where_they_say(void **unused)
{
    struct facts calendar = {.fiscal_year_start = 101}, july = {.fiscal_year_start = 701};
    (void)unused;
    assert_int_equal(facts_fiscal_year(&calendar, 20250101), 2025);
    assert_int_equal(facts_fiscal_year(&calendar, 20251231), 2025);
    assert_int_equal(facts_fiscal_year(&july, 20250630), 2025);
    assert_int_equal(facts_fiscal_year(&july, 20250701), 2026);
}

static void account_numbers_say_the_type(void **unused)
{
    static const char *const names[] = {"", "asset", "liability", "equity", "revenue", "expense"};
    struct account_row drawings = {.type = ACCOUNT_EQUITY, .contra = true};
    (void)unused;
    for (uint32_t type = 1; type <= 5; type++) {
        assert_int_equal(account_type_of(type * 1000), type);
        assert_int_equal(account_type_of(type * 100000000 + 99999999), type);
        assert_string_equal(account_type_name((enum account_type)type), names[type]);
    }
    assert_int_equal(account_type_of(999), 0);
    assert_int_equal(account_type_of(6000), 0);
    assert_int_equal(account_type_of(1000000000), 0);
    assert_string_equal(account_type_name((enum account_type)0), "");
    assert_int_equal(account_normal_sign(&drawings), 1);
}

/* ---- memory ---------------------------------------------------------------------------------------------------------------- */

/* With every cap from nothing up, a decision ends in a status until there is enough; nothing is written on the way. */
static void memory_that_runs_out_is_a_status(void **unused)
{
    static const char *const commands[][2] = {
        {"Entry.Post",
         "{\"date\": \"2025-05-01\", \"business\": \"WTR\", \"description\": \"x\", \"lines\": ["
         "{\"account\": 1170, \"debit\": \"3.00\"}, {\"account\": 4100, \"credit\": \"3.00\"}]}"},
        {"Opening.Post", "{\"business\": \"WTR\", \"lines\": [{\"account\": 1110, \"balance\": \"1.00\"}]}"},
        {"Entry.Reverse", "{\"number\": \"JE-20250101-0001\", \"reason\": \"x\"}"},
        {"Account.Open",
         "{\"number\": 1110, \"name\": \"Cash - Water\", \"business\": \"WTR\", \"class\": \"cash\"}"},
    };
    (void)unused;
    for (size_t c = 0; c < sizeof commands / sizeof commands[0]; c++) {
        const struct method *method = domain_method(slice_text(commands[c][0]));
        json_t *json = json_loads(commands[c][1], 0, NULL);
        size_t len, enough = 0;
        uint8_t *body = world_json_body(world, commands[c][0], json, &len);
        json_decref(json);
        assert_non_null(body);
        for (size_t cap = 16; cap < 16384 && enough < 3; cap += 16) {
            struct fault why = {0};
            ProtobufCMessage *message;
            struct arena *arena = arena_new(cap);
            struct kv_txn *txn = begin(false);
            struct context context = {.now = world->now,
                                      .today = 20250601,
                                      .position = 1000,
                                      .arena = arena,
                                      .address = "",
                                      .agent = "",
                                      .device = ""};
            enum status status = message_unpack(method->request, slice_of(body, len), true,
                                                arena_allocator(arena), &message, &why);
            if (status == STATUS_OK)
                status =
                    domain_decide(method, &context, txn, message, slice_of(body, len), world->decision, &why);
            bool short_of_memory = status == STATUS_NO_MEMORY || status == STATUS_TOO_LARGE;
            if (!short_of_memory)
                enough++;
            assert_true(short_of_memory || status == STATUS_OK || status == STATUS_REFUSED);
            kv_abort(txn);
            arena_free(arena);
        }
        assert_int_equal(enough, 3);
        free(body);
    }
}

/* Keeps the draft that takes most memory for its bytes: as many empty tags as a record holds. */
static uint64_t keep_worst_draft(civil_date date)
{
    enum { LINES = 380, TAGS = 32 };
    static Daftari__V1__Tag tag = DAFTARI__V1__TAG__INIT;
    static Daftari__V1__Tag *tags[TAGS];
    static Daftari__V1__EntryLine line = DAFTARI__V1__ENTRY_LINE__INIT;
    static Daftari__V1__EntryLine *lines[LINES];
    Daftari__V1__PostEntry entry = DAFTARI__V1__POST_ENTRY__INIT;
    Daftari__V1__DraftEntry draft = DAFTARI__V1__DRAFT_ENTRY__INIT;
    struct world_actor server = {0};
    struct world_answer answer;
    char name[] = "n", description[] = "d";
    tag.name = name;
    for (size_t i = 0; i < TAGS; i++)
        tags[i] = &tag;
    line.tags = tags;
    line.n_tags = TAGS;
    for (size_t i = 0; i < LINES; i++)
        lines[i] = &line;
    entry.description = description;
    entry.lines = lines;
    entry.n_lines = LINES;
    entry.has_date = date != 0;
    entry.date = date;
    draft.entry = &entry;
    size_t len = daftari__v1__draft_entry__get_packed_size(&draft);
    assert_true(len > 60000 && len < RECORD_BYTES_MAX - RECORD_HEADER_BYTES);
    uint8_t *body = malloc(len);
    (void)daftari__v1__draft_entry__pack(&draft, body);
    world_command(world, &server, "Entry.Draft", slice_of(body, len), &answer);
    free(body);
    assert_int_equal(answer.status, STATUS_OK);
    assert_string_equal(world->trouble, "");
    return answer.position;
}

static void applying_the_worst_record_keeps_within_its_memory(void **unused)
{
    (void)unused;
    struct record record = world_record_at(world, keep_worst_draft(0));
    struct arena *arena = arena_new(DOMAIN_APPLY_BYTES_MAX);
    struct kv *fresh = kv_mem_new(domain_tables, domain_table_count);
    struct kv_txn *txn;
    assert_int_equal(kv_begin(fresh, true, &txn), STATUS_OK);
    domain_apply_master(txn, &record, arena);
    assert_int_equal(kv_error(txn), STATUS_OK);
    assert_true(arena_used(arena) < DOMAIN_APPLY_BYTES_MAX / 2);
    kv_abort(txn);
    kv_close(fresh);
    arena_free(arena);
}

/* Memory that runs out in a decision stops the server: what waits must not add up. */
static void closing_a_month_takes_no_memory_for_what_waits(void **unused)
{
    enum { DRAFTS = 16 };
    struct world_actor server = {0};
    struct world_answer answer;
    (void)unused;
    for (size_t i = 0; i < DRAFTS; i++)
        (void)keep_worst_draft(20250110);
    world_set_day(world, 20250301);
    assert_true(world_command_text(world, &server, "Period.Close", "{\"month\": 202501}", &answer));
    assert_int_equal(answer.fault.reason, DAFTARI__V1__REASON__DRAFTS_OPEN);
    assert_non_null(strstr(answer.fault.text, "and 15 more are dated in it"));
    assert_string_equal(world->trouble, "");
}

static void count_row(void *context, const ProtobufCMessage *message)
{
    (void)message;
    ++*(size_t *)context;
}

/* Neither must rows that a list passes over: the drafts above are the head office's. */
static void lists_pass_over_any_number_of_rows(void **unused)
{
    struct rights clerk = {.active = true, .may_read = {2}, .may_write = {2}};
    struct world_actor actor = {.user = 9, .rights = &clerk};
    struct fault why = {0};
    size_t rows = 0;
    (void)unused;
    clerk.level[DAFTARI__V1__PERMISSION__JOURNAL] = PERMISSION_READ;
    assert_int_equal(world_query(world, &actor, "Entry.Drafts", slice_of(NULL, 0), count_row, &rows, &why),
                     STATUS_OK);
    assert_int_equal(rows, 0);
    actor = (struct world_actor){0};
    assert_int_equal(world_query(world, &actor, "Entry.Drafts", slice_of(NULL, 0), count_row, &rows, &why),
                     STATUS_OK);
    assert_int_equal(rows, 17);
}

/* Sessions are as many as there were log-ins: applying the end of all of them must not add them up either. */
static void a_revoked_certificate_ends_any_number_of_sessions(void **unused)
{
    enum { SESSIONS = 100 };
    static uint8_t fingerprint[32] = {7};
    struct kv_txn *txn = begin(false);
    kv_abort(txn);
    struct kv *fresh = kv_mem_new(domain_tables, domain_table_count);
    struct arena *arena = arena_new(8192);
    assert_int_equal(kv_begin(fresh, true, &txn), STATUS_OK);
    uint8_t user[4];
    be32_put(user, 5);
    (void)unused;
    kv_put(txn, TABLE_CERTIFICATE, slice_of(fingerprint, sizeof fingerprint), slice_of(user, sizeof user));
    for (uint64_t i = 1; i <= SESSIONS; i++) {
        Daftari__V1__SessionOpened opened = DAFTARI__V1__SESSION_OPENED__INIT;
        char certificate[] = "certificate", password[] = "password";
        uint8_t bytes[100];
        opened.has_user = true;
        opened.user = 5;
        opened.means = i == SESSIONS ? password : certificate;
        struct record record = {.header = {.position = i, .time = 1}};
        record.payload = slice_of(bytes, daftari__v1__session_opened__pack(&opened, bytes));
        arena_reset(arena);
        domain_event(EVENT_SESSION_OPENED)->apply(txn, &record, &opened.base, arena);
    }
    Daftari__V1__RevokeCertificate revoke = DAFTARI__V1__REVOKE_CERTIFICATE__INIT;
    revoke.fingerprint = (ProtobufCBinaryData){.len = sizeof fingerprint, .data = fingerprint};
    struct record record = {.header = {.position = SESSIONS + 1}};
    arena_reset(arena);
    domain_event(EVENT_CERTIFICATE_REVOKED)->apply(txn, &record, &revoke.base, arena);
    assert_int_equal(kv_error(txn), STATUS_OK);
    struct slice key, value;
    assert_true(row_next(txn, TABLE_SESSION, slice_of(NULL, 0), &key, &value));
    assert_int_equal(be64_get(key.ptr), SESSIONS); /* the one by password stays */
    kv_abort(txn);
    kv_close(fresh);
    arena_free(arena);
}

/* ---- rows named ahead -------------------------------------------------------------------------------------------------- */

/* A store that takes down which rows it is told of, and gives those of another. */
struct told {
    struct kv_txn base;
    struct kv_txn *real;
    size_t accounts, balances;
};
static void told_hint(struct kv_txn *txn, unsigned table, struct slice key, unsigned step)
{
    struct told *told = (struct told *)(void *)txn;
    struct slice value;
    assert_int_equal(step, 1);
    assert_true(kv_get(told->real, table, key, &value)); /* only what deciding will find */
    told->accounts += table == TABLE_ACCOUNT;
    told->balances += table == TABLE_BALANCE;
}
static bool told_get(struct kv_txn *txn, unsigned table, struct slice key, struct slice *out)
{
    return kv_get(((struct told *)(void *)txn)->real, table, key, out);
}
static enum status told_error(const struct kv_txn *txn)
{
    return kv_error(((const struct told *)(const void *)txn)->real);
}

/* A wrong name would cost time, and nothing else would show it. */
static void an_entry_names_the_rows_it_will_read(void **unused)
{
    (void)unused;
    static const char entry[] =
        "{\"business\":\"WTR\",\"date\":\"2025-01-05\",\"description\":\"More capital\","
        "\"lines\":[{\"account\":1110,\"debit\":\"5000.00\"},"
        "{\"account\":3100,\"credit\":\"5000.00\"}]}";
    struct world_actor server = {0};
    struct world_answer answer;
    json_t *json = json_loads(entry, 0, NULL);
    assert_non_null(json);
    assert_true(
        world_command_text(world, &server, "Entry.Post", entry, &answer)); /* both have a balance then */
    assert_int_equal(answer.status, STATUS_OK);
    size_t len;
    uint8_t *body = world_json_body(world, "Entry.Post", json, &len);
    assert_non_null(body);
    const struct method *method = domain_method(slice_text("Entry.Post"));
    struct arena *arena = arena_new(65536);
    ProtobufCMessage *message;
    struct fault why = {0};
    assert_int_equal(domain_unpack(method, slice_of(body, len), arena, &message, &why), STATUS_OK);
    static const struct kv_ops ops = {.get = told_get, .hint = told_hint, .error = told_error};
    struct told told = {.base = {&ops}, .real = begin(false)};
    method->hint(&told.base, message, 1);
    kv_abort(told.real);
    assert_int_equal(told.accounts, 2);
    assert_int_equal(told.balances, 2);
    arena_free(arena);
    free(body);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(law_holds_for_every_decision),
        cmocka_unit_test(changes_add_up_whatever_their_number),
        cmocka_unit_test(contradictions_are_corruption),
        cmocka_unit_test(rows_that_do_not_decode_are_corruption),
        cmocka_unit_test(text_fields_are_found_without_unpacking),
        cmocka_unit_test(keys_are_cut_and_numbers_counted),
        cmocka_unit_test(document_numbers_are_written_and_found),
        cmocka_unit_test(every_document_of_a_busy_day_is_found),
        cmocka_unit_test(fiscal_years_end_where_they_say),
        cmocka_unit_test(account_numbers_say_the_type),
        cmocka_unit_test(memory_that_runs_out_is_a_status),
        cmocka_unit_test(applying_the_worst_record_keeps_within_its_memory),
        cmocka_unit_test(closing_a_month_takes_no_memory_for_what_waits),
        cmocka_unit_test(lists_pass_over_any_number_of_rows),
        cmocka_unit_test(a_revoked_certificate_ends_any_number_of_sessions),
        cmocka_unit_test(an_entry_names_the_rows_it_will_read),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
