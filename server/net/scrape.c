/*
 * The metrics page: plain HTTP/1.0 on the loopback address, for a Prometheus on the same machine. One request a
 * connection, few connections, little time for each: whoever can reach the port may be any program of the machine.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/net/internal.h"

#define CONNECTIONS_MAX   8u /* one more takes the place of the oldest */
#define REQUEST_BYTES_MAX 8192u
#define TIME_US           5000000 /* from connecting to the last byte of the answer */
#define LISTEN_BACKLOG    16

struct visitor {
    struct net *net;
    struct bufferevent *stream; /* NULL: free */
    monotonic_us since;
    bool answered;
};

struct scrape {
    int fd;
    struct event *listen_event;
    struct visitor visitors[CONNECTIONS_MAX];
};

static void visitor_end(struct visitor *visitor)
{
    if (visitor->stream != NULL)
        bufferevent_free(visitor->stream); /* closes the socket */
    visitor->stream = NULL;
}

static void text_free(const void *data, size_t len, void *context)
{
    (void)data;
    (void)len;
    free(context);
}

/* Takes over `text`, which may be NULL: no body. */
static void answer(struct visitor *visitor, const char *status, char *text, size_t len)
{
    struct evbuffer *out = bufferevent_get_output(visitor->stream);
    visitor->answered = true;
    bufferevent_disable(visitor->stream, EV_READ);
    bool good =
        evbuffer_add_printf(out,
                            "HTTP/1.0 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                            "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                            status, len) >= 0;
    if (text != NULL && (!good || evbuffer_add_reference(out, text, len, text_free, text) != 0)) {
        free(text);
        good = false;
    }
    if (!good)
        visitor_end(visitor);
}

/* "GET /metrics HTTP/1.1", with or without a query. */
static void request_answer(struct visitor *visitor, const char *line)
{
    static const char get[] = "GET ", page[] = "/metrics";
    const char *path = line + sizeof get - 1;
    size_t len = 0;
    if (strncmp(line, get, sizeof get - 1) != 0) {
        answer(visitor, "405 Method Not Allowed", NULL, 0);
        return;
    }
    if (strcspn(path, " ?") != sizeof page - 1 || strncmp(path, page, sizeof page - 1) != 0) {
        answer(visitor, "404 Not Found", NULL, 0);
        return;
    }
    char *text = metrics_text(visitor->net->wiring.metrics, &len);
    if (text == NULL)
        answer(visitor, "503 Service Unavailable", NULL, 0);
    else
        answer(visitor, "200 OK", text, len);
}

static void on_readable(struct bufferevent *stream, void *context)
{
    struct visitor *visitor = context;
    struct evbuffer *in = bufferevent_get_input(stream);
    if (visitor->answered)
        return;
    bool whole =
        evbuffer_search(in, "\r\n\r\n", 4, NULL).pos >= 0 || evbuffer_search(in, "\n\n", 2, NULL).pos >= 0;
    if (!whole && evbuffer_get_length(in) >= REQUEST_BYTES_MAX)
        answer(visitor, "431 Request Header Fields Too Large", NULL, 0);
    if (!whole)
        return;
    char *line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF);
    request_answer(visitor, line != NULL ? line : "");
    free(line);
}

/* All that waited is with the system. */
static void on_written(struct bufferevent *stream, void *context)
{
    struct visitor *visitor = context;
    if (!visitor->answered)
        return;
    (void)shutdown(bufferevent_getfd(stream), SHUT_WR);
    visitor_end(visitor);
}

static void on_gone(struct bufferevent *stream, short what, void *context)
{
    (void)stream;
    (void)what;
    visitor_end(context);
}

/* A free place, or that of the oldest: who has asked at once was answered long ago. */
static struct visitor *visitor_choose(struct scrape *scrape)
{
    struct visitor *oldest = &scrape->visitors[0];
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct visitor *at = &scrape->visitors[i];
        if (at->stream == NULL)
            return at;
        if (at->since < oldest->since)
            oldest = at;
    }
    visitor_end(oldest);
    return oldest;
}

static void on_visitor(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct net *net = context;
    int taken = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (taken < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            event_del(net->scrape->listen_event); /* no descriptors or memory: the tick tries again */
        return;
    }
    struct visitor *visitor = visitor_choose(net->scrape);
    *visitor = (struct visitor){.net = net,
                                .stream = bufferevent_socket_new(net->base, taken, BEV_OPT_CLOSE_ON_FREE),
                                .since = net_peer_now(net)};
    if (visitor->stream == NULL) {
        close(taken);
        return;
    }
    bufferevent_setcb(visitor->stream, on_readable, on_written, on_gone, visitor);
    bufferevent_setwatermark(visitor->stream, EV_READ, 0, REQUEST_BYTES_MAX);
    bufferevent_enable(visitor->stream, EV_READ | EV_WRITE);
}

void scrape_tick(struct net *net)
{
    struct scrape *scrape = net->scrape;
    if (scrape == NULL)
        return;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (scrape->visitors[i].stream != NULL && net_peer_now(net) - scrape->visitors[i].since > TIME_US)
            visitor_end(&scrape->visitors[i]);
    if (!event_pending(scrape->listen_event, EV_READ, NULL))
        event_add(scrape->listen_event, NULL);
}

static enum status listen_at(struct scrape *scrape, uint16_t port, uint16_t *out_port, struct fault *why)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int on = 1;
    scrape->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (scrape->fd < 0 || setsockopt(scrape->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(scrape->fd, (struct sockaddr *)&address, len) != 0 || listen(scrape->fd, LISTEN_BACKLOG) != 0)
        return fault_set(why, STATUS_IO, "metrics_port", "127.0.0.1 port %u cannot be listened on: %s", port,
                         strerrordesc_np(errno));
    if (getsockname(scrape->fd, (struct sockaddr *)&address, &len) != 0)
        return fault_set(why, STATUS_IO, "metrics_port", "its port cannot be found");
    *out_port = ntohs(address.sin_port);
    return STATUS_OK;
}

enum status scrape_open(struct net *net, struct fault *why)
{
    struct scrape *scrape = calloc(1, sizeof *scrape);
    if (scrape == NULL)
        return fault_set(why, STATUS_NO_MEMORY, "metrics_port", "no memory for the metrics page");
    net->scrape = scrape;
    enum status status = listen_at(scrape, net->config.metrics_any_port ? 0 : net->config.metrics_port,
                                   &net->metrics_port, why);
    if (status != STATUS_OK)
        return status;
    scrape->listen_event = event_new(net->base, scrape->fd, EV_READ | EV_PERSIST, on_visitor, net);
    if (scrape->listen_event == NULL || event_add(scrape->listen_event, NULL) != 0)
        return fault_set(why, STATUS_NO_MEMORY, "metrics_port", "no memory for the metrics page");
    return STATUS_OK;
}

void scrape_close(struct net *net)
{
    struct scrape *scrape = net->scrape;
    if (scrape == NULL)
        return;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        visitor_end(&scrape->visitors[i]);
    if (scrape->listen_event != NULL)
        event_free(scrape->listen_event);
    if (scrape->fd >= 0)
        close(scrape->fd);
    free(scrape);
    net->scrape = NULL;
}
