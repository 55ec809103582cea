#include "server/access/tally.h"

#include <stdio.h>

#define MINUTE_US INT64_C(60000000)

_Static_assert(TALLY_ROWS + 2 == ACCESS_EVENTS_PER_MINUTE, "the bound that access.h promises");
_Static_assert(ACCESS_LOGINS_REFUSED == 0 && ACCESS_REFUSED == 1, "kinds are indexes of others");

static bool same_source(const struct access_event *row, const struct access_event *event)
{
    return row->kind == event->kind && row->user == event->user && row->session == event->session &&
           strcmp(row->address, event->address) == 0 && strcmp(row->text, event->text) == 0;
}

static void count_up(uint32_t *count)
{
    if (*count != UINT32_MAX)
        (*count)++;
}

void tally_add(struct tally *tally, timestamp_us now, enum access_event_kind kind, uint32_t user,
               uint64_t session, const char *address, const char *text)
{
    struct access_event event = {.kind = kind, .user = user, .session = session, .count = 1};
    (void)snprintf(event.address, sizeof event.address, "%s", address);
    (void)snprintf(event.text, sizeof event.text, "%s", text);
    if (tally->count == 0 && tally->others[0] == 0 && tally->others[1] == 0)
        tally->minute = now / MINUTE_US;
    for (size_t i = 0; i < tally->count; i++)
        if (same_source(&tally->rows[i], &event)) {
            count_up(&tally->rows[i].count);
            return;
        }
    if (tally->count < TALLY_ROWS)
        tally->rows[tally->count++] = event;
    else
        count_up(&tally->others[kind]);
}

size_t tally_take(struct tally *tally, timestamp_us now, bool all, struct access_event *out, size_t max)
{
    size_t taken = 0;
    if (!all && now / MINUTE_US <= tally->minute)
        return 0;
    while (tally->count != 0 && taken < max)
        out[taken++] = tally->rows[--tally->count];
    for (unsigned kind = 0; kind < 2 && tally->count == 0 && taken < max; kind++) {
        if (tally->others[kind] == 0)
            continue;
        out[taken++] = (struct access_event){.kind = (enum access_event_kind)kind,
                                             .count = tally->others[kind],
                                             .address = "others",
                                             .text = "others"};
        tally->others[kind] = 0;
    }
    return taken;
}
