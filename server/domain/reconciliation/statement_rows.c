/* Rows of reconciliations by statement. */
#include "people.pb-c.h"
#include "proto/base/text.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/reconciliation/statement.h"

#define REASON(name) DAFTARI__V1__REASON__##name

struct row_key statement_part_key(uint32_t account, uint16_t business, uint16_t currency)
{
    struct row_key key = row_key_u32(account);
    row_key_add_u16(&key, business);
    row_key_add_u16(&key, currency);
    return key;
}

static struct row_key line_key(const struct statement_work *work, uint32_t line)
{
    struct row_key key = work->key;
    row_key_add_u32(&key, line);
    return key;
}

struct row_key statement_match_key(uint64_t position, uint32_t posting)
{
    struct row_key key = row_key_u64(position);
    row_key_add_u32(&key, posting);
    return key;
}

Daftari__V1__StatementSums *statement_sums_get(struct kv_txn *state, const struct row_key *key,
                                               struct arena *arena)
{
    Daftari__V1__StatementSums *sums = row_get_message(state, TABLE_STATEMENT, row_key_slice(key),
                                                       &daftari__v1__statement_sums__descriptor, arena);
    return sums != NULL ? sums : message_new(&daftari__v1__statement_sums__descriptor, arena);
}

void statement_sums_put(struct kv_txn *state, const struct row_key *key, Daftari__V1__StatementSums *sums,
                        struct arena *arena)
{
    sums->has_base_date = sums->has_pending = sums->has_last_line = sums->has_open_minor = true;
    sums->has_open_count = sums->has_matched_minor = sums->has_last_date = true;
    row_put_message(state, TABLE_STATEMENT, row_key_slice(key), &sums->base, arena);
}

Daftari__V1__StatementLineInfo *statement_line_get(struct kv_txn *state, const struct statement_work *work,
                                                   uint32_t line, struct arena *arena)
{
    struct row_key key = line_key(work, line);
    return row_get_message(state, TABLE_STATEMENT_LINE, row_key_slice(&key),
                           &daftari__v1__statement_line_info__descriptor, arena);
}

void statement_line_put(struct kv_txn *state, const struct statement_work *work,
                        const Daftari__V1__StatementLineInfo *line, struct arena *arena)
{
    struct row_key key = line_key(work, line->line);
    row_put_message(state, TABLE_STATEMENT_LINE, row_key_slice(&key), &line->base, arena);
}

bool statement_is(const char *state, const char *name)
{
    return state != NULL && strcmp(state, name) == 0;
}

bool statement_work_fill(struct kv_txn *state, struct statement_work *work, struct arena *arena)
{
    work->currency = BASE_CURRENCY;
    if (!business_find(state, work->info->business, &work->business) ||
        (!text_empty(work->info->currency) && !currency_find(state, work->info->currency, &work->currency)) ||
        !account_row_get(state, work->info->account, &work->account))
        return false;
    work->key = statement_part_key(work->info->account, work->business, work->currency);
    work->sums = statement_sums_get(state, &work->key, arena);
    return work->sums != NULL;
}

bool statement_work_applied(struct kv_txn *state, uint64_t position, struct statement_work *work,
                            struct arena *arena)
{
    work->info = reconciliation_info_get(state, position, arena);
    if (work->info != NULL && statement_work_fill(state, work, arena))
        return true;
    kv_set_error(state, STATUS_CORRUPT);
    return false;
}

enum status statement_require_pending(const struct context *context, struct kv_txn *state, uint64_t position,
                                      struct statement_work *work, struct fault *why)
{
    uint16_t business;
    enum status status =
        reconciliation_require_info(context, state, position, true, &work->info, &business, why);
    if (status != STATUS_OK)
        return status;
    if (!statement_is(work->info->state, RECONCILIATION_PENDING))
        return fault_refuse(why, REASON(RECONCILIATION_NOT_PENDING), "reconciliation",
                            "it is %s: start another one", work->info->state);
    if (!statement_work_fill(state, work, context->arena))
        return fault_set(why, STATUS_CORRUPT, "reconciliation", "its account, business or currency is gone");
    return STATUS_OK;
}

enum status statement_check_sum(int64_t sum, int64_t more, const char *field, struct fault *why)
{
    int128 after = (int128)sum + more;
    if (after <= AMOUNT_MAX && after >= -AMOUNT_MAX)
        return STATUS_OK;
    return fault_refuse(why, REASON(AMOUNT_OUT_OF_RANGE), field, "the lines add up to more than 18 digits");
}

enum status statement_pack(const ProtobufCMessage *message, struct arena *arena, struct slice *out,
                           struct fault *why)
{
    uint8_t *bytes = arena_take(arena, protobuf_c_message_get_packed_size(message) + 1);
    if (bytes == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the request is too large");
    *out = slice_of(bytes, protobuf_c_message_pack(message, bytes));
    return STATUS_OK;
}
