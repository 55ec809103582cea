/*
 * Things made beside their place and moved there when they are whole, so that who is stopped in the middle leaves
 * nothing that looks finished. One thread.
 */
#ifndef SERVER_APP_STAGING_H
#define SERVER_APP_STAGING_H

#include "server/app/config.h"

/* Where the folder `place` is made: in it when it is there (whose parent may not be ours to write), else beside it. Not
 * made yet. */
enum status staging_path(const char *place, char out[CONFIG_PATH_MAX], struct fault *why) MUST_USE;
/* What is in `fresh` moves to `place`, which takes its name, or its files when it is there already. */
enum status staging_move(const char *fresh, const char *place, struct fault *why) MUST_USE;
/* Removes it and all below it; absent is fine. */
void staging_remove(const char *fresh);

#endif
