/* The capability `books`: what the books are as a whole. */
#include "common.pb-c.h"
#include "people.pb-c.h"
#include "server/domain/books/books.h"
#include "server/domain/capabilities.h"
#include "type_ids.h"

static const struct method methods[] = {
    {
        .name = "Books.Show",
        .kind = METHOD_QUERY,
        .request = &daftari__v1__show_books__descriptor,
        .response = &daftari__v1__books_info__descriptor,
        .query = books_query_show,
    },
    {
        .name = "Currency.Define",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__define_currency__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__ACCOUNTS,
        .level = PERMISSION_WRITE,
        .decide = books_decide_currency,
    },
    {
        .name = "Currency.List",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_currencies__descriptor,
        .response = &daftari__v1__currency_info__descriptor,
        .query = books_query_currencies,
    },
    {
        .name = "Series.Define",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__define_series__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__ACCOUNTS,
        .level = PERMISSION_WRITE,
        .decide = books_decide_series,
    },
    {
        .name = "Series.List",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_series__descriptor,
        .response = &daftari__v1__series_info__descriptor,
        .query = books_query_series,
    },
    {
        .name = "TransactionType.Deactivate",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__deactivate_transaction_type__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__ACCOUNTS,
        .level = PERMISSION_WRITE,
        .decide = books_decide_type_deactivate,
    },
    {
        .name = "TransactionType.Define",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__define_transaction_type__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__ACCOUNTS,
        .level = PERMISSION_WRITE,
        .decide = books_decide_type,
    },
    {
        .name = "TransactionType.List",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_transaction_types__descriptor,
        .response = &daftari__v1__transaction_type_info__descriptor,
        .query = books_query_types,
    },
    {
        .name = "internal.OpenBooks",
        .kind = METHOD_INTERNAL,
        .request = &daftari__v1__open_books__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .decide = books_decide_open,
    },
};

static const struct event_type events[] = {
    {.type = EVENT_BOOKS_OPENED,
     .name = "BooksOpened",
     .payload = &daftari__v1__open_books__descriptor,
     .apply = books_apply_open,
     .master = true},
    {.type = EVENT_CURRENCY_DEFINED,
     .name = "CurrencyDefined",
     .payload = &daftari__v1__define_currency__descriptor,
     .apply = books_apply_currency,
     .master = true},
    {.type = EVENT_SERIES_DEFINED,
     .name = "SeriesDefined",
     .payload = &daftari__v1__define_series__descriptor,
     .apply = books_apply_series,
     .master = true},
    {.type = EVENT_TRANSACTION_TYPE_DEFINED,
     .name = "TransactionTypeDefined",
     .payload = &daftari__v1__define_transaction_type__descriptor,
     .apply = books_apply_type,
     .master = true},
    {.type = EVENT_TRANSACTION_TYPE_DEACTIVATED,
     .name = "TransactionTypeDeactivated",
     .payload = &daftari__v1__deactivate_transaction_type__descriptor,
     .apply = books_apply_type_deactivate,
     .master = true},
};

const struct capability capability_books = {
    .name = "books",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
    .events = events,
    .event_count = sizeof events / sizeof events[0],
};
