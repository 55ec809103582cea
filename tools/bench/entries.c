#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proto/base/date.h"
#include "tools/bench/entries.h"
#include "tools/bench/wire.h"

#define TAG_COMMANDS   0x2a /* Request.commands */
#define TAG_COMMAND_ID 0x0a
#define TAG_BODY       0x12
#define AMOUNT_LEAST   16384u   /* from here to 2,097,151 a varint has three bytes ... */
#define AMOUNTS        1000000u /* ... so every entry has the same length */

uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545F4914F6CDD1D);
}

static uint64_t realtime_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

uint32_t yesterday_utc(void)
{
    return date_add_days(date_of_timestamp((timestamp_us)(realtime_ms() * 1000u), 0), -1);
}

static void put_varint3(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value | 0x80);
    at[1] = (uint8_t)(value >> 7 | 0x80);
    at[2] = (uint8_t)(value >> 14);
}

static void put_varint4(uint8_t *at,
                        uint32_t value) /* 2,097,152 to 268,435,455: dates and our account numbers */
{
    at[0] = (uint8_t)(value | 0x80);
    at[1] = (uint8_t)(value >> 7 | 0x80);
    at[2] = (uint8_t)(value >> 14 | 0x80);
    at[3] = (uint8_t)(value >> 21);
}

/* A UUID of version 4, or of version 7: 48 bits of milliseconds and a counter before the random bits (RFC 9562). */
static void put_id(struct entry_source *source, uint8_t *at)
{
    uint64_t high = random_next(&source->random), low = random_next(&source->random);
    memcpy(at, &high, 8);
    memcpy(at + 8, &low, 8);
    at[6] = (uint8_t)((at[6] & 0x0f) | 0x40);
    at[8] = (uint8_t)((at[8] & 0x3f) | 0x80);
    if (source->ids == BENCH_IDS_RANDOM)
        return;
    if (++source->time_count > 0xfff ||
        source->time_ms == 0) { /* 4,096 a millisecond: then borrow from the next */
        uint64_t now_ms = realtime_ms();
        source->time_ms = now_ms > source->time_ms ? now_ms : source->time_ms + 1;
        source->time_count = 0;
    }
    for (int i = 0; i < 6; i++)
        at[i] = (uint8_t)(source->time_ms >> (40 - 8 * i));
    at[6] = (uint8_t)(0x70 | source->time_count >> 8);
    at[7] = (uint8_t)source->time_count;
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */

void entry_source_init(struct entry_source *source, const struct bench_options *options)
{
    memset(source, 0, sizeof *source);
    source->random = options->seed | 1;
    source->accounts = options->accounts;
    source->ids = options->ids;
    source->late = options->late;
    source->entries = options->entries;
    source->days = options->days < ENTRY_DAYS_MAX ? options->days : ENTRY_DAYS_MAX;
    uint32_t date = yesterday_utc();
    for (uint32_t i = 0; i < source->days; i++) {
        put_varint4(source->dates[i], date);
        date = date_add_days(date, -1);
    }
}

static uint8_t *put_line(uint8_t *at, uint32_t account, uint8_t side, uint32_t amount)
{
    at[0] = 0x32; /* PostEntry.lines { account; debit_minor or credit_minor } */
    at[1] = 9;
    at[2] = 0x08;
    put_varint4(at + 3, account);
    at[7] = side;
    put_varint3(at + 8, amount);
    return at + 11;
}

/* How many days before the last one. */
static uint32_t some_day(struct entry_source *source, uint64_t random)
{
    uint64_t made = source->made < source->entries ? source->made++ : source->entries - 1;
    if (source->late >= 100 || source->entries == 0)
        return (uint32_t)((random >> 16) % source->days);
    uint32_t passed = (uint32_t)(made * source->days / source->entries);
    if ((random >> 40) % 100 < source->late)
        passed = (uint32_t)((random >> 16) % (passed + 1));
    return source->days - 1 - passed;
}

static size_t put_entry(void *context, uint8_t *out)
{
    static const char text[] = "Sale of packaged water";
    struct entry_source *source = context;
    uint64_t random = random_next(&source->random);
    uint32_t from = (uint32_t)(((random & 0xffffffffu) * source->accounts) >> 32);
    uint32_t to = (uint32_t)(((random >> 32) * source->accounts) >> 32);
    uint32_t amount = AMOUNT_LEAST + (uint32_t)(random % AMOUNTS);
    size_t body = 2 + (sizeof text - 1) + 2 * 11 + (source->days > 0 ? 5 : 0);
    if (to == from)
        to = to + 1 < source->accounts ? to + 1 : 0;
    from += BENCH_ACCOUNT_FIRST;
    to += BENCH_ACCOUNT_FIRST;
    if (source->every > 0 && ++source->counter % source->every == 0)
        from = STATEMENT_ACCOUNT;

    uint8_t *at = out;
    *at++ = TAG_COMMANDS;
    *at++ = (uint8_t)(18 + 2 + body); /* less than 128, as is the body */
    *at++ = TAG_COMMAND_ID;
    *at++ = DFT_COMMAND_ID_BYTES;
    put_id(source, at);
    at += DFT_COMMAND_ID_BYTES;
    *at++ = TAG_BODY;
    *at++ = (uint8_t)body;
    if (source->days > 0) {
        *at++ = 0x10; /* PostEntry.date */
        memcpy(at, source->dates[some_day(source, random)], 4);
        at += 4;
    }
    *at++ = 0x22; /* PostEntry.description */
    *at++ = sizeof text - 1;
    memcpy(at, text, sizeof text - 1);
    at += sizeof text - 1;
    at = put_line(at, from, 0x10, amount);
    at = put_line(at, to, 0x18, amount);
    return (size_t)(at - out);
}

struct work entry_work(struct entry_source *source)
{
    return (struct work){.method = "Entry.Post", .item = put_entry, .context = source};
}

/* ---- accounts ---------------------------------------------------------------------------------------------------- */

static size_t put_account(void *context, uint8_t *out)
{
    struct account_source *source = context;
    char name[40];
    uint32_t index = source->next++;
    uint8_t *at = out;
    size_t len = (size_t)snprintf(name, sizeof name, "Bench account %u", index);
    *at++ = TAG_COMMANDS;
    *at++ = (uint8_t)(18 + 2 + 5 + 2 + len);
    *at++ = TAG_COMMAND_ID;
    *at++ = DFT_COMMAND_ID_BYTES;
    dft_command_id_new(at);
    at += DFT_COMMAND_ID_BYTES;
    *at++ = TAG_BODY;
    *at++ = (uint8_t)(5 + 2 + len);
    *at++ = 0x08; /* OpenAccount.number */
    put_varint4(at, BENCH_ACCOUNT_FIRST + index);
    at += 4;
    *at++ = 0x12; /* OpenAccount.name */
    *at++ = (uint8_t)len;
    memcpy(at, name, len);
    return (size_t)(at + len - out);
}

struct work account_work(struct account_source *source)
{
    return (struct work){.method = "Account.Open", .item = put_account, .context = source};
}

/* ---- reports ----------------------------------------------------------------------------------------------------- */

static uint8_t *put_number(uint8_t *at, uint32_t field, uint64_t value)
{
    if (value == 0)
        return at;
    at = put_varint(at, field << 3);
    return put_varint(at, value);
}

static size_t put_report(void *context, uint8_t *out)
{
    struct report_source *source = context;
    uint64_t random = random_next(&source->random);
    uint8_t body[128], *at = body;
    size_t name = strlen(source->report);
    *at++ = 0x0a; /* RunReport.report */
    *at++ = (uint8_t)name;
    memcpy(at, source->report, name < 64 ? name : 64);
    at += name;
    if (source->from_days > 0) {
        at = put_number(at, 2, date_add_days(source->today_date, -(int32_t)source->from_days));
        at = put_number(at, 3, source->today_date);
    }
    if (source->as_at_days > 0)
        at = put_number(at, 4, date_add_days(source->today_date, -(int32_t)(random % source->as_at_days)));
    at = put_number(at, 8, source->account);
    at = put_number(at, 13, source->limit);
    if (source->offset_max > 0)
        at = put_number(at, 14, (random >> 32) % source->offset_max);

    size_t len = (size_t)(at - body);
    at = out;
    *at++ = TAG_COMMANDS;
    at = put_varint(at, len + 2 + (len >= 0x80));
    *at++ = TAG_BODY;
    at = put_varint(at, len);
    memcpy(at, body, len);
    return (size_t)(at + len - out);
}

struct work report_work(struct report_source *source)
{
    return (struct work){.method = "Report.Run", .query = true, .item = put_report, .context = source};
}
