/* What the lists of stock, productions and purchases say: the register's golden numbers (catalogue 9), what is low, and
 * what became of each document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "production.pb-c.h"
#include "purchase.pb-c.h"
#include "stock.pb-c.h"
#include "tests/support/view_books.h"

static void tell(struct world *world, const char *method, const char *text)
{
    struct world_actor server = {0};
    struct world_answer answer;
    assert_true(world_command_text(world, &server, method, text, &answer));
    if (answer.status != STATUS_OK)
        fail_msg("%s %s: %s", method, text, answer.fault.text);
}

static int set_up(void **state)
{
    struct world *world = world_new();
    assert_true(world_open_example(world));
    assert_true(world_load(world, "data/kenya-register.jsonl", NULL, NULL));
    *state = view_books_new(world);
    return 0;
}

static int tear_down(void **state)
{
    struct view_books *books = *state;
    struct world *world = books->world;
    view_books_free(books);
    world_free(world);
    return 0;
}

struct sums {
    size_t rows, low;
    int64_t quantity, value;
    Daftari__V1__StockInfo last; /* its texts live until the next question */
};

/* `rights` NULL: the owner's. */
static enum status ask_stock(struct view_books *books, const struct rights *rights,
                             const Daftari__V1__ListStock *request, struct sums *out)
{
    void *place = NULL;
    struct fault why;
    enum status status;
    memset(out, 0, sizeof *out);
    for (;;) {
        ProtobufCMessage *message = NULL;
        status = view_step(books, rights, "Stock.List", &request->base, &place, &message, &why);
        if (status != STATUS_OK)
            break;
        const Daftari__V1__StockInfo *info = (const Daftari__V1__StockInfo *)message;
        out->rows++;
        out->low += info->low != 0;
        out->quantity += info->quantity_milli;
        out->value += info->value_minor;
        out->last = *info;
    }
    view_state_free("Stock.List", place);
    return status;
}

static void stock_of(struct view_books *books, const char *business, struct sums *out)
{
    Daftari__V1__ListStock request = DAFTARI__V1__LIST_STOCK__INIT;
    request.business = (char *)(uintptr_t)business;
    view_books_fold(books);
    assert_int_equal(ask_stock(books, NULL, &request, out), STATUS_END);
}

/* Water 52,600 and retail 20,950; with cylinders of 26,000 the register comes to 99,550. Three rows of water are low. */
static void the_register(void **state)
{
    struct view_books *books = *state;
    struct sums sums;
    tell(books->world, "Business.Set",
         "{\"business\": \"WTR\", \"from\": \"2025-01-01\", \"settings\": [{\"name\": "
         "\"low_stock_threshold\", "
         "\"value\": \"50\"}]}");
    stock_of(books, "WTR", &sums);
    assert_int_equal(sums.rows, 10);
    assert_int_equal(sums.quantity, (1150 + 520) * 1000);
    assert_int_equal(sums.value, 5260000);
    assert_int_equal(sums.low, 3);
    stock_of(books, "RTL", &sums);
    assert_int_equal(sums.rows, 6);
    assert_int_equal(sums.quantity, 365 * 1000);
    assert_int_equal(sums.value, 2095000);
    assert_int_equal(sums.low, 0);
    stock_of(books, "LND", &sums);
    assert_int_equal(sums.rows, 0);
    stock_of(books, NULL, &sums);
    assert_int_equal(sums.rows, 16);
    assert_int_equal(sums.value + 2600000, 9955000);
}

static void what_is_asked_for(void **state)
{
    struct view_books *books = *state;
    struct rights water = *world_owner_rights();
    Daftari__V1__ListStock request = DAFTARI__V1__LIST_STOCK__INIT;
    struct sums sums;
    water.every_business = false;
    memset(water.may_read, 0, sizeof water.may_read);
    memset(water.may_write, 0, sizeof water.may_write);
    water.may_read[0] = 1u << 1;
    tell(books->world, "Place.Define", "{\"business\": \"RTL\", \"name\": \"Store\"}");
    tell(books->world, "Stock.Transfer",
         "{\"from_business\": \"RTL\", \"to_place\": \"Store\", \"lines\": [{\"item\": \"BEV001\", "
         "\"quantity\": "
         "\"90\"}]}");
    view_books_fold(books);
    request.category = (char *)(uintptr_t) "Beverages";
    assert_int_equal(ask_stock(books, NULL, &request, &sums), STATUS_END);
    assert_int_equal(sums.rows, 3); /* ten in the shop are not low: there are 90 in the store */
    assert_int_equal(sums.low, 0);
    request.item = (char *)(uintptr_t) "BEV001";
    assert_int_equal(ask_stock(books, NULL, &request, &sums), STATUS_END);
    assert_int_equal(sums.rows, 2);
    assert_string_equal(sums.last.place, "Store");
    assert_string_equal(sums.last.item, "BEV001");
    assert_int_equal(sums.last.value_minor, 90 * 3500);
    tell(books->world, "Stock.Adjust",
         "{\"business\": \"RTL\", \"reason\": \"theft\", \"lines\": [{\"item\": \"BEV001\", \"place\": "
         "\"Store\", "
         "\"quantity\": \"-80\"}]}");
    view_books_fold(books);
    request = (Daftari__V1__ListStock)DAFTARI__V1__LIST_STOCK__INIT;
    request.business = (char *)(uintptr_t) "RTL";
    request.low_only = request.has_low_only = true;
    assert_int_equal(ask_stock(books, NULL, &request, &sums), STATUS_END);
    assert_int_equal(sums.rows, 2); /* 20 in all: at the level */
    assert_int_equal(sums.quantity, 20000);
    assert_int_equal(ask_stock(books, &water, &request, &sums), STATUS_DENIED);
    request = (Daftari__V1__ListStock)DAFTARI__V1__LIST_STOCK__INIT;
    assert_int_equal(ask_stock(books, &water, &request, &sums), STATUS_END);
    assert_int_equal(sums.rows, 10);
    request.business = (char *)(uintptr_t) "NONE";
    assert_int_equal(ask_stock(books, NULL, &request, &sums), STATUS_INVALID);
    request.business = NULL;
    request.item = (char *)(uintptr_t) "NONE";
    assert_int_equal(ask_stock(books, NULL, &request, &sums), STATUS_INVALID);
    request.item = NULL;
    request.category = (char *)(uintptr_t) "None";
    assert_int_equal(ask_stock(books, NULL, &request, &sums), STATUS_INVALID);
}

static void productions(void **state)
{
    struct view_books *books = *state;
    Daftari__V1__ListProductions request = DAFTARI__V1__LIST_PRODUCTIONS__INIT;
    static const char *const states[] = {"made", "void", "made"};
    void *place = NULL;
    struct fault why;
    size_t rows = 0;
    ProtobufCMessage *message;
    tell(books->world, "Production.Record",
         "{\"business\": \"WTR\", \"date\": \"2025-01-02\", \"item\": \"W1L\", \"quantity\": \"50\", "
         "\"cost\": \"300.00\"}");
    tell(books->world, "Production.Record",
         "{\"business\": \"WTR\", \"date\": \"2025-01-02\", \"item\": \"W1L\", \"quantity\": \"5\", "
         "\"broken\": \"1\"}");
    tell(books->world, "Production.MakeVoid", "{\"number\": \"WP-20250102-0002\", \"reason\": \"twice\"}");
    tell(books->world, "Production.Record",
         "{\"business\": \"WTR\", \"date\": \"2025-01-03\", \"item\": \"W20L\", \"quantity\": \"1\"}");
    view_books_fold(books);
    while (view_step(books, NULL, "Production.List", &request.base, &place, &message, &why) == STATUS_OK) {
        const Daftari__V1__ProductionInfo *info = (const Daftari__V1__ProductionInfo *)message;
        assert_true(rows < 3);
        assert_string_equal(info->state, states[rows]);
        if (rows == 0) {
            assert_string_equal(info->number, "WP-20250102-0001");
            assert_string_equal(info->item, "W1L");
            assert_int_equal(info->quantity_milli, 50000);
            assert_int_equal(info->cost_minor, 30000);
            assert_int_equal(info->value_minor, 90000);
        }
        rows++;
    }
    view_state_free("Production.List", place);
    assert_int_equal(rows, 3);
    request.item = (char *)(uintptr_t) "W20L";
    place = NULL;
    for (rows = 0;
         view_step(books, NULL, "Production.List", &request.base, &place, &message, &why) == STATUS_OK;
         rows++)
        assert_string_equal(((const Daftari__V1__ProductionInfo *)message)->item, "W20L");
    view_state_free("Production.List", place);
    assert_int_equal(rows, 1);
}

static void purchases(void **state)
{
    struct view_books *books = *state;
    Daftari__V1__ListPurchases request = DAFTARI__V1__LIST_PURCHASES__INIT;
    static const char *const states[] = {"partly returned", "returned", "bought"};
    void *place = NULL;
    struct fault why;
    size_t rows = 0;
    ProtobufCMessage *message;
    tell(books->world, "Supplier.Add", "{\"name\": \"Mwangi Plastics\"}");
    tell(books->world, "Purchase.Record",
         "{\"business\": \"RTL\", \"date\": \"2025-01-02\", \"invoice\": \"A-1\", \"lines\": [{\"item\": "
         "\"BEV001\", "
         "\"quantity\": \"10\", \"unit_cost\": \"36.00\"}, {\"account\": 5810, \"amount\": \"20.00\", "
         "\"note\": "
         "\"bags\"}]}");
    tell(books->world, "PurchaseReturn.Record",
         "{\"number\": \"PU-20250102-0001\", \"date\": \"2025-01-03\", \"reason\": \"stale\", \"lines\": "
         "[{\"line\": 1, "
         "\"quantity\": \"4\"}]}");
    tell(books->world, "Purchase.Record",
         "{\"business\": \"RTL\", \"date\": \"2025-01-03\", \"lines\": [{\"item\": \"SNK001\", \"amount\": "
         "\"40.00\"}]}");
    tell(books->world, "PurchaseReturn.Record",
         "{\"number\": \"PU-20250103-0002\", \"date\": \"2025-01-03\", \"reason\": \"stale\"}");
    tell(books->world, "Purchase.Record",
         "{\"business\": \"WTR\", \"date\": \"2025-01-04\", \"supplier\": \"Mwangi Plastics\", \"lines\": "
         "[{\"item\": "
         "\"W1L\", \"quantity\": \"10\", \"unit_cost\": \"12.00\"}], \"tenders\": [{\"method\": "
         "\"credit\"}]}");
    view_books_fold(books);
    while (view_step(books, NULL, "Purchase.List", &request.base, &place, &message, &why) == STATUS_OK) {
        const Daftari__V1__PurchaseInfo *info = (const Daftari__V1__PurchaseInfo *)message;
        assert_true(rows < 3);
        assert_string_equal(info->state, states[rows]);
        if (rows == 0) {
            assert_string_equal(info->invoice, "A-1");
            assert_null(info->supplier);
            assert_int_equal(info->n_lines, 2);
            assert_string_equal(info->lines[0]->item, "BEV001");
            assert_int_equal(info->lines[0]->returned_milli, 4000);
            assert_int_equal(info->lines[1]->account, 5810);
            assert_string_equal(info->lines[1]->name, "bags");
            assert_int_equal(info->total_minor, 38000);
        }
        rows++;
    }
    view_state_free("Purchase.List", place);
    assert_int_equal(rows, 3);
    request.supplier = (char *)(uintptr_t) "Mwangi Plastics";
    place = NULL;
    for (rows = 0;
         view_step(books, NULL, "Purchase.List", &request.base, &place, &message, &why) == STATUS_OK; rows++)
        assert_string_equal(((const Daftari__V1__PurchaseInfo *)message)->supplier, "Mwangi Plastics");
    view_state_free("Purchase.List", place);
    assert_int_equal(rows, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_register, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(productions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(purchases, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
