/* A writer over books in memory and a log in a scratch folder, with a clock that the test sets; and commands for it.
 * Assertions fail the test that calls. */
#ifndef TESTS_SUPPORT_WRITER_RIG_H
#define TESTS_SUPPORT_WRITER_RIG_H

#include "entry.pb-c.h"
#include "server/writer/writer.h"
#include "tests/support/scratch.h"

#define WRITER_RIG_BODY_MAX  512u
#define WRITER_RIG_PARTS_MAX 64u

/* What is around it: the same for all rigs. */
struct writer_world {
    timestamp_us wall;
    monotonic_us monotonic, monotonic_step; /* it goes on so much each time it is read */
    bool no_room;                           /* in the log */
    unsigned asked_room;                    /* how often the log was asked for it */
    bool no_ids_room;                       /* in the store of the index of ids */
    _Atomic(enum status) behind;            /* what writing behind gives */
};
extern struct writer_world writer_world;
extern const struct clock writer_world_clock;

struct writer_rig {
    char folder
        [SCRATCH_PATH_MAX]; /* of the log: on disk, since first answers are read while a batch is open */
    struct log *log;
    struct kv *state;
    struct id_index *ids;
    struct writer *writer;
    size_t recorded, grew;
    uint64_t grew_to;
    uint64_t spent[WRITER_STAGES];
};

/* Books with the accounts 1110 and 3100: three records. */
void writer_rig_open(struct writer_rig *rig, size_t batch_records);
void writer_rig_close(struct writer_rig *rig);
void writer_rig_open_account(struct writer_rig *rig, uint64_t id, uint32_t number, char *name);
/* `times` items full of entries, with ids from `first_id` on. */
void writer_rig_post(struct writer_rig *rig, uint64_t first_id, size_t times);

struct ask {
    struct work_item item;
    struct work_part parts[WRITER_RIG_PARTS_MAX];
    uint8_t bodies[WRITER_RIG_PARTS_MAX][WRITER_RIG_BODY_MAX];
    bool done;
};

void ask_start(struct ask *ask, const char *method);
void ask_add(struct ask *ask, uint64_t id, const ProtobufCMessage *message);
void ask_run(struct writer_rig *rig, struct ask *ask);
void ask_end(struct ask *ask);
uint64_t ask_answered(const struct ask *ask, size_t index); /* the position; it must have been recorded */

struct ask_entry { /* a two-line entry, kept together while it is packed */
    Daftari__V1__EntryLine lines[2];
    Daftari__V1__EntryLine *pointers[2];
    Daftari__V1__PostEntry message;
    char text[16];
};
const ProtobufCMessage *ask_entry(struct ask_entry *entry, int64_t debit, int64_t credit);

#endif
