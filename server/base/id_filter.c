/* Blocked Bloom filters: an id sets one bit in each of the eight words of one cache line, so a look-up costs one miss.
 * Sixteen bits an id take about one stranger in 700 for one of ours. */
#include <sys/mman.h>

#include "server/base/id_index_parts.h"

#define LINE_BYTES  64u
#define LINE_WORDS  8u
#define BITS_PER_ID 16u
#define BYTES_MIN   (1u << 20)

static size_t line_of(const struct id_segment *segment, uint64_t hash)
{
    return (size_t)(((hash >> 32) * segment->lines) >> 32);
}

/* Six bits for each word of the line, from other bits of the hash than the line's. */
static uint64_t spread(uint64_t hash)
{
    return (hash * UINT64_C(0x9E3779B97F4A7C15)) >> 16;
}

size_t id_segment_room(size_t wanted, size_t most)
{
    size_t bytes = wanted > BYTES_MIN ? wanted : BYTES_MIN;
    return bytes < most ? bytes : most;
}

bool id_segment_make(struct id_segment *out, size_t bytes, uint64_t from)
{
    uint64_t lines = bytes / LINE_BYTES;
    if (lines == 0 || lines > UINT32_MAX)
        return false;
    /* Zero, on its own pages, and given back at once when it goes: malloc would keep it. */
    void *words = mmap(NULL, lines * LINE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (words == MAP_FAILED)
        return false;
    *out = (struct id_segment){.from = from,
                               .to = from,
                               .capacity = id_segment_ids(bytes),
                               .lines = lines,
                               .bytes = lines * LINE_BYTES,
                               .words = words};
    return true;
}

void id_segment_drop(struct id_segment *segment)
{
    if (segment->words != NULL)
        (void)munmap(segment->words, segment->bytes);
    *segment = (struct id_segment){0};
}

size_t id_segment_ids(size_t bytes)
{
    return bytes / (BITS_PER_ID / 8);
}

void id_segment_add(struct id_segment *segment, uint64_t hash)
{
    _Atomic uint64_t *line = segment->words + line_of(segment, hash) * LINE_WORDS;
    uint64_t bits = spread(hash);
    for (unsigned i = 0; i < LINE_WORDS; i++, bits >>= 6) {
        uint64_t word = atomic_load_explicit(&line[i], memory_order_relaxed);
        atomic_store_explicit(&line[i], word | UINT64_C(1) << (bits & 63), memory_order_relaxed);
    }
    segment->count++;
}

void id_segment_prefetch(const struct id_segment *segment, uint64_t hash)
{
    __builtin_prefetch(segment->words + line_of(segment, hash) * LINE_WORDS);
}

bool id_segment_may_hold(const struct id_segment *segment, uint64_t hash)
{
    const _Atomic uint64_t *line = segment->words + line_of(segment, hash) * LINE_WORDS;
    uint64_t bits = spread(hash);
    for (unsigned i = 0; i < LINE_WORDS; i++, bits >>= 6)
        if ((atomic_load_explicit(&line[i], memory_order_relaxed) >> (bits & 63) & 1) == 0)
            return false;
    return true;
}
