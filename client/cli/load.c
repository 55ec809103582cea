/*
 * daftari load FILE: commands of any method, one JSON object a line: {"method":"Account.Open","number":1110,...}, with an
 * optional "command_id". Without one, the id is made of the line as it stands (seen.h), so that loading a file twice
 * records each line once.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/seen.h"

struct load {
    struct cli *cli;
    uint64_t recorded;
    uint64_t unchanged;
    uint64_t refused;
    uint64_t log_size; /* before the first line */
    enum status worst;
    struct seen seen; /* the lines so far */
};

static void load_answered(const struct batcher_answer *answer, void *context)
{
    struct load *load = context;
    if (answer->recorded == NULL) {
        load->refused++;
        struct fault why = fault_of(answer->fault);
        load->worst = why.status;
        (void)fprintf(stderr, "daftari: line %llu: %s%s%s\n", (unsigned long long)answer->line, why.field,
                      why.field[0] != '\0' ? ": " : "", why.text);
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

static enum status load_line(struct load *load, struct batcher *batcher, const struct json_reader *reader,
                             json_t *object, struct fault *why)
{
    struct method method;
    uint8_t command_id[DFT_COMMAND_ID_BYTES];
    const char *name = json_string_value(json_object_get(object, "method"));
    const char *given = json_string_value(json_object_get(object, "command_id"));
    if (name == NULL || !method_by_name(name, &method) || !method.command)
        return fault_set(why, STATUS_INVALID, "method", "the name of a command such as Account.Open");
    enum status status = given != NULL ? run_command_id(given, command_id, why)
                                       : line_id(load, reader->text, reader->len, command_id, why);
    struct arena arena;
    struct slice body;
    char method_name[SERVICE_NAME_TEXT_MAX];
    memcpy(method_name, method.name, sizeof method_name);
    arena_init(&arena, CLI_ARENA_MAX);
    (void)json_object_del(object, "method");
    (void)json_object_del(object, "command_id");
    if (status == STATUS_OK)
        status = message_from_json(method.row->input, object, cli_conversion(load->cli), &arena, &body, why);
    if (status == STATUS_OK)
        status = batcher_add(batcher, method_name, command_id, body, reader->line, why);
    if (strcmp(method_name, "Currency.Define") == 0)
        cli_currencies_forget(load->cli); /* what follows may use it: ask again */
    arena_done(&arena);
    return status;
}

static int load_file(struct load *load, FILE *from)
{
    struct fault why = {.status = STATUS_OK};
    struct json_reader reader = {.from = from};
    load->log_size = dft_welcome(load->cli->client)->log_size;
    struct batcher *batcher = batcher_new(load->cli, load_answered, load);
    enum status status = batcher == NULL ? fault_set(&why, STATUS_NO_MEMORY, NULL, "no memory") : STATUS_OK;
    while (status == STATUS_OK) {
        json_t *object = NULL;
        status = json_reader_next(&reader, &object, &why);
        if (status == STATUS_OK) {
            status = load_line(load, batcher, &reader, object, &why);
            json_decref(object);
        }
    }
    struct fault last = {.status = STATUS_OK};
    bool ours = status == STATUS_INVALID;
    enum status finished =
        batcher != NULL && (status == STATUS_END || ours) ? batcher_finish(batcher, &last) : STATUS_OK;
    batcher_free(batcher);
    int code = EXIT_DONE;
    if (ours) {
        code = cli_wrong_line(reader.line, &why);
    } else if (status != STATUS_END || finished != STATUS_OK) {
        code = cli_fail(status != STATUS_END ? &why : &last);
    } else if (load->refused > 0) {
        code = exit_of(load->worst);
    }
    if (!load->cli->quiet)
        (void)printf("%llu recorded, %llu unchanged, %llu refused\n", (unsigned long long)load->recorded,
                     (unsigned long long)load->unchanged, (unsigned long long)load->refused);
    json_reader_done(&reader);
    return code;
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
    FILE *from = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (from == NULL)
        return cli_usage("%s cannot be opened", path);
    struct load load = {.cli = cli};
    int code;
    if (cli_connect(cli, &why) != STATUS_OK) {
        code = cli_no_connection(&why);
    } else {
        cli_know_today(cli);
        code = load_file(&load, from);
    }
    seen_done(&load.seen);
    if (from != stdin)
        (void)fclose(from);
    return code;
}
