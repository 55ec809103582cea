/* The directory asked from several threads while the writer's thread changes it, and the worker with its own threads.
 * Run it under VARIANT=tsan to see races; here it must at least give right answers all the while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "people.pb-c.h"
#include "tests/support/door.h"
#include "type_ids.h"

#define READERS 3
#define ROUNDS  200

struct hammer {
    struct door *door;
    struct actor owner, cashier;
    uint8_t token[ACCESS_TOKEN_BYTES];
    _Atomic bool stop;
    _Atomic unsigned wrong, asked;
};

/* The owner is never touched: he may always. The cashier comes and goes: any answer but a wrong one. */
static void *ask(void *argument)
{
    struct hammer *hammer = argument;
    struct access *access = hammer->door->access;
    const struct method *list = domain_method(slice_text("User.List")),
                        *who = domain_method(slice_text("Login.WhoAmI"));
    while (!atomic_load(&hammer->stop)) {
        struct access_session session;
        struct access_user user;
        struct rights rights;
        struct fault why;
        unsigned wrong = 0;
        wrong += access_may(access, &hammer->owner, list, &why) != STATUS_OK;
        wrong += access_session_by_token(access, slice_of(hammer->token, sizeof hammer->token),
                                         &hammer->owner, &session) != STATUS_OK;
        enum status status = access_may(access, &hammer->cashier, who, &why);
        wrong += status != STATUS_OK && status != STATUS_UNAUTHENTICATED;
        wrong += access_may(access, &hammer->cashier, list, &why) == STATUS_OK;
        wrong += !access_find_user(access, "cashier@example.com", &user) || user.user != 2;
        access_rights(access, 1, &rights);
        wrong += !rights_allow(&rights, DAFTARI__V1__PERMISSION__USERS, PERMISSION_WRITE);
        struct access_event events[8];
        (void)access_sweep(access, true, events, 8);
        atomic_fetch_add(&hammer->wrong, wrong);
        atomic_fetch_add(&hammer->asked, 1);
    }
    return NULL;
}

static void *in_and_out_of_use(void *argument)
{
    struct hammer *hammer = argument;
    Daftari__V1__DeactivateUser off = DAFTARI__V1__DEACTIVATE_USER__INIT;
    Daftari__V1__ReactivateUser on = DAFTARI__V1__REACTIVATE_USER__INIT;
    off.email = on.email = (char *)(uintptr_t) "cashier@example.com";
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t digest[SECRET_DIGEST_BYTES] = {(uint8_t)i, 1};
        Daftari__V1__SessionOpened opened = DAFTARI__V1__SESSION_OPENED__INIT;
        opened.has_user = opened.has_token_hash = opened.has_expires_time_us = true;
        opened.user = 2;
        opened.token_hash = (ProtobufCBinaryData){.len = sizeof digest, .data = digest};
        opened.expires_time_us = INT64_MAX;
        unsigned wrong = 0;
        wrong += door_command(hammer->door, "internal.OpenSession", &opened.base) != STATUS_OK;
        wrong += door_command(hammer->door, "User.Deactivate", &off.base) != STATUS_OK;
        wrong += door_command(hammer->door, "User.Reactivate", &on.base) != STATUS_OK;
        atomic_fetch_add(&hammer->wrong, wrong);
    }
    atomic_store(&hammer->stop, true);
    return NULL;
}

static void answers_stay_right_while_users_change(void **state)
{
    (void)state;
    static const char *const roles[] = {"Cashier", NULL};
    struct hammer hammer = {.door = door_new(NULL)};
    struct actor visitor = door_visitor("192.0.2.1:5000");
    struct door_answer owner, cashier;
    pthread_t readers[READERS], writer;
    assert_int_equal(door_add_user(hammer.door, "cashier@example.com", roles), 2);
    door_log_in(hammer.door, &visitor, DOOR_OWNER, DOOR_PASSWORD, &owner);
    door_log_in(hammer.door, &visitor, "cashier@example.com", DOOR_PASSWORD, &cashier);
    hammer.owner = owner.actor;
    hammer.cashier = cashier.actor;
    memcpy(hammer.token, owner.token, sizeof hammer.token);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, ask, &hammer), 0);
    assert_int_equal(pthread_create(&writer, NULL, in_and_out_of_use, &hammer), 0);
    (void)pthread_join(writer, NULL);
    for (int i = 0; i < READERS; i++)
        (void)pthread_join(readers[i], NULL);
    assert_int_equal(hammer.wrong, 0);
    assert_true(hammer.asked > READERS);
    door_free(hammer.door);
}

/* ---- the worker's own threads ---------------------------------------------------------------------------------------------- */

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t done;
    unsigned finished, good;
};

static void count_down(struct work_item *item)
{
    struct waiting *waiting = item->owner;
    (void)pthread_mutex_lock(&waiting->lock);
    waiting->finished++;
    waiting->good += item->parts[0].status == STATUS_OK && item->actor_changed && item->actor.user == 1;
    (void)pthread_cond_signal(&waiting->done);
    (void)pthread_mutex_unlock(&waiting->lock);
}

#define LOG_INS 6

static void the_worker_finishes_what_it_took(void **state)
{
    (void)state;
    struct door *door = door_new(NULL);
    struct waiting waiting = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
    struct arena *arenas[LOG_INS];
    struct login *login;
    struct login_config config = {.access = door->access,
                                  .writer = &door->writer,
                                  .clock = &door->clock.clock,
                                  .entropy = &door->entropy.entropy,
                                  .threads = 2};
    assert_int_equal(login_new(&config, &login, NULL), STATUS_OK);
    assert_int_equal(login_start(login), STATUS_OK);
    for (int i = 0; i < LOG_INS; i++) {
        Daftari__V1__LogIn request = DAFTARI__V1__LOG_IN__INIT;
        request.email = (char *)(uintptr_t)DOOR_OWNER;
        request.password = (char *)(uintptr_t)DOOR_PASSWORD;
        arenas[i] = arena_new(64 * 1024);
        struct work_item *item = arena_take_zero(arenas[i], sizeof *item);
        uint8_t *body = arena_take(arenas[i], 256);
        item->arena = arenas[i];
        item->actor = door_visitor("192.0.2.1:5000");
        item->method = domain_method(slice_text("Login.LogIn"));
        item->parts = arena_take_zero(arenas[i], sizeof *item->parts);
        item->part_count = 1;
        item->parts[0].body = slice_of(body, daftari__v1__log_in__pack(&request, body));
        item->done = count_down;
        item->owner = &waiting;
        struct work_sink *sink = login_sink(login);
        assert_int_equal(sink->submit(sink, item), STATUS_OK);
    }
    (void)pthread_mutex_lock(&waiting.lock);
    while (waiting.finished == 0)
        (void)pthread_cond_wait(&waiting.done, &waiting.lock);
    (void)pthread_mutex_unlock(&waiting.lock);
    login_stop(login); /* with some of them still in its queue */
    /* Five have a try at a time; one of six may find all of them taken. */
    assert_int_equal(waiting.finished, LOG_INS);
    assert_in_range(waiting.good, LOG_INS - 1, LOG_INS);
    assert_int_equal(door->counts[EVENT_SESSION_OPENED], waiting.good);
    login_free(login);
    for (int i = 0; i < LOG_INS; i++)
        arena_free(arenas[i]);
    door_free(door);
}

static struct work_item *item_new(struct waiting *waiting, const struct actor *actor, const char *method)
{
    Daftari__V1__LogIn request = DAFTARI__V1__LOG_IN__INIT;
    request.email = (char *)(uintptr_t)DOOR_OWNER;
    request.password = (char *)(uintptr_t)DOOR_PASSWORD;
    struct arena *arena = arena_new(64 * 1024);
    struct work_item *item = arena_take_zero(arena, sizeof *item);
    item->arena = arena;
    item->actor = *actor;
    item->method = domain_method(slice_text(method));
    item->parts = arena_take_zero(arena, sizeof *item->parts);
    item->part_count = 1;
    if (strcmp(method, "Login.LogIn") == 0) {
        uint8_t *body = arena_take(arena, 256);
        item->parts[0].body = slice_of(body, daftari__v1__log_in__pack(&request, body));
    }
    item->done = count_down;
    item->owner = waiting;
    return item;
}

#define QUICK 256 /* that one connection may have open */

/* Who waits for a password to be checked takes no place from those who only ask who they are. */
static void passwords_have_a_limit_of_their_own(void **state)
{
    (void)state;
    struct door *door = door_new(NULL);
    struct waiting waiting = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
    struct actor visitor = door_visitor("192.0.2.1:5000");
    struct work_item *items[3 + QUICK];
    struct door_answer in;
    struct login *login;
    struct login_config config = {.access = door->access,
                                  .writer = &door->writer,
                                  .clock = &door->clock.clock,
                                  .entropy = &door->entropy.entropy,
                                  .passwords_max = 2,
                                  .queue_items_max = 2 + QUICK};
    door_log_in(door, &visitor, DOOR_OWNER, DOOR_PASSWORD, &in);
    assert_int_equal(in.status, STATUS_OK);
    assert_int_equal(login_new(&config, &login, NULL), STATUS_OK);
    struct work_sink *sink = login_sink(login);
    for (int i = 0; i < 3; i++) {
        items[i] = item_new(&waiting, &visitor, "Login.LogIn");
        assert_int_equal(sink->submit(sink, items[i]), i < 2 ? STATUS_OK : STATUS_BUSY);
    }
    for (int i = 3; i < 3 + QUICK; i++) {
        items[i] = item_new(&waiting, &in.actor, "Login.WhoAmI");
        assert_int_equal(sink->submit(sink, items[i]), STATUS_OK);
    }
    struct work_item *beyond = item_new(&waiting, &in.actor, "Login.WhoAmI");
    assert_int_equal(sink->submit(sink, beyond), STATUS_BUSY);
    assert_int_equal(login_start(login), STATUS_OK);
    login_stop(login);
    assert_int_equal(waiting.finished, 2 + QUICK);
    for (int i = 3; i < 3 + QUICK; i++)
        assert_int_equal(items[i]->parts[0].status, STATUS_OK);
    login_free(login);
    for (int i = 0; i < 3 + QUICK; i++)
        arena_free(items[i]->arena);
    arena_free(beyond->arena);
    door_free(door);
}

/* The places of passwords are free again once they are checked. */
static void passwords_give_their_places_back(void **state)
{
    (void)state;
    struct door *door = door_new(NULL);
    struct waiting waiting = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
    struct actor visitor = door_visitor("192.0.2.1:5000");
    struct login *login;
    struct login_config config = {.access = door->access,
                                  .writer = &door->writer,
                                  .clock = &door->clock.clock,
                                  .entropy = &door->entropy.entropy,
                                  .passwords_max = 1};
    assert_int_equal(login_new(&config, &login, NULL), STATUS_OK);
    assert_int_equal(login_start(login), STATUS_OK);
    struct work_sink *sink = login_sink(login);
    for (unsigned i = 0; i < 3; i++) {
        struct work_item *item = item_new(&waiting, &visitor, "Login.LogIn");
        assert_int_equal(sink->submit(sink, item), STATUS_OK);
        (void)pthread_mutex_lock(&waiting.lock);
        while (waiting.finished == i)
            (void)pthread_cond_wait(&waiting.done, &waiting.lock);
        (void)pthread_mutex_unlock(&waiting.lock);
        arena_free(item->arena);
    }
    login_stop(login);
    login_free(login);
    door_free(door);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_stay_right_while_users_change),
        cmocka_unit_test(the_worker_finishes_what_it_took),
        cmocka_unit_test(passwords_have_a_limit_of_their_own),
        cmocka_unit_test(passwords_give_their_places_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
