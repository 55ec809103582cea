/*
 * Stock: quantity and value by item, business, place and condition, folded from the movements of every record.
 *
 * Moving average (catalogue 3.7): an issue of q out of (quantity, value) costs round(value * q / quantity), all of the
 * value when q = quantity. The cost is in the movement: nothing is valued again later. Below zero, where that is
 * allowed, an issue costs what the last unit cost; the receipt that ends it brings the difference to the stock loss
 * account. FIFO, by the setting `valuation`: receipts are layers, issues take the oldest first (kernel/layers.h).
 *
 *   row:  off len field                              off len field
 *           0   8 quantity, thousandths               16   8 last_quantity  of the last receipt with a cost: what an
 *           8   8 value, minor units                  24   8 last_value     issue below zero costs
 *          32   8 layer_quantity  of all its layers   40   8 layer_value    both absent when there are no layers
 */
#ifndef SERVER_DOMAIN_KERNEL_STOCK_H
#define SERVER_DOMAIN_KERNEL_STOCK_H

#include "server/domain/kernel/document.h"

#define QUANTITY_MAX INT64_C(999999999999999) /* thousandths: 999,999,999,999.999 units */
#define PLACE_SHOP   0u

struct stock_key {
    uint32_t item;
    uint16_t business;
    uint16_t place;
    uint16_t condition; /* Daftari__V1__Condition */
};
struct stock_row {
    int64_t quantity;
    int64_t value;
    int64_t last_quantity;
    int64_t last_value;
    int64_t layer_quantity;
    int64_t layer_value;
};
/* Does the movement move this very row? */
static inline bool stock_key_is(const struct stock_key *key, const struct movement *movement)
{
    return key->item == movement->item && key->business == movement->business &&
           key->place == movement->place && key->condition == movement->condition;
}

/* A place of the document's business by name; the shop for none. PLACE_UNKNOWN. */
uint16_t document_place(struct document *document, const char *name, const char *field);

/* All zero when there never was any. */
void stock_get(struct kv_txn *state, const struct stock_key *key, struct stock_row *out);
/* The same after the movements that the decision has so far. */
void stock_pending(const struct document *document, const struct stock_key *key, struct stock_row *out);

enum stock_shortage {
    STOCK_REFUSE, /* unless the business allows negative stock or the zero stock policy is to warn */
    STOCK_ACCEPT, /* it happened already (a sale made offline) */
};
/* Takes `quantity` (more than 0) out: adds the movement; what it costs (0 after a failure), and whether there was too
 * little. The caller posts the cost. `field` names the quantity in refusals. STOCK_INSUFFICIENT, STOCK_OUT_OF_RANGE. */
int64_t stock_issue(struct document *document, const struct stock_key *key, int64_t quantity,
                    enum stock_shortage shortage, const char *field, bool *out_short);
/* Brings `quantity` (more than 0) of `value` in: adds the movement. Returns what of the value is stock now; the rest
 * settles stock below zero and is for the stock loss account (may be of either sign). */
int64_t stock_receive(struct document *document, const struct stock_key *key, int64_t quantity, int64_t value,
                      const char *field);

/* The mirror of a movement, for a void. What it moves is worth what it was worth, as far as stock has not changed its
 * value since: returns what its value lacks to the mirrored one (the caller's, for the stock loss account).
 * STOCK_INSUFFICIENT for what came in and is gone. */
int64_t stock_mirror(struct document *document, const struct movement *movement, const char *field);

/* Kernel only, from apply: every movement of a record. */
void stock_apply(struct kv_txn *state, const struct record *record);

#endif
