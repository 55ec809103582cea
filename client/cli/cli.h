/*
 * The `daftari` command: what its parts share. main.c is thin; cli_main is the program.
 *
 * settings.c   options that every command takes, environment, files of this user
 * services.c   what there is, from the descriptors      message_json.c, json_reader.c   messages as JSON
 * options.c    options -> JSON -> message               table.c, csv.c, print.c         answers as people read them
 * run.c        commands and queries     many.c, input.c   many of them, from a file    report.c   reports              session.c   log-in, log-out
 * load.c       files of commands                        outbox.c   the durable outbox   help.c, completion.c
 * close.c      closing many months   import/   journals of other programs
 */
#ifndef CLIENT_CLI_CLI_H
#define CLIENT_CLI_CLI_H

#include <daftari/daftari.h>
#include <jansson.h>
#include <stdio.h>

#include "client/cli/message_json.h"
#include "client/cli/services.h"
#include "client/cli/table.h"

/* Exit codes, documented in daftari(1). */
enum cli_exit {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1, /* refused by a rule, or a value that the server does not take */
    EXIT_USAGE = 2,   /* the command line or a file is wrong; no command was sent */
    EXIT_DENIED = 3,  /* not permitted, or not logged in */
    EXIT_SERVER = 4,  /* no connection, or the server is broken */
    EXIT_ROLLED_BACK = 5,
    EXIT_PART = 6,   /* a file is wrong, which was found when a part of it was sent already */
    EXIT_OUTPUT = 7, /* it is done, and the answer could not be written */
};

enum cli_output { OUTPUT_TABLE, OUTPUT_CSV, OUTPUT_JSON };

#define CLI_PATH_MAX             4096
#define CLI_CURRENCIES_MAX       65536u
#define CLI_CURRENCIES_BYTES_MAX (CLI_CURRENCIES_MAX * 64u) /* of the file that keeps them */
#define CLI_ARENA_MAX            (64u * 1024u * 1024u)
#define CLI_BATCH_COMMANDS       1000u
#define CLI_IN_FLIGHT            4u

struct cli_currency {
    char code[32];
    uint32_t scale;
};

struct cli {
    /* settings */
    const char *server;
    const char *ca_file;
    const char *host_name;
    const char *certificate_file;
    const char *key_file;
    const char *device;
    const char *home_given;
    const char *json_path;
    const char *command_id_text;
    const char *password_file;
    enum cli_output output;
    uint32_t timeout_ms;
    uint64_t at_least;  /* 0 = what the client knows */
    bool takes_earlier; /* the server has no room to come as far as the client knows: told, once */
    bool help;
    bool quiet;
    unsigned given;          /* of enum setting_special: those that stand on the command line */
    const char *word;        /* of the program's own, "ping"; NULL = a noun */
    unsigned takes;          /* of enum setting_special: what that word takes */
    bool differs;            /* a report of checks was shown, and something in it does not agree */
    bool csv_headed;         /* the head of what is answered as CSV is written */
    char home[CLI_PATH_MAX]; /* "" until made */

    /* made when first needed */
    struct dft_client *client;
    struct cli_currency *currencies; /* the first is the base */
    size_t currency_count;
    struct conversion conversion;
    bool today_known;
};

int cli_main(int argc, char **argv);

/* ---- settings.c -------------------------------------------------------------------------------------------------- */
/* Settings that only some commands take: given to another one they are refused, not passed over. */
enum setting_special {
    SETTING_JSON = 1,
    SETTING_COMMAND_ID = 2,
    SETTING_PASSWORD_FILE = 4,
    SETTING_AT_LEAST = 8,
};
/* OK, or INVALID when one was given that is not among `taken`; `what` is the command's name. */
enum status settings_only(const struct cli *cli, unsigned taken, const char *what,
                          struct fault *why) MUST_USE;
/* Defaults from the environment. */
void settings_init(struct cli *cli);
void settings_done(struct cli *cli);
/* Reads the option at argv[*at] if it is one that every command takes: OK (moved past), NOT_FOUND or INVALID. */
enum status settings_take(struct cli *cli, int argc, char **argv, int *at, struct fault *why) MUST_USE;
/* Takes those at the front of argv and moves past them. INVALID as settings_take. */
enum status settings_leading(struct cli *cli, int *argc, char ***argv, struct fault *why) MUST_USE;
void settings_help(FILE *to);
size_t settings_count(void);
const char *settings_name(size_t index); /* "server" */
bool settings_takes_value(size_t index);
/* Path of a file of this user, for this server when `per_server`; makes the folder (mode 0700). */
enum status settings_path(struct cli *cli, const char *name, bool per_server, char out[CLI_PATH_MAX],
                          struct fault *why) MUST_USE;
/* Whole file of at most `max` bytes, readable by its owner alone when `secret`; NUL-terminated, free(). */
enum status file_read_all(const char *path, size_t max, bool secret, char **out, size_t *out_len,
                          struct fault *why) MUST_USE;
enum status file_write_secret(const char *path, const char *text, struct fault *why) MUST_USE;

/* ---- connection.c ------------------------------------------------------------------------------------------------ */
/* The connected client, with the kept session. */
enum status cli_connect(struct cli *cli, struct fault *why) MUST_USE;
/* Currencies and the books' local date, asked once when first needed. */
const struct conversion *cli_conversion(struct cli *cli);
/* Before a message is made that may hold "today": asks the books for their own date. */
void cli_know_today(struct cli *cli);
void cli_currencies_forget(struct cli *cli);
/* From a file that was kept: [{"code":"KES","scale":2},...], the base first. */
enum status cli_currencies_read(struct cli *cli, const char *path, struct fault *why) MUST_USE;
enum status cli_scale(void *context, const char *code, uint32_t *out_scale, struct fault *why);
/* With the field as people write it. */
/* A query's stream by the settings; as dft_stream_open otherwise. */
enum dft_status cli_stream_open(struct cli *cli, const char *method, struct slice body, uint32_t credit,
                                uint32_t timeout_ms, struct dft_stream **out, struct dft_fault *fault);
/* Whether to ask again: the server's views have no room to come to the position that the client knows of, and no other
 * was asked for. The user is told that what follows is of an earlier moment. */
bool cli_takes_earlier(struct cli *cli, const struct fault *why);
struct fault fault_of(const struct dft_fault *fault);

/* Prints "daftari: field: text" to stderr and gives the exit code that fits. */
int cli_fail(const struct fault *why);
int cli_wrong(const struct fault *why); /* the same for what was typed: EXIT_USAGE */
int cli_usage(const char *format, ...) PRINTF_LIKE(1, 2);
int exit_of(enum status status);
/* An answer could not be shown: what cannot be written is told at the end of the program, else it is memory. */
enum status cli_unshown(struct fault *why);
int cli_no_connection(const struct fault *why); /* as cli_fail; settings that are wrong are usage */

/* ---- run.c: one command or query --------------------------------------------------------------------------------- */
int run_method(struct cli *cli, const struct method *method, int argc, char **argv);
/* Options up to the end into a JSON object (a new reference); settings are taken out. */
enum status run_options(struct cli *cli, const ProtobufCMessageDescriptor *type, int argc, char **argv,
                        json_t **out, struct fault *why) MUST_USE;
/* All answers of a query that ends, as a new array of objects. */
enum status run_items(struct cli *cli, const struct method *method, struct slice body, json_t **out,
                      struct fault *why) MUST_USE;
/* Asks a query and prints the answer. */
enum status run_query(struct cli *cli, const struct method *method, struct slice body,
                      struct fault *why) MUST_USE;
/* After the first record of a year's close: the rest of it. */
int year_close_rest(struct cli *cli, const struct method *method, struct slice body);
enum status run_command_id(const char *text, uint8_t out[DFT_COMMAND_ID_BYTES], struct fault *why) MUST_USE;

/* ---- close.c: months up to one ------------------------------------------------------------------------------------ */
/* Whether --all-before is among the words of period close or soft-close; it is taken out. */
bool period_all_before(const struct method *method, int *argc, char **argv);
int period_close_all(struct cli *cli, const struct method *method, json_t *object);

/* Commands of many lines, in batches of one method, several in flight; calls `answered` in order. */
struct batcher;
struct batcher_answer {
    uint64_t line;
    const struct dft_recorded *recorded; /* NULL when refused */
    const struct dft_fault *fault;
    uint64_t position;
};
struct batcher *batcher_new(struct cli *cli,
                            void (*answered)(const struct batcher_answer *answer, void *context),
                            void *context);
/* Sends what has gathered when it is full or of another method. */
enum status batcher_add(struct batcher *batcher, const char *method,
                        const uint8_t command_id[DFT_COMMAND_ID_BYTES], struct slice body, uint64_t line,
                        struct fault *why) MUST_USE;
/* Waits for every answer. */
enum status batcher_finish(struct batcher *batcher, struct fault *why) MUST_USE;
void batcher_free(struct batcher *batcher);

/* ---- print.c ----------------------------------------------------------------------------------------------------- */
json_t *recorded_json(const struct dft_recorded *recorded);
void print_recorded(struct cli *cli, const struct dft_recorded *recorded);
/* Answers of a query: `items` an array of objects made of messages of `type`. `single`: exactly one was asked. */
bool print_items(struct cli *cli, const ProtobufCMessageDescriptor *type, json_t *items,
                 bool single) MUST_USE;

/* ---- the rest ---------------------------------------------------------------------------------------------------- */
int report_run(struct cli *cli, int argc, char **argv);
/* The report that the program was asked for by its own word: daftari check-books. */
int report_word(struct cli *cli, int argc, char **argv);
/* Passwords do not belong on a command line: the value "-" of a password field asks for it on the terminal, "@FILE" reads
 * the first line of a file. */
enum status session_secrets(json_t *object, struct fault *why) MUST_USE;
int session_log_in(struct cli *cli, int argc, char **argv);
int session_log_out(struct cli *cli, int argc, char **argv);
int session_ping(struct cli *cli, int argc, char **argv);
/* The kept session token; false when there is none. */
bool session_load(struct cli *cli, uint8_t token[DFT_TOKEN_BYTES_MAX], size_t *out_len) MUST_USE;
int load_run(struct cli *cli, int argc, char **argv);
int outbox_run(struct cli *cli, int argc, char **argv);
int import_run(struct cli *cli, int argc, char **argv);
int completion_run(int argc, char **argv);
int help_run(int argc, char **argv);
void help_method(const struct method *method, FILE *to);
void help_noun(const ProtobufCServiceDescriptor *service, FILE *to);
void help_all(FILE *to);
/* For completion and help, without asking; tests/system/t-client.sh holds them against the server's own list. */
/* clang-format off */
#define REPORT_NAMES \
    "account-statement " \
    "audit-trail " \
    "balance-sheet " \
    "balances " \
    "cash-flow " \
    "check-books " \
    "general-journal " \
    "owners-account " \
    "payables-aging " \
    "periods " \
    "profit-and-loss " \
    "receivables-aging " \
    "reconciliation " \
    "reconciliations " \
    "sales-by-cashier " \
    "sales-by-category " \
    "sales-by-customer " \
    "sales-by-day " \
    "sales-by-hour " \
    "sales-by-item " \
    "sales-by-month " \
    "sales-by-tender " \
    "trial-balance " \
    "user-activity " \
    "vat-purchases " \
    "vat-return " \
    "vat-sales"
/* clang-format on */
const char *help_example(const char *method); /* options as typed into a shell; NULL */

#endif
