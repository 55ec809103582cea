#include "proto/wire/services.h"

#include <string.h>

#include "schema_texts.h"
#include "till.pb-c.h"

#define DECLARE(name) extern const ProtobufCServiceDescriptor daftari__v1__##name##__descriptor;
SCHEMA_SERVICES(DECLARE)
#undef DECLARE

const ProtobufCServiceDescriptor *const services[] = {
#define ROW(name) &daftari__v1__##name##__descriptor,
    SCHEMA_SERVICES(ROW)
#undef ROW
};
const size_t services_count = sizeof services / sizeof services[0];

static bool secret_field(const char *name)
{
    static const char word[] = "password";
    size_t len = strlen(name), tail = sizeof word - 1;
    return len >= tail && strcmp(name + len - tail, word) == 0 &&
           (len == tail || name[len - tail - 1] == '_');
}

bool services_secret(const char *method)
{
    const char *dot = strchr(method, '.');
    for (size_t i = 0; dot != NULL && i < services_count; i++) {
        const char *service = services[i]->short_name;
        if (strlen(service) != (size_t)(dot - method) ||
            strncmp(service, method, (size_t)(dot - method)) != 0)
            continue;
        const ProtobufCMethodDescriptor *row =
            protobuf_c_service_descriptor_get_method_by_name(services[i], dot + 1);
        for (unsigned k = 0; row != NULL && k < row->input->n_fields; k++) {
            if (secret_field(row->input->fields[k].name))
                return true;
        }
    }
    return false;
}
