/*
 * What every report needs, made once from the request: parameters checked, the moment chosen, businesses and rights
 * settled, names of accounts, businesses and currencies at hand. A report's `run` reads this and fills run->out.
 */
#ifndef SERVER_VIEWS_REPORT_RUN_H
#define SERVER_VIEWS_REPORT_RUN_H

#include "server/domain/kernel/account_row.h"
#include "server/views/reports/report_out.h"
#include "server/views/totals.h"

struct run_account {
    uint32_t number;
    enum account_type type;
    Daftari__V1__AccountClass class;
    bool header;
    uint32_t parent; /* its heading, 0 = none */
    bool hidden;     /* of a business that the asker may not read: as good as none, when he asks for it */
    const char *name;
};
struct run_business {
    uint16_t number;
    const char *code, *name;
};
struct run_currency { /* code NULL: no such number */
    const char *code;
    uint32_t scale;
};

struct totals_by_currency; /* sums.h */

/* Where a report that is made in batches goes on; zero at first. Later batches see the books of the first one: they
 * leave out what was recorded since. */
struct report_resume {
    bool started;
    uint64_t known_at;
    civil_date to;
    civil_date date; /* the next row's place */
    uint64_t position;
    uint16_t line;
    size_t currency;                   /* account-statement: the currency under way */
    bool in_currency;                  /* its opening balance is written */
    int128 balance;                    /* before the next row */
    struct totals before, within;      /* of the currency */
    struct totals_by_currency *totals; /* general-journal; in run->keep */
};

struct report_run {
    const struct report *report;
    struct view_reader *reader;
    const struct query_context *context;
    const Daftari__V1__RunReport *request;
    struct report_out *out;
    struct fault *why;
    struct kv_txn *masters; /* as of now: names */
    struct arena *arena;    /* lasts as long as the report's making */
    struct arena *row;      /* for one row; a report resets it as it likes */
    struct arena *keep;     /* lasts over all batches */
    struct report_resume *resume;

    uint64_t known_at; /* records after it are left out */
    bool as_known;     /* known_at was asked for */
    civil_date from;   /* 0 = from the beginning; a report sets its default with run_default_from */
    civil_date to;     /* never 0 */
    bool compare;
    civil_date compare_from, compare_to;
    bool all;          /* every business */
    uint16_t business; /* when not `all` */
    bool one_currency;
    uint16_t currency;

    const struct run_account *accounts; /* by number */
    size_t account_count;
    const struct run_business *businesses; /* by number: those that the report covers */
    size_t business_count;
    const struct run_currency *currencies; /* index = number */
    size_t currency_count;
};

/* Everything above. `run` is zeroed by the caller and ended by run_close whatever this returns. */
enum status run_open(struct report_run *run) MUST_USE;
void run_close(struct report_run *run);

/* The view at the moment asked for; NULL: run->why says why. */
struct kv_txn *run_txn(struct report_run *run, enum view_id id);

/* When the request gives no first date: the first day of the fiscal year that `to` lies in, by the year of the one
 * business asked for when it has its own (setting fiscal_year_start), else of the books. */
void run_default_from_fiscal_year(struct report_run *run);

/* The last position whose record is not later than `time`; 0 = none. */
enum status run_position_at(struct report_run *run, timestamp_us time, uint64_t *out) MUST_USE;

bool run_covers(const struct report_run *run, uint16_t business, uint16_t currency);
const struct run_account *run_account(const struct report_run *run, uint32_t number); /* NULL: unknown */
const char *run_account_name(const struct report_run *run, uint32_t number);          /* "" when unknown */
const char *run_business_code(const struct report_run *run, uint16_t number);
const char *run_currency_code(const struct report_run *run, uint16_t number);
uint32_t run_scale(const struct report_run *run, uint16_t currency);

/* A cell with the e-mail of a user whom a row names by number. */
void run_cell_user(struct report_run *run, const char *user);
/* From here on the report is about this one of the businesses that it covers; false when it covers no such one. */
bool run_keep_business(struct report_run *run, uint16_t number);

/* Whose report it is, of which days and as known when: after the report's run, which may have chosen days of its own. */
enum status run_head(struct report_run *run) MUST_USE;

/* The status of a report that has come to its end: what its transactions and its output say. */
enum status run_status(struct report_run *run);

#endif
