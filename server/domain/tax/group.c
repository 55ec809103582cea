/* Which businesses file together: those with the same PIN. */
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/tax/tax.h"

uint32_t tax_account_of(const struct document *document, uint16_t business, Daftari__V1__AccountRole role)
{
    struct document other = *document;
    if (business != document->business) {
        other.business = business;
        profile_get(document->state, business, document->context->arena, &other.own);
    }
    return document_account(&other, role, CATEGORY_ANY);
}

enum status vat_group_find(const struct document *document, const char *pin, civil_date date,
                           struct vat_group *out, struct fault *why)
{
    struct arena *arena = document->context->arena;
    struct row_key after = row_key_u16(0);
    struct slice key = slice_of("", 0), value;
    bool mixed = false;
    *out = (struct vat_group){0};
    while (row_next(document->state, TABLE_BUSINESS, key, &key, &value) && key.len == 2) {
        uint16_t business = be16_get(key.ptr);
        after = row_key_u16(business);
        key = row_key_slice(&after);
        const char *own = business_pin(document->state, business, date, arena);
        if (own == NULL)
            return fault_set(why, STATUS_NO_MEMORY, NULL, "too many businesses");
        if (!text_empty(pin) && strcmp(own, pin) != 0)
            continue;
        if (out->count == 0) {
            out->lead = business;
            out->pin = own;
        }
        mixed = mixed || strcmp(own, out->pin) != 0;
        out->businesses[out->count++] = business;
    }
    if (out->count == 0)
        return fault_refuse(why, DAFTARI__V1__REASON__TAX_PIN_UNKNOWN, "pin",
                            "no business has the PIN %.20s: see the setting kra_pin", pin);
    if (mixed)
        return fault_refuse(why, DAFTARI__V1__REASON__TAX_PIN_MISSING, "pin",
                            "these businesses have several PINs: say which one files");
    return STATUS_OK;
}
