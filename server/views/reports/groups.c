#include "server/views/reports/groups.h"

#include <stdlib.h>

#include "people.pb-c.h"

#define ROOM_FIRST 64u

void groups_begin(struct groups *groups, struct report_run *run)
{
    *groups = (struct groups){.run = run, .by_business = run->request->by_business};
}

static struct group *group_place(struct group *rows, size_t room, uint32_t key, uint16_t business)
{
    uint64_t hash = ((uint64_t)key << 16 | business) * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(hash >> 20) & (room - 1);
    while (rows[at].used && (rows[at].key != key || rows[at].business != business))
        at = (at + 1) & (room - 1);
    return &rows[at];
}

static bool groups_widen(struct groups *groups)
{
    size_t room = groups->room == 0 ? ROOM_FIRST : 2 * groups->room;
    struct group *rows = arena_take_zero(groups->run->arena, room * sizeof *rows);
    if (rows == NULL) {
        report_out_fail(groups->run->out);
        return false;
    }
    for (size_t i = 0; i < groups->room; i++)
        if (groups->rows[i].used)
            *group_place(rows, room, groups->rows[i].key, groups->rows[i].business) = groups->rows[i];
    groups->rows = rows;
    groups->room = room;
    return true;
}

void groups_add(struct groups *groups, uint32_t key, uint16_t business, const int128 figures[TRADE_FIGURES])
{
    if (!groups->run->all && business != groups->run->business)
        return;
    if (!groups->by_business)
        business = groups->run->all ? GROUP_MERGED : groups->run->business;
    if (2 * (groups->count + 1) > groups->room && !groups_widen(groups))
        return;
    struct group *group = group_place(groups->rows, groups->room, key, business);
    if (!group->used) {
        *group = (struct group){.key = key, .business = business, .used = true};
        groups->count++;
    }
    for (size_t f = 0; f < TRADE_FIGURES; f++)
        group->figures[f] += figures[f];
}

static int compare_keys(const void *left, const void *right)
{
    const struct group *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->business < b->business ? -1 : a->business > b->business;
}

static int compare_totals(const void *left, const void *right)
{
    const struct group *a = left, *b = right;
    int128 one = a->figures[TRADE_TOTAL], other = b->figures[TRADE_TOTAL];
    return one != other ? (one > other ? -1 : 1) : compare_keys(left, right);
}

void groups_sort(struct groups *groups, enum groups_order order)
{
    size_t count = 0;
    for (size_t i = 0; i < groups->room; i++)
        if (groups->rows[i].used)
            groups->rows[count++] = groups->rows[i];
    if (count != 0)
        qsort(groups->rows, count, sizeof *groups->rows,
              order == GROUPS_BY_TOTAL ? compare_totals : compare_keys);
}

const char *group_business(const struct report_run *run, uint16_t business)
{
    return business == GROUP_MERGED ? "all" : run_business_code(run, business);
}

void run_default_from_month(struct report_run *run)
{
    if (run->from == 0)
        run->from = run->to / 100 * 100 + 1;
}

bool run_may_see_cost(const struct report_run *run)
{
    const struct rights *rights = run->context->rights;
    return rights == NULL || rights_allow(rights, DAFTARI__V1__PERMISSION__FINANCE_REPORTS, PERMISSION_READ);
}
