/* What the worker asks of the writer, and how answers find their way back. */
#include <stdlib.h>

#include "people.pb-c.h"
#include "proto/base/bug.h"
#include "proto/wire/message.h"
#include "server/access/worker.h"
#include "server/base/content.h"
#include "server/base/diag.h"
#include "server/domain/people/user_row.h"

#define PARCEL_ARENA_BYTES (256u * 1024u)

/* ---- answers --------------------------------------------------------------------------------------------------------- */

void part_fail(struct work_item *item, struct work_part *part, const struct fault *fault)
{
    part->status = fault->status;
    part->answer = slice_of(NULL, 0);
    part->fault = arena_take(item->arena, sizeof *fault);
    if (part->fault != NULL)
        *part->fault = *fault;
}

enum status part_answer(struct work_item *item, struct work_part *part, const ProtobufCMessage *message)
{
    if (!message_pack(message, item->arena, &part->answer))
        return STATUS_NO_MEMORY;
    part->status = STATUS_OK;
    part->fault = NULL;
    return STATUS_OK;
}

void item_fail(struct work_item *item, const struct fault *fault)
{
    for (size_t i = 0; i < item->part_count; i++)
        part_fail(item, &item->parts[i], fault);
    item->done(item);
}

enum status part_unpack(const struct work_item *item, const struct work_part *part, ProtobufCMessage **out,
                        struct fault *why)
{
    return message_unpack(item->method->request, part->body, true, arena_allocator(item->arena), out, why);
}

void body_wipe(const struct work_part *part)
{
    if (part->body.len != 0)
        secret_wipe((void *)(uintptr_t)part->body.ptr, part->body.len);
}

/* ---- how many are under way ---------------------------------------------------------------------------------------------- */

static void pending_add(struct login *login, bool of_sweep)
{
    (void)pthread_mutex_lock(&login->lock);
    login->pending++;
    if (of_sweep)
        login->sweep_pending++;
    (void)pthread_mutex_unlock(&login->lock);
}

static void pending_done(struct login *login, bool of_sweep)
{
    (void)pthread_mutex_lock(&login->lock);
    ASSERT(login->pending != 0);
    login->pending--;
    if (of_sweep)
        login->sweep_pending--;
    if (login->pending == 0)
        (void)pthread_cond_broadcast(&login->none_pending);
    (void)pthread_mutex_unlock(&login->lock);
}

/* ---- errands --------------------------------------------------------------------------------------------------------------- */

static void errand_done(struct work_item *item)
{
    struct errand *errand = item->owner;
    struct work_item *outer = errand->outer;
    struct login *login = errand->login;
    for (size_t i = 0; i < item->part_count; i++) {
        struct work_part *part = &outer->parts[errand->part_of[i]];
        part->status = item->parts[i].status;
        part->answer = item->parts[i].answer;
        part->fault = item->parts[i].fault;
    }
    if (item->position != 0)
        outer->position = item->position;
    if (errand->finish != NULL)
        errand->finish(errand);
    secret_wipe(errand->token, sizeof errand->token);
    outer->done(outer);
    pending_done(login, false);
}

struct errand *errand_new(struct login *login, struct work_item *outer, const struct method *method,
                          size_t parts)
{
    struct errand *errand = arena_take_zero(outer->arena, sizeof *errand);
    if (errand == NULL)
        return NULL;
    errand->login = login;
    errand->outer = outer;
    errand->part_of = arena_take_zero(outer->arena, parts * sizeof *errand->part_of);
    errand->item.parts = arena_take_zero(outer->arena, parts * sizeof *errand->item.parts);
    if (errand->part_of == NULL || errand->item.parts == NULL)
        return NULL;
    errand->item.method = method;
    errand->item.actor = outer->actor;
    errand->item.arena = outer->arena;
    errand->item.deadline = outer->deadline;
    errand->item.from_server = true;
    errand->item.done = errand_done;
    errand->item.owner = errand;
    return errand;
}

enum status errand_add(struct errand *errand, size_t outer_part, const ProtobufCMessage *command,
                       struct slice digest_body, struct fault *why)
{
    struct work_part *part = &errand->item.parts[errand->item.part_count];
    const struct work_part *outer = &errand->outer->parts[outer_part];
    if (!message_pack(command, errand->item.arena, &part->body))
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the request is too large");
    part->command_id = outer->command_id;
    part->content = content_digest(errand->outer->method->name, digest_body);
    errand->part_of[errand->item.part_count++] = outer_part;
    return STATUS_OK;
}

void errand_send(struct errand *errand)
{
    struct work_item *outer = errand->outer;
    struct login *login = errand->login;
    if (errand->item.part_count == 0) {
        outer->done(outer);
        return;
    }
    pending_add(login, false);
    enum status status = login->config.writer->submit(login->config.writer, &errand->item);
    if (status == STATUS_OK)
        return;
    struct fault fault = {0};
    (void)fault_set(&fault, status, NULL, "%s", status_text(status));
    for (size_t i = 0; i < errand->item.part_count; i++)
        part_fail(outer, &outer->parts[errand->part_of[i]], &fault);
    secret_wipe(errand->token, sizeof errand->token);
    outer->done(outer);
    pending_done(login, false);
}

/* ---- parcels --------------------------------------------------------------------------------------------------------------- */

struct parcel {
    struct work_item item;
    struct login *login;
    bool of_sweep;
    struct work_part parts[];
};

static void parcel_done(struct work_item *item)
{
    struct parcel *parcel = item->owner;
    struct login *login = parcel->login;
    bool of_sweep = parcel->of_sweep;
    for (size_t i = 0; i < item->part_count; i++)
        if (item->parts[i].status != STATUS_OK)
            diag(DIAG_INFO, "access", "not-recorded", "method=%s status=%s", item->method->name,
                 status_name(item->parts[i].status));
    arena_free(item->arena);
    free(parcel);
    pending_done(login, of_sweep);
}

void parcel_send(struct login *login, const struct method *method, const ProtobufCMessage *const *commands,
                 size_t count, bool of_sweep)
{
    struct parcel *parcel = calloc(1, sizeof *parcel + count * sizeof(struct work_part));
    struct arena *arena = arena_new(PARCEL_ARENA_BYTES);
    if (parcel == NULL || arena == NULL)
        goto fail;
    parcel->login = login;
    parcel->of_sweep = of_sweep;
    for (size_t i = 0; i < count; i++)
        if (!message_pack(commands[i], arena, &parcel->parts[i].body))
            goto fail;
    parcel->item = (struct work_item){.method = method,
                                      .arena = arena,
                                      .parts = parcel->parts,
                                      .part_count = count,
                                      .from_server = true,
                                      .done = parcel_done,
                                      .owner = parcel};
    pending_add(login, of_sweep);
    if (login->config.writer->submit(login->config.writer, &parcel->item) == STATUS_OK)
        return;
    pending_done(login, of_sweep);

fail:
    diag(DIAG_WARNING, "access", "not-recorded", "method=%s parts=%zu", method->name, count);
    arena_free(arena);
    free(parcel);
}

void lock_user(struct login *login, uint32_t user, uint32_t failures)
{
    Daftari__V1__UserLocked locked = DAFTARI__V1__USER_LOCKED__INIT;
    const ProtobufCMessage *commands[] = {&locked.base};
    locked.has_user = locked.has_failures = true;
    locked.user = user;
    locked.failures = failures;
    parcel_send(login, login->lock_user, commands, 1, false);
}
