#include <stdlib.h>

#include "common.pb-c.h"
#include "proto/base/bug.h"
#include "proto/wire/message.h"
#include "server/base/diag.h"
#include "server/net/internal.h"

#define CREDIT_KEPT_MAX   (16u * STREAM_CREDIT_MAX) /* grants beyond it are dropped */
#define ALONE_ENOUGH      8u
#define DEADLINE_SPARE_US 200000 /* whoever works on it answers DEADLINE itself; after this long we do */

/* ---- pool and lists ---- */

static struct request *request_new(struct conn *conn, uint64_t id)
{
    struct net *net = conn->net;
    struct request *request = net->pool;
    if (request == NULL)
        return NULL;
    net->pool = request->next;
    net->taken++;
    struct arena *arena = request->item.arena;
    *request = (struct request){
        .net = net, .conn = conn, .id = id, .user = conn->actor.user, .state = REQUEST_FILLING};
    request->item.arena = arena;
    request->item.actor = conn->actor;
    request->item.done = request_work_done;
    request->item.owner = request;
    request->bad_end = &request->bad;
    request->started = net_now(net);
    request->next = conn->requests;
    if (conn->requests != NULL)
        conn->requests->previous = request;
    conn->requests = request;
    conn->held++;
    conn->unanswered++;
    return request;
}

static void conn_unlink(struct request *request)
{
    struct conn *conn = request->conn;
    ASSERT(conn->held > 0);
    conn->held--;
    if (!request->answered) {
        request->answered = true;
        conn->unanswered--;
    }
    if (request->previous != NULL)
        request->previous->next = request->next;
    else
        conn->requests = request->next;
    if (request->next != NULL)
        request->next->previous = request->previous;
    request->next = request->previous = NULL;
    request->conn = NULL;
}

/* Out of whatever list its state says. */
static void state_leave(struct request *request)
{
    struct net *net = request->net;
    struct conn *conn = request->conn;
    if (request->state == REQUEST_PARKED) {
        if (request->previous_parked != NULL)
            request->previous_parked->next_parked = request->next_parked;
        else
            net->parked = request->next_parked;
        if (request->next_parked != NULL)
            request->next_parked->previous_parked = request->previous_parked;
        request->next_parked = request->previous_parked = NULL;
        atomic_fetch_sub(&net->parked_count, 1);
    } else if (request->state == REQUEST_CREDIT) {
        conn->waiting--;
    } else if (request->state == REQUEST_READY) {
        struct request **at = &conn->ready_first, *before = NULL;
        while (*at != request) {
            before = *at;
            at = &before->next_ready;
        }
        *at = request->next_ready;
        if (conn->ready_last == request)
            conn->ready_last = before;
        request->next_ready = NULL;
    }
    request->state = REQUEST_FILLING;
}

static void request_release(struct request *request)
{
    struct net *net = request->net;
    ASSERT(request->state != REQUEST_AT_WORK && request->state != REQUEST_FREE);
    state_leave(request);
    if (request->conn != NULL)
        conn_unlink(request);
    if (request->item.cursor != NULL && request->item.cursor_free != NULL)
        request->item.cursor_free(request->item.cursor);
    request->item.cursor = NULL;
    net->body_bytes -= request->body_bytes;
    arena_reset(request->item.arena);
    request->state = REQUEST_FREE;
    request->next = net->pool;
    net->pool = request;
    net->taken--;
}

void request_forget(struct request *request)
{
    bool at_work = request->state == REQUEST_AT_WORK;
    if (at_work)
        atomic_store(&request->item.unwanted, true);
    else
        state_leave(request);
    conn_unlink(request);
    if (!at_work)
        request_release(request);
}

struct request *request_find(struct conn *conn, uint64_t id)
{
    for (struct request *at = conn->requests; at != NULL; at = at->next)
        if (at->id == id && !at->answered)
            return at;
    return NULL;
}

/* ---- answers ---- */

static enum status sendable(enum status status)
{
    return status_class_of(status) == STATUS_CLASS_LOCAL ? STATUS_INTERNAL : status;
}

static void out_failed(struct conn *conn)
{
    diag(DIAG_WARNING, "net", "no-memory", "peer=%s", conn->actor.address);
    conn_close(conn);
}

/* The same answer for `count` commands, and the end of the request. */
static void answer_all(struct conn *conn, uint64_t id, const struct method *method, size_t count,
                       const struct fault *fault)
{
    struct response response = response_begin(&conn->out, id, 0);
    if (count == 0 || count > COMMANDS_PER_REQUEST)
        count = 1;
    for (size_t i = 0; i < count; i++) {
        response_answer(&response, sendable(fault->status), slice_of(NULL, 0), fault);
        count_answer(&conn->net->counts, method, fault->status);
    }
    conn_mark(conn);
    if (!response_finish(&response, true))
        out_failed(conn);
}

void request_end(struct request *request, enum status status, const char *text)
{
    struct conn *conn = request->conn;
    ASSERT(conn != NULL && !request->answered);
    struct fault fault = {0};
    (void)fault_set(&fault, status, NULL, "%s", text);
    request->answered = true;
    conn->unanswered--;
    uint64_t id = request->id;
    const struct method *method = request->method;
    size_t count = method != NULL && method->streams ? 1 : request->asked;
    if (request->state == REQUEST_AT_WORK)
        atomic_store(&request->item.unwanted, true);
    else
        request_release(request);
    answer_all(conn, id, method, count, &fault);
}

static void part_write(struct request *request, struct response *response, const struct work_part *part)
{
    response_answer(response, sendable(part->status), part->answer, part->fault);
    count_answer(&request->net->counts, request->method, part->status);
    const struct net_auth *auth = &request->net->wiring.auth;
    if (part->status == STATUS_DENIED && auth->denied != NULL)
        auth->denied(auth->context, &request->item.actor, request->method);
}

/* Good parts come back from the sink in order; those refused before it stand between them, by index. */
static void answers_write(struct request *request)
{
    struct conn *conn = request->conn;
    struct work_item *item = &request->item;
    struct response response = response_begin(&conn->out, request->id, item->position);
    const struct bad_part *bad = request->bad;
    size_t good = 0;
    for (size_t i = 0; i < request->asked; i++) {
        if (bad != NULL && bad->index == i) {
            response_answer(&response, bad->fault.status, slice_of(NULL, 0), &bad->fault);
            count_answer(&request->net->counts, request->method, bad->fault.status);
            bad = bad->next;
        } else {
            ASSERT(good < item->part_count);
            part_write(request, &response, &item->parts[good++]);
        }
    }
    count_request(&request->net->counts, request->method, net_now(request->net) - request->started);
    request_release(request);
    if (!response_finish(&response, true))
        out_failed(conn);
}

/* ---- to the sinks ---- */

static struct work_sink *sink_of(struct net *net, const struct method *method)
{
    switch (method->kind) {
    case METHOD_COMMAND:
        return net->wiring.commands;
    case METHOD_QUERY:
        return net->wiring.queries;
    case METHOD_ACCESS:
    case METHOD_INTERNAL: /* only as made by session_by_certificate */
        break;
    }
    return net->wiring.access;
}

/* Not taken by the sink, whose fault it is not. */
static void submit_failed(struct request *request, enum status status)
{
    struct net *net = request->net;
    net->at_work--;
    request->state = REQUEST_FILLING;
    metric_add(net->counts.busy, status == STATUS_BUSY ? 1 : 0);
}

static void held_submit(struct net *net)
{
    struct request *request = net->held;
    struct work_sink *sink = net->wiring.commands;
    net->held = NULL;
    enum status status = sink->submit(sink, &request->item);
    if (status == STATUS_OK)
        return;
    submit_failed(request, status);
    if (request->conn == NULL || request->answered)
        request_release(request);
    else
        request_end(request, status, status_text(status));
}

bool request_held_run(struct net *net)
{
    if (net->held == NULL)
        return false;
    struct request *request = net->held;
    monotonic_us began_us = net_now(net);
    net->runs_here = true;
    bool done = net->at_work == 1 && net->wiring.commands->run_here(net->wiring.commands, &request->item);
    net->runs_here = false;
    monotonic_us took_us = net_now(net) - began_us;
    if (took_us > TICK_MS * 1000)
        net->away_us += took_us;
    if (!done) {
        held_submit(net);
        return false;
    }
    net->held = NULL;
    completions_take(net);
    return true;
}

/* A client who waits for each answer before he asks again is alone with the disk: the way to the writer's thread and
 * back would be a fifth of his time. With others about, their requests come in while the writer commits. */
static bool may_hold(struct net *net, const struct work_item *item)
{
    bool alone = net->at_work == 0 && item->method->brief && item->part_count == 1;
    net->alone = alone ? net->alone + (net->alone < ALONE_ENOUGH) : 0;
    return net->alone == ALONE_ENOUGH && net->wiring.commands->run_here != NULL;
}

static enum status request_submit(struct request *request)
{
    struct net *net = request->net;
    struct work_sink *sink = sink_of(net, request->item.method);
    bool hold = may_hold(net, &request->item);
    request->deadline = net_now(net) + (int64_t)request->deadline_ms * 1000;
    request->item.deadline = request->deadline;
    request->state = REQUEST_AT_WORK;
    net->at_work++;
    if (hold) {
        net->held = request;
        return STATUS_OK;
    }
    if (net->held != NULL)
        held_submit(net);
    enum status status = sink->submit(sink, &request->item);
    if (status != STATUS_OK)
        submit_failed(request, status);
    return status;
}

void request_work_done(struct work_item *item)
{
    struct net *net = ((struct request *)item->owner)->net;
    struct work_item *first = atomic_load_explicit(&net->done, memory_order_relaxed);
    do
        item->next = first;
    while (!atomic_compare_exchange_weak_explicit(&net->done, &first, item, memory_order_release,
                                                  memory_order_relaxed));
    if (!pthread_equal(pthread_self(), net->thread) || !net->runs_here)
        net_wake(net);
}

/* ---- a new request ---- */

struct form {
    bool command; /* its answer is Recorded: it needs a command id, and many may come together */
    size_t count;
};

static enum status form_check(const struct method *method, const struct envelope_request *asked,
                              struct form *out, struct fault *why)
{
    out->command = method->response == &daftari__v1__recorded__descriptor;
    out->count = asked->command_count;
    if (asked->command_count == 0)
        return fault_set(why, STATUS_INVALID, "commands", "must hold the request");
    if (asked->command_count > COMMANDS_PER_REQUEST)
        return fault_set(why, STATUS_TOO_LARGE, "commands", "at most %u in one request",
                         COMMANDS_PER_REQUEST);
    if (asked->command_count != 1 && !out->command)
        return fault_set(why, STATUS_INVALID, "commands", "a query is asked alone, got %zu",
                         asked->command_count);
    if (asked->credit > STREAM_CREDIT_MAX)
        return fault_set(why, STATUS_INVALID, "credit", "at most %u", STREAM_CREDIT_MAX);
    return STATUS_OK;
}

static enum status command_check(const struct method *method, bool command,
                                 const struct envelope_command *given, struct command_id *out_id,
                                 struct fault *why)
{
    if (!command && given->has_id)
        return fault_set(why, STATUS_INVALID, "command_id", "must be absent: %s is not a command",
                         method->name);
    if (command) {
        if (given->id.len != COMMAND_ID_BYTES)
            return fault_set(why, STATUS_INVALID, "command_id", "must have 16 bytes, got %zu", given->id.len);
        memcpy(out_id->bytes, given->id.ptr, COMMAND_ID_BYTES);
        if (command_id_is_zero(out_id))
            return fault_set(why, STATUS_INVALID, "command_id", "must not be all zero");
    }
    /* What the writer gets it checks itself, in the same pass as it decodes. */
    return method->kind == METHOD_COMMAND ? STATUS_OK
                                          : message_check(method->request, given->body, true, why);
}

/* Copies the payload once, points the parts into it and checks their form. False when the arena is too small. */
static bool parts_fill(struct request *request, const struct envelope_request *asked, bool command)
{
    struct work_item *item = &request->item;
    struct envelope_request own = *asked;
    if (!arena_copy(item->arena, asked->payload, &own.payload))
        return false;
    item->parts = arena_take_zero(item->arena, asked->command_count * sizeof item->parts[0]);
    if (item->parts == NULL)
        return false;
    size_t place = 0;
    struct envelope_command given;
    for (size_t i = 0; envelope_command_next(&own, &place, &given); i++) {
        struct work_part *part = &item->parts[item->part_count];
        struct fault why = {0};
        if (command_check(item->method, command, &given, &part->command_id, &why) == STATUS_OK) {
            part->body = given.body;
            item->part_count++;
            continue;
        }
        struct bad_part *bad = arena_take(item->arena, sizeof *bad);
        if (bad == NULL)
            return false;
        *bad = (struct bad_part){.index = i, .fault = why};
        *request->bad_end = bad;
        request->bad_end = &bad->next;
        *part = (struct work_part){0};
    }
    return true;
}

static uint32_t deadline_of(const struct net_config *config, uint32_t asked_ms)
{
    if (asked_ms == 0)
        return config->request_deadline_ms;
    return asked_ms < config->request_deadline_max_ms ? asked_ms : config->request_deadline_max_ms;
}

/* The last eighth of the pool is for those who hold little, so that one user, who may leave queries waiting on many
 * connections or on none any more, does not shut out the others. Who is not logged in counts as one user. */
static bool has_share(const struct net *net, uint32_t user)
{
    uint32_t items = net->config.items_max, held = 0;
    uint32_t share = items / 16 > net->config.requests_open_max ? items / 16 : net->config.requests_open_max;
    if (net->taken < items - items / 8)
        return true;
    for (uint32_t i = 0; i < items && held < share; i++)
        held += net->all[i].state != REQUEST_FREE && net->all[i].user == user ? 1 : 0;
    return held < share;
}

/* Everything that can be said without working on it. *out_method is set as soon as it is known. */
static enum status admit(struct conn *conn, const struct envelope_request *asked,
                         const struct method **out_method, struct form *form, struct fault *why)
{
    struct net *net = conn->net;
    const struct method *method = asked->method.len <= METHOD_NAME_MAX ? domain_method(asked->method) : NULL;
    if (method == NULL || method->kind == METHOD_INTERNAL) {
        metric_add(net->counts.unknown_method, 1);
        return fault_set(why, STATUS_UNKNOWN_METHOD, "method", "no such method");
    }
    *out_method = method;
    if (net->draining)
        return fault_set(why, STATUS_UNAVAILABLE, NULL, "the server is stopping; connect again");
    enum status status = net->wiring.auth.may(net->wiring.auth.context, &conn->actor, method, why);
    if (status != STATUS_OK) {
        why->status = status;
        return status;
    }
    status = form_check(method, asked, form, why);
    if (status != STATUS_OK)
        return status;
    if (conn->held >= net->config.requests_open_max)
        return fault_set(why, STATUS_BUSY, NULL, "at most %u requests may be open on a connection",
                         net->config.requests_open_max);
    if (net->pool == NULL || !has_share(net, conn->actor.user) ||
        net->body_bytes + asked->payload.len > net->config.request_bytes_max)
        return fault_set(why, STATUS_BUSY, NULL, "too many requests are waiting; try again");
    return STATUS_OK;
}

void request_take_in(struct conn *conn, const struct envelope_request *asked)
{
    if (request_find(conn, asked->request_id) != NULL) {
        metric_add(conn->net->counts.protocol_errors, 1);
        conn_refuse(conn, "Request.request_id: this request is still open");
        return;
    }
    const struct method *method = NULL;
    struct form form = {.count = asked->command_count};
    struct fault why = {0};
    enum status status = admit(conn, asked, &method, &form, &why);
    if (status != STATUS_OK) {
        metric_add(conn->net->counts.busy, status == STATUS_BUSY ? 1 : 0);
        answer_all(conn, asked->request_id, method, form.count, &why);
        return;
    }
    struct request *request = request_new(conn, asked->request_id);
    struct work_item *item = &request->item;
    item->method = request->method = method;
    item->at_least_position = asked->at_least_position;
    request->asked = form.count;
    request->body_bytes = asked->payload.len;
    conn->net->body_bytes += request->body_bytes;
    request->deadline_ms = deadline_of(&conn->net->config, asked->deadline_ms);
    request->credit = asked->credit != 0 ? asked->credit : STREAM_CREDIT_DEFAULT;
    item->parts_max = request->credit;
    if (!parts_fill(request, asked, form.command)) {
        request_end(request, STATUS_TOO_LARGE, "too many or too large commands in one request");
        return;
    }
    if (item->part_count == 0) { /* nothing good in it */
        answers_write(request);
        conn_mark(conn);
        return;
    }
    status = request_submit(request);
    if (status != STATUS_OK)
        request_end(request, status, status_text(status));
}

/* ---- a session for a client certificate ---- */

void request_open_session(struct conn *conn, const uint8_t fingerprint[NET_FINGERPRINT_BYTES])
{
    struct net_auth *auth = &conn->net->wiring.auth;
    struct request *request = request_new(conn, 0);
    if (request == NULL) {
        conn_refuse(conn, "too many requests are waiting; try again");
        return;
    }
    request->opens_session = true;
    request->deadline_ms = conn->net->config.request_deadline_ms;
    if (auth->session_by_certificate(auth->context, fingerprint, &request->item) != STATUS_OK) {
        request_release(request);
        dispatch_welcome(conn, NULL);
        return;
    }
    ASSERT(request->item.method != NULL && request->item.part_count == 1);
    struct work_sink *access = conn->net->wiring.access;
    request->deadline = net_now(conn->net) + (int64_t)request->deadline_ms * 1000;
    request->item.deadline = request->deadline;
    request->state = REQUEST_AT_WORK;
    conn->net->at_work++;
    if (access->submit(access, &request->item) != STATUS_OK) {
        conn->net->at_work--;
        request->state = REQUEST_FILLING;
        request_release(request);
        conn_refuse(conn, "too many requests are waiting; try again");
    }
}

/* The certificate's session is open, or is not: either way the client is welcome. */
static void session_opened(struct request *request)
{
    struct conn *conn = request->conn;
    const struct work_part *part = &request->item.parts[0];
    struct arena *scratch = conn->net->scratch;
    ProtobufCMessage *session = NULL;
    arena_reset(scratch);
    if (request->item.part_count != 1 || part->status != STATUS_OK ||
        message_unpack(&daftari__v1__session__descriptor, part->answer, false, arena_allocator(scratch),
                       &session, NULL) != STATUS_OK)
        session = NULL;
    request_release(request);
    dispatch_welcome(conn, (Daftari__V1__Session *)session);
    if (conn->state == CONN_OPEN)
        conn_read_on(conn);
}

/* ---- streams ---- */

static void park(struct request *request, bool now)
{
    struct net *net = request->net;
    request->state = REQUEST_PARKED;
    request->deadline = 0;
    request->ask_after_us = request->ask_after_us == 0 ? STREAM_ASK_MIN_US : 2 * request->ask_after_us;
    if (request->ask_after_us > STREAM_ASK_MAX_US)
        request->ask_after_us = STREAM_ASK_MAX_US;
    request->ask_at = net_now(net) + request->ask_after_us;
    request->next_parked = net->parked;
    if (net->parked != NULL)
        net->parked->previous_parked = request;
    net->parked = request;
    /* Counted before the position is looked at: net_log_grew does it the other way round, so one of us sees it. */
    atomic_fetch_add(&net->parked_count, 1);
    if (now || atomic_load(&net->log_position) > request->item.position)
        request->ask_at = net_now(net);
    struct timeval soon = {.tv_usec = STREAM_ASK_MIN_US};
    if (!event_pending(net->park_event, EV_TIMEOUT, NULL))
        event_add(net->park_event, &soon);
}

/* The next step, if the user may still have it. */
static void stream_ask(struct request *request)
{
    struct net *net = request->net;
    struct conn *conn = request->conn;
    struct fault why = {0};
    state_leave(request);
    request->item.actor = conn->actor;
    request->item.parts_max = request->credit;
    enum status status =
        net->wiring.auth.may(net->wiring.auth.context, &conn->actor, request->item.method, &why);
    if (status != STATUS_OK) {
        request_end(request, status, why.text[0] != '\0' ? why.text : status_text(status));
        return;
    }
    if (net->draining) {
        request_end(request, STATUS_UNAVAILABLE, "the server is stopping; connect again");
        return;
    }
    status = request_submit(request);
    if (status == STATUS_BUSY)
        park(request, false);
    else if (status != STATUS_OK)
        request_end(request, status, status_text(status));
}

static void credit_wait(struct request *request)
{
    request->state = REQUEST_CREDIT;
    request->conn->waiting++;
    request->deadline = net_now(request->net) + (int64_t)request->net->config.idle_timeout_ms * 1000;
}

/* What one step gave: parts to send, and whether more will come. */
static void stream_write(struct request *request)
{
    struct conn *conn = request->conn;
    struct work_item *item = &request->item;
    struct response response = response_begin(&conn->out, request->id, item->position);
    bool more = item->stream_more;
    size_t sent = 0;
    for (; sent < item->part_count; sent++) {
        const struct work_part *part = &item->parts[sent];
        if (part->status == STATUS_END) {
            more = false;
            break;
        }
        part_write(request, &response, part);
        if (part->status != STATUS_OK) {
            more = false;
            break;
        }
    }
    state_leave(request);
    if (!more) {
        count_request(&request->net->counts, request->method, net_now(request->net) - request->started);
        request_release(request);
        if (!response_finish(&response, true))
            out_failed(conn);
        return;
    }
    if (sent != 0 && !response_finish(&response, false)) {
        request->state = REQUEST_FILLING;
        out_failed(conn);
        return;
    }
    request->credit -= sent < request->credit ? (uint32_t)sent : request->credit;
    if (sent == 0) {
        park(request, false);
        return;
    }
    request->ask_after_us = 0;
    if (request->credit != 0 && conn_has_room(conn))
        stream_ask(request);
    else
        credit_wait(request);
}

void request_grant(struct conn *conn, uint64_t id, uint32_t parts)
{
    struct request *request = request_find(conn, id);
    if (request == NULL) /* it may just have ended */
        return;
    request->credit += parts;
    if (request->credit > CREDIT_KEPT_MAX)
        request->credit = CREDIT_KEPT_MAX;
    if (request->state == REQUEST_CREDIT && conn_has_room(conn))
        stream_ask(request);
}

void request_cancel(struct conn *conn, uint64_t id)
{
    struct request *request = request_find(conn, id);
    if (request != NULL)
        request_end(request, STATUS_CANCELLED, "cancelled by the caller");
}

void request_unpark(struct net *net, bool log_grew)
{
    monotonic_us now = net_now(net);
    uint64_t position = atomic_load(&net->log_position);
    struct request *next;
    for (struct request *at = net->parked; at != NULL; at = next) {
        if (at->state !=
            REQUEST_PARKED) /* asking the one before ended a whole connection: the timer comes again */
            break;
        next = at->next_parked;
        if (now >= at->ask_at || (log_grew && position > at->item.position)) {
            struct conn *conn = at->conn;
            stream_ask(at);
            conn_mark(conn);
        }
    }
    struct timeval soon = {.tv_usec = STREAM_ASK_MIN_US};
    if (net->parked != NULL && !event_pending(net->park_event, EV_TIMEOUT, NULL))
        event_add(net->park_event, &soon);
}

/* ---- going on ---- */

void request_done(struct request *request)
{
    struct net *net = request->net;
    struct conn *conn = request->conn;
    ASSERT(request->state == REQUEST_AT_WORK && net->at_work > 0);
    net->at_work--;
    request->state = REQUEST_FILLING;
    request->deadline = 0;
    if (conn != NULL && request->item.actor_changed) { /* even when the client no longer waits for it */
        conn->actor.user = request->item.actor.user;
        conn->actor.session = request->item.actor.session;
        request->item.actor_changed = false;
    }
    if (conn == NULL || request->answered) {
        request_release(request);
        return;
    }
    if (request->opens_session) {
        session_opened(request);
        return;
    }
    request->state = REQUEST_READY;
    if (conn->ready_last != NULL)
        conn->ready_last->next_ready = request;
    else
        conn->ready_first = request;
    conn->ready_last = request;
    conn_mark(conn);
}

bool request_can_go_on(const struct conn *conn)
{
    if (conn->ready_first != NULL)
        return true;
    if (conn->waiting == 0)
        return false;
    for (const struct request *at = conn->requests; at != NULL; at = at->next)
        if (at->state == REQUEST_CREDIT && at->credit != 0 && !at->answered)
            return true;
    return false;
}

void request_go_on(struct conn *conn)
{
    while (conn->ready_first != NULL && conn_has_room(conn)) {
        struct request *request = conn->ready_first;
        state_leave(request);
        if (request->method->streams)
            stream_write(request);
        else
            answers_write(request);
        if (conn->state == CONN_DEAD)
            return;
    }
    if (conn->waiting == 0 || !conn_has_room(conn))
        return;
    struct request *next;
    for (struct request *at = conn->requests; at != NULL; at = next) {
        next = at->next;
        if (at->state == REQUEST_CREDIT && at->credit != 0 && !at->answered)
            stream_ask(at);
        if (conn->state == CONN_DEAD)
            return;
    }
}

void request_deadlines(struct conn *conn, monotonic_us now)
{
    struct request *next;
    for (struct request *at = conn->requests; at != NULL; at = next) {
        next = at->next;
        bool waits = at->state == REQUEST_AT_WORK || at->state == REQUEST_CREDIT;
        if (!waits || at->answered || at->deadline == 0 || now - at->deadline < DEADLINE_SPARE_US)
            continue;
        if (at->opens_session) {
            conn_refuse(conn, "the session could not be opened in time; try again");
            return;
        }
        request_end(at, STATUS_DEADLINE, "not finished within the deadline");
        if (conn->state == CONN_DEAD)
            return;
    }
}
