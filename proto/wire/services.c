#include "proto/wire/services.h"

#include "account.pb-c.h"
#include "books.pb-c.h"
#include "business.pb-c.h"
#include "entry.pb-c.h"
#include "log.pb-c.h"
#include "people.pb-c.h"
#include "period.pb-c.h"
#include "reconciliation.pb-c.h"
#include "report.pb-c.h"
#include "schema_texts.h"

const ProtobufCServiceDescriptor *const services[] = {
#define ROW(name) &daftari__v1__##name##__descriptor,
    SCHEMA_SERVICES(ROW)
#undef ROW
};
const size_t services_count = sizeof services / sizeof services[0];
