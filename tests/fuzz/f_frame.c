/* A stream of frames from outside: each is taken apart and its envelope checked, as the network edge does. */
#include "envelope.pb-c.h"
#include "proto/base/bug.h"
#include "proto/wire/frame.h"
#include "proto/wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ProtobufCMessageDescriptor *const types[] = {
    [FRAME_HELLO] = &daftari__v1__hello__descriptor,
    [FRAME_WELCOME] = &daftari__v1__welcome__descriptor,
    [FRAME_REQUEST] = &daftari__v1__request__descriptor,
    [FRAME_RESPONSE] = &daftari__v1__response__descriptor,
    [FRAME_GRANT] = &daftari__v1__grant__descriptor,
    [FRAME_CANCEL] = &daftari__v1__cancel__descriptor,
    [FRAME_GOODBYE] = &daftari__v1__goodbye__descriptor,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size);
    for (;;) {
        struct frame frame;
        struct fault why = {0};
        size_t used = 0;
        enum status status = frame_decode(rest, &frame, &used, &why);
        if (status == STATUS_AGAIN) {
            ASSERT(used > rest.len);
            return 0;
        }
        if (status != STATUS_OK) {
            ASSERT(why.status == status && why.text[0] != '\0');
            return 0;
        }
        ASSERT(used == FRAME_HEADER_BYTES + frame.payload.len && used <= rest.len);
        uint8_t header[FRAME_HEADER_BYTES];
        frame_header_encode(frame.kind, frame.payload.len, header);
        ASSERT(memcmp(header, rest.ptr, sizeof header) == 0);
        if (message_check(types[frame.kind], frame.payload, true, &why) == STATUS_OK) {
            ProtobufCMessage *message =
                protobuf_c_message_unpack(types[frame.kind], NULL, frame.payload.len, frame.payload.ptr);
            ASSERT(message != NULL);
            protobuf_c_message_free_unpacked(message, NULL);
        }
        rest = slice_of(rest.ptr + used, rest.len - used);
    }
}
