/* Sales by item, category, day, month, hour, customer, tender and cashier. Columns of one kind stand first, then the figures
 * that all have. */
#include <stdio.h>

#include "people.pb-c.h"
#include "server/domain/kernel/facts.h"
#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/party.h"
#include "server/views/reports/groups.h"
#include "server/views/reports/list.h"

static const char *const parameters[] = {"from_date",        "to_date",     "known_at_position",
                                         "known_at_time_us", "business",    "limit",
                                         "offset",           "by_business", NULL};

#define TEXT     DAFTARI__V1__COLUMN_KIND__TEXT
#define INTEGER  DAFTARI__V1__COLUMN_KIND__INTEGER
#define AMOUNT   DAFTARI__V1__COLUMN_KIND__AMOUNT
#define QUANTITY DAFTARI__V1__COLUMN_KIND__QUANTITY
#define PERCENT  DAFTARI__V1__COLUMN_KIND__PERCENT

static const struct report_column item_columns[] = {
    {"item", "Item", TEXT}, {"name", "Name", TEXT}, {"unit", "Unit", TEXT}};
static const struct report_column category_columns[] = {{"category", "Category", TEXT}};
static const struct report_column day_columns[] = {{"date", "Date", DAFTARI__V1__COLUMN_KIND__DATE}};
static const struct report_column month_columns[] = {{"month", "Month", TEXT}};
static const struct report_column hour_columns[] = {{"hour", "Hour", INTEGER}};
static const struct report_column customer_columns[] = {
    {"number", "Number", INTEGER}, {"key", "Phone or code", TEXT}, {"name", "Name", TEXT}};
static const struct report_column tender_columns[] = {{"tender", "Paid by", TEXT}};
static const struct report_column cashier_columns[] = {{"user", "Cashier", TEXT}};

static const struct report_column business_column = {"business", "Business", TEXT};
static const struct report_column count_column = {"count", "Sales", INTEGER};
static const struct report_column quantity_column = {"quantity", "Quantity", QUANTITY};
static const struct report_column figure_columns[] = {
    {"gross", "Before discount", AMOUNT},
    {"discount", "Discount", AMOUNT},
    {"returned", "Returned", AMOUNT},
    {"total", "Total", AMOUNT},
    {"tax", "VAT", AMOUNT},
    {"net", "Net", AMOUNT},
    {"cost", "Cost", AMOUNT},
    {"margin", "Margin", AMOUNT},
    {"margin_percent", "%", PERCENT},
};
static const struct report_column taken_columns[] = {{"amount", "Amount", AMOUNT}, {"percent", "%", PERCENT}};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

struct selling;
struct sales_kind {
    enum trade_dimension dimension;
    const struct report_column *columns;
    size_t column_count;
    enum groups_order order;
    bool of_goods; /* has a quantity */
    uint32_t (*key)(const struct selling *selling, const struct trade_sum *sum);
    void (*cells)(const struct selling *selling, uint32_t key);
};
struct selling {
    struct report_run *run;
    const struct sales_kind *kind;
    struct groups groups;
    bool costs, named;
};

/* ---- what each kind is about --------------------------------------------------------------------------------------- */

static uint32_t own_key(const struct selling *selling, const struct trade_sum *sum)
{
    (void)selling;
    return sum->key;
}

static uint32_t day_key(const struct selling *selling, const struct trade_sum *sum)
{
    (void)selling;
    return sum->period;
}

static uint32_t month_key(const struct selling *selling, const struct trade_sum *sum)
{
    (void)selling;
    return sum->period / 100;
}

static uint32_t category_key(const struct selling *selling, const struct trade_sum *sum)
{
    struct item_row item = {0};
    (void)item_row_get(selling->run->masters, sum->key, &item);
    return item.category;
}

/* A customer who was merged into another counts with him. */
static uint32_t customer_key(const struct selling *selling, const struct trade_sum *sum)
{
    return sum->key == 0 ? 0 : party_standing(selling->run->masters, sum->key);
}

static void item_cells(const struct selling *selling, uint32_t key)
{
    const Daftari__V1__ItemInfo *item = item_info_get(selling->run->masters, key, selling->run->row);
    cell_text(selling->run->out, item != NULL ? item->code : NULL);
    cell_text(selling->run->out, item != NULL ? item->name : "Cylinders");
    cell_text(selling->run->out, item != NULL ? item->unit : NULL);
}

static void category_cells(const struct selling *selling, uint32_t key)
{
    const Daftari__V1__CategoryInfo *category =
        category_info_get(selling->run->masters, (uint16_t)key, selling->run->row);
    cell_text(selling->run->out, category != NULL ? category->name : "(none)");
}

static void day_cells(const struct selling *selling, uint32_t key)
{
    cell_date(selling->run->out, key);
}

static void month_cells(const struct selling *selling, uint32_t key)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%04u-%02u", key / 100 % 10000, key % 100);
    cell_text(selling->run->out, text);
}

static void number_cells(const struct selling *selling, uint32_t key)
{
    cell_integer(selling->run->out, key);
}

static void customer_cells(const struct selling *selling, uint32_t key)
{
    char *phone = NULL, *name = NULL;
    if (selling->named && key != 0)
        party_names(selling->run->masters, key, selling->run->row, &phone, &name);
    if (key != 0)
        cell_integer(selling->run->out, key);
    else
        cell_empty(selling->run->out);
    cell_text(selling->run->out, phone);
    cell_text(selling->run->out, key != 0 ? name : "Walk-in");
}

static void tender_cells(const struct selling *selling, uint32_t key)
{
    static const char *const names[] = {"none", "cash", "mpesa", "bank", "credit", "prepayment"};
    cell_text(selling->run->out, key < COUNT_OF(names) ? names[key] : "other");
}

static void cashier_cells(const struct selling *selling, uint32_t key)
{
    cell_text(selling->run->out, user_email_of(selling->run->masters, key, selling->run->row));
}

static const struct sales_kind by_item = {
    TRADE_BY_ITEM, item_columns, COUNT_OF(item_columns), GROUPS_BY_TOTAL, true, own_key, item_cells};
static const struct sales_kind by_category = {
    TRADE_BY_ITEM, category_columns, COUNT_OF(category_columns), GROUPS_BY_TOTAL, true,
    category_key,  category_cells};
static const struct sales_kind by_day = {
    TRADE_BY_DAY, day_columns, COUNT_OF(day_columns), GROUPS_BY_KEY, false, day_key, day_cells};
static const struct sales_kind by_month = {
    TRADE_BY_DAY, month_columns, COUNT_OF(month_columns), GROUPS_BY_KEY, false, month_key, month_cells};
static const struct sales_kind by_hour = {
    TRADE_BY_HOUR, hour_columns, COUNT_OF(hour_columns), GROUPS_BY_KEY, false, own_key, number_cells};
static const struct sales_kind by_customer = {
    TRADE_BY_CUSTOMER, customer_columns, COUNT_OF(customer_columns), GROUPS_BY_TOTAL, false,
    customer_key,      customer_cells};
static const struct sales_kind by_tender = {
    TRADE_BY_TENDER, tender_columns, COUNT_OF(tender_columns), GROUPS_BY_KEY, false, own_key, tender_cells};
static const struct sales_kind by_cashier = {TRADE_BY_CASHIER, cashier_columns, COUNT_OF(cashier_columns),
                                             GROUPS_BY_TOTAL,  false,           own_key,
                                             cashier_cells};

/* ---- rows ------------------------------------------------------------------------------------------------------------ */

static void take(void *context, const struct trade_sum *sum)
{
    struct selling *selling = context;
    groups_add(&selling->groups, selling->kind->key(selling, sum), sum->business, sum->figures);
}

static void figure_cells(const struct selling *selling, const int128 figures[TRADE_FIGURES],
                         const int128 all[TRADE_FIGURES])
{
    struct report_out *out = selling->run->out;
    uint32_t scale = run_scale(selling->run, BASE_CURRENCY);
    int128 total = figures[TRADE_TOTAL], net = total - figures[TRADE_TAX];
    if (figures[TRADE_COUNT] < 0)
        cell_empty(out);
    else
        cell_integer(out, (uint64_t)figures[TRADE_COUNT]);
    if (selling->kind->dimension == TRADE_BY_TENDER) {
        cell_amount(out, total, scale);
        cell_percent(out, total, all[TRADE_TOTAL]);
        return;
    }
    if (selling->kind->of_goods)
        cell_quantity(out, figures[TRADE_QUANTITY]);
    cell_amount(out, total + figures[TRADE_RETURNED] + figures[TRADE_DISCOUNT], scale);
    cell_amount(out, figures[TRADE_DISCOUNT], scale);
    cell_amount(out, figures[TRADE_RETURNED], scale);
    cell_amount(out, total, scale);
    cell_amount(out, figures[TRADE_TAX], scale);
    cell_amount(out, net, scale);
    if (!selling->costs)
        return; /* the rest stays empty */
    cell_amount(out, figures[TRADE_COST], scale);
    cell_amount(out, net - figures[TRADE_COST], scale);
    cell_percent(out, net - figures[TRADE_COST], net);
}

static bool is_nothing(const int128 figures[TRADE_FIGURES])
{
    for (size_t f = 0; f < TRADE_FIGURES; f++)
        if (figures[f] != 0)
            return false;
    return true;
}

static void write(struct selling *selling)
{
    struct report_run *run = selling->run;
    int128 all[TRADE_FIGURES] = {0};
    for (size_t i = 0; i < selling->groups.count; i++)
        for (size_t f = 0; f < TRADE_FIGURES; f++)
            all[f] += selling->groups.rows[i].figures[f];
    for (size_t i = 0; i < selling->groups.count; i++) {
        const struct group *group = &selling->groups.rows[i];
        if (is_nothing(group->figures) || !row_begin(run->out, DAFTARI__V1__ROW_KIND__DETAIL, 0))
            continue;
        arena_reset(run->row);
        selling->kind->cells(selling, group->key);
        cell_text(run->out, group_business(run, group->business));
        figure_cells(selling, group->figures, all);
        row_end(run->out);
    }
    if (!row_begin(run->out, DAFTARI__V1__ROW_KIND__TOTAL, 0))
        return;
    for (size_t i = 0; i < selling->kind->column_count; i++)
        if (selling->kind->columns[i].kind == TEXT && i + 1 == selling->kind->column_count)
            cell_text(run->out, "Total");
        else
            cell_empty(run->out);
    cell_empty(run->out);
    figure_cells(selling, all, all);
    row_end(run->out);
}

static enum status sales_run(struct report_run *run, const struct sales_kind *kind)
{
    const struct rights *rights = run->context->rights;
    struct selling selling = {.run = run,
                              .kind = kind,
                              .costs = run_may_see_cost(run),
                              .named = rights == NULL ||
                                       rights_allow(rights, DAFTARI__V1__PERMISSION__SALES, PERMISSION_READ)};
    struct kv_txn *txn = run_txn(run, VIEW_TRADE);
    if (txn == NULL)
        return STATUS_UNAVAILABLE;
    run_default_from_month(run);
    report_out_columns(run->out, kind->columns, kind->column_count);
    report_out_columns(run->out, &business_column, 1);
    report_out_columns(run->out, &count_column, 1);
    if (kind->of_goods)
        report_out_columns(run->out, &quantity_column, 1);
    if (kind->dimension == TRADE_BY_TENDER)
        report_out_columns(run->out, taken_columns, COUNT_OF(taken_columns));
    else
        report_out_columns(run->out, figure_columns, COUNT_OF(figure_columns));
    groups_begin(&selling.groups, run);
    if (kind == &by_day)
        trade_sums_of_days(txn, kind->dimension, run->from, run->to, take, &selling);
    else
        trade_sums(txn, kind->dimension, run->from, run->to, take, &selling);
    groups_sort(&selling.groups, kind->order);
    write(&selling);
    return kv_error(txn);
}

#define SALES_REPORT(kind, report_name, report_title, report_description)                                    \
    static enum status kind##_run(struct report_run *run)                                                    \
    {                                                                                                        \
        return sales_run(run, &kind);                                                                        \
    }                                                                                                        \
    const struct report report_sales_##kind = {                                                              \
        .name = report_name,                                                                                 \
        .title = report_title,                                                                               \
        .description = report_description,                                                                   \
        .parameters = parameters,                                                                            \
        .permission = DAFTARI__V1__PERMISSION__OPERATION_REPORTS,                                            \
        .run = kind##_run,                                                                                   \
    }

SALES_REPORT(
    by_item, "sales-by-item", "Sales by item",
    "What was sold of each item in a period (default: this month): quantity, discount, VAT, cost, margin.");
SALES_REPORT(by_category, "sales-by-category", "Sales by category", "The same by category of items.");
SALES_REPORT(by_day, "sales-by-day", "Sales by day", "Sales of each day of a period (default: this month).");
SALES_REPORT(by_month, "sales-by-month", "Sales by month", "Sales of each month of a period.");
SALES_REPORT(by_hour, "sales-by-hour", "Sales by hour of the day",
             "When people buy: sales of a period by the hour at which they were made.");
SALES_REPORT(by_customer, "sales-by-customer", "Sales by customer",
             "Who buys how much in a period; those without a customer together.");
SALES_REPORT(
    by_tender, "sales-by-tender", "Sales by how they were paid",
    "Money taken for sales in a period, less money given back, by cash, M-Pesa, bank and on credit.");
SALES_REPORT(by_cashier, "sales-by-cashier", "Sales by cashier", "Who recorded how much in a period.");
