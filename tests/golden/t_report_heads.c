/* The head of every report: whose it is, of which days, and as known when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/views/reports/list.h"
#include "tests/support/example.h"

static bool takes(const struct report *report, const char *parameter)
{
    for (const char *const *name = report->parameters; *name != NULL; name++) {
        if (strcmp(*name, parameter) == 0)
            return true;
    }
    return false;
}

static void of_one_business_and_a_period(void **state)
{
    struct example *f = *state;
    struct table t;
    Daftari__V1__RunReport request = example_request("WTR");
    request.has_from_date = request.has_to_date = true;
    request.from_date = 20250101;
    request.to_date = 20250131;
    request.has_compare_from_date = request.has_compare_to_date = true;
    request.compare_from_date = 20241201;
    request.compare_to_date = 20241231;
    example_ask(f, "profit-and-loss", request, &t);
    const Daftari__V1__ReportPart *head = t.parts[0];
    assert_string_equal(head->title, "Profit and loss");
    assert_non_null(head->books);
    assert_string_equal(head->business, "WTR");
    assert_string_equal(head->business_name, "Water Packaging Business");
    assert_true(head->has_from_date && head->has_to_date && !head->has_as_at_date);
    assert_int_equal(head->from_date, 20250101);
    assert_int_equal(head->to_date, 20250131);
    assert_int_equal(head->compare_from_date, 20241201);
    assert_int_equal(head->compare_to_date, 20241231);
    assert_false(head->has_known_at_position);
    assert_int_equal(head->n_notes, 0);
    table_free(&t);
}

static void of_all_at_a_date_as_known_then(void **state)
{
    struct example *f = *state;
    struct table t;
    Daftari__V1__RunReport request = example_request(NULL);
    request.has_as_at_date = request.has_known_at_position = true;
    request.as_at_date = 20250105;
    request.known_at_position = 40;
    example_ask(f, "balance-sheet", request, &t);
    const Daftari__V1__ReportPart *head = t.parts[0];
    assert_string_equal(head->business, "all");
    assert_null(head->business_name);
    assert_true(head->has_as_at_date && !head->has_from_date && !head->has_to_date);
    assert_int_equal(head->as_at_date, 20250105);
    assert_int_equal(head->known_at_position, 40);
    assert_true(head->has_known_at_time_us && head->known_at_time_us > 0);
    table_free(&t);
}

/* A default that the report itself chooses is said too; days of recording without a last one have no end. */
static void days_that_were_not_asked_for(void **state)
{
    struct example *f = *state;
    struct table t;
    example_ask(f, "cash-flow", example_request(NULL), &t);
    assert_int_equal(t.parts[0]->from_date % 10000, 101);
    table_free(&t);
    example_ask(f, "trial-balance", example_request(NULL), &t);
    assert_true(!t.parts[0]->has_from_date && t.parts[0]->has_to_date);
    table_free(&t);
    example_ask(f, "audit-trail", example_request(NULL), &t);
    assert_true(!t.parts[0]->has_from_date && !t.parts[0]->has_to_date);
    table_free(&t);
}

static void every_report_has_one(void **state)
{
    struct example *f = *state;
    example_command(f->world, "Reconciliation.Record",
                    "{\"account\": 1110, \"business\": \"WTR\", \"external_balance\": \"5000.00\"}");
    for (size_t i = 0; i < report_count; i++) {
        struct table t;
        Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
        request.has_account = takes(reports[i], "account");
        request.account = 1110;
        example_ask(f, reports[i]->name, request, &t);
        const Daftari__V1__ReportPart *head = t.parts[0];
        assert_true(head->title != NULL && head->title[0] != '\0' && head->books != NULL);
        assert_int_equal(head->business != NULL, takes(reports[i], "business"));
        assert_int_equal(head->has_as_at_date,
                         !takes(reports[i], "from_date") &&
                             (takes(reports[i], "as_at_date") || takes(reports[i], "to_date")));
        assert_int_equal(head->has_to_date, takes(reports[i], "from_date") && !reports[i]->by_recording);
        table_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(of_one_business_and_a_period, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(of_all_at_a_date_as_known_then, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(days_that_were_not_asked_for, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(every_report_has_one, example_set_up, example_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
