/* The books as a whole: opening them, currencies, document series, transaction types. Reading order: books.c (commands
 * and what they write), queries.c, capability.c. */
#include "server/domain/books/books.h"

#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "type_ids.h"

#define CURRENCY_CODE_MAX 24u
#define UTC_OFFSET_MAX    840 /* minutes: 14 hours, the farthest time zone there is */

/* Types that the books have from the start: the default, and those that only their own operation writes. */
static const struct built_in_type {
    const char *code, *name, *description;
} built_in_types[] = {
    {"GEN", "General", "entries of no more particular type"},
    {"ADJ", "Adjustment", "needs approval"},
    {"OPN", "Opening", "opening balances"},
    {"REV", "Reversal", "takes back an earlier entry"},
    {"CLS", "Closing", "year close"},
};
#define BUILT_IN_TYPES (sizeof built_in_types / sizeof built_in_types[0])

static bool is_built_in(const char *code)
{
    for (size_t i = 0; i < BUILT_IN_TYPES; i++)
        if (strcmp(built_in_types[i].code, code) == 0)
            return true;
    return false;
}

/* ---- form ---------------------------------------------------------------------------------------------------------- */

static enum status form_currency_code(const char *code, const char *field, struct fault *why)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = code != NULL ? strlen(code) : 0;
    if (len == 0 || len > CURRENCY_CODE_MAX || strspn(code, allowed) != len)
        return fault_set(why, STATUS_INVALID, field, "1 to %u letters, digits, points, lines or hyphens",
                         CURRENCY_CODE_MAX);
    return STATUS_OK;
}

static enum status form_currency(const char *code, const char *code_field, uint32_t scale, const char *symbol,
                                 struct fault *why)
{
    enum status status = form_currency_code(code, code_field, why);
    if (status == STATUS_OK && scale > CURRENCY_SCALE_MAX)
        status = fault_set(why, STATUS_INVALID, "scale", "0 to %d decimals", CURRENCY_SCALE_MAX);
    if (status == STATUS_OK)
        status = form_text(symbol, "symbol", NAME_TEXT_MAX, false, why);
    return status;
}

/* ---- opening the books --------------------------------------------------------------------------------------------- */

enum status books_decide_open(const struct context *context, struct kv_txn *state,
                              const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__OpenBooks *books = (const Daftari__V1__OpenBooks *)command;
    struct slice row;
    if (context->position != 1 || kv_get(state, TABLE_BOOKS, slice_text("books"), &row))
        return fault_set(why, STATUS_INVALID, NULL, "the books are open already");
    enum status status = form_text(books->name, "name", NAME_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = form_currency(books->base_currency, "base_currency", books->scale, books->symbol, why);
    if (status != STATUS_OK)
        return status;
    if (books->utc_offset_minutes < -UTC_OFFSET_MAX || books->utc_offset_minutes > UTC_OFFSET_MAX)
        return fault_set(why, STATUS_INVALID, "utc_offset_minutes", "from -%d to %d", UTC_OFFSET_MAX,
                         UTC_OFFSET_MAX);
    if (!date_valid(books->first_date))
        return fault_set(why, STATUS_INVALID, "first_date", "a real date as YYYYMMDD, got %u",
                         books->first_date);
    /* A day that every year has: 29 February is refused. */
    if (books->has_fiscal_year_start && !date_valid(20010000 + books->fiscal_year_start))
        return fault_set(why, STATUS_INVALID, "fiscal_year_start",
                         "month and day as MMDD, 101 for 1 January");

    /* accepted */
    out->type = EVENT_BOOKS_OPENED;
    return STATUS_OK;
}

static void put_currency(struct kv_txn *state, uint16_t number, char *code, uint32_t scale, char *symbol,
                         struct arena *arena)
{
    Daftari__V1__CurrencyInfo info = DAFTARI__V1__CURRENCY_INFO__INIT;
    info.code = code;
    info.has_scale = true;
    info.scale = scale;
    info.symbol = text_or_none(symbol);
    info.has_number = true;
    info.number = number;
    struct row_key key = row_key_u16(number);
    row_put_message(state, TABLE_CURRENCY, row_key_slice(&key), &info.base, arena);
    row_put_u16(state, TABLE_CURRENCY_CODE, slice_text(code), number);
}

static void put_series(struct kv_txn *state, uint16_t number, char *prefix, char *name, struct arena *arena)
{
    Daftari__V1__SeriesInfo info = DAFTARI__V1__SERIES_INFO__INIT;
    info.prefix = prefix;
    info.name = text_or_none(name);
    info.has_number = true;
    info.number = number;
    struct row_key key = row_key_u16(number);
    row_put_message(state, TABLE_SERIES, row_key_slice(&key), &info.base, arena);
    row_put_u16(state, TABLE_SERIES_PREFIX, slice_text(prefix), number);
}

static void put_type(struct kv_txn *state, uint16_t number, const Daftari__V1__TransactionTypeInfo *info,
                     struct arena *arena)
{
    uint8_t row[3];
    be16_put(row, number);
    row[2] = info->active ? 1 : 0;
    struct row_key key = row_key_u16(number);
    row_put_message(state, TABLE_TRANSACTION_TYPE, row_key_slice(&key), &info->base, arena);
    kv_put(state, TABLE_TRANSACTION_TYPE_CODE, slice_text(info->code), slice_of(row, sizeof row));
}

static void put_head_office(struct kv_txn *state, struct arena *arena)
{
    Daftari__V1__BusinessInfo info = DAFTARI__V1__BUSINESS_INFO__INIT;
    char code[] = "HQ", name[] = "Head office", type[] = "other";
    info.code = code;
    info.name = name;
    info.type = type;
    info.has_active = true;
    info.active = true;
    info.has_number = true;
    info.number = HEAD_OFFICE;
    struct row_key key = row_key_u16(HEAD_OFFICE);
    row_put_message(state, TABLE_BUSINESS, row_key_slice(&key), &info.base, arena);
    row_put_u16(state, TABLE_BUSINESS_CODE, slice_text(code), HEAD_OFFICE);
    struct row_key unique = row_key_text("n");
    row_key_add(&unique, name, strlen(name));
    row_put_u16(state, TABLE_BUSINESS_UNIQUE, row_key_slice(&unique), HEAD_OFFICE);
}

void books_apply_open(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                      struct arena *arena)
{
    const Daftari__V1__OpenBooks *books = (const Daftari__V1__OpenBooks *)payload;
    char je_prefix[] = "JE", je_name[] = "Journal entry";
    kv_put(state, TABLE_BOOKS, slice_text("books"), record->payload);
    put_currency(state, BASE_CURRENCY, books->base_currency, books->scale, books->symbol, arena);
    put_series(state, 1, je_prefix, je_name, arena);
    for (size_t i = 0; i < BUILT_IN_TYPES; i++) {
        Daftari__V1__TransactionTypeInfo info = DAFTARI__V1__TRANSACTION_TYPE_INFO__INIT;
        info.code = arena_text(arena, slice_text(built_in_types[i].code));
        info.name = arena_text(arena, slice_text(built_in_types[i].name));
        info.description = arena_text(arena, slice_text(built_in_types[i].description));
        info.has_active = true;
        info.active = true;
        if (info.code == NULL || info.name == NULL || info.description == NULL) {
            kv_set_error(state, STATUS_NO_MEMORY);
            return;
        }
        put_type(state, (uint16_t)(i + 1), &info, arena);
    }
    put_head_office(state, arena);
    struct facts facts = {
        .first_date = books->first_date,
        .fiscal_year_start = books->has_fiscal_year_start ? books->fiscal_year_start : 101,
        .entry_series = 1,
    };
    facts_set_business_active(&facts, HEAD_OFFICE, true);
    facts_put(state, &facts);
}

/* ---- currencies ---------------------------------------------------------------------------------------------------- */

/* The number that a new row of a table gets, in the record's own number field (no series: it is no document). */
static enum status give_number(struct kv_txn *state, unsigned table, struct decision *out, struct fault *why)
{
    uint32_t number = row_next_number_u16(state, table, 1);
    if (number > UINT16_MAX)
        return fault_set(why, STATUS_TOO_LARGE, NULL, "at most %u of them", UINT16_MAX);
    out->number = number;
    return STATUS_OK;
}

enum status books_decide_currency(const struct context *context, struct kv_txn *state,
                                  const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__DefineCurrency *define = (const Daftari__V1__DefineCurrency *)command;
    enum status status = form_currency(define->code, "code", define->scale, define->symbol, why);
    if (status != STATUS_OK)
        return status;
    uint16_t number;
    if (currency_find(state, define->code, &number)) {
        const Daftari__V1__CurrencyInfo *info = currency_info_get(state, number, context->arena);
        if (info == NULL || info->scale != define->scale || !text_same(info->symbol, define->symbol))
            return fault_refuse(why, DAFTARI__V1__REASON__CURRENCY_EXISTS, "code",
                                "%s is defined with other decimals or symbol", define->code);
        out->nothing_to_do = true;
        return STATUS_OK;
    }
    status = give_number(state, TABLE_CURRENCY, out, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_CURRENCY_DEFINED;
    return STATUS_OK;
}

void books_apply_currency(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                          struct arena *arena)
{
    const Daftari__V1__DefineCurrency *define = (const Daftari__V1__DefineCurrency *)payload;
    put_currency(state, (uint16_t)record->header.number, define->code, define->scale, define->symbol, arena);
}

/* ---- document series ------------------------------------------------------------------------------------------------ */

enum status books_decide_series(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__DefineSeries *define = (const Daftari__V1__DefineSeries *)command;
    enum status status = form_code(define->prefix, "prefix", 2, 4, false, why);
    if (status == STATUS_OK)
        status = form_text(define->name, "name", NAME_TEXT_MAX, true, why);
    if (status != STATUS_OK)
        return status;
    uint16_t number;
    if (row_get_u16(state, TABLE_SERIES_PREFIX, slice_text(define->prefix), &number)) {
        struct row_key key = row_key_u16(number);
        const Daftari__V1__SeriesInfo *info = row_get_message(
            state, TABLE_SERIES, row_key_slice(&key), &daftari__v1__series_info__descriptor, context->arena);
        if (info == NULL || !text_same(info->name, define->name))
            return fault_refuse(why, DAFTARI__V1__REASON__SERIES_EXISTS, "prefix",
                                "%s is defined with another name", define->prefix);
        out->nothing_to_do = true;
        return STATUS_OK;
    }
    status = give_number(state, TABLE_SERIES, out, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_SERIES_DEFINED;
    return STATUS_OK;
}

void books_apply_series(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                        struct arena *arena)
{
    const Daftari__V1__DefineSeries *define = (const Daftari__V1__DefineSeries *)payload;
    put_series(state, (uint16_t)record->header.number, define->prefix, define->name, arena);
}

/* ---- transaction types ---------------------------------------------------------------------------------------------- */

static Daftari__V1__TransactionTypeInfo *type_info(struct kv_txn *state, uint16_t number, struct arena *arena)
{
    struct row_key key = row_key_u16(number);
    return row_get_message(state, TABLE_TRANSACTION_TYPE, row_key_slice(&key),
                           &daftari__v1__transaction_type_info__descriptor, arena);
}

enum status books_decide_type(const struct context *context, struct kv_txn *state,
                              const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__DefineTransactionType *define = (const Daftari__V1__DefineTransactionType *)command;
    enum status status = form_code(define->code, "code", 2, CODE_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = form_text(define->name, "name", 50, true, why);
    if (status == STATUS_OK)
        status = form_text(define->description, "description", DESCRIPTION_TEXT_MAX, false, why);
    if (status != STATUS_OK)
        return status;
    uint16_t number;
    bool active;
    if (transaction_type_find(state, define->code, &number, &active)) {
        const Daftari__V1__TransactionTypeInfo *info = type_info(state, number, context->arena);
        if (info == NULL || !text_same(info->name, define->name) ||
            !text_same(info->description, define->description))
            return fault_refuse(why, DAFTARI__V1__REASON__TYPE_EXISTS, "code",
                                "%s is defined with another name or description", define->code);
        out->nothing_to_do = active;
        out->number = number;
    } else {
        status = give_number(state, TABLE_TRANSACTION_TYPE, out, why);
        if (status != STATUS_OK)
            return status;
    }

    /* accepted */
    out->type = EVENT_TRANSACTION_TYPE_DEFINED;
    return STATUS_OK;
}

void books_apply_type(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                      struct arena *arena)
{
    const Daftari__V1__DefineTransactionType *define = (const Daftari__V1__DefineTransactionType *)payload;
    Daftari__V1__TransactionTypeInfo info = DAFTARI__V1__TRANSACTION_TYPE_INFO__INIT;
    info.code = define->code;
    info.name = define->name;
    info.description = text_or_none(define->description);
    info.has_active = true;
    info.active = true;
    put_type(state, (uint16_t)record->header.number, &info, arena);
}

enum status books_decide_type_deactivate(const struct context *context, struct kv_txn *state,
                                         const ProtobufCMessage *command, struct decision *out,
                                         struct fault *why)
{
    const Daftari__V1__DeactivateTransactionType *deactivate =
        (const Daftari__V1__DeactivateTransactionType *)command;
    uint16_t number;
    bool active;
    (void)context;
    if (deactivate->code == NULL || !transaction_type_find(state, deactivate->code, &number, &active))
        return fault_refuse(why, DAFTARI__V1__REASON__TYPE_UNKNOWN, "code", "the code of a transaction type");
    if (is_built_in(deactivate->code))
        return fault_refuse(why, DAFTARI__V1__REASON__TYPE_RESERVED, "code",
                            "%s is used by the books themselves and stays", deactivate->code);
    if (!active)
        return fault_refuse(why, DAFTARI__V1__REASON__ALREADY_INACTIVE, "code", "%s is deactivated already",
                            deactivate->code);

    /* accepted */
    out->type = EVENT_TRANSACTION_TYPE_DEACTIVATED;
    out->number = number;
    return STATUS_OK;
}

void books_apply_type_deactivate(struct kv_txn *state, const struct record *record,
                                 const ProtobufCMessage *payload, struct arena *arena)
{
    (void)payload;
    uint16_t number = (uint16_t)record->header.number;
    Daftari__V1__TransactionTypeInfo *info = type_info(state, number, arena);
    if (info == NULL) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    info->active = false;
    put_type(state, number, info, arena);
}
