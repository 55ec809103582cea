/* What opens books for a test: shillings, a fiscal year from January, Nairobi's time. */
#ifndef TESTS_SUPPORT_NEW_BOOKS_H
#define TESTS_SUPPORT_NEW_BOOKS_H

#include "books.pb-c.h"

Daftari__V1__OpenBooks new_books(uint32_t first_date);

#endif
