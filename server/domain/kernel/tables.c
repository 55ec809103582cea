#include "server/domain/kernel/tables.h"

#include "server/domain/domain.h"

const struct kv_table domain_tables[] = {
    [TABLE_CURSOR] = {"cursor", KV_PLAIN},
    [TABLE_BOOKS] = {"books", KV_PLAIN},
    [TABLE_CURRENCY] = {"currency", KV_PLAIN},
    [TABLE_CURRENCY_CODE] = {"currency_code", KV_BLIND_KEYS},
    [TABLE_SERIES] = {"series", KV_PLAIN},
    [TABLE_SERIES_PREFIX] = {"series_prefix", KV_BLIND_KEYS},
    [TABLE_COUNTER] = {"counter", KV_PLAIN},
    [TABLE_TRANSACTION_TYPE] = {"transaction_type", KV_PLAIN},
    [TABLE_TRANSACTION_TYPE_CODE] = {"transaction_type_code", KV_BLIND_KEYS},
    [TABLE_BUSINESS] = {"business", KV_PLAIN},
    [TABLE_BUSINESS_CODE] = {"business_code", KV_BLIND_KEYS},
    [TABLE_BUSINESS_UNIQUE] = {"business_unique", KV_BLIND_KEYS},
    [TABLE_TILL] = {"till", KV_APPENDED},
    [TABLE_TILL_NUMBER] = {"till_number", KV_BLIND_KEYS},
    [TABLE_SETTING] = {"setting", KV_PLAIN}, /* keys hold our own setting names only */
    [TABLE_ACCOUNT] = {"account", KV_PACKED},
    [TABLE_BALANCE] = {"balance", KV_PLAIN},
    [TABLE_DAY] = {"day", KV_PACKED | KV_GROUP(8)},
    [TABLE_DOCUMENT] = {"document", KV_PACKED | KV_GROUP(6)},
    [TABLE_ENTRY] = {"entry", KV_APPENDED},
    [TABLE_DRAFT] = {"draft", KV_APPENDED},
    [TABLE_OPENING] = {"opening", KV_PLAIN},
    [TABLE_ADJUSTMENT] = {"adjustment", KV_APPENDED},
    [TABLE_PERIOD] = {"period", KV_PLAIN},
    [TABLE_RECONCILIATION] = {"reconciliation", KV_APPENDED},
    [TABLE_RECONCILIATION_ENTRY] = {"reconciliation_entry", KV_APPENDED},
    [TABLE_STATEMENT] = {"statement", KV_PLAIN},
    [TABLE_STATEMENT_LINE] = {"statement_line", KV_PLAIN},
    [TABLE_STATEMENT_GIVEN] = {"statement_given", KV_BLIND_KEYS},
    [TABLE_STATEMENT_MATCH] = {"statement_match", KV_PLAIN},
    [TABLE_USER] = {"user", KV_PLAIN},
    [TABLE_USER_EMAIL] = {"user_email", KV_BLIND_KEYS},
    [TABLE_ROLE] = {"role", KV_PLAIN},
    [TABLE_ROLE_NAME] = {"role_name", KV_BLIND_KEYS},
    [TABLE_ACCESS] = {"access", KV_PLAIN},
    [TABLE_CERTIFICATE] = {"certificate", KV_PLAIN}, /* keys are hashes */
    [TABLE_SESSION] = {"session", KV_APPENDED},
};
const unsigned domain_table_count = TABLE_COUNT;

_Static_assert(sizeof domain_tables / sizeof domain_tables[0] == TABLE_COUNT, "a table without a row");
