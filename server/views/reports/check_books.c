/*
 * check-books: every figure that the books hold twice, side by side. What the ledger says of an account against the register
 * that stands behind it: open documents, stock, cylinders, statements. It is about now and about all dates, since a
 * register has no earlier day: what was recorded, for whatever day, must agree at every moment.
 */
#include "cylinder.pb-c.h"
#include "people.pb-c.h"
#include "reconciliation.pb-c.h"
#include "server/domain/cylinders/cylinders.h"
#include "server/domain/kernel/document.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/open_item.h"
#include "server/domain/kernel/rows.h"
#include "server/views/balances/balances.h"
#include "server/views/reports/list.h"
#include "server/views/reports/report_run.h"
#include "server/views/stock/stock_view.h"
#include "server/views/totals_scan.h"

static const char *const parameters[] = {"business", NULL};
static const struct report_column columns[] = {
    {"check", "Check", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"account", "Account", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"name", "Name", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"business", "Business", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"currency", "Currency", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"books", "Books", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"register", "Register", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"difference", "Difference", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"state", "State", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"look", "Where to look", DAFTARI__V1__COLUMN_KIND__TEXT},
};

enum check { BALANCED, BETWEEN, CUSTOMERS, SUPPLIERS, STOCK, CYLINDERS, DEPOSITS, STATEMENT, CHECKS };
static const struct {
    const char *name;
    const char *look; /* in a row that differs */
} checks[CHECKS] = {
    [BALANCED] = {"debits-and-credits", "this cannot be: run daftari-audit verify"},
    [BETWEEN] = {"between-businesses", "this cannot be: run daftari-audit verify"},
    [CUSTOMERS] = {"customers", "lines on the account that name no customer: report account-statement"},
    [SUPPLIERS] = {"suppliers", "lines on the account that name no supplier: report account-statement"},
    [STOCK] = {"stock", "opening balances without a register, or entries by hand: report account-statement"},
    [CYLINDERS] = {"cylinders", "opening balances without a register, or entries by hand: report "
                                "account-statement"},
    [DEPOSITS] = {"deposits", "entries by hand on the account: report account-statement"},
    [STATEMENT] = {"statement", "what the last reconciliation left open: report reconciliations"},
};

#define ALL_BUSINESSES 0xffffu

/* One row to be. Both sides with the sign of the account's normal direction, but for BALANCED: debits and credits. */
struct tie {
    enum check check;
    uint32_t account; /* 0: all */
    uint16_t business, currency;
    bool compared; /* with a statement, ever */
    int128 books, other;
};
struct checking {
    struct report_run *run;
    struct kv_txn *balances, *stock, *masters;
    struct tie *ties;
    size_t count, cap, last; /* the one that was asked for last */
};

static struct tie *tie_of(struct checking *checking, enum check check, uint32_t account, uint16_t business,
                          uint16_t currency)
{
    for (size_t i = 0; i < checking->count; i++) {
        size_t at = (checking->last + i) % checking->count;
        struct tie *tie = &checking->ties[at];
        if (tie->check == check && tie->account == account && tie->business == business &&
            tie->currency == currency) {
            checking->last = at;
            return tie;
        }
    }
    if (checking->count == checking->cap) {
        size_t cap = checking->cap == 0 ? 64 : 2 * checking->cap;
        struct tie *wider = arena_take(checking->run->arena, cap * sizeof *wider);
        if (wider == NULL) {
            report_out_fail(checking->run->out);
            return NULL;
        }
        if (checking->count != 0)
            memcpy(wider, checking->ties, checking->count * sizeof *wider);
        checking->ties = wider;
        checking->cap = cap;
    }
    checking->last = checking->count++;
    checking->ties[checking->last] = (struct tie){.check = check,
                                                  .account = account,
                                                  .business = business,
                                                  .currency = currency,
                                                  .compared = check != STATEMENT};
    return &checking->ties[checking->last];
}

static void add_register(struct checking *checking, enum check check, uint32_t account, uint16_t business,
                         int128 amount)
{
    struct tie *tie = run_covers(checking->run, business, BASE_CURRENCY)
                          ? tie_of(checking, check, account, business, BASE_CURRENCY)
                          : NULL;
    if (tie != NULL)
        tie->other += amount;
}

/* ---- registers --------------------------------------------------------------------------------------------------- */

static void collect_open_documents(struct checking *checking)
{
    struct open_item item = {0};
    while (open_item_next_of_all(checking->masters, &item)) {
        const struct run_account *account = run_account(checking->run, item.account);
        if (account == NULL)
            continue;
        if (account->class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_RECEIVABLE)
            add_register(checking, CUSTOMERS, item.account, item.business, item.left);
        if (account->class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_PAYABLE)
            add_register(checking, SUPPLIERS, item.account, item.business, item.left);
    }
}

/* The accounts that play parts in a business, by the rules of today: for document_account. */
static void rules_of(const struct checking *checking, uint16_t business, struct document *out)
{
    *out = (struct document){.state = checking->masters, .business = business};
    arena_reset(checking->run->row);
    profile_get(checking->masters, business, checking->run->row, &out->own);
    profile_get(checking->masters, HEAD_OFFICE, checking->run->row, &out->common);
}

static void collect_stock(struct checking *checking)
{
    struct kv_cursor *cursor = kv_cursor_open(checking->stock, STOCK_ROWS);
    struct document rules = {0};
    for (bool more = kv_seek(cursor, slice_of("", 1)); more; more = kv_next(cursor)) {
        struct stock_view_row row;
        struct item_row item = {0};
        if (!stock_view_row(checking->stock, cursor, &row))
            break;
        if (rules.state == NULL || rules.business != row.business)
            rules_of(checking, row.business, &rules);
        (void)item_row_get(checking->masters, row.item, &item);
        add_register(checking, STOCK,
                     document_account(&rules, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, item.category),
                     row.business, row.value);
    }
    kv_cursor_close(cursor);
}

/* A business that never had a cylinder has no row unless the ledger has something on the account. */
static void collect_cylinders(struct checking *checking)
{
    for (size_t i = 0; i < checking->run->business_count; i++) {
        uint16_t business = checking->run->businesses[i].number;
        struct document rules;
        struct cylinder_totals totals;
        rules_of(checking, business, &rules);
        uint32_t shells = document_account(&rules, DAFTARI__V1__ACCOUNT_ROLE__ROLE_SHELLS, CATEGORY_ANY);
        uint32_t deposits =
            document_account(&rules, DAFTARI__V1__ACCOUNT_ROLE__ROLE_DEPOSITS_HELD, CATEGORY_ANY);
        cylinder_totals_get(checking->masters, business, 0, &totals);
        if (shells != 0 || totals.value != 0)
            add_register(checking, CYLINDERS, shells, business, totals.value);
        if (deposits != 0 || totals.deposit != 0)
            add_register(checking, DEPOSITS, deposits, business, totals.deposit);
    }
}

/* ---- statements --------------------------------------------------------------------------------------------------- */

/* The books as at a date, in the account's normal direction. */
static int128 balance_at(struct checking *checking, uint32_t number, uint16_t business, uint16_t currency,
                         civil_date date)
{
    struct account_row account;
    struct totals_scan scan;
    int128 balance = 0;
    const struct totals_ask ask = {.one_account = true, .account = number, .dates = 1, .up_to = {date}};
    enum status status = totals_scan_open(&scan, checking->balances, BALANCES_TOTALS, &ask);
    while (status == STATUS_OK && totals_scan_next(&scan))
        if (scan.key.business == business && scan.key.currency == currency)
            balance = totals_net(&scan.up_to[0]);
    totals_scan_close(&scan);
    return account_row_get(checking->masters, number, &account) ? balance * account_normal_sign(&account)
                                                                : balance;
}

static bool counts(const Daftari__V1__ReconciliationInfo *info)
{
    return info->state != NULL && strcmp(info->state, "pending") != 0 && strcmp(info->state, "reopened") != 0;
}

/* Of each account, the last one in the order of their recording: a later statement never ends earlier. */
static void collect_statement(struct checking *checking, const Daftari__V1__ReconciliationInfo *info)
{
    uint16_t business = 0, currency = BASE_CURRENCY;
    if ((info->business != NULL && !business_find(checking->masters, info->business, &business)) ||
        (info->currency != NULL && info->currency[0] != '\0' &&
         !currency_find(checking->masters, info->currency, &currency)) ||
        !run_covers(checking->run, business, currency) || !counts(info))
        return;
    struct tie *tie = tie_of(checking, STATEMENT, info->account, business, currency);
    if (tie == NULL)
        return;
    tie->compared = true;
    tie->books = balance_at(checking, info->account, business, currency, info->as_at_date);
    tie->other =
        (int128)info->external_balance_minor - info->open_lines_minor + (int128)info->open_postings_minor;
}

static void collect_statements(struct checking *checking)
{
    struct kv_cursor *cursor = kv_cursor_open(checking->masters, TABLE_RECONCILIATION);
    for (bool more = kv_seek(cursor, slice_of("", 1)); more; more = kv_next(cursor)) {
        struct slice key, value;
        kv_row(cursor, &key, &value);
        arena_reset(checking->run->row);
        const Daftari__V1__ReconciliationInfo *info = row_message(
            checking->masters, value, &daftari__v1__reconciliation_info__descriptor, checking->run->row);
        if (info != NULL)
            collect_statement(checking, info);
    }
    kv_cursor_close(cursor);
}

/* ---- the ledger --------------------------------------------------------------------------------------------------- */

static bool is_ruled(const struct checking *checking, enum check check, uint32_t account)
{
    for (size_t i = 0; i < checking->count; i++)
        if (checking->ties[i].check == check && checking->ties[i].account == account)
            return true;
    return false;
}

/* What else the account is checked against. A receivable in another currency has no register. */
static void add_account(struct checking *checking, const struct totals_scan *scan)
{
    const struct run_account *account = run_account(checking->run, scan->key.account);
    const struct totals_key *key = &scan->key;
    int128 net = totals_net(&scan->up_to[0]);
    struct tie *tie = NULL;
    if (account == NULL)
        return;
    switch (account->class) {
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_INTERBUSINESS:
        if (checking->run->all)
            tie = tie_of(checking, BETWEEN, key->account, ALL_BUSINESSES, key->currency);
        break;
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_RECEIVABLE:
        if (key->currency == BASE_CURRENCY)
            tie = tie_of(checking, CUSTOMERS, key->account, key->business, key->currency);
        break;
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_PAYABLE:
        net = -net;
        if (key->currency == BASE_CURRENCY)
            tie = tie_of(checking, SUPPLIERS, key->account, key->business, key->currency);
        break;
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_INVENTORY:
        tie = tie_of(checking, STOCK, key->account, key->business, key->currency);
        break;
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_MOBILE_MONEY:
        (void)tie_of(checking, STATEMENT, key->account, key->business, key->currency);
        break; /* its books are those of the statement's day */
    default:
        if (is_ruled(checking, STOCK, key->account))
            tie = tie_of(checking, STOCK, key->account, key->business, key->currency);
        else if (is_ruled(checking, CYLINDERS, key->account))
            tie = tie_of(checking, CYLINDERS, key->account, key->business, key->currency);
        else if (is_ruled(checking, DEPOSITS, key->account)) {
            net = -net;
            tie = tie_of(checking, DEPOSITS, key->account, key->business, key->currency);
        }
    }
    if (tie != NULL)
        tie->books += net;
}

static enum status collect_ledger(struct checking *checking)
{
    struct totals_scan scan;
    const struct totals_ask ask = {.dates = 1, .up_to = {DATE_MAX}};
    enum status status = totals_scan_open(&scan, checking->balances, BALANCES_TOTALS, &ask);
    while (status == STATUS_OK && totals_scan_next(&scan)) {
        if (!run_covers(checking->run, scan.key.business, scan.key.currency))
            continue;
        struct tie *all = tie_of(checking, BALANCED, 0, scan.key.business, scan.key.currency);
        if (all != NULL) {
            all->books += scan.up_to[0].debit;
            all->other += scan.up_to[0].credit;
        }
        add_account(checking, &scan);
    }
    totals_scan_close(&scan);
    return status;
}

/* ---- rows ----------------------------------------------------------------------------------------------------------- */

static const char *state_of(const struct tie *tie)
{
    if (!tie->compared)
        return "unchecked";
    return tie->books == tie->other ? "ok" : "differs";
}

static void write_tie(struct report_run *run, const struct tie *tie)
{
    uint32_t scale = run_scale(run, tie->currency);
    const char *state = state_of(tie);
    if (!row_begin(run->out, DAFTARI__V1__ROW_KIND__DETAIL, 0))
        return;
    cell_text(run->out, checks[tie->check].name);
    if (tie->account != 0)
        cell_integer(run->out, tie->account);
    else
        cell_empty(run->out);
    cell_text(run->out, tie->account != 0 ? run_account_name(run, tie->account) : NULL);
    cell_text(run->out, tie->business == ALL_BUSINESSES ? "all" : run_business_code(run, tie->business));
    cell_text(run->out, run_currency_code(run, tie->currency));
    if (tie->compared) {
        cell_amount(run->out, tie->books, scale);
        cell_amount(run->out, tie->other, scale);
        cell_amount(run->out, tie->books - tie->other, scale);
    } else {
        cell_empty(run->out);
        cell_empty(run->out);
        cell_empty(run->out);
    }
    cell_text(run->out, state);
    cell_text(run->out, !tie->compared             ? "never compared: daftari reconciliation start"
                        : tie->books != tie->other ? checks[tie->check].look
                                                   : NULL);
    row_end(run->out);
}

static void write_ties(const struct checking *checking)
{
    struct report_run *run = checking->run;
    uint64_t differ = 0;
    for (enum check check = 0; check < CHECKS; check++) {
        for (size_t i = 0; i < checking->count; i++) {
            const struct tie *tie = &checking->ties[i];
            bool nothing = tie->books == 0 && tie->other == 0 && tie->compared && check > BETWEEN;
            if (tie->check != check || (nothing && check != STATEMENT))
                continue;
            differ += strcmp(state_of(tie), "differs") == 0;
            write_tie(run, tie);
        }
    }
    if (differ == 0)
        report_out_note(run->out, "Everything ties out.");
    else
        report_out_note(run->out, "%llu of these differ.", (unsigned long long)differ);
}

static enum status check_books_run(struct report_run *run)
{
    struct checking checking = {.run = run,
                                .masters = run->masters,
                                .balances = run_txn(run, VIEW_BALANCES),
                                .stock = run_txn(run, VIEW_STOCK)};
    if (checking.balances == NULL || checking.stock == NULL)
        return STATUS_UNAVAILABLE;
    report_out_columns(run->out, columns, sizeof columns / sizeof columns[0]);
    collect_open_documents(&checking);
    collect_stock(&checking);
    collect_cylinders(&checking);
    collect_statements(&checking);
    enum status status = collect_ledger(&checking);
    write_ties(&checking);
    if (status == STATUS_OK)
        status = kv_error(checking.stock);
    return status == STATUS_OK ? kv_error(checking.balances) : status;
}

const struct report report_check_books = {
    .name = "check-books",
    .title = "Do the books tie out",
    .description = "What the ledger says against what stands behind it: open documents of customers and "
                   "suppliers, stock, "
                   "cylinders, deposits, statements; what is owed between businesses comes to nothing.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = check_books_run,
};
