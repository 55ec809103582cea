/* Every service of the schemas, in the order of their names. Const data. */
#ifndef PROTO_WIRE_SERVICES_H
#define PROTO_WIRE_SERVICES_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

extern const ProtobufCServiceDescriptor *const services[];
extern const size_t services_count;

/* Whether a request of the method ("User.SetPassword") carries a password: has a field named password or *_password.
 * Such a request is kept nowhere. False for a name that is none. */
bool services_secret(const char *method);

#endif
