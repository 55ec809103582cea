/* Inside the capability `books`: its commands, what they write, its queries. See domain.h for the forms. */
#ifndef SERVER_DOMAIN_BOOKS_BOOKS_H
#define SERVER_DOMAIN_BOOKS_BOOKS_H

#include "books.pb-c.h"
#include "server/domain/domain.h"

decide_fn books_decide_open, books_decide_currency, books_decide_series, books_decide_type,
    books_decide_type_deactivate;
apply_fn books_apply_open, books_apply_currency, books_apply_series, books_apply_type,
    books_apply_type_deactivate;
query_fn books_query_show, books_query_currencies, books_query_series, books_query_types;

#endif
