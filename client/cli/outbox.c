/* daftari outbox: commands kept on disk until the server can be reached. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/input.h"
#include "proto/base/date.h"
#include "proto/base/ident.h"
#include "proto/base/text.h"
#include "proto/wire/services.h"

#define SUMMARY_MAX 300 /* bytes of a command on one line, with the NUL */

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

/* One message into the outbox. */
static enum status keep(struct cli *cli, struct dft_outbox *outbox, const struct method *method,
                        json_t *object, const uint8_t command_id[DFT_COMMAND_ID_BYTES], struct fault *why)
{
    struct arena arena;
    struct slice body;
    struct dft_fault fault = {.status = DFT_OK};
    arena_init(&arena, CLI_ARENA_MAX);
    date_put(cli, method, object);
    enum status status =
        message_from_json(method->row->input, object, cli_conversion(cli), &arena, &body, why);
    if (status == STATUS_OK &&
        dft_outbox_add(outbox, method->name, command_id, body.ptr, body.len, &fault) != DFT_OK) {
        *why = fault_of(&fault);
        status = why->status;
    }
    arena_done(&arena);
    return status;
}

static int keep_one(struct cli *cli, struct dft_outbox *outbox, const struct method *method, json_t *object)
{
    struct fault why = {.status = STATUS_OK};
    uint8_t command_id[DFT_COMMAND_ID_BYTES];
    if (run_command_id(cli->command_id_text, command_id, &why) != STATUS_OK)
        return cli_usage("--command-id: %s", why.text);
    return keep(cli, outbox, method, object, command_id, &why) == STATUS_OK ? EXIT_DONE
                                                                            : cli_no_connection(&why);
}

static enum status keep_form(void *context, json_t *object, struct input_form *out, struct fault *why)
{
    const struct method *method = context;
    json_t *given = json_object_get(object, "command_id");
    uint8_t id[DFT_COMMAND_ID_BYTES];
    *out = (struct input_form){.method = method->name, .type = method->row->input};
    if (given != NULL && !json_is_string(given))
        return fault_set(why, STATUS_INVALID, "command_id", "a UUID as text");
    enum status status = run_command_id(json_string_value(given), id, why);
    (void)json_object_del(object, "command_id");
    return status;
}

static int keep_all(struct cli *cli, struct dft_outbox *outbox, const struct method *method,
                    struct input *input, struct line_ids *ids)
{
    struct fault why = {.status = STATUS_OK};
    struct json_reader reader;
    uint64_t count = 0;
    enum status status = input_begin(input, &reader, &why);
    while (status == STATUS_OK) {
        json_t *object = NULL;
        uint8_t command_id[DFT_COMMAND_ID_BYTES];
        status = json_reader_next(&reader, &object, &why);
        if (status == STATUS_OK)
            status = line_ids_next(ids, object, &reader, command_id, &why);
        if (status == STATUS_OK)
            status = keep(cli, outbox, method, object, command_id, &why);
        count += status == STATUS_OK;
        json_decref(object);
    }
    json_reader_done(&reader);
    if (status == STATUS_END && count == 0)
        return cli_usage("there is no JSON object to read");
    if (status == STATUS_END)
        return EXIT_DONE;
    int code = cli_no_connection(&why);
    (void)fprintf(stderr, "daftari: %llu before line %llu are kept, nothing from it on\n",
                  (unsigned long long)count, (unsigned long long)reader.line);
    if (count > 0)
        line_ids_tell(ids);
    return count > 0 ? EXIT_PART : code;
}

/* Messages of a JSON file, each kept by itself. */
static int keep_file(struct cli *cli, struct dft_outbox *outbox, struct method *method)
{
    struct fault why = {.status = STATUS_OK};
    struct line_ids ids;
    struct input input;
    if (line_ids_init(&ids, cli->command_id_text, &why) != STATUS_OK)
        return cli_usage("--command-id: %s", why.text);
    if (input_open(&input, cli->json_path, &why) != STATUS_OK)
        return cli_wrong(&why);
    struct input_check check = {
        .cli = cli, .conversion = cli_conversion(cli), .prepare = keep_form, .context = method};
    int code = input.whole ? input_check(&input, &check) : EXIT_DONE;
    if (code == EXIT_DONE)
        code = keep_all(cli, outbox, method, &input, &ids);
    line_ids_done(&ids);
    input_close(&input);
    return code;
}

static int outbox_help(FILE *to)
{
    (void)fputs(
        "daftari outbox add NOUN VERB [--option value ...]   keep a command on disk, to be sent later;\n"
        "                                                    a date that is left out is today, not the day "
        "of sending\n"
        "daftari outbox send                                 send what waits, in order\n"
        "daftari outbox list                                 what waits, and what was refused and why; whole "
        "with --output json\n"
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
    if (status == STATUS_OK && services_secret(out->name))
        status =
            fault_set(why, STATUS_INVALID, NULL,
                      "%s carries a password, which the outbox does not keep: send it when the server can be "
                      "reached",
                      out->name);
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
    if (cli->json_path != NULL && json_object_size(object) > 0) {
        json_decref(object);
        return cli_usage("--json takes the whole message: leave the other fields out");
    }
    enum status status = outbox_open(cli, &outbox, &why);
    if (status == STATUS_OK)
        status = currencies_kept(cli, &why);
    int code;
    if (status != STATUS_OK)
        code = cli_no_connection(&why);
    else
        code =
            cli->json_path != NULL ? keep_file(cli, outbox, &method) : keep_one(cli, outbox, &method, object);
    json_decref(object);
    if (code == EXIT_DONE && !cli->quiet)
        (void)printf("kept; %zu waiting\n", dft_outbox_waiting(outbox));
    dft_outbox_close(outbox);
    return code;
}

struct sending {
    struct cli *cli;
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

/* ---- review ------------------------------------------------------------------------------------------------------ */

/* What was given, as JSON; null when it is no message that this program knows, or the currencies are not known. */
static json_t *item_message(struct cli *cli, const struct dft_outbox_item *item)
{
    struct method method;
    struct fault why;
    json_t *message = NULL;
    if (services_secret(item->method) || !method_by_name(item->method, &method) ||
        message_to_json(method.row->input, slice_of(item->body, item->body_len), cli_conversion(cli),
                        &message, &why) != STATUS_OK)
        return json_null();
    return message;
}

static size_t add_text(char *out, size_t len, size_t cap, const char *text)
{
    int more = len < cap ? snprintf(out + len, cap - len, "%s", text) : 0;
    return more > 0 ? len + (size_t)more : len;
}

/* "key value" of each plain field. */
static size_t add_fields(json_t *object, char *out, size_t len, size_t cap)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (json_is_object(value) || json_is_array(value))
            continue;
        char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        len = add_text(out, len, cap, len > 0 && out[len < cap ? len - 1 : cap - 2] != '(' ? " " : "");
        len = add_text(out, len, cap, key);
        len = add_text(out, len, cap, " ");
        len = add_text(out, len, cap,
                       json_is_string(value) ? json_string_value(value)
                       : text != NULL        ? text
                                             : "");
        free(text);
    }
    return len;
}

/* One line: plain fields, then those of each inner message in brackets. */
static json_t *summary_json(json_t *message)
{
    char text[SUMMARY_MAX];
    const char *key;
    json_t *value, *inner;
    size_t index, cap = sizeof text;
    text[0] = '\0';
    size_t len = add_fields(message, text, 0, cap);
    json_object_foreach(message, key, value)
    {
        if (json_is_object(value)) {
            len = add_text(text, len, cap, " (");
            len = add_fields(value, text, len, cap);
            len = add_text(text, len, cap, ")");
        }
        json_array_foreach(value, index, inner)
        {
            len = add_text(text, len, cap, " (");
            len = json_is_object(inner) ? add_fields(inner, text, len, cap)
                                        : add_text(text, len, cap, json_string_value(inner));
            len = add_text(text, len, cap, ")");
        }
    }
    size_t kept = text_cut(slice_text(text), sizeof text - 4);
    if (len >= sizeof text)
        memcpy(text + kept, "...", 4);
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ')
            *c = ' ';
    }
    return json_string(text);
}

static json_t *item_json(struct cli *cli, const struct dft_outbox_item *item, const char *state)
{
    char id[UUID_TEXT_MAX], time[TIME_TEXT_MAX];
    struct command_id command_id;
    struct fault why = fault_of(&item->fault);
    memcpy(command_id.bytes, item->command_id, sizeof command_id.bytes);
    command_id_format(&command_id, id);
    (void)timestamp_format(item->added_time_us, time);
    return json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:s}", "state", state, "method", item->method, "message",
                     item_message(cli, item), "command_id", id, "added_time", time, "field", why.field,
                     "text", why.text);
}

static json_t *items_json(struct cli *cli, const struct dft_outbox *outbox)
{
    json_t *list = json_array();
    struct dft_outbox_item item;
    for (size_t i = 0; i < dft_outbox_waiting(outbox); i++) {
        dft_outbox_waiting_item(outbox, i, &item);
        (void)json_array_append_new(list, item_json(cli, &item, "waiting"));
    }
    for (size_t i = 0; i < dft_outbox_refused(outbox); i++) {
        dft_outbox_refused_item(outbox, i, &item);
        (void)json_array_append_new(list, item_json(cli, &item, "refused"));
    }
    return list;
}

static bool items_table(struct table *table, json_t *list)
{
    static const char *const columns[] = {"state", "method",     "summary",   "field",
                                          "text",  "added_time", "command_id"};
    const size_t count = sizeof columns / sizeof columns[0];
    bool good = true;
    size_t index;
    json_t *item;
    for (size_t i = 0; i < count; i++)
        good = good && table_add_column(table, columns[i], columns[i], TABLE_LEFT);
    json_array_foreach(list, index, item)
    {
        (void)json_object_set_new(item, "summary", summary_json(json_object_get(item, "message")));
        good = good && table_add_row(table, TABLE_ROW, 0);
        for (size_t i = 0; good && i < count; i++)
            good = table_set(table, i, json_string_value(json_object_get(item, columns[i])));
    }
    return good;
}

/* The currencies as they were kept, so that the list does not wait for a server that is away; else asked. */
static void currencies_for_list(struct cli *cli)
{
    char path[CLI_PATH_MAX];
    struct fault why = {.status = STATUS_OK};
    if (settings_path(cli, "currencies", true, path, &why) == STATUS_OK &&
        cli_currencies_read(cli, path, &why) == STATUS_OK)
        return;
    why = (struct fault){.status = STATUS_OK};
    if (cli_connect(cli, &why) != STATUS_OK)
        return; /* amounts cannot be told: the message is null */
}

static int outbox_list(struct cli *cli, const struct dft_outbox *outbox)
{
    struct table table;
    bool good = true;
    if (dft_outbox_waiting(outbox) + dft_outbox_refused(outbox) > 0)
        currencies_for_list(cli);
    json_t *list = items_json(cli, outbox);
    if (cli->output == OUTPUT_JSON) {
        (void)json_dumpf(list, stdout, JSON_INDENT(2));
        (void)fputc('\n', stdout);
    } else {
        table_init(&table);
        good = items_table(&table, list);
        if (good && cli->output == OUTPUT_CSV)
            table_show_csv(&table, true, stdout);
        else if (good)
            table_show(&table, stdout);
        table_done(&table);
    }
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
    if (settings_only(cli, 0, "outbox", &why) != STATUS_OK)
        return cli_usage("%s", why.text);
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
