/* The scenario `sale`: three items with stock, VAT and cost in each sale, paid in cash, in a shop made for it. */
#include <stdio.h>
#include <string.h>

#include "account.pb-c.h"
#include "business.pb-c.h"
#include "catalogue.pb-c.h"
#include "proto/base/limits.h"
#include "stock.pb-c.h"
#include "tools/bench/entries.h"
#include "tools/bench/scenario.h"
#include "trade.pb-c.h"

#define SHOP  "BENCHSHOP"
#define ITEMS 250u /* as many as one opening of the register takes */
#define LINES 3u

/* One account of each kind that a sale touches. */
enum { CASH, INVENTORY, VAT, REVENUE, COST, DIFFERENCE, ACCOUNTS };
static const struct {
    uint32_t number;
    const char *name;
    Daftari__V1__AccountClass class;
    Daftari__V1__AccountRole role;
} accounts[ACCOUNTS] = {
    [CASH] = {190000001, "Bench cash", DAFTARI__V1__ACCOUNT_CLASS__CLASS_CASH,
              DAFTARI__V1__ACCOUNT_ROLE__ROLE_CASH},
    [INVENTORY] = {190000002, "Bench stock", DAFTARI__V1__ACCOUNT_CLASS__CLASS_INVENTORY,
                   DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY},
    [VAT] = {290000001, "Bench VAT", DAFTARI__V1__ACCOUNT_CLASS__CLASS_NONE,
             DAFTARI__V1__ACCOUNT_ROLE__ROLE_VAT_OUTPUT},
    [REVENUE] = {490000001, "Bench sales", DAFTARI__V1__ACCOUNT_CLASS__CLASS_NONE,
                 DAFTARI__V1__ACCOUNT_ROLE__ROLE_REVENUE},
    [COST] = {590000001, "Bench cost", DAFTARI__V1__ACCOUNT_CLASS__CLASS_NONE,
              DAFTARI__V1__ACCOUNT_ROLE__ROLE_COST_OF_SALES},
    [DIFFERENCE] = {390000001, "Bench opening", DAFTARI__V1__ACCOUNT_CLASS__CLASS_NONE,
                    DAFTARI__V1__ACCOUNT_ROLE__ROLE_OPENING_DIFFERENCE},
};

/* ---- the shop ----------------------------------------------------------------------------------------------------- */

static enum dft_status give(struct bench *bench, const char *method, const ProtobufCMessage *message,
                            struct dft_fault *why)
{
    static uint8_t body[FRAME_PAYLOAD_MAX / 2]; /* one run at a time */
    struct dft_recorded recorded;
    size_t len = protobuf_c_message_get_packed_size(message);
    if (len > sizeof body) {
        (void)snprintf(why->text, sizeof why->text, "%s: too large", method);
        return why->status = DFT_TOO_LARGE;
    }
    (void)protobuf_c_message_pack(message, body);
    return dft_command(bench->client, method, NULL, body, len, &recorded, why);
}

static enum dft_status open_business(struct bench *bench, struct dft_fault *why)
{
    Daftari__V1__OpenBusiness open = DAFTARI__V1__OPEN_BUSINESS__INIT;
    Daftari__V1__ChangeSettings change = DAFTARI__V1__CHANGE_SETTINGS__INIT;
    Daftari__V1__Setting mode = DAFTARI__V1__SETTING__INIT, *settings[] = {&mode};
    open.code = (char *)SHOP;
    open.name = (char *)"Shop of daftari-bench";
    open.type = (char *)"retail";
    mode.name = (char *)"vat_mode";
    mode.value = (char *)"inclusive";
    change.business = (char *)SHOP;
    change.n_settings = 1;
    change.settings = settings;
    enum dft_status status = give(bench, "Business.Open", &open.base, why);
    return status == DFT_OK ? give(bench, "Business.Set", &change.base, why) : status;
}

static enum dft_status open_chart(struct bench *bench, struct dft_fault *why)
{
    Daftari__V1__PostingRuleLine lines[ACCOUNTS], *rules[ACCOUNTS];
    Daftari__V1__SetPostingRules set = DAFTARI__V1__SET_POSTING_RULES__INIT;
    enum dft_status status = DFT_OK;
    for (size_t i = 0; status == DFT_OK && i < ACCOUNTS; i++) {
        Daftari__V1__OpenAccount open = DAFTARI__V1__OPEN_ACCOUNT__INIT;
        open.has_number = open.has_class_ = true;
        open.number = accounts[i].number;
        open.class_ = accounts[i].class;
        open.name = (char *)(uintptr_t)accounts[i].name;
        open.business = (char *)SHOP;
        status = give(bench, "Account.Open", &open.base, why);
        daftari__v1__posting_rule_line__init(&lines[i]);
        lines[i].has_role = lines[i].has_account = true;
        lines[i].role = accounts[i].role;
        lines[i].account = accounts[i].number;
        rules[i] = &lines[i];
    }
    set.business = (char *)SHOP;
    set.n_rules = ACCOUNTS;
    set.rules = rules;
    return status == DFT_OK ? give(bench, "PostingRule.Set", &set.base, why) : status;
}

static char codes[ITEMS][8];

static enum dft_status define_items(struct bench *bench, struct dft_fault *why)
{
    static Daftari__V1__PriceLine prices[ITEMS], *price_rows[ITEMS];
    static Daftari__V1__OpenStockLine stock[ITEMS], *stock_rows[ITEMS];
    Daftari__V1__SetPrices set = DAFTARI__V1__SET_PRICES__INIT;
    Daftari__V1__OpenStock open = DAFTARI__V1__OPEN_STOCK__INIT;
    enum dft_status status = DFT_OK;
    for (uint32_t i = 0; status == DFT_OK && i < ITEMS; i++) {
        Daftari__V1__DefineItem item = DAFTARI__V1__DEFINE_ITEM__INIT;
        (void)snprintf(codes[i], sizeof codes[i], "BEN%03u", i);
        item.code = item.name = codes[i];
        status = give(bench, "Item.Define", &item.base, why);
        daftari__v1__price_line__init(&prices[i]);
        prices[i].item = codes[i];
        prices[i].has_price_minor = true;
        prices[i].price_minor = 5000 + 10 * i;
        price_rows[i] = &prices[i];
        daftari__v1__open_stock_line__init(&stock[i]);
        stock[i].item = codes[i];
        stock[i].has_quantity_milli = stock[i].has_unit_cost_minor = true;
        stock[i].quantity_milli = INT64_C(1000000000000); /* a thousand million: none runs out */
        stock[i].unit_cost_minor = 3333;
        stock_rows[i] = &stock[i];
    }
    set.business = open.business = (char *)SHOP;
    set.n_prices = open.n_lines = ITEMS;
    set.prices = price_rows;
    open.lines = stock_rows;
    if (status == DFT_OK)
        status = give(bench, "Price.Set", &set.base, why);
    return status == DFT_OK ? give(bench, "Stock.Open", &open.base, why) : status;
}

/* ---- sales -------------------------------------------------------------------------------------------------------- */

struct sale_source {
    uint64_t random;
};

/* Request.commands { command_id; body = RecordSale { business; lines { item; quantity_milli } x 3 } } */
static size_t put_sale(void *context, uint8_t *out)
{
    struct sale_source *source = context;
    uint64_t random = random_next(&source->random);
    uint8_t body[128], *at = body;
    size_t name = sizeof SHOP - 1;
    *at++ = 0x0a;
    *at++ = (uint8_t)name;
    memcpy(at, SHOP, name);
    at += name;
    for (uint32_t i = 0; i < LINES; i++, random >>= 16) {
        *at++ = 0x22;
        *at++ = 2 + 6 + 3;
        *at++ = 0x0a;
        *at++ = 6;
        memcpy(at, codes[random % ITEMS], 6);
        at += 6;
        *at++ = 0x10;
        *at++ = 0xd0; /* 2,000: two pieces */
        *at++ = 0x0f;
    }
    size_t len = (size_t)(at - body);
    out[0] = 0x2a;
    out[1] = (uint8_t)(18 + 2 + len);
    out[2] = 0x0a;
    out[3] = DFT_COMMAND_ID_BYTES;
    dft_command_id_new(out + 4);
    out[20] = 0x12;
    out[21] = (uint8_t)len;
    memcpy(out + 22, body, len);
    return 22 + len;
}

enum dft_status run_sale(struct bench *bench, const struct scenario *scenario, struct figures *out,
                         struct dft_fault *why)
{
    const struct bench_options *options = &bench->options;
    struct sale_source source = {.random = options->seed | 1};
    enum dft_status status = bench_log_in(bench, why);
    (void)scenario;
    if (status == DFT_OK && !bench->shop_open) {
        status = open_business(bench, why);
        if (status == DFT_OK)
            status = open_chart(bench, why);
        if (status == DFT_OK)
            status = define_items(bench, why);
        bench->shop_open = status == DFT_OK;
    }
    if (status != DFT_OK)
        return status;
    struct lane lane = {.work = {.method = "Sale.Record", .item = put_sale, .context = &source},
                        .connections = options->connections,
                        .in_flight = options->in_flight,
                        .batch = options->batch,
                        .items_max = options->entries};
    figures_add(out, "items", "items of stock", "", ITEMS);
    figures_add(out, "seed", "seed", "", options->seed);
    return measure_load(bench, &lane, out, why);
}
