/* The VAT of a month: its figures and its lists, from documents of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "people.pb-c.h"
#include "tax.pb-c.h"
#include "tests/support/example.h"

static Daftari__V1__RunReport january(const char *business)
{
    Daftari__V1__RunReport request = example_request(business);
    request.has_from_date = request.has_to_date = true;
    request.from_date = 20250101;
    request.to_date = 20250131;
    return request;
}

static void register_for_vat(struct example *f, const char *business, const char *from, const char *pin)
{
    char json[300];
    (void)snprintf(
        json, sizeof json,
        "{\"business\": \"%s\", \"from\": \"%s\", \"settings\": [{\"name\": \"vat_mode\", \"value\": "
        "\"inclusive\"}, {\"name\": \"kra_pin\", \"value\": \"%s\"}]}",
        business, from, pin);
    (void)example_command(f->world, "Business.Set", json);
}

/* Stock, a business customer, a supplier; RTL sells, takes back, buys; WTR registers on the 15th. */
static void trade(struct example *f)
{
    struct world *w = f->world;
    register_for_vat(f, "RTL", "2025-01-01", "P051234567X");
    register_for_vat(f, "WTR", "2025-01-15", "P051234567X");
    (void)example_command(
        w, "Stock.Adjust",
        "{\"business\": \"RTL\", \"date\": \"2025-01-01\", \"reason\": \"found\", \"lines\": "
        "[{\"item\": \"BEV001\", \"quantity\": \"100\", \"unit_cost\": \"35.00\"}, {\"item\": "
        "\"GRN002\", \"quantity\": \"100\", \"unit_cost\": \"130.00\"}]}");
    (void)example_command(
        w, "Stock.Adjust",
        "{\"business\": \"WTR\", \"date\": \"2025-01-01\", \"reason\": \"found\", \"lines\": "
        "[{\"item\": \"W1L\", \"condition\": \"filled\", \"quantity\": \"100\", \"unit_cost\": "
        "\"18.00\"}]}");
    (void)example_command(
        w, "Customer.Add",
        "{\"name\": \"ABC Company Ltd\", \"phone\": \"+254744000014\", \"type\": \"business\", "
        "\"tax_pin\": \"P000000001A\"}");
    (void)example_command(w, "Supplier.Add", "{\"name\": \"Bottlers\", \"tax_pin\": \"P000000002B\"}");
    (void)example_command(
        w, "Sale.Record",
        "{\"business\": \"RTL\", \"date\": \"2025-01-10\", \"customer\": \"+254744000014\", "
        "\"lines\": [{\"item\": \"BEV001\", \"quantity\": \"2\"}, {\"item\": \"GRN002\"}]}");
    (void)example_command(
        w, "Return.Record",
        "{\"number\": \"RS-20250110-0001\", \"date\": \"2025-01-12\", \"reason\": \"warm\", "
        "\"lines\": [{\"line\": 1, \"quantity\": \"1\"}]}");
    (void)example_command(
        w, "Purchase.Record",
        "{\"business\": \"RTL\", \"date\": \"2025-01-13\", \"supplier\": \"Bottlers\", "
        "\"invoice\": \"B-77\", \"lines\": [{\"item\": \"BEV001\", \"amount\": \"1160.00\"}]}");
    (void)example_command(
        w, "PurchaseReturn.Record",
        "{\"number\": \"PU-20250113-0001\", \"date\": \"2025-01-14\", \"reason\": \"burst\", "
        "\"lines\": [{\"line\": 1, \"quantity\": \"0.5\"}]}");
    (void)example_command(
        w, "Sale.Record",
        "{\"business\": \"WTR\", \"date\": \"2025-01-14\", \"lines\": [{\"item\": \"W1L\"}]}");
    (void)example_command(w, "Sale.Record",
                          "{\"business\": \"WTR\", \"date\": \"2025-01-15\", \"lines\": [{\"item\": \"W1L\", "
                          "\"quantity\": \"10\"}]}");
    (void)example_command(
        w, "Sale.Record",
        "{\"business\": \"WTR\", \"date\": \"2025-02-01\", \"lines\": [{\"item\": \"W1L\"}]}");
}

static void the_figures_of_a_month(void **state)
{
    struct example *f = *state;
    struct table t;
    trade(f);
    example_ask(f, "vat-return", january(NULL), &t);
    long row = table_find(&t, DETAIL, "pin", "P051234567X", "section", "output", "code", "STD", NULL);
    assert_string_equal(table_cell(&t, (size_t)row, "rate"), "16.00");
    assert_amount(&t, row, "taxable", "301.73"); /* 86.21 - 43.10 + 258.62 */
    assert_amount(&t, row, "tax", "48.27");      /* 13.79 - 6.90 + 41.38 */
    assert_string_equal(table_cell(&t, (size_t)row, "documents"), "3");
    row = table_find(&t, DETAIL, "section", "output", "code", "ZERO", NULL);
    assert_amount(&t, row, "taxable", "160.00");
    assert_amount(&t, row, "tax", "0.00");
    assert_string_equal(table_cell(&t, (size_t)row, "kind"), "zero");
    row = table_find(&t, DETAIL, "section", "input", "code", "STD", NULL);
    assert_amount(&t, row, "taxable", "500.00");
    assert_amount(&t, row, "tax", "80.00");
    row = table_find(&t, TOTAL, "pin", "P051234567X", "section", "net", NULL);
    assert_amount(&t, row, "tax", "-31.73");
    table_free(&t);

    example_ask(f, "vat-return", january("WTR"), &t);
    assert_amount(&t, table_find(&t, TOTAL, "section", "output", NULL), "taxable", "258.62");
    assert_int_equal(table_find(&t, TOTAL, "section", "credit", NULL), -1);
    table_free(&t);
}

/* What a return leaves over counts for the next month; what was void counts no more; what was known then stays. */
static void the_month_after(void **state)
{
    struct example *f = *state;
    struct table t;
    trade(f);
    uint64_t then = f->world->record_count;
    (void)example_command(f->world, "Tax.FileVat", "{\"month\": 202501, \"pin\": \"P051234567X\"}");
    Daftari__V1__RunReport request = january(NULL);
    request.from_date = 20250201;
    request.to_date = 20250228;
    example_ask(f, "vat-return", request, &t);
    assert_amount(&t, table_find(&t, TOTAL, "pin", "P051234567X", "section", "credit", NULL), "tax",
                  "-31.73");
    assert_amount(&t, table_find(&t, TOTAL, "pin", "P051234567X", "section", "net", NULL), "tax", "-27.59");
    table_free(&t);
    (void)example_command(
        f->world, "PurchaseReturn.Record",
        "{\"number\": \"PU-20250113-0001\", \"date\": \"2025-01-31\", \"reason\": \"burst\"}");
    example_ask(f, "vat-return", january(NULL), &t);
    assert_amount(&t, table_find(&t, TOTAL, "pin", "P051234567X", "section", "input", NULL), "tax", "0.00");
    table_free(&t);
    request = january(NULL);
    request.has_known_at_position = true;
    request.known_at_position = then;
    example_ask(f, "vat-return", request, &t);
    assert_amount(&t, table_find(&t, TOTAL, "pin", "P051234567X", "section", "input", NULL), "tax", "80.00");
    table_free(&t);
}

static void the_lists(void **state)
{
    struct example *f = *state;
    struct table t;
    trade(f);
    example_ask(f, "vat-sales", january(NULL), &t);
    long row = table_find(&t, DETAIL, "number", "RS-20250110-0001", "rate", "16.00", NULL);
    assert_string_equal(table_cell(&t, (size_t)row, "party_pin"), "P000000001A");
    assert_string_equal(table_cell(&t, (size_t)row, "party"), "ABC Company Ltd");
    assert_string_equal(table_cell(&t, (size_t)row, "description"), "Sale");
    assert_amount(&t, row, "taxable", "86.21");
    assert_amount(&t, row, "tax", "13.79");
    row = table_find(&t, DETAIL, "number", "RS-20250110-0001", "rate", "0.00", NULL);
    assert_amount(&t, row, "taxable", "160.00");
    row = table_find(&t, DETAIL, "description", "Return", NULL);
    assert_string_equal(table_cell(&t, (size_t)row, "party_pin"), "P000000001A");
    assert_amount(&t, row, "tax", "-6.90");
    assert_int_equal(table_find(&t, DETAIL, "number", "WS-20250114-0001", NULL),
                     -1); /* not registered then */
    row = table_find(&t, TOTAL, "pin", "", NULL);
    assert_amount(&t, row, "taxable", "461.73");
    assert_amount(&t, row, "tax", "48.27");
    table_free(&t);
    example_ask(f, "vat-purchases", january("RTL"), &t);
    row = table_find(&t, DETAIL, "number", "PU-20250113-0001", NULL);
    assert_string_equal(table_cell(&t, (size_t)row, "party_pin"), "P000000002B");
    assert_string_equal(table_cell(&t, (size_t)row, "invoice"), "B-77");
    assert_amount(&t, row, "tax", "160.00");
    row = table_find(&t, DETAIL, "description", "Purchase return", NULL);
    assert_amount(&t, row, "tax", "-80.00");
    table_free(&t);
}

/* Sums for everybody who may see finance; names for those who may see customers. */
static void names_are_for_those_who_may_see_them(void **state)
{
    struct example *f = *state;
    struct rights rights = *world_owner_rights();
    struct table t;
    trade(f);
    view_books_fold(f->books);
    rights.level[DAFTARI__V1__PERMISSION__SALES] = PERMISSION_NONE;
    table_run(f->books, &rights, "vat-sales", january(NULL), &t);
    assert_int_equal(t.status, STATUS_OK);
    long row = table_find(&t, DETAIL, "number", "RS-20250110-0001", "rate", "16.00", NULL);
    assert_string_equal(table_cell(&t, (size_t)row, "party"), "");
    assert_string_equal(table_cell(&t, (size_t)row, "party_pin"), "");
    table_free(&t);
}

/* The next invoice; NULL past the last. It lives until the next one is asked for. */
static const Daftari__V1__EtimsInvoice *next_invoice(struct example *f, const struct rights *rights,
                                                     void **place)
{
    Daftari__V1__ExportInvoices request = DAFTARI__V1__EXPORT_INVOICES__INIT;
    ProtobufCMessage *message = NULL;
    struct fault why;
    enum status status = STATUS_AGAIN;
    request.business = (char *)(uintptr_t) "RTL";
    while (status == STATUS_AGAIN)
        status = view_step(f->books, rights, "Invoice.Export", &request.base, place, &message, &why);
    return status == STATUS_OK ? (const Daftari__V1__EtimsInvoice *)message : NULL;
}

/* Every field of a sale that eTIMS asks for, and a credit note that names it. */
static void invoices_are_complete(void **state)
{
    struct example *f = *state;
    void *place = NULL;
    trade(f);
    (void)example_command(f->world, "Item.Change", "{\"code\": \"BEV001\", \"tax_class\": \"50202301\"}");
    view_books_fold(f->books);
    const Daftari__V1__EtimsInvoice *sale = next_invoice(f, NULL, &place);
    assert_non_null(sale);
    assert_string_equal(sale->tin, "P051234567X");
    assert_string_equal(sale->bhfid, "00");
    assert_string_equal(sale->trdinvcno, "RS-20250110-0001");
    assert_int_equal(sale->invcno, 1);
    assert_int_equal(sale->orginvcno, 0);
    assert_string_equal(sale->custtin, "P000000001A");
    assert_string_equal(sale->custnm, "ABC Company Ltd");
    assert_string_equal(sale->rcpttycd, "S");
    assert_string_equal(sale->pmttycd, "01");
    assert_string_equal(sale->salessttscd, "02");
    assert_string_equal(sale->salesdt, "20250110");
    assert_int_equal(strlen(sale->cfmdt), 14);
    assert_int_equal(sale->totitemcnt, 2);
    assert_int_equal(sale->taxblamtb_minor, 8621);
    assert_int_equal(sale->taxamtb_minor, 1379);
    assert_int_equal(sale->taxrtb_bp, 1600);
    assert_int_equal(sale->taxblamtc_minor, 16000);
    assert_int_equal(sale->tottaxblamt_minor, 24621);
    assert_int_equal(sale->tottaxamt_minor, 1379);
    assert_int_equal(sale->totamt_minor, 26000);
    const Daftari__V1__EtimsItem *item = sale->itemlist[0];
    assert_string_equal(item->itemcd, "BEV001");
    assert_string_equal(item->itemclscd, "50202301");
    assert_string_equal(item->taxtycd, "B");
    assert_string_equal(item->qtyunitcd, "U");
    assert_int_equal(item->qty_milli, 2000);
    assert_int_equal(item->prc_minor, 5000);
    assert_int_equal(item->totamt_minor, 10000);
    assert_string_equal(sale->itemlist[1]->taxtycd, "C");
    const Daftari__V1__EtimsInvoice *note = next_invoice(f, NULL, &place);
    assert_non_null(note);
    assert_int_equal(note->invcno, 2);
    assert_int_equal(note->orginvcno, 1);
    assert_string_equal(note->rcpttycd, "R");
    assert_string_equal(note->rfdrsn, "warm");
    assert_int_equal(note->totamt_minor, 5000);
    assert_null(next_invoice(f, NULL, &place));
    view_state_free("Invoice.Export", place);
}

/* Whose invoice it is stays with those who may see customers. */
static void invoices_without_names(void **state)
{
    struct example *f = *state;
    struct rights rights = *world_owner_rights();
    void *place = NULL;
    trade(f);
    view_books_fold(f->books);
    rights.level[DAFTARI__V1__PERMISSION__SALES] = PERMISSION_NONE;
    const Daftari__V1__EtimsInvoice *sale = next_invoice(f, &rights, &place);
    assert_non_null(sale);
    assert_null(sale->custnm);
    assert_null(sale->custtin);
    view_state_free("Invoice.Export", place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_figures_of_a_month, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(the_month_after, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(invoices_are_complete, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(invoices_without_names, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(the_lists, example_set_up, example_tear_down),
        cmocka_unit_test_setup_teardown(names_are_for_those_who_may_see_them, example_set_up,
                                        example_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
