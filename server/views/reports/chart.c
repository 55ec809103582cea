#include "server/views/reports/chart.h"

#include <stdio.h>
#include <stdlib.h>

/* How many headings are above the account. A chart has no circles; one that has is read as far as it has accounts. */
static size_t headings_above(const struct report_run *run, const struct run_account *account)
{
    size_t above = 0;
    while (account != NULL && account->parent != 0 && above < run->account_count) {
        account = run_account(run, account->parent);
        above += account != NULL;
    }
    return above;
}

/* A page shows rows alone: headings and subtotals on it would be of what it does not show. */
static bool paged(const struct report_run *run)
{
    return run->request->limit != 0 || run->request->offset != 0 || run->request->has_account;
}

bool chart_flat(const struct report_run *run)
{
    if (paged(run))
        return true;
    for (size_t i = 0; i < run->account_count; i++)
        if (run->accounts[i].parent != 0)
            return false;
    return true;
}

bool chart_place(struct report_run *run, uint32_t account, size_t row, struct chart_row *out)
{
    const struct run_account *at = paged(run) ? NULL : run_account(run, account);
    size_t above = headings_above(run, at);
    size_t depth = above < CHART_DEPTH_MAX ? above : CHART_DEPTH_MAX;
    uint32_t *headings = NULL;
    if (depth != 0) {
        headings = arena_take(run->arena, depth * sizeof *headings);
        if (headings == NULL) {
            report_out_fail(run->out);
            return false;
        }
    }
    for (size_t i = above; i-- > 0;) {
        at = run_account(run, at->parent);
        if (i < depth)
            headings[i] = at->number;
    }
    *out = (struct chart_row){headings, depth, account, row};
    return true;
}

/* The number that stands `level` deep in the place of a row: a heading, or the account itself. */
static uint32_t number_at(const struct chart_row *row, size_t level)
{
    if (level < row->depth)
        return row->headings[level];
    return row->account != 0 ? row->account : UINT32_MAX;
}

static int row_compare(const void *left, const void *right)
{
    const struct chart_row *a = left, *b = right;
    for (size_t level = 0; level <= a->depth && level <= b->depth; level++) {
        uint32_t x = number_at(a, level), y = number_at(b, level);
        if (x != y)
            return x < y ? -1 : 1;
    }
    if (a->depth != b->depth)
        return a->depth < b->depth ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static size_t shared_headings(const struct chart_row *a, const struct chart_row *b)
{
    size_t level = 0;
    while (level < a->depth && level < b->depth && a->headings[level] == b->headings[level])
        level++;
    return level;
}

void chart_write(struct chart_row *rows, size_t count, const struct chart_writer *writer, void *context)
{
    static const struct chart_row outside = {0};
    if (count != 0)
        qsort(rows, count, sizeof *rows, row_compare);
    const struct chart_row *before = &outside;
    for (size_t i = 0; i <= count; i++) {
        const struct chart_row *row = i < count ? &rows[i] : &outside;
        size_t shared = shared_headings(before, row);
        for (size_t level = before->depth; level-- > shared;)
            writer->subtotal(context, before->headings[level], level);
        for (size_t level = shared; level < row->depth; level++)
            writer->heading(context, row->headings[level], level);
        if (i < count)
            writer->row(context, row->row, row->depth);
        before = row;
    }
}

const char *chart_subtotal_name(struct report_run *run, uint32_t heading)
{
    arena_reset(run->row);
    const char *name = run_account_name(run, heading);
    size_t cap = strlen(name) + sizeof "Total ";
    char *text = arena_take(run->row, cap);
    if (text == NULL)
        return name;
    (void)snprintf(text, cap, "Total %s", name);
    return text;
}
