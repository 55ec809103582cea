#include "server/domain/kernel/lookup.h"

#include <stdio.h>

#include "server/domain/kernel/rows.h"
#include "server/domain/people/user_row.h"

bool business_find(struct kv_txn *state, const char *code, uint16_t *out)
{
    return row_get_u16(state, TABLE_BUSINESS_CODE, slice_text(code), out);
}

Daftari__V1__BusinessInfo *business_info_get(struct kv_txn *state, uint16_t number, struct arena *arena)
{
    struct row_key key = row_key_u16(number);
    return row_get_message(state, TABLE_BUSINESS, row_key_slice(&key),
                           &daftari__v1__business_info__descriptor, arena);
}

const char *business_code_of(struct kv_txn *state, uint16_t number, struct arena *arena)
{
    const Daftari__V1__BusinessInfo *info = business_info_get(state, number, arena);
    return info != NULL && info->code != NULL ? info->code : "?";
}

bool currency_find(struct kv_txn *state, const char *code, uint16_t *out)
{
    return row_get_u16(state, TABLE_CURRENCY_CODE, slice_text(code), out);
}

Daftari__V1__CurrencyInfo *currency_info_get(struct kv_txn *state, uint16_t number, struct arena *arena)
{
    struct row_key key = row_key_u16(number);
    return row_get_message(state, TABLE_CURRENCY, row_key_slice(&key),
                           &daftari__v1__currency_info__descriptor, arena);
}

bool transaction_type_find(struct kv_txn *state, const char *code, uint16_t *out, bool *out_active)
{
    struct slice row;
    if (!kv_get(state, TABLE_TRANSACTION_TYPE_CODE, slice_text(code), &row))
        return false;
    if (row.len != 3) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    *out = be16_get(row.ptr);
    *out_active = row.ptr[2] != 0;
    return true;
}

Daftari__V1__OpenBooks *books_get(struct kv_txn *state, struct arena *arena)
{
    return row_get_message(state, TABLE_BOOKS, slice_text("books"), &daftari__v1__open_books__descriptor,
                           arena);
}

bool may_in_business(const struct rights *rights, uint16_t business, enum permission_level level)
{
    return rights == NULL || rights_allow_business(rights, business, level);
}

enum status require_business(const struct context *context, uint16_t business, const char *code,
                             const char *field, struct fault *why)
{
    if (may_in_business(context->rights, business, PERMISSION_WRITE))
        return STATUS_OK;
    return fault_set(why, STATUS_DENIED, field, "you may not record in business %s", code);
}

enum status business_require(const struct context *context, struct kv_txn *state, const struct facts *facts,
                             const char *code, bool even_inactive, const char *field, uint16_t *out,
                             struct fault *why)
{
    uint16_t number = HEAD_OFFICE;
    if (code != NULL && !business_find(state, code, &number))
        return fault_refuse(why, DAFTARI__V1__REASON__BUSINESS_UNKNOWN, field, "there is no business %.20s",
                            code);
    if (!even_inactive && !facts_business_active(facts, number))
        return fault_refuse(why, DAFTARI__V1__REASON__BUSINESS_INACTIVE, field,
                            "business %.20s is deactivated and takes no new documents",
                            code != NULL ? code : "HQ");
    enum status status = require_business(context, number, code != NULL ? code : "HQ", field, why);
    if (status == STATUS_OK)
        *out = number;
    return status;
}

enum status business_configure(const struct context *context, struct kv_txn *state, const struct facts *facts,
                               const char *code, const char *field, uint16_t *out, struct fault *why)
{
    uint16_t number;
    enum status status = business_require(context, state, facts, code, true, field, &number, why);
    if (status != STATUS_OK)
        return status;
    if (!may_in_business(context->rights, number, PERMISSION_ADMIN))
        return fault_set(why, STATUS_DENIED, field,
                         "configuring business %.20s takes access to it at level admin",
                         code != NULL ? code : "HQ");
    *out = number;
    return STATUS_OK;
}

const char *user_email_of(struct kv_txn *state, uint32_t user, struct arena *arena)
{
    const char *email = user == 0 ? NULL : user_email(state, user, arena);
    if (email != NULL)
        return email;
    return user == 0 ? "server" : "unknown";
}
