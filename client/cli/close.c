/* daftari period close --all-before: months close in order, and books whose first date is long ago have many of them. */
#include <string.h>

#include "client/cli/cli.h"
#include "proto/base/date.h"

#include "period.pb-c.h"

#define ALL_BEFORE "--all-before"
#define MONTH_TEXT 8 /* "2026-10" and the NUL */

bool period_all_before(const struct method *method, int *argc, char **argv)
{
    int kept = 0;
    bool found = false;
    if (strcmp(method->name, "Period.Close") != 0 && strcmp(method->name, "Period.SoftClose") != 0)
        return false;
    for (int i = 0; i < *argc; i++) {
        bool it = strcmp(argv[i], ALL_BEFORE) == 0;
        found = found || it;
        if (!it)
            argv[kept++] = argv[i];
    }
    *argc = kept;
    return found;
}

struct closing {
    uint32_t first, last; /* months as YYYYMM */
    uint64_t sent, done;
    struct fault why; /* of the first that was refused */
    uint32_t refused;
};

static void month_text(uint32_t month, char out[MONTH_TEXT])
{
    (void)snprintf(out, MONTH_TEXT, "%04u-%02u", month / 100 % 10000, month % 100);
}

static uint32_t month_after(uint32_t month)
{
    return month % 100 == 12 ? month + 89 : month + 1;
}

static void answered(const struct batcher_answer *answer, void *context)
{
    struct closing *closing = context;
    if (answer->recorded != NULL) {
        closing->done++;
        closing->first = closing->first == 0 ? (uint32_t)answer->line : closing->first;
        closing->last = (uint32_t)answer->line;
    } else if (closing->refused == 0) {
        closing->refused = (uint32_t)answer->line; /* those after it are refused for its sake */
        closing->why = fault_of(answer->fault);
    }
}

static enum status ask(struct cli *cli, const char *name, json_t **out, struct fault *why)
{
    struct method method;
    if (!method_by_name(name, &method))
        return fault_set(why, STATUS_UNKNOWN_METHOD, NULL, "no method %s", name);
    return run_items(cli, &method, slice_of(NULL, 0), out, why);
}

/* The month in which the books begin, and which months need nothing any more: "2026-10" -> true. */
static enum status months_of(struct cli *cli, bool soft, uint32_t *out_first, json_t *done, struct fault *why)
{
    json_t *items = NULL, *item;
    size_t index;
    civil_date first = 0;
    enum status status = ask(cli, "Books.Show", &items, why);
    if (status != STATUS_OK)
        return status;
    const char *text = json_string_value(json_object_get(json_array_get(items, 0), "first_date"));
    if (text == NULL || date_parse(slice_text(text), &first, NULL) != STATUS_OK)
        status = fault_set(why, STATUS_CORRUPT, NULL, "the books do not say when they begin");
    json_decref(items);
    items = NULL;
    if (status == STATUS_OK)
        status = ask(cli, "Period.List", &items, why);
    json_array_foreach(items, index, item)
    {
        const char *state = json_string_value(json_object_get(item, "state"));
        const char *month = json_string_value(json_object_get(item, "month"));
        if (state != NULL && month != NULL &&
            (strcmp(state, "closed") == 0 || (soft && strcmp(state, "soft closed") == 0)))
            (void)json_object_set_new(done, month, json_true());
    }
    json_decref(items);
    *out_first = first / 100;
    return status;
}

static enum status close_one(struct cli *cli, struct batcher *batcher, const struct method *method,
                             json_t *object, uint32_t month, struct fault *why)
{
    struct arena arena;
    struct slice body;
    char text[MONTH_TEXT];
    uint8_t id[DFT_COMMAND_ID_BYTES];
    month_text(month, text);
    dft_command_id_new(id);
    (void)json_object_set_new(object, "month", json_string(text));
    arena_init(&arena, CLI_ARENA_MAX);
    enum status status =
        message_from_json(method->row->input, object, cli_conversion(cli), &arena, &body, why);
    if (status == STATUS_OK)
        status = batcher_add(batcher, method->name, id, body, month, why);
    arena_done(&arena);
    return status;
}

static enum status close_all(struct cli *cli, const struct method *method, json_t *object, uint32_t last,
                             struct closing *closing, struct fault *why)
{
    json_t *done = json_object();
    uint32_t month = 0;
    struct batcher *batcher = batcher_new(cli, answered, closing);
    cli_know_today(cli);
    enum status status = batcher != NULL ? STATUS_OK : fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    if (status == STATUS_OK)
        status = months_of(cli, strcmp(method->name, "Period.SoftClose") == 0, &month, done, why);
    bool over = last < cli_conversion(cli)->today / 100; /* else nothing is closed: the books say why */
    for (; status == STATUS_OK && over && month <= last && closing->refused == 0;
         month = month_after(month)) {
        char text[MONTH_TEXT];
        month_text(month, text);
        if (json_object_get(done, text) != NULL && month != last)
            continue;
        closing->sent++;
        status = close_one(cli, batcher, method, object, month, why);
    }
    if (status == STATUS_OK && closing->sent == 0) /* not over, or before the books: they say so */
        status = close_one(cli, batcher, method, object, last, why);
    if (status == STATUS_OK)
        status = batcher_finish(batcher, why);
    batcher_free(batcher);
    json_decref(done);
    return status;
}

static void show(const struct cli *cli, const struct closing *closing)
{
    char from[MONTH_TEXT] = "", to[MONTH_TEXT] = "";
    unsigned long long count = closing->done;
    if (count > 0) {
        month_text(closing->first, from);
        month_text(closing->last, to);
    }
    if (cli->output == OUTPUT_JSON)
        (void)printf("{\"closed\": %llu, \"from\": \"%s\", \"to\": \"%s\"}\n", count, from, to);
    else if (cli->output == OUTPUT_CSV)
        (void)printf("closed,from,to\r\n%llu,%s,%s\r\n", count, from, to);
    else if (count > 0)
        (void)printf("%llu months closed, %s to %s\n", count, from, to);
}

/* The month that was given, whatever way it was written. 0: none. */
static enum status month_given(struct cli *cli, const struct method *method, json_t *object, uint32_t *out,
                               struct fault *why)
{
    struct arena arena;
    struct slice body;
    arena_init(&arena, CLI_ARENA_MAX);
    enum status status =
        message_from_json(method->row->input, object, cli_conversion(cli), &arena, &body, why);
    if (status == STATUS_OK) { /* the month is the same field of both messages */
        const Daftari__V1__ClosePeriod *period =
            daftari__v1__close_period__unpack(arena_allocator(&arena), body.len, body.ptr);
        *out = period != NULL ? period->month : 0;
        if (*out > DATE_MAX / 100 || !date_valid(*out * 100 + 1))
            status = fault_set(why, STATUS_INVALID, "month", "a month such as 2026-10");
    }
    arena_done(&arena);
    return status;
}

int period_close_all(struct cli *cli, const struct method *method, json_t *object)
{
    struct closing closing = {.refused = 0};
    struct fault why = {.status = STATUS_OK};
    uint32_t last = 0;
    char month[MONTH_TEXT];
    if (cli->json_path != NULL || cli->command_id_text != NULL)
        return cli_usage(ALL_BEFORE " closes many months, each under an id of its own: give --month");
    enum status status = month_given(cli, method, object, &last, &why);
    if (status != STATUS_OK)
        return cli_wrong(&why);
    status = close_all(cli, method, object, last, &closing, &why);
    show(cli, &closing);
    if (status != STATUS_OK)
        return cli_fail(&why);
    if (closing.refused == 0)
        return EXIT_DONE;
    month_text(closing.refused, month);
    (void)fprintf(stderr, "daftari: %s is not closed, nor is any month after it\n", month);
    return cli_fail(&closing.why);
}
