/* The log port's contract, over memory, over LMDB and over a sealed LMDB. Rerun a random case with DAFTARI_SEED=number. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/base/bytes.h"
#include "server/log/log.h"
#include "tests/support/random.h"
#include "tests/support/records.h"
#include "tests/support/scratch.h"
#include "tests/support/stores.h"

static const struct store_kind impls[] = {
    {.name = "mem"}, {.name = "lmdb", .lmdb = true}, {.name = "sealed-lmdb", .lmdb = true, .sealed = true}};

#define RECORDS_MAX 20000u

struct fixture {
    const struct store_kind *impl;
    char folder[SCRATCH_PATH_MAX];
    struct keyring *keyring;
    struct log *log;
    struct random random;
    struct record_maker maker;
    struct tree_range tree; /* of all that was committed */
    struct hash *hashes;    /* of every record, by position - 1 */
    struct hash *roots;     /* by size */
};

static struct kv *plain_open(const struct fixture *f, uint64_t map_bytes)
{
    return store_plain(f->impl, f->folder, log_tables, LOG_TABLE_COUNT, map_bytes);
}

static enum status try_open(struct fixture *f, uint64_t map_bytes, struct fault *why)
{
    struct kv *kv = plain_open(f, map_bytes);
    if (f->impl->sealed) {
        f->keyring = store_keyring(f->folder);
        enum status status = store_try_seal(kv, f->keyring, log_tables, LOG_TABLE_COUNT, &kv, why);
        if (status != STATUS_OK)
            return status;
    }
    return log_over_kv_open(kv, &f->log, why);
}

static void open_log(struct fixture *f)
{
    struct fault why = {0};
    enum status status = try_open(f, 1u << 30, &why);
    if (status != STATUS_OK)
        print_error("%s: %s\n", why.field, why.text);
    assert_int_equal(status, STATUS_OK);
}

static void close_log(struct fixture *f)
{
    log_close(f->log);
    keyring_close(f->keyring);
    f->log = NULL;
    f->keyring = NULL;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->impl = *state;
    f->random = random_start();
    f->hashes = calloc(RECORDS_MAX, sizeof *f->hashes);
    f->roots = calloc(RECORDS_MAX + 1, sizeof *f->roots);
    tree_empty_root(&f->roots[0]);
    scratch_make(f->folder);
    open_log(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close_log(f);
    scratch_remove(f->folder);
    free(f->hashes);
    free(f->roots);
    free(f);
    return 0;
}

static void append_one(struct fixture *f, size_t payload_len)
{
    static uint8_t bytes[RECORD_BYTES_MAX];
    struct hash hash;
    size_t size = record_make(&f->maker, &f->random, payload_len, bytes, &hash);
    assert_true(f->maker.position <= RECORDS_MAX);
    f->hashes[f->maker.position - 1] = hash;
    assert_int_equal(log_append(f->log, slice_of(bytes, size), &hash), STATUS_OK);
}

static void note_committed(struct fixture *f)
{
    while (f->tree.size < f->maker.position) {
        tree_range_append(&f->tree, &f->hashes[f->tree.size]);
        tree_range_root(&f->tree, &f->roots[f->tree.size]);
    }
}

static void commit(struct fixture *f)
{
    assert_int_equal(log_commit(f->log), STATUS_OK);
    note_committed(f);
}

static void batch(struct fixture *f, size_t count, size_t payload_max)
{
    for (size_t i = 0; i < count; i++)
        append_one(f, random_below(&f->random, payload_max + 1));
    commit(f);
}

static void read_is(struct fixture *f, struct log_reader *reader, uint64_t position)
{
    struct slice bytes;
    struct hash hash;
    struct fault why = {0};
    assert_int_equal(log_read(reader, position, &bytes, &why), STATUS_OK);
    record_hash(bytes, &hash);
    assert_memory_equal(hash.bytes, f->hashes[position - 1].bytes, HASH_BYTES);
}

/* Head, every record, and roots and proofs at chosen sizes. */
static void all_is_there(struct fixture *f)
{
    struct log_head head;
    log_head(f->log, &head);
    assert_int_equal(head.size, f->tree.size);
    if (head.size == 0)
        return;
    assert_memory_equal(head.last.bytes, f->hashes[head.size - 1].bytes, HASH_BYTES);
    struct log_reader *reader = NULL;
    assert_int_equal(log_reader_open(f->log, &reader), STATUS_OK);
    for (uint64_t position = 1; position <= head.size; position++)
        read_is(f, reader, position);
    log_reader_rest(reader);
    for (unsigned i = 0; i < 200; i++)
        read_is(f, reader, 1 + random_below(&f->random, head.size));
    struct slice none;
    assert_int_equal(log_read(reader, head.size + 1, &none, NULL), STATUS_END);
    assert_int_equal(log_read(reader, 0, &none, NULL), STATUS_END);
    log_reader_close(reader);
    for (unsigned i = 0; i < 50; i++) {
        uint64_t size = i == 0 ? head.size : random_below(&f->random, head.size + 1);
        struct hash root;
        assert_int_equal(log_root(f->log, size, &root), STATUS_OK);
        assert_memory_equal(root.bytes, f->roots[size].bytes, HASH_BYTES);
    }
}

static enum status source_node(void *context, uint32_t level, uint64_t index, struct hash *out)
{
    return log_node(context, level, index, out);
}

static void empty_log(void **state)
{
    struct fixture *f = *state;
    struct log_head head;
    struct log_reader *reader = NULL;
    struct slice none;
    struct hash root;
    log_head(f->log, &head);
    assert_int_equal(head.size, 0);
    assert_int_equal(log_reader_open(f->log, &reader), STATUS_OK);
    assert_int_equal(log_read(reader, 1, &none, NULL), STATUS_END);
    log_reader_close(reader);
    assert_int_equal(log_root(f->log, 0, &root), STATUS_OK);
    assert_memory_equal(root.bytes, f->roots[0].bytes, HASH_BYTES);
    assert_int_equal(log_commit(f->log), STATUS_OK); /* nothing open */
    log_abandon(f->log);
    log_head(f->log, &head);
    assert_int_equal(head.size, 0);
}

static void batches_of_many_sizes(void **state)
{
    struct fixture *f = *state;
    static const size_t counts[] = {1, 1, 2, 251, 1, 255, 256, 257, 1000, 1, 3000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        batch(f, counts[i], 300);
    all_is_there(f);
}

static void sizes_at_block_edges(void **state)
{
    struct fixture *f = *state;
    size_t fixed = record_size(2, 0, 0);
    for (size_t more = 0; more < 40; more++) { /* two records that just fit a block, and just do not */
        append_one(f, 1000);
        append_one(f, BLOCK_BYTES_MAX - 12 - (fixed + 1000) - fixed - 20 + more);
        append_one(f, 0);
        commit(f);
    }
    for (size_t more = 0; more < 20; more++)
        append_one(f, BLOCK_BYTES_MAX - 8 - fixed - 10 + more); /* one record as large as a block */
    commit(f);
    append_one(f, 10);
    append_one(f, RECORD_BYTES_MAX - fixed);
    append_one(f, RECORD_BYTES_MAX - fixed);
    append_one(f, 0);
    commit(f);
    for (size_t i = 0; i < 600; i++)
        append_one(f, 0); /* more than a block may count */
    commit(f);
    all_is_there(f);
}

static void abandoned(void **state)
{
    struct fixture *f = *state;
    batch(f, 300, 100);
    struct record_maker before = f->maker;
    for (size_t i = 0; i < 700; i++)
        append_one(f, 50);
    struct log_reader *reader = NULL;
    struct slice none;
    assert_int_equal(log_reader_open(f->log, &reader), STATUS_OK);
    assert_int_equal(log_read(reader, 301, &none, NULL), STATUS_END); /* not committed */
    log_reader_close(reader);
    log_abandon(f->log);
    f->maker = before;
    all_is_there(f);
    batch(f, 500, 100);
    all_is_there(f);
}

static void reader_follows(void **state)
{
    struct fixture *f = *state;
    if (!f->impl->lmdb)
        return; /* memory has no snapshots: its readers must rest while others write */
    struct log_reader *reader = NULL;
    struct slice none;
    assert_int_equal(log_reader_open(f->log, &reader), STATUS_OK);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(log_read(reader, f->tree.size + 1, &none, NULL), STATUS_END);
        uint64_t from = f->tree.size + 1;
        batch(f, 1 + random_below(&f->random, 20), 200);
        for (uint64_t position = from; position <= f->tree.size; position++)
            read_is(f, reader, position);
        if (i % 7 == 0)
            log_reader_rest(reader);
    }
    log_reader_close(reader);
}

static void reopened(void **state)
{
    struct fixture *f = *state;
    if (!f->impl->lmdb)
        return;
    static const size_t counts[] = {1, 254, 1, 1, 255, 512, 300, 700};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        batch(f, counts[i], 200);
        append_one(f, 10); /* open when the server ends: never there */
        f->maker = (struct record_maker){
            .position = f->tree.size, .time = f->maker.time, .last = f->hashes[f->tree.size - 1]};
        close_log(f);
        open_log(f);
        all_is_there(f);
    }
}

static void proofs(void **state)
{
    struct fixture *f = *state;
    batch(f, 1500, 20);
    struct tree_source source = {.node = source_node, .context = f->log};
    for (unsigned i = 0; i < 100; i++) {
        uint64_t size = 1 + random_below(&f->random, f->tree.size);
        uint64_t index = random_below(&f->random, size);
        struct hash proof[TREE_CONSISTENCY_MAX];
        size_t count = 0;
        assert_int_equal(tree_prove_inclusion(&source, index, size, proof, &count), STATUS_OK);
        assert_true(tree_verify_inclusion(index, size, &f->hashes[index], proof, count, &f->roots[size]));
        uint64_t old = 1 + random_below(&f->random, size);
        assert_int_equal(tree_prove_consistency(&source, old, size, proof, &count), STATUS_OK);
        assert_true(tree_verify_consistency(old, size, &f->roots[old], &f->roots[size], proof, count));
    }
}

static void room_is_asked(void **state)
{
    struct fixture *f = *state;
    assert_true(log_has_room(f->log, 1u << 20));
    if (!f->impl->lmdb)
        return;
    assert_false(log_has_room(f->log, 1u << 30));
    close_log(f);
    struct fault why = {0};
    assert_int_equal(try_open(f, 16u << 20, &why), STATUS_OK); /* a small map */
    unsigned batches = 0;
    while (log_has_room(f->log, 256 * 1024)) {
        for (size_t i = 0; i < 4; i++)
            append_one(f, 60000);
        commit(f); /* what was promised is there: no commit fails */
        assert_true(++batches < 100);
    }
    assert_true(batches > 10);
    all_is_there(f);
}

/* Flip one byte of the last block, open, and put it back. */
static enum status open_with_flip(struct fixture *f, size_t at, size_t *out_len)
{
    struct kv *kv = plain_open(f, 1u << 30);
    struct kv_txn *txn = NULL;
    struct slice key, value;
    static uint8_t name[8], copy[BLOCK_BYTES_MAX + 64];
    for (unsigned pass = 0; pass < 2; pass++) {
        if (kv == NULL)
            kv = plain_open(f, 1u << 30);
        assert_int_equal(kv_begin(kv, true, &txn), STATUS_OK);
        struct kv_cursor *cursor = kv_cursor_open(txn, LOG_TABLE_BLOCKS);
        assert_true(kv_last(cursor, slice_of(NULL, 0)));
        kv_row(cursor, &key, &value);
        memcpy(name, key.ptr, sizeof name);
        memcpy(copy, value.ptr, value.len);
        *out_len = value.len;
        kv_cursor_close(cursor);
        copy[at] ^= 0x20;
        kv_put(txn, LOG_TABLE_BLOCKS, slice_of(name, sizeof name), slice_of(copy, *out_len));
        assert_int_equal(kv_commit(txn), STATUS_OK);
        kv_close(kv);
        kv = NULL;
        if (pass == 1)
            break;
        struct fault why = {0};
        enum status status = try_open(f, 1u << 30, &why);
        if (status == STATUS_OK) {
            close_log(f);
            return status; /* left flipped: the caller gives up anyway */
        }
        /* A changed number of a data key may be a key that is missing, as far as the store can tell. */
        assert_true(status == STATUS_CORRUPT || (f->impl->sealed && at < 5 && status == STATUS_UNAVAILABLE));
        assert_true(why.text[0] != '\0');
        keyring_close(f->keyring);
        f->keyring = NULL;
    }
    return STATUS_CORRUPT;
}

static void changed_tail_is_noticed(void **state)
{
    struct fixture *f = *state;
    if (!f->impl->lmdb)
        return;
    batch(f, 1, 10);
    batch(f, 3, 10);
    size_t last_record = record_size(2, 0, 10);
    close_log(f);
    size_t len = SIZE_MAX;
    /* Without a seal nothing can vouch for the very last record: its hash is held by nobody yet. */
    for (size_t at = 0; at + (f->impl->sealed ? 0 : last_record) < len; at += 3)
        assert_int_equal(open_with_flip(f, at, &len), STATUS_CORRUPT);
    open_log(f);
    all_is_there(f);
}

/* Readers on threads of their own, while the writer goes on; run this under TSan. */
struct follower {
    struct fixture *f;
    atomic_bool stop;
    uint64_t seen, wrong;
};

static void *follow(void *context)
{
    struct follower *self = context;
    struct log_reader *reader = NULL;
    struct hash previous = {{0}};
    if (log_reader_open(self->f->log, &reader) != STATUS_OK)
        return NULL;
    for (;;) {
        bool last_round = atomic_load(&self->stop);
        struct slice bytes;
        struct record record;
        while (log_read(reader, self->seen + 1, &bytes, NULL) == STATUS_OK) {
            bool good = record_decode(bytes, &record, NULL) == STATUS_OK &&
                        record.header.position == ++self->seen &&
                        memcmp(previous.bytes, record.header.previous.bytes, HASH_BYTES) == 0;
            self->wrong += good ? 0 : 1;
            record_hash(bytes, &previous);
        }
        struct log_head head;
        struct hash root;
        log_head(self->f->log, &head);
        self->wrong += log_root(self->f->log, head.size, &root) == STATUS_OK ? 0 : 1;
        log_reader_rest(reader);
        if (last_round)
            break;
    }
    log_reader_close(reader);
    return NULL;
}

static void readers_beside_the_writer(void **state)
{
    struct fixture *f = *state;
    if (!f->impl->lmdb)
        return;
    struct follower followers[2] = {{.f = f}, {.f = f}};
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, follow, &followers[i]), 0);
    for (unsigned i = 0; i < 150; i++)
        batch(f, 1 + random_below(&f->random, 30), 100);
    for (size_t i = 0; i < 2; i++) {
        atomic_store(&followers[i].stop, true);
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(followers[i].seen, f->tree.size);
        assert_int_equal(followers[i].wrong, 0);
    }
}

static const struct store_case cases[] = {
    {"empty_log", empty_log},
    {"batches_of_many_sizes", batches_of_many_sizes},
    {"sizes_at_block_edges", sizes_at_block_edges},
    {"abandoned", abandoned},
    {"reader_follows", reader_follows},
    {"reopened", reopened},
    {"readers_beside_the_writer", readers_beside_the_writer},
    {"proofs", proofs},
    {"room_is_asked", room_is_asked},
    {"changed_tail_is_noticed", changed_tail_is_noticed},
};

int main(void)
{
    return store_run("log", impls, sizeof impls / sizeof impls[0], cases, sizeof cases / sizeof cases[0],
                     setup, teardown);
}
