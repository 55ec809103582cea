/* What an export needs to know of the books: names of accounts, currencies, businesses, by the domain's own fold. */
#ifndef TOOLS_AUDIT_BOOKS_H
#define TOOLS_AUDIT_BOOKS_H

#include "account.pb-c.h"
#include "books.pb-c.h"
#include "business.pb-c.h"
#include "entry.pb-c.h"
#include "proto/base/limits.h"
#include "proto/base/money.h"
#include "proto/record/record.h"
#include "proto/wire/arena.h"

struct books; /* master rows in memory */

struct books *books_new(void); /* NULL when memory is short */
void books_free(struct books *books);
/* Records in order. CORRUPT when one does not fit. */
enum status books_apply(struct books *books, const struct record *record, struct fault *why) MUST_USE;

/* Unpacked into the arena; NULL when there is none. */
Daftari__V1__AccountInfo *books_account(struct books *books, uint32_t number, struct arena *arena);
Daftari__V1__CurrencyInfo *books_currency(struct books *books, uint16_t number, struct arena *arena);
Daftari__V1__BusinessInfo *books_business(struct books *books, uint16_t number, struct arena *arena);
/* "JE-20261123-0001", or "" for a record without number. */
#define BOOKS_NUMBER_MAX (NUMBER_TEXT_MAX + 1)
void books_number(struct books *books, const struct record_header *header, char out[BOOKS_NUMBER_MAX]);
/* The entry of a draft or an adjustment request that is still open; NULL when there is none. */
Daftari__V1__PostEntry *books_pending_entry(struct books *books, uint64_t position, struct arena *arena);

#endif
