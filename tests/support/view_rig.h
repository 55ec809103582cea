/* A runner over LMDB environments in a scratch folder, with a log of made-up books; and questions to it. */
#ifndef TESTS_SUPPORT_VIEW_RIG_H
#define TESTS_SUPPORT_VIEW_RIG_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/views/runner.h"
#include "tests/support/scratch.h"
#include "tests/support/world.h"

#define VIEW_RIG_WAIT_MS 20000

struct view_rig {
    char path[SCRATCH_PATH_MAX];
    struct world *world;
    struct log *log;
    uint64_t appended; /* records of the world that are in the log */
    struct runner *runner;
    struct runner_config config;
    atomic_uint built; /* bit by view: put in place by this runner after building */
    atomic_uint failed;
};

struct question {
    struct work_item item;
    struct work_part part;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool done;
};

/* Assertions fail the test that calls. `rig` is the context of the store's functions. */
void view_rig_path(const struct view_rig *rig, const char *name, char out[400]);
enum status view_rig_store_open(void *context, const char *name, const struct kv_table *tables,
                                unsigned count, struct kv **out, struct fault *why);
enum status view_rig_store_remove(void *context, const char *name);
enum status view_rig_store_rename(void *context, const char *from, const char *to);
void view_rig_command(struct world *world, const char *method, const char *text);
/* So many sales of 10.00, in the world alone until view_rig_append_all. */
void view_rig_sell(struct view_rig *rig, unsigned times);
void view_rig_append_bytes(struct view_rig *rig, const uint8_t *bytes, size_t len);
void view_rig_append_all(struct view_rig *rig);
void view_rig_start(struct view_rig *rig);
void view_rig_stop(struct view_rig *rig);
int view_rig_set_up(void **state);
int view_rig_tear_down(void **state);
/* The total debit of the trial balance, once the views are at `at_least`; known_at 0 = now. */
void view_rig_debit_at(struct view_rig *rig, uint64_t at_least, uint64_t known_at, char out[64],
                       enum status *status);
void view_rig_debit(struct view_rig *rig, uint64_t at_least, char out[64], enum status *status);
void view_rig_expect_debit(struct view_rig *rig, const char *text);
void view_rig_wait(struct view_rig *rig);
void question_open(struct question *question, const char *method, const ProtobufCMessage *request);
void question_submit(struct view_rig *rig, struct question *question);
bool question_wait(struct question *question, int seconds);
void question_ask(struct view_rig *rig, struct question *question);
void question_close(struct question *question);

#endif
