/* The three businesses' books of data/ with their views, for cmocka tests: what is refused fails the test. */
#ifndef TESTS_SUPPORT_EXAMPLE_H
#define TESTS_SUPPORT_EXAMPLE_H

#include "tests/support/view_books.h"

struct example {
    struct world *world;
    struct view_books *books;
};

int example_set_up(void **state); /* *state: struct example */
int example_tear_down(void **state);

/* Give the position of what was recorded. `user` 0 is the server itself, others have an owner's rights. */
uint64_t example_command_of(struct world *world, uint32_t user, const char *method, const char *json_text);
uint64_t example_command(struct world *world, const char *method, const char *json_text);
uint64_t example_post(struct world *world, const char *date, const char *business, const char *description,
                      const char *lines);
/* Of one business, or NULL: of all. */
Daftari__V1__RunReport example_request(const char *business);
/* A report on all that is recorded; table_free is the caller's. */
void example_ask(struct example *example, const char *report, Daftari__V1__RunReport request,
                 struct table *out);

#define DETAIL  DAFTARI__V1__ROW_KIND__DETAIL
#define HEADING DAFTARI__V1__ROW_KIND__HEADING
#define TOTAL   DAFTARI__V1__ROW_KIND__TOTAL

#define assert_amount(table, row, column, text)                                                              \
    assert_string_equal(table_cell(table, (size_t)(row), column), text)

#endif
