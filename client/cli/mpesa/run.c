/* daftari mpesa confirm --file, callback --file, statement, unmatched: everything is read and checked before anything is
 * sent; what was sent before is told again without being booked again. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/input.h"
#include "client/cli/mpesa/mpesa.h"
#include "proto/base/text.h"

#define NESTED_MAX 3u /* lists in lists that the pull interface answers */

struct mpesa {
    struct cli *cli;
    const char *word; /* confirm, callback, statement */
    const char *path;
    const char *till;
    bool dry_run;
    bool reconcile;
    bool without_balance;
    bool untied;

    struct batcher *batcher; /* NULL while checking */
    struct seen seen;
    uint64_t log_size;
    uint64_t said, passed, wrong;
    uint64_t recorded, unchanged, refused;
    int worst;
};

/* ---- one command ------------------------------------------------------------------------------------------------------ */

static void answered(const struct batcher_answer *answer, void *context)
{
    struct mpesa *mpesa = context;
    if (answer->recorded == NULL) {
        struct fault why = fault_of(answer->fault);
        int code = exit_of(why.status);
        mpesa->refused++;
        mpesa->worst = code > mpesa->worst ? code : mpesa->worst;
        input_tell(answer->line, &why);
    } else if (answer->recorded->position <= mpesa->log_size) {
        mpesa->unchanged++;
    } else {
        mpesa->recorded++;
    }
}

/* Of what is said and how: the same message again is the same command. */
static enum status command_id(struct mpesa *mpesa, const char *method, struct slice body,
                              uint8_t out[DFT_COMMAND_ID_BYTES], struct fault *why)
{
    struct hash hash;
    unsigned len = 0;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool good = digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(digest, method, strlen(method) + 1) == 1 &&
                EVP_DigestUpdate(digest, body.ptr, body.len) == 1 &&
                EVP_DigestFinal_ex(digest, hash.bytes, &len) == 1;
    EVP_MD_CTX_free(digest);
    if (!good)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    return seen_command_id(&mpesa->seen, "daftari mpesa 1", &hash, out, why);
}

static void show(const struct mpesa *mpesa, const struct daraja_said *said, uint64_t line)
{
    const char *receipt = json_string_value(json_object_get(said->body, "receipt"));
    const char *checkout = json_string_value(json_object_get(said->body, "checkout"));
    const char *amount = json_string_value(json_object_get(said->body, "amount"));
    if (mpesa->cli->output == OUTPUT_TABLE && !mpesa->cli->quiet)
        (void)printf("line %llu: %s %s %s\n", (unsigned long long)line, said->method,
                     receipt != NULL    ? receipt
                     : checkout != NULL ? checkout
                                        : "",
                     amount != NULL ? amount : "");
}

/* Checks it, shows it or sends it. Takes the reference to its body. */
static enum status say(struct mpesa *mpesa, struct daraja_said *said, uint64_t line, struct fault *why)
{
    struct method method;
    struct arena arena;
    struct slice body;
    uint8_t id[DFT_COMMAND_ID_BYTES];
    enum status status = method_by_name(said->method, &method)
                             ? STATUS_OK
                             : fault_set(why, STATUS_UNKNOWN_METHOD, NULL, "no method %s", said->method);
    arena_init(&arena, CLI_ARENA_MAX);
    if (status == STATUS_OK)
        status =
            message_from_json(method.row->input, said->body, cli_conversion(mpesa->cli), &arena, &body, why);
    if (status == STATUS_OK && mpesa->batcher != NULL)
        status = command_id(mpesa, method.name, body, id, why);
    if (status == STATUS_OK && mpesa->batcher != NULL)
        status = batcher_add(mpesa->batcher, method.name, id, body, line, why);
    if (status == STATUS_OK && mpesa->batcher == NULL) {
        mpesa->said++;
        if (mpesa->dry_run)
            show(mpesa, said, line);
    }
    arena_done(&arena);
    json_decref(said->body);
    said->body = NULL;
    return status;
}

/* ---- JSON --------------------------------------------------------------------------------------------------------------- */

static void add_hash(json_t *body, const char *text, size_t len)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    char hex[HEX_TEXT_LEN(HASH_BYTES)];
    if (EVP_Digest(text, len, digest, NULL, EVP_sha256(), NULL) != 1)
        return;
    hex_format(digest, HASH_BYTES, hex);
    (void)json_object_set_new(body, "raw_hash", json_string(hex));
}

static enum status take_message(struct mpesa *mpesa, json_t *object, const struct json_reader *reader,
                                struct fault *why)
{
    struct daraja_terms terms = {.till = mpesa->till, .without_balance = mpesa->without_balance};
    struct daraja_said said = {.method = NULL};
    enum status status = daraja_read(object, &terms, &said, why);
    if (status != STATUS_OK)
        return status;
    if (said.method == NULL) {
        if (mpesa->batcher == NULL) {
            mpesa->passed++;
            if (!mpesa->cli->quiet)
                (void)fprintf(stderr, "daftari: line %llu: passed over: %s\n",
                              (unsigned long long)reader->line, said.passed);
        }
        return STATUS_OK;
    }
    add_hash(said.body, reader->text, reader->len);
    return say(mpesa, &said, reader->line, why);
}

/* An answer of the pull interface holds a list, or a list of lists, of rows. */
static enum status take_value(struct mpesa *mpesa, json_t *value, const struct json_reader *reader,
                              struct fault *why)
{
    json_t *rows = json_object_get(value, "Response");
    for (unsigned depth = 0; depth < NESTED_MAX && json_is_array(json_array_get(rows, 0)); depth++)
        rows = json_array_get(rows, 0);
    if (!json_is_object(value))
        return fault_set(why, STATUS_INVALID, NULL, "a message of M-Pesa is a JSON object");
    if (!json_is_array(rows))
        return take_message(mpesa, value, reader, why);
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < json_array_size(rows); i++)
        status = take_message(mpesa, json_array_get(rows, i), reader, why);
    return status;
}

/* Once to check, with all that is wrong told; once to send. */
static enum status pass_json(struct mpesa *mpesa, struct input *input, struct fault *why)
{
    struct json_reader reader;
    enum status status = input_begin(input, &reader, why);
    if (status != STATUS_OK)
        return status;
    reader.in_array = true;
    while (status == STATUS_OK) {
        struct fault inner = {.status = STATUS_OK};
        json_t *first = NULL, *value = NULL;
        status = json_reader_next(&reader, &first, why);
        json_decref(first);
        if (status != STATUS_OK)
            break;
        char *quoted = daraja_quote_numbers(reader.text, reader.len);
        if (quoted != NULL)
            value = json_loads(quoted, JSON_REJECT_DUPLICATES, NULL);
        free(quoted);
        if (value == NULL)
            status = fault_set(why, STATUS_INVALID, NULL, "line %llu is not JSON",
                               (unsigned long long)reader.line);
        else
            status = take_value(mpesa, value, &reader, &inner);
        json_decref(value);
        if (inner.status == STATUS_INVALID && mpesa->batcher == NULL) {
            if (mpesa->wrong++ < INPUT_WRONG_SHOWN)
                input_tell(reader.line, &inner);
            status = STATUS_OK;
        } else if (inner.status != STATUS_OK) {
            *why = inner;
        }
    }
    json_reader_done(&reader);
    return status == STATUS_END ? STATUS_OK : status;
}

/* ---- statements ------------------------------------------------------------------------------------------------------------ */

/* One kind after the other, so that each goes in batches; reversals last, when what they take back is there. */
static enum status pass_statement(struct mpesa *mpesa, const struct statement *statement, struct fault *why)
{
    enum status status = STATUS_OK;
    for (int what = STATEMENT_IN; what <= STATEMENT_REVERSE; what++)
        for (size_t i = 0; status == STATUS_OK && i < statement->count; i++) {
            if ((int)statement->rows[i].what != what)
                continue;
            struct daraja_said said = statement_said(&statement->rows[i], mpesa->till);
            status = say(mpesa, &said, statement->rows[i].line, why);
        }
    return status;
}

/* ---- sending ---------------------------------------------------------------------------------------------------------------- */

static void sums(const struct mpesa *mpesa)
{
    unsigned long long recorded = mpesa->recorded, unchanged = mpesa->unchanged, refused = mpesa->refused,
                       passed = mpesa->passed, said = mpesa->said;
    if (mpesa->cli->output == OUTPUT_JSON)
        (void)printf("{\"told\":%llu,\"recorded\":%llu,\"unchanged\":%llu,\"refused\":%llu,\"passed_over\":"
                     "%llu}\n",
                     said, recorded, unchanged, refused, passed);
    else if (mpesa->cli->output == OUTPUT_CSV)
        (void)printf("told,recorded,unchanged,refused,passed_over\r\n%llu,%llu,%llu,%llu,%llu\r\n", said,
                     recorded, unchanged, refused, passed);
    else if (mpesa->dry_run)
        (void)printf("%llu would be told, %llu passed over; nothing was sent\n", said, passed);
    else if (!mpesa->cli->quiet)
        (void)printf("%llu recorded, %llu were there already, %llu refused, %llu passed over\n", recorded,
                     unchanged, refused, passed);
}

/* What the checking pass found; EXIT_DONE: it can be sent. */
static int checked(const struct mpesa *mpesa, enum status status, const struct fault *why)
{
    if (status == STATUS_INVALID || status == STATUS_TOO_LARGE)
        return cli_wrong(why);
    if (status != STATUS_OK)
        return cli_fail(why);
    if (mpesa->wrong == 0)
        return EXIT_DONE;
    return cli_usage("%llu cannot be read: nothing was sent", (unsigned long long)mpesa->wrong);
}

static int sent(struct mpesa *mpesa, enum status status, struct fault *why)
{
    struct fault last = {.status = STATUS_OK};
    enum status finished = batcher_finish(mpesa->batcher, &last);
    batcher_free(mpesa->batcher);
    mpesa->batcher = NULL;
    if (status == STATUS_OK && finished != STATUS_OK) {
        *why = last;
        status = finished;
    }
    sums(mpesa);
    if (status == STATUS_OK)
        return mpesa->worst;
    int code = cli_fail(why);
    (void)fputs("daftari: give the same file again to go on: nothing is booked twice\n", stderr);
    return code;
}

static enum status begin_sending(struct mpesa *mpesa, struct fault *why)
{
    mpesa->log_size = dft_welcome(mpesa->cli->client)->log_size;
    mpesa->batcher = batcher_new(mpesa->cli, answered, mpesa);
    return mpesa->batcher != NULL ? STATUS_OK : fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
}

static int run_json(struct mpesa *mpesa)
{
    struct fault why = {.status = STATUS_OK};
    struct input input;
    if (input_open(&input, mpesa->path, &why) != STATUS_OK)
        return cli_wrong(&why);
    enum status status = STATUS_OK;
    if (!input.whole)
        status = fault_set(&why, STATUS_INVALID, NULL, "at most %u MiB through a pipe: give a file",
                           INPUT_HELD_MAX / 1024 / 1024);
    if (status == STATUS_OK)
        status = pass_json(mpesa, &input, &why);
    int code = checked(mpesa, status, &why);
    if (code == EXIT_DONE && mpesa->dry_run) {
        sums(mpesa);
    } else if (code == EXIT_DONE) {
        status = begin_sending(mpesa, &why);
        if (status == STATUS_OK)
            status = pass_json(mpesa, &input, &why);
        code = sent(mpesa, status, &why);
    }
    input_close(&input);
    return code;
}

static int send_statement(struct mpesa *mpesa, const struct statement *statement)
{
    struct fault why = {.status = STATUS_OK};
    int64_t opening = 0, closing = 0;
    bool known = false;
    enum status status = statement_tie(statement, &known, &opening, &closing, &why);
    if (status != STATUS_OK && mpesa->untied && !mpesa->reconcile) {
        (void)cli_fail(&why);
        status = STATUS_OK;
    }
    if (status == STATUS_OK)
        status = pass_statement(mpesa, statement, &why);
    int code = checked(mpesa, status, &why);
    if (code != EXIT_DONE || mpesa->dry_run) {
        if (code == EXIT_DONE)
            sums(mpesa);
        return code;
    }
    status = begin_sending(mpesa, &why);
    if (status == STATUS_OK)
        status = pass_statement(mpesa, statement, &why);
    code = sent(mpesa, status, &why);
    if (code != EXIT_DONE || !mpesa->reconcile || !known)
        return code;
    status = mpesa_reconcile(mpesa->cli, statement, mpesa->till, opening, closing, &why);
    return status == STATUS_OK ? EXIT_DONE : cli_fail(&why);
}

static int run_statement(struct mpesa *mpesa)
{
    struct fault why = {.status = STATUS_OK};
    struct statement statement = {.tell = input_tell};
    struct csv_reader reader = {.from = strcmp(mpesa->path, "-") == 0 ? stdin : fopen(mpesa->path, "re")};
    if (reader.from == NULL)
        return cli_usage("%s cannot be opened", mpesa->path);
    enum status status = statement_read(&statement, &reader, &why);
    if (status == STATUS_OK && ferror(reader.from) != 0)
        status = fault_set(&why, STATUS_INVALID, NULL, "%s cannot be read", mpesa->path);
    if (reader.from != stdin)
        (void)fclose(reader.from);
    csv_done(&reader);
    mpesa->wrong = statement.wrong;
    mpesa->passed = statement.passed;
    if (mpesa->till[0] == '\0')
        mpesa->till = statement.short_code;
    if (status == STATUS_OK && mpesa->till[0] == '\0')
        status = fault_set(&why, STATUS_INVALID, "till", "which till it is: the statement does not say");
    else if (status == STATUS_OK && statement.short_code[0] != '\0' &&
             strcmp(statement.short_code, mpesa->till) != 0)
        (void)fprintf(stderr, "daftari: note: the statement is of short code %s\n", statement.short_code);
    int code = checked(mpesa, status, &why);
    if (code == EXIT_DONE)
        code = send_statement(mpesa, &statement);
    statement_done(&statement);
    return code;
}

/* ---- the words ---------------------------------------------------------------------------------------------------------------- */

static int help(FILE *to)
{
    (void)fputs(
        "daftari mpesa confirm --file FILE|- [--till NUMBER] [--without-balance] [--dry-run]\n"
        "daftari mpesa callback --file FILE|- [--till NUMBER] [--dry-run]\n"
        "daftari mpesa statement --file FILE|- [--till NUMBER] [--reconcile] [--untied] [--dry-run]\n"
        "daftari mpesa unmatched [--till NUMBER]\n"
        "  Book what M-Pesa wrote. The same file again books nothing twice.\n\n"
        "confirm, callback: JSON of Daraja, one message or many: confirmations, callbacks of requests, "
        "results of\n"
        "  status queries and reversals, answers of the pull interface.\n"
        "statement: the organisation's statement as CSV, with 13 or with 7 columns.\n"
        "unmatched: receipts that wait until they are known to be somebody's.\n\n"
        "Options:\n"
        "  --till NUMBER         at which till, where the file does not say; of another number than it says\n"
        "  --dry-run             read and check; show what would be told; send nothing\n"
        "  --reconcile           compare the till's account with the statement, line by line\n"
        "  --untied              also a statement whose balances do not follow from its rows\n"
        "  --without-balance     also confirmations that tell no balance, which else are validations\n",
        to);
    return to == stdout ? EXIT_DONE : EXIT_USAGE;
}

static const char *const words[] = {"confirm", "callback", "statement", "unmatched"};

bool mpesa_takes(int argc, char **argv)
{
    bool file = false;
    for (int i = 1; i < argc; i++)
        file = file || strcmp(argv[i], "--file") == 0;
    if (argc < 1)
        return false;
    return strcmp(argv[0], "statement") == 0 || strcmp(argv[0], "unmatched") == 0 ||
           (file && (strcmp(argv[0], "confirm") == 0 || strcmp(argv[0], "callback") == 0));
}

static enum status take_option(struct mpesa *mpesa, int argc, char **argv, int *at, struct fault *why)
{
    struct {
        const char *name;
        bool *flag;
    } const flags[] = {{"--dry-run", &mpesa->dry_run},
                       {"--reconcile", &mpesa->reconcile},
                       {"--untied", &mpesa->untied},
                       {"--without-balance", &mpesa->without_balance}};
    enum status status = settings_take(mpesa->cli, argc, argv, at, why);
    if (status != STATUS_NOT_FOUND)
        return status;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strcmp(argv[*at], flags[i].name) == 0) {
            *flags[i].flag = true;
            *at += 1;
            return STATUS_OK;
        }
    const char **value = strcmp(argv[*at], "--file") == 0   ? &mpesa->path
                         : strcmp(argv[*at], "--till") == 0 ? &mpesa->till
                                                            : NULL;
    if (value == NULL || *at + 1 >= argc)
        return fault_set(why, STATUS_INVALID, NULL, "mpesa %s takes no %s here", mpesa->word, argv[*at]);
    *value = argv[*at + 1];
    *at += 2;
    return STATUS_OK;
}

static int run_unmatched(struct cli *cli, int argc, char **argv)
{
    struct method method;
    char option[] = "--state", waiting[] = "waiting";
    char **all = calloc((size_t)argc + 3, sizeof *all);
    if (all == NULL || !method_by_name("Mpesa.List", &method)) {
        free(all);
        return EXIT_USAGE;
    }
    all[0] = option;
    all[1] = waiting;
    for (int i = 0; i < argc; i++)
        all[i + 2] = argv[i];
    int code = run_method(cli, &method, argc + 2, all);
    free(all);
    return code;
}

int mpesa_run(struct cli *cli, int argc, char **argv)
{
    struct fault why = {.status = STATUS_OK};
    struct mpesa mpesa = {.cli = cli, .till = ""};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(argv[0], words[i]) == 0)
            mpesa.word = words[i];
    if (mpesa.word == NULL)
        return help(stderr);
    if (strcmp(mpesa.word, "unmatched") == 0)
        return run_unmatched(cli, argc - 1, argv + 1);
    enum status status = STATUS_OK;
    for (int at = 1; at < argc && status == STATUS_OK;)
        status = take_option(&mpesa, argc, argv, &at, &why);
    if (status != STATUS_OK)
        return cli_usage("%s", why.text);
    if (cli->help || mpesa.path == NULL)
        return help(cli->help ? stdout : stderr);
    if (cli_connect(cli, &why) != STATUS_OK)
        return cli_no_connection(&why);
    int code = strcmp(mpesa.word, "statement") == 0 ? run_statement(&mpesa) : run_json(&mpesa);
    seen_done(&mpesa.seen);
    return code;
}
