/*
 * Follows the log and prints one line for every record: position, type and size. With "wait" it goes on as records come.
 *
 *   follow_log HOST:PORT CA-FILE E-MAIL PASSWORD-FILE [FROM-POSITION [wait]]
 *
 * It drives the connection from an event loop of its own (poll), as a program with other descriptors would. The bytes of
 * a record are described in docs/journal-format.md; here only its first fields are read.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <daftari/daftari.h>

#include "log.pb-c.h"

static int complain(const struct dft_fault *why)
{
    fprintf(stderr, "follow_log: %s (%s)\n", why->text, dft_status_name(why->status));
    return 1;
}

static uint64_t number_at(const uint8_t *bytes, size_t len)
{
    uint64_t number = 0;
    for (size_t i = 0; i < len; i++)
        number = number << 8 | bytes[i];
    return number;
}

static void print_part(const struct dft_answer *answer)
{
    Daftari__V1__LogPart *part = daftari__v1__log_part__unpack(NULL, answer->body_len, answer->body);
    for (size_t i = 0; part != NULL && i < part->n_records; i++) {
        const uint8_t *record = part->records[i].data;
        if (part->records[i].len >= 120)
            printf("%llu type %llu, %zu bytes\n", (unsigned long long)number_at(record + 8, 8),
                   (unsigned long long)number_at(record + 2, 2), part->records[i].len);
    }
    if (part != NULL)
        daftari__v1__log_part__free_unpacked(part, NULL);
    fflush(stdout);
}

/* Waits for the connection as an event loop does, then lets the library work. */
static void turn(struct dft_client *client)
{
    unsigned wanted = dft_events(client);
    uint32_t timeout_ms = dft_timeout_ms(client);
    struct pollfd ready = {.fd = dft_fd(client)};
    ready.events =
        (short)(((wanted & DFT_WANT_READ) ? POLLIN : 0) | ((wanted & DFT_WANT_WRITE) ? POLLOUT : 0));
    poll(&ready, ready.fd >= 0 ? 1 : 0, timeout_ms == DFT_FOREVER ? -1 : (int)timeout_ms);
    (void)dft_process(client, NULL); /* what goes wrong is told by the stream */
}

static int follow(struct dft_client *client, uint64_t from, int wait, struct dft_fault *why)
{
    Daftari__V1__FollowLog query = DAFTARI__V1__FOLLOW_LOG__INIT;
    uint8_t body[64];
    query.has_from_position = 1;
    query.from_position = from;
    query.has_wait = 1;
    query.wait = wait;
    size_t len = daftari__v1__follow_log__pack(&query, body);
    struct dft_stream *stream = NULL;
    struct dft_answer answer;
    enum dft_status status = dft_stream_open(client, "Log.Follow", body, len, 0, DFT_FOREVER, &stream, why);
    while (status == DFT_OK || status == DFT_AGAIN) {
        status = dft_stream_next(stream, 0, &answer, why);
        if (status == DFT_OK)
            print_part(&answer);
        else if (status == DFT_AGAIN)
            turn(client);
    }
    dft_stream_close(stream);
    return status == DFT_END ? 0 : complain(why);
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc > 7) {
        fprintf(stderr, "usage: follow_log HOST:PORT CA-FILE E-MAIL PASSWORD-FILE [FROM-POSITION [wait]]\n");
        return 2;
    }
    char password[256] = "";
    FILE *file = fopen(argv[4], "r");
    if (file == NULL || fgets(password, sizeof password, file) == NULL) {
        perror(argv[4]);
        return 1;
    }
    fclose(file);
    password[strcspn(password, "\n")] = '\0';
    struct dft_options options = {.server = argv[1], .ca_file = argv[2], .agent = "follow_log/1"};
    struct dft_client *client = NULL;
    struct dft_fault why = {0};
    if (dft_client_new(&client, &options, &why) != DFT_OK)
        return complain(&why);
    int code;
    if (dft_connect(client, &why) != DFT_OK || dft_log_in(client, argv[3], password, &why) != DFT_OK)
        code = complain(&why);
    else
        code = follow(client, argc > 5 ? strtoull(argv[5], NULL, 10) : 1,
                      argc > 6 && strcmp(argv[6], "wait") == 0, &why);
    dft_client_free(client);
    return code;
}
