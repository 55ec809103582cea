/* One method from the command line: its message from options or JSON, its answer printed. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/input.h"
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
int year_close_rest(struct cli *cli, const struct method *method, struct slice body)
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

/* ---- queries ----------------------------------------------------------------------------------------------------- */

/* Follows a stream of records to the end; each part at once, since it may never end. */
static bool prints_each(const struct method *method)
{
    return strcmp(method->name, "Log.Follow") == 0;
}

static enum status parts_ask(struct cli *cli, const struct method *method, struct slice body, json_t *items,
                             struct fault *why)
{
    struct dft_stream *stream = NULL;
    struct dft_fault fault = {.status = DFT_OK};
    bool each = prints_each(method);
    enum status status = STATUS_OK;
    enum dft_status result = cli_stream_open(cli, method->name, body, STREAM_CREDIT_MAX,
                                             each ? DFT_FOREVER : cli->timeout_ms, &stream, &fault);
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
            json_decref(item);
            if (fflush(stdout) != 0 || ferror(stdout) != 0)
                result = DFT_END; /* nobody reads any more: told at the end of the program */
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

/* What is refused for its position is refused before its first part. */
static enum status query_parts(struct cli *cli, const struct method *method, struct slice body, json_t *items,
                               struct fault *why)
{
    enum status status = parts_ask(cli, method, body, items, why);
    return status != STATUS_OK && cli_takes_earlier(cli, why) ? parts_ask(cli, method, body, items, why)
                                                              : status;
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

enum status run_query(struct cli *cli, const struct method *method, struct slice body, struct fault *why)
{
    json_t *items = json_array();
    enum status status = query_parts(cli, method, body, items, why);
    if (status == STATUS_OK && !prints_each(method) &&
        !print_items(cli, method->row->output, items, !method->streams))
        status = cli_unshown(why);
    json_decref(items);
    return status;
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
    if (status == STATUS_INVALID)
        code = cli_wrong(&why);
    else if (status != STATUS_OK)
        code = cli_fail(&why);
    else if (method->command)
        code = run_command(cli, method, body);
    else
        code = run_query(cli, method, body, &why) == STATUS_OK ? EXIT_DONE : cli_fail(&why);
    arena_done(&arena);
    return code;
}

/* What goes together: options, --json, settings and this method. OK, or INVALID. */
static enum status fits_together(const struct cli *cli, const struct method *method, const json_t *object,
                                 struct fault *why)
{
    enum status status = settings_only(
        cli, SETTING_JSON | (method->command ? SETTING_COMMAND_ID : SETTING_AT_LEAST), method->name, why);
    if (status == STATUS_OK && cli->json_path != NULL && json_object_size(object) > 0)
        status = fault_set(why, STATUS_INVALID, NULL,
                           "--json takes the whole message: leave the other fields out");
    if (status == STATUS_OK && prints_each(method) && cli->output == OUTPUT_CSV)
        status = fault_set(
            why, STATUS_INVALID, NULL,
            "records as stored make no rows: log follow gives JSON, one part a line; see report audit-trail");
    return status;
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
    int code;
    if (fits_together(cli, method, object, &why) != STATUS_OK) {
        code = cli_wrong(&why);
    } else if (cli_connect(cli, &why) != STATUS_OK) {
        code = cli_no_connection(&why);
    } else {
        if (says_today(argc, argv))
            cli_know_today(cli);
        if (all_before)
            code = period_close_all(cli, method, object);
        else if (cli->json_path != NULL)
            code = method->command ? many_commands(cli, method) : many_queries(cli, method);
        else
            code = run_object(cli, method, object);
    }
    json_decref(object);
    return code;
}
