#include "tests/support/new_books.h"

Daftari__V1__OpenBooks new_books(uint32_t first_date)
{
    static char name[] = "Test", currency[] = "KES";
    Daftari__V1__OpenBooks books = DAFTARI__V1__OPEN_BOOKS__INIT;
    books.name = name;
    books.base_currency = currency;
    books.has_scale = books.has_utc_offset_minutes = books.has_first_date = books.has_fiscal_year_start = 1;
    books.scale = 2;
    books.utc_offset_minutes = 180;
    books.first_date = first_date;
    books.fiscal_year_start = 101;
    return books;
}
