#include "server/domain/catalogue/catalogue.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "type_ids.h"

#define FROM_THE_BEGINNING 0u /* the date of the rate that a code was defined with */

enum status tax_code_require(struct kv_txn *state, const char *code, const char *field, uint16_t *out,
                             struct fault *why)
{
    if (tax_code_find(state, code, out))
        return STATUS_OK;
    return fault_refuse(why, DAFTARI__V1__REASON__TAX_CODE_UNKNOWN, field, "there is no tax code %.20s",
                        code);
}

enum status from_date_check(const struct context *context, const struct facts *facts, bool given,
                            civil_date date, civil_date *out, struct fault *why)
{
    civil_date from = given ? date : context->today;
    if (!date_valid(from))
        return fault_set(why, STATUS_INVALID, "from_date", "a real date as YYYYMMDD, got %u", from);
    if (from < facts->first_date) {
        char first[DATE_TEXT_MAX];
        (void)date_format(facts->first_date, first);
        return fault_refuse(why, DAFTARI__V1__REASON__DATE_BEFORE_BOOKS, "from_date",
                            "these books begin on %s: give that date or a later one", first);
    }
    *out = from;
    return STATUS_OK;
}

/* ---- rows ------------------------------------------------------------------------------------------------------ */

bool tax_code_row_decode(struct kv_txn *state, struct slice row, struct tax_code_row *out)
{
    if (row.len < 2 || row.len - 2 < row.ptr[1] * RATE_BYTES) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    size_t rates = row.ptr[1] * RATE_BYTES;
    *out = (struct tax_code_row){
        .kind = (Daftari__V1__TaxKind)row.ptr[0],
        .rates = slice_of(row.ptr + 2, rates),
        .info = slice_of(row.ptr + 2 + rates, row.len - 2 - rates),
    };
    return true;
}

bool tax_code_row_get(struct kv_txn *state, uint16_t number, struct tax_code_row *out)
{
    struct row_key key = row_key_u16(number);
    struct slice row;
    return kv_get(state, TABLE_TAX_CODE, row_key_slice(&key), &row) && tax_code_row_decode(state, row, out);
}

static void put_row(struct kv_txn *state, uint16_t number, const struct tax_code_row *row,
                    struct arena *arena)
{
    struct row_key key = row_key_u16(number);
    size_t len = 2 + row->rates.len + row->info.len;
    uint8_t *bytes = arena_take(arena, len);
    if (bytes == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    bytes[0] = (uint8_t)row->kind;
    bytes[1] = (uint8_t)(row->rates.len / RATE_BYTES);
    if (row->rates.len != 0)
        memcpy(bytes + 2, row->rates.ptr, row->rates.len);
    if (row->info.len != 0)
        memcpy(bytes + 2 + row->rates.len, row->info.ptr, row->info.len);
    kv_put(state, TABLE_TAX_CODE, row_key_slice(&key), slice_of(bytes, len));
}

/* Where the rate of a date is, or would be, among `rates`: the first that is not earlier. */
static size_t rate_place(struct slice rates, civil_date from, bool *out_there)
{
    size_t at = 0;
    while (at < rates.len && be32_get(rates.ptr + at) < from)
        at += RATE_BYTES;
    *out_there = at < rates.len && be32_get(rates.ptr + at) == from;
    return at;
}

/* ---- define ---------------------------------------------------------------------------------------------------- */

static enum status form_define(const Daftari__V1__DefineTaxCode *define, struct fault *why)
{
    bool standard = define->kind == DAFTARI__V1__TAX_KIND__TAX_STANDARD;
    enum status status = form_code(define->code, "code", 1, TAX_CODE_MAX, true, why);
    if (status == STATUS_OK)
        status = form_text(define->name, "name", NAME_TEXT_MAX, true, why);
    if (status == STATUS_OK && !text_empty(define->authority_code))
        status = form_code(define->authority_code, "authority_code", 1, TAX_CODE_MAX, true, why);
    if (status != STATUS_OK)
        return status;
    if (standard != (bool)define->has_rate_bp || define->rate_bp > RATE_BP_MAX)
        return fault_set(why, STATUS_INVALID, "rate_bp",
                         "a standard code has a rate from 0 to 99.99 %%, the other kinds have none");
    return STATUS_OK;
}

static bool same_code(struct kv_txn *state, uint16_t number, const Daftari__V1__DefineTaxCode *define,
                      struct arena *arena)
{
    struct tax_code_row row;
    if (!tax_code_row_get(state, number, &row) || row.kind != define->kind ||
        (row.rates.len != 0 && be32_get(row.rates.ptr + 4) != define->rate_bp))
        return false;
    const Daftari__V1__TaxCodeInfo *info =
        row_message(state, row.info, &daftari__v1__tax_code_info__descriptor, arena);
    return info != NULL && text_same(info->name, define->name) &&
           text_same(info->authority_code, define->authority_code);
}

enum status tax_code_decide_define(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__DefineTaxCode *define = (const Daftari__V1__DefineTaxCode *)command;
    uint16_t number;
    enum status status = form_define(define, why);
    if (status != STATUS_OK)
        return status;
    if (tax_code_find(state, define->code, &number)) {
        if (!same_code(state, number, define, context->arena))
            return fault_refuse(why, DAFTARI__V1__REASON__TAX_CODE_EXISTS, "code",
                                "%s is defined with other particulars: a new rate is set with its date",
                                define->code);
        out->nothing_to_do = true;
        return STATUS_OK;
    }
    status = catalogue_give_number(row_next_number_u16(state, TABLE_TAX_CODE, 1), UINT16_MAX, out, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_TAX_CODE_DEFINED;
    return STATUS_OK;
}

void tax_code_apply_define(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                           struct arena *arena)
{
    const Daftari__V1__DefineTaxCode *define = (const Daftari__V1__DefineTaxCode *)payload;
    Daftari__V1__TaxCodeInfo info = DAFTARI__V1__TAX_CODE_INFO__INIT;
    uint8_t rate[RATE_BYTES];
    info.code = define->code;
    info.name = define->name;
    info.has_kind = true;
    info.kind = define->kind;
    info.authority_code = text_or_none(define->authority_code);
    info.has_number = true;
    info.number = record->header.number;
    size_t len = protobuf_c_message_get_packed_size(&info.base);
    uint8_t *packed = arena_take(arena, len);
    if (packed == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    (void)protobuf_c_message_pack(&info.base, packed);
    be32_put(rate, FROM_THE_BEGINNING);
    be32_put(rate + 4, define->rate_bp);
    struct tax_code_row row = {.kind = define->kind, .info = slice_of(packed, len)};
    if (define->kind == DAFTARI__V1__TAX_KIND__TAX_STANDARD)
        row.rates = slice_of(rate, RATE_BYTES);
    put_row(state, (uint16_t)record->header.number, &row, arena);
    row_put_u16(state, TABLE_TAX_CODE_NAME, slice_text(define->code), (uint16_t)record->header.number);
}

/* ---- a new rate ------------------------------------------------------------------------------------------------ */

enum status tax_code_decide_set_rate(const struct context *context, struct kv_txn *state,
                                     const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__SetTaxRate *set = (const Daftari__V1__SetTaxRate *)command;
    struct tax_code_row row;
    struct facts facts;
    uint16_t number;
    civil_date from;
    bool there;
    enum status status = tax_code_require(state, set->code != NULL ? set->code : "", "code", &number, why);
    if (status != STATUS_OK)
        return status;
    if (!tax_code_row_get(state, number, &row))
        return fault_set(why, STATUS_CORRUPT, "code", "its row cannot be read");
    if (row.kind != DAFTARI__V1__TAX_KIND__TAX_STANDARD)
        return fault_set(why, STATUS_INVALID, "code", "%s has no rate: only standard codes have", set->code);
    if (!set->has_rate_bp || set->rate_bp > RATE_BP_MAX)
        return fault_set(why, STATUS_INVALID, "rate_bp", "a rate from 0 to 99.99 %%");
    facts_get(state, &facts);
    status = from_date_check(context, &facts, set->has_from_date, set->from_date, &from, why);
    if (status != STATUS_OK)
        return status;
    size_t at = rate_place(row.rates, from, &there);
    if (!there && row.rates.len / RATE_BYTES == RATES_MAX)
        return fault_set(why, STATUS_TOO_LARGE, "code", "at most %u dated rates of one code", RATES_MAX);

    /* accepted */
    out->nothing_to_do = there && be32_get(row.rates.ptr + at + 4) == set->rate_bp;
    out->type = EVENT_TAX_RATE_SET;
    out->business_date = from;
    out->number = number;
    return STATUS_OK;
}

void tax_code_apply_set_rate(struct kv_txn *state, const struct record *record,
                             const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__SetTaxRate *set = (const Daftari__V1__SetTaxRate *)payload;
    uint16_t number = (uint16_t)record->header.number;
    struct tax_code_row row;
    bool there;
    if (!tax_code_row_get(state, number, &row)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    size_t at = rate_place(row.rates, record->header.business_date, &there);
    size_t rest = there ? at + RATE_BYTES : at;
    uint8_t *rates = arena_take(arena, row.rates.len + RATE_BYTES);
    if (rates == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    memcpy(rates, row.rates.ptr, at);
    be32_put(rates + at, record->header.business_date);
    be32_put(rates + at + 4, set->rate_bp);
    memcpy(rates + at + RATE_BYTES, row.rates.ptr + rest, row.rates.len - rest);
    row.rates = slice_of(rates, at + RATE_BYTES + row.rates.len - rest);
    put_row(state, number, &row, arena);
}
