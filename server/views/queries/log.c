/* The log itself, for auditors, backup tools and clients that check us. */
#include <stdlib.h>

#include "log.pb-c.h"
#include "proto/base/bytes.h"
#include "server/views/digest.h"
#include "server/views/queries/queries.h"

#define FOLLOW_PART_BYTES   (60u * 1024u) /* records of one part, unless a single one is larger */
#define FOLLOW_PART_RECORDS 1024u

/* ---- checkpoint and proofs ---------------------------------------------------------------------------------------------------- */

enum status query_log_checkpoint(struct view_reader *reader, const struct query_context *context,
                                 const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                                 struct fault *why)
{
    (void)request, (void)state, (void)why;
    Daftari__V1__CheckpointNote *note = arena_take(context->arena, sizeof *note);
    struct view_checkpoint *checkpoint = arena_take(context->arena, sizeof *checkpoint);
    if (note == NULL || checkpoint == NULL)
        return STATUS_NO_MEMORY;
    enum status status = reader->checkpoint(reader, checkpoint);
    if (status != STATUS_OK)
        return status;
    daftari__v1__checkpoint_note__init(note);
    note->has_note = true;
    note->note = (ProtobufCBinaryData){.len = checkpoint->note_len, .data = (uint8_t *)checkpoint->note};
    note->log_key = checkpoint->log_key;
    *out = &note->base;
    return STATUS_OK;
}

static enum status source_node(void *context, uint32_t level, uint64_t index, struct hash *out)
{
    return log_node(context, level, index, out);
}

/* Copies hashes into a Proof; NULL when the arena is exhausted. */
static Daftari__V1__Proof *proof_make(struct arena *arena, const struct hash *hashes, size_t count,
                                      uint64_t size, const struct hash *root)
{
    Daftari__V1__Proof *proof = arena_take(arena, sizeof *proof);
    ProtobufCBinaryData *list = arena_take(arena, (count + 1) * sizeof *list);
    struct slice all, root_copy;
    if (proof == NULL || list == NULL || !arena_copy(arena, slice_of(hashes, count * sizeof *hashes), &all) ||
        !arena_copy(arena, slice_of(root->bytes, HASH_BYTES), &root_copy))
        return NULL;
    daftari__v1__proof__init(proof);
    for (size_t i = 0; i < count; i++)
        list[i] =
            (ProtobufCBinaryData){.len = HASH_BYTES, .data = (uint8_t *)(uintptr_t)all.ptr + i * HASH_BYTES};
    proof->hashes = list;
    proof->n_hashes = count;
    proof->has_size = proof->has_root = true;
    proof->size = size;
    proof->root = (ProtobufCBinaryData){.len = HASH_BYTES, .data = (uint8_t *)(uintptr_t)root_copy.ptr};
    return proof;
}

enum status query_log_consistency(struct view_reader *reader, const struct query_context *context,
                                  const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                                  struct fault *why)
{
    (void)state;
    const Daftari__V1__GetConsistency *asked = (const Daftari__V1__GetConsistency *)request;
    struct tree_source source = {source_node, reader->log};
    struct hash hashes[TREE_CONSISTENCY_MAX], root;
    struct log_head head;
    size_t count = 0;
    log_head(reader->log, &head);
    uint64_t new_size = asked->has_new_size ? asked->new_size : head.size;
    if (new_size > head.size)
        return fault_set(why, STATUS_INVALID, "new_size", "at most %llu, the size of the log",
                         (unsigned long long)head.size);
    if (!asked->has_old_size || asked->old_size == 0 || asked->old_size > new_size)
        return fault_set(why, STATUS_INVALID, "old_size", "from 1 to new_size, which is %llu",
                         (unsigned long long)new_size);
    enum status status = tree_prove_consistency(&source, asked->old_size, new_size, hashes, &count);
    if (status == STATUS_OK)
        status = log_root(reader->log, new_size, &root);
    if (status != STATUS_OK)
        return status;
    Daftari__V1__Proof *proof = proof_make(context->arena, hashes, count, new_size, &root);
    if (proof == NULL)
        return STATUS_NO_MEMORY;
    *out = &proof->base;
    return STATUS_OK;
}

enum status query_log_inclusion(struct view_reader *reader, const struct query_context *context,
                                const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                                struct fault *why)
{
    (void)state;
    const Daftari__V1__GetInclusion *asked = (const Daftari__V1__GetInclusion *)request;
    struct tree_source source = {source_node, reader->log};
    struct hash hashes[TREE_PROOF_MAX], root, leaf;
    struct log_head head;
    struct slice leaf_copy;
    size_t count = 0;
    log_head(reader->log, &head);
    uint64_t size = asked->has_size ? asked->size : head.size;
    if (size > head.size)
        return fault_set(why, STATUS_INVALID, "size", "at most %llu, the size of the log",
                         (unsigned long long)head.size);
    if (!asked->has_position || asked->position == 0 || asked->position > size)
        return fault_set(why, STATUS_INVALID, "position", "from 1 to size, which is %llu",
                         (unsigned long long)size);
    enum status status = tree_prove_inclusion(&source, asked->position - 1, size, hashes, &count);
    if (status == STATUS_OK)
        status = log_root(reader->log, size, &root);
    if (status == STATUS_OK)
        status = log_node(reader->log, 0, asked->position - 1, &leaf);
    if (status != STATUS_OK)
        return status;
    Daftari__V1__Proof *proof = proof_make(context->arena, hashes, count, size, &root);
    if (proof == NULL || !arena_copy(context->arena, slice_of(leaf.bytes, HASH_BYTES), &leaf_copy))
        return STATUS_NO_MEMORY;
    proof->has_leaf = true;
    proof->leaf = (ProtobufCBinaryData){.len = HASH_BYTES, .data = (uint8_t *)(uintptr_t)leaf_copy.ptr};
    *out = &proof->base;
    return STATUS_OK;
}

/* ---- Log.Follow ------------------------------------------------------------------------------------------------------------------ */

struct follow {
    uint64_t next; /* position to send */
    uint64_t last; /* position to end with; UINT64_MAX while following */
};

static enum status follow_open(struct view_reader *reader, const Daftari__V1__FollowLog *asked, void **state,
                               struct fault *why)
{
    uint64_t from = asked->has_from_position ? asked->from_position : 1;
    struct log_head head; /* the views may still be on their way there */
    log_head(reader->log, &head);
    if (from == 0)
        return fault_set(why, STATUS_INVALID, "from_position", "a log position from 1 on");
    if (asked->has_to_position && asked->to_position < from)
        return fault_set(why, STATUS_INVALID, "to_position", "a log position not before from_position");
    if (asked->has_to_position && asked->to_position > head.size && !asked->wait)
        return fault_set(why, STATUS_INVALID, "to_position",
                         "at most %llu, the end of the log, unless wait is given",
                         (unsigned long long)head.size);
    struct follow *follow = calloc(1, sizeof *follow);
    if (follow == NULL)
        return STATUS_NO_MEMORY;
    follow->next = from;
    follow->last = asked->has_to_position ? asked->to_position : asked->wait ? UINT64_MAX : head.size;
    *state = follow;
    return STATUS_OK;
}

static enum status follow_part(struct view_reader *reader, struct arena *arena, struct follow *follow,
                               Daftari__V1__LogPart **out)
{
    Daftari__V1__LogPart *part = arena_take(arena, sizeof *part);
    ProtobufCBinaryData *records = arena_take(arena, FOLLOW_PART_RECORDS * sizeof *records);
    if (part == NULL || records == NULL)
        return STATUS_NO_MEMORY;
    daftari__v1__log_part__init(part);
    part->records = records;
    uint64_t end = follow->last < reader->position ? follow->last : reader->position;
    size_t bytes = 0;
    while (follow->next <= end && part->n_records < FOLLOW_PART_RECORDS) {
        struct record record;
        struct slice copy;
        enum status status = reader->record(reader, follow->next, &record);
        if (status != STATUS_OK)
            return status;
        if (part->n_records != 0 && bytes + record.bytes.len > FOLLOW_PART_BYTES)
            break;
        if (!arena_copy(arena, record.bytes, &copy))
            return STATUS_NO_MEMORY;
        records[part->n_records++] =
            (ProtobufCBinaryData){.len = copy.len, .data = (uint8_t *)(uintptr_t)copy.ptr};
        bytes += copy.len;
        follow->next++;
    }
    *out = part;
    return STATUS_OK;
}

enum status query_log_follow(struct view_reader *reader, const struct query_context *context,
                             const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                             struct fault *why)
{
    /* Records are of every business, whole: a part of the books' readers cannot be shown a part of them. */
    if (context->rights != NULL && !context->rights->every_business)
        return fault_set(why, STATUS_DENIED, NULL, "the raw log is for those who may read every business");
    if (*state == NULL) {
        enum status status = follow_open(reader, (const Daftari__V1__FollowLog *)request, state, why);
        if (status != STATUS_OK)
            return status;
    }
    struct follow *follow = *state;
    if (follow->next > follow->last)
        return STATUS_END;
    if (follow->next > reader->position) {
        reader->await_position = follow->next;
        return STATUS_AGAIN;
    }
    Daftari__V1__LogPart *part;
    enum status status = follow_part(reader, context->arena, follow, &part);
    if (status == STATUS_OK)
        *out = &part->base;
    return status;
}

/* ---- Log.Digest ------------------------------------------------------------------------------------------------------------------ */

/* The position that the view's own cursor gives. */
static uint64_t cursor_position(struct kv_txn *txn)
{
    struct slice row;
    return kv_get(txn, 0, slice_text("position"), &row) && row.len >= 8 ? be64_get(row.ptr) : 0;
}

/* One view that cannot be read must not keep the others from being looked at. */
static enum status unreadable(struct view_reader *reader, Daftari__V1__ViewDigest *digest,
                              struct arena *arena)
{
    const char *said =
        reader->why->status == STATUS_CORRUPT ? reader->why->text : "its rows do not hold together";
    digest->problem = arena_text(arena, slice_text(said));
    reader->said = true;
    *reader->why = (struct fault){0};
    return digest->problem != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status query_log_digest(struct view_reader *reader, const struct query_context *context,
                             const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                             struct fault *why)
{
    (void)request, (void)why;
    size_t *at = *state;
    if (at == NULL) {
        at = calloc(1, sizeof *at);
        if (at == NULL)
            return STATUS_NO_MEMORY;
        *state = at;
    }
    if (*at == VIEW_COUNT)
        return STATUS_END;
    const struct view *view = views[(*at)++];
    struct kv_txn *txn = reader->txn(reader, view->id);
    Daftari__V1__ViewDigest *digest = arena_take(context->arena, sizeof *digest);
    struct hash hash;
    struct slice copy;
    if (digest == NULL)
        return STATUS_NO_MEMORY;
    daftari__v1__view_digest__init(digest);
    digest->name = (char *)(uintptr_t)view->name;
    *out = &digest->base;
    if (txn == NULL && reader->why->status != STATUS_CORRUPT)
        return STATUS_UNAVAILABLE; /* not yet: the one who asks comes again */
    enum status status =
        txn == NULL ? STATUS_CORRUPT : tables_digest(txn, view->tables, view->table_count, &hash);
    if (status == STATUS_CORRUPT || status == STATUS_IO) /* a damaged page is one or the other */
        return unreadable(reader, digest, context->arena);
    if (status != STATUS_OK)
        return status;
    if (!arena_copy(context->arena, slice_of(hash.bytes, HASH_BYTES), &copy))
        return STATUS_NO_MEMORY;
    digest->has_position = digest->has_digest = true;
    digest->position = cursor_position(txn);
    digest->digest = (ProtobufCBinaryData){.len = HASH_BYTES, .data = (uint8_t *)(uintptr_t)copy.ptr};
    return STATUS_OK;
}
