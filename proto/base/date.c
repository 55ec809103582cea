#include "proto/base/date.h"

#include <stdio.h>

#include "proto/base/bug.h"
#include "proto/base/money.h"

#define DAY_US        INT64_C(86400000000)
#define DAYS_DATE_MIN (-25567) /* 1900-01-01 */
#define DAYS_DATE_MAX 376199   /* 2999-12-31 */
#define DAYS_PER_400Y 146097
#define DAYS_TO_EPOCH 719468 /* from 0000-03-01 to 1970-01-01 */

static uint32_t year_of(civil_date date)
{
    return date / 10000;
}
static uint32_t month_of(civil_date date)
{
    return date / 100 % 100;
}
static uint32_t day_of(civil_date date)
{
    return date % 100;
}

uint32_t date_days_in_month(uint32_t year, uint32_t month)
{
    ASSERT(month >= 1 && month <= 12);
    if (month == 2)
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

bool date_valid(civil_date date)
{
    uint32_t month = month_of(date);
    uint32_t day = day_of(date);
    return date >= DATE_MIN && date <= DATE_MAX && month >= 1 && month <= 12 && day >= 1 &&
           day <= date_days_in_month(year_of(date), month);
}

/* Both conversions count years from 1 March, so that the leap day is the last of its year; then the days
 * before a month m (March = 0) are (153 * m + 2) / 5. */
int32_t date_to_days(civil_date date)
{
    ASSERT(date_valid(date));
    int32_t month = (int32_t)month_of(date);
    int32_t year = (int32_t)year_of(date) - (month <= 2);
    int32_t march_month = month > 2 ? month - 3 : month + 9;
    int32_t day_of_year = (153 * march_month + 2) / 5 + (int32_t)day_of(date) - 1;
    return year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - DAYS_TO_EPOCH;
}

civil_date date_from_days(int32_t days)
{
    if (days <= DAYS_DATE_MIN)
        return DATE_MIN;
    if (days >= DAYS_DATE_MAX)
        return DATE_MAX;
    int32_t since = days + DAYS_TO_EPOCH;
    int32_t era = since / DAYS_PER_400Y;
    int32_t in_era = since % DAYS_PER_400Y;
    int32_t year_in_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int32_t day_of_year = in_era - (365 * year_in_era + year_in_era / 4 - year_in_era / 100);
    int32_t march_month = (5 * day_of_year + 2) / 153;
    int32_t day = day_of_year - (153 * march_month + 2) / 5 + 1;
    int32_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    int32_t year = era * 400 + year_in_era + (month <= 2);
    return (civil_date)(year * 10000 + month * 100 + day);
}

static civil_date from_days_wide(int64_t days)
{
    if (days <= DAYS_DATE_MIN)
        return DATE_MIN;
    return days >= DAYS_DATE_MAX ? DATE_MAX : date_from_days((int32_t)days);
}

civil_date date_add_days(civil_date date, int32_t days)
{
    return from_days_wide((int64_t)date_to_days(date) + days);
}

civil_date date_of_timestamp(timestamp_us time, int32_t utc_offset_minutes)
{
    int128 local_us = (int128)time + (int128)utc_offset_minutes * 60000000;
    int128 days = local_us / DAY_US - (local_us % DAY_US < 0);
    return from_days_wide((int64_t)days);
}

civil_date date_month_end(civil_date date)
{
    ASSERT(date_valid(date));
    return date - day_of(date) + date_days_in_month(year_of(date), month_of(date));
}

size_t date_format(civil_date date, char out[DATE_TEXT_MAX])
{
    out[0] = '\0';
    if (date == 0)
        return 0;
    /* The remainders keep a number that is no date within the buffer. */
    int len =
        snprintf(out, DATE_TEXT_MAX, "%04u-%02u-%02u", year_of(date) % 10000, month_of(date), day_of(date));
    return (size_t)len;
}

size_t timestamp_format(timestamp_us time, char out[TIME_TEXT_MAX])
{
    out[0] = '\0';
    if (time == 0)
        return 0;
    int64_t days = time / DAY_US - (time % DAY_US < 0);
    int64_t in_day = time - days * DAY_US;
    if (days < DAYS_DATE_MIN || days > DAYS_DATE_MAX) { /* nearest moment that can be written */
        in_day = days < DAYS_DATE_MIN ? 0 : DAY_US - 1;
        days = days < DAYS_DATE_MIN ? DAYS_DATE_MIN : DAYS_DATE_MAX;
    }
    char date[DATE_TEXT_MAX];
    date_format(date_from_days((int32_t)days), date);
    uint32_t seconds = (uint32_t)(in_day / 1000000);
    int len = snprintf(out, TIME_TEXT_MAX, "%sT%02u:%02u:%02u.%06uZ", date, seconds / 3600 % 24,
                       seconds / 60 % 60, seconds % 60, (uint32_t)(in_day % 1000000));
    return (size_t)len;
}

/* Reads exactly `count` digits at *at and moves on. */
static bool take_number(struct slice text, size_t *at, size_t count, uint32_t *out)
{
    if (count > text.len - *at)
        return false;
    uint32_t number = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = text.ptr[*at + i];
        if (byte < '0' || byte > '9')
            return false;
        number = number * 10 + (uint32_t)(byte - '0');
    }
    *at += count;
    *out = number;
    return true;
}

static bool take_byte(struct slice text, size_t *at, char byte)
{
    if (*at >= text.len || text.ptr[*at] != (uint8_t)byte)
        return false;
    ++*at;
    return true;
}

/* YYYY-MM-DD at *at. */
static bool take_date(struct slice text, size_t *at, civil_date *out)
{
    uint32_t year, month, day;
    if (!take_number(text, at, 4, &year) || !take_byte(text, at, '-') || !take_number(text, at, 2, &month) ||
        !take_byte(text, at, '-') || !take_number(text, at, 2, &day))
        return false;
    *out = year * 10000 + month * 100 + day;
    return true;
}

enum status date_parse(struct slice text, civil_date *out, struct fault *why)
{
    civil_date date = 0;
    size_t at = 0;
    bool read = text.len == 8 ? take_number(text, &at, 8, &date) : take_date(text, &at, &date);
    if (!read || at != text.len)
        return fault_set(why, STATUS_INVALID, NULL, "a date such as 2026-11-23");
    if (!date_valid(date))
        return fault_set(why, STATUS_INVALID, NULL, "a day that exists, from 1900-01-01 to 2999-12-31");
    *out = date;
    return STATUS_OK;
}

/* hh:mm:ss and up to six decimals, as microseconds of the day. */
static bool take_time(struct slice text, size_t *at, int64_t *out_us)
{
    uint32_t hour, minute, second, decimals = 0;
    if (!take_number(text, at, 2, &hour) || !take_byte(text, at, ':') || !take_number(text, at, 2, &minute) ||
        !take_byte(text, at, ':') || !take_number(text, at, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    if (take_byte(text, at, '.')) {
        size_t start = *at;
        uint32_t digit;
        while (*at - start < 6 && take_number(text, at, 1, &digit))
            decimals = decimals * 10 + digit;
        if (*at == start)
            return false;
        for (size_t i = *at - start; i < 6; i++)
            decimals *= 10;
    }
    *out_us = ((int64_t)hour * 3600 + minute * 60 + second) * 1000000 + decimals;
    return true;
}

/* "Z" or a numeric offset, as minutes east of UTC. */
static bool take_offset(struct slice text, size_t *at, int64_t *out_minutes)
{
    *out_minutes = 0;
    if (take_byte(text, at, 'Z') || take_byte(text, at, 'z'))
        return true;
    bool west = take_byte(text, at, '-');
    uint32_t hours, minutes;
    if ((!west && !take_byte(text, at, '+')) || !take_number(text, at, 2, &hours) ||
        !take_byte(text, at, ':') || !take_number(text, at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *out_minutes = (int64_t)(hours * 60 + minutes) * (west ? -1 : 1);
    return true;
}

enum status timestamp_parse(struct slice text, timestamp_us *out, struct fault *why)
{
    size_t at = 0;
    civil_date date;
    int64_t in_day, offset;
    if (!take_date(text, &at, &date) || (!take_byte(text, &at, 'T') && !take_byte(text, &at, 't')) ||
        !take_time(text, &at, &in_day) || !take_offset(text, &at, &offset) || at != text.len)
        return fault_set(why, STATUS_INVALID, NULL,
                         "a moment such as 2026-11-23T10:15:00Z or 2026-11-23T13:15:00+03:00");
    if (!date_valid(date))
        return fault_set(why, STATUS_INVALID, NULL, "a day that exists, from 1900-01-01 to 2999-12-31");
    timestamp_us time = date_to_days(date) * DAY_US + in_day - offset * 60000000;
    if (time < DAYS_DATE_MIN * DAY_US || time >= (DAYS_DATE_MAX + 1) * DAY_US)
        return fault_set(why, STATUS_INVALID, NULL, "a moment from 1900-01-01 to 2999-12-31 in UTC");
    *out = time;
    return STATUS_OK;
}
