/* beancount 2: accounts are five roots and components of ASCII letters, digits and hyphens that begin with a capital or
 * a digit; currencies are 2 to 24 capitals, digits and ' . _ - that begin with a letter and end with a letter or digit
 * (beancount's language syntax). Every account name ends in its number, so that distinct accounts stay distinct. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "proto/base/limits.h"
#include "tools/audit/export.h"

#define BEAN_CURRENCY_MAX 25
#define BEAN_KEY_MAX      64 /* of metadata, bytes with the NUL */
#define BEAN_KEY_ROOM     6  /* of it for "-NN" */

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

static const char *tag_value(const Daftari__V1__Tag *tag)
{
    return tag->value != NULL && tag->value[0] != '\0' ? tag->value : "yes";
}

/* A tag's name made a key: letters, digits and hyphens after "t-". Returns its length. */
static size_t tag_key(const char *name, char out[BEAN_KEY_MAX])
{
    size_t len = 2;
    memcpy(out, "t-", len);
    for (const char *c = name; c != NULL && *c != '\0' && len < BEAN_KEY_MAX - BEAN_KEY_ROOM; c++)
        out[len++] = (char)(isalnum((unsigned char)*c) && (unsigned char)*c < 128 ? *c : '-');
    out[len] = '\0';
    return len;
}

static bool key_used(char (*keys)[BEAN_KEY_MAX], size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i], key) == 0)
            return true;
    }
    return false;
}

static bool same_before(Daftari__V1__Tag **tags, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (tags[i]->name != NULL && tags[index]->name != NULL &&
            strcmp(tags[i]->name, tags[index]->name) == 0 &&
            strcmp(tag_value(tags[i]), tag_value(tags[index])) == 0)
            return true;
    }
    return false;
}

/* Tags as metadata. A key may stand only once: a second tag of the same name, or of one that comes to the same key, gets
 * a number behind it; the same tag again is left out. Books hold at most TAGS_MAX. */
static void put_tags(FILE *out, const char *indent, size_t count, Daftari__V1__Tag **tags)
{
    char keys[TAGS_MAX][BEAN_KEY_MAX];
    for (size_t i = 0, used = 0; i < count && used < TAGS_MAX; i++) {
        size_t len = tag_key(tags[i]->name, keys[used]);
        if (same_before(tags, i))
            continue;
        for (unsigned number = 2; key_used(keys, used, keys[used]); number++)
            snprintf(keys[used] + len, BEAN_KEY_ROOM, "-%u", number);
        put_metadata(out, indent, keys[used], tag_value(tags[i]));
        used++;
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
