#include "client/outbox/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/src/client.h"

#define FILE_BYTES_MAX (UINT64_C(1) << 32)

static const uint8_t head[OUTBOX_HEAD_BYTES] = "DFTOUTB1";

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.ptr, bytes.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        bytes = slice_of(bytes.ptr + put, bytes.len - (size_t)put);
    }
    return true;
}

static enum dft_status failed(const struct outbox_file *file, const char *what, struct dft_fault *why)
{
    return client_fault_set(why, DFT_IO, NULL, "the outbox file %s cannot be %s: %s", file->name, what,
                            strerror(errno));
}

static uint8_t *read_whole(int fd, uint64_t size)
{
    uint8_t *bytes = malloc((size_t)size + 1);
    uint64_t len = 0;
    while (bytes != NULL && len < size) {
        ssize_t got = pread(fd, bytes + len, (size_t)(size - len), (off_t)len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            free(bytes);
            return NULL;
        }
        len += (uint64_t)got;
    }
    return bytes;
}

/* Hands out the records; *out_good is where the good ones end. */
static enum dft_status scan(const struct outbox_file *file, struct slice bytes,
                            bool (*take)(void *context, const struct outbox_record *record), void *context,
                            uint64_t *out_good, struct dft_fault *why)
{
    size_t at = OUTBOX_HEAD_BYTES;
    for (;;) {
        struct outbox_record record;
        size_t used = 0;
        switch (outbox_decode(slice_of(bytes.ptr + at, bytes.len - at), &record, &used)) {
        case OUTBOX_READ_GOOD:
            if (!take(context, &record))
                return client_fault_set(why, DFT_FULL, NULL, "the outbox file %s holds more than the limit",
                                        file->name);
            at += used;
            break;
        case OUTBOX_READ_DAMAGED:
            return client_fault_set(why, DFT_CORRUPT, NULL, "the outbox file %s is damaged at byte %zu",
                                    file->name, at);
        case OUTBOX_READ_END:
        case OUTBOX_READ_TORN:
            *out_good = at;
            return DFT_OK;
        }
    }
}

enum dft_status outbox_file_open(struct outbox_file *file, int folder_fd, const char *name,
                                 bool (*take)(void *context, const struct outbox_record *record),
                                 void *context, struct dft_fault *why)
{
    *file = (struct outbox_file){.folder_fd = folder_fd, .name = name};
    file->fd = openat(folder_fd, name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat info;
    if (file->fd < 0 || fstat(file->fd, &info) != 0)
        return failed(file, "opened", why);
    if (info.st_size < OUTBOX_HEAD_BYTES) /* new, or killed while it was made: nothing was acknowledged */
        return outbox_file_replace(file, slice_of(NULL, 0), why);
    uint64_t size = (uint64_t)info.st_size;
    uint8_t *bytes = size > FILE_BYTES_MAX ? NULL : read_whole(file->fd, size);
    if (bytes == NULL)
        return failed(file, "read", why);
    uint64_t good = 0;
    enum dft_status status;
    if (memcmp(bytes, head, sizeof head) != 0)
        status = client_fault_set(why, DFT_CORRUPT, NULL, "%s is not an outbox file", name);
    else
        status = scan(file, slice_of(bytes, (size_t)size), take, context, &good, why);
    free(bytes);
    if (status != DFT_OK)
        return status;
    if (good < size && (ftruncate(file->fd, (off_t)good) != 0 || fsync(file->fd) != 0))
        return failed(file, "mended", why);
    file->size = good;
    return DFT_OK;
}

void outbox_file_close(struct outbox_file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = -1;
}

enum dft_status outbox_file_append(struct outbox_file *file, struct slice records, struct dft_fault *why)
{
    if (file->broken)
        return client_fault_set(why, DFT_IO, NULL, "writing to the outbox failed before: open it again");
    if (!write_all(file->fd, records)) {
        int error = errno;
        file->broken = ftruncate(file->fd, (off_t)file->size) != 0;
        errno = error;
        return failed(file, "written", why);
    }
    if (fdatasync(file->fd) != 0) {
        file->broken = true; /* after a failed sync nobody knows what is on disk */
        return failed(file, "synced", why);
    }
    file->size += records.len;
    return DFT_OK;
}

enum dft_status outbox_file_replace(struct outbox_file *file, struct slice records, struct dft_fault *why)
{
    char beside[64];
    (void)snprintf(beside, sizeof beside, "%s.new", file->name);
    int fd =
        openat(file->folder_fd, beside, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return failed(file, "replaced", why);
    bool good = write_all(fd, slice_of(head, sizeof head)) && write_all(fd, records) && fsync(fd) == 0;
    if (good && renameat(file->folder_fd, beside, file->folder_fd, file->name) == 0) {
        file->broken = fsync(file->folder_fd) != 0;
        if (file->fd >= 0)
            (void)close(file->fd);
        file->fd = fd;
        file->size = OUTBOX_HEAD_BYTES + records.len;
        return file->broken ? failed(file, "synced", why) : DFT_OK;
    }
    enum dft_status status = failed(file, "replaced", why);
    (void)close(fd);
    (void)unlinkat(file->folder_fd, beside, 0);
    return status;
}
