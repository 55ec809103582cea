/* The balances view: debit and credit totals of every account, business and currency (server/views/totals.h). */
#ifndef SERVER_VIEWS_BALANCES_H
#define SERVER_VIEWS_BALANCES_H

#include "server/views/totals.h"
#include "server/views/view.h"

enum { BALANCES_CURSOR, BALANCES_TOTALS };

extern const struct view view_balances;

#endif
