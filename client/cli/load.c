/*
 * daftari load FILE: commands of any method, one JSON object a line: {"method":"Account.Open","number":1110,...}, with an
 * optional "command_id". Without one, the id is made of the line as it stands (seen.h), so that loading a file twice
 * records each line once.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/input.h"
#include "proto/base/money.h"

#define LOAD_CURRENCIES_MAX 4096u /* that one file may define */

struct load {
    struct cli *cli;
    struct cli_currency *defined; /* by lines of the file, while it is checked */
    size_t defined_count;
    bool defining; /* currencies that are on their way: what follows may use them */
    uint64_t line; /* of the last answer */
    int worst;     /* exit code of the refused */
    uint64_t recorded;
    uint64_t unchanged;
    uint64_t refused;
    uint64_t log_size; /* before the first line */
    struct seen seen;  /* the lines so far */
};

static void load_answered(const struct batcher_answer *answer, void *context)
{
    struct load *load = context;
    load->line = answer->line;
    if (answer->recorded == NULL) {
        load->refused++;
        struct fault why = fault_of(answer->fault);
        int code = exit_of(why.status);
        load->worst = code > load->worst ? code : load->worst;
        input_tell(answer->line, &why);
    } else if (answer->recorded->position <= load->log_size) {
        load->unchanged++; /* the first answer again, or nothing to change */
    } else {
        load->recorded++;
    }
}

static enum status line_id(struct load *load, const char *text, size_t len, uint8_t out[DFT_COMMAND_ID_BYTES],
                           struct fault *why)
{
    struct hash hash;
    unsigned hash_len = 0;
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (EVP_Digest(text, len, hash.bytes, &hash_len, EVP_sha256(), NULL) != 1)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    return seen_command_id(&load->seen, "daftari load 1", &hash, out, why);
}

/* ---- the form of a line ------------------------------------------------------------------------------------------ */

/* Currencies of the books, and those that lines before this one define. */
static enum status load_scale(void *context, const char *code, uint32_t *out_scale, struct fault *why)
{
    const struct load *load = context;
    enum status status = cli_scale(load->cli, code, out_scale, why);
    for (size_t i = 0; status == STATUS_NOT_FOUND && code != NULL && i < load->defined_count; i++) {
        if (strcmp(load->defined[i].code, code) == 0) {
            *out_scale = load->defined[i].scale;
            return STATUS_OK;
        }
    }
    return status;
}

/* What cannot be understood here is refused as a message, or by the books. */
static enum status load_learn(struct load *load, json_t *object, struct fault *why)
{
    const char *code = json_string_value(json_object_get(object, "code"));
    json_int_t scale = json_integer_value(json_object_get(object, "scale"));
    struct cli_currency *grown = NULL;
    if (code == NULL || strlen(code) >= sizeof grown->code || scale < 0 || scale > CURRENCY_SCALE_MAX)
        return STATUS_OK;
    if (load->defined_count == LOAD_CURRENCIES_MAX)
        return fault_set(why, STATUS_TOO_LARGE, NULL, "at most %u currencies defined in one file",
                         LOAD_CURRENCIES_MAX);
    grown = realloc(load->defined, (load->defined_count + 1) * sizeof *grown);
    if (grown == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    load->defined = grown;
    (void)snprintf(grown[load->defined_count].code, sizeof grown->code, "%s", code);
    grown[load->defined_count++].scale = (uint32_t)scale;
    return STATUS_OK;
}

static enum status method_of(json_t *object, struct method *out, struct fault *why)
{
    const char *name = json_string_value(json_object_get(object, "method"));
    if (!json_is_object(object))
        return fault_set(why, STATUS_INVALID, NULL, "a JSON object {\"method\":...}");
    if (name == NULL || !method_by_name(name, out) || !out->command)
        return fault_set(why, STATUS_INVALID, "method", "the name of a command such as Account.Open");
    (void)json_object_del(object, "method");
    return STATUS_OK;
}

static enum status load_form(void *context, json_t *object, struct input_form *out, struct fault *why)
{
    struct load *load = context;
    struct method method;
    uint8_t id[DFT_COMMAND_ID_BYTES];
    json_t *given = json_object_get(object, "command_id");
    enum status status = method_of(object, &method, why);
    if (status != STATUS_OK)
        return status;
    out->method = method.row->name;
    out->type = method.row->input;
    if (given != NULL && !json_is_string(given))
        return fault_set(why, STATUS_INVALID, "command_id", "a UUID as text");
    status = run_command_id(json_string_value(given), id, why);
    (void)json_object_del(object, "command_id");
    if (status == STATUS_OK && strcmp(method.name, "Currency.Define") == 0)
        status = load_learn(load, object, why);
    return status;
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static enum status load_line(struct load *load, struct batcher *batcher, const struct json_reader *reader,
                             json_t *object, struct fault *why)
{
    struct method method;
    uint8_t command_id[DFT_COMMAND_ID_BYTES];
    struct arena arena;
    struct slice body;
    json_t *given = json_object_get(object, "command_id");
    enum status status = method_of(object, &method, why);
    if (status != STATUS_OK)
        return status;
    if (given != NULL && !json_is_string(given))
        return fault_set(why, STATUS_INVALID, "command_id", "a UUID as text");
    status = given != NULL ? run_command_id(json_string_value(given), command_id, why)
                           : line_id(load, reader->text, reader->len, command_id, why);
    (void)json_object_del(object, "command_id");
    bool defines = strcmp(method.name, "Currency.Define") == 0;
    if (status == STATUS_OK && load->defining && !defines) {
        status = batcher_finish(batcher, why);
        cli_currencies_forget(load->cli);
        load->defining = false;
    }
    load->defining = load->defining || defines;
    arena_init(&arena, CLI_ARENA_MAX);
    if (status == STATUS_OK)
        status = message_from_json(method.row->input, object, cli_conversion(load->cli), &arena, &body, why);
    if (status == STATUS_OK)
        status = batcher_add(batcher, method.name, command_id, body, reader->line, why);
    arena_done(&arena);
    return status;
}

static void load_sums(const struct load *load)
{
    unsigned long long recorded = load->recorded, unchanged = load->unchanged, refused = load->refused;
    if (load->cli->output == OUTPUT_JSON)
        (void)printf("{\"recorded\":%llu,\"unchanged\":%llu,\"refused\":%llu}\n", recorded, unchanged,
                     refused);
    else if (load->cli->output == OUTPUT_CSV)
        (void)printf("recorded,unchanged,refused\r\n%llu,%llu,%llu\r\n", recorded, unchanged, refused);
    else if (!load->cli->quiet)
        (void)printf("%llu recorded, %llu unchanged, %llu refused\n", recorded, unchanged, refused);
}

/* The file is wrong at a line after some that were sent already; or the server failed. */
static int load_stopped(const struct load *load, uint64_t line, const struct fault *why)
{
    int code;
    if (line > 0) {
        input_tell(line, why);
        (void)fprintf(stderr, "daftari: nothing from line %llu on was sent\n", (unsigned long long)line);
        code = load->recorded + load->unchanged + load->refused > 0 ? EXIT_PART : EXIT_USAGE;
    } else {
        code = cli_fail(why);
        (void)fprintf(stderr,
                      "daftari: answered up to line %llu; of what stands after it, some may be recorded\n",
                      (unsigned long long)load->line);
    }
    (void)fputs("daftari: load the file again: no line is recorded twice\n", stderr);
    return code;
}

static int load_send(struct load *load, struct input *input)
{
    struct fault why = {.status = STATUS_OK}, last = {.status = STATUS_OK};
    struct json_reader reader;
    if (input_begin(input, &reader, &why) != STATUS_OK)
        return cli_wrong(&why);
    load->log_size = dft_welcome(load->cli->client)->log_size;
    struct batcher *batcher = batcher_new(load->cli, load_answered, load);
    enum status status = batcher == NULL ? fault_set(&why, STATUS_NO_MEMORY, NULL, "no memory") : STATUS_OK;
    while (status == STATUS_OK) {
        json_t *object = NULL;
        status = json_reader_next(&reader, &object, &why);
        if (status == STATUS_OK)
            status = load_line(load, batcher, &reader, object, &why);
        json_decref(object);
    }
    enum status finished = batcher != NULL ? batcher_finish(batcher, &last) : STATUS_OK;
    batcher_free(batcher);
    bool ours = status == STATUS_INVALID || status == STATUS_TOO_LARGE;
    int code = load->worst;
    if (finished != STATUS_OK)
        code = load_stopped(load, 0, &last);
    else if (status != STATUS_END)
        code = load_stopped(load, ours ? reader.line : 0, &why);
    load_sums(load);
    json_reader_done(&reader);
    return code;
}

static int load_input(struct load *load, struct input *input)
{
    struct conversion conversion = *cli_conversion(load->cli);
    conversion.scale = load_scale;
    conversion.scale_context = load;
    struct input_check check = {
        .cli = load->cli, .conversion = &conversion, .prepare = load_form, .context = load};
    int code = input->whole ? input_check(input, &check) : EXIT_DONE;
    return code == EXIT_DONE ? load_send(load, input) : code;
}

int load_run(struct cli *cli, int argc, char **argv)
{
    struct fault why = {.status = STATUS_OK};
    const char *path = NULL;
    for (int at = 0; at < argc;) {
        enum status status = settings_take(cli, argc, argv, &at, &why);
        if (status == STATUS_NOT_FOUND && path == NULL && strncmp(argv[at], "--", 2) != 0)
            path = argv[at++];
        else if (status != STATUS_OK)
            return cli_usage("%s", status == STATUS_NOT_FOUND ? "load takes one file" : why.text);
    }
    if (cli->help || path == NULL) {
        (void)fputs("daftari load FILE|-\n  Send a file of commands, one JSON object a line:\n"
                    "    {\"method\":\"Account.Open\",\"number\":1110,\"name\":\"Cash in hand\"}\n"
                    "  An optional \"command_id\" names the command; else its id is made of the line, so "
                    "that loading a file\n"
                    "  again records nothing twice.\n",
                    cli->help ? stdout : stderr);
        return cli->help ? EXIT_DONE : EXIT_USAGE;
    }
    struct input input;
    if (input_open(&input, path, &why) != STATUS_OK)
        return cli_wrong(&why);
    struct load load = {.cli = cli};
    int code;
    if (cli_connect(cli, &why) != STATUS_OK) {
        code = cli_no_connection(&why);
    } else {
        cli_know_today(cli);
        code = load_input(&load, &input);
    }
    seen_done(&load.seen);
    free(load.defined);
    input_close(&input);
    return code;
}
