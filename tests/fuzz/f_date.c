/* Dates and timestamps from outside: whatever parses is valid and comes back the same from its own text. */
#include "proto/base/bug.h"
#include "proto/base/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fault why = {0};
    char text[TIME_TEXT_MAX];
    civil_date date, date_again;
    if (date_parse(slice_of(data, size), &date, &why) == STATUS_OK) {
        ASSERT(date_valid(date));
        ASSERT(date_from_days(date_to_days(date)) == date);
        size_t len = date_format(date, text);
        ASSERT(date_parse(slice_of(text, len), &date_again, &why) == STATUS_OK && date_again == date);
    }
    timestamp_us time, time_again;
    if (timestamp_parse(slice_of(data, size), &time, &why) == STATUS_OK && time != 0) {
        size_t len = timestamp_format(time, text);
        ASSERT(timestamp_parse(slice_of(text, len), &time_again, &why) == STATUS_OK && time_again == time);
    }
    return 0;
}
