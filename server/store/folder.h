/* Folders and small files that must survive a power cut: made, synced, locked. Any thread. */
#ifndef SERVER_STORE_FOLDER_H
#define SERVER_STORE_FOLDER_H

#include "proto/base/slice.h"
#include "proto/base/status.h"

#define FOLDER_PATH_MAX 1024 /* bytes with the NUL, of every path we build */

/* "folder/name"; INVALID when it does not fit. */
enum status folder_join(const char *folder, const char *name, char out[FOLDER_PATH_MAX],
                        struct fault *why) MUST_USE;

/* Make the folder (mode 0700; its parent must exist) and sync its parent. One that is there is fine. */
enum status folder_make(const char *path, struct fault *why) MUST_USE;
/* Make entries in this folder durable (files created, renamed, removed). */
enum status folder_sync(const char *path, struct fault *why) MUST_USE;

/* Hold the whole data folder: BUSY when another process (or this one) holds it. The file "lock" stays; the lock goes
 * with *out_fd. */
enum status folder_lock(const char *path, int *out_fd, struct fault *why) MUST_USE;
void folder_unlock(int fd); /* -1 is fine */

/* IO with the path and errno in words. */
enum status folder_fault(struct fault *why, const char *path, const char *doing, int error);

#endif
