#include "server/views/tax/tax_view.h"

#include "proto/base/bytes.h"
#include "proto/wire/message.h"

#define LINE_KEY_BYTES 21u
#define LINE_BYTES     16u
#define DOCUMENT_BYTES 22u
#define GROUPS_MAX     256u /* codes and rates of one document: at most one for each of its lines */

static const struct kv_table tables[] = {
    [TAX_CURSOR] = {"cursor", KV_PLAIN},
    [TAX_LINES] = {"lines", KV_PACKED | KV_GROUP(2)},
    [TAX_DOCUMENTS] = {"documents", KV_APPENDED},
    [TAX_COUNTS] = {"counts", KV_PLAIN},
};

/* ---- rows --------------------------------------------------------------------------------------------------------- */

static void line_key(const struct tax_line *line, uint8_t out[LINE_KEY_BYTES])
{
    be16_put(out, line->business);
    be32_put(out + 2, line->date);
    be64_put(out + 6, line->position);
    out[14] = line->input;
    be16_put(out + 15, line->code);
    be32_put(out + 17, line->rate_bp);
}

bool tax_line_seek(struct kv_cursor *cursor, uint16_t business, civil_date date, uint64_t position)
{
    uint8_t key[LINE_KEY_BYTES];
    struct tax_line first = {.business = business, .date = date, .position = position};
    line_key(&first, key);
    return kv_seek(cursor, slice_of(key, sizeof key));
}

bool tax_line_at(struct kv_txn *txn, struct kv_cursor *cursor, struct tax_line *out)
{
    struct slice key, value;
    kv_row(cursor, &key, &value);
    if (key.len != LINE_KEY_BYTES || value.len != LINE_BYTES) {
        kv_set_error(txn, STATUS_CORRUPT);
        return false;
    }
    *out = (struct tax_line){
        .business = be16_get(key.ptr),
        .date = be32_get(key.ptr + 2),
        .position = be64_get(key.ptr + 6),
        .input = key.ptr[14] != 0,
        .code = be16_get(key.ptr + 15),
        .rate_bp = be32_get(key.ptr + 17),
        .net = (int64_t)be64_get(value.ptr),
        .tax = (int64_t)be64_get(value.ptr + 8),
    };
    return true;
}

static void line_put(struct kv_txn *txn, const struct tax_line *line)
{
    uint8_t key[LINE_KEY_BYTES], value[LINE_BYTES];
    line_key(line, key);
    be64_put(value, (uint64_t)line->net);
    be64_put(value + 8, (uint64_t)line->tax);
    kv_put(txn, TAX_LINES, slice_of(key, sizeof key), slice_of(value, sizeof value));
}

bool tax_document_get(struct kv_txn *txn, uint64_t position, struct tax_document *out)
{
    uint8_t key[8];
    struct slice value;
    be64_put(key, position);
    if (!kv_get(txn, TAX_DOCUMENTS, slice_of(key, sizeof key), &value))
        return false;
    if (value.len != DOCUMENT_BYTES) {
        kv_set_error(txn, STATUS_CORRUPT);
        return false;
    }
    *out = (struct tax_document){
        .business = be16_get(value.ptr),
        .date = be32_get(value.ptr + 2),
        .invoice = be64_get(value.ptr + 6),
        .original = be64_get(value.ptr + 14),
    };
    return true;
}

static uint64_t next_invoice(struct kv_txn *txn, uint16_t business)
{
    uint8_t key[2], count[8];
    struct slice value;
    uint64_t number = 1;
    be16_put(key, business);
    if (kv_get(txn, TAX_COUNTS, slice_of(key, sizeof key), &value)) {
        if (value.len != sizeof count)
            kv_set_error(txn, STATUS_CORRUPT);
        else
            number = be64_get(value.ptr) + 1;
    }
    be64_put(count, number);
    kv_put(txn, TAX_COUNTS, slice_of(key, sizeof key), slice_of(count, sizeof count));
    return number;
}

static void document_put(struct kv_txn *txn, const struct record_header *header, bool invoice)
{
    uint8_t key[8], value[DOCUMENT_BYTES];
    be64_put(key, header->position);
    be16_put(value, header->business);
    be32_put(value + 2, header->business_date);
    be64_put(value + 6, invoice ? next_invoice(txn, header->business) : 0);
    be64_put(value + 14, header->cause);
    kv_put(txn, TAX_DOCUMENTS, slice_of(key, sizeof key), slice_of(value, sizeof value));
}

/* ---- apply ---------------------------------------------------------------------------------------------------------- */

struct groups {
    struct tax_line rows[GROUPS_MAX];
    size_t count;
};

static void add(struct kv_txn *txn, struct groups *groups, const struct taxed_line *line)
{
    size_t i = 0;
    while (i < groups->count && (groups->rows[i].input != line->input || groups->rows[i].code != line->code ||
                                 groups->rows[i].rate_bp != line->rate_bp))
        i++;
    if (i == GROUPS_MAX) {
        kv_set_error(txn, STATUS_CORRUPT);
        return;
    }
    struct tax_line *row = &groups->rows[i];
    if (i == groups->count) {
        *row = (struct tax_line){.input = line->input, .code = line->code, .rate_bp = line->rate_bp};
        groups->count++;
    }
    if (!amount_add(row->net, line->net, &row->net) || !amount_add(row->tax, line->tax, &row->tax))
        kv_set_error(txn, STATUS_CORRUPT);
}

static void collect_own(struct kv_txn *txn, const struct event_type *event, const struct record *record,
                        struct arena *arena, struct groups *groups)
{
    ProtobufCMessage *payload = NULL;
    struct taxed_line line;
    struct fault why;
    if (message_unpack(event->payload, record->payload, false, arena_allocator(arena), &payload, &why) !=
        STATUS_OK) {
        kv_set_error(txn, STATUS_CORRUPT);
        return;
    }
    for (size_t i = 0; event->taxed(payload, i, &line); i++)
        if (line.code != 0 || line.rate_bp != 0)
            add(txn, groups, &line);
}

static void collect_mirrored(struct kv_txn *txn, uint64_t cause, struct groups *groups)
{
    struct tax_document document;
    struct tax_line line;
    if (cause == 0 || !tax_document_get(txn, cause, &document))
        return;
    struct kv_cursor *cursor = kv_cursor_open(txn, TAX_LINES);
    for (bool more = tax_line_seek(cursor, document.business, document.date, cause);
         more && tax_line_at(txn, cursor, &line) && line.position == cause && groups->count < GROUPS_MAX;
         more = kv_next(cursor)) {
        line.net = -line.net;
        line.tax = -line.tax;
        groups->rows[groups->count++] = line;
    }
    kv_cursor_close(cursor);
}

static void tax_apply_record(struct kv_txn *txn, const struct record *record, struct arena *arena)
{
    const struct record_header *header = &record->header;
    const struct event_type *event = domain_event(header->type);
    if (event == NULL || (event->taxed == NULL && event->undo != UNDO_IS))
        return;
    struct groups *groups = arena_take(arena, sizeof *groups);
    if (groups == NULL) {
        kv_set_error(txn, STATUS_NO_MEMORY);
        return;
    }
    groups->count = 0;
    if (event->taxed != NULL)
        collect_own(txn, event, record, arena, groups);
    else
        collect_mirrored(txn, header->cause, groups);
    bool invoice = false;
    for (size_t i = 0; i < groups->count; i++) {
        struct tax_line *line = &groups->rows[i];
        line->business = header->business;
        line->date = header->business_date;
        line->position = header->position;
        invoice = invoice || !line->input;
        line_put(txn, line);
    }
    if (groups->count != 0)
        document_put(txn, header, invoice);
}

const struct view view_tax = {
    .id = VIEW_TAX,
    .name = "tax",
    .version = 1,
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .apply = tax_apply_record,
};
