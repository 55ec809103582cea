/* Request frames as the server reads them: whatever is taken, the reader made from the schema takes too, and sees the
 * same; walking the commands ends. */
#include "envelope.pb-c.h"
#include "proto/base/bug.h"
#include "server/net/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct envelope_request got;
    struct fault why = {0};
    if (envelope_request_parse(slice_of(data, size), &got, &why) != STATUS_OK)
        return 0;
    Daftari__V1__Request *same = daftari__v1__request__unpack(NULL, size, data);
    ASSERT(same != NULL && same->request_id == got.request_id && same->n_commands == got.command_count);
    ASSERT(same->deadline_ms == got.deadline_ms && same->credit == got.credit);
    ASSERT(same->at_least_position == got.at_least_position);
    size_t place = 0, count = 0, bytes = 0;
    struct envelope_command command;
    while (envelope_command_next(&got, &place, &command)) {
        const Daftari__V1__Command *other = same->commands[count++];
        ASSERT((other->has_command_id != 0) == command.has_id && other->body.len == command.body.len);
        bytes += command.body.len;
    }
    ASSERT(count == got.command_count && bytes == got.body_bytes);
    daftari__v1__request__free_unpacked(same, NULL);
    return 0;
}
