/* O-02 for cylinders: the register of the first day. The ledger's account of the shells comes to what they are worth, against
 * the opening difference; what is in the full ones may be taken out of that difference into the stock (catalogue H-06). */
#include <stdio.h>

#include "server/domain/cylinders/cylinders.h"
#include "server/domain/kernel/balance.h"
#include "type_ids.h"

struct opening {
    struct document *document;
    struct cylinder_set set;
    struct item_row item; /* of what is in the full ones; number 0: none yet */
    int64_t content;      /* thousandths in the full ones */
    int64_t value;        /* of all */
};

static enum status form_open(const Daftari__V1__OpenCylinders *given, struct fault *why)
{
    if (given->n_lines == 0 || given->n_lines > CYLINDER_LINES_MAX)
        return fault_set(why, STATUS_INVALID, "lines", "1 to %u lines", CYLINDER_LINES_MAX);
    if (given->has_content_value_minor &&
        (given->content_value_minor < 0 || given->content_value_minor > AMOUNT_MAX))
        return fault_set(why, STATUS_INVALID, "content_value_minor", "an amount of zero or more");
    return STATUS_OK;
}

static void check_line(struct document *document, const Daftari__V1__OpenCylinderLine *line, size_t index)
{
    char path[FAULT_FIELD_MAX];
    if (document->status != STATUS_OK)
        return;
    cylinder_check_filled(document, line->state, form_path(path, "lines", index, "state"));
    if (document->status == STATUS_OK && line->n_serials == 0)
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID, form_path(path, "lines", index, "serials"),
                                "one serial number at least"));
    if (document->status == STATUS_OK && (line->value_minor < 0 || line->value_minor > AMOUNT_MAX))
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID, form_path(path, "lines", index, "value_minor"),
                                "an amount of zero or more"));
    if (document->status == STATUS_OK && line->has_acquired_date &&
        (!date_valid(line->acquired_date) || line->acquired_date > document->date))
        document_fail(document, fault_set(document->why, STATUS_INVALID,
                                          form_path(path, "lines", index, "acquired_date"),
                                          "a real date, not after that of the register"));
    if (document->status == STATUS_OK && line->owner != DAFTARI__V1__CYLINDER_OWNER__OWNER_OURS &&
        line->value_minor != 0)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__CYLINDER_NOT_OURS,
                                             form_path(path, "lines", index, "value_minor"),
                                             "only cylinders of our own have a value"));
}

static void count_content(struct opening *opening, const struct cylinder_type *type, size_t count,
                          size_t index)
{
    struct document *document = opening->document;
    char path[FAULT_FIELD_MAX];
    struct item_row item;
    if (document->status != STATUS_OK)
        return;
    if (!item_row_get(document->state, type->info->item_number, &item)) {
        document_fail(document, fault_set(document->why, STATUS_CORRUPT, NULL, "an item is not there"));
        return;
    }
    if (opening->item.number != 0 && opening->item.number != item.number) {
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__CYLINDER_CONTENT_DIFFERS,
                                             form_path(path, "lines", index, "type"),
                                             "a value of the content is that of one item"));
        return;
    }
    opening->item = item;
    opening->content += type->info->capacity_milli * (int64_t)count;
}

static void open_line(struct opening *opening, const Daftari__V1__OpenCylinderLine *line, bool with_content,
                      size_t index)
{
    struct document *document = opening->document;
    struct cylinder_type type = {0};
    char list[FAULT_FIELD_MAX], path[FAULT_FIELD_MAX];
    check_line(document, line, index);
    cylinder_type_require(document, line->type, form_path(path, "lines", index, "type"), &type);
    if (with_content && line->state == DAFTARI__V1__CYLINDER_STATE__CYLINDER_FULL)
        count_content(opening, &type, line->n_serials, index);
    (void)form_path(list, "lines", index, "serials");
    for (size_t i = 0; document->status == STATUS_OK && i < line->n_serials; i++) {
        Daftari__V1__CylinderRow *row =
            cylinder_set_register(&opening->set, line->serials[i], type.number, cylinder_path(path, list, i));
        if (row == NULL)
            return;
        cylinder_become(document, row, line->state);
        cylinder_put_value(row, line->owner, line->value_minor);
        if (line->has_acquired_date)
            row->acquired_date = line->acquired_date;
        row->has_cost_minor = true;
        row->cost_minor = line->value_minor;
        if (!amount_add(opening->value, line->value_minor, &opening->value))
            document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE,
                                                 "lines", "the register comes to more than 18 digits"));
    }
}

/* The account of the shells comes to the value of all that are registered. */
static void post_shells(struct opening *opening, const struct cylinder_totals *before)
{
    struct document *document = opening->document;
    int64_t after, difference = 0;
    if (document->status != STATUS_OK)
        return;
    uint32_t account = document_account(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_SHELLS, CATEGORY_ANY);
    if (account == 0) { /* says what is missing */
        document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_SHELLS, CATEGORY_ANY, 0, 1, 0);
        return;
    }
    int64_t there = balance_get(document->state, account, document->business, BASE_CURRENCY);
    if (!amount_add(before->value, opening->value, &after) || !amount_subtract(after, there, &difference))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE, "lines",
                                             "the difference has more than 18 digits"));
    document_post(document, account, 0, difference, 0);
}

static void post_rest(struct opening *opening)
{
    struct document *document = opening->document;
    int64_t rest = 0;
    for (size_t i = 0; document->status == STATUS_OK && i < document->out->posting_count; i++)
        if (!amount_subtract(rest, document->out->postings[i].amount, &rest))
            document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE,
                                                 "lines", "the difference has more than 18 digits"));
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_OPENING_DIFFERENCE, CATEGORY_ANY, 0, rest,
                       document->out->posting_count);
}

enum status cylinder_decide_open(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__OpenCylinders *given = (const Daftari__V1__OpenCylinders *)command;
    Daftari__V1__CylindersOpened payload = DAFTARI__V1__CYLINDERS_OPENED__INIT;
    struct document document;
    struct opening opening = {.document = &document};
    struct cylinder_totals before;
    enum status status = form_open(given, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state, given->business, given->has_date, given->date, out,
                                why);
    if (status != STATUS_OK)
        return status;
    cylinder_totals_get(state, document.business, 0, &before);
    if (before.opened != 0)
        return fault_refuse(why, DAFTARI__V1__REASON__CYLINDERS_OPEN_ALREADY, "business",
                            "the register of business %.20s is open: acquire, lose or scrap cylinders",
                            given->business);
    cylinder_set_begin(&opening.set, &document, CYLINDERS_OPEN_MAX);
    for (size_t i = 0; document.status == STATUS_OK && i < given->n_lines; i++)
        open_line(&opening, given->lines[i], given->has_content_value_minor, i);
    if (document.status == STATUS_OK && given->has_content_value_minor && opening.content == 0)
        return fault_set(why, STATUS_INVALID, "content_value_minor", "goes with full cylinders");
    post_shells(&opening, &before);
    if (given->has_content_value_minor)
        cylinder_receive(&document, &opening.item, opening.content, given->content_value_minor,
                         "content_value_minor");
    post_rest(&opening);
    payload.n_cylinders = opening.set.count;
    payload.cylinders = opening.set.rows;
    payload.has_value_minor = true;
    payload.value_minor = opening.value;
    payload.has_content_value_minor = given->has_content_value_minor;
    payload.content_value_minor = given->content_value_minor;
    return cylinder_end(&document, EVENT_CYLINDERS_OPENED, &payload.base);
}

void cylinder_apply_open(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                         struct arena *arena)
{
    const Daftari__V1__CylindersOpened *given = (const Daftari__V1__CylindersOpened *)payload;
    cylinder_rows_apply(state, record, given->cylinders, given->n_cylinders, arena);
    cylinder_opened_apply(state, record);
}
