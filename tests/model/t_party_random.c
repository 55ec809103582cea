/*
 * Random credit sales, payments, returns, voids, refunds, write-offs and merges against a small model of its own: lists of
 * open documents, worked through one by one. After each command the books must hold the same open documents and
 * balances; now and then and at the end world_check (all invariants, and a replay that gives the same bytes).
 * DAFTARI_SEED repeats a run; RANDOM_STEPS sets its length.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/domain/kernel/open_item.h"
#include "server/domain/kernel/party.h"
#include "tests/support/random.h"
#include "tests/support/world.h"

#define CUSTOMERS  6u
#define BUSINESSES 2u
#define DONE_MAX   4000u
#define PARTS_MAX  64u
#define RECEIVABLE 1310u
#define PREPAID    2135u

static const char *const codes[BUSINESSES] = {"LND", "RTL"};
static const uint16_t numbers[BUSINESSES] = {2, 3};

enum act { SALE, PAYMENT, RETURN, REFUND, WRITE_OFF, UNDONE };
struct part {
    size_t of; /* record that was settled, by its place in `done` */
    int64_t amount;
};
struct done {
    enum act act;
    unsigned customer, business;
    uint64_t position;
    char number[NUMBER_TEXT_MAX + 1];
    civil_date date;
    int64_t amount, ahead; /* of it, to or from the prepayments */
    bool undone;
    int64_t left; /* open of it; below zero: paid too much */
    struct part parts[PARTS_MAX];
    size_t part_count;
};
struct play {
    struct world *world;
    struct random *random;
    struct done done[DONE_MAX];
    size_t count;
    unsigned into[CUSTOMERS]; /* who stands for whom */
    size_t accepted, refused, undone, merged;
    const char *failure;
};

static uint32_t below(struct play *play, uint32_t bound)
{
    return (uint32_t)random_below(play->random, bound);
}

/* ---- the model --------------------------------------------------------------------------------------------------- */

static bool of_account(const struct play *play, const struct done *done, unsigned customer, unsigned business)
{
    return play->into[done->customer] == customer && done->business == business;
}

/* The oldest with something open of this sign; DONE_MAX when there is none. */
static size_t oldest(const struct play *play, unsigned customer, unsigned business, bool owed)
{
    size_t best = DONE_MAX;
    for (size_t i = 0; i < play->count; i++) {
        const struct done *done = &play->done[i];
        if (!of_account(play, done, customer, business) || (owed ? done->left <= 0 : done->left >= 0))
            continue;
        if (best == DONE_MAX || done->date < play->done[best].date)
            best = i;
    }
    return best;
}

static int64_t debt(const struct play *play, unsigned customer, unsigned business)
{
    int64_t sum = 0;
    for (size_t i = 0; i < play->count; i++)
        if (of_account(play, &play->done[i], customer, business))
            sum += play->done[i].left;
    return sum;
}

static int64_t prepaid(const struct play *play, unsigned customer, unsigned business)
{
    int64_t sum = 0;
    for (size_t i = 0; i < play->count; i++)
        if (of_account(play, &play->done[i], customer, business) && !play->done[i].undone)
            sum += play->done[i].ahead;
    return sum;
}

static void remember(struct play *play, size_t settler, size_t of, int64_t amount)
{
    struct done *done = &play->done[settler];
    size_t at = 0;
    while (at < done->part_count && done->parts[at].of != of)
        at++;
    if (at == PARTS_MAX) {
        play->failure = "the model has too little room";
        return;
    }
    if (at == done->part_count)
        done->parts[done->part_count++] = (struct part){.of = of};
    done->parts[at].amount += amount;
}

static int64_t settle_one(struct play *play, size_t settler, size_t of, int64_t amount)
{
    struct done *done = &play->done[of];
    int64_t part = done->left <= 0 ? 0 : done->left < amount ? done->left : amount;
    if (part != 0)
        remember(play, settler, of, part);
    done->left -= part;
    return amount - part;
}

static void settle(struct play *play, size_t settler, int64_t amount)
{
    const struct done *by = &play->done[settler];
    while (amount > 0) {
        size_t of = oldest(play, play->into[by->customer], by->business, true);
        if (of == DONE_MAX)
            break;
        amount = settle_one(play, settler, of, amount);
    }
    play->done[settler].left -= amount;
}

static void owe(struct play *play, size_t of, int64_t amount)
{
    const struct done *debtor = &play->done[of];
    while (amount > 0) {
        size_t paid = oldest(play, play->into[debtor->customer], debtor->business, false);
        if (paid == DONE_MAX)
            break;
        int64_t part = amount < -play->done[paid].left ? amount : -play->done[paid].left;
        play->done[paid].left += part;
        remember(play, paid, of, part);
        amount -= part;
    }
    play->done[of].left += amount;
}

/* By position, since that is the order in which the books hold them. */
static int by_position(const void *a, const void *b)
{
    size_t left = ((const struct part *)a)->of, right = ((const struct part *)b)->of;
    return left < right ? -1 : left > right;
}

/* Takes back what `which` settled, in the record `by`. */
static void undo_settling(struct play *play, size_t which)
{
    struct done *done = &play->done[which];
    struct part parts[PARTS_MAX];
    size_t count = done->part_count;
    if (done->left < 0)
        done->left = 0;
    memcpy(parts, done->parts, sizeof parts);
    qsort(parts, count, sizeof parts[0], by_position);
    done->part_count = 0;
    for (size_t i = 0; i < count; i++)
        owe(play, parts[i].of, parts[i].amount);
}

/* ---- commands ----------------------------------------------------------------------------------------------------- */

/* NULL when the command was refused. */
static struct done *give(struct play *play, const char *method, const char *text, enum act act,
                         unsigned customer, unsigned business, civil_date date)
{
    struct world_actor owner = {.user = 1, .rights = world_owner_rights()};
    struct world_answer answer;
    if (!world_command_text(play->world, &owner, method, text, &answer)) {
        play->failure = "the test's own JSON is wrong";
        return NULL;
    }
    if (answer.status != STATUS_OK) {
        play->refused++;
        if (answer.status != STATUS_REFUSED && answer.status != STATUS_INVALID) {
            printf("# %s %s: %s\n", method, text, answer.fault.text);
            play->failure = "a command met a fault of the domain's own";
        }
        return NULL;
    }
    play->accepted++;
    struct done *done = &play->done[play->count++];
    *done = (struct done){.act = act, .customer = customer, .business = business, .date = date};
    done->position = answer.position;
    (void)snprintf(done->number, sizeof done->number, "%s", answer.number);
    return done;
}

static civil_date today_of(const struct play *play)
{
    return date_of_timestamp(play->world->now, 180);
}

static civil_date some_date(struct play *play, char out[DATE_TEXT_MAX])
{
    civil_date date = date_add_days(today_of(play), -(int32_t)below(play, 12));
    date_format(date, out);
    return date;
}

static void play_sale(struct play *play, unsigned customer, unsigned business)
{
    char text[400], day[DATE_TEXT_MAX];
    uint32_t quantity = 1 + below(play, 20);
    civil_date date = some_date(play, day);
    (void)snprintf(text, sizeof text,
                   "{\"business\": \"%s\", \"customer\": \"C%u\", \"date\": \"%s\", \"lines\": [{\"item\": "
                   "\"IRON\", \"quantity\": \"%u\"}], \"tenders\": [{\"method\": \"CREDIT\"}]}",
                   codes[business], customer, day, quantity);
    struct done *done = give(play, "Sale.Record", text, SALE, customer, business, date);
    if (done == NULL)
        return;
    done->amount = (int64_t)quantity * 3000;
    owe(play, play->count - 1, done->amount);
}

static const struct done *some_done(struct play *play)
{
    return &play->done[below(play, (uint32_t)play->count)];
}

static void play_payment(struct play *play, unsigned customer, unsigned business)
{
    char text[400], day[DATE_TEXT_MAX], named[160] = "";
    int64_t amount = 100 * (1 + (int64_t)below(play, 900)), owed = debt(play, play->into[customer], business);
    int64_t settled = owed <= 0 ? 0 : owed < amount ? owed : amount, part = 0;
    civil_date date = some_date(play, day);
    const struct done *target = play->count != 0 && below(play, 2) == 0 ? some_done(play) : NULL;
    if (target != NULL) {
        part = 100 * (1 + (int64_t)below(play, 300));
        (void)snprintf(named, sizeof named,
                       ", \"allocations\": [{\"number\": \"%s\", \"amount\": \"%lld.00\"}]", target->number,
                       (long long)part / 100);
    }
    size_t of = target != NULL ? (size_t)(target - play->done) : 0;
    bool fits = target == NULL || (of_account(play, target, play->into[customer], business) &&
                                   target->left >= part && part <= settled);
    (void)snprintf(
        text, sizeof text,
        "{\"business\": \"%s\", \"customer\": \"C%u\", \"date\": \"%s\", \"tenders\": [{\"amount\": "
        "\"%lld.00\"}]%s}",
        codes[business], customer, day, (long long)amount / 100, named);
    struct done *done = give(play, "Payment.Receive", text, PAYMENT, customer, business, date);
    if ((done != NULL) != fits && play->failure == NULL)
        play->failure = "a payment was taken or refused against the model";
    if (done == NULL)
        return;
    done->amount = amount;
    done->ahead = amount - settled;
    if (target != NULL)
        settled = settled - part + settle_one(play, play->count - 1, of, part);
    settle(play, play->count - 1, settled);
}

static void play_undo(struct play *play)
{
    char text[200];
    if (play->count == 0)
        return;
    size_t which = (size_t)(some_done(play) - play->done);
    struct done *was = &play->done[which];
    if (was->act == RETURN || was->act == UNDONE)
        return;
    (void)snprintf(text, sizeof text, "{\"number\": \"%s\", \"reason\": \"x\"}", was->number);
    struct done *done = give(play, was->act == SALE ? "Sale.MakeVoid" : "Payment.MakeVoid", text, UNDONE,
                             was->customer, was->business, today_of(play));
    if (done == NULL)
        return;
    play->undone++;
    if (was->undone)
        play->failure = "something was undone twice";
    was->undone = true;
    if (was->act == SALE) { /* a mirror settles its own document first */
        int64_t rest = settle_one(play, play->count - 1, which, was->amount);
        settle(play, play->count - 1, rest);
    } else if (was->act == REFUND) {
        int64_t over = was->amount + was->ahead; /* what came out of the receivable: ahead is negative */
        int64_t rest = settle_one(play, play->count - 1, which, over);
        settle(play, play->count - 1, rest);
    } else {
        undo_settling(play, which);
    }
}

static void play_return(struct play *play)
{
    char text[200];
    if (play->count == 0)
        return;
    size_t which = (size_t)(some_done(play) - play->done);
    const struct done *was = &play->done[which];
    if (was->act != SALE)
        return;
    (void)snprintf(text, sizeof text,
                   "{\"number\": \"%s\", \"reason\": \"x\", \"refunds\": [{\"method\": \"CREDIT\"}]}",
                   was->number);
    struct done *done =
        give(play, "Return.Record", text, RETURN, was->customer, was->business, today_of(play));
    if (done == NULL)
        return;
    done->amount = was->amount;
    int64_t rest = settle_one(play, play->count - 1, which, was->amount);
    settle(play, play->count - 1, rest);
}

static void play_refund(struct play *play, unsigned customer, unsigned business)
{
    char text[200];
    int64_t ahead = prepaid(play, play->into[customer], business);
    int64_t over = -debt(play, play->into[customer], business);
    (void)snprintf(text, sizeof text, "{\"business\": \"%s\", \"customer\": \"C%u\"}", codes[business],
                   customer);
    struct done *done = give(play, "Payment.Refund", text, REFUND, customer, business, today_of(play));
    over = over > 0 ? over : 0;
    if ((done != NULL) != (ahead + over > 0) && play->failure == NULL)
        play->failure = "a refund was made or refused against the model";
    if (done == NULL)
        return;
    done->amount = ahead + over;
    done->ahead = -ahead;
    owe(play, play->count - 1, over);
}

static void play_write_off(struct play *play, unsigned customer, unsigned business)
{
    char text[200];
    int64_t amount = 100 * (1 + (int64_t)below(play, 500));
    (void)snprintf(
        text, sizeof text,
        "{\"business\": \"%s\", \"customer\": \"C%u\", \"amount\": \"%lld.00\", \"reason\": \"x\"}",
        codes[business], customer, (long long)amount / 100);
    bool fits = debt(play, play->into[customer], business) >= amount;
    struct done *done = give(play, "Payment.WriteOff", text, WRITE_OFF, customer, business, today_of(play));
    if ((done != NULL) != fits && play->failure == NULL)
        play->failure = "a debt was given up or kept against the model";
    if (done == NULL)
        return;
    done->amount = amount;
    settle(play, play->count - 1, amount);
}

static void merge_business(struct play *play, unsigned from, unsigned into, unsigned business)
{
    for (;;) {
        size_t owed = oldest(play, from, business, true), paid = oldest(play, into, business, false);
        if (owed == DONE_MAX || paid == DONE_MAX) {
            owed = oldest(play, into, business, true);
            paid = oldest(play, from, business, false);
        }
        if (owed == DONE_MAX || paid == DONE_MAX)
            return;
        int64_t part =
            play->done[owed].left < -play->done[paid].left ? play->done[owed].left : -play->done[paid].left;
        play->done[owed].left -= part;
        play->done[paid].left += part;
        remember(play, paid, owed, part);
    }
}

static void play_merge(struct play *play, unsigned from, unsigned into)
{
    char text[100];
    unsigned was = play->into[from], is = play->into[into];
    (void)snprintf(text, sizeof text, "{\"from\": \"C%u\", \"into\": \"C%u\"}", from, into);
    if (give(play, "Customer.Merge", text, UNDONE, into, 0, 0) == NULL)
        return;
    play->count--; /* no document */
    play->merged++;
    for (unsigned business = 0; business < BUSINESSES; business++)
        merge_business(play, was, is, business);
    for (unsigned i = 0; i < CUSTOMERS; i++)
        if (play->into[i] == was)
            play->into[i] = is;
}

/* ---- the books against the model ------------------------------------------------------------------------------------ */

static void compare(struct play *play)
{
    struct kv_txn *state;
    if (kv_begin(play->world->state, false, &state) != STATUS_OK)
        abort();
    size_t open = 0;
    for (size_t i = 0; i < play->count; i++) {
        const struct done *done = &play->done[i];
        struct open_item item;
        bool found = open_item_find(state, play->into[done->customer] + 1, RECEIVABLE,
                                    numbers[done->business], done->position, &item);
        open += done->left != 0;
        if (found != (done->left != 0) || (found && (item.left != done->left || item.date != done->date))) {
            printf("# %s: %lld is open in the books, %lld in the model\n", done->number,
                   found ? (long long)item.left : 0LL, (long long)done->left);
            play->failure = "an open document differs";
        }
    }
    for (unsigned customer = 0; customer < CUSTOMERS; customer++)
        for (unsigned business = 0; business < BUSINESSES; business++) {
            struct open_item item = {
                .party = customer + 1, .account = RECEIVABLE, .business = numbers[business]};
            while (open_item_next(state, &item))
                open--;
            if (party_balance(state, customer + 1, RECEIVABLE, numbers[business]) !=
                    debt(play, play->into[customer], business) ||
                party_balance(state, customer + 1, PREPAID, numbers[business]) !=
                    -prepaid(play, play->into[customer], business))
                play->failure = "a balance differs";
        }
    if (open != 0)
        play->failure = "there are open documents that the model does not have";
    kv_abort(state);
}

/* What was open at a date, from what is open and what was settled since, adds up to the balance of that date. */
static void compare_at(struct play *play, civil_date date)
{
    struct open_item item = {0};
    struct settled settled = {0};
    struct kv_txn *state;
    int64_t open = 0, posted = 0;
    if (kv_begin(play->world->state, false, &state) != STATUS_OK)
        abort();
    while (open_item_next_of_all(state, &item))
        open += item.date <= date ? item.left : 0;
    while (settled_next(state, &settled)) {
        open += settled.item.date <= date ? settled.item.left : 0;
        open -= settled.date <= date ? settled.item.left : 0;
    }
    kv_abort(state);
    for (size_t i = 0; i < play->world->record_count; i++) {
        struct record record = world_record_at(play->world, i + 1);
        for (size_t j = 0; j < record.posting_count; j++) {
            struct posting posting = record_posting(&record, j);
            if (posting.account == RECEIVABLE && record.header.business_date <= date)
                posted += posting.amount;
        }
    }
    if (open != posted)
        play->failure = "what was open at a date differs from the balance of that date";
}

static void step(struct play *play)
{
    unsigned customer = below(play, CUSTOMERS), business = below(play, BUSINESSES);
    uint32_t what = below(play, 100);
    if (what < 35)
        play_sale(play, customer, business);
    else if (what < 65)
        play_payment(play, customer, business);
    else if (what < 78)
        play_undo(play);
    else if (what < 84)
        play_return(play);
    else if (what < 91)
        play_refund(play, customer, business);
    else if (what < 98)
        play_write_off(play, customer, business);
    else if (what == 98 && below(play, 4) == 0)
        play_merge(play, customer, below(play, CUSTOMERS));
    else
        play->world->now += INT64_C(86400) * 1000000;
}

static void open_books(struct play *play)
{
    struct world_actor server = {0};
    struct world_answer answer;
    char text[200];
    bool good = world_open_example(play->world);
    world_set_day(play->world, 20250615);
    good = good &&
           world_command_text(play->world, &server, "Price.Set",
                              "{\"from\": \"2025-01-01\", \"prices\": [{\"item\": \"IRON\", "
                              "\"price\": \"30.00\"}]}",
                              &answer) &&
           answer.status == STATUS_OK;
    for (unsigned i = 0; good && i < CUSTOMERS; i++) {
        (void)snprintf(text, sizeof text,
                       "{\"name\": \"Customer %u\", \"phone\": \"+25470000010%u\", \"code\": \"C%u\"}", i, i,
                       i);
        good = world_command_text(play->world, &server, "Customer.Add", text, &answer) &&
               answer.status == STATUS_OK;
        play->into[i] = i;
    }
    if (!good)
        play->failure = "the books do not open";
}

int main(void)
{
    const char *steps_text = getenv("RANDOM_STEPS");
    size_t steps = steps_text != NULL ? strtoull(steps_text, NULL, 10) : 1200;
    struct random random = random_start();
    struct play *play = calloc(1, sizeof *play);
    if (play == NULL)
        abort();
    play->world = world_new();
    play->random = &random;
    open_books(play);
    for (size_t i = 0;
         i < steps && play->count + 1 < DONE_MAX && play->failure == NULL && play->world->trouble[0] == '\0';
         i++) {
        step(play);
        compare(play);
        if (i % 50 == 49)
            compare_at(play, date_add_days(today_of(play), -(int32_t)below(play, 15)));
        if (i % 300 == 299)
            (void)world_check(play->world);
    }
    (void)world_check(play->world);
    if (play->failure == NULL && play->world->trouble[0] != '\0')
        play->failure = play->world->trouble;
    printf("# %zu accepted, %zu refused, %zu undone, %zu merged\n", play->accepted, play->refused,
           play->undone, play->merged);
    if (play->failure == NULL && steps >= 1000 && (play->refused < steps / 50 || play->undone == 0))
        play->failure = "the run is too one-sided to mean anything";
    printf("%s - what customers owe is what a model of its own says\n",
           play->failure == NULL ? "ok" : "not ok");
    if (play->failure != NULL)
        printf("# %s\n", play->failure);
    int code = play->failure == NULL ? 0 : 1;
    world_free(play->world);
    free(play);
    return code;
}
