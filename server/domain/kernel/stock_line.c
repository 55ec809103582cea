#include "server/domain/kernel/stock_line.h"

#include "server/domain/kernel/form.h"

static void refuse(struct document *document, Daftari__V1__Reason reason, const char *path, const char *code,
                   const char *what)
{
    document_fail(document, fault_refuse(document->why, reason, path, "%.50s %s", code, what));
}

void stock_line_item(struct document *document, const struct stock_line_terms *terms, const char *code,
                     bool has_condition, Daftari__V1__Condition condition, struct item_row *out,
                     uint16_t *out_condition)
{
    char path[FAULT_FIELD_MAX];
    if (document->status != STATUS_OK)
        return;
    (void)form_path(path, terms->list, terms->index, "item");
    if (text_empty(code) || !item_find(document->state, code, out)) {
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__ITEM_UNKNOWN, path,
                                             "there is no item with the code or barcode %.50s",
                                             code != NULL ? code : ""));
        return;
    }
    if (!out->active) {
        refuse(document, DAFTARI__V1__REASON__ITEM_INACTIVE, path, code, "is deactivated");
        return;
    }
    if (out->service) {
        refuse(document, DAFTARI__V1__REASON__ITEM_NOT_STOCKED, path, code,
               "is a service: it is not kept in stock");
        return;
    }
    if (!has_condition)
        condition = out->container ? terms->fallback : DAFTARI__V1__CONDITION__CONDITION_PLAIN;
    if (out->container != (condition == DAFTARI__V1__CONDITION__CONDITION_EMPTY ||
                           condition == DAFTARI__V1__CONDITION__CONDITION_FILLED)) {
        refuse(document, DAFTARI__V1__REASON__ITEM_CONDITION,
               form_path(path, terms->list, terms->index, "condition"), code,
               out->container ? "is a container: say empty or filled"
                              : "is no container: it is neither empty nor filled");
        return;
    }
    *out_condition = (uint16_t)condition;
}

void stock_line_quantity(struct document *document, const char *list, size_t index, int64_t quantity)
{
    char path[FAULT_FIELD_MAX];
    if (document->status == STATUS_OK && (quantity <= 0 || quantity > QUANTITY_MAX))
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID, form_path(path, list, index, "quantity_milli"),
                                "a quantity of more than zero"));
}

int64_t stock_line_value(struct document *document, const char *list, size_t index, const char *field,
                         int64_t unit_cost, int64_t quantity)
{
    char path[FAULT_FIELD_MAX];
    int64_t value;
    if (document->status != STATUS_OK)
        return 0;
    (void)form_path(path, list, index, field);
    if (unit_cost < 0 || unit_cost > AMOUNT_MAX) {
        document_fail(document, fault_set(document->why, STATUS_INVALID, path, "a cost of zero or more"));
        return 0;
    }
    if (amount_multiply_divide(unit_cost, quantity, QUANTITY_ONE, &value))
        return value;
    document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE, path,
                                         "cost times quantity has more than 18 digits"));
    return 0;
}

int64_t stock_line_part(int64_t whole, int64_t quantity, int64_t before, int64_t after)
{
    int64_t upto = 0, past = 0;
    if (!amount_multiply_divide(whole, after, quantity, &upto) ||
        !amount_multiply_divide(whole, before, quantity, &past))
        return 0; /* cannot be: both are at most `whole` */
    return upto - past;
}

void stock_line_post_in(struct document *document, uint16_t category, int64_t value, int64_t kept)
{
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, category, 0, kept, 0);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_STOCK_LOSS, category, 0, value - kept, 0);
}
