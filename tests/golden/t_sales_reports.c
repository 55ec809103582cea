/* Sales as reports show them: figures made by hand from the catalogue's prices and costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "people.pb-c.h"
#include "tests/support/example.h"

static void told(struct example *f, const char *method, const char *json)
{
    struct world_actor server = {0};
    struct world_answer answer;
    assert_true(world_command_text(f->world, &server, method, json, &answer));
    if (answer.status != STATUS_OK)
        fail_msg("%s: %s", json, answer.fault.text);
}

/*
 * On 2 January: 10 x 1 litre to Jane on credit, 300.00 (cost 180.00); 3 Coca Cola and a maize flour with 10.00 off, 300.00
 * (cost 235.00) half in cash; a sale of 40 x 500 ml that is void again; gas of 13 kg, 2,990.00 (cost 13/69 of
 * 4,000.00 = 753.62) with a deposit of 4,500.00. On 3 January a Coca Cola comes back: 49.xx of the discounted line.
 */
static void trade(struct example *f)
{
    assert_true(world_load(f->world, "data/kenya-register.jsonl", NULL, NULL));
    assert_true(world_load(f->world, "data/kenya-cylinders.jsonl", NULL, NULL));
    world_set_day(f->world, 20250102);
    told(f, "Customer.Add", "{\"name\": \"Jane\", \"phone\": \"+254700000010\"}");
    told(f, "Sale.Record",
         "{\"business\": \"WTR\", \"date\": \"2025-01-02\", \"customer\": \"+254700000010\", \"lines\": "
         "[{\"item\": \"W1L\", \"quantity\": \"10\"}], \"tenders\": [{\"method\": \"credit\"}]}");
    told(f, "Sale.Record",
         "{\"business\": \"RTL\", \"date\": \"2025-01-02\", \"lines\": [{\"item\": \"BEV001\", \"quantity\": "
         "\"3\", \"discount\": \"10.00\"}, {\"item\": \"GRN002\"}], \"tenders\": [{\"method\": \"cash\", "
         "\"amount\": \"150.00\"}, {\"method\": \"mpesa\", \"amount\": \"150.00\", \"reference\": "
         "\"QAB1CD2EFG\"}]}");
    told(f, "Sale.Record",
         "{\"business\": \"WTR\", \"date\": \"2025-01-02\", \"lines\": [{\"item\": \"W500\", \"quantity\": "
         "\"40\"}]}");
    told(f, "Sale.MakeVoid", "{\"number\": \"WS-20250102-0002\", \"reason\": \"twice\"}");
    told(f, "Cylinder.Exchange",
         "{\"business\": \"RTL\", \"date\": \"2025-01-02\", \"mode\": \"deposit\", \"serial_out\": "
         "\"SH13-0001\"}");
    world_set_day(f->world, 20250103);
    told(f, "Return.Record",
         "{\"number\": \"RS-20250102-0001\", \"date\": \"2025-01-03\", \"reason\": \"flat\", \"lines\": "
         "[{\"line\": 1, \"quantity\": \"1\"}]}");
}

static Daftari__V1__RunReport of_january(const char *business)
{
    Daftari__V1__RunReport request = example_request(business);
    request.has_from_date = request.has_to_date = true;
    request.from_date = 20250101;
    request.to_date = 20250131;
    return request;
}

static void cells_are(const struct table *t, long row, const char *const *pairs)
{
    if (row < 0)
        fail_msg("no such row");
    for (; *pairs != NULL; pairs += 2)
        if (strcmp(table_cell(t, (size_t)row, pairs[0]), pairs[1]) != 0)
            fail_msg("%s: %s, not %s", pairs[0], table_cell(t, (size_t)row, pairs[0]), pairs[1]);
}
#define row_is(table, row, ...) cells_are(table, row, (const char *const[]){__VA_ARGS__, NULL})

static void by_item(void **state)
{
    struct example *f = *state;
    struct table t;
    trade(f);
    example_ask(f, "sales-by-item", of_january(NULL), &t);
    row_is(&t, 0, "item", "GAS", "total", "2990.00", "quantity", "13", "cost",
           "753.62"); /* the most comes first */
    row_is(&t, table_find(&t, DETAIL, "item", "W1L", NULL), "business", "all", "count", "1", "quantity", "10",
           "gross", "300.00", "discount", "0.00", "total", "300.00", "tax", "0.00", "net", "300.00", "cost",
           "180.00", "margin", "120.00", "margin_percent", "40.00");
    /* Three at 50.00 with 10.00 off; a third of 140.00 comes back as 46.67. */
    row_is(&t, table_find(&t, DETAIL, "item", "BEV001", NULL), "count", "1", "quantity", "2", "gross",
           "150.00", "discount", "10.00", "returned", "46.67", "total", "93.33", "cost", "70.00", "margin",
           "23.33", "margin_percent", "25.00");
    assert_int_equal(table_find(&t, DETAIL, "item", "W500", NULL), -1); /* void */
    row_is(&t, table_find(&t, TOTAL, "unit", "Total", NULL), "quantity", "26", "total", "3543.33", "cost",
           "1133.62");
    table_free(&t);
    example_ask(f, "sales-by-item", of_january("WTR"), &t);
    assert_int_equal(t.row_count, 2);
    row_is(&t, 0, "item", "W1L", "business", "WTR", "unit", "bottle");
    table_free(&t);
}

static void by_day_hour_and_category(void **state)
{
    struct example *f = *state;
    struct table t;
    trade(f);
    example_ask(f, "sales-by-day", of_january(NULL), &t);
    assert_int_equal(t.row_count, 3);
    row_is(&t, 0, "date", "2025-01-02", "count", "3", "total", "3590.00", "margin", "2421.38");
    row_is(&t, 1, "date", "2025-01-03", "count", "0", "gross", "0.00", "returned", "46.67", "total",
           "-46.67");
    table_free(&t);
    example_ask(f, "sales-by-hour", of_january(NULL), &t);
    row_is(&t, 0, "hour", "9", "count", "3", "total", "3543.33");
    assert_int_equal(t.row_count, 2);
    table_free(&t);
    example_ask(f, "sales-by-month", of_january(NULL), &t);
    row_is(&t, 0, "month", "2025-01", "total", "3543.33");
    table_free(&t);
    Daftari__V1__RunReport request = of_january(NULL);
    request.has_by_business = request.by_business = true;
    example_ask(f, "sales-by-category", request, &t);
    row_is(&t, table_find(&t, DETAIL, "category", "Beverages", "business", "RTL", NULL), "total", "93.33");
    row_is(&t, table_find(&t, DETAIL, "category", "LPG Gas", "business", "RTL", NULL), "total", "2990.00");
    table_free(&t);
    request = of_january(NULL);
    request.to_date = 20250102; /* in the middle of a month: days alone */
    example_ask(f, "sales-by-month", request, &t);
    row_is(&t, 0, "month", "2025-01", "total", "3590.00");
    table_free(&t);
    request.from_date = 20241115; /* days, whole months, days */
    request.to_date = 20250103;
    example_ask(f, "sales-by-month", request, &t);
    row_is(&t, 0, "month", "2025-01", "total", "3543.33");
    table_free(&t);
    request.from_date = request.to_date = 20250103;
    example_ask(f, "sales-by-month", request, &t);
    row_is(&t, 0, "month", "2025-01", "total", "-46.67");
    table_free(&t);
}

static void by_who_and_how(void **state)
{
    struct example *f = *state;
    struct table t;
    trade(f);
    example_ask(f, "sales-by-customer", of_january(NULL), &t);
    row_is(&t, table_find(&t, DETAIL, "name", "Jane", NULL), "key", "+254700000010", "total", "300.00");
    row_is(&t, table_find(&t, DETAIL, "name", "Walk-in", NULL), "number", "", "total", "3243.33");
    table_free(&t);
    example_ask(f, "sales-by-cashier", of_january(NULL), &t);
    row_is(&t, 0, "user", "server", "total", "3543.33");
    table_free(&t);
    /* 150.00, gas and deposit of 7,490.00, less 46.67 given back. */
    example_ask(f, "sales-by-tender", of_january(NULL), &t);
    row_is(&t, table_find(&t, DETAIL, "tender", "cash", NULL), "amount", "7593.33", "percent", "94.41");
    row_is(&t, table_find(&t, DETAIL, "tender", "mpesa", NULL), "amount", "150.00", "percent", "1.86");
    row_is(&t, table_find(&t, DETAIL, "tender", "credit", NULL), "amount", "300.00", "percent", "3.73");
    row_is(&t, table_find(&t, TOTAL, "tender", "Total", NULL), "amount", "8043.33", "percent", "100.00");
    table_free(&t);
}

/* What the books said before the void: it was a sale. */
static void as_known_before_the_void(void **state)
{
    struct example *f = *state;
    struct table t;
    trade(f);
    Daftari__V1__RunReport request = of_january("WTR");
    request.has_known_at_position = true;
    request.known_at_position = f->world->record_count - 3;
    example_ask(f, "sales-by-item", request, &t);
    row_is(&t, table_find(&t, DETAIL, "item", "W500", NULL), "quantity", "40", "total", "800.00");
    table_free(&t);
}

/* Whoever may see what was sold, but not the finances, sees no cost; without the right to customers no names. */
static void costs_are_for_those_who_may_see_them(void **state)
{
    struct example *f = *state;
    struct table t;
    struct rights rights = *world_owner_rights();
    trade(f);
    rights.level[DAFTARI__V1__PERMISSION__FINANCE_REPORTS] = PERMISSION_NONE;
    rights.level[DAFTARI__V1__PERMISSION__SALES] = PERMISSION_NONE;
    view_books_fold(f->books);
    table_run(f->books, &rights, "sales-by-customer", of_january(NULL), &t);
    assert_int_equal(t.status, STATUS_OK);
    row_is(&t, table_find(&t, DETAIL, "number", "1", NULL), "name", "", "key", "", "total", "300.00", "cost",
           "", "margin", "", "margin_percent", "");
    table_free(&t);
}

/* Tax inside: 300.00 at 16 % is 258.62 and 41.38 (catalogue 9). */
static void with_vat(void **state)
{
    struct example *f = *state;
    struct table t;
    assert_true(world_load(f->world, "data/kenya-register.jsonl", NULL, NULL));
    told(f, "Business.Set",
         "{\"business\": \"WTR\", \"from\": \"2025-01-01\", \"settings\": [{\"name\": \"vat_mode\", "
         "\"value\": "
         "\"inclusive\"}]}");
    told(f, "Sale.Record",
         "{\"business\": \"WTR\", \"date\": \"2025-01-02\", \"lines\": [{\"item\": \"W1L\", \"quantity\": "
         "\"10\"}]}");
    example_ask(f, "sales-by-item", of_january(NULL), &t);
    row_is(&t, 0, "total", "300.00", "tax", "41.38", "net", "258.62", "cost", "180.00", "margin", "78.62",
           "margin_percent", "30.40");
    table_free(&t);
}

int main(void)
{
#define WITH_BOOKS(test) cmocka_unit_test_setup_teardown(test, example_set_up, example_tear_down)
    const struct CMUnitTest tests[] = {
        WITH_BOOKS(by_item),
        WITH_BOOKS(by_day_hour_and_category),
        WITH_BOOKS(by_who_and_how),
        WITH_BOOKS(as_known_before_the_void),
        WITH_BOOKS(costs_are_for_those_who_may_see_them),
        WITH_BOOKS(with_vat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
