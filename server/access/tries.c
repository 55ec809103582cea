/* Tries to log in: how many are left, how many in a row were wrong, what is summed up for the log. */
#include <stdio.h>

#include "server/access/directory.h"

/* A key for text from outside: seeded, so that nobody can choose texts that fall on one key. */
static uint64_t key_of(const struct access *access, const char *text)
{
    uint8_t bytes[sizeof access->seed + EMAIL_TEXT_MAX + 1];
    uint8_t digest[SECRET_DIGEST_BYTES];
    uint64_t key;
    size_t len = strlen(text);
    if (len > EMAIL_TEXT_MAX)
        len = EMAIL_TEXT_MAX;
    memcpy(bytes, access->seed, sizeof access->seed);
    memcpy(bytes + sizeof access->seed, text, len);
    secret_digest(slice_of(bytes, sizeof access->seed + len), digest);
    memcpy(&key, digest, sizeof key);
    return key;
}

static void count_refusal(struct access *access, uint32_t user, const char *host, const char *why_text)
{
    tally_add(&access->tally, clock_wall(access->config.clock), ACCESS_LOGINS_REFUSED, user, 0, host,
              why_text);
}

void access_count_refusal(struct access *access, uint32_t user, const struct actor *from,
                          const char *why_text)
{
    char host[HOST_TEXT_MAX];
    directory_host(from->address, host);
    (void)pthread_mutex_lock(&access->door);
    count_refusal(access, user, host, why_text);
    (void)pthread_mutex_unlock(&access->door);
}

enum status access_try(struct access *access, const char *email, const struct actor *from, struct fault *why)
{
    char host[HOST_TEXT_MAX];
    directory_host(from->address, host);
    uint64_t by_email = key_of(access, email), by_address = key_of(access, host);
    monotonic_us now = clock_monotonic(access->config.clock);
    struct access_user known = {.user = 0};
    (void)access_find_user(access, email, &known); /* known or not, the same work */
    secret_wipe(&known.verifier, sizeof known.verifier);
    (void)pthread_mutex_lock(&access->door);
    bool left =
        throttle_may(access->by_email, by_email, now) && throttle_may(access->by_address, by_address, now);
    if (left) {
        throttle_take(access->by_email, by_email, now);
        throttle_take(access->by_address, by_address, now);
    } else {
        count_refusal(access, known.user, host, "too many tries");
    }
    (void)pthread_mutex_unlock(&access->door);
    if (left)
        return STATUS_OK;
    return fault_set(why, STATUS_UNAUTHENTICATED, NULL, "too many tries: wait a minute");
}

void access_try_passed(struct access *access, const char *email, uint32_t user, const struct actor *from)
{
    char host[HOST_TEXT_MAX];
    directory_host(from->address, host);
    (void)pthread_mutex_lock(&access->door);
    throttle_give_back(access->by_email, key_of(access, email));
    throttle_give_back(access->by_address, key_of(access, host));
    if (user <= access->config.users_max)
        access->failures[user] = 0;
    (void)pthread_mutex_unlock(&access->door);
}

bool access_try_failed(struct access *access, uint32_t user, const struct actor *from, const char *why_text,
                       uint32_t *out_failures)
{
    struct access_user known;
    bool locked = user != 0 && access_get_user(access, user, &known) && known.locked;
    char host[HOST_TEXT_MAX];
    uint32_t failures = 0;
    directory_host(from->address, host);
    (void)pthread_mutex_lock(&access->door);
    count_refusal(access, user, host, why_text);
    if (user != 0 && user <= access->config.users_max)
        failures = ++access->failures[user];
    (void)pthread_mutex_unlock(&access->door);
    *out_failures = failures;
    return !locked && failures >= access->config.lock_after;
}
