/* Questions as known at earlier positions: over a log that is slow to read, so that a replay takes its time. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "report.pb-c.h"
#include "server/base/diag.h"
#include "server/base/system.h"
#include "tests/support/view_rig.h"

#define SALES     90
#define READ_MS   10  /* of a record, while the log is slow */
#define PROMPT_MS 500 /* an ordinary question; a replay takes some two seconds */

/* ---- a slow log ------------------------------------------------------------------------------------------------- */

struct slow_log {
    struct log base;
    struct log *inner;
    atomic_bool slow;
    atomic_uint reading, reading_most; /* at one time */
    atomic_uint reads;
};

struct slow_reader {
    struct log_reader base;
    struct slow_log *log;
    struct log_reader *inner;
};

static struct slow_log slow;

static void slow_head(struct log *log, struct log_head *out)
{
    log_head(((struct slow_log *)(void *)log)->inner, out);
}

static enum status slow_read(struct log_reader *reader, uint64_t position, struct slice *out,
                             struct fault *why)
{
    struct slow_reader *self = (struct slow_reader *)(void *)reader;
    if (atomic_load(&self->log->slow)) {
        unsigned now = atomic_fetch_add(&self->log->reading, 1) + 1;
        unsigned most = atomic_load(&self->log->reading_most);
        while (now > most && !atomic_compare_exchange_weak(&self->log->reading_most, &most, now))
            continue;
        atomic_fetch_add(&self->log->reads, 1);
        nanosleep(&(struct timespec){.tv_nsec = READ_MS * 1000000}, NULL);
        atomic_fetch_sub(&self->log->reading, 1);
    }
    return log_read(self->inner, position, out, why);
}

static void slow_rest(struct log_reader *reader)
{
    log_reader_rest(((struct slow_reader *)(void *)reader)->inner);
}

static void slow_close(struct log_reader *reader)
{
    struct slow_reader *self = (struct slow_reader *)(void *)reader;
    log_reader_close(self->inner);
    free(self);
}

static enum status slow_open(struct log *log, struct log_reader **out);

static const struct log_ops slow_ops = {.head = slow_head,
                                        .reader_open = slow_open,
                                        .read = slow_read,
                                        .reader_rest = slow_rest,
                                        .reader_close = slow_close};

static enum status slow_open(struct log *log, struct log_reader **out)
{
    struct slow_reader *self = calloc(1, sizeof *self);
    self->base.ops = &slow_ops;
    self->log = (struct slow_log *)(void *)log;
    *out = &self->base;
    return log_reader_open(self->log->inner, &self->inner);
}

/* The runner starts again over the slow log, which is slow once the views are there. */
static void start_slow(struct view_rig *rig)
{
    view_rig_wait(rig);
    view_rig_stop(rig);
    slow = (struct slow_log){.base = {.ops = &slow_ops}, .inner = rig->log};
    rig->config.log = &slow.base;
    view_rig_start(rig);
    view_rig_wait(rig);
    atomic_store(&slow.slow, true);
}

static int set_up(void **state)
{
    if (view_rig_set_up(state) != 0)
        return -1;
    struct view_rig *rig = *state;
    view_rig_sell(rig, SALES);
    view_rig_append_all(rig);
    return 0;
}

/* ---- asking ----------------------------------------------------------------------------------------------------- */

static enum status ask(struct view_rig *rig, const char *report, uint64_t known_at, monotonic_us deadline)
{
    struct question q;
    char name[64];
    (void)snprintf(name, sizeof name, "%s", report);
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    request.report = name;
    request.has_known_at_position = known_at != 0;
    request.known_at_position = known_at;
    question_open(&q, "Report.Run", &request.base);
    q.item.deadline = deadline;
    q.item.parts_max = 4;
    do
        question_ask(rig, &q);
    while (q.item.part_count == 0 && q.item.stream_more);
    enum status status = q.item.part_count != 0 ? q.item.parts[0].status : STATUS_END;
    question_close(&q);
    return status;
}

static int64_t since_ms(monotonic_us start)
{
    return (clock_monotonic(&system_clock) - start) / 1000;
}

static bool bytes_become_zero(struct view_rig *rig, int64_t within_ms)
{
    monotonic_us start = clock_monotonic(&system_clock);
    while (runner_replay_bytes(rig->runner) != 0) {
        if (since_ms(start) > within_ms)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return true;
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

struct asker {
    struct view_rig *rig;
    pthread_t thread;
    uint64_t known_at;
    const char *debit;
    atomic_uint answered, wrong;
    atomic_bool *stop;
};

static void *asker_run(void *context)
{
    struct asker *asker = context;
    while (!atomic_load(asker->stop)) {
        char debit[64];
        enum status status;
        view_rig_debit_at(asker->rig, 0, asker->known_at, debit, &status);
        bool right = status == STATUS_OK && strcmp(debit, asker->debit) == 0;
        atomic_fetch_add(right ? &asker->answered : &asker->wrong, 1);
    }
    return NULL;
}

static void early_and_late_by_turns(struct view_rig *rig, unsigned threads)
{
    rig->config.reader_threads = threads;
    start_slow(rig);
    atomic_bool stop = false;
    uint64_t start = rig->appended - SALES;
    struct asker askers[2] = {
        {.rig = rig, .known_at = start + 5, .debit = "181050.00", .stop = &stop},
        {.rig = rig, .known_at = start + SALES - 5, .debit = "181850.00", .stop = &stop},
    };
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&askers[i].thread, NULL, asker_run, &askers[i]), 0);
    monotonic_us begin = clock_monotonic(&system_clock);
    unsigned asked = 0, prompt = 0;
    while (atomic_load(&askers[0].answered) < 3 || atomic_load(&askers[1].answered) < 3) {
        monotonic_us one = clock_monotonic(&system_clock);
        assert_int_equal(ask(rig, "trial-balance", 0, 0), STATUS_OK);
        prompt += since_ms(one) < PROMPT_MS;
        asked++;
        if (since_ms(begin) > 120000)
            break;
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < 2; i++)
        pthread_join(askers[i].thread, NULL);
    assert_true(asked > 10);
    assert_true(2 * prompt > asked); /* behind replays all would wait; on a busy machine some wait for it */
    for (size_t i = 0; i < 2; i++) {
        assert_true(atomic_load(&askers[i].answered) >= 3);
        assert_int_equal(atomic_load(&askers[i].wrong), 0);
    }
    assert_int_equal(atomic_load(&slow.reading_most), 1); /* one replay at a time */
    /* The late one, the early one from the beginning, and no more: both are kept. */
    assert_true(atomic_load(&slow.reads) <= 2 * rig->appended);
}

static void others_are_answered_meanwhile(void **state)
{
    early_and_late_by_turns(*state, 2);
}

static void one_reader_thread_is_enough(void **state)
{
    early_and_late_by_turns(*state, 1);
}

static void asking_again_goes_on(void **state)
{
    struct view_rig *rig = *state;
    start_slow(rig);
    unsigned tries = 0;
    enum status status;
    do {
        monotonic_us start = clock_monotonic(&system_clock);
        status = ask(rig, "trial-balance", rig->appended - 1, start + 400000);
        assert_true(status == STATUS_OK || status == STATUS_DEADLINE);
    } while (status != STATUS_OK && ++tries < 60);
    assert_int_equal(status, STATUS_OK);
    assert_true(tries >= 1);
    assert_true(atomic_load(&slow.reads) <= rig->appended);
}

static void an_idle_replay_is_given_back(void **state)
{
    struct view_rig *rig = *state;
    view_rig_stop(rig);
    rig->config.replay_idle_ms = 2000;
    view_rig_start(rig);
    view_rig_wait(rig);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask(rig, "trial-balance", rig->appended - 1, 0), STATUS_OK);
        assert_true(runner_replay_bytes(rig->runner) > 0);
        assert_true(bytes_become_zero(rig, 30000));
    }
}

static void all_replays_share_one_bound(void **state)
{
    struct view_rig *rig = *state;
    static const char *const names[] = {"trial-balance", "cash-flow", "periods"};
    uint64_t bytes[3], most = 0;
    view_rig_wait(rig);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ask(rig, names[i], rig->appended - 1, 0), STATUS_OK);
        bytes[i] = runner_replay_bytes(rig->runner);
        assert_true(i == 0 || bytes[i] > bytes[i - 1]); /* all are kept when there is room */
        uint64_t alone = i == 0 ? bytes[i] : bytes[i] - bytes[i - 1];
        most = alone > most ? alone : most;
    }
    view_rig_stop(rig);
    rig->config.replay_memory_bytes = most;
    view_rig_start(rig);
    view_rig_wait(rig);
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(ask(rig, names[i % 3], rig->appended - 1 - i, 0), STATUS_OK);
        assert_true(runner_replay_bytes(rig->runner) <= most);
    }
}

/* As known at different positions; the first has begun to replay. */
static void ask_some(struct view_rig *rig, struct question *q, size_t count)
{
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    char name[] = "trial-balance";
    request.report = name;
    request.has_known_at_position = true;
    for (size_t i = 0; i < count; i++) {
        request.known_at_position = rig->appended - 1 - i;
        question_open(&q[i], "Report.Run", &request.base);
        question_submit(rig, &q[i]);
    }
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
}

/* Whoever asked has gone: the replay ends within a slice, and so does the waiting of those who have not the turn. */
static void what_nobody_waits_for_ends(void **state)
{
    struct view_rig *rig = *state;
    start_slow(rig);
    struct question q[2];
    ask_some(rig, q, 2);
    monotonic_us start = clock_monotonic(&system_clock);
    for (size_t i = 0; i < 2; i++)
        atomic_store(&q[i].item.unwanted, true);
    for (size_t i = 0; i < 2; i++) {
        assert_true(question_wait(&q[i], 10));
        assert_true(q[i].item.part_count == 0 || q[i].item.parts[0].status == STATUS_CANCELLED);
    }
    assert_true(since_ms(start) < 1000); /* the replay alone takes almost twice that */
    assert_true(atomic_load(&slow.reads) < rig->appended / 2);
    for (size_t i = 0; i < 2; i++)
        question_close(&q[i]);
    assert_int_equal(ask(rig, "trial-balance", rig->appended - 1, 0), STATUS_OK); /* the turn is free */
}

/* Whatever waits for its turn ends when the runner does. */
static void a_stop_ends_who_waits(void **state)
{
    struct view_rig *rig = *state;
    start_slow(rig);
    struct question q[3];
    ask_some(rig, q, 3);
    view_rig_stop(rig);
    assert_true(atomic_load(&slow.reads) < rig->appended - 3); /* not even the first was there */
    for (size_t i = 0; i < 3; i++) {
        assert_true(question_wait(&q[i], 1));
        question_close(&q[i]);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, view_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(others_are_answered_meanwhile), TEST(one_reader_thread_is_enough), TEST(asking_again_goes_on),
        TEST(an_idle_replay_is_given_back),  TEST(all_replays_share_one_bound), TEST(a_stop_ends_who_waits),
        TEST(what_nobody_waits_for_ends),
    };
    diag_set_level(DIAG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
