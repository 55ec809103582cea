/*
 * daftari mpesa confirm, callback, statement: what Daraja and the portal of the operator write (catalogue 8.1), made into
 * commands of the service Mpesa. Whatever comes is read with bounds; the readers do no I/O but of the file they are given.
 *
 * fields.c      amounts, moments, phone numbers, parties   csv_reader.c   records of a CSV file
 * daraja.c      JSON of callbacks and results              statement.c    the organisation's statement, both variants
 * run.c         the words, and sending                     reconcile.c    the account compared with a statement
 */
#ifndef CLIENT_CLI_MPESA_MPESA_H
#define CLIENT_CLI_MPESA_MPESA_H

#include "client/cli/cli.h"
#include "proto/base/date.h"
#include "proto/base/money.h"

#define MPESA_SCALE       2u /* shillings have two decimals wherever the operator writes them */
#define MPESA_PHONE_CAP   21u
#define MPESA_NAME_CAP    101u
#define MPESA_RECEIPT_CAP 21u
#define MPESA_TILL_CAP    21u

/* ---- fields.c ---------------------------------------------------------------------------------------------------- */
/* "5000", "5,000.00", "-34.00", "" (0). False: something else. */
bool mpesa_amount(struct slice text, int64_t *out_minor) MUST_USE;
/* 20191122063845, 2026-10-02 12:30:00, 03-02-2026 10:15:00, 15/01/2026 09:30:47 (the day first), with or without seconds, as
 * Nairobi's clock; RFC 3339 as it says. */
bool mpesa_time(struct slice text, timestamp_us *out) MUST_USE;
/* A number of which the middle is hidden, whatever came: masked ones as they are, whole ones masked; "" for what is no number. */
void mpesa_phone(const char *text, char out[MPESA_PHONE_CAP]);
/* "2547****123 - NAME": either may be missing. */
void mpesa_party(const char *text, char phone[MPESA_PHONE_CAP], char name[MPESA_NAME_CAP]);
/* Blanks around taken off, control characters made blanks, cut between characters; what is not UTF-8 gives "". */
void mpesa_clean(const char *text, char *out, size_t cap);
/* 6 to 20 capital letters and digits. */
bool mpesa_receipt(const char *text);
/* Does `text` hold `word`, whatever the case of its letters (ASCII)? */
bool mpesa_holds(const char *text, const char *word);

/* ---- csv_reader.c ------------------------------------------------------------------------------------------------ */
#define CSV_FIELDS_MAX 64u
#define CSV_RECORD_MAX 65536u /* bytes of one record */
struct csv_reader {
    FILE *from;        /* NULL: `held` alone */
    struct slice held; /* borrowed */
    size_t held_at;
    bool begun;
    int ahead;          /* byte read and not used; -2: none */
    uint64_t line;      /* on which the record begins, from 1 */
    uint64_t next_line; /* internal */
    char *bytes;        /* fields, each with a NUL */
    size_t len, cap;
    uint32_t starts[CSV_FIELDS_MAX];
    size_t count;
};
/* RFC 4180, line ends of any kind, a byte order mark passed over. END after the last record; INVALID names the line. */
enum status csv_next(struct csv_reader *reader, struct fault *why) MUST_USE;
const char *csv_cell(const struct csv_reader *reader, size_t index); /* "" past the last */
void csv_done(struct csv_reader *reader);

/* ---- daraja.c ---------------------------------------------------------------------------------------------------- */
/* The text of one JSON value with its numbers as strings, so that no amount goes through binary fractions. NULL: no memory.
 * free(3). */
char *daraja_quote_numbers(const char *text, size_t len);

struct daraja_terms {
    const char *till;     /* "" : what the message says */
    bool without_balance; /* book confirmations that tell no balance: else they are validations */
};
struct daraja_said {
    const char *method; /* "Mpesa.Confirm"; NULL: nothing to book */
    json_t *body;       /* for message_from_json; a new reference */
    const char *passed; /* why there is nothing to book */
};
/* One value of a file, numbers as strings. OK, or INVALID with the field. */
enum status daraja_read(json_t *object, const struct daraja_terms *terms, struct daraja_said *out,
                        struct fault *why) MUST_USE;

/* ---- statement.c ------------------------------------------------------------------------------------------------- */
enum statement_column {
    STATEMENT_RECEIPT,
    STATEMENT_COMPLETED,
    STATEMENT_DETAILS,
    STATEMENT_STATUS,
    STATEMENT_PAID_IN,
    STATEMENT_WITHDRAWN,
    STATEMENT_BALANCE,
    STATEMENT_REASON,
    STATEMENT_PARTY,
    STATEMENT_LINKED,
    STATEMENT_ACCOUNT,
    STATEMENT_COLUMNS
};
enum statement_what { STATEMENT_IN, STATEMENT_OUT, STATEMENT_CHARGE, STATEMENT_SETTLE, STATEMENT_REVERSE };

struct statement_row {
    uint64_t line;
    uint32_t order; /* in the file */
    enum statement_what what;
    timestamp_us completed;
    int64_t amount; /* of the till: below zero is out */
    int64_t balance;
    bool has_balance;
    char receipt[MPESA_RECEIPT_CAP];
    char linked[MPESA_RECEIPT_CAP];
    char *details, *reason, *party, *account; /* one allocation, at `details` */
};
#define STATEMENT_ROWS_MAX     200000u
#define STATEMENT_PREAMBLE_MAX 100u
#define STATEMENT_WRONG_SHOWN  20u
struct statement {
    char short_code[MPESA_TILL_CAP]; /* "" : it does not say */
    struct statement_row *rows;
    size_t count, cap;
    uint64_t passed; /* rows that did not complete, or moved nothing */
    uint64_t wrong;  /* rows that cannot be read */
    void (*tell)(uint64_t line, const struct fault *why);
};
/* Reads all of it; rows in the order in which they happened. Rows that cannot be read are told and counted. INVALID: it is
 * no statement. */
enum status statement_read(struct statement *statement, struct csv_reader *reader,
                           struct fault *why) MUST_USE;
/* Opening balance plus rows = closing balance, row by row. INVALID names the line at which it does not. Only when rows tell
 * balances: `out_known`. */
enum status statement_tie(const struct statement *statement, bool *out_known, int64_t *out_opening,
                          int64_t *out_closing, struct fault *why) MUST_USE;
/* The command of a row. */
struct daraja_said statement_said(const struct statement_row *row, const char *till);
void statement_done(struct statement *statement);

/* ---- run.c ------------------------------------------------------------------------------------------------------- */
/* Is it one of the words that read files? */
bool mpesa_takes(int argc, char **argv);
int mpesa_run(struct cli *cli, int argc, char **argv);

/* ---- reconcile.c ------------------------------------------------------------------------------------------------- */
enum status mpesa_reconcile(struct cli *cli, const struct statement *statement, const char *till,
                            int64_t opening, int64_t closing, struct fault *why) MUST_USE;

#endif
