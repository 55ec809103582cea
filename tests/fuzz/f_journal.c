/* A transaction of hledger's JSON, of whatever content: it becomes an entry whose lines balance in every currency, or is
 * refused with a reason. */
#include <string.h>

#include "client/cli/import/journal.h"
#include "proto/base/bug.h"
#include "proto/base/money.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_balance(const struct journal *journal, json_t *entry)
{
    json_t *sums = json_object();
    size_t index;
    json_t *line, *sum;
    const char *code;
    json_array_foreach(json_object_get(entry, "lines"), index, line)
    {
        bool debit = json_object_get(line, "debit") != NULL;
        const char *text = json_string_value(json_object_get(line, debit ? "debit" : "credit"));
        code = json_string_value(json_object_get(line, "currency"));
        const char *commodity = json_string_value(json_object_get(journal->codes, code));
        uint32_t scale = (uint32_t)json_integer_value(
            json_object_get(json_object_get(journal->commodities, commodity), "scale"));
        int64_t minor = 0, total = json_integer_value(json_object_get(sums, code));
        ASSERT(amount_parse(slice_text(text), scale, &minor, NULL) == STATUS_OK && minor > 0);
        if (!amount_add(total, debit ? minor : -minor, &total)) {
            json_decref(sums); /* on the way to zero, a sum may leave the range of one amount */
            return;
        }
        (void)json_object_set_new(sums, code, json_integer(total));
    }
    json_object_foreach(sums, code, sum)
    {
        ASSERT(json_integer_value(sum) == 0);
    }
    json_decref(sums);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cli cli = {.quiet = true};
    struct journal journal = {.cli = &cli,
                              .business = "HQ",
                              .first_date = 20240101,
                              .next_number = {0, 100001, 200001, 300001, 400001, 500001},
                              .today = 20261123,
                              .types = json_object(),
                              .accounts = json_object(),
                              .chart = json_object(),
                              .to_open = json_array(),
                              .needed = json_object(),
                              .commodities = json_object(),
                              .codes = json_object()};
    struct fault why = {0};
    uint8_t id[DFT_COMMAND_ID_BYTES];
    json_t *entry = NULL;
    json_t *transaction = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(transaction)) {
        import_learn(&journal, transaction);
        import_learned(&journal);
        enum status status = import_entry(&journal, transaction, &entry, &why);
        if (status == STATUS_OK)
            check_balance(&journal, entry);
        else
            ASSERT(status == STATUS_END || why.text[0] != '\0');
        ASSERT(import_command_id(&journal, transaction, id, &why) == STATUS_OK);
    }
    json_decref(entry);
    json_decref(transaction);
    json_decref(journal.types);
    json_decref(journal.accounts);
    json_decref(journal.chart);
    json_decref(journal.to_open);
    json_decref(journal.needed);
    json_decref(journal.commodities);
    json_decref(journal.codes);
    seen_done(&journal.seen);
    return 0;
}
