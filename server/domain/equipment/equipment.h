/*
 * Inside the capability `equipment`. Reading order: equipment.c (register, depreciate, dispose, list), capability.c.
 *
 *   TABLE_EQUIPMENT       u32 number -> EquipmentInfo, without business and value
 *   TABLE_EQUIPMENT_CODE  code -> u32 number
 *   TABLE_DEPRECIATED     u16 business -> u32 last month that was run
 */
#ifndef SERVER_DOMAIN_EQUIPMENT_EQUIPMENT_H
#define SERVER_DOMAIN_EQUIPMENT_EQUIPMENT_H

#include "equipment.pb-c.h"
#include "server/domain/domain.h"

#define EQUIPMENT_CODE_MAX   20u
#define EQUIPMENT_MONTHS_MAX 600u
#define EQUIPMENT_RUN_MAX    2000u /* pieces of one business: bounds a run's record */

decide_fn equipment_decide_register, equipment_decide_depreciate, equipment_decide_dispose;
apply_fn equipment_apply_registered, equipment_apply_depreciated, equipment_apply_disposed;
query_fn equipment_query_list;

#endif
