/* Entry.Show and Entry.List: an entry is its record, with names from the masters and links from the journal. */
#include <stdlib.h>

#include "proto/base/text.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/rows.h"
#include "server/views/entry_text.h"
#include "server/views/journal/journal.h"
#include "server/views/queries/queries.h"
#include "type_ids.h"

#define SCAN_MAX          512u /* entries looked at in one step before another query has its turn */
#define LIST_MEMORY_BYTES (2u * 1024u * 1024u) /* of entries that turned out not to be asked for */

/* What one entry is made from. */
struct maker {
    struct view_reader *reader;
    const struct query_context *context;
    struct kv_txn *masters;
    struct kv_txn *journal;
    uint64_t known_at;
};

static bool maker_init(struct maker *maker, struct view_reader *reader, const struct query_context *context)
{
    *maker = (struct maker){.reader = reader, .context = context, .known_at = reader->position};
    maker->masters = reader->txn(reader, VIEW_MASTERS);
    maker->journal = reader->txn(reader, VIEW_JOURNAL);
    return maker->masters != NULL && maker->journal != NULL;
}

/* ---- one entry -------------------------------------------------------------------------------------------------------------- */

static char *text_of(const char *text)
{
    return (
        char *)(uintptr_t)text; /* protobuf-c's fields are not const; messages are packed, never written */
}

static bool may_read(const struct maker *maker, uint16_t business)
{
    return rights_allow_business(maker->context->rights, business, PERMISSION_READ);
}

static bool make_line(struct maker *maker, const struct posting *posting, const struct entry_text *text,
                      size_t index, Daftari__V1__PostedLine *line)
{
    struct arena *arena = maker->context->arena;
    const Daftari__V1__AccountInfo *account = account_info_get(maker->masters, posting->account, arena);
    const Daftari__V1__CurrencyInfo *currency = currency_info_get(maker->masters, posting->currency, arena);
    daftari__v1__posted_line__init(line);
    line->has_account = true;
    line->account = posting->account;
    line->account_name = account != NULL ? account->name : NULL;
    line->business = text_of(business_code_of(maker->masters, posting->business, arena));
    line->currency = currency != NULL ? currency->code : NULL;
    if (posting->amount > 0) {
        line->has_debit_minor = true;
        line->debit_minor = posting->amount;
    } else {
        line->has_credit_minor = true;
        line->credit_minor = -posting->amount;
    }
    if (index < text->line_count) {
        line->description = text->lines[index]->description;
        line->n_tags = text->lines[index]->n_tags;
        line->tags = text->lines[index]->tags;
    }
    return line->business != NULL;
}

/* The lines that the asker may read: of an entry over several businesses perhaps not all. */
static enum status make_lines(struct maker *maker, const struct posting *postings, size_t count,
                              const struct entry_text *text, Daftari__V1__EntryInfo *info)
{
    struct arena *arena = maker->context->arena;
    Daftari__V1__PostedLine *lines = arena_take(arena, (count + 1) * sizeof *lines);
    info->lines = arena_take(arena, (count + 1) * sizeof *info->lines);
    if (lines == NULL || info->lines == NULL)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (!may_read(maker, postings[i].business))
            continue;
        if (!make_line(maker, &postings[i], text, i, &lines[info->n_lines]))
            return STATUS_NO_MEMORY;
        info->lines[info->n_lines] = &lines[info->n_lines];
        info->n_lines++;
    }
    return STATUS_OK;
}

static void make_head(struct maker *maker, const struct record_header *header, const struct entry_text *text,
                      Daftari__V1__EntryInfo *info)
{
    struct arena *arena = maker->context->arena;
    uint64_t reversal = journal_reversal(maker->journal, header->position, maker->known_at);
    info->has_position = info->has_date = info->has_recorded_time_us = true;
    info->position = header->position;
    info->date = header->business_date;
    info->recorded_time_us = header->time;
    info->business = text_of(business_code_of(maker->masters, header->business, arena));
    info->type = text_of(text->type);
    info->description = text_of(text->description);
    info->reference = text->reference != NULL && text->reference[0] != '\0' ? text_of(text->reference) : NULL;
    info->status = text_of(reversal != 0 ? "reversed" : "posted");
    info->has_reversed_by = reversal != 0;
    info->reversed_by = reversal;
    info->recorded_by = text_of(user_email_of(maker->masters, header->user, arena));
    info->n_tags = text->tag_count;
    info->tags = text->tags;
    char number[NUMBER_TEXT_MAX + 1];
    if (header->series != 0 &&
        number_format(maker->masters, header->series, header->business_date, header->number, number))
        info->number = arena_text(arena, slice_text(number));
}

/* NOT_FOUND when the record is no entry, or none that the asker may know of. */
static enum status make_entry(struct maker *maker, const struct record *record, bool is_reversal,
                              Daftari__V1__EntryInfo **out)
{
    struct arena *arena = maker->context->arena;
    struct record_header header = record->header;
    size_t count = record->posting_count;
    struct entry_text text;
    Daftari__V1__EntryInfo *info = arena_take(arena, sizeof *info);
    struct posting *postings = arena_take(arena, (count + 1) * sizeof *postings);
    if (info == NULL || postings == NULL)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        postings[i] = record_posting(record, i);
    daftari__v1__entry_info__init(info);
    enum status status = entry_text_read(maker->reader, record, arena, &text);
    if (status == STATUS_OK)
        status = make_lines(maker, postings, count, &text, info);
    if (status != STATUS_OK)
        return status;
    if (info->n_lines == 0)
        return STATUS_NOT_FOUND;
    make_head(maker, &header, &text, info);
    info->has_reverses = is_reversal;
    info->reverses = is_reversal ? header.cause : 0;
    *out = info;
    return STATUS_OK;
}

static bool is_reversal(const struct record *record)
{
    return domain_event_undoes(record->header.type);
}

/* ---- Entry.Show --------------------------------------------------------------------------------------------------------------- */

static enum status show_position(struct maker *maker, const Daftari__V1__ShowEntry *request, uint64_t *out,
                                 struct fault *why)
{
    uint16_t series;
    civil_date date;
    uint32_t number;
    if (request->has_position) {
        *out = request->position;
        return STATUS_OK;
    }
    if (request->number == NULL)
        return fault_set(why, STATUS_INVALID, "number",
                         "a document number (\"JE-20261123-0001\") or a position");
    if (!number_split(maker->masters, request->number, &series, &date, &number))
        return fault_set(why, STATUS_INVALID, "number", "a document number as \"JE-20261123-0001\"");
    *out = journal_by_number(maker->journal, series, date, number);
    return *out != 0
               ? STATUS_OK
               : fault_set(why, STATUS_NOT_FOUND, "number", "there is no document %.50s", request->number);
}

enum status query_entry_show(struct view_reader *reader, const struct query_context *context,
                             const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                             struct fault *why)
{
    (void)state;
    struct maker maker;
    struct record record;
    uint64_t position = 0;
    Daftari__V1__EntryInfo *info = NULL;
    if (!maker_init(&maker, reader, context))
        return STATUS_UNAVAILABLE;
    enum status status = show_position(&maker, (const Daftari__V1__ShowEntry *)request, &position, why);
    if (status != STATUS_OK)
        return status;
    status = reader->record(reader, position, &record);
    if (status == STATUS_OK)
        status = record.posting_count == 0 ? STATUS_NOT_FOUND
                                           : make_entry(&maker, &record, is_reversal(&record), &info);
    if (status == STATUS_END || status == STATUS_NOT_FOUND)
        return fault_set(why, STATUS_NOT_FOUND, "position",
                         "there is no entry at position %llu that you may read",
                         (unsigned long long)position);
    if (status == STATUS_OK)
        *out = &info->base;
    return status;
}

/* ---- Entry.List --------------------------------------------------------------------------------------------------------------- */

/* A stream's place: the last entry looked at, and what the request's words mean. */
struct list {
    civil_date date;
    uint64_t position;
    uint64_t known_at; /* of the first step: entries that come later are left out */
    uint64_t given;
    bool started;
    bool by_business;
    uint16_t business;
};

static enum status list_open(struct maker *maker, const Daftari__V1__ListEntries *request, struct list *list,
                             struct fault *why)
{
    const bool newest = request->newest_first;
    if (request->has_from_date && !date_valid(request->from_date))
        return fault_set(why, STATUS_INVALID, "from_date", "a real date as YYYYMMDD, got %u",
                         request->from_date);
    if (request->has_to_date && !date_valid(request->to_date))
        return fault_set(why, STATUS_INVALID, "to_date", "a real date as YYYYMMDD, got %u", request->to_date);
    if (request->has_known_at_position &&
        (request->known_at_position == 0 || request->known_at_position > maker->reader->position))
        return fault_set(why, STATUS_INVALID, "known_at_position", "a log position from 1 to %llu",
                         (unsigned long long)maker->reader->position);
    list->known_at = request->has_known_at_position ? request->known_at_position : maker->reader->position;
    if (request->business != NULL && strcmp(request->business, "all") != 0) {
        list->by_business = true;
        if (!business_find(maker->masters, request->business, &list->business))
            return fault_set(why, STATUS_INVALID, "business", "the code of a business, or \"all\"");
        if (!may_read(maker, list->business))
            return fault_set(why, STATUS_DENIED, "business", "you may not read the books of %.20s",
                             request->business);
    }
    if (newest) {
        list->date = request->has_to_date ? request->to_date : UINT32_MAX;
        list->position = UINT64_MAX;
    } else {
        list->date = request->has_from_date ? request->from_date : 0;
        list->position = 0;
    }
    return STATUS_OK;
}

/* Moves to the entry after the list's place; false at the end of what was asked for. */
static bool list_move(struct kv_cursor *cursor, const Daftari__V1__ListEntries *request, struct list *list,
                      bool first, struct journal_entry *out)
{
    const bool newest = request->newest_first;
    bool found;
    if (first) {
        found = journal_seek(cursor, list->date, list->position, newest);
        if (found && list->started && journal_entry(cursor, out) && out->date == list->date &&
            out->position == list->position)
            found = newest ? kv_previous(cursor) : kv_next(cursor);
    } else {
        found = newest ? kv_previous(cursor) : kv_next(cursor);
    }
    if (!found || !journal_entry(cursor, out))
        return false;
    list->started = true;
    list->date = out->date;
    list->position = out->position;
    if (newest)
        return !request->has_from_date || out->date >= request->from_date;
    return !request->has_to_date || out->date <= request->to_date;
}

/* Lines that the asker may not read do not count. */
static bool touches(const struct maker *maker, const struct record *record,
                    const Daftari__V1__ListEntries *request, const struct list *list)
{
    bool account = !request->has_account,
         business = !list->by_business || record->header.business == list->business;
    for (size_t i = 0; i < record->posting_count && !(account && business); i++) {
        struct posting posting = record_posting(record, i);
        if (!may_read(maker, posting.business))
            continue;
        account = account || posting.account == request->account;
        business = business || posting.business == list->business;
    }
    return account && business;
}

/* NOT_FOUND: this entry is not asked for. */
static enum status list_make(struct maker *maker, const Daftari__V1__ListEntries *request,
                             const struct list *list, Daftari__V1__EntryInfo **out)
{
    struct record record;
    enum status status = maker->reader->record(maker->reader, list->position, &record);
    if (status != STATUS_OK)
        return status;
    if (!touches(maker, &record, request, list))
        return STATUS_NOT_FOUND;
    status = make_entry(maker, &record, is_reversal(&record), out);
    if (status == STATUS_OK && request->type != NULL && strcmp((*out)->type, request->type) != 0)
        return STATUS_NOT_FOUND;
    return status;
}

static enum status list_step(struct maker *maker, const Daftari__V1__ListEntries *request, struct list *list,
                             Daftari__V1__EntryInfo **out)
{
    if (request->has_limit && list->given >= request->limit)
        return STATUS_END;
    struct kv_cursor *cursor = kv_cursor_open(maker->journal, JOURNAL_BY_DATE);
    enum status status = STATUS_AGAIN;
    struct journal_entry entry;
    for (size_t looked = 0; looked < SCAN_MAX && status == STATUS_AGAIN; looked++) {
        if (arena_used(maker->context->arena) > LIST_MEMORY_BYTES)
            break;
        if (!list_move(cursor, request, list, looked == 0, &entry)) {
            status = STATUS_END;
            break;
        }
        if (entry.position > list->known_at)
            continue;
        status = list_make(maker, request, list, out);
        if (status == STATUS_NOT_FOUND)
            status = STATUS_AGAIN;
    }
    kv_cursor_close(cursor);
    if (status == STATUS_OK)
        list->given++;
    return status;
}

enum status query_entry_list(struct view_reader *reader, const struct query_context *context,
                             const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                             struct fault *why)
{
    const Daftari__V1__ListEntries *asked = (const Daftari__V1__ListEntries *)request;
    struct maker maker;
    struct list *list = *state;
    Daftari__V1__EntryInfo *info = NULL;
    if (!maker_init(&maker, reader, context))
        return STATUS_UNAVAILABLE;
    if (list == NULL) {
        list = calloc(1, sizeof *list);
        if (list == NULL)
            return STATUS_NO_MEMORY;
        *state = list;
        enum status status = list_open(&maker, asked, list, why);
        if (status != STATUS_OK)
            return status;
    }
    maker.known_at = list->known_at;
    enum status status = list_step(&maker, asked, list, &info);
    if (status == STATUS_OK)
        *out = &info->base;
    return status;
}
