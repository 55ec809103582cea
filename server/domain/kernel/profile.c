#include "server/domain/kernel/profile.h"

#include "proto/base/bytes.h"
#include "server/domain/kernel/rows.h"

#define RULE_BYTES    8u
#define SETTING_BYTES 14u
#define COUNT_BYTES   2u

/* A row as stored: good until the next write. False when there is none. */
static bool borrow(struct kv_txn *state, uint16_t business, struct slice *out_row, struct profile *out)
{
    struct row_key key = row_key_u16(business);
    *out = (struct profile){0};
    if (!kv_get(state, TABLE_PROFILE, row_key_slice(&key), out_row))
        return false;
    size_t rules = out_row->len >= COUNT_BYTES ? (size_t)be16_get(out_row->ptr) * RULE_BYTES : 0;
    if (out_row->len < COUNT_BYTES + rules || (out_row->len - COUNT_BYTES - rules) % SETTING_BYTES != 0) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    out->rules = slice_of(out_row->ptr + COUNT_BYTES, rules);
    out->settings = slice_of(out_row->ptr + COUNT_BYTES + rules, out_row->len - COUNT_BYTES - rules);
    return true;
}

void profile_get(struct kv_txn *state, uint16_t business, struct arena *arena, struct profile *out)
{
    struct slice row;
    if (!borrow(state, business, &row, out))
        return;
    uint8_t *copy = arena_take(arena, row.len);
    if (copy == NULL) {
        *out = (struct profile){0};
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    memcpy(copy, row.ptr, row.len);
    out->rules.ptr = copy + COUNT_BYTES;
    out->settings.ptr = copy + COUNT_BYTES + out->rules.len;
}

/* The first of `count` rows of `size` bytes whose key, its first `key_len` bytes, is not below `key`. */
static size_t lower_bound(struct slice rows, size_t size, const uint8_t *key, size_t key_len)
{
    size_t low = 0, high = rows.len / size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(rows.ptr + middle * size, key, key_len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void rule_key(uint8_t out[4], Daftari__V1__AccountRole role, uint16_t category)
{
    out[0] = (uint8_t)role;
    out[1] = 0;
    be16_put(out + 2, category);
}

static void setting_key(uint8_t out[6], enum profile_setting setting, civil_date from)
{
    out[0] = (uint8_t)setting;
    out[1] = 0;
    be32_put(out + 2, from);
}

uint32_t profile_rule(const struct profile *profile, Daftari__V1__AccountRole role, uint16_t category)
{
    uint8_t key[4];
    rule_key(key, role, category);
    size_t at = lower_bound(profile->rules, RULE_BYTES, key, sizeof key) * RULE_BYTES;
    if (at == profile->rules.len || memcmp(profile->rules.ptr + at, key, sizeof key) != 0)
        return 0;
    return be32_get(profile->rules.ptr + at + sizeof key);
}

bool profile_setting(const struct profile *profile, enum profile_setting setting, civil_date date,
                     int64_t *out)
{
    uint8_t key[6];
    setting_key(key, setting, date + 1); /* no date is UINT32_MAX */
    size_t at = lower_bound(profile->settings, SETTING_BYTES, key, sizeof key);
    if (at == 0)
        return false;
    const uint8_t *row = profile->settings.ptr + (at - 1) * SETTING_BYTES;
    if (row[0] != (uint8_t)setting)
        return false;
    *out = (int64_t)be64_get(row + sizeof key);
    return true;
}

bool profile_setting_of(struct kv_txn *state, uint16_t business, enum profile_setting setting,
                        civil_date date, int64_t *out)
{
    struct profile profile;
    struct slice row;
    if (borrow(state, business, &row, &profile) && profile_setting(&profile, setting, date, out))
        return true;
    return business != 0 && borrow(state, 0, &row, &profile) && profile_setting(&profile, setting, date, out);
}

uint32_t profile_rule_of(struct kv_txn *state, uint16_t business, Daftari__V1__AccountRole role)
{
    struct profile profile;
    struct slice row;
    uint32_t account =
        borrow(state, business, &row, &profile) ? profile_rule(&profile, role, CATEGORY_ANY) : 0;
    if (account == 0 && business != 0 && borrow(state, 0, &row, &profile))
        account = profile_rule(&profile, role, CATEGORY_ANY);
    return account;
}

size_t profile_setting_count(const struct profile *profile)
{
    return profile->settings.len / SETTING_BYTES;
}

bool profile_rule_at(const struct profile *profile, size_t index, Daftari__V1__AccountRole *out_role,
                     uint16_t *out_category, uint32_t *out_account)
{
    if (index >= profile->rules.len / RULE_BYTES)
        return false;
    const uint8_t *row = profile->rules.ptr + index * RULE_BYTES;
    *out_role = (Daftari__V1__AccountRole)row[0];
    *out_category = be16_get(row + 2);
    *out_account = be32_get(row + 4);
    return true;
}

/* ---- apply ---------------------------------------------------------------------------------------------------- */

/* `rows` with `row` in the place of the one of the same key, or without it. */
static struct slice with_row(struct slice rows, size_t size, const uint8_t *row, size_t key_len, bool keep,
                             struct arena *arena)
{
    size_t at = lower_bound(rows, size, row, key_len) * size;
    size_t rest = at < rows.len && memcmp(rows.ptr + at, row, key_len) == 0 ? at + size : at;
    size_t added = keep ? size : 0;
    uint8_t *out = arena_take(arena, rows.len + size + 1);
    if (out == NULL)
        return (struct slice){0};
    if (rows.ptr != NULL)
        memcpy(out, rows.ptr, at);
    memcpy(out + at, row, added);
    if (rows.ptr != NULL)
        memcpy(out + at + added, rows.ptr + rest, rows.len - rest);
    return slice_of(out, at + added + rows.len - rest);
}

static void put(struct kv_txn *state, uint16_t business, const struct profile *profile, struct arena *arena)
{
    struct row_key key = row_key_u16(business);
    size_t len = COUNT_BYTES + profile->rules.len + profile->settings.len;
    uint8_t *row = arena_take(arena, len);
    if (row == NULL || (profile->rules.ptr == NULL && profile->settings.ptr == NULL)) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    be16_put(row, (uint16_t)(profile->rules.len / RULE_BYTES));
    if (profile->rules.len != 0)
        memcpy(row + COUNT_BYTES, profile->rules.ptr, profile->rules.len);
    if (profile->settings.len != 0)
        memcpy(row + COUNT_BYTES + profile->rules.len, profile->settings.ptr, profile->settings.len);
    kv_put(state, TABLE_PROFILE, row_key_slice(&key), slice_of(row, len));
}

void profile_put_rule(struct kv_txn *state, uint16_t business, Daftari__V1__AccountRole role,
                      uint16_t category, uint32_t account, struct arena *arena)
{
    struct profile profile;
    uint8_t row[RULE_BYTES];
    rule_key(row, role, category);
    be32_put(row + 4, account);
    profile_get(state, business, arena, &profile);
    profile.rules = with_row(profile.rules, RULE_BYTES, row, 4, account != 0, arena);
    put(state, business, &profile, arena);
}

void profile_put_setting(struct kv_txn *state, uint16_t business, enum profile_setting setting,
                         civil_date from, int64_t value, struct arena *arena)
{
    struct profile profile;
    uint8_t row[SETTING_BYTES];
    setting_key(row, setting, from);
    be64_put(row + 6, (uint64_t)value);
    profile_get(state, business, arena, &profile);
    profile.settings = with_row(profile.settings, SETTING_BYTES, row, 6, true, arena);
    put(state, business, &profile, arena);
}
