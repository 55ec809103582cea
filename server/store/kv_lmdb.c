#include "server/store/kv_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/bug.h"
#include "server/store/folder.h"

#define READER_BYTES    64 /* of LMDB's lock file: a cache line a reader, behind its head */
#define LOCK_HEAD_BYTES 4096
#define LENGTH_TRIES    5u
#define CUT_SHORT_BYTES (UINT64_C(64) << 20) /* less is free: a write cut short found no room */

struct store {
    struct kv base;
    MDB_env *env;
    const struct kv_table *tables;
    unsigned count;
    int guard; /* data.mdb, flock'ed while open for writing; -1 when read only */
    bool derived;
    bool opened; /* for writing, and whole: the file is given a lead */
    atomic_bool writing;
    uint64_t map_bytes;
    uint64_t page_bytes;
    char path[FOLDER_PATH_MAX];
    bool missing[KV_TABLES_MAX]; /* read only, and the table was never made */
    MDB_dbi tables_dbi[KV_TABLES_MAX];
};

struct store_txn {
    struct kv_txn base;
    struct store *store;
    MDB_txn *txn;
    struct store_cursor *cursors;
    enum status error;
    bool write;
};

struct store_cursor {
    struct kv_cursor base;
    struct store_txn *txn;
    MDB_cursor *cursor; /* NULL: the table is missing */
    struct store_cursor *next;
    unsigned table;
    enum { PLACE_FRESH, PLACE_ON_ROW, PLACE_ON_KEY, PLACE_OFF } place;
    MDB_val row_key, row_value; /* PLACE_ON_ROW */
    size_t key_len;             /* PLACE_ON_KEY: a write came between */
    uint8_t key[KV_KEY_MAX];
};

static enum status status_of(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return STATUS_OK;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case ENOSPC:
    case EDQUOT:
        return STATUS_FULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_VERSION_MISMATCH:
    case MDB_INVALID:
        return STATUS_CORRUPT;
    case MDB_READERS_FULL:
        return STATUS_BUSY;
    case ENOMEM:
        return STATUS_NO_MEMORY;
    case ENOENT:
    case MDB_NOTFOUND:
        return STATUS_NOT_FOUND;
    case MDB_BAD_VALSIZE:
    case EINVAL:
        return STATUS_INTERNAL;
    default:
        return STATUS_IO;
    }
}

static struct store *store_of(struct kv *kv)
{
    return (struct store *)(void *)kv;
}

static struct store_txn *txn_of(struct kv_txn *txn)
{
    return (struct store_txn *)(void *)txn;
}

static struct store_cursor *cursor_of(struct kv_cursor *cursor)
{
    return (struct store_cursor *)(void *)cursor;
}

static MDB_val val_of(struct slice slice)
{
    return (MDB_val){.mv_size = slice.len, .mv_data = (void *)(uintptr_t)slice.ptr};
}

static struct slice slice_of_val(const MDB_val *val)
{
    return slice_of(val->mv_data, val->mv_size);
}

/* ---- transactions -------------------------------------------------------------------------------------------- */

static void store_set_error(struct kv_txn *txn, enum status status)
{
    struct store_txn *self = txn_of(txn);
    if (self->error == STATUS_OK)
        self->error = status;
}

static enum status store_error(const struct kv_txn *txn)
{
    return ((const struct store_txn *)(const void *)txn)->error;
}

static enum status store_begin(struct kv *kv, bool write, struct kv_txn **out)
{
    struct store *store = store_of(kv);
    ASSERT(!write || store->guard >= 0);
    /* LMDB would wait for the other writer, for ever when that is this very thread. */
    if (write && atomic_exchange(&store->writing, true))
        return STATUS_BUSY;
    struct store_txn *txn = malloc(sizeof *txn);
    int rc = txn == NULL ? ENOMEM : MDB_SUCCESS;
    MDB_txn *handle = NULL;
    if (rc == MDB_SUCCESS)
        rc = mdb_txn_begin(store->env, NULL, write ? 0 : MDB_RDONLY, &handle);
    if (rc == MDB_READERS_FULL) {
        /* Slots of processes that died are only given back when somebody looks. */
        int dead = 0;
        mdb_reader_check(store->env, &dead);
        if (dead > 0)
            rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &handle);
    }
    if (rc != MDB_SUCCESS) {
        free(txn);
        if (write)
            atomic_store(&store->writing, false);
        return status_of(rc);
    }
    *txn = (struct store_txn){.base = {.ops = kv->ops}, .store = store, .txn = handle, .write = write};
    *out = &txn->base;
    return STATUS_OK;
}

static void store_end(struct store_txn *txn)
{
    if (txn->write)
        atomic_store(&txn->store->writing, false);
    free(txn);
}

static void store_abort(struct kv_txn *txn)
{
    struct store_txn *self = txn_of(txn);
    ASSERT(self->cursors == NULL);
    mdb_txn_abort(self->txn);
    store_end(self);
}

/* More than one commit of the log makes the file grow. */
#define LEAD_BYTES (UINT64_C(16) << 20)

/* Is the file as long as the newest meta page says? Reading behind its end would be a fault of memory (SIGBUS). LMDB does
 * not write pages that a transaction took at the end and gave back, so a commit may leave the file short. Whoever writes
 * (`lead`) therefore keeps it longer than that, by a hole, so that it is long enough also when the process is killed
 * right after a commit. What cannot be lengthened for want of room is dropped or refused at the next start. */
static bool length_is_whole(const struct store *store, bool lead, uint64_t *out_len, uint64_t *out_wanted)
{
    MDB_envinfo info;
    MDB_stat about;
    struct stat file;
    int fd = -1;
    if (mdb_env_info(store->env, &info) != MDB_SUCCESS || mdb_env_stat(store->env, &about) != MDB_SUCCESS ||
        mdb_env_get_fd(store->env, &fd) != MDB_SUCCESS || fstat(fd, &file) != 0)
        return true; /* not known */
    uint64_t wanted = ((uint64_t)info.me_last_pgno + 1) * about.ms_psize, len = (uint64_t)file.st_size;
    if (out_len != NULL) {
        *out_len = len;
        *out_wanted = wanted;
    }
    if (lead && len < wanted + LEAD_BYTES / 2 && ftruncate(fd, (off_t)(wanted + LEAD_BYTES)) == 0)
        return true;
    return len >= wanted;
}

/* Before a good close: without the lead. */
static void length_trim(const struct store *store)
{
    uint64_t len = 0, wanted = 0;
    int fd = -1;
    if (length_is_whole(store, false, &len, &wanted) && len > wanted &&
        mdb_env_get_fd(store->env, &fd) == MDB_SUCCESS)
        (void)!ftruncate(fd, (off_t)wanted);
}

/* LMDB gives EIO when a write was cut short, which is how a disk that is all but full takes a long one. */
static bool cut_short(const struct store *store, int rc)
{
    struct statvfs disk;
    int fd = -1;
    return rc == EIO && mdb_env_get_fd(store->env, &fd) == MDB_SUCCESS && fstatvfs(fd, &disk) == 0 &&
           (uint64_t)disk.f_bavail * disk.f_frsize < CUT_SHORT_BYTES;
}

static enum status store_commit(struct kv_txn *txn)
{
    struct store_txn *self = txn_of(txn);
    struct store *store = self->store;
    enum status status = self->error;
    if (status != STATUS_OK) {
        store_abort(txn);
        return status;
    }
    ASSERT(self->cursors == NULL);
    int rc = mdb_txn_commit(self->txn); /* frees the handle whatever it returns */
    if (rc == MDB_SUCCESS && self->write)
        (void)length_is_whole(store, true, NULL, NULL);
    store_end(self);
    return cut_short(store, rc) ? STATUS_FULL : status_of(rc);
}

/* ---- point access -------------------------------------------------------------------------------------------- */

static bool key_fits(struct slice key)
{
    return key.len >= 1 && key.len <= KV_KEY_MAX;
}

static bool store_get(struct kv_txn *txn, unsigned table, struct slice key, struct slice *out)
{
    struct store_txn *self = txn_of(txn);
    ASSERT(table < self->store->count);
    if (self->error != STATUS_OK || !key_fits(key) || self->store->missing[table])
        return false;
    MDB_val name = val_of(key), value;
    int rc = mdb_get(self->txn, self->store->tables_dbi[table], &name, &value);
    if (rc == MDB_NOTFOUND)
        return false;
    if (rc != MDB_SUCCESS) {
        self->error = status_of(rc);
        return false;
    }
    if (value.mv_size > KV_VALUE_MAX + KV_VALUE_ROOM) { /* pages that were changed */
        self->error = STATUS_CORRUPT;
        return false;
    }
    *out = slice_of_val(&value);
    return true;
}

/* Values on pages of their own are fetched from the disk while the caller does other things: whole, where a page fault
 * would bring a piece and wait for it. */
static void store_hint(struct kv_txn *txn, unsigned table, struct slice key, unsigned step)
{
    struct store_txn *self = txn_of(txn);
    ASSERT(table < self->store->count);
    if (step == 0 || self->error != STATUS_OK || !key_fits(key) || self->store->missing[table])
        return;
    MDB_val name = val_of(key), value;
    if (mdb_get(self->txn, self->store->tables_dbi[table], &name, &value) != MDB_SUCCESS ||
        value.mv_size < self->store->page_bytes || value.mv_size > KV_VALUE_MAX + KV_VALUE_ROOM)
        return;
    uintptr_t at = (uintptr_t)value.mv_data, from = at - at % self->store->page_bytes;
    (void)madvise((void *)from, at + value.mv_size - from, MADV_WILLNEED);
}

/* Cursors remember their key: a write may move what they stand on. */
static void cursors_let_go(struct store_txn *txn)
{
    for (struct store_cursor *cursor = txn->cursors; cursor != NULL; cursor = cursor->next) {
        if (cursor->place != PLACE_ON_ROW)
            continue;
        cursor->key_len = cursor->row_key.mv_size;
        memcpy(cursor->key, cursor->row_key.mv_data, cursor->key_len);
        cursor->place = PLACE_ON_KEY;
    }
}

/* Before a write: false when it must not happen. */
static bool write_begin(struct store_txn *self, unsigned table, bool fits)
{
    ASSERT(self->write && table < self->store->count);
    if (self->error == STATUS_OK && !fits)
        self->error = STATUS_INTERNAL;
    if (self->error != STATUS_OK)
        return false;
    cursors_let_go(self);
    return true;
}

static void store_put(struct kv_txn *txn, unsigned table, struct slice key, struct slice value)
{
    struct store_txn *self = txn_of(txn);
    if (!write_begin(self, table, key_fits(key) && value.len <= KV_VALUE_MAX + KV_VALUE_ROOM))
        return;
    MDB_dbi dbi = self->store->tables_dbi[table];
    MDB_val name = val_of(key), content = val_of(value);
    int rc = MDB_KEYEXIST;
    if ((self->store->tables[table].flags & KV_APPENDED) != 0)
        rc = mdb_put(self->txn, dbi, &name, &content, MDB_APPEND); /* KEYEXIST: not behind the last key */
    if (rc == MDB_KEYEXIST)
        rc = mdb_put(self->txn, dbi, &name, &content, 0);
    if (rc != MDB_SUCCESS)
        self->error = status_of(rc);
}

static void store_del(struct kv_txn *txn, unsigned table, struct slice key)
{
    struct store_txn *self = txn_of(txn);
    if (!write_begin(self, table, key_fits(key)))
        return;
    MDB_val name = val_of(key);
    int rc = mdb_del(self->txn, self->store->tables_dbi[table], &name, NULL);
    if (rc != MDB_SUCCESS && rc != MDB_NOTFOUND)
        self->error = status_of(rc);
}

static void store_clear(struct kv_txn *txn, unsigned table)
{
    struct store_txn *self = txn_of(txn);
    if (!write_begin(self, table, true))
        return;
    int rc = mdb_drop(self->txn, self->store->tables_dbi[table], 0);
    if (rc != MDB_SUCCESS)
        self->error = status_of(rc);
}

/* ---- cursors ------------------------------------------------------------------------------------------------- */

static struct kv_cursor *store_cursor_open(struct kv_txn *txn, unsigned table)
{
    struct store_txn *self = txn_of(txn);
    ASSERT(table < self->store->count);
    if (self->error != STATUS_OK)
        return NULL;
    struct store_cursor *cursor = malloc(sizeof *cursor);
    int rc = cursor == NULL ? ENOMEM : MDB_SUCCESS;
    MDB_cursor *handle = NULL;
    if (rc == MDB_SUCCESS && !self->store->missing[table])
        rc = mdb_cursor_open(self->txn, self->store->tables_dbi[table], &handle);
    if (rc != MDB_SUCCESS) {
        free(cursor);
        self->error = status_of(rc);
        return NULL;
    }
    cursor->base.ops = txn->ops;
    cursor->txn = self;
    cursor->cursor = handle;
    cursor->table = table;
    cursor->place = PLACE_FRESH;
    cursor->next = self->cursors;
    self->cursors = cursor;
    return &cursor->base;
}

static void store_cursor_close(struct kv_cursor *cursor)
{
    struct store_cursor *self = cursor_of(cursor);
    struct store_cursor **link = &self->txn->cursors;
    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
    if (self->cursor != NULL)
        mdb_cursor_close(self->cursor);
    free(self);
}

/* What was put always does; callers copy keys into KV_KEY_MAX bytes. Else the pages were changed. */
static bool row_fits(const struct store_cursor *self)
{
    return key_fits(slice_of_val(&self->row_key)) && self->row_value.mv_size <= KV_VALUE_MAX + KV_VALUE_ROOM;
}

static bool cursor_move(struct store_cursor *self, MDB_cursor_op op)
{
    int rc = MDB_NOTFOUND;
    if (self->cursor != NULL && self->txn->error == STATUS_OK)
        rc = mdb_cursor_get(self->cursor, &self->row_key, &self->row_value, op);
    if (rc == MDB_SUCCESS && row_fits(self)) {
        self->place = PLACE_ON_ROW;
        return true;
    }
    if (rc != MDB_NOTFOUND)
        self->txn->error = rc == MDB_SUCCESS ? STATUS_CORRUPT : status_of(rc);
    self->place = PLACE_OFF;
    return false;
}

static bool store_cursor_seek(struct kv_cursor *cursor, struct slice key)
{
    struct store_cursor *self = cursor_of(cursor);
    if (key.len == 0)
        return cursor_move(self, MDB_FIRST);
    self->row_key = val_of(key);
    return cursor_move(self, MDB_SET_RANGE);
}

static bool store_cursor_last(struct kv_cursor *cursor, struct slice key)
{
    struct store_cursor *self = cursor_of(cursor);
    if (key.len == 0 || !store_cursor_seek(cursor, key))
        return self->txn->error == STATUS_OK && cursor_move(self, MDB_LAST);
    return slice_equal(slice_of_val(&self->row_key), key) || cursor_move(self, MDB_PREV);
}

static bool store_cursor_next(struct kv_cursor *cursor)
{
    struct store_cursor *self = cursor_of(cursor);
    if (self->place == PLACE_OFF)
        return false;
    if (self->place == PLACE_FRESH)
        return cursor_move(self, MDB_FIRST);
    if (self->place == PLACE_ON_ROW)
        return cursor_move(self, MDB_NEXT);
    struct slice key = slice_of(self->key, self->key_len);
    if (!store_cursor_seek(cursor, key))
        return false;
    return !slice_equal(slice_of_val(&self->row_key), key) || cursor_move(self, MDB_NEXT);
}

static bool store_cursor_previous(struct kv_cursor *cursor)
{
    struct store_cursor *self = cursor_of(cursor);
    if (self->place == PLACE_OFF)
        return false;
    if (self->place == PLACE_FRESH)
        return cursor_move(self, MDB_LAST);
    if (self->place == PLACE_ON_ROW)
        return cursor_move(self, MDB_PREV);
    struct slice key = slice_of(self->key, self->key_len);
    if (!store_cursor_seek(cursor, key)) /* every key is smaller */
        return self->txn->error == STATUS_OK && cursor_move(self, MDB_LAST);
    return cursor_move(self, MDB_PREV);
}

static void store_cursor_row(struct kv_cursor *cursor, struct slice *key, struct slice *value)
{
    struct store_cursor *self = cursor_of(cursor);
    ASSERT(self->place == PLACE_ON_ROW);
    *key = slice_of_val(&self->row_key);
    if (value != NULL)
        *value = slice_of_val(&self->row_value);
}

/* ---- the store ----------------------------------------------------------------------------------------------- */

static enum status store_sync(struct kv *kv)
{
    struct store *store = store_of(kv);
    return store->derived ? status_of(mdb_env_sync(store->env, 1)) : STATUS_OK;
}

/* Used is the high-water mark: pages given back inside are not counted as room. The limit is what map and disk both
 * still allow. */
static void store_usage(struct kv *kv, uint64_t *used_bytes, uint64_t *limit_bytes)
{
    struct store *store = store_of(kv);
    MDB_envinfo info;
    mdb_env_info(store->env, &info);
    uint64_t used = ((uint64_t)info.me_last_pgno + 1) * store->page_bytes;
    uint64_t limit = info.me_mapsize;
    struct statvfs disk;
    struct stat file;
    int fd = -1;
    if (mdb_env_get_fd(store->env, &fd) == MDB_SUCCESS && fstatvfs(fd, &disk) == 0 && fstat(fd, &file) == 0) {
        /* A file may be longer than what is used of it, but its blocks count only once written. */
        uint64_t written = (uint64_t)file.st_blocks * 512;
        uint64_t possible = (written > used ? written : used) + (uint64_t)disk.f_bavail * disk.f_frsize;
        if (possible < limit)
            limit = possible;
    }
    *used_bytes = used;
    *limit_bytes = limit;
}

static void store_close(struct kv *kv)
{
    struct store *store = store_of(kv);
    ASSERT(!atomic_load(&store->writing));
    if (store->opened)
        length_trim(store);
    if (store->env != NULL)
        mdb_env_close(store->env);
    if (store->guard >= 0)
        close(store->guard);
    free(store);
}

static const struct kv_ops store_ops = {
    .begin = store_begin,
    .commit = store_commit,
    .abort = store_abort,
    .get = store_get,
    .hint = store_hint,
    .put = store_put,
    .del = store_del,
    .clear = store_clear,
    .cursor_open = store_cursor_open,
    .cursor_seek = store_cursor_seek,
    .cursor_last = store_cursor_last,
    .cursor_next = store_cursor_next,
    .cursor_previous = store_cursor_previous,
    .cursor_row = store_cursor_row,
    .cursor_close = store_cursor_close,
    .set_error = store_set_error,
    .error = store_error,
    .sync = store_sync,
    .usage = store_usage,
    .close = store_close,
};

/* One writer per environment, in this process and all others: LMDB's own lock would let two of them in by turns,
 * and breaks when one process opens an environment twice. flock belongs to the open file, so it sees both. */
static enum status guard_take(struct store *store, bool create, struct fault *why)
{
    char file[FOLDER_PATH_MAX];
    enum status status = folder_join(store->path, "data.mdb", file, why);
    if (status != STATUS_OK)
        return status;
    store->guard = open(file, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);
    if (store->guard < 0)
        return folder_fault(why, file, "open", errno);
    if (flock(store->guard, LOCK_EX | LOCK_NB) == 0)
        return STATUS_OK;
    if (errno == EWOULDBLOCK)
        return fault_set(why, STATUS_BUSY, file, "this store is already open for writing");
    return folder_fault(why, file, "lock", errno);
}

static int tables_open(struct store *store, bool create, bool read_only)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(store->env, NULL, create ? 0 : MDB_RDONLY, &txn);
    for (unsigned i = 0; i < store->count && rc == MDB_SUCCESS; i++) {
        rc = mdb_dbi_open(txn, store->tables[i].name, create ? MDB_CREATE : 0, &store->tables_dbi[i]);
        if (rc == MDB_NOTFOUND && read_only) {
            store->missing[i] = true;
            rc = MDB_SUCCESS;
        }
    }
    if (rc == MDB_SUCCESS)
        return mdb_txn_commit(txn);
    if (txn != NULL)
        mdb_txn_abort(txn);
    return rc;
}

/* Before any page but the meta pages is read. A writer in another process may be
 * between its commit and the lengthening. */
static enum status length_check(const struct store *store, struct fault *why)
{
    uint64_t len = 0, wanted = 0;
    for (unsigned tries = 0; tries < LENGTH_TRIES; tries++) {
        if (length_is_whole(store, false, &len, &wanted))
            return STATUS_OK;
        if (store->guard >= 0)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return fault_set(why, STATUS_CORRUPT, store->path,
                     "data.mdb is shorter than its store says: %llu of %llu bytes", (unsigned long long)len,
                     (unsigned long long)wanted);
}

/* LMDB makes its lock file sparse and writes it through a mapping, where a disk without room is a fault of memory (SIGBUS):
 * its blocks are taken before. The length stays as it is: LMDB counts readers' slots by it. Never after mdb_env_open: closing
 * the file drops this process's record locks on it (fcntl), and who comes next would take the table for nobody's. */
static enum status lock_room(const struct store *store, unsigned readers_max, struct fault *why)
{
    char file[FOLDER_PATH_MAX];
    enum status status = folder_join(store->path, "lock.mdb", file, why);
    if (status != STATUS_OK)
        return status;
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return status_of(errno) == STATUS_FULL
                   ? fault_set(why, STATUS_FULL, file, "no room for the lock file")
                   : folder_fault(why, file, "open", errno);
    off_t len = (off_t)readers_max * READER_BYTES + LOCK_HEAD_BYTES;
    int error = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, len) == 0 ? 0 : errno;
    close(fd);
    return status_of(error) == STATUS_FULL ? fault_set(why, STATUS_FULL, file, "no room for the lock file")
                                           : STATUS_OK; /* not every file system can */
}

/* A file that is there and empty was cut: LMDB would make a new store of it. */
static enum status empty_check(const struct store *store, struct fault *why)
{
    struct stat file;
    if (store->guard >= 0 && fstat(store->guard, &file) == 0 && file.st_size == 0)
        return fault_set(why, STATUS_CORRUPT, store->path, "data.mdb is empty");
    return STATUS_OK;
}

static enum status env_open(struct store *store, const struct kv_lmdb_options *options, struct fault *why)
{
    /* NOTLS: read transactions belong to whoever holds them, not to a thread. */
    unsigned flags = MDB_NOTLS | (options->read_only ? MDB_RDONLY : 0);
    if (!options->read_only && store->derived)
        flags |= MDB_NOSYNC;
    int rc = mdb_env_create(&store->env);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_set_maxdbs(store->env, options->count);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_set_maxreaders(store->env, options->readers_max);
    if (rc == MDB_SUCCESS && !options->read_only)
        rc = mdb_env_set_mapsize(store->env, options->map_bytes / store->page_bytes * store->page_bytes);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_open(store->env, store->path, flags, 0600);
    if (rc == EBADF && options->read_only)
        rc = MDB_INVALID; /* what LMDB gives for an empty file that it may not write */
    enum status status = rc == MDB_SUCCESS ? length_check(store, why) : STATUS_OK;
    if (status != STATUS_OK)
        return status;
    if (rc == MDB_SUCCESS)
        rc = tables_open(store, options->create && !options->read_only, options->read_only);
    if (rc != MDB_SUCCESS)
        return fault_set(why, status_of(rc), store->path, "cannot open the store: %s", mdb_strerror(rc));
    store->opened = !options->read_only;
    if (store->opened)
        (void)length_is_whole(store, true, NULL, NULL);
    return STATUS_OK;
}

enum status kv_lmdb_open(const struct kv_lmdb_options *options, struct kv **out, struct fault *why)
{
    ASSERT(options->count <= KV_TABLES_MAX && options->readers_max > 0);
    if (strlen(options->path) >= FOLDER_PATH_MAX)
        return fault_set(why, STATUS_INVALID, "path", "a path shorter than %d bytes", FOLDER_PATH_MAX);
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return fault_set(why, STATUS_NO_MEMORY, options->path, "memory for the store");
    store->base.ops = &store_ops;
    store->tables = options->tables;
    store->count = options->count;
    store->guard = -1;
    store->derived = options->durability == KV_LMDB_DERIVED;
    store->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    memcpy(store->path, options->path, strlen(options->path) + 1);
    bool create = options->create && !options->read_only;

    enum status status = create ? folder_make(store->path, why) : STATUS_OK;
    if (status == STATUS_OK && !options->read_only)
        status = guard_take(store, create, why);
    if (status == STATUS_OK && !create)
        status = empty_check(store, why);
    if (status == STATUS_OK && store->guard >= 0)
        status = lock_room(store, options->readers_max, why);
    if (status == STATUS_OK)
        status = env_open(store, options, why);
    if (status == STATUS_OK && create)
        status = folder_sync(store->path, why); /* LMDB syncs its files, not the folder that names them */
    if (status != STATUS_OK) {
        store_close(&store->base);
        return status;
    }
    *out = &store->base;
    return STATUS_OK;
}
