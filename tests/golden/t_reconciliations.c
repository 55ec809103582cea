/* The report of reconciliations: what was compared, what came of it, and when the books have moved on since. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/example.h"

static void expect_row(struct example *f, uint64_t known_at, const char *account, const char *then,
                       const char *now, const char *difference, const char *state)
{
    struct table t;
    Daftari__V1__RunReport request = example_request(NULL);
    request.has_known_at_position = known_at != 0;
    request.known_at_position = known_at;
    example_ask(f, "reconciliations", request, &t);
    long row = table_find(&t, DETAIL, "account", account, NULL);
    assert_true(row >= 0);
    assert_string_equal(table_cell(&t, (size_t)row, "system"), then);
    assert_string_equal(table_cell(&t, (size_t)row, "now"), now);
    assert_string_equal(table_cell(&t, (size_t)row, "difference"), difference);
    assert_string_equal(table_cell(&t, (size_t)row, "state"), state);
    table_free(&t);
}

/* 1141 holds 5,000.00; the statement says 5,350.00: the difference is booked, then a back-dated entry comes. */
static void a_back_dated_entry_makes_it_stale(void **state)
{
    struct example *f = *state;
    uint64_t recorded =
        example_command(f->world, "Reconciliation.Record",
                        "{\"account\": 1141, \"business\": \"LND\", \"as_at\": \"2025-03-31\", "
                        "\"external_balance\": \"5350.00\"}");
    expect_row(f, 0, "1141", "5000.00", "5000.00", "350.00", "discrepancy");
    char text[200];
    (void)snprintf(text, sizeof text,
                   "{\"reconciliation\": %llu, \"against\": 5820, \"description\": \"found\"}",
                   (unsigned long long)recorded);
    uint64_t booked = example_command(f->world, "Reconciliation.BookDifference", text);
    expect_row(f, 0, "1141", "5000.00", "5350.00", "350.00", "booked");
    example_command(f->world, "Entry.Post",
                    "{\"business\": \"LND\", \"date\": \"2025-03-15\", \"description\": \"late\", \"lines\": "
                    "[{\"account\": "
                    "1141, \"debit\": \"77.00\"}, {\"account\": 4200, \"credit\": \"77.00\"}]}");
    expect_row(f, 0, "1141", "5000.00", "5427.00", "350.00", "stale");
    expect_row(f, booked, "1141", "5000.00", "", "350.00", "booked");
    example_command(
        f->world, "Entry.Post",
        "{\"business\": \"LND\", \"date\": \"2025-04-01\", \"description\": \"after it\", \"lines\": "
        "[{\"account\": 1141, \"debit\": \"1.00\"}, {\"account\": 4200, \"credit\": \"1.00\"}]}");
    expect_row(f, 0, "1141", "5000.00", "5427.00", "350.00", "stale");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_back_dated_entry_makes_it_stale, example_set_up, example_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
