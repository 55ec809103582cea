/* The kinds of store that contracts are tested over, below a scratch folder; what does not open fails the test. */
#ifndef TESTS_SUPPORT_STORES_H
#define TESTS_SUPPORT_STORES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/ports/kv.h"
#include "server/store/keyring.h"

struct store_kind {
    const char *name;
    bool lmdb, sealed, overlay; /* the rest is in memory, plain, direct */
    size_t packed_bytes;        /* of a block of packed tables; 0: none are packed */
};

/* LMDB in FOLDER/NAME. */
struct kv *store_disk(const char *folder, const char *name, const struct kv_table *tables, unsigned count,
                      uint64_t map_bytes, unsigned readers_max, bool durable);
/* The same unsynced in FOLDER/env, or memory. */
struct kv *store_plain(const struct store_kind *kind, const char *folder, const struct kv_table *tables,
                       unsigned count, uint64_t map_bytes);
/* The keys of FOLDER/keys, made when they are missing. */
struct keyring *store_keyring(const char *folder);
struct kv *store_seal(struct kv *inner, struct keyring *keyring, const struct kv_table *tables,
                      unsigned count);
/* The same where it may be refused. */
enum status store_try_seal(struct kv *inner, struct keyring *keyring, const struct kv_table *tables,
                           unsigned count, struct kv **out, struct fault *why) MUST_USE;

struct store_case {
    const char *name;
    CMUnitTestFunction run;
};
/* Every case over every kind; `set_up` finds its struct store_kind in *state. What main returns. */
int store_run(const char *group, const struct store_kind *kinds, size_t kind_count,
              const struct store_case *cases, size_t case_count, CMFixtureFunction set_up,
              CMFixtureFunction tear_down);

#endif
