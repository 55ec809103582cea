/*
 * The cash flow view: where money came from and went to, by the direct method. For every business and currency of a
 * record that moves a money account (class cash, mobile money or bank), the other accounts' lines are what the money
 * was for. Moves between money accounts have no such lines and leave no trace.
 *
 *   CASHFLOW_TOTALS    server/views/totals.h: account = what it was for; debit = money in, credit = money out.
 *                      Account 0 = the money itself, so that opening + in - out = closing
 *   CASHFLOW_ACCOUNTS  u32 account -> u8 class: accounts whose class matters here
 *
 * An account counts as money by the class it had when the record was written.
 */
#ifndef SERVER_VIEWS_CASHFLOW_H
#define SERVER_VIEWS_CASHFLOW_H

#include "server/views/totals.h"
#include "server/views/view.h"

enum { CASHFLOW_CURSOR, CASHFLOW_TOTALS, CASHFLOW_ACCOUNTS };

#define CASHFLOW_MONEY 0u /* the account of the money itself */

extern const struct view view_cashflow;

#endif
