#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/base/arena.h"

static void hands_out_aligned_and_apart(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    uint8_t *before = NULL;
    for (size_t len = 0; len < 300; len++) {
        uint8_t *at = arena_take(arena, len);
        assert_non_null(at);
        assert_int_equal((uintptr_t)at % 16, 0);
        memset(at, (int)len, len);
        if (before != NULL)
            for (size_t i = 0; i < len - 1; i++)
                assert_int_equal(before[i], (uint8_t)(len - 1));
        before = at;
    }
    arena_free(arena);
    arena_free(NULL);
}

static void stops_at_its_cap(void **state)
{
    (void)state;
    struct arena *arena = arena_new(100000);
    size_t taken = 0;
    while (arena_take(arena, 1000) != NULL)
        taken++;
    assert_int_equal(taken, 100000 / 1008);
    assert_int_equal(arena_used(arena), taken * 1008);
    assert_null(arena_take(arena, SIZE_MAX));
    assert_null(arena_take(arena, SIZE_MAX - 20));
    struct slice copy;
    assert_false(arena_copy(arena, slice_of("", SIZE_MAX / 2), &copy));
    arena_reset(arena);
    assert_int_equal(arena_used(arena), 0);
    assert_null(arena_take(arena, 100001));
    assert_non_null(arena_take(arena, 99000)); /* one piece larger than any chunk */
    assert_null(arena_take(arena, 1008));
    arena_free(arena);
}

static void copies(void **state)
{
    (void)state;
    struct arena *arena = arena_new(4096);
    struct slice copy;
    assert_true(arena_copy(arena, slice_text("twelve bytes"), &copy));
    assert_true(slice_equal(copy, slice_text("twelve bytes")));
    assert_true(arena_copy(arena, slice_of(NULL, 0), &copy));
    assert_int_equal(copy.len, 0);
    assert_string_equal(arena_text(arena, slice_of("shortened", 5)), "short");
    uint8_t *zero = arena_take_zero(arena, 64);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(zero[i], 0);
    ProtobufCAllocator *allocator = arena_allocator(arena);
    void *at = allocator->alloc(allocator->allocator_data, 100);
    assert_non_null(at);
    allocator->free(allocator->allocator_data, at);
    assert_null(allocator->alloc(allocator->allocator_data, 5000));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_out_aligned_and_apart),
        cmocka_unit_test(stops_at_its_cap),
        cmocka_unit_test(copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
