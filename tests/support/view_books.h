/*
 * The views over the books of a test world, in memory and without the runner: fold, ask, look at the answer. Failing
 * to get an answer at all stops the test program.
 */
#ifndef TESTS_SUPPORT_VIEW_BOOKS_H
#define TESTS_SUPPORT_VIEW_BOOKS_H

#include "server/views/view.h"
#include "tests/support/world.h"

struct view_books {
    struct view_reader reader; /* first */
    struct world *world;
    struct kv *kvs[VIEW_COUNT];
    struct kv_txn *txns[VIEW_COUNT];
    struct kv *replays[VIEW_COUNT];
    struct kv_txn *replay_txns[VIEW_COUNT];
    uint64_t replay_at[VIEW_COUNT];
    struct arena *arena;
    struct fault fault;
    uint64_t records_read; /* through the reader, since the last question */
};

struct view_books *view_books_new(struct world *world);
void view_books_free(struct view_books *books);
void view_books_fold(struct view_books *books); /* what the world has recorded since */

/* A view of its own, folded up to `position` in transactions of `slice` records. */
struct kv *view_fold(struct world *world, const struct view *view, uint64_t position, uint64_t slice);
/* The same through a slice buffer, as the runner does. */
struct kv *view_fold_buffered(struct world *world, const struct view *view, uint64_t slice, size_t bytes_max);
/* Every row of every table but the cursor is the same in both. */
bool views_equal(struct kv *a, struct kv *b, const struct view *view);

/* A report's answer. Cells are looked up by the names of columns. */
struct table {
    enum status status;
    struct fault fault;
    size_t part_count;
    Daftari__V1__ReportPart **parts;
    size_t row_count;
    Daftari__V1__ReportRow **rows; /* of all parts */
};
/* `rights` NULL: the owner's. The request's report field is set from `report`. */
void table_run(struct view_books *books, const struct rights *rights, const char *report,
               Daftari__V1__RunReport request, struct table *out);
/* The same; `between` is called after every part, when the answer is not yet complete. */
void table_run_with(struct view_books *books, const struct rights *rights, const char *report,
                    Daftari__V1__RunReport request, void (*between)(void *context), void *context,
                    struct table *out);
void table_free(struct table *table);
const char *table_cell(const struct table *table, size_t row, const char *column);
/* The row whose cells are as given: pairs of column and text, NULL-ended; -1: none. `kind` -1: any. */
long table_find(const struct table *table, int kind, ...) __attribute__((sentinel));
/* The amount in a cell in minor units of `scale` decimals. */
int64_t table_amount(const struct table *table, long row, const char *column, uint32_t scale);
uint64_t table_number(const struct table *table, size_t row,
                      const char *column); /* a whole number in a cell */

/* One step of any query of the views; the answer lives in books->arena until the next one. */
enum status view_step(struct view_books *books, const struct rights *rights, const char *method,
                      const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                      struct fault *why);
void view_state_free(const char *method, void *state);

#endif
