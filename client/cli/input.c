#include "client/cli/input.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the bytes --------------------------------------------------------------------------------------------------- */

/* Up to INPUT_HELD_MAX bytes into memory; whole when that was all. */
static enum status hold(struct input *input, struct fault *why)
{
    size_t cap = 0;
    while (input->held_len < INPUT_HELD_MAX) {
        if (input->held_len == cap) {
            cap = cap == 0 ? 65536 : 2 * cap;
            char *grown = realloc(input->held, cap);
            if (grown == NULL)
                return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
            input->held = grown;
        }
        size_t got = fread(input->held + input->held_len, 1, cap - input->held_len, input->from);
        input->held_len += got;
        if (got == 0)
            break;
    }
    if (ferror(input->from))
        return fault_set(why, STATUS_INVALID, NULL, "what there is cannot be read: %s", strerror(errno));
    input->whole = input->held_len < INPUT_HELD_MAX;
    return STATUS_OK;
}

enum status input_open(struct input *input, const char *path, struct fault *why)
{
    struct stat info;
    *input = (struct input){.start = -1};
    input->from = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (input->from == NULL)
        return fault_set(why, STATUS_INVALID, NULL, "%s cannot be opened: %s", path, strerror(errno));
    if (fstat(fileno(input->from), &info) == 0 && S_ISREG(info.st_mode))
        input->start = ftello(input->from);
    input->whole = input->start >= 0;
    enum status status = input->whole ? STATUS_OK : hold(input, why);
    if (status != STATUS_OK)
        input_close(input);
    return status;
}

void input_close(struct input *input)
{
    if (input->from != NULL && input->from != stdin)
        (void)fclose(input->from);
    free(input->held);
    *input = (struct input){.start = -1};
}

enum status input_begin(struct input *input, struct json_reader *out, struct fault *why)
{
    if (input->start >= 0 && fseeko(input->from, input->start, SEEK_SET) != 0)
        return fault_set(why, STATUS_INVALID, NULL, "the file cannot be read again: %s", strerror(errno));
    bool held_all = input->start < 0 && input->whole;
    *out = (struct json_reader){.from = held_all ? NULL : input->from,
                                .head = slice_of(input->held, input->held_len)};
    return STATUS_OK;
}

/* ---- the check ---------------------------------------------------------------------------------------------------- */

void input_tell(uint64_t line, const struct fault *why)
{
    (void)fflush(stdout);
    if (line == 0 || strncmp(why->text, "line ", 5) == 0)
        (void)cli_fail(why);
    else
        (void)fprintf(stderr, "daftari: line %llu: %s%s%s\n", (unsigned long long)line, why->field,
                      why->field[0] != '\0' ? ": " : "", why->text);
}

/* Whether the message fits into a request. Without a connection that is not known, and is said when it is sent. */
static enum status fits(const struct cli *cli, const char *method, struct slice body, struct fault *why)
{
    static const uint8_t id[DFT_COMMAND_ID_BYTES] = {1};
    struct dft_request *request = NULL;
    struct dft_fault fault = {.status = DFT_OK};
    if (cli->client == NULL)
        return STATUS_OK;
    enum dft_status status = dft_request_new(cli->client, method, &request, &fault);
    if (status == DFT_OK)
        status = dft_request_add(request, id, body.ptr, body.len, &fault);
    dft_request_free(request);
    if (status == DFT_OK)
        return STATUS_OK;
    *why = fault_of(&fault);
    return why->status;
}

static enum status check_object(const struct input_check *check, json_t *object, struct fault *why)
{
    struct input_form form = {.method = NULL};
    struct arena arena;
    struct slice body;
    enum status status = check->prepare(check->context, object, &form, why);
    arena_init(&arena, CLI_ARENA_MAX);
    if (status == STATUS_OK)
        status = message_from_json(form.type, object, check->conversion, &arena, &body, why);
    if (status == STATUS_OK)
        status = fits(check->cli, form.method, body, why);
    arena_done(&arena);
    return status;
}

static void tell_wrong(const struct input_check *check, uint64_t wrong, uint64_t line,
                       const struct fault *why)
{
    if (wrong <= INPUT_WRONG_SHOWN) {
        if (check->wrong != NULL)
            check->wrong(check->context, line, why);
        input_tell(line, why);
    }
}

int input_check(struct input *input, struct input_check *check)
{
    struct fault why = {.status = STATUS_OK};
    struct json_reader reader;
    uint64_t wrong = 0;
    check->count = 0;
    if (input_begin(input, &reader, &why) != STATUS_OK)
        return cli_wrong(&why);
    for (;;) {
        json_t *object = NULL;
        enum status read = json_reader_next(&reader, &object, &why);
        if (read == STATUS_END)
            break;
        check->count++;
        enum status status = read == STATUS_OK ? check_object(check, object, &why) : read;
        json_decref(object);
        if (status == STATUS_INVALID || status == STATUS_TOO_LARGE) {
            tell_wrong(check, ++wrong, reader.line, &why);
        } else if (status != STATUS_OK) {
            json_reader_done(&reader);
            return cli_fail(&why);
        }
        if (read != STATUS_OK) /* where the next object begins is not known */
            break;
    }
    json_reader_done(&reader);
    if (wrong == 0)
        return EXIT_DONE;
    if (wrong > INPUT_WRONG_SHOWN)
        (void)fprintf(stderr, "daftari: and %llu more\n", (unsigned long long)(wrong - INPUT_WRONG_SHOWN));
    (void)fputs("daftari: nothing was sent\n", stderr);
    return EXIT_USAGE;
}

/* ---- ids ----------------------------------------------------------------------------------------------------------- */

enum status line_ids_init(struct line_ids *ids, const char *given, struct fault *why)
{
    struct command_id id;
    *ids = (struct line_ids){.count = 0};
    enum status status = run_command_id(given, ids->run, why);
    memcpy(id.bytes, ids->run, sizeof id.bytes);
    command_id_format(&id, ids->run_text);
    return status;
}

void line_ids_done(struct line_ids *ids)
{
    seen_done(&ids->seen);
}

/* Begins like the id of the run, so that ids that grow with time go on doing so. */
#define RUN_PREFIX 6

static enum status id_from_text(struct line_ids *ids, const struct json_reader *reader,
                                uint8_t out[DFT_COMMAND_ID_BYTES], struct fault *why)
{
    char label[64];
    uint8_t made[DFT_COMMAND_ID_BYTES];
    struct hash hash;
    size_t len = reader->len;
    while (len > 0 && (reader->text[len - 1] == '\n' || reader->text[len - 1] == '\r'))
        len--;
    (void)snprintf(label, sizeof label, "daftari json %s", ids->run_text);
    if (EVP_Digest(reader->text, len, hash.bytes, NULL, EVP_sha256(), NULL) != 1)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    enum status status = seen_command_id(&ids->seen, label, &hash, made, why);
    memcpy(out, ids->run, RUN_PREFIX);
    memcpy(out + RUN_PREFIX, made, DFT_COMMAND_ID_BYTES - RUN_PREFIX);
    return status;
}

enum status line_ids_next(struct line_ids *ids, json_t *object, const struct json_reader *reader,
                          uint8_t out[DFT_COMMAND_ID_BYTES], struct fault *why)
{
    json_t *given = json_object_get(object, "command_id");
    uint64_t index = ids->count++;
    if (given != NULL && !json_is_string(given))
        return fault_set(why, STATUS_INVALID, "command_id", "a UUID as text");
    if (given != NULL) {
        enum status status = run_command_id(json_string_value(given), out, why);
        (void)json_object_del(object, "command_id");
        return status;
    }
    if (index > 0)
        return id_from_text(ids, reader, out, why);
    memcpy(out, ids->run, DFT_COMMAND_ID_BYTES);
    return STATUS_OK;
}

void line_ids_tell(const struct line_ids *ids)
{
    (void)fprintf(
        stderr, "daftari: the same input again with --command-id %s, mended or not, records nothing twice\n",
        ids->run_text);
}
