/*
 * The directory's parts. Private to server/access.
 *
 * Two locks. `lock` guards users, certificates and sessions: the writer's thread changes them, everybody reads.
 * `door` guards tries, failures and tallies. `door` may be taken while `lock` is held for reading, never the other
 * way round.
 */
#ifndef SERVER_ACCESS_DIRECTORY_H
#define SERVER_ACCESS_DIRECTORY_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/access/access.h"
#include "server/access/tally.h"
#include "server/access/throttle.h"
#include "server/domain/people/user_row.h"

#define SESSIONS_PER_USER_MAX 256u /* the one not used for longest ends when there are more */
#define HOST_TEXT_MAX         64u

struct user_entry {
    struct access_user user;
    struct rights rights;
    size_t identity_len;
    uint8_t identity[]; /* packed Identity without `session` */
};

struct certificate_entry {
    uint8_t fingerprint[ACCESS_FINGERPRINT_BYTES];
    uint32_t user;
};

struct session_entry {
    uint64_t session;
    uint32_t user;
    bool by_certificate;
    timestamp_us expires;
    uint8_t token_hash[SECRET_DIGEST_BYTES]; /* zero when it has no token */
    char host[HOST_TEXT_MAX];
    char device[104];
    _Atomic monotonic_us last_use;
    char address[SESSION_HOST_MAX], agent[104]; /* with `device`: from where it was used last, as on record */
    /* Where it was taken up since, when that is another place. Under `door`. */
    bool moved;
    char moved_address[SESSION_HOST_MAX], moved_agent[104], moved_device[104];
    monotonic_us moved_reported;   /* when access_sweep handed out a move; 0 = not yet */
    _Atomic bool over;             /* ended by itself: takes no more requests */
    _Atomic monotonic_us reported; /* when access_sweep handed that out; 0 = not yet */
};

struct access {
    struct access_config config;
    struct arena *arena; /* of access_load and access_note */

    pthread_rwlock_t lock;
    bool broken;               /* could not follow: deny everything */
    struct user_entry **users; /* by number, users_max + 1 places */
    struct certificate_entry *certificates;
    size_t certificate_count, certificate_room;
    struct session_entry **sessions; /* by position, ascending; the rest of the places hold free entries */
    size_t session_count;
    struct session_entry *session_pool;

    pthread_mutex_t door;
    struct throttle *by_email, *by_address;
    uint32_t *failures; /* wrong passwords in a row, by user number */
    struct tally tally;
    uint8_t seed[16]; /* of keys made of text from outside */
};

/* "192.0.2.7:51200" -> "192.0.2.7"; an IPv6 host is cut to its /64, which is one subscriber. */
void directory_host(const char *address, char out[HOST_TEXT_MAX]);

#endif
