/* The audit trail in words: what every change says of before and after, in units that people read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/example.h"

/* The last row of the audit trail. */
static void assert_last_change(struct example *f, const char *operation, const char *before,
                               const char *after)
{
    struct table t;
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    example_ask(f, "audit-trail", request, &t);
    size_t row = t.row_count - 1;
    assert_string_equal(table_cell(&t, row, "operation"), operation);
    assert_string_equal(table_cell(&t, row, "before"), before);
    assert_string_equal(table_cell(&t, row, "after"), after);
    table_free(&t);
}

static void assert_last_subject(struct example *f, const char *subject)
{
    struct table t;
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    example_ask(f, "audit-trail", request, &t);
    assert_string_equal(table_cell(&t, t.row_count - 1, "subject"), subject);
    table_free(&t);
}

static void audit_trail_shows_what_lists_hold(void **state)
{
    struct example *f = *state;
    example_command(f->world, "Role.Define",
                    "{\"name\":\"Clerk\",\"permissions\":[{\"permission\":\"SALES\",\"level\":\"WRITE\"},"
                    "{\"permission\":\"FINANCE_REPORTS\",\"level\":\"READ\"}]}");
    example_command(f->world, "Role.Define",
                    "{\"name\":\"Clerk\",\"permissions\":[{\"permission\":\"SALES\",\"level\":\"WRITE\"},"
                    "{\"permission\":\"FINANCE_REPORTS\",\"level\":\"WRITE\"}]}");
    assert_last_change(f, "RoleDefined", "permissions=[sales=write, finance-reports=read]",
                       "permissions=[sales=write, finance-reports=write]");
    example_command(f->world, "Account.Change", "{\"number\":1110,\"negative\":\"NEGATIVE_WARN\"}");
    assert_last_change(f, "AccountChanged", "negative=forbidden", "negative=warn");
}

static void audit_trail_shows_settings_and_states(void **state)
{
    struct example *f = *state;
    example_command(f->world, "Business.Set",
                    "{\"business\":\"WTR\",\"from_date\":\"2025-02-01\",\"settings\":[{\"name\":\"tax_rate\","
                    "\"value\":\"15.00\"}]}");
    assert_last_change(f, "SettingsChanged", "tax_rate=16.00", "tax_rate=15.00");
    example_command(f->world, "Business.Set",
                    "{\"business\":\"WTR\",\"from_date\":\"2025-03-01\",\"settings\":[{\"name\":\"tax_rate\","
                    "\"value\":\"14.00\"}]}");
    assert_last_change(f, "SettingsChanged", "tax_rate=15.00", "tax_rate=14.00");
    example_command(f->world, "Business.Set",
                    "{\"business\":\"LND\",\"from_date\":\"2025-03-01\",\"settings\":[{\"name\":\"tax_rate\","
                    "\"value\":\"13.00\"}]}");
    assert_last_change(f, "SettingsChanged", "tax_rate=16.00", "tax_rate=13.00");
    example_command(
        f->world, "internal.CreateUser",
        "{\"user\":2,\"email\":\"jane@shop.example\",\"first_name\":\"Jane\",\"last_name\":\"Doe\"}");
    example_command(f->world, "User.Deactivate", "{\"email\":\"jane@shop.example\"}");
    assert_last_change(f, "UserDeactivated", "active=yes", "active=no");
    example_command(f->world, "User.Reactivate", "{\"email\":\"jane@shop.example\"}");
    assert_last_change(f, "UserReactivated", "active=no", "active=yes");
    example_command(f->world, "Period.SoftClose", "{\"month\":202501}");
    assert_last_subject(f, "period 2025-01");
}

static void assert_after_begins(struct example *f, const char *begin)
{
    struct table t;
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    example_ask(f, "audit-trail", request, &t);
    const char *after = table_cell(&t, t.row_count - 1, "after");
    if (strncmp(after, begin, strlen(begin)) != 0)
        assert_string_equal(after, begin);
    assert_null(strstr(after, "_minor"));
    assert_null(strstr(after, "_us="));
    table_free(&t);
}

static void audit_trail_writes_amounts_and_dates(void **state)
{
    struct example *f = *state;
    char begin[400];
    example_command(f->world, "Currency.Define", "{\"code\":\"JPY\",\"scale\":0}");
    example_post(
        f->world, "2025-02-03", "WTR", "Sale",
        "{\"account\":1110,\"debit\":\"1300.50\"},{\"account\":4100,\"credit\":\"1300.50\",\"tags\":["
        "{\"name\":\"till\",\"value\":\"3\"}]},{\"account\":1110,\"debit\":\"7\",\"currency\":\"JPY\"},"
        "{\"account\":4100,\"credit\":\"7\",\"currency\":\"JPY\"}");
    assert_last_change(
        f, "EntryPosted", "",
        "business=WTR, date=2025-02-03, description=Sale, lines=[(account=1110, debit=1300.50), "
        "(account=4100, credit=1300.50, tags=[till=3]), (account=1110, debit=7, currency=JPY), "
        "(account=4100, credit=7, currency=JPY)]");
    uint64_t adjustment =
        example_command(f->world, "Adjustment.Request",
                        "{\"reason\":\"count\",\"entry\":{\"date\":\"2025-03-03\",\"business\":\"WTR\","
                        "\"type\":\"ADJ\",\"description\":\"Cash short\",\"lines\":[{\"account\":5830,"
                        "\"debit\":\"50.00\"},{\"account\":1110,\"credit\":\"50.00\"}]}}");
    (void)snprintf(begin, sizeof begin,
                   "adjustment=%llu, state=requested, entry=(business=WTR, date=2025-03-03, type=ADJ, "
                   "description=Cash short, lines=[(account=5830, debit=50.00), (account=1110, "
                   "credit=50.00)]), reason=count, requested_by=server, requested_time=20",
                   (unsigned long long)adjustment);
    assert_after_begins(f, begin);
    (void)snprintf(begin, sizeof begin, "{\"adjustment\":%llu,\"reason\":\"found\"}",
                   (unsigned long long)adjustment);
    example_command(f->world, "Adjustment.Reject", begin);
    (void)snprintf(begin, sizeof begin, "adjustment %llu", (unsigned long long)adjustment);
    assert_last_subject(f, begin);
    uint64_t reconciliation =
        example_command(f->world, "Reconciliation.Record",
                        "{\"account\":1110,\"as_at_date\":\"2025-02-28\",\"external_balance\":\"6262.50\"}");
    (void)snprintf(begin, sizeof begin,
                   "reconciliation=%llu, account=1110, business=WTR, as_at_date=2025-02-28, "
                   "system_balance=6300.50, external_balance=6262.50, difference=-38.00",
                   (unsigned long long)reconciliation);
    assert_after_begins(f, begin);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, example_set_up, example_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(audit_trail_shows_what_lists_hold),
        TEST(audit_trail_shows_settings_and_states),
        TEST(audit_trail_writes_amounts_and_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
