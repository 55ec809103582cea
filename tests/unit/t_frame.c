/* Frames: whole, in pieces, hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/wire/frame.h"
#include "tests/support/random.h"

static void header_bytes_are_fixed(void **state)
{
    (void)state;
    uint8_t header[FRAME_HEADER_BYTES];
    frame_header_encode(FRAME_REQUEST, 0x010203 % FRAME_PAYLOAD_MAX, header);
    static const uint8_t expected[] = {0x00, 0x01, 0x02, 0x03, 0x03, 0x00, 0x00, 0x00};
    assert_memory_equal(header, expected, sizeof expected);
    frame_header_encode(FRAME_GOODBYE, FRAME_PAYLOAD_MAX, header);
    static const uint8_t largest[] = {0x00, 0x10, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00};
    assert_memory_equal(header, largest, sizeof largest);
}

static void pieces_ask_for_more(void **state)
{
    (void)state;
    uint8_t bytes[FRAME_HEADER_BYTES + 5];
    frame_header_encode(FRAME_RESPONSE, 5, bytes);
    memcpy(bytes + FRAME_HEADER_BYTES, "hello", 5);
    for (size_t len = 0; len < sizeof bytes; len++) {
        uint8_t *copy = malloc(len + 1); /* the exact bytes, for the sanitizer */
        assert_non_null(copy);
        memcpy(copy, bytes, len);
        struct frame frame = {.kind = FRAME_CANCEL};
        size_t used = 0;
        assert_int_equal(frame_decode(slice_of(copy, len), &frame, &used, NULL), STATUS_AGAIN);
        assert_int_equal(used, len < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : sizeof bytes);
        assert_int_equal(frame.kind, FRAME_CANCEL);
        free(copy);
    }
    struct frame frame;
    size_t used;
    assert_int_equal(frame_decode(slice_of(bytes, sizeof bytes), &frame, &used, NULL), STATUS_OK);
    assert_int_equal(used, sizeof bytes);
    assert_int_equal(frame.kind, FRAME_RESPONSE);
    assert_true(slice_equal(frame.payload, slice_text("hello")));
}

static void hostile_headers_end_it(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[FRAME_HEADER_BYTES];
        enum status status;
        const char *field;
    } cases[] = {
        {{0, 0, 0, 0, 0, 0, 0, 0}, STATUS_INVALID, "kind"},
        {{0, 0, 0, 0, 8, 0, 0, 0}, STATUS_INVALID, "kind"},
        {{0, 0, 0, 0, 0xff, 0, 0, 0}, STATUS_INVALID, "kind"},
        {{0, 0, 0, 0, 3, 1, 0, 0}, STATUS_INVALID, "reserved"},
        {{0, 0, 0, 0, 3, 0, 0x80, 0}, STATUS_INVALID, "reserved"},
        {{0, 0, 0, 0, 3, 0, 0, 1}, STATUS_INVALID, "reserved"},
        {{0, 0x10, 0, 1, 3, 0, 0, 0}, STATUS_TOO_LARGE, "payload_len"},
        {{0xff, 0xff, 0xff, 0xff, 3, 0, 0, 0}, STATUS_TOO_LARGE, "payload_len"},
        {{'G', 'E', 'T', ' ', '/', ' ', 'H', 'T'}, STATUS_INVALID, "kind"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct frame frame = {.kind = FRAME_CANCEL};
        struct fault why = {0};
        size_t used = 77;
        assert_int_equal(frame_decode(slice_of(cases[i].bytes, FRAME_HEADER_BYTES), &frame, &used, &why),
                         cases[i].status);
        assert_string_equal(why.field, cases[i].field);
        assert_int_equal(frame.kind, FRAME_CANCEL);
        assert_int_equal(used, 77);
    }
}

/* A run of frames cut at random places is read as the same frames. */
static void a_run_of_frames(void **state)
{
    (void)state;
    struct random random = random_start();
    enum { FRAMES = 50 };
    static uint8_t bytes[FRAMES * 300];
    size_t len = 0, sizes[FRAMES];
    for (size_t i = 0; i < FRAMES; i++) {
        sizes[i] = random_below(&random, 290);
        frame_header_encode((enum frame_kind)(1 + i % 7), sizes[i], bytes + len);
        memset(bytes + len + FRAME_HEADER_BYTES, (int)i, sizes[i]);
        len += FRAME_HEADER_BYTES + sizes[i];
    }
    size_t start = 0, have = 0, seen = 0;
    while (seen < FRAMES) {
        struct frame frame;
        size_t used;
        enum status status = frame_decode(slice_of(bytes + start, have - start), &frame, &used, NULL);
        if (status == STATUS_AGAIN) {
            assert_true(used > have - start);
            have += 1 + random_below(&random, len - have);
            continue;
        }
        assert_int_equal(status, STATUS_OK);
        assert_int_equal(frame.kind, 1 + seen % 7);
        assert_int_equal(frame.payload.len, sizes[seen]);
        for (size_t i = 0; i < frame.payload.len; i++)
            assert_int_equal(frame.payload.ptr[i], seen);
        start += used;
        seen++;
    }
    assert_int_equal(start, len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_bytes_are_fixed),
        cmocka_unit_test(pieces_ask_for_more),
        cmocka_unit_test(hostile_headers_end_it),
        cmocka_unit_test(a_run_of_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
