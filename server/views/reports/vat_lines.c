#include "server/views/reports/vat_lines.h"

#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/profile.h"

bool vat_lines_open(struct vat_lines *lines, struct report_run *run)
{
    const char **pins = arena_take(run->arena, (run->business_count + 1) * sizeof *pins);
    *lines = (struct vat_lines){.run = run, .view = run_txn(run, VIEW_TAX), .pins = pins};
    if (run->from == 0)
        run->from = run->to / 100 * 100 + 1;
    for (size_t i = 0; pins != NULL && i < run->business_count; i++) {
        pins[i] = business_pin(run->masters, run->businesses[i].number, run->to, run->arena);
        if (pins[i] == NULL)
            pins = NULL;
    }
    if (pins == NULL)
        report_out_fail(run->out);
    if (pins == NULL || lines->view == NULL)
        return false;
    lines->cursor = kv_cursor_open(lines->view, TAX_LINES);
    return lines->cursor != NULL;
}

void vat_lines_close(struct vat_lines *lines)
{
    if (lines->cursor != NULL)
        kv_cursor_close(lines->cursor);
    lines->cursor = NULL;
}

/* A business that is not registered has documents with codes, and no VAT. */
static bool is_registered(const struct vat_lines *lines, const struct tax_line *line)
{
    int64_t mode;
    return line->rate_bp != 0 ||
           (profile_setting_of(lines->run->masters, line->business, PROFILE_VAT_MODE, line->date, &mode) &&
            mode != VAT_NONE);
}

bool vat_lines_next(struct vat_lines *lines, struct tax_line *out)
{
    const struct report_run *run = lines->run;
    while (lines->business < run->business_count) {
        uint16_t business = run->businesses[lines->business].number;
        bool more =
            lines->started ? kv_next(lines->cursor) : tax_line_seek(lines->cursor, business, run->from, 0);
        lines->started = true;
        if (more && !tax_line_at(lines->view, lines->cursor, out))
            return false;
        if (!more || out->business != business || out->date > run->to) {
            lines->business++;
            lines->started = false;
        } else if (run_covers(run, business, 1) && is_registered(lines, out)) {
            return true;
        }
    }
    return false;
}

static char *kept(struct report_run *run, const char *text)
{
    return arena_text(run->arena, slice_text(text != NULL ? text : ""));
}

bool vat_code_of(struct report_run *run, uint16_t number, struct vat_code *out)
{
    uint32_t rate;
    *out = (struct vat_code){.kind = DAFTARI__V1__TAX_KIND__TAX_STANDARD};
    const Daftari__V1__TaxCodeInfo *info =
        number != 0 ? tax_code_info_get(run->masters, number, run->arena) : NULL;
    if (number != 0)
        (void)tax_code_rate(run->masters, number, run->to, &out->kind, &rate);
    out->code = kept(run, info != NULL ? info->code : NULL);
    out->name = kept(run, info != NULL ? info->name : number == 0 ? "Standard rate of the settings" : NULL);
    out->authority = kept(run, info != NULL ? info->authority_code : "B");
    return out->code != NULL && out->name != NULL && out->authority != NULL;
}

void vat_rate_text(uint32_t rate_bp, char out[AMOUNT_TEXT_MAX])
{
    (void)amount_format((int64_t)rate_bp, 2, out);
}
