/* owners-account: how the owner's share of the business moved in a period. */
#include "people.pb-c.h"
#include "server/views/balances/balances.h"
#include "server/views/reports/list.h"
#include "server/views/reports/sums.h"

static const char *const parameters[] = {"from_date", "to_date",  "known_at_position", "known_at_time_us",
                                         "business",  "currency", "by_business",       NULL};
static const struct report_column columns[] = {
    {"item", "Item", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"name", "Name", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"business", "Business", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"currency", "Currency", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"amount", "Amount", DAFTARI__V1__COLUMN_KIND__AMOUNT},
};

enum item { OPENING, CAPITAL, DRAWINGS, RESULT, OTHER, CLOSING, ITEM_COUNT };
static const struct {
    const char *key, *title;
} items[ITEM_COUNT] = {
    [OPENING] = {"opening", "Owner's share at the beginning"},
    [CAPITAL] = {"capital", "Capital paid in, less taken back"},
    [DRAWINGS] = {"drawings", "Drawings"},
    [RESULT] = {"result", "Result of the period"},
    [OTHER] = {"other", "Other changes of equity"},
    [CLOSING] = {"closing", "Owner's share at the end"},
};

struct share {
    uint16_t business, currency;
    int128 amount[ITEM_COUNT];
};
struct shares {
    struct share *rows;
    size_t count, cap;
};

static struct share *share_of(struct shares *shares, struct report_run *run, uint16_t business,
                              uint16_t currency)
{
    for (size_t i = 0; i < shares->count; i++) {
        if (shares->rows[i].business == business && shares->rows[i].currency == currency)
            return &shares->rows[i];
    }
    if (shares->count == shares->cap) {
        size_t cap = shares->cap == 0 ? 16 : 2 * shares->cap;
        struct share *wider = arena_take(run->arena, cap * sizeof *wider);
        if (wider == NULL) {
            report_out_fail(run->out);
            return NULL;
        }
        if (shares->count != 0)
            memcpy(wider, shares->rows, shares->count * sizeof *wider);
        shares->rows = wider;
        shares->cap = cap;
    }
    struct share *share = &shares->rows[shares->count++];
    *share = (struct share){.business = business, .currency = currency};
    return share;
}

static enum item item_of(const struct report_run *run, uint32_t number, enum account_type type)
{
    if (type != ACCOUNT_EQUITY)
        return RESULT;
    const struct run_account *account = run_account(run, number);
    if (account != NULL && account->class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_CAPITAL)
        return CAPITAL;
    if (account != NULL && account->class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_DRAWINGS)
        return DRAWINGS;
    return OTHER;
}

/* Year closes only move amounts between these accounts, so they are left out of the items and change no sum. */
static enum status collect(struct report_run *run, struct kv_txn *txn, bool by_business,
                           struct shares *shares)
{
    struct sums sums;
    enum status status = sums_open(&sums, run, txn, BALANCES_TOTALS, by_business);
    while (status == STATUS_OK && sums_next(&sums)) {
        enum account_type type = account_type_of(sums.account);
        if (type != ACCOUNT_EQUITY && type != ACCOUNT_REVENUE && type != ACCOUNT_EXPENSE)
            continue;
        enum item item = item_of(run, sums.account, type);
        for (size_t i = 0; i < sums.count; i++) {
            const struct sum *sum = &sums.items[i];
            struct share *share = share_of(shares, run, sum->business, sum->currency);
            if (share == NULL)
                break;
            share->amount[OPENING] -= totals_net(&sum->range[0].before);
            share->amount[item] -= sum_result(sum, 0);
            share->amount[CLOSING] -= sum_closing(sum, 0);
        }
    }
    sums_close(&sums);
    return status;
}

static void write_share(struct report_run *run, const struct share *share, size_t first)
{
    const char *business = share->business != SUM_MERGED ? run_business_code(run, share->business)
                           : run->all                    ? "all"
                                                         : run_business_code(run, run->business);
    for (size_t i = first; i < ITEM_COUNT; i++) {
        Daftari__V1__RowKind kind =
            i == CLOSING ? DAFTARI__V1__ROW_KIND__TOTAL : DAFTARI__V1__ROW_KIND__DETAIL;
        if (i == OTHER && share->amount[i] == 0)
            continue;
        if (!row_begin(run->out, kind, 0))
            continue;
        cell_text(run->out, items[i].key);
        cell_text(run->out, items[i].title);
        cell_text(run->out, business);
        cell_text(run->out, run_currency_code(run, share->currency));
        cell_amount(run->out, share->amount[i], run_scale(run, share->currency));
        row_end(run->out);
    }
}

/* After each business: what all of them come to, in each currency. */
static void write_all(struct report_run *run, const struct shares *shares)
{
    struct shares all = {0};
    for (size_t i = 0; i < shares->count; i++) {
        struct share *sum = share_of(&all, run, SUM_MERGED, shares->rows[i].currency);
        if (sum == NULL)
            return;
        sum->amount[CLOSING] += shares->rows[i].amount[CLOSING];
    }
    for (size_t i = 0; i < all.count; i++)
        write_share(run, &all.rows[i], CLOSING);
}

static enum status owners_account_run(struct report_run *run)
{
    struct kv_txn *txn = run_txn(run, VIEW_BALANCES);
    if (txn == NULL)
        return STATUS_UNAVAILABLE;
    run_default_from_fiscal_year(run);
    report_out_columns(run->out, columns, sizeof columns / sizeof columns[0]);
    struct shares shares = {0};
    bool by_business = run->request->has_by_business && run->request->by_business;
    enum status status = collect(run, txn, by_business, &shares);
    for (size_t i = 0; status == STATUS_OK && i < shares.count; i++)
        write_share(run, &shares.rows[i], OPENING);
    if (status == STATUS_OK && by_business && run->all)
        write_all(run, &shares);
    return status == STATUS_OK ? kv_error(txn) : status;
}

const struct report report_owners_account = {
    .name = "owners-account",
    .title = "Owner's account",
    .description =
        "The owner's share at the beginning of a period, capital paid in, drawings, the result, and the "
        "share at the end; for one business, each, or all together.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = owners_account_run,
};
