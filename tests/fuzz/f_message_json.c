/* JSON from outside as a message of any method: what is taken is a valid message, and comes back the same. The first byte
 * chooses the method. */
#include "client/cli/message_json.h"
#include "client/cli/services.h"
#include "proto/base/bug.h"
#include "proto/wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status scale_of(void *context, const char *code, uint32_t *out, struct fault *why)
{
    (void)context;
    if (code != NULL && code[0] == 'X')
        return fault_set(why, STATUS_NOT_FOUND, "currency", "no such currency");
    *out = code == NULL ? 2 : (uint32_t)code[0] % 13;
    return STATUS_OK;
}

static void method_chosen(uint8_t byte, struct method *out)
{
    size_t left = byte;
    for (size_t s = 0;; s = (s + 1) % services_count) {
        if (left < services[s]->n_methods) {
            method_at(services[s], left, out);
            return;
        }
        left -= services[s]->n_methods;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct conversion conversion = {.scale = scale_of, .today = 20261123};
    struct method method;
    struct arena arena;
    struct fault why = {0};
    struct slice first, second;
    json_t *back = NULL;
    if (size == 0)
        return 0;
    method_chosen(data[0], &method);
    json_t *object = json_loadb((const char *)data + 1, size - 1, JSON_REJECT_DUPLICATES, NULL);
    if (object == NULL)
        return 0;
    const ProtobufCMessageDescriptor *type = method.row->input;
    arena_init(&arena, 64 * 1024 * 1024);
    if (message_from_json(type, object, &conversion, &arena, &first, &why) == STATUS_OK) {
        ASSERT(message_check(type, first, true, &why) == STATUS_OK);
        ASSERT(message_to_json(type, first, &conversion, &back, &why) == STATUS_OK);
        ASSERT(message_from_json(type, back, &conversion, &arena, &second, &why) == STATUS_OK);
        ASSERT(slice_equal(first, second));
        json_decref(back);
    } else {
        ASSERT(why.status != STATUS_OK && why.text[0] != '\0');
    }
    arena_done(&arena);
    json_decref(object);
    return 0;
}
