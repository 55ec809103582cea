/*
 * What stands in for libFuzzer in ordinary builds: replays tests/fuzz/corpus/NAME/ (NAME from the program's name,
 * f_NAME) through the harness, then inputs made from it by seeded mutation, and says so as TAP. A harness that finds
 * something aborts, which the runner counts. Run in the project's folder; DAFTARI_SEED repeats a run.
 */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INPUT_MAX  (64u * 1024u)
#define INPUTS_MAX 512u
#define MUTATIONS  4000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    uint8_t *bytes;
    size_t len;
};
static struct input inputs[INPUTS_MAX];
static size_t input_count;

static uint64_t random_next(uint64_t *state) /* splitmix64 (Steele, Lea, Flood 2014) */
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* A copy of its own size, so that the address sanitizer sees a read past its end. */
static void input_run(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len != 0 ? len : 1);
    if (copy == NULL)
        abort();
    if (len != 0)
        memcpy(copy, bytes, len);
    (void)LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static void input_load(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(INPUT_MAX);
    if (file == NULL || bytes == NULL || input_count == INPUTS_MAX) {
        printf("not ok - cannot load %s\n", path);
        exit(1);
    }
    size_t len = fread(bytes, 1, INPUT_MAX, file);
    (void)fclose(file);
    inputs[input_count++] = (struct input){.bytes = bytes, .len = len};
}

static void corpus_load(const char *name)
{
    char folder[PATH_MAX], path[2 * PATH_MAX];
    (void)snprintf(folder, sizeof folder, "tests/fuzz/corpus/%s", name);
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') {
            (void)snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
            input_load(path);
        }
        free(entries[i]);
    }
    free(entries);
}

/* One to eight small changes: a byte, a bit, an extreme value, a cut, a doubled piece. */
static size_t mutate(uint8_t *bytes, size_t len, uint64_t *seed)
{
    static const uint8_t extremes[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    for (uint64_t change = 1 + random_next(seed) % 8; change > 0; change--) {
        size_t at = len != 0 ? random_next(seed) % len : 0;
        uint64_t kind = len != 0 ? random_next(seed) % 6 : 5;
        if (kind == 0) {
            bytes[at] = (uint8_t)random_next(seed);
        } else if (kind == 1) {
            bytes[at] ^= (uint8_t)(1u << (random_next(seed) % 8));
        } else if (kind == 2) {
            bytes[at] = extremes[random_next(seed) % sizeof extremes];
        } else if (kind == 3) {
            len = at;
        } else if (kind == 4) {
            size_t piece = 1 + random_next(seed) % 32;
            if (at + 2 * piece < len)
                memcpy(bytes + at, bytes + at + piece, piece);
        } else if (len < INPUT_MAX) {
            bytes[len++] = (uint8_t)random_next(seed);
        }
    }
    return len;
}

int main(int argc, char **argv)
{
    static uint8_t work[INPUT_MAX];
    (void)argc;
    setvbuf(stdout, NULL, _IOLBF, 0);
    const char *name = strrchr(argv[0], '/');
    name = name != NULL ? name + 1 : argv[0];
    if (strncmp(name, "f_", 2) == 0)
        name += 2;
    corpus_load(name);
    for (size_t i = 0; i < input_count; i++)
        input_run(inputs[i].bytes, inputs[i].len);
    printf("ok - corpus of %s: %zu inputs\n", name, input_count);

    const char *given = getenv("DAFTARI_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("# DAFTARI_SEED=%ju\n", (uintmax_t)seed);
    for (size_t i = 0; i < MUTATIONS; i++) {
        size_t len = 0;
        if (input_count != 0) {
            const struct input *from = &inputs[random_next(&seed) % input_count];
            len = from->len;
            memcpy(work, from->bytes, len);
        }
        input_run(work, mutate(work, len, &seed));
    }
    printf("ok - %u inputs made from them\n", MUTATIONS);
    return 0;
}
