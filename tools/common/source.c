#include "tools/common/source.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/cli.h"
#include "log.pb-c.h"
#include "server/base/system.h"
#include "server/log/log.h"
#include "server/store/data_folder.h"

#define STREAM_PARTS 8
#define READERS_MAX  16
#define FOLLOW_MAX   64 /* bytes of a packed FollowLog */

struct source {
    uint64_t position, until; /* last given, last wanted */
    /* a data folder */
    struct data_folder *folder;
    struct log *log;
    struct log_reader *reader;
    /* a server */
    struct cli cli; /* settings and connection as `daftari` has them */
    struct dft_stream *stream;
    Daftari__V1__LogPart *part;
    size_t part_next;
};

/* ---- a data folder --------------------------------------------------------------------------------------------- */

static enum status open_folder(struct source *source, const struct source_options *options, struct fault *why)
{
    struct data_folder_options with = {.path = options->data_dir,
                                       .master_key_file =
                                           options->master_key_file != NULL ? options->master_key_file : "",
                                       .entropy = &system_entropy,
                                       .read_only = true};
    struct data_folder_environment environment = {.name = "log",
                                                  .tables = log_tables,
                                                  .table_count = LOG_TABLE_COUNT,
                                                  .readers_max = READERS_MAX,
                                                  .durable = true};
    struct kv *kv;
    enum status status = data_folder_open(&with, &source->folder, why);
    if (status == STATUS_OK)
        status = data_folder_environment_open(source->folder, &environment, &kv, why);
    if (status == STATUS_OK)
        status = log_over_kv_open(kv, &source->log, why);
    if (status == STATUS_OK)
        status = log_reader_open(source->log, &source->reader);
    if (status != STATUS_OK)
        return status;
    struct log_head head;
    log_head(source->log, &head);
    if (source->until == 0 || source->until > head.size)
        source->until = head.size;
    return STATUS_OK;
}

/* ---- a server -------------------------------------------------------------------------------------------------- */

static enum status of_client(enum dft_status status, const struct dft_fault *fault, struct fault *why)
{
    if (status == DFT_OK)
        return STATUS_OK;
    return fault_set(why, (enum status)status, fault->field[0] != '\0' ? fault->field : NULL, "%s",
                     fault->text);
}

static enum status open_server(struct source *source, const struct source_options *options, struct fault *why)
{
    source->cli.server = options->server;
    if (options->ca_file != NULL)
        source->cli.ca_file = options->ca_file;
    if (options->home != NULL)
        source->cli.home_given = options->home;
    return cli_connect(&source->cli, why);
}

static enum status open_stream(struct source *source, struct fault *why)
{
    struct dft_fault fault = {0};
    uint8_t body[FOLLOW_MAX];
    Daftari__V1__FollowLog follow = DAFTARI__V1__FOLLOW_LOG__INIT;
    if (source->until != 0) {
        follow.has_to_position = 1;
        follow.to_position = source->until;
    }
    size_t len = daftari__v1__follow_log__pack(&follow, body);
    enum dft_status status = dft_stream_open(source->cli.client, "Log.Follow", body, len, STREAM_PARTS,
                                             DFT_FOREVER, &source->stream, &fault);
    return of_client(status, &fault, why);
}

static enum status next_part(struct source *source, struct fault *why)
{
    struct dft_answer answer;
    struct dft_fault fault = {0};
    if (source->part != NULL)
        daftari__v1__log_part__free_unpacked(source->part, NULL);
    source->part = NULL;
    source->part_next = 0;
    enum dft_status status = dft_stream_next(source->stream, DFT_FOREVER, &answer, &fault);
    if (status == DFT_END)
        return STATUS_END;
    if (status != DFT_OK)
        return of_client(status, &fault, why);
    source->part = daftari__v1__log_part__unpack(NULL, answer.body_len, answer.body);
    return source->part != NULL ? STATUS_OK
                                : fault_set(why, STATUS_CORRUPT, NULL, "the server sent what is no LogPart");
}

static enum status next_of_server(struct source *source, struct slice *out, struct fault *why)
{
    enum status opened = source->stream != NULL ? STATUS_OK : open_stream(source, why);
    if (opened != STATUS_OK)
        return opened;
    while (source->part == NULL || source->part_next == source->part->n_records) {
        enum status status = next_part(source, why);
        if (status != STATUS_OK)
            return status;
    }
    const ProtobufCBinaryData *record = &source->part->records[source->part_next++];
    *out = slice_of(record->data, record->len);
    source->position++;
    return STATUS_OK;
}

/* ---- either ------------------------------------------------------------------------------------------------------ */

enum status source_open(const struct source_options *options, struct source **out, struct fault *why)
{
    struct source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    settings_init(&source->cli);
    source->until = options->until;
    enum status status =
        options->data_dir != NULL ? open_folder(source, options, why) : open_server(source, options, why);
    if (status != STATUS_OK) {
        source_close(source);
        return status;
    }
    *out = source;
    return STATUS_OK;
}

void source_close(struct source *source)
{
    if (source == NULL)
        return;
    log_reader_close(source->reader);
    log_close(source->log);
    data_folder_close(source->folder, false);
    if (source->part != NULL)
        daftari__v1__log_part__free_unpacked(source->part, NULL);
    dft_stream_close(source->stream);
    settings_done(&source->cli);
    free(source);
}

enum status source_next(struct source *source, struct slice *out, struct fault *why)
{
    if (source->folder == NULL)
        return next_of_server(source, out, why);
    if (source->position >= source->until)
        return STATUS_END;
    enum status status = log_read(source->reader, source->position + 1, out, why);
    source->position += status == STATUS_OK;
    return status;
}

void source_end_at(struct source *source, uint64_t position)
{
    if (source->stream == NULL && (source->until == 0 || source->until > position))
        source->until = position;
}

struct dft_client *source_client(struct source *source)
{
    return source->cli.client;
}
