/* The server's own count of commits, from its metrics page (Prometheus text over HTTP on loopback). */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tools/bench/load.h"

#define PAGE_BYTES_MAX    (4u * 1024u * 1024u)
#define TIMEOUT_S         5
#define VIEWS_POLL_US     20000
#define VIEW_STATE_FAILED 2 /* value of daftari_view_state */

static int connect_to(const char *address)
{
    char host[256];
    const char *colon = strrchr(address, ':');
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    if (colon == NULL || (size_t)(colon - address) >= sizeof host)
        return -1;
    snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return -1;
    int fd = -1;
    for (struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
        struct timeval timeout = {.tv_sec = TIMEOUT_S};
        fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
        if (connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

/* The page with its head, NUL-terminated; free(). NULL when it cannot be had. */
static char *fetch(const char *address)
{
    static const char request[] = "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
    int fd = connect_to(address);
    char *page = fd >= 0 ? malloc(PAGE_BYTES_MAX + 1) : NULL;
    size_t len = 0;
    bool good =
        page != NULL && send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)(sizeof request - 1);
    while (good && len < PAGE_BYTES_MAX) {
        ssize_t got = recv(fd, page + len, PAGE_BYTES_MAX - len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        good = got >= 0;
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    if (fd >= 0)
        close(fd);
    if (!good) {
        free(page);
        return NULL;
    }
    page[len] = '\0';
    return page;
}

/* The value on the line that begins with `name` and a space. */
static uint64_t value_of(const char *page, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = page; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, len) == 0 && line[len] == ' ')
            return strtoull(line + len + 1, NULL, 10);
    }
    return 0;
}

/* The highest value of the lines that begin with `name` and labels in braces. */
static uint64_t most_of(const char *page, const char *name)
{
    size_t len = strlen(name);
    uint64_t most = 0;
    for (const char *line = page; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, len) != 0 || line[len] != '{')
            continue;
        const char *space = strchr(line, ' '); /* no label of ours has one */
        uint64_t value = space != NULL ? strtoull(space + 1, NULL, 10) : 0;
        most = value > most ? value : most;
    }
    return most;
}

/* Lines `daftari_writer_microseconds_total{stage="NAME"} N`: what the writer's time went into. */
static void read_stages(const char *page, struct bench_page *out)
{
    static const char head[] = "\ndaftari_writer_microseconds_total{stage=\"";
    for (const char *at = strstr(page, head); at != NULL && out->stages < BENCH_STAGES_MAX;
         at = strstr(at, head)) {
        at += sizeof head - 1;
        const char *quote = strchr(at, '"');
        if (quote == NULL || quote[1] != '}')
            return;
        snprintf(out->stage[out->stages].name, sizeof out->stage[0].name, "%.*s", (int)(quote - at), at);
        out->stage[out->stages++].us = strtoull(quote + 2, NULL, 10);
        at = quote;
    }
}

bool bench_page(const char *address, struct bench_page *out)
{
    char *page = address != NULL ? fetch(address) : NULL;
    if (page == NULL ||
        strstr(page, "\ndaftari_commit_records_count ") == NULL) { /* or somebody else's page */
        free(page);
        return false;
    }
    memset(out, 0, sizeof *out);
    out->commits = value_of(page, "daftari_commit_records_count");
    out->records = value_of(page, "daftari_commit_records_sum");
    out->log_position = value_of(page, "daftari_log_position");
    out->view_lag = most_of(page, "daftari_view_lag_records");
    out->view_failed = most_of(page, "daftari_view_state") >= VIEW_STATE_FAILED;
    for (size_t i = 0; i < BENCH_COMMIT_BUCKETS; i++) {
        char name[64];
        snprintf(name, sizeof name, "daftari_commit_records_bucket{le=\"%u\"}", 1u << (2 * i));
        out->up_to[i] = value_of(page, name);
    }
    read_stages(page, out);
    free(page);
    return true;
}

bool bench_views_wait(const char *address, uint32_t seconds)
{
    struct bench_page page;
    uint64_t end = bench_now_us() + (uint64_t)seconds * 1000000u;
    while (bench_page(address, &page)) {
        if (page.view_lag == 0)
            return true;
        if (page.view_failed || load_interrupted() || bench_now_us() > end)
            return false;
        usleep(VIEWS_POLL_US);
    }
    return false;
}
