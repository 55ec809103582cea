/* Files of M-Pesa of whatever content, as a statement and as JSON: what is read is a command with a receipt and an amount
 * above zero, or is refused with a reason; no whole phone number comes through. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/mpesa/mpesa.h"
#include "proto/base/bug.h"
#include "proto/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *text_of(const json_t *body, const char *key)
{
    const char *text = json_string_value(json_object_get(body, key));
    return text != NULL ? text : "";
}

static void check_said(struct daraja_said *said)
{
    int64_t amount = 0;
    bool failed_request =
        json_object_get(said->body, "result") != NULL && text_of(said->body, "receipt")[0] == '\0';
    const char *phone = text_of(said->body, "payer_phone");
    size_t hidden = 0;
    for (const char *at = phone; *at != '\0'; at++)
        hidden += *at == '*';
    ASSERT(phone[0] == '\0' || hidden >= 3);
    ASSERT(failed_request || mpesa_receipt(text_of(said->body, "receipt")));
    ASSERT(failed_request ||
           (mpesa_amount(slice_text(text_of(said->body, "amount")), &amount) && amount > 0));
    json_decref(said->body);
}

static void tell(uint64_t line, const struct fault *why)
{
    ASSERT(line > 0 && why->field[0] != '\0' && why->text[0] != '\0');
}

static void as_statement(const uint8_t *data, size_t size)
{
    struct statement statement = {.tell = tell};
    struct csv_reader reader = {.held = slice_of(data, size)};
    struct fault why = {0};
    bool known = false;
    int64_t opening, closing;
    if (statement_read(&statement, &reader, &why) != STATUS_OK)
        ASSERT(why.text[0] != '\0');
    for (size_t i = 0; i < statement.count; i++) {
        struct daraja_said said = statement_said(&statement.rows[i], "174111");
        ASSERT(statement.rows[i].amount != 0 && said.method != NULL);
        check_said(&said);
    }
    if (statement_tie(&statement, &known, &opening, &closing, &why) != STATUS_OK)
        ASSERT(why.text[0] != '\0');
    statement_done(&statement);
    csv_done(&reader);
}

static void as_json(const uint8_t *data, size_t size)
{
    const struct daraja_terms terms = {.till = "", .without_balance = true};
    struct daraja_said said = {.method = NULL};
    struct fault why = {0};
    char *quoted = daraja_quote_numbers((const char *)data, size);
    json_t *value = quoted != NULL ? json_loads(quoted, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (json_is_object(value)) {
        if (daraja_read(value, &terms, &said, &why) != STATUS_OK)
            ASSERT(why.text[0] != '\0');
        else if (said.method != NULL)
            check_said(&said);
        else
            ASSERT(said.passed != NULL);
    }
    json_decref(value);
    free(quoted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_statement(data, size);
    as_json(data, size);
    return 0;
}
