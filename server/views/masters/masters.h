#ifndef SERVER_VIEWS_MASTERS_H
#define SERVER_VIEWS_MASTERS_H

#include "server/views/view.h"

extern const struct view view_masters; /* tables: server/domain/kernel/tables.h */

#endif
