/* server/net/envelope: the hand-made codec against the one made from the schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "envelope.pb-c.h"
#include "proto/wire/frame.h"
#include "server/net/envelope.h"
#include "tests/support/random.h"

#define COMMANDS_MAX 20

static void requests_parse_as_the_schema_says(void **state)
{
    (void)state;
    struct random random = random_start();
    for (int round = 0; round < 2000; round++) {
        Daftari__V1__Request made = DAFTARI__V1__REQUEST__INIT;
        Daftari__V1__Command commands[COMMANDS_MAX], *list[COMMANDS_MAX];
        uint8_t bytes[300], packed[16384];
        char method[] = "Entry.Post";
        random_fill(&random, bytes, sizeof bytes);
        made.has_request_id = 1;
        made.request_id = random_next(&random) >> random_below(&random, 63);
        made.request_id += made.request_id == 0 ? 1 : 0;
        made.method = random_below(&random, 4) != 0 ? method : NULL;
        made.has_deadline_ms = random_below(&random, 2) != 0;
        made.deadline_ms = (uint32_t)random_next(&random);
        made.has_at_least_position = random_below(&random, 2) != 0;
        made.at_least_position = random_next(&random);
        made.has_credit = random_below(&random, 2) != 0;
        made.credit = (uint32_t)random_below(&random, 100);
        made.n_commands = random_below(&random, COMMANDS_MAX);
        made.commands = list;
        for (size_t i = 0; i < made.n_commands; i++) {
            list[i] = &commands[i];
            daftari__v1__command__init(list[i]);
            commands[i].has_command_id = random_below(&random, 2) != 0;
            commands[i].command_id = (ProtobufCBinaryData){.len = random_below(&random, 20), .data = bytes};
            commands[i].has_body = random_below(&random, 4) != 0;
            commands[i].body = (ProtobufCBinaryData){.len = random_below(&random, 300), .data = bytes};
        }
        size_t len = daftari__v1__request__get_packed_size(&made);
        assert_true(len <= sizeof packed);
        daftari__v1__request__pack(&made, packed);

        struct envelope_request got;
        assert_int_equal(envelope_request_parse(slice_of(packed, len), &got, NULL), STATUS_OK);
        assert_int_equal(got.request_id, made.request_id);
        assert_int_equal(got.method.len, made.method != NULL ? strlen(method) : 0);
        assert_int_equal(got.deadline_ms, made.has_deadline_ms ? made.deadline_ms : 0);
        assert_int_equal(got.at_least_position, made.has_at_least_position ? made.at_least_position : 0);
        assert_int_equal(got.credit, made.has_credit ? made.credit : 0);
        assert_int_equal(got.command_count, made.n_commands);
        size_t place = 0, body_bytes = 0;
        struct envelope_command command;
        for (size_t i = 0; i < made.n_commands; i++) {
            assert_true(envelope_command_next(&got, &place, &command));
            assert_int_equal(command.has_id, commands[i].has_command_id);
            assert_int_equal(command.id.len, commands[i].has_command_id ? commands[i].command_id.len : 0);
            assert_int_equal(command.body.len, commands[i].has_body ? commands[i].body.len : 0);
            if (command.body.len != 0)
                assert_memory_equal(command.body.ptr, bytes, command.body.len);
            body_bytes += command.body.len;
        }
        assert_int_equal(got.body_bytes, body_bytes);
        assert_false(envelope_command_next(&got, &place, &command));
    }
}

static void malformed_requests_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"", 0},                                                      /* no id */
        {"\x08\x00", 2},                                              /* id 0 */
        {"\x08", 1},                                                  /* cut */
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11},         /* over 64 bits */
        {"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12},     /* eleven bytes */
        {"\x08\x01\x18\x80\x80\x80\x80\x10", 8},                      /* deadline over 32 bits */
        {"\x08\x01\x30\x80\x80\x80\x80\x10", 8},                      /* credit over 32 bits */
        {"\x08\x01\x12\x05\x41", 5},                                  /* method past the end */
        {"\x08\x01\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13}, /* by a lot */
        {"\x08\x01\x0d\x00\x00\x00\x00", 7},                          /* fixed32 */
        {"\x08\x01\x0b", 3},                                          /* group */
        {"\x08\x01\x10\x01", 4},                                      /* method as a number */
        {"\x08\x01\x38\x01", 4},                                      /* unknown field */
        {"\x08\x01\x2a\x02\x1a\x00", 6},                              /* unknown field of a command */
        {"\x08\x01\x2a\x02\x08\x01", 6},                              /* command id as a number */
        {"\x08\x01\x2a\x02\x12\x01", 6},                              /* body past the command */
        {"\x08\x01\x00\x01", 4},                                      /* field 0 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct envelope_request got = {.request_id = 77};
        struct fault why = {0};
        if (envelope_request_parse(slice_of(cases[i].bytes, cases[i].len), &got, &why) != STATUS_INVALID)
            fail_msg("case %zu was taken", i);
        assert_int_equal(got.request_id, 77);
        assert_true(why.text[0] != '\0');
    }
}

/* All answers of all frames in `out`, in order; returns how many frames. */
static size_t frames_read(struct buffer *out, uint64_t id, uint64_t position, Daftari__V1__Answer **answers,
                          size_t *out_count, Daftari__V1__Response **responses)
{
    size_t frames = 0;
    *out_count = 0;
    bool ended = false;
    while (buffer_len(out) != 0) {
        struct frame frame;
        size_t used = 0;
        assert_int_equal(frame_decode(buffer_slice(out), &frame, &used, NULL), STATUS_OK);
        assert_int_equal(frame.kind, FRAME_RESPONSE);
        Daftari__V1__Response *r = daftari__v1__response__unpack(NULL, frame.payload.len, frame.payload.ptr);
        assert_non_null(r);
        assert_false(ended);
        assert_int_equal(r->request_id, id);
        assert_int_equal(r->position, position);
        for (size_t i = 0; i < r->n_answers; i++)
            answers[(*out_count)++] = r->answers[i];
        ended = r->end;
        responses[frames++] = r;
        buffer_take(out, used);
    }
    assert_true(ended);
    return frames;
}

static void responses_read_as_the_schema_says(void **state)
{
    (void)state;
    struct random random = random_start();
    static uint8_t body[FRAME_PAYLOAD_MAX];
    static Daftari__V1__Answer *answers[1000];
    Daftari__V1__Response *responses[1000];
    struct fault fault = {
        .status = STATUS_REFUSED, .reason = 5, .field = "lines[1]", .text = "what is right"};
    for (int round = 0; round < 60; round++) {
        struct buffer out = {0};
        size_t lens[1000], count = random_below(&random, 1000), read_count;
        size_t most = random_below(&random, 3) == 0 ? 20000 : 100;
        uint64_t id = random_next(&random), position = random_next(&random);
        struct response response = response_begin(&out, id, position);
        for (size_t i = 0; i < count; i++) {
            lens[i] = random_below(&random, most);
            if (i % 7 == 3)
                response_answer(&response, STATUS_REFUSED, slice_of(NULL, 0), &fault);
            else
                response_answer(&response, STATUS_OK, slice_of(body, lens[i]), NULL);
        }
        assert_true(response_finish(&response, true));
        size_t frames = frames_read(&out, id, position, answers, &read_count, responses);
        assert_int_equal(read_count, count);
        for (size_t i = 0; i < count; i++) {
            if (i % 7 != 3) {
                assert_int_equal(answers[i]->status, 0);
                assert_int_equal(answers[i]->body.len, lens[i]);
                continue;
            }
            assert_int_equal(answers[i]->status, STATUS_REFUSED);
            assert_int_equal(answers[i]->fault->reason, 5);
            assert_string_equal(answers[i]->fault->field, "lines[1]");
            assert_string_equal(answers[i]->fault->text, "what is right");
        }
        for (size_t i = 0; i < frames; i++)
            daftari__v1__response__free_unpacked(responses[i], NULL);
        buffer_done(&out);
    }
}

static void the_largest_answer_just_fits(void **state)
{
    (void)state;
    static uint8_t body[FRAME_PAYLOAD_MAX + 1];
    Daftari__V1__Answer *answers[4];
    Daftari__V1__Response *responses[4];
    size_t count;
    for (size_t len = FRAME_PAYLOAD_MAX - 80; len <= FRAME_PAYLOAD_MAX + 1; len++) {
        struct buffer out = {0};
        struct response response = response_begin(&out, UINT64_MAX, UINT64_MAX);
        response_answer(&response, STATUS_OK, slice_of(body, 1), NULL);
        response_answer(&response, STATUS_OK, slice_of(body, len), NULL);
        assert_true(response_finish(&response, true));
        size_t frames = frames_read(&out, UINT64_MAX, UINT64_MAX, answers, &count, responses);
        assert_int_equal(count, 2);
        if (answers[1]->status == 0)
            assert_int_equal(answers[1]->body.len, len);
        else
            assert_int_equal(answers[1]->status, STATUS_TOO_LARGE);
        assert_int_equal(answers[1]->status, len > FRAME_PAYLOAD_MAX - 48 ? STATUS_TOO_LARGE : STATUS_OK);
        for (size_t i = 0; i < frames; i++)
            daftari__v1__response__free_unpacked(responses[i], NULL);
        buffer_done(&out);
    }
}

static void faults_are_always_text(void **state)
{
    (void)state;
    struct buffer out = {0};
    Daftari__V1__Answer *answers[4];
    Daftari__V1__Response *responses[4];
    size_t count;
    struct fault broken = {.status = STATUS_INVALID, .field = "a\xff", .text = "b\x01"};
    struct response response = response_begin(&out, 1, 0);
    response_answer(&response, STATUS_INVALID, slice_of(NULL, 0), &broken);
    response_answer(&response, STATUS_BUSY, slice_of(NULL, 0), NULL);
    assert_true(response_finish(&response, true));
    size_t frames = frames_read(&out, 1, 0, answers, &count, responses);
    assert_int_equal(frames, 1);
    assert_null(answers[0]->fault->field);
    assert_string_equal(answers[0]->fault->text, status_text(STATUS_INVALID));
    assert_string_equal(answers[1]->fault->text, status_text(STATUS_BUSY));
    daftari__v1__response__free_unpacked(responses[0], NULL);
    buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_parse_as_the_schema_says),
        cmocka_unit_test(malformed_requests_are_refused),
        cmocka_unit_test(responses_read_as_the_schema_says),
        cmocka_unit_test(the_largest_answer_just_fits),
        cmocka_unit_test(faults_are_always_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
