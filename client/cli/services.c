#include "client/cli/services.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common.pb-c.h"
#include "proto/base/bug.h"
#include "schema_texts.h"

void name_kebab(const char *name, char out[SERVICE_NAME_TEXT_MAX])
{
    size_t len = 0;
    for (size_t i = 0; name[i] != '\0' && len < SERVICE_NAME_TEXT_MAX - 2; i++) {
        unsigned char here = (unsigned char)name[i];
        bool starts = i > 0 && isupper(here) &&
                      (islower((unsigned char)name[i - 1]) ||
                       (isupper((unsigned char)name[i - 1]) && islower((unsigned char)name[i + 1])));
        if (starts)
            out[len++] = '-';
        out[len++] = here == '_' ? '-' : (char)tolower(here);
    }
    out[len] = '\0';
}

/* Equal but for case and '-' against '_'. */
static bool name_equal(struct slice a, const char *b)
{
    if (a.len != strlen(b))
        return false;
    for (size_t i = 0; i < a.len; i++) {
        int left = a.ptr[i] == '-' ? '_' : tolower(a.ptr[i]);
        int right = b[i] == '-' ? '_' : tolower((unsigned char)b[i]);
        if (left != right)
            return false;
    }
    return true;
}

/* Equal but for '-' against '_'. */
static bool field_name_equal(struct slice a, const char *b)
{
    if (a.len != strlen(b))
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if ((a.ptr[i] == '-' ? '_' : a.ptr[i]) != (uint8_t)b[i])
            return false;
    }
    return true;
}

const ProtobufCServiceDescriptor *service_by_noun(const char *noun)
{
    for (size_t i = 0; i < services_count; i++) {
        char kebab[SERVICE_NAME_TEXT_MAX];
        name_kebab(services[i]->short_name, kebab);
        if (strcmp(kebab, noun) == 0)
            return services[i];
    }
    return NULL;
}

static bool method_streams(const char *name)
{
#define ROW(method) method,
    static const char *const streams[] = {SCHEMA_STREAMS(ROW)};
#undef ROW
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
        if (strcmp(streams[i], name) == 0)
            return true;
    }
    return false;
}

void method_at(const ProtobufCServiceDescriptor *service, size_t index, struct method *out)
{
    ASSERT(index < service->n_methods);
    *out = (struct method){.service = service, .row = &service->methods[index]};
    (void)snprintf(out->name, sizeof out->name, "%s.%s", service->short_name, out->row->name);
    out->command = out->row->output == &daftari__v1__recorded__descriptor;
    out->streams = method_streams(out->name);
}

bool method_by_verb(const ProtobufCServiceDescriptor *service, const char *verb, struct method *out)
{
    for (size_t i = 0; i < service->n_methods; i++) {
        char kebab[SERVICE_NAME_TEXT_MAX];
        name_kebab(service->methods[i].name, kebab);
        if (strcmp(kebab, verb) == 0) {
            method_at(service, i, out);
            return true;
        }
    }
    return false;
}

bool method_by_name(const char *name, struct method *out)
{
    for (size_t i = 0; i < services_count; i++) {
        for (size_t k = 0; k < services[i]->n_methods; k++) {
            struct method method;
            method_at(services[i], k, &method);
            if (strcmp(method.name, name) == 0) {
                *out = method;
                return true;
            }
        }
    }
    return false;
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *name, *text;
} short_names[] = {
    {"from_date", "from"},
    {"to_date", "to"},
    {"as_at_date", "as_at"},
    {"compare_from_date", "compare_from"},
    {"compare_to_date", "compare_to"},
};

#define SHORT_NAMES (sizeof short_names / sizeof short_names[0])

void field_short_name(const ProtobufCFieldDescriptor *field, char out[SERVICE_NAME_TEXT_MAX])
{
    (void)snprintf(out, SERVICE_NAME_TEXT_MAX, "%s", field->name);
    for (size_t i = 0; i < SHORT_NAMES; i++) {
        if (strcmp(field->name, short_names[i].name) == 0)
            (void)snprintf(out, SERVICE_NAME_TEXT_MAX, "%s", short_names[i].text);
    }
    out[strlen(out) - strlen(field_unit(field_form(field)))] = '\0';
}

size_t name_singular_len(const char *name)
{
    size_t len = strlen(name);
    bool plural = len > 2 && name[len - 1] == 's' && name[len - 2] != 's'; /* "access" is one already */
    return plural ? len - 1 : len;
}

void field_option_name(const ProtobufCFieldDescriptor *field, char out[SERVICE_NAME_TEXT_MAX])
{
    char name[SERVICE_NAME_TEXT_MAX];
    field_short_name(field, name);
    name_kebab(name, out);
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        out[name_singular_len(out)] = '\0';
    if (strcmp(out, "known-at-position") == 0 || strcmp(out, "known-at-time") == 0)
        (void)snprintf(out, SERVICE_NAME_TEXT_MAX, "known-at");
}

/* One name of a path, of which the descriptor is not at hand. */
static void part_short(char name[SERVICE_NAME_TEXT_MAX])
{
    if (strncmp(name, "known_at_", 9) == 0)
        (void)snprintf(name, SERVICE_NAME_TEXT_MAX, "known-at");
    for (size_t i = 0; i < SHORT_NAMES; i++) {
        if (strcmp(name, short_names[i].name) == 0)
            (void)snprintf(name, SERVICE_NAME_TEXT_MAX, "%s", short_names[i].text);
    }
    name[strlen(name) - strlen(field_unit(number_form(name)))] = '\0';
}

void path_short(const char *path, char *out, size_t cap)
{
    size_t len = 0;
    out[0] = '\0';
    while (*path != '\0' && len + 1 < cap) {
        char name[SERVICE_NAME_TEXT_MAX];
        size_t name_len = strcspn(path, ".[");
        size_t rest_len = strcspn(path + name_len, ".");
        rest_len += path[name_len + rest_len] == '.';
        (void)snprintf(name, sizeof name, "%.*s", (int)(name_len < 4096 ? name_len : 4096), path);
        part_short(name);
        (void)snprintf(out + len, cap - len, "%s%.*s", name, (int)(rest_len < 4096 ? rest_len : 4096),
                       path + name_len);
        len += strlen(out + len);
        path += name_len + rest_len;
    }
}

const ProtobufCFieldDescriptor *field_by_name(const ProtobufCMessageDescriptor *type, struct slice name,
                                              bool singular)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        char text[SERVICE_NAME_TEXT_MAX];
        field_short_name(field, text);
        if (field_name_equal(name, text) || field_name_equal(name, field->name))
            return field;
        text[name_singular_len(text)] = '\0';
        if (singular && field->label == PROTOBUF_C_LABEL_REPEATED && field_name_equal(name, text))
            return field;
    }
    return NULL;
}

/* ---- enums ------------------------------------------------------------------------------------------------------- */

void enum_text(const ProtobufCEnumDescriptor *type, int value, char out[SERVICE_NAME_TEXT_MAX])
{
    const ProtobufCEnumValue *row = protobuf_c_enum_descriptor_get_value(type, value);
    if (row != NULL)
        name_kebab(row->name + enum_prefix(type), out);
    else
        (void)snprintf(out, SERVICE_NAME_TEXT_MAX, "%d", value);
}

bool enum_offered(const ProtobufCEnumDescriptor *type, unsigned index)
{
    static const char mark[] = "not given";
    const char *text = schema_text(type->short_name, type->values[index].name);
    return text == NULL || strncmp(text, mark, sizeof mark - 1) != 0;
}

bool enum_parse(const ProtobufCEnumDescriptor *type, struct slice text, int *out)
{
    size_t prefix = enum_prefix(type);
    for (unsigned i = 0; i < type->n_values; i++) {
        if (name_equal(text, type->values[i].name) || name_equal(text, type->values[i].name + prefix)) {
            *out = type->values[i].value;
            return true;
        }
    }
    return false;
}

const char *schema_text(const char *message, const char *field)
{
#define ROW(message_name, field_name, text) {message_name, field_name, text},
    static const struct {
        const char *message, *field, *text;
    } rows[] = {SCHEMA_TEXTS(ROW)};
#undef ROW
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].message, message) == 0 && strcmp(rows[i].field, field) == 0)
            return rows[i].text;
    }
    return NULL;
}

bool field_from_server(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)
{
    static const char mark[] = "set by the server";
    const char *text = schema_text(type->short_name, field->name);
    return text != NULL && strncmp(text, mark, sizeof mark - 1) == 0;
}
