/* The organisation's statement of the portal: 13 columns, or the seven of customers' and some business exports. Columns are
 * found by name. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/mpesa/mpesa.h"
#include "proto/base/text.h"

static const char *const names[STATEMENT_COLUMNS] = {
    [STATEMENT_RECEIPT] = "Receipt No",     [STATEMENT_COMPLETED] = "Completion Time",
    [STATEMENT_DETAILS] = "Details",        [STATEMENT_STATUS] = "Transaction Status",
    [STATEMENT_PAID_IN] = "Paid In",        [STATEMENT_WITHDRAWN] = "Withdrawn",
    [STATEMENT_BALANCE] = "Balance",        [STATEMENT_REASON] = "Reason Type",
    [STATEMENT_PARTY] = "Other Party Info", [STATEMENT_LINKED] = "Linked Transaction ID",
    [STATEMENT_ACCOUNT] = "A/C No",
};
#define COLUMN_NONE    SIZE_MAX
#define DETAILS_CAP    201u
#define WORDS_CAP      101u
#define LINKED_TEXT    10u /* characters of a receipt today */
#define SHORT_CODE_MIN 5u

struct reading {
    struct statement *statement;
    struct csv_reader *reader;
    size_t at[STATEMENT_COLUMNS]; /* cell of each column */
};

/* ---- the head -------------------------------------------------------------------------------------------------------- */

/* The same name but for case, blanks and a point at the end. */
static bool same_name(const char *cell, const char *name)
{
    char text[64], wanted[64];
    size_t len = 0;
    for (const char *at = cell; *at != '\0' && len + 1 < sizeof text; at++)
        if (*at != ' ' && *at != '.' && *at != '\t')
            text[len++] = *at;
    text[len] = '\0';
    len = 0;
    for (const char *at = name; *at != '\0'; at++)
        if (*at != ' ')
            wanted[len++] = *at;
    wanted[len] = '\0';
    return strlen(text) == len && mpesa_holds(text, wanted);
}

static bool find_columns(struct reading *reading)
{
    for (size_t c = 0; c < STATEMENT_COLUMNS; c++) {
        reading->at[c] = COLUMN_NONE;
        for (size_t i = 0; reading->at[c] == COLUMN_NONE && i < reading->reader->count; i++)
            if (same_name(csv_cell(reading->reader, i), names[c]))
                reading->at[c] = i;
    }
    return reading->at[STATEMENT_RECEIPT] != COLUMN_NONE && reading->at[STATEMENT_COMPLETED] != COLUMN_NONE;
}

/* "Short Code:,600638" or "Short Code: 600638" above the head. */
static void note_short_code(struct reading *reading)
{
    for (size_t i = 0; i < reading->reader->count; i++) {
        const char *cell = csv_cell(reading->reader, i);
        if (!mpesa_holds(cell, "short code") && !mpesa_holds(cell, "shortcode"))
            continue;
        const char *digits = cell + strcspn(cell, "0123456789");
        if (*digits == '\0')
            digits =
                csv_cell(reading->reader, i + 1) + strcspn(csv_cell(reading->reader, i + 1), "0123456789");
        size_t len = strspn(digits, "0123456789");
        if (len < SHORT_CODE_MIN || len >= MPESA_TILL_CAP)
            continue;
        memcpy(reading->statement->short_code, digits, len);
        reading->statement->short_code[len] = '\0';
        return;
    }
}

static enum status read_head(struct reading *reading, struct fault *why)
{
    for (unsigned i = 0; i < STATEMENT_PREAMBLE_MAX; i++) {
        enum status status = csv_next(reading->reader, why);
        if (status == STATUS_END)
            break;
        if (status != STATUS_OK)
            return status;
        if (!find_columns(reading)) {
            note_short_code(reading);
            continue;
        }
        for (size_t c = STATEMENT_DETAILS; c <= STATEMENT_WITHDRAWN; c++)
            if (reading->at[c] == COLUMN_NONE)
                return fault_set(why, STATUS_INVALID, NULL, "line %llu: the statement has no column \"%s\"",
                                 (unsigned long long)reading->reader->line, names[c]);
        return STATUS_OK;
    }
    return fault_set(why, STATUS_INVALID, NULL,
                     "no statement of M-Pesa: there is no row with \"Receipt No.\" and \"Completion Time\"");
}

/* ---- rows ------------------------------------------------------------------------------------------------------------ */

static const char *cell(const struct reading *reading, enum statement_column column)
{
    return reading->at[column] == COLUMN_NONE ? "" : csv_cell(reading->reader, reading->at[column]);
}

static enum status wrong(const struct reading *reading, enum statement_column column, struct fault *why,
                         const char *right)
{
    char text[64];
    mpesa_clean(cell(reading, column), text, sizeof text);
    return fault_set(why, STATUS_INVALID, names[column], "%s, not \"%s\"", right, text);
}

/* Which word of the operator says what it is: charges and the like leave the till, so only those rows are asked. */
static enum statement_what what_of(const struct statement_row *row)
{
    bool in = row->amount > 0;
    bool back = mpesa_holds(row->reason, "reversal") ||
                (row->reason[0] == '\0' && mpesa_holds(row->details, "reversal"));
    if (back && row->linked[0] != '\0')
        return STATEMENT_REVERSE;
    if (in)
        return STATEMENT_IN;
    if (mpesa_holds(row->reason, "charge") || mpesa_holds(row->details, "charge"))
        return STATEMENT_CHARGE;
    if (mpesa_holds(row->reason, "settle") || mpesa_holds(row->details, "settle to bank") ||
        mpesa_holds(row->reason, "to bank") || mpesa_holds(row->details, "funds to bank"))
        return STATEMENT_SETTLE;
    return STATEMENT_OUT;
}

/* The receipt of which a reversal speaks: its own column, else the first word of the details that is one. */
static void find_linked(struct reading *reading, struct statement_row *row)
{
    char text[DETAILS_CAP];
    mpesa_clean(cell(reading, STATEMENT_LINKED), text, sizeof text);
    if (mpesa_receipt(text)) {
        memcpy(row->linked, text, strlen(text) + 1);
        return;
    }
    if (!mpesa_holds(row->reason, "reversal") && !mpesa_holds(row->details, "reversal"))
        return;
    for (const char *at = row->details; *at != '\0';) {
        size_t len = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
        bool digit = strcspn(at, "0123456789") < len;
        if (len == LINKED_TEXT && digit && (at == row->details || at[-1] == ' ')) {
            memcpy(row->linked, at, len);
            row->linked[len] = '\0';
            return;
        }
        at += len != 0 ? len : 1;
    }
}

/* All texts of a row in one piece of memory. */
static bool keep_texts(const struct reading *reading, struct statement_row *row)
{
    char details[DETAILS_CAP], reason[WORDS_CAP], party[DETAILS_CAP], account[WORDS_CAP];
    mpesa_clean(cell(reading, STATEMENT_DETAILS), details, sizeof details);
    mpesa_clean(cell(reading, STATEMENT_REASON), reason, sizeof reason);
    mpesa_clean(cell(reading, STATEMENT_PARTY), party, sizeof party);
    mpesa_clean(cell(reading, STATEMENT_ACCOUNT), account, sizeof account);
    const char *const texts[] = {details, reason, party, account};
    char **const to[] = {&row->details, &row->reason, &row->party, &row->account};
    size_t size = 0;
    for (size_t i = 0; i < 4; i++)
        size += strlen(texts[i]) + 1;
    char *at = malloc(size);
    if (at == NULL)
        return false;
    for (size_t i = 0; i < 4; i++) {
        size_t len = strlen(texts[i]) + 1;
        memcpy(at, texts[i], len);
        *to[i] = at;
        at += len;
    }
    return true;
}

/* A row that moved something. END: it did not, or it is no row. */
static enum status read_row(struct reading *reading, struct statement_row *row, struct fault *why)
{
    int64_t paid_in, withdrawn;
    char text[WORDS_CAP];
    mpesa_clean(cell(reading, STATEMENT_RECEIPT), text, sizeof text);
    const char *completed = cell(reading, STATEMENT_COMPLETED);
    if (mpesa_holds(text, "total") || (text[0] == '\0' && completed[strspn(completed, " ")] == '\0'))
        return STATUS_END;
    for (size_t c = 0; c < STATEMENT_COLUMNS; c++)
        if (!text_valid(slice_text(cell(reading, (enum statement_column)c))))
            return fault_set(why, STATUS_INVALID, names[c],
                             "not UTF-8 text: save the statement as CSV in UTF-8");
    if (!mpesa_receipt(text))
        return wrong(reading, STATEMENT_RECEIPT, why, "a receipt of capital letters and digits");
    memcpy(row->receipt, text, strlen(text) + 1);
    mpesa_clean(cell(reading, STATEMENT_STATUS), text, sizeof text);
    if (!mpesa_holds(text, "completed") || strlen(text) != strlen("completed"))
        return STATUS_END;
    if (!mpesa_time(slice_text(completed), &row->completed))
        return wrong(reading, STATEMENT_COMPLETED, why, "a moment like 2026-10-02 12:30:00");
    if (!mpesa_amount(slice_text(cell(reading, STATEMENT_PAID_IN)), &paid_in) || paid_in < 0)
        return wrong(reading, STATEMENT_PAID_IN, why, "an amount like 1,250.00");
    if (!mpesa_amount(slice_text(cell(reading, STATEMENT_WITHDRAWN)), &withdrawn))
        return wrong(reading, STATEMENT_WITHDRAWN, why, "an amount like -1,250.00");
    if (paid_in != 0 && withdrawn != 0)
        return wrong(reading, STATEMENT_WITHDRAWN, why, "nothing beside what was paid in");
    row->amount = paid_in != 0 ? paid_in : withdrawn < 0 ? withdrawn : -withdrawn;
    const char *balance = cell(reading, STATEMENT_BALANCE);
    row->has_balance = balance[strspn(balance, " ")] != '\0';
    if (!mpesa_amount(slice_text(balance), &row->balance))
        return wrong(reading, STATEMENT_BALANCE, why, "an amount like 1,250.00");
    return row->amount == 0 ? STATUS_END : STATUS_OK;
}

static enum status add_row(struct statement *statement, const struct statement_row *row, struct fault *why)
{
    if (statement->count == STATEMENT_ROWS_MAX)
        return fault_set(why, STATUS_INVALID, NULL, "more than %u rows: give the statement in parts",
                         STATEMENT_ROWS_MAX);
    if (statement->count == statement->cap) {
        size_t cap = statement->cap == 0 ? 256 : 2 * statement->cap;
        struct statement_row *larger = realloc(statement->rows, cap * sizeof *larger);
        if (larger == NULL)
            return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
        statement->rows = larger;
        statement->cap = cap;
    }
    statement->rows[statement->count] = *row;
    statement->rows[statement->count].order = (uint32_t)statement->count;
    statement->count++;
    return STATUS_OK;
}

static enum status take_row(struct reading *reading, struct fault *why)
{
    struct statement *statement = reading->statement;
    struct statement_row row = {.line = reading->reader->line};
    struct fault inner = {.status = STATUS_OK};
    enum status status = read_row(reading, &row, &inner);
    if (status == STATUS_END) {
        statement->passed++;
        return STATUS_OK;
    }
    if (status != STATUS_OK) {
        if (statement->wrong++ < STATEMENT_WRONG_SHOWN && statement->tell != NULL)
            statement->tell(row.line, &inner);
        return STATUS_OK;
    }
    if (!keep_texts(reading, &row))
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    find_linked(reading, &row);
    row.what = what_of(&row);
    status = add_row(statement, &row, why);
    if (status != STATUS_OK)
        free(row.details);
    return status;
}

/* ---- order ------------------------------------------------------------------------------------------------------------ */

static int by_time(const void *a, const void *b)
{
    const struct statement_row *left = a, *right = b;
    if (left->completed != right->completed)
        return left->completed < right->completed ? -1 : 1;
    return left->order < right->order ? -1 : 1;
}

/* Files begin with the newest row; what has the same moment happened in the reverse of their order. */
static void sort(struct statement *statement)
{
    size_t count = statement->count;
    bool newest_first = count != 0 && statement->rows[0].completed >= statement->rows[count - 1].completed;
    for (size_t i = 0; newest_first && i < count; i++)
        statement->rows[i].order = (uint32_t)(count - 1 - i);
    if (count != 0)
        qsort(statement->rows, count, sizeof statement->rows[0], by_time);
}

enum status statement_read(struct statement *statement, struct csv_reader *reader, struct fault *why)
{
    struct reading reading = {.statement = statement, .reader = reader};
    enum status status = read_head(&reading, why);
    while (status == STATUS_OK) {
        status = csv_next(reader, why);
        if (status == STATUS_OK)
            status = take_row(&reading, why);
    }
    if (status != STATUS_END)
        return status;
    sort(statement);
    return STATUS_OK;
}

enum status statement_tie(const struct statement *statement, bool *out_known, int64_t *out_opening,
                          int64_t *out_closing, struct fault *why)
{
    bool known = false;
    int64_t opening = 0, now = 0;
    for (size_t i = 0; i < statement->count; i++) {
        const struct statement_row *row = &statement->rows[i];
        char is[AMOUNT_TEXT_MAX], wanted[AMOUNT_TEXT_MAX];
        int64_t before = known ? now : row->balance;
        if (!known && !row->has_balance)
            return fault_set(why, STATUS_INVALID, NULL, "line %llu: %s: the first row tells no balance",
                             (unsigned long long)row->line, names[STATEMENT_BALANCE]);
        if (!amount_add(before, known ? row->amount : -row->amount, &before))
            return fault_set(why, STATUS_INVALID, NULL, "line %llu: the amounts pass 18 digits",
                             (unsigned long long)row->line);
        if (!known)
            opening = before;
        now = known ? before : row->balance;
        known = true;
        if (!row->has_balance || row->balance == now)
            continue;
        (void)amount_format_grouped(row->balance, MPESA_SCALE, is);
        (void)amount_format_grouped(now, MPESA_SCALE, wanted);
        return fault_set(why, STATUS_INVALID, NULL,
                         "line %llu: %s: %s, but the rows before it come to %s: a row is missing or changed",
                         (unsigned long long)row->line, names[STATEMENT_BALANCE], is, wanted);
    }
    *out_known = known;
    *out_opening = opening;
    *out_closing = now;
    return STATUS_OK;
}

/* ---- commands ---------------------------------------------------------------------------------------------------------- */

static void set_text(json_t *body, const char *name, const char *text)
{
    if (text[0] != '\0')
        (void)json_object_set_new(body, name, json_string(text));
}

static void set_amount(json_t *body, const char *name, int64_t minor)
{
    char text[AMOUNT_TEXT_MAX];
    (void)amount_format(minor, MPESA_SCALE, text);
    (void)json_object_set_new(body, name, json_string(text));
}

struct daraja_said statement_said(const struct statement_row *row, const char *till)
{
    static const char *const methods[] = {
        [STATEMENT_IN] = "Mpesa.Confirm",      [STATEMENT_OUT] = "Mpesa.PayOut",
        [STATEMENT_CHARGE] = "Mpesa.Charge",   [STATEMENT_SETTLE] = "Mpesa.Settle",
        [STATEMENT_REVERSE] = "Mpesa.Reverse",
    };
    char phone[MPESA_PHONE_CAP], name[MPESA_NAME_CAP], time[TIME_TEXT_MAX];
    json_t *body = json_object();
    mpesa_party(row->party, phone, name);
    (void)timestamp_format(row->completed, time);
    set_text(body, "till", till);
    set_text(body, "receipt", row->receipt);
    set_amount(body, "amount", row->amount < 0 ? -row->amount : row->amount);
    set_text(body, "completed_time", time);
    set_text(body, "reference", row->account);
    set_text(body, "payer_phone", phone);
    set_text(body, "payer_name", name);
    set_text(body, "kind", row->reason);
    set_text(body, "details", row->details);
    if (row->has_balance)
        set_amount(body, "balance", row->balance);
    if (row->what == STATEMENT_REVERSE)
        set_text(body, "original", row->linked);
    set_text(body, "source", "statement");
    return (struct daraja_said){.method = methods[row->what], .body = body};
}

void statement_done(struct statement *statement)
{
    for (size_t i = 0; i < statement->count; i++)
        free(statement->rows[i].details);
    free(statement->rows);
    *statement = (struct statement){.rows = NULL};
}
