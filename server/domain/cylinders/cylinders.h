/*
 * Inside the capability `cylinders`: containers that are known by serial number and hold an item of the stock. What kind
 * of container and content is data. Reading order: types.c, rows.c (what every act shares), acquire.c and open.c (they come
 * into the books), refill.c, exchange.c, undo.c (void, deposits given back or forfeited), undo_act.c (what was none), move.c (maintenance, supplier,
 * losses), queries.c, capability.c. The rules in words: docs/domain-trade.md.
 *
 * Two values never mix: the content is stock (kernel/stock.h), by quantity, wherever it is; a cylinder of ours has its own
 * carrying value in its row. The stock account of the shells is the sum of these, the account of deposits held the
 * sum of the rows' deposits.
 *
 *   TABLE_CYLINDER_TOTAL row:  off len field
 *                                0   8 carrying value of all cylinders, minor units
 *                                8   8 deposits held
 *                               16   8 content of the full ones, thousandths of its unit
 *                               24   8 position of the record that opened the register (item 0 only; 0 = not open)
 */
#ifndef SERVER_DOMAIN_CYLINDERS_CYLINDERS_H
#define SERVER_DOMAIN_CYLINDERS_CYLINDERS_H

#include "cylinder.pb-c.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/stock.h"
#include "server/domain/kernel/tax.h"
#include "server/domain/kernel/tenders.h"

#define CYLINDER_CODE_MAX     50u
#define CYLINDER_BRAND_MAX    50u
#define CYLINDER_SERIAL_MAX   100u
#define CYLINDER_CAPACITY_MAX INT64_C(999990) /* catalogue 0: 999.99 kg */
#define CYLINDERS_MAX         100u            /* of one act */
#define CYLINDERS_OPEN_MAX    300u            /* of an opening: their rows fit into a record */
#define CYLINDER_LINES_MAX    100u

decide_fn cylinder_type_decide_define;
apply_fn cylinder_type_apply_define;
query_fn cylinder_type_query_list;

decide_fn cylinder_decide_open, cylinder_decide_acquire, cylinder_decide_refill, cylinder_decide_exchange,
    cylinder_decide_void, cylinder_decide_return, cylinder_decide_forfeit, cylinder_decide_to_maintenance,
    cylinder_decide_from_maintenance, cylinder_decide_to_supplier, cylinder_decide_from_supplier,
    cylinder_decide_lose, cylinder_decide_scrap, cylinder_decide_undo;
apply_fn cylinder_apply_open, cylinder_apply_acquire, cylinder_apply_refill, cylinder_apply_exchange,
    cylinder_apply_void, cylinder_apply_return, cylinder_apply_forfeit, cylinder_apply_move,
    cylinder_apply_write_off, cylinder_apply_undo;
query_fn cylinder_query_list, cylinder_query_show;

/* ---- types (types.c) ------------------------------------------------------------------------------------------ */

struct cylinder_type {
    uint16_t number;
    Daftari__V1__CylinderTypeInfo *info; /* in the arena */
};
bool cylinder_type_get(struct kv_txn *state, uint16_t number, struct arena *arena, struct cylinder_type *out);
bool cylinder_type_find(struct kv_txn *state, const char *code, uint16_t *out);
/* The type that a command names. CYLINDER_TYPE_UNKNOWN. */
void cylinder_type_require(struct document *document, const char *code, const char *field,
                           struct cylinder_type *out);
/* The type of a row, and the item that is in it; CORRUPT when one is not there. */
void cylinder_type_of(struct document *document, const Daftari__V1__CylinderRow *row,
                      struct cylinder_type *out, struct item_row *out_item);

/* ---- rows (rows.c) -------------------------------------------------------------------------------------------- */

enum {
    FULL = 1u << DAFTARI__V1__CYLINDER_STATE__CYLINDER_FULL,
    EMPTY = 1u << DAFTARI__V1__CYLINDER_STATE__CYLINDER_EMPTY,
    WITH_CUSTOMER = 1u << DAFTARI__V1__CYLINDER_STATE__CYLINDER_CUSTOMER,
    IN_MAINTENANCE = 1u << DAFTARI__V1__CYLINDER_STATE__CYLINDER_MAINTENANCE,
    AT_SUPPLIER = 1u << DAFTARI__V1__CYLINDER_STATE__CYLINDER_AT_SUPPLIER,
    SOLD = 1u << DAFTARI__V1__CYLINDER_STATE__CYLINDER_SOLD,
    LOST = 1u << DAFTARI__V1__CYLINDER_STATE__CYLINDER_LOST,
    SCRAPPED = 1u << DAFTARI__V1__CYLINDER_STATE__CYLINDER_SCRAPPED,
};

/* The cylinders that a document changes, each as it is afterwards; they may be changed until document_end. */
struct cylinder_set {
    struct document *document;
    Daftari__V1__CylinderRow **rows;
    size_t count, max;
    uint32_t next; /* number of the next new one */
};
void cylinder_set_begin(struct cylinder_set *set, struct document *document, size_t max);

/* A row as it is stored, in the arena; NULL when there is none. */
Daftari__V1__CylinderRow *cylinder_get(struct kv_txn *state, uint32_t number, struct arena *arena);
Daftari__V1__CylinderRow *cylinder_find(struct kv_txn *state, const char *serial, struct arena *arena);

/* Adds the cylinder with this serial: known (CYLINDER_UNKNOWN), of the document's business (CYLINDER_OF_OTHER_BUSINESS),
 * in one of these states (CYLINDER_STATE), not in the set yet (CYLINDER_TWICE). NULL after a failure. */
Daftari__V1__CylinderRow *cylinder_set_take(struct cylinder_set *set, const char *serial, unsigned states,
                                            const char *field);
/* Adds a row that the caller has looked at himself. */
void cylinder_set_add(struct cylinder_set *set, Daftari__V1__CylinderRow *row, const char *field);
/* Adds a new one: serial of the right form and free (CYLINDER_EXISTS, CYLINDER_TWICE). NULL after a failure. */
Daftari__V1__CylinderRow *cylinder_set_register(struct cylinder_set *set, const char *serial, uint16_t type,
                                                const char *field);
/* All of a list of serials, 1 to CYLINDERS_MAX; with the type of each in `types` (room for as many) unless NULL. */
void cylinder_set_take_all(struct cylinder_set *set, char *const *serials, size_t count, unsigned states,
                           struct cylinder_type *types, struct item_row *items);

/* The rows of the set as they are now, in the arena. */
Daftari__V1__CylinderRow **cylinder_set_copy(const struct cylinder_set *set);

/* What of a row changes together. */
void cylinder_become(const struct document *document, Daftari__V1__CylinderRow *row,
                     Daftari__V1__CylinderState state);
void cylinder_put_value(Daftari__V1__CylinderRow *row, Daftari__V1__CylinderOwner owner, int64_t value);
void cylinder_put_deposit(Daftari__V1__CylinderRow *row, uint32_t customer, int64_t deposit);
/* Full or empty; INVALID for another state. */
void cylinder_check_filled(struct document *document, Daftari__V1__CylinderState state, const char *field);

struct cylinder_totals {
    int64_t value, deposit, content;
    uint64_t opened;
};
/* `item` 0: of all. */
void cylinder_totals_get(struct kv_txn *state, uint16_t business, uint32_t item, struct cylinder_totals *out);
/* From apply: rows, serial numbers, totals. */
void cylinder_rows_apply(struct kv_txn *state, const struct record *record,
                         Daftari__V1__CylinderRow *const *rows, size_t count, struct arena *arena);
void cylinder_rows_remove(struct kv_txn *state, Daftari__V1__CylinderRow *const *rows, size_t count,
                          struct arena *arena);
void cylinder_opened_apply(struct kv_txn *state, const struct record *record);

/* "serials[3]" */
const char *cylinder_path(char out[FAULT_FIELD_MAX], const char *list, size_t index);
/* The shop's stock of what is in cylinders. */
struct stock_key cylinder_stock(const struct document *document, uint32_t item);
/* Adds what is bought to the stock and posts it; what of it settled stock below zero is a loss. */
void cylinder_receive(struct document *document, const struct item_row *item, int64_t quantity, int64_t value,
                      const char *field);
/* document_end; without a document number when nothing is posted. */
enum status cylinder_end(struct document *document, uint16_t type, const ProtobufCMessage *payload);
/* The active supplier of this name; 0 for none given. PARTY_UNKNOWN, PARTY_INACTIVE. */
uint32_t cylinder_supplier(struct document *document, const char *name);
/* The one who stands for a customer now; himself unless he was merged into another. */
uint32_t cylinder_party(const struct document *document, uint32_t party);
/* Pays a supplier `due`. */
void cylinder_pay(struct document *document, uint32_t supplier, Daftari__V1__Tender *const *tenders,
                  size_t count, int64_t due, struct tenders_taken *out);

#endif
