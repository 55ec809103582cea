/* The metrics page as any program of the machine can ask for it: in many forms, slowly, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/net_rig.h"

#define STAY 8 /* server/net/scrape.c */
#define COME 40

/* Read to its end within that time? */
static bool ends_within(int fd, int ms)
{
    char byte[256];
    struct timespec from, now;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int left = ms; left > 0;
         left = ms - (int)((now.tv_sec - from.tv_sec) * 1000 + (now.tv_nsec - from.tv_nsec) / 1000000)) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, left) == 1 && read(fd, byte, sizeof byte) <= 0)
            return true;
        clock_gettime(CLOCK_MONOTONIC, &now);
    }
    return false;
}

static void pages_are_asked_in_many_forms(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *request, *answer;
    } rows[] = {
        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n", "HTTP/1.0 200 OK\r\n"},
        {"GET /metrics?name=x HTTP/1.1\r\n\r\n", "HTTP/1.0 200 OK\r\n"},
        {"GET /metrics\n\n", "HTTP/1.0 200 OK\r\n"},
        {"GET /metricsx HTTP/1.1\r\n\r\n", "HTTP/1.0 404 "},
        {"GET /metric HTTP/1.1\r\n\r\n", "HTTP/1.0 404 "},
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.0 404 "},
        {"POST /metrics HTTP/1.1\r\n\r\n", "HTTP/1.0 405 "},
        {"\r\n\r\n", "HTTP/1.0 405 "},
        {"\x16\x03\x01\n\n", "HTTP/1.0 405 "},
    };
    rig_start(rig);
    uint16_t port = net_metrics_port(rig->net);
    char got[64];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int split = 0; split < 2; split++) {
            int fd = tls_client_tcp(port);
            size_t len = strlen(rows[i].request), first = split ? len / 2 : len;
            assert_int_equal(write(fd, rows[i].request, first), first);
            usleep(split ? 20000 : 0);
            assert_int_equal(write(fd, rows[i].request + first, len - first), len - first);
            ssize_t read_len = recv(fd, got, sizeof got - 1, MSG_WAITALL);
            got[read_len > 0 ? read_len : 0] = '\0';
            if (strncmp(got, rows[i].answer, strlen(rows[i].answer)) != 0)
                fail_msg("row %zu: %s", i, got);
            assert_true(ends_within(fd, 1000));
            close(fd);
        }
    static char large[16384]; /* a request line without end */
    int fd = tls_client_tcp(port);
    memset(large, 'a', sizeof large);
    (void)!send(fd, large, sizeof large, MSG_NOSIGNAL);
    assert_true(ends_within(fd, 1000));
    close(fd);
}

/* Those that connect and do not ask, or do so a byte at a time, take few places, and those not for long. */
static void who_only_connects_to_the_page_is_let_go(void **state)
{
    struct rig *rig = *state;
    static const char request[] = "GET /metrics HTTP/1.1\r\n\r\n";
    char got[16] = "";
    int idle[COME];
    rig_start(rig);
    uint16_t port = net_metrics_port(rig->net);
    for (size_t i = 0; i < COME; i++) {
        idle[i] = tls_client_tcp(port);
        assert_true(idle[i] >= 0);
        assert_int_equal(write(idle[i], "GET /metrics?", 13), 13);
    }
    for (size_t i = 0; i < COME - STAY; i++)
        assert_true(ends_within(idle[i], 2000));
    int fd = tls_client_tcp(port); /* takes the place of the oldest */
    assert_int_equal(write(fd, request, sizeof request - 1), sizeof request - 1);
    assert_int_equal(recv(fd, got, 15, MSG_WAITALL), 15);
    assert_string_equal(got, "HTTP/1.0 200 OK");
    assert_true(ends_within(fd, 2000));
    close(fd);
    for (int drips = 0; drips < 60; drips++) {
        usleep(100000);
        for (size_t i = COME - STAY; i < COME; i++)
            (void)!send(idle[i], "x", 1, MSG_NOSIGNAL);
    }
    for (size_t i = 0; i < COME; i++) {
        assert_true(ends_within(idle[i], 100));
        close(idle[i]);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(pages_are_asked_in_many_forms),
        CASE(who_only_connects_to_the_page_is_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
