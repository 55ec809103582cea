/* JSON of Daraja: confirmations, callbacks of requests, results of status queries and reversals, rows of the pull interface
 * (catalogue 8.1). Values may be strings or numbers; the caller has made strings of the numbers. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/mpesa/mpesa.h"
#include "proto/base/text.h"

#define ITEMS_MAX 64u /* of a callback's or result's list */

/* ---- numbers ----------------------------------------------------------------------------------------------------------- */

char *daraja_quote_numbers(const char *text, size_t len)
{
    char *out = malloc(3 * len + 1);
    size_t to = 0;
    bool inside = false;
    for (size_t at = 0; out != NULL && at < len;) {
        size_t digits = 0;
        while (!inside && at + digits < len && text[at + digits] != '\0' &&
               strchr("+-.0123456789eE", text[at + digits]) != NULL)
            digits++;
        /* "true" and "false" hold an e: a number begins with a digit or a sign. */
        if (digits > 0 && strchr("-0123456789", text[at]) != NULL) {
            out[to++] = '"';
            memcpy(out + to, text + at, digits);
            to += digits;
            out[to++] = '"';
            at += digits;
            continue;
        }
        if (text[at] == '"')
            inside = !inside;
        if (inside && text[at] == '\\' && at + 1 < len)
            out[to++] = text[at++];
        out[to++] = text[at++];
    }
    if (out != NULL)
        out[to] = '\0';
    return out;
}

/* ---- values ------------------------------------------------------------------------------------------------------------ */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* A message being made. */
struct making {
    json_t *body;
    struct fault *why;
    enum status status;
};

static void refuse(struct making *making, const char *field, const char *text, const char *right)
{
    char clean[41];
    mpesa_clean(text, clean, sizeof clean);
    if (making->status == STATUS_OK)
        making->status = fault_set(making->why, STATUS_INVALID, field, "%s, not \"%s\"", right, clean);
}

static void put(struct making *making, const char *name, const char *text)
{
    if (text[0] != '\0')
        (void)json_object_set_new(making->body, name, json_string(text));
}

static void put_clean(struct making *making, const char *name, const char *text, size_t max)
{
    char clean[256];
    mpesa_clean(text, clean, max + 1 < sizeof clean ? max + 1 : sizeof clean);
    put(making, name, clean);
}

static void put_receipt(struct making *making, const char *name, const char *field, const char *text)
{
    char clean[MPESA_RECEIPT_CAP + 1];
    mpesa_clean(text, clean, sizeof clean);
    if (!mpesa_receipt(clean))
        refuse(making, field, clean, "a receipt of capital letters and digits");
    put(making, name, clean);
}

static void put_time(struct making *making, const char *field, const char *text)
{
    timestamp_us moment;
    char out[TIME_TEXT_MAX];
    if (!mpesa_time(slice_text(text), &moment)) {
        refuse(making, field, text, "a moment like 20191122063845");
        return;
    }
    (void)timestamp_format(moment, out);
    put(making, "completed_time", out);
}

static void put_amount(struct making *making, const char *name, const char *field, const char *text, bool any)
{
    int64_t minor;
    char out[AMOUNT_TEXT_MAX];
    if (!mpesa_amount(slice_text(text), &minor) || (!any && minor <= 0)) {
        refuse(making, field, text, any ? "an amount like 1250.00" : "an amount above zero, like 250.00");
        return;
    }
    (void)amount_format(minor, MPESA_SCALE, out);
    put(making, name, out);
}

static void put_phone(struct making *making, const char *text)
{
    char phone[MPESA_PHONE_CAP];
    mpesa_phone(text, phone);
    put(making, "payer_phone", phone);
}

static void put_till(struct making *making, const struct daraja_terms *terms, const char *said)
{
    size_t len = strspn(said, "0123456789");
    char digits[MPESA_TILL_CAP] = {0};
    if (len != 0 && len < sizeof digits)
        memcpy(digits, said, len);
    put(making, "till", terms->till[0] != '\0' ? terms->till : digits);
}

static enum status made(struct making *making, const char *method, const char *source,
                        struct daraja_said *out)
{
    if (source != NULL)
        put(making, "source", source);
    if (making->status != STATUS_OK) {
        json_decref(making->body);
        return making->status;
    }
    *out = (struct daraja_said){.method = method, .body = making->body};
    return STATUS_OK;
}

static enum status passed(const char *why_not, struct daraja_said *out)
{
    *out = (struct daraja_said){.passed = why_not};
    return STATUS_OK;
}

/* ---- confirmations ------------------------------------------------------------------------------------------------------- */

static enum status confirmation(json_t *object, const struct daraja_terms *terms, struct daraja_said *out,
                                struct fault *why)
{
    const char *const names[] = {"FirstName", "MiddleName", "LastName"};
    struct making making = {.body = json_object(), .why = why};
    char name[MPESA_NAME_CAP] = {0};
    const char *balance = text_of(object, "OrgAccountBalance");
    if (balance[0] == '\0' && !terms->without_balance) {
        json_decref(making.body);
        return passed(
            "it tells no balance, so it asks to validate a payment: only its confirmation is booked", out);
    }
    for (size_t i = 0; i < 3; i++) {
        char part[MPESA_NAME_CAP];
        mpesa_clean(text_of(object, names[i]), part, sizeof part);
        size_t len = strlen(name), more = strlen(part);
        if (more == 0 || len + more + 2 > sizeof name)
            continue;
        if (len != 0)
            name[len++] = ' ';
        memcpy(name + len, part, more + 1);
    }
    put_till(&making, terms, text_of(object, "BusinessShortCode"));
    put_receipt(&making, "receipt", "TransID", text_of(object, "TransID"));
    put_amount(&making, "amount", "TransAmount", text_of(object, "TransAmount"), false);
    put_time(&making, "TransTime", text_of(object, "TransTime"));
    put_clean(&making, "reference", text_of(object, "BillRefNumber"), 100);
    put_phone(&making, text_of(object, "MSISDN"));
    put(&making, "payer_name", name);
    put_clean(&making, "kind", text_of(object, "TransactionType"), 100);
    if (balance[0] != '\0')
        put_amount(&making, "balance", "OrgAccountBalance", balance, true);
    return made(&making, "Mpesa.Confirm", "confirmation", out);
}

/* A row of the pull interface, which tells no till. */
static enum status pulled(json_t *object, const struct daraja_terms *terms, struct daraja_said *out,
                          struct fault *why)
{
    struct making making = {.body = json_object(), .why = why};
    put_till(&making, terms, "");
    put_receipt(&making, "receipt", "transactionId", text_of(object, "transactionId"));
    put_amount(&making, "amount", "amount", text_of(object, "amount"), false);
    put_time(&making, "trxDate", text_of(object, "trxDate"));
    put_clean(&making, "reference", text_of(object, "billreference"), 100);
    put_phone(&making, text_of(object, "msisdn"));
    put_clean(&making, "payer_name", text_of(object, "sender"), 100);
    put_clean(&making, "kind", text_of(object, "transactiontype"), 100);
    return made(&making, "Mpesa.Confirm", "confirmation", out);
}

/* ---- lists of names and values ---------------------------------------------------------------------------------------- */

/* The value of a name in a list whose items come in any order, may repeat and may lack a value: the first that has one. */
static const char *item(const json_t *list, const char *name_key, const char *name, const char *other_name)
{
    for (size_t i = 0; i < json_array_size(list) && i < ITEMS_MAX; i++) {
        const json_t *row = json_array_get(list, i);
        const char *text = text_of(row, name_key);
        if ((strcmp(text, name) == 0 || (other_name != NULL && strcmp(text, other_name) == 0)) &&
            text_of(row, "Value")[0] != '\0')
            return text_of(row, "Value");
    }
    return "";
}

/* A list of one may come as the item itself. */
static json_t *list_of(json_t *object, const char *key)
{
    json_t *list = json_object_get(object, key);
    return json_is_array(list) ? json_incref(list) : json_pack("[O]", list != NULL ? list : json_null());
}

static enum status callback(json_t *object, const struct daraja_terms *terms, struct daraja_said *out,
                            struct fault *why)
{
    struct making making = {.body = json_object(), .why = why};
    const char *result = text_of(object, "ResultCode");
    bool paid = strcmp(result, "0") == 0;
    size_t sign = result[0] == '-' ? 1 : 0, digits = strspn(result + sign, "0123456789");
    if (text_of(object, "CheckoutRequestID")[0] == '\0')
        refuse(&making, "CheckoutRequestID", "", "must be given");
    if (digits == 0 || digits > 9 || result[sign + digits] != '\0')
        refuse(&making, "ResultCode", result, "a whole number");
    put_clean(&making, "checkout", text_of(object, "CheckoutRequestID"), 100);
    if (making.status == STATUS_OK)
        (void)json_object_set_new(making.body, "result", json_integer(strtol(result, NULL, 10)));
    put_till(&making, terms, "");
    if (!paid) {
        put_clean(&making, "result_text", text_of(object, "ResultDesc"), 200);
        return made(&making, "Mpesa.Callback", NULL, out);
    }
    json_t *list = list_of(json_object_get(object, "CallbackMetadata"), "Item");
    put_receipt(&making, "receipt", "MpesaReceiptNumber", item(list, "Name", "MpesaReceiptNumber", NULL));
    put_amount(&making, "amount", "Amount", item(list, "Name", "Amount", NULL), false);
    put_time(&making, "TransactionDate", item(list, "Name", "TransactionDate", NULL));
    put_phone(&making, item(list, "Name", "PhoneNumber", NULL));
    const char *balance = item(list, "Name", "Balance", NULL);
    if (balance[0] != '\0')
        put_amount(&making, "balance", "Balance", balance, true);
    json_decref(list);
    return made(&making, "Mpesa.Callback", NULL, out);
}

/* ---- results ------------------------------------------------------------------------------------------------------------ */

static enum status reversed(json_t *object, json_t *list, const struct daraja_terms *terms,
                            struct daraja_said *out, struct fault *why)
{
    struct making making = {.body = json_object(), .why = why};
    put_till(&making, terms, item(list, "Key", "DebitPartyPublicName", "DebitPartyName"));
    put_receipt(&making, "receipt", "TransactionID", text_of(object, "TransactionID"));
    put_receipt(&making, "original", "OriginalTransactionID",
                item(list, "Key", "OriginalTransactionID", NULL));
    put_amount(&making, "amount", "Amount", item(list, "Key", "Amount", NULL), false);
    put_time(&making, "TransCompletedTime", item(list, "Key", "TransCompletedTime", NULL));
    return made(&making, "Mpesa.Reverse", "callback", out);
}

static enum status status_answer(json_t *list, const struct daraja_terms *terms, struct daraja_said *out,
                                 struct fault *why)
{
    struct making making = {.body = json_object(), .why = why};
    char phone[MPESA_PHONE_CAP], name[MPESA_NAME_CAP];
    mpesa_party(item(list, "Key", "DebitPartyName", NULL), phone, name);
    put_till(&making, terms, item(list, "Key", "CreditPartyName", NULL));
    put_receipt(&making, "receipt", "ReceiptNo", item(list, "Key", "ReceiptNo", NULL));
    put_amount(&making, "amount", "Amount", item(list, "Key", "Amount", NULL), false);
    put_time(&making, "FinalisedTime", item(list, "Key", "FinalisedTime", "FinalizedTime"));
    put(&making, "payer_phone", phone);
    put(&making, "payer_name", name);
    put_clean(&making, "kind", item(list, "Key", "ReasonType", NULL), 100);
    return made(&making, "Mpesa.Confirm", "callback", out);
}

static enum status result(json_t *object, const struct daraja_terms *terms, struct daraja_said *out,
                          struct fault *why)
{
    enum status status;
    json_t *list = list_of(json_object_get(object, "ResultParameters"), "ResultParameter");
    if (strcmp(text_of(object, "ResultCode"), "0") != 0)
        status = passed("the operator did not do what was asked", out);
    else if (item(list, "Key", "OriginalTransactionID", NULL)[0] != '\0')
        status = reversed(object, list, terms, out, why);
    else if (item(list, "Key", "ReceiptNo", NULL)[0] == '\0')
        status = passed("a result that tells of no receipt", out);
    else if (strcmp(item(list, "Key", "TransactionStatus", NULL), "Completed") != 0)
        status = passed("it did not complete", out);
    else
        status = status_answer(list, terms, out, why);
    json_decref(list);
    return status;
}

/* ---- all of them -------------------------------------------------------------------------------------------------------- */

enum status daraja_read(json_t *object, const struct daraja_terms *terms, struct daraja_said *out,
                        struct fault *why)
{
    json_t *stk = json_object_get(json_object_get(object, "Body"), "stkCallback");
    if (json_is_object(json_object_get(object, "stkCallback")))
        stk = json_object_get(object, "stkCallback");
    if (json_is_object(stk))
        return callback(stk, terms, out, why);
    if (json_is_object(json_object_get(object, "Result")))
        return result(json_object_get(object, "Result"), terms, out, why);
    if (json_object_get(object, "TransID") != NULL)
        return confirmation(object, terms, out, why);
    if (json_object_get(object, "transactionId") != NULL)
        return pulled(object, terms, out, why);
    return fault_set(why, STATUS_INVALID, NULL,
                     "no message of M-Pesa: it has neither TransID, stkCallback, Result nor transactionId");
}
