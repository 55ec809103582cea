/* What customers owe and suppliers are owed by age, asked for through the reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "people.pb-c.h"
#include "tests/support/example.h"

static void debts_age(void **state)
{
    struct example *f = *state;
    struct table t;
    struct world_actor server = {0};
    struct world_answer answer;
    static const struct {
        const char *method, *json;
    } acts[] = {
        {"Customer.Add", "{\"name\": \"Jane\", \"phone\": \"+254700000010\"}"},
        {"Supplier.Add", "{\"name\": \"Bottles\", \"terms_days\": 30}"},
        {"Entry.Post", "{\"business\": \"LND\", \"date\": \"2025-01-10\", \"description\": \"x\", \"lines\": "
                       "[{\"account\": 1310, \"debit\": \"100.00\", \"party\": \"+254700000010\"}, "
                       "{\"account\": 4200, \"credit\": \"100.00\"}]}"},
        {"Entry.Post", "{\"business\": \"LND\", \"date\": \"2025-02-20\", \"description\": \"x\", \"lines\": "
                       "[{\"account\": 1310, \"debit\": \"50.00\", \"party\": \"+254700000010\"}, "
                       "{\"account\": 4200, \"credit\": \"50.00\"}]}"},
        {"Payment.Receive", "{\"business\": \"LND\", \"date\": \"2025-02-25\", \"customer\": "
                            "\"+254700000010\", \"tenders\": [{\"amount\": \"30.00\"}]}"},
        {"Entry.Post", "{\"business\": \"WTR\", \"date\": \"2025-01-20\", \"description\": \"x\", \"lines\": "
                       "[{\"account\": 2110, \"credit\": \"70.00\", \"party\": \"Bottles\"}, "
                       "{\"account\": 5810, \"debit\": \"70.00\"}]}"},
    };
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        assert_true(world_command_text(f->world, &server, acts[i].method, acts[i].json, &answer));
        assert_int_equal(answer.status, STATUS_OK);
    }
    Daftari__V1__RunReport request = example_request(NULL);
    request.has_to_date = true;
    request.to_date = 20250301;
    example_ask(f, "receivables-aging", request, &t);
    long row = table_find(&t, DETAIL, "name", "Jane", "key", "+254700000010", NULL);
    assert_amount(&t, row, "days_30", "50.00");
    assert_amount(&t, row, "days_60", "70.00");
    assert_amount(&t, row, "balance", "120.00");
    assert_amount(&t, row, "overdue", "120.00");
    assert_amount(&t, table_find(&t, TOTAL, "name", "All", NULL), "balance", "120.00");
    table_free(&t);
    request.to_date = 20250220; /* before the payment */
    example_ask(f, "receivables-aging", request, &t);
    row = table_find(&t, DETAIL, "name", "Jane", NULL);
    assert_amount(&t, row, "days_30", "50.00");
    assert_amount(&t, row, "days_60", "100.00");
    assert_amount(&t, row, "overdue", "100.00");
    table_free(&t);
    request.business = (char *)(uintptr_t) "WTR";
    example_ask(f, "receivables-aging", request, &t);
    assert_int_equal(table_find(&t, DETAIL, "name", "Jane", NULL), -1);
    table_free(&t);
    request.business = NULL;
    request.to_date = 20250301;
    request.has_known_at_position = true;
    request.known_at_position = f->world->record_count - 2; /* before the payment was known */
    example_ask(f, "receivables-aging", request, &t);
    assert_amount(&t, table_find(&t, DETAIL, "name", "Jane", NULL), "balance", "150.00");
    table_free(&t);
    request.has_known_at_position = false;
    example_ask(f, "payables-aging", request, &t);
    row = table_find(&t, DETAIL, "name", "Bottles", NULL);
    assert_amount(&t, row, "days_60", "70.00");
    assert_amount(&t, row, "overdue", "70.00");
    table_free(&t);
    request.to_date = 20250215;
    example_ask(f, "payables-aging", request, &t);
    assert_amount(&t, table_find(&t, DETAIL, "name", "Bottles", NULL), "overdue", "0.00");
    table_free(&t);
}

/* Who may see the sums but no customers gets numbers in place of names. */
static void names_are_for_those_who_may_see_them(void **state)
{
    struct example *f = *state;
    struct rights rights = *world_owner_rights();
    struct world_actor server = {0};
    struct world_answer answer;
    struct table t;
    assert_true(world_command_text(f->world, &server, "Customer.Add",
                                   "{\"name\": \"Jane\", \"phone\": \"+254700000010\"}", &answer));
    assert_true(world_command_text(
        f->world, &server, "Entry.Post",
        "{\"business\": \"LND\", \"description\": \"x\", \"lines\": [{\"account\": 1310, \"debit\": "
        "\"100.00\", \"party\": \"+254700000010\"}, {\"account\": 4200, \"credit\": \"100.00\"}]}",
        &answer));
    assert_int_equal(answer.status, STATUS_OK);
    view_books_fold(f->books);
    rights.level[DAFTARI__V1__PERMISSION__SALES] = PERMISSION_NONE;
    table_run(f->books, &rights, "receivables-aging", example_request(NULL), &t);
    assert_int_equal(t.status, STATUS_OK);
    long row = table_find(&t, DETAIL, "number", "1", NULL);
    assert_string_equal(table_cell(&t, (size_t)row, "name"), "");
    assert_string_equal(table_cell(&t, (size_t)row, "key"), "");
    assert_amount(&t, row, "balance", "100.00");
    table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(debts_age, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(names_are_for_those_who_may_see_them, example_set_up,
                                        example_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
