/* server/app/exports: which streams are written down, when, under whose name, and how often at most. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "log.pb-c.h"
#include "people.pb-c.h"
#include "proto/wire/arena.h"
#include "server/app/exports.h"

#define AUDITOR 5u

static monotonic_us now;
static monotonic_us fake_monotonic(const struct clock *clock)
{
    (void)clock;
    return now;
}
static const struct clock fake_clock = {.monotonic = fake_monotonic};

struct fake_sink {
    struct work_sink sink;
    struct work_item *item; /* taken last */
    size_t taken;
    enum status answer; /* of submit */
};
static struct fake_sink queries, writer;
static struct exports exports;
static size_t done;

static enum status fake_submit(struct work_sink *sink, struct work_item *item)
{
    struct fake_sink *fake = (struct fake_sink *)(void *)sink;
    if (fake->answer != STATUS_OK)
        return fake->answer;
    fake->item = item;
    fake->taken++;
    return STATUS_OK;
}

static void stream_done(struct work_item *item)
{
    assert_ptr_equal(item->owner, &done);
    done++;
}

static int setup(void **state)
{
    queries = writer = (struct fake_sink){.sink.submit = fake_submit};
    now = 1000;
    done = 0;
    exports_init(&exports, &queries.sink, &writer.sink, &fake_clock);
    *state = arena_new(1u << 20);
    return *state == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static struct work_item *stream_new(struct arena *arena, const char *method,
                                    const Daftari__V1__FollowLog *asked)
{
    struct work_item *item = arena_take_zero(arena, sizeof *item);
    item->parts = arena_take_zero(arena, sizeof *item->parts);
    uint8_t *body = arena_take(arena, 64);
    item->parts[0].body = slice_of(body, protobuf_c_message_pack(&asked->base, body));
    item->part_count = 1;
    item->method = domain_method(slice_text(method));
    item->arena = arena;
    item->actor.user = AUDITOR;
    item->actor.session = 77;
    item->done = stream_done;
    item->owner = &done;
    return item;
}

/* The readers give a step of `count` good parts, or one that is `refused`. */
static struct work_part parts[3];
static void step(struct work_item *item, size_t count, bool more, enum status refused)
{
    memset(parts, 0, sizeof parts);
    parts[0].status = refused;
    item->cursor = &parts;
    item->parts = parts;
    item->part_count = count;
    item->stream_more = more;
    item->done(item);
}

static void recorded(enum status status)
{
    writer.item->parts[0].status = status;
    writer.item->done(writer.item);
}

static Daftari__V1__DataExported *exported(void)
{
    Daftari__V1__DataExported *said = daftari__v1__data_exported__unpack(NULL, writer.item->parts[0].body.len,
                                                                         writer.item->parts[0].body.ptr);
    assert_non_null(said);
    return said;
}

static void it_is_on_record_before_it_leaves(void **state)
{
    Daftari__V1__FollowLog asked = DAFTARI__V1__FOLLOW_LOG__INIT;
    asked.has_from_position = asked.has_to_position = asked.has_wait = true;
    asked.from_position = 3;
    asked.to_position = 9;
    asked.wait = true;
    struct work_item *item = stream_new(*state, "Log.Follow", &asked);
    assert_int_equal(exports.sink.submit(&exports.sink, item), STATUS_OK);
    assert_ptr_equal(queries.item, item);
    assert_int_equal(writer.taken, 0);
    step(item, 2, true, STATUS_OK);
    assert_int_equal(done, 0); /* not before it is written down */
    assert_int_equal(writer.taken, 1);
    assert_string_equal(writer.item->method->name, "internal.RecordExport");
    assert_true(writer.item->from_server);
    assert_int_equal(writer.item->actor.user, AUDITOR);
    assert_int_equal(writer.item->actor.session, 77);
    Daftari__V1__DataExported *said = exported();
    assert_string_equal(said->what, "Log.Follow");
    assert_string_equal(said->parameters, "from 3 to 9, and what comes");
    daftari__v1__data_exported__free_unpacked(said, NULL);
    recorded(STATUS_OK);
    assert_int_equal(done, 1);
    assert_ptr_equal(item->parts, parts);
    assert_int_equal(item->part_count, 2);
    assert_true(item->stream_more);

    assert_int_equal(exports.sink.submit(&exports.sink, item), STATUS_OK); /* its next step */
    step(item, 1, false, STATUS_OK);
    assert_int_equal(done, 2);
    assert_int_equal(writer.taken, 1);
}

static void a_stream_that_only_waits_is_one(void **state)
{
    Daftari__V1__FollowLog asked = DAFTARI__V1__FOLLOW_LOG__INIT;
    struct work_item *item = stream_new(*state, "Log.Follow", &asked);
    assert_int_equal(exports.sink.submit(&exports.sink, item), STATUS_OK);
    step(item, 0, true, STATUS_OK);
    Daftari__V1__DataExported *said = exported();
    assert_string_equal(said->parameters, "from 1");
    daftari__v1__data_exported__free_unpacked(said, NULL);
    recorded(STATUS_OK);
    assert_int_equal(done, 1);
}

static void what_does_not_leave_is_none(void **state)
{
    Daftari__V1__FollowLog asked = DAFTARI__V1__FOLLOW_LOG__INIT;
    struct work_item *item = stream_new(*state, "Log.Follow", &asked);
    assert_int_equal(exports.sink.submit(&exports.sink, item), STATUS_OK);
    step(item, 1, false, STATUS_DENIED);
    assert_int_equal(done, 1);
    assert_int_equal(item->parts[0].status, STATUS_DENIED);
    item = stream_new(*state, "Log.Follow", &asked);
    assert_int_equal(exports.sink.submit(&exports.sink, item), STATUS_OK);
    step(item, 0, false, STATUS_OK); /* nothing there */
    assert_int_equal(done, 2);
    item = stream_new(*state, "Log.Digest", &asked); /* no records in it */
    assert_int_equal(exports.sink.submit(&exports.sink, item), STATUS_OK);
    step(item, 1, true, STATUS_OK);
    assert_int_equal(done, 3);
    queries.answer = STATUS_BUSY;
    item = stream_new(*state, "Log.Follow", &asked);
    assert_int_equal(exports.sink.submit(&exports.sink, item), STATUS_BUSY);
    assert_ptr_equal(item->owner, &done); /* as it was */
    assert_ptr_equal(item->done, stream_done);
    assert_int_equal(writer.taken, 0);
}

static void what_cannot_be_recorded_does_not_leave(void **state)
{
    Daftari__V1__FollowLog asked = DAFTARI__V1__FOLLOW_LOG__INIT;
    struct work_item *item = stream_new(*state, "Log.Follow", &asked);
    assert_int_equal(exports.sink.submit(&exports.sink, item), STATUS_OK);
    step(item, 2, true, STATUS_OK);
    recorded(STATUS_UNAVAILABLE);
    assert_int_equal(done, 1);
    assert_int_equal(item->part_count, 1);
    assert_int_equal(item->parts[0].status, STATUS_UNAVAILABLE);
    assert_int_equal(item->parts[0].answer.len, 0);
    assert_false(item->stream_more);
    writer.answer = STATUS_BUSY;
    item = stream_new(*state, "Log.Follow", &asked);
    assert_int_equal(exports.sink.submit(&exports.sink, item), STATUS_OK);
    step(item, 2, true, STATUS_OK);
    assert_int_equal(done, 2);
    assert_int_equal(item->part_count, 1);
    assert_int_equal(item->parts[0].status, STATUS_BUSY);
}

static void nobody_fills_the_log_with_them(void **state)
{
    Daftari__V1__FollowLog asked = DAFTARI__V1__FOLLOW_LOG__INIT;
    for (unsigned i = 0; i < EXPORTS_PER_MINUTE + 5; i++) {
        struct work_item *item = stream_new(*state, "Log.Follow", &asked);
        assert_int_equal(exports.sink.submit(&exports.sink, item),
                         i < EXPORTS_PER_MINUTE ? STATUS_OK : STATUS_BUSY);
    }
    struct work_item *other = stream_new(*state, "Log.Follow", &asked);
    for (uint32_t user = AUDITOR + 1; user < AUDITOR + 10 + EXPORT_USERS_MAX; user++) {
        other->actor.user = user;
        other->cursor = NULL;
        other->done = stream_done;
        other->owner = &done;
        assert_int_equal(exports.sink.submit(&exports.sink, other),
                         user < AUDITOR + EXPORT_USERS_MAX ? STATUS_OK : STATUS_BUSY);
    }
    now += 60000000;
    assert_int_equal(exports.sink.submit(&exports.sink, stream_new(*state, "Log.Follow", &asked)), STATUS_OK);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(it_is_on_record_before_it_leaves), CASE(a_stream_that_only_waits_is_one),
        CASE(what_does_not_leave_is_none),      CASE(what_cannot_be_recorded_does_not_leave),
        CASE(nobody_fills_the_log_with_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
