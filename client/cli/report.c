/* Reports: one request and one answer form for all; shown as a table, CSV or JSON. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/input.h"
#include "proto/base/text.h"
#include "proto/wire/message.h"
#include "report.pb-c.h"

#define REPORT_WORDS_MAX 64u

struct report {
    struct table table;
    Daftari__V1__ColumnKind kinds[TABLE_COLUMNS_MAX];
    char name[SERVICE_NAME_TEXT_MAX];
    char title[TABLE_TITLE_MAX];
    json_t *head; /* whose report, of which days, as known when: keys as in JSON */
    json_t *notes;
    uint64_t position;
    bool headed;
};

static enum table_align align_of(Daftari__V1__ColumnKind kind)
{
    switch (kind) {
    case DAFTARI__V1__COLUMN_KIND__AMOUNT:
    case DAFTARI__V1__COLUMN_KIND__QUANTITY:
    case DAFTARI__V1__COLUMN_KIND__PERCENT:
        return TABLE_AMOUNT;
    case DAFTARI__V1__COLUMN_KIND__INTEGER:
        return TABLE_RIGHT;
    default:
        return TABLE_LEFT;
    }
}

static enum table_row_kind row_kind_of(Daftari__V1__RowKind kind)
{
    switch (kind) {
    case DAFTARI__V1__ROW_KIND__HEADING:
        return TABLE_HEADING;
    case DAFTARI__V1__ROW_KIND__SUBTOTAL:
        return TABLE_SUBTOTAL;
    case DAFTARI__V1__ROW_KIND__TOTAL:
        return TABLE_TOTAL;
    default:
        return TABLE_ROW;
    }
}

/* ---- gathering --------------------------------------------------------------------------------------------------- */

static void head_text(struct report *report, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0')
        (void)json_object_set_new(report->head, key, json_string(text));
}

static void head_date(struct report *report, const char *key, bool given, uint32_t date)
{
    char text[DATE_TEXT_MAX];
    if (given && date_valid(date) && date_format(date, text) != 0)
        head_text(report, key, text);
}

static void take_whose(struct report *report, const Daftari__V1__ReportPart *part)
{
    char moment[TIME_TEXT_MAX];
    head_text(report, "books", part->books);
    head_text(report, "business", part->business);
    head_text(report, "business_name", part->business_name);
    head_date(report, "from", part->has_from_date, part->from_date);
    head_date(report, "to", part->has_to_date, part->to_date);
    head_date(report, "as_at", part->has_as_at_date, part->as_at_date);
    head_date(report, "compare_from", part->has_compare_from_date, part->compare_from_date);
    head_date(report, "compare_to", part->has_compare_to_date, part->compare_to_date);
    if (!part->has_known_at_position)
        return;
    (void)json_object_set_new(report->head, "known_at", json_integer((json_int_t)part->known_at_position));
    if (timestamp_format(part->known_at_time_us, moment) != 0)
        head_text(report, "known_at_time", moment);
}

static bool take_head(struct report *report, const Daftari__V1__ReportPart *part)
{
    report->headed = true;
    take_whose(report, part);
    (void)snprintf(report->name, sizeof report->name, "%s", part->report != NULL ? part->report : "");
    (void)snprintf(report->title, sizeof report->title, "%s", part->title != NULL ? part->title : "");
    if (part->n_columns > TABLE_COLUMNS_MAX)
        return false;
    for (size_t i = 0; i < part->n_columns; i++) {
        const Daftari__V1__ReportColumn *column = part->columns[i];
        const char *name = column->name != NULL ? column->name : "";
        report->kinds[i] = column->kind;
        if (!table_add_column(&report->table, column->title != NULL ? column->title : name, name,
                              align_of(column->kind)))
            return false;
    }
    return true;
}

static bool take_rows(struct report *report, const Daftari__V1__ReportPart *part)
{
    for (size_t i = 0; i < part->n_rows; i++) {
        const Daftari__V1__ReportRow *row = part->rows[i];
        uint32_t depth = row->depth < 32 ? row->depth : 32;
        if (row->n_cells > report->table.column_count ||
            !table_add_row(&report->table, row_kind_of(row->kind), depth))
            return false;
        for (size_t k = 0; k < row->n_cells; k++) {
            if (!table_set(&report->table, k, row->cells[k]))
                return false;
        }
    }
    for (size_t i = 0; i < part->n_notes; i++)
        (void)json_array_append_new(report->notes, json_string(part->notes[i]));
    return true;
}

static enum status take_part(struct report *report, const struct dft_answer *answer, struct fault *why)
{
    struct arena arena;
    arena_init(&arena, CLI_ARENA_MAX);
    ProtobufCMessage *message = NULL;
    enum status status =
        message_unpack(&daftari__v1__report_part__descriptor, slice_of(answer->body, answer->body_len), false,
                       arena_allocator(&arena), &message, why);
    if (status == STATUS_OK) {
        const Daftari__V1__ReportPart *part = (const Daftari__V1__ReportPart *)message;
        bool good = (report->headed || take_head(report, part)) && take_rows(report, part);
        if (!good)
            status =
                fault_set(why, STATUS_CORRUPT, NULL, "the server's report is not understood, or too large");
    }
    report->position = answer->position > report->position ? answer->position : report->position;
    arena_done(&arena);
    return status;
}

static enum status report_ask(struct cli *cli, struct slice body, struct report *report, struct fault *why)
{
    struct dft_stream *stream = NULL;
    struct dft_fault fault = {.status = DFT_OK};
    enum status status = STATUS_OK;
    enum dft_status result = cli_stream_open(cli, "Report.Run", body, 0, cli->timeout_ms, &stream, &fault);
    while (result == DFT_OK && status == STATUS_OK) {
        struct dft_answer part;
        result = dft_stream_next(stream, DFT_FOREVER, &part, &fault);
        if (result == DFT_OK)
            status = take_part(report, &part, why);
    }
    dft_stream_close(stream);
    if (status != STATUS_OK || result == DFT_END)
        return status;
    *why = fault_of(&fault);
    return why->status;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static json_t *cell_json(const struct report *report, const struct table_row *row, size_t column)
{
    const char *text = row->cells[column];
    uint64_t number;
    if (text == NULL)
        return report->kinds[column] == DAFTARI__V1__COLUMN_KIND__TEXT ? json_string("") : json_null();
    if (report->kinds[column] == DAFTARI__V1__COLUMN_KIND__INTEGER &&
        number_parse(slice_text(text), 0, INT64_MAX, &number))
        return json_integer((json_int_t)number);
    return json_string(text);
}

static json_t *columns_json(const struct report *report)
{
    static const char *const kinds[] = {"text", "amount", "date", "integer", "time", "quantity", "percent"};
    json_t *columns = json_array();
    for (size_t i = 0; i < report->table.column_count; i++) {
        unsigned kind = (unsigned)report->kinds[i];
        (void)json_array_append_new(columns,
                                    json_pack("{s:s, s:s, s:s}", "name", report->table.columns[i].name,
                                              "title", report->table.columns[i].title, "kind",
                                              kind < sizeof kinds / sizeof kinds[0] ? kinds[kind] : "text"));
    }
    return columns;
}

static json_t *row_json(const struct report *report, const struct table_row *row)
{
    static const char *const kinds[] = {"detail", "heading", "subtotal", "total"};
    json_t *object = json_object();
    for (size_t i = 0; i < report->table.column_count; i++)
        (void)json_object_set_new(object, report->table.columns[i].name, cell_json(report, row, i));
    if (row->kind != TABLE_ROW)
        (void)json_object_set_new(object, "row", json_string(kinds[row->kind]));
    if (row->depth > 0)
        (void)json_object_set_new(object, "depth", json_integer(row->depth));
    return object;
}

/* All rows but totals, and the totals as they stand among them: "after" says how many of `rows` come before. */
static void rows_json(const struct report *report, json_t *rows, json_t *totals)
{
    for (size_t r = 0; r < report->table.row_count; r++) {
        const struct table_row *row = &report->table.rows[r];
        json_t *object = row_json(report, row);
        if (row->kind == TABLE_TOTAL)
            (void)json_object_set_new(object, "after", json_integer((json_int_t)json_array_size(rows)));
        (void)json_array_append_new(row->kind == TABLE_TOTAL ? totals : rows, object);
    }
}

static size_t column_named(const struct report *report, const char *name)
{
    for (size_t i = 0; i < report->table.column_count; i++) {
        if (strcmp(report->table.columns[i].name, name) == 0)
            return i;
    }
    return SIZE_MAX;
}

/* Whether total rows speak of more than one currency. */
static bool totals_in_several(const struct report *report, size_t currency)
{
    const char *first = NULL;
    for (size_t r = 0; currency != SIZE_MAX && r < report->table.row_count; r++) {
        const struct table_row *row = &report->table.rows[r];
        const char *code = row->cells[currency] != NULL ? row->cells[currency] : "";
        if (row->kind != TABLE_TOTAL)
            continue;
        if (first != NULL && strcmp(first, code) != 0)
            return true;
        first = code;
    }
    return false;
}

/* The object at `key`, made when it is not there. */
static json_t *object_at(json_t *holder, const char *key)
{
    if (json_object_get(holder, key) == NULL)
        (void)json_object_set_new(holder, key, json_object());
    return json_object_get(holder, key);
}

/* By column name; in a report of sections (profit and loss) by section, then column. With totals in several currencies
 * each figure is an object by currency. Where several rows say the same, the last one holds: the closing balance, or all
 * businesses after each of them. */
static json_t *totals_json(const struct report *report)
{
    size_t currency = column_named(report, "currency"), section = column_named(report, "section");
    bool several = totals_in_several(report, currency);
    json_t *totals = json_object();
    for (size_t r = 0; r < report->table.row_count; r++) {
        const struct table_row *row = &report->table.rows[r];
        for (size_t i = 0; row->kind == TABLE_TOTAL && i < report->table.column_count; i++) {
            const char *name = report->table.columns[i].name;
            bool figure = align_of(report->kinds[i]) != TABLE_LEFT;
            if (!figure || row->cells[i] == NULL)
                continue;
            json_t *holder = totals;
            if (section != SIZE_MAX && row->cells[section] != NULL)
                holder = object_at(holder, row->cells[section]);
            if (several) {
                holder = object_at(holder, name);
                name = row->cells[currency] != NULL ? row->cells[currency] : "";
            }
            (void)json_object_set_new(holder, name, cell_json(report, row, i));
        }
    }
    return totals;
}

static void report_print_json(const struct report *report)
{
    json_t *object = json_pack("{s:s, s:s, s:I}", "report", report->name, "title", report->title, "position",
                               (json_int_t)report->position);
    (void)json_object_update(object, report->head);
    (void)json_object_set_new(object, "columns", columns_json(report));
    json_t *rows = json_array(), *totals = json_array();
    rows_json(report, rows, totals);
    (void)json_object_set_new(object, "rows", rows);
    (void)json_object_set_new(object, "totals", totals_json(report));
    (void)json_object_set_new(object, "total_rows", totals);
    (void)json_object_set(object, "notes", report->notes);
    (void)json_dumpf(object, stdout, JSON_INDENT(1));
    (void)fputc('\n', stdout);
    json_decref(object);
}

/* "" when the report has none. */
static const char *head_of(const struct report *report, const char *key)
{
    const char *text = json_string_value(json_object_get(report->head, key));
    return text != NULL ? text : "";
}

/* Text of the server for a terminal: without control characters, as in tables. */
static void print_plain(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++)
        (void)putchar(*at < 0x20 || *at == 0x7f ? ' ' : *at);
}

static void print_days(const struct report *report)
{
    const char *from = head_of(report, "from"), *to = head_of(report, "to"), *at = head_of(report, "as_at");
    const char *with_from = head_of(report, "compare_from"), *with = head_of(report, "compare_to");
    if (at[0] != '\0')
        (void)printf("At the end of %s", at);
    else if (from[0] != '\0' && to[0] != '\0')
        (void)printf("From %s to %s", from, to);
    else if (from[0] != '\0' || to[0] != '\0')
        (void)printf("%s %s", from[0] != '\0' ? "From" : "Up to", from[0] != '\0' ? from : to);
    else
        return;
    if (with[0] != '\0' && at[0] != '\0')
        (void)printf(", compared with the end of %s", with);
    else if (with[0] != '\0' && with_from[0] != '\0')
        (void)printf(", compared with %s to %s", with_from, with);
    else if (with[0] != '\0')
        (void)printf(", compared with all up to %s", with);
    (void)putchar('\n');
}

/* As an accountant heads a report: what it is, whose, of which days, and as known when. */
static void print_head(const struct report *report)
{
    const char *books = head_of(report, "books"), *business = head_of(report, "business");
    const char *name = head_of(report, "business_name");
    print_plain(report->title);
    (void)putchar('\n');
    print_plain(books);
    if (business[0] != '\0')
        (void)fputs(books[0] != '\0' ? ": " : "", stdout);
    if (strcmp(business, "all") == 0)
        (void)fputs("all businesses", stdout);
    else
        print_plain(business);
    if (name[0] != '\0')
        (void)putchar(' ');
    print_plain(name);
    if (books[0] != '\0' || business[0] != '\0')
        (void)putchar('\n');
    print_days(report);
    json_int_t known_at = json_integer_value(json_object_get(report->head, "known_at"));
    if (known_at != 0)
        (void)printf("As known at position %lld, recorded %s\n", (long long)known_at,
                     head_of(report, "known_at_time"));
    (void)putchar('\n');
}

static void report_print_table(const struct report *report)
{
    size_t index;
    json_t *note;
    print_head(report);
    table_show(&report->table, stdout);
    (void)fputc('\n', stdout);
    json_array_foreach(report->notes, index, note)
    {
        print_plain(json_string_value(note));
        (void)putchar('\n');
    }
    (void)printf("As of log position %llu.\n", (unsigned long long)report->position);
}

/* A report of checks says of each of them in the column `state` whether both sides agree. */
static bool report_differs(const struct report *report)
{
    size_t state = column_named(report, "state");
    for (size_t r = 0; state != SIZE_MAX && r < report->table.row_count; r++) {
        const char *text = report->table.rows[r].cells[state];
        if (text != NULL && strcmp(text, "differs") == 0)
            return true;
    }
    return false;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static enum status report_show(struct cli *cli, struct slice body, struct fault *why)
{
    struct report *report = calloc(1, sizeof *report);
    if (report == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    table_init(&report->table);
    report->head = json_object();
    report->notes = json_array();
    enum status status = report_ask(cli, body, report, why);
    if (status != STATUS_OK && cli_takes_earlier(cli, why))
        status = report_ask(cli, body, report, why);
    if (status != STATUS_OK) {
        /* told by who asked */
    } else if (cli->output == OUTPUT_JSON) {
        report_print_json(report);
    } else if (cli->output == OUTPUT_CSV) {
        if (cli->csv_headed)
            (void)fputs("\r\n", stdout); /* the next one may have other columns */
        cli->csv_headed = true;
        table_show_csv(&report->table, true, stdout);
    } else {
        report_print_table(report);
    }
    json_decref(report->head);
    cli->differs = cli->differs || (status == STATUS_OK && report_differs(report));
    json_decref(report->notes);
    table_done(&report->table);
    free(report);
    return status;
}

/* ---- reports as JSON --------------------------------------------------------------------------------------------- */

struct reports {
    struct cli *cli;
    const char *name; /* from the command line; NULL: each object has its own */
};

/* Puts the name of the command line into the object, unless the object has another one. */
static enum status report_form(void *context, json_t *object, struct input_form *out, struct fault *why)
{
    const struct reports *reports = context;
    const char *given = json_string_value(json_object_get(object, "report"));
    *out = (struct input_form){.method = "Report.Run", .type = &daftari__v1__run_report__descriptor};
    if (!json_is_object(object))
        return STATUS_OK; /* the message says so */
    if (given == NULL && reports->name == NULL)
        return fault_set(why, STATUS_INVALID, "report", "which one? daftari report --list names them");
    if (given != NULL && reports->name != NULL && strcmp(given, reports->name) != 0)
        return fault_set(why, STATUS_INVALID, "report", "\"%.40s\", but \"%.40s\" on the command line", given,
                         reports->name);
    if (given == NULL)
        (void)json_object_set_new(object, "report", json_string(reports->name));
    return STATUS_OK;
}

static enum status report_question(void *context, struct slice body, struct fault *why)
{
    const struct reports *reports = context;
    return report_show(reports->cli, body, why);
}

static int report_json(struct cli *cli, json_t *options)
{
    struct fault why = {.status = STATUS_OK};
    struct reports reports = {.cli = cli, .name = json_string_value(json_object_get(options, "report"))};
    struct questions questions = {
        .cli = cli, .prepare = report_form, .ask = report_question, .context = &reports};
    if (json_object_size(options) > (reports.name != NULL))
        return cli_usage("--json takes the whole message: leave the other fields out, but for the name");
    return cli_connect(cli, &why) == STATUS_OK ? many_questions(&questions) : cli_no_connection(&why);
}

/* For people: a name with what the report shows, and what it takes, below. */
static void print_list(json_t *items)
{
    size_t index, k;
    json_t *item, *parameter;
    json_array_foreach(items, index, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));
        const char *text = json_string_value(json_object_get(item, "description"));
        (void)printf("%s\n    %s\n   ", name != NULL ? name : "", text != NULL ? text : "");
        json_array_foreach(json_object_get(item, "parameters"), k, parameter)
        {
            const ProtobufCFieldDescriptor *field = field_by_name(
                &daftari__v1__run_report__descriptor, slice_text(json_string_value(parameter)), false);
            char option[SERVICE_NAME_TEXT_MAX];
            if (field == NULL || strcmp(field->name, "known_at_time_us") == 0)
                continue; /* --known-at takes position and time */
            field_option_name(field, option);
            (void)printf(" --%s", option);
        }
        (void)fputc('\n', stdout);
    }
}

static int report_list(struct cli *cli, int argc, char **argv)
{
    struct method method;
    struct fault why = {.status = STATUS_OK};
    json_t *object = NULL, *items = NULL;
    if (!method_by_name("Report.List", &method))
        return EXIT_USAGE;
    if (run_options(cli, method.row->input, argc, argv, &object, &why) != STATUS_OK)
        return cli_usage("%s", why.text);
    json_decref(object);
    if (settings_only(cli, SETTING_AT_LEAST, "report --list", &why) != STATUS_OK)
        return cli_wrong(&why);
    if (cli->help) {
        help_method(&method, stdout);
        return EXIT_DONE;
    }
    if (cli_connect(cli, &why) != STATUS_OK)
        return cli_no_connection(&why);
    if (run_items(cli, &method, slice_of(NULL, 0), &items, &why) != STATUS_OK)
        return cli_fail(&why);
    bool good = true;
    if (cli->output == OUTPUT_TABLE)
        print_list(items);
    else
        good = print_items(cli, method.row->output, items, false);
    json_decref(items);
    return good ? EXIT_DONE : EXIT_SERVER;
}

static int report_object(struct cli *cli, const struct method *method, json_t *object)
{
    struct fault why = {.status = STATUS_OK};
    struct arena arena;
    struct slice body;
    int code;
    if (cli_connect(cli, &why) != STATUS_OK)
        return cli_no_connection(&why);
    cli_know_today(cli);
    arena_init(&arena, CLI_ARENA_MAX);
    if (message_from_json(method->row->input, object, cli_conversion(cli), &arena, &body, &why) != STATUS_OK)
        code = cli_wrong(&why);
    else
        code = report_show(cli, body, &why) == STATUS_OK ? EXIT_DONE : cli_fail(&why);
    arena_done(&arena);
    return code;
}

int report_run(struct cli *cli, int argc, char **argv)
{
    struct method method;
    struct fault why = {.status = STATUS_OK};
    json_t *object = NULL;
    if (argc > 0 && (strcmp(argv[0], "--list") == 0 || strcmp(argv[0], "list") == 0))
        return report_list(cli, argc - 1, argv + 1);
    if (!method_by_name("Report.Run", &method))
        return EXIT_USAGE;
    if (run_options(cli, method.row->input, argc, argv, &object, &why) != STATUS_OK)
        return cli_wrong(&why);
    int code;
    if (cli->help) {
        help_method(&method, stdout);
        code = EXIT_DONE;
    } else if (cli->json_path != NULL) {
        code = report_json(cli, object);
    } else if (json_object_get(object, "report") == NULL) {
        help_method(&method, stderr);
        code = cli_usage("which report? daftari report --list names them");
    } else {
        code = report_object(cli, &method, object);
    }
    json_decref(object);
    return code;
}

int report_word(struct cli *cli, int argc, char **argv)
{
    char name[SERVICE_NAME_TEXT_MAX], *words[REPORT_WORDS_MAX];
    if (argc >= (int)REPORT_WORDS_MAX)
        return cli_usage("at most %u options", REPORT_WORDS_MAX - 1);
    (void)snprintf(name, sizeof name, "%s", cli->word);
    words[0] = name;
    for (int i = 0; i < argc; i++)
        words[i + 1] = argv[i];
    int code = report_run(cli, argc + 1, words);
    return code == EXIT_DONE && cli->differs ? EXIT_REFUSED : code;
}
