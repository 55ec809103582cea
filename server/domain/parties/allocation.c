/* Which documents a payment settles. */
#include "proto/base/bug.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/open_item.h"
#include "server/domain/parties/parties.h"

struct allocating {
    struct document *document;
    Daftari__V1__PaymentRecorded *payload;
    size_t cap;
    int64_t left; /* of the payment */
};

static void add(struct allocating *all, uint64_t document, int64_t amount)
{
    struct arena *arena = all->document->context->arena;
    Daftari__V1__PaymentRecorded *payload = all->payload;
    Daftari__V1__Allocated *row = message_new(&daftari__v1__allocated__descriptor, arena);
    if (payload->n_allocated == all->cap) {
        size_t more = all->cap == 0 ? 16 : 2 * all->cap;
        Daftari__V1__Allocated **larger = arena_take(arena, more * sizeof *larger);
        if (larger != NULL && all->cap != 0)
            memcpy(larger, payload->allocated, all->cap * sizeof(Daftari__V1__Allocated *));
        if (larger == NULL)
            row = NULL;
        else
            payload->allocated = larger;
        all->cap = more;
    }
    if (row == NULL) {
        document_fail(all->document, fault_set(all->document->why, STATUS_NO_MEMORY, NULL,
                                               "the payment settles too many documents"));
        return;
    }
    row->has_document = row->has_amount_minor = true;
    row->document = document;
    row->amount_minor = amount;
    payload->allocated[payload->n_allocated++] = row;
    all->left -= amount;
}

/* What the payment settles of a document already. */
static int64_t given_to(const Daftari__V1__PaymentRecorded *payload, size_t count, uint64_t document)
{
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        if (payload->allocated[i]->document == document)
            sum += payload->allocated[i]->amount_minor;
    return sum;
}

static void allocate_given(struct allocating *all, const struct open_item *group,
                           const Daftari__V1__Allocation *given, size_t index)
{
    struct document *document = all->document;
    char path[FAULT_FIELD_MAX], left_text[AMOUNT_TEXT_MAX];
    struct open_item item;
    uint64_t position;
    if (text_empty(given->number) || !number_find(document->state, given->number, &position) ||
        !open_item_find(document->state, group->party, group->account, group->business, position, &item) ||
        item.left < 0) {
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__DOCUMENT_UNKNOWN,
                                             form_path(path, "allocations", index, "number"),
                                             "nothing of a document %.50s is open here",
                                             given->number != NULL ? given->number : ""));
        return;
    }
    int64_t left = item.left - given_to(all->payload, all->payload->n_allocated, position);
    int64_t amount = given->has_amount_minor ? given->amount_minor : left;
    (void)form_path(path, "allocations", index, "amount_minor");
    if (given->has_amount_minor && amount <= 0) {
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID, path, "an amount of more than zero"));
        return;
    }
    if (amount <= 0 || amount > left || amount > all->left) {
        document_amount(document, left < all->left ? left : all->left, left_text);
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__ALLOCATION_TOO_LARGE, path,
                                             "at most %s: what is left of %s", left_text,
                                             left < all->left ? "the document" : "the payment"));
        return;
    }
    add(all, position, amount);
}

void payment_allocate(struct document *document, uint32_t party, uint32_t account,
                      Daftari__V1__Allocation *const *given, size_t count, int64_t amount,
                      Daftari__V1__PaymentRecorded *payload)
{
    struct open_item item = {.party = party, .account = account, .business = document->business};
    struct allocating all = {.document = document, .payload = payload, .left = amount};
    if (count > ALLOCATIONS_MAX)
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID, "allocations", "at most %u", ALLOCATIONS_MAX));
    for (size_t i = 0; document->status == STATUS_OK && i < count; i++)
        allocate_given(&all, &item, given[i], i);
    size_t named = payload->n_allocated;
    while (document->status == STATUS_OK && all.left > 0 && open_item_next(document->state, &item)) {
        int64_t left = item.left - given_to(payload, named, item.document);
        if (left > 0)
            add(&all, item.document, left < all.left ? left : all.left);
    }
}

bool payment_allocated(const ProtobufCMessage *payload, size_t index, struct allocation *out)
{
    const Daftari__V1__PaymentRecorded *payment = (const Daftari__V1__PaymentRecorded *)payload;
    if (index >= payment->n_allocated)
        return false;
    *out = (struct allocation){payment->allocated[index]->document, payment->allocated[index]->amount_minor};
    return true;
}
