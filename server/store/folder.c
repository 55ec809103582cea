#include "server/store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum status folder_fault(struct fault *why, const char *path, const char *doing, int error)
{
    enum status status = STATUS_IO;
    if (error == ENOENT)
        status = STATUS_NOT_FOUND;
    else if (error == ENOSPC || error == EDQUOT)
        status = STATUS_FULL;
    else if (error == ENOMEM)
        status = STATUS_NO_MEMORY;
    return fault_set(why, status, path, "cannot %s: %s", doing, strerror(error));
}

enum status folder_join(const char *folder, const char *name, char out[FOLDER_PATH_MAX], struct fault *why)
{
    int len = snprintf(out, FOLDER_PATH_MAX, "%s/%s", folder, name);
    if (len < 0 || len >= FOLDER_PATH_MAX)
        return fault_set(why, STATUS_INVALID, name, "a path shorter than %d bytes", FOLDER_PATH_MAX);
    return STATUS_OK;
}

enum status folder_sync(const char *path, struct fault *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return folder_fault(why, path, "open the folder", errno);
    int failed = fsync(fd);
    int error = errno;
    close(fd);
    return failed == 0 ? STATUS_OK : folder_fault(why, path, "sync the folder", error);
}

enum status folder_make(const char *path, struct fault *why)
{
    if (mkdir(path, 0700) != 0) {
        struct stat info;
        if (errno != EEXIST || stat(path, &info) != 0)
            return folder_fault(why, path, "make the folder", errno);
        if (!S_ISDIR(info.st_mode))
            return fault_set(why, STATUS_INVALID, path, "a folder; something else is in its place");
    }
    char parent[FOLDER_PATH_MAX];
    enum status status = folder_join(path, "..", parent, why);
    return status == STATUS_OK ? folder_sync(parent, why) : status;
}

enum status folder_lock(const char *path, int *out_fd, struct fault *why)
{
    char file[FOLDER_PATH_MAX];
    enum status status = folder_join(path, "lock", file, why);
    if (status != STATUS_OK)
        return status;
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return folder_fault(why, file, "open", errno);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;
        close(fd);
        if (error == EWOULDBLOCK)
            return fault_set(why, STATUS_BUSY, file, "the data folder is in use by another process");
        return folder_fault(why, file, "lock", error);
    }
    *out_fd = fd;
    return STATUS_OK;
}

void folder_unlock(int fd)
{
    if (fd >= 0)
        close(fd);
}
