/*
 * The cash flow view: where money came from and went to, by the direct method. For every business and currency of a
 * record that moves a money account (class cash, mobile money or bank), the other accounts' lines are what the money
 * was for. Moves between money accounts have no such lines and leave no trace. Two things that look like money and are
 * none are left out: stock that leaves (a credit of class inventory) against the same amount of an expense, which a sale
 * carries with it; and in opening balances everything but equity, since the owner brought the rest in kind.
 *
 *   CASHFLOW_TOTALS    server/views/totals.h: account = what it was for; debit = money in, credit = money out.
 *                      Account 0 = the money itself, so that opening + in - out = closing.
 *                      Of records with lines of several businesses, two sums more: business CASHFLOW_WHOLE has what
 *                      they did to the money of all businesses together, as if they were one; CASHFLOW_PARTS what
 *                      they did business by business, which is in the rows of the businesses too. All businesses
 *                      together = their sum - CASHFLOW_PARTS + CASHFLOW_WHOLE
 *   CASHFLOW_ACCOUNTS  u32 account -> u8 class: accounts of money and of inventory
 *   CASHFLOW_OPENINGS  u64 position -> nothing: records of opening balances, for their reversals
 *
 * An account counts by the class it had when the record was written.
 */
#ifndef SERVER_VIEWS_CASHFLOW_H
#define SERVER_VIEWS_CASHFLOW_H

#include "server/views/totals.h"
#include "server/views/view.h"

enum { CASHFLOW_CURSOR, CASHFLOW_TOTALS, CASHFLOW_ACCOUNTS, CASHFLOW_OPENINGS };

#define CASHFLOW_MONEY 0u /* the account of the money itself */
/* No business has these numbers: they are above BUSINESSES_MAX. */
#define CASHFLOW_PARTS (UINT16_MAX - 1u)
#define CASHFLOW_WHOLE UINT16_MAX

extern const struct view view_cashflow;

#endif
