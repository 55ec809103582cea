#include "server/app/exports.h"

#include <stdio.h>

#include "log.pb-c.h"
#include "people.pb-c.h"
#include "proto/base/bug.h"
#include "proto/wire/arena.h"
#include "proto/wire/message.h"

#define MINUTE_US INT64_C(60000000)

/* One stream's record to be; lives in the stream's arena. */
struct export
{
    struct exports *exports;
    struct work_item item; /* internal.RecordExport */
    struct work_part part;
    struct work_item *stream;
    void (*done)(struct work_item * item); /* the stream's own, as is: */
    void *owner;
    struct work_part refusal; /* instead of its first step */
};

/* ---- how often ---- */

static bool may_export(struct exports *exports, uint32_t user)
{
    int64_t minute = clock_monotonic(exports->clock) / MINUTE_US;
    if (minute != exports->minute)
        exports->user_count = 0;
    exports->minute = minute;
    size_t i = 0;
    while (i < exports->user_count && exports->users[i].user != user)
        i++;
    if (i == EXPORT_USERS_MAX)
        return false;
    if (i == exports->user_count) {
        exports->users[i].user = user;
        exports->users[i].count = 0;
        exports->user_count++;
    }
    if (exports->users[i].count == EXPORTS_PER_MINUTE)
        return false;
    exports->users[i].count++;
    return true;
}

/* ---- the record ---- */

static void stream_done(struct export *export)
{
    struct work_item *stream = export->stream;
    stream->done = export->done;
    stream->owner = export->owner;
    stream->done(stream);
}

static void stream_refuse(struct export *export, enum status status, struct fault *fault)
{
    struct work_item *stream = export->stream;
    export->refusal = (struct work_part){.status = status, .fault = fault};
    stream->parts = &export->refusal;
    stream->part_count = 1;
    stream->stream_more = false;
}

/* The writer's thread: it is on disk, or will not be. */
static void record_done(struct work_item *item)
{
    struct export *export = item->owner;
    if (export->part.status != STATUS_OK)
        stream_refuse(export, export->part.status, export->part.fault);
    stream_done(export);
}

/* A reader's thread: the first step is there, and has not left yet. */
static void step_done(struct work_item *stream)
{
    struct export *export = stream->owner;
    struct work_sink *writer = export->exports->writer;
    bool leaves = stream->stream_more || (stream->part_count != 0 && stream->parts[0].status == STATUS_OK);
    if (leaves) {
        enum status status = writer->submit(writer, &export->item);
        if (status == STATUS_OK)
            return;
        stream_refuse(export, status, NULL);
    }
    stream_done(export);
}

static enum status parameters_text(struct work_item *stream, char *out, size_t size)
{
    ProtobufCMessage *message;
    struct fault why = {0};
    enum status status = message_unpack(stream->method->request, stream->parts[0].body, true,
                                        arena_allocator(stream->arena), &message, &why);
    if (status != STATUS_OK)
        return status;
    const Daftari__V1__FollowLog *asked = (const Daftari__V1__FollowLog *)message;
    unsigned long long from = asked->has_from_position ? asked->from_position : 1;
    const char *wait = asked->wait ? ", and what comes" : "";
    if (asked->has_to_position)
        snprintf(out, size, "from %llu to %llu%s", from, (unsigned long long)asked->to_position, wait);
    else
        snprintf(out, size, "from %llu%s", from, wait);
    return STATUS_OK;
}

static enum status export_make(struct exports *exports, struct work_item *stream, struct export **out)
{
    char parameters[128];
    enum status status = parameters_text(stream, parameters, sizeof parameters);
    if (status != STATUS_OK)
        return status;
    struct export *export = arena_take_zero(stream->arena, sizeof *export);
    if (export == NULL)
        return STATUS_NO_MEMORY;
    Daftari__V1__DataExported command = DAFTARI__V1__DATA_EXPORTED__INIT;
    char what[METHOD_NAME_MAX + 1];
    snprintf(what, sizeof what, "%s", stream->method->name);
    command.what = what;
    command.parameters = parameters;
    size_t len = protobuf_c_message_get_packed_size(&command.base);
    uint8_t *body = arena_take(stream->arena, len);
    if (body == NULL)
        return STATUS_NO_MEMORY;
    export->part.body = slice_of(body, protobuf_c_message_pack(&command.base, body));
    export->item = (struct work_item){.method = exports->record,
                                      .actor = stream->actor,
                                      .arena = stream->arena,
                                      .parts = &export->part,
                                      .part_count = 1,
                                      .deadline = stream->deadline,
                                      .from_server = true,
                                      .done = record_done,
                                      .owner = export};
    export->exports = exports;
    export->stream = stream;
    export->done = stream->done;
    export->owner = stream->owner;
    *out = export;
    return STATUS_OK;
}

/* ---- the sink ---- */

static enum status exports_submit(struct work_sink *sink, struct work_item *item)
{
    struct exports *exports = (struct exports *)(void *)sink;
    if (item->method != exports->follow || item->cursor != NULL)
        return exports->queries->submit(exports->queries, item);
    if (!may_export(exports, item->actor.user))
        return STATUS_BUSY;
    struct export *export;
    enum status status = export_make(exports, item, &export);
    if (status != STATUS_OK)
        return status;
    item->done = step_done;
    item->owner = export;
    status = exports->queries->submit(exports->queries, item);
    if (status != STATUS_OK) {
        item->done = export->done;
        item->owner = export->owner;
    }
    return status;
}

void exports_init(struct exports *exports, struct work_sink *queries, struct work_sink *writer,
                  const struct clock *clock)
{
    *exports = (struct exports){.sink.submit = exports_submit,
                                .queries = queries,
                                .writer = writer,
                                .clock = clock,
                                .follow = domain_method(slice_text("Log.Follow")),
                                .record = domain_method(slice_text("internal.RecordExport"))};
    ASSERT(exports->follow != NULL && exports->record != NULL);
}
