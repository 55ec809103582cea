/* daftari import: the two passes over a journal, and what is said about them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/import/journal.h"

#define SPOOL_STEP    65536u
#define PROGRESS_STEP 1000u
#define PROGRESS_FAR  20000u /* between lines when no one watches a terminal */

enum status import_pass(struct journal *journal, FILE *from, import_each *what, void *context,
                        struct fault *why)
{
    seen_done(&journal->seen);
    journal->seen = (struct seen){0};
    journal->at = 0;
    journal->left_out = 0;
    struct json_reader reader = {.from = from, .in_array = true};
    enum status status =
        fseek(from, 0, SEEK_SET) == 0 ? STATUS_OK : fault_set(why, STATUS_IO, NULL, "cannot be read again");
    while (status == STATUS_OK) {
        json_t *transaction = NULL;
        status = json_reader_next(&reader, &transaction, why);
        if (status != STATUS_OK)
            break;
        civil_date date = import_date(transaction);
        bool inside =
            (journal->from == 0 || date >= journal->from) && (journal->to == 0 || date <= journal->to);
        if (inside)
            status = what(journal, transaction, reader.line, context, why);
        else
            journal->left_out++;
        json_decref(transaction);
    }
    json_reader_done(&reader);
    return status == STATUS_END ? STATUS_OK : status;
}

/* ---- the first pass ---------------------------------------------------------------------------------------------- */

static enum status learn_one(struct journal *journal, json_t *transaction, uint64_t line, void *context,
                             struct fault *why)
{
    (void)line;
    (void)context;
    if (!json_is_array(json_object_get(transaction, "tpostings")))
        return fault_set(why, STATUS_INVALID, NULL,
                         "no journal of hledger: make it by hledger print --output-format json");
    journal->transactions++;
    import_learn(journal, transaction);
    return STATUS_OK;
}

static void problem(struct journal *journal, json_t *transaction, const struct fault *why)
{
    const char *date = json_string_value(json_object_get(transaction, "tdate"));
    const char *description = json_string_value(json_object_get(transaction, "tdescription"));
    if (journal->problems++ >= JOURNAL_PROBLEMS_SHOWN)
        return;
    if (journal->cli->output == OUTPUT_JSON) { /* told with the sums */
        (void)json_array_append_new(journal->listed,
                                    json_pack("{s:s*, s:s*, s:s, s:s}", "date", date, "description",
                                              description, "field", why->field, "text", why->text));
        return;
    }
    (void)printf("would be refused: %s %s: %s%s%s\n", date != NULL ? date : "",
                 description != NULL ? description : "", why->field, why->field[0] != '\0' ? ": " : "",
                 why->text);
}

static enum status check_one(struct journal *journal, json_t *transaction, uint64_t line, void *context,
                             struct fault *why)
{
    struct fault inner = {.status = STATUS_OK};
    json_t *entry = NULL;
    (void)line;
    (void)context;
    uint64_t index = journal->at++;
    enum status status = import_entry(journal, transaction, &entry, &inner);
    bool there = status == STATUS_OK && journal->fates[index] == IMPORT_THERE;
    if (status == STATUS_OK && !there)
        status = import_judge(journal, index, entry, &inner);
    if (status == STATUS_OK && !there)
        import_need(journal, entry);
    json_decref(entry);
    journal->already += there;
    if (status != STATUS_OK && !there)
        journal->fates[index] =
            IMPORT_REFUSED; /* whatever it would be with the decimals that the others need */
    if (status == STATUS_OK)
        journal->entries++;
    else if (status == STATUS_END)
        journal->left_out++;
    else if (status == STATUS_INVALID || status == STATUS_REFUSED || status == STATUS_DENIED)
        problem(journal, transaction, &inner);
    else {
        *why = inner;
        return status;
    }
    return STATUS_OK;
}

/* What was counted while asking is counted again while judging. */
static void notes_forget(struct journal *journal)
{
    journal->assertions = journal->virtual_lines = journal->line_dates = journal->cut = 0;
}

static void say_notes(const struct journal *journal)
{
    if (journal->cli->quiet)
        return;
    if (journal->assertions > 0)
        (void)fprintf(stderr, "daftari: note: %llu balance assertions are not checked again\n",
                      (unsigned long long)journal->assertions);
    if (journal->virtual_lines > 0)
        (void)fprintf(stderr,
                      "daftari: note: %llu virtual postings, balanced through %s where they do not balance\n",
                      (unsigned long long)journal->virtual_lines, JOURNAL_VIRTUAL_ACCOUNT);
    if (journal->line_dates > 0)
        (void)fprintf(stderr,
                      "daftari: note: %llu postings have a date of their own; it is kept as a tag, the "
                      "entry's date holds\n",
                      (unsigned long long)journal->line_dates);
    if (journal->cut > 0)
        (void)fprintf(stderr, "daftari: note: %llu texts were longer than these books hold and are cut\n",
                      (unsigned long long)journal->cut);
    if (journal->balances_hidden)
        (void)fputs(
            "daftari: note: you may not read balances: whether an account would go below zero is not known "
            "before\n",
            stderr);
}

/* ---- the second pass --------------------------------------------------------------------------------------------- */

struct sender {
    struct journal *journal;
    struct batcher *batcher;
    bool terminal;
};

static void answered(const struct batcher_answer *answer, void *context)
{
    struct sender *sender = context;
    struct journal *journal = sender->journal;
    if (answer->recorded == NULL) {
        journal->refused++;
        journal->worst = (enum status)answer->fault->status;
        if (journal->refused <= JOURNAL_PROBLEMS_SHOWN)
            (void)fprintf(stderr, "%sdaftari: line %llu: %s%s%s\n", sender->terminal ? "\n" : "",
                          (unsigned long long)answer->line, answer->fault->field,
                          answer->fault->field[0] != '\0' ? ": " : "", answer->fault->text);
    } else if (answer->recorded->position <= journal->position) {
        journal->already++;
    } else {
        journal->recorded++;
    }
    uint64_t done = journal->recorded + journal->already + journal->refused;
    uint64_t step = sender->terminal ? PROGRESS_STEP : PROGRESS_FAR;
    if (!journal->cli->quiet && (done % step == 0 || (sender->terminal && done == journal->entries)))
        (void)fprintf(stderr, "%s%llu of %llu entries%s",
                      sender->terminal ? "\r" : "daftari: ", (unsigned long long)done,
                      (unsigned long long)journal->entries,
                      sender->terminal && done < journal->entries ? "" : "\n");
}

static enum status send_one(struct journal *journal, json_t *transaction, uint64_t line, void *context,
                            struct fault *why)
{
    struct sender *sender = context;
    struct method method;
    struct fault inner = {.status = STATUS_OK};
    uint8_t id[DFT_COMMAND_ID_BYTES];
    json_t *entry = NULL;
    uint64_t index = journal->at++;
    enum status status = import_command_id(journal, transaction, id, why);
    if (status != STATUS_OK)
        return status;
    if (journal->fates[index] == IMPORT_THERE || journal->fates[index] == IMPORT_REFUSED)
        return STATUS_OK; /* the latter are listed, and left out by wish */
    if (import_entry(journal, transaction, &entry, &inner) != STATUS_OK)
        return STATUS_OK; /* likewise */
    struct arena arena;
    struct slice body;
    arena_init(&arena, CLI_ARENA_MAX);
    if (!method_by_name("Entry.Post", &method))
        status = STATUS_UNKNOWN_METHOD;
    if (status == STATUS_OK)
        status =
            message_from_json(method.row->input, entry, cli_conversion(journal->cli), &arena, &body, why);
    if (status == STATUS_OK)
        status = batcher_add(sender->batcher, "Entry.Post", id, body, line, why);
    arena_done(&arena);
    json_decref(entry);
    return status;
}

static enum status send_all(struct journal *journal, FILE *from, struct fault *why)
{
    struct sender sender = {.journal = journal, .terminal = isatty(STDERR_FILENO) == 1};
    sender.batcher = batcher_new(journal->cli, answered, &sender);
    if (sender.batcher == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    uint64_t left_out = journal->left_out;
    enum status status = import_pass(journal, from, send_one, &sender, why);
    journal->left_out = left_out;
    struct fault last = {.status = STATUS_OK};
    enum status finished = batcher_finish(sender.batcher, &last);
    batcher_free(sender.batcher);
    if (status == STATUS_OK && finished != STATUS_OK) {
        *why = last;
        status = finished;
    }
    return status;
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

static void summary(const struct journal *journal)
{
    if (journal->cli->output == OUTPUT_JSON) {
        json_t *object = json_pack(
            "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "transactions", (json_int_t)journal->transactions,
            "recorded", (json_int_t)journal->recorded, "already_there", (json_int_t)journal->already,
            "refused", (json_int_t)journal->refused, "would_be_refused", (json_int_t)journal->problems,
            "left_out", (json_int_t)journal->left_out, "would_be_recorded",
            (json_int_t)(journal->dry_run ? journal->entries - journal->already : 0), "problems",
            journal->listed);
        (void)json_dumpf(object, stdout, JSON_COMPACT);
        (void)fputc('\n', stdout);
        json_decref(object);
    } else if (journal->dry_run) {
        (void)printf(
            "%llu transactions: %llu would be entries, %llu are there already, %llu would be refused, "
            "%llu have nothing to post\n",
            (unsigned long long)journal->transactions,
            (unsigned long long)(journal->entries - journal->already), (unsigned long long)journal->already,
            (unsigned long long)journal->problems, (unsigned long long)journal->left_out);
    } else {
        (void)printf(
            "%llu entries recorded, %llu were there already, %llu refused, %llu had nothing to post\n",
            (unsigned long long)journal->recorded, (unsigned long long)journal->already,
            (unsigned long long)journal->refused + journal->problems, (unsigned long long)journal->left_out);
    }
}

/* Even books without a transaction are "[]": nothing at all is what a program leaves that failed. */
static bool is_empty(FILE *from)
{
    rewind(from);
    int c = getc(from);
    while (isspace(c))
        c = getc(from);
    rewind(from);
    return c == EOF;
}

static int import_file(struct journal *journal, FILE *from)
{
    struct fault why = {.status = STATUS_OK};
    struct cli *cli = journal->cli;
    if (is_empty(from))
        return cli_usage("there is no journal here, the input is empty: give what `hledger print "
                         "--output-format json` writes ([] for a book without transactions)");
    enum status status = import_learn_books(journal, &why);
    if (status == STATUS_OK)
        status = import_pass(journal, from, learn_one, NULL, &why);
    if (status == STATUS_INVALID || status == STATUS_TOO_LARGE)
        return cli_usage("%s", why.text);
    if (status == STATUS_OK) {
        import_learned(journal);
        status = import_plan(journal, &why);
    }
    if (status == STATUS_OK)
        status = import_ask_all(journal, from, &why);
    if (status == STATUS_OK) {
        notes_forget(journal);
        status = import_pass(journal, from, check_one, NULL, &why);
    }
    if (status != STATUS_OK)
        return cli_fail(&why);
    say_notes(journal);
    if (journal->problems > 0 && !journal->skip && !journal->dry_run) {
        summary(journal);
        (void)fprintf(
            stderr, "daftari: nothing was sent: %llu transactions would be refused; --skip leaves them out\n",
            (unsigned long long)journal->problems);
        return EXIT_REFUSED;
    }
    status = import_prepare(journal, &why);
    cli_currencies_forget(cli);
    if (status == STATUS_OK && !journal->dry_run)
        status = send_all(journal, from, &why);
    if (status != STATUS_OK) {
        int code = cli_fail(&why);
        (void)fputs("daftari: run the same import again to go on where it stopped\n", stderr);
        return code;
    }
    summary(journal);
    if (journal->refused > 0)
        return exit_of(journal->worst);
    return journal->problems > 0 ? EXIT_REFUSED : EXIT_DONE;
}

/* Standard input cannot be read twice: kept in a file without a name. */
static FILE *spool(FILE *from)
{
    FILE *file = tmpfile();
    char *bytes = malloc(SPOOL_STEP);
    size_t got = 0;
    bool good = file != NULL && bytes != NULL;
    while (good && (got = fread(bytes, 1, SPOOL_STEP, from)) > 0)
        good = fwrite(bytes, 1, got, file) == got;
    free(bytes);
    if (good && ferror(from) == 0)
        return file;
    if (file != NULL)
        (void)fclose(file);
    return NULL;
}

static int import_help(FILE *to)
{
    (void)fputs(
        "daftari import journal FILE|- [--option value ...]\n"
        "  Bring in a journal. FILE is what `hledger print --output-format json` writes; beancount, ledger "
        "and CSV\n"
        "  books come in through hledger. Running it again records nothing twice.\n\n"
        "Options:\n"
        "  --business CODE       whose books they are (HQ)\n"
        "  --dry-run             record nothing; ask the books, and list what they would refuse, and why\n"
        "  --skip                leave out what would be refused, instead of sending nothing at all\n"
        "  --from DATE           leave out what is earlier\n"
        "  --to DATE             leave out what is later\n"
        "  --type NAME=TYPE ...  accounts below NAME are asset, liability, equity, revenue or expense\n\n"
        "Before anything is sent, with or without --dry-run, the books are asked about every transaction: "
        "rights, "
        "business,\n"
        "dates, accounts, and accounts that may not go below zero. What others record meanwhile can still "
        "have "
        "some refused.\n\n"
        "Accounts that are missing are opened: their type comes from the first part of the name, as in "
        "hledger.\n"
        "An exchange of one commodity for another is balanced through the account " JOURNAL_TRADING_ACCOUNT
        ".\n\n"
        "No amount is rounded: commodities become currencies with as many decimals as the journal needs; "
        "what "
        "has more than\n"
        "a currency that exists already, such as the base currency, would be refused (daftarid init "
        "--scale).\n\n"
        "Examples:\n"
        "  hledger -f shop.journal print --output-format json | daftari import journal - --business WTR "
        "--dry-run\n"
        "  bean-report shop.beancount hledger |\n"
        "    sed -E '/^ /s/( @ [0-9.,]+ [^ ]+) +@ .*/\\1/' |\n"
        "    hledger -f - print --output-format json | daftari import journal -\n",
        to);
    return to == stdout ? EXIT_DONE : EXIT_USAGE;
}

static const char *value_of(int argc, char **argv, int *at, const char *name)
{
    if (strcmp(argv[*at], name) != 0 || *at + 1 >= argc)
        return NULL;
    *at += 2;
    return argv[*at - 1];
}

static enum status take_type(struct journal *journal, const char *value, struct fault *why)
{
    static const char *const types[] = {"asset", "liability", "equity", "revenue", "expense"};
    const char *equals = strrchr(value, '=');
    for (size_t i = 0; equals != NULL && i < 5; i++) {
        if (strcmp(types[i], equals + 1) == 0) {
            char name[256];
            (void)snprintf(name, sizeof name, "%.*s", (int)(equals - value), value);
            (void)json_object_set_new(journal->types, name, json_string(types[i]));
            return STATUS_OK;
        }
    }
    return fault_set(why, STATUS_INVALID, NULL,
                     "--type is NAME=asset, liability, equity, revenue or expense");
}

static enum status take_date(const struct conversion *conversion, const char *value, civil_date *out,
                             struct fault *why)
{
    return date_said(slice_text(value), conversion->today, out)
               ? STATUS_OK
               : fault_set(why, STATUS_INVALID, NULL, "\"%.40s\": a date such as 2026-11-23 or 23/11/2026",
                           value);
}

static enum status take_option(struct journal *journal, int argc, char **argv, int *at, const char **path,
                               struct fault *why)
{
    const char *value;
    enum status status = settings_take(journal->cli, argc, argv, at, why);
    if (status != STATUS_NOT_FOUND)
        return status;
    if (strcmp(argv[*at], "--dry-run") == 0 || strcmp(argv[*at], "--skip") == 0) {
        journal->dry_run = journal->dry_run || argv[*at][2] == 'd';
        journal->skip = journal->skip || argv[*at][2] == 's';
        *at += 1;
        return STATUS_OK;
    }
    if ((value = value_of(argc, argv, at, "--business")) != NULL) {
        journal->business = value;
        return STATUS_OK;
    }
    if ((value = value_of(argc, argv, at, "--type")) != NULL)
        return take_type(journal, value, why);
    if ((value = value_of(argc, argv, at, "--from")) != NULL)
        return take_date(cli_conversion(journal->cli), value, &journal->from, why);
    if ((value = value_of(argc, argv, at, "--to")) != NULL)
        return take_date(cli_conversion(journal->cli), value, &journal->to, why);
    if (*path == NULL && (argv[*at][0] != '-' || argv[*at][1] == '\0')) {
        *path = argv[*at];
        *at += 1;
        return STATUS_OK;
    }
    return fault_set(why, STATUS_INVALID, NULL, "import journal takes no %s here", argv[*at]);
}

static void journal_done(struct journal *journal)
{
    json_decref(journal->types);
    json_decref(journal->accounts);
    json_decref(journal->chart);
    json_decref(journal->to_open);
    json_decref(journal->needed);
    json_decref(journal->listed);
    json_decref(journal->reasons);
    json_decref(journal->running);
    free(journal->fates);
    json_decref(journal->commodities);
    json_decref(journal->codes);
    seen_done(&journal->seen);
}

static int import_journal(struct cli *cli, int argc, char **argv)
{
    struct fault why = {.status = STATUS_OK};
    struct journal journal = {.cli = cli,
                              .business = "HQ",
                              .types = json_object(),
                              .accounts = json_object(),
                              .chart = json_object(),
                              .to_open = json_array(),
                              .needed = json_object(),
                              .listed = json_array(),
                              .reasons = json_object(),
                              .running = json_object(),
                              .commodities = json_object(),
                              .codes = json_object()};
    const char *path = NULL;
    enum status status = STATUS_OK;
    for (int at = 0; at < argc && status == STATUS_OK;)
        status = take_option(&journal, argc, argv, &at, &path, &why);
    int code;
    if (status != STATUS_OK) {
        code = cli_usage("%s", why.text);
    } else if (cli->help || path == NULL) {
        code = import_help(cli->help ? stdout : stderr);
    } else {
        FILE *given = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
        FILE *from = given == NULL ? NULL : fseek(given, 0, SEEK_SET) == 0 ? given : spool(given);
        if (from == NULL)
            code = cli_usage("%s cannot be read", path);
        else if (cli_connect(cli, &why) != STATUS_OK)
            code = cli_no_connection(&why);
        else
            code = import_file(&journal, from);
        if (from != NULL && from != given)
            (void)fclose(from);
        if (given != NULL && given != stdin)
            (void)fclose(given);
    }
    journal_done(&journal);
    return code;
}

int import_run(struct cli *cli, int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "journal") == 0)
        return import_journal(cli, argc - 1, argv + 1);
    bool asked = cli->help || (argc > 0 && strcmp(argv[0], "--help") == 0);
    return import_help(asked ? stdout : stderr);
}
