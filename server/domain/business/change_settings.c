#include "server/domain/business/business.h"
#include "server/domain/business/settings.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "type_ids.h"

/* Names known, values of the right form, no name twice. */
static enum status check_all(const struct context *context, struct kv_txn *state,
                             const Daftari__V1__ChangeSettings *change, struct fault *why)
{
    char path[FAULT_FIELD_MAX];
    if (change->n_settings == 0 || change->n_settings > SETTINGS_PER_ORDER)
        return fault_set(why, STATUS_INVALID, "settings", "1 to %u settings", SETTINGS_PER_ORDER);
    const Daftari__V1__CurrencyInfo *base = currency_info_get(state, BASE_CURRENCY, context->arena);
    for (size_t i = 0; i < change->n_settings; i++) {
        const Daftari__V1__Setting *given = change->settings[i];
        const struct setting *setting = given->name != NULL ? setting_find(given->name) : NULL;
        if (setting == NULL)
            return fault_refuse(why, DAFTARI__V1__REASON__SETTING_VALUE_BAD,
                                form_path(path, "settings", i, "name"),
                                "a setting of the list that Business.Settings gives");
        for (size_t j = 0; j < i; j++)
            if (strcmp(change->settings[j]->name, given->name) == 0)
                return fault_refuse(why, DAFTARI__V1__REASON__SETTING_VALUE_BAD,
                                    form_path(path, "settings", i, "name"), "%s is given twice", given->name);
        enum status status =
            setting_check(state, setting, given->value != NULL ? given->value : "",
                          base != NULL ? base->scale : 0, form_path(path, "settings", i, "value"), why);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* Is each of them set to this very value from this very date? */
static bool all_set(struct kv_txn *state, uint16_t business, civil_date from,
                    const Daftari__V1__ChangeSettings *change)
{
    for (size_t i = 0; i < change->n_settings; i++) {
        civil_date since;
        struct slice value;
        const char *given = change->settings[i]->value;
        if (!setting_row(state, business, change->settings[i]->name, from, &since, &value) || since != from ||
            !slice_equal(value, slice_text(given != NULL ? given : "")))
            return false;
    }
    return true;
}

enum status business_decide_settings(const struct context *context, struct kv_txn *state,
                                     const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ChangeSettings *change = (const Daftari__V1__ChangeSettings *)command;
    struct facts facts;
    uint16_t business;
    facts_get(state, &facts);
    enum status status =
        business_configure(context, state, &facts, change->business, "business", &business, why);
    if (status != STATUS_OK)
        return status;
    civil_date from = change->has_from_date ? change->from_date : context->today;
    if (!date_valid(from))
        return fault_set(why, STATUS_INVALID, "from_date", "a real date as YYYYMMDD, got %u", from);
    if (from < facts.first_date) {
        char first[DATE_TEXT_MAX];
        (void)date_format(facts.first_date, first);
        return fault_refuse(why, DAFTARI__V1__REASON__DATE_BEFORE_BOOKS, "from_date",
                            "these books begin on %s: give that date or a later one", first);
    }
    status = check_all(context, state, change, why);
    if (status != STATUS_OK)
        return status;

    struct profile profile;
    profile_get(state, business, context->arena, &profile);
    if (profile_setting_count(&profile) + change->n_settings > PROFILE_DATED_MAX)
        return fault_set(why, STATUS_TOO_LARGE, "settings", "at most %u dated values in one business",
                         PROFILE_DATED_MAX);

    /* accepted */
    out->nothing_to_do = all_set(state, business, from, change);
    out->type = EVENT_SETTINGS_CHANGED;
    out->business = business;
    out->business_date = from;
    return STATUS_OK;
}

void business_apply_settings(struct kv_txn *state, const struct record *record,
                             const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__ChangeSettings *change = (const Daftari__V1__ChangeSettings *)payload;
    const Daftari__V1__CurrencyInfo *base = currency_info_get(state, BASE_CURRENCY, arena);
    for (size_t i = 0; i < change->n_settings; i++) {
        const char *value = change->settings[i]->value != NULL ? change->settings[i]->value : "";
        const struct setting *setting = setting_find(change->settings[i]->name);
        int64_t number;
        setting_row_put(state, record->header.business, change->settings[i]->name,
                        record->header.business_date, slice_text(value));
        if (setting != NULL && setting->profile != PROFILE_NONE &&
            setting_number(state, setting, value, base != NULL ? base->scale : 0, &number))
            profile_put_setting(state, record->header.business, setting->profile,
                                record->header.business_date, number, arena);
    }
}
