#include "server/views/queries/documents.h"

#include <stdlib.h>

#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"

#define SCAN_MAX          512u /* documents looked at in one step before another query has its turn */
#define LIST_MEMORY_BYTES (2u * 1024u * 1024u)
#define FOLLOWERS_AT_ONCE 64u

bool document_query_init(struct document_query *query, struct view_reader *reader,
                         const struct query_context *context)
{
    *query = (struct document_query){.reader = reader, .context = context};
    query->masters = reader->txn(reader, VIEW_MASTERS);
    query->journal = reader->txn(reader, VIEW_JOURNAL);
    return query->masters != NULL && query->journal != NULL;
}

char *document_text(const char *text)
{
    return (char *)(uintptr_t)text;
}

bool document_may_read(const struct document_query *query, uint16_t business)
{
    return rights_allow_business(query->context->rights, business, PERMISSION_READ);
}

char *document_number_text(const struct document_query *query, const struct record_header *header)
{
    char number[NUMBER_TEXT_MAX + 1];
    if (header->series == 0 ||
        !number_format(query->masters, header->series, header->business_date, header->number, number))
        return NULL;
    return arena_text(query->context->arena, slice_text(number));
}

static bool is_of(const uint16_t *types, uint16_t type)
{
    while (*types != 0 && *types != type)
        types++;
    return *types != 0;
}

enum status document_by_number(const struct document_query *query, const char *number, const uint16_t *types,
                               struct record *out, struct fault *why)
{
    uint16_t series;
    civil_date date;
    uint32_t count;
    if (number == NULL || !number_split(query->masters, number, &series, &date, &count))
        return fault_set(why, STATUS_INVALID, "number", "a document number, like RS-20261123-0001");
    uint64_t position = journal_by_number(query->journal, series, date, count);
    enum status status = STATUS_NOT_FOUND;
    if (position != 0)
        status = query->reader->record(query->reader, position, out);
    if (status == STATUS_OK &&
        (!is_of(types, out->header.type) || !document_may_read(query, out->header.business)))
        status = STATUS_NOT_FOUND;
    if (status == STATUS_NOT_FOUND || status == STATUS_END)
        return fault_set(why, STATUS_NOT_FOUND, "number", "there is no such document %.50s that you may read",
                         number);
    return status;
}

enum status document_followers(const struct document_query *query, uint64_t position,
                               enum status (*each)(void *context, const struct record *record), void *context)
{
    uint64_t found[FOLLOWERS_AT_ONCE], after = 0;
    size_t count;
    do {
        count = journal_followers(query->journal, position, after, query->reader->position, found,
                                  FOLLOWERS_AT_ONCE);
        for (size_t i = 0; i < count; i++) {
            struct record record;
            enum status status = query->reader->record(query->reader, found[i], &record);
            if (status == STATUS_OK)
                status = each(context, &record);
            if (status != STATUS_OK)
                return status;
            after = found[i];
        }
    } while (count == FOLLOWERS_AT_ONCE);
    return STATUS_OK;
}

/* ---- lists ---------------------------------------------------------------------------------------------------------- */

static enum status list_open(const struct document_query *query, const struct document_filter *filter,
                             struct document_list *list, struct fault *why)
{
    if (filter->has_from && !date_valid(filter->from))
        return fault_set(why, STATUS_INVALID, "from_date", "a real date as YYYYMMDD, got %u", filter->from);
    if (filter->has_to && !date_valid(filter->to))
        return fault_set(why, STATUS_INVALID, "to_date", "a real date as YYYYMMDD, got %u", filter->to);
    if (filter->business != NULL && strcmp(filter->business, "all") != 0) {
        list->by_business = true;
        if (!business_find(query->masters, filter->business, &list->business))
            return fault_set(why, STATUS_INVALID, "business", "the code of a business, or \"all\"");
        if (!document_may_read(query, list->business))
            return fault_set(why, STATUS_DENIED, "business", "you may not read the books of %.20s",
                             filter->business);
    }
    list->known_at = query->reader->position;
    list->date = filter->has_from ? filter->from : 0;
    list->opened = true;
    return STATUS_OK;
}

/* Moves on to the next document that may be asked for; false at the end, AGAIN's caller comes back later. */
static enum status list_next(const struct document_query *query, const struct document_filter *filter,
                             struct document_list *list)
{
    struct kv_cursor *cursor = kv_cursor_open(query->journal, JOURNAL_BY_DATE);
    bool found = journal_seek(cursor, list->date, list->position + 1, false);
    enum status status = STATUS_AGAIN;
    for (size_t looked = 0; looked < SCAN_MAX && status == STATUS_AGAIN; looked++) {
        struct journal_entry entry;
        if (!found || !journal_entry(cursor, &entry) || (filter->has_to && entry.date > filter->to)) {
            status = STATUS_END;
            break;
        }
        list->date = entry.date;
        list->position = entry.position;
        if (entry.position <= list->known_at && is_of(filter->types, entry.type) &&
            document_may_read(query, entry.business) &&
            (!list->by_business || entry.business == list->business))
            status = STATUS_OK;
        else
            found = kv_next(cursor);
    }
    kv_cursor_close(cursor);
    return status;
}

enum status document_list_step(const struct document_query *query, const struct document_filter *filter,
                               void **state, ProtobufCMessage **out, struct fault *why,
                               enum status (*make)(const struct document_query *query,
                                                   const struct record *record, const void *context,
                                                   ProtobufCMessage **out),
                               const void *context)
{
    if (*state == NULL)
        *state = calloc(1, sizeof(struct document_list));
    struct document_list *list = *state;
    if (list == NULL)
        return STATUS_NO_MEMORY;
    enum status status = list->opened ? STATUS_OK : list_open(query, filter, list, why);
    if (status != STATUS_OK)
        return status;
    if (filter->limit != 0 && list->given >= filter->limit)
        return STATUS_END;
    do {
        struct record record;
        status = list_next(query, filter, list);
        if (status == STATUS_OK)
            status = query->reader->record(query->reader, list->position, &record);
        if (status == STATUS_OK)
            status = make(query, &record, context, out);
    } while (status == STATUS_NOT_FOUND && arena_used(query->context->arena) < LIST_MEMORY_BYTES);
    if (status == STATUS_OK)
        list->given++;
    return status == STATUS_NOT_FOUND ? STATUS_AGAIN : status;
}
