/* Records of a CSV file, one at a time, of bounded size. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/mpesa/mpesa.h"

#define NO_BYTE (-2)

static int next_byte(struct csv_reader *reader)
{
    if (reader->ahead != NO_BYTE) {
        int byte = reader->ahead;
        reader->ahead = NO_BYTE;
        return byte;
    }
    if (reader->held_at < reader->held.len)
        return reader->held.ptr[reader->held_at++];
    return reader->from != NULL ? getc(reader->from) : EOF;
}

static void begin_file(struct csv_reader *reader)
{
    reader->begun = true;
    reader->ahead = NO_BYTE;
    reader->next_line = 1;
    int first = next_byte(reader);
    if (first != 0xef) {
        reader->ahead = first;
        return;
    }
    (void)next_byte(
        reader); /* the mark has three bytes; what is not that mark is no UTF-8 the field can show */
    (void)next_byte(reader);
}

static enum status put(struct csv_reader *reader, int byte, struct fault *why)
{
    if (reader->len == CSV_RECORD_MAX)
        return fault_set(why, STATUS_INVALID, NULL, "line %llu: one row of more than %u bytes",
                         (unsigned long long)reader->line, CSV_RECORD_MAX);
    if (reader->len == reader->cap) {
        size_t cap = reader->cap == 0 ? 1024 : 2 * reader->cap;
        char *larger = realloc(reader->bytes, cap);
        if (larger == NULL)
            return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
        reader->bytes = larger;
        reader->cap = cap;
    }
    reader->bytes[reader->len++] = (char)byte;
    return STATUS_OK;
}

static enum status begin_field(struct csv_reader *reader, struct fault *why)
{
    if (reader->count == CSV_FIELDS_MAX)
        return fault_set(why, STATUS_INVALID, NULL, "line %llu: more than %u columns",
                         (unsigned long long)reader->line, CSV_FIELDS_MAX);
    reader->starts[reader->count++] = (uint32_t)reader->len;
    return STATUS_OK;
}

/* After the opening quote. */
static enum status quoted(struct csv_reader *reader, struct fault *why)
{
    for (;;) {
        int byte = next_byte(reader);
        if (byte == EOF || byte == 0)
            return fault_set(why, STATUS_INVALID, NULL, "line %llu: a quote that does not end",
                             (unsigned long long)reader->line);
        if (byte == '"') {
            int after = next_byte(reader);
            if (after != '"') {
                reader->ahead = after;
                return STATUS_OK;
            }
        }
        reader->next_line += byte == '\n';
        enum status status = put(reader, byte, why);
        if (status != STATUS_OK)
            return status;
    }
}

/* One field with its NUL; *out_end: what ended it. */
static enum status field(struct csv_reader *reader, int *out_end, struct fault *why)
{
    enum status status = begin_field(reader, why);
    int byte = next_byte(reader);
    if (status == STATUS_OK && byte == '"') {
        status = quoted(reader, why);
        byte = status == STATUS_OK ? next_byte(reader) : EOF;
    }
    while (status == STATUS_OK && byte != EOF && byte != ',' && byte != '\n' && byte != '\r') {
        status = byte == 0 ? fault_set(why, STATUS_INVALID, NULL, "line %llu: not a text file (a zero byte)",
                                       (unsigned long long)reader->line)
                           : put(reader, byte, why);
        byte = status == STATUS_OK ? next_byte(reader) : EOF;
    }
    if (status == STATUS_OK)
        status = put(reader, '\0', why);
    *out_end = byte;
    return status;
}

enum status csv_next(struct csv_reader *reader, struct fault *why)
{
    int end = ',';
    enum status status = STATUS_OK;
    if (!reader->begun)
        begin_file(reader);
    int first = next_byte(reader);
    reader->len = reader->count = 0;
    if (first == EOF)
        return STATUS_END;
    reader->ahead = first;
    reader->line = reader->next_line;
    while (status == STATUS_OK && end == ',')
        status = field(reader, &end, why);
    if (status != STATUS_OK)
        return status;
    if (end == '\r') {
        int after = next_byte(reader);
        if (after != '\n')
            reader->ahead = after;
    }
    reader->next_line++;
    return STATUS_OK;
}

const char *csv_cell(const struct csv_reader *reader, size_t index)
{
    return index < reader->count ? reader->bytes + reader->starts[index] : "";
}

void csv_done(struct csv_reader *reader)
{
    free(reader->bytes);
    *reader = (struct csv_reader){.from = NULL};
}
