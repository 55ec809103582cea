/*
 * Where a report puts its rows. Rows live in an arena of the report's own, cut into parts of a bounded size; nothing is
 * allocated for a single row. Errors are sticky: once memory is used up nothing more is added and report_out_error
 * says TOO_LARGE. One thread.
 *
 * Cells are given in the order of the columns. `limit` and `offset` count DETAIL rows; others always stay.
 */
#ifndef SERVER_VIEWS_REPORT_OUT_H
#define SERVER_VIEWS_REPORT_OUT_H

#include "proto/base/date.h"
#include "proto/base/money.h"
#include "proto/wire/arena.h"
#include "report.pb-c.h"
#include "server/views/view.h"

#define REPORT_PART_ROWS   500u
#define REPORT_PART_BYTES  (60u * 1024u)
#define REPORT_COLUMNS_MAX 256u

struct report_out;

struct report_out *report_out_new(size_t memory_bytes); /* NULL when memory is short */
void report_out_free(struct report_out *out);
struct arena *
report_out_arena(struct report_out *out); /* for what must last as long as the report's making */

void report_out_page(struct report_out *out, uint64_t offset, uint64_t limit); /* limit 0 = all */
void report_out_head(struct report_out *out, const char *name, const char *title);
void report_out_column(struct report_out *out, const char *name, const char *title,
                       Daftari__V1__ColumnKind kind);
void report_out_columns(struct report_out *out, const struct report_column *columns, size_t count);
void report_out_note(struct report_out *out, const char *format, ...) PRINTF_LIKE(2, 3);

/* False when the row lies outside the page (or after an error): its cells need not be given then. */
bool row_begin(struct report_out *out, Daftari__V1__RowKind kind, uint32_t depth);
void row_end(struct report_out *out); /* cells not given are empty */
bool report_out_done(
    const struct report_out *out); /* the page is full: no DETAIL row will be taken any more */

void cell_empty(struct report_out *out);
void cell_text(struct report_out *out, const char *text); /* NULL = empty */
void cell_slice(struct report_out *out, struct slice text);
void cell_amount(struct report_out *out, int128 minor, uint32_t scale);
void cell_amount_unless_zero(struct report_out *out, int128 minor, uint32_t scale);
void cell_integer(struct report_out *out, uint64_t value);
void cell_quantity(struct report_out *out, int128 milli);
/* `part` of `whole`; empty when that is nothing. Halves go away from zero. */
void cell_percent(struct report_out *out, int128 part, int128 whole);
void cell_date(struct report_out *out, civil_date date);
void cell_time(struct report_out *out, timestamp_us time);

void report_out_fail(struct report_out *out); /* TOO_LARGE: the report found its memory used up */
/* A long report is made in batches, so that its size is not bounded by memory: when a batch is full the report's run
 * returns AGAIN, and after report_out_continue is called again. Head, columns and notes belong to the first batch;
 * paging counts over all of them. */
#define REPORT_BATCH_ROWS 20000u
bool report_out_batch_full(const struct report_out *out);
void report_out_continue(struct report_out *out); /* what was handed out so far is gone */

enum status report_out_error(const struct report_out *out);
/* Part `index`, NULL past the last; the first one is always there and has head and notes. */
Daftari__V1__ReportPart *report_out_part(struct report_out *out, size_t index);

#endif
