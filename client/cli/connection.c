/* The connection of one run of the command, and what it learns once: currencies, the books' date. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "books.pb-c.h"
#include "client/cli/cli.h"
#include "proto/base/money.h"
#include "proto/base/text.h"

#define CONNECT_MS_MAX 10000 /* as libdaftari has it */

struct fault fault_of(const struct dft_fault *fault)
{
    struct fault out = {.status = (enum status)fault->status, .reason = fault->reason};
    path_short(fault->field, out.field, sizeof out.field);
    memcpy(out.text, fault->text, sizeof out.text);
    return out;
}

int exit_of(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return EXIT_DONE;
    case STATUS_INVALID:
    case STATUS_NOT_FOUND:
    case STATUS_REFUSED:
    case STATUS_KEY_REUSED:
    case STATUS_TOO_LARGE:
    case STATUS_UNKNOWN_METHOD:
        return EXIT_REFUSED;
    case STATUS_DENIED:
    case STATUS_UNAUTHENTICATED:
        return EXIT_DENIED;
    case STATUS_ROLLED_BACK:
        return EXIT_ROLLED_BACK;
    default:
        return EXIT_SERVER;
    }
}

int cli_fail(const struct fault *why)
{
    const char *text = why->text[0] != '\0' ? why->text : status_text(why->status);
    char field[FAULT_FIELD_MAX];
    path_short(why->field, field, sizeof field);
    (void)fprintf(stderr, "daftari: %s%s%s\n", field, field[0] != '\0' ? ": " : "", text);
    if (why->status == STATUS_UNAUTHENTICATED)
        (void)fputs("daftari: log in with: daftari log-in --email YOU@EXAMPLE.COM\n", stderr);
    if (why->status == STATUS_ROLLED_BACK)
        (void)fputs(
            "daftari: the server's books are not the ones seen before, or records were taken away. Both "
            "signed\n"
            "daftari: checkpoints were kept as evidence beside that file; tell your auditor. Only when the "
            "books\n"
            "daftari: were rightly set up anew, remove it.\n",
            stderr);
    return exit_of(why->status);
}

int cli_no_connection(const struct fault *why)
{
    int code = cli_fail(why);
    return why->status == STATUS_INVALID ? EXIT_USAGE : code;
}

int cli_wrong(const struct fault *why)
{
    (void)cli_fail(why);
    return EXIT_USAGE;
}

enum status cli_unshown(struct fault *why)
{
    return ferror(stdout) != 0 ? STATUS_OK
                               : fault_set(why, STATUS_NO_MEMORY, NULL, "no memory to show the answer");
}

int cli_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fputs("daftari: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputs("\n", stderr);
    va_end(args);
    return EXIT_USAGE;
}

enum status cli_connect(struct cli *cli, struct fault *why)
{
    if (cli->client != NULL)
        return STATUS_OK;
    if (cli->server == NULL)
        return fault_set(why, STATUS_INVALID, NULL,
                         "which server? Give --server HOST:PORT or set DAFTARI_SERVER");
    char checkpoint[CLI_PATH_MAX];
    enum status status = settings_path(cli, "checkpoint", true, checkpoint, why);
    if (status != STATUS_OK)
        return status;
    uint8_t token[DFT_TOKEN_BYTES_MAX];
    size_t token_len = 0;
    struct dft_options options = {
        .server = cli->server,
        .host_name = cli->host_name,
        .ca_file = cli->ca_file,
        .certificate_file = cli->certificate_file,
        .key_file = cli->key_file,
        .checkpoint_file = checkpoint,
        .agent = "daftari/" DAFTARI_VERSION,
        .device = cli->device,
        .call_timeout_ms = cli->timeout_ms,
        /* who waits a second for an answer waits no longer for the connection; 0 = the default */
        .connect_timeout_ms = cli->timeout_ms < CONNECT_MS_MAX ? cli->timeout_ms : 0,
    };
    if (session_load(cli, token, &token_len)) {
        options.session_token = token;
        options.session_token_len = token_len;
    }
    struct dft_fault fault = {.status = DFT_OK};
    struct dft_client *client = NULL;
    enum dft_status connected = dft_client_new(&client, &options, &fault);
    if (connected == DFT_OK)
        connected = dft_connect(client, &fault);
    explicit_bzero(token, sizeof token);
    if (connected != DFT_OK) {
        dft_client_free(client);
        *why = fault_of(&fault);
        if (connected == DFT_ROLLED_BACK)
            (void)fprintf(
                stderr, "daftari: what was seen before is in %s, with what is shown now in %s.rolled-back\n",
                checkpoint, checkpoint);
        return why->status;
    }
    cli->client = client;
    return STATUS_OK;
}

void cli_currencies_forget(struct cli *cli)
{
    free(cli->currencies);
    cli->currencies = NULL;
    cli->currency_count = 0;
}

static enum status currency_keep(struct cli *cli, const struct dft_answer *part, struct fault *why)
{
    struct arena arena;
    arena_init(&arena, CLI_ARENA_MAX);
    Daftari__V1__CurrencyInfo *info =
        daftari__v1__currency_info__unpack(arena_allocator(&arena), part->body_len, part->body);
    enum status status = STATUS_OK;
    struct cli_currency *grown = NULL;
    if (info == NULL || info->code == NULL || strlen(info->code) >= sizeof grown->code ||
        info->scale > CURRENCY_SCALE_MAX || cli->currency_count >= CLI_CURRENCIES_MAX)
        status = fault_set(why, STATUS_CORRUPT, NULL, "the server's list of currencies is not understood");
    if (status == STATUS_OK)
        grown = realloc(cli->currencies, (cli->currency_count + 1) * sizeof *grown);
    if (status == STATUS_OK && grown == NULL)
        status = fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    if (status == STATUS_OK) {
        cli->currencies = grown;
        struct cli_currency *currency = &grown[cli->currency_count++];
        (void)snprintf(currency->code, sizeof currency->code, "%s", info->code);
        currency->scale = info->scale;
        if (info->number == 1 && cli->currency_count > 1) { /* the base stands first */
            struct cli_currency first = grown[0];
            grown[0] = *currency;
            *currency = first;
        }
    }
    arena_done(&arena);
    return status;
}

/* Keeps the list for a day without a connection, when it is not the one kept already. A list that cannot be kept is no
 * reason to fail what is being done: an outbox that needs it later says so. */
static void currencies_remember(struct cli *cli)
{
    char path[CLI_PATH_MAX];
    struct fault why = {.status = STATUS_OK};
    char *before = NULL;
    size_t before_len = 0;
    json_t *list = json_array();
    for (size_t i = 0; i < cli->currency_count; i++)
        (void)json_array_append_new(list, json_pack("{s:s, s:i}", "code", cli->currencies[i].code, "scale",
                                                    (int)cli->currencies[i].scale));
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    if (text != NULL && settings_path(cli, "currencies", true, path, &why) == STATUS_OK &&
        (file_read_all(path, CLI_CURRENCIES_BYTES_MAX, true, &before, &before_len, &why) != STATUS_OK ||
         strcmp(before, text) != 0))
        (void)!file_write_secret(path, text, &why);
    free(before);
    free(text);
}

enum dft_status cli_stream_open(struct cli *cli, const char *method, struct slice body, uint32_t credit,
                                uint32_t timeout_ms, struct dft_stream **out, struct dft_fault *fault)
{
    enum dft_status result =
        dft_stream_open(cli->client, method, body.ptr, body.len, credit, timeout_ms, out, fault);
    if (result == DFT_OK && (cli->at_least > 0 || cli->takes_earlier))
        dft_stream_at_least(*out, cli->at_least);
    return result;
}

bool cli_takes_earlier(struct cli *cli, const struct fault *why)
{
    if (why->status != STATUS_STALE || strcmp(why->field, "at_least_position") != 0 || cli->at_least > 0 ||
        cli->takes_earlier)
        return false;
    (void)fprintf(stderr,
                  "daftari: the server has no room to go on: this leaves out the latest records (%s)\n",
                  why->text);
    cli->takes_earlier = true;
    return true;
}

static enum status currencies_ask(struct cli *cli, struct fault *why)
{
    enum status status = cli_connect(cli, why);
    if (status != STATUS_OK)
        return status;
    struct dft_stream *stream = NULL;
    struct dft_fault fault = {.status = DFT_OK};
    enum dft_status result =
        cli_stream_open(cli, "Currency.List", slice_of(NULL, 0), 0, cli->timeout_ms, &stream, &fault);
    while (result == DFT_OK && status == STATUS_OK) {
        struct dft_answer part;
        result = dft_stream_next(stream, DFT_FOREVER, &part, &fault);
        if (result == DFT_OK)
            status = currency_keep(cli, &part, why);
    }
    dft_stream_close(stream);
    if (status == STATUS_OK && result == DFT_END)
        currencies_remember(cli);
    if (status != STATUS_OK || result == DFT_END)
        return status;
    *why = fault_of(&fault);
    return cli_takes_earlier(cli, why) ? STATUS_AGAIN : why->status;
}

enum status cli_currencies_read(struct cli *cli, const char *path, struct fault *why)
{
    json_t *list = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    size_t count = json_array_size(list);
    struct cli_currency *currencies =
        count > 0 && count <= CLI_CURRENCIES_MAX ? calloc(count, sizeof *currencies) : NULL;
    bool good = currencies != NULL;
    for (size_t i = 0; good && i < count; i++) {
        const char *code = json_string_value(json_object_get(json_array_get(list, i), "code"));
        json_int_t scale = json_integer_value(json_object_get(json_array_get(list, i), "scale"));
        good = code != NULL && strlen(code) < sizeof currencies[i].code && scale >= 0 &&
               scale <= CURRENCY_SCALE_MAX;
        if (good) {
            (void)snprintf(currencies[i].code, sizeof currencies[i].code, "%s", code);
            currencies[i].scale = (uint32_t)scale;
        }
    }
    json_decref(list);
    if (!good) {
        free(currencies);
        return fault_set(
            why, STATUS_UNAVAILABLE, NULL,
            "the server cannot be reached and its currencies are not known here yet: log in once");
    }
    cli_currencies_forget(cli);
    cli->currencies = currencies;
    cli->currency_count = count;
    return STATUS_OK;
}

enum status cli_scale(void *context, const char *code, uint32_t *out_scale, struct fault *why)
{
    struct cli *cli = context;
    struct fault inner = {.status = STATUS_OK};
    enum status asked = cli->currency_count == 0 ? currencies_ask(cli, &inner) : STATUS_OK;
    if (asked == STATUS_AGAIN)
        asked = currencies_ask(cli, &inner);
    if (asked != STATUS_OK) {
        if (why != NULL)
            *why = inner;
        return inner.status;
    }
    for (size_t i = 0; i < cli->currency_count; i++) {
        if (code == NULL || code[0] == '\0' || strcmp(cli->currencies[i].code, code) == 0) {
            *out_scale = cli->currencies[i].scale;
            return STATUS_OK;
        }
    }
    return fault_set(why, STATUS_NOT_FOUND, "currency", "no currency %s is defined",
                     code != NULL ? code : "");
}

void cli_know_today(struct cli *cli)
{
    if (cli->today_known || cli->client == NULL)
        return;
    uint8_t *body = NULL;
    size_t len = 0;
    cli->today_known = true;
    if (dft_query(cli->client, "Books.Show", NULL, 0, &body, &len, NULL) != DFT_OK)
        return; /* this machine's own date stays */
    struct arena arena;
    arena_init(&arena, CLI_ARENA_MAX);
    Daftari__V1__BooksInfo *info = daftari__v1__books_info__unpack(arena_allocator(&arena), len, body);
    if (info != NULL && date_valid(info->today_date))
        cli->conversion.today = info->today_date;
    if (info != NULL && info->utc_offset_minutes >= -1440 && info->utc_offset_minutes <= 1440)
        cli->conversion.utc_offset_minutes = info->utc_offset_minutes;
    arena_done(&arena);
    free(body);
}

const struct conversion *cli_conversion(struct cli *cli)
{
    cli->conversion.scale = cli_scale;
    cli->conversion.scale_context = cli;
    if (cli->conversion.today == 0) {
        time_t now = time(NULL);
        struct tm local;
        if (localtime_r(&now, &local) != NULL)
            cli->conversion.today =
                (civil_date)((local.tm_year + 1900) * 10000 + (local.tm_mon + 1) * 100 + local.tm_mday);
    }
    return &cli->conversion;
}
