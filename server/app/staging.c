#include "server/app/staging.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/store/folder.h"

#define FOLDERS_OPEN_MAX 8

enum status staging_make(const char *place, struct staging *out, struct fault *why)
{
    *out = (struct staging){0};
    size_t place_len = strlen(place);
    while (place_len > 1 && place[place_len - 1] == '/')
        place_len--;
    const char *join = access(place, F_OK) == 0 ? "/." : ".";
    int len = snprintf(out->path, sizeof out->path, "%.*s%sinit-XXXXXX", (int)place_len, place, join);
    if (len < 0 || len >= CONFIG_PATH_MAX)
        return fault_set(why, STATUS_INVALID, place, "a shorter path");
    struct stat info;
    if (mkdtemp(out->path) == NULL || lstat(out->path, &info) != 0)
        return fault_set(why, STATUS_IO, place, "no folder can be made there: %s", strerror(errno));
    out->device = info.st_dev;
    out->inode = info.st_ino;
    out->made = true;
    return STATUS_OK;
}

static enum status moved(int result, const char *to, struct fault *why)
{
    return result == 0 ? STATUS_OK : fault_set(why, STATUS_IO, to, "cannot be moved to: %s", strerror(errno));
}

enum status staging_move(const char *fresh, const char *place, struct fault *why)
{
    char from[FOLDER_PATH_MAX], to[FOLDER_PATH_MAX];
    enum status status = STATUS_OK;
    if (access(place, F_OK) != 0) {
        status = moved(rename(fresh, place), place, why);
        if (status == STATUS_OK)
            status = folder_join(place, "..", to, why);
        return status == STATUS_OK ? folder_sync(to, why) : status;
    }
    DIR *listing = opendir(fresh);
    if (listing == NULL)
        return fault_set(why, STATUS_IO, fresh, "cannot be listed: %s", strerror(errno));
    for (struct dirent *entry; status == STATUS_OK && (entry = readdir(listing)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        status = folder_join(fresh, entry->d_name, from, why);
        if (status == STATUS_OK)
            status = folder_join(place, entry->d_name, to, why);
        if (status == STATUS_OK)
            status = moved(rename(from, to), to, why);
    }
    closedir(listing);
    if (status == STATUS_OK)
        (void)rmdir(fresh);
    return status == STATUS_OK ? folder_sync(place, why) : status;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    (void)remove(path);
    return 0;
}

void staging_remove(struct staging *staging)
{
    struct stat info;
    if (!staging->made || lstat(staging->path, &info) != 0 || !S_ISDIR(info.st_mode) ||
        info.st_dev != staging->device || info.st_ino != staging->inode)
        return;
    (void)nftw(staging->path, remove_one, FOLDERS_OPEN_MAX, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    staging->made = false;
}
