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

static void assert_row(const struct table *t, size_t row, const char *const cells[5])
{
    static const char *const columns[] = {"operation", "user", "address", "device", "agent"};
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(table_cell(t, row, columns[i]), cells[i]);
}

static void assert_activity(struct example *f, char *user, const char *operation, const char *count)
{
    struct table t;
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    request.user = user;
    example_ask(f, "user-activity", request, &t);
    const char *found = "";
    for (size_t i = 0; i < t.row_count; i++)
        if (strcmp(table_cell(&t, i, "operation"), operation) == 0)
            found = table_cell(&t, i, "count");
    assert_string_equal(found, count);
    table_free(&t);
}

/* Of a session's own record, of a place that it was used from later, and of what was refused at the door. */
static void audit_trail_shows_from_where(void **state)
{
    struct example *f = *state;
    struct table t;
    char text[400], jane[] = "jane@shop.example", server[] = "server";
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    example_command(
        f->world, "internal.CreateUser",
        "{\"user\":1,\"email\":\"jane@shop.example\",\"first_name\":\"Jane\",\"last_name\":\"Doe\"}");
    uint64_t session =
        example_command(f->world, "internal.OpenSession",
                        "{\"user\":1,\"expires_time_us\":4070908800000000,\"address\":\"192.0.2.7:5000\","
                        "\"device\":\"till\",\"agent\":\"daftari/1\",\"means\":\"password\"}");
    (void)snprintf(text, sizeof text,
                   "{\"session\":%llu,\"address\":\"2001:db8::7\",\"device\":\"phone\",\"agent\":\"x\"}",
                   (unsigned long long)session);
    example_command(f->world, "internal.UseSession", text);
    (void)snprintf(
        text, sizeof text,
        "{\"user\":1,\"session\":%llu,\"method\":\"User.List\",\"count\":40,\"address\":\"192.0.2.9\"}",
        (unsigned long long)session);
    example_command(f->world, "internal.RefuseAccess", text);
    example_command(f->world, "internal.RefuseLogins",
                    "{\"user\":1,\"address\":\"192.0.2.66\",\"count\":3,\"why\":\"wrong password\"}");
    example_command(f->world, "internal.RefuseLogins",
                    "{\"user\":0,\"address\":\"192.0.2.67\",\"count\":2,\"why\":\"unknown e-mail\"}");
    example_ask(f, "audit-trail", request, &t);
    size_t first = t.row_count - 5;
    assert_row(&t, first, (const char *[]){"SessionOpened", "server", "192.0.2.7", "till", "daftari/1"});
    assert_row(&t, first + 1, (const char *[]){"SessionUsedFrom", "server", "2001:db8::7", "phone", "x"});
    assert_row(&t, first + 2, (const char *[]){"AccessRefused", "server", "192.0.2.9", "phone", "x"});
    assert_row(&t, first + 3, (const char *[]){"LoginsRefused", "server", "192.0.2.66", "", ""});
    assert_row(&t, first + 4, (const char *[]){"LoginsRefused", "server", "192.0.2.67", "", ""});
    table_free(&t);

    request.user = jane;
    example_ask(f, "audit-trail", request, &t);
    assert_int_equal(t.row_count, 2);
    assert_row(&t, 0, (const char *[]){"AccessRefused", "server", "192.0.2.9", "phone", "x"});
    assert_row(&t, 1, (const char *[]){"LoginsRefused", "server", "192.0.2.66", "", ""});
    assert_non_null(strstr(table_cell(&t, 0, "after"), "user=jane@shop.example"));
    assert_non_null(strstr(table_cell(&t, 1, "after"), "count=3"));
    table_free(&t);
    assert_activity(f, jane, "AccessRefused", "40");
    assert_activity(f, jane, "LoginsRefused", "3");
    assert_activity(f, server, "AccessRefused", "");
    assert_activity(f, server, "LoginsRefused", "2");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, example_set_up, example_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(audit_trail_shows_what_lists_hold),
        TEST(audit_trail_shows_settings_and_states),
        TEST(audit_trail_writes_amounts_and_dates),
        TEST(audit_trail_shows_from_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
