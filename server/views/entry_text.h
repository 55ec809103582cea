/* What people wrote in an entry: read from the payload of its record, or of the draft or request that it posts. */
#ifndef SERVER_VIEWS_ENTRY_TEXT_H
#define SERVER_VIEWS_ENTRY_TEXT_H

#include "entry.pb-c.h"
#include "server/views/view.h"

struct entry_text {
    const char *type;        /* code of the transaction type */
    const char *description; /* never NULL */
    const char *reference;
    size_t line_count; /* lines[i] belongs to posting i; postings beyond have none */
    Daftari__V1__EntryLine *const *lines;
    size_t tag_count;
    Daftari__V1__Tag **tags;
};

/* Everything in *out lives in `arena`. Reads other records, so what `record` lends may be gone afterwards. A record of
 * a type that is no entry gives its type's name as description. */
enum status entry_text_read(struct view_reader *reader, const struct record *record, struct arena *arena,
                            struct entry_text *out) MUST_USE;

/* The text of one posting: its line's when it has one, else the entry's. */
const char *entry_text_line(const struct entry_text *text, size_t posting);

#endif
