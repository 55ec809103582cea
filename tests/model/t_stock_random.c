/*
 * Random trade in two businesses against a second, plain computation of stock: purchases, sales, productions, counts,
 * adjustments, transfers, returns and voids, by average and FIFO, with stock below zero allowed and not, changing on the
 * way. Before each command the model here says what moves at which value, or that it is refused; the record must say the
 * same, to the cent. After each one the stock of a business is worth what its inventory accounts hold. Now and then and at the
 * end: what world_check checks (replay, sums of records, no value on no quantity).
 * DAFTARI_SEED repeats a run; STOCK_STEPS sets its length.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reason.pb-c.h"
#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/lookup.h"
#include "tests/support/random.h"
#include "tests/support/world.h"

#define LAYERS_MAX 200u
#define MOVES_MAX  32u
#define LINES_MAX  3u
#define KEPT_MAX   40u

enum { W1L, W500, COLA, SUGAR, FLOUR, BREAD, ITEMS };
enum { WTR, RTL, SHOPS };
static const char *const codes[ITEMS] = {"W1L", "W500", "BEV001", "GRN001", "GRN002", "BREAD"};
static const bool containers[ITEMS] = {true, true};
static const bool taxed[ITEMS] = {true, true, true, true}; /* flour is zero-rated, bread too */
static const char *const shops[SHOPS] = {"WTR", "RTL"};

struct key {
    unsigned shop, item, place, full;
};
struct pile {
    int64_t quantity, value;
};
struct row {
    struct pile now, last;
    struct pile layers[LAYERS_MAX]; /* oldest first; together they are `now` when that is above zero */
    size_t count;
};
struct model {
    struct row rows[SHOPS][ITEMS][2][2]; /* place, full */
    bool fifo[SHOPS], negative[SHOPS];
};
struct move {
    struct key key;
    int64_t quantity, value;
};
struct kept_line {
    struct key key;
    int64_t quantity, value, returned;
    int64_t tax; /* of a purchase, paid beside its value */
};
struct kept { /* a document that something may be done to later */
    char number[NUMBER_TEXT_MAX + 1];
    unsigned shop;
    struct kept_line lines[MOVES_MAX];
    size_t count;
    civil_date date;
    bool over;
};
struct list {
    struct kept rows[KEPT_MAX];
    size_t used;
};
struct play {
    struct world *world;
    struct random *random;
    struct model now, next; /* before and after the command that is being made */
    struct move moves[MOVES_MAX];
    size_t move_count;
    unsigned refused; /* the reason that the model expects, 0 = none */
    char text[4096];
    size_t len;
    uint32_t items[ITEMS];
    uint16_t businesses[SHOPS];
    struct list sales, purchases, makings;
    struct world_answer answer;
    size_t accepted, refusals;
    const char *failure;
};

static uint32_t below(struct play *play, uint32_t bound)
{
    return (uint32_t)random_below(play->random, bound);
}

static bool chance(struct play *play, uint32_t percent)
{
    return below(play, 100) < percent;
}

/* a * b / divisor, half away from zero */
static int64_t rounded(int64_t a, int64_t b, int64_t divisor)
{
    int128 product = (int128)a * b, size = product < 0 ? -product : product;
    int128 result = (2 * size + divisor) / (2 * (int128)divisor);
    return (int64_t)(product < 0 ? -result : result);
}

/* ---- the model -------------------------------------------------------------------------------------------------------- */

static struct row *row_of(struct play *play, const struct key *key)
{
    return &play->next.rows[key->shop][key->item][key->place][key->full];
}

static void note(struct play *play, const struct key *key, int64_t quantity, int64_t value)
{
    if (play->move_count == MOVES_MAX)
        abort();
    play->moves[play->move_count++] = (struct move){*key, quantity, value};
}

static void melt(struct row *row)
{
    row->count = row->now.quantity > 0 ? 1 : 0;
    row->layers[0] = row->now;
}

static void refuse(struct play *play, unsigned reason)
{
    if (play->refused == 0)
        play->refused = reason;
}

/* What so much of what is there costs; it goes. */
static int64_t take(struct row *row, int64_t quantity, bool fifo)
{
    int64_t cost = 0, left = quantity;
    if (!fifo)
        melt(row);
    while (left > 0 && row->count > 0) {
        struct pile *oldest = &row->layers[0];
        int64_t part = left < oldest->quantity ? left : oldest->quantity;
        int64_t value =
            part == oldest->quantity ? oldest->value : rounded(oldest->value, part, oldest->quantity);
        oldest->quantity -= part;
        oldest->value -= value;
        cost += value;
        left -= part;
        if (oldest->quantity == 0) {
            row->count--;
            memmove(row->layers, row->layers + 1, row->count * sizeof row->layers[0]);
        }
    }
    row->now.quantity -= quantity - left;
    row->now.value -= cost;
    return cost;
}

static int64_t issue(struct play *play, const struct key *key, int64_t quantity)
{
    struct row *row = row_of(play, key);
    int64_t there = row->now.quantity <= 0 ? 0 : row->now.quantity < quantity ? row->now.quantity : quantity;
    if (there < quantity && !play->next.negative[key->shop])
        refuse(play, DAFTARI__V1__REASON__STOCK_INSUFFICIENT);
    int64_t cost = take(row, there, play->next.fifo[key->shop]), rest = quantity - there, under = 0;
    if (rest > 0 && row->last.quantity > 0)
        under = rounded(row->last.value, rest, row->last.quantity);
    row->now.quantity -= rest;
    row->now.value -= under;
    note(play, key, -quantity, -cost - under);
    return cost + under;
}

/* What of the value is stock. */
static int64_t receive(struct play *play, const struct key *key, int64_t quantity, int64_t value)
{
    struct row *row = row_of(play, key);
    struct pile before = row->now;
    int64_t kept = value, after = before.quantity + quantity;
    if (before.quantity < 0 && after >= 0)
        kept = rounded(value, after, quantity) - before.value;
    else if (before.quantity < 0)
        kept = rounded(-before.value, quantity, -before.quantity);
    row->now.quantity += quantity;
    row->now.value += kept;
    if (row->now.quantity > 0) {
        struct pile fresh = before.quantity > 0 ? (struct pile){quantity, kept} : row->now;
        row->layers[row->count++] = fresh;
        row->last = before.quantity < 0 ? row->now : (struct pile){quantity, kept};
    }
    if (!play->next.fifo[key->shop])
        melt(row);
    if (row->count == LAYERS_MAX)
        abort(); /* busy() keeps it below */
    note(play, key, quantity, kept);
    return kept;
}

/* Undoes a receipt: at what it brought, as far as stock is worth that. */
static void take_back(struct play *play, const struct key *key, int64_t quantity, int64_t value)
{
    struct row *row = row_of(play, key);
    if (row->now.quantity < quantity) {
        refuse(play, DAFTARI__V1__REASON__STOCK_INSUFFICIENT);
        return;
    }
    if (play->next.fifo[key->shop]) {
        value = take(row, quantity, true);
    } else {
        if (row->now.quantity == quantity)
            value = row->now.value;
        else if (value > row->now.value)
            value = rounded(row->now.value, quantity, row->now.quantity);
        row->now.quantity -= quantity;
        row->now.value -= value;
        melt(row);
    }
    note(play, key, -quantity, -value);
}

/* What comes in without a price costs what a unit costs now. */
static int64_t present_value(struct play *play, const struct key *key, int64_t quantity)
{
    const struct row *row = row_of(play, key);
    const struct pile *of = row->now.quantity > 0 ? &row->now : &row->last;
    if (of->quantity > 0)
        return rounded(of->value, quantity, of->quantity);
    refuse(play, DAFTARI__V1__REASON__STOCK_NO_COST);
    return 0;
}

/* ---- making a command --------------------------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 2, 3))) say(struct play *play, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(play->text + play->len, sizeof play->text - play->len, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof play->text - play->len)
        abort();
    play->len += (size_t)len;
}

static void begin(struct play *play)
{
    play->next = play->now;
    play->move_count = play->len = 0;
    play->refused = 0;
}

static void say_item(struct play *play, const struct key *key)
{
    say(play, "{\"item\": \"%s\"", codes[key->item]);
    if (containers[key->item])
        say(play, ", \"condition\": \"%s\"", key->full ? "filled" : "empty");
}

static void say_quantity(struct play *play, const char *name, int64_t milli)
{
    say(play, ", \"%s\": \"%s%lld.%03lld\"", name, milli < 0 ? "-" : "", llabs(milli) / 1000LL,
        llabs(milli) % 1000LL);
}

static void say_amount(struct play *play, const char *name, int64_t cents)
{
    say(play, ", \"%s\": \"%lld.%02lld\"", name, (long long)cents / 100, (long long)cents % 100);
}

static bool same_moves(struct play *play)
{
    struct record record = world_record_at(play->world, play->answer.position);
    if (record.movement_count != play->move_count)
        return false;
    for (size_t i = 0; i < play->move_count; i++) {
        struct movement got = record_movement(&record, i);
        const struct move *want = &play->moves[i];
        unsigned condition = containers[want->key.item] ? 1 + want->key.full : 0;
        if (want->quantity < 0 && !play->next.negative[want->key.shop] &&
            row_of(play, &want->key)->now.quantity < 0 &&
            play->now.rows[want->key.shop][want->key.item][want->key.place][want->key.full].now.quantity >= 0)
            return false; /* below zero where it may not */
        if (got.item != play->items[want->key.item] || got.business != play->businesses[want->key.shop] ||
            got.place != want->key.place || got.condition != condition || got.quantity != want->quantity ||
            got.value != want->value) {
            printf("# movement %zu of %s in %s is %lld worth %lld, the model says %lld worth %lld\n", i,
                   codes[want->key.item], shops[want->key.shop], (long long)got.quantity,
                   (long long)got.value, (long long)want->quantity, (long long)want->value);
            return false;
        }
    }
    return true;
}

static void check_accounts(struct play *play)
{
    static const uint32_t accounts[SHOPS] = {1210, 1220};
    for (unsigned shop = 0; shop < SHOPS; shop++) {
        int64_t value = 0;
        for (unsigned i = 0; i < ITEMS * 4; i++) {
            const struct row *row = &play->now.rows[shop][i / 4][i / 2 % 2][i % 2];
            value += row->now.value;
            if (row->now.quantity == 0 && row->now.value != 0)
                play->failure = "value lies on no quantity";
        }
        if (value != world_balance(play->world, accounts[shop], shops[shop], NULL))
            play->failure = "stock and its accounts differ";
    }
}

/* True when it was accepted. */
static bool give(struct play *play, const char *method)
{
    struct world_actor server = {0};
    if (!world_command_text(play->world, &server, method, play->text, &play->answer))
        abort();
    if (play->refused != 0) {
        play->refusals++;
        if (play->answer.status != STATUS_REFUSED || play->answer.fault.reason != play->refused)
            play->failure = "a command is not refused as it should be";
    } else if (play->answer.status != STATUS_OK) {
        play->failure = "a command is refused that should be accepted";
    } else {
        play->accepted++;
        if (same_moves(play))
            play->now = play->next;
        else
            play->failure = "a record moves something else than it should";
    }
    if (play->failure == NULL)
        check_accounts(play);
    if (play->failure != NULL)
        printf("# %s %s: %s\n", method, play->text, play->answer.fault.text);
    return play->failure == NULL && play->refused == 0;
}

/* ---- choosing ------------------------------------------------------------------------------------------------------------ */

static struct key some_key(struct play *play, bool sold)
{
    struct key key = {.shop = below(play, SHOPS), .item = below(play, ITEMS), .place = chance(play, 15)};
    if (containers[key.item])
        key.full = sold || chance(play, 50);
    return key;
}

static bool busy(struct play *play)
{
    for (unsigned i = 0; i < SHOPS * ITEMS * 4; i++)
        if (play->now.rows[i / (ITEMS * 4)][i / 4 % ITEMS][i / 2 % 2][i % 2].count > LAYERS_MAX - MOVES_MAX)
            return true;
    return false;
}

static int64_t some_quantity(struct play *play)
{
    return chance(play, 60) ? (1 + below(play, 12)) * INT64_C(1000) : 1 + below(play, 9000);
}

/* Often all or nearly all of what is there, so that remainders show. */
static int64_t quantity_out(struct play *play, const struct key *key)
{
    int64_t there = play->next.rows[key->shop][key->item][key->place][key->full].now.quantity;
    if (there > 0 && chance(play, 25))
        return there;
    if (there > 1 && chance(play, 25))
        return 1 + (int64_t)random_below(play->random, (uint64_t)there);
    return some_quantity(play);
}

static struct kept *keep(struct play *play, struct list *list, unsigned shop)
{
    struct kept *kept = &list->rows[list->used++ % KEPT_MAX];
    memset(kept, 0, sizeof *kept);
    kept->shop = shop;
    memcpy(kept->number, play->answer.number, sizeof kept->number);
    kept->date = date_of_timestamp(play->world->now, 180);
    return kept;
}

static void keep_line(struct kept *kept, const struct key *key, int64_t quantity, int64_t value, int64_t tax)
{
    kept->lines[kept->count++] =
        (struct kept_line){.key = *key, .quantity = quantity, .value = value, .tax = tax};
}

static struct kept *some_kept(struct play *play, struct list *list)
{
    size_t count = list->used < KEPT_MAX ? list->used : KEPT_MAX;
    return count == 0 ? NULL : &list->rows[below(play, (uint32_t)count)];
}

/* ---- commands ------------------------------------------------------------------------------------------------------------ */

static void purchase(struct play *play)
{
    struct key key = some_key(play, false), keys[LINES_MAX];
    int64_t quantities[LINES_MAX], nets[LINES_MAX], taxes[LINES_MAX];
    unsigned count = 1 + below(play, LINES_MAX);
    say(play, "{\"business\": \"%s\", \"tenders\": [{\"method\": \"bank\"}]%s, \"lines\": [", shops[key.shop],
        key.place ? ", \"place\": \"Store\"" : "");
    for (unsigned i = 0; i < count; i++) {
        struct key line = some_key(play, false);
        line.shop = key.shop;
        line.place = key.place;
        int64_t quantity = some_quantity(play), gross;
        say(play, i != 0 ? ", " : "");
        say_item(play, &line);
        say_quantity(play, "quantity", quantity);
        if (chance(play, 50)) {
            int64_t unit = below(play, 20000);
            gross = rounded(unit, quantity, 1000);
            say_amount(play, "unit_cost", unit);
        } else {
            gross = below(play, 100000);
            say_amount(play, "amount", gross);
        }
        say(play, "}");
        /* the retail shop is registered for VAT, the water business is not */
        taxes[i] = key.shop == RTL && taxed[line.item] ? rounded(gross, 1600, 11600) : 0;
        nets[i] = gross - taxes[i];
        quantities[i] = quantity;
        keys[i] = line;
        (void)receive(play, &line, quantity, nets[i]);
    }
    say(play, "]}");
    if (!give(play, "Purchase.Record"))
        return;
    struct kept *kept = keep(play, &play->purchases, key.shop);
    for (unsigned i = 0; i < count; i++)
        keep_line(kept, &keys[i], quantities[i], nets[i], taxes[i]);
}

static void sale(struct play *play)
{
    struct key key = some_key(play, true), keys[LINES_MAX];
    int64_t quantities[LINES_MAX], costs[LINES_MAX];
    unsigned count = 1 + below(play, LINES_MAX);
    say(play, "{\"business\": \"%s\"%s, \"lines\": [", shops[key.shop],
        key.place ? ", \"place\": \"Store\"" : "");
    for (unsigned i = 0; i < count; i++) {
        struct key line = some_key(play, true);
        line.shop = key.shop;
        line.place = key.place;
        quantities[i] = quantity_out(play, &line);
        keys[i] = line;
        say(play, "%s{\"item\": \"%s\", \"unit_price\": \"75.00\"", i != 0 ? ", " : "", codes[line.item]);
        say_quantity(play, "quantity", quantities[i]);
        say(play, "}");
        costs[i] = issue(play, &line, quantities[i]);
    }
    say(play, "]}");
    if (!give(play, "Sale.Record"))
        return;
    struct kept *kept = keep(play, &play->sales, key.shop);
    for (unsigned i = 0; i < count; i++)
        keep_line(kept, &keys[i], quantities[i], costs[i], 0);
}

static int64_t part(const struct kept_line *line, int64_t whole, int64_t quantity)
{
    return rounded(whole, line->returned + quantity, line->quantity) -
           rounded(whole, line->returned, line->quantity);
}

/* What is paid back is a part of what was paid, its tax a part of the tax; the value is what is left of the two. */
static int64_t share(const struct kept_line *line, int64_t quantity)
{
    return part(line, line->value + line->tax, quantity) - part(line, line->tax, quantity);
}

/* Part of a line of a sale or purchase comes back. */
static void give_back(struct play *play, struct list *list, bool is_sale)
{
    struct kept *kept = some_kept(play, list);
    if (kept == NULL || kept->over)
        return;
    unsigned at = below(play, (uint32_t)kept->count);
    struct kept_line *line = &kept->lines[at];
    int64_t left = line->quantity - line->returned;
    int64_t quantity = chance(play, 40) ? left : 1 + below(play, 5000);
    bool damaged = is_sale && chance(play, 20);
    if (quantity > left || left == 0)
        return;
    say(play, "{\"number\": \"%s\", \"reason\": \"random\", \"lines\": [{\"line\": %u", kept->number, at + 1);
    say_quantity(play, "quantity", quantity);
    say(play, "%s}]}", damaged ? ", \"damaged\": true" : "");
    if (!is_sale)
        take_back(play, &line->key, quantity, share(line, quantity));
    else if (!damaged)
        (void)receive(play, &line->key, quantity, share(line, quantity));
    if (give(play, is_sale ? "Return.Record" : "PurchaseReturn.Record"))
        line->returned += quantity;
}

static void undo(struct play *play, struct list *list, bool is_sale)
{
    struct kept *kept = some_kept(play, list);
    if (kept == NULL || kept->over)
        return;
    if (is_sale && kept->date != date_of_timestamp(play->world->now, 180))
        return;
    for (size_t i = 0; i < kept->count; i++)
        if (kept->lines[i].returned != 0)
            return;
    civil_date today = date_of_timestamp(play->world->now, 180);
    say(play, "{\"number\": \"%s\", \"reason\": \"random\"", kept->number);
    if (!is_sale) /* by the rules of today */
        say(play, ", \"date\": \"%04u-%02u-%02u\"", today / 10000, today / 100 % 100, today % 100);
    say(play, "}");
    for (size_t i = 0; i < kept->count; i++) {
        const struct kept_line *line = &kept->lines[i];
        if (line->quantity > 0) /* of what went out */
            (void)receive(play, &line->key, line->quantity, line->value);
        else
            take_back(play, &line->key, -line->quantity, -line->value);
    }
    if (give(play, is_sale ? "Sale.MakeVoid" : "Production.MakeVoid"))
        kept->over = true;
}

static void production(struct play *play)
{
    struct key key = {.shop = below(play, SHOPS), .item = below(play, 2), .place = chance(play, 15)};
    struct key sources[2] = {key, key};
    int64_t each[2] = {1000, 0}, quantity = some_quantity(play),
            broken = chance(play, 30) ? below(play, 2500) : 0;
    int64_t cost = chance(play, 70) ? 1 + below(play, 30000) : 0, materials = 0;
    if (chance(play, 40)) {
        key.item = BREAD;
        sources[0].item = FLOUR;
        sources[1].item = SUGAR;
        each[0] = 210;
        each[1] = 15;
    } else {
        key.full = 1;
    }
    if (!containers[key.item] && containers[sources[0].item])
        abort();
    say(play, "{\"business\": \"%s\", \"item\": \"%s\"%s", shops[key.shop], codes[key.item],
        key.place ? ", \"place\": \"Store\"" : "");
    say_quantity(play, "quantity", quantity);
    say_quantity(play, "broken", broken);
    if (cost != 0) {
        say_amount(play, "cost", cost);
        say(play, ", \"tenders\": [{\"method\": \"bank\"}]");
    }
    say(play, "}");
    for (unsigned i = 0; i < 2; i++) {
        int64_t need = rounded(quantity + broken, each[i], 1000);
        if (need != 0)
            materials += issue(play, &sources[i], need);
    }
    int64_t made = materials - rounded(materials, broken, quantity + broken) + cost;
    (void)receive(play, &key, quantity, made);
    if (!give(play, "Production.Record"))
        return;
    struct kept *kept = keep(play, &play->makings, key.shop);
    for (size_t i = 0; i < play->move_count; i++) /* what went out is above zero there */
        keep_line(kept, &play->moves[i].key, -play->moves[i].quantity, -play->moves[i].value, 0);
}

static void count(struct play *play)
{
    struct key key = some_key(play, false);
    struct row *row = row_of(play, &key);
    int64_t counted = chance(play, 30) ? 0 : row->now.quantity + (int64_t)below(play, 6000) - 3000;
    counted = counted < 0 ? 0 : counted;
    say(play, "{\"business\": \"%s\"%s, \"lines\": [", shops[key.shop],
        key.place ? ", \"place\": \"Store\"" : "");
    say_item(play, &key);
    say_quantity(play, "counted", counted);
    int64_t difference = counted - row->now.quantity;
    if (difference < 0)
        (void)issue(play, &key, -difference);
    else if (difference > 0 && chance(play, 50)) {
        int64_t unit = below(play, 20000);
        say_amount(play, "unit_cost", unit);
        (void)receive(play, &key, difference, rounded(unit, difference, 1000));
    } else if (difference > 0)
        (void)receive(play, &key, difference, present_value(play, &key, difference));
    say(play, "}]}");
    (void)give(play, "Stock.Count");
}

static void adjust(struct play *play)
{
    struct key key = some_key(play, false);
    unsigned lines = 1 + below(play, LINES_MAX);
    say(play, "{\"business\": \"%s\", \"reason\": \"correction\", \"lines\": [", shops[key.shop]);
    for (unsigned i = 0; i < lines; i++) { /* of one item: each line sees the ones before */
        bool out = chance(play, 60);
        int64_t quantity = out ? quantity_out(play, &key) : some_quantity(play);
        say(play, i != 0 ? ", " : "");
        say_item(play, &key);
        if (key.place)
            say(play, ", \"place\": \"Store\"");
        say_quantity(play, "quantity", out ? -quantity : quantity);
        if (out) {
            (void)issue(play, &key, quantity);
        } else if (chance(play, 50)) {
            int64_t unit = below(play, 20000);
            say_amount(play, "unit_cost", unit);
            (void)receive(play, &key, quantity, rounded(unit, quantity, 1000));
        } else {
            (void)receive(play, &key, quantity, present_value(play, &key, quantity));
        }
        say(play, "}");
    }
    say(play, "]}");
    (void)give(play, "Stock.Adjust");
}

static void transfer(struct play *play)
{
    struct key from = some_key(play, false), to = from;
    to.shop = below(play, SHOPS);
    to.place = to.shop == from.shop ? !from.place : chance(play, 15);
    int64_t quantity = quantity_out(play, &from);
    say(play, "{\"from_business\": \"%s\", \"to_business\": \"%s\"%s%s, \"lines\": [", shops[from.shop],
        shops[to.shop], from.place ? ", \"from_place\": \"Store\"" : "",
        to.place ? ", \"to_place\": \"Store\"" : "");
    say_item(play, &from);
    say_quantity(play, "quantity", quantity);
    say(play, "}]}");
    (void)receive(play, &to, quantity, issue(play, &from, quantity));
    (void)give(play, "Stock.Transfer");
}

/* From tomorrow on, so that all of a day is by one rule. */
static void change_rules(struct play *play)
{
    unsigned shop = below(play, SHOPS);
    bool fifo = chance(play, 50), negative = chance(play, 40);
    play->world->now += INT64_C(86400) * 1000000;
    civil_date today = date_of_timestamp(play->world->now, 180);
    say(play,
        "{\"business\": \"%s\", \"from\": \"%04u-%02u-%02u\", \"settings\": [{\"name\": \"valuation\", "
        "\"value\": "
        "\"%s\"}, {\"name\": \"allow_negative_stock\", \"value\": \"%s\"}]}",
        shops[shop], today / 10000, today / 100 % 100, today % 100, fifo ? "fifo" : "average",
        negative ? "true" : "false");
    struct world_actor server = {0};
    if (!world_command_text(play->world, &server, "Business.Set", play->text, &play->answer) ||
        play->answer.status != STATUS_OK)
        play->failure = "a setting is refused";
    play->now.fifo[shop] = fifo;
    play->now.negative[shop] = negative;
}

static void step(struct play *play)
{
    uint32_t what = below(play, 100);
    begin(play);
    if (what < 18 && !busy(play))
        purchase(play);
    else if (what < 40)
        sale(play);
    else if (what < 52 && !busy(play))
        production(play);
    else if (what < 60)
        count(play);
    else if (what < 70 && !busy(play))
        adjust(play);
    else if (what < 80 && !busy(play))
        transfer(play);
    else if (what < 86)
        give_back(play, &play->sales, true);
    else if (what < 91)
        give_back(play, &play->purchases, false);
    else if (what < 94)
        undo(play, &play->sales, true);
    else if (what < 97)
        undo(play, &play->makings, false);
    else
        change_rules(play);
}

/* ---- the run ---------------------------------------------------------------------------------------------------------- */

static bool tell(struct play *play, const char *method, const char *text)
{
    struct world_actor server = {0};
    return world_command_text(play->world, &server, method, text, &play->answer) &&
           play->answer.status == STATUS_OK;
}

static void opened(struct play *play, unsigned shop, unsigned item, unsigned full, int64_t units,
                   int64_t unit)
{
    struct row *row = &play->now.rows[shop][item][0][full];
    row->now = row->last = (struct pile){units * 1000, units * unit};
    melt(row);
}

static bool open_world(struct play *play)
{
    struct kv_txn *state;
    if (!world_open_example(play->world) ||
        !world_load(play->world, "data/kenya-register.jsonl", NULL, NULL) ||
        !tell(play, "Item.Define",
              "{\"code\": \"BREAD\", \"name\": \"Bread\", \"category\": \"Grains\", "
              "\"tax_code\": \"ZERO\"}") ||
        !tell(play, "Recipe.Define",
              "{\"item\": \"BREAD\", \"lines\": [{\"item\": \"GRN002\", \"quantity\": "
              "\"0.21\"}, {\"item\": \"GRN001\", \"quantity\": \"0.015\"}]}") ||
        !tell(play, "Place.Define", "{\"business\": \"WTR\", \"name\": \"Store\"}") ||
        !tell(play, "Place.Define", "{\"business\": \"RTL\", \"name\": \"Store\"}") ||
        !tell(play, "Business.Set",
              "{\"business\": \"RTL\", \"from\": \"2025-01-01\", \"settings\": [{\"name\": "
              "\"vat_mode\", \"value\": \"inclusive\"}]}"))
        return false;
    /* The items that are not traded here leave, so that the accounts hold what the model has. */
    if (!tell(
            play, "Stock.Count",
            "{\"business\": \"WTR\", \"lines\": [{\"item\": \"W5L\", \"condition\": \"empty\", \"counted\": "
            "\"0\"}, "
            "{\"item\": \"W5L\", \"condition\": \"filled\", \"counted\": \"0\"}, {\"item\": \"W10L\", "
            "\"condition\": \"empty\", \"counted\": \"0\"}, {\"item\": \"W10L\", \"condition\": \"filled\", "
            "\"counted\": \"0\"}, {\"item\": \"W20L\", \"condition\": \"empty\", \"counted\": \"0\"}, "
            "{\"item\": "
            "\"W20L\", \"condition\": \"filled\", \"counted\": \"0\"}]}") ||
        !tell(play, "Stock.Count",
              "{\"business\": \"RTL\", \"lines\": [{\"item\": \"BEV002\", \"counted\": \"0\"}, {\"item\": "
              "\"SNK001\", \"counted\": \"0\"}, {\"item\": \"DAI001\", \"counted\": \"0\"}]}"))
        return false;
    opened(play, WTR, W500, 0, 500, 800);
    opened(play, WTR, W500, 1, 200, 1200);
    opened(play, WTR, W1L, 0, 300, 1200);
    opened(play, WTR, W1L, 1, 150, 1800);
    opened(play, RTL, COLA, 0, 100, 3500);
    opened(play, RTL, SUGAR, 0, 40, 12000);
    opened(play, RTL, FLOUR, 0, 35, 13000);
    bool known = kv_begin(play->world->state, false, &state) == STATUS_OK;
    for (unsigned i = 0; known && i < ITEMS; i++) {
        struct item_row item;
        known = item_find(state, codes[i], &item);
        play->items[i] = item.number;
    }
    for (unsigned i = 0; known && i < SHOPS; i++)
        known = business_find(state, shops[i], &play->businesses[i]);
    kv_abort(state);
    return known;
}

int main(void)
{
    static struct play play; /* the models are large */
    const char *steps_text = getenv("STOCK_STEPS");
    size_t steps = steps_text != NULL ? strtoull(steps_text, NULL, 10) : 2000;
    struct random random = random_start();
    play.world = world_new();
    play.random = &random;
    if (!open_world(&play))
        play.failure = "the books do not open";
    for (size_t i = 0; i < steps && play.failure == NULL && play.world->trouble[0] == '\0'; i++) {
        step(&play);
        if (i % 500 == 499)
            (void)world_check(play.world);
    }
    (void)world_check(play.world);
    if (play.failure == NULL && play.world->trouble[0] != '\0')
        play.failure = play.world->trouble;
    printf("# %zu accepted, %zu refused\n", play.accepted, play.refusals);
    if (play.failure == NULL && steps >= 500 && (play.accepted < steps / 3 || play.refusals < steps / 100))
        play.failure = "the run is too one-sided to mean anything";
    printf("%s - random trade keeps stock to the cent\n", play.failure == NULL ? "ok" : "not ok");
    if (play.failure != NULL)
        printf("# %s\n", play.failure);
    int code = play.failure == NULL ? 0 : 1;
    world_free(play.world);
    return code;
}
