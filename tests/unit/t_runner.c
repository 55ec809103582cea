/* The runner over LMDB environments in a scratch folder: catching up, rebuilding, waiting, stopping. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "account.pb-c.h"
#include "log.pb-c.h"
#include "proto/base/bytes.h"
#include "report.pb-c.h"
#include "server/base/diag.h"
#include "server/base/system.h"
#include "server/domain/kernel/tables.h"
#include "tests/support/view_rig.h"
#include "type_ids.h"

/* Opens a view's environment while the runner is down, and hands it over for writing. */
static void with_environment(struct view_rig *rig, enum view_id id, void (*change)(struct kv_txn *txn))
{
    struct kv *kv;
    struct kv_txn *txn;
    struct fault why = {0};
    assert_int_equal(
        view_rig_store_open(rig, views[id]->name, views[id]->tables, views[id]->table_count, &kv, &why),
        STATUS_OK);
    assert_int_equal(kv_begin(kv, true, &txn), STATUS_OK);
    change(txn);
    assert_int_equal(kv_commit(txn), STATUS_OK);
    kv_close(kv);
}

static void change_cursor(struct kv_txn *txn, size_t at)
{
    struct slice value;
    uint8_t copy[44];
    assert_true(kv_get(txn, 0, slice_text("position"), &value));
    assert_int_equal(value.len, sizeof copy);
    memcpy(copy, value.ptr, sizeof copy);
    copy[at] ^= 1;
    kv_put(txn, 0, slice_text("position"), slice_of(copy, sizeof copy));
}

static void other_version(struct kv_txn *txn)
{
    change_cursor(txn, 43);
}

static void other_hash(struct kv_txn *txn)
{
    change_cursor(txn, 20);
}

static void forged_balance(struct kv_txn *txn)
{
    uint8_t key[13] = {0, 0, 4, 87, 0, 9, 0, 1, 1, 0, 0, 0, 1}, value[40] = {[15] = 7};
    kv_put(txn, 1, slice_of(key, sizeof key), slice_of(value, sizeof value));
    other_version(txn);
}

/* ---- tests ----------------------------------------------------------------------------------------------------------- */

static void nap(unsigned ms)
{
    struct timespec length = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&length, NULL);
}

/* Starts again, to gather for as long as the test may take. What it finds at its first look at the log does not gather: one
 * sale comes before that or behind it. */
static void start_gathering(struct view_rig *rig)
{
    view_rig_wait(rig);
    view_rig_stop(rig);
    rig->config.gather_ms = 600000;
    view_rig_start(rig);
    view_rig_sell(rig, 1);
    view_rig_append_all(rig);
    view_rig_wait(rig);
}

static void a_few_records_gather_until_somebody_asks(void **state)
{
    struct view_rig *rig = *state;
    start_gathering(rig);
    uint64_t before = rig->appended;
    for (unsigned i = 0; i < 3; i++) {
        view_rig_sell(rig, 1);
        view_rig_append_all(rig);
        nap(20);
    }
    assert_int_equal(runner_position(rig->runner), before);
    view_rig_expect_debit(rig, "181040.00"); /* whoever asks for them has them at once */
    assert_int_equal(runner_position(rig->runner), before + 3);

    view_rig_sell(rig, 2);
    view_rig_append_all(rig);
    nap(20);
    assert_int_equal(runner_position(rig->runner), before + 3);
    view_rig_wait(rig); /* so has runner_wait */
    assert_int_equal(runner_position(rig->runner), before + 5);
}

static void many_records_do_not_gather(void **state)
{
    struct view_rig *rig = *state;
    rig->config.gather_records = 100;
    start_gathering(rig);
    uint64_t before = rig->appended;
    view_rig_sell(rig, 1);
    view_rig_append_all(rig);
    nap(20);
    view_rig_sell(rig, 110);
    view_rig_append_all(rig);
    for (unsigned i = 0; runner_position(rig->runner) <= before && i < 1000; i++)
        nap(10);
    assert_true(runner_position(rig->runner) > before);
}

static void a_few_records_are_applied_in_the_end(void **state)
{
    struct view_rig *rig = *state;
    view_rig_wait(rig); /* with the default */
    view_rig_sell(rig, 1);
    view_rig_append_all(rig);
    for (unsigned i = 0; runner_position(rig->runner) < rig->appended && i < 1000; i++)
        nap(10);
    assert_int_equal(runner_position(rig->runner), rig->appended);
}

static void views_follow_the_log(void **state)
{
    struct view_rig *rig = *state;
    view_rig_wait(rig);
    assert_int_equal(atomic_load(&rig->failed), 0);
    view_rig_expect_debit(rig, "181000.00");
    view_rig_sell(rig, 100);
    view_rig_append_all(rig);
    view_rig_expect_debit(rig, "182000.00"); /* at least the position: one reads one's own writes */
    assert_int_equal(runner_position(rig->runner), rig->appended);
}

static void a_restart_goes_on_where_it_was(void **state)
{
    struct view_rig *rig = *state;
    view_rig_wait(rig);
    assert_int_equal(atomic_load(&rig->built), (1u << VIEW_COUNT) - 1);
    view_rig_stop(rig);
    view_rig_sell(rig, 5);
    view_rig_append_all(rig);
    view_rig_start(rig);
    view_rig_wait(rig);
    assert_int_equal(atomic_load(&rig->built), 0);
    view_rig_expect_debit(rig, "181050.00");
}

static void expect_rebuild(struct view_rig *rig, unsigned built, const char *debit)
{
    view_rig_start(rig);
    view_rig_wait(rig);
    assert_int_equal(atomic_load(&rig->built), built);
    assert_int_equal(atomic_load(&rig->failed), 0);
    view_rig_expect_debit(rig, debit);
    view_rig_stop(rig);
}

static void views_are_rebuilt_when_they_must(void **state)
{
    struct view_rig *rig = *state;
    view_rig_wait(rig);
    view_rig_stop(rig);
    with_environment(rig, VIEW_BALANCES, forged_balance);
    expect_rebuild(rig, 1u << VIEW_BALANCES, "181000.00");
    with_environment(rig, VIEW_JOURNAL, other_hash);
    expect_rebuild(rig, 1u << VIEW_JOURNAL, "181000.00");
    assert_int_equal(view_rig_store_remove(rig, "balances"), STATUS_OK);
    assert_int_equal(view_rig_store_remove(rig, "masters"), STATUS_OK);
    expect_rebuild(rig, 1u << VIEW_BALANCES | 1u << VIEW_MASTERS, "181000.00");
    expect_rebuild(rig, 0, "181000.00");
    rig->config.distrust_environments = true;
    expect_rebuild(rig, (1u << VIEW_COUNT) - 1, "181000.00");
    char path[400];
    struct stat info;
    view_rig_path(rig, "balances.new", path);
    assert_int_not_equal(stat(path, &info), 0);
}

static void a_later_position_is_waited_for(void **state)
{
    struct view_rig *rig = *state;
    struct question q;
    Daftari__V1__ShowAccount request = DAFTARI__V1__SHOW_ACCOUNT__INIT;
    request.has_number = true;
    request.number = 1110;
    view_rig_wait(rig);
    question_open(&q, "Account.Show", &request.base);
    q.item.at_least_position = rig->appended + 1;
    question_submit(rig, &q);
    assert_false(question_wait(&q, 1));
    assert_int_equal(runner_queue_depth(rig->runner), 1);
    view_rig_sell(rig, 1);
    view_rig_append_all(rig);
    assert_true(question_wait(&q, 20));
    assert_int_equal(q.part.status, STATUS_OK);
    assert_int_equal(q.item.position, rig->appended);
    question_close(&q);

    question_open(&q, "Account.Show", &request.base);
    q.item.at_least_position = rig->appended + 1;
    q.item.deadline = clock_monotonic(&system_clock) + 1000000; /* STALE, if looked at before that */
    question_ask(rig, &q);
    assert_int_equal(q.part.status, STATUS_STALE);
    question_close(&q);

    question_open(&q, "Account.Show", &request.base);
    q.item.deadline = clock_monotonic(&system_clock) - 1;
    question_ask(rig, &q);
    assert_int_equal(q.part.status, STATUS_DEADLINE);
    question_close(&q);

    question_open(&q, "Account.Show", &request.base);
    q.item.actor.user = 2;
    question_ask(rig, &q);
    assert_int_equal(q.part.status, STATUS_UNAUTHENTICATED);
    question_close(&q);
}

static void waiting_queries_are_answered_at_the_end(void **state)
{
    struct view_rig *rig = *state;
    struct question q;
    Daftari__V1__ListReports request = DAFTARI__V1__LIST_REPORTS__INIT;
    view_rig_wait(rig);
    question_open(&q, "Report.List", &request.base);
    q.item.at_least_position = rig->appended + 1000;
    question_submit(rig, &q);
    assert_false(question_wait(&q, 1));
    view_rig_stop(rig);
    assert_true(question_wait(&q, 1));
    assert_int_equal(q.part.status, STATUS_UNAVAILABLE);
    question_close(&q);
}

static void streams_come_in_steps(void **state)
{
    struct view_rig *rig = *state;
    struct question q;
    Daftari__V1__ListAccounts request = DAFTARI__V1__LIST_ACCOUNTS__INIT;
    view_rig_wait(rig);
    size_t opened = 0;
    for (uint64_t position = 1; position <= rig->appended; position++)
        opened += world_record_at(rig->world, position).header.type == EVENT_ACCOUNT_OPENED;
    static const uint32_t credits[] = {0, 1, 7, 64, 1000};
    for (size_t c = 0; c < 5; c++) {
        size_t accounts = 0, steps = 0;
        uint32_t last = 0;
        question_open(&q, "Account.List", &request.base);
        do {
            q.item.parts_max = credits[c];
            question_ask(rig, &q);
            assert_true(q.item.part_count <= (credits[c] == 0 ? 1 : credits[c]));
            for (size_t i = 0; i < q.item.part_count; i++) {
                assert_int_equal(q.item.parts[i].status, STATUS_OK);
                struct slice answer = q.item.parts[i].answer;
                Daftari__V1__AccountInfo *info =
                    daftari__v1__account_info__unpack(NULL, answer.len, answer.ptr);
                assert_true(info->number > last);
                last = info->number;
                daftari__v1__account_info__free_unpacked(info, NULL);
                accounts++;
            }
            steps++;
        } while (q.item.stream_more);
        question_close(&q);
        assert_int_equal(accounts, opened);
        assert_true(credits[c] > 1 || steps >= accounts);
        assert_true(credits[c] < 64 || 2 * steps < accounts); /* a step's time may be over earlier */
    }
}

static void a_follower_gets_what_comes(void **state)
{
    struct view_rig *rig = *state;
    struct question q;
    Daftari__V1__FollowLog request = DAFTARI__V1__FOLLOW_LOG__INIT;
    request.has_wait = request.wait = true;
    view_rig_wait(rig);
    question_open(&q, "Log.Follow", &request.base);
    uint64_t next = 1;
    unsigned empty = 0;
    while (next <= rig->appended + 3) {
        q.item.parts_max = 1;
        q.item.deadline = clock_monotonic(&system_clock) + 20000000;
        question_ask(rig, &q);
        assert_true(q.item.stream_more);
        if (q.item.part_count == 0) {    /* all there is was given: more is made */
            if (next <= rig->appended) { /* the views are on their way */
                assert_true(++empty < 100);
                continue;
            }
            if (rig->appended >= 110)
                break;
            view_rig_sell(rig, 3);
            view_rig_append_all(rig);
            continue;
        }
        Daftari__V1__LogPart *part =
            daftari__v1__log_part__unpack(NULL, q.item.parts[0].answer.len, q.item.parts[0].answer.ptr);
        for (size_t i = 0; i < part->n_records; i++, next++) {
            assert_int_equal(part->records[i].len, rig->world->records[next - 1].len);
            assert_memory_equal(part->records[i].data, rig->world->records[next - 1].bytes,
                                part->records[i].len);
        }
        daftari__v1__log_part__free_unpacked(part, NULL);
    }
    assert_int_equal(next, rig->appended + 1);
    question_close(&q);
}

/* The whole log is what is committed when it is asked for, though the views may not have come there yet. */
static void the_log_is_followed_to_its_end(void **state)
{
    struct view_rig *rig = *state;
    view_rig_wait(rig);
    view_rig_stop(rig);
    rig->config.gather_ms = 600000;
    view_rig_start(rig);
    view_rig_wait(rig);
    view_rig_sell(rig, 3);
    view_rig_append_all(rig);
    for (uint64_t beyond = 0; beyond <= 2; beyond++) { /* no end given; the end; one past it */
        struct question q;
        Daftari__V1__FollowLog request = DAFTARI__V1__FOLLOW_LOG__INIT;
        request.has_to_position = beyond != 0;
        request.to_position = rig->appended + beyond - 1;
        question_open(&q, "Log.Follow", &request.base);
        uint64_t records = 0;
        enum status status = STATUS_OK;
        for (unsigned asked = 0; asked < 1000 && status == STATUS_OK && q.item.stream_more == (asked > 0);
             asked++) {
            q.item.parts_max = 8;
            question_ask(rig, &q);
            for (size_t i = 0; i < q.item.part_count; i++) {
                status = q.item.parts[i].status;
                if (status != STATUS_OK)
                    break;
                Daftari__V1__LogPart *part = daftari__v1__log_part__unpack(NULL, q.item.parts[i].answer.len,
                                                                           q.item.parts[i].answer.ptr);
                records += part->n_records;
                daftari__v1__log_part__free_unpacked(part, NULL);
            }
        }
        assert_int_equal(status, beyond == 2 ? STATUS_INVALID : STATUS_OK);
        assert_int_equal(records, beyond == 2 ? 0 : rig->appended);
        question_close(&q);
    }
}

/* Records are of every business, whole. */
static void a_follower_may_read_every_business(void **state)
{
    struct view_rig *rig = *state;
    struct question q;
    Daftari__V1__FollowLog request = DAFTARI__V1__FOLLOW_LOG__INIT;
    view_rig_wait(rig);
    question_open(&q, "Log.Follow", &request.base);
    q.item.actor.user = 3;
    question_ask(rig, &q);
    assert_int_equal(q.item.part_count, 1);
    assert_int_equal(q.item.parts[0].status, STATUS_DENIED);
    assert_false(q.item.stream_more);
    question_close(&q);
}

static void proofs_hold(void **state)
{
    struct view_rig *rig = *state;
    struct question q;
    struct hash proof[TREE_PROOF_MAX], root, leaf, log_root_now;
    Daftari__V1__GetInclusion request = DAFTARI__V1__GET_INCLUSION__INIT;
    view_rig_wait(rig);
    request.has_position = true;
    request.position = 42;
    question_open(&q, "Log.Inclusion", &request.base);
    question_ask(rig, &q);
    assert_int_equal(q.part.status, STATUS_OK);
    Daftari__V1__Proof *answer = daftari__v1__proof__unpack(NULL, q.part.answer.len, q.part.answer.ptr);
    for (size_t i = 0; i < answer->n_hashes; i++)
        memcpy(proof[i].bytes, answer->hashes[i].data, HASH_BYTES);
    memcpy(root.bytes, answer->root.data, HASH_BYTES);
    record_hash(slice_of(rig->world->records[41].bytes, rig->world->records[41].len), &leaf);
    assert_true(tree_verify_inclusion(41, answer->size, &leaf, proof, answer->n_hashes, &root));
    assert_int_equal(log_root(rig->log, rig->appended, &log_root_now), STATUS_OK);
    assert_memory_equal(&root, &log_root_now, sizeof root);
    daftari__v1__proof__free_unpacked(answer, NULL);
    question_close(&q);
}

/* Forwards from what is kept, backwards from the beginning, and not beyond the memory limit. */
static void the_past_is_replayed(void **state)
{
    struct view_rig *rig = *state;
    char debit[64];
    enum status status;
    uint64_t start = rig->appended;
    view_rig_sell(rig, 50);
    view_rig_append_all(rig);
    view_rig_wait(rig);
    static const struct {
        uint64_t after;
        const char *debit;
    } asked[] = {{0, "181000.00"}, {10, "181100.00"}, {49, "181490.00"}, {3, "181030.00"}, {50, "181500.00"}};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        view_rig_debit_at(rig, rig->appended, start + asked[i].after, debit, &status);
        assert_int_equal(status, STATUS_OK);
        assert_string_equal(debit, asked[i].debit);
    }
    view_rig_stop(rig);
    rig->config.replay_memory_bytes = 1000;
    view_rig_start(rig);
    view_rig_wait(rig);
    view_rig_debit_at(rig, rig->appended, start, debit, &status);
    assert_int_equal(status, STATUS_TOO_LARGE);
    view_rig_expect_debit(rig, "181500.00");
}

/* The first part is asked for; the report stays in memory until the question is closed. */
static enum status journal_open(struct view_rig *rig, struct question *q)
{
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    char name[] = "general-journal";
    request.report = name;
    question_open(q, "Report.Run", &request.base);
    q->item.parts_max = 1;
    question_ask(rig, q);
    assert_int_equal(q->item.part_count, 1);
    return q->item.parts[0].status;
}

static void reports_together_are_bounded(void **state)
{
    struct view_rig *rig = *state;
    struct question q[3];
    view_rig_sell(rig, 500);
    view_rig_append_all(rig);
    view_rig_wait(rig);
    assert_int_equal(journal_open(rig, &q[0]), STATUS_OK);
    uint64_t bytes = runner_report_bytes(rig->runner);
    assert_true(bytes > 10000);
    question_close(&q[0]);
    assert_int_equal(runner_report_bytes(rig->runner), 0);
    view_rig_stop(rig);
    rig->config.report_memory_bytes = rig->config.report_memory_total_bytes = 5 * bytes / 2;
    view_rig_start(rig);
    view_rig_wait(rig);
    assert_int_equal(journal_open(rig, &q[0]), STATUS_OK);
    assert_int_equal(journal_open(rig, &q[1]), STATUS_OK);
    assert_int_equal(journal_open(rig, &q[2]), STATUS_BUSY);
    question_close(&q[2]);
    assert_true(runner_report_bytes(rig->runner) <= 5 * bytes / 2);
    view_rig_expect_debit(rig, "186000.00"); /* a small one finds its place */
    question_close(&q[0]);
    assert_int_equal(journal_open(rig, &q[2]), STATUS_OK);
    question_close(&q[1]);
    question_close(&q[2]);
    assert_int_equal(runner_report_bytes(rig->runner), 0);
}

/* Half past ten in the evening of 31 May in UTC: in Nairobi it is 1 June. */
static timestamp_us late_evening(const struct clock *clock)
{
    (void)clock;
    return INT64_C(1748730600000000);
}

static monotonic_us real_monotonic(const struct clock *clock)
{
    (void)clock;
    return clock_monotonic(&system_clock);
}

/* What a report says of its date, or its fault. `date` 0 = none given. */
static enum status report_date(struct view_rig *rig, uint32_t date, char out[256])
{
    struct question q;
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    char name[] = "trial-balance";
    request.report = name;
    request.has_as_at_date = date != 0;
    request.as_at_date = date;
    question_open(&q, "Report.Run", &request.base);
    question_ask(rig, &q);
    enum status status = q.item.parts[0].status;
    if (status == STATUS_OK) {
        Daftari__V1__ReportPart *part =
            daftari__v1__report_part__unpack(NULL, q.item.parts[0].answer.len, q.item.parts[0].answer.ptr);
        char to[DATE_TEXT_MAX];
        (void)date_format(part->to_date, to);
        (void)snprintf(out, 256, "%s", to);
        daftari__v1__report_part__free_unpacked(part, NULL);
    } else {
        (void)snprintf(out, 256, "%s", q.item.parts[0].fault->text);
    }
    question_close(&q);
    return status;
}

static void no_books(struct kv_txn *txn)
{
    kv_del(txn, TABLE_BOOKS, slice_text("books"));
}

static enum status masters_do_not_open(void *context, const char *name, const struct kv_table *tables,
                                       unsigned count, struct kv **out, struct fault *why)
{
    if (strncmp(name, "masters", 7) == 0)
        return STATUS_CORRUPT;
    return view_rig_store_open(context, name, tables, count, out, why);
}

static void today_is_where_the_books_are(void **state)
{
    static const struct clock evening = {.wall = late_evening, .monotonic = real_monotonic};
    struct view_rig *rig = *state;
    char said[256];
    view_rig_wait(rig);
    view_rig_stop(rig);
    rig->config.clock = &evening;
    view_rig_start(rig);
    view_rig_wait(rig);
    assert_int_equal(report_date(rig, 0, said), STATUS_OK);
    assert_non_null(strstr(said, "2025-06-01"));
    view_rig_stop(rig);

    with_environment(rig, VIEW_MASTERS, no_books);
    view_rig_start(rig);
    view_rig_wait(rig);
    assert_int_equal(report_date(rig, 0, said), STATUS_UNAVAILABLE);
    assert_non_null(strstr(said, "what day"));
    assert_int_equal(report_date(rig, 20250601, said), STATUS_OK);
    struct question q;
    Daftari__V1__ShowAccount request = DAFTARI__V1__SHOW_ACCOUNT__INIT;
    request.has_number = true;
    request.number = 1110;
    question_open(&q, "Account.Show", &request.base);
    question_ask(rig, &q);
    assert_int_equal(q.part.status, STATUS_CORRUPT);
    question_close(&q);
    view_rig_stop(rig);

    rig->config.store.open = masters_do_not_open;
    view_rig_start(rig);
    view_rig_wait(rig);
    assert_int_equal(report_date(rig, 0, said), STATUS_CORRUPT);
    assert_non_null(strstr(said, "masters has stopped"));
}

/* A record of a type that the domain does not know: the views that must understand it stop, the others go on. */
static void a_view_that_fails_stops_alone(void **state)
{
    struct view_rig *rig = *state;
    char debit[64];
    enum status status;
    view_rig_wait(rig);
    struct record_header header = world_record_at(rig->world, rig->appended).header;
    header.type = 9999;
    header.position = rig->appended + 1;
    header.previous = rig->world->last;
    uint8_t bytes[RECORD_HEADER_BYTES];
    record_encode(&header, NULL, 0, NULL, 0, (struct slice){0}, bytes);
    view_rig_append_bytes(rig, bytes, sizeof bytes);
    view_rig_append_all(rig);
    assert_true(runner_wait(rig->runner, header.position, VIEW_RIG_WAIT_MS));
    assert_int_equal(atomic_load(&rig->failed), 1u << VIEW_MASTERS | 1u << VIEW_AUDIT);
    enum view_state view_state;
    uint64_t position;
    runner_view(rig->runner, VIEW_BALANCES, &view_state, &position);
    assert_int_equal(view_state, VIEW_READY);
    assert_int_equal(position, header.position);
    runner_view(rig->runner, VIEW_MASTERS, &view_state, &position);
    assert_int_equal(view_state, VIEW_FAILED);
    view_rig_debit(rig, 0, debit, &status);
    assert_int_equal(status, STATUS_CORRUPT);
    struct question q;
    Daftari__V1__FollowLog request = DAFTARI__V1__FOLLOW_LOG__INIT;
    question_open(&q, "Log.Follow", &request.base);
    question_ask(rig, &q);
    assert_int_equal(q.item.parts[0].status, STATUS_OK);
    question_close(&q);
}

/* Many threads ask while records come: for a run under the thread sanitizer. */
struct asker {
    struct view_rig *rig;
    pthread_t thread;
};

static void *asker_run(void *context)
{
    struct asker *asker = context;
    for (int i = 0; i < 20; i++) {
        char debit[64];
        enum status status;
        view_rig_debit(asker->rig, 0, debit, &status);
        assert_int_equal(status, STATUS_OK);
    }
    return NULL;
}

static void readers_and_writer_together(void **state)
{
    struct view_rig *rig = *state;
    struct asker askers[4];
    view_rig_wait(rig);
    for (size_t i = 0; i < 4; i++) {
        askers[i].rig = rig;
        assert_int_equal(pthread_create(&askers[i].thread, NULL, asker_run, &askers[i]), 0);
    }
    for (int i = 0; i < 20; i++) {
        view_rig_sell(rig, 5);
        view_rig_append_all(rig);
    }
    for (size_t i = 0; i < 4; i++)
        pthread_join(askers[i].thread, NULL);
    view_rig_expect_debit(rig, "182000.00");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, view_rig_set_up, view_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_few_records_gather_until_somebody_asks),
        TEST(many_records_do_not_gather),
        TEST(a_few_records_are_applied_in_the_end),
        TEST(views_follow_the_log),
        TEST(a_restart_goes_on_where_it_was),
        TEST(views_are_rebuilt_when_they_must),
        TEST(a_later_position_is_waited_for),
        TEST(waiting_queries_are_answered_at_the_end),
        TEST(streams_come_in_steps),
        TEST(a_follower_gets_what_comes),
        TEST(the_log_is_followed_to_its_end),
        TEST(a_follower_may_read_every_business),
        TEST(proofs_hold),
        TEST(the_past_is_replayed),
        TEST(reports_together_are_bounded),
        TEST(today_is_where_the_books_are),
        TEST(a_view_that_fails_stops_alone),
        TEST(readers_and_writer_together),
    };
    diag_set_level(DIAG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
