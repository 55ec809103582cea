#include "server/views/reports/grid.h"

#include "server/domain/kernel/facts.h"
#include "server/views/reports/chart.h"

/* Declares the report's columns: section, account, name, currency, then the cells' (codes of businesses, "amount",
 * "compare"). */
static void grid_open(struct grid *grid, struct report_run *run)
{
    *grid = (struct grid){.run = run};
    grid->by_business = run->request->has_by_business && run->request->by_business;
    report_out_column(run->out, "section", "Section", DAFTARI__V1__COLUMN_KIND__TEXT);
    report_out_column(run->out, "account", "Account", DAFTARI__V1__COLUMN_KIND__INTEGER);
    report_out_column(run->out, "name", "Name", DAFTARI__V1__COLUMN_KIND__TEXT);
    report_out_column(run->out, "currency", "Currency", DAFTARI__V1__COLUMN_KIND__TEXT);
    if (grid->by_business) {
        for (size_t i = 0; i < run->business_count; i++)
            report_out_column(run->out, run->businesses[i].code, run->businesses[i].code,
                              DAFTARI__V1__COLUMN_KIND__AMOUNT);
        grid->columns += run->business_count;
    }
    report_out_column(run->out, "amount", "Amount", DAFTARI__V1__COLUMN_KIND__AMOUNT);
    grid->columns++;
    if (run->compare) {
        report_out_column(run->out, "compare", "Comparison", DAFTARI__V1__COLUMN_KIND__AMOUNT);
        grid->columns++;
    }
}

int128 *grid_cells(struct grid *grid)
{
    int128 *cells = arena_take_zero(grid->run->arena, grid->columns * sizeof *cells);
    if (cells == NULL)
        report_out_fail(grid->run->out);
    return cells;
}

static bool grow(struct grid *grid)
{
    if (grid->count < grid->cap)
        return true;
    size_t cap = grid->cap == 0 ? 64 : 2 * grid->cap;
    struct grid_row *wider = arena_take(grid->run->arena, cap * sizeof *wider);
    if (wider == NULL) {
        report_out_fail(grid->run->out);
        return false;
    }
    if (grid->count != 0)
        memcpy(wider, grid->rows, grid->count * sizeof *wider);
    grid->rows = wider;
    grid->cap = cap;
    return true;
}

/* Accounts arrive in order, so a row that is there is one of the last few: those of the same account. */
struct grid_row *grid_row(struct grid *grid, uint8_t section, uint32_t account, const char *name,
                          uint16_t currency)
{
    for (size_t i = grid->count; i-- > 0;) {
        struct grid_row *row = &grid->rows[i];
        if (account != 0 && row->account != account && row->account != 0)
            break;
        if (row->section == section && row->account == account && row->currency == currency)
            return row;
    }
    if (!grow(grid))
        return NULL;
    int128 *cells = grid_cells(grid);
    if (cells == NULL)
        return NULL;
    struct grid_row *row = &grid->rows[grid->count++];
    *row = (struct grid_row){account, section, currency, name, cells};
    return row;
}

static size_t business_column(const struct grid *grid, uint16_t business)
{
    size_t column = 0;
    while (column < grid->run->business_count && grid->run->businesses[column].number != business)
        column++;
    return column;
}

void grid_add(struct grid *grid, struct grid_row *row, const struct sum *sum, int sign,
              int128 (*amount)(const struct sum *sum, size_t range))
{
    int128 value = sign * amount(sum, 0);
    size_t all = grid->by_business ? grid->run->business_count : 0;
    if (grid->by_business && business_column(grid, sum->business) < all)
        row->cells[business_column(grid, sum->business)] += value;
    row->cells[all] += value;
    if (grid->run->compare)
        row->cells[all + 1] += sign * amount(sum, 1);
}

static bool has_amount(const struct grid *grid, const struct grid_row *row)
{
    for (size_t i = 0; i < grid->columns; i++) {
        if (row->cells[i] != 0)
            return true;
    }
    return false;
}

static void amounts(struct grid *grid, const int128 *cells, uint16_t currency)
{
    for (size_t i = 0; i < grid->columns; i++)
        cell_amount(grid->run->out, cells[i], run_scale(grid->run, currency));
}

static void heading(struct grid *grid, const char *key, const char *title, uint16_t currency)
{
    struct report_out *out = grid->run->out;
    if (!row_begin(out, DAFTARI__V1__ROW_KIND__HEADING, 0))
        return;
    cell_text(out, key);
    cell_empty(out);
    cell_text(out, title);
    cell_text(out, run_currency_code(grid->run, currency));
    row_end(out);
}

/* A section under way. */
struct section {
    struct grid *grid;
    uint16_t currency;
    const char *key;
    int128 *total;
    int128 *sums[CHART_DEPTH_MAX]; /* of the headings that are begun */
};

static void section_heading(void *context, uint32_t account, size_t depth)
{
    struct section *section = context;
    struct report_run *run = section->grid->run;
    section->sums[depth] = grid_cells(section->grid);
    if (!row_begin(run->out, DAFTARI__V1__ROW_KIND__HEADING, (uint32_t)depth + 1))
        return;
    cell_text(run->out, section->key);
    cell_integer(run->out, account);
    cell_text(run->out, run_account_name(run, account));
    cell_text(run->out, run_currency_code(run, section->currency));
    row_end(run->out);
}

static void section_row(void *context, size_t index, size_t depth)
{
    struct section *section = context;
    struct grid *grid = section->grid;
    struct report_out *out = grid->run->out;
    const struct grid_row *row = &grid->rows[index];
    for (size_t c = 0; c < grid->columns; c++) {
        section->total[c] += row->cells[c];
        for (size_t level = 0; level < depth; level++) {
            if (section->sums[level] != NULL)
                section->sums[level][c] += row->cells[c];
        }
    }
    if (!row_begin(out, DAFTARI__V1__ROW_KIND__DETAIL, (uint32_t)depth + 1))
        return;
    cell_text(out, section->key);
    if (row->account != 0)
        cell_integer(out, row->account);
    else
        cell_empty(out);
    cell_text(out, row->account != 0 ? run_account_name(grid->run, row->account) : row->name);
    cell_text(out, run_currency_code(grid->run, section->currency));
    amounts(grid, row->cells, section->currency);
    row_end(out);
}

static void section_subtotal(void *context, uint32_t account, size_t depth)
{
    struct section *section = context;
    struct report_run *run = section->grid->run;
    if (section->sums[depth] == NULL ||
        !row_begin(run->out, DAFTARI__V1__ROW_KIND__SUBTOTAL, (uint32_t)depth + 1))
        return;
    cell_text(run->out, section->key);
    cell_empty(run->out);
    cell_text(run->out, chart_subtotal_name(run, account));
    cell_text(run->out, run_currency_code(run, section->currency));
    amounts(section->grid, section->sums[depth], section->currency);
    row_end(run->out);
}

void grid_section(struct grid *grid, uint8_t section, uint16_t currency, const char *key, const char *title,
                  int128 *total)
{
    static const struct chart_writer writer = {section_heading, section_row, section_subtotal};
    struct section context = {.grid = grid, .currency = currency, .key = key, .total = total};
    size_t count = 0;
    struct chart_row *rows = arena_take(grid->run->arena, (grid->count + 1) * sizeof *rows);
    heading(grid, key, title, currency);
    if (rows == NULL) {
        report_out_fail(grid->run->out);
        return;
    }
    for (size_t i = 0; i < grid->count; i++) {
        const struct grid_row *row = &grid->rows[i];
        if (row->section != section || row->currency != currency || !has_amount(grid, row))
            continue;
        if (!chart_place(grid->run, row->account, i, &rows[count]))
            return;
        count++;
    }
    chart_write(rows, count, &writer, &context);
}

void grid_total(struct grid *grid, const char *key, const char *title, uint16_t currency, const int128 *total)
{
    struct report_out *out = grid->run->out;
    if (!row_begin(out, DAFTARI__V1__ROW_KIND__TOTAL, 0))
        return;
    cell_text(out, key);
    cell_empty(out);
    cell_text(out, title);
    cell_text(out, run_currency_code(grid->run, currency));
    amounts(grid, total, currency);
    row_end(out);
}

static bool currency_next(const struct grid *grid, uint32_t *currency)
{
    uint32_t next = UINT32_MAX;
    for (size_t i = 0; i < grid->count; i++) {
        uint16_t candidate = grid->rows[i].currency;
        if (candidate > *currency && candidate < next)
            next = candidate;
    }
    if (next == UINT32_MAX && grid->count == 0 && *currency == 0)
        next = grid->run->one_currency ? grid->run->currency : BASE_CURRENCY;
    *currency = next;
    return next != UINT32_MAX;
}

enum status grid_run(struct report_run *run,
                     enum status (*collect)(struct grid *grid, struct kv_txn *balances),
                     void (*write)(struct grid *grid, uint16_t currency))
{
    struct kv_txn *balances = run_txn(run, VIEW_BALANCES);
    if (balances == NULL)
        return STATUS_UNAVAILABLE;
    struct grid grid;
    grid_open(&grid, run);
    enum status status = collect(&grid, balances);
    if (status != STATUS_OK)
        return status;
    for (uint32_t currency = 0; currency_next(&grid, &currency);)
        write(&grid, (uint16_t)currency);
    return kv_error(balances);
}
