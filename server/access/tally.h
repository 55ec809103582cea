/* Refusals summed up by source and minute, so that nobody can fill the log from outside: at most TALLY_ROWS rows and
 * one for all others of each kind. Not thread-safe. */
#ifndef SERVER_ACCESS_TALLY_H
#define SERVER_ACCESS_TALLY_H

#include "server/access/access.h"

#define TALLY_ROWS 64u

struct tally {
    int64_t minute; /* of the first refusal kept */
    size_t count;
    struct access_event rows[TALLY_ROWS];
    uint32_t others[2]; /* by kind */
};

/* `address` is the host; `text` the reason or the method. Long texts are cut. */
void tally_add(struct tally *tally, timestamp_us now, enum access_event_kind kind, uint32_t user,
               uint64_t session, const char *address, const char *text);
/* Hands out what was refused in minutes before the one of `now`; everything when `all`. */
size_t tally_take(struct tally *tally, timestamp_us now, bool all, struct access_event *out, size_t max);

#endif
