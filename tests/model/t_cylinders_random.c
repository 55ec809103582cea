/*
 * Random acts on cylinders against a second, small computation of where each is, what it is worth, who owns it and what
 * deposit is held: the model says whether an act is accepted, and after each one the rows agree with it, 1230 is the sum of
 * the values, 2130 that of the deposits, and every cylinder ever registered is in exactly one state. DAFTARI_SEED
 * repeats a run; RANDOM_STEPS sets its length.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/domain/cylinders/cylinders.h"
#include "tests/support/random.h"
#include "tests/support/world.h"

#define SERIALS 150u
enum {
    STATE_FULL,
    STATE_EMPTY,
    STATE_CUSTOMER,
    STATE_MAINTENANCE,
    STATE_SUPPLIER,
    STATE_SOLD,
    STATE_LOST,
    STATE_SCRAPPED,
    STATE_NONE
};
enum { OURS, CUSTOMERS };

struct shell {
    int state, owner;
    int64_t value, deposit;
};
struct play {
    struct world *world;
    struct random *random;
    struct shell shells[SERIALS];
    size_t accepted, refused;
    char text[900];
};

static const struct world_actor server = {0};

static uint32_t below(struct play *play, uint32_t bound)
{
    return (uint32_t)random_below(play->random, bound);
}

static bool give(struct play *play, const char *method)
{
    struct world_answer answer;
    if (!world_command_text(play->world, &server, method, play->text, &answer))
        return false;
    if (answer.status != STATUS_OK && answer.status != STATUS_REFUSED)
        printf("# %s %s: %s (%s)\n", method, play->text, status_name(answer.status), answer.fault.text);
    if (answer.status == STATUS_OK)
        play->accepted++;
    else
        play->refused++;
    return answer.status == STATUS_OK;
}

/* ---- the acts: each says what the model expects, and does it there ---------------------------------------------- */

static bool acquire(struct play *play, uint32_t n)
{
    struct shell *shell = &play->shells[n];
    uint32_t cost = 10 + below(play, 500000), full = below(play, 2);
    bool good = shell->state == STATE_NONE;
    (void)snprintf(play->text, sizeof play->text,
                   "{\"business\": \"RTL\", \"type\": \"SH6\", \"serials\": [\"R-%u\"], \"cost_minor\": %u, "
                   "\"state\": \"%s\"%s}",
                   n, cost, full != 0 ? "full" : "empty", full != 0 ? ", \"content_cost_minor\": 60000" : "");
    if (good)
        *shell = (struct shell){full != 0 ? STATE_FULL : STATE_EMPTY, OURS, cost, 0};
    return give(play, "Cylinder.Acquire") == good;
}

static bool refill(struct play *play, uint32_t n)
{
    struct shell *shell = &play->shells[n];
    bool good = shell->state == STATE_EMPTY || shell->state == STATE_SUPPLIER;
    (void)snprintf(play->text, sizeof play->text,
                   "{\"business\": \"RTL\", \"serials\": [\"R-%u\"], \"cost_minor\": %u}", n,
                   50000 + below(play, 20000));
    if (good)
        shell->state = STATE_FULL;
    return give(play, "Cylinder.Refill") == good;
}

static bool move(struct play *play, uint32_t n)
{
    static const struct {
        const char *method;
        unsigned from;
        int to;
    } moves[] = {{"Cylinder.SendToMaintenance", 1u << STATE_FULL | 1u << STATE_EMPTY, STATE_MAINTENANCE},
                 {"Cylinder.BackFromMaintenance", 1u << STATE_MAINTENANCE, STATE_EMPTY},
                 {"Cylinder.SendToSupplier", 1u << STATE_EMPTY, STATE_SUPPLIER},
                 {"Cylinder.BackFromSupplier", 1u << STATE_SUPPLIER, STATE_EMPTY}};
    struct shell *shell = &play->shells[n];
    uint32_t which = below(play, 4);
    bool good = (moves[which].from & 1u << shell->state) != 0;
    (void)snprintf(play->text, sizeof play->text, "{\"business\": \"RTL\", \"serials\": [\"R-%u\"]}", n);
    if (good)
        shell->state = moves[which].to;
    return give(play, moves[which].method) == good;
}

static bool write_off(struct play *play, uint32_t n)
{
    struct shell *shell = &play->shells[n];
    bool lose = below(play, 2) != 0;
    bool good = shell->state == STATE_EMPTY || shell->state == STATE_MAINTENANCE ||
                (lose && (shell->state == STATE_FULL || shell->state == STATE_SUPPLIER));
    if (below(play, 12) != 0)
        return true;
    (void)snprintf(play->text, sizeof play->text,
                   "{\"business\": \"RTL\", \"serials\": [\"R-%u\"], \"reason\": \"gone\"}", n);
    if (good) {
        shell->state = lose ? STATE_LOST : STATE_SCRAPPED;
        shell->value = 0;
    }
    return give(play, lose ? "Cylinder.Lose" : "Cylinder.Scrap") == good;
}

static bool deposit_back(struct play *play, uint32_t n)
{
    struct shell *shell = &play->shells[n];
    bool forfeit = below(play, 3) == 0, good = shell->state == STATE_CUSTOMER && shell->deposit != 0;
    (void)snprintf(play->text, sizeof play->text, "{\"serial\": \"R-%u\"%s}", n,
                   forfeit ? ", \"reason\": \"gone\"" : "");
    if (good) {
        shell->state = forfeit ? STATE_LOST : STATE_EMPTY;
        shell->value = forfeit ? 0 : shell->value;
        shell->deposit = 0;
    }
    return give(play, forfeit ? "Cylinder.Forfeit" : "Cylinder.ReturnEmpty") == good;
}

/* Now and then made void at once: then nothing was. */
static bool void_last(struct play *play, const char *number)
{
    (void)snprintf(play->text, sizeof play->text, "{\"number\": \"%s\", \"reason\": \"wrong\"}", number);
    return give(play, "Cylinder.MakeVoid");
}

static bool exchange(struct play *play, uint32_t n)
{
    static const char *const modes[] = {"exchange", "deposit", "outright"};
    uint32_t m = below(play, SERIALS), mode = below(play, 3);
    struct shell *out = &play->shells[n], *in = &play->shells[m];
    struct shell was_out = *out, was_in = *in;
    struct world_answer answer;
    bool good = out->state == STATE_FULL;
    if (mode == 0)
        good = good && m != n &&
               (in->state == STATE_CUSTOMER || in->state == STATE_SOLD || in->state == STATE_LOST ||
                in->state == STATE_NONE);
    if (mode == 2)
        good = good && out->owner == OURS;
    int len = snprintf(play->text, sizeof play->text,
                       "{\"business\": \"RTL\", \"mode\": \"%s\", \"serial_out\": \"R-%u\"", modes[mode], n);
    (void)snprintf(play->text + len, sizeof play->text - (size_t)len,
                   mode == 0 ? ", \"serial_in\": \"R-%u\"}" : "}", m);
    if (!world_command_text(play->world, &server, "Cylinder.Exchange", play->text, &answer) ||
        (answer.status == STATUS_OK) != good)
        return false;
    if (!good)
        return ++play->refused, true;
    play->accepted++;
    if (below(play, 5) == 0) {
        if (mode == 0 && was_in.state == STATE_NONE)
            *in = (struct shell){STATE_CUSTOMER, CUSTOMERS, 0, 0};
        return void_last(play, answer.number);
    }
    if (mode == 0) {
        bool held = was_in.state == STATE_CUSTOMER;
        *in = (struct shell){STATE_EMPTY, was_out.owner, was_out.value, 0};
        *out = (struct shell){STATE_CUSTOMER, held ? was_in.owner : CUSTOMERS, held ? was_in.value : 0,
                              held ? was_in.deposit : 0};
    } else if (mode == 1) {
        out->state = STATE_CUSTOMER;
        out->deposit = 250000;
    } else {
        *out = (struct shell){STATE_SOLD, CUSTOMERS, 0, 0};
    }
    return true;
}

/* ---- agreement -------------------------------------------------------------------------------------------------- */

static bool agrees(struct play *play, struct arena *arena)
{
    struct cylinder_totals totals;
    struct kv_txn *state;
    int64_t value = 0, deposits = 0, content = 0;
    bool same = true;
    if (kv_begin(play->world->state, false, &state) != STATUS_OK)
        return false;
    for (uint32_t n = 0; n < SERIALS; n++) {
        char serial[20];
        const struct shell *shell = &play->shells[n];
        (void)snprintf(serial, sizeof serial, "R-%u", n);
        const Daftari__V1__CylinderRow *row = cylinder_find(state, serial, arena);
        same = same && (row == NULL) == (shell->state == STATE_NONE);
        if (row == NULL || shell->state == STATE_NONE)
            continue;
        bool theirs = shell->state != STATE_LOST; /* who owns what is lost is not told */
        same = same && (int)row->state == shell->state && row->value_minor == shell->value &&
               row->deposit_minor == shell->deposit && (!theirs || (int)row->owner == shell->owner);
        value += shell->value;
        deposits += shell->deposit;
        content += shell->state == STATE_FULL ? 6000 : 0;
    }
    cylinder_totals_get(state, 3, 0, &totals);
    same = same && totals.value == value && totals.deposit == deposits;
    uint64_t item = 0;
    for (uint32_t number = 1; number < 100 && item == 0; number++) {
        cylinder_totals_get(state, 3, number, &totals);
        item = totals.value != 0 || totals.content != 0 || totals.deposit != 0 ? number : 0;
    }
    same = same && (item == 0 ? content == 0 : totals.content == content);
    kv_abort(state);
    return same && world_balance(play->world, 1230, "RTL", NULL) == 3000000 + value &&
           world_balance(play->world, 2130, "RTL", NULL) == -deposits;
}

int main(void)
{
    typedef bool act(struct play *, uint32_t);
    static act *const acts[] = {acquire,      refill,   refill,   move,     write_off,
                                deposit_back, exchange, exchange, exchange, exchange};
    static const char *const set_up[][2] = {
        {"CylinderType.Define",
         "{\"code\": \"SH6\", \"brand\": \"Shell\", \"capacity_milli\": 6000, \"item\": "
         "\"GAS\", \"deposit_minor\": 250000, \"shell_price_minor\": 300000, "
         "\"unit_price_minor\": 23000}"},
        {"Business.Set", "{\"business\": \"RTL\", \"from_date\": 20250101, \"settings\": [{\"name\": "
                         "\"allow_negative_stock\", \"value\": \"true\"}]}"},
        {"Entry.Post",
         "{\"business\": \"RTL\", \"date\": 20250101, \"description\": \"Float\", \"lines\": [{\"account\": "
         "1130, \"debit_minor\": 900000000}, {\"account\": 3100, \"credit_minor\": 900000000}]}"},
    };
    const char *steps_text = getenv("RANDOM_STEPS");
    unsigned steps = steps_text != NULL ? (unsigned)strtoul(steps_text, NULL, 10) : 3000, step = 0;
    struct random random = random_start();
    struct arena *arena = arena_new(1 << 20);
    struct play *play = calloc(1, sizeof *play);
    bool good = play != NULL && arena != NULL;
    if (!good)
        abort();
    play->world = world_new();
    play->random = &random;
    for (uint32_t n = 0; n < SERIALS; n++)
        play->shells[n].state = STATE_NONE;
    good = world_open_example(play->world);
    world_set_day(play->world, 20250301);
    for (size_t i = 0; i < sizeof set_up / sizeof set_up[0]; i++) {
        (void)snprintf(play->text, sizeof play->text, "%s", set_up[i][1]);
        good = good && give(play, set_up[i][0]);
    }
    for (; good && step < steps; step++) {
        uint32_t which = below(play, sizeof acts / sizeof acts[0]), n = below(play, SERIALS);
        good = acts[which](play, n);
        arena_reset(arena);
        good = good && agrees(play, arena);
        if (step % 500 == 0)
            good = good && world_check(play->world);
    }
    if (!good)
        printf("# step %u: %s\n# %s\n", step, play->text, play->world->trouble);
    /* Of 3,000 acts 365 to 465 are accepted (100 seeds): far fewer means that the play tests little. */
    good = good && world_check(play->world) && play->accepted > steps / 10;
    printf("# %zu accepted, %zu refused %s\n", play->accepted, play->refused, play->world->trouble);
    printf("%s - cylinders, their values and deposits agree with a second computation\n",
           good ? "ok" : "not ok");
    world_free(play->world);
    arena_free(arena);
    free(play);
    return good ? 0 : 1;
}
