#include "client/cli/table.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

#include "proto/base/bug.h"
#include "proto/base/text.h"

#define CELL_GROUPED_MAX 128
#define GAP              2  /* between columns */
#define NARROWEST        16 /* no column is made less */
#define WORD_WHOLE       40 /* no word up to this is broken */

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

static void print_cell(const struct table_column *column, const char *text, size_t len, size_t here,
                       size_t width, bool last, FILE *to)
{
    size_t space = width > here ? width - here : 0;
    if (column->align != TABLE_LEFT)
        put_spaces(to, space);
    (void)fwrite(text, 1, len, to);
    if (!last)
        put_spaces(to, (column->align == TABLE_LEFT ? space : 0) + GAP);
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

/* ---- a row within the width of a terminal ---------------------------------------------------------------------------- */

/* How wide a line may be; 0 = as wide as it is, for a file or a program that reads lines. */
static size_t line_limit(FILE *to)
{
    struct winsize size;
    uint64_t columns = 0;
    const char *given = getenv("COLUMNS");
    if (isatty(fileno(to)) && ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return given != NULL && number_parse(slice_text(given), 1, 10000, &columns) ? (size_t)columns : 0;
}

/* What a column may be narrowed to: its title and its words stay whole. */
static size_t narrowest(const struct table *table, size_t column)
{
    size_t most = text_width(table->columns[column].title);
    most = most > NARROWEST ? most : NARROWEST;
    for (size_t r = 0; r < table->row_count && most < WORD_WHOLE; r++) {
        const char *cell = table->rows[r].cells[column];
        for (const char *word = cell != NULL ? cell : ""; *word != '\0';) {
            size_t len = strcspn(word, " "); /* in bytes: at least as wide */
            most = len > most ? len : most;
            word += len + strspn(word + len, " ");
        }
    }
    return most < WORD_WHOLE ? most : WORD_WHOLE;
}

/* Takes from the widest columns of text until a line is within the limit. False: it is not, and nothing more can be taken. */
static bool fit_widths(const struct table *table, size_t widths[TABLE_COLUMNS_MAX], size_t limit)
{
    size_t total = 0, least[TABLE_COLUMNS_MAX];
    for (size_t i = 0; i < table->column_count; i++)
        total += widths[i] > 0 ? widths[i] + (total > 0 ? GAP : 0) : 0;
    for (size_t i = 0; limit > 0 && total > limit && i < table->column_count; i++)
        least[i] = table->columns[i].align == TABLE_LEFT ? narrowest(table, i) : SIZE_MAX;
    while (limit > 0 && total > limit) {
        size_t widest = table->column_count, most = 0;
        for (size_t i = 0; i < table->column_count; i++) {
            if (widths[i] > least[i] && widths[i] > most) {
                widest = i;
                most = widths[i];
            }
        }
        if (widest == table->column_count)
            return false;
        widths[widest]--;
        total--;
    }
    return true;
}

/* How many bytes of `text` go into a line of `width` columns: to the last space that leaves room, else as many characters as
 * fit, at least one. `out_here`: the columns they take. */
static size_t line_len(const char *text, size_t width, size_t *out_here)
{
    size_t at = 0, here = 0, space_at = 0, space_here = 0, len = strlen(text);
    while (at < len) {
        utf8proc_int32_t point;
        utf8proc_ssize_t step =
            utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(len - at), &point);
        size_t wide = step > 0 ? (size_t)utf8proc_charwidth(point) : 1;
        if (text[at] == ' ' && at > 0) {
            space_at = at;
            space_here = here;
        }
        if (at > 0 && here + wide > width) {
            *out_here = space_at > 0 ? space_here : here;
            return space_at > 0 ? space_at : at;
        }
        at += step > 0 ? (size_t)step : 1;
        here += wide;
    }
    *out_here = here;
    return len;
}

/* One line of a row: of each cell what fits, after which `rest` points to what is left. */
static void print_line(const struct table *table, const size_t *widths, size_t last, const char **rest,
                       size_t indented, size_t indent, FILE *to)
{
    for (size_t i = 0; i <= last; i++) {
        size_t here = 0, depth = i == indented ? indent : 0;
        if (widths[i] == 0)
            continue;
        size_t room = widths[i] > depth ? widths[i] - depth : 1;
        size_t len = line_len(rest[i], room, &here);
        put_spaces(to, depth);
        print_cell(&table->columns[i], rest[i], len, here, widths[i] - depth, i == last, to);
        rest[i] += len;
        rest[i] += strspn(rest[i], " ");
    }
    (void)fputc('\n', to);
}

static void print_row(const struct table *table, const struct table_row *row, const size_t *widths,
                      size_t last, size_t indented, FILE *to)
{
    const char *rest[TABLE_COLUMNS_MAX];
    char grouped[TABLE_COLUMNS_MAX][CELL_GROUPED_MAX];
    for (size_t i = 0; i <= last; i++)
        rest[i] = widths[i] > 0 ? cell_shown(table, row, i, grouped[i]) : "";
    for (bool more = true; more;) {
        print_line(table, widths, last, rest, indented, 2 * (size_t)row->depth, to);
        more = false;
        for (size_t i = 0, end = last; i <= end; i++) {
            if (rest[i][0] == '\0')
                continue;
            more = true;
            last = i; /* no spaces behind the last cell that goes on */
        }
    }
}

/* Each row by itself, a cell on a line: for rows of text that are wider than any line. */
static void show_blocks(const struct table *table, const size_t *widths, size_t limit, FILE *to)
{
    size_t titles = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        size_t here = widths[i] > 0 ? text_width(table->columns[i].title) : 0;
        titles = here > titles ? here : titles;
    }
    size_t room = limit > titles + GAP + NARROWEST ? limit - titles - GAP : NARROWEST;
    for (size_t r = 0; r < table->row_count; r++) {
        if (r > 0)
            (void)fputc('\n', to);
        for (size_t i = 0; i < table->column_count; i++) {
            const char *rest = table->rows[r].cells[i];
            const char *title = table->columns[i].title;
            while (rest != NULL && rest[0] != '\0') {
                size_t here;
                size_t len = line_len(rest, room, &here);
                (void)fputs(title, to);
                put_spaces(to, titles + GAP - text_width(title));
                (void)fwrite(rest, 1, len, to);
                (void)fputc('\n', to);
                rest += len;
                rest += strspn(rest, " ");
                title = "";
            }
        }
    }
}

static bool has_amounts(const struct table *table)
{
    bool any = false;
    for (size_t i = 0; i < table->column_count; i++)
        any = any || table->columns[i].align == TABLE_AMOUNT;
    return any;
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
    size_t limit = line_limit(to);
    if (!fit_widths(table, widths, limit) && !has_amounts(table)) {
        show_blocks(table, widths, limit, to);
        return;
    }
    for (size_t i = 0; i < table->column_count; i++) {
        const char *title = table->columns[i].title;
        if (widths[i] > 0)
            print_cell(&table->columns[i], title, strlen(title), text_width(title), widths[i], i == last, to);
    }
    (void)fputc('\n', to);
    print_rule(widths, last + 1, to);
    for (size_t r = 0; r < table->row_count; r++) {
        const struct table_row *row = &table->rows[r];
        if (row->kind == TABLE_TOTAL && r > 0 && table->rows[r - 1].kind != TABLE_TOTAL)
            print_rule(widths, last + 1, to);
        print_row(table, row, widths, last, indented, to);
    }
}
