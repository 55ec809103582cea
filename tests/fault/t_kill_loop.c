/*
 * Kill -9 under load, again and again: a real server, real clients, real disk. After each restart every command is sent
 * again under its id: one that was acknowledged must get its first answer, one that was not is recorded once. At the end
 * the books are verified from stored bytes and the account's balance is the sum of what was acknowledged.
 * KILL_CYCLES sets the number of cycles (default 8), SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <daftari/daftari.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "entry.pb-c.h"
#include "tests/support/random.h"

#define CLIENTS      4
#define IN_FLIGHT    3
#define BATCH_SMALL  40  /* the writer commits */
#define BATCH_LARGE  400 /* the committer does, while the writer decides what comes next */
#define COMMANDS_MAX 400000
#define LOAD_MS_MAX  400
#define BODY_MAX     200
#define CASH         1110u
#define CAPITAL      3100u

struct command {
    uint8_t id[DFT_COMMAND_ID_BYTES];
    int64_t amount;
    uint64_t position; /* 0 = not acknowledged yet */
};
struct slot {
    struct dft_request *request;
    size_t first, count; /* commands it carries */
};

static struct command commands[COMMANDS_MAX];
static size_t command_count, batch_max;
static char folder[] = "/tmp/daftari-kill-XXXXXX";
static struct random rnd;

/* ---- the server -------------------------------------------------------------------------------------------------- */

static void shell(const char *text)
{
    char line[1024];
    snprintf(line, sizeof line, "set -e; . tests/support/server.sh; D=%s; %s", folder, text);
    const char *argv[] = {"sh", "-c", line, NULL};
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execvp("sh", (char *const *)argv);
        _exit(127);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("shell step failed: %s", text);
}

static long read_number(const char *name, const char *key)
{
    char path[256], line[256];
    long value = -1;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (value < 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtol(line + strlen(key), NULL, 10);
    fclose(file);
    return value;
}

static void kill_server(void)
{
    long pid = read_number("pid", "");
    assert_true(pid > 1);
    assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
    for (int i = 0; i < 5000 && kill((pid_t)pid, 0) == 0; i++)
        usleep(1000);
    assert_int_not_equal(kill((pid_t)pid, 0), 0);
}

/* A failed run leaves no server behind; its folder stays, to be looked at. */
static void end_server(void)
{
    char path[256];
    snprintf(path, sizeof path, "%s/pid", folder);
    if (access(path, F_OK) == 0)
        (void)kill((pid_t)read_number("pid", ""), SIGKILL);
}

/* ---- clients ------------------------------------------------------------------------------------------------------ */

static struct dft_client *client_open(void)
{
    char server[64], ca[256], password_path[256], password[128];
    struct dft_client *client;
    struct dft_fault why = {0};
    snprintf(server, sizeof server, "localhost:%ld", read_number("ready", "port="));
    snprintf(ca, sizeof ca, "%s/keys/ca.crt", folder);
    snprintf(password_path, sizeof password_path, "%s/owner-password", folder);
    FILE *file = fopen(password_path, "re");
    assert_non_null(file);
    assert_non_null(fgets(password, sizeof password, file));
    fclose(file);
    password[strcspn(password, "\n")] = '\0';

    static uint8_t token[DFT_TOKEN_BYTES_MAX];
    static size_t token_len; /* one log-in serves the whole run: sessions survive the server's death too */
    struct dft_options options = {.server = server,
                                  .ca_file = ca,
                                  .agent = "kill-loop",
                                  .session_token = token_len != 0 ? token : NULL,
                                  .session_token_len = token_len,
                                  .no_reconnect = true};
    assert_int_equal(dft_client_new(&client, &options, &why), DFT_OK);
    if (dft_connect(client, &why) != DFT_OK)
        fail_msg("connect: %s", why.text);
    if (token_len == 0) {
        if (dft_log_in(client, "owner@example.com", password, &why) != DFT_OK)
            fail_msg("log in: %s", why.text);
        const uint8_t *kept = dft_session_token(client, &token_len);
        assert_true(token_len > 0 && token_len <= sizeof token);
        memcpy(token, kept, token_len);
    }
    return client;
}

static size_t pack(const struct command *command, uint8_t body[BODY_MAX])
{
    Daftari__V1__EntryLine lines[2] = {DAFTARI__V1__ENTRY_LINE__INIT, DAFTARI__V1__ENTRY_LINE__INIT};
    Daftari__V1__EntryLine *pointers[2] = {&lines[0], &lines[1]};
    Daftari__V1__PostEntry entry = DAFTARI__V1__POST_ENTRY__INIT;
    char description[] = "kill loop";
    lines[0].has_account = lines[1].has_account = 1;
    lines[0].account = CASH;
    lines[1].account = CAPITAL;
    lines[0].has_debit_minor = lines[1].has_credit_minor = 1;
    lines[0].debit_minor = lines[1].credit_minor = command->amount;
    entry.description = description;
    entry.has_date = 1;
    entry.date = 20250601;
    entry.n_lines = 2;
    entry.lines = pointers;
    return daftari__v1__post_entry__pack(&entry, body);
}

static struct dft_request *request_of(struct dft_client *client, size_t first, size_t count)
{
    struct dft_request *request;
    struct dft_fault why = {0};
    uint8_t body[BODY_MAX];
    assert_int_equal(dft_request_new(client, "Entry.Post", &request, &why), DFT_OK);
    for (size_t i = 0; i < count; i++) {
        size_t len = pack(&commands[first + i], body);
        assert_int_equal(dft_request_add(request, commands[first + i].id, body, len, &why), DFT_OK);
    }
    return request;
}

/* The answers of a request that was answered: every command must be recorded, at the place known before if any. */
static void take_answers(const struct dft_request *request, size_t first)
{
    struct dft_fault why = {0};
    for (size_t i = 0; i < dft_request_count(request); i++) {
        struct dft_recorded recorded;
        struct command *command = &commands[first + i];
        if (dft_recorded(dft_request_answer(request, i), &recorded, &why) != DFT_OK)
            fail_msg("command %zu: %s %s", first + i, why.field, why.text);
        assert_true(recorded.position > 0);
        if (command->position != 0)
            assert_int_equal(recorded.position, command->position);
        command->position = recorded.position;
    }
}

static void slot_start(struct dft_client *client, struct slot *slot)
{
    slot->first = command_count;
    slot->count = 1 + random_below(&rnd, batch_max);
    slot->request = NULL;
    if (command_count + slot->count > COMMANDS_MAX)
        return;
    for (size_t i = 0; i < slot->count; i++) {
        struct command *command = &commands[command_count++];
        random_fill(&rnd, command->id, sizeof command->id);
        command->amount = 1 + (int64_t)random_below(&rnd, 100000);
        command->position = 0;
    }
    slot->request = request_of(client, slot->first, slot->count);
    dft_request_start(slot->request);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Takes answers as they come and sends more while `more`. */
static void turn(struct dft_client **clients, struct slot slots[CLIENTS][IN_FLIGHT], bool more)
{
    struct dft_fault why;
    for (size_t c = 0; c < CLIENTS; c++) {
        (void)dft_process(clients[c], &why); /* a lost line shows in the requests */
        for (size_t s = 0; s < IN_FLIGHT; s++) {
            struct slot *slot = &slots[c][s];
            if (slot->request == NULL || !dft_request_done(slot->request))
                continue;
            if (dft_request_result(slot->request, &why) == DFT_OK)
                take_answers(slot->request, slot->first);
            dft_request_free(slot->request);
            slot->request = NULL;
            if (more)
                slot_start(clients[c], slot);
        }
    }
}

/* Load for a random time, then kill -9 in the middle of it. */
static void load_and_kill(void)
{
    struct dft_client *clients[CLIENTS];
    struct slot slots[CLIENTS][IN_FLIGHT];
    struct pollfd polled[CLIENTS];
    for (size_t c = 0; c < CLIENTS; c++) {
        clients[c] = client_open();
        for (size_t s = 0; s < IN_FLIGHT; s++)
            slot_start(clients[c], &slots[c][s]);
    }
    int64_t end = now_ms() + (int64_t)random_below(&rnd, LOAD_MS_MAX);
    while (now_ms() < end) {
        turn(clients, slots, true);
        for (size_t c = 0; c < CLIENTS; c++)
            polled[c] = (struct pollfd){
                .fd = dft_fd(clients[c]),
                .events = (short)(POLLIN | (dft_events(clients[c]) & DFT_WANT_WRITE ? POLLOUT : 0))};
        (void)poll(polled, CLIENTS, 5);
    }
    kill_server();
    for (int i = 0; i < 50; i++) { /* what was sent before the end is an answer too */
        turn(clients, slots, false);
        usleep(1000);
    }
    for (size_t c = 0; c < CLIENTS; c++) {
        for (size_t s = 0; s < IN_FLIGHT; s++)
            dft_request_free(slots[c][s].request);
        dft_client_free(clients[c]);
    }
}

/* Everything since `first` again, in the order it was made, under the same ids. */
static void send_again(size_t first)
{
    struct dft_client *client = client_open();
    struct dft_fault why = {0};
    for (size_t at = first; at < command_count; at += 500) {
        size_t count = command_count - at < 500 ? command_count - at : 500;
        struct dft_request *request = request_of(client, at, count);
        if (dft_request_wait(request, &why) != DFT_OK)
            fail_msg("sending again: %s", why.text);
        take_answers(request, at);
        dft_request_free(request);
    }
    dft_client_free(client);
}

static int by_position(const void *a, const void *b)
{
    const struct command *left = a, *right = b;
    return (left->position > right->position) - (left->position < right->position);
}

static void killed_servers_lose_and_double_nothing(void **state)
{
    (void)state;
    const char *wanted = getenv("KILL_CYCLES");
    long cycles = wanted != NULL ? strtol(wanted, NULL, 10) : 8;
    char check[512];
    rnd = random_start();
    assert_non_null(mkdtemp(folder));
    assert_int_equal(atexit(end_server), 0);
    shell("server_init $D; server_start $D; server_log_in $D;"
          "daftari account open --number 1110 --name Cash --class cash;"
          "daftari account open --number 3100 --name Capital --class capital");
    for (long cycle = 0; cycle < cycles; cycle++) {
        size_t first = command_count;
        size_t acknowledged = 0;
        batch_max = cycle % 2 == 0 ? BATCH_SMALL : BATCH_LARGE;
        load_and_kill();
        for (size_t i = first; i < command_count; i++)
            acknowledged += commands[i].position != 0;
        print_message("# cycle %ld: %zu commands, %zu acknowledged before the kill\n", cycle,
                      command_count - first, acknowledged);
        shell("server_start $D");
        send_again(first);
    }
    send_again(0); /* and all of them once more */

    int64_t sum = 0;
    for (size_t i = 0; i < command_count; i++)
        sum += commands[i].amount;
    qsort(commands, command_count, sizeof *commands, by_position);
    for (size_t i = 1; i < command_count; i++)
        assert_true(commands[i - 1].position < commands[i].position); /* one record each */
    snprintf(check, sizeof check,
             "server_env $D; server_log_in $D; got=$(daftari report balances --account 1110 --output csv | "
             "tail -n +2 | head -n 1);"
             "echo \"# $got\"; case \"$got\" in *,%lld.%02lld*) ;; *) exit 1 ;; esac;"
             "daftari-audit verify --server $DAFTARI_SERVER",
             (long long)sum / 100, (long long)sum % 100);
    shell(check);
    shell("server_stop $D; daftari-audit verify --data $D/data --master-key $D/keys/master-key; rm -rf $D");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(killed_servers_lose_and_double_nothing)};
    return cmocka_run_group_tests_name("kill_loop", tests, NULL, NULL);
}
