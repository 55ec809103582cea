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

/* ---- by statement -------------------------------------------------------------------------------------------------- */

static uint64_t about(struct example *f, const char *method, uint64_t reconciliation, const char *rest)
{
    char text[1000];
    (void)snprintf(text, sizeof text, "{\"reconciliation\": %llu%s%s}", (unsigned long long)reconciliation,
                   rest[0] != '\0' ? ", " : "", rest);
    return example_command(f->world, method, text);
}

static void match(struct example *f, uint64_t reconciliation, unsigned line, uint64_t position)
{
    char text[100];
    (void)snprintf(text, sizeof text, "\"line\": %u, \"position\": %llu", line, (unsigned long long)position);
    about(f, "Reconciliation.Match", reconciliation, text);
}

struct june {
    uint64_t started, completed, late;
};

/* 8,000.00 before June; the books have 200.00, -50.00 and, on its way, 30.00; the statement two charges and 5.00 besides. */
static struct june june(struct example *f)
{
    struct june june;
    world_set_day(f->world, 20250615);
    uint64_t sale = example_post(f->world, "2025-06-02", "WTR", "Sale paid by M-Pesa",
                                 "{\"account\":1140,\"debit\":\"200.00\"},{\"account\":4100,"
                                 "\"credit\":\"200.00\"}");
    uint64_t rent = example_post(f->world, "2025-06-03", "WTR", "Rent",
                                 "{\"account\":5200,\"debit\":\"50.00\"},{\"account\":1140,"
                                 "\"credit\":\"50.00\"}");
    june.late = example_post(f->world, "2025-06-14", "WTR", "On its way",
                             "{\"account\":1140,\"debit\":\"30.00\"},{\"account\":4100,"
                             "\"credit\":\"30.00\"}");
    june.started = example_command(f->world, "Reconciliation.Start",
                                   "{\"account\": 1140, \"as_at\": \"2025-06-15\", \"from\": \"2025-06-01\", "
                                   "\"opening_balance\": \"8000.00\", \"external_balance\": \"8145.00\"}");
    about(f, "Reconciliation.AddLines", june.started,
          "\"lines\": [{\"date\": \"2025-06-02\", \"reference\": \"QA1\", \"amount\": \"200.00\"}, "
          "{\"date\": \"2025-06-03\", \"reference\": \"QA2\", \"amount\": \"-50.00\"}, "
          "{\"date\": \"2025-06-04\", \"amount\": \"-5.00\", \"description\": \"charge\"}, "
          "{\"date\": \"2025-06-04\", \"amount\": \"-5.00\", \"description\": \"charge\"}, "
          "{\"date\": \"2025-06-15\", \"reference\": \"QA3\", \"amount\": \"5.00\"}, "
          "{\"date\": \"2025-06-15\", \"amount\": \"8145.00\", \"description\": \"carried forward\"}]");
    match(f, june.started, 1, sale);
    match(f, june.started, 2, rent);
    about(f, "Reconciliation.Ignore", june.started, "\"line\": 6, \"reason\": \"no movement\"");
    june.completed = about(f, "Reconciliation.Complete", june.started, "");
    return june;
}

static void expect_total(const struct table *t, const char *section, const char *balance)
{
    long row = table_find(t, TOTAL, "section", section, NULL);
    assert_true(row >= 0);
    assert_amount(t, row, "balance", balance);
}

static size_t details(const struct table *t)
{
    size_t count = 0;
    for (size_t i = 0; i < t->row_count; i++)
        count += t->rows[i]->kind == DETAIL;
    return count;
}

static void expect_june(struct example *f, Daftari__V1__RunReport request)
{
    struct table t;
    example_ask(f, "reconciliation", request, &t);
    expect_total(&t, "books", "8180.00");
    expect_total(&t, "open-postings", "-30.00");
    expect_total(&t, "open-lines", "-5.00");
    expect_total(&t, "expected", "8145.00");
    expect_total(&t, "statement", "8145.00");
    expect_total(&t, "difference", "0.00");
    assert_int_equal(details(&t), 4);
    long row = table_find(&t, DETAIL, "section", "open-postings", "date", "2025-06-14", NULL);
    assert_amount(&t, row, "amount", "30.00");
    assert_string_equal(table_cell(&t, (size_t)row, "number"), "JE-20250614-0001");
    assert_string_equal(table_cell(&t, (size_t)row, "description"), "On its way");
    row = table_find(&t, DETAIL, "section", "open-lines", "line", "4", NULL);
    assert_amount(&t, row, "amount", "-5.00");
    assert_string_equal(table_cell(&t, (size_t)row, "description"), "charge");
    row = table_find(&t, DETAIL, "section", "open-lines", "reference", "QA3", NULL);
    assert_amount(&t, row, "amount", "5.00");
    assert_string_equal(t.parts[0]->business, "WTR");
    assert_int_equal(t.parts[0]->as_at_date, 20250615);
    table_free(&t);
}

static void open_items_are_listed(void **state)
{
    struct example *f = *state;
    struct june given = june(f);
    Daftari__V1__RunReport request = example_request(NULL);
    request.has_account = true;
    request.account = 1140;
    expect_june(f, request);
    request.business = (char *)(uintptr_t) "WTR";
    expect_june(f, request);
    request = example_request(NULL);
    request.has_reconciliation = true;
    request.reconciliation = given.started;
    expect_june(f, request);
    request.has_known_at_position = true;
    request.known_at_position = given.completed;
    expect_june(f, request);
    request.has_limit = request.has_offset = true; /* a page of the items, with the figures of all */
    request.limit = 1;
    request.offset = 2;
    struct table t;
    example_ask(f, "reconciliation", request, &t);
    assert_int_equal(details(&t), 1);
    assert_true(table_find(&t, DETAIL, "line", "4", NULL) >= 0);
    expect_total(&t, "open-lines", "-5.00");
    table_free(&t);
}

/* The charges are booked in July, and what was on its way has come: nothing of it is of June's last day. */
static void what_is_matched_later_was_open_then(void **state)
{
    struct example *f = *state;
    struct june given = june(f);
    world_set_day(f->world, 20250731);
    uint64_t charge = example_post(f->world, "2025-07-02", "WTR", "Charge",
                                   "{\"account\":5820,\"debit\":\"5.00\"},{\"account\":1140,"
                                   "\"credit\":\"5.00\"}");
    uint64_t july = example_command(f->world, "Reconciliation.Start",
                                    "{\"account\": 1140, \"as_at\": \"2025-07-31\", "
                                    "\"external_balance\": \"8175.00\"}");
    about(f, "Reconciliation.AddLines", july,
          "\"lines\": [{\"date\": \"2025-07-01\", \"reference\": \"QA4\", \"amount\": \"30.00\"}]");
    match(f, july, 7, given.late);
    match(f, july, 3, charge);
    Daftari__V1__RunReport request = example_request(NULL);
    request.has_reconciliation = true;
    request.reconciliation = given.started;
    expect_june(f, request);
    request.reconciliation = july;
    struct table t;
    example_ask(f, "reconciliation", request, &t);
    expect_total(&t, "books", "8175.00");
    expect_total(&t, "open-postings", "0.00");
    expect_total(&t, "open-lines", "0.00");
    expect_total(&t, "difference", "0.00");
    assert_int_equal(details(&t), 2); /* -5.00 and 5.00 */
    table_free(&t);
    request = example_request(NULL);
    request.has_account = request.has_as_at_date = true;
    request.account = 1140;
    request.as_at_date = 20250730;
    expect_june(f, request);
}

/* A payment of 100.00 that the bank split over the month's end, and a deposit of 80.00 of which the books have 30.00 in
 * July only. */
static void what_is_matched_in_part_was_open_in_part(void **state)
{
    struct example *f = *state;
    struct table t;
    world_set_day(f->world, 20250731);
    uint64_t paid = example_post(f->world, "2025-06-30", "WTR", "Rent",
                                 "{\"account\":5200,\"debit\":\"100.00\"},{\"account\":1140,"
                                 "\"credit\":\"100.00\"}");
    uint64_t taken = example_post(f->world, "2025-06-30", "WTR", "Taking",
                                  "{\"account\":1140,\"debit\":\"50.00\"},{\"account\":4100,"
                                  "\"credit\":\"50.00\"}");
    uint64_t rest = example_post(f->world, "2025-07-01", "WTR", "Taking of the night",
                                 "{\"account\":1140,\"debit\":\"30.00\"},{\"account\":4100,"
                                 "\"credit\":\"30.00\"}");
    uint64_t first =
        example_command(f->world, "Reconciliation.Start",
                        "{\"account\": 1140, \"as_at\": \"2025-06-30\", \"from\": \"2025-06-01\", "
                        "\"opening_balance\": \"8000.00\", \"external_balance\": \"8020.00\"}");
    about(f, "Reconciliation.AddLines", first,
          "\"lines\": [{\"date\": \"2025-06-30\", \"reference\": \"A\", \"amount\": \"-60.00\"}, "
          "{\"date\": \"2025-06-30\", \"reference\": \"D\", \"amount\": \"80.00\"}]");
    about(f, "Reconciliation.Complete", first, "");
    uint64_t second = example_command(f->world, "Reconciliation.Start",
                                      "{\"account\": 1140, \"as_at\": \"2025-07-31\", "
                                      "\"external_balance\": \"7980.00\"}");
    about(f, "Reconciliation.AddLines", second,
          "\"lines\": [{\"date\": \"2025-07-01\", \"reference\": \"B\", \"amount\": \"-40.00\"}]");
    char text[200];
    (void)snprintf(text, sizeof text, "\"lines\": [1, 3], \"position\": %llu", (unsigned long long)paid);
    about(f, "Reconciliation.Match", second, text);
    (void)snprintf(text, sizeof text, "\"line\": 2, \"positions\": [%llu, %llu]", (unsigned long long)taken,
                   (unsigned long long)rest);
    about(f, "Reconciliation.Match", second, text);
    Daftari__V1__RunReport request = example_request(NULL);
    request.has_reconciliation = true;
    request.reconciliation = first;
    example_ask(f, "reconciliation", request, &t);
    expect_total(&t, "books", "7950.00");
    expect_total(&t, "open-postings", "40.00");
    expect_total(&t, "open-lines", "30.00");
    expect_total(&t, "expected", "8020.00");
    expect_total(&t, "difference", "0.00");
    assert_int_equal(details(&t), 2);
    assert_amount(&t, table_find(&t, DETAIL, "description", "Rent", NULL), "amount", "-40.00");
    assert_amount(&t, table_find(&t, DETAIL, "reference", "D", NULL), "amount", "30.00");
    table_free(&t);
    request.reconciliation = second;
    example_ask(f, "reconciliation", request, &t);
    expect_total(&t, "books", "7980.00");
    expect_total(&t, "difference", "0.00");
    assert_int_equal(details(&t), 0);
    table_free(&t);
}

static void the_list_says_that_items_are_open(void **state)
{
    struct example *f = *state;
    struct june given = june(f);
    struct table t;
    example_ask(f, "reconciliations", example_request(NULL), &t);
    long row = table_find(&t, DETAIL, "account", "1140", NULL);
    assert_string_equal(table_cell(&t, (size_t)row, "state"), "open items");
    assert_string_equal(table_cell(&t, (size_t)row, "open_line_count"), "3");
    assert_amount(&t, row, "open_lines", "-5.00");
    assert_amount(&t, row, "open_postings", "30.00");
    assert_amount(&t, row, "unexplained", "0.00");
    table_free(&t);
    expect_row(f, given.completed, "1140", "8180.00", "", "-35.00", "open items");
    world_set_day(f->world, 20250731); /* when all is matched it is reconciled, without more */
    uint64_t july = example_command(f->world, "Reconciliation.Start",
                                    "{\"account\": 1140, \"as_at\": \"2025-07-31\", "
                                    "\"external_balance\": \"8175.00\"}");
    uint64_t booked[3];
    static const char *const lines[] = {
        "{\"account\":5820,\"debit\":\"5.00\"},{\"account\":1140,\"credit\":\"5.00\"}",
        "{\"account\":5820,\"debit\":\"5.00\"},{\"account\":1140,\"credit\":\"5.00\"}",
        "{\"account\":1140,\"debit\":\"5.00\"},{\"account\":4100,\"credit\":\"5.00\"}"};
    for (unsigned i = 0; i < 3; i++) {
        booked[i] = example_post(f->world, "2025-07-02", "WTR", "From the statement", lines[i]);
        match(f, july, 3 + i, booked[i]);
    }
    about(f, "Reconciliation.AddLines", july,
          "\"lines\": [{\"date\": \"2025-07-01\", \"reference\": \"QA4\", \"amount\": \"30.00\"}]");
    match(f, july, 7, given.late);
    about(f, "Reconciliation.Complete", july, "");
    example_ask(f, "reconciliations", example_request(NULL), &t);
    row = table_find(&t, DETAIL, "date", "2025-07-31", NULL);
    assert_string_equal(table_cell(&t, (size_t)row, "state"), "reconciled");
    table_free(&t);
}

static void a_balance_alone_has_no_items(void **state)
{
    struct example *f = *state;
    struct table t;
    example_command(f->world, "Reconciliation.Record",
                    "{\"account\": 1141, \"business\": \"LND\", \"as_at\": \"2025-03-31\", "
                    "\"external_balance\": \"5350.00\"}");
    Daftari__V1__RunReport request = example_request(NULL);
    request.has_account = true;
    request.account = 1141;
    example_ask(f, "reconciliation", request, &t);
    expect_total(&t, "books", "5000.00");
    expect_total(&t, "statement", "5350.00");
    expect_total(&t, "difference", "350.00");
    assert_int_equal(details(&t), 0);
    table_free(&t);
}

static void refuse(struct example *f, Daftari__V1__RunReport request, const char *field)
{
    struct table t;
    view_books_fold(f->books);
    table_run(f->books, NULL, "reconciliation", request, &t);
    assert_int_equal(t.status, STATUS_INVALID);
    assert_string_equal(t.fault.field, field);
    table_free(&t);
}

static void which_one_must_be_said(void **state)
{
    struct example *f = *state;
    struct june given = june(f);
    Daftari__V1__RunReport request = example_request(NULL);
    refuse(f, request, "reconciliation");
    request.has_account = true;
    request.account = 1110;
    refuse(f, request, "account");
    request.has_reconciliation = true;
    request.reconciliation = given.started;
    refuse(f, request, "reconciliation");
    request.has_account = false;
    request.business = (char *)(uintptr_t) "LND"; /* it is of another one */
    refuse(f, request, "reconciliation");
    request.business = NULL;
    request.has_as_at_date = true;
    request.as_at_date = 20250615;
    refuse(f, request, "as_at_date");
    request.has_as_at_date = false;
    request.reconciliation = given.completed;
    refuse(f, request, "reconciliation");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(open_items_are_listed, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(what_is_matched_later_was_open_then, example_set_up,
                                        example_tear_down),
        cmocka_unit_test_setup_teardown(what_is_matched_in_part_was_open_in_part, example_set_up,
                                        example_tear_down),
        cmocka_unit_test_setup_teardown(the_list_says_that_items_are_open, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(a_balance_alone_has_no_items, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(which_one_must_be_said, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(a_back_dated_entry_makes_it_stale, example_set_up, example_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
