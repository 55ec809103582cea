/* docs/protocol.md against the code: its example frames, its table of methods, its statuses. The frames were made by a
 * program that shares no code with this one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "entry.pb-c.h"
#include "envelope.pb-c.h"
#include "log.pb-c.h"
#include "people.pb-c.h"
#include "proto/wire/frame.h"
#include "proto/wire/message.h"
#include "server/domain/domain.h"
#include "tests/support/document.h"
#include "tests/support/hex.h"

enum example { HELLO, LOG_IN, LOGGED_IN, POST, POSTED, REFUSED, FOLLOW, GRANT, CANCEL, EXAMPLES };
static const struct {
    enum frame_kind kind;
    const ProtobufCMessageDescriptor *type;
    const char *hex;
} examples[EXAMPLES] = {
    [HELLO] = {FRAME_HELLO, &daftari__v1__hello__descriptor, "0000000c010000000801120874696c6c20312e30"},
    [LOG_IN] = {FRAME_REQUEST, &daftari__v1__request__descriptor,
                "00000034030000000801120b4c6f67696e2e4c6f67496e2a2312210a1061736861406578616d706c"
                "652e636f6d120d636f727265637420686f727365"},
    [LOGGED_IN] = {FRAME_RESPONSE, &daftari__v1__response__descriptor,
                   "0000004e0400000008011246080012420a1061736861406578616d706c652e636f6d10291880a0cf"
                   "b1d2af980320a0382a20a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbd"
                   "bebf18012029"},
    [POST] = {FRAME_REQUEST, &daftari__v1__request__descriptor,
              "00000075030000000802120a456e7472792e506f73742a650a10000102030405060708090a0b0c0d"
              "0e0f12510a035754521083d2d4091a0347454e2224576174657220736f6c642c2063617368206b65"
              "707420627920746865206c61756e647279320c08e80710fad00722034c4452320c08a01f18fad007"
              "2203575452"},
    [POSTED] = {FRAME_RESPONSE, &daftari__v1__response__descriptor,
                "0000002904000000080212210800121d082a12104a452d32303236313132332d303030311881e0c0"
                "aa859e98031801202a"},
    [REFUSED] = {FRAME_RESPONSE, &daftari__v1__response__descriptor,
                 "00000047040000000802123f08051a3b080412106c696e65735b315d2e6163636f756e741a257468"
                 "657265206973206e6f206163636f756e74203430303120696e2074686520636861727418012029"},
    [FOLLOW] = {FRAME_REQUEST, &daftari__v1__request__descriptor,
                "00000018030000000803120a4c6f672e466f6c6c6f772a061204080118013002"},
    [GRANT] = {FRAME_GRANT, &daftari__v1__grant__descriptor, "000000040500000008031008"},
    [CANCEL] = {FRAME_CANCEL, &daftari__v1__cancel__descriptor, "00000002060000000803"}};

static struct document page;
static uint8_t bytes[EXAMPLES][512];
static ProtobufCMessage *messages[EXAMPLES];

static int setup(void **state)
{
    (void)state;
    document_read(&page, "docs/protocol.md");
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++)
        if (messages[i] != NULL)
            protobuf_c_message_free_unpacked(messages[i], NULL);
    return 0;
}

static void frames_are_taken_apart_and_put_together(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        size_t len = hex_bytes(examples[i].hex, bytes[i], sizeof bytes[i]), used = 0;
        struct frame frame;
        assert_int_equal(frame_decode(slice_of(bytes[i], len), &frame, &used, NULL), STATUS_OK);
        assert_int_equal(used, len);
        assert_int_equal(frame.kind, examples[i].kind);
        assert_int_equal(message_check(examples[i].type, frame.payload, true, NULL), STATUS_OK);
        messages[i] = protobuf_c_message_unpack(examples[i].type, NULL, frame.payload.len, frame.payload.ptr);
        assert_non_null(messages[i]);
        uint8_t again[512];
        frame_header_encode(examples[i].kind, frame.payload.len, again);
        assert_int_equal(protobuf_c_message_pack(messages[i], again + FRAME_HEADER_BYTES), frame.payload.len);
        assert_memory_equal(again, bytes[i], len);
        assert_true(document_shows(&page, examples[i].hex));
    }
    assert_false(document_shows(&page, "00112233445566778899"));
}

/* The request message in a Request frame. */
static ProtobufCMessage *body_of(enum example example, const char *method, bool with_id)
{
    const Daftari__V1__Request *request = (const Daftari__V1__Request *)messages[example];
    assert_string_equal(request->method, method);
    assert_int_equal(request->n_commands, 1);
    assert_int_equal(request->commands[0]->has_command_id, with_id);
    const struct method *found = domain_method(slice_text(method));
    assert_non_null(found);
    struct slice body = slice_of(request->commands[0]->body.data, request->commands[0]->body.len);
    assert_int_equal(message_check(found->request, body, true, NULL), STATUS_OK);
    ProtobufCMessage *message = protobuf_c_message_unpack(found->request, NULL, body.len, body.ptr);
    assert_non_null(message);
    return message;
}

static void requests_say_what_the_page_says(void **state)
{
    (void)state;
    const Daftari__V1__Hello *hello = (const Daftari__V1__Hello *)messages[HELLO];
    assert_int_equal(hello->version, 1);
    assert_string_equal(hello->agent, "till 1.0");

    Daftari__V1__LogIn *log_in = (Daftari__V1__LogIn *)body_of(LOG_IN, "Login.LogIn", false);
    assert_string_equal(log_in->email, "asha@example.com");
    assert_string_equal(log_in->password, "correct horse");
    daftari__v1__log_in__free_unpacked(log_in, NULL);

    Daftari__V1__PostEntry *entry = (Daftari__V1__PostEntry *)body_of(POST, "Entry.Post", true);
    assert_int_equal(entry->n_lines, 2);
    assert_int_equal(entry->lines[1]->credit_minor, 125050);
    daftari__v1__post_entry__free_unpacked(entry, NULL);

    Daftari__V1__FollowLog *follow = (Daftari__V1__FollowLog *)body_of(FOLLOW, "Log.Follow", false);
    assert_int_equal(follow->from_position, 1);
    assert_true(follow->wait);
    daftari__v1__follow_log__free_unpacked(follow, NULL);
    assert_int_equal(((const Daftari__V1__Request *)messages[FOLLOW])->credit, 2);
    assert_int_equal(((const Daftari__V1__Grant *)messages[GRANT])->parts, 8);
}

static void responses_say_what_the_page_says(void **state)
{
    (void)state;
    const Daftari__V1__Response *response = (const Daftari__V1__Response *)messages[LOGGED_IN];
    struct slice body = slice_of(response->answers[0]->body.data, response->answers[0]->body.len);
    assert_int_equal(message_check(&daftari__v1__session__descriptor, body, true, NULL), STATUS_OK);
    Daftari__V1__Session *session = daftari__v1__session__unpack(NULL, body.len, body.ptr);
    assert_int_equal(session->session, 41);
    assert_int_equal(session->token.len, 32);
    daftari__v1__session__free_unpacked(session, NULL);

    response = (const Daftari__V1__Response *)messages[POSTED];
    body = slice_of(response->answers[0]->body.data, response->answers[0]->body.len);
    Daftari__V1__Recorded *recorded = daftari__v1__recorded__unpack(NULL, body.len, body.ptr);
    assert_int_equal(recorded->position, 42);
    assert_string_equal(recorded->number, "JE-20261123-0001");
    daftari__v1__recorded__free_unpacked(recorded, NULL);
    assert_true(response->end);
    assert_int_equal(response->position, 42);

    response = (const Daftari__V1__Response *)messages[REFUSED];
    assert_int_equal(response->answers[0]->status, STATUS_REFUSED);
    assert_int_equal(response->answers[0]->fault->reason, DAFTARI__V1__REASON__ACCOUNT_UNKNOWN);
    assert_string_equal(response->answers[0]->fault->field, "lines[1].account");
}

static void every_method_is_in_the_table(void **state)
{
    (void)state;
    for (size_t c = 0; c < domain_capability_count; c++)
        for (size_t i = 0; i < domain_capabilities[c]->method_count; i++) {
            const struct method *method = &domain_capabilities[c]->methods[i];
            if (method->kind == METHOD_INTERNAL)
                continue;
            const char *who = strcmp(method->name, "Login.LogIn") == 0 ? "everybody" : "any user";
            const char *level = "";
            if (method->permission != 0) {
                who = protobuf_c_enum_descriptor_get_value(&daftari__v1__permission__descriptor,
                                                           (int)method->permission)
                          ->name;
                level = method->level == PERMISSION_WRITE ? "write" : "read";
            }
            char row[512];
            snprintf(row, sizeof row, "| `%s` | %s | %s%s | %s %s |", method->name,
                     method->request->short_name, method->streams ? "stream of " : "",
                     method->response->short_name, who, level);
            if (!document_shows(&page, row))
                fail_msg("docs/protocol.md section 11 lacks the row: %s", row);
        }
}

static void every_status_is_in_the_table(void **state)
{
    (void)state;
    static const char *const classes[] = {"", "caller", "retry", "server"};
    for (unsigned i = 0; i < daftari__v1__status__descriptor.n_values; i++) {
        enum status status = (enum status)daftari__v1__status__descriptor.values[i].value;
        char row[512];
        snprintf(row, sizeof row, "| %d | %s | %s | %s |", (int)status, status_name(status),
                 classes[status_class_of(status)], status_text(status));
        if (!document_shows(&page, row))
            fail_msg("docs/protocol.md section 10 lacks the row: %s", row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_taken_apart_and_put_together),
        cmocka_unit_test(requests_say_what_the_page_says),
        cmocka_unit_test(responses_say_what_the_page_says),
        cmocka_unit_test(every_method_is_in_the_table),
        cmocka_unit_test(every_status_is_in_the_table),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
