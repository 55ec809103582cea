/* The server's own count of commits, from its metrics page (Prometheus text over HTTP on loopback). */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tools/bench/bench.h"

#define PAGE_BYTES_MAX (4u * 1024u * 1024u)
#define TIMEOUT_S      5

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

bool bench_commits(const char *address, struct bench_commits *out)
{
    char *page = address != NULL ? fetch(address) : NULL;
    memset(out, 0, sizeof *out);
    if (page == NULL ||
        strstr(page, "\ndaftari_commit_records_count ") == NULL) { /* or somebody else's page */
        free(page);
        return false;
    }
    out->commits = value_of(page, "daftari_commit_records_count");
    out->records = value_of(page, "daftari_commit_records_sum");
    for (size_t i = 0; i < BENCH_COMMIT_BUCKETS; i++) {
        char name[64];
        snprintf(name, sizeof name, "daftari_commit_records_bucket{le=\"%u\"}", 1u << (2 * i));
        out->up_to[i] = value_of(page, name);
    }
    free(page);
    return true;
}
