/* The books for other people's tools: hledger, ledger, beancount, CSV. One thread. */
#ifndef TOOLS_AUDIT_EXPORT_H
#define TOOLS_AUDIT_EXPORT_H

#include <stdio.h>

#include "tools/audit/books.h"
#include "tools/common/source.h"

#define EXPORT_NAME_MAX 512 /* bytes of an account name as written, with its NUL */

/* One posting with its names. Borrowed for the call. */
struct export_line {
    struct posting posting;
    const char *account;  /* as this format writes it */
    const char *business; /* code */
    const char *currency; /* code as stored, or its symbol where the format wants it */
    uint32_t scale;
    const char *description; /* "" when none */
    size_t tag_count;
    Daftari__V1__Tag **tags;
};

/* One record with postings. Borrowed for the call. */
struct export_entry {
    const struct record *record;
    char number[BOOKS_NUMBER_MAX];
    const char *business;    /* code */
    const char *description; /* "" when the payload has none */
    const char *reference;   /* "" when none */
    const char *kind;        /* record type by name: "EntryPosted" */
    size_t tag_count;
    Daftari__V1__Tag **tags;
    size_t line_count;
    struct export_line *lines;
};

struct export_format {
    const char *name;
    bool symbols; /* currencies that an import made go by the commodity's own name */
    /* The name of an account as this format allows it. Distinct accounts must get distinct names. */
    void (*account_name)(const Daftari__V1__AccountInfo *account, char out[EXPORT_NAME_MAX]);
    void (*begin)(FILE *out);
    void (*account)(FILE *out, const Daftari__V1__AccountInfo *account, const char *name);
    void (*currency)(FILE *out, const Daftari__V1__CurrencyInfo *currency);
    void (*entry)(FILE *out, const struct export_entry *entry);
};
extern const struct export_format export_hledger, export_ledger, export_beancount, export_csv;
const struct export_format *export_format_named(const char *name); /* NULL when there is none */

/* Two passes over the same records, each source at its beginning: declarations, then entries. Entries come in log
 * order; their dates need not. IO when `out` cannot be written. */
enum status export_run(const struct export_format *format, struct source *declarations,
                       struct source *entries, FILE *out, struct fault *why) MUST_USE;

/* Each record as a line of JSON, {"records":["hexadecimal text"]}: what `daftari log follow` writes, one record in each
 * part. Nothing is checked. */
enum status export_records(struct source *source, FILE *out, struct fault *why) MUST_USE;

/* ---- export_symbols.c -------------------------------------------------------------------------------------------- */
struct export_symbols;
struct export_symbols *export_symbols_new(void); /* NULL when memory is short */
void export_symbols_free(struct export_symbols *symbols);
/* CurrencyDefined records, in order. */
enum status export_symbols_take(struct export_symbols *symbols, const struct record *record,
                                const Daftari__V1__DefineCurrency *define, struct fault *why) MUST_USE;
/* After the last: gives up what would be the name of two. `base` = code of the base currency. */
void export_symbols_settle(struct export_symbols *symbols, const char *base);
const char *export_symbol(const struct export_symbols *symbols, uint16_t number); /* NULL: by its code */

/* 1 = asset ... 5 = expense; 0 = a number that no account can have. */
uint32_t export_type_digit(const Daftari__V1__AccountInfo *account);

#endif
