/* Request and response bodies of every method: the first byte chooses service, the second method and side. What the
 * checker takes, protobuf-c takes, and packed again it is taken again. */
#include <stdlib.h>

#include "proto/base/bug.h"
#include "proto/base/text.h"
#include "proto/wire/message.h"
#include "proto/wire/services.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fault(const struct fault *why)
{
    ASSERT(why->status == STATUS_INVALID && why->text[0] != '\0');
    ASSERT(text_valid(slice_text(why->field)) && text_valid(slice_text(why->text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const ProtobufCServiceDescriptor *service = services[data[0] % services_count];
    const ProtobufCMethodDescriptor *method = &service->methods[data[1] / 2 % service->n_methods];
    const ProtobufCMessageDescriptor *type = data[1] % 2 == 0 ? method->input : method->output;
    struct slice body = slice_of(data + 2, size - 2);
    struct fault why = {0};
    bool lenient = message_check(type, body, false, &why) == STATUS_OK;
    if (!lenient)
        check_fault(&why);
    if (message_check(type, body, true, &why) != STATUS_OK) {
        check_fault(&why);
        if (!lenient)
            return 0;
    } else {
        ASSERT(lenient);
    }
    ProtobufCMessage *message = protobuf_c_message_unpack(type, NULL, body.len, body.ptr);
    ASSERT(message != NULL);
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *again = malloc(len + 1);
    ASSERT(again != NULL);
    ASSERT(protobuf_c_message_pack(message, again) == len);
    ASSERT(message_check(type, slice_of(again, len), false, NULL) == STATUS_OK);
    free(again);
    protobuf_c_message_free_unpacked(message, NULL);
    return 0;
}
