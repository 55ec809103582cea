/* RFC 4180: CRLF line ends, fields quoted where they must be. */
#include <string.h>

#include "client/cli/table.h"

void csv_field(FILE *to, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL && text[0] != ' ') {
        (void)fputs(text, to);
        return;
    }
    (void)fputc('"', to);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"')
            (void)fputc('"', to);
        (void)fputc(*at, to);
    }
    (void)fputc('"', to);
}

void table_show_csv(const struct table *table, bool head, FILE *to)
{
    for (size_t i = 0; head && i < table->column_count; i++) {
        csv_field(to, table->columns[i].name);
        (void)fputs(i + 1 < table->column_count ? "," : "\r\n", to);
    }
    for (size_t r = 0; r < table->row_count; r++) {
        for (size_t i = 0; i < table->column_count; i++) {
            const char *text = table->rows[r].cells[i];
            if (i > 0)
                (void)fputc(',', to);
            csv_field(to, text != NULL ? text : "");
        }
        (void)fputs("\r\n", to);
    }
}
