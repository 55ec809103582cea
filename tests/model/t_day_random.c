/*
 * Random days of three tills in two shops against a list of what moved in each of them: sales, also offline and by bank,
 * returns, voids, expenses, transfers, deposits, entries, on days before and after; days opened, counted, closed and
 * reopened; months closed. The model says before each command whether it is accepted and on which date it counts. Each Z
 * report must say what the list adds up to: what was brought forward, every flow, what is expected, the difference, and a
 * number without gaps. DAFTARI_SEED repeats a run; RANDOM_STEPS sets its length.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "day.pb-c.h"
#include "proto/base/date.h"
#include "tests/support/random.h"
#include "tests/support/world.h"

#define KIND(name) DAFTARI__V1__DAY_FLOW_KIND__FLOW_##name
#define KINDS      12u
#define TILLS      3u
#define MOVES_MAX  40000u
#define SALES_MAX  4000u
#define PRICE      3000 /* of ironing a piece */
#define BANK       TILLS

enum { LND_MAIN, LND_SIDE, WTR_MAIN };
static const uint32_t accounts[TILLS] = {1120, 1122, 1110};
static const char *const shops[TILLS] = {"LND", "LND", "WTR"};
static const unsigned mains[TILLS] = {LND_MAIN, LND_MAIN, WTR_MAIN};

struct move {
    unsigned till; /* BANK: of LND, by bank */
    civil_date date;
    int64_t amount;
    Daftari__V1__DayFlowKind kind;
};
struct till {
    civil_date open, closed, closed_before;
    uint32_t z_number;
};
struct sale {
    char number[NUMBER_TEXT_MAX + 1];
    unsigned till;
    civil_date date;
    int64_t amount, returned;
    bool undone;
};
struct play {
    struct world *world;
    struct random *random;
    struct till tills[TILLS];
    struct move moves[MOVES_MAX];
    size_t move_count;
    struct sale sales[SALES_MAX];
    size_t sale_count;
    civil_date today, shut; /* the months up to `shut` are closed */
    struct world_answer answer;
    size_t accepted, refused, reports;
    char text[600], method[40];
    const char *failure;
};

static const struct world_actor server = {0};

static uint32_t below(struct play *play, uint32_t bound)
{
    return (uint32_t)random_below(play->random, bound);
}

static civil_date later(civil_date a, civil_date b)
{
    return a > b ? a : b;
}

static bool expect(struct play *play, const char *method, bool good)
{
    (void)snprintf(play->method, sizeof play->method, "%s", method);
    if (!world_command_text(play->world, &server, method, play->text, &play->answer))
        play->failure = "the JSON does not fit";
    else if ((play->answer.status == STATUS_OK) != good)
        play->failure = good ? "not accepted" : "accepted";
    else if (!good && play->answer.status != STATUS_REFUSED)
        play->failure = "not accepted, and not refused by a rule";
    else
        (*(good ? &play->accepted : &play->refused))++;
    return good && play->failure == NULL;
}

/* ---- the model -------------------------------------------------------------------------------------------------- */

static void moved(struct play *play, unsigned till, civil_date date, int64_t amount,
                  Daftari__V1__DayFlowKind kind)
{
    if (play->move_count == MOVES_MAX)
        abort();
    play->moves[play->move_count++] =
        (struct move){.till = till, .date = date, .amount = amount, .kind = kind};
}

static int64_t balance(const struct play *play, unsigned till, civil_date date)
{
    int64_t sum = 0;
    for (size_t i = 0; i < play->move_count; i++)
        if (play->moves[i].till == till && play->moves[i].date <= date)
            sum += play->moves[i].amount;
    return sum;
}

static int64_t flow(const struct play *play, unsigned till, civil_date date, Daftari__V1__DayFlowKind kind)
{
    int64_t sum = 0;
    for (size_t i = 0; i < play->move_count; i++)
        if (play->moves[i].till == till && play->moves[i].date == date && play->moves[i].kind == kind)
            sum += play->moves[i].amount;
    return sum;
}

static bool dated(const struct play *play, civil_date date)
{
    return date > play->shut && date <= date_add_days(play->today, 1);
}

/* May this till move on a date? BANK: no till does. */
static bool moves_on(const struct play *play, unsigned till, civil_date date)
{
    return dated(play, date) && (till == BANK || date > play->tills[till].closed);
}

static bool sells_on(const struct play *play, unsigned till, civil_date date)
{
    return moves_on(play, till, date) && date > play->tills[LND_MAIN].closed;
}

static civil_date some_date(struct play *play)
{
    return date_add_days(play->today, (int)below(play, 5) - 3);
}

static uint32_t some_amount(struct play *play)
{
    return 1 + below(play, 5000);
}

static void tender(unsigned till, char out[80])
{
    if (till == BANK)
        (void)snprintf(out, 80, "[{\"method\": \"bank\"}]");
    else
        (void)snprintf(out, 80, "[{\"method\": \"cash\", \"account\": %u}]", accounts[till]);
}

/* ---- documents -------------------------------------------------------------------------------------------------- */

static void sell(struct play *play)
{
    static const unsigned ways[] = {LND_MAIN, LND_MAIN, LND_SIDE, BANK};
    char paid[80];
    unsigned till = ways[below(play, 4)], pieces = 1 + below(play, 5);
    bool offline = below(play, 3) == 0;
    civil_date date = some_date(play), counts = date;
    tender(till, paid);
    if (offline) {
        counts = counts <= play->shut ? play->today : counts;
        counts = later(counts, date_add_days(later(play->tills[LND_MAIN].closed, 20250101), 1));
        if (till != BANK)
            counts = later(counts, date_add_days(later(play->tills[till].closed, 20250101), 1));
    }
    (void)snprintf(play->text, sizeof play->text,
                   "{\"business\": \"LND\", \"date\": %u, \"offline\": %s, \"lines\": [{\"item\": \"IRON\", "
                   "\"quantity_milli\": %u, \"unit_price_minor\": %d}], \"tenders\": %s}",
                   date, offline ? "true" : "false", pieces * 1000, PRICE, paid);
    if (!expect(play, "Sale.Record", sells_on(play, till, counts)))
        return;
    moved(play, till, counts, (int64_t)pieces * PRICE, KIND(SALES));
    struct sale *sale = &play->sales[play->sale_count++ % SALES_MAX];
    *sale = (struct sale){.till = till, .date = counts, .amount = (int64_t)pieces * PRICE};
    memcpy(sale->number, play->answer.number, sizeof sale->number);
    const struct record record = world_record_at(play->world, play->answer.position);
    if (record.header.business_date != counts)
        play->failure = "it counts on another date";
}

static struct sale *some_sale(struct play *play)
{
    size_t count = play->sale_count < SALES_MAX ? play->sale_count : SALES_MAX;
    size_t recent = count < 30 ? count : 30;
    if (count == 0)
        return NULL;
    return &play->sales[(play->sale_count - 1 - below(play, (uint32_t)recent)) % SALES_MAX];
}

static void take_back(struct play *play)
{
    struct sale *sale = some_sale(play);
    char paid[80];
    unsigned till = below(play, 2) == 0 ? LND_MAIN : LND_SIDE;
    civil_date date = some_date(play);
    if (sale == NULL || date < sale->date)
        return;
    tender(till, paid);
    (void)snprintf(play->text, sizeof play->text,
                   "{\"number\": \"%s\", \"date\": %u, \"lines\": [{\"line\": 1, \"quantity_milli\": 1000}], "
                   "\"refunds\": %s, \"reason\": \"scorched\"}",
                   sale->number, date, paid);
    bool good = sells_on(play, till, date) && !sale->undone && sale->returned < sale->amount;
    if (!expect(play, "Return.Record", good))
        return;
    sale->returned += PRICE;
    moved(play, till, date, -PRICE, KIND(REFUNDS));
}

static void make_void(struct play *play)
{
    struct sale *sale = some_sale(play);
    if (sale == NULL)
        return;
    (void)snprintf(play->text, sizeof play->text, "{\"number\": \"%s\", \"reason\": \"typed twice\"}",
                   sale->number);
    bool good = sale->date == play->today && sells_on(play, sale->till, sale->date) && !sale->undone &&
                sale->returned == 0;
    if (!expect(play, "Sale.MakeVoid", good))
        return;
    sale->undone = true;
    moved(play, sale->till, sale->date, -sale->amount, KIND(VOIDS));
}

static void spend(struct play *play)
{
    char paid[80];
    unsigned till = below(play, TILLS);
    civil_date date = some_date(play);
    uint32_t amount = some_amount(play);
    tender(till, paid);
    (void)snprintf(play->text, sizeof play->text,
                   "{\"business\": \"%s\", \"date\": %u, \"category\": \"Transportation\", \"amount_minor\": "
                   "%u, \"tenders\": %s}",
                   shops[till], date, amount, paid);
    if (expect(play, "Expense.Record", moves_on(play, till, date)))
        moved(play, till, date, -(int64_t)amount, KIND(EXPENSES));
}

static void transfer(struct play *play)
{
    unsigned from = below(play, TILLS), to = (from + 1 + below(play, TILLS - 1)) % TILLS;
    civil_date date = some_date(play);
    uint32_t amount = some_amount(play);
    (void)snprintf(play->text, sizeof play->text,
                   "{\"business\": \"%s\", \"date\": %u, \"amount_minor\": %u, \"from\": \"METHOD_CASH\", "
                   "\"from_account\": %u, \"to\": \"METHOD_CASH\", \"to_account\": %u, \"to_business\": "
                   "\"%s\"}",
                   shops[from], date, amount, accounts[from], accounts[to], shops[to]);
    if (!expect(play, "Transfer.Record", moves_on(play, from, date) && moves_on(play, to, date)))
        return;
    moved(play, from, date, -(int64_t)amount, KIND(TRANSFERS));
    moved(play, to, date, amount, KIND(TRANSFERS));
}

static void bank(struct play *play)
{
    unsigned till = below(play, TILLS);
    civil_date date = some_date(play);
    uint32_t amount = some_amount(play);
    (void)snprintf(play->text, sizeof play->text,
                   "{\"business\": \"%s\", \"date\": %u, \"amount_minor\": %u, \"from_account\": %u}",
                   shops[till], date, amount, accounts[till]);
    if (expect(play, "Deposit.Record", moves_on(play, till, date)))
        moved(play, till, date, -(int64_t)amount, KIND(DEPOSITS));
}

/* The model knows nothing of the other kinds: to the Z report an entry is the rest. */
static void post(struct play *play)
{
    unsigned till = below(play, TILLS);
    civil_date date = some_date(play);
    uint32_t amount = some_amount(play);
    (void)snprintf(play->text, sizeof play->text,
                   "{\"business\": \"%s\", \"date\": %u, \"description\": \"Found\", \"lines\": "
                   "[{\"account\": %u, \"debit_minor\": %u}, {\"account\": 4800, \"credit_minor\": %u, "
                   "\"business\": \"%s\"}]}",
                   shops[till], date, accounts[till], amount, amount, shops[till]);
    if (expect(play, "Entry.Post", moves_on(play, till, date)))
        moved(play, till, date, amount, KIND(OTHER));
}

/* ---- days ------------------------------------------------------------------------------------------------------- */

/* Near to what is there, or that; at times as notes and coins. */
static int64_t counted_text(struct play *play, int64_t expected, char *out, size_t cap)
{
    int64_t counted = expected + (below(play, 2) == 0 ? 0 : (int64_t)below(play, 2000) - 1000);
    if (below(play, 3) != 0)
        (void)snprintf(out, cap, "\"counted_minor\": %lld", (long long)counted);
    else
        (void)snprintf(out, cap,
                       "\"cash\": [{\"value_minor\": 100000, \"count\": %lld}, {\"value_minor\": 1, "
                       "\"count\": %lld}]",
                       (long long)(counted / 100000), (long long)(counted % 100000));
    return counted;
}

static void open(struct play *play)
{
    char counted_as[120];
    unsigned n = below(play, TILLS);
    struct till *till = &play->tills[n];
    civil_date date = below(play, 2) == 0 ? play->today : some_date(play);
    int64_t expected = balance(play, n, date);
    int64_t counted = counted_text(play, expected, counted_as, sizeof counted_as);
    (void)snprintf(play->text, sizeof play->text, "{\"business\": \"%s\", \"account\": %u, \"date\": %u, %s}",
                   shops[n], accounts[n], date, counted_as);
    bool good = moves_on(play, n, date) && date <= play->today && till->open == 0;
    if (!expect(play, "Day.Open", good))
        return;
    moved(play, n, date, counted - expected, KIND(DIFFERENCES));
    till->open = date;
}

static void count(struct play *play)
{
    char counted_as[120];
    unsigned n = below(play, TILLS);
    const struct till *till = &play->tills[n];
    (void)counted_text(play, balance(play, n, play->today), counted_as, sizeof counted_as);
    (void)snprintf(play->text, sizeof play->text, "{\"business\": \"%s\", \"account\": %u, %s}", shops[n],
                   accounts[n], counted_as);
    (void)expect(play, "Day.Count", till->open != 0);
}

/* What a Z report must say. */
struct expected {
    unsigned till;
    civil_date date;
    uint32_t z_number;
    int64_t before, expected, counted, flows[KINDS], by_bank[KINDS];
    const char *wrong;
    size_t rows;
};

static int64_t sales_of(const struct expected *expected)
{
    int64_t sum = 0;
    for (unsigned kind = KIND(SALES); kind <= KIND(VOIDS); kind++)
        sum += expected->flows[kind] + expected->by_bank[kind];
    return sum;
}

static void check_report(void *context, const ProtobufCMessage *message)
{
    struct expected *expected = context;
    const Daftari__V1__DayInfo *info = (const Daftari__V1__DayInfo *)message;
    bool main = mains[expected->till] == expected->till;
    int64_t cash[KINDS] = {0}, by_bank[KINDS] = {0}, sum = info->brought_forward_minor;
    for (size_t i = 0; i < info->n_flows; i++) {
        const Daftari__V1__DayFlow *row = info->flows[i];
        bool of_cash = row->method == DAFTARI__V1__DAY_FLOW_METHOD__FLOW_CASH;
        (of_cash ? cash : by_bank)[row->kind] += row->amount_minor;
        sum += of_cash ? row->amount_minor : 0;
        if (row->amount_minor == 0)
            expected->wrong = "a flow of nothing is told";
    }
    expected->rows++;
    if (memcmp(cash, expected->flows, sizeof cash) != 0)
        expected->wrong = "the flows of cash";
    if (main && memcmp(by_bank, expected->by_bank, sizeof by_bank) != 0)
        expected->wrong = "the flows by bank";
    if (sum != info->expected_minor || info->expected_minor != expected->expected)
        expected->wrong = "what is expected";
    if (info->brought_forward_minor != expected->before || info->date != expected->date ||
        info->z_number != expected->z_number || info->main != main)
        expected->wrong = "what was before, date, number or till";
    if (info->counted_minor != expected->counted ||
        info->difference_minor != expected->counted - expected->expected)
        expected->wrong = "what was counted";
    if (main && info->sales_minor != sales_of(expected))
        expected->wrong = "the sales";
}

static void check_shown(struct play *play, struct expected *expected)
{
    struct fault why;
    size_t len;
    json_t *json = json_pack("{s:s, s:i, s:i}", "business", shops[expected->till], "account",
                             (int)accounts[expected->till], "date", (int)expected->date);
    uint8_t *body = world_json_body(play->world, "Day.Show", json, &len);
    json_decref(json);
    if (body == NULL ||
        world_query(play->world, &server, "Day.Show", slice_of(body, len), check_report, expected, &why) !=
            STATUS_OK ||
        expected->rows != 1)
        expected->wrong = "there is none";
    free(body);
    play->failure = expected->wrong;
    play->reports++;
}

static void close(struct play *play)
{
    char counted_as[120];
    unsigned n = below(play, TILLS);
    struct till *till = &play->tills[n];
    struct expected expected = {.till = n, .date = till->open, .z_number = till->z_number + 1};
    expected.expected = balance(play, n, till->open);
    expected.before = till->open != 0 ? balance(play, n, date_add_days(till->open, -1)) : 0;
    for (unsigned kind = KIND(OTHER); kind < KINDS; kind++) {
        expected.flows[kind] = flow(play, n, till->open, kind);
        expected.by_bank[kind] = n == LND_MAIN ? flow(play, BANK, till->open, kind) : 0;
    }
    expected.counted = counted_text(play, expected.expected, counted_as, sizeof counted_as);
    (void)snprintf(play->text, sizeof play->text, "{\"business\": \"%s\", \"account\": %u, %s}", shops[n],
                   accounts[n], counted_as);
    if (!expect(play, "Day.Close", till->open != 0))
        return;
    moved(play, n, till->open, expected.counted - expected.expected, KIND(DIFFERENCES));
    till->closed_before = till->closed;
    till->closed = till->open;
    till->open = 0;
    till->z_number++;
    check_shown(play, &expected);
}

static void reopen(struct play *play)
{
    unsigned n = below(play, TILLS);
    struct till *till = &play->tills[n];
    (void)snprintf(play->text, sizeof play->text,
                   "{\"business\": \"%s\", \"account\": %u, \"reason\": \"found a note\"}", shops[n],
                   accounts[n]);
    if (!expect(play, "Day.Reopen", till->open == 0 && till->closed != 0 && till->closed > play->shut))
        return;
    till->open = till->closed;
    till->closed = till->closed_before;
}

static void next_day(struct play *play)
{
    play->today = date_add_days(play->today, 1);
    world_set_day(play->world, play->today);
}

static void close_month(struct play *play)
{
    civil_date first = play->shut == 0 ? 20250101 : date_add_days(play->shut, 1),
               last = date_month_end(first);
    bool open = false;
    if (last >= play->today)
        return;
    for (unsigned n = 0; n < TILLS; n++)
        open = open || (play->tills[n].open != 0 && play->tills[n].open <= last);
    (void)snprintf(play->text, sizeof play->text, "{\"month\": %u}", first / 100);
    if (expect(play, "Period.Close", !open))
        play->shut = last;
}

/* ---- the play --------------------------------------------------------------------------------------------------- */

static bool set_up(struct play *play)
{
    static const char *const lines[][2] = {
        {"Account.Open",
         "{\"number\": 1122, \"name\": \"Second till\", \"business\": \"LND\", \"class\": \"cash\"}"},
        {"Entry.Post",
         "{\"business\": \"LND\", \"date\": 20250101, \"description\": \"Float\", \"lines\": "
         "[{\"account\": 1120, \"debit_minor\": 900000000}, {\"account\": 1122, \"debit_minor\": "
         "900000000}, {\"account\": 3100, \"credit_minor\": 1800000000}]}"},
        {"Entry.Post",
         "{\"business\": \"WTR\", \"date\": 20250101, \"description\": \"Float\", \"lines\": "
         "[{\"account\": 1110, \"debit_minor\": 900000000}, {\"account\": 3100, \"credit_minor\": "
         "900000000}]}"},
    };
    bool good =
        world_open_example(play->world) && world_load(play->world, "data/kenya-expenses.jsonl", NULL, NULL);
    for (size_t i = 0; good && i < sizeof lines / sizeof lines[0]; i++) {
        (void)snprintf(play->text, sizeof play->text, "%s", lines[i][1]);
        good = expect(play, lines[i][0], true);
    }
    moved(play, LND_MAIN, 20250101, 900300000, KIND(OTHER)); /* 3,000.00 from the data file */
    moved(play, LND_SIDE, 20250101, 900000000, KIND(OTHER));
    moved(play, WTR_MAIN, 20250101, 900500000, KIND(OTHER));
    return good;
}

int main(void)
{
    typedef void act(struct play *);
    static act *const acts[] = {sell, sell, sell,  sell, sell,  take_back, make_void, spend,  transfer,
                                bank, post, count, open, close, open,      close,     reopen, next_day};
    const char *steps_text = getenv("RANDOM_STEPS");
    unsigned steps = steps_text != NULL ? (unsigned)strtoul(steps_text, NULL, 10) : 3000, step = 0;
    struct random random = random_start();
    struct play *play = calloc(1, sizeof *play);
    if (play == NULL)
        abort();
    play->world = world_new();
    play->random = &random;
    play->today = 20250105;
    bool good = set_up(play);
    world_set_day(play->world, play->today);
    for (; good && step < steps; step++) {
        acts[below(play, sizeof acts / sizeof acts[0])](play);
        if (step % 20 == 0)
            close_month(play);
        for (unsigned n = 0; play->failure == NULL && n < TILLS; n++)
            if (world_balance(play->world, accounts[n], shops[n], NULL) != balance(play, n, DATE_MAX))
                play->failure = "the balance of a till";
        good = play->failure == NULL && (step % 1000 != 0 || world_check(play->world));
    }
    if (!good)
        printf("# step %u, %u: %s %s: %s (%s %s)\n# %s\n", step, play->today, play->method, play->text,
               play->failure != NULL ? play->failure : "?", status_name(play->answer.status),
               play->answer.fault.text, play->world->trouble);
    good = good && world_check(play->world) && play->accepted > steps / 4 && play->reports > steps / 50;
    printf("# %zu accepted, %zu refused, %zu Z reports, up to %u, closed up to %u %s\n", play->accepted,
           play->refused, play->reports, play->today, play->shut, play->world->trouble);
    printf("%s - days of tills and their Z reports agree with a second computation\n",
           good ? "ok" : "not ok");
    world_free(play->world);
    free(play);
    return good ? 0 : 1;
}
