/* CSV (RFC 4180), one row a posting, for spreadsheets and databases. Amounts are plain decimals. */
#include <inttypes.h>
#include <string.h>

#include "tools/audit/export.h"

static void csv_name(const Daftari__V1__AccountInfo *account, char out[EXPORT_NAME_MAX])
{
    snprintf(out, EXPORT_NAME_MAX, "%s", account->name != NULL ? account->name : "");
}

static void put_inside(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
}

static void put_field(FILE *out, const char *text, const char *end)
{
    bool quote = strpbrk(text, ",\"\r\n") != NULL;
    if (quote)
        fputc('"', out);
    put_inside(out, text);
    if (quote)
        fputc('"', out);
    fputs(end, out);
}

/* With a backslash before what separates, and before a backslash. */
static void put_escaped(FILE *out, const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        char one[2] = {*text, '\0'};
        if (*text == '\\' || *text == ';' || *text == '=')
            fputc('\\', out);
        put_inside(out, one);
    }
}

/* NAME=VALUE;NAME=VALUE, always quoted when there is one. */
static void put_tags(FILE *out, size_t count, Daftari__V1__Tag **tags, const char *end)
{
    for (size_t i = 0; i < count; i++) {
        fputc(i == 0 ? '"' : ';', out);
        put_escaped(out, tags[i]->name);
        fputc('=', out);
        put_escaped(out, tags[i]->value);
    }
    fprintf(out, "%s%s", count > 0 ? "\"" : "", end);
}

static void csv_begin(FILE *out)
{
    fputs("position,recorded_time,date,number,kind,business,account,account_name,currency,debit,credit,"
          "description,"
          "line_description,reference,tags,line_tags\r\n",
          out);
}

static void csv_entry(FILE *out, const struct export_entry *entry)
{
    char date[DATE_TEXT_MAX], time[TIME_TEXT_MAX], amount[AMOUNT_TEXT_MAX];
    (void)date_format(entry->record->header.business_date, date);
    (void)timestamp_format(entry->record->header.time, time);
    for (size_t i = 0; i < entry->line_count; i++) {
        const struct export_line *line = &entry->lines[i];
        bool debit = line->posting.amount > 0;
        (void)amount_format(debit ? line->posting.amount : -line->posting.amount, line->scale, amount);
        fprintf(out, "%" PRIu64 ",%s,%s,%s,%s,%s,%u,", entry->record->header.position, time, date,
                entry->number, entry->kind, line->business, line->posting.account);
        put_field(out, line->account, ",");
        put_field(out, line->currency, ",");
        fprintf(out, "%s,%s,", debit ? amount : "", debit ? "" : amount);
        put_field(out, entry->description, ",");
        put_field(out, line->description, ",");
        put_field(out, entry->reference, ",");
        put_tags(out, entry->tag_count, entry->tags, ",");
        put_tags(out, line->tag_count, line->tags, "\r\n");
    }
}

const struct export_format export_csv = {
    .name = "csv", .account_name = csv_name, .begin = csv_begin, .entry = csv_entry};
