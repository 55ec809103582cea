/* Invoice.Export: what was charged to customers, in the form of the tax authority's system (catalogue 8.2). */
#include <stdio.h>

#include "cylinder.pb-c.h"
#include "people.pb-c.h"
#include "proto/wire/message.h"
#include "sale.pb-c.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/party.h"
#include "server/domain/kernel/profile.h"
#include "server/views/queries/documents.h"
#include "server/views/queries/queries.h"
#include "server/views/tax/tax_view.h"
#include "tax.pb-c.h"
#include "type_ids.h"

#define LINES_MAX   200u
#define UNIT        1000 /* thousandths */
#define STAMP_BYTES 15u  /* YYYYMMDDhhmmss */

static const uint16_t types[] = {EVENT_SALE_RECORDED,
                                 EVENT_SALE_VOIDED,
                                 EVENT_SALE_RETURNED,
                                 EVENT_CYLINDER_EXCHANGED,
                                 EVENT_CYLINDER_EXCHANGE_VOIDED,
                                 0};

struct line {
    uint32_t item;
    int64_t quantity, price, discount, net, tax;
    uint16_t code;
    uint32_t rate_bp;
};
struct invoice {
    const struct document_query *query;
    struct record_header header;
    struct tax_document numbered;
    bool credit; /* a note: a return or a void */
    uint32_t customer;
    const char *reason, *note;
    Daftari__V1__TakenTender **tenders;
    size_t tender_count;
    struct line *lines; /* in the arena */
    size_t count;
    bool registered;
};

/* ---- what the record says ------------------------------------------------------------------------------------------- */

static enum status unpack(const struct invoice *invoice, const struct record *record,
                          const ProtobufCMessageDescriptor *type, ProtobufCMessage **out)
{
    return message_unpack(type, record->payload, false, arena_allocator(invoice->query->context->arena), out,
                          invoice->query->reader->why);
}

static void take_sale(struct invoice *invoice, const Daftari__V1__SaleRecorded *sale)
{
    invoice->customer = sale->customer;
    invoice->tenders = sale->tenders;
    invoice->tender_count = sale->n_tenders;
    invoice->note = sale->note;
    for (size_t i = 0; i < sale->n_lines && i < LINES_MAX; i++) {
        const Daftari__V1__SoldLine *line = sale->lines[i];
        invoice->lines[invoice->count++] = (struct line){
            line->item,      line->quantity_milli, line->unit_price_minor,   line->discount_minor,
            line->net_minor, line->tax_minor,      (uint16_t)line->tax_code, line->rate_bp};
    }
}

static void take_return(struct invoice *invoice, const Daftari__V1__ReturnRecorded *returned)
{
    invoice->customer = returned->customer;
    invoice->tenders = returned->refunds;
    invoice->tender_count = returned->n_refunds;
    invoice->reason = returned->reason;
    for (size_t i = 0; i < returned->n_lines && i < LINES_MAX; i++) {
        const Daftari__V1__ReturnedLine *line = returned->lines[i];
        int64_t price = 0, gross = line->net_minor + line->tax_minor;
        if (line->quantity_milli > 0 && !amount_multiply_divide(gross, UNIT, line->quantity_milli, &price))
            price = 0;
        invoice->lines[invoice->count++] =
            (struct line){line->item,      line->quantity_milli,     price,        0, line->net_minor,
                          line->tax_minor, (uint16_t)line->tax_code, line->rate_bp};
    }
}

static void take_exchange(struct invoice *invoice, const Daftari__V1__CylinderExchanged *exchange)
{
    int64_t shell = exchange->shell_net_minor + exchange->shell_tax_minor;
    invoice->customer = exchange->customer;
    invoice->tenders = exchange->tenders;
    invoice->tender_count = exchange->n_tenders;
    invoice->note = exchange->note;
    invoice->lines[invoice->count++] = (struct line){
        exchange->item,      exchange->quantity_milli, exchange->unit_price_minor,   0,
        exchange->net_minor, exchange->tax_minor,      (uint16_t)exchange->tax_code, exchange->rate_bp};
    if (shell != 0) /* the cylinder itself is no item of the catalogue */
        invoice->lines[invoice->count++] = (struct line){0,
                                                         UNIT,
                                                         shell,
                                                         0,
                                                         exchange->shell_net_minor,
                                                         exchange->shell_tax_minor,
                                                         (uint16_t)exchange->shell_tax_code,
                                                         exchange->shell_rate_bp};
}

/* A void has the lines of what it mirrors. */
static enum status take_mirrored(struct invoice *invoice, const struct record *record, bool sale)
{
    struct view_reader *reader = invoice->query->reader;
    ProtobufCMessage *message = NULL;
    struct record original;
    enum status status = unpack(
        invoice, record,
        sale ? &daftari__v1__void_recorded__descriptor : &daftari__v1__exchange_voided__descriptor, &message);
    if (status == STATUS_OK)
        invoice->reason = sale ? ((const Daftari__V1__VoidRecorded *)message)->reason
                               : ((const Daftari__V1__ExchangeVoided *)message)->reason;
    if (status == STATUS_OK)
        status = reader->record(reader, invoice->header.cause, &original);
    if (status == STATUS_OK)
        status = unpack(invoice, &original,
                        sale ? &daftari__v1__sale_recorded__descriptor
                             : &daftari__v1__cylinder_exchanged__descriptor,
                        &message);
    if (status == STATUS_OK && sale)
        take_sale(invoice, (const Daftari__V1__SaleRecorded *)message);
    else if (status == STATUS_OK)
        take_exchange(invoice, (const Daftari__V1__CylinderExchanged *)message);
    return status;
}

static enum status take_record(struct invoice *invoice, const struct record *record)
{
    ProtobufCMessage *message = NULL;
    enum status status;
    switch (invoice->header.type) {
    case EVENT_SALE_RECORDED:
        status = unpack(invoice, record, &daftari__v1__sale_recorded__descriptor, &message);
        if (status == STATUS_OK)
            take_sale(invoice, (const Daftari__V1__SaleRecorded *)message);
        return status;
    case EVENT_SALE_RETURNED:
        status = unpack(invoice, record, &daftari__v1__return_recorded__descriptor, &message);
        if (status == STATUS_OK)
            take_return(invoice, (const Daftari__V1__ReturnRecorded *)message);
        return status;
    case EVENT_CYLINDER_EXCHANGED:
        status = unpack(invoice, record, &daftari__v1__cylinder_exchanged__descriptor, &message);
        if (status == STATUS_OK)
            take_exchange(invoice, (const Daftari__V1__CylinderExchanged *)message);
        return status;
    default:
        return take_mirrored(invoice, record, invoice->header.type == EVENT_SALE_VOIDED);
    }
}

/* ---- codes ------------------------------------------------------------------------------------------------------------ */

static const char *payment_code(const struct invoice *invoice)
{
    bool cash = false, credit = false, mobile = false, other = false;
    for (size_t i = 0; i < invoice->tender_count; i++) {
        Daftari__V1__PaymentMethod method = invoice->tenders[i]->method;
        cash = cash || method == DAFTARI__V1__PAYMENT_METHOD__METHOD_CASH;
        credit = credit || method == DAFTARI__V1__PAYMENT_METHOD__METHOD_CREDIT;
        mobile = mobile || method == DAFTARI__V1__PAYMENT_METHOD__METHOD_MPESA;
        other = other || method == DAFTARI__V1__PAYMENT_METHOD__METHOD_BANK ||
                method == DAFTARI__V1__PAYMENT_METHOD__METHOD_PREPAYMENT;
    }
    if (other || (mobile && (cash || credit)))
        return "07";
    if (mobile)
        return "06";
    return cash && credit ? "03" : credit ? "02" : "01";
}

/* The authority's letter of a line: by its tax code, else by its rate. */
static char tax_letter(const struct invoice *invoice, const struct line *line)
{
    if (!invoice->registered && line->rate_bp == 0)
        return 'D';
    const Daftari__V1__TaxCodeInfo *info =
        line->code != 0
            ? tax_code_info_get(invoice->query->masters, line->code, invoice->query->context->arena)
            : NULL;
    if (info != NULL && info->authority_code != NULL && info->authority_code[0] >= 'A' &&
        info->authority_code[0] <= 'E')
        return info->authority_code[0];
    return 'B';
}

static const char *unit_code(const char *unit)
{
    if (text_same(unit, "kg"))
        return "KG";
    return text_same(unit, "litre") ? "L" : "U";
}

static char *stamp(const struct invoice *invoice)
{
    struct arena *arena = invoice->query->context->arena;
    const Daftari__V1__OpenBooks *books = books_get(invoice->query->masters, arena);
    int64_t local = invoice->header.time / 1000000 + (books != NULL ? books->utc_offset_minutes : 0) * 60;
    char *out = arena_take(arena, STAMP_BYTES);
    unsigned second = (unsigned)(local % 86400);
    if (out != NULL)
        (void)snprintf(out, STAMP_BYTES, "%08u%02u%02u%02u", date_from_days((int32_t)(local / 86400)),
                       second / 3600 % 24, second / 60 % 60, second % 60);
    return out;
}

/* ---- the answer --------------------------------------------------------------------------------------------------------- */

struct sums {
    int64_t taxable[5], tax[5];
    uint32_t rate[5];
};

static Daftari__V1__EtimsItem *make_item(const struct invoice *invoice, size_t index, struct sums *sums)
{
    struct arena *arena = invoice->query->context->arena;
    const struct line *line = &invoice->lines[index];
    Daftari__V1__EtimsItem *out = message_new(&daftari__v1__etims_item__descriptor, arena);
    if (out == NULL)
        return NULL;
    const Daftari__V1__ItemInfo *item =
        line->item != 0 ? item_info_get(invoice->query->masters, line->item, arena) : NULL;
    char letter[2] = {tax_letter(invoice, line), '\0'};
    size_t type = (size_t)(letter[0] - 'A');
    int64_t gross = line->net + line->tax, supply = gross + line->discount, share;
    out->has_itemseq = out->has_pkg_milli = out->has_qty_milli = out->has_prc_minor = true;
    out->has_splyamt_minor = out->has_dcrt_bp = out->has_dcamt_minor = out->has_taxblamt_minor = true;
    out->has_taxamt_minor = out->has_totamt_minor = true;
    out->itemseq = (uint32_t)index + 1;
    out->itemcd = document_text(item != NULL ? item->code : "CYLINDER");
    out->itemclscd = item != NULL ? item->tax_class : NULL;
    out->itemnm = document_text(item != NULL ? item->name : "Cylinder");
    out->bcd = item != NULL && item->n_barcodes != 0 ? item->barcodes[0] : NULL;
    out->pkgunitcd = document_text("NT");
    out->pkg_milli = UNIT;
    out->qtyunitcd = document_text(unit_code(item != NULL ? item->unit : NULL));
    out->qty_milli = line->quantity;
    out->prc_minor = line->price;
    out->splyamt_minor = supply;
    out->dcamt_minor = line->discount;
    if (supply > 0 && amount_multiply_divide(line->discount, 10000, supply, &share))
        out->dcrt_bp = (uint32_t)share;
    out->taxtycd = arena_text(arena, slice_text(letter));
    out->taxblamt_minor = line->net;
    out->taxamt_minor = line->tax;
    out->totamt_minor = gross;
    sums->taxable[type] += line->net;
    sums->tax[type] += line->tax;
    if (line->rate_bp > sums->rate[type])
        sums->rate[type] = line->rate_bp;
    return out;
}

static void put_sums(Daftari__V1__EtimsInvoice *out, const struct sums *sums)
{
    int64_t *taxable[] = {&out->taxblamta_minor, &out->taxblamtb_minor, &out->taxblamtc_minor,
                          &out->taxblamtd_minor, &out->taxblamte_minor};
    int64_t *tax[] = {&out->taxamta_minor, &out->taxamtb_minor, &out->taxamtc_minor, &out->taxamtd_minor,
                      &out->taxamte_minor};
    uint32_t *rate[] = {&out->taxrta_bp, &out->taxrtb_bp, &out->taxrtc_bp, &out->taxrtd_bp, &out->taxrte_bp};
    out->has_taxblamta_minor = out->has_taxblamtb_minor = out->has_taxblamtc_minor = true;
    out->has_taxblamtd_minor = out->has_taxblamte_minor = out->has_taxamta_minor = true;
    out->has_taxamtb_minor = out->has_taxamtc_minor = out->has_taxamtd_minor = true;
    out->has_taxamte_minor = out->has_taxrta_bp = out->has_taxrtb_bp = out->has_taxrtc_bp = true;
    out->has_taxrtd_bp = out->has_taxrte_bp = true;
    out->has_tottaxblamt_minor = out->has_tottaxamt_minor = out->has_totamt_minor = true;
    for (size_t i = 0; i < 5; i++) {
        *taxable[i] = sums->taxable[i];
        *tax[i] = sums->tax[i];
        *rate[i] = sums->rate[i];
        out->tottaxblamt_minor += sums->taxable[i];
        out->tottaxamt_minor += sums->tax[i];
    }
    out->totamt_minor = out->tottaxblamt_minor + out->tottaxamt_minor;
}

static void put_customer(const struct invoice *invoice, Daftari__V1__EtimsInvoice *out)
{
    const struct document_query *query = invoice->query;
    char *key = NULL;
    if (invoice->customer == 0 ||
        (query->context->rights != NULL &&
         !rights_allow(query->context->rights, DAFTARI__V1__PERMISSION__SALES, PERMISSION_READ)))
        return;
    uint32_t party = party_standing(query->masters, invoice->customer);
    const Daftari__V1__PartyInfo *info = party_info_get(query->masters, party, query->context->arena);
    party_names(query->masters, party, query->context->arena, &key, &out->custnm);
    out->custtin = info != NULL ? info->tax_pin : NULL;
}

static void put_head(const struct invoice *invoice, const struct tax_document *original,
                     Daftari__V1__EtimsInvoice *out)
{
    const struct record_header *header = &invoice->header;
    struct kv_txn *masters = invoice->query->masters;
    struct arena *arena = invoice->query->context->arena;
    const char *pin = business_pin(masters, header->business, header->business_date, arena);
    char date[9];
    (void)snprintf(date, sizeof date, "%08u", header->business_date);
    out->tin = document_text(text_empty(pin) ? NULL : pin);
    out->bhfid = document_text(
        setting_text_of(masters, header->business, "etims_branch", header->business_date, arena));
    out->trdinvcno = document_number_text(invoice->query, header);
    out->has_invcno = out->has_orginvcno = out->has_position = true;
    out->invcno = invoice->numbered.invoice;
    out->orginvcno = invoice->credit ? original->invoice : 0;
    out->rcpttycd = document_text(invoice->credit ? "R" : "S");
    out->pmttycd = document_text(payment_code(invoice));
    out->salessttscd = document_text(invoice->credit ? "05" : "02");
    out->cfmdt = stamp(invoice);
    out->stockrlsdt = out->cfmdt;
    out->salesdt = arena_text(arena, slice_text(date));
    if (header->type == EVENT_SALE_RETURNED)
        out->rfddt = out->cfmdt;
    else if (invoice->credit)
        out->cncldt = out->cfmdt;
    out->rfdrsn = document_text(invoice->reason);
    out->remark = document_text(invoice->note);
    out->regrid = number_text(header->user, arena);
    out->modrid = out->regrid;
    out->business = document_text(business_code_of(masters, header->business, arena));
    out->position = header->position;
}

static enum status make(const struct document_query *query, const struct record *record, const void *context,
                        ProtobufCMessage **out)
{
    struct kv_txn *view = query->reader->txn(query->reader, VIEW_TAX);
    struct arena *arena = query->context->arena;
    struct invoice invoice = {.query = query, .header = record->header};
    struct tax_document original = {0};
    struct sums sums = {0};
    int64_t mode;
    (void)context;
    if (view == NULL)
        return STATUS_UNAVAILABLE;
    if (!tax_document_get(view, record->header.position, &invoice.numbered) || invoice.numbered.invoice == 0)
        return kv_error(view) == STATUS_OK ? STATUS_NOT_FOUND : kv_error(view);
    invoice.credit =
        invoice.header.type != EVENT_SALE_RECORDED && invoice.header.type != EVENT_CYLINDER_EXCHANGED;
    if (invoice.credit)
        (void)tax_document_get(view, invoice.numbered.original, &original);
    invoice.registered = profile_setting_of(query->masters, invoice.header.business, PROFILE_VAT_MODE,
                                            invoice.header.business_date, &mode) &&
                         mode != VAT_NONE;
    invoice.lines = arena_take(arena, LINES_MAX * sizeof *invoice.lines);
    enum status status = invoice.lines != NULL ? take_record(&invoice, record) : STATUS_NO_MEMORY;
    if (status != STATUS_OK)
        return status;
    Daftari__V1__EtimsInvoice *info = message_new(&daftari__v1__etims_invoice__descriptor, arena);
    if (info == NULL)
        return STATUS_NO_MEMORY;
    put_head(&invoice, &original, info);
    put_customer(&invoice, info);
    info->itemlist = arena_take(arena, (invoice.count + 1) * sizeof(Daftari__V1__EtimsItem *));
    for (size_t i = 0; info->itemlist != NULL && i < invoice.count; i++) {
        info->itemlist[i] = make_item(&invoice, i, &sums);
        if (info->itemlist[i] == NULL)
            return STATUS_NO_MEMORY;
        info->n_itemlist++;
    }
    if (info->itemlist == NULL)
        return STATUS_NO_MEMORY;
    info->has_totitemcnt = true;
    info->totitemcnt = (uint32_t)invoice.count;
    put_sums(info, &sums);
    *out = &info->base;
    return STATUS_OK;
}

enum status query_invoice_export(struct view_reader *reader, const struct query_context *context,
                                 const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                                 struct fault *why)
{
    const Daftari__V1__ExportInvoices *asked = (const Daftari__V1__ExportInvoices *)request;
    struct document_query query;
    if (!document_query_init(&query, reader, context))
        return STATUS_UNAVAILABLE;
    struct document_filter filter = {
        .business = asked->business,
        .has_from = asked->has_from_date,
        .has_to = asked->has_to_date,
        .from = asked->from_date,
        .to = asked->to_date,
        .types = types,
        .limit = asked->limit,
    };
    return document_list_step(&query, &filter, state, out, why, make, NULL);
}
