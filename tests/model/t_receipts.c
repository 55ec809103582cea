/* Money that M-Pesa told of before any document: a sale that cites its receipt takes it from where it is parked. The row
 * is put into core state by hand here. */
#include <stdio.h>

#include "reason.pb-c.h"
#include "server/domain/kernel/receipt.h"
#include "tests/support/world.h"

#define RECEIPT "RKTQDM7W6S"

static const struct world_actor server = {0};
static size_t trouble;

static void expect(bool holds, const char *what)
{
    printf("%s - %s\n", holds ? "ok" : "not ok", what);
    trouble += !holds;
}

static void park(struct world *world, int64_t amount)
{
    struct kv_txn *txn;
    struct receipt_row row = {
        .state = RECEIPT_PARKED, .position = 1, .amount = amount, .account = 2120, .business = 2};
    if (kv_begin(world->state, true, &txn) != STATUS_OK)
        return;
    receipt_put(txn, RECEIPT, &row);
    if (kv_commit(txn) != STATUS_OK)
        expect(false, "the receipt is parked");
}

static enum receipt_state state_of(struct world *world)
{
    struct kv_txn *txn;
    struct receipt_row row = {0};
    if (kv_begin(world->state, false, &txn) != STATUS_OK)
        return row.state;
    (void)receipt_get(txn, RECEIPT, &row);
    kv_abort(txn);
    return row.state;
}

static bool sell(struct world *world, const char *amount, struct world_answer *out)
{
    char text[300];
    (void)snprintf(
        text, sizeof text,
        "{\"business\": \"LND\", \"lines\": [{\"item\": \"IRON\"}], \"tenders\": [{\"method\": \"mpesa\", "
        "\"amount\": \"%s\", \"reference\": \"" RECEIPT "\"}]}",
        amount);
    return world_command_text(world, &server, "Sale.Record", text, out);
}

int main(void)
{
    struct world *world = world_new();
    struct world_answer answer;
    if (!world_open_example(world))
        return 1;
    world_set_day(world, 20250203);
    park(world, 5000);
    expect(sell(world, "30.00", &answer) && answer.status == STATUS_REFUSED &&
               answer.fault.reason == DAFTARI__V1__REASON__RECEIPT_AMOUNT_DIFFERS,
           "another amount than M-Pesa's is refused");
    park(world, 3000);
    expect(sell(world, "30.00", &answer) && answer.status == STATUS_OK, "the very amount is taken");
    expect(world_balance(world, 2120, "LND", NULL) == 3000, "from where it was parked");
    expect(world_balance(world, 1141, "LND", NULL) == 500000, "and not from the till a second time");
    expect(state_of(world) == RECEIPT_MATCHED, "and is matched");
    expect(sell(world, "30.00", &answer) && answer.status == STATUS_REFUSED &&
               answer.fault.reason == DAFTARI__V1__REASON__RECEIPT_USED,
           "once and never again");
    world_command_text(world, &server, "Sale.MakeVoid",
                       "{\"number\": \"JE-20250203-0001\", \"reason\": \"wrong\"}", &answer);
    expect(answer.status == STATUS_OK && state_of(world) == RECEIPT_PARKED, "a void parks it again");
    world_free(world);
    return trouble == 0 ? 0 : 1;
}
