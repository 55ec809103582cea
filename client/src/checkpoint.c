#include "client/src/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/bug.h"
#include "proto/base/text.h"

/* What to do about a file that cannot be used: whoever damaged it may want the comparison not to be made. */
#define RESTORE                                                                                              \
    "; bring it back from a backup, or move it away: then the log is trusted anew as it stands now"
#define FILE_HEAD      "daftari checkpoint 1\n"
#define FILE_BYTES_MAX (sizeof FILE_HEAD + NOTE_VKEY_MAX + NOTE_TEXT_MAX + 32)
#define POSITION_HEAD  "daftari position 1\n"
#define POSITION_MAX   (sizeof POSITION_HEAD + 20 + 1 + NOTE_VKEY_MAX + 1)

static bool take_prefix(struct slice *rest, const char *prefix)
{
    struct slice text = slice_text(prefix);
    if (!slice_starts_with(*rest, text))
        return false;
    *rest = slice_of(rest->ptr + text.len, rest->len - text.len);
    return true;
}

static enum status file_parse(struct slice rest, struct checkpoint_memory *memory, struct fault *why)
{
    if (!take_prefix(&rest, FILE_HEAD) || !take_prefix(&rest, "key "))
        return fault_set(why, STATUS_CORRUPT, "checkpoint_file", "%s is not a checkpoint file" RESTORE,
                         memory->path);
    const uint8_t *end = memchr(rest.ptr, '\n', rest.len);
    size_t key_len = end == NULL ? 0 : (size_t)(end - rest.ptr);
    if (key_len == 0 || key_len >= NOTE_VKEY_MAX)
        return fault_set(why, STATUS_CORRUPT, "checkpoint_file", "%s has no log key" RESTORE, memory->path);
    struct slice key_text = slice_of(rest.ptr, key_len);
    enum status status = note_vkey_parse(key_text, &memory->key, why);
    if (status != STATUS_OK)
        return fault_set(why, STATUS_CORRUPT, "checkpoint_file", "the log key in %s is damaged" RESTORE,
                         memory->path);
    memcpy(memory->key_text, key_text.ptr, key_len);
    memory->key_text[key_len] = '\0';
    rest = slice_of(rest.ptr + key_len + 1, rest.len - key_len - 1);
    if (!take_prefix(&rest, "note\n") || rest.len >= NOTE_TEXT_MAX)
        return fault_set(why, STATUS_CORRUPT, "checkpoint_file", "%s has no note" RESTORE, memory->path);
    status = checkpoint_open(rest, &memory->key, &memory->seen, why);
    if (status != STATUS_OK)
        return fault_set(why, STATUS_CORRUPT, "checkpoint_file", "the note in %s is damaged" RESTORE,
                         memory->path);
    memcpy(memory->note, rest.ptr, rest.len);
    memory->note[rest.len] = '\0';
    memory->known = true;
    return STATUS_OK;
}

/* Reads the file into `memory`, whose path is set; OK with known = false when there is none. */
static enum status file_read(struct checkpoint_memory *memory, struct fault *why)
{
    memory->known = false;
    int fd = open(memory->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return STATUS_OK;
    if (fd < 0)
        return fault_set(why, STATUS_IO, "checkpoint_file", "%s cannot be read: %s", memory->path,
                         strerror(errno));
    char bytes[FILE_BYTES_MAX + 1];
    size_t len = 0;
    while (len < sizeof bytes) {
        ssize_t got = read(fd, bytes + len, sizeof bytes - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            (void)close(fd);
            return fault_set(why, STATUS_IO, "checkpoint_file", "%s cannot be read", memory->path);
        }
        if (got == 0)
            break;
        len += (size_t)got;
    }
    (void)close(fd);
    if (len > FILE_BYTES_MAX)
        return fault_set(why, STATUS_CORRUPT, "checkpoint_file", "%s is not a checkpoint file" RESTORE,
                         memory->path);
    return file_parse(slice_of(bytes, len), memory, why);
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        bytes += put;
        len -= (size_t)put;
    }
    return true;
}

static bool sync_folder_of(const char *path)
{
    char copy[CHECKPOINT_PATH_MAX];
    (void)snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool good = fsync(fd) == 0;
    (void)close(fd);
    return good;
}

/* Replaces `path` by `text`, whole or not at all, readable by its owner alone. */
static bool file_replace(const char *path, const char *text, size_t len)
{
    char beside[CHECKPOINT_PATH_MAX + 16];
    int named = snprintf(beside, sizeof beside, "%s.new", path);
    ASSERT(named > 0 && (size_t)named < sizeof beside);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    bool good = write_all(fd, text, len) && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    good = good && rename(beside, path) == 0 && sync_folder_of(path);
    if (!good)
        (void)unlink(beside);
    return good;
}

static int lock_take(const char *path)
{
    char beside[CHECKPOINT_PATH_MAX + 16];
    (void)snprintf(beside, sizeof beside, "%s.lock", path);
    int fd = open(beside, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    int locked;
    do
        locked = flock(fd, LOCK_EX);
    while (locked != 0 && errno == EINTR);
    if (locked != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* Writes what is remembered, unless another process has meanwhile seen a longer log under the same key. */
static enum status file_write(const struct checkpoint_memory *memory, struct fault *why)
{
    if (memory->path[0] == '\0')
        return STATUS_OK;
    int lock = lock_take(memory->path);
    if (lock < 0)
        return fault_set(why, STATUS_IO, "checkpoint_file", "%s.lock cannot be made or locked: %s",
                         memory->path, strerror(errno));
    struct checkpoint_memory present = {.known = false, .position_fd = -1};
    memcpy(present.path, memory->path, sizeof present.path);
    bool longer = file_read(&present, NULL) == STATUS_OK && present.known &&
                  strcmp(present.key_text, memory->key_text) == 0 && present.seen.size > memory->seen.size;
    bool good = true;
    if (!longer) {
        char text[FILE_BYTES_MAX + 1];
        int len = snprintf(text, sizeof text, FILE_HEAD "key %s\nnote\n%s", memory->key_text, memory->note);
        ASSERT(len > 0 && (size_t)len < sizeof text);
        good = file_replace(memory->path, text, (size_t)len);
    }
    int error = errno;
    (void)close(lock);
    if (!good)
        return fault_set(why, STATUS_IO, "checkpoint_file", "%s cannot be written: %s", memory->path,
                         strerror(error));
    return STATUS_OK;
}

/* ---- the position of the last answer ------------------------------------------------------------------------------ */

static int position_open(struct checkpoint_memory *memory)
{
    char beside[CHECKPOINT_PATH_MAX + 16];
    (void)snprintf(beside, sizeof beside, "%s.position", memory->path);
    if (memory->position_fd < 0)
        memory->position_fd = open(beside, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return memory->position_fd;
}

/* The position in the file if it is one of this log, else 0. */
static uint64_t position_read(const struct checkpoint_memory *memory)
{
    char bytes[POSITION_MAX];
    char key[NOTE_VKEY_MAX + 2];
    uint64_t position;
    ssize_t len = pread(memory->position_fd, bytes, sizeof bytes, 0);
    struct slice rest = slice_of(bytes, len > 0 ? (size_t)len : 0);
    (void)snprintf(key, sizeof key, " %s\n", memory->key_text);
    if (!take_prefix(&rest, POSITION_HEAD) || rest.len < 20 ||
        !number_parse(slice_of(rest.ptr, 20), 0, UINT64_MAX, &position))
        return 0;
    rest = slice_of(rest.ptr + 20, rest.len - 20);
    return take_prefix(&rest, key) ? position : 0;
}

static void position_write(struct checkpoint_memory *memory)
{
    char text[POSITION_MAX + 1];
    if (position_open(memory) < 0 || flock(memory->position_fd, LOCK_EX) != 0)
        return;
    int len = snprintf(text, sizeof text, POSITION_HEAD "%020llu %s\n", (unsigned long long)memory->answered,
                       memory->key_text);
    ASSERT(len > 0 && (size_t)len < sizeof text);
    if (position_read(memory) < memory->answered && /* else another process was told of a later one */
        pwrite(memory->position_fd, text, (size_t)len, 0) == len)
        (void)!ftruncate(memory->position_fd, len);
    (void)flock(memory->position_fd, LOCK_UN);
}

/* With the first checkpoint of a log: what was answered before it is of a log that was given up by hand. */
static void position_forget(struct checkpoint_memory *memory)
{
    memory->answered = 0;
    if (memory->path[0] != '\0' && position_open(memory) >= 0)
        (void)!ftruncate(memory->position_fd, 0);
}

void checkpoint_answered(struct checkpoint_memory *memory, uint64_t position)
{
    if (position <= memory->answered || !memory->known)
        return;
    memory->answered = position;
    if (memory->path[0] != '\0')
        position_write(memory);
}

void checkpoint_done(struct checkpoint_memory *memory)
{
    if (memory->position_fd >= 0)
        (void)close(memory->position_fd);
    memory->position_fd = -1;
}

enum status checkpoint_load(struct checkpoint_memory *memory, const char *path, const char *log_key,
                            struct fault *why)
{
    *memory = (struct checkpoint_memory){.known = false, .position_fd = -1};
    if (path != NULL) {
        size_t len = strlen(path);
        if (len == 0 || len >= CHECKPOINT_PATH_MAX - 16)
            return fault_set(why, STATUS_INVALID, "checkpoint_file", "a path of at most %d bytes",
                             CHECKPOINT_PATH_MAX - 17);
        memcpy(memory->path, path, len + 1);
        enum status status = file_read(memory, why);
        if (status != STATUS_OK)
            return status;
        if (memory->known && position_open(memory) >= 0)
            memory->answered = position_read(memory);
    }
    if (log_key == NULL)
        return STATUS_OK;
    struct note_verifier key;
    enum status status = note_vkey_parse(slice_text(log_key), &key, why);
    if (status != STATUS_OK)
        return fault_set(why, STATUS_INVALID, "log_key",
                         "a verifier key \"name+id+key\" as the server's checkpoint has");
    if (memory->known && strcmp(memory->key_text, log_key) != 0)
        return fault_set(why, STATUS_CORRUPT, "log_key", "another log key than that remembered in %s",
                         memory->path);
    memory->pinned = true;
    memory->key = key;
    (void)snprintf(memory->key_text, sizeof memory->key_text, "%s", log_key);
    return STATUS_OK;
}

uint64_t checkpoint_seen_size(const struct checkpoint_memory *memory)
{
    return memory->known ? memory->seen.size : 0;
}

/* Keeps both notes beside the checkpoint file; the first evidence stays, later ones are appended up to a limit. */
static void evidence_keep(struct checkpoint_memory *memory, struct slice note, struct slice key_text)
{
    size_t len = note.len < NOTE_TEXT_MAX ? note.len : NOTE_TEXT_MAX - 1;
    memcpy(memory->shown_note, note.ptr, len);
    memory->shown_note[len] = '\0';
    memory->evidence = true;
    if (memory->path[0] == '\0')
        return;
    char beside[CHECKPOINT_PATH_MAX + 16];
    (void)snprintf(beside, sizeof beside, "%s.rolled-back", memory->path);
    int fd = open(beside, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return;
    struct stat info;
    char text[2 * (NOTE_TEXT_MAX + NOTE_VKEY_MAX) + 128];
    int put =
        snprintf(text, sizeof text,
                 "seen key %s\nseen note\n%s\nanswered from position %llu\nshown key %.*s\nshown note\n%s\n",
                 memory->key_text, memory->note, (unsigned long long)memory->answered,
                 (int)(key_text.len < NOTE_VKEY_MAX ? key_text.len : NOTE_VKEY_MAX),
                 (const char *)key_text.ptr, memory->shown_note);
    if (fstat(fd, &info) == 0 && info.st_size < 1024 * 1024 && put > 0 && (size_t)put < sizeof text &&
        write_all(fd, text, (size_t)put))
        (void)fsync(fd);
    (void)close(fd);
}

static enum status remember(struct checkpoint_memory *memory, const struct note_verifier *key,
                            struct slice key_text, struct slice note, const struct checkpoint *shown,
                            struct fault *why)
{
    bool same = memory->known && memory->seen.size == shown->size;
    if (!memory->known)
        position_forget(memory);
    memory->key = *key;
    memcpy(memory->key_text, key_text.ptr, key_text.len);
    memory->key_text[key_text.len] = '\0';
    memcpy(memory->note, note.ptr, note.len);
    memory->note[note.len] = '\0';
    memory->seen = *shown;
    memory->known = true;
    return same ? STATUS_OK : file_write(memory, why);
}

enum status checkpoint_check(struct checkpoint_memory *memory, struct slice note, struct slice key_text,
                             const struct hash *proof, size_t proof_count, struct fault *why)
{
    struct note_verifier key;
    if (key_text.len == 0 || key_text.len >= NOTE_VKEY_MAX || note.len >= NOTE_TEXT_MAX ||
        note_vkey_parse(key_text, &key, NULL) != STATUS_OK)
        return fault_set(why, STATUS_CORRUPT, "checkpoint",
                         "the server shows no usable log key and checkpoint");
    bool has_key = memory->known || memory->pinned;
    if (has_key && !slice_equal(key_text, slice_text(memory->key_text))) {
        evidence_keep(memory, note, key_text);
        return fault_set(why, STATUS_ROLLED_BACK, "log_key",
                         "the server shows another log than before: its key is %.*s, it was %s",
                         (int)key_text.len, (const char *)key_text.ptr, memory->key_text);
    }
    struct checkpoint shown;
    if (checkpoint_open(note, &key, &shown, NULL) != STATUS_OK)
        return fault_set(why, STATUS_CORRUPT, "checkpoint",
                         "the server's checkpoint is not signed by its log key");
    if (memory->known && shown.size < memory->seen.size) {
        evidence_keep(memory, note, key_text);
        return fault_set(why, STATUS_ROLLED_BACK, "checkpoint",
                         "the server's log has %llu records; %llu were there before",
                         (unsigned long long)shown.size, (unsigned long long)memory->seen.size);
    }
    if (memory->known && shown.size < memory->answered) {
        evidence_keep(memory, note, key_text);
        return fault_set(why, STATUS_ROLLED_BACK, "position",
                         "the server's log has %llu records; it answered from record %llu before",
                         (unsigned long long)shown.size, (unsigned long long)memory->answered);
    }
    if (memory->known && memory->seen.size > 0 &&
        !tree_verify_consistency(memory->seen.size, shown.size, &memory->seen.root, &shown.root, proof,
                                 proof_count)) {
        evidence_keep(memory, note, key_text);
        return fault_set(
            why, STATUS_ROLLED_BACK, "consistency",
            "the server cannot prove that its log of %llu records extends the one of %llu seen before",
            (unsigned long long)shown.size, (unsigned long long)memory->seen.size);
    }
    return remember(memory, &key, key_text, note, &shown, why);
}
