/*
 * Lines of a statement matched with postings, set free again, or ignored.
 *
 * What is matched comes to the same amount on both sides: one line and one posting; one line and several postings, as
 * when a day's takings are banked together; or several lines and one posting. Several of both are not matched: which of
 * them belong together could not be said any more. Whatever is matched together is set free together.
 */
#include "people.pb-c.h"
#include "proto/base/text.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/reconciliation/statement.h"
#include "type_ids.h"

#define REASON(name) DAFTARI__V1__REASON__##name

#define GROUP_MAX 100u /* lines, or entries and postings, that are matched together */

/* What a command matches. */
struct group {
    uint32_t numbers[GROUP_MAX]; /* of the lines, in order */
    Daftari__V1__StatementLineInfo *lines[GROUP_MAX];
    size_t line_count;
    int64_t amount;                /* of the lines */
    uint64_t positions[GROUP_MAX]; /* of the entries, in order */
    size_t position_count;
    const char *field; /* where the command names them */
    Daftari__V1__MatchedPosting postings[GROUP_MAX];
    size_t posting_count;
    int128 posted; /* what these come to, debit positive */
    bool taken;    /* a posting of this amount is matched already */
};

static enum status check_open(const Daftari__V1__StatementLineInfo *line, const char *field,
                              struct fault *why)
{
    if (statement_is(line->state, LINE_OPEN))
        return STATUS_OK;
    return fault_refuse(why, REASON(STATEMENT_LINE_NOT_OPEN), field, "line %u is %s: unmatch it first",
                        line->line, line->state);
}

static enum status require_line(const struct context *context, struct kv_txn *state,
                                const struct statement_work *work, uint32_t number, const char *field,
                                Daftari__V1__StatementLineInfo **out, struct fault *why)
{
    *out = statement_line_get(state, work, number, context->arena);
    if (*out == NULL)
        return fault_refuse(why, REASON(STATEMENT_LINE_UNKNOWN), field,
                            "the number of a line that Reconciliation.Lines shows for this account");
    return STATUS_OK;
}

/* ---- Reconciliation.Match: the lines ----------------------------------------------------------------------------------- */

/* Puts `number` in its place; false when it is there already. */
static bool insert_line(struct group *group, uint32_t number)
{
    size_t at = group->line_count;
    while (at > 0 && group->numbers[at - 1] > number)
        at--;
    if (at > 0 && group->numbers[at - 1] == number)
        return false;
    memmove(&group->numbers[at + 1], &group->numbers[at],
            (group->line_count - at) * sizeof group->numbers[0]);
    group->numbers[at] = number;
    group->line_count++;
    return true;
}

static bool insert_position(struct group *group, uint64_t position)
{
    size_t at = group->position_count;
    while (at > 0 && group->positions[at - 1] > position)
        at--;
    if (at > 0 && group->positions[at - 1] == position)
        return false;
    memmove(&group->positions[at + 1], &group->positions[at],
            (group->position_count - at) * sizeof group->positions[0]);
    group->positions[at] = position;
    group->position_count++;
    return true;
}

static enum status take_lines(const struct context *context, struct kv_txn *state,
                              const Daftari__V1__MatchStatementLine *request,
                              const struct statement_work *work, struct group *group, struct fault *why)
{
    const char *field = request->n_lines != 0 ? "lines" : "line";
    if (request->n_lines != 0 && request->has_line)
        return fault_set(why, STATUS_INVALID, "lines", "one line, or several, not both");
    if (request->n_lines > GROUP_MAX)
        return fault_set(why, STATUS_INVALID, "lines", "at most %u", GROUP_MAX);
    if (request->n_lines == 0)
        (void)insert_line(group, request->line);
    for (size_t i = 0; i < request->n_lines; i++) {
        if (!insert_line(group, request->lines[i]))
            return fault_set(why, STATUS_INVALID, "lines", "line %u is given twice", request->lines[i]);
    }
    for (size_t i = 0; i < group->line_count; i++) {
        enum status status =
            require_line(context, state, work, group->numbers[i], field, &group->lines[i], why);
        if (status == STATUS_OK)
            status = statement_check_sum(group->amount, group->lines[i]->amount_minor, field, why);
        if (status != STATUS_OK)
            return status;
        group->amount += group->lines[i]->amount_minor;
    }
    return STATUS_OK;
}

/* ---- the entries --------------------------------------------------------------------------------------------------------- */

static enum status take_entry(struct kv_txn *state, uint64_t position, const char *number,
                              struct group *group, struct fault *why)
{
    if (number != NULL && !number_find(state, number, &position))
        return fault_refuse(why, REASON(ENTRY_UNKNOWN), group->field, "no entry has the number %.40s",
                            number);
    if (!insert_position(group, position))
        return fault_set(why, STATUS_INVALID, group->field, "the entry at position %llu is given twice",
                         (unsigned long long)position);
    return STATUS_OK;
}

static enum status take_entries(struct kv_txn *state, const Daftari__V1__MatchStatementLine *request,
                                struct group *group, struct fault *why)
{
    bool by_number = !text_empty(request->number), by_position = request->position != 0;
    if (by_number + by_position + (request->n_positions != 0) + (request->n_numbers != 0) != 1)
        return fault_set(why, STATUS_INVALID, "position", "the position or the number of the entry");
    group->field = by_position                 ? "position"
                   : by_number                 ? "number"
                   : request->n_positions != 0 ? "positions"
                                               : "numbers";
    if (request->n_positions > GROUP_MAX || request->n_numbers > GROUP_MAX)
        return fault_set(why, STATUS_INVALID, group->field, "at most %u", GROUP_MAX);
    enum status status = STATUS_OK;
    if (by_position || by_number)
        status = take_entry(state, request->position, by_number ? request->number : NULL, group, why);
    for (size_t i = 0; i < request->n_positions && status == STATUS_OK; i++)
        status = take_entry(state, request->positions[i], NULL, group, why);
    for (size_t i = 0; i < request->n_numbers && status == STATUS_OK; i++)
        status = take_entry(state, 0, request->numbers[i], group, why);
    if (status == STATUS_OK && group->line_count > 1 && group->position_count > 1)
        status = fault_set(why, STATUS_INVALID, group->field,
                           "one line with several entries, or several lines with one");
    return status;
}

/* The entry: read from the log. */
static enum status read_entry(const struct context *context, const struct statement_work *work,
                              const struct group *group, uint64_t position, struct record *out,
                              struct fault *why)
{
    enum status status = STATUS_END;
    if (position < context->position && context->records.read != NULL)
        status = context->records.read(context->records.context, position, out, why);
    if (status == STATUS_END || (status == STATUS_OK && out->posting_count == 0))
        return fault_refuse(why, REASON(ENTRY_UNKNOWN), group->field,
                            "no posted entry has the log position %llu", (unsigned long long)position);
    if (status == STATUS_OK && (out->header.business_date <= work->sums->base_date ||
                                out->header.business_date > work->info->as_at_date))
        return fault_refuse(why, REASON(STATEMENT_DATE_BAD), group->field,
                            "the entry is dated before the first statement, or after the end of this one");
    return status;
}

/* ---- the postings -------------------------------------------------------------------------------------------------------- */

/* False: there are too many. */
static bool keep_posting(struct group *group, uint64_t position, uint32_t posting, int64_t amount)
{
    if (group->posting_count == GROUP_MAX)
        return false;
    Daftari__V1__MatchedPosting *kept = &group->postings[group->posting_count++];
    daftari__v1__matched_posting__init(kept);
    kept->has_position = kept->has_posting = true;
    kept->position = position;
    kept->posting = posting;
    group->posted += amount;
    return true;
}

/* Whether the posting is the account's, and with which line it is matched, 0 = none. */
static bool of_account(struct kv_txn *state, const struct statement_work *work, const struct record *entry,
                       uint32_t index, struct posting *out, uint32_t *line)
{
    struct row_key key = statement_match_key(entry->header.position, index);
    *out = record_posting(entry, index);
    if (out->account != work->info->account || out->business != work->business ||
        out->currency != work->currency)
        return false;
    if (!row_get_u32(state, TABLE_STATEMENT_MATCH, row_key_slice(&key), line))
        *line = 0;
    return true;
}

/* The first posting of the entry that is of this amount and matched with no line. */
static bool take_exact(struct kv_txn *state, const struct statement_work *work, const struct record *entry,
                       int64_t amount, struct group *group)
{
    for (uint32_t i = 0; i < entry->posting_count; i++) {
        struct posting posting;
        uint32_t line;
        if (!of_account(state, work, entry, i, &posting, &line) || posting.amount != amount)
            continue;
        group->taken = group->taken || line != 0;
        if (line == 0)
            return keep_posting(group, entry->header.position, i, posting.amount);
    }
    return false;
}

/* All postings of the entry to the account that are matched with no line. */
static enum status take_all(struct kv_txn *state, const struct statement_work *work,
                            const struct record *entry, struct group *group, struct fault *why)
{
    size_t before = group->posting_count;
    bool taken = false;
    for (uint32_t i = 0; i < entry->posting_count; i++) {
        struct posting posting;
        uint32_t line;
        if (!of_account(state, work, entry, i, &posting, &line))
            continue;
        taken = taken || line != 0;
        if (line == 0 && !keep_posting(group, entry->header.position, i, posting.amount))
            return fault_set(why, STATUS_INVALID, group->field, "at most %u postings together", GROUP_MAX);
    }
    if (group->posting_count != before)
        return STATUS_OK;
    if (taken)
        return fault_refuse(why, REASON(POSTING_MATCHED), group->field,
                            "the entry at position %llu is matched with another line already",
                            (unsigned long long)entry->header.position);
    return fault_refuse(why, REASON(POSTING_UNKNOWN), group->field,
                        "the entry at position %llu has no posting to this account, business and currency",
                        (unsigned long long)entry->header.position);
}

static enum status find_of_one(struct kv_txn *state, const struct statement_work *work,
                               const struct record *entry, int64_t amount, struct group *group,
                               struct fault *why)
{
    struct fault unused;
    if (take_exact(state, work, entry, amount, group))
        return STATUS_OK;
    if (group->line_count == 1 && take_all(state, work, entry, group, &unused) == STATUS_OK &&
        group->posted == amount)
        return STATUS_OK;
    if (group->taken)
        return fault_refuse(why, REASON(POSTING_MATCHED), group->field,
                            "it is matched with another line already");
    return fault_refuse(why, REASON(POSTING_UNKNOWN), group->field,
                        "the entry has no posting of this amount to this account, business and currency");
}

static enum status find_postings(const struct context *context, struct kv_txn *state,
                                 const struct statement_work *work, struct group *group, struct fault *why)
{
    int64_t amount = account_normal_sign(&work->account) * group->amount;
    for (size_t i = 0; i < group->position_count; i++) {
        struct record entry;
        enum status status = read_entry(context, work, group, group->positions[i], &entry, why);
        if (status == STATUS_OK)
            status = group->position_count == 1 ? find_of_one(state, work, &entry, amount, group, why)
                                                : take_all(state, work, &entry, group, why);
        if (status != STATUS_OK)
            return status;
    }
    if (group->posted == amount)
        return STATUS_OK;
    return fault_refuse(why, REASON(POSTING_UNKNOWN), group->field,
                        "their postings to this account, business and currency that are not matched come to "
                        "another amount than the line");
}

/* ---- the command --------------------------------------------------------------------------------------------------------- */

static bool same_lines(const struct group *group, const Daftari__V1__StatementLineInfo *line)
{
    return group->line_count == (line->n_lines != 0 ? line->n_lines : 1) &&
           (line->n_lines == 0 ||
            memcmp(group->numbers, line->lines, group->line_count * sizeof group->numbers[0]) == 0);
}

/* Both are in order of position; an entry may have several postings. */
static bool same_entries(const struct group *group, const Daftari__V1__StatementLineInfo *line)
{
    size_t at = 0;
    if (line->n_postings == 0)
        return group->position_count == 1 && group->positions[0] == line->position;
    for (size_t i = 0; i < line->n_postings; i++) {
        if (i > 0 && line->postings[i]->position == line->postings[i - 1]->position)
            continue;
        if (at == group->position_count || group->positions[at] != line->postings[i]->position)
            return false;
        at++;
    }
    return at == group->position_count;
}

static bool matched_so(const struct group *group)
{
    const Daftari__V1__StatementLineInfo *line = group->lines[0];
    return statement_is(line->state, LINE_MATCHED) && same_lines(group, line) && same_entries(group, line);
}

/* What was found stands in the record, so that applying it reads no other. */
static enum status pack_match(const struct context *context, Daftari__V1__MatchStatementLine *request,
                              struct group *group, struct slice *out, struct fault *why)
{
    Daftari__V1__MatchedPosting **postings =
        arena_take(context->arena, group->posting_count * sizeof(Daftari__V1__MatchedPosting *));
    if (postings == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the request is too large");
    for (size_t i = 0; i < group->posting_count; i++)
        postings[i] = &group->postings[i];
    request->has_position = request->has_posting = true;
    request->position = postings[0]->position;
    request->posting = postings[0]->posting;
    request->postings = postings;
    request->n_postings = group->posting_count > 1 ? group->posting_count : 0;
    request->lines = group->numbers;
    request->n_lines = request->n_lines != 0 ? group->line_count : 0;
    return statement_pack(&request->base, context->arena, out, why);
}

enum status statement_decide_match(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    Daftari__V1__MatchStatementLine request = *(const Daftari__V1__MatchStatementLine *)command;
    struct statement_work work;
    struct group *group = arena_take_zero(context->arena, sizeof *group);
    if (group == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the request is too large");
    enum status status = form_left_out(request.has_posting, "posting", why);
    if (status == STATUS_OK)
        status = form_left_out(request.n_postings != 0, "postings", why);
    if (status == STATUS_OK)
        status = statement_require_pending(context, state, request.reconciliation, &work, why);
    if (status == STATUS_OK)
        status = take_lines(context, state, &request, &work, group, why);
    if (status == STATUS_OK)
        status = take_entries(state, &request, group, why);
    if (status != STATUS_OK)
        return status;
    if (matched_so(group)) {
        out->nothing_to_do = true;
        return STATUS_OK;
    }
    for (size_t i = 0; i < group->line_count && status == STATUS_OK; i++)
        status = check_open(group->lines[i], request.n_lines != 0 ? "lines" : "line", why);
    if (status == STATUS_OK)
        status = find_postings(context, state, &work, group, why);
    if (status == STATUS_OK)
        status = statement_check_sum(work.sums->matched_minor, group->amount, "line", why);
    if (status == STATUS_OK)
        status = statement_check_sum(work.sums->open_minor, -group->amount, "line", why);
    if (status == STATUS_OK)
        status = pack_match(context, &request, group, &out->payload, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_STATEMENT_LINE_MATCHED;
    out->business = work.business;
    out->cause = request.reconciliation;
    return STATUS_OK;
}

/* The line of a record that says something of it; CORRUPT when it is not there. */
static Daftari__V1__StatementLineInfo *line_applied(struct kv_txn *state, const struct statement_work *work,
                                                    uint32_t number, struct arena *arena)
{
    Daftari__V1__StatementLineInfo *line = statement_line_get(state, work, number, arena);
    if (line == NULL)
        kv_set_error(state, STATUS_CORRUPT);
    return line;
}

static void line_closed(struct statement_work *work, const Daftari__V1__StatementLineInfo *line)
{
    work->sums->open_minor -= line->amount_minor;
    work->sums->open_count--;
}

/* Marks postings as matched with `line`, or with 0 as matched with none. */
static void mark_posting(struct kv_txn *state, uint64_t position, uint32_t posting, uint32_t line)
{
    struct row_key key = statement_match_key(position, posting);
    if (line != 0)
        row_put_u32(state, TABLE_STATEMENT_MATCH, row_key_slice(&key), line);
    else
        kv_del(state, TABLE_STATEMENT_MATCH, row_key_slice(&key));
}

void statement_apply_matched(struct kv_txn *state, const struct record *record,
                             const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__MatchStatementLine *given = (const Daftari__V1__MatchStatementLine *)payload;
    const uint32_t *lines = given->n_lines != 0 ? given->lines : &given->line;
    size_t line_count = given->n_lines != 0 ? given->n_lines : 1;
    struct statement_work work;
    if (!statement_work_applied(state, record->header.cause, &work, arena))
        return;
    for (size_t i = 0; i < line_count; i++) {
        Daftari__V1__StatementLineInfo *line = line_applied(state, &work, lines[i], arena);
        if (line == NULL)
            return;
        line->state = (char *)(uintptr_t)LINE_MATCHED;
        line->has_position = line->has_posting = true;
        line->position = given->position;
        line->posting = given->posting;
        line->n_postings = given->n_postings;
        line->postings = given->postings;
        line->n_lines = line_count > 1 ? line_count : 0;
        line->lines = given->lines;
        line_closed(&work, line);
        work.sums->matched_minor += line->amount_minor;
        statement_line_put(state, &work, line, arena);
    }
    if (work.info->as_at_date > work.sums->last_date) /* the postings may be as late as that */
        work.sums->last_date = work.info->as_at_date;
    mark_posting(state, given->position, given->posting, lines[0]);
    for (size_t i = 0; i < given->n_postings; i++)
        mark_posting(state, given->postings[i]->position, given->postings[i]->posting, lines[0]);
    statement_sums_put(state, &work.key, work.sums, arena);
}

/* ---- Reconciliation.Unmatch ---------------------------------------------------------------------------------------------- */

/* A line and those that are matched with the same posting. False: one is missing, or the arena is full. */
static bool together_with(struct kv_txn *state, const struct statement_work *work,
                          Daftari__V1__StatementLineInfo *line, struct arena *arena,
                          Daftari__V1__StatementLineInfo ***out, size_t *out_count)
{
    *out_count = line->n_lines != 0 ? line->n_lines : 1;
    *out = arena_take(arena, *out_count * sizeof(Daftari__V1__StatementLineInfo *));
    if (*out == NULL)
        return false;
    (*out)[0] = line;
    for (size_t i = 0; i < line->n_lines; i++) {
        (*out)[i] = statement_line_get(state, work, line->lines[i], arena);
        if ((*out)[i] == NULL)
            return false;
    }
    return true;
}

enum status statement_decide_unmatch(const struct context *context, struct kv_txn *state,
                                     const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__UnmatchStatementLine *request = (const Daftari__V1__UnmatchStatementLine *)command;
    Daftari__V1__StatementLineInfo *line, **lines;
    struct statement_work work;
    size_t count;
    enum status status = statement_require_pending(context, state, request->reconciliation, &work, why);
    if (status == STATUS_OK)
        status = require_line(context, state, &work, request->line, "line", &line, why);
    if (status != STATUS_OK)
        return status;
    if (statement_is(line->state, LINE_OPEN)) {
        out->nothing_to_do = true;
        return STATUS_OK;
    }
    if (!together_with(state, &work, line, context->arena, &lines, &count))
        return fault_set(why, STATUS_CORRUPT, "line", "a line that is matched with it is gone");
    int128 amount = 0; /* lines that were matched together are within 18 digits together */
    for (size_t i = 0; i < count; i++)
        amount += lines[i]->amount_minor;
    status = statement_check_sum(work.sums->open_minor, (int64_t)amount, "line", why);
    if (status == STATUS_OK && statement_is(line->state, LINE_MATCHED))
        status = statement_check_sum(work.sums->matched_minor, (int64_t)-amount, "line", why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_STATEMENT_LINE_UNMATCHED;
    out->business = work.business;
    out->cause = request->reconciliation;
    return STATUS_OK;
}

static void line_opened(struct kv_txn *state, struct statement_work *work,
                        Daftari__V1__StatementLineInfo *line, struct arena *arena)
{
    if (statement_is(line->state, LINE_MATCHED))
        work->sums->matched_minor -= line->amount_minor;
    line->state = (char *)(uintptr_t)LINE_OPEN;
    line->has_position = line->has_posting = false;
    line->position = line->posting = 0;
    line->n_postings = line->n_lines = 0;
    line->reason = NULL;
    work->sums->open_minor += line->amount_minor;
    work->sums->open_count++;
    statement_line_put(state, work, line, arena);
}

void statement_apply_unmatched(struct kv_txn *state, const struct record *record,
                               const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__UnmatchStatementLine *given = (const Daftari__V1__UnmatchStatementLine *)payload;
    struct statement_work work;
    Daftari__V1__StatementLineInfo **lines;
    size_t count;
    if (!statement_work_applied(state, record->header.cause, &work, arena))
        return;
    Daftari__V1__StatementLineInfo *line = line_applied(state, &work, given->line, arena);
    if (line == NULL)
        return;
    if (!together_with(state, &work, line, arena, &lines, &count)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    if (statement_is(line->state, LINE_MATCHED)) {
        mark_posting(state, line->position, line->posting, 0);
        for (size_t i = 0; i < line->n_postings; i++)
            mark_posting(state, line->postings[i]->position, line->postings[i]->posting, 0);
    }
    for (size_t i = 0; i < count; i++)
        line_opened(state, &work, lines[i], arena);
    statement_sums_put(state, &work.key, work.sums, arena);
}

/* ---- Reconciliation.Ignore ----------------------------------------------------------------------------------------------- */

enum status statement_decide_ignore(const struct context *context, struct kv_txn *state,
                                    const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__IgnoreStatementLine *request = (const Daftari__V1__IgnoreStatementLine *)command;
    Daftari__V1__StatementLineInfo *line;
    struct statement_work work;
    enum status status = form_text(request->reason, "reason", STATEMENT_LINE_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = statement_require_pending(context, state, request->reconciliation, &work, why);
    if (status == STATUS_OK)
        status = require_line(context, state, &work, request->line, "line", &line, why);
    if (status != STATUS_OK)
        return status;
    if (statement_is(line->state, LINE_IGNORED) && text_same(line->reason, request->reason)) {
        out->nothing_to_do = true;
        return STATUS_OK;
    }
    status = check_open(line, "line", why);
    if (status == STATUS_OK)
        status = statement_check_sum(work.sums->open_minor, -line->amount_minor, "line", why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_STATEMENT_LINE_IGNORED;
    out->business = work.business;
    out->cause = request->reconciliation;
    return STATUS_OK;
}

void statement_apply_ignored(struct kv_txn *state, const struct record *record,
                             const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__IgnoreStatementLine *given = (const Daftari__V1__IgnoreStatementLine *)payload;
    struct statement_work work;
    if (!statement_work_applied(state, record->header.cause, &work, arena))
        return;
    Daftari__V1__StatementLineInfo *line = line_applied(state, &work, given->line, arena);
    if (line == NULL)
        return;
    line->state = (char *)(uintptr_t)LINE_IGNORED;
    line->reason = given->reason;
    line_closed(&work, line);
    statement_line_put(state, &work, line, arena);
    statement_sums_put(state, &work.key, work.sums, arena);
}
