/* Every record whose journal type says that it is a sale, payment, expense or the like has its place in the Z report, so that
 * a new one is not forgotten there: it is named in kernel/day_book.c, or here with the reason why it is not. */
#include <stdio.h>
#include <string.h>

#include "server/domain/domain.h"
#include "server/domain/kernel/day_book.h"
#include "type_ids.h"

static const char *const placed[] = {"SALE", "PAY", "RFD", "REV", "EXP", "PUR", "SPY", "DEP", "WD"};

static const uint16_t elsewhere[] = {
    EVENT_EQUIPMENT_DISPOSED, /* a sale of no goods: among the rest */
    EVENT_PRODUCTION_VOIDED,  /* moves no money */
    EVENT_MPESA_CHARGED,      /* between M-Pesa and others, past every till */
    EVENT_MPESA_SETTLED,
};

static bool is_placed(const char *type)
{
    for (size_t i = 0; type != NULL && i < sizeof placed / sizeof placed[0]; i++)
        if (strcmp(placed[i], type) == 0)
            return true;
    return false;
}

static bool is_elsewhere(uint16_t type)
{
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
        if (elsewhere[i] == type)
            return true;
    return false;
}

int main(void)
{
    size_t wrong = 0, seen = 0;
    for (size_t i = 0; i < domain_capability_count; i++)
        for (size_t j = 0; j < domain_capabilities[i]->event_count; j++) {
            const struct event_type *event = &domain_capabilities[i]->events[j];
            if (!is_placed(event->entry_type))
                continue;
            bool other = day_book_kind(event->type) == DAFTARI__V1__DAY_FLOW_KIND__FLOW_OTHER;
            seen++;
            if (other == is_elsewhere(event->type))
                continue;
            wrong++;
            printf("# %s (%s) has %s\n", event->name, event->entry_type,
                   other ? "no place in the Z report" : "one, though it is listed here");
        }
    printf("# %zu types\n", seen);
    printf("%s - every kind of sale, payment and expense has its place in the Z report\n",
           wrong == 0 && seen > 20 ? "ok" : "not ok");
    return wrong == 0 && seen > 20 ? 0 : 1;
}
