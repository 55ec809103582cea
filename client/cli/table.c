#include "client/cli/table.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "proto/base/bug.h"

#define CELL_GROUPED_MAX 128

void table_init(struct table *table)
{
    *table = (struct table){.columns = NULL};
}

void table_done(struct table *table)
{
    for (size_t i = 0; i < table->row_count; i++) {
        for (size_t k = 0; k < table->column_count; k++)
            free(table->rows[i].cells[k]);
        free(table->rows[i].cells);
    }
    free(table->rows);
    free(table->columns);
    table_init(table);
}

bool table_add_column(struct table *table, const char *title, const char *name, enum table_align align)
{
    ASSERT(table->row_count == 0);
    if (table->column_count == TABLE_COLUMNS_MAX)
        return false;
    struct table_column *columns = realloc(table->columns, (table->column_count + 1) * sizeof *columns);
    if (columns == NULL)
        return false;
    table->columns = columns;
    struct table_column *column = &columns[table->column_count++];
    *column = (struct table_column){.align = align};
    (void)snprintf(column->title, sizeof column->title, "%s", title);
    (void)snprintf(column->name, sizeof column->name, "%s", name);
    return true;
}

bool table_add_row(struct table *table, enum table_row_kind kind, uint32_t depth)
{
    if (table->row_count == TABLE_ROWS_MAX)
        return false;
    if (table->row_count == table->row_cap) {
        size_t cap = table->row_cap == 0 ? 64 : table->row_cap * 2;
        struct table_row *rows = realloc(table->rows, cap * sizeof *rows);
        if (rows == NULL)
            return false;
        table->rows = rows;
        table->row_cap = cap;
    }
    char **cells = calloc(table->column_count + 1, sizeof *cells);
    if (cells == NULL)
        return false;
    table->rows[table->row_count++] = (struct table_row){.kind = kind, .depth = depth, .cells = cells};
    return true;
}

bool table_set(struct table *table, size_t column, const char *text)
{
    ASSERT(table->row_count > 0 && column < table->column_count);
    struct table_row *row = &table->rows[table->row_count - 1];
    if (text == NULL || text[0] == '\0')
        return true;
    char *copy = strdup(text);
    if (copy == NULL)
        return false;
    for (char *at = copy; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = ' ';
    }
    free(row->cells[column]);
    row->cells[column] = copy;
    table->columns[column].filled = true;
    return true;
}

/* Columns that `text` takes on a terminal. */
static size_t text_width(const char *text)
{
    size_t width = 0;
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text;
    utf8proc_ssize_t left = (utf8proc_ssize_t)strlen(text);
    while (left > 0) {
        utf8proc_int32_t point;
        utf8proc_ssize_t len = utf8proc_iterate(at, left, &point);
        if (len <= 0) {
            at++;
            left--;
            width++;
            continue;
        }
        width += (size_t)utf8proc_charwidth(point);
        at += len;
        left -= len;
    }
    return width;
}

void amount_group(const char *text, char *out, size_t cap)
{
    size_t sign = text[0] == '-' ? 1 : 0;
    size_t digits = strspn(text + sign, "0123456789");
    const char *rest = text + sign + digits;
    bool plain = digits > 0 &&
                 (rest[0] == '\0' || (rest[0] == '.' && strspn(rest + 1, "0123456789") == strlen(rest + 1)));
    if (!plain || strlen(text) + digits / 3 + 1 > cap) {
        (void)snprintf(out, cap, "%s", text);
        return;
    }
    size_t len = 0;
    if (sign)
        out[len++] = '-';
    for (size_t i = 0; i < digits; i++) {
        if (i > 0 && (digits - i) % 3 == 0)
            out[len++] = ',';
        out[len++] = text[sign + i];
    }
    (void)snprintf(out + len, cap - len, "%s", rest);
}

static void put_spaces(FILE *to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)fputc(' ', to);
}

static const char *cell_shown(const struct table *table, const struct table_row *row, size_t column,
                              char *grouped)
{
    const char *text = row->cells[column];
    if (text == NULL)
        return "";
    if (table->columns[column].align != TABLE_AMOUNT)
        return text;
    amount_group(text, grouped, CELL_GROUPED_MAX);
    return grouped;
}

/* The column that shows depth: the names, else the first text. */
static size_t indented_column(const struct table *table)
{
    size_t first = table->column_count;
    for (size_t i = table->column_count; i-- > 0;) {
        if (table->columns[i].align != TABLE_LEFT || !table->columns[i].filled)
            continue;
        if (strcmp(table->columns[i].name, "name") == 0)
            return i;
        first = i;
    }
    return first;
}

static size_t column_width(const struct table *table, size_t column, size_t indented)
{
    size_t width = text_width(table->columns[column].title);
    for (size_t i = 0; i < table->row_count; i++) {
        char grouped[CELL_GROUPED_MAX];
        size_t here = text_width(cell_shown(table, &table->rows[i], column, grouped));
        if (column == indented)
            here += 2 * (size_t)table->rows[i].depth;
        width = here > width ? here : width;
    }
    return width;
}

static void print_cell(const struct table_column *column, const char *text, size_t width, size_t indent,
                       bool last, FILE *to)
{
    size_t here = text_width(text) + indent;
    size_t space = width > here ? width - here : 0;
    put_spaces(to, indent);
    if (column->align != TABLE_LEFT)
        put_spaces(to, space);
    (void)fputs(text, to);
    if (column->align == TABLE_LEFT && !last)
        put_spaces(to, space);
    if (!last)
        (void)fputs("  ", to);
}

static void print_rule(const size_t *widths, size_t count, FILE *to)
{
    for (size_t i = 0; i < count; i++) {
        if (widths[i] == 0)
            continue;
        for (size_t k = 0; k < widths[i]; k++)
            (void)fputc('-', to);
        (void)fputs(i + 1 < count ? "  " : "", to);
    }
    (void)fputc('\n', to);
}

void table_show(const struct table *table, FILE *to)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    size_t indented = indented_column(table);
    size_t last = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].filled || table->row_count == 0) {
            widths[i] = column_width(table, i, indented);
            last = i;
        }
    }
    for (size_t i = 0; i < table->column_count; i++) {
        if (widths[i] > 0)
            print_cell(&table->columns[i], table->columns[i].title, widths[i], 0, i == last, to);
    }
    (void)fputc('\n', to);
    print_rule(widths, last + 1, to);
    for (size_t r = 0; r < table->row_count; r++) {
        const struct table_row *row = &table->rows[r];
        if (row->kind == TABLE_TOTAL && r > 0 && table->rows[r - 1].kind != TABLE_TOTAL)
            print_rule(widths, last + 1, to);
        for (size_t i = 0; i < table->column_count; i++) {
            char grouped[CELL_GROUPED_MAX];
            if (widths[i] > 0)
                print_cell(&table->columns[i], cell_shown(table, row, i, grouped), widths[i],
                           i == indented ? 2 * (size_t)row->depth : 0, i == last, to);
        }
        (void)fputc('\n', to);
    }
}
