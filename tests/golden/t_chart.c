/* The headings of the chart in trial balance, profit and loss and balance sheet, with subtotals made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/example.h"

#define SUBTOTAL DAFTARI__V1__ROW_KIND__SUBTOTAL

static void group(struct example *f, unsigned number, const char *name, unsigned parent)
{
    char text[200];
    (void)snprintf(text, sizeof text, "{\"number\": %u, \"name\": \"%s\", \"header\": true, \"parent\": %u}",
                   number, name, parent);
    example_command(f->world, "Account.Open", text);
}

static void put_under(struct example *f, unsigned account, unsigned parent)
{
    char text[100];
    (void)snprintf(text, sizeof text, "{\"number\": %u, \"parent\": %u}", account, parent);
    example_command(f->world, "Account.Change", text);
}

/* 1000 Current assets (1100 Money (1110, 1140, 1171), 1210) and 4000 Sales (4100, 4300); 1120, 1130 and the others have
 * no heading. What is grouped does not stand side by side by number. */
static void group_the_chart(struct example *f)
{
    group(f, 1000, "Current assets", 0);
    group(f, 1100, "Money", 1000);
    group(f, 4000, "Sales", 0);
    put_under(f, 1110, 1100);
    put_under(f, 1140, 1100);
    put_under(f, 1171, 1100);
    put_under(f, 1210, 1000);
    put_under(f, 4100, 4000);
    put_under(f, 4300, 4000);
}

struct place {
    int kind;
    uint32_t depth;
    const char *name;
};

static void expect_order(const struct table *t, const struct place *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(i < t->row_count);
        const char *name = table_cell(t, i, "name");
        if (strcmp(name, places[i].name) != 0)
            fail_msg("row %zu: %s, not %s", i, name, places[i].name);
        assert_int_equal(t->rows[i]->kind, places[i].kind);
        assert_int_equal(t->rows[i]->depth, places[i].depth);
    }
}

/* Whoever adds up the details counts nothing twice. */
static void expect_details_add_up(const struct table *t, const char *column, const char *section, long total)
{
    int64_t sum = 0;
    for (size_t i = 0; i < t->row_count; i++) {
        if (t->rows[i]->kind == DETAIL &&
            (section == NULL || strcmp(table_cell(t, i, "section"), section) == 0))
            sum += table_amount(t, (long)i, column, 2);
    }
    assert_int_equal(sum, table_amount(t, total, column, 2));
}

static void trial_balance(void **state)
{
    static const struct place order[] = {
        {HEADING, 0, "Current assets"},     {HEADING, 1, "Money"},
        {DETAIL, 2, "Cash - Water"},        {DETAIL, 2, "M-Pesa - Water"},
        {DETAIL, 2, "Equity Bank Account"}, {SUBTOTAL, 1, "Total Money"},
        {DETAIL, 1, "Water Inventory"},     {SUBTOTAL, 0, "Total Current assets"},
        {DETAIL, 0, "Cash - Laundry"},
    };
    struct example *f = *state;
    struct table t;
    group_the_chart(f);
    example_post(f->world, "2025-02-03", "WTR", "Sale",
                 "{\"account\":1110,\"debit\":\"300.00\"},{\"account\":4100,\"credit\":\"300.00\"}");
    Daftari__V1__RunReport request = example_request("all");
    request.has_from_date = request.has_to_date = true;
    request.from_date = 20250201;
    request.to_date = 20250228;
    example_ask(f, "trial-balance", request, &t);
    expect_order(&t, order, sizeof order / sizeof order[0]);
    long row = table_find(&t, HEADING, "account", "1100", NULL);
    assert_string_equal(table_cell(&t, (size_t)row, "closing"), "");
    row = table_find(&t, SUBTOTAL, "name", "Total Money", NULL);
    assert_string_equal(table_cell(&t, (size_t)row, "account"), "");
    assert_amount(&t, row, "opening", "43000.00"); /* 5,000 + 8,000 + 30,000 */
    assert_amount(&t, row, "debit", "300.00");
    assert_amount(&t, row, "credit", "0.00");
    assert_amount(&t, row, "closing", "43300.00");
    row = table_find(&t, SUBTOTAL, "name", "Total Current assets", NULL);
    assert_amount(&t, row, "closing", "58300.00"); /* and 15,000 */
    row = table_find(&t, SUBTOTAL, "name", "Total Sales", NULL);
    assert_amount(&t, row, "closing", "-300.00");
    row = table_find(&t, TOTAL, "currency", "KES", NULL);
    assert_amount(&t, row, "opening", "0.00");
    assert_amount(&t, row, "debit", "300.00");
    assert_amount(&t, row, "closing", "0.00");
    expect_details_add_up(&t, "debit", NULL, row);
    expect_details_add_up(&t, "closing", NULL, row);
    table_free(&t);
}

/* A page, one account, and the list of balances are of accounts alone. */
static void no_headings_where_they_would_mislead(void **state)
{
    struct example *f = *state;
    group_the_chart(f);
    for (int round = 0; round < 3; round++) {
        struct table t;
        Daftari__V1__RunReport request = example_request(NULL);
        request.has_limit = round == 0;
        request.limit = 2;
        request.has_account = round == 1;
        request.account = 1110;
        example_ask(f, round == 2 ? "balances" : "trial-balance", request, &t);
        assert_int_equal(table_find(&t, HEADING, NULL), -1);
        assert_int_equal(table_find(&t, SUBTOTAL, NULL), -1);
        assert_string_equal(table_cell(&t, 0, "account"), "1110");
        if (round == 0)
            assert_string_equal(table_cell(&t, 1, "account"), "1120");
        table_free(&t);
    }
}

static void profit_and_loss_by_business(void **state)
{
    static const struct place order[] = {
        {HEADING, 0, "Revenue"},
        {HEADING, 1, "Sales"},
        {DETAIL, 2, "Water Sales Revenue"},
        {DETAIL, 2, "Retail Sales Revenue"},
        {SUBTOTAL, 1, "Total Sales"},
        {DETAIL, 1, "Laundry Service Revenue"},
        {TOTAL, 0, "Total revenue"},
    };
    struct example *f = *state;
    struct table t;
    group_the_chart(f);
    example_post(f->world, "2025-02-03", "WTR", "Sale",
                 "{\"account\":1110,\"debit\":\"300.00\"},{\"account\":4100,\"credit\":\"300.00\"}");
    example_post(f->world, "2025-02-03", "LND", "Job",
                 "{\"account\":1120,\"debit\":\"70.00\"},{\"account\":4200,\"credit\":\"70.00\"}");
    example_post(f->world, "2025-02-04", "RTL", "Sale",
                 "{\"account\":1130,\"debit\":\"50.00\"},{\"account\":4300,\"credit\":\"50.00\"}");
    Daftari__V1__RunReport request = example_request(NULL);
    request.has_by_business = request.by_business = true;
    example_ask(f, "profit-and-loss", request, &t);
    expect_order(&t, order, sizeof order / sizeof order[0]);
    long row = table_find(&t, SUBTOTAL, "section", "revenue", NULL);
    assert_amount(&t, row, "WTR", "300.00");
    assert_amount(&t, row, "LND", "0.00");
    assert_amount(&t, row, "RTL", "50.00");
    assert_amount(&t, row, "amount", "350.00");
    row = table_find(&t, TOTAL, "section", "revenue", NULL);
    assert_amount(&t, row, "amount", "420.00");
    expect_details_add_up(&t, "amount", "revenue", row);
    table_free(&t);
}

static void balance_sheet_with_a_comparison(void **state)
{
    struct example *f = *state;
    struct table t;
    group_the_chart(f);
    example_post(f->world, "2025-02-03", "WTR", "Sale",
                 "{\"account\":1110,\"debit\":\"300.00\"},{\"account\":4100,\"credit\":\"300.00\"}");
    Daftari__V1__RunReport request = example_request(NULL);
    request.has_as_at_date = request.has_compare_to_date = true;
    request.as_at_date = 20250228;
    request.compare_to_date = 20250131;
    example_ask(f, "balance-sheet", request, &t);
    long row = table_find(&t, SUBTOTAL, "name", "Total Current assets", NULL);
    assert_amount(&t, row, "amount", "58300.00");
    assert_amount(&t, row, "compare", "58000.00");
    row = table_find(&t, TOTAL, "section", "asset", NULL);
    assert_amount(&t, row, "amount", "181300.00");
    expect_details_add_up(&t, "amount", "asset", row);
    expect_details_add_up(&t, "compare", "asset", row);
    row = table_find(&t, TOTAL, "section", "liability-and-equity", NULL);
    assert_amount(&t, row, "amount", "181300.00");
    row = table_find(&t, DETAIL, "section", "equity", "name", "Result not yet closed", NULL);
    assert_int_equal(t.rows[row + 1]->kind, TOTAL); /* after the accounts */
    table_free(&t);
}

/* 33 levels: as deep as a chart goes, and one that came there by moving what was above. */
static void a_deep_chart(void **state)
{
    struct example *f = *state;
    struct table t;
    for (unsigned i = 0; i < 32; i++)
        group(f, 10000 + i, "Level", i == 0 ? 0 : 10000 + i - 1);
    put_under(f, 1110, 10031);
    group(f, 1000, "Top", 0);
    put_under(f, 10000, 1000);
    example_ask(f, "balance-sheet", example_request(NULL), &t);
    size_t headings = 0, subtotals = 0;
    for (size_t i = 0; i < t.row_count; i++) {
        headings += t.rows[i]->kind == HEADING;
        subtotals += t.rows[i]->kind == SUBTOTAL;
    }
    assert_int_equal(headings, 3 + 32); /* of the sections, and the outermost 32 */
    assert_int_equal(subtotals, 32);
    long row = table_find(&t, SUBTOTAL, "name", "Total Top", NULL);
    assert_amount(&t, row, "amount", "5000.00");
    row = table_find(&t, TOTAL, "section", "asset", NULL);
    assert_amount(&t, row, "amount", "181000.00");
    table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(trial_balance, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(no_headings_where_they_would_mislead, example_set_up,
                                        example_tear_down),
        cmocka_unit_test_setup_teardown(profit_and_loss_by_business, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(balance_sheet_with_a_comparison, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(a_deep_chart, example_set_up, example_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
