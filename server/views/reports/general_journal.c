/* general-journal: every entry with its lines. */
#include "people.pb-c.h"
#include "server/domain/kernel/numbering.h"
#include "server/views/entry_text.h"
#include "server/views/journal/journal.h"
#include "server/views/reports/list.h"
#include "server/views/reports/sums.h"

static const char *const parameters[] = {"from_date", "to_date", "known_at_position", "known_at_time_us",
                                         "business",  "account", "currency",          "limit",
                                         "offset",    NULL};
static const struct report_column columns[] = {
    {"date", "Date", DAFTARI__V1__COLUMN_KIND__DATE},
    {"position", "Position", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"number", "Number", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"type", "Type", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"business", "Business", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"account", "Account", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"name", "Name", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"description", "Description", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"reference", "Reference", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"currency", "Currency", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"debit", "Debit", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"credit", "Credit", DAFTARI__V1__COLUMN_KIND__AMOUNT},
};

struct entry {
    const struct record_header *header;
    const struct posting *postings;
    size_t count;
    struct entry_text text;
    char number[NUMBER_TEXT_MAX + 1];
};

/* Postings are copied, since reading the text may read other records. */
static struct posting *copy_postings(struct report_run *run, const struct record *record)
{
    struct posting *postings = arena_take(run->row, (record->posting_count + 1u) * sizeof *postings);
    for (size_t i = 0; postings != NULL && i < record->posting_count; i++)
        postings[i] = record_posting(record, i);
    return postings;
}

static bool touches(const struct entry *entry, uint32_t account)
{
    for (size_t i = 0; i < entry->count; i++) {
        if (entry->postings[i].account == account)
            return true;
    }
    return false;
}

static void write_line(struct report_run *run, const struct entry *entry, size_t index)
{
    const struct posting *posting = &entry->postings[index];
    uint32_t scale = run_scale(run, posting->currency);
    cell_date(run->out, entry->header->business_date);
    cell_integer(run->out, entry->header->position);
    cell_text(run->out, entry->number);
    cell_text(run->out, entry->text.type);
    cell_text(run->out, run_business_code(run, posting->business));
    cell_integer(run->out, posting->account);
    cell_text(run->out, run_account_name(run, posting->account));
    cell_text(run->out, entry_text_line(&entry->text, index));
    cell_text(run->out, entry->text.reference);
    cell_text(run->out, run_currency_code(run, posting->currency));
    cell_amount_unless_zero(run->out, posting->amount > 0 ? posting->amount : 0, scale);
    cell_amount_unless_zero(run->out, posting->amount < 0 ? -(int128)posting->amount : 0, scale);
    row_end(run->out);
}

static enum status read_text(struct report_run *run, const struct record *record, struct entry *entry)
{
    const struct record_header *header = entry->header;
    if (header->series == 0 ||
        !number_format(run->masters, header->series, header->business_date, header->number, entry->number))
        entry->number[0] = '\0';
    return entry_text_read(run->reader, record, run->row, &entry->text);
}

static enum status write_entry(struct report_run *run, uint64_t position, struct totals_by_currency *totals)
{
    struct record record;
    arena_reset(run->row);
    enum status status = run->reader->record(run->reader, position, &record);
    if (status != STATUS_OK)
        return status;
    struct record_header header = record.header;
    struct entry entry = {
        .header = &header, .postings = copy_postings(run, &record), .count = record.posting_count};
    if (entry.postings == NULL)
        return STATUS_NO_MEMORY;
    if (run->request->has_account && !touches(&entry, run->request->account))
        return STATUS_OK;
    if (!report_out_done(run->out)) /* past the page only the totals are still needed */
        status = read_text(run, &record, &entry);
    for (size_t i = 0; status == STATUS_OK && i < entry.count; i++) {
        const struct posting *posting = &entry.postings[i];
        if (!run_covers(run, posting->business, posting->currency))
            continue;
        int128 *total = totals_of(totals, run->keep, posting->currency);
        if (total == NULL)
            return STATUS_NO_MEMORY;
        total[posting->amount > 0 ? 0 : 1] +=
            posting->amount > 0 ? posting->amount : -(int128)posting->amount;
        if (row_begin(run->out, DAFTARI__V1__ROW_KIND__DETAIL, 0))
            write_line(run, &entry, i);
    }
    return status;
}

static void write_totals(struct report_run *run, const struct totals_by_currency *totals)
{
    for (size_t i = 0; i < totals->count; i++) {
        const struct currency_totals *total = &totals->items[i];
        if (!row_begin(run->out, DAFTARI__V1__ROW_KIND__TOTAL, 0))
            continue;
        for (int c = 0; c < 7; c++)
            cell_empty(run->out);
        cell_text(run->out, "Total");
        cell_empty(run->out);
        cell_text(run->out, run_currency_code(run, total->currency));
        cell_amount(run->out, total->column[0], run_scale(run, total->currency));
        cell_amount(run->out, total->column[1], run_scale(run, total->currency));
        row_end(run->out);
    }
}

/* Entries from the resume's place on; AGAIN when the batch is full. */
static enum status write_entries(struct report_run *run, struct kv_cursor *cursor)
{
    struct report_resume *resume = run->resume;
    bool more = journal_seek(cursor, resume->date, resume->position, false);
    for (struct journal_entry entry; more && journal_entry(cursor, &entry); more = kv_next(cursor)) {
        if (entry.date > run->to || report_out_error(run->out) != STATUS_OK)
            break;
        if (report_out_batch_full(run->out)) {
            resume->date = entry.date;
            resume->position = entry.position;
            return STATUS_AGAIN;
        }
        if (entry.position > run->known_at)
            continue;
        enum status status = write_entry(run, entry.position, resume->totals);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status general_journal_run(struct report_run *run)
{
    struct kv_txn *txn = run->reader->txn(run->reader, VIEW_JOURNAL);
    if (txn == NULL)
        return STATUS_UNAVAILABLE;
    report_out_columns(run->out, columns, sizeof columns / sizeof columns[0]);
    if (run->resume->totals == NULL)
        run->resume->totals = arena_take_zero(run->keep, sizeof *run->resume->totals);
    if (run->resume->totals == NULL)
        return STATUS_NO_MEMORY;
    struct kv_cursor *cursor = kv_cursor_open(txn, JOURNAL_BY_DATE);
    enum status status = write_entries(run, cursor);
    kv_cursor_close(cursor);
    if (kv_error(txn) != STATUS_OK)
        return kv_error(txn);
    if (status == STATUS_OK)
        write_totals(run, run->resume->totals);
    return status;
}

const struct report report_general_journal = {
    .name = "general-journal",
    .title = "General journal",
    .description =
        "Every entry with its lines, in order of business date; with an account, the entries that touch it. "
        "limit and offset count lines.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = general_journal_run,
};
