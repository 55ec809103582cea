/*
 * Exports are records: a stream of the raw log (Log.Follow) takes whole records of every business out of the server, so
 * that it is written down as DataExported, under the user's name, before the first of them leaves. A sink that stands
 * before the readers' (see docs/decisions/0023-exports-are-records.md).
 *
 * One record for each stream that was not refused. Nobody may fill the log with them: a user opens at most
 * EXPORTS_PER_MINUTE streams in a minute, then they are BUSY. When it cannot be recorded the stream is refused.
 */
#ifndef SERVER_APP_EXPORTS_H
#define SERVER_APP_EXPORTS_H

#include "server/domain/domain.h"
#include "server/ports/work.h"

#define EXPORTS_PER_MINUTE 60u
#define EXPORT_USERS_MAX   64u /* who export in one minute; those beyond are BUSY */

struct exports {
    struct work_sink sink; /* first */
    struct work_sink *queries, *writer;
    const struct clock *clock;
    const struct method *follow, *record;
    int64_t minute; /* of the counts below, on the monotonic clock */
    struct {
        uint32_t user, count;
    } users[EXPORT_USERS_MAX];
    size_t user_count;
};

/* Both sinks must outlive it. Its submit is called by one thread (net's loop). */
void exports_init(struct exports *exports, struct work_sink *queries, struct work_sink *writer,
                  const struct clock *clock);

#endif
