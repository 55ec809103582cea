/*
 * receivables-aging and payables-aging: what each customer owes, or each supplier is owed, by the age of its documents at a
 * date. What is open at an earlier date comes from what is open now and from what was settled since: a document is open
 * from its own date to that of what settled it, and what settled it is a credit where its date is the earlier one.
 */
#include "people.pb-c.h"
#include "server/domain/kernel/open_item.h"
#include "server/domain/kernel/party.h"
#include "server/domain/kernel/rows.h"
#include "server/views/reports/list.h"
#include "server/views/reports/report_run.h"

static const char *const parameters[] = {
    "to_date", "as_at_date", "known_at_position", "known_at_time_us", "business", "limit", "offset", NULL};
static const struct report_column columns[] = {
    {"number", "Number", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"key", "Phone or code", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"name", "Name", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"days_30", "0-30 days", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"days_60", "31-60 days", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"days_90", "61-90 days", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"older", "Over 90 days", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"credit", "Paid too much", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"balance", "Balance", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"overdue", "Overdue", DAFTARI__V1__COLUMN_KIND__AMOUNT},
};

#define BASE 1u /* the base currency */
enum { DAYS_30, DAYS_60, DAYS_90, OLDER, CREDIT, BALANCE, OVERDUE, SUMS };

struct ages {
    int64_t sums[SUMS];
};
struct aging {
    struct report_run *run;
    struct kv_txn *books;
    Daftari__V1__AccountClass class;
    struct ages *parties; /* by number */
    uint32_t count;
};

static int bucket_of(civil_date from, civil_date to)
{
    if (from >= date_add_days(to, -30))
        return DAYS_30;
    if (from >= date_add_days(to, -60))
        return DAYS_60;
    return from >= date_add_days(to, -90) ? DAYS_90 : OLDER;
}

static bool wanted(const struct aging *aging, const struct open_item *item)
{
    const struct run_account *account = run_account(aging->run, item->account);
    return account != NULL && account->class == aging->class && run_covers(aging->run, item->business, BASE);
}

static void add_debt(struct aging *aging, const struct open_item *item, int64_t amount)
{
    uint32_t party = party_standing(aging->books, item->party);
    civil_date to = aging->run->to;
    if (party >= aging->count) {
        kv_set_error(aging->books, STATUS_CORRUPT);
        return;
    }
    int64_t *sums = aging->parties[party].sums;
    sums[amount < 0 ? CREDIT : bucket_of(item->date, to)] += amount;
    sums[BALANCE] += amount;
    if (amount > 0 && item->due < to)
        sums[OVERDUE] += amount;
}

static void collect(struct aging *aging)
{
    struct open_item item = {0};
    struct settled settled = {0};
    civil_date to = aging->run->to;
    while (open_item_next_of_all(aging->books, &item))
        if (item.date <= to && wanted(aging, &item))
            add_debt(aging, &item, item.left);
    while (settled_next(aging->books, &settled)) {
        if ((settled.item.date <= to) == (settled.date <= to) || !wanted(aging, &settled.item))
            continue;
        add_debt(aging, &settled.item, settled.item.date <= to ? settled.item.left : -settled.item.left);
    }
}

static void write_sums(struct aging *aging, const struct ages *ages)
{
    for (int i = 0; i < SUMS; i++)
        cell_amount(aging->run->out, ages->sums[i], run_scale(aging->run, BASE));
    row_end(aging->run->out);
}

static void write(struct aging *aging, bool named)
{
    struct report_run *run = aging->run;
    struct ages all = {0};
    for (uint32_t party = 1; party < aging->count; party++) {
        const struct ages *ages = &aging->parties[party];
        bool any = false;
        for (int i = 0; i < SUMS; i++) {
            all.sums[i] += ages->sums[i];
            any = any || ages->sums[i] != 0;
        }
        if (!any || !row_begin(run->out, DAFTARI__V1__ROW_KIND__DETAIL, 0))
            continue;
        char *key = NULL, *name = NULL;
        arena_reset(run->row);
        if (named)
            party_names(run->masters, party, run->row, &key, &name);
        cell_integer(run->out, party);
        cell_text(run->out, key);
        cell_text(run->out, name);
        write_sums(aging, ages);
    }
    if (!row_begin(run->out, DAFTARI__V1__ROW_KIND__TOTAL, 0))
        return;
    cell_empty(run->out);
    cell_empty(run->out);
    cell_text(run->out, "All");
    write_sums(aging, &all);
}

static enum status aging_run(struct report_run *run, Daftari__V1__AccountClass class, unsigned names)
{
    const struct rights *rights = run->context->rights;
    struct kv_txn *books = run_txn(run, VIEW_MASTERS);
    struct slice key, value;
    if (books == NULL)
        return STATUS_UNAVAILABLE;
    struct aging aging = {.run = run, .books = books, .class = class, .count = 1};
    if (row_last(books, TABLE_PARTY, &key, &value) && key.len == 4)
        aging.count = be32_get(key.ptr) + 1;
    aging.parties = arena_take(run->arena, aging.count * sizeof *aging.parties);
    if (aging.parties == NULL) {
        report_out_fail(run->out);
        return STATUS_OK;
    }
    memset(aging.parties, 0, aging.count * sizeof *aging.parties);
    report_out_columns(run->out, columns, sizeof columns / sizeof columns[0]);
    collect(&aging);
    write(&aging, rights == NULL || rights_allow(rights, names, PERMISSION_READ));
    return kv_error(books);
}

static enum status receivables_run(struct report_run *run)
{
    return aging_run(run, DAFTARI__V1__ACCOUNT_CLASS__CLASS_RECEIVABLE, DAFTARI__V1__PERMISSION__SALES);
}

static enum status payables_run(struct report_run *run)
{
    return aging_run(run, DAFTARI__V1__ACCOUNT_CLASS__CLASS_PAYABLE, DAFTARI__V1__PERMISSION__MONEY);
}

const struct report report_receivables_aging = {
    .name = "receivables-aging",
    .title = "Receivables by age",
    .description =
        "What each customer owes at a date, by the age of the documents, and what of it is overdue.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = receivables_run,
};
const struct report report_payables_aging = {
    .name = "payables-aging",
    .title = "Payables by age",
    .description =
        "What each supplier is owed at a date, by the age of the documents, and what of it is overdue.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = payables_run,
};
