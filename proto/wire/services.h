/* Every service of the schemas, in the order of their names. Const data. */
#ifndef PROTO_WIRE_SERVICES_H
#define PROTO_WIRE_SERVICES_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

extern const ProtobufCServiceDescriptor *const services[];
extern const size_t services_count;

#endif
