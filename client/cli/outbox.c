/* daftari outbox: commands kept on disk until the server can be reached. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli.h"
#include "proto/base/date.h"
#include "proto/base/ident.h"

static enum status outbox_open(struct cli *cli, struct dft_outbox **out, struct fault *why)
{
    char path[CLI_PATH_MAX];
    struct dft_fault fault = {.status = DFT_OK};
    if (cli->server == NULL)
        return fault_set(why, STATUS_INVALID, NULL,
                         "which server's outbox? Give --server HOST:PORT or set DAFTARI_SERVER");
    enum status status = settings_path(cli, "outbox", true, path, why);
    if (status != STATUS_OK)
        return status;
    if (dft_outbox_open(out, path, NULL, &fault) == DFT_OK)
        return STATUS_OK;
    *why = fault_of(&fault);
    return why->status;
}

/* Scales of currencies, for a message that is made while the server cannot be reached: asked if it can, else from the
 * list kept at the last time. */
static enum status currencies_kept(struct cli *cli, struct fault *why)
{
    char path[CLI_PATH_MAX];
    uint32_t scale;
    struct fault online = {.status = STATUS_OK};
    enum status status = settings_path(cli, "currencies", true, path, why);
    if (status != STATUS_OK)
        return status;
    if (cli_connect(cli, &online) == STATUS_OK) {
        cli_know_today(cli);
        if (cli_scale(cli, NULL, &scale, &online) == STATUS_OK)
            return STATUS_OK;
    }
    return cli_currencies_read(cli, path, why);
}

/* Commands whose date is that of the day when none is given: what happened today must not move to the day of sending. */
static const struct {
    const char *method, *within,
        *field; /* `within`: the message that has the field, NULL = the command's own */
} dated[] = {
    {"Adjustment.Request", "entry", "date"},
    {"Business.Set", NULL, "from_date"},
    {"Entry.Post", NULL, "date"},
    {"Opening.Post", NULL, "date"},
    {"Reconciliation.Record", NULL, "as_at_date"},
};

/* Under which of its names a field was given; NULL when it was not. */
static const char *field_key(json_t *object, const ProtobufCMessageDescriptor *type, const char *name)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        const ProtobufCFieldDescriptor *field = field_by_name(type, slice_text(key), true);
        if (field != NULL && strcmp(field->name, name) == 0)
            return key;
    }
    return NULL;
}

static void date_put(struct cli *cli, const struct method *method, json_t *object)
{
    char text[DATE_TEXT_MAX];
    const ProtobufCMessageDescriptor *type = method->row->input;
    for (size_t i = 0; i < sizeof dated / sizeof dated[0]; i++) {
        if (strcmp(method->name, dated[i].method) != 0)
            continue;
        json_t *holder = object;
        if (dated[i].within != NULL) {
            const char *within = field_key(object, type, dated[i].within);
            holder = within != NULL ? json_object_get(object, within) : NULL;
            type = protobuf_c_message_descriptor_get_field_by_name(type, dated[i].within)->descriptor;
        }
        if (!json_is_object(holder))
            return;
        (void)date_format(cli_conversion(cli)->today, text);
        const char *given = field_key(holder, type, dated[i].field);
        if (given == NULL || json_is_null(json_object_get(holder, given)))
            (void)json_object_set_new(holder, given != NULL ? given : dated[i].field, json_string(text));
        return;
    }
}

/* One message into the outbox; a "command_id" beside its fields is its id. */
static enum status keep(struct cli *cli, struct dft_outbox *outbox, const struct method *method,
                        json_t *object, const char *command_id_text, struct fault *why)
{
    struct arena arena;
    struct slice body;
    uint8_t command_id[DFT_COMMAND_ID_BYTES];
    struct dft_fault fault = {.status = DFT_OK};
    arena_init(&arena, CLI_ARENA_MAX);
    const char *given = json_string_value(json_object_get(object, "command_id"));
    enum status status = run_command_id(given != NULL ? given : command_id_text, command_id, why);
    (void)json_object_del(object, "command_id");
    date_put(cli, method, object);
    if (status == STATUS_OK)
        status = message_from_json(method->row->input, object, cli_conversion(cli), &arena, &body, why);
    if (status == STATUS_OK &&
        dft_outbox_add(outbox, method->name, command_id, body.ptr, body.len, &fault) != DFT_OK) {
        *why = fault_of(&fault);
        status = why->status;
    }
    arena_done(&arena);
    return status;
}

/* Messages of a JSON file, each kept by itself. */
static enum status keep_file(struct cli *cli, struct dft_outbox *outbox, const struct method *method,
                             struct fault *why)
{
    FILE *from = strcmp(cli->json_path, "-") == 0 ? stdin : fopen(cli->json_path, "re");
    if (from == NULL)
        return fault_set(why, STATUS_INVALID, NULL, "%s cannot be opened", cli->json_path);
    struct json_reader reader = {.from = from};
    enum status status = STATUS_OK;
    uint64_t count = 0;
    while (status == STATUS_OK) {
        json_t *object = NULL;
        status = json_reader_next(&reader, &object, why);
        if (status == STATUS_OK)
            status = keep(cli, outbox, method, object, NULL, why);
        count += status == STATUS_OK;
        json_decref(object);
    }
    if (status == STATUS_END && count == 0)
        status = fault_set(why, STATUS_INVALID, NULL, "there is no JSON object to read");
    else if (status != STATUS_END && reader.line > 0)
        (void)fprintf(stderr, "daftari: line %llu:\n", (unsigned long long)reader.line);
    json_reader_done(&reader);
    if (from != stdin)
        (void)fclose(from);
    return status == STATUS_END ? STATUS_OK : status;
}

static int outbox_help(FILE *to)
{
    (void)fputs(
        "daftari outbox add NOUN VERB [--option value ...]   keep a command on disk, to be sent later;\n"
        "                                                    a date that is left out is today, not the day "
        "of sending\n"
        "daftari outbox send                                 send what waits, in order\n"
        "daftari outbox list                                 what waits, and what was refused and why\n"
        "daftari outbox clear                                drop the refused ones after review\n",
        to);
    return to == stdout ? EXIT_DONE : EXIT_USAGE;
}

/* The command's words, with settings among them: where the outbox is, is known after the last of them. */
static enum status add_words(struct cli *cli, int *argc, char ***argv, struct method *out, struct fault *why)
{
    const ProtobufCServiceDescriptor *service = *argc > 0 ? service_by_noun((*argv)[0]) : NULL;
    enum status status = STATUS_OK;
    if (service != NULL) {
        *argc -= 1;
        *argv += 1;
        status = settings_leading(cli, argc, argv, why);
    }
    if (status == STATUS_OK &&
        (service == NULL || *argc == 0 || !method_by_verb(service, (*argv)[0], out) || !out->command))
        status = fault_set(
            why, STATUS_INVALID, NULL,
            "outbox add takes a command, for instance: daftari outbox add entry post --date today ...");
    if (status == STATUS_OK) {
        *argc -= 1;
        *argv += 1;
    }
    return status;
}

static int outbox_add(struct cli *cli, int argc, char **argv)
{
    struct method method;
    struct fault why = {.status = STATUS_OK};
    json_t *object = NULL;
    struct dft_outbox *outbox = NULL;
    if (argc == 0 && cli->help)
        return outbox_help(stdout);
    if (add_words(cli, &argc, &argv, &method, &why) != STATUS_OK ||
        run_options(cli, method.row->input, argc, argv, &object, &why) != STATUS_OK)
        return cli_wrong(&why);
    if (cli->help) {
        json_decref(object);
        help_method(&method, stdout);
        return EXIT_DONE;
    }
    enum status status = outbox_open(cli, &outbox, &why);
    if (status == STATUS_OK)
        status = currencies_kept(cli, &why);
    if (status == STATUS_OK)
        status = cli->json_path != NULL ? keep_file(cli, outbox, &method, &why)
                                        : keep(cli, outbox, &method, object, cli->command_id_text, &why);
    json_decref(object);
    if (status == STATUS_OK && !cli->quiet)
        (void)printf("kept; %zu waiting\n", dft_outbox_waiting(outbox));
    dft_outbox_close(outbox);
    return status == STATUS_OK ? EXIT_DONE : cli_no_connection(&why);
}

struct sending {
    const struct cli *cli;
    size_t refused;
};

static void sent_one(const struct dft_outbox_item *item, const struct dft_recorded *recorded, void *context)
{
    struct sending *sending = context;
    if (recorded != NULL) {
        print_recorded(sending->cli, recorded);
        return;
    }
    sending->refused++;
    struct fault why = fault_of(&item->fault);
    (void)fprintf(stderr, "daftari: %s refused: %s%s%s\n", item->method, why.field,
                  why.field[0] != '\0' ? ": " : "", why.text);
}

static int outbox_send(struct cli *cli, struct dft_outbox *outbox)
{
    struct fault why = {.status = STATUS_OK};
    struct dft_fault fault = {.status = DFT_OK};
    struct sending sending = {.cli = cli};
    if (cli_connect(cli, &why) != STATUS_OK) {
        (void)fprintf(stderr, "daftari: %zu waiting\n", dft_outbox_waiting(outbox));
        return cli_no_connection(&why);
    }
    if (dft_outbox_send(outbox, cli->client, sent_one, &sending, &fault) != DFT_OK) {
        why = fault_of(&fault);
        (void)fprintf(stderr, "daftari: %zu waiting\n", dft_outbox_waiting(outbox));
        return cli_fail(&why);
    }
    return sending.refused > 0 ? EXIT_REFUSED : EXIT_DONE;
}

static json_t *item_json(const struct dft_outbox_item *item, const char *state)
{
    char id[UUID_TEXT_MAX], time[TIME_TEXT_MAX];
    struct command_id command_id;
    struct fault why = fault_of(&item->fault);
    memcpy(command_id.bytes, item->command_id, sizeof command_id.bytes);
    command_id_format(&command_id, id);
    (void)timestamp_format(item->added_time_us, time);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "state", state, "method", item->method, "command_id",
                     id, "added_time", time, "field", why.field, "text", why.text);
}

static int outbox_list(const struct cli *cli, const struct dft_outbox *outbox)
{
    static const char *const columns[] = {"state", "method", "command_id", "added_time", "field", "text"};
    struct table table;
    json_t *list = json_array();
    struct dft_outbox_item item;
    for (size_t i = 0; i < dft_outbox_waiting(outbox); i++) {
        dft_outbox_waiting_item(outbox, i, &item);
        (void)json_array_append_new(list, item_json(&item, "waiting"));
    }
    for (size_t i = 0; i < dft_outbox_refused(outbox); i++) {
        dft_outbox_refused_item(outbox, i, &item);
        (void)json_array_append_new(list, item_json(&item, "refused"));
    }
    table_init(&table);
    bool good = true;
    for (size_t i = 0; i < 6; i++)
        good = good && table_add_column(&table, columns[i], columns[i], TABLE_LEFT);
    for (size_t r = 0; good && r < json_array_size(list); r++) {
        good = table_add_row(&table, TABLE_ROW, 0);
        for (size_t i = 0; good && i < 6; i++)
            good =
                table_set(&table, i, json_string_value(json_object_get(json_array_get(list, r), columns[i])));
    }
    if (good && cli->output == OUTPUT_JSON) {
        (void)json_dumpf(list, stdout, JSON_INDENT(2));
        (void)fputc('\n', stdout);
    } else if (good && cli->output == OUTPUT_CSV) {
        table_show_csv(&table, stdout);
    } else if (good) {
        table_show(&table, stdout);
    }
    table_done(&table);
    json_decref(list);
    return good ? EXIT_DONE : EXIT_SERVER;
}

static int outbox_clear(struct dft_outbox *outbox)
{
    struct dft_fault fault = {.status = DFT_OK};
    if (dft_outbox_clear_refused(outbox, &fault) == DFT_OK)
        return EXIT_DONE;
    struct fault why = fault_of(&fault);
    return cli_fail(&why);
}

int outbox_run(struct cli *cli, int argc, char **argv)
{
    struct fault why = {.status = STATUS_OK};
    if (argc == 0 || strcmp(argv[0], "--help") == 0)
        return outbox_help(argc == 0 && !cli->help ? stderr : stdout);
    const char *verb = argv[0];
    argc--;
    argv++;
    if (settings_leading(cli, &argc, &argv, &why) != STATUS_OK)
        return cli_usage("%s", why.text);
    if (strcmp(verb, "add") == 0)
        return outbox_add(cli, argc, argv);
    if (argc > 0 || cli->help)
        return outbox_help(argc == 0 ? stdout : stderr);
    struct dft_outbox *outbox = NULL;
    if (outbox_open(cli, &outbox, &why) != STATUS_OK)
        return cli_no_connection(&why);
    int code;
    if (strcmp(verb, "send") == 0)
        code = outbox_send(cli, outbox);
    else if (strcmp(verb, "list") == 0)
        code = outbox_list(cli, outbox);
    else if (strcmp(verb, "clear") == 0)
        code = outbox_clear(outbox);
    else
        code = outbox_help(stderr);
    dft_outbox_close(outbox);
    return code;
}
