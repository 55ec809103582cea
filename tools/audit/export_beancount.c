/* beancount 2: accounts are five roots and components of ASCII letters, digits and hyphens that begin with a capital or
 * a digit; currencies are 2 to 24 capitals, digits and ' . _ - that begin with a letter and end with a letter or digit
 * (beancount's language syntax). Every account name ends in its number, so that distinct accounts stay distinct. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "tools/audit/export.h"

#define BEAN_CURRENCY_MAX 25

static const char *const roots[] = {"Equity", "Assets", "Liabilities", "Equity", "Income", "Expenses"};

static void bean_name(const Daftari__V1__AccountInfo *account, char out[EXPORT_NAME_MAX])
{
    const char *name = account->name != NULL ? account->name : "";
    const char *colon = strchr(name, ':');
    size_t room = EXPORT_NAME_MAX - 16; /* for the number at the end */
    size_t len = (size_t)snprintf(out, EXPORT_NAME_MAX, "%s:", roots[export_type_digit(account)]);
    bool first = true; /* of a component */
    for (const char *c = colon != NULL ? colon + 1 : name; *c != '\0' && len < room; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte == ':' && !first) {
            out[len++] = ':';
            first = true;
        } else if (isalnum(byte) && byte < 128) {
            out[len++] = (char)(first ? toupper(byte) : byte);
            first = false;
        } else if (!first && out[len - 1] != '-') {
            out[len++] = '-';
        }
    }
    snprintf(out + len, EXPORT_NAME_MAX - len, first || out[len - 1] == '-' ? "%u" : "-%u", account->number);
}

static void bean_currency(const char *code, char out[BEAN_CURRENCY_MAX])
{
    size_t len = 0;
    if (!isalpha((unsigned char)code[0]))
        out[len++] = 'X';
    for (; *code != '\0' && len < BEAN_CURRENCY_MAX - 2; code++) {
        unsigned char byte = (unsigned char)*code;
        out[len++] = (char)(isalnum(byte) && byte < 128 ? toupper(byte) : '-');
    }
    if (len < 2 || !isalnum((unsigned char)out[len - 1]))
        out[len++] = 'X';
    out[len] = '\0';
}

static void put_quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text == '\n' || *text == '\r' ? ' ' : *text, out);
    }
    fputc('"', out);
}

static void put_metadata(FILE *out, const char *indent, const char *key, const char *value)
{
    if (value[0] == '\0')
        return;
    fprintf(out, "%s%s: ", indent, key);
    put_quoted(out, value);
    fputc('\n', out);
}

/* A tag as metadata; its name made a key: a small letter, then letters, digits, - and _. */
static void put_tags(FILE *out, const char *indent, size_t count, Daftari__V1__Tag **tags)
{
    for (size_t i = 0; i < count; i++) {
        char key[64];
        size_t len = 0;
        key[len++] = 't';
        key[len++] = '-';
        for (const char *c = tags[i]->name; c != NULL && *c != '\0' && len < sizeof key - 1; c++)
            key[len++] = (char)(isalnum((unsigned char)*c) && (unsigned char)*c < 128 ? *c : '-');
        key[len] = '\0';
        put_metadata(out, indent, key,
                     tags[i]->value != NULL && tags[i]->value[0] != '\0' ? tags[i]->value : "yes");
    }
}

static void bean_begin(FILE *out)
{
    fputs("; Daftari: exported journal\n\n", out);
}

static void bean_account(FILE *out, const Daftari__V1__AccountInfo *account, const char *name)
{
    fprintf(out, "1900-01-01 open %s\n", name);
    put_metadata(out, "  ", "name", account->name != NULL ? account->name : "");
}

static void bean_entry(FILE *out, const struct export_entry *entry)
{
    char date[DATE_TEXT_MAX], currency[BEAN_CURRENCY_MAX], amount[AMOUNT_TEXT_MAX];
    (void)date_format(entry->record->header.business_date, date);
    fprintf(out, "\n%s * ", date);
    put_quoted(out, entry->description[0] != '\0' ? entry->description : entry->kind);
    fprintf(out, "\n  position: %" PRIu64 "\n", entry->record->header.position);
    put_metadata(out, "  ", "number", entry->number);
    put_metadata(out, "  ", "reference", entry->reference);
    put_tags(out, "  ", entry->tag_count, entry->tags);
    for (size_t i = 0; i < entry->line_count; i++) {
        const struct export_line *line = &entry->lines[i];
        bean_currency(line->currency, currency);
        (void)amount_format(line->posting.amount, line->scale, amount);
        fprintf(out, "  %s  %s %s\n", line->account, amount, currency);
        put_metadata(out, "    ", "business", line->business);
        put_metadata(out, "    ", "description", line->description);
        put_tags(out, "    ", line->tag_count, line->tags);
    }
}

const struct export_format export_beancount = {.name = "beancount",
                                               .account_name = bean_name,
                                               .begin = bean_begin,
                                               .account = bean_account,
                                               .entry = bean_entry};
