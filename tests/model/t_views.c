/*
 * Random books, with back-dated entries, reversals, several businesses and currencies: every view folded one record
 * at a time equals a rebuild, and what reports say equals sums made by hand from the records.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "account.pb-c.h"
#include "entry.pb-c.h"
#include "server/views/digest.h"
#include "server/views/totals.h"
#include "tests/support/example.h"
#include "tests/support/random.h"
#include "type_ids.h"

#define DETAIL  DAFTARI__V1__ROW_KIND__DETAIL
#define TOTAL   DAFTARI__V1__ROW_KIND__TOTAL
#define ENTRIES 400

struct fixture {
    struct random random;
    struct world *world;
    struct view_books *books;
    uint64_t setup; /* records before the first entry */
};

static const char *const businesses[] = {"HQ", "WTR", "LND", "RTL"};
static const uint32_t money[] = {1110, 1120, 1130, 1140, 1141, 1142, 1170, 1171, 1180};

/* ---- making books -------------------------------------------------------------------------------------------------- */

static size_t add_line(struct fixture *f, char *at, size_t cap, const char *side, long amount,
                       const char *currency)
{
    static const uint32_t shared[] = {1170, 1171, 1310, 2110, 2140, 3100, 3200,
                                      4800, 5200, 5300, 5820, 1400, 1210, 1210};
    uint32_t account = shared[random_below(&f->random, sizeof shared / sizeof shared[0])];
    const char *business = account == 1210 ? "WTR" : businesses[random_below(&f->random, 4)];
    return (size_t)snprintf(at, cap,
                            "{\"account\":%u,\"business\":\"%s\",\"currency\":\"%s\",\"%s\":\"%ld.%02ld\"},",
                            account, business, currency, side, amount / 100, amount % 100);
}

static void random_entry(struct fixture *f)
{
    char text[4000];
    const char *currency = random_below(&f->random, 4) == 0 ? "USD" : "KES";
    size_t len = (size_t)snprintf(
        text, sizeof text, "{\"date\":\"2025-%02u-%02u\",\"description\":\"entry\",\"lines\":[",
        (unsigned)(1 + random_below(&f->random, 5)), (unsigned)(1 + random_below(&f->random, 28)));
    size_t pairs = 1 + random_below(&f->random, 4);
    for (size_t i = 0; i < pairs; i++) {
        long amount = 1 + (long)random_below(&f->random, 100000);
        len += add_line(f, text + len, sizeof text - len, "debit", amount, currency);
        len += add_line(f, text + len, sizeof text - len, "credit", amount, currency);
    }
    (void)snprintf(text + len - 1, sizeof text - len + 1, "]}");
    example_command(f->world, "Entry.Post", text);
}

static void random_reversal(struct fixture *f)
{
    char text[100];
    struct world_actor server = {0};
    struct world_answer answer;
    uint64_t position = f->setup + 1 + random_below(&f->random, f->world->record_count - f->setup);
    (void)snprintf(text, sizeof text, "{\"position\":%llu,\"reason\":\"wrong\"}",
                   (unsigned long long)position);
    (void)world_command_text(f->world, &server, "Entry.Reverse", text,
                             &answer); /* refused when it was reversed already */
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->random = random_start();
    f->world = world_new();
    if (!world_open_example(f->world))
        return -1;
    example_command(f->world, "Currency.Define", "{\"code\":\"USD\",\"scale\":2,\"symbol\":\"$\"}");
    f->setup = f->world->record_count;
    for (int i = 0; i < ENTRIES; i++) {
        if (i != 0 && random_below(&f->random, 8) == 0)
            random_reversal(f);
        else
            random_entry(f);
    }
    random_entry(f);
    f->books = view_books_new(f->world);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    view_books_free(f->books);
    world_free(f->world);
    free(f);
    return 0;
}

/* ---- by hand --------------------------------------------------------------------------------------------------------- */

struct filter {
    uint32_t account;
    int business; /* -1 = all */
    uint16_t currency;
    civil_date to;
    uint64_t known_at;
};

static int64_t by_hand(const struct fixture *f, const struct filter *filter)
{
    int64_t sum = 0;
    for (uint64_t position = 1; position <= filter->known_at; position++) {
        struct record record = world_record_at(f->world, position);
        for (size_t i = 0; i < record.posting_count && record.header.business_date <= filter->to; i++) {
            struct posting posting = record_posting(&record, i);
            bool counts = posting.account == filter->account &&
                          (filter->business < 0 || posting.business == filter->business) &&
                          posting.currency == filter->currency;
            sum += counts ? posting.amount : 0;
        }
    }
    return sum;
}

static civil_date random_date(struct fixture *f)
{
    return date_add_days(20241220, (int32_t)random_below(&f->random, 190));
}

static int business_of(const char *code)
{
    for (int b = 0; b < 4; b++) {
        if (strcmp(code, businesses[b]) == 0)
            return b;
    }
    return -1;
}

/* ---- folds ------------------------------------------------------------------------------------------------------------- */

static void one_by_one_equals_a_rebuild(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        uint64_t all = f->world->record_count;
        struct kv *slow = view_fold(f->world, views[i], all, 1);
        struct kv *fast = view_fold(f->world, views[i], all, UINT64_MAX);
        struct kv *odd = view_fold(f->world, views[i], all, 7);
        struct kv *less = view_fold(f->world, views[i], all - 1, 7);
        assert_true(views_equal(slow, fast, views[i]));
        assert_true(views_equal(slow, odd, views[i]));
        /* The comparison can fail: the last record is an entry, which leaves its mark in all but these. */
        if (views[i]->id != VIEW_MASTERS && views[i]->id != VIEW_CASHFLOW && views[i]->id != VIEW_STOCK &&
            views[i]->id != VIEW_TAX && views[i]->id != VIEW_TRADE)
            assert_false(views_equal(slow, less, views[i]));
        kv_close(less);
        kv_close(slow);
        kv_close(fast);
        kv_close(odd);
    }
}

static void the_slice_buffer_changes_nothing(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint64_t slice;
        size_t bytes;
    } ways[] = {{1, 1 << 20}, {50, 1 << 20}, {UINT64_MAX, 1 << 30}, {UINT64_MAX, 4000}, {7, 1}};
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        struct kv *plain = view_fold(f->world, views[i], f->world->record_count, 1);
        for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
            struct kv *buffered = view_fold_buffered(f->world, views[i], ways[w].slice, ways[w].bytes);
            assert_true(views_equal(plain, buffered, views[i]));
            kv_close(buffered);
        }
        kv_close(plain);
    }
}

static void digests_agree_and_tell_apart(void **state)
{
    struct fixture *f = *state;
    struct hash hashes[3];
    const struct view *view = views[VIEW_BALANCES];
    for (size_t i = 0; i < 3; i++) {
        struct kv *kv = view_fold(f->world, view, f->world->record_count - (i == 2), i + 1);
        struct kv_txn *txn;
        assert_int_equal(kv_begin(kv, false, &txn), STATUS_OK);
        assert_int_equal(tables_digest(txn, view->tables, view->table_count, &hashes[i]), STATUS_OK);
        kv_abort(txn);
        kv_close(kv);
    }
    assert_memory_equal(&hashes[0], &hashes[1], sizeof hashes[0]);
    assert_memory_not_equal(&hashes[0], &hashes[2], sizeof hashes[0]);
}

/* ---- balances ------------------------------------------------------------------------------------------------------------ */

static void check_balances_at(struct fixture *f, Daftari__V1__RunReport request, uint64_t known_at)
{
    struct table t;
    size_t seen = 0;
    table_run(f->books, NULL, "balances", request, &t);
    assert_int_equal(t.status, STATUS_OK);
    for (size_t row = 0; row < t.row_count; row++) {
        if (t.rows[row]->kind == TOTAL) {
            assert_int_equal(table_amount(&t, (long)row, "balance", 2), 0);
            continue;
        }
        struct filter filter = {.account = (uint32_t)table_number(&t, row, "account"),
                                .business = business_of(table_cell(&t, row, "business")),
                                .currency = strcmp(table_cell(&t, row, "currency"), "KES") == 0 ? 1 : 2,
                                .to = request.as_at_date,
                                .known_at = known_at};
        assert_int_equal(table_amount(&t, (long)row, "balance", 2), by_hand(f, &filter));
        seen++;
    }
    assert_true(seen > 10 || request.as_at_date < 20250101);
    table_free(&t);
}

static void balances_at_any_date_and_position(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 6; i++) {
        Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
        request.has_as_at_date = true;
        request.as_at_date = random_date(f);
        request.has_by_business = true;
        request.by_business = i % 2 == 0;
        check_balances_at(f, request, f->world->record_count);
        uint64_t known_at = f->setup + random_below(&f->random, ENTRIES / 2);
        request.has_known_at_position = true;
        request.known_at_position = known_at;
        check_balances_at(f, request, known_at);
        request.has_known_at_position = false;
        request.has_known_at_time_us = true;
        request.known_at_time_us = world_record_at(f->world, known_at).header.time;
        check_balances_at(f, request, known_at);
    }
}

static void trial_balance_moves_and_closes(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 4; i++) {
        struct table t;
        Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
        civil_date a = random_date(f), b = random_date(f);
        request.has_from_date = request.has_to_date = true;
        request.from_date = a < b ? a : b;
        request.to_date = a < b ? b : a;
        table_run(f->books, NULL, "trial-balance", request, &t);
        assert_int_equal(t.status, STATUS_OK);
        for (size_t row = 0; row < t.row_count; row++) {
            int64_t opening = table_amount(&t, (long)row, "opening", 2);
            int64_t moved =
                table_amount(&t, (long)row, "debit", 2) - table_amount(&t, (long)row, "credit", 2);
            assert_int_equal(opening + moved, table_amount(&t, (long)row, "closing", 2));
            if (t.rows[row]->kind == TOTAL) {
                assert_int_equal(opening, 0);
                assert_int_equal(moved, 0);
                continue;
            }
            struct filter filter = {.account = (uint32_t)table_number(&t, row, "account"),
                                    .business = -1,
                                    .currency = strcmp(table_cell(&t, row, "currency"), "KES") == 0 ? 1 : 2,
                                    .to = date_before(request.from_date),
                                    .known_at = f->world->record_count};
            assert_int_equal(opening, by_hand(f, &filter));
        }
        table_free(&t);
    }
}

/* ---- statements ------------------------------------------------------------------------------------------------------------ */

/* The lines of one account by hand, in (date, position, line) order, against the report's. */
static void check_lines(struct fixture *f, const struct table *t, const struct filter *filter,
                        civil_date from)
{
    struct filter before = *filter;
    before.to = date_before(from);
    int64_t balance = by_hand(f, &before);
    size_t row = 0;
    assert_int_equal(table_amount(t, (long)row++, "balance", 2), balance);
    for (civil_date date = from; date <= filter->to; date = date_add_days(date, 1)) {
        for (uint64_t position = 1; position <= filter->known_at; position++) {
            struct record record = world_record_at(f->world, position);
            for (size_t i = 0; record.header.business_date == date && i < record.posting_count; i++) {
                struct posting posting = record_posting(&record, i);
                if (posting.account != filter->account || posting.currency != filter->currency ||
                    (filter->business >= 0 && posting.business != filter->business))
                    continue;
                balance += posting.amount;
                assert_int_equal(table_number(t, row, "position"), position);
                assert_int_equal(table_amount(t, (long)row, "debit", 2) -
                                     table_amount(t, (long)row, "credit", 2),
                                 posting.amount);
                assert_int_equal(table_amount(t, (long)row++, "balance", 2), balance);
            }
        }
    }
    assert_int_equal(table_amount(t, (long)row++, "balance", 2), balance);
    assert_int_equal(row, t->row_count);
}

static void check_statement(struct fixture *f, uint32_t account, const char *business, uint64_t known_at)
{
    struct table t;
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    request.has_account = true;
    request.account = account;
    request.business = (char *)(uintptr_t)business;
    request.currency = (char *)(uintptr_t) "KES";
    request.has_from_date = true;
    request.from_date = 20250214;
    request.has_known_at_position = known_at != f->world->record_count;
    request.known_at_position = known_at;
    table_run(f->books, NULL, "account-statement", request, &t);
    assert_int_equal(t.status, STATUS_OK);
    struct filter filter = {.account = account,
                            .business = business_of(business),
                            .currency = 1,
                            .to = 20250601,
                            .known_at = known_at};
    if (t.row_count != 0)
        check_lines(f, &t, &filter, request.from_date);
    else
        assert_int_equal(by_hand(f, &filter), 0);
    table_free(&t);
}

static void statements_run_in_order_of_date(void **state)
{
    struct fixture *f = *state;
    static const uint32_t accounts[] = {1170, 5200, 1900, 1310, 4800};
    for (size_t i = 0; i < 5; i++) {
        check_statement(f, accounts[i], "all", f->world->record_count);
        check_statement(f, accounts[i], businesses[random_below(&f->random, 4)], f->world->record_count);
        check_statement(f, accounts[i], "all", f->setup + ENTRIES / 3);
    }
}

static void lists_of_entries_cover_all_once(void **state)
{
    struct fixture *f = *state;
    size_t entries = 0;
    for (uint64_t position = 1; position <= f->world->record_count; position++)
        entries += world_record_at(f->world, position).posting_count != 0;
    for (int newest = 0; newest < 2; newest++) {
        Daftari__V1__ListEntries request = DAFTARI__V1__LIST_ENTRIES__INIT;
        request.has_newest_first = true;
        request.newest_first = newest == 1;
        void *place = NULL;
        ProtobufCMessage *out;
        struct fault why;
        size_t count = 0;
        uint64_t last = newest == 1 ? UINT64_MAX : 0;
        enum status status;
        while ((status = view_step(f->books, NULL, "Entry.List", &request.base, &place, &out, &why)) !=
               STATUS_END) {
            assert_int_equal(status, STATUS_OK);
            const Daftari__V1__EntryInfo *info = (const Daftari__V1__EntryInfo *)out;
            uint64_t key = (uint64_t)info->date << 32 | info->position;
            assert_true(newest == 1 ? key < last : key > last);
            last = key;
            count++;
        }
        view_state_free("Entry.List", place);
        assert_int_equal(count, entries);
    }
}

static void journal_has_every_line_once(void **state)
{
    struct fixture *f = *state;
    struct table t;
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    table_run(f->books, NULL, "general-journal", request, &t);
    assert_int_equal(t.status, STATUS_OK);
    size_t lines = 0, details = 0;
    for (uint64_t position = 1; position <= f->world->record_count; position++)
        lines += world_record_at(f->world, position).posting_count;
    for (size_t row = 0; row < t.row_count; row++) {
        details += t.rows[row]->kind == DETAIL;
        if (t.rows[row]->kind == TOTAL)
            assert_int_equal(table_amount(&t, (long)row, "debit", 2),
                             table_amount(&t, (long)row, "credit", 2));
    }
    assert_int_equal(details, lines);
    assert_true(t.part_count > 1);
    assert_int_equal(t.parts[1]->n_columns, 0);
    table_free(&t);
}

/* ---- financial statements ---------------------------------------------------------------------------------------------------- */

static bool is_money(uint32_t account)
{
    for (size_t i = 0; i < sizeof money / sizeof money[0]; i++) {
        if (money[i] == account)
            return true;
    }
    return false;
}

static int64_t money_by_hand(struct fixture *f, int business, uint16_t currency, civil_date to)
{
    int64_t sum = 0;
    for (size_t i = 0; i < sizeof money / sizeof money[0]; i++) {
        struct filter filter = {.account = money[i],
                                .business = business,
                                .currency = currency,
                                .to = to,
                                .known_at = f->world->record_count};
        sum += by_hand(f, &filter);
    }
    return sum;
}

static void check_cash_flow(struct fixture *f, int business, civil_date from, civil_date to)
{
    struct table t;
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    request.has_from_date = request.has_to_date = true;
    request.from_date = from;
    request.to_date = to;
    request.business = (char *)(uintptr_t)(business >= 0 ? businesses[business] : "all");
    table_run(f->books, NULL, "cash-flow", request, &t);
    assert_int_equal(t.status, STATUS_OK);
    for (uint16_t currency = 1; currency <= 2; currency++) {
        const char *code = currency == 1 ? "KES" : "USD";
        long opening = table_find(&t, TOTAL, "section", "opening", "currency", code, NULL);
        long change = table_find(&t, TOTAL, "section", "change", "currency", code, NULL);
        long closing = table_find(&t, TOTAL, "section", "closing", "currency", code, NULL);
        int64_t net = 0;
        if (opening < 0) {
            assert_int_equal(money_by_hand(f, business, currency, DATE_MAX), 0);
            continue;
        }
        for (size_t row = 0; row < t.row_count; row++) {
            if (t.rows[row]->kind != DETAIL || strcmp(table_cell(&t, row, "currency"), code) != 0)
                continue;
            assert_false(is_money((uint32_t)table_number(&t, row, "account")));
            net += table_amount(&t, (long)row, "net", 2);
        }
        assert_int_equal(table_amount(&t, opening, "net", 2),
                         money_by_hand(f, business, currency, date_before(from)));
        assert_int_equal(table_amount(&t, closing, "net", 2), money_by_hand(f, business, currency, to));
        assert_int_equal(table_amount(&t, change, "net", 2), net);
        assert_int_equal(table_amount(&t, opening, "net", 2) + net, table_amount(&t, closing, "net", 2));
    }
    table_free(&t);
}

static void cash_flow_explains_all_money(void **state)
{
    struct fixture *f = *state;
    for (int business = -1; business < 4; business++) {
        civil_date a = random_date(f), b = random_date(f);
        check_cash_flow(f, business, a < b ? a : b, a < b ? b : a);
    }
}

/* What a record did to money by account, one currency, its businesses erased. */
struct effects {
    uint32_t accounts[40];
    int64_t amounts[40]; /* money in is positive */
    size_t count;
    bool money;
};

static int64_t *effect_of(struct effects *effects, uint32_t account)
{
    for (size_t i = 0; i < effects->count; i++) {
        if (effects->accounts[i] == account)
            return &effects->amounts[i];
    }
    assert_true(effects->count < 40);
    effects->accounts[effects->count] = account;
    effects->amounts[effects->count] = 0;
    return &effects->amounts[effects->count++];
}

/* Inventory that went out (in a reversal: in) against an expense of the same amount, the lowest numbers first. */
static void drop_stock_by_hand(struct effects *effects, bool reversal)
{
    int64_t *stock = effect_of(effects, 1210);
    static const uint32_t expenses[] = {5200, 5300, 5820};
    for (size_t i = 0; (reversal ? *stock < 0 : *stock > 0) && i < 3; i++) {
        int64_t *expense = effect_of(effects, expenses[i]);
        if (*expense == -*stock)
            *stock = *expense = 0;
    }
}

static void flows_by_hand(const struct record *record, uint16_t currency, struct effects *in,
                          struct effects *out)
{
    struct effects effects = {.count = 0};
    for (size_t i = 0; i < record->posting_count; i++) {
        struct posting posting = record_posting(record, i);
        if (posting.currency == currency && is_money(posting.account))
            effects.money = true;
        else if (posting.currency == currency)
            *effect_of(&effects, posting.account) -= posting.amount;
    }
    drop_stock_by_hand(&effects, record->header.type == EVENT_ENTRY_REVERSED);
    for (size_t i = 0; effects.money && i < effects.count; i++) {
        if (effects.amounts[i] > 0)
            *effect_of(in, effects.accounts[i]) += effects.amounts[i];
        else
            *effect_of(out, effects.accounts[i]) -= effects.amounts[i];
    }
}

/* Over all businesses the statement is that of books which know none. */
static void check_consolidated(struct fixture *f, uint16_t currency, civil_date from, civil_date to)
{
    struct effects in = {.count = 0}, out = {.count = 0};
    for (uint64_t position = 1; position <= f->world->record_count; position++) {
        struct record record = world_record_at(f->world, position);
        if (record.header.business_date >= from && record.header.business_date <= to)
            flows_by_hand(&record, currency, &in, &out);
    }
    struct table t;
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    request.has_from_date = request.has_to_date = true;
    request.from_date = from;
    request.to_date = to;
    request.currency = (char *)(uintptr_t)(currency == 1 ? "KES" : "USD");
    table_run(f->books, NULL, "cash-flow", request, &t);
    assert_int_equal(t.status, STATUS_OK);
    for (size_t row = 0; row < t.row_count; row++) {
        if (t.rows[row]->kind != DETAIL)
            continue;
        uint32_t account = (uint32_t)table_number(&t, row, "account");
        assert_int_not_equal(account, 1900);
        assert_int_equal(table_amount(&t, (long)row, "in", 2), *effect_of(&in, account));
        assert_int_equal(table_amount(&t, (long)row, "out", 2), *effect_of(&out, account));
        *effect_of(&in, account) = *effect_of(&out, account) = 0;
    }
    for (size_t i = 0; i < in.count; i++)
        assert_int_equal(in.amounts[i], 0); /* nothing is missing */
    for (size_t i = 0; i < out.count; i++)
        assert_int_equal(out.amounts[i], 0);
    table_free(&t);
}

static void cash_flow_of_all_knows_no_businesses(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 6; i++) { /* after the opening balances, which have a rule of their own */
        civil_date a = date_add_days(20250102, (int32_t)random_below(&f->random, 150));
        civil_date b = date_add_days(20250102, (int32_t)random_below(&f->random, 150));
        check_consolidated(f, (uint16_t)(1 + i % 2), a < b ? a : b, a < b ? b : a);
    }
    check_consolidated(f, 1, 20250102, 20250601);
    check_consolidated(f, 2, 20250102, 20250601);
}

static void sheets_balance_and_businesses_add_up(void **state)
{
    struct fixture *f = *state;
    static const char *const codes[] = {"KES", "USD"};
    struct table sheet, result;
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    request.has_by_business = request.by_business = true;
    table_run(f->books, NULL, "balance-sheet", request, &sheet);
    assert_int_equal(sheet.status, STATUS_OK);
    request.has_from_date = true;
    request.from_date = 20250101;
    table_run(f->books, NULL, "profit-and-loss", request, &result);
    assert_int_equal(result.status, STATUS_OK);
    for (size_t c = 0; c < 2; c++) {
        long assets = table_find(&sheet, TOTAL, "section", "asset", "currency", codes[c], NULL);
        long rest = table_find(&sheet, TOTAL, "section", "liability-and-equity", "currency", codes[c], NULL);
        long open = table_find(&sheet, DETAIL, "name", "Result not yet closed", "currency", codes[c], NULL);
        long profit = table_find(&result, TOTAL, "section", "result", "currency", codes[c], NULL);
        int64_t sum = 0;
        for (size_t b = 0; b < 4; b++) {
            assert_int_equal(table_amount(&sheet, assets, businesses[b], 2),
                             table_amount(&sheet, rest, businesses[b], 2));
            assert_int_equal(table_amount(&sheet, open, businesses[b], 2),
                             table_amount(&result, profit, businesses[b], 2));
            sum += table_amount(&result, profit, businesses[b], 2);
        }
        assert_int_equal(sum, table_amount(&result, profit, "amount", 2));
        assert_int_equal(table_amount(&sheet, assets, "amount", 2), table_amount(&sheet, rest, "amount", 2));
    }
    long control = table_find(&sheet, DETAIL, "account", "1900", "currency", "KES", NULL);
    assert_int_equal(table_amount(&sheet, control, "amount", 2), 0);
    table_free(&sheet);
    table_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_by_one_equals_a_rebuild),
        cmocka_unit_test(the_slice_buffer_changes_nothing),
        cmocka_unit_test(digests_agree_and_tell_apart),
        cmocka_unit_test(balances_at_any_date_and_position),
        cmocka_unit_test(trial_balance_moves_and_closes),
        cmocka_unit_test(statements_run_in_order_of_date),
        cmocka_unit_test(lists_of_entries_cover_all_once),
        cmocka_unit_test(journal_has_every_line_once),
        cmocka_unit_test(cash_flow_explains_all_money),
        cmocka_unit_test(cash_flow_of_all_knows_no_businesses),
        cmocka_unit_test(sheets_balance_and_businesses_add_up),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
