#include <daftari/daftari.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.pb-c.h"
#include "proto/base/text.h"
#include "proto/record/note.h"
#include "server/domain/domain.h"
#include "server/store/folder.h"
#include "server/views/digest.h"
#include "server/views/view.h"
#include "tools/audit/scratch.h"
#include "tools/audit/verify.h"
#include "tools/audit/verify_ids.h"

#define CALL_TIMEOUT_MS 60000u

/* One view as the server says it is, and our own replay of it. */
struct claimed {
    const struct view *view;
    uint64_t position;
    struct hash digest;
    struct scratch *scratch;
};

struct following {
    const struct verify_options *options;
    struct verify_report *report;
    struct source *source;
    struct checkpoint checkpoint;
    struct claimed claimed[VIEW_COUNT];
    size_t claimed_count;
    struct tree_range range;
    struct hash last;
    timestamp_us last_time;
    struct id_check *id_check;
    char scratch_dir[FOLDER_PATH_MAX];
};

static enum status of_client(enum dft_status status, const struct dft_fault *fault, struct fault *why)
{
    return status == DFT_OK ? STATUS_OK
                            : fault_set(why, (enum status)status, fault->field, "%s", fault->text);
}

/* ---- what the server claims ------------------------------------------------------------------------------------- */

/* By the key that the auditor knows. When it is not signed by that one, it says so, and the records are still held
 * against what the server's own key signs: a wrong key is one finding, not a forged log. */
static enum status open_checkpoint(struct following *f, const Daftari__V1__CheckpointNote *note,
                                   const struct note_verifier *wanted, struct fault *why)
{
    struct note_verifier shown;
    struct slice bytes = slice_of(note->note.data, note->note.len);
    char text[FAULT_TEXT_MAX + 80];
    if (wanted != NULL) {
        if (checkpoint_open(bytes, wanted, &f->checkpoint, why) == STATUS_OK)
            return STATUS_OK;
        (void)snprintf(text, sizeof text, "the checkpoint is not signed by the key given with --log-key (%s)",
                       why->text);
        verify_problem(f->report, 0, text);
    }
    enum status status = note_vkey_parse(slice_text(note->log_key), &shown, why);
    if (status == STATUS_OK)
        status = checkpoint_open(bytes, &shown, &f->checkpoint, why);
    return status == STATUS_OK
               ? status
               : fault_set(why, STATUS_CORRUPT, NULL, "the server's checkpoint is not signed by its own key");
}

static enum status take_checkpoint(struct following *f, struct fault *why)
{
    struct dft_fault fault = {0};
    struct note_verifier verifier, *wanted = NULL;
    uint8_t *body;
    size_t len;
    if (f->options->log_key != NULL) {
        if (note_vkey_parse(slice_text(f->options->log_key), &verifier, why) != STATUS_OK)
            return fault_set(why, STATUS_INVALID, "log_key",
                             "a verifier key as `daftari log checkpoint` shows it: name+hash+key");
        wanted = &verifier;
    }
    enum dft_status called =
        dft_query(source_client(f->source), "Log.Checkpoint", NULL, 0, &body, &len, &fault);
    if (called != DFT_OK)
        return of_client(called, &fault, why);
    Daftari__V1__CheckpointNote *note = daftari__v1__checkpoint_note__unpack(NULL, len, body);
    free(body);
    if (note == NULL || note->log_key == NULL)
        return fault_set(why, STATUS_CORRUPT, NULL, "the server sent what is no checkpoint");
    enum status status = open_checkpoint(f, note, wanted, why);
    daftari__v1__checkpoint_note__free_unpacked(note, NULL);
    return status;
}

static void take_digest(struct following *f, const Daftari__V1__ViewDigest *digest)
{
    if (digest->problem != NULL) {
        char text[FAULT_TEXT_MAX];
        (void)snprintf(text, sizeof text, "view %s cannot be read by the server: %s",
                       digest->name != NULL ? digest->name : "?", digest->problem);
        verify_problem(f->report, 0, text);
        return;
    }
    for (size_t i = 0; i < VIEW_COUNT && f->claimed_count < VIEW_COUNT; i++) {
        if (digest->name == NULL || strcmp(digest->name, views[i]->name) != 0 ||
            digest->digest.len != HASH_BYTES)
            continue;
        struct claimed *claimed = &f->claimed[f->claimed_count++];
        claimed->view = views[i];
        claimed->position = digest->position;
        memcpy(claimed->digest.bytes, digest->digest.data, HASH_BYTES);
    }
}

static enum status take_digests(struct following *f, struct fault *why)
{
    struct dft_fault fault = {0};
    struct dft_stream *stream;
    struct dft_answer answer;
    enum dft_status called =
        dft_stream_open(source_client(f->source), "Log.Digest", NULL, 0, 0, CALL_TIMEOUT_MS, &stream, &fault);
    if (called != DFT_OK)
        return of_client(called, &fault, why);
    while ((called = dft_stream_next(stream, CALL_TIMEOUT_MS, &answer, &fault)) == DFT_OK) {
        Daftari__V1__ViewDigest *digest =
            daftari__v1__view_digest__unpack(NULL, answer.body_len, answer.body);
        if (digest != NULL)
            take_digest(f, digest);
        daftari__v1__view_digest__free_unpacked(digest, NULL);
    }
    dft_stream_close(stream);
    return called == DFT_END ? STATUS_OK : of_client(called, &fault, why);
}

static enum status open_id_check(struct following *f, struct fault *why)
{
    char path[FOLDER_PATH_MAX];
    enum status status = folder_join(f->scratch_dir, "ids", path, why);
    return status == STATUS_OK ? id_check_open(path, &f->id_check, why) : status;
}

static enum status open_replays(struct following *f, struct fault *why)
{
    const char *base = f->options->scratch_dir != NULL ? f->options->scratch_dir : getenv("TMPDIR");
    int len = snprintf(f->scratch_dir, sizeof f->scratch_dir, "%s/daftari-audit-XXXXXX",
                       base != NULL ? base : "/tmp");
    if (len < 0 || (size_t)len >= sizeof f->scratch_dir || mkdtemp(f->scratch_dir) == NULL) {
        f->scratch_dir[0] = '\0';
        return fault_set(why, STATUS_IO, "scratch", "a folder that can be written for the replays");
    }
    enum status status = open_id_check(f, why);
    for (size_t i = 0; status == STATUS_OK && i < f->claimed_count; i++) {
        struct claimed *claimed = &f->claimed[i];
        char path[FOLDER_PATH_MAX];
        status = folder_join(f->scratch_dir, claimed->view->name, path, why);
        if (status == STATUS_OK)
            status = scratch_open(path,
                                  &(struct scratch_fold){.name = claimed->view->name,
                                                         .tables = claimed->view->tables,
                                                         .table_count = claimed->view->table_count,
                                                         .apply = claimed->view->apply,
                                                         .until = claimed->position},
                                  &claimed->scratch, why);
    }
    return status;
}

/* ---- every record --------------------------------------------------------------------------------------------------- */

static void replay(struct following *f, const struct record *record)
{
    struct fault ids_why = {0};
    if (f->id_check != NULL && id_check_record(f->id_check, record, f->report, &ids_why) != STATUS_OK) {
        verify_problem(f->report, record->header.position, ids_why.text);
        id_check_close(f->id_check);
        f->id_check = NULL;
    }
    for (size_t i = 0; i < f->claimed_count; i++) {
        struct fault why = {0};
        struct claimed *claimed = &f->claimed[i];
        if (claimed->scratch == NULL || scratch_apply(claimed->scratch, record, &why) == STATUS_OK)
            continue;
        verify_problem(f->report, record->header.position, why.text);
        scratch_close(claimed->scratch);
        claimed->scratch = NULL;
    }
}

static void check_record(struct following *f, struct slice bytes)
{
    struct fault why = {0};
    struct record record;
    struct hash hash;
    uint64_t position = ++f->report->records;
    record_hash(bytes, &hash);
    tree_range_append(&f->range, &hash);
    if (record_decode(bytes, &record, &why) != STATUS_OK) {
        verify_problem(f->report, position, why.text);
    } else {
        if (record.header.position != position)
            verify_problem(f->report, position, "the record there says another position");
        if (memcmp(&record.header.previous, &f->last, sizeof f->last) != 0)
            verify_problem(f->report, position,
                           "the chain breaks here: `previous` is not the hash of the record before");
        if (record.header.time <= f->last_time)
            verify_problem(f->report, position, "its time is not after that of the record before");
        if (record_check_balance(&record, &why) != STATUS_OK)
            verify_problem(f->report, position, why.text);
        f->last_time = record.header.time;
        replay(f, &record);
    }
    f->last = hash;
}

static void check_root(struct following *f)
{
    struct hash root;
    tree_range_root(&f->range, &root);
    hex_format(root.bytes, sizeof root.bytes, f->report->root);
    if (f->range.size != f->checkpoint.size)
        verify_problem(f->report, 0, "the log ended before the size that the checkpoint signs");
    else if (memcmp(&root, &f->checkpoint.root, sizeof root) != 0)
        verify_problem(f->report, 0, "the records do not give the root that the checkpoint signs");
}

static enum status check_digests(struct following *f, struct fault *why)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < f->claimed_count; i++) {
        struct claimed *claimed = &f->claimed[i];
        struct hash digest;
        char text[128];
        if (claimed->scratch == NULL)
            continue;
        f->report->replays++;
        status = scratch_digest(claimed->scratch, &digest, why);
        if (status == STATUS_OK && memcmp(&digest, &claimed->digest, sizeof digest) != 0) {
            snprintf(text, sizeof text, "view %s at position %llu is not what a replay gives",
                     claimed->view->name, (unsigned long long)claimed->position);
            verify_problem(f->report, 0, text);
        }
    }
    return status;
}

/* ---- all --------------------------------------------------------------------------------------------------------------- */

static enum status follow_all(struct following *f, struct fault *why)
{
    struct slice bytes;
    enum status status = STATUS_OK;
    source_end_at(f->source, f->checkpoint.size); /* the log goes on growing */
    while (f->report->records < f->checkpoint.size &&
           (status = source_next(f->source, &bytes, why)) == STATUS_OK)
        check_record(f, bytes);
    if (status != STATUS_OK && status != STATUS_END)
        return status;
    check_root(f);
    return check_digests(f, why);
}

enum status verify_server(const struct verify_options *options, struct verify_report *report,
                          struct fault *why)
{
    struct following *f = calloc(1, sizeof *f);
    if (f == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    f->options = options;
    f->report = report;
    enum status status = source_open(&options->source, &f->source, why);
    if (status == STATUS_OK)
        status = take_digests(f, why);
    if (status == STATUS_OK)
        status = take_checkpoint(f, why);
    if (status == STATUS_OK)
        status = open_replays(f, why);
    if (status == STATUS_OK)
        status = follow_all(f, why);
    for (size_t i = 0; i < f->claimed_count; i++)
        scratch_close(f->claimed[i].scratch);
    id_check_close(f->id_check);
    if (f->scratch_dir[0] != '\0')
        (void)rmdir(f->scratch_dir);
    source_close(f->source);
    free(f);
    return status;
}
