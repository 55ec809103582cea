#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/document.h"

enum status control_lines_add(const struct context *context, struct kv_txn *state, const struct facts *facts,
                              struct decision *out, struct fault *why)
{
    size_t given = out->posting_count;
    struct posting *sums = arena_take(context->arena, given * sizeof *sums); /* amount = what is missing */
    struct account_row control;
    size_t used = 0;
    if (sums == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the entry is too large to check");
    for (size_t i = 0; i < given; i++) {
        const struct posting *posting = &out->postings[i];
        size_t at = 0;
        while (at < used &&
               (sums[at].business != posting->business || sums[at].currency != posting->currency))
            at++;
        if (at == used)
            sums[used++] = (struct posting){.business = posting->business, .currency = posting->currency};
        if (!amount_subtract(sums[at].amount, posting->amount, &sums[at].amount))
            return fault_refuse(why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE, "lines",
                                "the lines of one business add up to more than 18 digits");
    }
    for (size_t i = 0; i < used; i++) {
        if (sums[i].amount == 0)
            continue;
        if (facts->control_account == 0 || !account_row_get(state, facts->control_account, &control) ||
            !control.active)
            return fault_refuse(
                why, DAFTARI__V1__REASON__CONTROL_ACCOUNT_MISSING, "lines",
                "this entry moves value between businesses: open the inter-business control account "
                "(1900) first, or balance the lines of every business");
        if (out->posting_count == POSTINGS_MAX)
            return fault_refuse(why, DAFTARI__V1__REASON__TOO_MANY_LINES, "lines",
                                "with its inter-business lines an entry has at most %u lines", POSTINGS_MAX);
        sums[i].account = facts->control_account;
        out->postings[out->posting_count++] = sums[i];
    }
    return STATUS_OK;
}
