/* O-02: the register of the first day. The ledger's inventory accounts come to what the stock is worth, against the
 * opening difference. */
#include "server/domain/kernel/balance.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/stock/store_room.h"
#include "type_ids.h"

struct opened_account {
    uint32_t account;
    int64_t value; /* of all the stock on it, once the register is open */
};
struct opening {
    struct document *document;
    struct opened_account accounts[OPEN_LINES_MAX];
    size_t count;
    int64_t settled; /* that ended stock below zero */
};

enum status stock_form_lines(size_t count, size_t max, struct fault *why)
{
    if (count == 0 || count > max)
        return fault_set(why, STATUS_INVALID, "lines", "1 to %zu lines", max);
    return STATUS_OK;
}

static void add_value(struct opening *opening, size_t at, int64_t value)
{
    struct document *document = opening->document;
    if (!amount_add(opening->accounts[at].value, value, &opening->accounts[at].value))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE, "lines",
                                             "the register comes to more than 18 digits"));
}

static size_t find_account(const struct opening *opening, uint32_t account)
{
    size_t at = 0;
    while (at < opening->count && opening->accounts[at].account != account)
        at++;
    return at;
}

static int64_t value_of(struct document *document, const Daftari__V1__OpenStockLine *given, size_t index)
{
    char path[FAULT_FIELD_MAX];
    if (document->status == STATUS_OK && given->has_unit_cost_minor == given->has_value_minor)
        document_fail(document, fault_set(document->why, STATUS_INVALID,
                                          form_path(path, "lines", index, "unit_cost_minor"),
                                          "the cost of a unit or the value of all, one of the two"));
    if (given->has_unit_cost_minor)
        return stock_line_value(document, "lines", index, "unit_cost_minor", given->unit_cost_minor,
                                given->quantity_milli);
    /* the value of the whole is as a unit's cost of one unit: the same limits */
    return stock_line_value(document, "lines", index, "value_minor", given->value_minor, QUANTITY_ONE);
}

static bool given_before(const struct document *document, const struct stock_key *key)
{
    for (size_t i = 0; i < document->out->movement_count; i++)
        if (stock_key_is(key, &document->out->movements[i]))
            return true;
    return false;
}

static void open_line(struct opening *opening, const Daftari__V1__OpenStockLine *given, size_t index)
{
    struct document *document = opening->document;
    char path[FAULT_FIELD_MAX];
    struct stock_line_terms terms = {.list = "lines", .index = index};
    struct stock_key key = {.business = document->business};
    struct item_row item;
    stock_line_item(document, &terms, given->item, given->has_condition, given->condition, &item,
                    &key.condition);
    stock_line_quantity(document, "lines", index, given->quantity_milli);
    key.place = document_place(document, given->place, form_path(path, "lines", index, "place"));
    int64_t value = value_of(document, given, index);
    if (document->status != STATUS_OK)
        return;
    key.item = item.number;
    if (given_before(document, &key)) {
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__ITEM_TWICE,
                                             form_path(path, "lines", index, "item"),
                                             "%.50s stands in the register twice", given->item));
        return;
    }
    uint32_t account = document_account(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, item.category);
    if (account == 0) { /* says what is missing */
        document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, item.category, 0, 1, 0);
        return;
    }
    size_t at = find_account(opening, account);
    if (at == opening->count)
        opening->accounts[opening->count++] = (struct opened_account){.account = account};
    int64_t kept = stock_receive(document, &key, given->quantity_milli, value,
                                 form_path(path, "lines", index, "quantity_milli"));
    add_value(opening, at, kept);
    opening->settled += value - kept;
}

/* What was moved before the register was opened: purchases and sales of the first days. Reads the stock of every item;
 * once for a business. */
static void add_there(struct opening *opening)
{
    struct document *document = opening->document;
    struct kv_cursor *cursor = kv_cursor_open(document->state, TABLE_STOCK);
    while (document->status == STATUS_OK && kv_next(cursor)) {
        struct slice row, value;
        struct item_row item;
        kv_row(cursor, &row, &value);
        if (row.len != 10 || value.len < 16 || be16_get(row.ptr + 4) != document->business)
            continue;
        int64_t worth = (int64_t)be64_get(value.ptr + 8);
        if (worth == 0 || !item_row_get(document->state, be32_get(row.ptr), &item))
            continue;
        size_t at = find_account(
            opening, document_account(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, item.category));
        if (at < opening->count)
            add_value(opening, at, worth);
    }
    kv_cursor_close(cursor);
}

static void post_differences(struct opening *opening)
{
    struct document *document = opening->document;
    int64_t against = opening->settled;
    for (size_t i = 0; document->status == STATUS_OK && i < opening->count; i++) {
        const struct opened_account *row = &opening->accounts[i];
        int64_t difference;
        if (!amount_subtract(row->value,
                             balance_get(document->state, row->account, document->business, BASE_CURRENCY),
                             &difference) ||
            !amount_add(against, difference, &against)) {
            document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE,
                                                 "lines", "the difference has more than 18 digits"));
            return;
        }
        document_post(document, row->account, 0, difference, 0);
    }
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_STOCK_LOSS, CATEGORY_ANY, 0,
                       opening->settled, 0);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_OPENING_DIFFERENCE, CATEGORY_ANY, 0,
                       -against, 0);
}

enum status stock_decide_open(const struct context *context, struct kv_txn *state,
                              const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__OpenStock *given = (const Daftari__V1__OpenStock *)command;
    struct document document;
    struct opening *opening = arena_take(context->arena, sizeof *opening);
    uint64_t before;
    if (opening == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the register is too large");
    enum status status = stock_form_lines(given->n_lines, OPEN_LINES_MAX, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state, given->business, given->has_date, given->date, out,
                                why);
    if (status != STATUS_OK)
        return status;
    struct row_key key = row_key_u16(document.business);
    if (row_get_u64(state, TABLE_STOCK_OPENED, row_key_slice(&key), &before))
        return fault_refuse(why, DAFTARI__V1__REASON__STOCK_OPEN_ALREADY, "business",
                            "the register of business %.20s is open: adjust or count the stock",
                            given->business);
    memset(opening, 0, sizeof *opening);
    opening->document = &document;
    for (size_t i = 0; document.status == STATUS_OK && i < given->n_lines; i++)
        open_line(opening, given->lines[i], i);
    add_there(opening);
    post_differences(opening);
    Daftari__V1__StockMoved payload = DAFTARI__V1__STOCK_MOVED__INIT;
    return document_end(&document, EVENT_STOCK_OPENED, &payload.base);
}

void stock_apply_opened(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                        struct arena *arena)
{
    struct row_key key = row_key_u16(record->header.business);
    (void)payload;
    (void)arena;
    row_put_u64(state, TABLE_STOCK_OPENED, row_key_slice(&key), record->header.position);
}
