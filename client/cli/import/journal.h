/*
 * daftari import journal: what `hledger print --output-format json` writes, an array of transactions.
 *
 * The file is read several times, one transaction at a time: to learn accounts and commodities, to ask the books what they
 * would refuse, to judge that in order, and to send. Every transaction becomes one entry:
 *   - a posting becomes a line for each of its amounts; zero amounts are left out;
 *   - what is left over in a currency (an exchange) goes to the trading account "equity:conversion", as
 *     `hledger --infer-equity` does; what unbalanced virtual postings leave over goes to "equity:virtual";
 *   - no amount is rounded: a currency that the import makes gets as many decimals as its amounts have and its sums leave room
 *     for; what has more, or more than a currency that exists, is refused;
 *   - date, description, code (as reference), tags, status and prices (as tags) and comments are kept;
 *   - balance assertions are not checked again: a note says so.
 * Command ids are made of the transaction's own content (seen.h), so that a second run, or one that was interrupted,
 * records nothing twice, and transactions added to the journal later are imported alone.
 */
#ifndef CLIENT_CLI_IMPORT_JOURNAL_H
#define CLIENT_CLI_IMPORT_JOURNAL_H

#include "client/cli/cli.h"
#include "client/cli/seen.h"

#define JOURNAL_TRADING_ACCOUNT "equity:conversion"
#define JOURNAL_VIRTUAL_ACCOUNT "equity:virtual"
#define JOURNAL_PROBLEMS_SHOWN  1000u
#define IMPORT_NUMBER_STEP      100000u /* accounts opened have six digits: the first is the type */

struct journal {
    struct cli *cli;
    const char *business;
    bool dry_run;
    bool skip;       /* leave out what would be refused, instead of stopping */
    civil_date from; /* 0 = all */
    civil_date to;
    json_t *types; /* account name prefix -> "asset"...: given by --type */

    civil_date first_date; /* of the books */
    civil_date today;
    json_t *accounts; /* name -> number; 0 = not known yet */
    json_t *chart;    /* number as text -> account as listed, or as it is to be opened ("planned") */
    json_t *to_open;  /* OpenAccount objects */
    json_t *needed;   /* numbers, as text, of accounts that an entry to be sent uses */
    bool head_office; /* may record there */
    char no_accounts[FAULT_TEXT_MAX], no_currencies[FAULT_TEXT_MAX]; /* why none may be made; "" = they may */
    uint32_t next_number[6];                                         /* by first digit */
    json_t *commodities; /* commodity -> {code, scale, exists, number}; new ones: whole, places */
    json_t *codes;       /* codes that are taken -> commodity */
    uint64_t position;   /* of the log before the import */

    uint8_t *fates; /* enum import_fate of each transaction inside the dates, in the file's order */
    size_t fate_count, fate_cap;
    uint64_t at;          /* of the next in the present pass */
    json_t *listed;       /* what would be refused, for JSON */
    json_t *reasons;      /* number of the transaction as text -> {field, text} */
    json_t *running;      /* balances of accounts that may not go below zero, on the way through the file */
    bool balances_hidden; /* they may not be read */

    uint64_t transactions;
    uint64_t entries;  /* that can be sent */
    uint64_t left_out; /* outside --from and --to, or without any amount */
    uint64_t problems;
    uint64_t assertions, virtual_lines, line_dates, untyped, cut;
    uint64_t recorded, already, refused;
    enum status worst;
    struct seen seen;
};

enum import_fate { IMPORT_UNASKED, IMPORT_GOOD, IMPORT_THERE, IMPORT_REFUSED };

struct journal_amount {
    int64_t mantissa;
    uint32_t places; /* without zeros at the end */
    const char *commodity;
};

/* ---- import.c ---------------------------------------------------------------------------------------------------- */
/* Something that happens for every transaction inside the dates. */
typedef enum status import_each(struct journal *journal, json_t *transaction, uint64_t line, void *context,
                                struct fault *why);
enum status import_pass(struct journal *journal, FILE *from, import_each *what, void *context,
                        struct fault *why) MUST_USE;

/* ---- ask.c: what the books would say ----------------------------------------------------------------------------- */
/* Asks for every transaction; fills `fates`. */
enum status import_ask_all(struct journal *journal, FILE *from, struct fault *why) MUST_USE;
/* Whether the entry of transaction `index`, which is not there yet, would be taken after those judged before it. */
enum status import_judge(struct journal *journal, uint64_t index, json_t *entry, struct fault *why) MUST_USE;

/* ---- learn.c: the first pass ------------------------------------------------------------------------------------- */
/* Books, accounts and currencies as the server has them. */
enum status import_learn_books(struct journal *journal, struct fault *why) MUST_USE;
/* Notes the accounts and commodities of a transaction. */
void import_learn(struct journal *journal, json_t *transaction);
/* What is known of an amount's commodity; NULL = nothing. */
json_t *import_commodity(const struct journal *journal, const struct journal_amount *amount);
/* After the last of them: chooses codes and decimals for new currencies. */
void import_learned(struct journal *journal);
/* Notes the accounts and currencies of an entry that will be sent. */
void import_need(struct journal *journal, json_t *entry);
/* After the last of them: new currencies get the decimals that these need, and accounts that none needs stay unopened. */
void import_needed(struct journal *journal);
/* All answers of a streaming query as JSON objects. */
enum status import_ask(struct cli *cli, const char *name, json_t *query, json_t **out,
                       struct fault *why) MUST_USE;

/* ---- make.c ------------------------------------------------------------------------------------------------------ */
/* Numbers for the accounts that are missing; those that an earlier import opened are found whatever their names are. */
enum status import_plan(struct journal *journal, struct fault *why) MUST_USE;
/* Its number; a missing one gets one. */
uint32_t import_account(struct journal *journal, const char *name);
/* Opens the accounts and defines the currencies that the entries need (in a dry run: says so). */
enum status import_prepare(struct journal *journal, struct fault *why) MUST_USE;

/* ---- entry.c ----------------------------------------------------------------------------------------------------- */
/* The transaction as a JSON object for PostEntry. END: it has no amounts. INVALID or REFUSED: it would be refused. */
enum status import_entry(struct journal *journal, json_t *transaction, json_t **out,
                         struct fault *why) MUST_USE;
/* The command id of the transaction's content. */
enum status import_command_id(struct journal *journal, json_t *transaction, uint8_t out[DFT_COMMAND_ID_BYTES],
                              struct fault *why) MUST_USE;
civil_date import_date(json_t *transaction);

/* ---- amount.c ---------------------------------------------------------------------------------------------------- */
/* Of {"acommodity", "aquantity"}. False: not an amount that can be held. */
bool import_amount_read(json_t *object, struct journal_amount *out) MUST_USE;
/* In minor units of a currency of `scale`; false when it is too large or has more decimals. */
bool import_amount_minor(const struct journal_amount *amount, uint32_t scale, int64_t *out) MUST_USE;
/* "@ 130.255 KES" of an amount with a price, "@@ ..." for a total price; false when it has none. */
bool import_price_text(json_t *object, char *out, size_t cap) MUST_USE;

#endif
