/*
 * The books in memory, for tests of the domain: core state, the log as a list, a clock that the test sets. A command
 * goes the way the writer takes it (permission, form, decide, law, record, apply), and every step is checked while it
 * goes: decided twice over differently poisoned memory it must give the same bytes, deciding must write nothing, what
 * is recorded must balance.
 */
#ifndef TESTS_SUPPORT_WORLD_H
#define TESTS_SUPPORT_WORLD_H

#include <jansson.h>

#include "server/domain/domain.h"

struct world_record {
    uint8_t *bytes;
    size_t len;
};
struct world {
    struct kv *state;
    struct world_record *records;
    size_t record_count;
    size_t record_cap;
    timestamp_us now;
    struct hash last;
    struct arena *arena, *second;
    struct decision *decision, *again;
    uint64_t next_command;
    char trouble[512]; /* what a check of the world itself found; "" = nothing */
};
struct world_actor {
    uint32_t user;
    const struct rights *rights; /* NULL = the server itself, unless `computed` */
    bool computed;               /* rights as core state gives them to `user` */
};
struct world_answer {
    enum status status;
    struct fault fault;
    bool nothing_to_do;
    uint64_t position; /* of the record; 0 = none */
    char number[NUMBER_TEXT_MAX + 1];
};

struct world *world_new(void);
void world_free(struct world *world);
void world_set_day(struct world *world, civil_date date); /* nine in the morning there (UTC+3) */

/* A whole permission set, every business. */
const struct rights *world_owner_rights(void);

void world_command(struct world *world, const struct world_actor *actor, const char *method,
                   struct slice body, struct world_answer *out);
/* The same from JSON; false when the JSON does not fit the method (said on stderr). */
bool world_command_json(struct world *world, const struct world_actor *actor, const char *method,
                        json_t *json, struct world_answer *out);
/* The same from JSON text. */
bool world_command_text(struct world *world, const struct world_actor *actor, const char *method,
                        const char *text, struct world_answer *out);
/* Every line of a data file as commands of the server; methods that start with `except` (may be NULL) are left out.
 * False when one is not accepted (said on stderr). */
bool world_load(struct world *world, const char *path, const char *except, size_t *out_changes);
/* Opens books of the year 2025 in KES and loads the three businesses of data/. False as above. */
bool world_open_example(struct world *world);

/* All rows of a query; each is handed to `row` in turn (valid during the call). */
enum status world_query(struct world *world, const struct world_actor *actor, const char *method,
                        struct slice body, void (*row)(void *context, const ProtobufCMessage *message),
                        void *context, struct fault *why);
uint8_t *world_json_body(struct world *world, const char *method, json_t *json, size_t *out_len);

struct record world_record_at(const struct world *world, uint64_t position);
int64_t world_balance(struct world *world, uint32_t account, const char *business, const char *currency);
uint32_t world_scale(struct world *world, const char *currency); /* NULL = base */

/* What must hold of the whole: balances equal those added up from the records, each business and currency sums to zero,
 * folding the log into fresh state gives the same bytes, the masters' fold of master events gives the same master
 * rows. False and `trouble` when not. */
bool world_check(struct world *world);

#endif
