#include "server/views/trade/trade.h"

#include "account.pb-c.h"
#include "books.pb-c.h"
#include "proto/base/bytes.h"
#include "proto/base/wide.h"
#include "server/domain/kernel/facts.h"
#include "server/domain/kernel/rows.h"
#include "server/views/trade/documents.h"
#include "type_ids.h"

#define SUM_KEY_BYTES  12u
#define LINE_KEY_BYTES 18u
#define PARTY_BYTES    14u
#define UNNAMED_BYTES  10u
#define LINE_OF_TOTAL  UINT16_MAX

static const struct kv_table tables[] = {
    [TRADE_CURSOR] = {"cursor", KV_PLAIN},
    [TRADE_SUMS] = {"sums", KV_PACKED},
    [TRADE_DOCS] = {"docs", KV_PACKED},
    [TRADE_SOLD] = {"sold", KV_PACKED | KV_GROUP(6)},
    [TRADE_PARTY] = {"party", KV_PACKED | KV_GROUP(4)},
    [TRADE_UNNAMED] = {"unnamed", KV_PACKED | KV_GROUP(4)},
    [TRADE_KNOWN] = {"known", KV_PLAIN},
};

/* ---- sums --------------------------------------------------------------------------------------------------------- */

static void sum_key(uint8_t out[SUM_KEY_BYTES], enum trade_dimension dimension, bool day, uint32_t period,
                    uint16_t business, uint32_t key)
{
    out[0] = (uint8_t)dimension;
    out[1] = day ? 1 : 0;
    be32_put(out + 2, period);
    be16_put(out + 6, business);
    be32_put(out + 8, key);
}

static void figures_take(struct kv_txn *txn, struct slice value, int128 figures[TRADE_FIGURES])
{
    for (size_t f = 0; f < TRADE_FIGURES; f++) {
        uint128 number = 0;
        if (!wide_take(&value, &number)) {
            kv_set_error(txn, STATUS_CORRUPT);
            return;
        }
        figures[f] += zigzag_back(number);
    }
}

static void sum_add(struct kv_txn *txn, enum trade_dimension dimension, bool day, uint32_t period,
                    uint16_t business, uint32_t key, const int128 more[TRADE_FIGURES])
{
    uint8_t bytes[SUM_KEY_BYTES], value[TRADE_FIGURES * WIDE_BYTES_MAX];
    int128 figures[TRADE_FIGURES];
    struct slice row;
    size_t len = 0;
    memcpy(figures, more, sizeof figures);
    sum_key(bytes, dimension, day, period, business, key);
    if (kv_get(txn, TRADE_SUMS, slice_of(bytes, sizeof bytes), &row))
        figures_take(txn, row, figures);
    for (size_t f = 0; f < TRADE_FIGURES; f++)
        len += wide_put(value + len, zigzag(figures[f]));
    kv_put(txn, TRADE_SUMS, slice_of(bytes, sizeof bytes), slice_of(value, len));
}

static void figures_add(struct kv_txn *txn, const struct trade_document *document,
                        enum trade_dimension dimension, uint32_t key, const int128 more[TRADE_FIGURES])
{
    sum_add(txn, dimension, true, document->date, document->business, key, more);
    sum_add(txn, dimension, false, document->date / 100 * 100, document->business, key, more);
}

static void sold_add(struct kv_txn *txn, const struct trade_document *document, uint32_t item,
                     int128 quantity)
{
    uint8_t key[10], value[WIDE_BYTES_MAX];
    struct slice row;
    uint128 number;
    be16_put(key, document->business);
    be32_put(key + 2, item);
    be32_put(key + 6, document->date);
    if (kv_get(txn, TRADE_SOLD, slice_of(key, sizeof key), &row)) {
        if (!wide_take(&row, &number)) {
            kv_set_error(txn, STATUS_CORRUPT);
            return;
        }
        quantity += zigzag_back(number);
    }
    kv_put(txn, TRADE_SOLD, slice_of(key, sizeof key), slice_of(value, wide_put(value, zigzag(quantity))));
}

/* `sign` -1: takes it away again. */
static void document_add(struct kv_txn *txn, const struct trade_document *document, int sign)
{
    int128 all[TRADE_FIGURES] = {0};
    for (size_t i = 0; i < document->item_count; i++) {
        const struct trade_item *item = &document->items[i];
        int128 figures[TRADE_FIGURES];
        for (size_t f = 0; f < TRADE_FIGURES; f++) {
            figures[f] = sign * item->figures[f];
            all[f] += figures[f];
        }
        figures_add(txn, document, document->made ? TRADE_MADE : TRADE_BY_ITEM, item->item, figures);
        if (!document->made)
            sold_add(txn, document, item->item, figures[TRADE_QUANTITY]);
    }
    if (document->made)
        return;
    all[TRADE_COUNT] = sign * (int128)document->documents;
    figures_add(txn, document, TRADE_BY_DAY, 0, all);
    figures_add(txn, document, TRADE_BY_HOUR, document->hour, all);
    figures_add(txn, document, TRADE_BY_CUSTOMER, document->customer, all);
    figures_add(txn, document, TRADE_BY_CASHIER, document->user, all);
    for (size_t i = 0; i < document->tender_count; i++) {
        int128 figures[TRADE_FIGURES] = {
            [TRADE_COUNT] = all[TRADE_COUNT], [TRADE_TOTAL] = sign * document->tenders[i].amount};
        figures_add(txn, document, TRADE_BY_TENDER, document->tenders[i].method, figures);
    }
}

/* ---- what is known of the books ----------------------------------------------------------------------------------- */

static void known_put(struct kv_txn *txn, uint32_t number, uint32_t value)
{
    struct row_key key = row_key_u32(number);
    row_put_u32(txn, TRADE_KNOWN, row_key_slice(&key), value);
}

static uint32_t known_get(struct kv_txn *txn, uint32_t number)
{
    struct row_key key = row_key_u32(number);
    uint32_t value = 0;
    (void)row_get_u32(txn, TRADE_KNOWN, row_key_slice(&key), &value);
    return value;
}

static void class_set(struct kv_txn *txn, uint32_t account, Daftari__V1__AccountClass class)
{
    struct row_key key = row_key_u32(account);
    if (class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_RECEIVABLE ||
        class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_PAYABLE)
        known_put(txn, account, (uint32_t) class);
    else
        kv_del(txn, TRADE_KNOWN, row_key_slice(&key));
}

static void learn(struct kv_txn *txn, const struct record *record, struct arena *arena)
{
    const Daftari__V1__OpenBooks *books;
    const Daftari__V1__OpenAccount *open;
    const Daftari__V1__ChangeAccount *change;
    switch (record->header.type) {
    case EVENT_BOOKS_OPENED:
        books = row_message(txn, record->payload, &daftari__v1__open_books__descriptor, arena);
        if (books != NULL)
            known_put(txn, 0, (uint32_t)books->utc_offset_minutes);
        break;
    case EVENT_ACCOUNT_OPENED:
        open = row_message(txn, record->payload, &daftari__v1__open_account__descriptor, arena);
        if (open != NULL && open->has_class_)
            class_set(txn, open->number, open->class_);
        break;
    case EVENT_ACCOUNT_CHANGED:
        change = row_message(txn, record->payload, &daftari__v1__change_account__descriptor, arena);
        if (change != NULL && change->has_class_)
            class_set(txn, change->number, change->class_);
        break;
    default:
        break;
    }
}

/* ---- lines of parties --------------------------------------------------------------------------------------------- */

static void line_key(uint8_t out[LINE_KEY_BYTES], const struct trade_line *line)
{
    be32_put(out, line->owner);
    be32_put(out + 4, line->date);
    be64_put(out + 8, line->position);
    be16_put(out + 16, line->line);
}

static void line_put(struct kv_txn *txn, unsigned table, const struct trade_line *line)
{
    uint8_t key[LINE_KEY_BYTES], value[PARTY_BYTES];
    size_t at = 0;
    line_key(key, line);
    if (table == TRADE_PARTY) {
        be32_put(value, line->account);
        at = 4;
    }
    be16_put(value + at, line->business);
    be64_put(value + at + 2, zigzag(line->amount) & UINT64_MAX);
    kv_put(txn, table, slice_of(key, sizeof key), slice_of(value, at + UNNAMED_BYTES));
}

static void lines_add(struct kv_txn *txn, const struct record *record)
{
    struct trade_line line = {.date = record->header.business_date, .position = record->header.position};
    for (size_t i = 0; i < record->posting_count; i++) {
        struct posting posting = record_posting(record, i);
        if (posting.currency != BASE_CURRENCY || (posting.party == 0 && known_get(txn, posting.account) == 0))
            continue;
        line.owner = posting.party != 0 ? posting.party : posting.account;
        line.line = (uint16_t)i;
        line.account = posting.account;
        line.business = posting.business;
        line.amount = posting.amount;
        line_put(txn, posting.party != 0 ? TRADE_PARTY : TRADE_UNNAMED, &line);
    }
}

/* What a sale came to, on the customer's own list. */
static void total_add(struct kv_txn *txn, const struct record *record, const struct trade_document *document,
                      int sign)
{
    int128 total = 0;
    for (size_t i = 0; i < document->item_count; i++)
        total += sign * document->items[i].figures[TRADE_TOTAL];
    if (document->customer == 0 || document->made)
        return;
    line_put(txn, TRADE_PARTY,
             &(struct trade_line){.owner = document->customer,
                                  .date = record->header.business_date,
                                  .position = record->header.position,
                                  .line = LINE_OF_TOTAL,
                                  .business = document->business,
                                  .amount = (int64_t)total});
}

static void trade_apply(struct kv_txn *txn, const struct record *record, struct arena *arena)
{
    struct trade_document document;
    learn(txn, record, arena);
    lines_add(txn, record);
    if (trade_document_of(txn, record, (int32_t)known_get(txn, 0), arena, &document)) {
        document_add(txn, &document, 1);
        total_add(txn, record, &document, 1);
        trade_document_put(txn, record->header.position, &document, arena);
    }
    if (trade_document_undoes(record->header.type) &&
        trade_document_get(txn, record->header.cause, arena, &document)) {
        document.date = record->header.business_date;
        document_add(txn, &document, -1);
        total_add(txn, record, &document, -1);
    }
}

const struct view view_trade = {
    .id = VIEW_TRADE,
    .name = "trade",
    .version = 1,
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .written_once = UINT64_C(1) << TRADE_PARTY | UINT64_C(1) << TRADE_UNNAMED,
    .apply = trade_apply,
};

/* ---- reading ------------------------------------------------------------------------------------------------------- */

/* Rows of one level from one period to another. */
static void sums_between(struct kv_txn *txn, enum trade_dimension dimension, bool day, uint32_t from,
                         uint32_t to, void (*each)(void *context, const struct trade_sum *sum), void *context)
{
    uint8_t first[SUM_KEY_BYTES];
    sum_key(first, dimension, day, from, 0, 0);
    struct kv_cursor *cursor = kv_cursor_open(txn, TRADE_SUMS);
    for (bool more = kv_seek(cursor, slice_of(first, sizeof first)); more; more = kv_next(cursor)) {
        struct slice key, value;
        kv_row(cursor, &key, &value);
        if (key.len != SUM_KEY_BYTES) {
            kv_set_error(txn, STATUS_CORRUPT);
            break;
        }
        struct trade_sum sum = {.dimension = dimension,
                                .day = day,
                                .period = be32_get(key.ptr + 2),
                                .business = be16_get(key.ptr + 6),
                                .key = be32_get(key.ptr + 8)};
        if (key.ptr[0] != dimension || (key.ptr[1] != 0) != day || sum.period > to)
            break;
        figures_take(txn, value, sum.figures);
        each(context, &sum);
    }
    kv_cursor_close(cursor);
}

static uint32_t month_after(uint32_t month) /* YYYYMM00 */
{
    return month / 100 % 100 == 12 ? month + 8900 : month + 100;
}

void trade_sums(struct kv_txn *txn, enum trade_dimension dimension, civil_date from, civil_date to,
                void (*each)(void *context, const struct trade_sum *sum), void *context)
{
    uint32_t first = from % 100 == 1 || from == 0 ? from / 100 * 100 : month_after(from / 100 * 100);
    bool whole = to == date_month_end(to);
    uint32_t last = to / 100 * 100; /* the month after the last whole one, unless the last is whole too */
    if (first > last || (first == last && !whole)) {
        sums_between(txn, dimension, true, from, to, each, context);
        return;
    }
    if (from < first && from != 0)
        sums_between(txn, dimension, true, from, first - 1, each, context);
    sums_between(txn, dimension, false, first, whole ? last : last - 1, each, context);
    if (!whole)
        sums_between(txn, dimension, true, last, to, each, context);
}

void trade_sums_of_days(struct kv_txn *txn, enum trade_dimension dimension, civil_date from, civil_date to,
                        void (*each)(void *context, const struct trade_sum *sum), void *context)
{
    sums_between(txn, dimension, true, from, to, each, context);
}

civil_date trade_last_sold(struct kv_txn *txn, uint16_t business, uint32_t item, civil_date date)
{
    uint8_t at[10];
    civil_date found = 0;
    be16_put(at, business);
    be32_put(at + 2, item);
    be32_put(at + 6, date);
    struct kv_cursor *cursor = kv_cursor_open(txn, TRADE_SOLD);
    for (bool more = kv_last(cursor, slice_of(at, sizeof at)); more && found == 0;
         more = found == 0 && kv_previous(cursor)) {
        struct slice key, value;
        uint128 number = 0;
        kv_row(cursor, &key, &value);
        if (key.len != sizeof at || memcmp(key.ptr, at, 6) != 0)
            break;
        if (!wide_take(&value, &number))
            kv_set_error(txn, STATUS_CORRUPT);
        if (zigzag_back(number) > 0)
            found = be32_get(key.ptr + 6);
    }
    kv_cursor_close(cursor);
    return found;
}

static bool line_next(struct kv_txn *txn, unsigned table, struct trade_line *at)
{
    uint8_t from[LINE_KEY_BYTES];
    struct slice key, value;
    line_key(from, at);
    if (!row_next(txn, table, slice_of(from, sizeof from), &key, &value))
        return false;
    size_t skip = table == TRADE_PARTY ? 4 : 0;
    if (key.len != LINE_KEY_BYTES || value.len != skip + UNNAMED_BYTES) {
        kv_set_error(txn, STATUS_CORRUPT);
        return false;
    }
    if (be32_get(key.ptr) != at->owner)
        return false;
    at->date = be32_get(key.ptr + 4);
    at->position = be64_get(key.ptr + 8);
    at->line = be16_get(key.ptr + 16);
    at->account = table == TRADE_PARTY ? be32_get(value.ptr) : at->owner;
    at->business = be16_get(value.ptr + skip);
    at->amount = (int64_t)zigzag_back(be64_get(value.ptr + skip + 2));
    return true;
}

bool trade_party_next(struct kv_txn *txn, struct trade_line *at)
{
    return line_next(txn, TRADE_PARTY, at);
}

bool trade_unnamed_next(struct kv_txn *txn, struct trade_line *at)
{
    return line_next(txn, TRADE_UNNAMED, at);
}
