/* Rows for people and for spreadsheets: an aligned table, CSV (RFC 4180). Text is UTF-8. */
#ifndef CLIENT_CLI_TABLE_H
#define CLIENT_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/base/status.h"

#define TABLE_COLUMNS_MAX 256u
#define TABLE_ROWS_MAX    (4u * 1024u * 1024u)
#define TABLE_TITLE_MAX   80 /* bytes with the NUL */

enum table_align { TABLE_LEFT, TABLE_RIGHT, TABLE_AMOUNT }; /* amounts: to the right, with thousands commas */
enum table_row_kind { TABLE_ROW, TABLE_HEADING, TABLE_SUBTOTAL, TABLE_TOTAL };

struct table_column {
    char title[TABLE_TITLE_MAX]; /* head of the table */
    char name[TABLE_TITLE_MAX];  /* head of the CSV column */
    enum table_align align;
    size_t width; /* columns of the terminal, of the widest cell */
    bool filled;  /* some cell has text */
};
struct table_row {
    enum table_row_kind kind;
    uint32_t depth;
    char **cells; /* as many as columns; NULL = empty */
};
struct table {
    struct table_column *columns;
    size_t column_count;
    struct table_row *rows;
    size_t row_count;
    size_t row_cap;
};

void table_init(struct table *table);
void table_done(struct table *table);
/* False at the limits or without memory. */
bool table_add_column(struct table *table, const char *title, const char *name,
                      enum table_align align) MUST_USE;
bool table_add_row(struct table *table, enum table_row_kind kind, uint32_t depth) MUST_USE;
/* Sets a cell of the last row; copied. Control characters become spaces, so that nothing from a server can move the
 * cursor of a terminal. */
bool table_set(struct table *table, size_t column, const char *text) MUST_USE;

/* Columns without any text are left out, except in an empty table. On a terminal, or with COLUMNS in the environment, long
 * texts are broken over several lines so that a row fits; rows without amounts that do not fit so have a line for each cell.
 * CSV and JSON have texts whole. */
void table_show(const struct table *table, FILE *to);
/* With its line of column names, or without. */
void table_show_csv(const struct table *table, bool head, FILE *to);
/* One field of CSV, quoted where it must be. */
void csv_field(FILE *to, const char *text);

/* "1234567.5" -> "1,234,567.5" (into `out`, cut at cap); anything that is no plain decimal as it is. */
void amount_group(const char *text, char *out, size_t cap);

#endif
