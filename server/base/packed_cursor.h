/* Reading one packed table: a walk over the rows of its blocks. Used by kv_packed alone. */
#ifndef SERVER_BASE_PACKED_CURSOR_H
#define SERVER_BASE_PACKED_CURSOR_H

#include "server/ports/kv.h"

struct packed_cursor;

/* NULL: the error is set on `inner`, as with all of these. */
struct packed_cursor *packed_cursor_new(struct kv_txn *inner, unsigned table);
void packed_cursor_free(struct packed_cursor *cursor); /* NULL is fine */

/* As the port's. */
bool packed_cursor_seek(struct packed_cursor *cursor, struct slice key);
bool packed_cursor_last(struct packed_cursor *cursor, struct slice key);
bool packed_cursor_next(struct packed_cursor *cursor);
bool packed_cursor_previous(struct packed_cursor *cursor);
/* The row of exactly this key; moves the cursor. */
bool packed_cursor_find(struct packed_cursor *cursor, struct slice key, struct slice *out_value);
/* After a move that gave true; until the next one. */
void packed_cursor_row(const struct packed_cursor *cursor, struct slice *key, struct slice *value);
/* The table was written since: the next move finds its place by key. */
void packed_cursor_stale(struct packed_cursor *cursor);

#endif
