/* hledger and ledger: the plain-text journal of hledger's manual (journal format) and ledger's, written so that both
 * read it. Names with a colon are full names (imported books) and are kept; others get their type and number in front. */
#include <inttypes.h>
#include <string.h>

#include "tools/audit/export.h"

static const char *const roots[] = {"", "assets", "liabilities", "equity", "revenues", "expenses"};
static const char type_letters[] = "?ALERX";

/* One line, no runs of spaces, nothing that would start a comment. */
static void put_text(FILE *out, const char *text)
{
    char last = 0;
    for (; *text != '\0'; text++) {
        char c = *text == '\n' || *text == '\t' || *text == '\r' ? ' ' : *text == ';' ? ',' : *text;
        if (c == ' ' && last == ' ')
            continue;
        fputc(c, out);
        last = c;
    }
}

/* A comment, which both programs search for meaning: hledger takes `date:` and [2024-01-05] in a posting's comment for
 * that posting's date (ledger the latter), and ledger evaluates what follows `::`. Words of these books must move no
 * posting and make no journal unreadable. */
struct comment {
    FILE *out;
    char tail[5]; /* last bytes written */
};

static void comment_byte(struct comment *comment, char c)
{
    fputc(c, comment->out);
    memmove(comment->tail, comment->tail + 1, sizeof comment->tail - 1);
    comment->tail[sizeof comment->tail - 1] = c;
}

static void comment_text(struct comment *comment, const char *text)
{
    const char *tail = comment->tail;
    for (; *text != '\0'; text++) {
        char c = *text == '\n' || *text == '\t' || *text == '\r' ? ' ' : *text;
        c = c == ';' ? ',' : c == '[' ? '(' : c == ']' ? ')' : c;
        bool meant = memcmp(tail + 1, "date", 4) == 0 || memcmp(tail, "date2", 5) == 0 || tail[4] == ':';
        if (c == ' ' && tail[4] == ' ')
            continue;
        if (c == ':' && meant)
            comment_byte(comment, ' ');
        comment_byte(comment, c);
    }
}

/* "    ; name: value", or the value alone when `name` is "". */
static void put_comment(FILE *out, const char *name, const char *value)
{
    struct comment comment = {.out = out};
    fputs("    ; ", out);
    comment_text(&comment, name);
    comment_text(&comment, name[0] != '\0' ? ": " : "");
    comment_text(&comment, value);
    fputc('\n', out);
}

/* Bytes of the white space at `at`, 0 when there is none. hledger takes two of Unicode's spaces, like two blanks, for
 * the end of an account's name. */
static size_t space_len(const char *at)
{
    const unsigned char *byte = (const unsigned char *)at;
    if (byte[0] < 0x80)
        return byte[0] == ' ' || byte[0] == '\n' || byte[0] == '\t' || byte[0] == '\r' ? 1 : 0;
    if (byte[0] == 0xc2)
        return byte[1] == 0xa0 ? 2 : 0;
    if (byte[0] == 0xe2 && byte[1] == 0x80)
        return (byte[2] >= 0x80 && byte[2] <= 0x8a) || byte[2] == 0xa8 || byte[2] == 0xa9 || byte[2] == 0xaf
                   ? 3
                   : 0;
    bool other = (byte[0] == 0xe1 && byte[1] == 0x9a && byte[2] == 0x80) ||
                 (byte[0] == 0xe2 && byte[1] == 0x81 && byte[2] == 0x9f) ||
                 (byte[0] == 0xe3 && byte[1] == 0x80 && byte[2] == 0x80);
    return other ? 3 : 0;
}

static void plain_name(const Daftari__V1__AccountInfo *account, char out[EXPORT_NAME_MAX])
{
    size_t len = 0;
    char last = 0;
    const char *name = account->name != NULL ? account->name : "";
    if (strchr(name, ':') == NULL)
        len = (size_t)snprintf(out, EXPORT_NAME_MAX, "%s:%u ", roots[export_type_digit(account)],
                               account->number);
    for (; *name != '\0' && len < EXPORT_NAME_MAX - 1; name++) {
        size_t space = space_len(name);
        char c = space != 0 ? ' ' : *name == ';' ? ',' : *name;
        name += space > 1 ? space - 1 : 0;
        bool opens_virtual = len == 0 && (c == '(' || c == '[' || c == '<' || c == '*' || c == '!');
        if ((c == ' ' && (last == ' ' || len == 0)) || opens_virtual)
            continue;
        out[len++] = c;
        last = c;
    }
    while (len > 0 && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
}

/* Both programs want quotes around a commodity with anything but letters. */
static void put_commodity(FILE *out, const char *code)
{
    bool letters = true;
    for (const char *c = code; *c != '\0'; c++)
        letters = letters && ((*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z'));
    fprintf(out, letters ? "%s" : "\"%s\"", code);
}

static void put_amount(FILE *out, const struct export_line *line)
{
    char amount[AMOUNT_TEXT_MAX];
    (void)amount_format(line->posting.amount, line->scale, amount);
    fprintf(out, "%s ", amount);
    put_commodity(out, line->currency);
}

static void put_tags(FILE *out, size_t count, Daftari__V1__Tag **tags)
{
    for (size_t i = 0; i < count; i++)
        put_comment(out, tags[i]->name != NULL ? tags[i]->name : "",
                    tags[i]->value != NULL ? tags[i]->value : "");
}

static void plain_entry(FILE *out, const struct export_entry *entry)
{
    char date[DATE_TEXT_MAX];
    (void)date_format(entry->record->header.business_date, date);
    fprintf(out, "\n%s * ", date);
    if (entry->number[0] != '\0')
        fprintf(out, "(%s) ", entry->number);
    put_text(out, entry->description[0] != '\0' ? entry->description : entry->kind);
    fprintf(out, "\n    ; position: %" PRIu64 "\n", entry->record->header.position);
    if (entry->reference[0] != '\0')
        put_comment(out, "reference", entry->reference);
    put_tags(out, entry->tag_count, entry->tags);
    for (size_t i = 0; i < entry->line_count; i++) {
        const struct export_line *line = &entry->lines[i];
        fprintf(out, "    %s  ", line->account);
        put_amount(out, line);
        fprintf(out, "\n    ; business: %s\n", line->business);
        if (line->description[0] != '\0')
            put_comment(out, "", line->description);
        put_tags(out, line->tag_count, line->tags);
    }
}

static void plain_begin(FILE *out)
{
    fputs("; Daftari: exported journal\n\n", out);
}

/* The amount in a declaration shows the decimals; its decimal mark must be there even without any. */
static void hledger_currency(FILE *out, const Daftari__V1__CurrencyInfo *currency)
{
    fprintf(out, "commodity 1000.%.*s ", (int)currency->scale, "000000000000000000");
    put_commodity(out, currency->code);
    fputc('\n', out);
}

static void ledger_currency(FILE *out, const Daftari__V1__CurrencyInfo *currency)
{
    fputs("commodity ", out);
    put_commodity(out, currency->code);
    fputc('\n', out);
}

static void hledger_account(FILE *out, const Daftari__V1__AccountInfo *account, const char *name)
{
    fprintf(out, "account %s\n    ; type: %c\n", name, type_letters[export_type_digit(account)]);
}

static void ledger_account(FILE *out, const Daftari__V1__AccountInfo *account, const char *name)
{
    (void)account;
    fprintf(out, "account %s\n", name);
}

const struct export_format export_hledger = {.name = "hledger",
                                             .symbols = true,
                                             .account_name = plain_name,
                                             .begin = plain_begin,
                                             .account = hledger_account,
                                             .currency = hledger_currency,
                                             .entry = plain_entry};
const struct export_format export_ledger = {.name = "ledger",
                                            .symbols = true,
                                            .account_name = plain_name,
                                            .begin = plain_begin,
                                            .account = ledger_account,
                                            .currency = ledger_currency,
                                            .entry = plain_entry};
