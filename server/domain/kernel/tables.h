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
#define DOMAIN_STATE_VERSION 18u

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
    TABLE_USER,        /* u32 user -> user row (people/user_row.h): UserCreated as it stands now, flags */
    TABLE_USER_EMAIL,  /* e-mail -> u32 user */
    TABLE_ROLE,        /* u32 number -> role row (people/user_row.h) */
    TABLE_ROLE_NAME,   /* name -> u32 number */
    TABLE_ACCESS,      /* u32 user, u16 business -> u8 level */
    TABLE_CERTIFICATE, /* 32-byte fingerprint -> u32 user, label */
    TABLE_SESSION,     /* u64 position of SessionOpened -> session row (people/user_row.h); open ones only */
    TABLE_PROFILE,     /* u16 business -> posting rules and dated settings (kernel/profile.h) */
    TABLE_CATEGORY,    /* u16 number -> CategoryInfo */
    TABLE_CATEGORY_NAME, /* name -> u16 number */
    TABLE_ITEM,          /* u32 number -> fixed head, then ItemInfo (kernel/item_row.h) */
    TABLE_ITEM_CODE,     /* code or barcode -> u32 number */
    TABLE_TAX_CODE,      /* u16 number -> kind, rates, then TaxCodeInfo (kernel/item_row.h) */
    TABLE_TAX_CODE_NAME, /* code -> u16 number */
    TABLE_PRICE,         /* u32 item, u16 business -> prices by date (kernel/item_row.h) */
    TABLE_STOCK,         /* u32 item, u16 business, u16 place, u16 condition -> stock row (kernel/stock.h) */
    TABLE_PLACE,         /* u16 business, u16 number -> PlaceInfo; 0, the shop, has none */
    TABLE_PLACE_NAME,    /* u16 business, name -> u16 number */
    TABLE_LAYER, /* the same, u64 position, u16 index of a receipt -> what is left of it (kernel/layers.h) */
    TABLE_PARTY, /* u32 number -> fixed head, then PartyInfo (kernel/party.h) */
    TABLE_PARTY_KEY,     /* 'p' phone, 'c' code of a customer, 's' name of a supplier -> u32 number */
    TABLE_CREDIT_LIMIT,  /* u32 party, u16 business -> i64 minor units */
    TABLE_PARTY_BALANCE, /* u32 party, u32 account, u16 business -> i64 minor units (kernel/party.h) */
    TABLE_RECEIPT,       /* M-Pesa receipt -> who has it (kernel/receipt.h) */
    TABLE_SALE,          /* u64 position of a sale -> what became of it (sales/sales.h); none: nothing */
    TABLE_OPEN_ITEM, /* u32 party, u32 account, u16 business, u32 date, u64 document -> what is left of it (kernel/open_item.h) */
    TABLE_SETTLED, /* u64 what settles, u32 party, u32 account, u16 business, u64 document -> how much (kernel/open_item.h) */
    TABLE_CYLINDER_TYPE,      /* u16 number -> CylinderTypeInfo */
    TABLE_CYLINDER_TYPE_CODE, /* code -> u16 number */
    TABLE_CYLINDER,           /* u32 number -> CylinderRow */
    TABLE_CYLINDER_SERIAL,    /* serial number -> u32 number */
    TABLE_CYLINDER_TOTAL, /* u16 business, u32 item (0: all) -> what the cylinders come to (cylinders/cylinders.h) */
    TABLE_STATEMENT,      /* u32 account, u16 business, u16 currency -> StatementSums */
    TABLE_STATEMENT_LINE, /* the same, u32 line -> StatementLineInfo */
    TABLE_STATEMENT_GIVEN, /* the same, u32 date, u64 amount, reference -> u32 how many such lines were given */
    TABLE_STATEMENT_MATCH,  /* u64 position, u32 posting -> u32 line */
    TABLE_STOCK_OPENED,     /* u16 business -> u64 position of its stock register */
    TABLE_RECIPE,           /* u32 item, u16 business -> RecipeInfo */
    TABLE_PURCHASE,         /* u64 position of a purchase -> what went back of it (purchasing/purchasing.h) */
    TABLE_EXPENSE_CATEGORY, /* u16 number -> ExpenseCategoryInfo */
    TABLE_EXPENSE_CATEGORY_NAME, /* name -> u16 number */
    TABLE_MONEY_REQUEST, /* u64 position -> MoneyRequestInfo (requested_by, decided_by: user number) */
    TABLE_VAT_RETURN,    /* u16 first business of a PIN, u32 month -> VatReturnInfo */
    TABLE_MPESA,         /* u64 position of what M-Pesa told -> MpesaInfo, less what TABLE_RECEIPT says */
    TABLE_MPESA_GIVEN, /* what a charge, settlement or reversal is known by -> u64 position (mpesa/mpesa.h) */
    TABLE_MPESA_REQUEST,  /* u64 position -> MpesaRequestInfo */
    TABLE_MPESA_CHECKOUT, /* CheckoutRequestID -> u64 position of the row above */
    TABLE_JOB,            /* u64 position of the record that took it in -> JobRow */
    TABLE_JOB_OPEN, /* u16 business, u32 customer, u64 position of a job neither collected nor cancelled -> empty */
    TABLE_SUPPLIER_INVOICE, /* u32 supplier, number -> u64 position (kernel/supplier_invoice.h) */
    TABLE_EQUIPMENT,        /* u32 number -> EquipmentInfo */
    TABLE_EQUIPMENT_CODE,   /* code -> u32 number */
    TABLE_DEPRECIATED,      /* u16 business -> u32 last month that was run */
    TABLE_TILL_DAY,         /* u16 business, u32 account -> days of a till (kernel/till_day.h) */
    TABLE_TILL_DAY_INFO, /* u16 business, u32 date, u32 account -> DayInfo (opened_by, closed_by: user number) */
    TABLE_DAY_BOOK,      /* u16 business, u32 date -> what was taken and paid (kernel/day_book.h) */
    TABLE_COUNT
};

#endif
