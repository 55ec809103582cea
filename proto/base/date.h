/* Civil dates and timestamps. A date is a number YYYYMMDD (20261123) wherever it is stored, sent or compared:
 * readable in every dump, numeric order is date order. A timestamp is microseconds since 1970-01-01 UTC. Pure. */
#ifndef PROTO_BASE_DATE_H
#define PROTO_BASE_DATE_H

#include "proto/base/slice.h"
#include "proto/base/status.h"

typedef uint32_t civil_date;  /* YYYYMMDD, 19000101 to 29991231; 0 = none */
typedef int64_t timestamp_us; /* UTC microseconds; 0 = none */

#define DATE_MIN      19000101u
#define DATE_MAX      29991231u
#define DATE_TEXT_MAX 11 /* "2026-11-23" */
#define TIME_TEXT_MAX 28 /* "2026-11-23T10:15:00.000000Z" */

bool date_valid(civil_date date);        /* a real day of the proleptic Gregorian calendar, in range */
int32_t date_to_days(civil_date date);   /* days since 1970-01-01; date must be valid (asserted) */
civil_date date_from_days(int32_t days); /* clamped to DATE_MIN..DATE_MAX */
civil_date date_add_days(civil_date date, int32_t days);
civil_date date_of_timestamp(timestamp_us time, int32_t utc_offset_minutes); /* the local civil date */
uint32_t date_days_in_month(uint32_t year, uint32_t month);
civil_date date_month_end(civil_date date); /* last day of its month */

size_t date_format(civil_date date, char out[DATE_TEXT_MAX]);        /* ISO 8601; "" for 0 */
size_t timestamp_format(timestamp_us time, char out[TIME_TEXT_MAX]); /* RFC 3339 UTC; "" for 0 */

/* "2026-11-23" or "20261123"; INVALID otherwise. (Words such as "today" are the command line's.) */
enum status date_parse(struct slice text, civil_date *out, struct fault *why) MUST_USE;
/* RFC 3339 with "Z" or a numeric offset, 0 to 6 decimals. */
enum status timestamp_parse(struct slice text, timestamp_us *out, struct fault *why) MUST_USE;

#endif
