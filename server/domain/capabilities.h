/* Every capability there is. A new one: its folder, a line here, a line in capabilities.c. */
#ifndef SERVER_DOMAIN_CAPABILITIES_H
#define SERVER_DOMAIN_CAPABILITIES_H

#include "server/domain/domain.h"

extern const struct capability capability_books;
extern const struct capability capability_business;
extern const struct capability capability_catalogue;
extern const struct capability capability_cylinders;
extern const struct capability capability_jobs;
extern const struct capability capability_equipment;
extern const struct capability capability_days;
extern const struct capability capability_ledger;
extern const struct capability capability_money;
extern const struct capability capability_mpesa;
extern const struct capability capability_parties;
extern const struct capability capability_people;
extern const struct capability capability_periods;
extern const struct capability capability_production;
extern const struct capability capability_purchasing;
extern const struct capability capability_reconciliation;
extern const struct capability capability_reports;
extern const struct capability capability_sales;
extern const struct capability capability_stock;
extern const struct capability capability_tax;

#endif
