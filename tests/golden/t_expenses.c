/* What Expense.List and Expense.Show say of each expense, and what became of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "money.pb-c.h"
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
    assert_true(world_load(world, "data/kenya-expenses.jsonl", NULL, NULL));
    world_set_day(world, 20250106);
    tell(world, "Supplier.Add", "{\"name\": \"Mwangi Plastics\"}");
    tell(world, "Expense.Record",
         "{\"business\": \"WTR\", \"date\": \"2025-01-02\", \"category\": \"Transportation\", \"amount\": "
         "\"450.00\", \"payee\": \"Juma\", \"invoice\": \"T-9\", \"note\": \"two trips\"}");
    tell(world, "Expense.Record",
         "{\"business\": \"LND\", \"date\": \"2025-01-03\", \"category\": \"Supplies\", \"amount\": "
         "\"116.00\", \"supplier\": \"Mwangi Plastics\", \"tenders\": [{\"method\": \"credit\"}]}");
    tell(world, "Expense.Record",
         "{\"business\": \"WTR\", \"date\": \"2025-01-04\", \"category\": \"Rent\", \"amount\": \"900.00\", "
         "\"accrued\": true}");
    tell(world, "Expense.MakeVoid",
         "{\"number\": \"EX-20250103-0001\", \"date\": \"2025-01-05\", \"reason\": \"not ours\"}");
    tell(world, "Expense.Release", "{\"number\": \"EX-20250104-0001\", \"date\": \"2025-01-06\"}");
    *state = view_books_new(world);
    view_books_fold(*state);
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

/* The numbers of the expenses that are listed, one after the other. */
static void list(struct view_books *books, const Daftari__V1__ListExpenses *request, char *out, size_t cap)
{
    void *place = NULL;
    struct fault why;
    ProtobufCMessage *message;
    enum status status;
    out[0] = '\0';
    while ((status = view_step(books, NULL, "Expense.List", &request->base, &place, &message, &why)) ==
           STATUS_OK) {
        const Daftari__V1__ExpenseInfo *info = (const Daftari__V1__ExpenseInfo *)message;
        (void)snprintf(out + strlen(out), cap - strlen(out), "%s %s %s; ", info->number, info->category,
                       info->state);
    }
    view_state_free("Expense.List", place);
    assert_int_equal(status, STATUS_END);
}

static void lists(void **state)
{
    struct view_books *books = *state;
    Daftari__V1__ListExpenses all = DAFTARI__V1__LIST_EXPENSES__INIT, some = all;
    char text[300];
    list(books, &all, text, sizeof text);
    assert_string_equal(text, "EX-20250102-0001 Transportation recorded; EX-20250103-0001 Supplies void; "
                              "EX-20250104-0001 Rent released; ");
    some.business = (char *)(uintptr_t) "WTR";
    list(books, &some, text, sizeof text);
    assert_string_equal(text, "EX-20250102-0001 Transportation recorded; EX-20250104-0001 Rent released; ");
    some.category = (char *)(uintptr_t) "Rent";
    list(books, &some, text, sizeof text);
    assert_string_equal(text, "EX-20250104-0001 Rent released; ");
    some.category = (char *)(uintptr_t) "No such";
    list(books, &some, text, sizeof text);
    assert_string_equal(text, "");
    some = all;
    some.supplier = (char *)(uintptr_t) "Mwangi Plastics";
    list(books, &some, text, sizeof text);
    assert_string_equal(text, "EX-20250103-0001 Supplies void; ");
    some = all;
    some.has_from_date = some.has_to_date = true;
    some.from_date = 20250103;
    some.to_date = 20250104;
    some.has_limit = true;
    some.limit = 1;
    list(books, &some, text, sizeof text);
    assert_string_equal(text, "EX-20250103-0001 Supplies void; ");
}

static const Daftari__V1__ExpenseInfo *show(struct view_books *books, const char *number,
                                            enum status *out_status)
{
    Daftari__V1__ShowExpense request = DAFTARI__V1__SHOW_EXPENSE__INIT;
    void *place = NULL;
    struct fault why;
    ProtobufCMessage *message = NULL;
    request.number = (char *)(uintptr_t)number;
    *out_status = view_step(books, NULL, "Expense.Show", &request.base, &place, &message, &why);
    view_state_free("Expense.Show", place);
    return (const Daftari__V1__ExpenseInfo *)message;
}

static void one(void **state)
{
    struct view_books *books = *state;
    enum status status;
    const Daftari__V1__ExpenseInfo *info = show(books, "EX-20250102-0001", &status);
    assert_int_equal(status, STATUS_OK);
    assert_string_equal(info->business, "WTR");
    assert_string_equal(info->payee, "Juma");
    assert_string_equal(info->invoice, "T-9");
    assert_string_equal(info->note, "two trips");
    assert_int_equal(info->account, 5500);
    assert_int_equal(info->net_minor, 45000);
    assert_int_equal(info->total_minor, 45000);
    assert_int_equal(info->n_tenders, 1);
    assert_int_equal(info->tenders[0]->account, 1110);
    assert_null(info->undone_by);
    info = show(books, "EX-20250103-0001", &status);
    assert_int_equal(status, STATUS_OK);
    assert_string_equal(info->supplier, "Mwangi Plastics");
    assert_string_equal(info->state, "void");
    assert_int_equal(info->undone_date, 20250105);
    assert_string_equal(info->undone_reason, "not ours");
    assert_non_null(info->undone_by);
    info = show(books, "EX-20250104-0001", &status);
    assert_int_equal(status, STATUS_OK);
    assert_true(info->accrued);
    assert_null(info->undone_reason);
    assert_int_equal(info->undone_date, 20250106);
    (void)show(books, "EX-20250104-0009", &status);
    assert_int_equal(status, STATUS_NOT_FOUND);
    (void)show(books, "WS-20250104-0001", &status);
    assert_int_equal(status, STATUS_NOT_FOUND);
    (void)show(books, NULL, &status);
    assert_int_equal(status, STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
