#include <stdio.h>

#include "proto/base/bytes.h"
#include "server/domain/cylinders/cylinders.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/party.h"
#include "server/domain/kernel/rows.h"

#define TOTAL_BYTES 32u

static const char *const state_words[] = {
    "full", "empty", "with a customer", "in maintenance", "at the supplier", "sold", "lost", "scrapped"};

const char *cylinder_path(char out[FAULT_FIELD_MAX], const char *list, size_t index)
{
    (void)snprintf(out, FAULT_FIELD_MAX, "%s[%zu]", list, index);
    return out;
}

/* ---- look-ups ------------------------------------------------------------------------------------------------- */

Daftari__V1__CylinderRow *cylinder_get(struct kv_txn *state, uint32_t number, struct arena *arena)
{
    struct row_key key = row_key_u32(number);
    return row_get_message(state, TABLE_CYLINDER, row_key_slice(&key), &daftari__v1__cylinder_row__descriptor,
                           arena);
}

Daftari__V1__CylinderRow *cylinder_find(struct kv_txn *state, const char *serial, struct arena *arena)
{
    uint32_t number;
    if (text_empty(serial))
        return NULL;
    struct row_key key = row_key_text(serial);
    if (!row_get_u32(state, TABLE_CYLINDER_SERIAL, row_key_slice(&key), &number))
        return NULL;
    return cylinder_get(state, number, arena);
}

/* ---- the cylinders of a document ------------------------------------------------------------------------------ */

void cylinder_set_begin(struct cylinder_set *set, struct document *document, size_t max)
{
    *set = (struct cylinder_set){.document = document, .max = max};
    set->rows = arena_take(document->context->arena, max * sizeof(Daftari__V1__CylinderRow *));
    if (set->rows == NULL)
        document_fail(document, fault_set(document->why, STATUS_NO_MEMORY, NULL, "too many cylinders"));
    else
        set->next = row_next_number_u32(document->state, TABLE_CYLINDER, 1);
}

void cylinder_set_add(struct cylinder_set *set, Daftari__V1__CylinderRow *row, const char *field)
{
    struct document *document = set->document;
    if (document->status != STATUS_OK)
        return;
    for (size_t i = 0; i < set->count; i++)
        if (text_same(set->rows[i]->serial, row->serial)) {
            document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__CYLINDER_TWICE, field,
                                                 "cylinder %.100s is there twice", row->serial));
            return;
        }
    if (set->count == set->max) {
        document_fail(document, fault_set(document->why, STATUS_INVALID, field, "at most %zu", set->max));
        return;
    }
    row->has_position = false;
    set->rows[set->count++] = row;
}

Daftari__V1__CylinderRow *cylinder_set_take(struct cylinder_set *set, const char *serial, unsigned states,
                                            const char *field)
{
    struct document *document = set->document;
    if (document->status != STATUS_OK)
        return NULL;
    Daftari__V1__CylinderRow *row = cylinder_find(document->state, serial, document->context->arena);
    if (row == NULL)
        document_fail(document,
                      fault_refuse(document->why, DAFTARI__V1__REASON__CYLINDER_UNKNOWN, field,
                                   "no cylinder has the serial number %.100s", serial != NULL ? serial : ""));
    else if (row->business != document->business)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__CYLINDER_OF_OTHER_BUSINESS,
                                             field, "cylinder %.100s is not of this business", serial));
    else if ((states & 1u << row->state) == 0)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__CYLINDER_STATE, field,
                                             "cylinder %.100s is %s", serial,
                                             row->state <= DAFTARI__V1__CYLINDER_STATE__CYLINDER_SCRAPPED
                                                 ? state_words[row->state]
                                                 : "elsewhere"));
    else
        cylinder_set_add(set, row, field);
    return document->status == STATUS_OK ? row : NULL;
}

void cylinder_set_take_all(struct cylinder_set *set, char *const *serials, size_t count, unsigned states,
                           struct cylinder_type *types, struct item_row *items)
{
    struct document *document = set->document;
    char path[FAULT_FIELD_MAX];
    if (document->status == STATUS_OK && (count == 0 || count > CYLINDERS_MAX))
        document_fail(document, fault_set(document->why, STATUS_INVALID, "serials", "1 to %u serial numbers",
                                          CYLINDERS_MAX));
    for (size_t i = 0; document->status == STATUS_OK && i < count; i++) {
        const Daftari__V1__CylinderRow *row =
            cylinder_set_take(set, serials[i], states, cylinder_path(path, "serials", i));
        if (row != NULL)
            cylinder_type_of(document, row, &types[i], &items[i]);
    }
}

Daftari__V1__CylinderRow *cylinder_set_register(struct cylinder_set *set, const char *serial, uint16_t type,
                                                const char *field)
{
    struct document *document = set->document;
    struct arena *arena = document->context->arena;
    if (document->status != STATUS_OK)
        return NULL;
    document_fail(document, form_text(serial, field, CYLINDER_SERIAL_MAX, true, document->why));
    if (document->status == STATUS_OK && cylinder_find(document->state, serial, arena) != NULL)
        document_fail(document,
                      fault_refuse(document->why, DAFTARI__V1__REASON__CYLINDER_EXISTS, field,
                                   "a cylinder with the serial number %.100s is registered", serial));
    if (document->status != STATUS_OK)
        return NULL;
    Daftari__V1__CylinderRow *row = message_new(&daftari__v1__cylinder_row__descriptor, arena);
    if (row == NULL) {
        document_fail(document, fault_set(document->why, STATUS_NO_MEMORY, NULL, "too many cylinders"));
        return NULL;
    }
    row->has_number = row->has_type = row->has_business = row->has_acquired_date = true;
    row->number = set->next++;
    row->serial = (char *)(uintptr_t)serial;
    row->type = type;
    row->business = document->business;
    row->acquired_date = document->date;
    cylinder_set_add(set, row, field);
    return document->status == STATUS_OK ? row : NULL;
}

Daftari__V1__CylinderRow **cylinder_set_copy(const struct cylinder_set *set)
{
    struct document *document = set->document;
    struct arena *arena = document->context->arena;
    if (document->status != STATUS_OK)
        return NULL;
    Daftari__V1__CylinderRow **out = arena_take(arena, (set->count + 1) * sizeof(Daftari__V1__CylinderRow *));
    for (size_t i = 0; out != NULL && i < set->count; i++) {
        out[i] = arena_take(arena, sizeof *out[i]);
        if (out[i] == NULL)
            out = NULL;
        else
            *out[i] = *set->rows[i];
    }
    if (out == NULL)
        document_fail(document, fault_set(document->why, STATUS_NO_MEMORY, NULL, "too many cylinders"));
    return out;
}

void cylinder_become(const struct document *document, Daftari__V1__CylinderRow *row,
                     Daftari__V1__CylinderState state)
{
    row->has_state = row->has_since_date = true;
    row->state = state;
    row->since_date = document->date;
}

void cylinder_put_value(Daftari__V1__CylinderRow *row, Daftari__V1__CylinderOwner owner, int64_t value)
{
    row->has_owner = row->has_value_minor = true;
    row->owner = owner;
    row->value_minor = value;
}

void cylinder_put_deposit(Daftari__V1__CylinderRow *row, uint32_t customer, int64_t deposit)
{
    row->has_deposit_minor = deposit != 0;
    row->deposit_minor = deposit;
    row->has_customer = customer != 0;
    row->customer = customer;
}

void cylinder_check_filled(struct document *document, Daftari__V1__CylinderState state, const char *field)
{
    if (document->status == STATUS_OK && state != DAFTARI__V1__CYLINDER_STATE__CYLINDER_FULL &&
        state != DAFTARI__V1__CYLINDER_STATE__CYLINDER_EMPTY)
        document_fail(document, fault_set(document->why, STATUS_INVALID, field, "full or empty"));
}

/* ---- what documents share ------------------------------------------------------------------------------------- */

struct stock_key cylinder_stock(const struct document *document, uint32_t item)
{
    return (struct stock_key){.item = item,
                              .business = document->business,
                              .place = PLACE_SHOP,
                              .condition = DAFTARI__V1__CONDITION__CONDITION_PLAIN};
}

void cylinder_receive(struct document *document, const struct item_row *item, int64_t quantity, int64_t value,
                      const char *field)
{
    struct stock_key key = cylinder_stock(document, item->number);
    int64_t kept = stock_receive(document, &key, quantity, value, field);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, item->category, 0, kept, 0);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_STOCK_LOSS, item->category, 0, value - kept,
                       0);
}

enum status cylinder_end(struct document *document, uint16_t type, const ProtobufCMessage *payload)
{
    enum status status = document_end(document, type, payload);
    if (status == STATUS_OK && document->out->posting_count == 0) {
        document->out->series = 0;
        document->out->number = 0;
    }
    return status;
}

uint32_t cylinder_supplier(struct document *document, const char *name)
{
    struct party_row row;
    if (document->status != STATUS_OK || text_empty(name))
        return 0;
    if (!party_find(document->state, PARTY_IS_SUPPLIER, name, &row))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__PARTY_UNKNOWN, "supplier",
                                             "there is no supplier %.100s", name));
    else if (!row.active)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__PARTY_INACTIVE, "supplier",
                                             "supplier %.100s is deactivated", name));
    return document->status == STATUS_OK ? row.number : 0;
}

uint32_t cylinder_party(const struct document *document, uint32_t party)
{
    struct party_row row;
    if (party != 0 && party_row_get(document->state, party, &row) && row.merged_into != 0)
        return row.merged_into;
    return party;
}

void cylinder_pay(struct document *document, uint32_t supplier, Daftari__V1__Tender *const *tenders,
                  size_t count, int64_t due, struct tenders_taken *out)
{
    struct tender_terms terms = {
        .flow = TENDER_OUT,
        .field = "tenders",
        .party = supplier,
        .credit = true,
        .credit_role = DAFTARI__V1__ACCOUNT_ROLE__ROLE_PAYABLE,
    };
    tenders_take(document, tenders, count, due, &terms, out);
}

/* ---- totals and apply ----------------------------------------------------------------------------------------- */

static struct row_key total_key(uint16_t business, uint32_t item)
{
    struct row_key key = row_key_u16(business);
    row_key_add_u32(&key, item);
    return key;
}

void cylinder_totals_get(struct kv_txn *state, uint16_t business, uint32_t item, struct cylinder_totals *out)
{
    struct row_key key = total_key(business, item);
    struct slice row;
    *out = (struct cylinder_totals){0};
    if (!kv_get(state, TABLE_CYLINDER_TOTAL, row_key_slice(&key), &row))
        return;
    if (row.len != TOTAL_BYTES) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    *out = (struct cylinder_totals){
        .value = (int64_t)be64_get(row.ptr),
        .deposit = (int64_t)be64_get(row.ptr + 8),
        .content = (int64_t)be64_get(row.ptr + 16),
        .opened = be64_get(row.ptr + 24),
    };
}

static void totals_put(struct kv_txn *state, uint16_t business, uint32_t item,
                       const struct cylinder_totals *totals)
{
    struct row_key key = total_key(business, item);
    uint8_t row[TOTAL_BYTES];
    be64_put(row, (uint64_t)totals->value);
    be64_put(row + 8, (uint64_t)totals->deposit);
    be64_put(row + 16, (uint64_t)totals->content);
    be64_put(row + 24, totals->opened);
    kv_put(state, TABLE_CYLINDER_TOTAL, row_key_slice(&key), slice_of(row, sizeof row));
}

static void add_to(struct kv_txn *state, uint16_t business, uint32_t item,
                   const Daftari__V1__CylinderRow *row, int64_t content, int sign)
{
    struct cylinder_totals totals;
    cylinder_totals_get(state, business, item, &totals);
    if (!amount_add(totals.value, sign * row->value_minor, &totals.value) ||
        !amount_add(totals.deposit, sign * row->deposit_minor, &totals.deposit) ||
        !amount_add(totals.content, sign * content, &totals.content))
        kv_set_error(state, STATUS_CORRUPT);
    totals_put(state, business, item, &totals);
}

static void count_row(struct kv_txn *state, const Daftari__V1__CylinderRow *row, int sign,
                      struct arena *arena)
{
    struct cylinder_type type;
    if (!cylinder_type_get(state, (uint16_t)row->type, arena, &type)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    int64_t content =
        row->state == DAFTARI__V1__CYLINDER_STATE__CYLINDER_FULL ? type.info->capacity_milli : 0;
    add_to(state, (uint16_t)row->business, 0, row, 0, sign);
    add_to(state, (uint16_t)row->business, type.info->item_number, row, content, sign);
}

void cylinder_rows_apply(struct kv_txn *state, const struct record *record,
                         Daftari__V1__CylinderRow *const *rows, size_t count, struct arena *arena)
{
    for (size_t i = 0; i < count; i++) {
        Daftari__V1__CylinderRow row = *rows[i];
        const Daftari__V1__CylinderRow *before = cylinder_get(state, row.number, arena);
        struct row_key key = row_key_u32(row.number);
        if (before != NULL)
            count_row(state, before, -1, arena);
        count_row(state, &row, 1, arena);
        row.has_position = true;
        row.position = record->header.position;
        row_put_message(state, TABLE_CYLINDER, row_key_slice(&key), &row.base, arena);
        if (before == NULL)
            row_put_u32(state, TABLE_CYLINDER_SERIAL, slice_text(row.serial), row.number);
    }
}

void cylinder_rows_remove(struct kv_txn *state, Daftari__V1__CylinderRow *const *rows, size_t count,
                          struct arena *arena)
{
    for (size_t i = 0; i < count; i++) {
        struct row_key key = row_key_u32(rows[i]->number);
        const Daftari__V1__CylinderRow *row = cylinder_get(state, rows[i]->number, arena);
        if (row == NULL) {
            kv_set_error(state, STATUS_CORRUPT);
            return;
        }
        count_row(state, row, -1, arena);
        kv_del(state, TABLE_CYLINDER, row_key_slice(&key));
        kv_del(state, TABLE_CYLINDER_SERIAL, slice_text(row->serial));
    }
}

void cylinder_opened_apply(struct kv_txn *state, const struct record *record)
{
    struct cylinder_totals totals;
    cylinder_totals_get(state, record->header.business, 0, &totals);
    totals.opened = record->header.position;
    totals_put(state, record->header.business, 0, &totals);
}
