/* Where the writer's time goes, cheaply: of the steps of a command only every SPENT_EVERY-th is timed and counts so many
 * times; what is done once a batch is timed each time. Microseconds; whoever has the writer's turn. */
#ifndef SERVER_WRITER_SPENT_H
#define SERVER_WRITER_SPENT_H

#include "server/writer/writer.h"

/* Not near a multiple or a part of how many records make a block (about 62) or of COMMANDS_AHEAD + 1: what happens only
 * once a block or once a group must be met as often as it happens. */
#define SPENT_EVERY 97u

/* Longer than any step of a command: the thread lost the processor meanwhile, and times SPENT_EVERY that would be all
 * that one sees. Not counted. */
#define SPENT_STEP_MAX_US 200

struct spent {
    uint64_t us[WRITER_STAGES];
    monotonic_us mark_us; /* when the step under way began */
    uint32_t count;
    bool on; /* this one is timed */
};

static inline void spent_begin(struct spent *spent, const struct clock *clock)
{
    spent->on = ++spent->count == SPENT_EVERY;
    if (!spent->on)
        return;
    spent->count = 0;
    spent->mark_us = clock_monotonic(clock);
}

/* The step that ends here was of that stage. */
static inline void spent_mark(struct spent *spent, const struct clock *clock, enum writer_stage stage)
{
    if (!spent->on)
        return;
    monotonic_us now_us = clock_monotonic(clock);
    if (now_us - spent->mark_us <= SPENT_STEP_MAX_US)
        spent->us[stage] += (uint64_t)(now_us - spent->mark_us) * SPENT_EVERY;
    spent->mark_us = now_us;
}

#endif
