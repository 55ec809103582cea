#include "tests/support/document.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is left of a text when line breaks, indents and bars are gone. */
static bool kept(int c)
{
    return !isspace(c) && c != '|';
}

void document_read(struct document *document, const char *path)
{
    FILE *file = fopen(path, "r");
    document->len = 0;
    int c = file == NULL ? EOF : getc(file);
    for (; c != EOF && document->len < sizeof document->text - 1; c = getc(file))
        if (kept(c))
            document->text[document->len++] = (char)c;
    document->text[document->len] = '\0';
    if (document->len == 0) {
        printf("not ok cannot read %s\n", path);
        exit(1);
    }
    fclose(file);
}

bool document_shows(const struct document *document, const char *text)
{
    char wanted[4096];
    size_t len = 0;
    for (; *text != '\0' && len < sizeof wanted - 1; text++)
        if (kept((unsigned char)*text))
            wanted[len++] = *text;
    wanted[len] = '\0';
    return *text == '\0' && strstr(document->text, wanted) != NULL;
}
