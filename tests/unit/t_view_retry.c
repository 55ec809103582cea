/* Views whose stores fail for a while: full, without memory, not to be opened. They go on by themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "account.pb-c.h"
#include "log.pb-c.h"
#include "server/base/diag.h"
#include "server/base/system.h"
#include "tests/support/view_rig.h"

#define RETRY_MS 20

/* ---- a store that fails when told ------------------------------------------------------------------------------- */

enum trouble {
    TROUBLE_NONE,
    TROUBLE_BEGIN,
    TROUBLE_COMMIT,
    TROUBLE_PUT,
    TROUBLE_SYNC,
    TROUBLE_OPEN,
    TROUBLE_GET
};

static const char *only_view; /* the trouble is in this one alone; NULL = in all */
static struct kv *only_kv;
static const struct kv_ops *inner; /* of the real store; all are of one kind */
static struct kv_ops failing;
static atomic_int trouble;
static _Atomic(enum status) trouble_status;
static atomic_uint opened; /* environments, in all */

static bool in_trouble(enum trouble kind)
{
    return atomic_load(&trouble) == (int)kind;
}

static struct kv_txn *_Atomic only_txn; /* the slice's in that view */

static enum status begin(struct kv *kv, bool write, struct kv_txn **out)
{
    if (write && in_trouble(TROUBLE_BEGIN))
        return atomic_load(&trouble_status);
    enum status status = inner->begin(kv, write, out);
    if (status == STATUS_OK && write && kv == only_kv)
        atomic_store(&only_txn, *out);
    else if (status == STATUS_OK && *out == atomic_load(&only_txn)) /* the memory of one that ended */
        atomic_store(&only_txn, NULL);
    return status;
}

static enum status commit(struct kv_txn *txn)
{
    if (!in_trouble(TROUBLE_COMMIT) || (only_view != NULL && txn != atomic_load(&only_txn)))
        return inner->commit(txn);
    inner->abort(txn);
    return atomic_load(&trouble_status);
}

static void put(struct kv_txn *txn, unsigned table, struct slice key, struct slice value)
{
    if (in_trouble(TROUBLE_PUT))
        inner->set_error(txn, atomic_load(&trouble_status));
    inner->put(txn, table, key, value);
}

static bool get(struct kv_txn *txn, unsigned table, struct slice key, struct slice *out)
{
    if (in_trouble(TROUBLE_GET))
        inner->set_error(txn, atomic_load(&trouble_status));
    return inner->get(txn, table, key, out);
}

static enum status sync_kv(struct kv *kv)
{
    return in_trouble(TROUBLE_SYNC) ? atomic_load(&trouble_status) : inner->sync(kv);
}

static enum status open_kv(void *context, const char *name, const struct kv_table *tables, unsigned count,
                           struct kv **out, struct fault *why)
{
    if (in_trouble(TROUBLE_OPEN))
        return fault_set(why, atomic_load(&trouble_status), NULL, "told to fail");
    struct kv *kv;
    enum status status = view_rig_store_open(context, name, tables, count, &kv, why);
    if (status != STATUS_OK)
        return status;
    if (inner == NULL) {
        inner = kv->ops;
        failing = *inner;
        failing.begin = begin;
        failing.commit = commit;
        failing.put = put;
        failing.get = get;
        failing.sync = sync_kv;
    }
    kv->ops = &failing;
    if (only_view != NULL && strcmp(name, only_view) == 0)
        only_kv = kv;
    atomic_fetch_add(&opened, 1);
    *out = kv;
    return STATUS_OK;
}

static atomic_bool no_room;

static bool room(void *context, uint64_t bytes)
{
    (void)context;
    assert_true(bytes > 0);
    return !atomic_load(&no_room);
}

static enum status remove_fails(void *context, const char *name)
{
    (void)context, (void)name;
    return STATUS_IO;
}

static void make_trouble(enum trouble kind, enum status status)
{
    atomic_store(&trouble_status, status);
    atomic_store(&trouble, (int)kind);
}

/* ---- waiting ---------------------------------------------------------------------------------------------------- */

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static bool all_become(struct view_rig *rig, enum view_state wanted, uint64_t position)
{
    for (int tries = 0; tries < 1000; tries++) {
        unsigned there = 0;
        for (unsigned id = 0; id < VIEW_COUNT; id++) {
            enum view_state state;
            uint64_t at;
            runner_view(rig->runner, id, &state, &at);
            there += state == wanted && (state != VIEW_READY || at == position);
        }
        if (there == VIEW_COUNT)
            return true;
        sleep_ms(10);
    }
    return false;
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static int set_up(void **state)
{
    inner = NULL;
    only_view = NULL;
    only_kv = NULL;
    atomic_store(&only_txn, NULL);
    atomic_store(&no_room, false);
    make_trouble(TROUBLE_NONE, STATUS_OK);
    if (view_rig_set_up(state) != 0)
        return -1;
    struct view_rig *rig = *state;
    view_rig_wait(rig);
    view_rig_stop(rig);
    rig->config.store.open = open_kv;
    rig->config.retry_ms = RETRY_MS;
    return 0;
}

static int tear_down(void **state)
{
    make_trouble(TROUBLE_NONE, STATUS_OK);
    return view_rig_tear_down(state);
}

static void expect_refused(struct view_rig *rig, enum status wanted)
{
    char debit[64];
    enum status status;
    view_rig_debit(rig, 0, debit, &status);
    assert_int_equal(status, wanted);
}

static void stopped_views_go_on(struct view_rig *rig, enum trouble kind, enum status status)
{
    view_rig_start(rig);
    view_rig_wait(rig);
    uint64_t before = rig->appended;
    make_trouble(kind, status);
    view_rig_sell(rig, 100);
    view_rig_append_all(rig);
    assert_true(all_become(rig, VIEW_FAILED, 0));
    expect_refused(rig, STATUS_UNAVAILABLE);
    sleep_ms(10 * RETRY_MS); /* some tries */
    assert_true(all_become(rig, VIEW_FAILED, 0));
    for (unsigned id = 0; id < VIEW_COUNT; id++) {
        enum view_state state;
        uint64_t at;
        runner_view(rig->runner, id, &state, &at);
        assert_int_equal(at, before); /* nothing of a slice that failed */
    }
    make_trouble(TROUBLE_NONE, STATUS_OK);
    assert_true(all_become(rig, VIEW_READY, rig->appended));
    view_rig_expect_debit(rig, "182000.00");
}

/* The trial balance as of `before`, and why there is none as of a later record. */
static void expect_behind(struct view_rig *rig, uint64_t before, const char *debit)
{
    char said[64];
    enum status status;
    view_rig_debit(rig, 0, said, &status);
    assert_int_equal(status, STATUS_OK);
    assert_string_equal(said, debit);
    view_rig_debit(rig, before, said, &status);
    assert_int_equal(status, STATUS_OK);
    monotonic_us start = clock_monotonic(&system_clock);
    view_rig_debit(rig, before + 1, said, &status);
    assert_int_equal(status, STATUS_STALE);
    assert_true(clock_monotonic(&system_clock) - start < 5000000); /* at once: nothing is waited for */
    for (unsigned id = 0; id < VIEW_COUNT; id++) {
        enum view_state state;
        uint64_t at;
        runner_view(rig->runner, id, &state, &at);
        assert_int_equal(at, before); /* nothing of a slice that failed */
    }
}

static enum status ask_account(struct view_rig *rig, uint64_t at_least, char out[FAULT_TEXT_MAX],
                               uint64_t *out_position);

/* Without room views answer as of where they are. */
static void full_views_answer(struct view_rig *rig, enum trouble kind)
{
    char said[FAULT_TEXT_MAX];
    uint64_t position;
    rig->config.store.room = room;
    view_rig_start(rig);
    view_rig_wait(rig);
    uint64_t before = rig->appended;
    make_trouble(kind, STATUS_FULL);
    atomic_store(&no_room, kind == TROUBLE_NONE);
    view_rig_sell(rig, 100);
    view_rig_append_all(rig);
    assert_true(all_become(rig, VIEW_BEHIND, 0));
    unsigned so_far = atomic_load(&opened);
    expect_behind(rig, before, "181000.00");
    assert_int_equal(ask_account(rig, before, said, &position), STATUS_OK);
    assert_int_equal(position, before);
    assert_int_equal(ask_account(rig, before + 1, said, &position), STATUS_STALE);
    assert_non_null(strstr(said, "has stopped at record"));
    sleep_ms(10 * RETRY_MS); /* some tries */
    expect_behind(rig, before, "181000.00");
    assert_int_equal(atomic_load(&opened), so_far); /* what queries read is not closed */
    make_trouble(TROUBLE_NONE, STATUS_OK);
    atomic_store(&no_room, false);
    assert_true(all_become(rig, VIEW_READY, rig->appended));
    view_rig_expect_debit(rig, "182000.00");
}

static void a_full_disk_at_commit(void **state)
{
    full_views_answer(*state, TROUBLE_COMMIT);
}

static void a_full_map_at_put(void **state)
{
    full_views_answer(*state, TROUBLE_PUT);
}

static void no_room_to_begin(void **state)
{
    full_views_answer(*state, TROUBLE_BEGIN);
}

static void too_little_room_for_a_slice(void **state)
{
    full_views_answer(*state, TROUBLE_NONE);
}

/* Nothing is there to answer with. */
static void a_full_disk_while_built(void **state)
{
    struct view_rig *rig = *state;
    rig->config.distrust_environments = true;
    make_trouble(TROUBLE_COMMIT, STATUS_FULL);
    view_rig_start(rig);
    assert_true(all_become(rig, VIEW_FAILED, 0));
    expect_refused(rig, STATUS_UNAVAILABLE);
    make_trouble(TROUBLE_NONE, STATUS_OK);
    assert_true(all_become(rig, VIEW_READY, rig->appended));
    view_rig_expect_debit(rig, "181000.00");
}

static enum status ask_report(struct view_rig *rig, const char *name, uint64_t *out_position)
{
    struct question q;
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    char text[32];
    (void)snprintf(text, sizeof text, "%s", name);
    request.report = text;
    request.has_account = strcmp(name, "account-statement") == 0;
    request.account = 1110;
    question_open(&q, "Report.Run", &request.base);
    q.item.parts_max = 1;
    question_ask(rig, &q);
    enum status status = q.item.part_count != 0 ? q.item.parts[0].status : STATUS_END;
    *out_position = q.item.position;
    question_close(&q);
    return status;
}

/* The map of one view is full: the others go on, what reads it alone is answered as of its position, and sums that are
 * ahead of it are not mixed with it. */
static void one_full_map(void **state)
{
    struct view_rig *rig = *state;
    enum view_state view_state = VIEW_READY;
    uint64_t at, position;
    only_view = "statement";
    view_rig_start(rig);
    view_rig_wait(rig);
    uint64_t before = rig->appended;
    make_trouble(TROUBLE_COMMIT, STATUS_FULL);
    view_rig_sell(rig, 100);
    view_rig_append_all(rig);
    view_rig_wait(rig);
    runner_view(rig->runner, VIEW_STATEMENT, &view_state, &at);
    assert_int_equal(view_state, VIEW_BEHIND);
    assert_int_equal(at, before);
    view_rig_expect_debit(rig, "182000.00");
    assert_int_equal(ask_report(rig, "general-journal", &position), STATUS_OK);
    assert_int_equal(position, rig->appended);
    assert_int_equal(ask_report(rig, "account-statement", &position), STATUS_UNAVAILABLE);
    make_trouble(TROUBLE_NONE, STATUS_OK);
    assert_true(all_become(rig, VIEW_READY, rig->appended));
    assert_int_equal(ask_report(rig, "account-statement", &position), STATUS_OK);
    assert_int_equal(position, rig->appended);
}

/* The same of a view that is read with master rows only, which are ahead of it. */
static void one_full_map_beside_names(void **state)
{
    struct view_rig *rig = *state;
    uint64_t position;
    only_view = "journal";
    view_rig_start(rig);
    view_rig_wait(rig);
    uint64_t before = rig->appended;
    make_trouble(TROUBLE_COMMIT, STATUS_FULL);
    view_rig_sell(rig, 100);
    view_rig_append_all(rig);
    view_rig_wait(rig);
    assert_int_equal(ask_report(rig, "general-journal", &position), STATUS_OK);
    assert_int_equal(position, before);
    view_rig_expect_debit(rig, "182000.00");
    make_trouble(TROUBLE_NONE, STATUS_OK);
    assert_true(all_become(rig, VIEW_READY, rig->appended));
}

static void no_memory_at_begin(void **state)
{
    stopped_views_go_on(*state, TROUBLE_BEGIN, STATUS_NO_MEMORY);
}

static void a_fault_of_the_disk(void **state)
{
    stopped_views_go_on(*state, TROUBLE_COMMIT, STATUS_IO);
}

static void a_start_that_cannot_open(void **state)
{
    struct view_rig *rig = *state;
    make_trouble(TROUBLE_OPEN, STATUS_NO_MEMORY);
    view_rig_start(rig);
    assert_true(all_become(rig, VIEW_FAILED, 0));
    expect_refused(rig, STATUS_UNAVAILABLE);
    make_trouble(TROUBLE_NONE, STATUS_OK);
    assert_true(all_become(rig, VIEW_READY, rig->appended));
    assert_int_equal(atomic_load(&rig->built), 0); /* what was there is used */
    view_rig_expect_debit(rig, "181000.00");
}

/* What could not be synced is not trusted, and after a power cut nothing that was there before is. */
static void a_rebuild_that_cannot_be_synced(void **state)
{
    struct view_rig *rig = *state;
    rig->config.distrust_environments = true;
    make_trouble(TROUBLE_SYNC, STATUS_FULL);
    view_rig_start(rig);
    assert_true(all_become(rig, VIEW_FAILED, 0));
    sleep_ms(10 * RETRY_MS);
    make_trouble(TROUBLE_NONE, STATUS_OK);
    assert_true(all_become(rig, VIEW_READY, rig->appended));
    assert_int_equal(atomic_load(&rig->built), (1u << VIEW_COUNT) - 1);
    view_rig_expect_debit(rig, "181000.00");
}

/* A stop before what a power cut damaged could be dropped is no clean one. */
static void a_stop_in_distrust(void **state)
{
    struct view_rig *rig = *state;
    rig->config.distrust_environments = true;
    rig->config.store.remove = remove_fails;
    view_rig_start(rig);
    assert_true(all_become(rig, VIEW_FAILED, 0));
    assert_int_equal(runner_close(rig->runner), STATUS_IO);
    rig->config.store.remove = view_rig_store_remove;
    view_rig_start(rig);
    view_rig_wait(rig);
    assert_int_equal(atomic_load(&rig->built), (1u << VIEW_COUNT) - 1);
}

static void corrupt_views_are_not_tried_again(void **state)
{
    struct view_rig *rig = *state;
    view_rig_start(rig);
    view_rig_wait(rig);
    make_trouble(TROUBLE_COMMIT, STATUS_CORRUPT);
    view_rig_sell(rig, 1);
    view_rig_append_all(rig);
    assert_true(all_become(rig, VIEW_FAILED, 0));
    unsigned so_far = atomic_load(&opened);
    make_trouble(TROUBLE_NONE, STATUS_OK);
    sleep_ms(10 * RETRY_MS);
    assert_true(all_become(rig, VIEW_FAILED, 0));
    assert_int_equal(atomic_load(&opened), so_far);
    expect_refused(rig, STATUS_CORRUPT);
}

static enum status ask_account(struct view_rig *rig, uint64_t at_least, char out[FAULT_TEXT_MAX],
                               uint64_t *out_position)
{
    struct question q;
    Daftari__V1__ShowAccount request = DAFTARI__V1__SHOW_ACCOUNT__INIT;
    request.has_number = true;
    request.number = 1110;
    question_open(&q, "Account.Show", &request.base);
    q.item.at_least_position = at_least;
    question_ask(rig, &q);
    enum status status = q.part.status;
    *out_position = q.item.position;
    (void)snprintf(out, FAULT_TEXT_MAX, "%s", q.part.fault != NULL ? q.part.fault->text : "");
    question_close(&q);
    return status;
}

/* Rows that a query cannot read: the answer says which view, the view is out from then on, the others go on, and the
 * digests say of each what there is to say. */
static void unreadable(struct view_rig *rig, enum status as, const char *text)
{
    char said[FAULT_TEXT_MAX];
    uint64_t at;
    view_rig_start(rig);
    view_rig_wait(rig);
    make_trouble(TROUBLE_GET, as);
    assert_int_equal(ask_account(rig, 0, said, &at), as);
    assert_non_null(strstr(said, text));
    make_trouble(TROUBLE_NONE, STATUS_OK);
    enum view_state view_state = VIEW_READY;
    for (int tries = 0; tries < 1000 && view_state == VIEW_READY; tries++) {
        sleep_ms(10);
        runner_view(rig->runner, VIEW_MASTERS, &view_state, &at);
    }
    assert_int_equal(view_state, VIEW_FAILED);
    assert_int_equal(ask_account(rig, 0, said, &at), STATUS_CORRUPT);
    assert_non_null(strstr(said, "masters has stopped"));
    runner_view(rig->runner, VIEW_JOURNAL, &view_state, &at);
    assert_int_equal(view_state, VIEW_READY);

    struct question q;
    Daftari__V1__GetDigest request = DAFTARI__V1__GET_DIGEST__INIT;
    unsigned whole = 0, broken = 0;
    question_open(&q, "Log.Digest", &request.base);
    q.item.parts_max = VIEW_COUNT;
    question_ask(rig, &q);
    for (size_t i = 0; i < q.item.part_count && q.item.parts[i].status == STATUS_OK; i++) {
        Daftari__V1__ViewDigest *digest =
            daftari__v1__view_digest__unpack(NULL, q.item.parts[i].answer.len, q.item.parts[i].answer.ptr);
        assert_non_null(digest);
        assert_true(digest->has_digest == (digest->problem == NULL));
        whole += digest->has_digest != 0;
        broken += digest->problem != NULL && strcmp(digest->name, "masters") == 0;
        daftari__v1__view_digest__free_unpacked(digest, NULL);
    }
    question_close(&q);
    assert_int_equal(whole, VIEW_COUNT - 1);
    assert_int_equal(broken, 1);
}

static void rows_that_do_not_hold_together(void **state)
{
    unreadable(*state, STATUS_CORRUPT, "view masters does not hold together");
}

/* What LMDB says of a page that is damaged itself. */
static void a_page_that_cannot_be_read(void **state)
{
    unreadable(*state, STATUS_IO, "view masters: ");
}

/* Each try is later than the one before. */
static void tries_become_seldom(void **state)
{
    struct view_rig *rig = *state;
    view_rig_start(rig);
    view_rig_wait(rig);
    make_trouble(TROUBLE_BEGIN, STATUS_NO_MEMORY);
    view_rig_sell(rig, 1);
    view_rig_append_all(rig);
    assert_true(all_become(rig, VIEW_FAILED, 0));
    unsigned so_far = atomic_load(&opened);
    sleep_ms(40 * RETRY_MS);
    unsigned tries = (atomic_load(&opened) - so_far) / VIEW_COUNT;
    assert_in_range(tries, 1,
                    15); /* after 1, 3, 7, 15, 31 times RETRY_MS, and some more when the sleep was long */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_full_disk_at_commit),
        TEST(a_full_map_at_put),
        TEST(no_room_to_begin),
        TEST(too_little_room_for_a_slice),
        TEST(a_full_disk_while_built),
        TEST(one_full_map),
        TEST(one_full_map_beside_names),
        TEST(no_memory_at_begin),
        TEST(a_fault_of_the_disk),
        TEST(a_start_that_cannot_open),
        TEST(a_rebuild_that_cannot_be_synced),
        TEST(a_stop_in_distrust),
        TEST(tries_become_seldom),
        TEST(rows_that_do_not_hold_together),
        TEST(a_page_that_cannot_be_read),
        TEST(corrupt_views_are_not_tried_again),
    };
    diag_set_level(DIAG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
