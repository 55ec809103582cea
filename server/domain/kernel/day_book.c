#include "server/domain/kernel/day_book.h"

#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/facts.h"
#include "server/domain/kernel/party.h"
#include "server/domain/kernel/profile.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/kernel/till_day.h"
#include "type_ids.h"

#define HEAD_BYTES  20u
#define FLOW_BYTES  19u
#define KIND(name)  DAFTARI__V1__DAY_FLOW_KIND__FLOW_##name
#define MONEY(name) DAFTARI__V1__DAY_FLOW_METHOD__FLOW_##name

/* What undoes is of the kind of what it undoes where that is no sale. */
Daftari__V1__DayFlowKind day_book_kind(uint16_t type)
{
    switch (type) {
    case EVENT_SALE_RECORDED:
    case EVENT_CYLINDER_EXCHANGED:
    case EVENT_JOB_RECEIVED:
    case EVENT_JOB_CHANGED:
    case EVENT_JOB_DISCOUNTED:
    case EVENT_JOB_MOVED:
        return KIND(SALES);
    case EVENT_SALE_RETURNED:
    case EVENT_CYLINDER_RETURNED:
    case EVENT_CUSTOMER_REFUNDED:
        return KIND(REFUNDS);
    case EVENT_SALE_VOIDED:
    case EVENT_CYLINDER_EXCHANGE_VOIDED:
    case EVENT_JOB_MOVED_BACK:
    case EVENT_JOB_CANCELLED:
        return KIND(VOIDS);
    case EVENT_PAYMENT_RECEIVED:
    case EVENT_PAYMENT_VOIDED:
    case EVENT_JOB_PAYMENT_RECEIVED:
    case EVENT_JOB_PAYMENT_VOIDED:
    case EVENT_MPESA_CONFIRMED:
    case EVENT_MPESA_PAID_OUT:
    case EVENT_MPESA_REVERSED:
    case EVENT_MPESA_MATCHED:
    case EVENT_MPESA_UNMATCHED:
        return KIND(PAYMENTS);
    case EVENT_EXPENSE_RECORDED:
    case EVENT_EXPENSE_VOIDED:
    case EVENT_SALARY_PAID:
        return KIND(EXPENSES);
    case EVENT_PURCHASE_RECORDED:
    case EVENT_PURCHASE_RETURNED:
    case EVENT_CYLINDERS_ACQUIRED:
    case EVENT_CYLINDERS_FILLED:
    case EVENT_CYLINDERS_UNDONE:
    case EVENT_EQUIPMENT_REGISTERED:
        return KIND(PURCHASES);
    case EVENT_SUPPLIER_PAID:
        return KIND(SUPPLIERS);
    case EVENT_MONEY_DEPOSITED:
    case EVENT_OWNER_CONTRIBUTED:
        return KIND(DEPOSITS);
    case EVENT_MONEY_WITHDRAWN:
    case EVENT_OWNER_DREW:
        return KIND(WITHDRAWALS);
    case EVENT_MONEY_TRANSFERRED:
    case EVENT_FLOAT_MOVED:
        return KIND(TRANSFERS);
    case EVENT_DAY_OPENED:
    case EVENT_DAY_CLOSED:
    case EVENT_RECONCILIATION_DIFFERENCE_BOOKED:
        return KIND(DIFFERENCES);
    default:
        return KIND(OTHER);
    }
}

/* `party`: of its first posting that has one. A payment that is of a supplier, voided or matched, is his. */
static Daftari__V1__DayFlowKind kind_of(struct kv_txn *state, uint16_t type, uint32_t party)
{
    Daftari__V1__DayFlowKind kind = day_book_kind(type);
    struct party_row row;
    if (kind == KIND(PAYMENTS) && party != 0 && party_row_get(state, party, &row) &&
        row.kind == PARTY_IS_SUPPLIER)
        return KIND(SUPPLIERS);
    return kind;
}

/* M-Pesa tells of what happened: no till's day is in its way. */
static bool told_by_mpesa(uint16_t type)
{
    return type == EVENT_MPESA_CONFIRMED || type == EVENT_MPESA_PAID_OUT || type == EVENT_MPESA_REVERSED ||
           type == EVENT_MPESA_MATCHED || type == EVENT_MPESA_UNMATCHED;
}

/* Those that the Z report shows in every kind of money, not in cash alone. */
static bool of_customers(Daftari__V1__DayFlowKind kind)
{
    return kind == KIND(SALES) || kind == KIND(REFUNDS) || kind == KIND(VOIDS) || kind == KIND(PAYMENTS);
}

enum status day_book_check(struct kv_txn *state, const struct decision *decision, struct fault *why)
{
    uint32_t party = 0;
    for (size_t i = 0; party == 0 && i < decision->posting_count; i++)
        party = decision->postings[i].party;
    if (decision->posting_count == 0 || told_by_mpesa(decision->type) ||
        !of_customers(kind_of(state, decision->type, party)))
        return STATUS_OK;
    return till_day_check(state, decision->business, TILL_MAIN, decision->business_date, why);
}

/* ---- rows ------------------------------------------------------------------------------------------------------- */

static struct row_key key_of(uint16_t business, civil_date date)
{
    struct row_key key = row_key_u16(business);
    row_key_add_u32(&key, date);
    return key;
}

static void flow_get(const uint8_t *at, struct day_book_row *out)
{
    *out = (struct day_book_row){
        .kind = (Daftari__V1__DayFlowKind)at[0],
        .method = (Daftari__V1__DayFlowMethod)at[1],
        .account = be32_get(at + 2),
        .count = be32_get(at + 6),
        .amount = (int64_t)be64_get(at + 10),
    };
}

static void flow_put(uint8_t *at, const struct day_book_row *row)
{
    at[0] = (uint8_t)row->kind;
    at[1] = (uint8_t)row->method;
    be32_put(at + 2, row->account);
    be32_put(at + 6, row->count);
    be64_put(at + 10, (uint64_t)row->amount);
    at[18] = 0;
}

/* `room`: rows that may be added to those there are. False when the arena is full (said on the transaction). */
static bool book_read(struct kv_txn *state, uint16_t business, civil_date date, size_t room,
                      struct arena *arena, struct day_book_head *head, struct day_book_row **rows,
                      size_t *count)
{
    struct row_key key = key_of(business, date);
    struct slice row = slice_of(NULL, 0);
    bool there = kv_get(state, TABLE_DAY_BOOK, row_key_slice(&key), &row);
    if (there && (row.len < HEAD_BYTES || (row.len - HEAD_BYTES) % FLOW_BYTES != 0)) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    *head = (struct day_book_head){0};
    *count = there ? (row.len - HEAD_BYTES) / FLOW_BYTES : 0;
    *rows = arena_take(arena, (*count + room + 1) * sizeof **rows);
    if (*rows == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return false;
    }
    for (size_t i = 0; i < *count; i++)
        flow_get(row.ptr + HEAD_BYTES + i * FLOW_BYTES, &(*rows)[i]);
    if (!there)
        return true;
    head->first_series = be16_get(row.ptr);
    head->first_number = be32_get(row.ptr + 2);
    head->last_series = be16_get(row.ptr + 6);
    head->last_number = be32_get(row.ptr + 8);
    head->tax = (int64_t)be64_get(row.ptr + 12);
    return true;
}

static void book_write(struct kv_txn *state, uint16_t business, civil_date date, struct arena *arena,
                       const struct day_book_head *head, const struct day_book_row *rows, size_t count)
{
    struct row_key key = key_of(business, date);
    size_t len = HEAD_BYTES + count * FLOW_BYTES;
    uint8_t *row = arena_take(arena, len);
    if (row == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    be16_put(row, head->first_series);
    be32_put(row + 2, head->first_number);
    be16_put(row + 6, head->last_series);
    be32_put(row + 8, head->last_number);
    be64_put(row + 12, (uint64_t)head->tax);
    for (size_t i = 0; i < count; i++)
        flow_put(row + HEAD_BYTES + i * FLOW_BYTES, &rows[i]);
    kv_put(state, TABLE_DAY_BOOK, row_key_slice(&key), slice_of(row, len));
}

bool day_book_get(struct kv_txn *state, uint16_t business, civil_date date, struct arena *arena,
                  struct day_book_head *out_head, struct day_book_row **out_rows, size_t *out_count)
{
    return book_read(state, business, date, 0, arena, out_head, out_rows, out_count) && *out_count != 0;
}

/* ---- apply ------------------------------------------------------------------------------------------------------ */

/* One record while it is folded into the book of one business. */
struct folding {
    struct kv_txn *state;
    const struct record *record;
    Daftari__V1__DayFlowKind kind;
    uint16_t business;
    uint32_t vat, prepayments; /* accounts */
    struct day_book_head head;
    struct day_book_row *rows;
    size_t count;
};

/* Cash belongs to the book of the business whose till it is; all else to that of the business whose document it is. */
static Daftari__V1__DayFlowMethod method_of(const struct folding *folding, const struct posting *posting)
{
    struct account_row account;
    bool ours = folding->record->header.business == folding->business;
    enum account_type type = account_type_of(posting->account);
    if ((type != ACCOUNT_ASSET && type != ACCOUNT_LIABILITY) || posting->account == folding->vat ||
        !account_row_get(folding->state, posting->account, &account))
        return MONEY(NONE);
    if (account.class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_CASH)
        return posting->business == folding->business ? MONEY(CASH) : MONEY(NONE);
    if (!ours)
        return MONEY(NONE);
    if (account.class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_MOBILE_MONEY)
        return MONEY(MPESA);
    if (account.class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_BANK)
        return MONEY(BANK);
    if (!of_customers(folding->kind))
        return MONEY(NONE);
    if (account.class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_RECEIVABLE)
        return folding->kind != KIND(PAYMENTS) ? MONEY(CREDIT) : MONEY(NONE);
    if (posting->account == folding->prepayments)
        return MONEY(PREPAYMENT);
    /* M-Pesa told of it before the document did: it was parked */
    return account.class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_PAYABLE && posting->party == 0 ? MONEY(MPESA)
                                                                                             : MONEY(NONE);
}

static void add(struct folding *folding, Daftari__V1__DayFlowMethod method, uint32_t account, int64_t amount)
{
    size_t at = 0;
    while (at < folding->count &&
           (folding->rows[at].kind != folding->kind || folding->rows[at].method != method ||
            folding->rows[at].account != account))
        at++;
    if (at == folding->count)
        folding->rows[folding->count++] =
            (struct day_book_row){.kind = folding->kind, .method = method, .account = account};
    if (!amount_add(folding->rows[at].amount, amount, &folding->rows[at].amount))
        kv_set_error(folding->state, STATUS_CORRUPT);
    folding->rows[at].count += folding->rows[at].counted ? 0 : 1;
    folding->rows[at].counted = true;
}

static void fold(struct folding *folding, struct arena *arena)
{
    const struct record_header *header = &folding->record->header;
    bool ours = header->business == folding->business;
    if (!book_read(folding->state, folding->business, header->business_date, folding->record->posting_count,
                   arena, &folding->head, &folding->rows, &folding->count))
        return;
    for (size_t i = 0; i < folding->record->posting_count; i++) {
        struct posting posting = record_posting(folding->record, i);
        if (posting.currency != BASE_CURRENCY)
            continue;
        if (ours && of_customers(folding->kind) && posting.account == folding->vat && folding->vat != 0)
            folding->head.tax -= posting.amount;
        Daftari__V1__DayFlowMethod method = method_of(folding, &posting);
        if (method != MONEY(NONE))
            add(folding, method, method == MONEY(CASH) ? posting.account : 0, posting.amount);
    }
    if (ours && folding->kind == KIND(SALES) && header->series != 0) {
        if (folding->head.first_series == 0) {
            folding->head.first_series = header->series;
            folding->head.first_number = header->number;
        }
        folding->head.last_series = header->series;
        folding->head.last_number = header->number;
    }
    if (folding->count != 0)
        book_write(folding->state, folding->business, header->business_date, arena, &folding->head,
                   folding->rows, folding->count);
}

/* The next business after `after` that cash of this record belongs to, apart from the document's own. */
static bool next_business(const struct folding *folding, int32_t *after)
{
    int32_t found = INT32_MAX;
    for (size_t i = 0; i < folding->record->posting_count; i++) {
        struct posting posting = record_posting(folding->record, i);
        struct account_row account;
        if (posting.business > *after && posting.business < found &&
            posting.business != folding->record->header.business &&
            account_row_get(folding->state, posting.account, &account) &&
            account.class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_CASH)
            found = posting.business;
    }
    *after = found;
    return found != INT32_MAX;
}

void day_book_apply(struct kv_txn *state, const struct record *record, struct arena *arena)
{
    if (record->posting_count == 0 || day_book_kind(record->header.type) == KIND(OTHER))
        return;
    uint16_t business = record->header.business;
    uint32_t party = 0;
    bool other = false;
    for (size_t i = 0; i < record->posting_count; i++) {
        struct posting posting = record_posting(record, i);
        party = party != 0 ? party : posting.party;
        other = other || posting.business != business;
    }
    struct folding folding = {.state = state,
                              .record = record,
                              .kind = kind_of(state, record->header.type, party),
                              .business = business};
    if (of_customers(folding.kind)) {
        folding.vat = profile_rule_of(state, business, DAFTARI__V1__ACCOUNT_ROLE__ROLE_VAT_OUTPUT);
        folding.prepayments = profile_rule_of(state, business, DAFTARI__V1__ACCOUNT_ROLE__ROLE_PREPAYMENTS);
    }
    fold(&folding, arena);
    int32_t after = -1;
    while (other && next_business(&folding, &after)) {
        folding.business = (uint16_t)after;
        fold(&folding, arena);
    }
}
