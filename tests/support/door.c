#include "tests/support/door.h"

#include <stdlib.h>

#include "books.pb-c.h"
#include "common.pb-c.h"
#include "envelope.pb-c.h"
#include "people.pb-c.h"
#include "proto/base/bug.h"
#include "proto/wire/message.h"
#include "server/base/kv_mem.h"
#include "server/domain/people/people.h"
#include "server/domain/people/rights.h"
#include "tests/support/new_books.h"
#include "type_ids.h"

#define START_US INT64_C(1764000000000000) /* a Monday in November 2025 */

/* ---- clock and entropy ---------------------------------------------------------------------------------------------- */

static timestamp_us wall(const struct clock *clock)
{
    return atomic_load(&((struct door_clock *)(uintptr_t)clock)->now_us);
}

static monotonic_us monotonic(const struct clock *clock)
{
    return atomic_load(&((struct door_clock *)(uintptr_t)clock)->now_us) - START_US + 1000000;
}

static enum status fill(const struct entropy *entropy, void *out, size_t len)
{
    struct door_entropy *source = (struct door_entropy *)(uintptr_t)entropy;
    for (size_t i = 0; i < len; i++) {
        uint64_t n = atomic_fetch_add(&source->next, 1) * UINT64_C(0x9E3779B97F4A7C15);
        ((uint8_t *)out)[i] = (uint8_t)(n >> 56);
    }
    return STATUS_OK;
}

void door_pass(struct door *door, int64_t seconds)
{
    atomic_fetch_add(&door->clock.now_us, seconds * 1000000);
}

/* ---- the writer -------------------------------------------------------------------------------------------------------- */

static bool contains(struct slice bytes, const char *text)
{
    return text[0] != '\0' && memmem(bytes.ptr, bytes.len, text, strlen(text)) != NULL;
}

static void keep_books_of(struct door *door, const struct record *record)
{
    door->counts[record->header.type % 256]++;
    door->leaked = door->leaked || contains(record->bytes, door->leak);
    if (record->header.type == EVENT_LOGINS_REFUSED) {
        Daftari__V1__LoginsRefused *refused =
            daftari__v1__logins_refused__unpack(NULL, record->payload.len, record->payload.ptr);
        door->refused_logins += refused->count;
        daftari__v1__logins_refused__free_unpacked(refused, NULL);
    }
    if (record->header.type == EVENT_ACCESS_REFUSED) {
        Daftari__V1__AccessRefused *refused =
            daftari__v1__access_refused__unpack(NULL, record->payload.len, record->payload.ptr);
        door->refused_access += refused->count;
        daftari__v1__access_refused__free_unpacked(refused, NULL);
    }
}

static void note(struct door *door, struct slice bytes)
{
    struct record record;
    struct kv_txn *txn;
    ASSERT(record_decode(bytes, &record, NULL) == STATUS_OK);
    ASSERT(kv_begin(door->state, false, &txn) == STATUS_OK);
    ASSERT(access_note(door->access, txn, &record) == STATUS_OK);
    kv_abort(txn);
}

void door_end_batch(struct door *door)
{
    for (size_t i = 0; i < door->batch_count; i++) {
        note(door, slice_of(door->batch[i].bytes, door->batch[i].len));
        free(door->batch[i].bytes);
    }
    door->batch_count = 0;
    door->batching = false;
}

static void write_record(struct door *door, const struct context *context, struct work_part *part)
{
    const struct decision *decision = door->decision;
    struct record record;
    struct kv_txn *txn;
    struct record_header header = decision_header(decision, context);
    header.content = part->content;
    door->record_len = record_size(decision->posting_count, 0, decision->payload.len);
    door->record = realloc(door->record, door->record_len);
    record_encode(&header, decision->postings, decision->posting_count, NULL, 0, decision->payload,
                  door->record);
    ASSERT(record_decode(slice_of(door->record, door->record_len), &record, NULL) == STATUS_OK);
    ASSERT(kv_begin(door->state, true, &txn) == STATUS_OK);
    domain_apply(txn, &record, door->arena);
    ASSERT(kv_commit(txn) == STATUS_OK);
    door->position = context->position;
    keep_books_of(door, &record);
    if (door->access == NULL)
        return;
    if (door->batching) {
        size_t at = door->batch_count++;
        ASSERT(at < sizeof door->batch / sizeof door->batch[0]);
        door->batch[at].bytes = malloc(door->record_len);
        door->batch[at].len = door->record_len;
        memcpy(door->batch[at].bytes, door->record, door->record_len);
    } else {
        note(door, slice_of(door->record, door->record_len));
    }
}

static enum status decide(struct door *door, const struct work_item *item, struct work_part *part,
                          struct fault *why)
{
    struct rights rights;
    struct kv_txn *txn;
    ProtobufCMessage *message;
    arena_reset(door->arena);
    struct context context = {.now = wall(&door->clock.clock),
                              .position = door->position + 1,
                              .command_id = part->command_id,
                              .user = item->actor.user,
                              .session = item->actor.session,
                              .address = item->actor.address,
                              .agent = item->actor.agent,
                              .device = item->actor.device,
                              .arena = door->arena};
    context.today = date_of_timestamp(context.now, 180);
    enum status status =
        message_unpack(item->method->request, part->body, true, arena_allocator(door->arena), &message, why);
    if (status != STATUS_OK)
        return status;
    ASSERT(kv_begin(door->state, false, &txn) == STATUS_OK);
    if (context.user != 0) {
        rights_compute(txn, context.user, &rights);
        context.rights = &rights;
    }
    status = domain_decide(item->method, &context, txn, message, part->body, door->decision, why);
    kv_abort(txn);
    if (status == STATUS_OK && !door->decision->nothing_to_do)
        write_record(door, &context, part);
    return status;
}

static enum status writer_submit(struct work_sink *sink, struct work_item *item)
{
    struct door *door = (struct door *)(void *)((char *)sink - offsetof(struct door, writer));
    (void)pthread_mutex_lock(&door->lock);
    if (door->busy) {
        (void)pthread_mutex_unlock(&door->lock);
        return STATUS_BUSY;
    }
    for (size_t i = 0; i < item->part_count; i++) {
        struct work_part *part = &item->parts[i];
        struct fault *fault = arena_take_zero(item->arena, sizeof *fault);
        Daftari__V1__Recorded recorded = DAFTARI__V1__RECORDED__INIT;
        part->status = decide(door, item, part, fault);
        part->fault = part->status == STATUS_OK ? NULL : fault;
        recorded.has_position = true;
        recorded.position = door->position;
        uint8_t *at = arena_take(item->arena, 64);
        part->answer = slice_of(at, daftari__v1__recorded__pack(&recorded, at));
    }
    item->position = door->position;
    (void)pthread_mutex_unlock(&door->lock);
    item->done(item);
    return STATUS_OK;
}

/* ---- asking -------------------------------------------------------------------------------------------------------------- */

static void item_done(struct work_item *item)
{
    atomic_store((_Atomic bool *)item->owner, true);
}

static struct work_item *item_make(struct arena *arena, const struct actor *actor, _Atomic bool *finished)
{
    struct work_item *item = arena_take_zero(arena, sizeof *item);
    item->arena = arena;
    item->actor = *actor;
    item->done = item_done;
    item->owner = finished;
    return item;
}

static void take_answer(struct work_item *item, struct door_answer *out)
{
    const struct work_part *part = &item->parts[0];
    *out = (struct door_answer){
        .status = part->status, .actor = item->actor, .actor_changed = item->actor_changed};
    if (part->fault != NULL)
        out->fault = *part->fault;
    if (part->status != STATUS_OK)
        return;
    ASSERT(part->answer.len <= sizeof out->body);
    memcpy(out->body, part->answer.ptr, part->answer.len);
    out->body_len = part->answer.len;
    if (item->method->response == &daftari__v1__session__descriptor) {
        Daftari__V1__Session *session =
            daftari__v1__session__unpack(NULL, part->answer.len, part->answer.ptr);
        out->position = session->session;
        out->has_token = session->has_token;
        if (session->token.len == sizeof out->token)
            memcpy(out->token, session->token.data, sizeof out->token);
        daftari__v1__session__free_unpacked(session, NULL);
    }
}

/* On the caller's thread: the worker's threads are not needed, and the writer here answers at once. */
void door_ask(struct door *door, const struct actor *actor, const char *method,
              const ProtobufCMessage *message, struct door_answer *out)
{
    static _Atomic uint64_t command;
    _Atomic bool finished = false;
    struct arena *arena = arena_new(256 * 1024);
    struct work_item *item = item_make(arena, actor, &finished);
    uint8_t *body = arena_take(arena, protobuf_c_message_get_packed_size(message) + 1);
    item->method = domain_method(slice_text(method));
    ASSERT(item->method != NULL);
    item->parts = arena_take_zero(arena, sizeof *item->parts);
    item->part_count = 1;
    item->parts[0].body = slice_of(body, protobuf_c_message_pack(message, body));
    uint64_t id = atomic_fetch_add(&command, 1) + 1;
    memcpy(item->parts[0].command_id.bytes, &id, sizeof id);
    login_run_one(door->login, item);
    ASSERT(atomic_load(&finished));
    take_answer(item, out);
    arena_free(arena);
}

void door_show_certificate(struct door *door, const struct actor *from,
                           const uint8_t fingerprint[ACCESS_FINGERPRINT_BYTES], struct door_answer *out)
{
    _Atomic bool finished = false;
    struct arena *arena = arena_new(256 * 1024);
    struct work_item *item = item_make(arena, from, &finished);
    enum status status = login_by_certificate(door->login, fingerprint, item);
    *out = (struct door_answer){.status = status, .actor = *from};
    if (status == STATUS_OK) {
        login_run_one(door->login, item);
        ASSERT(atomic_load(&finished));
        take_answer(item, out);
    }
    arena_free(arena);
}

enum status door_command_of(struct door *door, const struct actor *actor, const char *method,
                            const ProtobufCMessage *message, struct fault *why)
{
    _Atomic bool finished = false;
    struct arena *arena = arena_new(256 * 1024);
    struct work_item *item = item_make(arena, actor, &finished);
    uint8_t *body = arena_take(arena, protobuf_c_message_get_packed_size(message) + 1);
    item->method = domain_method(slice_text(method));
    ASSERT(item->method != NULL && item->method->decide != NULL);
    item->from_server = actor->user == 0;
    item->parts = arena_take_zero(arena, sizeof *item->parts);
    item->part_count = 1;
    item->parts[0].body = slice_of(body, protobuf_c_message_pack(message, body));
    ASSERT(door->writer.submit(&door->writer, item) == STATUS_OK);
    enum status status = item->parts[0].status;
    if (why != NULL && item->parts[0].fault != NULL)
        *why = *item->parts[0].fault;
    arena_free(arena);
    return status;
}

enum status door_command(struct door *door, const char *method, const ProtobufCMessage *message)
{
    struct actor server = {0};
    return door_command_of(door, &server, method, message, NULL);
}

struct actor door_visitor(const char *address)
{
    struct actor actor = {0};
    memcpy(actor.address, address, strlen(address) + 1);
    memcpy(actor.agent, "test", 5);
    memcpy(actor.device, "till 1", 7);
    return actor;
}

void door_log_in(struct door *door, const struct actor *from, const char *email, const char *password,
                 struct door_answer *out)
{
    Daftari__V1__LogIn request = DAFTARI__V1__LOG_IN__INIT;
    request.email = (char *)(uintptr_t)email;
    request.password = (char *)(uintptr_t)password;
    door_ask(door, from, "Login.LogIn", &request.base, out);
}

/* ---- life -------------------------------------------------------------------------------------------------------------------- */

static uint32_t add_user(struct door *door, const char *email, const char *const *roles,
                         const struct secret_verifier *verifier)
{
    Daftari__V1__UserCreated user = DAFTARI__V1__USER_CREATED__INIT;
    struct secret_verifier copy = *verifier;
    user.email = (char *)(uintptr_t)email;
    user.first_name = (char *)(uintptr_t) "First";
    user.last_name = (char *)(uintptr_t) "Last";
    user.roles = (char **)(uintptr_t)roles;
    while (roles[user.n_roles] != NULL)
        user.n_roles++;
    user.has_password_salt = user.has_password_hash = true;
    user.password_salt = (ProtobufCBinaryData){.len = sizeof copy.salt, .data = copy.salt};
    user.password_hash = (ProtobufCBinaryData){.len = sizeof copy.hash, .data = copy.hash};
    ASSERT(door_command(door, "internal.CreateUser", &user.base) == STATUS_OK);
    return (uint32_t)door->counts[EVENT_USER_CREATED];
}

/* Everybody has the owner's password: one hash for the whole test. */
static const struct secret_verifier *verifier_of_all(void)
{
    static struct secret_verifier verifier = {.salt = "fifteen letters"};
    static bool made;
    if (!made)
        ASSERT(secret_scrypt(slice_text(DOOR_PASSWORD), verifier.salt, verifier.hash) == STATUS_OK);
    made = true;
    return &verifier;
}

uint32_t door_add_user(struct door *door, const char *email, const char *const *roles)
{
    return add_user(door, email, roles, verifier_of_all());
}

static void open_books(struct door *door)
{
    static const char *const owner[] = {"Owner", NULL};
    Daftari__V1__OpenBooks books = new_books(20250101);
    ASSERT(door_command(door, "internal.OpenBooks", &books.base) == STATUS_OK);
    struct arena *arena = arena_new(64 * 1024);
    for (size_t i = 0; i < people_built_in_role_count; i++)
        ASSERT(door_command(door, "internal.DefineRole", &people_built_in_role(i, arena)->base) == STATUS_OK);
    arena_free(arena);
    ASSERT(door_add_user(door, DOOR_OWNER, owner) == 1);
}

struct door *door_new(const struct access_config *config)
{
    struct door *door = calloc(1, sizeof *door);
    struct access_config given = config != NULL ? *config : (struct access_config){0};
    struct kv_txn *txn;
    struct fault why;
    ASSERT(door != NULL);
    door->clock.clock = (struct clock){.wall = wall, .monotonic = monotonic};
    atomic_store(&door->clock.now_us, START_US);
    door->entropy.entropy.fill = fill;
    atomic_store(&door->entropy.next, 1);
    door->writer.submit = writer_submit;
    (void)pthread_mutex_init(&door->lock, NULL);
    door->state = kv_mem_new(domain_tables, domain_table_count);
    door->arena = arena_new(4 << 20);
    door->decision = calloc(1, sizeof *door->decision);
    ASSERT(door->state != NULL && door->arena != NULL && door->decision != NULL);
    open_books(door);

    given.clock = &door->clock.clock;
    given.entropy = &door->entropy.entropy;
    ASSERT(access_new(&given, &door->access, &why) == STATUS_OK);
    ASSERT(kv_begin(door->state, false, &txn) == STATUS_OK);
    ASSERT(access_load(door->access, txn, &why) == STATUS_OK);
    kv_abort(txn);
    struct login_config login = {.access = door->access,
                                 .writer = &door->writer,
                                 .clock = &door->clock.clock,
                                 .entropy = &door->entropy.entropy};
    ASSERT(login_new(&login, &door->login, &why) == STATUS_OK);
    return door;
}

void door_free(struct door *door)
{
    login_free(door->login);
    access_free(door->access);
    kv_close(door->state);
    arena_free(door->arena);
    free(door->decision);
    free(door->record);
    (void)pthread_mutex_destroy(&door->lock);
    free(door);
}
