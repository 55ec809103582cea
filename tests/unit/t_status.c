/* Status numbers in code and schema agree; faults are filled within their bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common.pb-c.h"
#include "proto/base/slice.h"
#include "proto/base/status.h"
#include "proto/base/text.h"

struct row {
    const char *name;
    int number;
    enum status_class class;
    const char *text;
};
static const struct row rows[] = {
#define STATUS(name, number, class, text) {#name, number, STATUS_CLASS_##class, text},
#include "proto/base/status.def"
#undef STATUS
};
#define ROWS (sizeof rows / sizeof *rows)

static void schema_and_code_agree(void **state)
{
    (void)state;
    unsigned sent = 0;
    for (size_t i = 0; i < ROWS; i++) {
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value(&daftari__v1__status__descriptor, rows[i].number);
        if (rows[i].class == STATUS_CLASS_LOCAL) {
            assert_null(value);
            continue;
        }
        assert_non_null(value);
        assert_string_equal(value->name, rows[i].name);
        sent++;
    }
    assert_int_equal(sent, daftari__v1__status__descriptor.n_values);
}

static void names_texts_and_classes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        enum status status = (enum status)rows[i].number;
        assert_string_equal(status_name(status), rows[i].name);
        assert_string_equal(status_text(status), rows[i].text);
        assert_int_equal(status_class_of(status), rows[i].class);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(rows[i].number, rows[j].number);
    }
    assert_string_equal(status_name((enum status)9999), "UNKNOWN");
    assert_int_equal(status_class_of((enum status)9999), STATUS_CLASS_SERVER);
    assert_string_equal(status_text((enum status)9999), "an unknown status");
}

static void faults_are_filled(void **state)
{
    (void)state;
    struct fault fault = {0};
    assert_int_equal(fault_set(&fault, STATUS_INVALID, "lines[1].account", "a number, got %u", 7u),
                     STATUS_INVALID);
    assert_int_equal(fault.status, STATUS_INVALID);
    assert_int_equal(fault.reason, 0);
    assert_string_equal(fault.field, "lines[1].account");
    assert_string_equal(fault.text, "a number, got 7");

    assert_int_equal(fault_refuse(&fault, 42, NULL, "again: %s", fault.text), STATUS_REFUSED);
    assert_int_equal(fault.status, STATUS_REFUSED);
    assert_int_equal(fault.reason, 42);
    assert_string_equal(fault.field, "");
    assert_string_equal(fault.text, "again: a number, got 7");

    assert_int_equal(fault_set(NULL, STATUS_IO, NULL, "nobody asks"), STATUS_IO);
    assert_int_equal(fault_refuse(NULL, 1, NULL, "nobody asks"), STATUS_REFUSED);
}

/* Whatever the place of the cut, it never splits a character. */
static void long_text_is_cut_between_characters(void **state)
{
    (void)state;
    static const char *const characters[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x92\xb0"};
    for (size_t c = 0; c < 4; c++) {
        for (size_t lead = 0; lead < 4; lead++) {
            char text[1024] = "abcd";
            text[lead] = '\0';
            size_t len = lead;
            for (size_t i = 0; i < 300; i++) {
                const char *piece = i < 150 ? characters[c] : "y";
                len += (size_t)snprintf(text + len, sizeof text - len, "%s", piece);
            }
            struct fault fault;
            fault_set(&fault, STATUS_INVALID, text, "%s", text);
            assert_true(text_valid(slice_text(fault.text)));
            assert_true(text_valid(slice_text(fault.field)));
            assert_in_range(strlen(fault.text), FAULT_TEXT_MAX - 4, FAULT_TEXT_MAX - 1);
            assert_in_range(strlen(fault.field), FAULT_FIELD_MAX - 4, FAULT_FIELD_MAX - 1);
            assert_memory_equal(fault.text, text, strlen(fault.text));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schema_and_code_agree),
        cmocka_unit_test(names_texts_and_classes),
        cmocka_unit_test(faults_are_filled),
        cmocka_unit_test(long_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
