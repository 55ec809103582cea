#include "tests/support/view_books.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/base/text.h"
#include "server/base/kv_mem.h"
#include "server/views/slice_buffer.h"

#define ARENA_BYTES  (16u * 1024u * 1024u)
#define REPORT_BYTES (64u * 1024u * 1024u)

static void stop(const char *what)
{
    fprintf(stderr, "view_books: %s\n", what);
    abort();
}

static struct kv_txn *begin(struct kv *kv, bool write)
{
    struct kv_txn *txn;
    if (kv_begin(kv, write, &txn) != STATUS_OK)
        stop("no transaction");
    return txn;
}

static void fold(struct world *world, const struct view *view, struct kv *kv, uint64_t from, uint64_t to,
                 uint64_t slice, struct arena *arena)
{
    for (uint64_t position = from + 1; position <= to;) {
        struct kv_txn *txn = begin(kv, true);
        for (uint64_t n = 0; n < slice && position <= to; n++, position++) {
            struct record record = world_record_at(world, position);
            arena_reset(arena);
            view->apply(txn, &record, arena);
        }
        if (kv_commit(txn) != STATUS_OK)
            stop("a view refused a record");
    }
}

struct kv *view_fold(struct world *world, const struct view *view, uint64_t position, uint64_t slice)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    struct kv *kv = kv_mem_new(view->tables, view->table_count);
    fold(world, view, kv, 0, position, slice, arena);
    arena_free(arena);
    return kv;
}

struct kv *view_fold_buffered(struct world *world, const struct view *view, uint64_t slice, size_t bytes_max)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    struct kv *kv = kv_mem_new(view->tables, view->table_count);
    struct slice_buffer *buffer = slice_buffer_new(view->table_count, view->written_once, bytes_max);
    for (uint64_t position = 1; position <= world->record_count;) {
        struct kv_txn *inner = begin(kv, true);
        struct kv_txn *txn = slice_buffer_begin(buffer, inner);
        for (uint64_t n = 0; n < slice && position <= world->record_count; n++, position++) {
            struct record record = world_record_at(world, position);
            arena_reset(arena);
            view->apply(txn, &record, arena);
            if (slice_buffer_full(buffer))
                slice_buffer_flush(buffer);
        }
        slice_buffer_flush(buffer);
        if (kv_commit(inner) != STATUS_OK)
            stop("a view refused a record");
    }
    slice_buffer_free(buffer);
    arena_free(arena);
    return kv;
}

static bool table_equal(struct kv_txn *a, struct kv_txn *b, unsigned table)
{
    struct kv_cursor *one = kv_cursor_open(a, table), *two = kv_cursor_open(b, table);
    bool more = kv_seek(one, slice_of("", 1)), also = kv_seek(two, slice_of("", 1)), equal = true;
    while (more && also && equal) {
        struct slice key, value, other_key, other_value;
        kv_row(one, &key, &value);
        kv_row(two, &other_key, &other_value);
        equal = slice_equal(key, other_key) && slice_equal(value, other_value);
        more = kv_next(one);
        also = kv_next(two);
    }
    kv_cursor_close(one);
    kv_cursor_close(two);
    return equal && more == also;
}

bool views_equal(struct kv *a, struct kv *b, const struct view *view)
{
    struct kv_txn *one = begin(a, false), *two = begin(b, false);
    bool equal = true;
    for (unsigned table = 1; table < view->table_count && equal; table++)
        equal = table_equal(one, two, table);
    kv_abort(one);
    kv_abort(two);
    return equal;
}

/* ---- the reader ----------------------------------------------------------------------------------------------------- */

static struct kv_txn *reader_txn(struct view_reader *reader, enum view_id id)
{
    return ((struct view_books *)reader)->txns[id];
}

static struct kv_txn *reader_txn_at(struct view_reader *reader, enum view_id id, uint64_t position)
{
    struct view_books *books = (struct view_books *)reader;
    if (position >= reader->position)
        return books->txns[id];
    if (books->replay_txns[id] != NULL && books->replay_at[id] == position)
        return books->replay_txns[id];
    kv_abort(books->replay_txns[id]);
    kv_close(books->replays[id]);
    books->replays[id] = view_fold(books->world, views[id], position, 100);
    books->replay_txns[id] = begin(books->replays[id], false);
    books->replay_at[id] = position;
    return books->replay_txns[id];
}

static enum status reader_record(struct view_reader *reader, uint64_t position, struct record *out)
{
    struct view_books *books = (struct view_books *)reader;
    if (position == 0 || position > reader->position)
        return STATUS_END;
    books->records_read++;
    *out = world_record_at(books->world, position);
    return STATUS_OK;
}

static enum status reader_checkpoint(struct view_reader *reader, struct view_checkpoint *out)
{
    (void)out;
    return fault_set(reader->why, STATUS_UNAVAILABLE, NULL, "no key");
}

struct view_books *view_books_new(struct world *world)
{
    struct view_books *books = calloc(1, sizeof *books);
    books->world = world;
    books->arena = arena_new(ARENA_BYTES);
    books->reader = (struct view_reader){.txn = reader_txn,
                                         .txn_at = reader_txn_at,
                                         .record = reader_record,
                                         .checkpoint = reader_checkpoint,
                                         .why = &books->fault,
                                         .report_memory_bytes = REPORT_BYTES};
    for (size_t i = 0; i < VIEW_COUNT; i++)
        books->kvs[i] = kv_mem_new(views[i]->tables, views[i]->table_count);
    view_books_fold(books);
    return books;
}

static void let_go(struct view_books *books)
{
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        kv_abort(books->txns[i]);
        kv_abort(books->replay_txns[i]);
        kv_close(books->replays[i]);
        books->txns[i] = books->replay_txns[i] = NULL;
        books->replays[i] = NULL;
    }
}

void view_books_fold(struct view_books *books)
{
    let_go(books);
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        fold(books->world, views[i], books->kvs[i], books->reader.position, books->world->record_count, 100,
             books->arena);
        books->txns[i] = begin(books->kvs[i], false);
    }
    books->reader.position = books->world->record_count;
}

void view_books_free(struct view_books *books)
{
    if (books == NULL)
        return;
    let_go(books);
    for (size_t i = 0; i < VIEW_COUNT; i++)
        kv_close(books->kvs[i]);
    arena_free(books->arena);
    free(books);
}

/* ---- questions ------------------------------------------------------------------------------------------------------- */

static const struct view_query *query_of(const char *method)
{
    for (size_t i = 0; i < view_query_count; i++) {
        if (strcmp(view_queries[i].method, method) == 0)
            return &view_queries[i];
    }
    stop("no such query");
    return NULL;
}

enum status view_step(struct view_books *books, const struct rights *rights, const char *method,
                      const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                      struct fault *why)
{
    arena_reset(books->arena);
    books->fault = (struct fault){0};
    struct query_context context = {
        .today = date_of_timestamp(books->world->now, 180),
        .now = books->world->now,
        .position = books->reader.position,
        .user = 1,
        .rights = rights != NULL ? rights : world_owner_rights(),
        .arena = books->arena,
    };
    enum status status = query_of(method)->step(&books->reader, &context, request, state, out, &books->fault);
    *why = books->fault;
    return books->fault.status != STATUS_OK ? books->fault.status : status;
}

void view_state_free(const char *method, void *state)
{
    const struct view_query *query = query_of(method);
    if (state != NULL && query->state_free != NULL)
        query->state_free(state);
    else
        free(state);
}

static void table_keep(struct table *table, const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(len + 1);
    protobuf_c_message_pack(message, bytes);
    Daftari__V1__ReportPart *part = daftari__v1__report_part__unpack(NULL, len, bytes);
    free(bytes);
    table->parts = realloc(table->parts, (table->part_count + 1) * sizeof(void *));
    table->parts[table->part_count++] = part;
    table->rows = realloc(table->rows, (table->row_count + part->n_rows + 1) * sizeof(void *));
    for (size_t i = 0; i < part->n_rows; i++)
        table->rows[table->row_count++] = part->rows[i];
}

void table_run_with(struct view_books *books, const struct rights *rights, const char *report,
                    Daftari__V1__RunReport request, void (*between)(void *context), void *context,
                    struct table *out)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s", report);
    request.report = name;
    *out = (struct table){0};
    books->records_read = 0;
    void *state = NULL;
    do {
        ProtobufCMessage *part = NULL;
        out->status = view_step(books, rights, "Report.Run", &request.base, &state, &part, &out->fault);
        if (out->status == STATUS_OK)
            table_keep(out, part);
        if (out->status == STATUS_OK && between != NULL)
            between(context);
    } while (out->status == STATUS_OK);
    if (out->status == STATUS_END)
        out->status = STATUS_OK;
    view_state_free("Report.Run", state);
}

void table_run(struct view_books *books, const struct rights *rights, const char *report,
               Daftari__V1__RunReport request, struct table *out)
{
    table_run_with(books, rights, report, request, NULL, NULL, out);
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->part_count; i++)
        daftari__v1__report_part__free_unpacked(table->parts[i], NULL);
    free(table->parts);
    free(table->rows);
    *table = (struct table){0};
}

const char *table_cell(const struct table *table, size_t row, const char *column)
{
    const Daftari__V1__ReportPart *head = table->parts[0];
    for (size_t i = 0; i < head->n_columns; i++) {
        if (strcmp(head->columns[i]->name, column) == 0)
            return table->rows[row]->cells[i];
    }
    stop("no such column");
    return NULL;
}

long table_find(const struct table *table, int kind, ...)
{
    for (size_t row = 0; row < table->row_count; row++) {
        bool found = kind < 0 || (int)table->rows[row]->kind == kind;
        va_list pairs;
        va_start(pairs, kind);
        for (const char *column = va_arg(pairs, const char *); column != NULL;
             column = va_arg(pairs, const char *)) {
            const char *text = va_arg(pairs, const char *);
            found = found && strcmp(table_cell(table, row, column), text) == 0;
        }
        va_end(pairs);
        if (found)
            return (long)row;
    }
    return -1;
}

int64_t table_amount(const struct table *table, long row, const char *column, uint32_t scale)
{
    int64_t minor = 0;
    struct fault why;
    if (row < 0)
        stop("no such row");
    const char *text = table_cell(table, (size_t)row, column);
    if (text[0] != '\0' && amount_parse(slice_text(text), scale, &minor, &why) != STATUS_OK)
        stop("a cell is no amount");
    return minor;
}

uint64_t table_number(const struct table *table, size_t row, const char *column)
{
    uint64_t number;
    if (!number_parse(slice_text(table_cell(table, row, column)), 0, UINT64_MAX, &number))
        stop("a cell is no number");
    return number;
}
