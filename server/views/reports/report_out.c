#include "server/views/reports/report_out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/base/bug.h"

#define WIDE_TEXT_MAX 64u
#define NOTES_MAX     8u
#define NOTE_TEXT_LEN 300u
#define ROW_OVERHEAD  8u /* tags and lengths of a row's message */
#define CELL_OVERHEAD 3u

struct part {
    Daftari__V1__ReportPart message;
    Daftari__V1__ReportRow *rows[REPORT_PART_ROWS];
    size_t bytes;
    struct part *next;
};

struct report_out {
    struct arena *arena;
    enum status error;
    Daftari__V1__ReportColumn *columns[REPORT_COLUMNS_MAX];
    size_t column_count;
    char *notes[NOTES_MAX];
    size_t note_count;
    struct part *first, *last;
    struct part *at; /* where report_out_part was last asked */
    size_t at_index;
    uint64_t offset, limit; /* of DETAIL rows; limit 0 = all */
    uint64_t details;
    size_t batch_rows;
    bool continued;              /* not the first batch */
    Daftari__V1__ReportRow *row; /* being filled; NULL outside row_begin .. row_end */
    size_t row_bytes;
};

struct report_out *report_out_new(size_t memory_bytes)
{
    struct report_out *out = calloc(1, sizeof *out);
    if (out == NULL)
        return NULL;
    out->arena = arena_new(memory_bytes);
    if (out->arena == NULL) {
        free(out);
        return NULL;
    }
    return out;
}

void report_out_free(struct report_out *out)
{
    if (out == NULL)
        return;
    arena_free(out->arena);
    free(out);
}

struct arena *report_out_arena(struct report_out *out)
{
    return out->arena;
}

enum status report_out_error(const struct report_out *out)
{
    return out->error;
}

void report_out_fail(struct report_out *out)
{
    out->error = STATUS_TOO_LARGE;
}

static void *take(struct report_out *out, size_t bytes)
{
    void *at = out->error == STATUS_OK ? arena_take(out->arena, bytes) : NULL;
    if (at == NULL)
        out->error = STATUS_TOO_LARGE;
    return at;
}

static char *take_text(struct report_out *out, struct slice text)
{
    char *at = take(out, text.len + 1);
    if (at == NULL)
        return NULL;
    if (text.len != 0)
        memcpy(at, text.ptr, text.len);
    at[text.len] = '\0';
    return at;
}

/* ---- parts ---------------------------------------------------------------------------------------------------------- */

static struct part *part_add(struct report_out *out)
{
    struct part *part = take(out, sizeof *part);
    if (part == NULL)
        return NULL;
    daftari__v1__report_part__init(&part->message);
    part->message.rows = part->rows;
    part->bytes = 0;
    part->next = NULL;
    if (out->last != NULL)
        out->last->next = part;
    else
        out->first = part;
    out->last = part;
    return part;
}

static struct part *part_head(struct report_out *out)
{
    return out->first != NULL ? out->first : part_add(out);
}

bool report_out_batch_full(const struct report_out *out)
{
    return out->batch_rows >= REPORT_BATCH_ROWS;
}

void report_out_continue(struct report_out *out)
{
    arena_reset(out->arena);
    out->first = out->last = out->at = NULL;
    out->at_index = 0;
    out->batch_rows = 0;
    out->note_count = 0;
    out->continued = true;
}

void report_out_head(struct report_out *out, const char *name, const char *title)
{
    if (out->continued)
        return;
    struct part *part = part_head(out);
    if (part == NULL)
        return;
    part->message.report = take_text(out, slice_text(name));
    part->message.title = take_text(out, slice_text(title));
}

void report_out_page(struct report_out *out, uint64_t offset, uint64_t limit)
{
    out->offset = offset;
    out->limit = limit;
}

void report_out_column(struct report_out *out, const char *name, const char *title,
                       Daftari__V1__ColumnKind kind)
{
    if (out->continued)
        return;
    if (out->column_count == REPORT_COLUMNS_MAX) {
        out->error = STATUS_TOO_LARGE;
        return;
    }
    Daftari__V1__ReportColumn *column = take(out, sizeof *column);
    if (column == NULL)
        return;
    daftari__v1__report_column__init(column);
    column->name = take_text(out, slice_text(name));
    column->title = take_text(out, slice_text(title));
    column->has_kind = true;
    column->kind = kind;
    out->columns[out->column_count++] = column;
}

void report_out_columns(struct report_out *out, const struct report_column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        report_out_column(out, columns[i].name, columns[i].title, columns[i].kind);
}

void report_out_note(struct report_out *out, const char *format, ...)
{
    char text[NOTE_TEXT_LEN];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len <= 0 || out->note_count == NOTES_MAX || out->continued)
        return;
    char *note = take_text(out, slice_text(text));
    if (note != NULL)
        out->notes[out->note_count++] = note;
}

Daftari__V1__ReportPart *report_out_part(struct report_out *out, size_t index)
{
    struct part *head = part_head(out);
    if (head == NULL)
        return NULL;
    head->message.columns = out->continued ? NULL : out->columns;
    head->message.n_columns = out->continued ? 0 : out->column_count;
    head->message.notes = out->notes;
    head->message.n_notes = out->note_count;
    if (out->at == NULL || index < out->at_index) {
        out->at = head;
        out->at_index = 0;
    }
    while (out->at_index < index && out->at->next != NULL) {
        out->at = out->at->next;
        out->at_index++;
    }
    return out->at_index == index ? &out->at->message : NULL;
}

/* ---- rows ----------------------------------------------------------------------------------------------------------- */

bool report_out_done(const struct report_out *out)
{
    return out->error != STATUS_OK || (out->limit != 0 && out->details >= out->offset + out->limit);
}

static bool in_page(struct report_out *out)
{
    uint64_t index = out->details++;
    return index >= out->offset && (out->limit == 0 || index - out->offset < out->limit);
}

bool row_begin(struct report_out *out, Daftari__V1__RowKind kind, uint32_t depth)
{
    ASSERT(out->row == NULL);
    if (kind == DAFTARI__V1__ROW_KIND__DETAIL && !in_page(out))
        return false;
    Daftari__V1__ReportRow *row = take(out, sizeof *row);
    char **cells = row != NULL ? take(out, out->column_count * sizeof *cells) : NULL;
    if (cells == NULL)
        return false;
    daftari__v1__report_row__init(row);
    row->has_kind = kind != DAFTARI__V1__ROW_KIND__DETAIL;
    row->kind = kind;
    row->has_depth = depth != 0;
    row->depth = depth;
    row->cells = cells;
    out->row = row;
    out->row_bytes = ROW_OVERHEAD;
    return true;
}

void row_end(struct report_out *out)
{
    if (out->row == NULL)
        return;
    while (out->row->n_cells < out->column_count)
        cell_empty(out);
    Daftari__V1__ReportRow *row = out->row;
    out->row = NULL;
    struct part *part = part_head(out);
    if (part != NULL)
        part = out->last;
    if (part == NULL || out->error != STATUS_OK)
        return;
    bool full = part->message.n_rows == REPORT_PART_ROWS || part->bytes + out->row_bytes > REPORT_PART_BYTES;
    if (full && part->message.n_rows != 0)
        part = part_add(out);
    if (part == NULL)
        return;
    part->message.rows[part->message.n_rows++] = row;
    out->batch_rows++;
    part->bytes += out->row_bytes;
}

static void cell_put(struct report_out *out, char *text, size_t len)
{
    if (out->row == NULL || text == NULL)
        return;
    ASSERT(out->row->n_cells < out->column_count);
    out->row->cells[out->row->n_cells++] = text;
    out->row_bytes += len + CELL_OVERHEAD;
}

void cell_slice(struct report_out *out, struct slice text)
{
    if (out->row != NULL)
        cell_put(out, take_text(out, text), text.len);
}

void cell_empty(struct report_out *out)
{
    static char empty[] = ""; /* packed, never written */
    cell_put(out, empty, 0);
}

void cell_text(struct report_out *out, const char *text)
{
    if (text == NULL || text[0] == '\0')
        cell_empty(out);
    else
        cell_slice(out, slice_text(text));
}

/* Decimal text of a 128-bit amount, "-1250.50". scale <= CURRENCY_SCALE_MAX. */
static size_t wide_format(int128 minor, uint32_t scale, char out[WIDE_TEXT_MAX])
{
    ASSERT(scale <= CURRENCY_SCALE_MAX);
    char reversed[WIDE_TEXT_MAX];
    size_t len = 0;
    uint128 rest = minor < 0 ? -(uint128)minor : (uint128)minor;
    for (uint32_t digits = 0; rest != 0 || digits <= scale; digits++) {
        if (digits == scale && scale != 0)
            reversed[len++] = '.';
        reversed[len++] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    }
    if (minor < 0)
        reversed[len++] = '-';
    for (size_t i = 0; i < len; i++)
        out[i] = reversed[len - 1 - i];
    out[len] = '\0';
    return len;
}

void cell_amount(struct report_out *out, int128 minor, uint32_t scale)
{
    char text[WIDE_TEXT_MAX];
    size_t len = wide_format(minor, scale, text);
    cell_slice(out, slice_of(text, len));
}

void cell_amount_unless_zero(struct report_out *out, int128 minor, uint32_t scale)
{
    if (minor == 0)
        cell_empty(out);
    else
        cell_amount(out, minor, scale);
}

void cell_integer(struct report_out *out, uint64_t value)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    cell_slice(out, slice_of(text, (size_t)len));
}

void cell_quantity(struct report_out *out, int128 milli)
{
    char text[WIDE_TEXT_MAX];
    size_t len = wide_format(milli, 3, text);
    while (text[len - 1] == '0')
        len--;
    if (text[len - 1] == '.')
        len--;
    cell_slice(out, slice_of(text, len));
}

void cell_percent(struct report_out *out, int128 part, int128 whole)
{
    int128 size = whole < 0 ? -whole : whole;
    if (whole == 0) {
        cell_empty(out);
        return;
    }
    int128 scaled = (part < 0 ? -part : part) * 10000 * 2 + size;
    int128 hundredths = scaled / (2 * size);
    cell_amount(out, (part < 0) != (whole < 0) ? -hundredths : hundredths, 2);
}

void cell_date(struct report_out *out, civil_date date)
{
    char text[DATE_TEXT_MAX];
    size_t len = date_format(date, text);
    cell_slice(out, slice_of(text, len));
}

void cell_time(struct report_out *out, timestamp_us time)
{
    char text[TIME_TEXT_MAX];
    size_t len = timestamp_format(time, text);
    cell_slice(out, slice_of(text, len));
}
