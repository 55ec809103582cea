/* The report of periods: each month for itself, but for many that were closed together with nothing in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/example.h"

static uint64_t close_month(struct example *f, unsigned month, const char *note)
{
    char text[100];
    (void)snprintf(text, sizeof text, "{\"month\": %u, \"note\": \"%s\"}", month, note);
    return example_command(f->world, "Period.Close", text);
}

static void expect(const struct table *t, size_t row, const char *month, const char *last, const char *note)
{
    assert_true(row < t->row_count);
    assert_string_equal(table_cell(t, row, "month"), month);
    assert_string_equal(table_cell(t, row, "last_month"), last);
    assert_string_equal(table_cell(t, row, "state"), "closed");
    assert_string_equal(table_cell(t, row, "note"), note);
}

/* 2025-01 has the opening balances, 2025-08 an entry. */
static void empty_months_stand_together(void **state)
{
    struct example *f = *state;
    struct table t;
    world_set_day(f->world, 20260331);
    example_post(f->world, "2025-08-31", "WTR", "Sale",
                 "{\"account\":1110,\"debit\":\"300.00\"},{\"account\":4100,\"credit\":\"300.00\"}");
    uint64_t at[16] = {0};
    for (unsigned m = 1; m <= 12; m++)
        at[m] = close_month(f, 202500 + m, m <= 9 ? "all at once" : m <= 10 ? "" : "two of them");
    at[13] = close_month(f, 202601, "across the year");
    at[14] = close_month(f, 202602, "across the year");
    example_ask(f, "periods", example_request(NULL), &t);
    assert_int_equal(t.row_count, 9);
    expect(&t, 0, "2025-01", "", "all at once");
    expect(&t, 1, "2025-02", "2025-07", "all at once");
    assert_int_equal(table_number(&t, 1, "position"), at[7]);
    expect(&t, 2, "2025-08", "", "all at once");
    expect(&t, 3, "2025-09", "", "all at once");
    expect(&t, 4, "2025-10", "", "");
    expect(&t, 5, "2025-11", "", "two of them");
    expect(&t, 6, "2025-12", "", "two of them");
    expect(&t, 7, "2026-01", "", "across the year");
    expect(&t, 8, "2026-02", "", "across the year");
    table_free(&t);
    Daftari__V1__RunReport request =
        example_request(NULL); /* what is asked for bounds what stands together */
    request.has_from_date = request.has_to_date = true;
    request.from_date = 20250401;
    request.to_date = 20250630;
    example_ask(f, "periods", request, &t);
    assert_int_equal(t.row_count, 1);
    expect(&t, 0, "2025-04", "2025-06", "all at once");
    table_free(&t);
}

static void across_a_year_and_until_one_is_opened_again(void **state)
{
    struct example *f = *state;
    struct table t;
    world_set_day(f->world, 20260331);
    uint64_t last = 0;
    for (unsigned m = 1; m <= 14; m++)
        last = close_month(f, m <= 12 ? 202500 + m : 202600 + m - 12, "");
    example_ask(f, "periods", example_request(NULL), &t);
    assert_int_equal(t.row_count, 2);
    expect(&t, 1, "2025-02", "2026-02", "");
    table_free(&t);
    example_command(f->world, "Period.Reopen", "{\"month\": 202602, \"reason\": \"a late bill\"}");
    example_post(f->world, "2026-02-01", "WTR", "Late bill",
                 "{\"account\":5200,\"debit\":\"1.00\"},{\"account\":1110,\"credit\":\"1.00\"}");
    example_ask(f, "periods", example_request(NULL), &t);
    assert_int_equal(t.row_count, 3);
    expect(&t, 1, "2025-02", "2026-01", "");
    assert_string_equal(table_cell(&t, 2, "state"), "open");
    table_free(&t);
    Daftari__V1__RunReport request = example_request(NULL); /* what came later was not known then */
    request.has_known_at_position = true;
    request.known_at_position = last;
    example_ask(f, "periods", request, &t);
    assert_int_equal(t.row_count, 2);
    expect(&t, 1, "2025-02", "2026-02", "");
    table_free(&t);
}

/* Months of two days of closing are no single act. */
static void each_day_for_itself(void **state)
{
    struct example *f = *state;
    struct table t;
    world_set_day(f->world, 20260330);
    for (unsigned m = 1; m <= 5; m++)
        close_month(f, 202500 + m, "");
    world_set_day(f->world, 20260331);
    for (unsigned m = 6; m <= 8; m++)
        close_month(f, 202500 + m, "");
    example_ask(f, "periods", example_request(NULL), &t);
    assert_int_equal(t.row_count, 3);
    expect(&t, 1, "2025-02", "2025-05", "");
    expect(&t, 2, "2025-06", "2025-08", "");
    table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(empty_months_stand_together, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(across_a_year_and_until_one_is_opened_again, example_set_up,
                                        example_tear_down),
        cmocka_unit_test_setup_teardown(each_day_for_itself, example_set_up, example_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
