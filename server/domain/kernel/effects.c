#include "server/domain/kernel/effects.h"

#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/facts.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/party.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/kernel/stock.h"
#include "server/domain/kernel/till_day.h"

#define LINEAR_MAX 16u                 /* up to here a plain search beats a hash table */
#define SLOTS      (2u * POSTINGS_MAX) /* a power of two, never more than half full */
#define SLOT_FREE  UINT16_MAX

static uint32_t slot_of(const struct posting *posting)
{
    uint64_t mixed =
        ((uint64_t)posting->account << 32 | (uint64_t)posting->business << 16 | posting->currency) *
        UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(mixed >> 40) & (SLOTS - 1);
}

static bool same_balance(const struct balance_change *change, const struct posting *posting)
{
    return change->account == posting->account && change->business == posting->business &&
           change->currency == posting->currency;
}

struct balance_change *effects_changes(const struct posting *postings, size_t count, struct arena *arena,
                                       size_t *out_count)
{
    ASSERT(count <= POSTINGS_MAX);
    uint16_t slots[SLOTS];
    bool hashed = count > LINEAR_MAX;
    struct balance_change *changes = arena_take(arena, (count + 1) * sizeof *changes);
    if (changes == NULL)
        return NULL;
    if (hashed)
        memset(slots, 0xFF, sizeof slots);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        uint32_t slot = 0;
        if (hashed) {
            for (slot = slot_of(&postings[i]); slots[slot] != SLOT_FREE; slot = (slot + 1) & (SLOTS - 1))
                if (same_balance(&changes[slots[slot]], &postings[i]))
                    break;
            at = slots[slot] == SLOT_FREE ? used : slots[slot];
        } else {
            while (at < used && !same_balance(&changes[at], &postings[i]))
                at++;
        }
        if (at == used) {
            changes[used++] = (struct balance_change){
                .account = postings[i].account,
                .business = postings[i].business,
                .currency = postings[i].currency,
                .first = (uint32_t)i,
            };
            if (hashed)
                slots[slot] = (uint16_t)at;
        }
        changes[at].sum += postings[i].amount;
    }
    *out_count = used;
    return changes;
}

/* ---- the law -------------------------------------------------------------------------------------------------- */

/* A record that its own decide made wrong is our fault, not the caller's. */
static enum status fault_of_ours(struct fault *why, const char *what, uint64_t number)
{
    return fault_set(why, STATUS_INTERNAL, NULL, "the record made of this command %s (%llu)", what,
                     (unsigned long long)number);
}

struct zero_sum {
    uint16_t business;
    uint16_t currency;
    int128 sum;
};

/* Sums per (business, currency), over balances that are already added up. */
static enum status check_zero(const struct balance_change *changes, size_t count, struct arena *arena,
                              struct fault *why)
{
    struct zero_sum *sums = arena_take(arena, (count + 1) * sizeof *sums);
    if (sums == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the entry is too large to check");
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < used &&
               (sums[at].business != changes[i].business || sums[at].currency != changes[i].currency))
            at++;
        if (at == used)
            sums[used++] =
                (struct zero_sum){.business = changes[i].business, .currency = changes[i].currency};
        sums[at].sum += changes[i].sum;
    }
    for (size_t i = 0; i < used; i++)
        if (sums[i].sum != 0)
            return fault_of_ours(why, "does not balance in business", sums[i].business);
    return STATUS_OK;
}

static const char *field_of(const struct balance_change *change, bool lines_named, char out[FAULT_FIELD_MAX])
{
    return lines_named ? form_path(out, "lines", change->first, "account") : NULL;
}

static enum status check_balance(struct kv_txn *state, const struct balance_change *change, civil_date date,
                                 bool lines_named, struct arena *arena, struct fault *why)
{
    char field[FAULT_FIELD_MAX];
    struct account_row account;
    if (!account_row_get(state, change->account, &account))
        return fault_of_ours(why, "names no known account", change->account);
    if (account.header)
        return fault_of_ours(why, "posts to a heading", change->account);
    if (!account.active)
        return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_INACTIVE, field_of(change, lines_named, field),
                            "account %u is deactivated: reactivate it first", change->account);
    if (account.business != ACCOUNT_SHARED && account.business != change->business)
        return fault_of_ours(why, "posts to the account of another business", change->account);
    enum status open =
        account.till ? till_day_check(state, change->business, change->account, date, why) : STATUS_OK;
    if (open != STATUS_OK)
        return open;

    int64_t before = balance_get(state, change->account, change->business, change->currency);
    int128 after = (int128)before + change->sum;
    if (after > AMOUNT_MAX || after < -AMOUNT_MAX)
        return fault_refuse(
            why, DAFTARI__V1__REASON__BALANCE_OUT_OF_RANGE, field_of(change, lines_named, field),
            "the balance of account %u would pass the ledger's limit of 18 digits", change->account);
    if (account.negative != DAFTARI__V1__NEGATIVE_RULE__NEGATIVE_FORBIDDEN)
        return STATUS_OK;
    int sign = account_normal_sign(&account);
    if (sign * after >= 0 || sign * change->sum >= 0)
        return STATUS_OK;
    char amount[AMOUNT_TEXT_MAX];
    const Daftari__V1__CurrencyInfo *currency = currency_info_get(state, change->currency, arena);
    (void)amount_format_grouped(sign * before, currency != NULL ? currency->scale : 0, amount);
    return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_WOULD_GO_NEGATIVE,
                        field_of(change, lines_named, field),
                        "account %u holds %s in business %s and may not go below zero", change->account,
                        amount, business_code_of(state, change->business, arena));
}

/* That no stock goes below zero where it may not, and by what value, is for the capabilities, by kernel/stock.h. */
static enum status check_movements(struct kv_txn *state, const struct decision *decision, struct fault *why)
{
    for (size_t i = 0; i < decision->movement_count; i++) {
        const struct movement *movement = &decision->movements[i];
        struct item_row item;
        if (movement->quantity == 0 && movement->value == 0)
            return fault_of_ours(why, "moves nothing in movement", i);
        if (movement->business >= BUSINESSES_MAX || !item_row_get(state, movement->item, &item) ||
            item.service)
            return fault_of_ours(why, "moves what is not kept in stock", movement->item);
        if (item.container != (movement->condition != DAFTARI__V1__CONDITION__CONDITION_PLAIN))
            return fault_of_ours(why, "moves an item in no condition it has", movement->item);
    }
    return STATUS_OK;
}

/* Nothing is owed by or to somebody whose particulars are gone: nobody could settle it. */
static enum status check_party(struct kv_txn *state, uint32_t party, struct fault *why)
{
    struct party_row row;
    if (!party_row_get(state, party_standing(state, party), &row))
        return fault_of_ours(why, "names no known party", party);
    if (row.anonymous)
        return fault_refuse(why, DAFTARI__V1__REASON__PARTY_ANONYMOUS, NULL,
                            "this customer's particulars were removed: nothing is on account any more");
    return STATUS_OK;
}

enum status effects_check(struct kv_txn *state, const struct decision *decision, bool lines_named,
                          struct arena *arena, struct fault *why)
{
    ASSERT(decision->posting_count <= POSTINGS_MAX && decision->movement_count <= MOVEMENTS_MAX);
    enum status moved = check_movements(state, decision, why);
    if (moved != STATUS_OK)
        return moved;
    if (decision->posting_count == 0)
        return STATUS_OK;
    uint16_t known = 0; /* the last currency seen to be known: nearly always the only one */
    for (size_t i = 0; i < decision->posting_count; i++) {
        const struct posting *posting = &decision->postings[i];
        if (posting->amount == 0 || posting->amount > AMOUNT_MAX || posting->amount < -AMOUNT_MAX)
            return fault_of_ours(why, "has an amount out of range in posting", i);
        if (posting->business >= BUSINESSES_MAX)
            return fault_of_ours(why, "names no known business", posting->business);
        enum status party = posting->party != 0 ? check_party(state, posting->party, why) : STATUS_OK;
        if (party != STATUS_OK)
            return party;
        if (posting->currency == known)
            continue;
        struct row_key key = row_key_u16(posting->currency);
        struct slice row;
        if (!kv_get(state, TABLE_CURRENCY, row_key_slice(&key), &row))
            return fault_of_ours(why, "names no known currency", posting->currency);
        known = posting->currency;
    }
    size_t count;
    struct balance_change *changes =
        effects_changes(decision->postings, decision->posting_count, arena, &count);
    if (changes == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the entry is too large to check");
    enum status status = check_zero(changes, count, arena, why);
    for (size_t i = 0; status == STATUS_OK && i < count; i++)
        status = check_balance(state, &changes[i], decision->business_date, lines_named, arena, why);
    return status;
}

/* ---- apply ---------------------------------------------------------------------------------------------------- */

static void mark_reversed(struct kv_txn *state, uint64_t position, uint64_t reversal)
{
    struct row_key key = row_key_u64(position);
    struct slice row;
    if (position == 0 || position >= reversal || kv_get(state, TABLE_ENTRY, row_key_slice(&key), &row))
        kv_set_error(state, STATUS_CORRUPT);
    else
        row_put_u64(state, TABLE_ENTRY, row_key_slice(&key), reversal);
}

void effects_apply(struct kv_txn *state, const struct record *record, bool undoes)
{
    const struct record_header *header = &record->header;
    if (header->series != 0 &&
        !number_take(state, header->series, header->business_date, header->number, header->position))
        kv_set_error(state, STATUS_CORRUPT);
    for (size_t i = 0; i < record->posting_count; i++) {
        struct posting posting = record_posting(record, i);
        balance_add(state, &posting, header->business_date);
    }
    if (record->movement_count != 0)
        stock_apply(state, record);
    if (undoes)
        mark_reversed(state, header->cause, header->position);
}
