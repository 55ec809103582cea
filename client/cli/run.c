/* One method from the command line: its message from options or JSON, its answer printed. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/options.h"
#include "period.pb-c.h"
#include "proto/base/ident.h"
#include "proto/base/limits.h"
#include "reason.pb-c.h"

enum status run_command_id(const char *text, uint8_t out[DFT_COMMAND_ID_BYTES], struct fault *why)
{
    if (text == NULL) {
        dft_command_id_new(out);
        return STATUS_OK;
    }
    struct command_id id;
    if (!command_id_parse(slice_text(text), &id) || command_id_is_zero(&id))
        return fault_set(why, STATUS_INVALID, "command_id",
                         "a UUID such as 8c7f9a52-4f0b-4b6e-9d1f-0a1b2c3d4e5f");
    memcpy(out, id.bytes, DFT_COMMAND_ID_BYTES);
    return STATUS_OK;
}

enum status run_options(struct cli *cli, const ProtobufCMessageDescriptor *type, int argc, char **argv,
                        json_t **out, struct fault *why)
{
    json_t *object = json_object();
    enum status status = STATUS_OK;
    for (int at = 0; at < argc && status == STATUS_OK;) {
        status = settings_take(cli, argc, argv, &at, why);
        if (status == STATUS_NOT_FOUND)
            status = options_take(type, object, argc, argv, &at, why);
    }
    if (status == STATUS_OK)
        status = session_secrets(object, why);
    if (status != STATUS_OK) {
        json_decref(object);
        return status;
    }
    *out = object;
    return STATUS_OK;
}

static bool says_today(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strstr(argv[i], "today") != NULL || strstr(argv[i], "yesterday") != NULL ||
            strstr(argv[i], "tomorrow") != NULL)
            return true;
    }
    return false;
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

/* ---- closing a year: as many records as it takes -------------------------------------------------------------------- */

static enum status year_is_closing(struct cli *cli, struct slice body, bool *out, struct fault *why)
{
    struct method list;
    struct arena arena;
    uint8_t request[16];
    json_t *items = NULL, *item;
    size_t index;
    Daftari__V1__ListPeriods ask = DAFTARI__V1__LIST_PERIODS__INIT;
    if (!method_by_name("Period.List", &list))
        return fault_set(why, STATUS_UNAVAILABLE, NULL, "there is no list of periods");
    arena_init(&arena, CLI_ARENA_MAX);
    const Daftari__V1__CloseYear *change =
        daftari__v1__close_year__unpack(arena_allocator(&arena), body.len, body.ptr);
    ask.has_year = change != NULL;
    ask.year = change != NULL ? change->year : 0;
    arena_done(&arena);
    size_t len = daftari__v1__list_periods__pack(&ask, request); /* one number: 6 bytes at most */
    enum status status = run_items(cli, &list, slice_of(request, len), &items, why);
    if (status != STATUS_OK)
        return status;
    *out = false;
    json_array_foreach(items, index, item)
    {
        const char *state = json_string_value(json_object_get(item, "state"));
        *out = *out || (state != NULL && strcmp(state, "closing") == 0);
    }
    json_decref(items);
    return STATUS_OK;
}

/* A record holds about a thousand accounts. The server closes the rest when it is asked again, and so it is asked. */
static int year_close_rest(struct cli *cli, const struct method *method, struct slice body)
{
    for (;;) {
        struct fault why = {.status = STATUS_OK};
        struct dft_fault fault = {.status = DFT_OK};
        uint8_t command_id[DFT_COMMAND_ID_BYTES];
        struct dft_recorded recorded;
        bool closing = false;
        if (year_is_closing(cli, body, &closing, &why) != STATUS_OK) {
            (void)fprintf(
                stderr,
                "daftari: whether the year is closed is not known here (%s): while it is `closing` in "
                "the list of periods, give the command again\n",
                why.text);
            return EXIT_DONE;
        }
        if (!closing)
            return EXIT_DONE;
        dft_command_id_new(command_id);
        if (dft_command(cli->client, method->name, command_id, body.ptr, body.len, &recorded, &fault) !=
            DFT_OK) {
            (void)fputs("daftari: the year is closed in part: give the command again\n", stderr);
            why = fault_of(&fault);
            return cli_fail(&why);
        }
        print_recorded(cli, &recorded);
    }
}

static int run_command(struct cli *cli, const struct method *method, struct slice body)
{
    struct fault why = {.status = STATUS_OK};
    struct dft_fault fault = {.status = DFT_OK};
    uint8_t command_id[DFT_COMMAND_ID_BYTES];
    struct dft_recorded recorded;
    if (run_command_id(cli->command_id_text, command_id, &why) != STATUS_OK)
        return cli_usage("--command-id: %s", why.text);
    if (dft_command(cli->client, method->name, command_id, body.ptr, body.len, &recorded, &fault) != DFT_OK) {
        why = fault_of(&fault);
        int code = cli_fail(&why);
        if (fault.reason == DAFTARI__V1__REASON__EARLIER_PERIOD_OPEN)
            (void)fputs("daftari: with --all-before, the months before it are closed, too\n", stderr);
        return code;
    }
    print_recorded(cli, &recorded);
    return strcmp(method->name, "Period.CloseYear") == 0 ? year_close_rest(cli, method, body) : EXIT_DONE;
}

struct many {
    const struct cli *cli;
    uint64_t recorded;
    uint64_t refused;
    enum status worst;
    bool headed;
};

/* A row for a line of the input as CSV or JSON: what was recorded, or (recorded NULL) why not. */
static void many_row(struct many *many, uint64_t line, const struct dft_recorded *recorded,
                     const struct fault *why)
{
    static const char *const columns[] = {"line",          "status", "position", "number",
                                          "recorded_time", "reason", "field",    "text"};
    char status[SERVICE_NAME_TEXT_MAX], reason[SERVICE_NAME_TEXT_MAX] = "", field[FAULT_FIELD_MAX] = "";
    if (recorded != NULL)
        (void)snprintf(status, sizeof status, "%s", recorded->position == 0 ? "unchanged" : "recorded");
    else
        name_kebab(dft_status_name((enum dft_status)why->status), status);
    json_t *row = json_pack("{s:I, s:s}", "line", (json_int_t)line, "status", status);
    if (recorded == NULL) {
        if (why->status == STATUS_REFUSED)
            enum_text(&daftari__v1__reason__descriptor, (int)why->reason, reason);
        path_short(why->field, field, sizeof field);
        (void)json_object_set_new(row, "reason", json_string(reason));
        (void)json_object_set_new(row, "field", json_string(field));
        (void)json_object_set_new(row, "text", json_string(why->text));
    } else {
        json_t *rest = recorded_json(recorded);
        (void)json_object_update(row, rest);
        json_decref(rest);
    }
    if (many->cli->output == OUTPUT_JSON) {
        (void)json_dumpf(row, stdout, JSON_COMPACT);
        (void)fputc('\n', stdout);
    }
    size_t count = many->cli->output == OUTPUT_CSV ? sizeof columns / sizeof columns[0] : 0;
    for (size_t i = 0; i < count && !many->headed; i++)
        (void)printf("%s%s", columns[i], i + 1 < count ? "," : "\r\n");
    many->headed = true;
    for (size_t i = 0; i < count; i++) {
        const json_t *cell = json_object_get(row, columns[i]);
        if (json_is_integer(cell))
            (void)printf("%" JSON_INTEGER_FORMAT, json_integer_value(cell));
        else if (cell != NULL)
            csv_field(stdout, json_string_value(cell));
        (void)fputs(i + 1 < count ? "," : "\r\n", stdout);
    }
    json_decref(row);
}

static void many_answered(const struct batcher_answer *answer, void *context)
{
    struct many *many = context;
    struct fault why = {.status = STATUS_OK};
    if (answer->recorded == NULL)
        why = fault_of(answer->fault);
    if (many->cli->output != OUTPUT_TABLE)
        many_row(many, answer->line, answer->recorded, &why);
    else if (answer->recorded != NULL)
        print_recorded(many->cli, answer->recorded);
    if (answer->recorded != NULL) {
        many->recorded++;
        return;
    }
    many->refused++;
    many->worst = why.status;
    (void)fflush(stdout);
    (void)fprintf(stderr, "daftari: line %llu: %s%s%s\n", (unsigned long long)answer->line, why.field,
                  why.field[0] != '\0' ? ": " : "", why.text);
}

/* A "command_id" beside the message's own fields is taken out of the object. */
static enum status take_command_id(json_t *object, uint8_t out[DFT_COMMAND_ID_BYTES], struct fault *why)
{
    json_t *given = json_object_get(object, "command_id");
    if (given != NULL && !json_is_string(given))
        return fault_set(why, STATUS_INVALID, "command_id", "a UUID as text");
    enum status status = run_command_id(json_string_value(given), out, why);
    (void)json_object_del(object, "command_id");
    return status;
}

static enum status many_add(struct cli *cli, const struct method *method, struct batcher *batcher,
                            json_t *object, uint64_t line, struct fault *why)
{
    struct arena arena;
    uint8_t command_id[DFT_COMMAND_ID_BYTES];
    struct slice body;
    arena_init(&arena, CLI_ARENA_MAX);
    enum status status = take_command_id(object, command_id, why);
    if (status == STATUS_OK)
        status = message_from_json(method->row->input, object, cli_conversion(cli), &arena, &body, why);
    if (status == STATUS_OK)
        status = batcher_add(batcher, method->name, command_id, body, line, why);
    arena_done(&arena);
    return status;
}

/* A line that is no such message: the answers to those before it are there, nothing after it is sent. */
static int many_stopped(struct many *many, uint64_t line, const struct fault *why)
{
    if (many->cli->output != OUTPUT_TABLE && line > 0)
        many_row(many, line, NULL, why);
    (void)fflush(stdout);
    (void)cli_wrong_line(line, why);
    if (line > 0)
        (void)fprintf(stderr, "daftari: nothing after line %llu was sent\n", (unsigned long long)line);
    return EXIT_USAGE;
}

static int many_done(const struct many *many)
{
    if (many->recorded + many->refused == 0)
        return cli_usage("there is no JSON object to read");
    if (many->refused == 0)
        return EXIT_DONE;
    (void)fprintf(stderr, "daftari: %llu recorded, %llu refused\n", (unsigned long long)many->recorded,
                  (unsigned long long)many->refused);
    return exit_of(many->worst);
}

static int run_many(struct cli *cli, const struct method *method, FILE *from)
{
    struct fault why = {.status = STATUS_OK}, last = {.status = STATUS_OK};
    struct many many = {.cli = cli};
    struct json_reader reader = {.from = from};
    struct batcher *batcher = batcher_new(cli, many_answered, &many);
    enum status status = batcher == NULL ? fault_set(&why, STATUS_NO_MEMORY, NULL, "no memory") : STATUS_OK;
    bool ours = false; /* the file is wrong, not the server */
    cli_know_today(cli);
    while (status == STATUS_OK) {
        json_t *object = NULL;
        status = json_reader_next(&reader, &object, &why);
        ours = status != STATUS_OK && status != STATUS_END;
        if (status != STATUS_OK)
            break;
        status = many_add(cli, method, batcher, object, reader.line, &why);
        ours = status == STATUS_INVALID;
        json_decref(object);
    }
    enum status finished =
        batcher != NULL && (status == STATUS_END || ours) ? batcher_finish(batcher, &last) : STATUS_OK;
    batcher_free(batcher);
    int code;
    if (finished != STATUS_OK)
        code = cli_fail(&last);
    else if (ours)
        code = many_stopped(&many, reader.line, &why);
    else
        code = status == STATUS_END ? many_done(&many) : cli_fail(&why);
    json_reader_done(&reader);
    return code;
}

/* ---- queries ----------------------------------------------------------------------------------------------------- */

/* Follows a stream of records to the end; each part at once, since it may never end. */
static bool prints_each(const struct method *method)
{
    return strcmp(method->name, "Log.Follow") == 0;
}

static enum status query_parts(struct cli *cli, const struct method *method, struct slice body, json_t *items,
                               struct fault *why)
{
    struct dft_stream *stream = NULL;
    struct dft_fault fault = {.status = DFT_OK};
    bool each = prints_each(method);
    enum status status = STATUS_OK;
    enum dft_status result = dft_stream_open(cli->client, method->name, body.ptr, body.len, STREAM_CREDIT_MAX,
                                             each ? DFT_FOREVER : cli->timeout_ms, &stream, &fault);
    if (result == DFT_OK && cli->at_least > 0)
        dft_stream_at_least(stream, cli->at_least);
    while (result == DFT_OK && status == STATUS_OK) {
        struct dft_answer part;
        json_t *item = NULL;
        result = dft_stream_next(stream, DFT_FOREVER, &part, &fault);
        if (result != DFT_OK)
            break;
        status = message_to_json(method->row->output, slice_of(part.body, part.body_len), cli_conversion(cli),
                                 &item, why);
        if (status == STATUS_OK && each) {
            (void)json_dumpf(item, stdout, JSON_COMPACT);
            (void)fputc('\n', stdout);
            (void)fflush(stdout);
            json_decref(item);
        } else if (status == STATUS_OK) {
            (void)json_array_append_new(items, item);
        }
    }
    dft_stream_close(stream);
    if (status != STATUS_OK || result == DFT_END)
        return status;
    *why = fault_of(&fault);
    return why->status;
}

enum status run_items(struct cli *cli, const struct method *method, struct slice body, json_t **out,
                      struct fault *why)
{
    json_t *items = json_array();
    enum status status = query_parts(cli, method, body, items, why);
    if (status == STATUS_OK)
        *out = items;
    else
        json_decref(items);
    return status;
}

static int run_query(struct cli *cli, const struct method *method, struct slice body)
{
    struct fault why = {.status = STATUS_OK};
    if (prints_each(method) && cli->output == OUTPUT_CSV)
        return cli_usage(
            "records as stored make no rows: log follow gives JSON, one part a line; see report audit-trail");
    json_t *items = json_array();
    enum status status = query_parts(cli, method, body, items, &why);
    int code = EXIT_DONE;
    if (status != STATUS_OK)
        code = cli_fail(&why);
    else if (!prints_each(method) && !print_items(cli, method->row->output, items, !method->streams))
        code = EXIT_SERVER;
    json_decref(items);
    return code;
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

static int run_object(struct cli *cli, const struct method *method, json_t *object)
{
    struct arena arena;
    struct slice body;
    struct fault why = {.status = STATUS_OK};
    arena_init(&arena, CLI_ARENA_MAX);
    enum status status =
        message_from_json(method->row->input, object, cli_conversion(cli), &arena, &body, &why);
    int code;
    if (status == STATUS_INVALID) {
        code = cli_wrong(&why);
    } else if (status != STATUS_OK) {
        code = cli_fail(&why);
    } else {
        code = method->command ? run_command(cli, method, body) : run_query(cli, method, body);
    }
    arena_done(&arena);
    return code;
}

static int run_json(struct cli *cli, const struct method *method)
{
    FILE *from = strcmp(cli->json_path, "-") == 0 ? stdin : fopen(cli->json_path, "re");
    if (from == NULL)
        return cli_usage("%s cannot be opened", cli->json_path);
    int code;
    if (method->command && cli->command_id_text == NULL) {
        code = run_many(cli, method, from);
    } else {
        struct json_reader reader = {.from = from};
        struct fault why = {.status = STATUS_OK};
        json_t *object = NULL;
        enum status status = json_reader_next(&reader, &object, &why);
        if (status != STATUS_OK)
            code = cli_usage("%s", status == STATUS_END ? "there is no JSON object to read" : why.text);
        else
            code = run_object(cli, method, object);
        json_decref(object);
        json_reader_done(&reader);
    }
    if (from != stdin)
        (void)fclose(from);
    return code;
}

int run_method(struct cli *cli, const struct method *method, int argc, char **argv)
{
    struct fault why = {.status = STATUS_OK};
    json_t *object = NULL;
    bool all_before = period_all_before(method, &argc, argv);
    if (run_options(cli, method->row->input, argc, argv, &object, &why) != STATUS_OK)
        return cli_wrong(&why);
    if (cli->help) {
        json_decref(object);
        help_method(method, stdout);
        return EXIT_DONE;
    }
    if (cli->json_path != NULL && json_object_size(object) > 0) {
        json_decref(object);
        return cli_usage("--json takes the whole message: leave the other fields out");
    }
    int code;
    if (cli_connect(cli, &why) != STATUS_OK) {
        code = cli_no_connection(&why);
    } else {
        if (says_today(argc, argv))
            cli_know_today(cli);
        if (all_before)
            code = period_close_all(cli, method, object);
        else
            code = cli->json_path != NULL ? run_json(cli, method) : run_object(cli, method, object);
    }
    json_decref(object);
    return code;
}
