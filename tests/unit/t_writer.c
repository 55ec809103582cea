/* The sequencer over books in memory: first answers, reused ids, repeats within a batch, refusals, deadlines, a full log,
 * and many threads at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "account.pb-c.h"
#include "entry.pb-c.h"
#include "people.pb-c.h"
#include "proto/wire/arena.h"
#include "server/base/kv_mem.h"
#include "server/domain/kernel/tables.h"
#include "server/log/log.h"
#include "tests/support/writer_rig.h"
#include "type_ids.h"

#define THREADS    4
#define ITEMS_EACH 50

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static void a_retry_gets_the_first_answer(void **state)
{
    (void)state;
    struct writer_rig rig;
    struct ask ask;
    struct ask_entry entry;
    struct log_head head;
    writer_rig_open(&rig, 100);
    ask_start(&ask, "Entry.Post");
    ask_add(&ask, 7, ask_entry(&entry, 100, 100));
    ask_add(&ask, 8, ask_entry(&entry, 200, 200));
    ask_add(&ask, 7, ask_entry(&entry, 100, 100)); /* within the batch */
    ask_add(&ask, 7, ask_entry(&entry, 101, 101)); /* other content */
    ask_run(&rig, &ask);
    uint64_t first = ask_answered(&ask, 0), second = ask_answered(&ask, 1);
    assert_int_equal(first, 4);
    assert_int_equal(second, 5);
    assert_int_equal(ask_answered(&ask, 2), first);
    assert_int_equal(ask.parts[3].status, STATUS_KEY_REUSED);
    assert_string_equal(ask.parts[3].fault->field, "command_id");
    ask_end(&ask);

    ask_start(&ask, "Entry.Post"); /* in a later commit */
    ask_add(&ask, 8, ask_entry(&entry, 200, 200));
    ask_add(&ask, 8, ask_entry(&entry, 200, 201));
    ask_run(&rig, &ask);
    assert_int_equal(ask_answered(&ask, 0), second);
    assert_int_equal(ask.parts[1].status, STATUS_KEY_REUSED);
    ask_end(&ask);

    char name[] = "Cash";
    Daftari__V1__OpenAccount account = DAFTARI__V1__OPEN_ACCOUNT__INIT; /* another method under a used id */
    account.has_number = 1;
    account.number = 1111;
    account.name = name;
    ask_start(&ask, "Account.Open");
    ask_add(&ask, 8, &account.base);
    ask_run(&rig, &ask);
    assert_int_equal(ask.parts[0].status, STATUS_KEY_REUSED);
    ask_end(&ask);
    log_head(rig.log, &head);
    assert_int_equal(head.size, 5);
    writer_rig_close(&rig);
}

/* 1 us a step by this clock. Of 6 + 4 * (64 + 64 / 16) commands and groups decoded ahead two are timed: 97 times each. */
static void the_time_of_a_few_commands_stands_for_all(void **state)
{
    (void)state;
    struct writer_rig rig;
    writer_rig_open(&rig, 100);
    memset(rig.spent, 0, sizeof rig.spent);
    writer_world.monotonic_step = 1;
    writer_rig_post(&rig, 100, 4);
    const uint64_t *us = rig.spent;
    assert_int_equal(us[WRITER_DECODE] + us[WRITER_DECIDE], 2 * 97);
    assert_in_range(us[WRITER_DECIDE], 97, 2 * 97);
    assert_int_equal(us[WRITER_DEDUPE], 2 * us[WRITER_DECIDE]); /* looked up, and added */
    assert_int_equal(us[WRITER_HASH], us[WRITER_DECIDE]);
    assert_int_equal(us[WRITER_APPLY], us[WRITER_DECIDE]);
    assert_int_equal(us[WRITER_APPEND], 4);                     /* once a batch */
    assert_int_equal(us[WRITER_ANSWER], us[WRITER_DECIDE] + 4); /* and once a batch, handed over */
    memset(rig.spent, 0, sizeof rig.spent);
    writer_world.monotonic_step = 201; /* no step takes as long: the thread had lost the processor */
    writer_rig_post(&rig, 1000, 4);
    writer_world.monotonic_step = 0;
    assert_int_equal(us[WRITER_DECIDE] + us[WRITER_HASH] + us[WRITER_APPLY], 0);
    assert_int_equal(us[WRITER_COMMIT], 4 * 201);
    writer_rig_close(&rig);
}

static void malformed_bodies_are_refused_one_by_one(void **state)
{
    (void)state;
    struct writer_rig rig;
    struct ask ask;
    struct ask_entry entry;
    static const uint8_t cut[] = {0x22, 9, 'x'}, unknown[] = {0x78, 1}, control[] = {0x22, 1, 7};
    writer_rig_open(&rig, 100);
    ask_start(&ask, "Entry.Post");
    for (uint64_t id = 11; id < 11 + 40; id++) /* more than are unpacked ahead */
        ask_add(&ask, id, ask_entry(&entry, 100, 100));
    ask.parts[3].body = slice_of(cut, sizeof cut);
    ask.parts[17].body = slice_of(unknown, sizeof unknown);
    ask.parts[39].body = slice_of(control, sizeof control);
    ask_run(&rig, &ask);
    for (size_t i = 0; i < 40; i++) {
        bool bad = i == 3 || i == 17 || i == 39;
        assert_int_equal(ask.parts[i].status, bad ? STATUS_INVALID : STATUS_OK);
        if (!bad)
            continue;
        assert_non_null(ask.parts[i].fault);
        assert_true(i == 17 || strcmp(ask.parts[i].fault->field, "description") == 0);
        assert_true(ask.parts[i].fault->text[0] != '\0');
    }
    ask_end(&ask);
    writer_rig_close(&rig);
}

static void another_user_does_not_get_somebodys_answer(void **state)
{
    (void)state;
    struct writer_rig rig;
    struct ask ask;
    struct ask_entry entry;
    writer_rig_open(&rig, 100);
    ask_start(&ask, "Entry.Post");
    ask_add(&ask, 7, ask_entry(&entry, 100, 100));
    ask_run(&rig, &ask);
    ask_end(&ask);
    ask_start(&ask, "Entry.Post");
    ask.item.actor.user = 42; /* nobody the books know */
    ask_add(&ask, 7, ask_entry(&entry, 100, 100));
    ask_add(&ask, 9, ask_entry(&entry, 100, 100));
    ask_run(&rig, &ask);
    assert_int_equal(ask.parts[0].status, STATUS_KEY_REUSED);
    assert_int_equal(ask.parts[1].status, STATUS_DENIED);
    ask_end(&ask);
    writer_rig_close(&rig);
}

static void who_is_not_logged_in_may_nothing(void **state)
{
    (void)state;
    struct writer_rig rig;
    struct ask ask;
    struct ask_entry entry;
    writer_rig_open(&rig, 100);
    ask_start(&ask, "Entry.Post");
    ask.item.from_server = false;
    ask_add(&ask, 7, ask_entry(&entry, 100, 100));
    ask_run(&rig, &ask);
    assert_int_equal(ask.parts[0].status, STATUS_UNAUTHENTICATED);
    ask_end(&ask);
    ask_start(&ask, "Entry.Post");
    ask_add(&ask, 0, ask_entry(&entry, 100, 100)); /* no id */
    ask_run(&rig, &ask);
    assert_int_equal(ask.parts[0].status, STATUS_INVALID);
    assert_string_equal(ask.parts[0].fault->field, "command_id");
    ask_end(&ask);
    writer_rig_close(&rig);
}

/* What was let in and then waited is judged by what holds when its turn comes. */
static void what_was_taken_away_meanwhile_is_not_used(void **state)
{
    struct writer_rig rig;
    struct ask ask;
    char email[] = "jane@example.org", other[] = "joe@example.org", name[] = "Jane", means[] = "password";
    Daftari__V1__UserCreated user = DAFTARI__V1__USER_CREATED__INIT;
    Daftari__V1__SessionOpened session = DAFTARI__V1__SESSION_OPENED__INIT;
    Daftari__V1__CloseSession close = DAFTARI__V1__CLOSE_SESSION__INIT;
    Daftari__V1__RevokeSessions revoke = DAFTARI__V1__REVOKE_SESSIONS__INIT;
    (void)state;
    writer_rig_open(&rig, 100);
    user.email = email;
    user.first_name = user.last_name = name;
    ask_start(&ask, "internal.CreateUser");
    ask_add(&ask, 0, &user.base);
    ask_run(&rig, &ask);
    (void)ask_answered(&ask, 0);
    ask_end(&ask);
    session.has_user = session.has_expires_time_us = 1;
    session.user = 1;
    session.expires_time_us = INT64_MAX;
    session.means = means;
    ask_start(&ask, "internal.OpenSession");
    ask_add(&ask, 0, &session.base);
    ask_run(&rig, &ask);
    struct actor jane = {.user = 1, .session = ask_answered(&ask, 0)};
    ask_end(&ask);
    assert_int_equal(rig.recorded, 2); /* the user, the session; and no account */

    user.email = other; /* with a password that took long to hash */
    ask_start(&ask, "internal.CreateUser");
    ask.item.actor = jane;
    ask_add(&ask, 900, &user.base);
    ask_run(&rig, &ask);
    assert_int_equal(ask.parts[0].status, STATUS_DENIED);
    ask_end(&ask);

    ask_start(&ask, "Sessions.Close");
    ask.item.from_server = false;
    ask.item.actor = jane;
    ask_add(&ask, 901, &close.base);
    ask_run(&rig, &ask);
    uint64_t closed = ask_answered(&ask, 0);
    ask_end(&ask);
    ask_start(&ask, "Sessions.Revoke");
    ask.item.from_server = false;
    ask.item.actor = jane;
    ask_add(&ask, 902, &revoke.base);
    ask_run(&rig, &ask);
    assert_int_equal(ask.parts[0].status, STATUS_UNAUTHENTICATED);
    assert_int_equal(ask.item.position, closed);
    ask_end(&ask);
    writer_rig_close(&rig);
}

/* A user and a session of his, opened from `from`, whose session and user are filled in. */
static void log_in(struct writer_rig *rig, char *email, struct actor *from)
{
    struct ask ask;
    char name[] = "Jane", means[] = "password";
    Daftari__V1__UserCreated user = DAFTARI__V1__USER_CREATED__INIT;
    Daftari__V1__SessionOpened session = DAFTARI__V1__SESSION_OPENED__INIT;
    user.email = email;
    user.first_name = user.last_name = name;
    ask_start(&ask, "internal.CreateUser");
    ask_add(&ask, 0, &user.base);
    ask_run(rig, &ask);
    (void)ask_answered(&ask, 0);
    ask_end(&ask);
    from->user = 1;
    session.has_user = session.has_expires_time_us = 1;
    session.user = from->user;
    session.expires_time_us = INT64_MAX;
    session.means = means;
    session.address = from->address;
    session.agent = from->agent;
    session.device = from->device;
    ask_start(&ask, "internal.OpenSession");
    ask_add(&ask, 0, &session.base);
    ask_run(rig, &ask);
    from->session = ask_answered(&ask, 0);
    ask_end(&ask);
}

/* Records of somebody, each of them one DataExported; `what` NULL is refused. Gives the first one's position. */
static uint64_t export_as(struct writer_rig *rig, const struct actor *actor, char *what, size_t times)
{
    struct ask ask;
    Daftari__V1__DataExported exported = DAFTARI__V1__DATA_EXPORTED__INIT;
    exported.what = what;
    ask_start(&ask, "internal.RecordExport");
    ask.item.actor = *actor;
    for (size_t i = 0; i < times; i++)
        ask_add(&ask, 0, &exported.base);
    ask_run(rig, &ask);
    uint64_t position = what != NULL ? ask_answered(&ask, 0) : 0;
    assert_int_equal(ask.parts[0].status, what != NULL ? STATUS_OK : STATUS_INVALID);
    ask_end(&ask);
    return position;
}

static void assert_used_from(struct writer_rig *rig, uint64_t position, const struct actor *actor,
                             const char *host)
{
    struct log_reader *reader;
    struct slice bytes;
    struct record record;
    struct fault why;
    assert_int_equal(log_reader_open(rig->log, &reader), STATUS_OK);
    assert_int_equal(log_read(reader, position, &bytes, &why), STATUS_OK);
    assert_int_equal(record_decode(bytes, &record, &why), STATUS_OK);
    assert_int_equal(record.header.type, EVENT_SESSION_USED_FROM);
    assert_int_equal(record.header.user, actor->user);
    assert_int_equal(record.header.session, actor->session);
    Daftari__V1__SessionUsedFrom *used =
        daftari__v1__session_used_from__unpack(NULL, record.payload.len, record.payload.ptr);
    assert_non_null(used);
    assert_int_equal(used->session, actor->session);
    assert_string_equal(used->address, host);
    assert_string_equal(used->agent, actor->agent);
    assert_string_equal(used->device, actor->device);
    daftari__v1__session_used_from__free_unpacked(used, NULL);
    log_reader_close(reader);
}

static void a_session_used_from_elsewhere_says_so_first(void **state)
{
    (void)state;
    struct writer_rig rig;
    char email[] = "jane@example.org", what[] = "log";
    struct actor till = {.address = "192.0.2.7:51200", .agent = "daftari/1", .device = "till"};
    writer_rig_open(&rig, 4);
    log_in(&rig, email, &till);
    uint64_t next = till.session + 1;
    struct actor again = till; /* another connection from there */
    (void)snprintf(again.address, sizeof again.address, "192.0.2.7:51201");
    assert_int_equal(export_as(&rig, &till, what, 1), next);
    assert_int_equal(export_as(&rig, &again, what, 1), next + 1);

    struct actor thief = till;
    (void)snprintf(thief.address, sizeof thief.address, "[2001:db8::77]:4000");
    (void)export_as(&rig, &thief, NULL, 1);                       /* what is refused fills no log */
    assert_int_equal(export_as(&rig, &thief, what, 9), next + 3); /* over more batches than one: said once */
    assert_used_from(&rig, next + 2, &thief, "2001:db8::77");
    assert_int_equal(export_as(&rig, &thief, what, 1), next + 12);
    assert_int_equal(export_as(&rig, &till, what, 1), next + 14); /* and back */
    assert_used_from(&rig, next + 13, &till, "192.0.2.7");

    struct actor phone = till, other = till;
    (void)snprintf(phone.device, sizeof phone.device, "phone");
    (void)snprintf(other.agent, sizeof other.agent, "%.100s",
                   "a program of one hundred bytes, which is as many as a name of "
                   "one may have: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_int_equal(export_as(&rig, &phone, what, 1), next + 16);
    assert_used_from(&rig, next + 15, &phone, "192.0.2.7");
    assert_int_equal(export_as(&rig, &other, what, 1), next + 18);
    assert_used_from(&rig, next + 17, &other, "192.0.2.7");
    writer_rig_close(&rig);
}

static void a_refusal_records_nothing_and_its_id_stays_free(void **state)
{
    (void)state;
    struct writer_rig rig;
    struct ask ask;
    struct ask_entry entry;
    struct log_head head;
    writer_rig_open(&rig, 100);
    size_t grew = rig.grew;
    ask_start(&ask, "Entry.Post");
    ask_add(&ask, 7, ask_entry(&entry, 100, 99));
    ask_run(&rig, &ask);
    assert_int_equal(ask.parts[0].status, STATUS_REFUSED);
    assert_int_equal(ask.parts[0].fault->reason, DAFTARI__V1__REASON__ENTRY_UNBALANCED);
    ask_end(&ask);
    log_head(rig.log, &head);
    assert_int_equal(head.size, 3);
    assert_int_equal(rig.grew, grew);
    ask_start(&ask, "Entry.Post");
    ask_add(&ask, 7, ask_entry(&entry, 100, 100));
    ask_run(&rig, &ask);
    assert_int_equal(ask_answered(&ask, 0), 4);
    ask_end(&ask);
    writer_rig_close(&rig);
}

static void a_request_larger_than_a_batch_is_answered_whole(void **state)
{
    (void)state;
    struct writer_rig rig;
    struct ask ask;
    struct ask_entry entry;
    writer_rig_open(&rig, 5);
    size_t grew = rig.grew;
    ask_start(&ask, "Entry.Post");
    for (uint64_t i = 0; i < 23; i++)
        ask_add(&ask, 100 + i, ask_entry(&entry, 100, 100));
    ask_run(&rig, &ask);
    for (size_t i = 0; i < 23; i++)
        assert_int_equal(ask_answered(&ask, i), 4 + i);
    assert_int_equal(rig.grew - grew, 5); /* 5 + 5 + 5 + 5 + 3 */
    assert_int_equal(rig.grew_to, 26);
    assert_int_equal(ask.item.position, 26);
    ask_end(&ask);
    writer_rig_close(&rig);
}

static void time_never_stands_still(void **state)
{
    (void)state;
    struct writer_rig rig;
    struct ask ask;
    struct ask_entry entry;
    struct log_head before, after;
    writer_rig_open(&rig, 100);
    log_head(rig.log, &before);
    timestamp_us was = writer_world.wall;
    writer_world.wall -= 3600000000; /* the clock is set back an hour */
    ask_start(&ask, "Entry.Post");
    ask_add(&ask, 7, ask_entry(&entry, 100, 100));
    ask_add(&ask, 8, ask_entry(&entry, 100, 100));
    ask_run(&rig, &ask);
    writer_world.wall = was;
    assert_int_equal(ask_answered(&ask, 1), 5);
    log_head(rig.log, &after);
    assert_int_equal(after.time, before.time + 2);
    ask_end(&ask);
    writer_rig_close(&rig);
}

static void late_and_roomless_commands_are_told_so(void **state)
{
    (void)state;
    struct writer_rig rig;
    struct ask ask;
    struct ask_entry entry;
    writer_rig_open(&rig, 100);
    ask_start(&ask, "Entry.Post");
    ask.item.deadline = writer_world.monotonic - 1;
    ask_add(&ask, 7, ask_entry(&entry, 100, 100));
    ask_run(&rig, &ask);
    assert_int_equal(ask.parts[0].status, STATUS_DEADLINE);
    ask_end(&ask);
    writer_world.no_room = true;
    ask_start(&ask, "Entry.Post");
    ask_add(&ask, 7, ask_entry(&entry, 100, 100));
    ask_run(&rig, &ask);
    assert_int_equal(ask.parts[0].status, STATUS_FULL);
    ask_end(&ask);
    writer_world.no_room = false;
    ask_start(&ask, "Entry.Post"); /* nothing is damaged: with room it goes on */
    ask_add(&ask, 7, ask_entry(&entry, 100, 100));
    ask_run(&rig, &ask);
    assert_int_equal(ask_answered(&ask, 0), 4);
    ask_end(&ask);
    writer_rig_close(&rig);
}

/* In the middle of a batch nothing could be taken back, and the index of ids must not be asked. */
static void room_is_asked_for_before_a_batch(void **state)
{
    (void)state;
    struct writer_rig rig;
    struct ask ask;
    struct ask_entry entry;
    writer_rig_open(&rig, 5);
    ask_start(&ask, "Entry.Post");
    for (uint64_t i = 0; i < 12; i++)
        ask_add(&ask, 7 + i, ask_entry(&entry, 100, 100));
    unsigned before = writer_world.asked_room;
    ask_run(&rig, &ask);
    assert_int_equal(writer_world.asked_room - before, 3); /* 5 + 5 + 2 */
    ask_end(&ask);
    writer_rig_close(&rig);
}

static void without_room_for_ids_commands_are_refused(void **state)
{
    (void)state;
    struct writer_rig rig;
    struct ask ask;
    struct ask_entry entry;
    writer_rig_open(&rig, 5);
    writer_world.no_ids_room = true;
    size_t taken = 0;
    for (unsigned round = 0; round < 2; round++) {
        ask_start(&ask, "Entry.Post");
        for (uint64_t i = 0; i < WRITER_RIG_PARTS_MAX; i++)
            ask_add(&ask, 7 + i, ask_entry(&entry, 100, 100));
        ask_run(&rig, &ask);
        for (size_t i = 0; i < WRITER_RIG_PARTS_MAX; i++) {
            const struct work_part *part = &ask.parts[i];
            if (round == 0 && part->status == STATUS_OK) {
                assert_int_equal(taken, i); /* the first ones, as long as memory held them */
                taken++;
            } else if (round == 0) {
                assert_int_equal(part->status, STATUS_FULL);
                assert_non_null(strstr(part->fault->text, "command ids"));
            } else {
                assert_int_equal(ask_answered(&ask, i), 4 + i); /* once each */
            }
        }
        ask_end(&ask);
        writer_world.no_ids_room = false;
    }
    assert_in_range(taken, 20, WRITER_RIG_PARTS_MAX - 1);
    writer_rig_close(&rig);
}

/* Core state that cannot be written behind is no reason to stop: commands wait, and go on with room. */
static void without_room_behind_commands_are_refused(void **state)
{
    (void)state;
    struct writer_rig rig;
    struct ask ask;
    struct ask_entry entry;
    writer_rig_open(&rig, 100);
    struct work_sink *sink = writer_sink(rig.writer);
    writer_world.behind = STATUS_FULL;
    assert_int_equal(writer_start(rig.writer), STATUS_OK);
    bool refused = false;
    for (uint64_t id = 7; id < 207 && !refused; id++) { /* the thread asks twice a second when it is idle */
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        ask_start(&ask, "Entry.Post");
        ask_add(&ask, id, ask_entry(&entry, 100, 100));
        while (!sink->run_here(sink, &ask.item))
            sched_yield();
        refused = ask.parts[0].status == STATUS_FULL;
        if (refused)
            assert_non_null(strstr(ask.parts[0].fault->text, "core state"));
        ask_end(&ask);
    }
    assert_true(refused);
    writer_world.behind = STATUS_OK;
    bool taken = false;
    for (uint64_t tries = 0; tries < 200 && !taken; tries++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        ask_start(&ask, "Entry.Post");
        ask_add(&ask, 5000, ask_entry(&entry, 100, 100));
        while (!sink->run_here(sink, &ask.item))
            sched_yield();
        taken = ask.parts[0].status == STATUS_OK;
        ask_end(&ask);
    }
    assert_true(taken);
    writer_world.behind = STATUS_FULL; /* at the end too */
    writer_rig_close(&rig);
    writer_world.behind = STATUS_OK;
}

/* ---- a reversal reads the log ------------------------------------------------------------------------------------ */

static const ProtobufCMessage *reverse_of(Daftari__V1__ReverseEntry *reverse, uint64_t position, char *reason)
{
    daftari__v1__reverse_entry__init(reverse);
    reverse->has_position = true;
    reverse->position = position;
    reverse->reason = reason;
    return &reverse->base;
}

static void a_reversal_reads_committed_records_and_those_of_its_batch(void **state)
{
    (void)state;
    struct writer_rig rig;
    struct ask ask;
    struct ask_entry entry;
    Daftari__V1__ReverseEntry reverse;
    char reason[] = "typed twice";
    writer_rig_open(&rig, 100);
    ask_start(&ask, "Entry.Post");
    ask_add(&ask, 7, ask_entry(&entry, 100, 100));
    ask_run(&rig, &ask);
    uint64_t posted = ask_answered(&ask, 0);
    ask_end(&ask);
    ask_start(&ask, "Entry.Reverse");
    ask_add(&ask, 8, reverse_of(&reverse, posted, reason));
    ask_add(&ask, 9,
            reverse_of(&reverse, posted + 1, reason)); /* the reversal before it, not yet committed */
    ask_add(&ask, 10, reverse_of(&reverse, posted, reason));
    ask_add(&ask, 11, reverse_of(&reverse, posted + 2, reason)); /* the position this one would get */
    ask_run(&rig, &ask);
    assert_int_equal(ask_answered(&ask, 0), posted + 1);
    static const uint32_t reasons[] = {0, DAFTARI__V1__REASON__ENTRY_IS_REVERSAL,
                                       DAFTARI__V1__REASON__ENTRY_ALREADY_REVERSED,
                                       DAFTARI__V1__REASON__ENTRY_UNKNOWN};
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(ask.parts[i].status, STATUS_REFUSED);
        assert_int_equal(ask.parts[i].fault->reason, reasons[i]);
    }
    ask_end(&ask);
    writer_rig_close(&rig);
}

/* ---- state of another version ------------------------------------------------------------------------------------ */

static enum status fold_into(struct writer_rig *rig, struct kv *state, uint64_t *out_folded)
{
    struct fault why = {0};
    struct fold_config config = {
        .log = rig->log, .state = state, .arena_bytes_max = DOMAIN_APPLY_BYTES_MAX, .pause_records = 2};
    return state_fold(&config, out_folded, &why);
}

static void key_is_missing(struct kv *kv, struct fault *out)
{
    (void)kv;
    (void)fault_set(out, STATUS_UNAVAILABLE, "account", "data key 7 is missing");
}

/* What the store knows of a value that did not open is told to whoever reads the log of the server. */
static void a_fault_of_core_state_says_what_its_store_says(void **state)
{
    (void)state;
    const struct kv_ops silent = {0}, telling = {.failure = key_is_missing};
    struct kv quiet = {.ops = &silent}, told = {.ops = &telling};
    struct fault why = {0};
    assert_int_equal(state_fault(&told, STATUS_CORRUPT, 12, &why), STATUS_CORRUPT);
    assert_string_equal(why.text, "record 12 does not fit core state: data key 7 is missing");
    assert_int_equal(state_fault(&told, STATUS_CORRUPT, 0, &why), STATUS_CORRUPT);
    assert_string_equal(why.text, "core state cannot be read: data key 7 is missing");
    assert_int_equal(state_fault(&quiet, STATUS_IO, 0, &why), STATUS_IO);
    assert_string_equal(why.text, "core state cannot be read");
}

static void state_of_another_version_is_not_taken(void **state)
{
    (void)state;
    struct writer_rig rig;
    struct kv_txn *txn;
    struct state_cursor cursor;
    struct slice row;
    uint8_t bytes[64];
    uint64_t folded = 99;
    writer_rig_open(&rig, 100);
    struct kv *fresh = kv_mem_new(domain_tables, domain_table_count);
    assert_int_equal(fold_into(&rig, fresh, &folded), STATUS_OK);
    assert_int_equal(folded, 3);
    assert_int_equal(fold_into(&rig, fresh, &folded), STATUS_OK);
    assert_int_equal(folded, 0);
    assert_int_equal(kv_begin(fresh, true, &txn), STATUS_OK);
    assert_true(state_cursor_get(txn, &cursor));
    assert_int_equal(cursor.position, 3);
    assert_true(kv_get(txn, TABLE_CURSOR, slice_text("position"), &row));
    assert_true(row.len <= sizeof bytes);
    size_t len = row.len;
    memcpy(bytes, row.ptr, len);
    bytes[len - 1]++; /* the version, last in the row */
    kv_put(txn, TABLE_CURSOR, slice_text("position"), slice_of(bytes, len));
    assert_false(state_cursor_get(txn, &cursor));
    assert_int_equal(kv_commit(txn), STATUS_OK);
    assert_int_equal(fold_into(&rig, fresh, &folded), STATUS_STALE);
    kv_close(fresh);
    writer_rig_close(&rig);
}

/* ---- many threads ------------------------------------------------------------------------------------------------ */

struct crowd {
    struct writer_rig *rig;
    pthread_mutex_t lock;
    pthread_cond_t finished;
    size_t open;
};
struct crowd_item {
    struct ask ask;
    struct crowd *crowd;
};
static void crowd_done(struct work_item *item)
{
    struct crowd *crowd = ((struct crowd_item *)item->owner)->crowd;
    struct log_head head;
    log_head(crowd->rig->log, &head);
    if (head.size < item->position) /* answered before it is durable */
        abort();
    pthread_mutex_lock(&crowd->lock);
    crowd->open--;
    pthread_cond_signal(&crowd->finished);
    pthread_mutex_unlock(&crowd->lock);
}

struct producer {
    struct crowd *crowd;
    uint64_t first_id;
    struct crowd_item *items;
    bool here; /* tries run_here first */
    size_t ran_here;
};
static void *produce(void *argument)
{
    struct producer *producer = argument;
    for (size_t i = 0; i < ITEMS_EACH; i++) {
        struct crowd_item *item = &producer->items[i];
        struct ask_entry entry;
        ask_start(&item->ask, "Entry.Post");
        item->crowd = producer->crowd;
        item->ask.item.owner = item;
        item->ask.item.done = crowd_done;
        for (uint64_t part = 0; part < 3; part++) /* the last thread repeats what the first one sends */
            ask_add(&item->ask, producer->first_id + 3 * i + part, ask_entry(&entry, 5, 5));
        struct work_sink *sink = writer_sink(producer->crowd->rig->writer);
        if (producer->here && sink->run_here(sink, &item->ask.item)) {
            producer->ran_here++;
            continue;
        }
        while (sink->submit(sink, &item->ask.item) == STATUS_BUSY)
            sched_yield();
        for (int pause = 0; producer->here && pause < 20; pause++) /* give the others time to work it off */
            sched_yield();
    }
    return NULL;
}

static void an_idle_writer_works_on_the_callers_thread(void **state)
{
    (void)state;
    struct writer_rig rig;
    struct ask_entry entry;
    struct ask ask;
    writer_rig_open(&rig, 40);
    struct work_sink *sink = writer_sink(rig.writer);
    assert_int_equal(writer_start(rig.writer), STATUS_OK);
    for (uint64_t i = 0; i < 100; i++) {
        ask_start(&ask, "Entry.Post");
        ask_add(&ask, 1 + i, ask_entry(&entry, 5, 5));
        while (!sink->run_here(sink, &ask.item)) /* the thread may be looking around */
            sched_yield();
        assert_true(ask.done);
        assert_int_equal(ask_answered(&ask, 0), 4 + i);
        ask_end(&ask);
    }
    writer_stop(rig.writer);
    ask_start(&ask, "Entry.Post");
    ask_add(&ask, 1, ask_entry(&entry, 5, 5));
    assert_false(sink->run_here(sink, &ask.item));
    assert_false(ask.done);
    ask_end(&ask);
    writer_rig_close(&rig);
}

/* Batches of so many records: with small ones most are full, and items lie across two. */
static void crowd_of(size_t batch_records)
{
    struct writer_rig rig;
    struct producer producers[THREADS];
    pthread_t threads[THREADS];
    struct crowd crowd = {.rig = &rig, .open = (size_t)THREADS * ITEMS_EACH};
    struct log_head head;
    writer_rig_open(&rig, batch_records);
    pthread_mutex_init(&crowd.lock, NULL);
    pthread_cond_init(&crowd.finished, NULL);
    assert_int_equal(writer_start(rig.writer), STATUS_OK);
    for (size_t i = 0; i < THREADS; i++) {
        producers[i] = (struct producer){
            .crowd = &crowd, .first_id = 1 + 1000 * (i == THREADS - 1 ? 0 : i), .here = i == 1};
        producers[i].items = calloc(ITEMS_EACH, sizeof *producers[i].items);
        assert_non_null(producers[i].items);
        assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    pthread_mutex_lock(&crowd.lock);
    while (crowd.open > 0)
        pthread_cond_wait(&crowd.finished, &crowd.lock);
    pthread_mutex_unlock(&crowd.lock);
    for (size_t i = 0; i < ITEMS_EACH; i++)
        for (size_t part = 0; part < 3; part++)
            assert_int_equal(ask_answered(&producers[0].items[i].ask, part),
                             ask_answered(&producers[THREADS - 1].items[i].ask, part));
    log_head(rig.log, &head);
    assert_int_equal(head.size, 3 + 3 * (size_t)(THREADS - 1) * ITEMS_EACH);
    for (size_t i = 0; i < THREADS; i++) {
        for (size_t item = 0; item < ITEMS_EACH; item++)
            ask_end(&producers[i].items[item].ask);
        free(producers[i].items);
    }
    writer_rig_close(&rig);
    pthread_cond_destroy(&crowd.finished);
    pthread_mutex_destroy(&crowd.lock);
}

static void a_crowd_is_answered_once_each(void **state)
{
    (void)state;
    crowd_of(40);
    crowd_of(4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_retry_gets_the_first_answer),
        cmocka_unit_test(the_time_of_a_few_commands_stands_for_all),
        cmocka_unit_test(malformed_bodies_are_refused_one_by_one),
        cmocka_unit_test(another_user_does_not_get_somebodys_answer),
        cmocka_unit_test(who_is_not_logged_in_may_nothing),
        cmocka_unit_test(what_was_taken_away_meanwhile_is_not_used),
        cmocka_unit_test(a_session_used_from_elsewhere_says_so_first),
        cmocka_unit_test(a_refusal_records_nothing_and_its_id_stays_free),
        cmocka_unit_test(a_request_larger_than_a_batch_is_answered_whole),
        cmocka_unit_test(time_never_stands_still),
        cmocka_unit_test(late_and_roomless_commands_are_told_so),
        cmocka_unit_test(room_is_asked_for_before_a_batch),
        cmocka_unit_test(without_room_for_ids_commands_are_refused),
        cmocka_unit_test(without_room_behind_commands_are_refused),
        cmocka_unit_test(a_reversal_reads_committed_records_and_those_of_its_batch),
        cmocka_unit_test(state_of_another_version_is_not_taken),
        cmocka_unit_test(a_fault_of_core_state_says_what_its_store_says),
        cmocka_unit_test(an_idle_writer_works_on_the_callers_thread),
        cmocka_unit_test(a_crowd_is_answered_once_each),
    };
    return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
