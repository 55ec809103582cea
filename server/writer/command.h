/* One command: look-up of its id, decision, record, effects. Private to server/writer. */
#ifndef SERVER_WRITER_COMMAND_H
#define SERVER_WRITER_COMMAND_H

#include "server/base/work_queue.h"
#include "server/writer/batch.h"
#include "server/writer/spent.h"

#define COMMANDS_AHEAD 16u /* unpacked ahead of being decided */
/* One SessionUsedFrom: a header, and three short texts from struct actor. */
#define PLACE_RECORD_BYTES_MAX 1024u

struct writer {
    struct writer_config config;
    struct work_sink sink; /* first handed out; see writer_sink */
    struct work_queue *queue;
    struct log_reader *reader; /* first answers to commands of earlier commits */
    struct arena *arena;       /* one command's decision, and its message when it was not unpacked ahead */
    struct arena *messages;    /* of the commands unpacked ahead */
    const ProtobufCMessage *ahead[COMMANDS_AHEAD]; /* NULL: not unpacked yet */
    struct decision *decision;
    struct decision *place; /* SessionUsedFrom, before it */
    struct batch batches[2], *open;
    struct committer committer; /* of the one that is not open; not running: batches are committed at once */
    struct log_head head;       /* with the open batch */
    uint64_t settled; /* position up to which all that follows from the log was told it is durable */
    int32_t utc_offset_minutes; /* of the books */
    civil_date today;           /* in that time zone, for times in [today_from, today_until) */
    timestamp_us today_from, today_until;
    /* Rights of the user last asked for; forgotten when a record of people is applied. */
    struct rights rights;
    uint32_t rights_user;
    bool rights_known;
    uint64_t session_good;   /* the open session last seen; 0 = none; forgotten likewise */
    struct actor place_good; /* its session's records have its place; likewise */
    struct spent spent;
    bool behind_asks; /* it has settled within the present list */
    bool state_full;  /* core state cannot be written behind, and no more of it may wait in memory */
    bool running;
    pthread_t thread;
    pthread_mutex_t turn; /* whoever works has it: the thread, or who called run_here */
};

/* Would one more record of the greatest size pass the batch's limits? */
bool command_batch_full(const struct writer *writer);

/* Gets the commands of an item from part `first` on ready for command_run, COMMANDS_AHEAD at most: unpacks them and
 * lets core state and the index of ids fetch what they will read, so that memory works on several at a time. Gives how many. */
size_t command_run_ahead(struct writer *writer, struct kv_txn *state, const struct work_item *item,
                         size_t first);

/* Decides part `index` of the item (`message`: its body unpacked, or NULL) within the open batch and sets the part's status, answer and fault.
 * Anything but OK leaves log or state in doubt and is fatal; a refusal is OK here. */
enum status command_run(struct writer *writer, struct kv_txn *state, struct work_item *item, size_t index,
                        const ProtobufCMessage *message, struct fault *why) MUST_USE;

/* Reads what the writer keeps of the books (time zone) from state. */
void command_load_books(struct writer *writer, struct kv_txn *state);

#endif
