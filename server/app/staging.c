#include "server/app/staging.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/store/folder.h"

#define FOLDERS_OPEN_MAX 8

enum status staging_path(const char *place, char out[CONFIG_PATH_MAX], struct fault *why)
{
    const char *join = access(place, F_OK) == 0 ? "/." : ".";
    int len = snprintf(out, CONFIG_PATH_MAX, "%s%sinit-%ld", place, join, (long)getpid());
    return len > 0 && len < CONFIG_PATH_MAX ? STATUS_OK
                                            : fault_set(why, STATUS_INVALID, place, "a shorter path");
}

static enum status moved(int result, const char *to, struct fault *why)
{
    return result == 0 ? STATUS_OK : fault_set(why, STATUS_IO, to, "cannot be moved to: %s", strerror(errno));
}

enum status staging_move(const char *fresh, const char *place, struct fault *why)
{
    char from[FOLDER_PATH_MAX], to[FOLDER_PATH_MAX];
    if (access(place, F_OK) != 0)
        return moved(rename(fresh, place), place, why);
    DIR *listing = opendir(fresh);
    if (listing == NULL)
        return fault_set(why, STATUS_IO, fresh, "cannot be listed: %s", strerror(errno));
    enum status status = STATUS_OK;
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

void staging_remove(const char *fresh)
{
    (void)nftw(fresh, remove_one, FOLDERS_OPEN_MAX, FTW_DEPTH | FTW_PHYS);
}
