/*
 * The log port: one totally ordered, append-only sequence of records, durable at commit.
 *
 * Default implementation: server/log over a kv store. Positions start at 1 and have no gaps.
 * Threads: append/commit belong to the writer thread alone; each reader to one thread; head, node and checkpoint
 * data may be read by any thread and speak of committed records only.
 */
#ifndef SERVER_PORTS_LOG_H
#define SERVER_PORTS_LOG_H

#include "proto/record/tree.h"

struct log;
struct log_reader;

struct log_head {
    uint64_t size;     /* position of the last record; 0 = empty */
    struct hash last;  /* hash of the last record; zero when empty */
    timestamp_us time; /* time of the last record */
};

struct log_ops {
    void (*head)(struct log *log, struct log_head *out); /* committed */
    enum status (*root)(struct log *log, uint64_t size,
                        struct hash *out); /* tree root of the first `size` records */
    enum status (*node)(struct log *log, uint32_t level, uint64_t index,
                        struct hash *out); /* see tree_source */

    /* Append to the open batch (one is opened by the first append). The bytes are copied. `hash` is
     * record_hash(bytes), computed by the writer, who needs it for the next record's `previous`. */
    enum status (*append)(struct log *log, struct slice bytes, const struct hash *hash);
    enum status (*commit)(
        struct log *log);             /* durable on OK. Any other status: stop the server, never retry */
    void (*abandon)(struct log *log); /* forget the open batch */
    bool (*has_room)(struct log *log,
                     uint64_t bytes); /* asked before a batch: refuse early, never in mid-batch */

    enum status (*reader_open)(struct log *log, struct log_reader **out);
    /* The record at `position`, borrowed until the next call on this reader. Sequential reads are cheap.
     * END past the committed head; CORRUPT when stored bytes do not open (what and where in `why`). */
    enum status (*read)(struct log_reader *reader, uint64_t position, struct slice *out, struct fault *why);
    void (*reader_rest)(struct log_reader *reader); /* let go of any snapshot; call when idle */
    void (*reader_close)(struct log_reader *reader);
    void (*close)(struct log *log);
};

struct log {
    const struct log_ops *ops;
};
struct log_reader {
    const struct log_ops *ops;
};

static inline void log_head(struct log *log, struct log_head *out)
{
    log->ops->head(log, out);
}
static inline enum status MUST_USE log_root(struct log *log, uint64_t size, struct hash *out)
{
    return log->ops->root(log, size, out);
}
static inline enum status MUST_USE log_node(struct log *log, uint32_t level, uint64_t index, struct hash *out)
{
    return log->ops->node(log, level, index, out);
}
static inline enum status MUST_USE log_append(struct log *log, struct slice bytes, const struct hash *hash)
{
    return log->ops->append(log, bytes, hash);
}
static inline enum status MUST_USE log_commit(struct log *log)
{
    return log->ops->commit(log);
}
static inline void log_abandon(struct log *log)
{
    log->ops->abandon(log);
}
static inline bool log_has_room(struct log *log, uint64_t bytes)
{
    return log->ops->has_room(log, bytes);
}
static inline enum status MUST_USE log_reader_open(struct log *log, struct log_reader **out)
{
    return log->ops->reader_open(log, out);
}
static inline enum status MUST_USE log_read(struct log_reader *reader, uint64_t position, struct slice *out,
                                            struct fault *why)
{
    return reader->ops->read(reader, position, out, why);
}
static inline void log_reader_rest(struct log_reader *reader)
{
    reader->ops->reader_rest(reader);
}
static inline void log_reader_close(struct log_reader *reader)
{
    if (reader != NULL)
        reader->ops->reader_close(reader);
}
static inline void log_close(struct log *log)
{
    if (log != NULL)
        log->ops->close(log);
}

#endif
