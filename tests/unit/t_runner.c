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
#include "server/log/log.h"
#include "server/store/kv_lmdb.h"
#include "server/views/runner.h"
#include "tests/support/scratch.h"
#include "tests/support/world.h"
#include "type_ids.h"

#define MAP_BYTES (UINT64_C(1) << 30)
#define WAIT_MS   20000

struct rig {
    char path[SCRATCH_PATH_MAX];
    struct world *world;
    struct log *log;
    uint64_t appended; /* records of the world that are in the log */
    struct runner *runner;
    struct runner_config config;
    atomic_uint built; /* bit by view: put in place by this runner after building */
    atomic_uint failed;
};

/* ---- environments ---------------------------------------------------------------------------------------------------- */

static void view_path(const struct rig *rig, const char *name, char out[400])
{
    (void)snprintf(out, 400, "%s/%s", rig->path, name);
}

static enum status store_open(void *context, const char *name, const struct kv_table *tables, unsigned count,
                              struct kv **out, struct fault *why)
{
    char path[400];
    view_path(context, name, path);
    struct kv_lmdb_options options = {.path = path,
                                      .tables = tables,
                                      .count = count,
                                      .map_bytes = MAP_BYTES,
                                      .readers_max = 16,
                                      .durability = KV_LMDB_DERIVED,
                                      .create = true};
    return kv_lmdb_open(&options, out, why);
}

static enum status store_remove(void *context, const char *name)
{
    char path[400];
    view_path(context, name, path);
    if (access(path, F_OK) == 0)
        scratch_remove(path);
    return STATUS_OK;
}

static enum status store_rename(void *context, const char *from, const char *to)
{
    char old_path[400], new_path[400];
    view_path(context, from, old_path);
    view_path(context, to, new_path);
    return rename(old_path, new_path) == 0 ? STATUS_OK : STATUS_IO;
}

static enum status rights_of(void *context, uint32_t user, struct rights *out)
{
    (void)context;
    if (user != 1 && user != 3)
        return STATUS_UNAUTHENTICATED;
    *out = *world_owner_rights();
    if (user == 3) /* every permission, one business */
        *out = (struct rights){.active = true, .may_read = {2}, .may_write = {2}};
    memcpy(out->level, world_owner_rights()->level, sizeof out->level);
    return STATUS_OK;
}

static void view_hook(void *context, enum view_id id, enum view_state state, uint64_t position)
{
    struct rig *rig = context;
    (void)position;
    if (state == VIEW_BUILDING)
        atomic_fetch_or(&rig->built, 1u << id);
    if (state == VIEW_FAILED)
        atomic_fetch_or(&rig->failed, 1u << id);
}

/* ---- the rig --------------------------------------------------------------------------------------------------------- */

static void command(struct world *world, const char *method, const char *text)
{
    struct world_actor owner = {.user = 0};
    struct world_answer answer;
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    assert_non_null(json);
    assert_true(world_command_json(world, &owner, method, json, &answer));
    if (answer.status != STATUS_OK)
        fail_msg("%s: %s", method, answer.fault.text);
    json_decref(json);
}

static void sell(struct rig *rig, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        command(rig->world, "Entry.Post",
                "{\"date\":\"2025-02-03\",\"business\":\"WTR\",\"description\":\"sale\",\"lines\":["
                "{\"account\":1110,\"debit\":\"10.00\"},{\"account\":4100,\"credit\":\"10.00\"}]}");
}

static void append_bytes(struct rig *rig, const uint8_t *bytes, size_t len)
{
    struct hash hash;
    record_hash(slice_of(bytes, len), &hash);
    assert_int_equal(log_append(rig->log, slice_of(bytes, len), &hash), STATUS_OK);
}

static void append_all(struct rig *rig)
{
    for (; rig->appended < rig->world->record_count; rig->appended++)
        append_bytes(rig, rig->world->records[rig->appended].bytes, rig->world->records[rig->appended].len);
    assert_int_equal(log_commit(rig->log), STATUS_OK);
    if (rig->runner != NULL)
        runner_notify(rig->runner, rig->appended);
}

static void runner_start(struct rig *rig)
{
    struct fault why = {0};
    atomic_store(&rig->built, 0);
    atomic_store(&rig->failed, 0);
    if (runner_open(&rig->config, &rig->runner, &why) != STATUS_OK)
        fail_msg("%s", why.text);
}

static void runner_stop(struct rig *rig)
{
    assert_int_equal(runner_close(rig->runner), STATUS_OK);
    rig->runner = NULL;
}

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    struct kv *kv;
    struct fault why = {0};
    char path[400];
    scratch_make(rig->path);
    view_path(rig, "log", path);
    struct kv_lmdb_options options = {.path = path,
                                      .tables = log_tables,
                                      .count = LOG_TABLE_COUNT,
                                      .map_bytes = MAP_BYTES,
                                      .readers_max = 32,
                                      .durability = KV_LMDB_DERIVED,
                                      .create = true};
    assert_int_equal(kv_lmdb_open(&options, &kv, &why), STATUS_OK);
    assert_int_equal(log_over_kv_open(kv, &rig->log, &why), STATUS_OK);
    rig->world = world_new();
    command(rig->world, "internal.OpenBooks",
            "{\"name\":\"Test\",\"base_currency\":\"KES\",\"scale\":2,\"utc_offset_minutes\":180,"
            "\"first_date\":\"2025-01-01\"}");
    if (!world_load(rig->world, "data/kenya-three-businesses.jsonl", NULL, NULL))
        return -1;
    append_all(rig);
    rig->config = (struct runner_config){
        .log = rig->log,
        .store = {rig, store_open, store_remove, store_rename},
        .clock = &system_clock,
        .slice_records = 16,
        .rights = rights_of,
        .hooks = {.context = rig, .view = view_hook},
    };
    runner_start(rig);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    if (rig->runner != NULL)
        runner_stop(rig);
    log_close(rig->log);
    world_free(rig->world);
    scratch_remove(rig->path);
    free(rig);
    return 0;
}

/* ---- asking ---------------------------------------------------------------------------------------------------------- */

struct question {
    struct work_item item;
    struct work_part part;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool done;
};

static void question_done(struct work_item *item)
{
    struct question *question = item->owner;
    pthread_mutex_lock(&question->lock);
    question->done = true;
    pthread_cond_signal(&question->answered);
    pthread_mutex_unlock(&question->lock);
}

static void question_open(struct question *question, const char *method, const ProtobufCMessage *request)
{
    *question = (struct question){0};
    pthread_mutex_init(&question->lock, NULL);
    pthread_cond_init(&question->answered, NULL);
    struct work_item *item = &question->item;
    item->method = domain_method(slice_text(method));
    assert_non_null(item->method);
    item->actor.user = 1;
    item->arena = arena_new(1024 * 1024);
    item->parts = &question->part;
    item->part_count = 1;
    item->done = question_done;
    item->owner = question;
    size_t len = protobuf_c_message_get_packed_size(request);
    uint8_t *body = arena_take(item->arena, len + 1);
    protobuf_c_message_pack(request, body);
    question->part.body = slice_of(body, len);
}

static void question_submit(struct rig *rig, struct question *question)
{
    struct work_sink *sink = runner_queries(rig->runner);
    question->done = false;
    assert_int_equal(sink->submit(sink, &question->item), STATUS_OK);
}

static bool question_wait(struct question *question, int seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&question->lock);
    int late = 0;
    while (!question->done && late == 0)
        late = pthread_cond_timedwait(&question->answered, &question->lock, &until);
    bool done = question->done;
    pthread_mutex_unlock(&question->lock);
    return done;
}

static void question_ask(struct rig *rig, struct question *question)
{
    question_submit(rig, question);
    assert_true(question_wait(question, 20));
}

static void question_close(struct question *question)
{
    if (question->item.cursor != NULL)
        question->item.cursor_free(question->item.cursor);
    arena_free(question->item.arena);
    pthread_cond_destroy(&question->answered);
    pthread_mutex_destroy(&question->lock);
}

/* The total debit of the trial balance; known_at 0 = now. */
static void total_debit_at(struct rig *rig, uint64_t at_least, uint64_t known_at, char out[64],
                           enum status *status)
{
    struct question q;
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    char name[] = "trial-balance";
    request.report = name;
    request.has_known_at_position = known_at != 0;
    request.known_at_position = known_at;
    question_open(&q, "Report.Run", &request.base);
    q.item.at_least_position = at_least;
    q.item.parts_max = 4;
    question_ask(rig, &q);
    *status = q.item.part_count != 0 ? q.item.parts[0].status : STATUS_END;
    out[0] = '\0';
    if (*status == STATUS_OK) {
        Daftari__V1__ReportPart *part =
            daftari__v1__report_part__unpack(NULL, q.item.parts[0].answer.len, q.item.parts[0].answer.ptr);
        assert_non_null(part);
        (void)snprintf(out, 64, "%s", part->rows[part->n_rows - 1]->cells[6]);
        daftari__v1__report_part__free_unpacked(part, NULL);
        assert_true(q.item.position >= at_least);
        assert_false(q.item.stream_more);
    }
    question_close(&q);
}

static void total_debit(struct rig *rig, uint64_t at_least, char out[64], enum status *status)
{
    total_debit_at(rig, at_least, 0, out, status);
}

static void expect_debit(struct rig *rig, const char *text)
{
    char debit[64];
    enum status status;
    total_debit(rig, rig->appended, debit, &status);
    assert_int_equal(status, STATUS_OK);
    assert_string_equal(debit, text);
}

static void wait_for_all(struct rig *rig)
{
    assert_true(runner_wait(rig->runner, rig->appended, WAIT_MS));
}

/* Opens a view's environment while the runner is down, and hands it over for writing. */
static void with_environment(struct rig *rig, enum view_id id, void (*change)(struct kv_txn *txn))
{
    struct kv *kv;
    struct kv_txn *txn;
    struct fault why = {0};
    assert_int_equal(store_open(rig, views[id]->name, views[id]->tables, views[id]->table_count, &kv, &why),
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

static void views_follow_the_log(void **state)
{
    struct rig *rig = *state;
    wait_for_all(rig);
    assert_int_equal(atomic_load(&rig->failed), 0);
    expect_debit(rig, "181000.00");
    sell(rig, 100);
    append_all(rig);
    expect_debit(rig, "182000.00"); /* at least the position: one reads one's own writes */
    assert_int_equal(runner_position(rig->runner), rig->appended);
}

static void a_restart_goes_on_where_it_was(void **state)
{
    struct rig *rig = *state;
    wait_for_all(rig);
    assert_int_equal(atomic_load(&rig->built), (1u << VIEW_COUNT) - 1);
    runner_stop(rig);
    sell(rig, 5);
    append_all(rig);
    runner_start(rig);
    wait_for_all(rig);
    assert_int_equal(atomic_load(&rig->built), 0);
    expect_debit(rig, "181050.00");
}

static void expect_rebuild(struct rig *rig, unsigned built, const char *debit)
{
    runner_start(rig);
    wait_for_all(rig);
    assert_int_equal(atomic_load(&rig->built), built);
    assert_int_equal(atomic_load(&rig->failed), 0);
    expect_debit(rig, debit);
    runner_stop(rig);
}

static void views_are_rebuilt_when_they_must(void **state)
{
    struct rig *rig = *state;
    wait_for_all(rig);
    runner_stop(rig);
    with_environment(rig, VIEW_BALANCES, forged_balance);
    expect_rebuild(rig, 1u << VIEW_BALANCES, "181000.00");
    with_environment(rig, VIEW_JOURNAL, other_hash);
    expect_rebuild(rig, 1u << VIEW_JOURNAL, "181000.00");
    assert_int_equal(store_remove(rig, "balances"), STATUS_OK);
    assert_int_equal(store_remove(rig, "masters"), STATUS_OK);
    expect_rebuild(rig, 1u << VIEW_BALANCES | 1u << VIEW_MASTERS, "181000.00");
    expect_rebuild(rig, 0, "181000.00");
    rig->config.distrust_environments = true;
    expect_rebuild(rig, (1u << VIEW_COUNT) - 1, "181000.00");
    char path[400];
    struct stat info;
    view_path(rig, "balances.new", path);
    assert_int_not_equal(stat(path, &info), 0);
}

static void a_later_position_is_waited_for(void **state)
{
    struct rig *rig = *state;
    struct question q;
    Daftari__V1__ShowAccount request = DAFTARI__V1__SHOW_ACCOUNT__INIT;
    request.has_number = true;
    request.number = 1110;
    wait_for_all(rig);
    question_open(&q, "Account.Show", &request.base);
    q.item.at_least_position = rig->appended + 1;
    question_submit(rig, &q);
    assert_false(question_wait(&q, 1));
    assert_int_equal(runner_queue_depth(rig->runner), 1);
    sell(rig, 1);
    append_all(rig);
    assert_true(question_wait(&q, 20));
    assert_int_equal(q.part.status, STATUS_OK);
    assert_int_equal(q.item.position, rig->appended);
    question_close(&q);

    question_open(&q, "Account.Show", &request.base);
    q.item.at_least_position = rig->appended + 1;
    q.item.deadline = clock_monotonic(&system_clock) + 50000;
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
    struct rig *rig = *state;
    struct question q;
    Daftari__V1__ListReports request = DAFTARI__V1__LIST_REPORTS__INIT;
    wait_for_all(rig);
    question_open(&q, "Report.List", &request.base);
    q.item.at_least_position = rig->appended + 1000;
    question_submit(rig, &q);
    assert_false(question_wait(&q, 1));
    runner_stop(rig);
    assert_true(question_wait(&q, 1));
    assert_int_equal(q.part.status, STATUS_UNAVAILABLE);
    question_close(&q);
}

static void streams_come_in_steps(void **state)
{
    struct rig *rig = *state;
    struct question q;
    Daftari__V1__ListAccounts request = DAFTARI__V1__LIST_ACCOUNTS__INIT;
    wait_for_all(rig);
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
        assert_true(credits[c] < 64 || steps <= 3);
    }
}

static void a_follower_gets_what_comes(void **state)
{
    struct rig *rig = *state;
    struct question q;
    Daftari__V1__FollowLog request = DAFTARI__V1__FOLLOW_LOG__INIT;
    request.has_wait = request.wait = true;
    wait_for_all(rig);
    question_open(&q, "Log.Follow", &request.base);
    uint64_t next = 1;
    unsigned empty = 0;
    while (next <= rig->appended + 3) {
        q.item.parts_max = 1;
        q.item.deadline = clock_monotonic(&system_clock) + 300000;
        question_ask(rig, &q);
        assert_true(q.item.stream_more);
        if (q.item.part_count == 0) {    /* all there is was given: more is made */
            if (next <= rig->appended) { /* the views are on their way */
                assert_true(++empty < 100);
                continue;
            }
            if (rig->appended >= 110)
                break;
            sell(rig, 3);
            append_all(rig);
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

/* Records are of every business, whole. */
static void a_follower_may_read_every_business(void **state)
{
    struct rig *rig = *state;
    struct question q;
    Daftari__V1__FollowLog request = DAFTARI__V1__FOLLOW_LOG__INIT;
    wait_for_all(rig);
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
    struct rig *rig = *state;
    struct question q;
    struct hash proof[TREE_PROOF_MAX], root, leaf, log_root_now;
    Daftari__V1__GetInclusion request = DAFTARI__V1__GET_INCLUSION__INIT;
    wait_for_all(rig);
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
    struct rig *rig = *state;
    char debit[64];
    enum status status;
    uint64_t start = rig->appended;
    sell(rig, 50);
    append_all(rig);
    wait_for_all(rig);
    static const struct {
        uint64_t after;
        const char *debit;
    } asked[] = {{0, "181000.00"}, {10, "181100.00"}, {49, "181490.00"}, {3, "181030.00"}, {50, "181500.00"}};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        total_debit_at(rig, rig->appended, start + asked[i].after, debit, &status);
        assert_int_equal(status, STATUS_OK);
        assert_string_equal(debit, asked[i].debit);
    }
    runner_stop(rig);
    rig->config.replay_memory_bytes = 1000;
    runner_start(rig);
    wait_for_all(rig);
    total_debit_at(rig, rig->appended, start, debit, &status);
    assert_int_equal(status, STATUS_TOO_LARGE);
    expect_debit(rig, "181500.00");
}

/* A record of a type that the domain does not know: the views that must understand it stop, the others go on. */
static void a_view_that_fails_stops_alone(void **state)
{
    struct rig *rig = *state;
    char debit[64];
    enum status status;
    wait_for_all(rig);
    struct record_header header = world_record_at(rig->world, rig->appended).header;
    header.type = 9999;
    header.position = rig->appended + 1;
    header.previous = rig->world->last;
    uint8_t bytes[RECORD_HEADER_BYTES];
    record_encode(&header, NULL, 0, NULL, 0, (struct slice){0}, bytes);
    append_bytes(rig, bytes, sizeof bytes);
    append_all(rig);
    assert_true(runner_wait(rig->runner, header.position, WAIT_MS));
    assert_int_equal(atomic_load(&rig->failed), 1u << VIEW_MASTERS | 1u << VIEW_AUDIT);
    enum view_state view_state;
    uint64_t position;
    runner_view(rig->runner, VIEW_BALANCES, &view_state, &position);
    assert_int_equal(view_state, VIEW_READY);
    assert_int_equal(position, header.position);
    runner_view(rig->runner, VIEW_MASTERS, &view_state, &position);
    assert_int_equal(view_state, VIEW_FAILED);
    total_debit(rig, 0, debit, &status);
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
    struct rig *rig;
    pthread_t thread;
};

static void *asker_run(void *context)
{
    struct asker *asker = context;
    for (int i = 0; i < 20; i++) {
        char debit[64];
        enum status status;
        total_debit(asker->rig, 0, debit, &status);
        assert_int_equal(status, STATUS_OK);
    }
    return NULL;
}

static void readers_and_writer_together(void **state)
{
    struct rig *rig = *state;
    struct asker askers[4];
    wait_for_all(rig);
    for (size_t i = 0; i < 4; i++) {
        askers[i].rig = rig;
        assert_int_equal(pthread_create(&askers[i].thread, NULL, asker_run, &askers[i]), 0);
    }
    for (int i = 0; i < 20; i++) {
        sell(rig, 5);
        append_all(rig);
    }
    for (size_t i = 0; i < 4; i++)
        pthread_join(askers[i].thread, NULL);
    expect_debit(rig, "182000.00");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(views_follow_the_log),
        TEST(a_restart_goes_on_where_it_was),
        TEST(views_are_rebuilt_when_they_must),
        TEST(a_later_position_is_waited_for),
        TEST(waiting_queries_are_answered_at_the_end),
        TEST(streams_come_in_steps),
        TEST(a_follower_gets_what_comes),
        TEST(a_follower_may_read_every_business),
        TEST(proofs_hold),
        TEST(the_past_is_replayed),
        TEST(a_view_that_fails_stops_alone),
        TEST(readers_and_writer_together),
    };
    diag_set_level(DIAG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
