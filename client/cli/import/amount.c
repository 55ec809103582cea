/* Decimal amounts of hledger's JSON: a mantissa and a number of places. The floating-point form beside them is not read. */
#include <string.h>

#include "client/cli/import/journal.h"
#include "proto/base/money.h"

bool import_amount_read(json_t *object, struct journal_amount *out)
{
    json_t *quantity = json_object_get(object, "aquantity");
    json_t *mantissa = json_object_get(quantity, "decimalMantissa");
    json_t *places = json_object_get(quantity, "decimalPlaces");
    const char *commodity = json_string_value(json_object_get(object, "acommodity"));
    if (!json_is_integer(mantissa) || !json_is_integer(places) || commodity == NULL ||
        json_integer_value(places) < 0 || json_integer_value(places) > 255)
        return false;
    *out = (struct journal_amount){.mantissa = json_integer_value(mantissa),
                                   .places = (uint32_t)json_integer_value(places),
                                   .commodity = commodity};
    while (out->places > 0 && out->mantissa % 10 == 0) {
        out->mantissa /= 10;
        out->places--;
    }
    return out->mantissa != INT64_MIN;
}

bool import_amount_minor(const struct journal_amount *amount, uint32_t scale, int64_t *out)
{
    int64_t minor = amount->mantissa;
    if (amount->places > scale)
        return false;
    for (uint32_t i = amount->places; i < scale; i++) {
        if (!amount_multiply_divide(minor, 10, 1, &minor))
            return false;
    }
    return amount_add(minor, 0, out);
}

bool import_price_text(json_t *object, char *out, size_t cap)
{
    json_t *price = json_object_get(object, "aprice");
    if (price == NULL)
        price = json_object_get(object, "acost"); /* hledger 1.29 and later */
    json_t *contents = json_object_get(price, "contents");
    const char *tag = json_string_value(json_object_get(price, "tag"));
    struct journal_amount amount;
    char text[AMOUNT_TEXT_MAX];
    int64_t scaled;
    if (contents == NULL || tag == NULL || !import_amount_read(contents, &amount) ||
        amount.places > CURRENCY_SCALE_MAX || !amount_add(amount.mantissa, 0, &scaled))
        return false;
    bool total = strstr(tag, "Total") != NULL;
    if (total && scaled < 0)
        scaled = -scaled; /* the sign of a total price is the posting's own */
    (void)amount_format(scaled, amount.places, text);
    int len = snprintf(out, cap, "%s %s %s", total ? "@@" : "@", text, amount.commodity);
    return len > 0 && (size_t)len < cap;
}
