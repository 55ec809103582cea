#include "server/domain/kernel/form.h"

#include <stdio.h>

#include "proto/base/text.h"
#include "server/domain/kernel/rows.h"

#define TAG_NAME_MAX  100u
#define TAG_VALUE_MAX 200u

static bool blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t\n")] == '\0';
}

enum status form_text(const char *text, const char *field, size_t max, bool needed, struct fault *why)
{
    if (needed && blank(text))
        return fault_set(why, STATUS_INVALID, field, "needed, up to %zu bytes of text", max);
    if (text != NULL && strlen(text) > max)
        return fault_set(why, STATUS_INVALID, field, "at most %zu bytes, got %zu", max, strlen(text));
    return STATUS_OK;
}

enum status form_code(const char *text, const char *field, size_t min, size_t max, bool digits,
                      struct fault *why)
{
    size_t len = text != NULL ? strlen(text) : 0;
    bool good = len >= min && len <= max;
    for (size_t i = 0; good && i < len; i++)
        good = (text[i] >= 'A' && text[i] <= 'Z') || (digits && text[i] >= '0' && text[i] <= '9');
    if (!good)
        return fault_set(why, STATUS_INVALID, field, "%zu to %zu capital letters%s", min, max,
                         digits ? " and digits" : "");
    return STATUS_OK;
}

enum status form_tags(Daftari__V1__Tag *const *tags, size_t count, const char *field, struct fault *why)
{
    char path[FAULT_FIELD_MAX];
    if (count > TAGS_MAX)
        return fault_set(why, STATUS_INVALID, field, "at most %u tags, got %zu", TAGS_MAX, count);
    for (size_t i = 0; i < count; i++) {
        if (blank(tags[i]->name) || strlen(tags[i]->name) > TAG_NAME_MAX)
            return fault_set(why, STATUS_INVALID, form_path(path, field, i, "name"), "1 to %u bytes of text",
                             TAG_NAME_MAX);
        if (tags[i]->value != NULL && strlen(tags[i]->value) > TAG_VALUE_MAX)
            return fault_set(why, STATUS_INVALID, form_path(path, field, i, "value"), "at most %u bytes",
                             TAG_VALUE_MAX);
    }
    return STATUS_OK;
}

enum status form_phone(const char *phone, const char *field, struct fault *why)
{
    if (text_empty(phone))
        return STATUS_OK;
    size_t digits = strspn(phone + 1, "0123456789");
    if (phone[0] == '+' && phone[1] != '0' && digits >= 8 && digits <= 15 && phone[1 + digits] == '\0')
        return STATUS_OK;
    return fault_refuse(why, DAFTARI__V1__REASON__PHONE_BAD, field,
                        "the international form: plus and 8 to 15 digits, like +254700000001");
}

enum status form_email(const char *email, const char *field, struct fault *why)
{
    if (text_empty(email))
        return STATUS_OK;
    const char *at = strchr(email, '@');
    bool good = strlen(email) <= EMAIL_TEXT_MAX && at != NULL && at != email && at == strrchr(email, '@') &&
                strchr(at, '.') != NULL && at[1] != '.' && at[strlen(at) - 1] != '.' &&
                email[strcspn(email, " \t\n<>,;\"")] == '\0';
    if (good)
        return STATUS_OK;
    return fault_refuse(why, DAFTARI__V1__REASON__EMAIL_BAD, field, "an address like shop@example.org");
}

enum status form_left_out(bool given, const char *field, struct fault *why)
{
    return given ? fault_set(why, STATUS_INVALID, field, "the server sets this itself: leave it out")
                 : STATUS_OK;
}

const char *form_path(char out[FAULT_FIELD_MAX], const char *list, size_t index, const char *field)
{
    (void)snprintf(out, FAULT_FIELD_MAX, "%s[%zu].%s", list, index, field);
    return out;
}

enum status query_end(struct kv_txn *masters, enum status otherwise, struct fault *why)
{
    if (kv_error(masters) != STATUS_OK)
        return fault_set(why, kv_error(masters), NULL, "the stored rows could not be read");
    return otherwise;
}

enum status query_next_row(const struct query_context *context, struct kv_txn *masters, unsigned table,
                           struct slice *cursor, struct slice *out_key, struct slice *out_value,
                           struct fault *why)
{
    if (!row_next(masters, table, *cursor, out_key, out_value))
        return query_end(masters, STATUS_END, why);
    if (!arena_copy(context->arena, *out_key, cursor))
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the answer is too large");
    return STATUS_OK;
}

void *message_new(const ProtobufCMessageDescriptor *type, struct arena *arena)
{
    void *message = arena_take(arena, type->sizeof_message);
    if (message != NULL)
        protobuf_c_message_init(type, message);
    return message;
}

char *number_text(uint64_t number, struct arena *arena)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    return arena_text(arena, slice_of(text, (size_t)len));
}
