/* What append and read share. Private to server/log. */
#ifndef SERVER_LOG_INTERNAL_H
#define SERVER_LOG_INTERNAL_H

#include <pthread.h>

#include "server/log/log.h"
#include "server/log/tail.h"

#define BLOCK_HEAD_MAX (4u + 4u * BLOCK_RECORDS_MAX) /* count and lengths, written right before the records */

struct kv_log {
    struct log log; /* first */
    struct kv *kv;

    pthread_mutex_t lock; /* over what is committed, for any thread */
    struct log_head head;
    struct tail done;
    uint64_t root_size; /* root_hash is of this size; UINT64_MAX = none yet */
    struct hash root_hash;

    /* The open batch: the writer's thread alone. */
    struct kv_txn *txn; /* NULL = none open */
    struct tail open;
    struct log_head open_head;
    uint64_t block_first; /* position of the block's first record */
    uint32_t block_count;
    uint32_t lengths[BLOCK_RECORDS_MAX];
    size_t block_bytes; /* of records in the block */
    uint8_t *block;     /* BLOCK_HEAD_MAX, then records */
};

enum status kv_log_reader_open(struct log *log, struct log_reader **out);
enum status kv_log_read(struct log_reader *reader, uint64_t position, struct slice *out, struct fault *why);
void kv_log_reader_rest(struct log_reader *reader);
void kv_log_reader_close(struct log_reader *reader);

enum status kv_log_node(struct log *log, uint32_t level, uint64_t index, struct hash *out);
enum status kv_log_root(struct log *log, uint64_t size, struct hash *out);

/* Fills head and both tails from what is stored. */
enum status kv_log_load(struct kv_log *log, struct fault *why) MUST_USE;

#endif
