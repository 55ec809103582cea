/* Records one after the other, from a data folder on this machine or from a server. One thread. */
#ifndef TOOLS_COMMON_SOURCE_H
#define TOOLS_COMMON_SOURCE_H

#include "proto/base/slice.h"
#include "proto/base/status.h"

struct source;
struct dft_client;

struct source_options {
    const char *data_dir; /* this, with master_key_file ("" = systemd credential) ... */
    const char *master_key_file;
    const char *server; /* ... or this: "host:port", with a session token from `daftari log-in` */
    const char *ca_file;
    const char *home; /* where `daftari` keeps the session; NULL = its default */
    uint64_t until;   /* last position wanted; 0 = the present end */
};

enum status source_open(const struct source_options *options, struct source **out,
                        struct fault *why) MUST_USE;
void source_close(struct source *source); /* NULL is fine */
/* The connection of a source that is a server, for calls beside the stream; NULL for a data folder. */
struct dft_client *source_client(struct source *source);
/* Before the first record is taken: nothing behind `position` is wanted. A server's present end is that of the moment
 * when the first record is asked for. */
void source_end_at(struct source *source, uint64_t position);
/* The next record's bytes, borrowed until the next call; END after the last. */
enum status source_next(struct source *source, struct slice *out, struct fault *why) MUST_USE;

#endif
