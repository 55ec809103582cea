/*
 * Inside the capability `purchasing`: record.c (O-10, O-26, O-30, O-41), send_back.c (O-34). The rules in words:
 * docs/domain-trade.md.
 *
 *   TABLE_PURCHASE row, only of a purchase of which something went back: thousandths of line 1, 2 ..., 8 bytes each
 */
#ifndef SERVER_DOMAIN_PURCHASING_PURCHASING_H
#define SERVER_DOMAIN_PURCHASING_PURCHASING_H

#include "purchase.pb-c.h"
#include "server/domain/kernel/stock_line.h"
#include "server/domain/kernel/tax.h"

#define PURCHASE_LINES_MAX 200u

decide_fn purchase_decide_record, purchase_decide_return;
apply_fn purchase_apply_recorded, purchase_apply_returned;

#endif
