/* The cash flow statement of entries over several businesses, with figures worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "entry.pb-c.h"
#include "tests/support/example.h"

static void assert_flow(const struct table *t, long row, const char *in, const char *out)
{
    assert_true(row >= 0);
    assert_amount(t, row, "in", in);
    assert_amount(t, row, "out", out);
}

/* A sale of WTR paid into the bank of HQ (700), with its stock (180); a cost of LND paid from it (250); a supplier of
 * RTL who is paid half by HQ's bank, half from RTL's till (2 x 40); money from WTR's till to HQ's bank (500). */
static void across_businesses(struct example *f)
{
    uint64_t typed_twice;
    const char *sold = "{\"account\":1170,\"debit\":\"700.00\",\"business\":\"HQ\"},"
                       "{\"account\":4100,\"credit\":\"700.00\"},"
                       "{\"account\":5110,\"debit\":\"180.00\"},{\"account\":1210,\"credit\":\"180.00\"}";
    char reversal[100];
    example_post(f->world, "2025-02-03", "WTR", "Sale into the bank", sold);
    typed_twice = example_post(f->world, "2025-02-03", "WTR", "Sale into the bank", sold);
    (void)snprintf(reversal, sizeof reversal,
                   "{\"position\":%llu,\"reason\":\"typed twice\",\"date\":\"2025-02-03\"}",
                   (unsigned long long)typed_twice);
    example_command(f->world, "Entry.Reverse", reversal);
    example_post(f->world, "2025-02-04", "LND", "Cost from the bank",
                 "{\"account\":5200,\"debit\":\"250.00\"},"
                 "{\"account\":1170,\"credit\":\"250.00\",\"business\":\"HQ\"}");
    example_post(f->world, "2025-02-05", "RTL", "Supplier",
                 "{\"account\":2110,\"debit\":\"80.00\"},{\"account\":1130,\"credit\":\"40.00\"},"
                 "{\"account\":1170,\"credit\":\"40.00\",\"business\":\"HQ\"}");
    example_post(f->world, "2025-02-06", "WTR", "Till to bank",
                 "{\"account\":1110,\"credit\":\"500.00\"},"
                 "{\"account\":1170,\"debit\":\"500.00\",\"business\":\"HQ\"}");
}

static void cash_flow_of_all_is_that_of_one_business(void **state)
{
    struct example *f = *state;
    struct table t;
    across_businesses(f);
    Daftari__V1__RunReport request = example_request(NULL);
    request.has_from_date = true;
    request.from_date = 20250201;
    example_ask(f, "cash-flow", request, &t);
    assert_int_equal(table_find(&t, -1, "section", "between-businesses", NULL), -1);
    assert_int_equal(table_find(&t, -1, "account", "1900", NULL), -1);
    assert_int_equal(table_find(&t, -1, "account", "5110", NULL), -1);
    assert_flow(&t, table_find(&t, DETAIL, "section", "operating", "account", "4100", NULL), "1400.00",
                "700.00"); /* with the one typed twice, and its reversal */
    assert_flow(&t, table_find(&t, DETAIL, "account", "5200", NULL), "0.00", "250.00");
    assert_flow(&t, table_find(&t, DETAIL, "account", "2110", NULL), "0.00", "80.00");
    assert_flow(&t, table_find(&t, TOTAL, "section", "operating", NULL), "1400.00", "1030.00");
    assert_amount(&t, table_find(&t, TOTAL, "section", "change", NULL), "net", "370.00");
    assert_amount(&t, table_find(&t, TOTAL, "section", "closing", NULL), "net", "111370.00");
    table_free(&t);

    /* The money of WTR was never there for the sale: its books have a claim on HQ. */
    request.business = (char *)(uintptr_t) "WTR";
    example_ask(f, "cash-flow", request, &t);
    assert_int_equal(table_find(&t, -1, "account", "4100", NULL), -1);
    assert_flow(&t, table_find(&t, DETAIL, "section", "between-businesses", "account", "1900", NULL), "0.00",
                "500.00");
    assert_amount(&t, table_find(&t, TOTAL, "section", "change", NULL), "net", "-500.00");
    table_free(&t);
    request.business = (char *)(uintptr_t) "HQ"; /* 700 + 700 + 500 in; 700 + 250 + 40 out */
    example_ask(f, "cash-flow", request, &t);
    assert_flow(&t, table_find(&t, DETAIL, "section", "between-businesses", "account", "1900", NULL),
                "1900.00", "990.00");
    table_free(&t);
    request.business = (char *)(uintptr_t) "RTL"; /* the till paid 40; 2110 has 80, HQ lent the rest */
    example_ask(f, "cash-flow", request, &t);
    assert_flow(&t, table_find(&t, DETAIL, "account", "2110", NULL), "0.00", "80.00");
    assert_flow(&t, table_find(&t, DETAIL, "account", "1900", NULL), "40.00", "0.00");
    table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cash_flow_of_all_is_that_of_one_business, example_set_up,
                                        example_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
