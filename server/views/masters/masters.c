/* The masters view: the domain's master rows (businesses, accounts, people ...) by the domain's own apply. */
#include "server/views/masters/masters.h"

#include "server/domain/kernel/tables.h"

const struct view view_masters = {
    .id = VIEW_MASTERS,
    .name = "masters",
    .version = DOMAIN_STATE_VERSION,
    .tables = domain_tables,
    .table_count = TABLE_COUNT,
    .apply = domain_apply_master,
};
