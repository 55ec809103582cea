/* The account of a till compared with a statement, line by line: Reconciliation.Start, AddLines, Match, Complete. Where the
 * statement begins is where the one before it ended. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/import/journal.h"
#include "client/cli/mpesa/mpesa.h"

#define LINES_MAX       500u /* of one command */
#define NAIROBI_MINUTES 180

struct reconciling {
    struct cli *cli;
    const struct statement *statement;
    const char *till;
    json_int_t account;
    const char *business; /* borrowed from `tills` */
    json_t *tills;
    json_t *told; /* what M-Pesa told of the till: Mpesa.List */
    uint64_t position;
    uint64_t matched, open;
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static enum status command(struct reconciling *all, const char *name, json_t *object, uint64_t *out_position,
                           struct fault *why)
{
    struct method method;
    struct arena arena;
    struct slice body = slice_of(NULL, 0);
    struct dft_recorded recorded;
    struct dft_fault fault = {.status = DFT_OK};
    uint8_t id[DFT_COMMAND_ID_BYTES];
    if (!method_by_name(name, &method))
        return fault_set(why, STATUS_UNKNOWN_METHOD, NULL, "no method %s", name);
    arena_init(&arena, CLI_ARENA_MAX);
    enum status status =
        message_from_json(method.row->input, object, cli_conversion(all->cli), &arena, &body, why);
    dft_command_id_new(id);
    if (status == STATUS_OK &&
        dft_command(all->cli->client, name, id, body.ptr, body.len, &recorded, &fault) != DFT_OK) {
        *why = fault_of(&fault);
        status = why->status;
    }
    if (status == STATUS_OK && out_position != NULL)
        *out_position = recorded.position;
    arena_done(&arena);
    return status;
}

static json_t *amount_of(int64_t minor)
{
    char text[AMOUNT_TEXT_MAX];
    (void)amount_format(minor, MPESA_SCALE, text);
    return json_string(text);
}

static json_t *date_of(timestamp_us moment)
{
    char text[DATE_TEXT_MAX];
    (void)date_format(date_of_timestamp(moment, NAIROBI_MINUTES), text);
    return json_string(text);
}

static enum status find_till(struct reconciling *all, struct fault *why)
{
    json_t *query = json_object();
    size_t index;
    json_t *row;
    enum status status = import_ask(all->cli, "Till.List", query, &all->tills, why);
    json_decref(query);
    json_array_foreach(all->tills, index, row)
    {
        if (strcmp(text_of(row, "number"), all->till) != 0)
            continue;
        all->account = json_integer_value(json_object_get(row, "account"));
        all->business = text_of(row, "business");
        return status;
    }
    return status != STATUS_OK ? status
                               : fault_set(why, STATUS_INVALID, "till", "there is no till %s", all->till);
}

/* The last one by statement of this account that was not set aside: it ended where this one begins. */
static enum status find_last(struct reconciling *all, json_t **out, struct fault *why)
{
    size_t index;
    json_t *row, *items = NULL;
    json_t *query = json_pack("{s:I}", "account", all->account);
    enum status status = import_ask(all->cli, "Reconciliation.List", query, &items, why);
    json_decref(query);
    *out = NULL;
    json_array_foreach(items, index, row)
    {
        if (!json_is_true(json_object_get(row, "by_statement")) ||
            strcmp(text_of(row, "business"), all->business) != 0 ||
            strcmp(text_of(row, "state"), "reopened") == 0)
            continue;
        json_decref(*out);
        *out = json_incref(row);
    }
    json_decref(items);
    return status;
}

static enum status start(struct reconciling *all, int64_t opening, int64_t closing, struct fault *why)
{
    const struct statement *statement = all->statement;
    json_t *last = NULL;
    int64_t before = 0;
    json_t *object = json_object();
    enum status status = find_last(all, &last, why);
    (void)json_object_set_new(object, "account", json_integer(all->account));
    (void)json_object_set_new(object, "business", json_string(all->business));
    (void)json_object_set_new(object, "as_at", date_of(statement->rows[statement->count - 1].completed));
    (void)json_object_set_new(object, "external_balance", amount_of(closing));
    (void)json_object_set_new(object, "notes", json_string("M-Pesa statement"));
    if (status == STATUS_OK && last == NULL) {
        (void)json_object_set_new(object, "from", date_of(statement->rows[0].completed));
        (void)json_object_set_new(object, "opening_balance", amount_of(opening));
    } else if (status == STATUS_OK &&
               amount_parse(slice_text(text_of(last, "external_balance")), MPESA_SCALE, &before, why) ==
                   STATUS_OK &&
               before != opening) {
        char is[AMOUNT_TEXT_MAX], wanted[AMOUNT_TEXT_MAX];
        (void)amount_format_grouped(opening, MPESA_SCALE, is);
        (void)amount_format_grouped(before, MPESA_SCALE, wanted);
        status = fault_set(why, STATUS_REFUSED, NULL,
                           "the statement begins at %s, and the one before it ended at %s on %s: one between "
                           "them is missing, or a part of this one was given before",
                           is, wanted, text_of(last, "as_at"));
    }
    if (status == STATUS_OK)
        status = command(all, "Reconciliation.Start", object, &all->position, why);
    json_decref(object);
    json_decref(last);
    return status;
}

static json_t *line_of(const struct statement_row *row)
{
    char text[201];
    mpesa_clean(row->reason[0] != '\0' ? row->reason : row->details, text, sizeof text);
    return json_pack("{s:o, s:s, s:s*, s:o}", "date", date_of(row->completed), "reference", row->receipt,
                     "description", text[0] != '\0' ? text : NULL, "amount", amount_of(row->amount));
}

static enum status add_lines(struct reconciling *all, struct fault *why)
{
    const struct statement *statement = all->statement;
    enum status status = STATUS_OK;
    for (size_t at = 0; status == STATUS_OK && at < statement->count;) {
        json_t *lines = json_array();
        for (; at < statement->count && json_array_size(lines) < LINES_MAX; at++)
            (void)json_array_append_new(lines, line_of(&statement->rows[at]));
        json_t *object = json_pack("{s:I, s:o}", "reconciliation", (json_int_t)all->position, "lines", lines);
        status = command(all, "Reconciliation.AddLines", object, NULL, why);
        json_decref(object);
    }
    return status;
}

/* "RECEIPT amount" -> positions that moved it: the document or the telling. */
static enum status learn_told(struct reconciling *all, struct fault *why)
{
    size_t index;
    json_t *row, *items = NULL;
    json_t *query = json_pack("{s:s}", "till", all->till);
    enum status status = import_ask(all->cli, "Mpesa.List", query, &items, why);
    json_decref(query);
    all->told = json_object();
    json_array_foreach(items, index, row)
    {
        char key[64];
        (void)snprintf(key, sizeof key, "%.20s %.40s", text_of(row, "receipt"), text_of(row, "amount"));
        json_t *there = json_object_get(all->told, key);
        if (there == NULL) {
            (void)json_object_set_new(all->told, key, json_array());
            there = json_object_get(all->told, key);
        }
        (void)json_array_append(there, json_object_get(row, "booked"));
    }
    json_decref(items);
    return status;
}

/* An open line that nothing fits stays open, and is part of what the reconciliation shows. */
static enum status match_line(struct reconciling *all, const json_t *line, struct fault *why)
{
    char key[64];
    struct fault inner = {.status = STATUS_OK};
    (void)snprintf(key, sizeof key, "%.20s %.40s", text_of(line, "reference"), text_of(line, "amount"));
    json_t *positions = json_object_get(all->told, key);
    enum status status = STATUS_REFUSED;
    for (size_t i = 0; status == STATUS_REFUSED && i < json_array_size(positions); i++) {
        json_t *object = json_pack("{s:I, s:O, s:O}", "reconciliation", (json_int_t)all->position, "line",
                                   json_object_get(line, "line"), "position", json_array_get(positions, i));
        status = command(all, "Reconciliation.Match", object, NULL, &inner);
        json_decref(object);
    }
    all->matched += status == STATUS_OK;
    all->open += status == STATUS_REFUSED;
    if (status == STATUS_OK || status == STATUS_REFUSED)
        return STATUS_OK;
    *why = inner;
    return status;
}

static enum status match_lines(struct reconciling *all, struct fault *why)
{
    size_t index;
    json_t *line, *lines = NULL;
    json_t *query =
        json_pack("{s:I, s:s, s:s}", "account", all->account, "business", all->business, "state", "open");
    enum status status = learn_told(all, why);
    if (status == STATUS_OK)
        status = import_ask(all->cli, "Reconciliation.Lines", query, &lines, why);
    json_decref(query);
    json_array_foreach(lines, index, line)
    {
        if (status == STATUS_OK)
            status = match_line(all, line, why);
    }
    json_decref(lines);
    return status;
}

static enum status complete(struct reconciling *all, struct fault *why)
{
    json_t *last = NULL;
    json_t *object = json_pack("{s:I}", "reconciliation", (json_int_t)all->position);
    enum status status = command(all, "Reconciliation.Complete", object, NULL, why);
    json_decref(object);
    if (status == STATUS_OK)
        status = find_last(all, &last, why);
    if (status == STATUS_OK && last != NULL && all->cli->output == OUTPUT_JSON) {
        (void)json_dumpf(last, stdout, JSON_COMPACT);
        (void)fputc('\n', stdout);
    } else if (status == STATUS_OK && last != NULL) {
        (void)printf("till %s at %s: statement %s, books %s; %llu lines matched, %llu open (%s); %s\n",
                     all->till, text_of(last, "as_at"), text_of(last, "external_balance"),
                     text_of(last, "system_balance"), (unsigned long long)all->matched,
                     (unsigned long long)all->open, text_of(last, "open_lines"), text_of(last, "state"));
    }
    json_decref(last);
    return status;
}

enum status mpesa_reconcile(struct cli *cli, const struct statement *statement, const char *till,
                            int64_t opening, int64_t closing, struct fault *why)
{
    struct reconciling all = {.cli = cli, .statement = statement, .till = till};
    enum status status = find_till(&all, why);
    if (status == STATUS_OK)
        status = start(&all, opening, closing, why);
    if (status == STATUS_OK)
        status = add_lines(&all, why);
    if (status == STATUS_OK)
        status = match_lines(&all, why);
    if (status == STATUS_OK)
        status = complete(&all, why);
    json_decref(all.tills);
    json_decref(all.told);
    return status;
}
