/* Scenarios that read: statement pages while others write, the trial balance at any date, every report. */
#include <stdlib.h>
#include <string.h>

#include "proto/base/date.h"
#include "proto/wire/arena.h"
#include "proto/wire/message.h"
#include "report.pb-c.h"
#include "tools/bench/scenario.h"

#define STATEMENT_ENTRIES 2000u
#define PAGE_ROWS         50u
#define PAGES             2000u
#define RATE_DEFAULT      20000u /* entries a second written meanwhile: a busy day's, not the most that goes */
#define BALANCES          100u
#define REPORT_ROUNDS     7u
#define REPORTS_MAX       48u
#define REPORT_ROWS       500u /* most rows of a report that can be cut */
#define YEAR_DAYS         365u
#define MONTH_DAYS        31u
#define REPORT_TIMEOUT_MS 120000u
#define ANSWER_BYTES_MAX  (4u * 1024u * 1024u) /* of one decoded answer */

/* Spreads the statement account's entries evenly among others, once an invocation. */
static enum dft_status prepare_statement(struct bench *bench, struct dft_fault *why)
{
    static struct entry_source source;
    uint64_t entries =
        bench->options.entries > STATEMENT_ENTRIES ? bench->options.entries : STATEMENT_ENTRIES;
    enum dft_status status = open_accounts(bench, bench->options.accounts, why);
    if (status != DFT_OK || bench->pages_ready > 0)
        return status;
    entry_source_init(&source, &bench->options);
    source.days = 0;
    source.every = (uint32_t)(entries / STATEMENT_ENTRIES);
    status = fill_entries(bench, &source, entries, why);
    if (status == DFT_OK)
        bench->pages_ready = (uint32_t)(entries / source.every);
    return status;
}

enum dft_status run_statement_page(struct bench *bench, const struct scenario *scenario, struct figures *out,
                                   struct dft_fault *why)
{
    static struct entry_source source;
    struct report_source pages = {.report = "account-statement",
                                  .random = bench->options.seed | 1,
                                  .account = STATEMENT_ACCOUNT,
                                  .limit = PAGE_ROWS,
                                  .from_days = YEAR_DAYS,
                                  .today_date = date_add_days(yesterday_utc(), 1)};
    struct load_result result;
    uint64_t rate = bench->options.rate != 0 ? bench->options.rate : RATE_DEFAULT;
    uint32_t batch = rate / 100u > 0 ? (uint32_t)(rate / 100u) : 1; /* a hundred requests a second */
    enum dft_status status = prepare_statement(bench, why);
    (void)scenario;
    if (status != DFT_OK)
        return status;
    pages.offset_max = bench->pages_ready - PAGE_ROWS;
    entry_source_init(&source, &bench->options);
    struct lane lanes[] = {{.work = report_work(&pages),
                            .connections = bench->options.connections,
                            .in_flight = 1,
                            .batch = 1,
                            .items_max = PAGES},
                           {.work = entry_work(&source),
                            .connections = 1,
                            .in_flight = 4,
                            .batch = batch < bench->options.batch ? batch : bench->options.batch,
                            .items_max = UINT64_MAX,
                            .rate = rate,
                            .background = true}};
    struct bench_page page;
    status = load_run(bench, lanes, 2, bench->options.seconds_max, &result, why);
    bool known = bench_page(bench->options.metrics, &page);
    figures_add_if(out, known, "log_records", "records in the log", "", page.log_position);
    figures_add(out, "account_entries", "entries of the account", "", bench->pages_ready);
    figures_add(out, "pages", "pages", "", lanes[0].done);
    figures_add(out, "page_rows", "rows of a page", "", PAGE_ROWS);
    add_latency(out, "", "page", &lanes[0].latency);
    figures_add(out, "pages_per_second", "pages a second", "",
                figures_share(lanes[0].done * 1000000u, result.elapsed_us));
    figures_add(out, "written_per_second", "entries a second written meanwhile", "",
                figures_share(lanes[1].done * 1000000u, result.elapsed_us));
    add_latency(out, "write_", "their requests", &lanes[1].latency);
    (void)bench_views_wait(bench->options.metrics, VIEWS_WAIT_S);
    return status;
}

enum dft_status run_trial_balance(struct bench *bench, const struct scenario *scenario, struct figures *out,
                                  struct dft_fault *why)
{
    static struct entry_source source;
    struct report_source balances = {.report = "trial-balance",
                                     .random = bench->options.seed | 1,
                                     .as_at_days = YEAR_DAYS,
                                     .today_date = yesterday_utc()};
    struct load_result result;
    enum dft_status status = open_accounts(bench, bench->options.accounts, why);
    (void)scenario;
    if (status != DFT_OK)
        return status;
    entry_source_init(&source, &bench->options);
    if (source.days == 0) {
        bench->options.days = YEAR_DAYS;
        entry_source_init(&source, &bench->options);
    }
    status = fill_entries(bench, &source, bench->options.entries, why);
    if (status != DFT_OK)
        return status;
    struct lane lane = {.work = report_work(&balances),
                        .connections = bench->options.connections,
                        .in_flight = 1,
                        .batch = 1,
                        .items_max = BALANCES};
    status = load_run(bench, &lane, 1, bench->options.seconds_max, &result, why);
    figures_add(out, "accounts", "accounts", "", bench->accounts_open);
    figures_add(out, "reports", "trial balances", "", lane.done);
    add_latency(out, "", "trial balance", &lane.latency);
    return status;
}

/* ---- every report ------------------------------------------------------------------------------------------------ */

struct report_kind {
    char name[64];
    bool account, user, period, as_at, limit;
    bool of_one; /* of one reconciliation: there is none in these books */
};

static bool has(const Daftari__V1__ReportInfo *info, const char *parameter)
{
    for (size_t i = 0; i < info->n_parameters; i++)
        if (strcmp(info->parameters[i], parameter) == 0)
            return true;
    return false;
}

static enum dft_status take_kind(const struct dft_answer *part, struct arena *arena, struct report_kind *out,
                                 struct dft_fault *why)
{
    ProtobufCMessage *message = NULL;
    struct fault fault = {0};
    arena_reset(arena);
    if (message_unpack(&daftari__v1__report_info__descriptor, slice_of(part->body, part->body_len), false,
                       arena_allocator(arena), &message, &fault) != STATUS_OK) {
        snprintf(why->text, sizeof why->text, "Report.List: %.200s", fault.text);
        return DFT_CORRUPT;
    }
    const Daftari__V1__ReportInfo *info = (const Daftari__V1__ReportInfo *)message;
    snprintf(out->name, sizeof out->name, "%s", info->name != NULL ? info->name : "");
    out->account = strcmp(out->name, "account-statement") == 0; /* others are measured over all accounts */
    out->of_one = has(info, "reconciliation");
    out->user = has(info, "user");
    out->period = has(info, "from_date");
    out->as_at = has(info, "as_at_date");
    out->limit = has(info, "limit");
    return DFT_OK;
}

static enum dft_status list_reports(struct bench *bench, struct report_kind *kinds, uint32_t *out_count,
                                    struct dft_fault *why)
{
    struct dft_stream *stream = NULL;
    struct dft_answer part;
    struct arena arena;
    uint32_t count = 0;
    enum dft_status status =
        dft_stream_open(bench->client, "Report.List", NULL, 0, 0, REPORT_TIMEOUT_MS, &stream, why);
    if (status != DFT_OK)
        return status;
    arena_init(&arena, ANSWER_BYTES_MAX);
    while (status == DFT_OK && count < REPORTS_MAX) {
        status = dft_stream_next(stream, REPORT_TIMEOUT_MS, &part, why);
        if (status == DFT_OK)
            status = take_kind(&part, &arena, &kinds[count], why);
        if (status == DFT_OK && !kinds[count].of_one)
            count++;
    }
    arena_done(&arena);
    dft_stream_close(stream);
    *out_count = count;
    return status == DFT_END || count == REPORTS_MAX ? DFT_OK : status;
}

/* Runs it once. *out_us is the time to its last part. */
static enum dft_status run_one(struct bench *bench, const struct report_kind *kind, uint64_t *out_us,
                               struct dft_fault *why)
{
    Daftari__V1__RunReport request = DAFTARI__V1__RUN_REPORT__INIT;
    struct dft_stream *stream = NULL;
    struct dft_answer part;
    uint8_t body[512];
    char name[sizeof kind->name], user[256];
    uint32_t today_date = date_add_days(yesterday_utc(), 1);
    memcpy(name, kind->name, sizeof name);
    snprintf(user, sizeof user, "%s", bench->options.email);
    request.report = name;
    request.has_account = kind->account;
    request.account = BENCH_ACCOUNT_FIRST;
    request.user = kind->user ? user : NULL;
    request.has_from_date = request.has_to_date = kind->period;
    request.from_date = date_add_days(today_date, -(int32_t)MONTH_DAYS);
    request.to_date = today_date;
    request.has_as_at_date = kind->as_at && !kind->period;
    request.as_at_date = today_date;
    request.has_limit = kind->limit;
    request.limit = REPORT_ROWS;
    size_t len = daftari__v1__run_report__pack(&request, body);
    uint64_t began_us = bench_now_us();
    enum dft_status status = dft_stream_open(bench->client, "Report.Run", body, len, STREAM_CREDIT_MAX,
                                             REPORT_TIMEOUT_MS, &stream, why);
    while (status == DFT_OK)
        status = dft_stream_next(stream, REPORT_TIMEOUT_MS, &part, why);
    *out_us = bench_now_us() - began_us;
    dft_stream_close(stream);
    return status == DFT_END ? DFT_OK : status;
}

enum dft_status run_reports(struct bench *bench, const struct scenario *scenario, struct figures *out,
                            struct dft_fault *why)
{
    static struct report_kind kinds[REPORTS_MAX];
    static struct latency latency;
    struct bench_page page;
    uint32_t count = 0;
    enum dft_status status = open_accounts(bench, bench->options.accounts, why);
    (void)scenario;
    if (status == DFT_OK)
        status = bench_log_in(bench, why);
    if (status == DFT_OK)
        status = list_reports(bench, kinds, &count, why);
    bool known = bench_page(bench->options.metrics, &page);
    figures_add_if(out, known, "log_records", "records in the log", "", page.log_position);
    figures_add(out, "reports", "reports", "", count);
    for (uint32_t i = 0; status == DFT_OK && i < count; i++) {
        uint64_t took_us = 0;
        memset(&latency, 0, sizeof latency);
        status = run_one(bench, &kinds[i], &took_us, why); /* not counted: caches */
        for (uint32_t round = 0; status == DFT_OK && round < REPORT_ROUNDS; round++) {
            status = run_one(bench, &kinds[i], &took_us, why);
            latency_add(&latency, took_us);
        }
        if (status == DFT_OK)
            figures_add_in(out, "report_us", kinds[i].name, "report", " us", latency_at(&latency, 500));
        else
            snprintf(why->field, sizeof why->field, "report %.60s", kinds[i].name);
    }
    return status;
}
