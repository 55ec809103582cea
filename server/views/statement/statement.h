/*
 * The statement view: every posting of an account in (date, position, line) order.
 *
 *   STATEMENT_LINES  u32 account, u16 currency, u32 date, u64 position, u8 line (255: u16 line follows)
 *                    -> u16 business, u64 amount (zigzag)
 *
 * The business is in the value, so that a shared account can be read for all businesses in one order. What is not
 * needed to add up lines that are passed over (document number, description, reference) is read from the record of a
 * line that is shown. Packed by account and currency, a line takes some eight bytes.
 */
#ifndef SERVER_VIEWS_STATEMENT_H
#define SERVER_VIEWS_STATEMENT_H

#include "server/views/view.h"

enum { STATEMENT_CURSOR, STATEMENT_LINES };

struct statement_line {
    uint32_t account;
    uint16_t currency;
    civil_date date;
    uint64_t position;
    uint16_t line; /* index of the posting in its record */
    uint16_t business;
    int64_t amount; /* debit positive */
};

extern const struct view view_statement;

/* Moves to the first line of the account and currency at or after (date, position, line); then on with kv_next. */
bool statement_seek(struct kv_cursor *cursor, uint32_t account, uint16_t currency, civil_date date,
                    uint64_t position, uint16_t line);
/* The line at the cursor; false when it belongs to another account or currency, or is malformed. */
bool statement_line(struct kv_cursor *cursor, uint32_t account, uint16_t currency,
                    struct statement_line *out);

#endif
