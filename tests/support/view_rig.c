#include "tests/support/view_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "report.pb-c.h"
#include "server/base/kv_packed.h"
#include "server/base/system.h"
#include "server/log/log.h"
#include "server/store/kv_lmdb.h"
#include "tests/support/stores.h"

#define MAP_BYTES (UINT64_C(1) << 30)

/* ---- environments ---------------------------------------------------------------------------------------------------- */

void view_rig_path(const struct view_rig *rig, const char *name, char out[400])
{
    (void)snprintf(out, 400, "%s/%s", rig->path, name);
}

enum status view_rig_store_open(void *context, const char *name, const struct kv_table *tables,
                                unsigned count, struct kv **out, struct fault *why)
{
    char path[400];
    view_rig_path(context, name, path);
    struct kv_lmdb_options options = {.path = path,
                                      .tables = tables,
                                      .count = count,
                                      .map_bytes = MAP_BYTES,
                                      .readers_max = 16,
                                      .durability = KV_LMDB_DERIVED,
                                      .create = true};
    enum status status = kv_lmdb_open(&options, out, why);
    if (status == STATUS_OK)
        *out = kv_packed_new(*out, &(struct kv_packed_options){.tables = tables, .count = count});
    return *out == NULL ? STATUS_NO_MEMORY : status;
}

enum status view_rig_store_remove(void *context, const char *name)
{
    char path[400];
    view_rig_path(context, name, path);
    if (access(path, F_OK) == 0)
        scratch_remove(path);
    return STATUS_OK;
}

enum status view_rig_store_rename(void *context, const char *from, const char *to)
{
    char old_path[400], new_path[400];
    view_rig_path(context, from, old_path);
    view_rig_path(context, to, new_path);
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
    struct view_rig *rig = context;
    (void)position;
    if (state == VIEW_BUILDING)
        atomic_fetch_or(&rig->built, 1u << id);
    if (state == VIEW_FAILED)
        atomic_fetch_or(&rig->failed, 1u << id);
}

/* ---- the rig --------------------------------------------------------------------------------------------------------- */

void view_rig_command(struct world *world, const char *method, const char *text)
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

void view_rig_sell(struct view_rig *rig, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        view_rig_command(rig->world, "Entry.Post",
                         "{\"date\":\"2025-02-03\",\"business\":\"WTR\",\"description\":\"sale\",\"lines\":["
                         "{\"account\":1110,\"debit\":\"10.00\"},{\"account\":4100,\"credit\":\"10.00\"}]}");
}

void view_rig_append_bytes(struct view_rig *rig, const uint8_t *bytes, size_t len)
{
    struct hash hash;
    record_hash(slice_of(bytes, len), &hash);
    assert_int_equal(log_append(rig->log, slice_of(bytes, len), &hash), STATUS_OK);
}

void view_rig_append_all(struct view_rig *rig)
{
    for (; rig->appended < rig->world->record_count; rig->appended++)
        view_rig_append_bytes(rig, rig->world->records[rig->appended].bytes,
                              rig->world->records[rig->appended].len);
    assert_int_equal(log_commit(rig->log), STATUS_OK);
    if (rig->runner != NULL)
        runner_notify(rig->runner, rig->appended);
}

void view_rig_start(struct view_rig *rig)
{
    struct fault why = {0};
    atomic_store(&rig->built, 0);
    atomic_store(&rig->failed, 0);
    if (runner_open(&rig->config, &rig->runner, &why) != STATUS_OK)
        fail_msg("%s", why.text);
}

void view_rig_stop(struct view_rig *rig)
{
    assert_int_equal(runner_close(rig->runner), STATUS_OK);
    rig->runner = NULL;
}

int view_rig_set_up(void **state)
{
    struct view_rig *rig = calloc(1, sizeof *rig);
    struct fault why = {0};
    scratch_make(rig->path);
    struct kv *kv = store_disk(rig->path, "log", log_tables, LOG_TABLE_COUNT, MAP_BYTES, 32, false);
    assert_int_equal(log_over_kv_open(kv, &rig->log, &why), STATUS_OK);
    rig->world = world_new();
    view_rig_command(rig->world, "internal.OpenBooks",
                     "{\"name\":\"Test\",\"base_currency\":\"KES\",\"scale\":2,\"utc_offset_minutes\":180,"
                     "\"first_date\":\"2025-01-01\"}");
    if (!world_load(rig->world, "data/kenya-three-businesses.jsonl", NULL, NULL))
        return -1;
    view_rig_append_all(rig);
    rig->config = (struct runner_config){
        .log = rig->log,
        .store = {rig, view_rig_store_open, view_rig_store_remove, view_rig_store_rename, NULL},
        .clock = &system_clock,
        .slice_records = 16,
        .rights = rights_of,
        .hooks = {.context = rig, .view = view_hook},
    };
    view_rig_start(rig);
    *state = rig;
    return 0;
}

int view_rig_tear_down(void **state)
{
    struct view_rig *rig = *state;
    if (rig->runner != NULL)
        view_rig_stop(rig);
    log_close(rig->log);
    world_free(rig->world);
    scratch_remove(rig->path);
    free(rig);
    return 0;
}

/* ---- asking ---------------------------------------------------------------------------------------------------------- */

static void question_done(struct work_item *item)
{
    struct question *question = item->owner;
    pthread_mutex_lock(&question->lock);
    question->done = true;
    pthread_cond_signal(&question->answered);
    pthread_mutex_unlock(&question->lock);
}

void question_open(struct question *question, const char *method, const ProtobufCMessage *request)
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

void question_submit(struct view_rig *rig, struct question *question)
{
    struct work_sink *sink = runner_queries(rig->runner);
    question->done = false;
    assert_int_equal(sink->submit(sink, &question->item), STATUS_OK);
}

bool question_wait(struct question *question, int seconds)
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

void question_ask(struct view_rig *rig, struct question *question)
{
    question_submit(rig, question);
    assert_true(question_wait(question, 20));
}

void question_close(struct question *question)
{
    if (question->item.cursor != NULL)
        question->item.cursor_free(question->item.cursor);
    arena_free(question->item.arena);
    pthread_cond_destroy(&question->answered);
    pthread_mutex_destroy(&question->lock);
}

/* The total debit of the trial balance; known_at 0 = now. */
void view_rig_debit_at(struct view_rig *rig, uint64_t at_least, uint64_t known_at, char out[64],
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
    do
        question_ask(rig, &q);
    while (q.item.part_count == 0 && q.item.stream_more); /* it waits for its turn to replay */
    *status = q.item.part_count != 0 ? q.item.parts[0].status : STATUS_END;
    out[0] = '\0';
    if (*status == STATUS_OK) {
        Daftari__V1__ReportPart *part =
            daftari__v1__report_part__unpack(NULL, q.item.parts[0].answer.len, q.item.parts[0].answer.ptr);
        assert_non_null(part);
        (void)snprintf(out, 64, "%s", part->rows[part->n_rows - 1]->cells[6]);
        daftari__v1__report_part__free_unpacked(part, NULL);
        assert_true(q.item.position >= at_least);
        while (q.item.stream_more) { /* the step's time was over before its end was seen */
            question_ask(rig, &q);
            assert_int_equal(q.item.part_count, 0);
        }
    }
    question_close(&q);
}

void view_rig_debit(struct view_rig *rig, uint64_t at_least, char out[64], enum status *status)
{
    view_rig_debit_at(rig, at_least, 0, out, status);
}

void view_rig_expect_debit(struct view_rig *rig, const char *text)
{
    char debit[64];
    enum status status;
    view_rig_debit(rig, rig->appended, debit, &status);
    assert_int_equal(status, STATUS_OK);
    assert_string_equal(debit, text);
}

void view_rig_wait(struct view_rig *rig)
{
    assert_true(runner_wait(rig->runner, rig->appended, VIEW_RIG_WAIT_MS));
}
