/* tools/audit: words of the books, whatever they are, have no meaning to the programs that read an exported journal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/audit/export.h"

/* The journal of one entry whose words are all `text`, its tags named `tag`. */
static char *exported(const struct export_format *format, char *text, char *tag)
{
    Daftari__V1__Tag one = DAFTARI__V1__TAG__INIT, *tags[] = {&one};
    one.name = tag;
    one.value = text;
    struct record record = {.header = {.position = 7, .business_date = 20240301}};
    struct export_line lines[2] = {
        {.posting = {.amount = 1000},
         .account = "assets:cash",
         .business = "HQ",
         .currency = "KES",
         .scale = 2},
        {.posting = {.amount = -1000},
         .account = "equity:own",
         .business = "HQ",
         .currency = "KES",
         .scale = 2},
    };
    for (size_t i = 0; i < 2; i++) {
        lines[i].description = text;
        lines[i].tag_count = 1;
        lines[i].tags = tags;
    }
    struct export_entry entry = {.record = &record,
                                 .business = "HQ",
                                 .description = text,
                                 .reference = text,
                                 .kind = "EntryPosted",
                                 .tag_count = 1,
                                 .tags = tags,
                                 .line_count = 2,
                                 .lines = lines};
    char *out = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&out, &len);
    assert_non_null(file);
    format->entry(file, &entry);
    assert_int_equal(fclose(file), 0);
    return out;
}

/* The text of the comments alone. */
static void keep_comments(char *journal)
{
    char *to = journal;
    for (const char *line = journal; *line != '\0';) {
        size_t line_len = strcspn(line, "\n");
        const char *comment = memchr(line, ';', line_len);
        size_t len = comment != NULL ? (size_t)(line + line_len - comment) : 0;
        const char *next = line + line_len + (line[line_len] == '\n');
        if (comment != NULL)
            memmove(to, comment, len);
        to += len;
        line = next;
    }
    *to = '\0';
}

static void words_move_no_posting(void **state)
{
    (void)state;
    static const char *const texts[] = {"paid [2020-01-05]", "[=2020-01-05] late",  "see [2-99]",
                                        "date:2020-01-05",   "x, date2:2020-01-05", "a:b,date:never",
                                        "date::now",         "amount:: 1/0",        "one\ndate:2020-01-05",
                                        "one; date:x"};
    char plain[] = "cost", date[] = "date", second[] = "date2", value[] = "Value:";
    char *const names[] = {plain, date, second, value};
    const struct export_format *const formats[] = {&export_hledger, &export_ledger};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t n = 0; n < sizeof names / sizeof *names; n++)
            for (size_t f = 0; f < 2; f++) {
                char text[64];
                snprintf(text, sizeof text, "%s", texts[i]);
                char *journal = exported(formats[f], text, names[n]);
                keep_comments(journal);
                if (strchr(journal, '[') != NULL || strstr(journal, "date:") != NULL ||
                    strstr(journal, "date2:") != NULL || strstr(journal, "::") != NULL)
                    fail_msg("%s", journal);
                free(journal);
            }
}

static void words_stay_readable(void **state)
{
    (void)state;
    char text[] = "rent: May [paid]", tag[] = "due-date";
    char *journal = exported(&export_hledger, text, tag);
    assert_non_null(strstr(journal, "    ; rent: May (paid)\n"));
    assert_non_null(strstr(journal, "    ; due-date : rent: May (paid)\n"));
    assert_non_null(strstr(journal, "    ; reference: rent: May (paid)\n"));
    free(journal);
}

static void a_name_does_not_end_in_its_middle(void **state)
{
    (void)state;
    char name[EXPORT_NAME_MAX], text[] = "assets:Petty\u00a0 \u3000\u2003cash\u00a0";
    Daftari__V1__AccountInfo account = DAFTARI__V1__ACCOUNT_INFO__INIT;
    account.number = 1110;
    account.name = text;
    export_hledger.account_name(&account, name);
    assert_string_equal(name, "assets:Petty cash");
    char accents[] = "assets:Caf\u00e9 \u20ac";
    account.name = accents;
    export_ledger.account_name(&account, name);
    assert_string_equal(name, accents);
}

static void a_number_of_no_type_has_a_name(void **state)
{
    (void)state;
    char name[EXPORT_NAME_MAX], text[] = "Odd";
    Daftari__V1__AccountInfo account = DAFTARI__V1__ACCOUNT_INFO__INIT;
    account.name = text;
    for (uint32_t digit = 6; digit <= 9; digit++) {
        account.number = digit * 1000;
        assert_int_equal(export_type_digit(&account), 0);
        export_hledger.account_name(&account, name);
        export_beancount.account_name(&account, name);
        assert_memory_equal(name, "Equity:Odd-", 11);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_move_no_posting),
        cmocka_unit_test(words_stay_readable),
        cmocka_unit_test(a_name_does_not_end_in_its_middle),
        cmocka_unit_test(a_number_of_no_type_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
