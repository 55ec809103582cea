#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base/bug.h"
#include "server/base/diag.h"
#include "server/net/internal.h"

#define ACCEPTS_PER_TURN 32
#define LISTEN_BACKLOG   512
#define SCRATCH_BYTES    (256u * 1024u) /* a Hello, a Welcome with its proof */

/* ---- from other threads ---- */

void net_wake(struct net *net)
{
    if (atomic_exchange(&net->woken, true))
        return; /* it will look at everything anyway */
    int saved = errno;
    uint64_t one = 1;
    ssize_t written =
        write(net->wake_fd, &one, sizeof one); /* fails only when the counter is full: awake already */
    (void)written;
    errno = saved;
}

void net_drain(struct net *net)
{
    atomic_store(&net->drain_asked, true);
    net_wake(net);
}

void net_log_grew(struct net *net, uint64_t position)
{
    uint64_t before = atomic_load(&net->log_position);
    while (before < position && !atomic_compare_exchange_weak(&net->log_position, &before, position))
        ;
    if (before < position && atomic_load(&net->parked_count) != 0)
        net_wake(net);
}

enum status net_reload_tls(struct net *net, const struct net_tls *tls, struct fault *why)
{
    SSL_CTX *fresh;
    enum status status = tls_context(tls, &fresh, why);
    if (status != STATUS_OK)
        return status;
    SSL_CTX_free(atomic_exchange(&net->tls_next, fresh)); /* one that was never taken into use */
    net_wake(net);
    return STATUS_OK;
}

/* ---- the loop's events ---- */

static void tls_take_over(struct net *net)
{
    SSL_CTX *fresh = atomic_exchange(&net->tls_next, NULL);
    if (fresh == NULL)
        return;
    SSL_CTX_free(net->tls); /* connections keep theirs alive */
    net->tls = fresh;
    diag(DIAG_INFO, "net", "tls-reloaded", " ");
}

void completions_take(struct net *net)
{
    struct work_item *newest = atomic_exchange_explicit(&net->done, NULL, memory_order_acquire);
    struct work_item *oldest = NULL;
    while (newest != NULL) {
        struct work_item *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        struct work_item *next = oldest->next;
        oldest->next = NULL;
        request_done(oldest->owner);
        oldest = next;
    }
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct net *net = context;
    uint64_t count;
    ssize_t len = read(fd, &count, sizeof count);
    (void)len;
    /* Cleared before looking, so that whatever comes from now on wakes us again. */
    atomic_store(&net->woken, false);
    tls_take_over(net);
    completions_take(net);
    if (net->parked != NULL)
        request_unpark(net, true);
}

static void on_park(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    request_unpark(context, false);
}

static void listen_pause(struct net *net, bool pause)
{
    if (net->listen_event == NULL)
        return;
    if (pause)
        event_del(net->listen_event);
    else if (!event_pending(net->listen_event, EV_READ, NULL))
        event_add(net->listen_event, NULL);
}

static void on_listen(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct net *net = context;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage peer;
        socklen_t peer_len = sizeof peer;
        int taken = accept4(fd, (struct sockaddr *)&peer, &peer_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (taken >= 0) {
            conn_accept(net, taken, &peer);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        if (errno != EAGAIN) { /* no descriptors or memory: the tick tries again */
            diag(DIAG_ERROR, "net", "accept-failed", "errno=%d", errno);
            listen_pause(net, true);
        }
        return;
    }
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct net *net = context;
    struct conn *next;
    for (struct conn *at = net->conns; at != NULL; at = next) {
        next = at->next;
        conn_tick(at);
    }
    scrape_tick(net);
    listen_pause(net, false);
}

/* ---- draining ---- */

static void drain_begin(struct net *net)
{
    net->draining = true;
    net->drain_until = net_now(net) + (int64_t)net->config.drain_ms * 1000;
    event_free(net->listen_event);
    net->listen_event = NULL;
    close(net->listen_fd);
    net->listen_fd = -1;
    diag(DIAG_INFO, "net", "draining", "connections=%u requests=%u", net->conn_count, net->at_work);
    struct conn *next;
    for (struct conn *at = net->conns; at != NULL; at = next) {
        next = at->next;
        if (at->state == CONN_OPEN) {
            conn_goodbye(at, "the server is stopping; connect again");
            conn_mark(at);
        } else if (at->state < CONN_OPEN) {
            conn_close(at);
        }
    }
    /* Streams that wait, for the log or for Grant, have nothing to finish. */
    for (uint32_t i = 0; i < net->config.items_max; i++) {
        struct request *at = &net->all[i];
        if ((at->state == REQUEST_PARKED || at->state == REQUEST_CREDIT) && !at->answered)
            request_end(at, STATUS_UNAVAILABLE, "the server is stopping; connect again");
    }
}

static void drain_go_on(struct net *net)
{
    monotonic_us now = net_now(net);
    if (net->conn_count != 0 && now >= net->drain_until) {
        diag(DIAG_WARNING, "net", "drain-over", "connections=%u requests=%u", net->conn_count, net->at_work);
        while (net->conns != NULL)
            conn_close(net->conns);
    }
    bool waited = now >= net->drain_until + (int64_t)net->config.drain_ms * 1000;
    net->finished = net->conn_count == 0 && (net->at_work == 0 || waited);
}

/* ---- a turn ---- */

/* Dead connections that the next turn's list still names wait for it. */
static void reap(struct net *net)
{
    struct conn *dead = net->dead;
    net->dead = NULL;
    while (dead != NULL) {
        struct conn *conn = dead;
        dead = conn->next_reaped;
        if (!conn->dirty) {
            conn_free(conn);
            continue;
        }
        conn->next_reaped = net->dead;
        net->dead = conn;
    }
}

static void reap_all(struct net *net)
{
    for (struct conn *at = net->dead; at != NULL; at = at->next_reaped)
        at->dirty = false;
    net->dirty = NULL;
    reap(net);
}

/* Events only mark connections; here each marked one reads, hands over, writes. So everything that came in one turn is
 * with the sinks before anything waits again, and a connection's answers leave together. */
static void turn(struct net *net)
{
    do {
        struct conn *marked = net->dirty;
        net->dirty = NULL;
        while (marked != NULL) {
            struct conn *conn = marked;
            marked = conn->next_dirty;
            conn->dirty = false;
            conn_turn(conn);
        }
    } while (request_held_run(net));
    if (!net->draining && atomic_load(&net->drain_asked))
        drain_begin(net);
    reap(net);
    if (net->draining)
        drain_go_on(net);
}

void net_run(struct net *net)
{
    net->thread = pthread_self();
    while (!net->finished) {
        event_base_loop(net->base, EVLOOP_ONCE | (net->dirty != NULL ? EVLOOP_NONBLOCK : 0));
        turn(net);
    }
    reap_all(net);
    diag(DIAG_INFO, "net", "drained", "requests=%u", net->at_work);
}

/* ---- opening ---- */

static enum status config_check(const struct net_config *c, const struct net_wiring *w, struct fault *why)
{
    const struct {
        const char *name;
        uint64_t value, min, max;
    } rows[] = {
        {"connections_max", c->connections_max, 1, 1000000},
        {"connections_per_address_max", c->connections_per_address_max, 1, 1000000},
        {"requests_open_max", c->requests_open_max, 1, 4096},
        {"items_max", c->items_max, 1, 65536},
        {"arena_bytes_max", c->arena_bytes_max, 65536, 1u << 30},
        {"request_bytes_max", c->request_bytes_max, 2 * FRAME_PAYLOAD_MAX, UINT64_MAX / 4},
        {"output_bytes_max", c->output_bytes_max, 65536, 1u << 30},
        {"handshake_timeout_ms", c->handshake_timeout_ms, 1, UINT32_MAX},
        {"hello_timeout_ms", c->hello_timeout_ms, 1, UINT32_MAX},
        {"frame_timeout_ms", c->frame_timeout_ms, 1, UINT32_MAX},
        {"write_timeout_ms", c->write_timeout_ms, 1, UINT32_MAX},
        {"idle_timeout_ms", c->idle_timeout_ms, 1, UINT32_MAX},
        {"request_deadline_ms", c->request_deadline_ms, 1, UINT32_MAX},
        {"request_deadline_max_ms", c->request_deadline_max_ms, 1, UINT32_MAX},
        {"drain_ms", c->drain_ms, 1, UINT32_MAX},
    };
    ASSERT(w->commands != NULL && w->queries != NULL && w->access != NULL && w->auth.may != NULL);
    ASSERT(w->auth.session_by_token != NULL && w->welcome != NULL && w->clock != NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].value < rows[i].min || rows[i].value > rows[i].max)
            return fault_set(why, STATUS_INVALID, rows[i].name, "from %llu to %llu",
                             (unsigned long long)rows[i].min, (unsigned long long)rows[i].max);
    return STATUS_OK;
}

static enum status address_of(const struct net_config *config, struct sockaddr_storage *out,
                              socklen_t *out_len, struct fault *why)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(config->listen_port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(config->listen_port)};
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, config->listen_address, &in.sin_addr) == 1) {
        memcpy(out, &in, *out_len = sizeof in);
        return STATUS_OK;
    }
    if (inet_pton(AF_INET6, config->listen_address, &in6.sin6_addr) == 1) {
        memcpy(out, &in6, *out_len = sizeof in6);
        return STATUS_OK;
    }
    return fault_set(why, STATUS_INVALID, "listen_address", "a numeric IPv4 or IPv6 address, got %s",
                     config->listen_address);
}

static enum status listen_open(struct net *net, const struct net_config *config, struct fault *why)
{
    struct sockaddr_storage address;
    socklen_t len;
    enum status status = address_of(config, &address, &len, why);
    if (status != STATUS_OK)
        return status;
    int on = 1, off = 0;
    net->listen_fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (net->listen_fd < 0)
        return fault_set(why, STATUS_IO, "listen_address", "no socket: errno %d", errno);
    setsockopt(net->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(net->listen_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (address.ss_family == AF_INET6)
        setsockopt(net->listen_fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(net->listen_fd, (struct sockaddr *)&address, len) != 0 ||
        listen(net->listen_fd, LISTEN_BACKLOG) != 0)
        return fault_set(why, STATUS_IO, "listen_port", "%s port %u cannot be listened on: %s",
                         config->listen_address, config->listen_port, strerrordesc_np(errno));
    len = sizeof address;
    if (getsockname(net->listen_fd, (struct sockaddr *)&address, &len) != 0)
        return fault_set(why, STATUS_IO, "listen_port", "errno %d", errno);
    uint16_t port_be; /* at the same place in both families */
    memcpy(&port_be, (const uint8_t *)&address + offsetof(struct sockaddr_in, sin_port), sizeof port_be);
    net->port = ntohs(port_be);
    return STATUS_OK;
}

static enum status events_open(struct net *net)
{
    struct event_config *how = event_config_new();
    if (how == NULL)
        return STATUS_NO_MEMORY;
    event_config_set_flag(how, EVENT_BASE_FLAG_NOLOCK); /* no libevent call leaves the loop thread */
    net->base = event_base_new_with_config(how);
    event_config_free(how);
    net->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (net->base == NULL || net->wake_fd < 0)
        return STATUS_NO_MEMORY;
    struct timeval tick = {.tv_usec = TICK_MS * 1000};
    net->listen_event = event_new(net->base, net->listen_fd, EV_READ | EV_PERSIST, on_listen, net);
    net->wake_event = event_new(net->base, net->wake_fd, EV_READ | EV_PERSIST, on_wake, net);
    net->tick_event = event_new(net->base, -1, EV_PERSIST, on_tick, net);
    net->park_event = evtimer_new(net->base, on_park, net);
    if (net->listen_event == NULL || net->wake_event == NULL || net->tick_event == NULL ||
        net->park_event == NULL || event_add(net->listen_event, NULL) != 0 ||
        event_add(net->wake_event, NULL) != 0 || event_add(net->tick_event, &tick) != 0)
        return STATUS_NO_MEMORY;
    return STATUS_OK;
}

static enum status pool_open(struct net *net)
{
    net->scratch = arena_new(SCRATCH_BYTES);
    net->all = calloc(net->config.items_max, sizeof net->all[0]);
    if (net->scratch == NULL || net->all == NULL)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < net->config.items_max; i++) {
        struct request *request = &net->all[i];
        request->item.arena = arena_new(net->config.arena_bytes_max);
        if (request->item.arena == NULL)
            return STATUS_NO_MEMORY;
        request->next = net->pool;
        net->pool = request;
    }
    return STATUS_OK;
}

enum status net_open(const struct net_config *config, const struct net_wiring *wiring, struct net **out,
                     struct fault *why)
{
    enum status status = config_check(config, wiring, why);
    if (status != STATUS_OK)
        return status;
    struct net *net = calloc(1, sizeof *net);
    if (net == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory for the network");
    net->config = *config;
    net->wiring = *wiring;
    net->listen_fd = net->wake_fd = -1;
    signal(SIGPIPE, SIG_IGN); /* libssl writes to sockets whose peer may have gone */
    status = tls_context(&config->tls, &net->tls, why);
    if (status == STATUS_OK)
        status = listen_open(net, config, why);
    if (status == STATUS_OK) {
        status = events_open(net);
        if (status == STATUS_OK)
            status = pool_open(net);
        if (status == STATUS_OK)
            status = counts_open(&net->counts, net);
        if (status != STATUS_OK)
            fault_set(why, status, NULL, "no memory or descriptors for the network");
    }
    if (status == STATUS_OK && (config->metrics_port != 0 || config->metrics_any_port) &&
        wiring->metrics != NULL)
        status = scrape_open(net, why);
    net->config.listen_address = NULL;
    if (status != STATUS_OK) {
        net_free(net);
        return status;
    }
    diag(DIAG_INFO, "net", "listening", "address=%s port=%u metrics_port=%u", config->listen_address,
         net->port, net->metrics_port);
    *out = net;
    return STATUS_OK;
}

uint16_t net_port(const struct net *net)
{
    return net->port;
}

uint16_t net_metrics_port(const struct net *net)
{
    return net->metrics_port;
}

static void event_drop(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

void net_free(struct net *net)
{
    if (net == NULL)
        return;
    while (net->conns != NULL)
        conn_close(net->conns);
    reap_all(net);
    completions_take(net);
    ASSERT(net->at_work == 0); /* the sinks are stopped first */
    scrape_close(net);
    event_drop(net->listen_event);
    event_drop(net->wake_event);
    event_drop(net->tick_event);
    event_drop(net->park_event);
    if (net->base != NULL)
        event_base_free(net->base);
    if (net->listen_fd >= 0)
        close(net->listen_fd);
    if (net->wake_fd >= 0)
        close(net->wake_fd);
    SSL_CTX_free(net->tls);
    SSL_CTX_free(atomic_load(&net->tls_next));
    for (uint32_t i = 0; net->all != NULL && i < net->config.items_max; i++)
        arena_free(net->all[i].item.arena);
    free(net->all);
    arena_free(net->scratch);
    counts_close(&net->counts);
    free(net);
}
