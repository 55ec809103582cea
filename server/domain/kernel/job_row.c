#include "server/domain/kernel/job_row.h"

#include "proto/base/bytes.h"
#include "proto/base/money.h"
#include "server/domain/kernel/open_item.h"
#include "server/domain/kernel/party.h"
#include "server/domain/kernel/rows.h"
#include "type_ids.h"

#define OPEN_KEY_BYTES 14u /* business, customer, position */

Daftari__V1__JobRow *job_row_get(struct kv_txn *state, uint64_t position, struct arena *arena)
{
    struct row_key key = row_key_u64(position);
    return row_get_message(state, TABLE_JOB, row_key_slice(&key), &daftari__v1__job_row__descriptor, arena);
}

void job_row_put(struct kv_txn *state, uint64_t position, const Daftari__V1__JobRow *row, struct arena *arena)
{
    struct row_key key = row_key_u64(position);
    row_put_message(state, TABLE_JOB, row_key_slice(&key), &row->base, arena);
}

static bool is_debt(const Daftari__V1__JobRow *row, uint64_t document)
{
    size_t i = 0;
    while (i < row->n_debts && row->debts[i] != document)
        i++;
    return i < row->n_debts;
}

int64_t job_row_due(struct kv_txn *state, const Daftari__V1__JobRow *row)
{
    int64_t due = 0;
    if (row->state == DAFTARI__V1__JOB_STATE__JOB_CANCELLED)
        return 0;
    if (!row->recognised)
        return row->total_minor - row->held_minor;
    if (row->customer == 0 || row->n_debts == 0)
        return 0;
    struct open_item item = {.party = party_standing(state, row->customer),
                             .account = row->receivable,
                             .business = (uint16_t)row->business};
    while (open_item_next(state, &item))
        if (item.left > 0 && is_debt(row, item.document))
            due += item.left;
    return due;
}

const Daftari__V1__JobAct *job_row_since(const Daftari__V1__JobRow *row, Daftari__V1__JobState state)
{
    const Daftari__V1__JobAct *found = NULL;
    for (size_t i = 0; i < row->n_acts; i++) {
        const Daftari__V1__JobAct *act = row->acts[i];
        bool moves = act->type == EVENT_JOB_RECEIVED || act->type == EVENT_JOB_MOVED ||
                     act->type == EVENT_JOB_COLLECTED || act->type == EVENT_JOB_CANCELLED;
        if (moves && act->state == state && !act->undone)
            found = act;
    }
    return found;
}

const char *job_state_text(Daftari__V1__JobState state, const char *stage)
{
    switch (state) {
    case DAFTARI__V1__JOB_STATE__JOB_RECEIVED:
        return "received";
    case DAFTARI__V1__JOB_STATE__JOB_AT_WORK:
        return stage != NULL ? stage : "at work";
    case DAFTARI__V1__JOB_STATE__JOB_READY:
        return "ready";
    case DAFTARI__V1__JOB_STATE__JOB_COLLECTED:
        return "collected";
    default:
        return "cancelled";
    }
}

/* ---- open jobs ---------------------------------------------------------------------------------------------------- */

static struct row_key open_key(const struct job_place *at)
{
    uint8_t position[8];
    struct row_key key = row_key_u16(at->business);
    row_key_add_u32(&key, at->customer);
    be64_put(position, at->position);
    row_key_add(&key, position, sizeof position);
    return key;
}

bool job_open_next(struct kv_txn *state, struct job_place *at)
{
    struct row_key after = open_key(at);
    struct slice key, value;
    if (!row_next(state, TABLE_JOB_OPEN, row_key_slice(&after), &key, &value))
        return false;
    if (key.len != OPEN_KEY_BYTES) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    if (be16_get(key.ptr) != at->business)
        return false;
    at->customer = be32_get(key.ptr + 2);
    at->position = be64_get(key.ptr + 6);
    return true;
}

void job_open_put(struct kv_txn *state, const struct job_place *at, bool open)
{
    struct row_key key = open_key(at);
    if (open)
        kv_put(state, TABLE_JOB_OPEN, row_key_slice(&key), slice_of("", 0));
    else
        kv_del(state, TABLE_JOB_OPEN, row_key_slice(&key));
}

static int64_t in_hand_of(struct kv_txn *state, uint16_t business, uint32_t customer, struct arena *arena)
{
    struct job_place at = {.business = business, .customer = customer};
    int64_t sum = 0;
    while (job_open_next(state, &at) && at.customer == customer) {
        const Daftari__V1__JobRow *row = job_row_get(state, at.position, arena);
        if (row != NULL && !row->recognised && !amount_add(sum, row->total_minor - row->held_minor, &sum))
            return AMOUNT_MAX;
    }
    return sum;
}

int64_t job_in_hand(struct kv_txn *state, uint16_t business, uint32_t customer, struct arena *arena)
{
    const Daftari__V1__PartyInfo *info = party_info_get(state, customer, arena);
    int64_t sum = in_hand_of(state, business, customer, arena);
    for (size_t i = 0; info != NULL && i < info->n_merged; i++)
        if (!amount_add(sum, in_hand_of(state, business, info->merged[i], arena), &sum))
            return AMOUNT_MAX;
    return sum;
}
