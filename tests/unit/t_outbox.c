/* The durable outbox: torn and damaged files, limits, sending, and a process that is killed at any moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <daftari/daftari.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/base/bytes.h"
#include "tests/support/fake_server.h"
#include "tests/support/random.h"
#include "tests/support/scratch.h"

#define KILLS       40
#define RECORDS_MAX 200000

static void outbox_path(char out[SCRATCH_PATH_MAX + 16], const char *scratch)
{
    (void)snprintf(out, SCRATCH_PATH_MAX + 16, "%s/outbox", scratch);
}

static struct dft_outbox *open_box(const char *path)
{
    struct dft_outbox *box = NULL;
    struct dft_fault why = {0};
    if (dft_outbox_open(&box, path, NULL, &why) != DFT_OK)
        fail_msg("%s", why.text);
    return box;
}

static void number_id(uint8_t id[DFT_COMMAND_ID_BYTES], uint64_t number)
{
    memset(id, 7, DFT_COMMAND_ID_BYTES);
    be64_put(id, number * UINT64_C(0x9e3779b97f4a7c15));
}

static enum dft_status add_number(struct dft_outbox *box, uint64_t number, struct dft_fault *why)
{
    uint8_t id[DFT_COMMAND_ID_BYTES], body[8];
    number_id(id, number);
    be64_put(body, number);
    return dft_outbox_add(box, number % 10 == 9 ? "Account.Open" : "Entry.Post", id, body, sizeof body, why);
}

static uint64_t item_number(const struct dft_outbox *box, size_t index)
{
    struct dft_outbox_item item;
    dft_outbox_waiting_item(box, index, &item);
    assert_int_equal(item.body_len, 8);
    return be64_get(item.body);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void what_is_added_is_there_after_opening_again(void **state)
{
    (void)state;
    char scratch[SCRATCH_PATH_MAX], path[SCRATCH_PATH_MAX + 16];
    scratch_make(scratch);
    outbox_path(path, scratch);
    struct dft_outbox *box = open_box(path), *second = NULL;
    for (uint64_t i = 0; i < 30; i++)
        assert_int_equal(add_number(box, i, NULL), DFT_OK);
    assert_int_equal(dft_outbox_open(&second, path, NULL, NULL), DFT_BUSY); /* one process at a time */
    assert_int_equal(add_number(box, 5, NULL), DFT_OK);                     /* waits already */
    uint8_t id[DFT_COMMAND_ID_BYTES];
    number_id(id, 5);
    assert_int_equal(dft_outbox_add(box, "Entry.Post", id, "other", 5, NULL), DFT_KEY_REUSED);
    static const char *const secret[] = {"User.SetPassword", "User.Create", "Login.LogIn"};
    for (size_t i = 0; i < 3; i++) /* what carries a password is kept nowhere */
        assert_int_equal(dft_outbox_add(box, secret[i], NULL, "hunter2222", 10, NULL), DFT_INVALID);
    dft_outbox_close(box);
    box = open_box(path);
    assert_int_equal(dft_outbox_waiting(box), 30);
    for (uint64_t i = 0; i < 30; i++)
        assert_int_equal(item_number(box, i), i);
    dft_outbox_close(box);
    scratch_remove(scratch);
}

static void limits_hold(void **state)
{
    (void)state;
    char scratch[SCRATCH_PATH_MAX], path[SCRATCH_PATH_MAX + 16];
    scratch_make(scratch);
    outbox_path(path, scratch);
    struct dft_outbox *box = NULL;
    struct dft_outbox_options options = {.bytes_max = 1000, .commands_max = 5};
    assert_int_equal(dft_outbox_open(&box, path, &options, NULL), DFT_OK);
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(add_number(box, i, NULL), DFT_OK);
    assert_int_equal(add_number(box, 6, NULL), DFT_FULL);
    dft_outbox_close(box);
    options.commands_max = 100;
    assert_int_equal(dft_outbox_open(&box, path, &options, NULL), DFT_OK);
    uint8_t large[800] = {0};
    assert_int_equal(dft_outbox_add(box, "Entry.Post", NULL, large, sizeof large, NULL), DFT_FULL);
    assert_int_equal(add_number(box, 6, NULL), DFT_OK);
    dft_outbox_close(box);
    scratch_remove(scratch);
}

static size_t file_read(const char *path, uint8_t *out, size_t cap)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(out, 1, cap, file);
    (void)fclose(file);
    return len;
}

static void file_write(const char *path, const uint8_t *bytes, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    (void)fclose(file);
}

static void a_torn_end_is_cut_off(void **state)
{
    (void)state;
    char scratch[SCRATCH_PATH_MAX], path[SCRATCH_PATH_MAX + 16], waiting[SCRATCH_PATH_MAX + 32];
    uint8_t bytes[4096];
    size_t ends[5];
    struct stat info;
    scratch_make(scratch);
    outbox_path(path, scratch);
    (void)snprintf(waiting, sizeof waiting, "%s/waiting", path);
    struct dft_outbox *box = open_box(path);
    for (uint64_t i = 0; i < 5; i++) {
        assert_int_equal(add_number(box, i, NULL), DFT_OK);
        assert_int_equal(stat(waiting, &info), 0);
        ends[i] = (size_t)info.st_size;
    }
    dft_outbox_close(box);
    size_t len = file_read(waiting, bytes, sizeof bytes);
    assert_int_equal(len, ends[4]);
    for (size_t cut = 0; cut <= len; cut++) {
        size_t whole = 0;
        while (whole < 5 && ends[whole] <= cut)
            whole++;
        file_write(waiting, bytes, cut);
        box = open_box(path);
        assert_int_equal(dft_outbox_waiting(box), whole);
        assert_int_equal(add_number(box, 100, NULL), DFT_OK); /* and it can be gone on with */
        dft_outbox_close(box);
        box = open_box(path);
        assert_int_equal(dft_outbox_waiting(box), whole + 1);
        assert_int_equal(item_number(box, whole), 100);
        dft_outbox_close(box);
    }
    uint8_t zeros[64] = {0}; /* a file that grew before its bytes came */
    file_write(waiting, bytes, len);
    FILE *file = fopen(waiting, "a");
    assert_non_null(file);
    assert_int_equal(fwrite(zeros, 1, sizeof zeros, file), sizeof zeros);
    (void)fclose(file);
    box = open_box(path);
    assert_int_equal(dft_outbox_waiting(box), 5);
    dft_outbox_close(box);
    scratch_remove(scratch);
}

static void damage_before_the_end_is_not_passed_over(void **state)
{
    (void)state;
    char scratch[SCRATCH_PATH_MAX], path[SCRATCH_PATH_MAX + 16], waiting[SCRATCH_PATH_MAX + 32];
    uint8_t bytes[4096];
    scratch_make(scratch);
    outbox_path(path, scratch);
    (void)snprintf(waiting, sizeof waiting, "%s/waiting", path);
    struct dft_outbox *box = open_box(path);
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(add_number(box, i, NULL), DFT_OK);
    dft_outbox_close(box);
    size_t len = file_read(waiting, bytes, sizeof bytes);
    size_t last = (len - 16) / 3;
    for (size_t at = 0; at < len - last; at++) {
        if (at >= 8 && at < 16)
            continue; /* reserved */
        bytes[at] ^= 0x10;
        file_write(waiting, bytes, len);
        assert_int_equal(dft_outbox_open(&box, path, NULL, NULL), DFT_CORRUPT);
        bytes[at] ^= 0x10;
    }
    scratch_remove(scratch);
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

struct booked {
    uint8_t id[DFT_COMMAND_ID_BYTES];
    uint64_t number;
};

struct ledger {
    struct fake_server server;
    pthread_mutex_t lock;
    struct booked *records;
    size_t count;
    uint64_t requests;
    unsigned drop_every; /* requests: the connection breaks after recording, before answering */
    uint64_t deny_from;  /* numbers from here on are denied */
    bool refuse_sevens;
};

static Daftari__V1__Status ledger_decide(struct ledger *ledger, const Daftari__V1__Command *command)
{
    uint64_t number = be64_get(command->body.data);
    if (ledger->deny_from != 0 && number >= ledger->deny_from)
        return DAFTARI__V1__STATUS__DENIED;
    if (ledger->refuse_sevens && number % 7 == 0)
        return DAFTARI__V1__STATUS__REFUSED;
    for (size_t i = ledger->count; i-- > 0;) {
        if (memcmp(ledger->records[i].id, command->command_id.data, DFT_COMMAND_ID_BYTES) == 0)
            return DAFTARI__V1__STATUS__OK;
    }
    assert_true(ledger->count < RECORDS_MAX);
    struct booked *record = &ledger->records[ledger->count++];
    memcpy(record->id, command->command_id.data, DFT_COMMAND_ID_BYTES);
    record->number = number;
    return DAFTARI__V1__STATUS__OK;
}

static void answer_each(struct fake_connection *connection, struct ledger *ledger,
                        const Daftari__V1__Request *request)
{
    Daftari__V1__Response response = DAFTARI__V1__RESPONSE__INIT;
    Daftari__V1__Answer *answers = calloc(request->n_commands, sizeof *answers);
    Daftari__V1__Answer **list = calloc(request->n_commands, sizeof *list);
    assert_true(answers != NULL && list != NULL);
    for (size_t i = 0; i < request->n_commands; i++) {
        daftari__v1__answer__init(&answers[i]);
        answers[i].has_status = 1;
        answers[i].status = ledger_decide(ledger, request->commands[i]);
        answers[i].has_body = answers[i].status == DAFTARI__V1__STATUS__OK;
        list[i] = &answers[i];
    }
    response.has_request_id = 1;
    response.request_id = request->request_id;
    response.answers = list;
    response.n_answers = request->n_commands;
    response.has_end = 1;
    response.end = 1;
    if (ledger->drop_every == 0 || ++ledger->requests % ledger->drop_every != 0)
        fake_send(connection, FRAME_RESPONSE, &response.base);
    free(answers);
    free(list);
}

static void serve_ledger(struct fake_connection *connection, void *context)
{
    struct ledger *ledger = context;
    Daftari__V1__Request *request;
    fake_welcome(connection);
    while ((request = fake_request(connection, NULL, NULL)) != NULL) {
        (void)pthread_mutex_lock(&ledger->lock);
        uint64_t before = ledger->requests;
        answer_each(connection, ledger, request);
        bool drop = ledger->drop_every != 0 && ledger->requests > before &&
                    ledger->requests % ledger->drop_every == 0;
        (void)pthread_mutex_unlock(&ledger->lock);
        daftari__v1__request__free_unpacked(request, NULL);
        if (drop)
            return;
    }
}

static struct ledger *ledger_new(const char *scratch)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    assert_non_null(ledger);
    ledger->records = calloc(RECORDS_MAX, sizeof *ledger->records);
    assert_non_null(ledger->records);
    ledger->server = (struct fake_server){.serve = serve_ledger, .context = ledger, .size = 3};
    (void)pthread_mutex_init(&ledger->lock, NULL);
    fake_start(&ledger->server, scratch);
    return ledger;
}

static void ledger_free(struct ledger *ledger)
{
    fake_stop(&ledger->server);
    (void)pthread_mutex_destroy(&ledger->lock);
    free(ledger->records);
    free(ledger);
}

static struct dft_client *client_to(const char *address, const char *ca_file)
{
    struct dft_options options = {.server = address, .ca_file = ca_file, .retries_max = DFT_FOREVER};
    struct dft_client *client = NULL;
    assert_int_equal(dft_client_new(&client, &options, NULL), DFT_OK);
    return client;
}

struct told {
    uint64_t good, bad;
};

static void tell(const struct dft_outbox_item *item, const struct dft_recorded *recorded, void *context)
{
    struct told *told = context;
    assert_int_equal(item->body_len, 8);
    told->good += recorded != NULL;
    told->bad += recorded == NULL;
}

static void commands_are_sent_in_order_and_answered_once(void **state)
{
    (void)state;
    char scratch[SCRATCH_PATH_MAX], path[SCRATCH_PATH_MAX + 16];
    scratch_make(scratch);
    outbox_path(path, scratch);
    struct ledger *ledger = ledger_new(scratch);
    ledger->drop_every = 5;
    struct dft_client *client = client_to(ledger->server.address, ledger->server.ca_file);
    struct dft_outbox *box = open_box(path);
    struct told told = {0};
    for (uint64_t i = 1; i <= 200; i++)
        assert_int_equal(add_number(box, i, NULL), DFT_OK);
    assert_int_equal(dft_outbox_send(box, client, tell, &told, NULL), DFT_OK);
    assert_int_equal(told.good, 200);
    assert_int_equal(ledger->count, 200);
    for (uint64_t i = 0; i < 200; i++)
        assert_int_equal(ledger->records[i].number, i + 1);
    assert_int_equal(dft_outbox_waiting(box), 0);
    dft_outbox_close(box);
    box = open_box(path);
    assert_int_equal(dft_outbox_waiting(box), 0);
    dft_outbox_close(box);
    dft_client_free(client);
    ledger_free(ledger);
    scratch_remove(scratch);
}

static void refused_commands_are_kept_aside(void **state)
{
    (void)state;
    char scratch[SCRATCH_PATH_MAX], path[SCRATCH_PATH_MAX + 16];
    scratch_make(scratch);
    outbox_path(path, scratch);
    struct ledger *ledger = ledger_new(scratch);
    ledger->refuse_sevens = true;
    struct dft_client *client = client_to(ledger->server.address, ledger->server.ca_file);
    struct dft_outbox *box = open_box(path);
    struct dft_outbox_item item;
    struct told told = {0};
    for (uint64_t i = 1; i <= 50; i++)
        assert_int_equal(add_number(box, i, NULL), DFT_OK);
    assert_int_equal(dft_outbox_send(box, client, tell, &told, NULL), DFT_OK);
    assert_int_equal(told.good, 43);
    assert_int_equal(told.bad, 7);
    dft_outbox_close(box);
    box = open_box(path);
    assert_int_equal(dft_outbox_waiting(box), 0);
    assert_int_equal(dft_outbox_refused(box), 7);
    dft_outbox_refused_item(box, 1, &item);
    assert_int_equal(be64_get(item.body), 14);
    assert_int_equal(item.fault.status, DFT_REFUSED);
    assert_true(item.fault.text[0] != '\0');
    assert_int_equal(dft_outbox_clear_refused(box, NULL), DFT_OK);
    assert_int_equal(dft_outbox_refused(box), 0);
    dft_outbox_close(box);
    box = open_box(path);
    assert_int_equal(dft_outbox_refused(box), 0);
    dft_outbox_close(box);
    dft_client_free(client);
    ledger_free(ledger);
    scratch_remove(scratch);
}

static void what_may_pass_later_waits(void **state)
{
    (void)state;
    char scratch[SCRATCH_PATH_MAX], path[SCRATCH_PATH_MAX + 16];
    scratch_make(scratch);
    outbox_path(path, scratch);
    struct ledger *ledger = ledger_new(scratch);
    ledger->deny_from = 31;
    struct dft_client *client = client_to(ledger->server.address, ledger->server.ca_file);
    struct dft_outbox *box = open_box(path);
    for (uint64_t i = 1; i <= 40; i++)
        assert_int_equal(add_number(box, i, NULL), DFT_OK);
    assert_int_equal(dft_outbox_send(box, client, NULL, NULL, NULL), DFT_DENIED);
    assert_int_equal(dft_outbox_waiting(box), 10);
    assert_int_equal(item_number(box, 0), 31);
    ledger->deny_from = 0;
    assert_int_equal(dft_outbox_send(box, client, NULL, NULL, NULL), DFT_OK);
    assert_int_equal(ledger->count, 40);
    dft_outbox_close(box);
    dft_client_free(client);
    ledger_free(ledger);
    scratch_remove(scratch);
}

/* ---- killed at any moment ---------------------------------------------------------------------------------------- */

/* Adds numbers from `start` on, tells each on standard output when it is on disk, and sends now and then; with
 * start 0 it only sends what is left. */
static int child(const char *path, const char *address, const char *ca_file, uint64_t start)
{
    struct dft_outbox *box = NULL;
    struct dft_client *client = client_to(address, ca_file);
    struct dft_fault why = {0};
    if (dft_outbox_open(&box, path, NULL, &why) != DFT_OK) {
        (void)fprintf(stderr, "# child: %s\n", why.text);
        return 3;
    }
    for (uint64_t number = start; start != 0; number++) {
        uint8_t told[8];
        if (add_number(box, number, NULL) != DFT_OK)
            return 4;
        be64_put(told, number);
        if (write(STDOUT_FILENO, told, sizeof told) != sizeof told)
            return 5;
        if (number % 23 == 0 && dft_outbox_send(box, client, NULL, NULL, NULL) != DFT_OK)
            return 6;
    }
    int code =
        dft_outbox_send(box, client, NULL, NULL, NULL) == DFT_OK && dft_outbox_waiting(box) == 0 ? 0 : 7;
    dft_outbox_close(box);
    dft_client_free(client);
    return code;
}

static pid_t spawn(const char *path, const struct fake_server *server, uint64_t start, int *out_fd)
{
    int pipes[2];
    char text[32];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)start);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(pipes[1], STDOUT_FILENO);
        (void)execl("/proc/self/exe", "t_outbox", "child", path, server->address, server->ca_file, text,
                    (char *)NULL);
        _exit(127);
    }
    (void)close(pipes[1]);
    *out_fd = pipes[0];
    return pid;
}

/* The number told last of `count`. */
static uint64_t hear(int fd, uint64_t count)
{
    uint8_t told[8] = {0};
    for (uint64_t i = 0; i < count; i++) {
        if (read(fd, told, sizeof told) != sizeof told)
            break;
    }
    return be64_get(told);
}

/* Highest number that the child told of; the pipe is read to its end. */
static uint64_t drain(int fd, uint64_t highest)
{
    uint8_t told[8];
    while (read(fd, told, sizeof told) == sizeof told)
        highest = be64_get(told);
    (void)close(fd);
    return highest;
}

static void nothing_is_lost_or_doubled_when_killed(void **state)
{
    (void)state;
    struct random random = random_start();
    char scratch[SCRATCH_PATH_MAX], path[SCRATCH_PATH_MAX + 16];
    scratch_make(scratch);
    outbox_path(path, scratch);
    struct ledger *ledger = ledger_new(scratch);
    (void)pthread_mutex_lock(&ledger->lock);
    ledger->drop_every = 11;
    (void)pthread_mutex_unlock(&ledger->lock);
    static bool promised[RECORDS_MAX], seen[RECORDS_MAX];
    uint64_t promises = 0;
    for (unsigned round = 0; round < KILLS; round++) {
        int fd, status;
        uint64_t start = 1 + round * UINT64_C(4000);
        pid_t pid = spawn(path, &ledger->server, start, &fd);
        uint64_t highest = 0;
        if (round % 4 == 0) /* while it starts, opens and mends */
            (void)usleep((useconds_t)random_below(&random, 60000));
        else /* somewhere after so many commands were promised */
            highest = hear(fd, random_below(&random, 80));
        (void)usleep((useconds_t)random_below(&random, 3000));
        (void)kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status)); /* it did not end by itself: that would be a fault */
        highest = drain(fd, highest);
        for (uint64_t i = start; i <= highest; i++, promises++)
            promised[i] = true;
    }
    int fd, status;
    pid_t pid = spawn(path, &ledger->server, 0, &fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)close(fd);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    (void)pthread_mutex_lock(&ledger->lock);
    for (size_t i = 0; i < ledger->count; i++) {
        assert_false(seen[ledger->records[i].number]); /* once */
        seen[ledger->records[i].number] = true;
        if (i > 0)
            assert_true(ledger->records[i].number > ledger->records[i - 1].number); /* in order */
    }
    for (size_t i = 0; i < RECORDS_MAX; i++)
        assert_true(!promised[i] || seen[i]);
    print_message("# %llu commands promised, %zu recorded\n", (unsigned long long)promises, ledger->count);
    (void)pthread_mutex_unlock(&ledger->lock);
    assert_true(promises > KILLS);
    ledger_free(ledger);
    scratch_remove(scratch);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_there_after_opening_again),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(a_torn_end_is_cut_off),
        cmocka_unit_test(damage_before_the_end_is_not_passed_over),
        cmocka_unit_test(commands_are_sent_in_order_and_answered_once),
        cmocka_unit_test(refused_commands_are_kept_aside),
        cmocka_unit_test(what_may_pass_later_waits),
        cmocka_unit_test(nothing_is_lost_or_doubled_when_killed),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc == 6 && strcmp(argv[1], "child") == 0)
        return child(argv[2], argv[3], argv[4], strtoull(argv[5], NULL, 10));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
