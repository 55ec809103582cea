/*
 * Random commands, good and bad, against the whole domain. After each one: what world_command checks (two decisions
 * over differently poisoned memory are equal, deciding writes nothing, records balance), and here that a refused command
 * left state as it was. Now and then and at the end: what world_check checks (balances equal an independent sum over
 * the records, every business and currency sums to zero, a replay gives the same bytes).
 * DAFTARI_SEED repeats a run; RANDOM_STEPS sets its length.
 */
#include <stdio.h>
#include <stdlib.h>

#include "account.pb-c.h"
#include "business.pb-c.h"
#include "entry.pb-c.h"
#include "period.pb-c.h"
#include "server/domain/kernel/tables.h"
#include "tests/support/random.h"
#include "tests/support/world.h"

#define LINES_MAX 12u

static const uint32_t accounts[] = {1110, 1120, 1130, 1140, 1170, 1210, 1220, 1310, 1900, 2110, 3100, 3200,
                                    4100, 4200, 4300, 5110, 5200, 5300, 5810, 5830, 1000, 4999, 5601};
static const char *const businesses[] = {"WTR", "LND", "RTL", "HQ", "NONE"};
static const char *const currencies[] = {"KES", "JPY", "XAU", "NONE"};
static const char *const types[] = {"SALE", "GEN", "EXP", "ADJ", "REV", "NONE"};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

struct play {
    struct world *world;
    struct random *random;
    struct rights clerk; /* may work in WTR and HQ only */
    size_t accepted, refused, nothing;
    const char *failure;
};

static uint32_t below(struct play *play, uint32_t bound)
{
    return (uint32_t)random_below(play->random, bound);
}

static bool chance(struct play *play, uint32_t percent)
{
    return below(play, 100) < percent;
}

/* ---- state before and after ------------------------------------------------------------------------------------------ */

static uint64_t digest(struct world *world)
{
    struct kv_txn *state;
    uint64_t hash = UINT64_C(1469598103934665603); /* FNV-1a: enough to notice a change */
    if (kv_begin(world->state, false, &state) != STATUS_OK)
        abort();
    for (unsigned table = 0; table < domain_table_count; table++) {
        struct kv_cursor *cursor = kv_cursor_open(state, table);
        uint8_t first = 0;
        for (bool more = kv_seek(cursor, slice_of(&first, 1)); more; more = kv_next(cursor)) {
            struct slice part[2];
            kv_row(cursor, &part[0], &part[1]);
            for (size_t p = 0; p < 2; p++)
                for (size_t i = 0; i < part[p].len; i++)
                    hash = (hash ^ part[p].ptr[i]) * UINT64_C(1099511628211);
        }
        kv_cursor_close(cursor);
    }
    kv_abort(state);
    return hash;
}

static void give(struct play *play, const char *method, const ProtobufCMessage *message, bool compare)
{
    struct world_actor actor = {0};
    if (chance(play, 75))
        actor = (struct world_actor){.user = 1, .rights = world_owner_rights()};
    else if (chance(play, 50))
        actor = (struct world_actor){.user = 2, .rights = &play->clerk};
    uint8_t body[65536];
    size_t len = protobuf_c_message_get_packed_size(message);
    if (len > sizeof body)
        abort();
    (void)protobuf_c_message_pack(message, body);
    uint64_t before = compare ? digest(play->world) : 0;
    struct world_answer answer;
    world_command(play->world, &actor, method, slice_of(body, len), &answer);
    bool changed = answer.status == STATUS_OK && !answer.nothing_to_do;
    if (changed)
        play->accepted++;
    else if (answer.nothing_to_do)
        play->nothing++;
    else
        play->refused++;
    if (compare && !changed && digest(play->world) != before)
        play->failure = "a command that was not accepted changed state";
    if (answer.status != STATUS_OK && answer.fault.text[0] == '\0')
        play->failure = "a refusal that says nothing";
    if (answer.status == STATUS_INTERNAL || answer.status == STATUS_CORRUPT) {
        printf("# %s: %s\n", method, answer.fault.text);
        play->failure = "a command met a fault of the domain's own";
    }
}

/* ---- commands -------------------------------------------------------------------------------------------------------- */

struct entry_room {
    Daftari__V1__PostEntry entry;
    Daftari__V1__EntryLine lines[LINES_MAX];
    Daftari__V1__EntryLine *pointers[LINES_MAX];
};

static uint32_t random_date(struct play *play)
{
    if (chance(play, 2))
        return 20240000 + below(play, 20000);
    civil_date today = date_of_timestamp(play->world->now, 180);
    return date_add_days(today, (int32_t)below(play, 60) - 58);
}

static void fill_line(struct play *play, Daftari__V1__EntryLine *line, int64_t amount)
{
    daftari__v1__entry_line__init(line);
    line->has_account = true;
    line->account = accounts[chance(play, 97) ? below(play, 20) : below(play, COUNT_OF(accounts))];
    if (chance(play, 6))
        line->business = (char *)businesses[chance(play, 95) ? below(play, 4) : 4];
    if (amount > 0) {
        line->has_debit_minor = true;
        line->debit_minor = amount;
    } else {
        line->has_credit_minor = true;
        line->credit_minor = -amount;
    }
    if (chance(play, 10))
        line->description = (char *)"a line";
}

/* Mostly balanced: the last line takes what is missing. */
static void fill_entry(struct play *play, struct entry_room *room)
{
    daftari__v1__post_entry__init(&room->entry);
    room->entry.description = (char *)(chance(play, 98) ? "random" : " ");
    room->entry.business = chance(play, 70) ? (char *)businesses[below(play, 4)] : NULL;
    room->entry.type = chance(play, 10) ? (char *)types[below(play, COUNT_OF(types))] : NULL;
    room->entry.has_date = chance(play, 95);
    room->entry.date = random_date(play);
    size_t count = chance(play, 80) ? 2 + below(play, 3) : 1 + below(play, LINES_MAX - 1);
    int64_t sum = 0;
    char *currency = chance(play, 15) ? (char *)currencies[below(play, COUNT_OF(currencies))] : NULL;
    for (size_t i = 0; i < count; i++) {
        int64_t amount = (int64_t)below(play, 100000) + 1;
        if (chance(play, 1))
            amount = AMOUNT_MAX - (int64_t)below(play, 3);
        if (chance(play, 50))
            amount = -amount;
        if (i + 1 == count && chance(play, 90))
            amount = -sum;
        sum += amount;
        fill_line(play, &room->lines[i], amount);
        room->lines[i].currency = currency;
        room->pointers[i] = &room->lines[i];
    }
    room->entry.n_lines = count;
    room->entry.lines = room->pointers;
}

static uint64_t some_position(struct play *play)
{
    uint64_t last = play->world->record_count;
    return chance(play, 70) ? last - below(play, last < 20 ? (uint32_t)last : 20)
                            : below(play, (uint32_t)last + 2);
}

static void play_entry(struct play *play, bool compare)
{
    struct entry_room room;
    fill_entry(play, &room);
    if (chance(play, 85)) {
        give(play, "Entry.Post", &room.entry.base, compare);
    } else if (chance(play, 50)) {
        Daftari__V1__DraftEntry draft = DAFTARI__V1__DRAFT_ENTRY__INIT;
        draft.entry = &room.entry;
        give(play, "Entry.Draft", &draft.base, compare);
    } else {
        Daftari__V1__RequestAdjustment request = DAFTARI__V1__REQUEST_ADJUSTMENT__INIT;
        room.entry.type = NULL;
        request.entry = &room.entry;
        request.reason = (char *)"random";
        give(play, "Adjustment.Request", &request.base, compare);
    }
}

static void play_follow_up(struct play *play, bool compare)
{
    uint64_t position = some_position(play);
    switch (below(play, 5)) {
    case 0:
    case 1: {
        Daftari__V1__ReverseEntry reverse = DAFTARI__V1__REVERSE_ENTRY__INIT;
        reverse.has_position = true;
        reverse.position = position;
        reverse.reason = (char *)"random";
        reverse.has_date = chance(play, 20);
        reverse.date = random_date(play);
        give(play, "Entry.Reverse", &reverse.base, compare);
        return;
    }
    case 2: {
        Daftari__V1__PostDraft post = DAFTARI__V1__POST_DRAFT__INIT;
        post.has_draft = true;
        post.draft = position;
        give(play, "Entry.PostDraft", &post.base, compare);
        return;
    }
    case 3: {
        Daftari__V1__DiscardDraft discard = DAFTARI__V1__DISCARD_DRAFT__INIT;
        discard.has_draft = true;
        discard.draft = position;
        give(play, "Entry.Discard", &discard.base, compare);
        return;
    }
    default: {
        Daftari__V1__ApproveAdjustment approve = DAFTARI__V1__APPROVE_ADJUSTMENT__INIT;
        approve.has_adjustment = true;
        approve.adjustment = position;
        give(play, "Adjustment.Approve", &approve.base, compare);
        return;
    }
    }
}

static void play_chart(struct play *play, bool compare)
{
    uint32_t number = accounts[below(play, COUNT_OF(accounts))];
    if (chance(play, 40)) {
        Daftari__V1__OpenAccount open = DAFTARI__V1__OPEN_ACCOUNT__INIT;
        open.has_number = true;
        open.number = chance(play, 80) ? 1000 + below(play, 6000) : below(play, 2000000000);
        open.name = (char *)"random";
        open.business = chance(play, 30) ? (char *)businesses[below(play, 5)] : NULL;
        open.has_parent = chance(play, 30);
        open.parent = 1000;
        open.has_header = chance(play, 20);
        open.header = true;
        give(play, "Account.Open", &open.base, compare);
    } else if (chance(play, 40)) {
        Daftari__V1__ChangeAccount change = DAFTARI__V1__CHANGE_ACCOUNT__INIT;
        change.has_number = true;
        change.number = number;
        change.has_negative = chance(play, 50);
        change.negative = (Daftari__V1__NegativeRule)below(play, 3);
        change.has_parent = chance(play, 30);
        change.parent = chance(play, 50) ? 1000 : 0;
        give(play, "Account.Change", &change.base, compare);
    } else if (chance(play, 50)) {
        Daftari__V1__DeactivateAccount deactivate = DAFTARI__V1__DEACTIVATE_ACCOUNT__INIT;
        deactivate.has_number = true;
        deactivate.number = number;
        give(play, "Account.Deactivate", &deactivate.base, compare);
    } else {
        Daftari__V1__ReactivateAccount reactivate = DAFTARI__V1__REACTIVATE_ACCOUNT__INIT;
        reactivate.has_number = true;
        reactivate.number = number;
        give(play, "Account.Reactivate", &reactivate.base, compare);
    }
}

static void play_set_up(struct play *play, bool compare)
{
    switch (below(play, 5)) {
    case 0: {
        Daftari__V1__DeactivateBusiness deactivate = DAFTARI__V1__DEACTIVATE_BUSINESS__INIT;
        deactivate.code = (char *)businesses[below(play, COUNT_OF(businesses))];
        give(play, "Business.Deactivate", &deactivate.base, compare);
        return;
    }
    case 1:
    case 2: {
        Daftari__V1__ReactivateBusiness reactivate = DAFTARI__V1__REACTIVATE_BUSINESS__INIT;
        reactivate.code = (char *)businesses[below(play, COUNT_OF(businesses))];
        give(play, "Business.Reactivate", &reactivate.base, compare);
        return;
    }
    case 3: {
        Daftari__V1__Setting setting = DAFTARI__V1__SETTING__INIT, *pointer = &setting;
        Daftari__V1__ChangeSettings change = DAFTARI__V1__CHANGE_SETTINGS__INIT;
        change.business = (char *)businesses[below(play, COUNT_OF(businesses))];
        setting.name = (char *)(chance(play, 50) ? "owner_may_approve_own" : "adjustment_requires_approval");
        setting.value = (char *)(chance(play, 45) ? "true" : chance(play, 90) ? "false" : "maybe");
        change.n_settings = 1;
        change.settings = &pointer;
        give(play, "Business.Set", &change.base, compare);
        return;
    }
    default: {
        Daftari__V1__ClosePeriod close = DAFTARI__V1__CLOSE_PERIOD__INIT;
        close.has_month = true;
        close.month = 202501 + below(play, 4);
        give(play, chance(play, 50) ? "Period.Close" : "Period.SoftClose", &close.base, compare);
        return;
    }
    }
}

static void step(struct play *play, bool compare)
{
    if (chance(play, 70))
        play_entry(play, compare);
    else if (chance(play, 60))
        play_follow_up(play, compare);
    else if (chance(play, 50))
        play_chart(play, compare);
    else
        play_set_up(play, compare);
    if (chance(play, 5))
        play->world->now += INT64_C(86400) * 1000000;
}

/* ---- the run ---------------------------------------------------------------------------------------------------------- */

static bool open_world(struct play *play)
{
    static const struct {
        const char *method, *json;
    } set_up[] = {
        {"internal.OpenBooks", "{\"name\": \"Random\", \"base_currency\": \"KES\", \"scale\": 2, "
                               "\"utc_offset_minutes\": 180, \"first_date\": \"2025-01-01\"}"},
        {"Currency.Define", "{\"code\": \"JPY\", \"scale\": 0}"},
        {"Currency.Define", "{\"code\": \"XAU\", \"scale\": 12}"},
        {"Account.Open", "{\"number\": 1000, \"name\": \"Assets\", \"header\": true}"},
    };
    struct world_actor server = {0};
    for (size_t i = 0; i < COUNT_OF(set_up); i++) {
        struct world_answer answer;
        if (!world_command_text(play->world, &server, set_up[i].method, set_up[i].json, &answer) ||
            answer.status != STATUS_OK)
            return false;
    }
    return world_load(play->world, "data/kenya-three-businesses.jsonl", NULL, NULL);
}

int main(void)
{
    const char *steps_text = getenv("RANDOM_STEPS");
    size_t steps = steps_text != NULL ? strtoull(steps_text, NULL, 10) : 1500;
    struct random random = random_start();
    struct play play = {.world = world_new(), .random = &random};
    play.clerk = *world_owner_rights();
    play.clerk.every_business = false;
    play.clerk.may_read[0] = play.clerk.may_write[0] = 1 | 1 << 1;
    if (!open_world(&play))
        play.failure = "the books do not open";
    for (size_t i = 0; i < steps && play.failure == NULL && play.world->trouble[0] == '\0'; i++) {
        step(&play, i % 16 == 0);
        if (i % 500 == 499)
            (void)world_check(play.world);
    }
    (void)world_check(play.world);
    if (play.failure == NULL && play.world->trouble[0] != '\0')
        play.failure = play.world->trouble;
    printf("# %zu accepted, %zu refused, %zu with nothing to do\n", play.accepted, play.refused,
           play.nothing);
    if (play.failure == NULL && steps >= 500 && (play.accepted < steps / 10 || play.refused < steps / 10))
        play.failure = "the run is too one-sided to mean anything";
    printf("%s - random commands keep every rule\n", play.failure == NULL ? "ok" : "not ok");
    if (play.failure != NULL)
        printf("# %s\n", play.failure);
    int code = play.failure == NULL ? 0 : 1;
    world_free(play.world);
    return code;
}
