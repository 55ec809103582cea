/* One file of the outbox: read whole at start, appended to, replaced whole. One thread. */
#ifndef CLIENT_OUTBOX_FILE_H
#define CLIENT_OUTBOX_FILE_H

#include "client/outbox/outbox.h"

struct outbox_file {
    int folder_fd; /* borrowed */
    int fd;
    const char *name;
    uint64_t size;
    bool broken; /* a write or sync failed: what is on disk is not known any more */
};

/* Opens or makes `name` in the folder and hands every record to `take`, which returns false at a limit. The torn end is
 * cut off. CORRUPT, IO, FULL (take refused). */
enum dft_status outbox_file_open(struct outbox_file *file, int folder_fd, const char *name,
                                 bool (*take)(void *context, const struct outbox_record *record),
                                 void *context, struct dft_fault *why);
void outbox_file_close(struct outbox_file *file);
/* Appends whole records and syncs; on failure the file is as before or broken. */
enum dft_status outbox_file_append(struct outbox_file *file, struct slice records, struct dft_fault *why);
/* Replaces the file by one with these records. */
enum dft_status outbox_file_replace(struct outbox_file *file, struct slice records, struct dft_fault *why);

#endif
