/*
 * vat-sales and vat-purchases: the lists that go with a VAT return. One row for each document and rate: to whom or from
 * whom, when, under which number, for how much. Voids and returns are rows below zero.
 */
#include "party.pb-c.h"
#include "people.pb-c.h"
#include "proto/wire/message.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/party.h"
#include "server/views/reports/list.h"
#include "server/views/reports/vat_lines.h"

static const char *const parameters[] = {
    "from_date", "to_date", "as_at_date", "known_at_position", "known_at_time_us", "business",
    "limit",     "offset",  NULL};
static const struct report_column columns[] = {
    {"pin", "PIN", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"business", "Business", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"rate", "Rate %", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"kind", "Kind", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"party_pin", "PIN of the other", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"party", "Name of the other", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"serial", "Control unit", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"date", "Date", DAFTARI__V1__COLUMN_KIND__DATE},
    {"number", "Number", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"invoice", "Invoice", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"description", "Description", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"taxable", "Taxable", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"tax", "VAT", DAFTARI__V1__COLUMN_KIND__AMOUNT},
};
static const char *const kinds[] = {"standard", "zero", "exempt"};

#define BASE 1u

struct listing {
    struct report_run *run;
    struct vat_lines lines;
    bool input;
    bool named; /* the asker may see who it was */
    int128 net, tax;
};

/* ---- what a document says of the other party ---------------------------------------------------------------------- */

struct other {
    uint32_t party;
    const char *invoice; /* the supplier's number */
};

/* Documents name the other by a field of the same name each, and the number of his invoice. */
static void read_fields(const ProtobufCMessage *payload, struct other *out)
{
    const ProtobufCMessageDescriptor *type = payload->descriptor;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        const uint8_t *at = (const uint8_t *)payload + field->offset;
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            continue;
        if (field->type == PROTOBUF_C_TYPE_UINT32 &&
            (strcmp(field->name, "customer") == 0 || strcmp(field->name, "supplier") == 0))
            memcpy(&out->party, at, sizeof out->party);
        else if (field->type == PROTOBUF_C_TYPE_STRING && strcmp(field->name, "invoice") == 0)
            memcpy(&out->invoice, at, sizeof out->invoice);
    }
}

static enum status read_document(struct listing *listing, uint64_t position, struct other *out,
                                 struct record_header *out_header)
{
    struct report_run *run = listing->run;
    ProtobufCMessage *payload = NULL;
    struct record record;
    enum status status = run->reader->record(run->reader, position, &record);
    if (status != STATUS_OK)
        return status;
    *out_header = record.header;
    const struct event_type *event = domain_event(record.header.type);
    if (event == NULL)
        return STATUS_CORRUPT;
    status =
        message_unpack(event->payload, record.payload, false, arena_allocator(run->row), &payload, run->why);
    if (status == STATUS_OK)
        read_fields(payload, out);
    return status;
}

/* ---- rows ----------------------------------------------------------------------------------------------------------- */

static void write_other(struct listing *listing, const struct other *other, uint16_t business,
                        civil_date date)
{
    struct report_run *run = listing->run;
    char *key = NULL, *name = NULL, *pin = NULL;
    uint32_t party = party_standing(run->masters, other->party);
    if (other->party != 0 && listing->named) {
        const Daftari__V1__PartyInfo *info = party_info_get(run->masters, party, run->row);
        party_names(run->masters, party, run->row, &key, &name);
        pin = info != NULL ? info->tax_pin : NULL;
    }
    cell_text(run->out, pin);
    cell_text(run->out, name);
    cell_text(run->out, listing->input
                            ? NULL
                            : setting_text_of(run->masters, business, "etims_serial", date, run->row));
}

static enum status write_line(struct listing *listing, const struct tax_line *line)
{
    struct report_run *run = listing->run;
    char rate[AMOUNT_TEXT_MAX], number[NUMBER_TEXT_MAX + 1];
    struct vat_code code;
    struct other other = {0};
    struct record_header header;
    if (!row_begin(run->out, DAFTARI__V1__ROW_KIND__DETAIL, 0))
        return STATUS_OK;
    arena_reset(run->row);
    enum status status = read_document(listing, line->position, &other, &header);
    if (status == STATUS_OK && header.cause != 0 && other.party == 0) { /* who it was, the first one says */
        struct record_header first;
        status = read_document(listing, header.cause, &other, &first);
    }
    if (status != STATUS_OK)
        return status;
    if (!vat_code_of(run, line->code, &code)) {
        report_out_fail(run->out);
        return STATUS_OK;
    }
    vat_rate_text(line->rate_bp, rate);
    cell_text(run->out, listing->lines.pins[listing->lines.business]);
    cell_text(run->out, run_business_code(run, line->business));
    cell_text(run->out, rate);
    cell_text(run->out, kinds[code.kind]);
    write_other(listing, &other, line->business, line->date);
    cell_date(run->out, line->date);
    cell_text(run->out, header.series != 0 && number_format(run->masters, header.series, header.business_date,
                                                            header.number, number)
                            ? number
                            : NULL);
    cell_text(run->out, other.invoice);
    const struct event_type *event = domain_event(header.type);
    cell_text(run->out, event != NULL ? event->title : NULL);
    cell_amount(run->out, line->net, run_scale(run, BASE));
    cell_amount(run->out, line->tax, run_scale(run, BASE));
    row_end(run->out);
    return STATUS_OK;
}

static void write_total(struct listing *listing)
{
    struct report_run *run = listing->run;
    if (!row_begin(run->out, DAFTARI__V1__ROW_KIND__TOTAL, 0))
        return;
    for (size_t i = 0; i + 2 < sizeof columns / sizeof columns[0]; i++)
        cell_empty(run->out);
    cell_amount(run->out, listing->net, run_scale(run, BASE));
    cell_amount(run->out, listing->tax, run_scale(run, BASE));
    row_end(run->out);
}

static enum status list_run(struct report_run *run, bool input, unsigned names)
{
    const struct rights *rights = run->context->rights;
    struct listing listing = {
        .run = run,
        .input = input,
        .named = rights == NULL || rights_allow(rights, names, PERMISSION_READ),
    };
    struct tax_line line;
    enum status status = STATUS_OK;
    report_out_columns(run->out, columns, sizeof columns / sizeof columns[0]);
    if (!vat_lines_open(&listing.lines, run))
        return listing.lines.view == NULL ? STATUS_UNAVAILABLE : STATUS_OK;
    while (status == STATUS_OK && vat_lines_next(&listing.lines, &line)) {
        if (line.input != input)
            continue;
        listing.net += line.net;
        listing.tax += line.tax;
        status = write_line(&listing, &line);
    }
    vat_lines_close(&listing.lines);
    if (status == STATUS_OK)
        write_total(&listing);
    return status == STATUS_OK ? kv_error(listing.lines.view) : status;
}

static enum status sales_run(struct report_run *run)
{
    return list_run(run, false, DAFTARI__V1__PERMISSION__SALES);
}

static enum status purchases_run(struct report_run *run)
{
    return list_run(run, true, DAFTARI__V1__PERMISSION__MONEY);
}

const struct report report_vat_sales = {
    .name = "vat-sales",
    .title = "Sales list for the VAT return",
    .description =
        "What was charged to customers, document by document and rate by rate: PIN and name of the buyer, "
        "date, number, taxable value, VAT.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = sales_run,
};
const struct report report_vat_purchases = {
    .name = "vat-purchases",
    .title = "Purchases list for the VAT return",
    .description =
        "What suppliers charged, document by document and rate by rate: PIN and name of the supplier, date, "
        "number of the invoice, taxable value, VAT.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = purchases_run,
};
