#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "account.pb-c.h"
#include "entry.pb-c.h"
#include "tools/bench/bench.h"

#define BODY_BYTES_MAX  256 /* of one packed entry or account */
#define CONNECTIONS_MAX 1024
#define PREPARE_BATCH   1000

uint64_t bench_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static enum dft_status read_password(const char *path, char *out, size_t cap, struct dft_fault *why)
{
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    if (file == NULL || fgets(out, (int)cap, file) == NULL) {
        if (file != NULL)
            fclose(file);
        snprintf(why->text, sizeof why->text, "the password file %.200s cannot be read",
                 path != NULL ? path : "(none)");
        return why->status = DFT_INVALID;
    }
    fclose(file);
    out[strcspn(out, "\r\n")] = '\0';
    return DFT_OK;
}

/* One log-in for the whole run: the other connections take up its session. */
static const uint8_t *shared_token;
static size_t shared_token_len;

/* A client that is logged in. */
static enum dft_status bench_client(const struct bench_options *options, struct dft_client **out,
                                    struct dft_fault *why)
{
    struct dft_client *client = NULL;
    struct dft_options with = {.server = options->server,
                               .ca_file = options->ca_file,
                               .agent = "daftari-bench",
                               .session_token = shared_token,
                               .session_token_len = shared_token_len};
    char password[256];
    enum dft_status status = dft_client_new(&client, &with, why);
    if (status == DFT_OK)
        status = dft_connect(client, why);
    if (status == DFT_OK && shared_token == NULL) {
        status = read_password(options->password_file, password, sizeof password, why);
        if (status == DFT_OK)
            status = dft_log_in(client, options->email, password, why);
    }
    if (status != DFT_OK) {
        dft_client_free(client);
        return status;
    }
    *out = client;
    return DFT_OK;
}

/* ---- accounts -------------------------------------------------------------------------------------------------- */

static size_t pack_account(uint32_t index, uint8_t out[BODY_BYTES_MAX])
{
    char name[40];
    Daftari__V1__OpenAccount account = DAFTARI__V1__OPEN_ACCOUNT__INIT;
    snprintf(name, sizeof name, "Bench account %u", index);
    account.has_number = 1;
    account.number = BENCH_ACCOUNT_FIRST + index;
    account.name = name;
    return daftari__v1__open_account__pack(&account, out);
}

static enum dft_status open_accounts(struct dft_client *client, uint32_t first, uint32_t count,
                                     struct dft_fault *why)
{
    struct dft_request *request;
    uint8_t body[BODY_BYTES_MAX], id[DFT_COMMAND_ID_BYTES];
    enum dft_status status = dft_request_new(client, "Account.Open", &request, why);
    if (status != DFT_OK)
        return status;
    for (uint32_t i = 0; status == DFT_OK && i < count; i++) {
        dft_command_id_new(id);
        status = dft_request_add(request, id, body, pack_account(first + i, body), why);
    }
    if (status == DFT_OK)
        status = dft_request_wait(request, why);
    for (size_t i = 0; status == DFT_OK && i < dft_request_count(request); i++) {
        const struct dft_answer *answer = dft_request_answer(request, i);
        status = answer->status;
        *why = answer->fault;
    }
    dft_request_free(request);
    return status;
}

enum dft_status bench_prepare(const struct bench_options *options, struct dft_fault *why)
{
    struct dft_client *client;
    enum dft_status status = bench_client(options, &client, why);
    if (status != DFT_OK)
        return status;
    for (uint32_t first = 0; status == DFT_OK && first < options->accounts; first += PREPARE_BATCH) {
        uint32_t left = options->accounts - first;
        status = open_accounts(client, first, left < PREPARE_BATCH ? left : PREPARE_BATCH, why);
    }
    dft_client_free(client);
    return status;
}

/* ---- entries --------------------------------------------------------------------------------------------------- */

struct connection;
struct slot { /* one request in flight */
    struct connection *connection;
    struct dft_request *request;
    uint64_t started_us;
};
struct connection {
    struct run *run;
    struct dft_client *client;
    struct slot *slots;
};
struct run {
    const struct bench_options *options;
    struct bench_result *result;
    struct connection *connections;
    uint64_t random;  /* xorshift64* state */
    uint64_t started; /* entries handed out */
    uint32_t open;    /* requests in flight */
    uint64_t stop_us;
    enum dft_status status;
    struct dft_fault *why;
};

static uint64_t random_next(struct run *run)
{
    uint64_t x = run->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    run->random = x;
    return x * UINT64_C(0x2545F4914F6CDD1D);
}

static size_t pack_entry(struct run *run, uint8_t out[BODY_BYTES_MAX])
{
    Daftari__V1__EntryLine lines[2] = {DAFTARI__V1__ENTRY_LINE__INIT, DAFTARI__V1__ENTRY_LINE__INIT};
    Daftari__V1__EntryLine *pointers[2] = {&lines[0], &lines[1]};
    Daftari__V1__PostEntry entry = DAFTARI__V1__POST_ENTRY__INIT;
    char description[] = "Sale of packaged water";
    uint32_t accounts = run->options->accounts;
    uint64_t random = random_next(run);
    uint32_t from = (uint32_t)(random % accounts), to = (uint32_t)((random >> 32) % accounts);
    if (to == from)
        to = (to + 1) % accounts;
    int64_t amount = 100 + (int64_t)(random % 1000000u);

    lines[0].has_account = lines[1].has_account = 1;
    lines[0].account = BENCH_ACCOUNT_FIRST + from;
    lines[1].account = BENCH_ACCOUNT_FIRST + to;
    lines[0].has_debit_minor = lines[1].has_credit_minor = 1;
    lines[0].debit_minor = lines[1].credit_minor = amount;
    entry.description = description;
    entry.n_lines = 2;
    entry.lines = pointers;
    return daftari__v1__post_entry__pack(&entry, out);
}

static void random_id(struct run *run, uint8_t id[DFT_COMMAND_ID_BYTES])
{
    uint64_t halves[2] = {random_next(run), random_next(run)};
    memcpy(id, halves, DFT_COMMAND_ID_BYTES);
}

static void slot_done(struct dft_request *request, void *context);

static void stop_for(struct run *run, enum dft_status status, const struct dft_fault *fault)
{
    if (run->status != DFT_OK)
        return;
    run->status = status;
    *run->why = *fault;
}

static void slot_start(struct slot *slot)
{
    struct run *run = slot->connection->run;
    const struct bench_options *options = run->options;
    uint8_t body[BODY_BYTES_MAX], id[DFT_COMMAND_ID_BYTES];
    struct dft_fault fault = {0};
    if (run->status != DFT_OK || run->started >= options->entries || bench_now_us() > run->stop_us)
        return;
    enum dft_status status = dft_request_new(slot->connection->client, "Entry.Post", &slot->request, &fault);
    for (uint32_t i = 0; status == DFT_OK && i < options->batch && run->started < options->entries; i++) {
        random_id(run, id);
        status = dft_request_add(slot->request, id, body, pack_entry(run, body), &fault);
        run->started += status == DFT_OK;
    }
    if (status != DFT_OK) {
        stop_for(run, status, &fault);
        return;
    }
    dft_request_notify(slot->request, slot_done, slot);
    slot->started_us = bench_now_us();
    run->open++;
    dft_request_start(slot->request);
}

static void slot_done(struct dft_request *request, void *context)
{
    struct slot *slot = context;
    struct run *run = slot->connection->run;
    struct dft_fault fault = {0};
    enum dft_status status = dft_request_result(request, &fault);
    latency_add(&run->result->latency, bench_now_us() - slot->started_us);
    if (status != DFT_OK)
        stop_for(run, status, &fault);
    for (size_t i = 0; status == DFT_OK && i < dft_request_count(request); i++) {
        const struct dft_answer *answer = dft_request_answer(request, i);
        run->result->entries += answer->status == DFT_OK;
        run->result->refused += answer->status != DFT_OK;
        if (answer->status != DFT_OK)
            stop_for(run, answer->status, &answer->fault);
    }
    run->open--;
    dft_request_free(request);
    slot->request = NULL;
    slot_start(slot);
}

static void turn(struct run *run, struct pollfd *polled)
{
    uint32_t count = run->options->connections;
    for (uint32_t i = 0; i < count; i++) {
        unsigned events = dft_events(run->connections[i].client);
        polled[i].fd = dft_fd(run->connections[i].client);
        polled[i].events =
            (short)((events & DFT_WANT_READ ? POLLIN : 0) | (events & DFT_WANT_WRITE ? POLLOUT : 0));
    }
    if (poll(polled, count, 1000) <= 0)
        return;
    for (uint32_t i = 0; i < count; i++) {
        struct dft_fault fault = {0};
        if (polled[i].revents == 0)
            continue;
        enum dft_status status = dft_process(run->connections[i].client, &fault);
        if (status != DFT_OK)
            stop_for(run, status, &fault);
    }
}

static enum dft_status connect_all(struct run *run)
{
    const struct bench_options *options = run->options;
    for (uint32_t i = 0; i < options->connections; i++) {
        struct connection *connection = &run->connections[i];
        connection->run = run;
        connection->slots = calloc(options->in_flight, sizeof *connection->slots);
        if (connection->slots == NULL)
            return DFT_NO_MEMORY;
        enum dft_status status = bench_client(options, &connection->client, run->why);
        if (status != DFT_OK)
            return status;
        if (shared_token == NULL)
            shared_token = dft_session_token(connection->client, &shared_token_len);
        for (uint32_t s = 0; s < options->in_flight; s++)
            connection->slots[s].connection = connection;
    }
    return DFT_OK;
}

static void drive(struct run *run, struct pollfd *polled)
{
    const struct bench_options *options = run->options;
    uint64_t began = bench_now_us();
    run->stop_us = began + (uint64_t)options->seconds_max * 1000000u;
    for (uint32_t i = 0; i < options->connections; i++) {
        for (uint32_t s = 0; s < options->in_flight; s++)
            slot_start(&run->connections[i].slots[s]);
        struct dft_fault fault = {0};
        enum dft_status status = dft_process(run->connections[i].client, &fault);
        if (status != DFT_OK)
            stop_for(run, status, &fault);
    }
    while (run->open > 0 && run->status == DFT_OK && bench_now_us() < run->stop_us + 10000000u)
        turn(run, polled);
    run->result->elapsed_us = bench_now_us() - began;
}

static void disconnect_all(struct run *run)
{
    for (uint32_t i = 0; i < run->options->connections; i++) {
        struct connection *connection = &run->connections[i];
        for (uint32_t s = 0; connection->slots != NULL && s < run->options->in_flight; s++)
            dft_request_free(connection->slots[s].request);
        free(connection->slots);
        if (i > 0) /* the first one owns the shared token */
            dft_client_free(connection->client);
    }
    shared_token = NULL;
    dft_client_free(run->connections[0].client);
}

enum dft_status bench_run(const struct bench_options *options, struct bench_result *out,
                          struct dft_fault *why)
{
    struct run run = {.options = options, .result = out, .random = options->seed | 1, .why = why};
    struct pollfd *polled = calloc(options->connections, sizeof *polled);
    run.connections = calloc(options->connections, sizeof *run.connections);
    if (polled == NULL || run.connections == NULL) {
        free(polled);
        free(run.connections);
        return DFT_NO_MEMORY;
    }
    struct bench_commits before, after;
    out->disk_known = bench_disk_bytes(options->data_dir, &out->disk_before);
    out->commits_known = bench_commits(options->metrics, &before);
    run.status = connect_all(&run);
    if (run.status == DFT_OK)
        drive(&run, polled);
    out->commits_known = out->commits_known && bench_commits(options->metrics, &after);
    if (out->commits_known) {
        out->commits.commits = after.commits - before.commits;
        out->commits.records = after.records - before.records;
        for (size_t i = 0; i < BENCH_COMMIT_BUCKETS; i++)
            out->commits.up_to[i] = after.up_to[i] - before.up_to[i];
    }
    disconnect_all(&run);
    free(polled);
    free(run.connections);
    out->disk_known = out->disk_known && bench_disk_bytes(options->data_dir, &out->disk_after);
    bench_memory(options->server_pid, out);
    return run.status;
}
