/* --json with many objects: commands in batches, questions one after the other. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/input.h"
#include "proto/base/ident.h"
#include "reason.pb-c.h"

/* ---- commands ---------------------------------------------------------------------------------------------------- */

struct many {
    struct cli *cli;
    const struct method *method;
    struct line_ids ids;
    uint64_t recorded;
    uint64_t refused;
    uint64_t line; /* of the last answer */
    int worst;     /* exit code of the refused */
};

/* A row for a line of the input as CSV or JSON: what was recorded, or (recorded NULL) why not. */
static void many_row(struct cli *cli, uint64_t line, const struct dft_recorded *recorded,
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
    if (cli->output == OUTPUT_JSON) {
        (void)json_dumpf(row, stdout, JSON_COMPACT);
        (void)fputc('\n', stdout);
    }
    size_t count = cli->output == OUTPUT_CSV ? sizeof columns / sizeof columns[0] : 0;
    for (size_t i = 0; i < count && !cli->csv_headed; i++)
        (void)printf("%s%s", columns[i], i + 1 < count ? "," : "\r\n");
    cli->csv_headed = true;
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

static void many_wrong(void *context, uint64_t line, const struct fault *why)
{
    struct many *many = context;
    if (many->cli->output != OUTPUT_TABLE)
        many_row(many->cli, line, NULL, why);
}

static void many_answered(const struct batcher_answer *answer, void *context)
{
    struct many *many = context;
    struct fault why = {.status = STATUS_OK};
    many->line = answer->line;
    if (answer->recorded == NULL)
        why = fault_of(answer->fault);
    if (many->cli->output != OUTPUT_TABLE)
        many_row(many->cli, answer->line, answer->recorded, &why);
    else if (answer->recorded != NULL)
        print_recorded(many->cli, answer->recorded);
    if (answer->recorded != NULL) {
        many->recorded++;
        return;
    }
    int code = exit_of(why.status);
    many->refused++;
    many->worst = code > many->worst ? code : many->worst;
    input_tell(answer->line, &why);
}

static enum status command_form(void *context, json_t *object, struct input_form *out, struct fault *why)
{
    const struct many *many = context;
    json_t *given = json_object_get(object, "command_id");
    uint8_t id[DFT_COMMAND_ID_BYTES];
    out->method = many->method->name;
    out->type = many->method->row->input;
    if (given != NULL && !json_is_string(given))
        return fault_set(why, STATUS_INVALID, "command_id", "a UUID as text");
    enum status status = run_command_id(json_string_value(given), id, why);
    (void)json_object_del(object, "command_id");
    return status;
}

static enum status many_add(struct many *many, struct batcher *batcher, json_t *object,
                            const struct json_reader *reader, struct fault *why)
{
    struct arena arena;
    uint8_t command_id[DFT_COMMAND_ID_BYTES];
    struct slice body;
    arena_init(&arena, CLI_ARENA_MAX);
    enum status status = line_ids_next(&many->ids, object, reader, command_id, why);
    if (status == STATUS_OK)
        status = message_from_json(many->method->row->input, object, cli_conversion(many->cli), &arena, &body,
                                   why);
    if (status == STATUS_OK)
        status = batcher_add(batcher, many->method->name, command_id, body, reader->line, why);
    arena_done(&arena);
    return status;
}

/* The input is wrong at this line, which could not be known before it was sent up to there. */
static int many_stopped(struct many *many, uint64_t line, const struct fault *why)
{
    many_wrong(many, line, why);
    input_tell(line, why);
    if (many->recorded + many->refused == 0) {
        (void)fputs("daftari: nothing was sent\n", stderr);
        return EXIT_USAGE;
    }
    (void)fprintf(stderr,
                  "daftari: what stands before line %llu was sent: %llu recorded, %llu refused; nothing from "
                  "line %llu on was sent\n",
                  (unsigned long long)line, (unsigned long long)many->recorded,
                  (unsigned long long)many->refused, (unsigned long long)line);
    line_ids_tell(&many->ids);
    return EXIT_PART;
}

/* The server, or the way to it, failed. */
static int many_broken(const struct many *many, const struct fault *why)
{
    (void)fflush(stdout);
    int code = cli_fail(why);
    (void)fprintf(stderr,
                  "daftari: answered up to line %llu: %llu recorded, %llu refused; of what stands after it, "
                  "some may be recorded\n",
                  (unsigned long long)many->line, (unsigned long long)many->recorded,
                  (unsigned long long)many->refused);
    line_ids_tell(&many->ids);
    return code;
}

static int many_done(const struct many *many)
{
    if (many->recorded + many->refused == 0)
        return cli_usage("there is no JSON object to read");
    if (many->refused == 0)
        return EXIT_DONE;
    (void)fflush(stdout);
    (void)fprintf(stderr, "daftari: %llu recorded, %llu refused\n", (unsigned long long)many->recorded,
                  (unsigned long long)many->refused);
    if (many->ids.count > 1)
        line_ids_tell(&many->ids);
    return many->worst;
}

static int commands_send(struct many *many, struct input *input)
{
    struct fault why = {.status = STATUS_OK}, last = {.status = STATUS_OK};
    struct json_reader reader;
    if (input_begin(input, &reader, &why) != STATUS_OK)
        return cli_wrong(&why);
    struct batcher *batcher = batcher_new(many->cli, many_answered, many);
    enum status status = batcher == NULL ? fault_set(&why, STATUS_NO_MEMORY, NULL, "no memory") : STATUS_OK;
    while (status == STATUS_OK) {
        json_t *object = NULL;
        status = json_reader_next(&reader, &object, &why);
        if (status == STATUS_OK)
            status = many_add(many, batcher, object, &reader, &why);
        json_decref(object);
    }
    enum status finished = batcher != NULL ? batcher_finish(batcher, &last) : STATUS_OK;
    batcher_free(batcher);
    bool ours = status == STATUS_INVALID || status == STATUS_TOO_LARGE;
    int code;
    if (finished != STATUS_OK)
        code = many_broken(many, &last);
    else if (ours)
        code = many_stopped(many, reader.line, &why);
    else
        code = status == STATUS_END ? many_done(many) : many_broken(many, &why);
    json_reader_done(&reader);
    return code;
}

/* A year's close takes more records than one; with one object it is seen through, as it is with options. */
static int year_rest(struct many *many, struct input *input)
{
    struct fault why = {.status = STATUS_OK};
    struct json_reader reader;
    struct input_form form;
    struct arena arena;
    struct slice body;
    json_t *object = NULL;
    int code = EXIT_DONE;
    if (strcmp(many->method->name, "Period.CloseYear") != 0 || many->ids.count != 1 || !input->whole)
        return EXIT_DONE;
    if (input_begin(input, &reader, &why) != STATUS_OK)
        return cli_wrong(&why);
    arena_init(&arena, CLI_ARENA_MAX);
    enum status status = json_reader_next(&reader, &object, &why);
    if (status == STATUS_OK)
        status = command_form(many, object, &form, &why);
    if (status == STATUS_OK)
        status = message_from_json(form.type, object, cli_conversion(many->cli), &arena, &body, &why);
    code = status == STATUS_OK ? year_close_rest(many->cli, many->method, body) : cli_fail(&why);
    json_decref(object);
    json_reader_done(&reader);
    arena_done(&arena);
    return code;
}

int many_commands(struct cli *cli, const struct method *method)
{
    struct fault why = {.status = STATUS_OK};
    struct many many = {.cli = cli, .method = method};
    struct input input;
    if (line_ids_init(&many.ids, cli->command_id_text, &why) != STATUS_OK)
        return cli_usage("--command-id: %s", why.text);
    if (input_open(&input, cli->json_path, &why) != STATUS_OK)
        return cli_wrong(&why);
    cli_know_today(cli);
    struct input_check check = {.cli = cli,
                                .conversion = cli_conversion(cli),
                                .prepare = command_form,
                                .context = &many,
                                .wrong = many_wrong};
    int code = input.whole ? input_check(&input, &check) : EXIT_DONE;
    if (code == EXIT_DONE)
        code = commands_send(&many, &input);
    if (code == EXIT_DONE)
        code = year_rest(&many, &input);
    line_ids_done(&many.ids);
    input_close(&input);
    return code;
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

static enum status question_one(const struct questions *questions, json_t *object, struct fault *why)
{
    struct input_form form;
    struct arena arena;
    struct slice body;
    arena_init(&arena, CLI_ARENA_MAX);
    enum status status = questions->prepare(questions->context, object, &form, why);
    if (status == STATUS_OK)
        status = message_from_json(form.type, object, cli_conversion(questions->cli), &arena, &body, why);
    bool asked = status == STATUS_OK;
    if (asked)
        status = questions->ask(questions->context, body, why);
    arena_done(&arena);
    /* What the server finds wrong with a question says nothing about those after it. */
    if (asked && (exit_of(status) == EXIT_REFUSED || status == STATUS_DENIED))
        return STATUS_REFUSED;
    return status == STATUS_REFUSED ? STATUS_INTERNAL : status;
}

static int questions_ask(const struct questions *questions, struct input *input, bool several)
{
    struct cli *cli = questions->cli;
    struct fault why = {.status = STATUS_OK};
    struct json_reader reader;
    uint64_t count = 0;
    int worst = EXIT_DONE;
    if (input_begin(input, &reader, &why) != STATUS_OK)
        return cli_wrong(&why);
    for (;;) {
        json_t *object = NULL;
        enum status status = json_reader_next(&reader, &object, &why);
        if (status == STATUS_END)
            break;
        if (status == STATUS_OK && count++ > 0 && cli->output == OUTPUT_TABLE)
            (void)putchar('\n');
        bool ours = status != STATUS_OK;
        if (status == STATUS_OK)
            status = question_one(questions, object, &why);
        json_decref(object);
        if (status == STATUS_OK)
            continue;
        ours = ours || status == STATUS_INVALID;
        int code = ours ? count > 1 ? EXIT_PART : EXIT_USAGE : exit_of(why.status);
        worst = code > worst ? code : worst;
        if (several && cli->output == OUTPUT_JSON)
            many_row(cli, reader.line, NULL, &why);
        if (several)
            input_tell(reader.line, &why);
        else
            (void)cli_fail(&why);
        if (status != STATUS_REFUSED) {
            if (several)
                (void)fprintf(stderr, "daftari: nothing after line %llu was asked\n",
                              (unsigned long long)reader.line);
            break;
        }
    }
    json_reader_done(&reader);
    return count == 0 && worst == EXIT_DONE ? cli_usage("there is no JSON object to read") : worst;
}

int many_questions(const struct questions *questions)
{
    struct cli *cli = questions->cli;
    struct fault why = {.status = STATUS_OK};
    struct input input;
    if (input_open(&input, cli->json_path, &why) != STATUS_OK)
        return cli_wrong(&why);
    cli_know_today(cli);
    struct input_check check = {.cli = cli,
                                .conversion = cli_conversion(cli),
                                .prepare = questions->prepare,
                                .context = questions->context};
    int code = input.whole ? input_check(&input, &check) : EXIT_DONE;
    if (code == EXIT_DONE)
        code = questions_ask(questions, &input, !input.whole || check.count > 1);
    input_close(&input);
    return code;
}

struct queries {
    struct cli *cli;
    const struct method *method;
};

static enum status query_form(void *context, json_t *object, struct input_form *out, struct fault *why)
{
    const struct queries *queries = context;
    (void)object;
    (void)why;
    *out = (struct input_form){.method = queries->method->name, .type = queries->method->row->input};
    return STATUS_OK;
}

static enum status query_ask(void *context, struct slice body, struct fault *why)
{
    const struct queries *queries = context;
    return run_query(queries->cli, queries->method, body, why);
}

int many_queries(struct cli *cli, const struct method *method)
{
    struct queries queries = {.cli = cli, .method = method};
    struct questions questions = {.cli = cli, .prepare = query_form, .ask = query_ask, .context = &queries};
    return many_questions(&questions);
}
