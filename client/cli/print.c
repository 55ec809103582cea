/* Answers as people and programs read them. Rows are made of the JSON objects of message_json.c, so that every output
 * form shows the same values. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli.h"
#include "log.pb-c.h"

#define CELL_TEXT_MAX 2048

/* Where a cell comes from: item[outer][key], or line[key] of each object in item[outer][lines]. */
struct source {
    char outer[SERVICE_NAME_TEXT_MAX]; /* "" = the item itself */
    char key[SERVICE_NAME_TEXT_MAX];
    bool in_lines;
};

struct layout {
    struct source sources[TABLE_COLUMNS_MAX];
    size_t count;
    char lines_outer[SERVICE_NAME_TEXT_MAX];
    char lines_key[SERVICE_NAME_TEXT_MAX]; /* "" = no lines */
};

json_t *recorded_json(const struct dft_recorded *recorded)
{
    char time[TIME_TEXT_MAX];
    json_t *object = json_pack("{s:I}", "position", (json_int_t)recorded->position);
    if (recorded->number[0] != '\0')
        (void)json_object_set_new(object, "number", json_string(recorded->number));
    if (recorded->recorded_time_us != 0) {
        (void)timestamp_format(recorded->recorded_time_us, time);
        (void)json_object_set_new(object, "recorded_time", json_string(time));
    }
    return object;
}

void print_recorded(struct cli *cli, const struct dft_recorded *recorded)
{
    if (cli->output == OUTPUT_JSON) {
        json_t *object = recorded_json(recorded);
        (void)json_dumpf(object, stdout, JSON_COMPACT);
        (void)fputc('\n', stdout);
        json_decref(object);
    } else if (cli->output == OUTPUT_CSV) {
        char time[TIME_TEXT_MAX] = "";
        if (recorded->recorded_time_us != 0)
            (void)timestamp_format(recorded->recorded_time_us, time);
        (void)printf("%s%llu,%s,%s\r\n", cli->csv_headed ? "" : "position,number,recorded_time\r\n",
                     (unsigned long long)recorded->position, recorded->number, time);
        cli->csv_headed = true;
    } else if (recorded->position == 0) {
        (void)puts("nothing to do: it is so already");
    } else if (recorded->number[0] != '\0') {
        (void)printf("%s (position %llu)\n", recorded->number, (unsigned long long)recorded->position);
    } else {
        (void)printf("recorded at position %llu\n", (unsigned long long)recorded->position);
    }
}

/* ---- layout ------------------------------------------------------------------------------------------------------ */

static bool is_pair(const ProtobufCFieldDescriptor *field)
{
    const ProtobufCMessageDescriptor *type = field->descriptor;
    return field->type == PROTOBUF_C_TYPE_MESSAGE && type->n_fields <= 2;
}

static enum table_align align_of(const ProtobufCFieldDescriptor *field)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return TABLE_LEFT;
    switch (field_form(field)) {
    case FORM_AMOUNT:
    case FORM_QUANTITY:
    case FORM_RATE:
        return TABLE_AMOUNT;
    case FORM_NUMBER:
        return TABLE_RIGHT;
    default:
        return TABLE_LEFT;
    }
}

static bool add_column(struct layout *layout, struct table *table, const char *outer, const char *line_name,
                       const ProtobufCFieldDescriptor *field)
{
    if (layout->count == TABLE_COLUMNS_MAX)
        return false;
    struct source *source = &layout->sources[layout->count];
    *source = (struct source){.in_lines = line_name != NULL};
    (void)snprintf(source->outer, sizeof source->outer, "%s", outer);
    field_short_name(field, source->key);
    char title[TABLE_TITLE_MAX], name[2 * TABLE_TITLE_MAX];
    name_kebab(source->key, title);
    for (char *at = title; *at != '\0'; at++)
        *at = *at == '-' ? ' ' : *at;
    int line_len = line_name != NULL ? (int)name_singular_len(line_name) : 0; /* "lines" -> "line" */
    (void)snprintf(name, sizeof name, "%.*s%s%s", line_len, line_name != NULL ? line_name : "",
                   line_name != NULL ? "_" : "", source->key);
    if (!table_add_column(table, title, name, align_of(field)))
        return false;
    layout->count++;
    return true;
}

/* The fields of one message; a repeated message of more than two fields becomes the lines. */
static bool add_fields(struct layout *layout, struct table *table, const char *outer,
                       const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor **out_lines)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (field->type == PROTOBUF_C_TYPE_MESSAGE && !is_pair(field)) {
            if (field->label == PROTOBUF_C_LABEL_REPEATED && *out_lines == NULL) {
                *out_lines = field;
                (void)snprintf(layout->lines_outer, sizeof layout->lines_outer, "%s", outer);
                field_short_name(field, layout->lines_key);
            }
            continue;
        }
        if (!add_column(layout, table, outer, NULL, field))
            return false;
    }
    return true;
}

static bool layout_make(struct layout *layout, struct table *table, const ProtobufCMessageDescriptor *type)
{
    const ProtobufCFieldDescriptor *lines = NULL;
    *layout = (struct layout){.count = 0};
    if (!add_fields(layout, table, "", type, &lines))
        return false;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        char outer[SERVICE_NAME_TEXT_MAX];
        field_short_name(field, outer);
        if (field->type == PROTOBUF_C_TYPE_MESSAGE && field->label != PROTOBUF_C_LABEL_REPEATED &&
            !is_pair(field) && !add_fields(layout, table, outer, field->descriptor, &lines))
            return false;
    }
    const ProtobufCMessageDescriptor *line = lines != NULL ? lines->descriptor : NULL;
    for (unsigned i = 0; line != NULL && i < line->n_fields; i++) {
        if (!add_column(layout, table, "", layout->lines_key, &line->fields[i]))
            return false;
    }
    return true;
}

/* ---- cells ------------------------------------------------------------------------------------------------------- */

static void append(char *out, size_t *len, const char *text)
{
    int put = snprintf(out + *len, CELL_TEXT_MAX - *len, "%s", text);
    *len += put > 0 && (size_t)put < CELL_TEXT_MAX - *len ? (size_t)put : 0;
}

static void append_scalar(char *out, size_t *len, const json_t *value, bool for_people)
{
    char number[32];
    if (json_is_string(value)) {
        append(out, len, json_string_value(value));
    } else if (json_is_integer(value)) {
        (void)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        append(out, len, number);
    } else if (json_is_true(value)) {
        append(out, len, for_people ? "yes" : "true");
    } else if (json_is_false(value)) {
        append(out, len, for_people ? "" : "false");
    }
}

/* Scalars as they are, lists with commas, pairs with '='. */
static void cell_text(char out[CELL_TEXT_MAX], json_t *value, bool for_people)
{
    size_t len = 0;
    out[0] = '\0';
    size_t count = json_is_array(value) ? json_array_size(value) : value != NULL ? 1 : 0;
    for (size_t i = 0; i < count; i++) {
        json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        if (i > 0)
            append(out, &len, ", ");
        if (!json_is_object(item)) {
            append_scalar(out, &len, item, for_people);
            continue;
        }
        const char *key;
        json_t *part;
        bool first = true;
        json_object_foreach(item, key, part)
        {
            append(out, &len, first ? "" : "=");
            append_scalar(out, &len, part, for_people);
            first = false;
        }
    }
}

static json_t *holder_of(json_t *item, const char *outer)
{
    return outer[0] == '\0' ? item : json_object_get(item, outer);
}

static bool fill_row(const struct layout *layout, struct table *table, json_t *item, json_t *line,
                     bool repeat, bool for_people)
{
    for (size_t i = 0; i < layout->count; i++) {
        const struct source *source = &layout->sources[i];
        json_t *holder = source->in_lines ? line : repeat ? holder_of(item, source->outer) : NULL;
        char text[CELL_TEXT_MAX];
        cell_text(text, json_object_get(holder, source->key), for_people);
        if (!table_set(table, i, text))
            return false;
    }
    return true;
}

/* One row, or one for each line; for people what is said once is not repeated below. */
static bool fill_item(const struct layout *layout, struct table *table, json_t *item, bool for_people)
{
    json_t *lines = layout->lines_key[0] != '\0'
                        ? json_object_get(holder_of(item, layout->lines_outer), layout->lines_key)
                        : NULL;
    size_t count = json_array_size(lines);
    for (size_t i = 0; i < (count > 0 ? count : 1); i++) {
        if (!table_add_row(table, TABLE_ROW, 0) ||
            !fill_row(layout, table, item, json_array_get(lines, i), i == 0 || !for_people, for_people))
            return false;
    }
    return true;
}

/* One item, a name and a value on each line, then its lines as a table. */
static void print_single(const struct layout *layout, const struct table *table)
{
    struct table pairs, lines;
    table_init(&pairs);
    table_init(&lines);
    bool good = table_add_column(&pairs, "", "", TABLE_LEFT);
    good = good && table_add_column(&pairs, "", "", TABLE_LEFT);
    for (size_t i = 0; good && i < layout->count; i++) {
        const struct table_column *column = &table->columns[i];
        const char *text = table->rows[0].cells[i];
        char grouped[128];
        if (layout->sources[i].in_lines) {
            good = table_add_column(&lines, column->title, column->name, column->align);
            continue;
        }
        if (text == NULL)
            continue;
        if (column->align == TABLE_AMOUNT)
            amount_group(text, grouped, sizeof grouped);
        (void)printf("%-20s %s\n", column->title, column->align == TABLE_AMOUNT ? grouped : text);
    }
    bool any = false;
    for (size_t r = 0; good && lines.column_count > 0 && r < table->row_count; r++) {
        good = table_add_row(&lines, TABLE_ROW, 0);
        size_t to = 0;
        for (size_t i = 0; good && i < layout->count; i++) {
            if (!layout->sources[i].in_lines)
                continue;
            any = any || table->rows[r].cells[i] != NULL;
            good = table_set(&lines, to++, table->rows[r].cells[i]);
        }
    }
    if (good && any) {
        (void)fputc('\n', stdout);
        table_show(&lines, stdout);
    }
    table_done(&pairs);
    table_done(&lines);
}

/* A signed checkpoint is a text of several lines, signed as it stands: shown so, to be kept and verified elsewhere. */
static bool print_checkpoint(struct cli *cli, json_t *item)
{
    const char *note = json_string_value(json_object_get(item, "note"));
    const char *key = json_string_value(json_object_get(item, "log_key"));
    if (note == NULL || key == NULL)
        return false;
    if (cli->output == OUTPUT_TABLE) {
        (void)printf("%s\nlog key %s\n", note, key);
        return true;
    }
    (void)fputs(cli->csv_headed ? "" : "note,log_key\r\n", stdout);
    cli->csv_headed = true;
    csv_field(stdout, note);
    (void)fputc(',', stdout);
    csv_field(stdout, key);
    (void)fputs("\r\n", stdout);
    return true;
}

bool print_items(struct cli *cli, const ProtobufCMessageDescriptor *type, json_t *items, bool single)
{
    if (cli->output == OUTPUT_JSON) {
        json_t *shown = single ? json_array_get(items, 0) : items;
        bool good = json_dumpf(shown, stdout, JSON_INDENT(2)) == 0;
        (void)fputc('\n', stdout);
        return good;
    }
    if (type == &daftari__v1__checkpoint_note__descriptor && json_array_size(items) == 1)
        return print_checkpoint(cli, json_array_get(items, 0));
    struct layout *layout = malloc(sizeof *layout);
    struct table table;
    table_init(&table);
    bool for_people = cli->output == OUTPUT_TABLE;
    bool good = layout != NULL && layout_make(layout, &table, type);
    size_t index;
    json_t *item;
    json_array_foreach(items, index, item)
    {
        good = good && fill_item(layout, &table, item, for_people);
    }
    if (good && cli->output == OUTPUT_CSV) {
        table_show_csv(&table, !cli->csv_headed, stdout);
        cli->csv_headed = true;
    } else if (good && single && table.row_count > 0) {
        print_single(layout, &table);
    } else if (good) {
        table_show(&table, stdout);
    }
    table_done(&table);
    free(layout);
    return good;
}
