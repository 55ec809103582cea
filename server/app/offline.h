/* The books without a server: what `daftarid init` and `daftarid unlock` do. One thread. */
#ifndef SERVER_APP_OFFLINE_H
#define SERVER_APP_OFFLINE_H

#include <protobuf-c/protobuf-c.h>

#include "server/app/stores.h"
#include "server/writer/writer.h"

struct offline {
    struct stores stores;
    struct writer *writer;
    const char *program; /* for messages when the disk fails */
};

/* `create`: the data folder must not exist; else it must, and no server may run on it. */
enum status offline_open(const struct config *config, bool create, const char *program, struct offline *out,
                         struct fault *why) MUST_USE;
void offline_close(struct offline *books, bool clean);

/* One command of the server itself, recorded or refused. */
enum status offline_run(struct offline *books, const char *method, const ProtobufCMessage *message,
                        struct fault *why) MUST_USE;

/* First line of a file ("-": standard input), of a length that is allowed. The caller wipes it. */
enum status offline_read_password(const char *path, char *out, size_t cap, struct fault *why) MUST_USE;

#endif
