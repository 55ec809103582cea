/* What expenses are for: categories, each with its account or the part that an account plays. Master data. */
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/money/money.h"
#include "type_ids.h"

#define CATEGORY_NAME_MAX 100u

bool expense_category_find(struct kv_txn *state, const char *name, uint16_t *out)
{
    struct row_key key = row_key_text(name);
    return row_get_u16(state, TABLE_EXPENSE_CATEGORY_NAME, row_key_slice(&key), out);
}

Daftari__V1__ExpenseCategoryInfo *expense_category_get(struct kv_txn *state, uint16_t number,
                                                       struct arena *arena)
{
    struct row_key key = row_key_u16(number);
    return row_get_message(state, TABLE_EXPENSE_CATEGORY, row_key_slice(&key),
                           &daftari__v1__expense_category_info__descriptor, arena);
}

Daftari__V1__ExpenseCategoryInfo *expense_category_named(struct document *document, const char *name)
{
    Daftari__V1__ExpenseCategoryInfo *info = NULL;
    uint16_t number;
    if (document->status != STATUS_OK)
        return NULL;
    if (!text_empty(name) && expense_category_find(document->state, name, &number))
        info = expense_category_get(document->state, number, document->context->arena);
    if (info != NULL && info->active)
        return info;
    if (info == NULL)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__EXPENSE_CATEGORY_UNKNOWN,
                                             "category", "the name of a category of expenses"));
    else
        document_fail(document,
                      fault_refuse(document->why, DAFTARI__V1__REASON__EXPENSE_CATEGORY_INACTIVE, "category",
                                   "category %.100s is deactivated: define it again to use it", name));
    return NULL;
}

/* ---- define ----------------------------------------------------------------------------------------------------- */

static enum status check_account(struct kv_txn *state, uint32_t account, struct fault *why)
{
    struct account_row row;
    if (!account_row_get(state, account, &row) || row.header)
        return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_UNKNOWN, "account",
                            "there is no account %u that takes postings", account);
    if (row.type != ACCOUNT_EXPENSE)
        return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_UNFIT, "account",
                            "account %u is no expense account", account);
    return STATUS_OK;
}

static bool says_the_same(const Daftari__V1__ExpenseCategoryInfo *info,
                          const Daftari__V1__DefineExpenseCategory *define)
{
    return info != NULL && info->active && info->account == define->account && info->role == define->role &&
           text_same(info->tax_code, define->tax_code) && text_same(info->description, define->description);
}

enum status expense_category_decide_define(const struct context *context, struct kv_txn *state,
                                           const ProtobufCMessage *command, struct decision *out,
                                           struct fault *why)
{
    const Daftari__V1__DefineExpenseCategory *define = (const Daftari__V1__DefineExpenseCategory *)command;
    uint16_t number, code;
    enum status status = form_text(define->name, "name", CATEGORY_NAME_MAX, true, why);
    if (status == STATUS_OK)
        status = form_text(define->description, "description", DESCRIPTION_TEXT_MAX, false, why);
    bool by_role = define->has_role && define->role != DAFTARI__V1__ACCOUNT_ROLE__ROLE_NONE;
    if (status == STATUS_OK && by_role == (define->account != 0))
        status = fault_set(why, STATUS_INVALID, "account",
                           "an account, or the part that it plays: one of the two");
    if (status != STATUS_OK)
        return status;
    bool exists = expense_category_find(state, define->name, &number);
    if (exists && says_the_same(expense_category_get(state, number, context->arena), define)) {
        out->nothing_to_do = true;
        return STATUS_OK;
    }
    if (define->account != 0)
        status = check_account(state, define->account, why);
    if (status == STATUS_OK && !text_empty(define->tax_code) &&
        !tax_code_find(state, define->tax_code, &code))
        status = fault_refuse(why, DAFTARI__V1__REASON__TAX_CODE_UNKNOWN, "tax_code",
                              "there is no tax code %.20s", define->tax_code);
    out->number = exists ? number : row_next_number_u16(state, TABLE_EXPENSE_CATEGORY, 1);
    if (status == STATUS_OK && (out->number == 0 || out->number > UINT16_MAX))
        status = fault_set(why, STATUS_TOO_LARGE, NULL, "at most %u categories of expenses", UINT16_MAX);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_EXPENSE_CATEGORY_DEFINED;
    return STATUS_OK;
}

static void put(struct kv_txn *state, Daftari__V1__ExpenseCategoryInfo *info, bool active,
                struct arena *arena)
{
    struct row_key key = row_key_u16((uint16_t)info->number);
    info->has_number = info->has_active = true;
    info->active = active;
    row_put_message(state, TABLE_EXPENSE_CATEGORY, row_key_slice(&key), &info->base, arena);
}

void expense_category_apply_define(struct kv_txn *state, const struct record *record,
                                   const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__DefineExpenseCategory *define = (const Daftari__V1__DefineExpenseCategory *)payload;
    Daftari__V1__ExpenseCategoryInfo info = DAFTARI__V1__EXPENSE_CATEGORY_INFO__INIT;
    struct row_key key = row_key_text(define->name);
    info.number = record->header.number;
    info.name = define->name;
    info.has_account = define->account != 0;
    info.account = define->account;
    info.has_role = define->role != DAFTARI__V1__ACCOUNT_ROLE__ROLE_NONE;
    info.role = define->role;
    info.tax_code = text_or_none(define->tax_code);
    info.description = text_or_none(define->description);
    put(state, &info, true, arena);
    row_put_u16(state, TABLE_EXPENSE_CATEGORY_NAME, row_key_slice(&key), (uint16_t)record->header.number);
}

/* ---- deactivate --------------------------------------------------------------------------------------------------- */

enum status expense_category_decide_deactivate(const struct context *context, struct kv_txn *state,
                                               const ProtobufCMessage *command, struct decision *out,
                                               struct fault *why)
{
    const Daftari__V1__DeactivateExpenseCategory *deactivate =
        (const Daftari__V1__DeactivateExpenseCategory *)command;
    uint16_t number;
    if (text_empty(deactivate->name) || !expense_category_find(state, deactivate->name, &number))
        return fault_refuse(why, DAFTARI__V1__REASON__EXPENSE_CATEGORY_UNKNOWN, "name",
                            "the name of a category of expenses");
    const Daftari__V1__ExpenseCategoryInfo *info = expense_category_get(state, number, context->arena);
    if (info == NULL || !info->active)
        return fault_refuse(why, DAFTARI__V1__REASON__ALREADY_INACTIVE, "name", "it is deactivated already");

    /* accepted */
    out->type = EVENT_EXPENSE_CATEGORY_DEACTIVATED;
    out->number = number;
    return STATUS_OK;
}

void expense_category_apply_deactivate(struct kv_txn *state, const struct record *record,
                                       const ProtobufCMessage *payload, struct arena *arena)
{
    (void)payload;
    Daftari__V1__ExpenseCategoryInfo *info =
        expense_category_get(state, (uint16_t)record->header.number, arena);
    if (info == NULL) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    put(state, info, false, arena);
}

/* ---- list --------------------------------------------------------------------------------------------------------- */

enum status expense_category_query_list(const struct query_context *context, struct kv_txn *masters,
                                        const ProtobufCMessage *request, struct slice *cursor,
                                        ProtobufCMessage **out, struct fault *why)
{
    enum { CATEGORY_INFO_ACTIVE = 7 };
    const Daftari__V1__ListExpenseCategories *list = (const Daftari__V1__ListExpenseCategories *)request;
    struct slice key, value;
    enum status status;
    do
        status = query_next_row(context, masters, TABLE_EXPENSE_CATEGORY, cursor, &key, &value, why);
    while (status == STATUS_OK && list->active_only &&
           row_number_field(masters, value, CATEGORY_INFO_ACTIVE) == 0);
    if (status != STATUS_OK)
        return status;
    Daftari__V1__ExpenseCategoryInfo *info =
        row_message(masters, value, &daftari__v1__expense_category_info__descriptor, context->arena);
    if (info == NULL)
        return query_end(masters, STATUS_END, why);
    *out = &info->base;
    return STATUS_OK;
}
