/* Balances by day, and the year close on top of them, against adding up by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/base/money.h"
#include "server/base/kv_mem.h"
#include "server/domain/domain.h"
#include "server/domain/kernel/balance.h"
#include "tests/support/random.h"
#include "tests/support/world.h"

#define POSTINGS 4000

struct dated {
    struct posting posting;
    civil_date date;
};

static void balance_as_at_any_date_whatever_the_order(void **state)
{
    (void)state;
    struct random random = random_start();
    struct kv *kv = kv_mem_new(domain_tables, domain_table_count);
    struct dated *all = calloc(POSTINGS, sizeof *all);
    struct kv_txn *txn;
    civil_date day = 20250101;
    assert_int_equal(kv_begin(kv, true, &txn), STATUS_OK);
    for (size_t i = 0; i < POSTINGS; i++) {
        /* Mostly of the day, some back-dated, some of the days to come. */
        uint64_t kind = random_below(&random, 10);
        if (random_below(&random, 20) == 0)
            day = date_add_days(day, 1);
        civil_date date = kind < 7 ? day : date_add_days(day, (int32_t)random_below(&random, 60) - 50);
        all[i] = (struct dated){.date = date,
                                .posting = {.account = 1110 + (uint32_t)random_below(&random, 3),
                                            .business = (uint16_t)random_below(&random, 2),
                                            .currency = 1,
                                            .amount = (int64_t)random_below(&random, 2000000) - 1000000}};
        balance_add(txn, &all[i].posting, date);
    }
    for (size_t ask = 0; ask < 300; ask++) {
        uint32_t account = 1110 + (uint32_t)random_below(&random, 3);
        uint16_t business = (uint16_t)random_below(&random, 2);
        civil_date date = date_add_days(20241101, (int32_t)random_below(&random, 400));
        int64_t sum = 0, total = 0, got = 0;
        for (size_t i = 0; i < POSTINGS; i++)
            if (all[i].posting.account == account && all[i].posting.business == business) {
                total += all[i].posting.amount;
                if (all[i].date <= date)
                    sum += all[i].posting.amount;
            }
        assert_true(balance_as_at(txn, account, business, 1, date, &got));
        assert_int_equal(got, sum);
        assert_int_equal(balance_get(txn, account, business, 1), total);
    }
    int64_t none = 7;
    assert_true(balance_as_at(txn, 9999, 0, 1, 20250101, &none));
    assert_int_equal(none, 0);
    assert_int_equal(kv_commit(txn), STATUS_OK);
    kv_close(kv);
    free(all);
}

/* Postings of one date may add up beyond the ledger's limit while the balance never does. */
static void sums_of_a_day_may_pass_the_limit(void **state)
{
    (void)state;
    struct kv *kv = kv_mem_new(domain_tables, domain_table_count);
    struct kv_txn *txn;
    struct posting in = {.account = 1110, .currency = 1, .amount = AMOUNT_MAX}, out = in;
    int64_t got;
    out.amount = -AMOUNT_MAX;
    assert_int_equal(kv_begin(kv, true, &txn), STATUS_OK);
    for (int i = 0; i < 20; i++) { /* twenty times the limit in on one date, out on another */
        balance_add(txn, &in, 20250102);
        balance_add(txn, &out, 20250105);
    }
    balance_add(txn, &in, 20250107);
    assert_int_equal(balance_get(txn, 1110, 0, 1), AMOUNT_MAX);
    assert_false(balance_as_at(txn, 1110, 0, 1, 20250103, &got));
    assert_true(balance_as_at(txn, 1110, 0, 1, 20250106, &got));
    assert_int_equal(got, 0);
    assert_int_equal(kv_commit(txn), STATUS_OK);
    kv_close(kv);
}

/* ---- year close ------------------------------------------------------------------------------------------------------------ */

static struct world_answer command(struct world *world, const char *method, const char *format, ...)
{
    static const struct world_actor server = {0};
    struct world_answer answer;
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert_true(world_command_text(world, &server, method, text, &answer));
    return answer;
}

static void must(struct world_answer answer)
{
    if (answer.status != STATUS_OK)
        print_error("%s: %s\n", answer.fault.field, answer.fault.text);
    assert_int_equal(answer.status, STATUS_OK);
}

static struct world *open_books(uint32_t fiscal_year_start)
{
    struct world *world = world_new();
    world_set_day(world, 20270301);
    must(
        command(world, "internal.OpenBooks",
                "{\"name\": \"Shop\", \"base_currency\": \"KES\", \"scale\": 2, \"utc_offset_minutes\": 180, "
                "\"first\": \"2025-01-01\", \"fiscal_year_start\": %u}",
                fiscal_year_start));
    must(command(world, "Account.Open", "{\"number\": 1110, \"name\": \"Cash\"}"));
    must(command(world, "Account.Open",
                 "{\"number\": 3300, \"name\": \"Retained\", \"class\": \"retained-earnings\"}"));
    return world;
}

static void sell(struct world *world, uint32_t account, const char *date, const char *amount)
{
    must(command(
        world, "Entry.Post",
        "{\"date\": \"%s\", \"description\": \"x\", \"lines\": [{\"account\": 1110, \"debit\": \"%s\"}, "
        "{\"account\": %u, \"credit\": \"%s\"}]}",
        date, amount, account, amount));
}

static void soft_close_until(struct world *world, uint32_t month)
{
    for (uint32_t at = 202501; at <= month; at = at % 100 == 12 ? at + 89 : at + 1)
        must(command(world, "Period.SoftClose", "{\"month\": %u}", at));
}

static void a_fiscal_year_ends_when_the_books_say(void **state)
{
    (void)state;
    struct world *world = open_books(701); /* July to June */
    must(command(world, "Account.Open", "{\"number\": 4100, \"name\": \"Sales\"}"));
    sell(world, 4100, "2025-06-30", "1.00");
    sell(world, 4100, "2025-07-01", "20.00");
    sell(world, 4100, "2026-06-30", "300.00");
    sell(world, 4100, "2026-07-01", "4000.00");
    soft_close_until(world, 202606);
    must(command(world, "Period.CloseYear", "{\"year\": 2025}"));
    assert_int_equal(world_balance(world, 3300, "HQ", "KES"), -100);
    struct world_answer year = command(world, "Period.CloseYear", "{\"year\": 2026}");
    must(year);
    assert_string_equal(year.number, "JE-20260630-0002");
    assert_int_equal(world_balance(world, 3300, "HQ", "KES"), -32100);
    assert_int_equal(world_balance(world, 4100, "HQ", "KES"), -400000);
    if (!world_check(world))
        fail_msg("%s", world->trouble);
    world_free(world);
}

/* More accounts than one record has postings: the year is closed in parts, and is not closed before the last. */
static void a_large_year_closes_in_parts(void **state)
{
    (void)state;
    enum { ACCOUNTS = 1500 };
    struct world *world = open_books(101);
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        must(command(world, "Account.Open", "{\"number\": %u, \"name\": \"Sales %u\"}", 400000 + i, i));
        sell(world, 400000 + i, "2025-05-05", "1.00");
    }
    sell(world, 400000, "2026-01-01", "7.00");
    soft_close_until(world, 202512);
    struct world_answer part = command(world, "Period.CloseYear", "{\"year\": 2025}");
    must(part);
    struct record record = world_record_at(world, part.position);
    assert_int_equal(record.posting_count, POSTINGS_MAX);
    assert_int_equal(world_balance(world, 3300, "HQ", "KES"), INT64_C(-100) * (int64_t)(POSTINGS_MAX - 1));
    struct world_answer again =
        command(world, "Period.Reopen", "{\"month\": 202512, \"reason\": \"half closed\"}");
    assert_int_equal(again.status, STATUS_REFUSED);
    must(command(world, "Period.CloseYear", "{\"year\": 2025}"));
    assert_int_equal(world_balance(world, 3300, "HQ", "KES"), -100 * ACCOUNTS);
    assert_int_equal(world_balance(world, 400000, "HQ", "KES"), -700);
    assert_int_equal(world_balance(world, 400000 + ACCOUNTS - 1, "HQ", "KES"), 0);
    again = command(world, "Period.CloseYear", "{\"year\": 2025}");
    assert_int_equal(again.fault.reason, DAFTARI__V1__REASON__YEAR_ALREADY_CLOSED);
    if (!world_check(world))
        fail_msg("%s", world->trouble);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balance_as_at_any_date_whatever_the_order),
        cmocka_unit_test(sums_of_a_day_may_pass_the_limit),
        cmocka_unit_test(a_fiscal_year_ends_when_the_books_say),
        cmocka_unit_test(a_large_year_closes_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
