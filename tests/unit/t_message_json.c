/* Messages as JSON and options: every message of every service, values as people write them, errors that name the field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "client/cli/cli.h"
#include "client/cli/message_json.h"
#include "client/cli/options.h"
#include "client/cli/services.h"
#include "client/cli/table.h"
#include "entry.pb-c.h"
#include "proto/wire/message.h"
#include "tests/support/random.h"

#define ARENA_MAX (16u * 1024u * 1024u)

static enum status scale_of(void *context, const char *code, uint32_t *out, struct fault *why)
{
    (void)context;
    if (code == NULL || code[0] == '\0' || strcmp(code, "KES") == 0)
        *out = 2;
    else if (strcmp(code, "BTC") == 0)
        *out = 8;
    else
        return fault_set(why, STATUS_NOT_FOUND, "currency", "no such currency");
    return STATUS_OK;
}

static const struct conversion conversion = {.scale = scale_of, .today = 20261123, .utc_offset_minutes = 180};

static const ProtobufCMessageDescriptor *input_of(const char *name)
{
    struct method method;
    assert_true(method_by_name(name, &method));
    return method.row->input;
}

static json_t *parse(const char *text)
{
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    return object;
}

/* JSON text -> message -> JSON text. */
static void through(const char *name, const char *from, const char *to)
{
    struct arena arena;
    struct fault why = {.status = STATUS_OK};
    struct slice bytes;
    json_t *object = parse(from), *back = NULL, *wanted = parse(to);
    arena_init(&arena, ARENA_MAX);
    if (message_from_json(input_of(name), object, &conversion, &arena, &bytes, &why) != STATUS_OK)
        fail_msg("%s: %s", why.field, why.text);
    assert_int_equal(message_check(input_of(name), bytes, true, &why), STATUS_OK);
    assert_int_equal(message_to_json(input_of(name), bytes, &conversion, &back, &why), STATUS_OK);
    if (!json_equal(back, wanted)) {
        char *got = json_dumps(back, 0);
        fail_msg("%s", got);
    }
    json_decref(back);
    json_decref(object);
    json_decref(wanted);
    arena_done(&arena);
}

static void refused(const char *name, const char *from, const char *field)
{
    struct arena arena;
    struct fault why = {.status = STATUS_OK};
    struct slice bytes;
    json_t *object = parse(from);
    arena_init(&arena, ARENA_MAX);
    assert_int_equal(message_from_json(input_of(name), object, &conversion, &arena, &bytes, &why),
                     STATUS_INVALID);
    assert_string_equal(why.field, field);
    assert_true(why.text[0] != '\0');
    json_decref(object);
    arena_done(&arena);
}

static void values_are_read_as_people_write_them(void **state)
{
    (void)state;
    through(
        "Entry.Post",
        "{\"date\":\"today\",\"description\":\"Zoë\",\"lines\":[{\"account\":1110,\"debit\":\"1,250.50\"},"
        "{\"account\":\"4110\",\"credit_minor\":\"1250.5\",\"currency\":\"KES\"},"
        "{\"account\":7,\"debit\":3,\"currency\":\"BTC\"}],\"tags\":[{\"name\":\"a\",\"value\":\"b\"}]}",
        "{\"date\":\"2026-11-23\",\"description\":\"Zoë\",\"lines\":[{\"account\":1110,\"debit\":\"1250.50\","
        "\"tags\":[]},"
        "{\"account\":4110,\"credit\":\"1250.50\",\"currency\":\"KES\",\"tags\":[]},"
        "{\"account\":7,\"debit\":\"3.00000000\",\"currency\":\"BTC\",\"tags\":[]}],"
        "\"tags\":[{\"name\":\"a\",\"value\":\"b\"}]}");
    through("Account.Open",
            "{\"number\":1110,\"name\":\"Cash\",\"class\":\"mobile-money\",\"negative\":\"WARN\",\"contra\":"
            "\"yes\"}",
            "{\"number\":1110,\"name\":\"Cash\",\"class\":\"mobile-money\",\"negative\":\"warn\",\"contra\":"
            "true}");
    through("Account.Open", "{\"class\":\"CLASS_BANK\",\"header\":false}",
            "{\"class\":\"bank\",\"header\":false}");
    through("Period.Close", "{\"month\":\"2026-10\"}", "{\"month\":\"2026-10\"}");
    through("Period.Close", "{\"month\":202610}", "{\"month\":\"2026-10\"}");
    through("Entry.List", "{\"from\":\"yesterday\",\"to_date\":\"20261123\"}",
            "{\"from\":\"2026-11-22\",\"to\":\"2026-11-23\"}");
    through("Entry.List", "{\"from\":\"5/3/2026\",\"to\":\"Tomorrow\"}",
            "{\"from\":\"2026-03-05\",\"to\":\"2026-11-24\"}"); /* the day stands first */
    through("Entry.Post", "{\"description\":\"two\\nlines\"}",
            "{\"description\":\"two\\nlines\",\"lines\":[],\"tags\":[]}");
    through("User.EnrollCertificate", "{\"fingerprint\":\"00ff10\"}", "{\"fingerprint\":\"00ff10\"}");
    through("Report.Run", "{\"known_at_time\":\"2026-11-23T10:15:00Z\"}",
            "{\"known_at_time\":\"2026-11-23T10:15:00.000000Z\"}");
    through("Report.Run", "{\"known_at_time\":\"2026-11-23\"}",
            "{\"known_at_time\":\"2026-11-23T20:59:59.999999Z\"}"); /* the end of the day in Nairobi */
    through("User.Create", "{\"email\":\"a@b.c\",\"roles\":\"Cashier\"}",
            "{\"email\":\"a@b.c\",\"roles\":[\"Cashier\"]}");
    through("Entry.Draft", "{\"entry\":{\"description\":\"x\",\"lines\":[]}}",
            "{\"entry\":{\"description\":\"x\",\"lines\":[],\"tags\":[]}}");
}

static void wrong_values_name_their_field(void **state)
{
    (void)state;
    refused("Entry.Post", "{\"lines\":[{\"account\":1},{\"account\":\"x\"}]}", "lines[1].account");
    refused("Entry.Post", "{\"lines\":[{\"debit\":\"x\"},{\"credit\":\"y\"},{\"account\":\"z\"}]}",
            "lines[0].debit");
    refused("Entry.Post", "{\"lines\":[{\"debit\":\"1.555\"}]}", "lines[0].debit");
    refused("Entry.Post", "{\"lines\":[{\"debit\":1.5}]}", "lines[0].debit");
    refused("Entry.Post", "{\"lines\":[{\"debit\":\"1\",\"currency\":\"QQQ\"}]}", "lines[0].debit");
    refused("Entry.Post", "{\"date\":\"2026-02-30\"}", "date");
    static const char *const dates[] = {"31/02/2026",  "11/23/2026", "23/11/26", "23/11",    "/11/2026",
                                        "23//2026",    "2026/11/23", "0/1/2026", "1/0/2026", "023/11/2026",
                                        "23/11/2026 ", "/",          "//",       ""};
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "{\"date\":\"%s\"}", dates[i]);
        refused("Entry.Post", text, "date");
    }
    refused("Entry.Post", "{\"nonsense\":1}", "nonsense");
    refused("Entry.Post", "{\"description\":{}}", "description");
    refused("Entry.Post", "{\"description\":\"a\\u0007b\"}", "description");
    refused("Entry.Post", "{\"lines\":[{\"debit\":\"1\",\"debit_minor\":\"2\"}]}", "lines[0].debit");
    refused("Entry.Post", "{\"Date\":\"today\"}", "Date");
    refused("Account.Open", "{\"number\":-5}", "number");
    refused("Account.Open", "{\"number\":4294967296}", "number");
    refused("Account.Open", "{\"class\":\"nonsense\"}", "class");
    refused("Account.Open", "{\"contra\":\"perhaps\"}", "contra");
    refused("User.EnrollCertificate", "{\"fingerprint\":\"0g\"}", "fingerprint");
    refused("Entry.Draft", "{\"entry\":[1]}", "entry");
}

static void paths_are_shown_without_units(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"lines[0].debit_minor", "lines[0].debit"},
                                           {"lines[12].tags[3].name", "lines[12].tags[3].name"},
                                           {"external_balance_minor", "external_balance"},
                                           {"known_at_time_us", "known-at"},
                                           {"known_at_time", "known-at"},
                                           {"known_at_position", "known-at"},
                                           {"expires_time_us", "expires_time"},
                                           {"entry.from_date", "entry.from"},
                                           {"_minor", "_minor"},
                                           {"entry..[", "entry..["},
                                           {"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[FAULT_FIELD_MAX];
        path_short(cases[i][0], out, sizeof out);
        assert_string_equal(out, cases[i][1]);
        path_short(cases[i][0], out, 6);
        assert_true(strlen(out) < 6);
    }
}

/* Two fields of a message must not be called the same, and every option must find its own field. */
static void names_are_unambiguous(void **state)
{
    (void)state;
    size_t methods = 0;
    for (size_t s = 0; s < services_count; s++) {
        for (unsigned m = 0; m < services[s]->n_methods; m++, methods++) {
            const ProtobufCMessageDescriptor *types[] = {services[s]->methods[m].input,
                                                         services[s]->methods[m].output};
            for (size_t t = 0; t < 2; t++) {
                for (unsigned f = 0; f < types[t]->n_fields; f++) {
                    char name[SERVICE_NAME_TEXT_MAX];
                    field_short_name(&types[t]->fields[f], name);
                    assert_ptr_equal(field_by_name(types[t], slice_text(name), true), &types[t]->fields[f]);
                    assert_ptr_equal(field_by_name(types[t], slice_text(types[t]->fields[f].name), true),
                                     &types[t]->fields[f]);
                }
            }
        }
    }
    assert_true(methods > 60);
}

/* Random messages of every type survive the way to JSON and back, byte for byte. */
static json_t *random_value(struct random *random, const ProtobufCFieldDescriptor *field)
{
    char text[SERVICE_NAME_TEXT_MAX];
    switch (field_form(field)) {
    case FORM_TEXT:
        if (strcmp(field->name, "currency") == 0)
            return json_string(random_below(random, 2) != 0 ? "KES" : "BTC");
        (void)snprintf(text, sizeof text, "täxt %u", (unsigned)random_below(random, 1000));
        return json_string(text);
    case FORM_FLAG:
        return json_boolean(random_below(random, 2));
    case FORM_ENUM: {
        const ProtobufCEnumDescriptor *type = field->descriptor;
        enum_text(type, type->values[random_below(random, type->n_values)].value, text);
        return json_string(text);
    }
    case FORM_BYTES:
        return json_string("00a1ff");
    case FORM_DATE:
        return json_string("2024-02-29");
    case FORM_TIME:
        return json_string("2024-02-29T23:59:59.123456Z");
    case FORM_RATE:
        return json_string("16.00");
    case FORM_QUANTITY:
        return json_string("1.500");
    case FORM_MONTH:
        return json_string("2024-02");
    case FORM_DAY:
        return json_string("07-01");
    case FORM_AMOUNT:
        (void)snprintf(text, sizeof text, "%u.25", (unsigned)random_below(random, 100000));
        return json_string(text);
    default:
        return json_integer((json_int_t)random_below(random, 100000));
    }
}

static json_t *random_object(struct random *random, const ProtobufCMessageDescriptor *type)
{
    json_t *object = json_object();
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        char name[SERVICE_NAME_TEXT_MAX];
        field_short_name(field, name);
        if (field->type == PROTOBUF_C_TYPE_MESSAGE || random_below(random, 3) == 0)
            continue;
        json_t *value = random_value(random, field);
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            json_t *array = json_array();
            (void)json_array_append_new(array, value);
            value = array;
        }
        (void)json_object_set_new(object, name, value);
    }
    return object;
}

static void every_message_survives_both_ways(void **state)
{
    (void)state;
    struct random random = random_start();
    for (unsigned round = 0; round < 20; round++) {
        for (size_t s = 0; s < services_count; s++) {
            for (unsigned m = 0; m < services[s]->n_methods; m++) {
                const ProtobufCMessageDescriptor *type = services[s]->methods[m].input;
                json_t *object = random_object(&random, type), *back = NULL;
                struct arena arena;
                struct slice first, second;
                struct fault why = {.status = STATUS_OK};
                arena_init(&arena, ARENA_MAX);
                if (message_from_json(type, object, &conversion, &arena, &first, &why) != STATUS_OK)
                    fail_msg("%s %s: %s", type->name, why.field, why.text);
                assert_int_equal(message_to_json(type, first, &conversion, &back, &why), STATUS_OK);
                assert_int_equal(message_from_json(type, back, &conversion, &arena, &second, &why),
                                 STATUS_OK);
                assert_true(slice_equal(first, second));
                json_decref(object);
                json_decref(back);
                arena_done(&arena);
            }
        }
    }
}

/* ---- options ----------------------------------------------------------------------------------------------------- */

static enum status take(const char *name, int argc, const char *const *words, json_t **out)
{
    struct fault why = {.status = STATUS_OK};
    enum status status = STATUS_OK;
    char *argv[32];
    *out = json_object();
    for (int i = 0; i < argc; i++)
        argv[i] = strdup(words[i]);
    for (int at = 0; at < argc && status == STATUS_OK;)
        status = options_take(input_of(name), *out, argc, argv, &at, &why);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return status;
}

#define OPTIONS(name, ...)                                                                                   \
    take(name, (int)(sizeof(const char *[]){__VA_ARGS__} / sizeof(const char *)),                            \
         (const char *[]){__VA_ARGS__}, &got)

static void expect(json_t *got, const char *wanted_text)
{
    json_t *wanted = parse(wanted_text);
    if (!json_equal(got, wanted)) {
        char *text = json_dumps(got, 0);
        fail_msg("%s", text);
    }
    json_decref(wanted);
    json_decref(got);
}

static void options_become_messages(void **state)
{
    (void)state;
    json_t *got;
    assert_int_equal(OPTIONS("Entry.Post", "--description", "Sugar, 2 kg", "--line",
                             "account=1110,debit=1,300.00,description=a, b=c,tag=x=y",
                             "--credit=4110=1300.00,business=WTR", "--tag", "project=roof=new"),
                     STATUS_OK);
    expect(got,
           "{\"description\":\"Sugar, 2 kg\",\"lines\":[{\"account\":\"1110\",\"debit_minor\":\"1,300.00\","
           "\"description\":\"a, b=c\",\"tags\":[{\"name\":\"x\",\"value\":\"y\"}]},"
           "{\"account\":\"4110\",\"credit_minor\":\"1300.00\",\"business\":\"WTR\"}],"
           "\"tags\":[{\"name\":\"project\",\"value\":\"roof=new\"}]}");
    assert_int_equal(OPTIONS("Entry.Draft", "--description", "x", "--debit", "1=2"), STATUS_OK);
    expect(got, "{\"entry\":{\"description\":\"x\",\"lines\":[{\"account\":\"1\",\"debit_minor\":\"2\"}]}}");
    assert_int_equal(OPTIONS("Account.List", "--active-only", "--business=WTR"), STATUS_OK);
    expect(got, "{\"active_only\":true,\"business\":\"WTR\"}");
    assert_int_equal(OPTIONS("Account.List", "--no-active-only"), STATUS_OK);
    expect(got, "{\"active_only\":false}");
    assert_int_equal(OPTIONS("Account.Show", "1110"), STATUS_OK);
    expect(got, "{\"number\":\"1110\"}");
    assert_int_equal(OPTIONS("Report.Run", "trial-balance", "--known-at", "812"), STATUS_OK);
    expect(got, "{\"report\":\"trial-balance\",\"known_at_position\":\"812\"}");
    assert_int_equal(OPTIONS("Report.Run", "--known-at", "2026-11-23T10:15:00Z"), STATUS_OK);
    expect(got, "{\"known_at_time_us\":\"2026-11-23T10:15:00Z\"}");
    assert_int_equal(OPTIONS("Role.Define", "--permission", "journal=write", "--permission",
                             "permission=sales,level=read"),
                     STATUS_OK);
    expect(got, "{\"permissions\":[{\"permission\":\"journal\",\"level\":\"write\"},"
                "{\"permission\":\"sales\",\"level\":\"read\"}]}");
    assert_int_equal(OPTIONS("Opening.Post", "--balance", "1110=5,000"), STATUS_OK);
    expect(got, "{\"lines\":[{\"account\":\"1110\",\"balance_minor\":\"5,000\"}]}");
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    json_t *got;
    assert_int_equal(OPTIONS("Entry.Post", "--nonsense", "1"), STATUS_INVALID);
    json_decref(got);
    assert_int_equal(OPTIONS("Entry.Post", "--description"), STATUS_INVALID);
    json_decref(got);
    assert_int_equal(OPTIONS("Entry.Post", "--description", "a", "--description", "b"), STATUS_INVALID);
    json_decref(got);
    assert_int_equal(OPTIONS("Entry.Post", "--debit", "1110"), STATUS_INVALID);
    json_decref(got);
    assert_int_equal(OPTIONS("Entry.Post", "--line", "nonsense"), STATUS_INVALID);
    json_decref(got);
    assert_int_equal(OPTIONS("Entry.Post", "--description", "\xff\xfe"), STATUS_INVALID);
    json_decref(got);
    assert_int_equal(OPTIONS("Entry.Post", "HQ", "second"), STATUS_INVALID);
    json_decref(got);
}

static void what_is_wrong_with_a_text_is_said(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"a\rb", "control character"}, {"a\xff", "UTF-8"}};
    for (size_t i = 0; i < 2; i++) {
        struct fault why = {.status = STATUS_OK};
        char option[] = "--description", value[8];
        char *argv[] = {option, value};
        int at = 0;
        json_t *object = json_object();
        (void)snprintf(value, sizeof value, "%s", cases[i][0]);
        assert_int_equal(options_take(input_of("Entry.Post"), object, 2, argv, &at, &why), STATUS_INVALID);
        assert_non_null(strstr(why.text, cases[i][1]));
        assert_null(strstr(why.text, cases[1 - i][1]));
        json_decref(object);
    }
}

/* Words of a shell: blanks between them, quotes of both kinds around some. In place. */
static int shell_words(char *text, char **argv, int max)
{
    int argc = 0;
    char *to = text;
    for (char *at = text; *at != '\0' && argc < max;) {
        char quote = '\0';
        argv[argc++] = to;
        for (; *at != '\0' && (quote != '\0' || *at != ' '); at++) {
            if (quote == '\0' && (*at == '"' || *at == '\''))
                quote = *at;
            else if (*at == quote)
                quote = '\0';
            else
                *to++ = *at;
        }
        at += *at == ' ';
        *to++ = '\0';
    }
    return argc;
}

/* tests/system/t-examples.sh runs those that need nothing made before. */
static void every_method_has_an_example_that_is_understood(void **state)
{
    (void)state;
    size_t seen = 0;
    for (size_t i = 0; i < services_count; i++) {
        for (size_t k = 0; k < services[i]->n_methods; k++) {
            struct method method;
            struct arena arena;
            struct fault why = {.status = STATUS_OK};
            struct slice bytes;
            char text[512];
            char *argv[32];
            method_at(services[i], k, &method);
            const char *example = help_example(method.name);
            if (example == NULL)
                fail_msg("%s has no example in the help", method.name);
            (void)snprintf(text, sizeof text, "%s%s", example,
                           example[0] != '\0' ? " " : ""); /* a word may end where its NUL is written */
            int argc = shell_words(text, argv, 32);
            json_t *object = json_object();
            for (int at = 0; at < argc;) {
                if (options_take(method.row->input, object, argc, argv, &at, &why) != STATUS_OK)
                    fail_msg("%s: %s %s", method.name, why.field, why.text);
            }
            arena_init(&arena, ARENA_MAX);
            if (message_from_json(method.row->input, object, &conversion, &arena, &bytes, &why) != STATUS_OK)
                fail_msg("%s: %s %s", method.name, why.field, why.text);
            arena_done(&arena);
            json_decref(object);
            seen++;
        }
    }
    assert_true(seen > 30);
}

/* ---- JSON from a file -------------------------------------------------------------------------------------------- */

static void values_are_read_one_by_one(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":\"}\\\"{\"}\n\n{\n \"b\": [1,\n 2]\n}{\"c\":1}\nnonsense\n";
    FILE *file = fmemopen((void *)(uintptr_t)text, sizeof text - 1, "r");
    struct json_reader reader = {.from = file};
    struct fault why = {.status = STATUS_OK};
    static const uint64_t lines[] = {1, 3, 6};
    json_t *value = NULL;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(json_reader_next(&reader, &value, &why), STATUS_OK);
        assert_int_equal(reader.line, lines[i]);
        json_decref(value);
    }
    assert_int_equal(json_reader_next(&reader, &value, &why), STATUS_INVALID);
    assert_non_null(strstr(why.text, "line 7"));
    assert_int_equal(json_reader_next(&reader, &value, &why), STATUS_END);
    json_reader_done(&reader);
    (void)fclose(file);
}

static void an_array_is_read_without_holding_it(void **state)
{
    (void)state;
    static const char text[] = "[{\"a\":1},\n{\"a\":2} , {\"a\":[3]}]\n";
    FILE *file = fmemopen((void *)(uintptr_t)text, sizeof text - 1, "r");
    struct json_reader reader = {.from = file, .in_array = true};
    json_t *value = NULL;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(json_reader_next(&reader, &value, NULL), STATUS_OK);
        json_decref(value);
    }
    assert_int_equal(json_reader_next(&reader, &value, NULL), STATUS_END);
    json_reader_done(&reader);
    (void)fclose(file);
}

static void keys_given_twice_are_refused(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":1,\"a\":2}\n";
    FILE *file = fmemopen((void *)(uintptr_t)text, sizeof text - 1, "r");
    struct json_reader reader = {.from = file};
    json_t *value = NULL;
    assert_int_equal(json_reader_next(&reader, &value, NULL), STATUS_INVALID);
    json_reader_done(&reader);
    (void)fclose(file);
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static void tables_align_wide_characters(void **state)
{
    (void)state;
    struct table table;
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    table_init(&table);
    assert_true(table_add_column(&table, "name", "name", TABLE_LEFT));
    assert_true(table_add_column(&table, "empty", "empty", TABLE_LEFT));
    assert_true(table_add_column(&table, "amount", "amount", TABLE_AMOUNT));
    assert_true(table_add_row(&table, TABLE_ROW, 1) && table_set(&table, 0, "支払い") &&
                table_set(&table, 2, "1234567.50"));
    assert_true(table_add_row(&table, TABLE_ROW, 0) && table_set(&table, 0, "e\xcc\x81t\x1b[2J") &&
                table_set(&table, 2, "-1"));
    table_show(&table, to);
    (void)fclose(to);
    assert_string_equal(text, "name            amount\n"
                              "--------  ------------\n"
                              "  支払い  1,234,567.50\n"
                              "e\xcc\x81t [2J              -1\n");
    free(text);
    table_done(&table);
}

static char *shown_within(const struct table *table, const char *columns)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    assert_int_equal(setenv("COLUMNS", columns, 1), 0);
    table_show(table, to);
    (void)fclose(to);
    assert_int_equal(unsetenv("COLUMNS"), 0);
    return text;
}

static void long_texts_are_broken_to_fit(void **state)
{
    (void)state;
    struct table table;
    table_init(&table);
    assert_true(table_add_column(&table, "who", "who", TABLE_LEFT) &&
                table_add_column(&table, "what", "what", TABLE_LEFT) &&
                table_add_column(&table, "amount", "amount", TABLE_AMOUNT));
    assert_true(table_add_row(&table, TABLE_ROW, 0) && table_set(&table, 0, "owner@example.com") &&
                table_set(&table, 1, "sales=write, stök=read, settings=write") &&
                table_set(&table, 2, "1000"));
    assert_true(table_add_row(&table, TABLE_ROW, 0) && table_set(&table, 1, "short"));
    char *text = shown_within(&table, "46");
    assert_string_equal(text, "who                what                 amount\n"
                              "-----------------  -------------------  ------\n"
                              "owner@example.com  sales=write,          1,000\n"
                              "                   stök=read,\n"
                              "                   settings=write\n"
                              "                   short                      \n");
    free(text);
    text = shown_within(&table, "100"); /* room for all of it */
    assert_non_null(strstr(text, "sales=write, stök=read, settings=write   1,000\n"));
    free(text);
    table_done(&table);
}

static void rows_too_wide_for_a_line_are_blocks(void **state)
{
    (void)state;
    struct table table;
    table_init(&table);
    assert_true(table_add_column(&table, "who", "who", TABLE_LEFT) &&
                table_add_column(&table, "nothing", "nothing", TABLE_LEFT) &&
                table_add_column(&table, "what was done", "what", TABLE_LEFT));
    for (int i = 0; i < 2; i++)
        assert_true(table_add_row(&table, TABLE_ROW, 0) && table_set(&table, 0, "owner@example.com") &&
                    table_set(&table, 2, i == 0 ? "an entry was posted here" : "gone"));
    char *text = shown_within(&table, "32");
    assert_string_equal(text, "who            owner@example.com\n"
                              "what was done  an entry was\n"
                              "               posted here\n"
                              "\n"
                              "who            owner@example.com\n"
                              "what was done  gone\n");
    free(text);
    table_done(&table);
}

static void csv_quotes_what_it_must(void **state)
{
    (void)state;
    struct table table;
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    table_init(&table);
    assert_true(table_add_column(&table, "A", "a", TABLE_LEFT) &&
                table_add_column(&table, "B", "b", TABLE_AMOUNT));
    assert_true(table_add_row(&table, TABLE_ROW, 0) && table_set(&table, 0, "x, \"y\"") &&
                table_set(&table, 1, "1234.50"));
    table_show_csv(&table, true, to);
    (void)fclose(to);
    assert_string_equal(text, "a,b\r\n\"x, \"\"y\"\"\",1234.50\r\n");
    free(text);
    table_done(&table);
}

static void amounts_are_grouped(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"1", "1"},
                                           {"123", "123"},
                                           {"1234", "1,234"},
                                           {"-123456", "-123,456"},
                                           {"1234567.8901", "1,234,567.8901"},
                                           {"abc", "abc"},
                                           {"", ""},
                                           {"12a", "12a"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[64];
        amount_group(cases[i][0], out, sizeof out);
        assert_string_equal(out, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_as_people_write_them),
        cmocka_unit_test(wrong_values_name_their_field),
        cmocka_unit_test(paths_are_shown_without_units),
        cmocka_unit_test(names_are_unambiguous),
        cmocka_unit_test(every_message_survives_both_ways),
        cmocka_unit_test(options_become_messages),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(what_is_wrong_with_a_text_is_said),
        cmocka_unit_test(every_method_has_an_example_that_is_understood),
        cmocka_unit_test(values_are_read_one_by_one),
        cmocka_unit_test(an_array_is_read_without_holding_it),
        cmocka_unit_test(keys_given_twice_are_refused),
        cmocka_unit_test(tables_align_wide_characters),
        cmocka_unit_test(long_texts_are_broken_to_fit),
        cmocka_unit_test(rows_too_wide_for_a_line_are_blocks),
        cmocka_unit_test(csv_quotes_what_it_must),
        cmocka_unit_test(amounts_are_grouped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
