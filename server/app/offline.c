#include "server/app/offline.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/bug.h"
#include "server/base/secret.h"
#include "server/base/system.h"

#define ITEM_ARENA_BYTES (1024u * 1024u)
#define BODY_BYTES_MAX   16384

__attribute__((noreturn)) static void offline_fatal(void *context, const struct fault *fault)
{
    const struct stores *stores = context;
    const struct offline *books = (const void *)((const char *)stores - offsetof(struct offline, stores));
    fprintf(stderr, "%s: %s: %s\n", books->program, status_name(fault->status), fault->text);
    _exit(1);
}

enum status offline_open(const struct config *config, bool create, const char *program, struct offline *out,
                         struct fault *why)
{
    memset(out, 0, sizeof *out);
    out->program = program;
    enum status status = stores_open(config, create, &out->stores, why);
    if (status != STATUS_OK)
        return status;
    status = stores_fold(&out->stores, NULL, why);
    if (status != STATUS_OK) {
        stores_close(&out->stores, false);
        return status;
    }
    struct writer_config with = {
        .log = out->stores.log,
        .state = out->stores.state,
        .ids = out->stores.ids,
        .clock = &system_clock,
        .queue_items_max = 16,
        .batch_records_max = 16,
        .batch_bytes_max = 4 * RECORD_BYTES_MAX,
        .arena_bytes_max = ITEM_ARENA_BYTES,
        .hooks = {.context = &out->stores, .write_behind = stores_write_behind, .fatal = offline_fatal}};
    status = writer_new(&with, &out->writer, why);
    if (status != STATUS_OK)
        stores_close(&out->stores, false);
    return status;
}

void offline_close(struct offline *books, bool clean)
{
    writer_stop(books->writer);
    writer_free(books->writer);
    stores_close(&books->stores, clean);
}

static void item_done(struct work_item *item)
{
    (void)item; /* writer_run_one has run it to the end when it returns */
}

enum status offline_run(struct offline *books, const char *method, const ProtobufCMessage *message,
                        struct fault *why)
{
    uint8_t body[BODY_BYTES_MAX];
    size_t len = protobuf_c_message_get_packed_size(message);
    if (len > sizeof body)
        return fault_set(why, STATUS_TOO_LARGE, NULL, "%s is larger than %zu bytes", method, sizeof body);
    (void)protobuf_c_message_pack(message, body);
    struct work_part part = {.body = slice_of(body, len)};
    struct work_item item = {.method = domain_method(slice_text(method)),
                             .parts = &part,
                             .part_count = 1,
                             .from_server = true,
                             .done = item_done};
    ASSERT(item.method != NULL);
    enum status status = STATUS_OK;
    if (item.method->kind == METHOD_COMMAND) /* these have an id, whoever gives them */
        status = entropy_fill(&system_entropy, part.command_id.bytes, sizeof part.command_id.bytes);
    item.arena = status == STATUS_OK ? arena_new(ITEM_ARENA_BYTES) : NULL;
    if (item.arena == NULL)
        return fault_set(why, status != STATUS_OK ? status : STATUS_NO_MEMORY, NULL,
                         "no memory or no random bytes");
    snprintf(item.actor.agent, sizeof item.actor.agent, "daftarid/" DAFTARI_VERSION);
    writer_run_one(books->writer, &item);
    status = part.status;
    if (status != STATUS_OK && part.fault != NULL)
        *why = *part.fault;
    arena_free(item.arena);
    return status;
}

enum status offline_read_password(const char *path, char *out, size_t cap, struct fault *why)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    bool read = file != NULL && fgets(out, (int)cap, file) != NULL;
    if (file != NULL && file != stdin)
        fclose(file);
    if (!read)
        return fault_set(why, STATUS_INVALID, "password-file", "%s cannot be read", path);
    out[strcspn(out, "\r\n")] = '\0';
    if (strlen(out) < PASSWORD_BYTES_MIN || strlen(out) > PASSWORD_BYTES_MAX)
        return fault_set(why, STATUS_INVALID, "password-file", "a password of %u to %u bytes",
                         PASSWORD_BYTES_MIN, PASSWORD_BYTES_MAX);
    return STATUS_OK;
}
