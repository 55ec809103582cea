/*
 * The tables of core state. The masters view has the same set and fills the master ones only. Keys are big-endian.
 *
 * Rows written "-> SomeMessage" are protobuf bytes (kernel/rows.h reads and writes them). Whoever lists things
 * scans a table keyed by number; tables keyed by text from outside have blind keys (see kv.h) and answer point
 * look-ups only.
 */
#ifndef SERVER_DOMAIN_KERNEL_TABLES_H
#define SERVER_DOMAIN_KERNEL_TABLES_H

/* Command ids are not here: server/base/id_index.h finds them.
 *
 * Raise it when a table, the form of its rows or an apply function changes: stored state of another version is dropped
 * and folded again from the log. */
#define DOMAIN_STATE_VERSION 10u

enum domain_table {
    TABLE_CURSOR, /* "position" -> u64 position folded in, 32-byte hash of that record, u32 version. The owner's */
    TABLE_BOOKS,            /* "books" -> OpenBooks; "facts" -> what every entry needs (kernel/facts.h) */
    TABLE_CURRENCY,         /* u16 number -> CurrencyInfo */
    TABLE_CURRENCY_CODE,    /* code -> u16 number */
    TABLE_SERIES,           /* u16 number -> SeriesInfo */
    TABLE_SERIES_PREFIX,    /* prefix -> u16 number */
    TABLE_COUNTER,          /* u16 series, u32 date -> u32 last number given */
    TABLE_TRANSACTION_TYPE, /* u16 number -> TransactionTypeInfo */
    TABLE_TRANSACTION_TYPE_CODE, /* code -> u16 number, u8 active */
    TABLE_BUSINESS,              /* u16 number -> BusinessInfo */
    TABLE_BUSINESS_CODE,         /* code -> u16 number */
    TABLE_BUSINESS_UNIQUE,       /* 'n' name or 't' default till -> u16 number */
    TABLE_TILL,                  /* u64 position of its registration -> TillInfo */
    TABLE_TILL_NUMBER,           /* number -> u64 position of its registration */
    TABLE_SETTING,               /* u16 business, name, NUL, u32 from_date -> value text */
    TABLE_ACCOUNT,               /* u32 number -> fixed head, then AccountInfo (kernel/account_row.h) */
    TABLE_BALANCE, /* u32 account, u16 business, u16 currency -> balance row (kernel/balance.h); kept at zero too */
    TABLE_DAY, /* the same, u32 date -> zigzag varint: minor units that postings of that date add up to, in part */
    TABLE_DOCUMENT,   /* u16 series, u32 date, u32 (number - 1) / 64 -> u48 positions of up to 64 numbers */
    TABLE_ENTRY,      /* u64 position of an entry -> u64 position of its reversal (only reversed entries) */
    TABLE_DRAFT,      /* u64 position -> DraftInfo (recorded_by: user number); empty = posted or discarded */
    TABLE_OPENING,    /* u16 business -> u64 position of its opening balances */
    TABLE_ADJUSTMENT, /* u64 position -> AdjustmentInfo (requested_by, decided_by: user number) */
    TABLE_PERIOD,     /* u32 YYYYMM (YYYY00: the year) -> PeriodInfo */
    TABLE_RECONCILIATION,       /* u64 position -> ReconciliationInfo */
    TABLE_RECONCILIATION_ENTRY, /* u64 position of the entry that booked a difference -> u64 reconciliation */
    TABLE_STATEMENT,            /* u32 account, u16 business, u16 currency -> StatementSums */
    TABLE_STATEMENT_LINE,       /* the same, u32 line -> StatementLineInfo */
    TABLE_STATEMENT_GIVEN, /* the same, u32 date, u64 amount, reference -> u32 how many such lines were given */
    TABLE_STATEMENT_MATCH, /* u64 position, u32 posting -> u32 line */
    TABLE_USER,            /* u32 user -> user row (people/user_row.h): UserCreated as it stands now, flags */
    TABLE_USER_EMAIL,      /* e-mail -> u32 user */
    TABLE_ROLE,            /* u32 number -> role row (people/user_row.h) */
    TABLE_ROLE_NAME,       /* name -> u32 number */
    TABLE_ACCESS,          /* u32 user, u16 business -> u8 level */
    TABLE_CERTIFICATE,     /* 32-byte fingerprint -> u32 user, label */
    TABLE_SESSION, /* u64 position of SessionOpened -> session row (people/user_row.h); open ones only */
    TABLE_COUNT
};

#endif
