#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/wire/arena.h"

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

static void is_used_again(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    arena_done(&arena); /* nothing was taken */
    uint8_t *first = arena_take(&arena, 100);
    assert_non_null(first);
    assert_non_null(arena_take(&arena, 500000));
    arena_reset(&arena);
    assert_ptr_equal(arena_take(&arena, 100), first); /* the first chunk stayed */
    arena_done(&arena);
    assert_non_null(arena_take(&arena, 500000)); /* a first chunk as large as that does not stay */
    arena_reset(&arena);
    assert_null(arena.newest);
    assert_null(arena_take(&arena, (1 << 20) + 1)); /* the cap holds */
    assert_non_null(arena_take(&arena, 1 << 20));
    arena_done(&arena);
}

static void adopts(void **state)
{
    (void)state;
    struct arena to, from;
    arena_init(&to, 100000);
    arena_init(&from, 100000);
    assert_true(arena_adopt(&to, &from)); /* nothing */
    assert_int_equal(arena_used(&to), 0);
    char *mine = arena_text(&to, slice_text("mine"));
    char *theirs = arena_text(&from, slice_text("theirs"));
    assert_non_null(arena_take(&from, 20000));
    assert_true(arena_adopt(&to, &from));
    assert_int_equal(arena_used(&from), 0);
    assert_true(arena_used(&to) >= 16 + 8192 + 20000);
    assert_non_null(arena_take(&from, 50000));
    assert_non_null(arena_take(&to, 50000));
    size_t used = arena_used(&to);
    assert_false(arena_adopt(&to, &from));
    assert_int_equal(arena_used(&to), used);
    assert_int_equal(arena_used(&from), 50000);
    assert_string_equal(mine, "mine");
    assert_string_equal(theirs, "theirs");
    arena_done(&from);
    arena_done(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_out_aligned_and_apart),
        cmocka_unit_test(stops_at_its_cap),
        cmocka_unit_test(copies),
        cmocka_unit_test(is_used_again),
        cmocka_unit_test(adopts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
