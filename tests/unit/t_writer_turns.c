/* Turns of the sequencer that are not the plain case: a request that mostly repeats, and a commit that takes long while
 * others come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "proto/wire/arena.h"
#include "server/domain/kernel/balance.h"
#include "server/domain/kernel/facts.h"
#include "server/domain/kernel/tables.h"
#include "tests/support/writer_rig.h"

#define CASH 1110u

/* ---- retries ----------------------------------------------------------------------------------------------------- */

/* What the record's effects say of cash, and what its payload says. */
static void expect_record(struct log_reader *reader, uint64_t position, int64_t amount)
{
    struct slice bytes;
    struct record record;
    struct fault why = {0};
    assert_int_equal(log_read(reader, position, &bytes, &why), STATUS_OK);
    assert_int_equal(record_decode(bytes, &record, &why), STATUS_OK);
    assert_int_equal(record_posting(&record, 0).account, CASH);
    assert_int_equal(record_posting(&record, 0).amount, amount);
    Daftari__V1__PostEntry *entry =
        daftari__v1__post_entry__unpack(NULL, record.payload.len, record.payload.ptr);
    assert_non_null(entry);
    assert_int_equal(entry->lines[0]->debit_minor, amount);
    daftari__v1__post_entry__free_unpacked(entry, NULL);
}

/* Commands are unpacked ahead by their place in the request, and most of them are not decided then. Every entry has an
 * amount of its own, so that none can stand in for another; commits fall into the middle. */
static void new_commands_among_retries_are_their_own(void **state)
{
    (void)state;
    static const uint64_t new_at[] = {0, 14, 15, 16, 17, 31, 32, 50, 51, 63};
    struct writer_rig rig;
    struct ask ask;
    struct ask_entry entry;
    struct log_reader *reader;
    int64_t sum = 0;
    writer_rig_open(&rig, 3);
    ask_start(&ask, "Entry.Post");
    for (uint64_t i = 0; i < WRITER_RIG_PARTS_MAX; i++)
        ask_add(&ask, 100 + i, ask_entry(&entry, (int64_t)i + 1, (int64_t)i + 1));
    ask_run(&rig, &ask);
    ask_end(&ask);

    ask_start(&ask, "Entry.Post");
    for (uint64_t i = 0, next = 0; i < WRITER_RIG_PARTS_MAX; i++) {
        bool is_new = i == new_at[next];
        next += is_new && next + 1 < sizeof new_at / sizeof *new_at;
        int64_t amount = (int64_t)i + (is_new ? 1001 : 1);
        ask_add(&ask, (is_new ? 500 : 100) + i, ask_entry(&entry, amount, amount));
    }
    ask_run(&rig, &ask);
    assert_int_equal(log_reader_open(rig.log, &reader), STATUS_OK);
    for (uint64_t i = 0, next = 0; i < WRITER_RIG_PARTS_MAX; i++) {
        uint64_t was = 4 + i;
        expect_record(reader, was, (int64_t)i + 1);
        sum += (int64_t)i + 1;
        if (next == sizeof new_at / sizeof *new_at || i != new_at[next]) {
            assert_int_equal(ask_answered(&ask, i), was);
            continue;
        }
        uint64_t position = 4 + WRITER_RIG_PARTS_MAX + next++;
        assert_int_equal(ask_answered(&ask, i), position);
        expect_record(reader, position, (int64_t)i + 1001);
        sum += (int64_t)i + 1001;
    }
    log_reader_close(reader);
    ask_end(&ask);
    struct kv_txn *txn;
    assert_int_equal(kv_begin(rig.state, false, &txn), STATUS_OK);
    assert_int_equal(balance_get(txn, CASH, HEAD_OFFICE, BASE_CURRENCY), sum);
    kv_abort(txn);
    writer_rig_close(&rig);
}

/* ---- a slow disk --------------------------------------------------------------------------------------------------- */

/* The log's commit waits here until the test lets it go on. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const struct log_ops *real;
    bool closed, waits;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static enum status slow_commit(struct log *log)
{
    pthread_mutex_lock(&gate.lock);
    gate.waits = true;
    pthread_cond_broadcast(&gate.changed);
    while (gate.closed)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    return gate.real->commit(log);
}

struct shown {
    struct ask ask;
    bool answered; /* gate.lock */
};
static void show_done(struct work_item *item)
{
    struct shown *shown = item->owner;
    pthread_mutex_lock(&gate.lock);
    shown->answered = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}
static void show_start(struct shown *shown, uint64_t id)
{
    struct ask_entry entry;
    ask_start(&shown->ask, "Entry.Post");
    ask_add(&shown->ask, id, ask_entry(&entry, 5, 5));
    shown->answered = false;
    shown->ask.item.done = show_done;
    shown->ask.item.owner = shown;
}

struct lone {
    struct work_sink *sink;
    struct shown shown;
};
static void *lone_main(void *context)
{
    struct lone *lone = context;
    while (!lone->sink->run_here(lone->sink, &lone->shown.ask.item))
        sched_yield();
    return NULL;
}

/* Whoever comes meanwhile is not held up: the loop takes their commands in, and they are answered in one commit more. */
static void a_slow_commit_of_a_lone_command_holds_up_nobody(void **state)
{
    (void)state;
    enum { OTHERS = 3 };
    struct writer_rig rig;
    static struct lone lone;
    static struct shown others[OTHERS];
    pthread_t thread;
    writer_rig_open(&rig, 40);
    struct log_ops slow = *rig.log->ops;
    gate.real = rig.log->ops;
    gate.closed = true;
    gate.waits = false;
    slow.commit = slow_commit;
    rig.log->ops = &slow;
    lone.sink = writer_sink(rig.writer);
    show_start(&lone.shown, 50);
    assert_int_equal(writer_start(rig.writer), STATUS_OK);
    assert_int_equal(pthread_create(&thread, NULL, lone_main, &lone), 0);
    pthread_mutex_lock(&gate.lock);
    while (!gate.waits)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);

    for (uint64_t i = 0; i < OTHERS; i++) {
        show_start(&others[i], 60 + i);
        assert_false(lone.sink->run_here(lone.sink, &others[i].ask.item));
        assert_int_equal(lone.sink->submit(lone.sink, &others[i].ask.item), STATUS_OK);
    }
    size_t grew = rig.grew;
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL); /* the writer's thread has time to do harm */
    pthread_mutex_lock(&gate.lock);
    assert_false(lone.shown.answered); /* nobody is, before the disk has it */
    for (size_t i = 0; i < OTHERS; i++)
        assert_false(others[i].answered);
    gate.closed = false;
    pthread_cond_broadcast(&gate.changed);
    for (size_t i = 0; i < OTHERS; i++)
        while (!others[i].answered)
            pthread_cond_wait(&gate.changed, &gate.lock);
    assert_true(lone.shown.answered);
    pthread_mutex_unlock(&gate.lock);
    assert_int_equal(pthread_join(thread, NULL), 0);
    writer_stop(rig.writer);
    assert_int_equal(ask_answered(&lone.shown.ask, 0), 4);
    for (uint64_t i = 0; i < OTHERS; i++)
        assert_int_equal(ask_answered(&others[i].ask, 0), 5 + i);
    assert_in_range(rig.grew - grew, 2, 3); /* the thread may have taken the first by itself */
    ask_end(&lone.shown.ask);
    for (size_t i = 0; i < OTHERS; i++)
        ask_end(&others[i].ask);
    rig.log->ops = gate.real;
    writer_rig_close(&rig);
}

/* The committer is held at the disk with the first batch. What comes then is decided on top of it: a repeat finds it, a
 * refusal has its reason; but nobody is answered, since all of that rests on what is not durable yet. */
static void what_is_decided_beside_a_commit_is_answered_after_it(void **state)
{
    (void)state;
    enum { FIRST, SECOND, REPEAT, REFUSED, LATE, COUNT };
    static struct shown shown[COUNT];
    struct writer_rig rig;
    struct ask_entry entry;
    struct log_head head;
    writer_rig_open(&rig, 40);
    struct log_ops slow = *rig.log->ops;
    gate.real = rig.log->ops;
    gate.closed = true;
    gate.waits = false;
    slow.commit = slow_commit;
    rig.log->ops = &slow;
    struct work_sink *sink = writer_sink(rig.writer);
    for (uint64_t i = 0; i < COUNT; i++)
        show_start(&shown[i], i == REPEAT ? 70 : 70 + i);
    shown[REFUSED].ask.item.part_count = 0;
    ask_add(&shown[REFUSED].ask, 90, ask_entry(&entry, 5, 6));
    assert_int_equal(writer_start(rig.writer), STATUS_OK);
    assert_int_equal(sink->submit(sink, &shown[FIRST].ask.item), STATUS_OK);
    pthread_mutex_lock(&gate.lock);
    while (!gate.waits)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    for (size_t i = SECOND; i <= REFUSED; i++)
        assert_int_equal(sink->submit(sink, &shown[i].ask.item), STATUS_OK);
    for (int tries = 0; writer_queue_depth(rig.writer) != 0 && tries < 2000; tries++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_int_equal(writer_queue_depth(rig.writer), 0); /* the writer is not at the disk */
    assert_false(sink->run_here(sink, &shown[LATE].ask.item));
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    pthread_mutex_lock(&gate.lock);
    for (size_t i = 0; i < COUNT; i++)
        assert_false(shown[i].answered);
    log_head(rig.log, &head);
    assert_int_equal(head.size, 3);
    gate.closed = false;
    pthread_cond_broadcast(&gate.changed);
    for (size_t i = 0; i < LATE; i++)
        while (!shown[i].answered)
            pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    writer_stop(rig.writer);
    assert_int_equal(ask_answered(&shown[FIRST].ask, 0), 4);
    assert_int_equal(ask_answered(&shown[SECOND].ask, 0), 5);
    assert_int_equal(ask_answered(&shown[REPEAT].ask, 0), 4);
    assert_int_equal(shown[REFUSED].ask.parts[0].status, STATUS_REFUSED);
    assert_int_equal(shown[REFUSED].ask.item.position, 5);
    log_head(rig.log, &head);
    assert_int_equal(head.size, 5);
    for (size_t i = 0; i < COUNT; i++)
        ask_end(&shown[i].ask);
    rig.log->ops = gate.real;
    writer_rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_commands_among_retries_are_their_own),
        cmocka_unit_test(a_slow_commit_of_a_lone_command_holds_up_nobody),
        cmocka_unit_test(what_is_decided_beside_a_commit_is_answered_after_it),
    };
    return cmocka_run_group_tests_name("writer turns", tests, NULL, NULL);
}
