/* What the operator writes into fields. */
#include <ctype.h>
#include <string.h>

#include "client/cli/mpesa/mpesa.h"
#include "proto/base/text.h"

#define NAIROBI_MINUTES 180 /* no daylight saving: the operator's clock */

static struct slice trimmed(struct slice text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = slice_of(text.ptr + 1, text.len - 1);
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

bool mpesa_amount(struct slice text, int64_t *out_minor)
{
    struct fault why;
    text = trimmed(text);
    if (text.len == 0) {
        *out_minor = 0;
        return true;
    }
    return amount_parse(text, MPESA_SCALE, out_minor, &why) == STATUS_OK;
}

/* ---- moments ------------------------------------------------------------------------------------------------------ */

/* Numbers of the text, in order, and what stands between them; false when it is anything else. */
struct parts {
    uint32_t number[6];
    size_t digits[6];
    char between[6];
    size_t count;
};

static bool split(struct slice text, struct parts *out)
{
    *out = (struct parts){.count = 0};
    for (size_t at = 0; at < text.len;) {
        if (out->count == 6)
            return false;
        size_t begin = at;
        uint32_t number = 0;
        for (; at < text.len && isdigit(text.ptr[at]) && at - begin < 4; at++)
            number = number * 10 + (uint32_t)(text.ptr[at] - '0');
        if (at == begin)
            return false;
        out->number[out->count] = number;
        out->digits[out->count] = at - begin;
        if (at < text.len)
            out->between[out->count] = (char)text.ptr[at++];
        out->count++;
    }
    return out->count >= 5 && out->between[out->count - 1] == '\0';
}

static bool moment(uint32_t date, uint32_t hour, uint32_t minute, uint32_t second, timestamp_us *out)
{
    if (!date_valid(date) || hour > 23 || minute > 59 || second > 59)
        return false;
    int64_t seconds = (int64_t)date_to_days(date) * 86400 + hour * 3600 + minute * 60 + second;
    *out = (seconds - NAIROBI_MINUTES * 60) * INT64_C(1000000);
    return *out > 0;
}

static bool compact_time(struct slice text, timestamp_us *out)
{
    uint64_t number;
    if (text.len != 14 || !number_parse(text, 0, UINT64_MAX, &number))
        return false;
    uint32_t date = (uint32_t)(number / 1000000), rest = (uint32_t)(number % 1000000);
    return moment(date, rest / 10000, rest / 100 % 100, rest % 100, out);
}

bool mpesa_time(struct slice text, timestamp_us *out)
{
    struct parts parts;
    struct fault why;
    text = trimmed(text);
    if (compact_time(text, out))
        return true;
    if (!split(text, &parts))
        return timestamp_parse(text, out, &why) == STATUS_OK && *out > 0;
    char between = parts.between[0], gap = parts.between[2];
    if ((between != '-' && between != '/') || parts.between[1] != between || (gap != ' ' && gap != 'T') ||
        parts.between[3] != ':' || (parts.count == 6 && parts.between[4] != ':') || parts.digits[3] > 2 ||
        parts.digits[4] > 2 || (parts.count == 6 && parts.digits[5] > 2))
        return false;
    bool year_first = parts.digits[0] == 4;
    uint32_t year = parts.number[year_first ? 0 : 2], day = parts.number[year_first ? 2 : 0];
    if (parts.digits[year_first ? 0 : 2] != 4 || parts.digits[1] > 2 ||
        parts.digits[year_first ? 2 : 0] > 2 || parts.number[1] > 12 || day > 31)
        return false;
    return moment(year * 10000 + parts.number[1] * 100 + day, parts.number[3], parts.number[4],
                  parts.count == 6 ? parts.number[5] : 0, out);
}

/* ---- texts --------------------------------------------------------------------------------------------------------- */

void mpesa_clean(const char *text, char *out, size_t cap)
{
    struct slice left = trimmed(slice_text(text));
    size_t len = text_cut(left, cap - 1);
    memcpy(out, left.ptr, len);
    out[len] = '\0';
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
            out[i] = ' ';
    while (len > 0 && out[len - 1] == ' ')
        out[--len] = '\0';
    if (!text_valid(slice_text(out)))
        out[0] = '\0';
}

bool mpesa_receipt(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    return len >= 6 && len < MPESA_RECEIPT_CAP && text[len] == '\0';
}

bool mpesa_holds(const char *text, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = text; *at != '\0'; at++) {
        size_t same = 0;
        while (same < len && tolower((unsigned char)at[same]) == tolower((unsigned char)word[same]))
            same++;
        if (same == len)
            return true;
    }
    return false;
}

void mpesa_phone(const char *text, char out[MPESA_PHONE_CAP])
{
    enum { SHOWN_FIRST = 4, SHOWN_LAST = 3, WHOLE_MIN = 9, HIDDEN_MIN = 3 };
    char digits[MPESA_PHONE_CAP];
    size_t hidden = 0;
    mpesa_clean(text, digits, sizeof digits);
    out[0] = '\0';
    size_t len = strlen(digits), first = digits[0] == '+' ? 1 : 0;
    if (strlen(text) >= MPESA_PHONE_CAP || strspn(digits + first, "0123456789*") + first != len)
        return; /* hashed, or a name */
    for (size_t i = 0; i < len; i++)
        hidden += digits[i] == '*';
    if (hidden < HIDDEN_MIN && len - first < WHOLE_MIN)
        return;
    memcpy(out, digits, len + 1);
    for (size_t i = first + SHOWN_FIRST; hidden < HIDDEN_MIN && i + SHOWN_LAST < len; i++)
        out[i] = '*';
    if (hidden < HIDDEN_MIN &&
        len - first < SHOWN_FIRST + SHOWN_LAST + HIDDEN_MIN) /* too short to hide enough */
        memset(out + first + 1, '*', len - first - 1);
}

void mpesa_party(const char *text, char phone[MPESA_PHONE_CAP], char name[MPESA_NAME_CAP])
{
    char first[64];
    const char *dash = strstr(text, " - ");
    size_t len = dash != NULL ? (size_t)(dash - text) : strlen(text);
    phone[0] = name[0] = '\0';
    if (len < sizeof first) {
        memcpy(first, text, len);
        first[len] = '\0';
        mpesa_phone(first, phone);
    }
    if (dash != NULL)
        mpesa_clean(dash + 3, name, MPESA_NAME_CAP);
    else if (phone[0] == '\0')
        mpesa_clean(text, name, MPESA_NAME_CAP);
}
