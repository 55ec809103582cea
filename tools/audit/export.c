#include "tools/audit/export.h"

#include <stdlib.h>
#include <string.h>

#include "period.pb-c.h"
#include "proto/wire/message.h"
#include "reconciliation.pb-c.h"
#include "server/domain/domain.h"
#include "type_ids.h"

#define ENTRY_ARENA_BYTES (8u * 1024u * 1024u)

static const struct export_format *const formats[] = {&export_hledger, &export_ledger, &export_beancount,
                                                      &export_csv};

const struct export_format *export_format_named(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}

uint32_t export_type_digit(const Daftari__V1__AccountInfo *account)
{
    uint32_t digit = account->number;
    while (digit >= 10)
        digit /= 10;
    return digit <= 5 ? digit : 0; /* no type has a higher one; formats have a name for each */
}

struct pass {
    const struct export_format *format;
    struct books *books; /* folded up to the record before */
    struct books *names; /* folded to the end; NULL in the first pass */
    uint32_t *accounts;  /* opened, in that order */
    size_t account_count;
    struct arena *arena;
    struct export_symbols *symbols;
    FILE *out;
};

static const char *currency_name(const struct pass *pass, const Daftari__V1__CurrencyInfo *currency)
{
    const char *symbol =
        pass->format->symbols ? export_symbol(pass->symbols, (uint16_t)currency->number) : NULL;
    return symbol != NULL ? symbol : currency->code;
}

/* ---- what a record says ------------------------------------------------------------------------------------------ */

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static void take_entry(struct export_entry *out, const Daftari__V1__PostEntry *entry)
{
    if (entry == NULL)
        return;
    out->description = text_or_empty(entry->description);
    out->reference = text_or_empty(entry->reference);
    out->tag_count = entry->n_tags;
    out->tags = entry->tags;
    /* Lines added by rule (1900) follow those asked for, in both. */
    for (size_t i = 0; i < entry->n_lines && i < out->line_count; i++) {
        out->lines[i].description = text_or_empty(entry->lines[i]->description);
        out->lines[i].tag_count = entry->lines[i]->n_tags;
        out->lines[i].tags = entry->lines[i]->tags;
    }
}

/* The words of the record, by its type. A type without words of its own keeps its name as description. */
static void take_words(struct export_entry *out, struct books *books, const ProtobufCMessage *payload,
                       struct arena *arena)
{
    switch (out->record->header.type) {
    case EVENT_ENTRY_POSTED:
        take_entry(out, (const Daftari__V1__PostEntry *)payload);
        return;
    case EVENT_DRAFT_POSTED:
    case EVENT_ADJUSTMENT_APPROVED:
        take_entry(out, books_pending_entry(books, out->record->header.cause, arena));
        return;
    case EVENT_ENTRY_REVERSED:
        out->description = text_or_empty(((const Daftari__V1__ReverseEntry *)payload)->reason);
        return;
    case EVENT_OPENING_BALANCES_POSTED:
        out->description = text_or_empty(((const Daftari__V1__PostOpening *)payload)->description);
        return;
    case EVENT_RECONCILIATION_DIFFERENCE_BOOKED:
        out->description =
            text_or_empty(((const Daftari__V1__BookReconciliationDifference *)payload)->description);
        return;
    case EVENT_YEAR_CLOSED:
        out->description = text_or_empty(((const Daftari__V1__CloseYear *)payload)->note);
        return;
    default:
        return;
    }
}

/* Names of accounts are those at the end of the export: one account has one name, whenever it got it. */
static enum status take_lines(const struct pass *pass, struct export_entry *out, struct fault *why)
{
    struct arena *arena = pass->arena;
    for (size_t i = 0; i < out->line_count; i++) {
        struct export_line *line = &out->lines[i];
        line->posting = record_posting(out->record, i);
        Daftari__V1__AccountInfo *account = books_account(pass->names, line->posting.account, arena);
        Daftari__V1__CurrencyInfo *currency = books_currency(pass->books, line->posting.currency, arena);
        Daftari__V1__BusinessInfo *business = books_business(pass->books, line->posting.business, arena);
        char name[EXPORT_NAME_MAX];
        if (account == NULL || currency == NULL || business == NULL)
            return fault_set(why, STATUS_CORRUPT, NULL,
                             "record %llu posts to account %u, which the log never opened",
                             (unsigned long long)out->record->header.position, line->posting.account);
        pass->format->account_name(account, name);
        line->account = arena_text(arena, slice_text(name));
        line->currency = currency_name(pass, currency);
        line->scale = currency->scale;
        line->business = business->code;
        line->description = "";
        if (line->account == NULL)
            return fault_set(why, STATUS_NO_MEMORY, NULL, "record %llu is too large to export",
                             (unsigned long long)out->record->header.position);
    }
    return STATUS_OK;
}

static enum status write_entry(const struct pass *pass, const struct record *record, struct fault *why)
{
    struct books *books = pass->books;
    struct arena *arena = pass->arena;
    const struct event_type *type = domain_event(record->header.type);
    ProtobufCMessage *payload;
    struct export_entry entry = {
        .record = record, .description = "", .reference = "", .line_count = record->posting_count};
    if (type == NULL)
        return fault_set(why, STATUS_CORRUPT, NULL, "record %llu has the unknown type %u",
                         (unsigned long long)record->header.position, record->header.type);
    enum status status =
        message_unpack(type->payload, record->payload, false, arena_allocator(arena), &payload, why);
    if (status != STATUS_OK)
        return status;
    entry.kind = type->name;
    entry.lines = arena_take_zero(arena, record->posting_count * sizeof *entry.lines);
    Daftari__V1__BusinessInfo *business = books_business(books, record->header.business, arena);
    entry.business = business != NULL ? business->code : "HQ";
    if (entry.lines == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory for an entry");
    books_number(books, &record->header, entry.number);
    status = take_lines(pass, &entry, why);
    if (status != STATUS_OK)
        return status;
    take_words(&entry, books, payload, arena);
    pass->format->entry(pass->out, &entry);
    return STATUS_OK;
}

/* ---- passes ------------------------------------------------------------------------------------------------------ */

/* Remembers an account that was opened, to be declared when its last name is known. */
static enum status account_keep(struct pass *pass, uint32_t number, struct fault *why)
{
    uint32_t *grown = realloc(pass->accounts, (pass->account_count + 1) * sizeof *grown);
    if (grown == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory for the accounts");
    pass->accounts = grown;
    grown[pass->account_count++] = number;
    return STATUS_OK;
}

static void write_accounts(const struct pass *pass)
{
    for (size_t i = 0; i < pass->account_count; i++) {
        char name[EXPORT_NAME_MAX];
        arena_reset(pass->arena);
        Daftari__V1__AccountInfo *account = books_account(pass->names, pass->accounts[i], pass->arena);
        if (account == NULL || account->header)
            continue;
        pass->format->account_name(account, name);
        pass->format->account(pass->out, account, name);
    }
}

/* Settles by which names currencies go. */
static void settle_symbols(const struct pass *pass)
{
    arena_reset(pass->arena);
    Daftari__V1__CurrencyInfo *base = books_currency(pass->names, 1, pass->arena);
    export_symbols_settle(pass->symbols, base != NULL ? base->code : "");
}

/* Currencies are numbered without gaps from 1, which is the base currency: BooksOpened makes it, no event of its own. */
static void write_currencies(const struct pass *pass)
{
    Daftari__V1__CurrencyInfo *currency;
    for (uint32_t number = 1; pass->format->currency != NULL && number <= UINT16_MAX; number++) {
        arena_reset(pass->arena);
        currency = books_currency(pass->names, (uint16_t)number, pass->arena);
        if (currency == NULL)
            return;
        currency->code = (char *)currency_name(pass, currency);
        pass->format->currency(pass->out, currency);
    }
}

static enum status pass_declarations(struct pass *pass, const struct record *record, struct fault *why)
{
    enum status status = books_apply(pass->books, record, why);
    if (status != STATUS_OK)
        return status;
    if (record->header.type == EVENT_CURRENCY_DEFINED) {
        ProtobufCMessage *payload;
        status = message_unpack(&daftari__v1__define_currency__descriptor, record->payload, false,
                                arena_allocator(pass->arena), &payload, why);
        return status != STATUS_OK ? status
                                   : export_symbols_take(pass->symbols, record,
                                                         (const Daftari__V1__DefineCurrency *)payload, why);
    }
    if (record->header.type == EVENT_ACCOUNT_OPENED && pass->format->account != NULL) {
        ProtobufCMessage *payload;
        status = message_unpack(&daftari__v1__open_account__descriptor, record->payload, false,
                                arena_allocator(pass->arena), &payload, why);
        if (status == STATUS_OK)
            status = account_keep(pass, ((Daftari__V1__OpenAccount *)payload)->number, why);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status pass_entries(struct pass *pass, const struct record *record, struct fault *why)
{
    if (record->posting_count != 0) {
        enum status status = write_entry(pass, record, why);
        if (status != STATUS_OK)
            return status;
    }
    return books_apply(pass->books, record, why);
}

static enum status run_pass(struct pass *pass, struct source *source,
                            enum status (*step)(struct pass *, const struct record *, struct fault *),
                            struct fault *why)
{
    enum status status = STATUS_OK;
    struct slice bytes;
    struct record record;
    pass->books = books_new();
    if (pass->books == NULL)
        status = fault_set(why, STATUS_NO_MEMORY, NULL, "no memory to export");
    while (status == STATUS_OK && (status = source_next(source, &bytes, why)) == STATUS_OK) {
        status = record_decode(bytes, &record, why);
        arena_reset(pass->arena);
        if (status == STATUS_OK)
            status = step(pass, &record, why);
    }
    return status == STATUS_END ? STATUS_OK : status;
}

enum status export_run(const struct export_format *format, struct source *declarations,
                       struct source *entries, FILE *out, struct fault *why)
{
    struct pass pass = {.format = format, .out = out, .arena = arena_new(ENTRY_ARENA_BYTES)};
    pass.symbols = export_symbols_new();
    if (pass.arena == NULL || pass.symbols == NULL) {
        arena_free(pass.arena);
        export_symbols_free(pass.symbols);
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory to export");
    }
    if (format->begin != NULL)
        format->begin(out);
    enum status status = run_pass(&pass, declarations, pass_declarations, why);
    if (status == STATUS_OK) {
        pass.names = pass.books;
        pass.books = NULL;
        settle_symbols(&pass);
        write_currencies(&pass);
        write_accounts(&pass);
        status = run_pass(&pass, entries, pass_entries, why);
    }
    export_symbols_free(pass.symbols);
    books_free(pass.books);
    books_free(pass.names);
    free(pass.accounts);
    arena_free(pass.arena);
    if (status == STATUS_OK && (fflush(out) != 0 || ferror(out)))
        status = fault_set(why, STATUS_IO, NULL, "the export could not be written");
    return status;
}
