/* The outbox: what waits and what was refused, in memory as it is on disk. */
#include "client/outbox/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/outbox/file.h"
#include "client/src/client.h"
#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "proto/wire/services.h"

#define SEND_BATCH 500u
#define SEND_BYTES (512u * 1024u) /* bytes of one batch */
#define WASTE_MIN  (64u * 1024u)  /* bytes answered before the file is written anew */

struct item {
    struct outbox_record record; /* its body is owned: `bytes` */
    uint8_t *bytes;
    bool done;
};

struct items {
    struct item *list;
    size_t first; /* those before are done */
    size_t count;
    size_t cap;
    uint64_t bytes; /* of those that wait, as encoded */
};

struct dft_outbox {
    int folder_fd;
    int lock_fd;
    struct outbox_file waiting_file;
    struct outbox_file refused_file;
    struct items waiting;
    struct items refused;
    uint32_t *slots; /* command id -> index + 1 in waiting.list; a power of two of them */
    size_t slot_count;
    size_t done_inside; /* done items after waiting.first */
    uint64_t bytes_max;
    uint32_t commands_max;
};

/* ---- items in memory --------------------------------------------------------------------------------------------- */

static bool items_add(struct items *items, const struct outbox_record *record)
{
    if (items->count == items->cap) {
        size_t cap = items->cap == 0 ? 64 : items->cap * 2;
        struct item *list = realloc(items->list, cap * sizeof *list);
        if (list == NULL)
            return false;
        items->list = list;
        items->cap = cap;
    }
    uint8_t *bytes = malloc(record->body.len + 1);
    if (bytes == NULL)
        return false;
    if (record->body.len > 0)
        memcpy(bytes, record->body.ptr, record->body.len);
    struct item *item = &items->list[items->count++];
    *item = (struct item){.record = *record, .bytes = bytes};
    item->record.body.ptr = bytes;
    items->bytes += outbox_encode(record, NULL);
    return true;
}

static void items_done(struct items *items)
{
    for (size_t i = 0; i < items->count; i++)
        free(items->list[i].bytes);
    free(items->list);
    *items = (struct items){.list = NULL};
}

/* Where the id is, or belongs. Ids are random: their first bytes are a good hash. */
static size_t slot_of(const struct dft_outbox *outbox, const uint8_t *id)
{
    size_t slot = (size_t)(be64_get(id) ^ be64_get(id + 8)) & (outbox->slot_count - 1);
    while (outbox->slots[slot] != 0 && memcmp(outbox->waiting.list[outbox->slots[slot] - 1].record.command_id,
                                              id, DFT_COMMAND_ID_BYTES) != 0)
        slot = (slot + 1) & (outbox->slot_count - 1);
    return slot;
}

static bool slots_grow(struct dft_outbox *outbox)
{
    if (outbox->slot_count > 2 * (outbox->waiting.count + 1))
        return true;
    size_t count = outbox->slot_count == 0 ? 1024 : 2 * outbox->slot_count;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (slots == NULL)
        return false;
    free(outbox->slots);
    outbox->slots = slots;
    outbox->slot_count = count;
    for (size_t i = 0; i < outbox->waiting.count; i++)
        slots[slot_of(outbox, outbox->waiting.list[i].record.command_id)] = (uint32_t)i + 1;
    return true;
}

static struct item *waiting_by_id(const struct dft_outbox *outbox, const uint8_t *id)
{
    if (outbox->slot_count == 0)
        return NULL;
    size_t slot = slot_of(outbox, id);
    return outbox->slots[slot] != 0 ? &outbox->waiting.list[outbox->slots[slot] - 1] : NULL;
}

static bool waiting_add(struct dft_outbox *outbox, const struct outbox_record *record)
{
    if (outbox->waiting.count >= UINT32_MAX - 1 || !slots_grow(outbox) ||
        !items_add(&outbox->waiting, record))
        return false;
    outbox->slots[slot_of(outbox, record->command_id)] = (uint32_t)outbox->waiting.count;
    return true;
}

static void waiting_done(struct dft_outbox *outbox, struct item *item)
{
    if (item->done)
        return;
    item->done = true;
    outbox->done_inside++;
    outbox->waiting.bytes -= outbox_encode(&item->record, NULL);
    while (outbox->waiting.first < outbox->waiting.count &&
           outbox->waiting.list[outbox->waiting.first].done) {
        outbox->waiting.first++;
        outbox->done_inside--;
    }
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static bool take_waiting(void *context, const struct outbox_record *record)
{
    struct dft_outbox *outbox = context;
    struct item *item = waiting_by_id(outbox, record->command_id);
    if (record->kind == OUTBOX_DONE) {
        if (item != NULL)
            waiting_done(outbox, item);
        return true;
    }
    if (item != NULL && !item->done)
        return true;
    return record->kind == OUTBOX_ADD && waiting_add(outbox, record);
}

static bool take_refused(void *context, const struct outbox_record *record)
{
    struct dft_outbox *outbox = context;
    if (record->kind != OUTBOX_REFUSED || outbox->refused.count >= OUTBOX_REFUSED_MAX)
        return false;
    struct item *item = waiting_by_id(outbox, record->command_id);
    if (item != NULL) /* killed between writing it here and there */
        waiting_done(outbox, item);
    return items_add(&outbox->refused, record);
}

static enum dft_status folder_open(struct dft_outbox *outbox, const char *folder, struct dft_fault *why)
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return client_fault_set(why, DFT_IO, "folder", "%s cannot be made: %s", folder, strerror(errno));
    outbox->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (outbox->folder_fd < 0)
        return client_fault_set(why, DFT_IO, "folder", "%s cannot be opened: %s", folder, strerror(errno));
    outbox->lock_fd = openat(outbox->folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (outbox->lock_fd < 0)
        return client_fault_set(why, DFT_IO, "folder", "%s/lock cannot be opened: %s", folder,
                                strerror(errno));
    if (flock(outbox->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return client_fault_set(why, DFT_BUSY, "folder", "another program has the outbox %s open", folder);
    return DFT_OK;
}

enum dft_status dft_outbox_open(struct dft_outbox **out, const char *folder,
                                const struct dft_outbox_options *options, struct dft_fault *why)
{
    ASSERT(out != NULL && folder != NULL);
    struct dft_outbox *outbox = calloc(1, sizeof *outbox);
    if (outbox == NULL)
        return client_fault_set(why, DFT_NO_MEMORY, NULL, "no memory for an outbox");
    outbox->folder_fd = outbox->lock_fd = outbox->waiting_file.fd = outbox->refused_file.fd = -1;
    outbox->bytes_max = options != NULL && options->bytes_max > 0 ? options->bytes_max : OUTBOX_BYTES_DEFAULT;
    outbox->commands_max =
        options != NULL && options->commands_max > 0 ? options->commands_max : OUTBOX_COMMANDS_DEFAULT;
    enum dft_status status = folder_open(outbox, folder, why);
    if (status == DFT_OK)
        status =
            outbox_file_open(&outbox->waiting_file, outbox->folder_fd, "waiting", take_waiting, outbox, why);
    if (status == DFT_OK)
        status =
            outbox_file_open(&outbox->refused_file, outbox->folder_fd, "refused", take_refused, outbox, why);
    if (status != DFT_OK) {
        dft_outbox_close(outbox);
        return status;
    }
    *out = outbox;
    return DFT_OK;
}

void dft_outbox_close(struct dft_outbox *outbox)
{
    if (outbox == NULL)
        return;
    outbox_file_close(&outbox->waiting_file);
    outbox_file_close(&outbox->refused_file);
    if (outbox->lock_fd >= 0)
        (void)close(outbox->lock_fd);
    if (outbox->folder_fd >= 0)
        (void)close(outbox->folder_fd);
    items_done(&outbox->waiting);
    items_done(&outbox->refused);
    free(outbox->slots);
    free(outbox);
}

/* ---- adding and looking ------------------------------------------------------------------------------------------ */

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static enum dft_status append_one(struct outbox_file *file, const struct outbox_record *record,
                                  struct dft_fault *why)
{
    size_t len = outbox_encode(record, NULL);
    uint8_t *bytes = malloc(len);
    if (bytes == NULL)
        return client_fault_set(why, DFT_NO_MEMORY, NULL, "no memory for the outbox");
    (void)outbox_encode(record, bytes);
    enum dft_status status = outbox_file_append(file, slice_of(bytes, len), why);
    free(bytes);
    return status;
}

enum dft_status dft_outbox_add(struct dft_outbox *outbox, const char *method, const uint8_t *command_id,
                               const void *body, size_t body_len, struct dft_fault *why)
{
    ASSERT(outbox != NULL && method != NULL && (body != NULL || body_len == 0));
    static const uint8_t zero[DFT_COMMAND_ID_BYTES];
    struct outbox_record record = {.kind = OUTBOX_ADD, .time_us = now_us(), .body = slice_of(body, body_len)};
    if (method[0] == '\0' || strlen(method) > METHOD_NAME_MAX)
        return client_fault_set(why, DFT_INVALID, "method", "a name such as Entry.Post, at most %u bytes",
                                METHOD_NAME_MAX);
    if (services_secret(method))
        return client_fault_set(why, DFT_INVALID, "method",
                                "%s carries a password, which is not written to disk: send it by itself",
                                method);
    if (body_len > FRAME_PAYLOAD_MAX - 256)
        return client_fault_set(why, DFT_TOO_LARGE, NULL, "at most %u bytes in a command",
                                FRAME_PAYLOAD_MAX - 256);
    if (command_id != NULL && memcmp(command_id, zero, sizeof zero) == 0)
        return client_fault_set(why, DFT_INVALID, "command_id", "16 bytes, not all zero");
    (void)snprintf(record.method, sizeof record.method, "%s", method);
    if (command_id != NULL)
        memcpy(record.command_id, command_id, DFT_COMMAND_ID_BYTES);
    else
        dft_command_id_new(record.command_id);
    const struct item *same = waiting_by_id(outbox, record.command_id);
    if (same != NULL && !same->done) {
        if (strcmp(same->record.method, method) == 0 && slice_equal(same->record.body, record.body))
            return DFT_OK;
        return client_fault_set(why, DFT_KEY_REUSED, "command_id", "waits already with other content");
    }
    if (dft_outbox_waiting(outbox) >= outbox->commands_max ||
        outbox_encode(&record, NULL) > outbox->bytes_max - outbox->waiting.bytes)
        return client_fault_set(why, DFT_FULL, NULL, "the outbox is full: %zu commands wait",
                                dft_outbox_waiting(outbox));
    enum dft_status status = append_one(&outbox->waiting_file, &record, why);
    if (status == DFT_OK && !waiting_add(outbox, &record)) {
        outbox->waiting_file.broken = true; /* it is on disk, and found at the next opening */
        status = client_fault_set(why, DFT_NO_MEMORY, NULL, "no memory for the outbox");
    }
    return status;
}

size_t dft_outbox_waiting(const struct dft_outbox *outbox)
{
    return outbox->waiting.count - outbox->waiting.first - outbox->done_inside;
}

size_t dft_outbox_refused(const struct dft_outbox *outbox)
{
    return outbox->refused.count;
}

static void item_show(const struct item *item, struct dft_outbox_item *out)
{
    *out = (struct dft_outbox_item){.method = item->record.method,
                                    .body = item->bytes,
                                    .body_len = item->record.body.len,
                                    .added_time_us = item->record.time_us,
                                    .fault = item->record.fault};
    memcpy(out->command_id, item->record.command_id, DFT_COMMAND_ID_BYTES);
}

void dft_outbox_waiting_item(const struct dft_outbox *outbox, size_t index, struct dft_outbox_item *out)
{
    size_t at = outbox->waiting.first;
    for (; at < outbox->waiting.count; at++) {
        if (outbox->waiting.list[at].done)
            continue;
        if (index-- == 0)
            break;
    }
    ASSERT(at < outbox->waiting.count);
    item_show(&outbox->waiting.list[at], out);
}

void dft_outbox_refused_item(const struct dft_outbox *outbox, size_t index, struct dft_outbox_item *out)
{
    ASSERT(index < outbox->refused.count);
    item_show(&outbox->refused.list[index], out);
}

enum dft_status dft_outbox_clear_refused(struct dft_outbox *outbox, struct dft_fault *why)
{
    enum dft_status status = outbox_file_replace(&outbox->refused_file, slice_of(NULL, 0), why);
    if (status == DFT_OK)
        items_done(&outbox->refused);
    return status;
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

/* Writes the file anew when nothing waits, or when most of it is answered. */
static enum dft_status tidy(struct dft_outbox *outbox, struct dft_fault *why)
{
    struct items *waiting = &outbox->waiting;
    uint64_t used = outbox->waiting_file.size - OUTBOX_HEAD_BYTES;
    if (used == 0 || (dft_outbox_waiting(outbox) > 0 && (used < WASTE_MIN || used / 2 < waiting->bytes)))
        return DFT_OK;
    uint8_t *bytes = malloc((size_t)waiting->bytes + 1);
    if (bytes == NULL)
        return client_fault_set(why, DFT_NO_MEMORY, NULL, "no memory for the outbox");
    size_t len = 0;
    size_t kept = 0;
    for (size_t i = 0; i < waiting->count; i++) {
        struct item *item = &waiting->list[i];
        if (!item->done)
            len += outbox_encode(&item->record, bytes + len);
    }
    enum dft_status status = outbox_file_replace(&outbox->waiting_file, slice_of(bytes, len), why);
    free(bytes);
    if (status != DFT_OK)
        return status;
    for (size_t i = 0; i < waiting->count; i++) {
        if (waiting->list[i].done)
            free(waiting->list[i].bytes);
        else
            waiting->list[kept++] = waiting->list[i];
    }
    waiting->count = kept;
    waiting->first = 0;
    outbox->done_inside = 0;
    memset(outbox->slots, 0, outbox->slot_count * sizeof *outbox->slots);
    for (size_t i = 0; i < kept; i++)
        outbox->slots[slot_of(outbox, waiting->list[i].record.command_id)] = (uint32_t)i + 1;
    return DFT_OK;
}

static bool is_final(enum dft_status status)
{
    return status == DFT_INVALID || status == DFT_NOT_FOUND || status == DFT_REFUSED ||
           status == DFT_KEY_REUSED || status == DFT_UNKNOWN_METHOD || status == DFT_TOO_LARGE;
}

struct batch {
    struct dft_request *request;
    size_t index[SEND_BATCH]; /* in waiting.list */
    size_t count;
};

static enum dft_status batch_gather(struct dft_outbox *outbox, struct dft_client *client, struct batch *batch,
                                    struct dft_fault *why)
{
    size_t bytes = 0;
    enum dft_status status = DFT_OK;
    for (size_t i = outbox->waiting.first; i < outbox->waiting.count && batch->count < SEND_BATCH; i++) {
        const struct item *item = &outbox->waiting.list[i];
        const struct outbox_record *record = &item->record;
        if (item->done)
            continue;
        bytes += record->body.len + 32;
        if (batch->count > 0 &&
            (bytes > SEND_BYTES ||
             strcmp(record->method, outbox->waiting.list[batch->index[0]].record.method) != 0))
            break;
        if (batch->count == 0)
            status = dft_request_new(client, record->method, &batch->request, why);
        if (status == DFT_OK)
            status =
                dft_request_add(batch->request, record->command_id, record->body.ptr, record->body.len, why);
        if (status == DFT_TOO_LARGE && batch->count > 0)
            return DFT_OK;
        if (status != DFT_OK)
            return status;
        batch->index[batch->count++] = i;
    }
    return DFT_OK;
}

static enum dft_status refuse(struct dft_outbox *outbox, const struct item *item,
                              const struct dft_fault *fault, struct dft_fault *why)
{
    struct outbox_record record = item->record;
    record.kind = OUTBOX_REFUSED;
    record.fault = *fault;
    if (services_secret(
            record.method)) /* taken by an older version: nobody can review it, and it should not lie about */
        record.body = (struct slice){0};
    if (outbox->refused.count >= OUTBOX_REFUSED_MAX)
        return client_fault_set(why, DFT_FULL, NULL, "%u refused commands wait for review: clear them first",
                                OUTBOX_REFUSED_MAX);
    enum dft_status status = append_one(&outbox->refused_file, &record, why);
    if (status == DFT_OK && !items_add(&outbox->refused, &record))
        status = client_fault_set(why, DFT_NO_MEMORY, NULL, "no memory for the outbox");
    return status;
}

/* Writes down the answers up to the first that is not final; *out_answered counts them. */
static enum dft_status batch_settle(struct dft_outbox *outbox, const struct batch *batch,
                                    size_t *out_answered, struct dft_fault *why)
{
    uint8_t *bytes = malloc((batch->count + 1) * (OUTBOX_RECORD_HEAD + 64));
    size_t len = 0;
    enum dft_status status = bytes == NULL ? client_fault_set(why, DFT_NO_MEMORY, NULL, "no memory") : DFT_OK;
    size_t answered = 0;
    for (; answered < batch->count && status == DFT_OK; answered++) {
        const struct dft_answer *answer = dft_request_answer(batch->request, answered);
        const struct item *item = &outbox->waiting.list[batch->index[answered]];
        if (answer->status != DFT_OK && !is_final(answer->status)) {
            if (why != NULL)
                *why = answer->fault;
            status = answer->status;
        } else if (answer->status != DFT_OK) {
            status = refuse(outbox, item, &answer->fault, why);
        }
        if (status != DFT_OK)
            break;
        struct outbox_record done = {.kind = OUTBOX_DONE, .time_us = item->record.time_us};
        memcpy(done.command_id, item->record.command_id, sizeof done.command_id);
        len += outbox_encode(&done, bytes + len);
    }
    if (len > 0) {
        enum dft_status written = outbox_file_append(&outbox->waiting_file, slice_of(bytes, len), why);
        if (written != DFT_OK) {
            status = written;
            answered = 0;
        }
    }
    free(bytes);
    *out_answered = answered;
    return status;
}

static void batch_tell(struct dft_outbox *outbox, const struct batch *batch, size_t answered,
                       void (*tell)(const struct dft_outbox_item *item, const struct dft_recorded *recorded,
                                    void *context),
                       void *context)
{
    for (size_t i = 0; i < answered; i++) {
        struct item *item = &outbox->waiting.list[batch->index[i]];
        const struct dft_answer *answer = dft_request_answer(batch->request, i);
        struct dft_outbox_item shown;
        struct dft_recorded recorded;
        waiting_done(outbox, item);
        item_show(item, &shown);
        bool good = dft_recorded(answer, &recorded, &shown.fault) == DFT_OK;
        if (tell != NULL)
            tell(&shown, good ? &recorded : NULL, context);
    }
}

enum dft_status dft_outbox_send(struct dft_outbox *outbox, struct dft_client *client,
                                void (*answered)(const struct dft_outbox_item *item,
                                                 const struct dft_recorded *recorded, void *context),
                                void *context, struct dft_fault *why)
{
    ASSERT(outbox != NULL && client != NULL);
    enum dft_status status = DFT_OK;
    if (dft_outbox_waiting(outbox) > 0 && !dft_connected(client))
        status = dft_connect(client, why);
    while (status == DFT_OK && dft_outbox_waiting(outbox) > 0) {
        struct batch batch = {.count = 0};
        size_t count = 0;
        status = batch_gather(outbox, client, &batch, why);
        if (status == DFT_OK)
            status = dft_request_wait(batch.request, why);
        if (status == DFT_OK) {
            status = batch_settle(outbox, &batch, &count, why);
            batch_tell(outbox, &batch, count, answered, context);
        }
        dft_request_free(batch.request);
        struct dft_fault tidy_fault;
        enum dft_status tidied = tidy(outbox, &tidy_fault);
        if (status == DFT_OK && tidied != DFT_OK) {
            status = tidied;
            if (why != NULL)
                *why = tidy_fault;
        }
    }
    return status;
}
