#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/message_json.h"

static bool keep(struct json_reader *reader, int byte)
{
    if (reader->len == reader->cap) {
        size_t cap = reader->cap == 0 ? 4096 : reader->cap * 2;
        char *text = cap > 2 * JSON_VALUE_BYTES_MAX ? NULL : realloc(reader->text, cap);
        if (text == NULL)
            return false;
        reader->text = text;
        reader->cap = cap;
    }
    reader->text[reader->len++] = (char)byte;
    return reader->len <= JSON_VALUE_BYTES_MAX;
}

static int next_byte(struct json_reader *reader)
{
    if (reader->head_at < reader->head.len)
        return reader->head.ptr[reader->head_at++];
    return reader->from != NULL ? fgetc(reader->from) : EOF;
}

/* Collects bytes until braces and brackets are even again; the parser checks the rest. False: too long. */
static bool collect(struct json_reader *reader, bool *out_any)
{
    size_t depth = 0;
    bool in_text = false, escaped = false;
    int byte;
    while ((byte = next_byte(reader)) != EOF) {
        if (byte == '\n')
            reader->next_line++;
        if (reader->len == 0 && (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'))
            continue;
        if (reader->len == 0 && reader->in_array && (byte == '[' || byte == ',' || byte == ']'))
            continue;
        if (reader->len == 0)
            reader->line = reader->next_line;
        if (!keep(reader, byte))
            return false;
        *out_any = true;
        if (in_text) {
            in_text = escaped || byte != '"';
            escaped = !escaped && byte == '\\';
        } else if (byte == '"') {
            in_text = true;
        } else if (byte == '{' || byte == '[') {
            depth++;
        } else if ((byte == '}' || byte == ']') && depth > 0) {
            depth--;
        }
        if (depth == 0 && !in_text && (byte == '}' || byte == ']' || byte == '\n'))
            return true;
    }
    return true;
}

enum status json_reader_next(struct json_reader *reader, json_t **out, struct fault *why)
{
    bool any = false;
    reader->len = 0;
    if (reader->next_line == 0)
        reader->next_line = 1;
    if (!collect(reader, &any))
        return fault_set(why, STATUS_TOO_LARGE, NULL, "line %llu: at most %u bytes in one JSON value",
                         (unsigned long long)reader->line, JSON_VALUE_BYTES_MAX);
    if (reader->from != NULL && ferror(reader->from)) /* a folder opens like a file */
        return fault_set(why, STATUS_INVALID, NULL, "what there is cannot be read: %s", strerror(errno));
    if (!any)
        return STATUS_END;
    json_error_t error;
    json_t *value = json_loadb(reader->text, reader->len, JSON_REJECT_DUPLICATES, &error);
    if (value == NULL)
        return fault_set(why, STATUS_INVALID, NULL, "line %llu is not JSON: %s",
                         (unsigned long long)reader->line, error.text);
    *out = value;
    return STATUS_OK;
}

void json_reader_done(struct json_reader *reader)
{
    free(reader->text);
    reader->text = NULL;
    reader->len = reader->cap = 0;
}
