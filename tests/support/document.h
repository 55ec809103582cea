/* A page of docs/, for tests that compare its examples with what the code does. Run from the top of the tree. */
#ifndef TESTS_SUPPORT_DOCUMENT_H
#define TESTS_SUPPORT_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

struct document {
    size_t len;
    char text[512 * 1024]; /* white space and the bars of tables left out */
};

void document_read(struct document *document, const char *path);        /* stops the program when it cannot */
bool document_shows(const struct document *document, const char *text); /* whatever the line breaks */

#endif
