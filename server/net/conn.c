#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base/bug.h"
#include "proto/wire/frame.h"
#include "server/base/diag.h"
#include "server/net/internal.h"

/* ---- making and ending ---- */

/* Peer address as text for people and records, and as 16 bytes for the limit per address. */
static void address_take(struct conn *conn, const struct sockaddr_storage *peer)
{
    char host[INET6_ADDRSTRLEN] = "?";
    uint16_t port = 0;
    if (peer->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, peer, sizeof in);
        port = ntohs(in.sin_port);
        memset(conn->address + 10, 0xff, 2);
        memcpy(conn->address + 12, &in.sin_addr, 4);
        inet_ntop(AF_INET, &in.sin_addr, host, sizeof host);
    } else if (peer->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, peer, sizeof in6);
        port = ntohs(in6.sin6_port);
        memcpy(conn->address, &in6.sin6_addr, 16);
        if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
            inet_ntop(AF_INET, conn->address + 12, host, sizeof host);
        } else {
            inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof host);
            memset(conn->address + 8, 0, 8); /* one peer has a whole /64 to choose from */
        }
    }
    bool colons = strchr(host, ':') != NULL;
    snprintf(conn->actor.address, sizeof conn->actor.address, colons ? "[%s]:%u" : "%s:%u", host, port);
}

static uint32_t count_from(const struct net *net, const uint8_t address[16])
{
    uint32_t count = 0;
    for (const struct conn *at = net->conns; at != NULL; at = at->next)
        count += memcmp(at->address, address, 16) == 0 ? 1 : 0;
    return count;
}

/* A peer that is gone without a word is noticed within two minutes. */
static void keepalive_set(int fd, uint32_t write_timeout_ms)
{
    int on = 1, idle_s = 60, interval_s = 15, probes = 4;
    /* Longer than our own limit, which tells why. */
    unsigned user_timeout_ms = write_timeout_ms > 1000000 ? write_timeout_ms : 2 * write_timeout_ms;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof user_timeout_ms);
}

static void on_read(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct conn *conn = context;
    conn->readable = true;
    if (conn->state == CONN_LOGIN)
        event_del(conn->read_event); /* nothing is read now, and it would come again and again */
    conn_mark(conn);
}

static void on_write(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct conn *conn = context;
    conn->readable = true; /* libssl may have wanted to write in order to read */
    conn_mark(conn);
}

/* Refusals are said once a second at most: they come in floods. */
static void refused(struct net *net, struct metric *counter, const char *why, const char *peer)
{
    metric_add(counter, 1);
    net->refused_unsaid++;
    monotonic_us now = net_now(net);
    if (net->refused_said != 0 && now - net->refused_said < 1000000)
        return;
    diag(DIAG_WARNING, "net", "refused", "why=%s peer=%s count=%llu open=%u", why, peer,
         (unsigned long long)net->refused_unsaid, net->conn_count);
    net->refused_said = now;
    net->refused_unsaid = 0;
}

void conn_accept(struct net *net, int fd, const void *peer)
{
    struct conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        close(fd);
        return;
    }
    conn->net = net;
    conn->fd = fd;
    address_take(conn, peer);
    bool full = net->conn_count >= net->config.connections_max;
    if (full || count_from(net, conn->address) >= net->config.connections_per_address_max) {
        refused(net, full ? net->counts.refused_total : net->counts.refused_address,
                full ? "connections_max" : "connections_per_address_max", conn->actor.address);
        close(fd);
        free(conn);
        return;
    }
    keepalive_set(fd, net->config.write_timeout_ms);
    conn->ssl = tls_new(net->tls, fd);
    conn->read_event = event_new(net->base, fd, EV_READ | EV_PERSIST, on_read, conn);
    conn->write_event = event_new(net->base, fd, EV_WRITE | EV_PERSIST, on_write, conn);
    if (conn->ssl == NULL || conn->read_event == NULL || conn->write_event == NULL ||
        event_add(conn->read_event, NULL) != 0) {
        conn_free(conn);
        return;
    }
    conn->state = CONN_HANDSHAKE;
    conn->state_since = conn->heard = net_peer_now(net);
    conn->next = net->conns;
    if (net->conns != NULL)
        net->conns->previous = conn;
    net->conns = conn;
    net->conn_count++;
    metric_add(net->counts.accepted, 1);
    diag(DIAG_DEBUG, "net", "accepted", "peer=%s open=%u", conn->actor.address, net->conn_count);
}

void conn_free(struct conn *conn)
{
    if (conn->read_event != NULL)
        event_free(conn->read_event);
    if (conn->write_event != NULL)
        event_free(conn->write_event);
    SSL_free(conn->ssl);
    if (conn->fd >= 0)
        close(conn->fd);
    buffer_done(&conn->in);
    buffer_done(&conn->out);
    free(conn);
}

static void requests_forget(struct conn *conn)
{
    while (conn->requests != NULL)
        request_forget(conn->requests);
    ASSERT(conn->held == 0 && conn->unanswered == 0);
}

static void input_account(struct conn *conn, size_t cap_before)
{
    struct net *net = conn->net;
    net->input_bytes -= cap_before > BUFFER_KEEP_BYTES ? cap_before : 0;
    net->input_bytes += conn->in.cap > BUFFER_KEEP_BYTES ? conn->in.cap : 0;
}

static void input_drop(struct conn *conn)
{
    size_t cap = conn->in.cap;
    buffer_done(&conn->in);
    input_account(conn, cap);
}

void conn_close(struct conn *conn)
{
    if (conn->state == CONN_DEAD)
        return;
    struct net *net = conn->net;
    requests_forget(conn);
    if (conn->actor.user != 0 && net->wiring.auth.connection_ended != NULL)
        net->wiring.auth.connection_ended(net->wiring.auth.context, &conn->actor);
    diag(DIAG_DEBUG, "net", "closed", "peer=%s user=%u", conn->actor.address, conn->actor.user);
    event_del(conn->read_event);
    event_del(conn->write_event);
    if (conn->state != CONN_LINGER)
        tls_end(conn->ssl);
    close(conn->fd);
    conn->fd = -1;
    input_drop(conn);
    conn->state = CONN_DEAD;
    if (conn->previous != NULL)
        conn->previous->next = conn->next;
    else
        net->conns = conn->next;
    if (conn->next != NULL)
        conn->next->previous = conn->previous;
    net->conn_count--;
    conn->next_reaped = net->dead;
    net->dead = conn;
}

void conn_mark(struct conn *conn)
{
    if (conn->dirty || conn->state == CONN_DEAD)
        return;
    conn->dirty = true;
    conn->next_dirty = conn->net->dirty;
    conn->net->dirty = conn;
}

void conn_read_on(struct conn *conn)
{
    conn->readable = true;
    event_add(conn->read_event, NULL);
    conn_mark(conn);
}

static void state_set(struct conn *conn, enum conn_state state)
{
    conn->state = state;
    conn->state_since = net_peer_now(conn->net);
}

/* ---- saying things ---- */

bool conn_has_room(const struct conn *conn)
{
    return buffer_len(&conn->out) < conn->net->config.output_bytes_max;
}

void conn_send(struct conn *conn, unsigned kind, const ProtobufCMessage *message)
{
    if (conn->state == CONN_DEAD)
        return;
    size_t len = protobuf_c_message_get_packed_size(message);
    ASSERT(len <= FRAME_PAYLOAD_MAX);
    if (!buffer_reserve(&conn->out, FRAME_HEADER_BYTES + len)) {
        conn_close(conn);
        return;
    }
    frame_header_encode(kind, len, conn->out.bytes + conn->out.end);
    (void)protobuf_c_message_pack(message, conn->out.bytes + conn->out.end + FRAME_HEADER_BYTES);
    conn->out.end += FRAME_HEADER_BYTES + len;
    conn_mark(conn);
}

void conn_goodbye(struct conn *conn, const char *text)
{
    if (conn->goodbye_said)
        return;
    conn->goodbye_said = true;
    char copy[FAULT_TEXT_MAX];
    snprintf(copy, sizeof copy, "%s", text);
    Daftari__V1__Goodbye goodbye = DAFTARI__V1__GOODBYE__INIT;
    goodbye.text = copy;
    conn_send(conn, FRAME_GOODBYE, &goodbye.base);
}

void conn_refuse(struct conn *conn, const char *text)
{
    if (conn->state >= CONN_CLOSING)
        return;
    diag(DIAG_INFO, "net", "ended", "peer=%s user=%u why=\"%s\"", conn->actor.address, conn->actor.user,
         text);
    requests_forget(conn);
    conn_goodbye(conn, text);
    if (conn->state == CONN_DEAD)
        return;
    event_del(conn->read_event);
    state_set(conn, CONN_CLOSING);
    conn_mark(conn);
}

/* ---- writing ---- */

static void write_wanted_set(struct conn *conn, bool wanted)
{
    if (conn->write_wanted == wanted)
        return;
    conn->write_wanted = wanted;
    if (wanted)
        event_add(conn->write_event, NULL);
    else
        event_del(conn->write_event);
}

/* Bytes of the connection that the peer's machine has said it has (SIOCOUTQ, tcp(7): what is not yet acknowledged). What
 * the kernel took of us says little: it asks for more only when a third of a buffer is free that may hold megabytes, so
 * that a slow but steady reader looks silent for minutes, and a few bytes look like much. */
static uint64_t taken_by_peer(const struct conn *conn)
{
    uint64_t sent = tls_sent_bytes(conn->ssl);
    int queued = 0;
    if (ioctl(conn->fd, SIOCOUTQ, &queued) != 0 || queued < 0)
        return sent;
    return (uint64_t)queued < sent ? sent - (uint64_t)queued : 0;
}

static void write_measure(struct conn *conn, monotonic_us now)
{
    conn->write_since = now;
    conn->write_taken = taken_by_peer(conn);
}

static void conn_write(struct conn *conn)
{
    size_t written = 0;
    enum tls_result result = TLS_DONE;
    while (buffer_len(&conn->out) != 0 && written < WRITE_TURN_BYTES) {
        struct slice rest = buffer_slice(&conn->out);
        size_t len = 0;
        result = tls_write(conn->ssl, rest.ptr, rest.len < READ_BYTES ? rest.len : READ_BYTES, &len);
        if (result != TLS_DONE)
            break;
        buffer_take(&conn->out, len);
        written += len;
    }
    if (result == TLS_CLOSED || result == TLS_FAILED) {
        conn_close(conn);
        return;
    }
    metric_add(conn->net->counts.bytes_out, written);
    bool waits = buffer_len(&conn->out) != 0;
    write_wanted_set(conn, waits && result == TLS_WANT_WRITE);
    if (!waits)
        conn->write_since = 0;
    else if (conn->write_since == 0)
        write_measure(conn, net_peer_now(conn->net));
    if (waits && result == TLS_DONE)
        conn_mark(conn); /* its turn is over, the others' come first */
}

/* All is said: end our side, give the peer a moment to read it before the socket goes (data that nobody read would
 * otherwise turn into a reset that swallows our last words). */
static void linger_begin(struct conn *conn)
{
    tls_end(conn->ssl);
    write_wanted_set(conn, false);
    if (shutdown(conn->fd, SHUT_WR) != 0 || event_add(conn->read_event, NULL) != 0) {
        conn_close(conn);
        return;
    }
    state_set(conn, CONN_LINGER);
}

static void linger_read(struct conn *conn)
{
    uint8_t thrown_away[4096];
    for (int i = 0; i < 16; i++) {
        ssize_t len = read(conn->fd, thrown_away, sizeof thrown_away);
        if (len > 0)
            continue;
        if (len == 0 || (errno != EAGAIN && errno != EINTR))
            conn_close(conn);
        return;
    }
}

/* ---- reading ---- */

static bool may_read(const struct conn *conn)
{
    return conn->state == CONN_HELLO || conn->state == CONN_OPEN;
}

static size_t payload_max(const struct conn *conn)
{
    if (conn->state != CONN_OPEN)
        return FRAME_BEFORE_HELLO_MAX;
    return conn->actor.user == 0 ? FRAME_BEFORE_LOGIN_MAX : FRAME_PAYLOAD_MAX;
}

static void protocol_error(struct conn *conn, const char *text)
{
    metric_add(conn->net->counts.protocol_errors, 1);
    conn_refuse(conn, text);
}

static void tls_error(struct conn *conn)
{
    metric_add(conn->net->counts.protocol_errors, 1);
    diag(DIAG_INFO, "net", "ended", "peer=%s user=%u why=\"TLS was not kept to\"", conn->actor.address,
         conn->actor.user);
}

static void pause_if_full(struct conn *conn)
{
    if (conn->state == CONN_DEAD || conn->paused || conn_has_room(conn))
        return;
    conn->paused = true;
    conn->frame_since = 0; /* that it does not go on is our doing */
    event_del(conn->read_event);
}

/* Every whole frame in the buffer, as long as answers have room. */
static void frames_take(struct conn *conn)
{
    while (may_read(conn) && !conn->paused && buffer_len(&conn->in) != 0) {
        struct frame frame;
        size_t used = 0;
        struct fault why = {0};
        enum status status = frame_decode(buffer_slice(&conn->in), &frame, &used, &why);
        if (status != STATUS_OK && status != STATUS_AGAIN) {
            protocol_error(conn, why.text[0] != '\0' ? why.text : status_text(status));
            return;
        }
        if (used > FRAME_HEADER_BYTES + payload_max(conn)) {
            protocol_error(conn, conn->state == CONN_OPEN ? "log in before sending large frames"
                                                          : "the first frame must be a Hello, and small");
            return;
        }
        if (status == STATUS_AGAIN) {
            if (conn->frame_since == 0)
                conn->frame_since = net_peer_now(conn->net);
            return;
        }
        conn->frame_since = 0;
        conn->heard = net_peer_now(conn->net);
        dispatch_frame(conn, &frame);
        if (conn->state >= CONN_CLOSING)
            return;
        buffer_take(&conn->in, used);
        pause_if_full(conn);
    }
}

/* Room for one more TLS record. The buffer grows with what has come, never with what a header promises. */
static bool input_reserve(struct conn *conn)
{
    struct net *net = conn->net;
    size_t cap = conn->in.cap;
    bool grows = READ_BYTES > cap - conn->in.end && cap >= BUFFER_KEEP_BYTES;
    if (grows && net->input_bytes + 2 * cap > net->config.request_bytes_max) {
        if (!conn->starved)
            event_del(conn->read_event);
        conn->starved = true; /* tried again every tick, until frame_timeout_ms */
        return false;
    }
    if (conn->starved) {
        conn->starved = false;
        event_add(conn->read_event, NULL);
    }
    if (!buffer_reserve(&conn->in, READ_BYTES)) {
        conn_close(conn);
        return false;
    }
    input_account(conn, cap);
    conn->big_used |= conn->in.cap > BUFFER_KEEP_BYTES;
    return true;
}

static void conn_read(struct conn *conn)
{
    size_t taken = 0;
    frames_take(conn); /* left over from when answers had no room */
    while (may_read(conn) && !conn->paused && conn->readable) {
        if (taken >= READ_TURN_BYTES) {
            conn_mark(conn);
            return;
        }
        if (!input_reserve(conn))
            return;
        size_t len = 0;
        enum tls_result result =
            tls_read(conn->ssl, conn->in.bytes + conn->in.end, conn->in.cap - conn->in.end, &len);
        if (result == TLS_WANT_READ || result == TLS_WANT_WRITE) {
            conn->readable = false;
            if (result == TLS_WANT_WRITE)
                write_wanted_set(conn, true);
            return;
        }
        if (result != TLS_DONE) {
            if (result == TLS_FAILED)
                tls_error(conn);
            conn_close(conn);
            return;
        }
        conn->in.end += len;
        taken += len;
        metric_add(conn->net->counts.bytes_in, len);
        /* Most requests are one small record: the loop tells us when there is more, we need not ask. */
        conn->readable = len >= READ_BYTES || tls_pending(conn->ssl);
        frames_take(conn);
    }
}

/* ---- turns ---- */

static void handshake_step(struct conn *conn)
{
    enum tls_result result = tls_handshake(conn->ssl);
    struct net *net = conn->net;
    if (result == TLS_WANT_READ || result == TLS_WANT_WRITE) {
        write_wanted_set(conn, result == TLS_WANT_WRITE);
        return;
    }
    if (result != TLS_DONE || !tls_protocol_agreed(conn->ssl)) {
        metric_add(net->counts.handshakes_failed, 1);
        diag(DIAG_DEBUG, "net", "handshake-failed", "peer=%s", conn->actor.address);
        conn_close(conn);
        return;
    }
    write_wanted_set(conn, false);
    metric_add(net->counts.handshakes, 1);
    state_set(conn, CONN_HELLO);
}

void conn_turn(struct conn *conn)
{
    if (conn->state == CONN_HANDSHAKE)
        handshake_step(conn);
    if (conn->state == CONN_LINGER)
        linger_read(conn);
    if (conn->state == CONN_HANDSHAKE || conn->state >= CONN_LINGER)
        return;
    conn_write(conn);
    if (conn->state == CONN_DEAD)
        return;
    request_go_on(conn);
    if (conn->paused && may_read(conn) && conn_has_room(conn)) {
        conn->paused = false;
        conn->readable = true;
        event_add(conn->read_event, NULL);
    }
    if (conn->readable && may_read(conn))
        conn_read(conn);
    if (conn->state == CONN_DEAD)
        return;
    if (conn->net->draining && conn->state == CONN_OPEN && conn->unanswered == 0) {
        requests_forget(conn);
        event_del(conn->read_event);
        state_set(conn, CONN_CLOSING);
    }
    conn_write(conn);
    if (conn->state == CONN_CLOSING && buffer_len(&conn->out) == 0)
        linger_begin(conn);
    /* What stopped for want of room has some now, and no event may come to say so: the socket took everything. */
    if (may_read(conn) && conn_has_room(conn) && (conn->paused || request_can_go_on(conn)))
        conn_mark(conn);
}

static bool late(monotonic_us since, monotonic_us now, uint32_t limit_ms)
{
    return since != 0 && now - since > (int64_t)limit_ms * 1000;
}

/* Output waits, and the peer does not take it fast enough. */
static bool write_is_slow(struct conn *conn, monotonic_us now)
{
    if (!late(conn->write_since, now, conn->net->config.write_timeout_ms))
        return false;
    uint64_t taken_before = conn->write_taken;
    write_measure(conn, now);
    if (conn->write_taken - taken_before >= WRITE_LEAST_BYTES)
        return false;
    diag(DIAG_INFO, "net", "ended", "peer=%s user=%u why=\"took %llu bytes of what waits for it in %u ms\"",
         conn->actor.address, conn->actor.user, (unsigned long long)(conn->write_taken - taken_before),
         conn->net->config.write_timeout_ms);
    return true;
}

static void input_relax(struct conn *conn)
{
    if (conn->starved) {
        conn->readable = true;
        conn_mark(conn);
    }
    if (!conn->big_used && conn->in.cap > BUFFER_KEEP_BYTES && buffer_len(&conn->in) == 0)
        input_drop(conn);
    conn->big_used = false;
    if (conn->out.cap > BUFFER_KEEP_BYTES)
        buffer_shrink(&conn->out);
}

void conn_tick(struct conn *conn)
{
    const struct net_config *config = &conn->net->config;
    monotonic_us now = net_peer_now(conn->net);
    const char *why = NULL;
    bool at_once = write_is_slow(conn, now);
    switch (conn->state) {
    case CONN_HANDSHAKE:
        at_once |= late(conn->state_since, now, config->handshake_timeout_ms);
        break;
    case CONN_HELLO:
        if (late(conn->state_since, now, config->hello_timeout_ms))
            why = "no Hello within the time given for it";
        break;
    case CONN_LOGIN:
    case CONN_OPEN:
        if (late(conn->frame_since, now, config->frame_timeout_ms))
            why = "a frame was begun and not completed in time";
        else if (conn->held == 0 && late(conn->heard, now, config->idle_timeout_ms))
            why = "nothing was asked for a long time: connect again when there is something";
        request_deadlines(conn, net_now(conn->net));
        input_relax(conn);
        break;
    case CONN_CLOSING:
        at_once |= late(conn->state_since, now, config->write_timeout_ms);
        break;
    case CONN_LINGER:
        at_once |= late(conn->state_since, now, LINGER_MS);
        break;
    case CONN_DEAD:
        return;
    }
    if ((at_once && conn->state != CONN_LINGER) || why != NULL)
        metric_add(conn->net->counts.timeouts, 1);
    if (at_once)
        conn_close(conn);
    else if (why != NULL)
        conn_refuse(conn, why);
}
