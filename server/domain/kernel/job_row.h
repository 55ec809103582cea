/* A job as it stands, for all who read one: TABLE_JOB and what its open documents say. */
#ifndef SERVER_DOMAIN_KERNEL_JOB_ROW_H
#define SERVER_DOMAIN_KERNEL_JOB_ROW_H

#include "job.pb-c.h"
#include "proto/wire/arena.h"
#include "server/ports/kv.h"

/* By the position of the record that took it in; NULL when there is none. In the arena. */
Daftari__V1__JobRow *job_row_get(struct kv_txn *state, uint64_t position, struct arena *arena);
void job_row_put(struct kv_txn *state, uint64_t position, const Daftari__V1__JobRow *row,
                 struct arena *arena); /* from apply */

/* What is left to pay of it: open documents once it counts, before that its total less what is held. */
int64_t job_row_due(struct kv_txn *state, const Daftari__V1__JobRow *row);
/* Is it neither collected nor cancelled? */
static inline bool job_row_open(const Daftari__V1__JobRow *row)
{
    return row->state != DAFTARI__V1__JOB_STATE__JOB_COLLECTED &&
           row->state != DAFTARI__V1__JOB_STATE__JOB_CANCELLED;
}
/* The last act that brought it into a state, and stands; NULL: it never was. */
const Daftari__V1__JobAct *job_row_since(const Daftari__V1__JobRow *row, Daftari__V1__JobState state);
/* "received", the name of its stage, "ready" ... for people; lives as long as `stage`. */
const char *job_state_text(Daftari__V1__JobState state, const char *stage);

/* The next open job of a business: start with customer and position 0. */
struct job_place {
    uint16_t business;
    uint32_t customer;
    uint64_t position;
};
bool job_open_next(struct kv_txn *state, struct job_place *at);
void job_open_put(struct kv_txn *state, const struct job_place *at, bool open); /* from apply */

/* What open jobs of a customer in a business come to that do not count yet, less what is held for them: part of what he may
 * owe some day. */
int64_t job_in_hand(struct kv_txn *state, uint16_t business, uint32_t customer, struct arena *arena);

#endif
