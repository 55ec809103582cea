/* What the VAT reports share: the lines of the tax view that a report covers, with what the tax codes say of them. */
#ifndef SERVER_VIEWS_VAT_LINES_H
#define SERVER_VIEWS_VAT_LINES_H

#include "catalogue.pb-c.h"
#include "server/views/reports/report_run.h"
#include "server/views/tax/tax_view.h"

struct vat_code {
    char *code, *name, *authority; /* never NULL */
    Daftari__V1__TaxKind kind;
};
/* The businesses of the report in turn, each with its PIN. */
struct vat_lines {
    struct report_run *run;
    struct kv_txn *view;
    const char *const *pins; /* of run->businesses, at run->to; never NULL */
    struct kv_cursor *cursor;
    size_t business; /* index */
    bool started;
};

/* False: the report has failed, by its arena, its masters or its view. Dates are those of the run; without a first one the
 * report begins with the month of its last day. */
bool vat_lines_open(struct vat_lines *lines, struct report_run *run);
/* The next line that is of VAT, by business, date and position. */
bool vat_lines_next(struct vat_lines *lines, struct tax_line *out);
void vat_lines_close(struct vat_lines *lines);

/* In run->arena; false when it is full. */
bool vat_code_of(struct report_run *run, uint16_t number, struct vat_code *out);
/* "16.00" */
void vat_rate_text(uint32_t rate_bp, char out[AMOUNT_TEXT_MAX]);

#endif
