/* The limits of the catalogue: as many dated prices, rates, rules and settings as there may be, and one more; and what
 * documents read at a date. */
#include <stdio.h>
#include <string.h>

#include "reason.pb-c.h"
#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/profile.h"
#include "tests/support/world.h"

static size_t trouble;

static const struct world_actor server = {0};

/* The day `index` days after the books open; 28 days a month are enough. */
static civil_date day(unsigned index)
{
    return (2025 + index / 336) * 10000 + (1 + index / 28 % 12) * 100 + 1 + index % 28;
}

static void tell(struct world *world, const char *method, const char *text, enum status status,
                 uint32_t reason)
{
    struct world_answer answer;
    if (world_command_text(world, &server, method, text, &answer) && answer.status == status &&
        (status != STATUS_REFUSED || answer.fault.reason == reason))
        return;
    printf("# %s %s: %s (%s)\n", method, text, status_name(answer.status), answer.fault.text);
    trouble++;
}

static int verdict(const char *what)
{
    printf("%s - %s\n", trouble == 0 ? "ok" : "not ok", what);
    int bad = trouble != 0;
    trouble = 0;
    return bad;
}

static void set_price(struct world *world, unsigned index, enum status status)
{
    char text[200];
    (void)snprintf(text, sizeof text,
                   "{\"business\": \"RTL\", \"from_date\": %u, \"prices\": [{\"item\": \"SNK001\", "
                   "\"price_minor\": %u}]}",
                   day(index), 10000 + index);
    tell(world, "Price.Set", text, status, DAFTARI__V1__REASON__TOO_MANY_PRICES);
}

static int check_prices(struct world *world)
{
    enum { PRICES = 1000 };
    struct kv_txn *txn;
    struct item_row item;
    /* Out of order: the odd days first. 1 January has a price already. */
    for (unsigned i = 1; i < PRICES; i += 2)
        set_price(world, i, STATUS_OK);
    for (unsigned i = 2; i < PRICES; i += 2)
        set_price(world, i, STATUS_OK);
    set_price(world, PRICES, STATUS_REFUSED);
    set_price(world, PRICES / 2, STATUS_OK);
    if (kv_begin(world->state, false, &txn) != STATUS_OK || !item_find(txn, "SNK001", &item)) {
        trouble++;
        return verdict("prices can be read");
    }
    for (unsigned i = 0; i < PRICES; i++) {
        int64_t price = 0;
        if (!price_get(txn, item.number, 3, day(i), &price) || price != (i == 0 ? 6000 : 10000 + (int64_t)i))
            trouble++;
    }
    int64_t price;
    trouble += price_get(txn, item.number, 3, 20241231, &price) ? 1 : 0;
    trouble += price_get(txn, item.number, 1, 20250601, &price) ? 1 : 0;
    kv_abort(txn);
    return verdict("a thousand dated prices of an item, each in effect on its day");
}

static int check_rates(struct world *world)
{
    enum { RATES = 255 };
    char text[200];
    struct kv_txn *txn;
    uint16_t code;
    for (unsigned i = RATES; i-- != 0;) { /* the latest first */
        (void)snprintf(text, sizeof text, "{\"code\": \"STD\", \"rate_bp\": %u, \"from_date\": %u}", 1000 + i,
                       day(i));
        tell(world, "TaxCode.SetRate", text, i == 0 ? STATUS_TOO_LARGE : STATUS_OK, 0);
    }
    if (kv_begin(world->state, false, &txn) != STATUS_OK || !tax_code_find(txn, "STD", &code)) {
        trouble++;
        return verdict("rates can be read");
    }
    for (unsigned i = 0; i < RATES; i++) {
        Daftari__V1__TaxKind kind;
        uint32_t rate;
        if (!tax_code_rate(txn, code, day(i), &kind, &rate) || rate != (i == 0 ? 1600 : 1000 + i))
            trouble++;
    }
    kv_abort(txn);
    return verdict("as many dated rates as there may be, each in effect on its day");
}

static int check_rules(struct world *world)
{
    enum { THERE = 31, RULES = 512 };
    char text[300];
    for (unsigned i = 0; i <= RULES - THERE; i++) {
        (void)snprintf(text, sizeof text, "{\"name\": \"Category %u\"}", i);
        tell(world, "Category.Define", text, STATUS_OK, 0);
        (void)snprintf(
            text, sizeof text,
            "{\"rules\": [{\"role\": \"supplies\", \"account\": 5810, \"category\": \"Category %u\"}]}", i);
        tell(world, "PostingRule.Set", text, i == RULES - THERE ? STATUS_REFUSED : STATUS_OK,
             DAFTARI__V1__REASON__TOO_MANY_RULES);
    }
    tell(world, "PostingRule.Set",
         "{\"rules\": [{\"role\": \"supplies\", \"category\": \"Category 7\"}, "
         "{\"role\": \"supplies\", \"account\": 5810, \"category\": \"Category 481\"}]}",
         STATUS_OK, 0);
    return verdict("as many posting rules as there may be");
}

static int check_settings(struct world *world)
{
    enum { DATED = 1000 };
    char text[300];
    struct kv_txn *txn;
    struct arena *arena = arena_new(1 << 20);
    struct profile profile;
    unsigned accepted = 0;
    for (unsigned i = 1; i < DATED; i++) {
        struct world_answer answer;
        (void)snprintf(
            text, sizeof text,
            "{\"business\": \"LND\", \"from_date\": %u, \"settings\": [{\"name\": \"float_amount\", "
            "\"value\": \"%u.50\"}]}",
            day(i), i);
        if (world_command_text(world, &server, "Business.Set", text, &answer) && answer.status == STATUS_OK)
            accepted++;
    }
    tell(world, "Business.Set",
         "{\"business\": \"LND\", \"from_date\": 20300101, \"settings\": [{\"name\": \"float_amount\", "
         "\"value\": "
         "\"1\"}]}",
         STATUS_TOO_LARGE, 0);
    if (kv_begin(world->state, false, &txn) != STATUS_OK)
        return ++trouble, verdict("settings can be read");
    profile_get(txn, 2, arena, &profile);
    trouble += profile_setting_count(&profile) == PROFILE_DATED_MAX ? 0 : 1;
    for (unsigned i = 1; i <= accepted; i++) {
        int64_t value;
        if (!profile_setting(&profile, PROFILE_FLOAT, day(i), &value) || value != (int64_t)i * 100 + 50)
            trouble++;
    }
    int64_t rate;
    trouble += profile_setting(&profile, PROFILE_TAX_RATE, 20250101, &rate) && rate == 1600 ? 0 : 1;
    trouble += profile_setting(&profile, PROFILE_TAX_RATE, 20241231, &rate) ? 1 : 0;
    trouble += profile_setting(&profile, PROFILE_SALE_SERIES, 20250101, &rate) ? 1 : 0;
    kv_abort(txn);
    arena_free(arena);
    return verdict("settings as numbers, by date, as many as there may be");
}

int main(void)
{
    struct world *world = world_new();
    int bad = 0;
    if (!world_open_example(world)) {
        printf("not ok - the example is not accepted\n");
        return 1;
    }
    bad += check_prices(world);
    bad += check_rates(world);
    bad += check_rules(world);
    bad += check_settings(world);
    trouble += world_check(world) ? 0 : 1;
    if (trouble != 0)
        printf("# %s\n", world->trouble);
    bad += verdict("folding the log again gives the same rows");
    world_free(world);
    return bad == 0 ? 0 : 1;
}
