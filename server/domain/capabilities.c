#include "server/domain/capabilities.h"

const struct capability *const domain_capabilities[] = {
    &capability_books,   &capability_business,   &capability_catalogue,  &capability_cylinders,
    &capability_days,    &capability_equipment,  &capability_jobs,       &capability_ledger,
    &capability_money,   &capability_mpesa,      &capability_parties,    &capability_people,
    &capability_periods, &capability_production, &capability_purchasing, &capability_reconciliation,
    &capability_reports, &capability_sales,      &capability_stock,      &capability_tax,
};
const size_t domain_capability_count = sizeof domain_capabilities / sizeof domain_capabilities[0];
