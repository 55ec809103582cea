/* The figures of the three businesses' books (catalogue 9), asked for through the reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "entry.pb-c.h"
#include "people.pb-c.h"
#include "tests/support/example.h"

/* ---- opening balances ---------------------------------------------------------------------------------------------- */

static void opening_capital(struct example *f, const char *business, const char *assets)
{
    struct table t;
    example_ask(f, "balance-sheet", example_request(business), &t);
    long row = table_find(&t, TOTAL, "section", "asset", NULL);
    assert_true(row >= 0);
    assert_amount(&t, row, "amount", assets);
    row = table_find(&t, TOTAL, "section", "liability-and-equity", NULL);
    assert_amount(&t, row, "amount", assets);
    row = table_find(&t, DETAIL, "account", "3100", NULL);
    assert_amount(&t, row, "amount", assets);
    table_free(&t);
}

static void opening_balances_agree(void **state)
{
    struct example *f = *state;
    opening_capital(f, NULL, "181000.00");
    opening_capital(f, "all", "181000.00");
    opening_capital(f, "WTR", "28000.00");
    opening_capital(f, "LND", "8000.00");
    opening_capital(f, "RTL", "65000.00");
    opening_capital(f, "HQ", "80000.00");
}

static void trial_balance_of_the_opening(void **state)
{
    struct example *f = *state;
    struct table t;
    example_ask(f, "trial-balance", example_request("all"), &t);
    assert_int_equal(t.rows[t.row_count - 1]->kind, TOTAL);
    long row = table_find(&t, TOTAL, "currency", "KES", NULL);
    assert_amount(&t, row, "opening", "0.00");
    assert_amount(&t, row, "debit", "181000.00");
    assert_amount(&t, row, "credit", "181000.00");
    assert_amount(&t, row, "closing", "0.00");
    row = table_find(&t, DETAIL, "account", "1110", NULL);
    assert_string_equal(table_cell(&t, (size_t)row, "name"), "Cash - Water");
    assert_string_equal(table_cell(&t, (size_t)row, "type"), "asset");
    assert_amount(&t, row, "closing", "5000.00");
    row = table_find(&t, DETAIL, "account", "3100", NULL);
    assert_amount(&t, row, "closing", "-181000.00");
    size_t details = 0;
    for (size_t i = 0; i < t.row_count; i++)
        details += t.rows[i]->kind == DETAIL;
    assert_int_equal(details, 12); /* 11 accounts with a balance and capital */
    table_free(&t);
}

static void trial_balance_by_business(void **state)
{
    struct example *f = *state;
    struct table t;
    Daftari__V1__RunReport request = example_request(NULL);
    request.has_by_business = request.by_business = true;
    example_ask(f, "trial-balance", request, &t);
    assert_amount(&t, table_find(&t, DETAIL, "account", "3100", "business", "WTR", NULL), "closing",
                  "-28000.00");
    assert_amount(&t, table_find(&t, DETAIL, "account", "3100", "business", "LND", NULL), "closing",
                  "-8000.00");
    assert_amount(&t, table_find(&t, DETAIL, "account", "3100", "business", "RTL", NULL), "closing",
                  "-65000.00");
    assert_amount(&t, table_find(&t, DETAIL, "account", "3100", "business", "HQ", NULL), "closing",
                  "-80000.00");
    table_free(&t);
}

/* ---- worked entries ------------------------------------------------------------------------------------------------ */

static void sale(struct world *world)
{
    example_post(world, "2025-02-03", "WTR", "Sell 10 x 1 Litre",
                 "{\"account\":1110,\"debit\":\"300.00\"},{\"account\":4100,\"credit\":\"300.00\"},"
                 "{\"account\":5110,\"debit\":\"180.00\"},{\"account\":1210,\"credit\":\"180.00\"}");
}

static void bank_mpesa(struct world *world)
{
    example_post(
        world, "2025-02-04", "WTR", "M-Pesa to bank",
        "{\"account\":1170,\"debit\":\"4966.00\",\"business\":\"HQ\"},{\"account\":5820,\"debit\":\"34.00\","
        "\"business\":\"WTR\"},{\"account\":1140,\"credit\":\"5000.00\"}");
}

static void rent(struct world *world)
{
    example_post(
        world, "2025-02-05", "HQ", "Rent",
        "{\"account\":5200,\"debit\":\"9000.00\",\"business\":\"HQ\"},{\"account\":1170,\"credit\":\"9000."
        "00\","
        "\"business\":\"HQ\"}");
    example_post(
        world, "2025-02-05", "HQ", "Rent split",
        "{\"account\":5200,\"debit\":\"3000.00\",\"business\":\"WTR\"},{\"account\":5200,\"debit\":\"3000."
        "00\","
        "\"business\":\"LND\"},{\"account\":5200,\"debit\":\"3000.00\",\"business\":\"RTL\"},"
        "{\"account\":5200,\"credit\":\"9000.00\",\"business\":\"HQ\"}");
}

static void profit_and_loss_by_business(void **state)
{
    struct example *f = *state;
    struct table t;
    sale(f->world);
    bank_mpesa(f->world);
    rent(f->world);
    Daftari__V1__RunReport request = example_request(NULL);
    request.has_by_business = request.by_business = true;
    example_ask(f, "profit-and-loss", request, &t);
    long row = table_find(&t, DETAIL, "account", "5200", NULL);
    assert_amount(&t, row, "HQ", "0.00");
    assert_amount(&t, row, "WTR", "3000.00");
    assert_amount(&t, row, "LND", "3000.00");
    assert_amount(&t, row, "RTL", "3000.00");
    assert_amount(&t, row, "amount", "9000.00");
    row = table_find(&t, TOTAL, "section", "revenue", NULL);
    assert_amount(&t, row, "WTR", "300.00");
    assert_amount(&t, row, "amount", "300.00");
    row = table_find(&t, TOTAL, "section", "result", NULL);
    assert_amount(&t, row, "WTR", "-2914.00"); /* 300 - 180 - 34 - 3,000 */
    assert_amount(&t, row, "LND", "-3000.00");
    assert_amount(&t, row, "HQ", "0.00");
    assert_amount(&t, row, "amount", "-8914.00");
    assert_int_equal(table_find(&t, -1, "account", "1900", NULL), -1);
    table_free(&t);

    request = example_request("WTR");
    request.has_from_date = request.has_to_date = request.has_compare_from_date =
        request.has_compare_to_date = true;
    request.from_date = 20250204;
    request.to_date = 20250228;
    request.compare_from_date = 20250201;
    request.compare_to_date = 20250203;
    example_ask(f, "profit-and-loss", request, &t);
    row = table_find(&t, TOTAL, "section", "result", NULL);
    assert_amount(&t, row, "amount", "-3034.00");
    assert_amount(&t, row, "compare", "120.00");
    table_free(&t);
}

/* Result up to the end of February without a first date. */
static void result_since_the_year_began(struct example *f, const char *business, const char *amount)
{
    struct table t;
    Daftari__V1__RunReport request = example_request(business);
    request.has_to_date = true;
    request.to_date = 20250228;
    example_ask(f, "profit-and-loss", request, &t);
    long row = table_find(&t, TOTAL, "section", "result", NULL);
    assert_amount(&t, row, "amount", amount);
    table_free(&t);
}

static void a_business_may_have_a_year_of_its_own(void **state)
{
    struct example *f = *state;
    sale(f->world);       /* 3 February: 120.00 */
    bank_mpesa(f->world); /* 4 February: -34.00 */
    result_since_the_year_began(f, "WTR", "86.00");
    example_command(f->world, "Business.Set",
                    "{\"business\":\"WTR\",\"from_date\":\"2025-02-01\",\"settings\":[{\"name\":"
                    "\"fiscal_year_start\",\"value\":\"02-04\"}]}");
    result_since_the_year_began(f, "WTR", "-34.00");
    result_since_the_year_began(f, "all", "86.00"); /* the books have their own */
    example_command(f->world, "Business.Set",
                    "{\"business\":\"WTR\",\"from_date\":\"2025-02-02\",\"settings\":[{\"name\":"
                    "\"fiscal_year_start\",\"value\":\"\"}]}");
    result_since_the_year_began(f, "WTR", "86.00");
}

static void interbusiness_vanishes_in_consolidation(void **state)
{
    struct example *f = *state;
    struct table t;
    bank_mpesa(f->world);
    example_ask(f, "balance-sheet", example_request(NULL), &t);
    assert_int_equal(table_find(&t, -1, "account", "1900", NULL), -1);
    assert_amount(&t, table_find(&t, TOTAL, "section", "asset", NULL), "amount", "180966.00");
    assert_amount(&t, table_find(&t, DETAIL, "name", "Result not yet closed", NULL), "amount", "-34.00");
    assert_amount(&t, table_find(&t, TOTAL, "section", "liability-and-equity", NULL), "amount", "180966.00");
    table_free(&t);
    example_ask(f, "balance-sheet", example_request("WTR"), &t);
    assert_amount(&t, table_find(&t, DETAIL, "account", "1900", NULL), "amount", "4966.00");
    table_free(&t);
    example_ask(f, "balance-sheet", example_request("HQ"), &t);
    assert_amount(&t, table_find(&t, DETAIL, "account", "1900", NULL), "amount", "-4966.00");
    table_free(&t);
}

static void cash_flow_is_direct(void **state)
{
    struct example *f = *state;
    struct table t;
    sale(f->world);
    bank_mpesa(f->world);
    example_post(f->world, "2025-02-06", "RTL", "Buy a cylinder",
                 "{\"account\":1230,\"debit\":\"2000.00\"},{\"account\":1130,\"credit\":\"2000.00\"}");
    example_post(
        f->world, "2025-02-07", "WTR", "Owner takes money",
        "{\"account\":3200,\"debit\":\"500.00\",\"business\":\"WTR\"},{\"account\":1110,\"credit\":\"500."
        "00\"}");
    Daftari__V1__RunReport request = example_request(NULL);
    request.has_from_date = true;
    request.from_date = 20250201;
    example_ask(f, "cash-flow", request, &t);
    assert_amount(&t, table_find(&t, TOTAL, "section", "opening", NULL), "net", "111000.00");
    assert_amount(&t, table_find(&t, DETAIL, "account", "4100", NULL), "in", "300.00");
    assert_amount(&t, table_find(&t, DETAIL, "account", "5820", NULL), "out", "34.00");
    assert_int_equal(table_find(&t, -1, "account", "5110", NULL), -1); /* stock that was sold is no money */
    assert_int_equal(table_find(&t, -1, "account", "1210", NULL), -1);
    assert_amount(&t, table_find(&t, TOTAL, "section", "operating", NULL), "net", "266.00");
    assert_amount(&t, table_find(&t, TOTAL, "section", "investing", NULL), "net", "-2000.00");
    assert_amount(&t, table_find(&t, TOTAL, "section", "financing", NULL), "net", "-500.00");
    assert_int_equal(table_find(&t, -1, "section", "between-businesses", NULL), -1);
    assert_amount(&t, table_find(&t, TOTAL, "section", "change", NULL), "net", "-2234.00");
    assert_amount(&t, table_find(&t, TOTAL, "section", "closing", NULL), "net", "108766.00");
    table_free(&t);
    request.business = (char *)(uintptr_t) "WTR";
    example_ask(f, "cash-flow", request, &t);
    assert_amount(&t, table_find(&t, TOTAL, "section", "opening", NULL), "net", "13000.00");
    assert_amount(&t, table_find(&t, TOTAL, "section", "between-businesses", NULL), "net", "-4966.00");
    assert_amount(&t, table_find(&t, TOTAL, "section", "closing", NULL), "net", "7800.00");
    table_free(&t);
    request = example_request(NULL);
    request.has_from_date = request.has_to_date = true;
    request.from_date = request.to_date = 20250101;
    example_ask(f, "cash-flow", request, &t);
    assert_amount(&t, table_find(&t, DETAIL, "account", "3100", NULL), "net", "111000.00");
    assert_amount(&t, table_find(&t, TOTAL, "section", "financing", NULL), "net", "111000.00");
    assert_amount(&t, table_find(&t, TOTAL, "section", "change", NULL), "net", "111000.00");
    table_free(&t);
}

static void owners_account_explains_equity(void **state)
{
    struct example *f = *state;
    struct table t;
    sale(f->world);
    example_post(
        f->world, "2025-02-07", "WTR", "Owner takes money",
        "{\"account\":3200,\"debit\":\"500.00\",\"business\":\"WTR\"},{\"account\":1110,\"credit\":\"500."
        "00\"}");
    example_post(
        f->world, "2025-02-08", "HQ", "Owner pays in",
        "{\"account\":1170,\"debit\":\"1000.00\",\"business\":\"HQ\"},{\"account\":3100,\"credit\":\"1000."
        "00\","
        "\"business\":\"HQ\"}");
    Daftari__V1__RunReport request = example_request(NULL);
    request.has_from_date = true;
    request.from_date = 20250102;
    example_ask(f, "owners-account", request, &t);
    assert_amount(&t, table_find(&t, -1, "item", "opening", NULL), "amount", "181000.00");
    assert_amount(&t, table_find(&t, -1, "item", "capital", NULL), "amount", "1000.00");
    assert_amount(&t, table_find(&t, -1, "item", "drawings", NULL), "amount", "-500.00");
    assert_amount(&t, table_find(&t, -1, "item", "result", NULL), "amount", "120.00");
    assert_amount(&t, table_find(&t, TOTAL, "item", "closing", NULL), "amount", "181620.00");
    table_free(&t);
    request.has_by_business = request.by_business = true;
    example_ask(f, "owners-account", request, &t);
    assert_amount(&t, table_find(&t, TOTAL, "item", "closing", "business", "WTR", NULL), "amount",
                  "27620.00"); /* 28,000 + 120 - 500 */
    assert_amount(&t, table_find(&t, TOTAL, "item", "closing", "business", "HQ", NULL), "amount", "81000.00");
    assert_amount(&t, table_find(&t, TOTAL, "item", "closing", "business", "all", NULL), "amount",
                  "181620.00");
    assert_string_equal(table_cell(&t, t.row_count - 1, "business"), "all"); /* JSON's `totals` is the last */
    assert_int_equal(table_find(&t, -1, "item", "opening", "business", "all", NULL), -1);
    table_free(&t);
    request.business = (char *)(uintptr_t) "WTR";
    example_ask(f, "owners-account", request, &t);
    assert_int_equal(table_find(&t, TOTAL, NULL), t.row_count - 1); /* no second one */
    assert_amount(&t, table_find(&t, TOTAL, "item", "closing", NULL), "amount", "27620.00");
    table_free(&t);
}

/* ---- statements ---------------------------------------------------------------------------------------------------- */

static void statement_shows_back_dated_entries_in_place(void **state)
{
    struct example *f = *state;
    struct table t;
    sale(f->world);
    uint64_t late =
        example_post(f->world, "2025-01-15", "WTR", "Found later",
                     "{\"account\":1110,\"debit\":\"50.00\"},{\"account\":4800,\"credit\":\"50.00\","
                     "\"business\":\"WTR\"}");
    Daftari__V1__RunReport request = example_request(NULL);
    request.has_account = true;
    request.account = 1110;
    request.has_from_date = true;
    request.from_date = 20250102;
    example_ask(f, "account-statement", request, &t);
    assert_int_equal(t.row_count, 4);
    assert_int_equal(t.rows[0]->kind, TOTAL);
    assert_amount(&t, 0, "balance", "5000.00");
    assert_string_equal(table_cell(&t, 1, "date"), "2025-01-15");
    assert_string_equal(table_cell(&t, 1, "number"), "JE-20250115-0001");
    assert_string_equal(table_cell(&t, 1, "description"), "Found later");
    assert_amount(&t, 1, "debit", "50.00");
    assert_amount(&t, 1, "credit", "");
    assert_amount(&t, 1, "balance", "5050.00");
    assert_string_equal(table_cell(&t, 2, "date"), "2025-02-03");
    assert_amount(&t, 2, "balance", "5350.00");
    assert_amount(&t, 3, "debit", "350.00");
    assert_amount(&t, 3, "balance", "5350.00");
    table_free(&t);

    request.has_known_at_position = true; /* what the books said before the late entry */
    request.known_at_position = late - 1;
    example_ask(f, "account-statement", request, &t);
    assert_int_equal(t.row_count, 3);
    assert_amount(&t, 1, "balance", "5300.00");
    assert_amount(&t, 2, "balance", "5300.00");
    table_free(&t);

    request = example_request(NULL);
    request.has_account = request.has_as_at_date = true;
    request.account = 1110;
    request.as_at_date = 20250131;
    example_ask(f, "balances", request, &t);
    assert_amount(&t, table_find(&t, DETAIL, "account", "1110", NULL), "balance", "5050.00");
    table_free(&t);
}

static void statement_pages_carry_the_running_balance(void **state)
{
    struct example *f = *state;
    struct table whole, page;
    for (int i = 0; i < 30; i++)
        sale(f->world);
    Daftari__V1__RunReport request = example_request(NULL);
    request.has_account = true;
    request.account = 1110;
    example_ask(f, "account-statement", request, &whole);
    request.has_limit = request.has_offset = true;
    request.limit = 10;
    request.offset = 15;
    example_ask(f, "account-statement", request, &page);
    assert_int_equal(page.row_count, 12);
    for (size_t i = 0; i < 10; i++)
        assert_string_equal(table_cell(&page, 1 + i, "balance"), table_cell(&whole, 16 + i, "balance"));
    assert_amount(&page, 11, "balance", "14000.00");
    assert_true(f->books->records_read <= 10); /* text is read for the page alone */
    table_free(&whole);
    table_free(&page);
}

/* 1,000 entries of 22 lines: more than one batch of rows. */
static void many_lines(struct world *world)
{
    char lines[2000];
    size_t len = 0;
    for (int i = 0; i < 21; i++)
        len += (size_t)snprintf(lines + len, sizeof lines - len, "{\"account\":1110,\"debit\":\"1.00\"},");
    (void)snprintf(lines + len, sizeof lines - len, "{\"account\":4100,\"credit\":\"21.00\"}");
    for (int i = 0; i < 1000; i++)
        example_post(world, "2025-02-03", "WTR", "Many", lines);
}

static void sale_in_between(void *context)
{
    struct example *f = context;
    sale(f->world);
    view_books_fold(f->books);
}

static void long_reports_come_in_batches(void **state)
{
    struct example *f = *state;
    struct table t;
    many_lines(f->world);
    view_books_fold(f->books);
    Daftari__V1__RunReport request = example_request(NULL);
    request.has_account = request.has_from_date = true;
    request.account = 1110;
    request.from_date = 20250102;
    table_run_with(f->books, NULL, "account-statement", request, sale_in_between, f, &t);
    assert_int_equal(t.status, STATUS_OK);
    assert_int_equal(t.row_count, 21000 + 2);
    for (size_t i = 0; i < 21000; i++)
        assert_int_equal(table_amount(&t, (long)i + 1, "balance", 2), 500000 + 100 * ((int64_t)i + 1));
    assert_amount(&t, 21001, "balance", "26000.00");
    assert_int_equal(t.rows[21001]->kind, TOTAL);
    table_free(&t);

    uint64_t before = f->world->record_count;
    request = example_request(NULL);
    request.has_from_date = true;
    request.from_date = 20250102;
    table_run_with(f->books, NULL, "general-journal", request, sale_in_between, f, &t);
    assert_int_equal(t.status, STATUS_OK);
    size_t lines = 0;
    for (uint64_t position = 1; position <= before; position++) {
        struct record record = world_record_at(f->world, position);
        lines += record.header.business_date >= 20250102 ? record.posting_count : 0;
    }
    assert_int_equal(t.row_count, lines + 1);
    assert_true(lines > 22000);
    assert_true(f->world->record_count > before);
    assert_amount(&t, lines, "debit", table_cell(&t, lines, "credit"));
    assert_int_equal(t.parts[0]->n_columns, 12);
    for (size_t i = 1; i < t.part_count; i++)
        assert_int_equal(t.parts[i]->n_columns, 0);
    table_free(&t);
}

static void journal_shows_reversals(void **state)
{
    struct example *f = *state;
    struct table t;
    char reversal[200];
    uint64_t position =
        example_post(f->world, "2025-03-01", "WTR", "Mistake",
                     "{\"account\":1110,\"debit\":\"70.00\"},{\"account\":4100,\"credit\":\"70.00\"}");
    (void)snprintf(reversal, sizeof reversal, "{\"position\":%llu,\"reason\":\"typed twice\"}",
                   (unsigned long long)position);
    uint64_t taken_back = example_command(f->world, "Entry.Reverse", reversal);
    Daftari__V1__RunReport request = example_request("WTR");
    request.has_from_date = true;
    request.from_date = 20250301;
    example_ask(f, "general-journal", request, &t);
    assert_int_equal(t.row_count, 5);
    assert_string_equal(table_cell(&t, 2, "type"), "REV");
    assert_string_equal(table_cell(&t, 2, "description"), "typed twice");
    assert_amount(&t, 4, "debit", "140.00");
    assert_amount(&t, 4, "credit", "140.00");
    table_free(&t);

    Daftari__V1__ShowEntry show = DAFTARI__V1__SHOW_ENTRY__INIT;
    ProtobufCMessage *out = NULL;
    struct fault why;
    void *none = NULL;
    show.number = (char *)(uintptr_t) "JE-20250301-0001";
    assert_int_equal(view_step(f->books, NULL, "Entry.Show", &show.base, &none, &out, &why), STATUS_OK);
    const Daftari__V1__EntryInfo *info = (const Daftari__V1__EntryInfo *)out;
    assert_int_equal(info->position, position);
    assert_string_equal(info->status, "reversed");
    assert_int_equal(info->reversed_by, taken_back);
    assert_int_equal(info->n_lines, 2);
    assert_string_equal(info->lines[0]->account_name, "Cash - Water");
    assert_int_equal(info->lines[0]->debit_minor, 7000);
}

/* The text of an entry that was drafted or asked for stands in an earlier record. */
static void text_is_found_where_it_was_written(void **state)
{
    struct example *f = *state;
    struct table t;
    char text[200];
    uint64_t draft =
        example_command(f->world, "Entry.Draft",
                        "{\"entry\":{\"date\":\"2025-03-02\",\"business\":\"WTR\",\"description\":\"Kept for "
                        "later\",\"reference\":\"R-1\",\"lines\":[{\"account\":1110,\"debit\":\"5.00\","
                        "\"description\":\"coins\"},{\"account\":4100,\"credit\":\"5.00\"}]}}");
    (void)snprintf(text, sizeof text, "{\"draft\":%llu}", (unsigned long long)draft);
    example_command(f->world, "Entry.PostDraft", text);
    uint64_t adjustment = example_command_of(
        f->world, 1, "Adjustment.Request",
        "{\"reason\":\"count\",\"entry\":{\"date\":\"2025-03-03\",\"business\":\"WTR\","
        "\"type\":\"ADJ\",\"description\":\"Cash short\",\"lines\":[{\"account\":5830,"
        "\"debit\":\"50.00\",\"business\":\"WTR\"},{\"account\":1110,\"credit\":\"50.00\"}]}}");
    (void)snprintf(text, sizeof text, "{\"adjustment\":%llu}", (unsigned long long)adjustment);
    example_command_of(f->world, 2, "Adjustment.Approve", text);
    Daftari__V1__RunReport request = example_request("WTR");
    request.has_from_date = request.has_account = true;
    request.from_date = 20250301;
    request.account = 1110;
    example_ask(f, "account-statement", request, &t);
    assert_int_equal(t.row_count, 4);
    assert_string_equal(table_cell(&t, 1, "description"), "coins");
    assert_string_equal(table_cell(&t, 1, "reference"), "R-1");
    assert_string_equal(table_cell(&t, 1, "type"), "GEN");
    assert_string_equal(table_cell(&t, 2, "description"), "Cash short");
    assert_string_equal(table_cell(&t, 2, "type"), "ADJ");
    assert_amount(&t, 3, "balance", "4955.00");
    table_free(&t);
}

static void year_close_leaves_the_result_readable(void **state)
{
    struct example *f = *state;
    struct table t;
    sale(f->world);
    world_set_day(f->world, 20260110);
    for (int month = 1; month <= 12; month++) {
        char text[60];
        (void)snprintf(text, sizeof text, "{\"month\":%d}", 202500 + month);
        example_command(f->world, "Period.SoftClose", text);
    }
    example_command(f->world, "Period.CloseYear", "{\"year\":2025}");
    Daftari__V1__RunReport request = example_request("WTR");
    request.has_from_date = request.has_to_date = true;
    request.from_date = 20250101;
    request.to_date = 20251231;
    example_ask(f, "profit-and-loss", request, &t);
    assert_amount(&t, table_find(&t, TOTAL, "section", "result", NULL), "amount", "120.00");
    table_free(&t);
    request = example_request("WTR");
    request.has_as_at_date = true;
    request.as_at_date = 20251231;
    example_ask(f, "balance-sheet", request, &t);
    assert_int_equal(table_find(&t, DETAIL, "name", "Result not yet closed", NULL), -1);
    assert_amount(&t, table_find(&t, DETAIL, "account", "3300", NULL), "amount", "120.00");
    assert_amount(&t, table_find(&t, TOTAL, "section", "liability-and-equity", NULL), "amount", "28120.00");
    table_free(&t);
    request = example_request("WTR");
    request.has_from_date = request.has_to_date = true;
    request.from_date = 20250102;
    request.to_date = 20251231;
    example_ask(f, "owners-account", request, &t);
    assert_amount(&t, table_find(&t, -1, "item", "result", NULL), "amount", "120.00");
    assert_amount(&t, table_find(&t, TOTAL, "item", "closing", NULL), "amount", "28120.00");
    table_free(&t);
    example_ask(f, "periods", example_request(NULL), &t);
    assert_true(table_find(&t, DETAIL, "month", "2025-00", NULL) >= 0);
    assert_true(table_find(&t, DETAIL, "month", "2025-12", NULL) >= 0);
    table_free(&t);
}

/* ---- who did what -------------------------------------------------------------------------------------------------- */

static void audit_trail_shows_before_and_after(void **state)
{
    struct example *f = *state;
    struct table t;
    example_command(f->world, "Account.Change", "{\"number\":1110,\"name\":\"Till - Water\"}");
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    request.has_account = true;
    request.account = 1110;
    example_ask(f, "audit-trail", request, &t);
    assert_int_equal(t.row_count, 2);
    assert_string_equal(table_cell(&t, 0, "operation"), "AccountOpened");
    assert_string_equal(table_cell(&t, 0, "before"), "");
    assert_string_equal(table_cell(&t, 1, "operation"), "AccountChanged");
    assert_string_equal(table_cell(&t, 1, "subject"), "account 1110");
    assert_string_equal(table_cell(&t, 1, "before"), "name=Cash - Water");
    assert_string_equal(table_cell(&t, 1, "after"), "name=Till - Water");
    assert_string_equal(table_cell(&t, 1, "user"), "server");
    table_free(&t);
    request = (Daftari__V1__RunReport)DAFTARI__V1__RUN_REPORT__INIT;
    example_ask(f, "user-activity", request, &t);
    long row = table_find(&t, DETAIL, "user", "server", "operation", "OpeningBalancesPosted", NULL);
    assert_amount(&t, row, "count", "4");
    table_free(&t);
}

/* The clock of the server was wrong once: what was recorded "tomorrow" is not hidden by what day it is now. */
static void a_clock_that_went_back_hides_no_records(void **state)
{
    struct example *f = *state;
    struct table t;
    sale(f->world);
    example_ask(f, "audit-trail", example_request(NULL), &t);
    size_t all = t.row_count;
    assert_int_equal(all, f->world->record_count);
    table_free(&t);
    world_set_day(f->world, 20250110);
    example_ask(f, "audit-trail", example_request(NULL), &t);
    assert_int_equal(t.row_count, all);
    table_free(&t);
    example_ask(f, "user-activity", example_request(NULL), &t);
    assert_true(table_find(&t, DETAIL, "user", "server", "operation", "EntryPosted", NULL) >= 0);
    table_free(&t);
    Daftari__V1__RunReport request = example_request(NULL); /* nor from a day that is not there yet */
    request.has_from_date = true;
    request.from_date = 20250601;
    example_ask(f, "audit-trail", request, &t);
    assert_int_equal(t.row_count, all);
    table_free(&t);
    request = example_request(NULL); /* a last day that is asked for holds */
    request.has_to_date = true;
    request.to_date = 20250110;
    example_ask(f, "audit-trail", request, &t);
    assert_int_equal(t.row_count, 0);
    table_free(&t);
}

/* ---- the manual ---------------------------------------------------------------------------------------------------- */

static void section_has(const char *section, const char *end, const char *report, const char *word)
{
    char quoted[100];
    (void)snprintf(quoted, sizeof quoted, "`%s`", word);
    const char *at = strstr(section, quoted);
    if (at == NULL || at >= end)
        fail_msg("docs/reports.md: %s does not name %s", report, word);
}

/* Every report has a section that names its parameters and columns. */
static void the_manual_names_everything(void **state)
{
    struct example *f = *state;
    static char manual[256 * 1024];
    FILE *file = fopen("docs/reports.md", "r");
    assert_non_null(file);
    manual[fread(manual, 1, sizeof manual - 1, file)] = '\0';
    fclose(file);
    example_command(f->world, "Reconciliation.Record",
                    "{\"account\": 1110, \"business\": \"WTR\", \"external_balance\": \"5000.00\"}");
    for (size_t i = 0; i < report_count; i++) {
        char head[80];
        struct table t;
        (void)snprintf(head, sizeof head, "\n## %s\n", reports[i]->name);
        const char *section = strstr(manual, head);
        assert_non_null(section);
        const char *end = strstr(section + 4, "\n## ");
        assert_non_null(end);
        for (const char *const *name = reports[i]->parameters; *name != NULL; name++)
            section_has(section, end, reports[i]->name, *name);
        Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
        request.has_account = strcmp(reports[i]->name, "account-statement") == 0 ||
                              strcmp(reports[i]->name, "reconciliation") == 0;
        request.account = 1110;
        example_ask(f, reports[i]->name, request, &t);
        const char *columns = strcmp(reports[i]->name, "balance-sheet") == 0
                                  ? strstr(manual, "\n## profit-and-loss\n")
                                  : section;
        for (size_t c = 0; c < t.parts[0]->n_columns; c++)
            section_has(columns, end, reports[i]->name, t.parts[0]->columns[c]->name);
        table_free(&t);
    }
}

/* What the domain leaves to the views is answered by them, and nothing else is. */
static void every_query_has_an_answer(void **state)
{
    (void)state;
    size_t left_to_views = 0;
    for (size_t c = 0; c < domain_capability_count; c++) {
        for (size_t m = 0; m < domain_capabilities[c]->method_count; m++) {
            const struct method *method = &domain_capabilities[c]->methods[m];
            bool answered = false;
            for (size_t q = 0; q < view_query_count; q++)
                answered = answered || strcmp(view_queries[q].method, method->name) == 0;
            bool left = method->kind == METHOD_QUERY && method->query == NULL;
            if (left != answered)
                fail_msg("%s", method->name);
            left_to_views += left;
        }
    }
    assert_int_equal(left_to_views, view_query_count);
}

static void the_list_shows_what_one_may_read(void **state)
{
    struct example *f = *state;
    Daftari__V1__ListReports request = DAFTARI__V1__LIST_REPORTS__INIT;
    struct rights rights = *world_owner_rights();
    for (int round = 0; round < 2; round++) {
        void *place = NULL;
        ProtobufCMessage *out;
        struct fault why;
        size_t count = 0;
        while (view_step(f->books, &rights, "Report.List", &request.base, &place, &out, &why) == STATUS_OK)
            count++;
        view_state_free("Report.List", place);
        assert_int_equal(count, round == 0 ? report_count : 2);
        rights.level[DAFTARI__V1__PERMISSION__FINANCE_REPORTS] = PERMISSION_NONE;
        rights.level[DAFTARI__V1__PERMISSION__OPERATION_REPORTS] = PERMISSION_NONE;
    }
}

/* ---- what is refused ----------------------------------------------------------------------------------------------- */

static void refused(struct example *f, const struct rights *rights, const char *report,
                    Daftari__V1__RunReport request, enum status status, const char *field)
{
    struct table t;
    table_run(f->books, rights, report, request, &t);
    assert_int_equal(t.status, status);
    assert_string_equal(t.fault.field, field);
    assert_true(t.fault.text[0] != '\0');
    table_free(&t);
}

static void bad_parameters_are_named(void **state)
{
    struct example *f = *state;
    Daftari__V1__RunReport request = example_request("XYZ");
    refused(f, NULL, "trial-balance", request, STATUS_INVALID, "business");
    request = example_request(NULL);
    refused(f, NULL, "no-such-report", request, STATUS_INVALID, "report");
    refused(f, NULL, "account-statement", request, STATUS_INVALID, "account");
    request.has_from_date = true;
    request.from_date = 20250230;
    refused(f, NULL, "trial-balance", request, STATUS_INVALID, "from_date");
    request.from_date = 20250301;
    request.has_to_date = true;
    request.to_date = 20250201;
    refused(f, NULL, "trial-balance", request, STATUS_INVALID, "from_date");
    struct table t;
    table_run(f->books, NULL, "trial-balance", request, &t);
    assert_string_equal(t.fault.text, "a date not after 2025-02-01, where the report ends; got 2025-03-01");
    table_free(&t);
    request = example_request(NULL);
    request.currency = (char *)(uintptr_t) "ZZZ";
    refused(f, NULL, "trial-balance", request, STATUS_INVALID, "currency");
    request = example_request(NULL);
    request.has_known_at_position = true;
    request.known_at_position = f->world->record_count + 1;
    refused(f, NULL, "trial-balance", request, STATUS_INVALID, "known_at_position");
    request = example_request(NULL);
    request.has_compare_to_date = true;
    request.compare_to_date = 20250101;
    refused(f, NULL, "trial-balance", request, STATUS_INVALID, "compare_to_date");
    request = example_request(NULL);
    request.has_account = true;
    request.account = 1111;
    refused(f, NULL, "account-statement", request, STATUS_INVALID, "account");
}

static void rights_bound_what_is_seen(void **state)
{
    struct example *f = *state;
    struct rights water = *world_owner_rights();
    struct table t;
    water.every_business = false;
    water.may_read[0] = UINT64_C(1) << 1; /* WTR */
    refused(f, &water, "trial-balance", example_request("all"), STATUS_DENIED, "business");
    refused(f, &water, "trial-balance", example_request("RTL"), STATUS_DENIED, "business");
    table_run(f->books, &water, "trial-balance", example_request(NULL), &t);
    assert_int_equal(t.status, STATUS_OK);
    assert_amount(&t, table_find(&t, TOTAL, "currency", "KES", NULL), "debit", "28000.00");
    assert_int_equal(table_find(&t, -1, "account", "1130", NULL), -1);
    table_free(&t);
    water.may_read[0] |= UINT64_C(1) << 3;
    refused(f, &water, "trial-balance", example_request(NULL), STATUS_DENIED, "business");
    water.level[DAFTARI__V1__PERMISSION__FINANCE_REPORTS] = PERMISSION_NONE;
    refused(f, &water, "trial-balance", example_request("WTR"), STATUS_DENIED, "report");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, example_set_up, example_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(opening_balances_agree),
        TEST(trial_balance_of_the_opening),
        TEST(trial_balance_by_business),
        TEST(profit_and_loss_by_business),
        TEST(a_business_may_have_a_year_of_its_own),
        TEST(interbusiness_vanishes_in_consolidation),
        TEST(cash_flow_is_direct),
        TEST(owners_account_explains_equity),
        TEST(statement_shows_back_dated_entries_in_place),
        TEST(statement_pages_carry_the_running_balance),
        TEST(long_reports_come_in_batches),
        TEST(journal_shows_reversals),
        TEST(text_is_found_where_it_was_written),
        TEST(year_close_leaves_the_result_readable),
        TEST(audit_trail_shows_before_and_after),
        TEST(a_clock_that_went_back_hides_no_records),
        TEST(the_manual_names_everything),
        TEST(the_list_shows_what_one_may_read),
        TEST(every_query_has_an_answer),
        TEST(bad_parameters_are_named),
        TEST(rights_bound_what_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
