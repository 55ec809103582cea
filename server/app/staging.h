/*
 * Things made beside their place and moved there when they are whole, so that who is stopped in the middle leaves
 * nothing that looks finished. One thread.
 */
#ifndef SERVER_APP_STAGING_H
#define SERVER_APP_STAGING_H

#include <sys/types.h>

#include "server/app/config.h"

/* A folder in which something is made. All zero: none. */
struct staging {
    char path[CONFIG_PATH_MAX];
    dev_t device; /* of the folder made, which alone may be removed */
    ino_t inode;
    bool made;
};

/* Makes a new folder for what will be `place`: in it when it is there (whose parent may not be ours to write), else
 * beside it. Nobody else can enter it. */
enum status staging_make(const char *place, struct staging *out, struct fault *why) MUST_USE;
/* The folder `fresh` becomes `place`, or its files move there when that exists. */
enum status staging_move(const char *fresh, const char *place, struct fault *why) MUST_USE;
/* Removes the folder that staging_make made and all in it, nothing else: follows no link, leaves other file systems
 * alone. Does nothing when it was not made, has become the place, or another stands there now. */
void staging_remove(struct staging *staging);

#endif
