/* Integer money and quantities with checked arithmetic. Amounts are signed minor units of a currency whose
 * number of decimals ("scale") is data; nothing here assumes two. Pure, any thread. */
#ifndef PROTO_BASE_MONEY_H
#define PROTO_BASE_MONEY_H

#include "proto/base/slice.h"
#include "proto/base/status.h"

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

/* Largest single amount and largest balance, in minor units, either sign (catalogue 0, ledger money of 15
 * digits, widened for currencies of more decimals). Sums of up to 2^63 / AMOUNT_MAX of them cannot overflow int128. */
#define AMOUNT_MAX         INT64_C(999999999999999999)
#define CURRENCY_SCALE_MAX 12 /* decimals: enough for every ISO 4217 currency, fuel and crypto units */
#define AMOUNT_TEXT_MAX    40 /* bytes with the NUL: sign, 18 digits, separators, point */

/* Checked: false and *out untouched when the true result lies outside +-AMOUNT_MAX. */
bool amount_add(int64_t a, int64_t b, int64_t *out) MUST_USE;
bool amount_subtract(int64_t a, int64_t b, int64_t *out) MUST_USE;

/* round(a * b / divisor), half away from zero (the one rounding rule, catalogue 0). divisor > 0 (asserted). */
bool amount_multiply_divide(int64_t a, int64_t b, int64_t divisor, int64_t *out) MUST_USE;

/* Decimal text without grouping, always `scale` decimals: (-125050, 2) -> "-1250.50". Never fails. */
size_t amount_format(int64_t minor, uint32_t scale, char out[AMOUNT_TEXT_MAX]);
/* The same with thousands commas: "-1,250.50". */
size_t amount_format_grouped(int64_t minor, uint32_t scale, char out[AMOUNT_TEXT_MAX]);

/* Text as people write it: optional sign, digits, optional commas in correct thousands groups, optional point
 * and up to `scale` decimals (fewer are padded). More decimals than `scale`, or anything else, is INVALID. */
enum status amount_parse(struct slice text, uint32_t scale, int64_t *out_minor, struct fault *why) MUST_USE;

#endif
