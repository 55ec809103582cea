/* Whether the books tie out: the register's golden numbers (catalogue 9), and what a line without a party leaves open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/example.h"

static void told(struct example *f, const char *method, const char *json)
{
    struct world_actor server = {0};
    struct world_answer answer;
    assert_true(world_command_text(f->world, &server, method, json, &answer));
    if (answer.status != STATUS_OK)
        fail_msg("%s: %s", json, answer.fault.text);
}

static void row_is(const struct table *t, const char *check, const char *account, const char *business,
                   const char *books, const char *other, const char *difference, const char *state)
{
    long row = table_find(t, DETAIL, "check", check, "account", account, "business", business, NULL);
    if (row < 0)
        fail_msg("no row %s %s %s", check, account, business);
    assert_amount(t, row, "books", books);
    assert_amount(t, row, "register", other);
    assert_amount(t, row, "difference", difference);
    assert_string_equal(table_cell(t, (size_t)row, "state"), state);
    assert_int_equal(table_cell(t, (size_t)row, "look")[0] != '\0', strcmp(state, "ok") != 0);
}

static size_t count_state(const struct table *t, const char *state)
{
    size_t count = 0;
    for (size_t i = 0; i < t->row_count; i++)
        count += strcmp(table_cell(t, i, "state"), state) == 0;
    return count;
}

/* Opening balances alone: the ledger has stock and cylinders that no register knows. */
static void no_register_yet(void **state)
{
    struct example *f = *state;
    struct table t;
    example_ask(f, "check-books", example_request(NULL), &t);
    row_is(&t, "stock", "1210", "WTR", "15000.00", "0.00", "15000.00", "differs");
    row_is(&t, "stock", "1220", "RTL", "25000.00", "0.00", "25000.00", "differs");
    row_is(&t, "cylinders", "1230", "RTL", "30000.00", "0.00", "30000.00", "differs");
    row_is(&t, "debits-and-credits", "", "WTR", "28000.00", "28000.00", "0.00", "ok");
    assert_int_equal(count_state(&t, "differs"), 3);
    assert_int_equal(count_state(&t, "unchecked"), 3); /* the tills */
    table_free(&t);
}

static void open_registers(struct example *f)
{
    assert_true(world_load(f->world, "data/kenya-register.jsonl", NULL, NULL));
    assert_true(world_load(f->world, "data/kenya-cylinders.jsonl", NULL, NULL));
}

static void everything_ties(void **state)
{
    struct example *f = *state;
    struct table t;
    open_registers(f);
    told(f, "Customer.Add", "{\"name\": \"Jane\", \"phone\": \"+254700000010\"}");
    told(f, "Supplier.Add", "{\"name\": \"Bottles\"}");
    told(f, "Sale.Record",
         "{\"business\": \"WTR\", \"customer\": \"+254700000010\", \"lines\": [{\"item\": \"W1L\", "
         "\"quantity\": \"10\"}], \"tenders\": [{\"method\": \"credit\"}]}");
    told(f, "Purchase.Record",
         "{\"business\": \"WTR\", \"supplier\": \"Bottles\", \"lines\": [{\"item\": \"W1L\", \"quantity\": "
         "\"10\", \"unit_cost\": \"12.00\"}], \"tenders\": [{\"method\": \"credit\"}]}");
    told(f, "Cylinder.Exchange",
         "{\"business\": \"RTL\", \"mode\": \"deposit\", \"serial_out\": \"SH13-0001\", \"tenders\": "
         "[{\"method\": \"cash\"}]}");
    example_ask(f, "check-books", example_request(NULL), &t);
    row_is(&t, "customers", "1310", "WTR", "300.00", "300.00", "0.00", "ok");
    row_is(&t, "suppliers", "2110", "WTR", "120.00", "120.00", "0.00", "ok");
    row_is(&t, "stock", "1210", "WTR", "52540.00", "52540.00", "0.00", "ok"); /* 52,600 - 180 + 120 */
    row_is(&t, "stock", "1220", "RTL", "20950.00", "20950.00", "0.00", "ok");
    row_is(&t, "cylinders", "1230", "RTL", "26000.00", "26000.00", "0.00", "ok");
    row_is(&t, "deposits", "2130", "RTL", "4500.00", "4500.00", "0.00", "ok");
    assert_int_equal(count_state(&t, "differs"), 0);
    assert_string_equal(t.parts[0]->notes[0], "Everything ties out.");
    table_free(&t);
    example_ask(f, "check-books", example_request("WTR"), &t);
    assert_int_equal(table_find(&t, DETAIL, "business", "RTL", NULL), -1);
    assert_int_equal(table_find(&t, DETAIL, "check", "between-businesses", NULL), -1);
    table_free(&t);
}

/* A line by hand that names nobody is in the ledger and on no customer's account. */
static void a_line_without_a_party_shows(void **state)
{
    struct example *f = *state;
    struct table t;
    open_registers(f);
    told(f, "Entry.Post",
         "{\"business\": \"LND\", \"description\": \"x\", \"lines\": [{\"account\": 1310, \"debit\": "
         "\"100.00\"}, {\"account\": 4200, \"credit\": \"100.00\"}]}");
    told(f, "Entry.Post",
         "{\"business\": \"RTL\", \"description\": \"x\", \"lines\": [{\"account\": 2110, \"credit\": "
         "\"30.00\"}, {\"account\": 1220, \"debit\": \"30.00\"}]}");
    example_ask(f, "check-books", example_request(NULL), &t);
    row_is(&t, "customers", "1310", "LND", "100.00", "0.00", "100.00", "differs");
    row_is(&t, "suppliers", "2110", "RTL", "30.00", "0.00", "30.00", "differs");
    row_is(&t, "stock", "1220", "RTL", "20980.00", "20950.00", "30.00", "differs");
    assert_int_equal(count_state(&t, "differs"), 3);
    assert_string_equal(t.parts[0]->notes[0], "3 of these differ.");
    table_free(&t);
}

/* The ledger of a till is its statement and what is unmatched; an entry of an earlier day that came since differs. */
static void a_till_against_its_statement(void **state)
{
    struct example *f = *state;
    struct table t;
    open_registers(f);
    told(
        f, "Entry.Post",
        "{\"business\": \"WTR\", \"date\": \"2025-01-02\", \"description\": \"x\", \"lines\": [{\"account\": "
        "1140, \"debit\": \"250.00\"}, {\"account\": 4100, \"credit\": \"250.00\"}]}");
    told(f, "Reconciliation.Start",
         "{\"account\": 1140, \"business\": \"WTR\", \"from\": \"2025-01-02\", \"as_at\": \"2025-01-02\", "
         "\"opening_balance\": \"8000.00\", \"external_balance\": \"8100.00\"}");
    char json[200];
    (void)snprintf(json, sizeof json,
                   "{\"reconciliation\": %zu, \"lines\": [{\"date\": \"2025-01-02\", \"reference\": \"A\", "
                   "\"amount\": \"100.00\"}]}",
                   f->world->record_count);
    uint64_t start = f->world->record_count;
    told(f, "Reconciliation.AddLines", json);
    (void)snprintf(json, sizeof json, "{\"reconciliation\": %llu}", (unsigned long long)start);
    told(f, "Reconciliation.Complete", json);
    example_ask(f, "check-books", example_request(NULL), &t);
    /* 8,100 less the line of 100 that the books lack, and the 250 that the statement lacks. */
    row_is(&t, "statement", "1140", "WTR", "8250.00", "8250.00", "0.00", "ok");
    row_is(&t, "statement", "1141", "LND", "", "", "", "unchecked");
    table_free(&t);
    told(f, "Entry.Post",
         "{\"business\": \"WTR\", \"date\": \"2025-01-02\", \"description\": \"late\", \"lines\": "
         "[{\"account\": 1140, \"debit\": \"7.00\"}, {\"account\": 4100, \"credit\": \"7.00\"}]}");
    example_ask(f, "check-books", example_request(NULL), &t);
    row_is(&t, "statement", "1140", "WTR", "8257.00", "8250.00", "7.00", "differs");
    table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_register_yet, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(everything_ties, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(a_line_without_a_party_shows, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(a_till_against_its_statement, example_set_up, example_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
