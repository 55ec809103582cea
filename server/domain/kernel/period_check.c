#include "people.pb-c.h"
#include "server/domain/kernel/periods.h"
#include "server/domain/kernel/rows.h"

#define DATE_FIELD "date"

/* The state of a month, or of a year as YYYY00. Without a row it is open: the usual case costs one look-up. */
static struct slice period_state(struct kv_txn *state, uint32_t period)
{
    enum { PERIOD_INFO_STATE = 2 };
    struct row_key key = row_key_u32(period);
    struct slice row;
    if (!kv_get(state, TABLE_PERIOD, row_key_slice(&key), &row))
        return slice_text(PERIOD_STATE_OPEN);
    return row_text_field(state, row, PERIOD_INFO_STATE);
}

static enum status check_open(struct kv_txn *state, const struct facts *facts, const struct rights *rights,
                              civil_date business_date, struct fault *why)
{
    uint32_t month = business_date / 100;
    uint32_t year = facts_fiscal_year(facts, business_date);
    /* A year whose close has begun takes nothing either, whatever its months say. */
    if (!slice_equal(period_state(state, year * 100), slice_text(PERIOD_STATE_OPEN)))
        return fault_refuse(why, DAFTARI__V1__REASON__PERIOD_CLOSED, DATE_FIELD,
                            "the year %u is closed: give a date after it", year);
    struct slice now = period_state(state, month);
    if (slice_equal(now, slice_text(PERIOD_STATE_CLOSED)))
        return fault_refuse(why, DAFTARI__V1__REASON__PERIOD_CLOSED, DATE_FIELD,
                            "%04u-%02u is closed: give a date in an open month", month / 100, month % 100);
    if (slice_equal(now, slice_text(PERIOD_STATE_SOFT_CLOSED)) && rights != NULL &&
        !rights_allow(rights, DAFTARI__V1__PERMISSION__PERIOD_CLOSE, PERMISSION_WRITE))
        return fault_refuse(why, DAFTARI__V1__REASON__PERIOD_SOFT_CLOSED, DATE_FIELD,
                            "%04u-%02u is soft closed: only those who may close periods post to it",
                            month / 100, month % 100);
    return STATUS_OK;
}

enum status period_check(struct kv_txn *state, const struct rights *rights, civil_date business_date,
                         struct fault *why)
{
    struct facts facts;
    facts_get(state, &facts);
    return check_open(state, &facts, rights, business_date, why);
}

enum status date_check(const struct context *context, struct kv_txn *state, const struct facts *facts,
                       civil_date business_date, struct fault *why)
{
    char text[DATE_TEXT_MAX];
    if (!date_valid(business_date))
        return fault_set(why, STATUS_INVALID, DATE_FIELD, "a real date as YYYYMMDD, got %u", business_date);
    if (business_date < facts->first_date) {
        (void)date_format(facts->first_date, text);
        return fault_refuse(why, DAFTARI__V1__REASON__DATE_BEFORE_BOOKS, DATE_FIELD,
                            "these books begin on %s: give that date or a later one", text);
    }
    if (business_date > context->today && business_date > date_add_days(context->today, 1)) {
        (void)date_format(context->today, text);
        return fault_refuse(why, DAFTARI__V1__REASON__DATE_IN_FUTURE, DATE_FIELD,
                            "today is %s: give a date up to tomorrow", text);
    }
    return check_open(state, facts, context->rights, business_date, why);
}

/* Rows are looked at as they are stored: there may be any number of them, of any size, and memory that runs out in a
 * decision stops the server. */
static uint32_t open_between(struct kv_txn *state, unsigned table, uint32_t entry_field, civil_date from,
                             civil_date to, uint32_t state_field, uint64_t *out_first)
{
    enum { POST_ENTRY_DATE = 2 };
    struct kv_cursor *cursor = kv_cursor_open(state, table);
    uint32_t count = 0;
    uint8_t first = 0;
    for (bool more = kv_seek(cursor, slice_of(&first, 1)); more; more = kv_next(cursor)) {
        struct slice key, value;
        kv_row(cursor, &key, &value);
        if (value.len == 0 || (state_field != 0 && !slice_equal(row_text_field(state, value, state_field),
                                                                slice_text("requested"))))
            continue;
        uint64_t date = row_number_field(state, row_text_field(state, value, entry_field), POST_ENTRY_DATE);
        if (date < from || date > to)
            continue;
        if (count++ == 0)
            *out_first = be64_get(key.ptr); /* the key is the position */
    }
    kv_cursor_close(cursor);
    return count;
}

uint32_t drafts_open_between(struct kv_txn *state, civil_date from, civil_date to, uint64_t *out_first)
{
    enum { DRAFT_INFO_ENTRY = 2 };
    return open_between(state, TABLE_DRAFT, DRAFT_INFO_ENTRY, from, to, 0, out_first);
}

uint32_t adjustments_open_between(struct kv_txn *state, civil_date from, civil_date to, uint64_t *out_first)
{
    enum { ADJUSTMENT_INFO_STATE = 2, ADJUSTMENT_INFO_ENTRY = 3 };
    return open_between(state, TABLE_ADJUSTMENT, ADJUSTMENT_INFO_ENTRY, from, to, ADJUSTMENT_INFO_STATE,
                        out_first);
}
