/*
 * Inside the capability `ledger`: the chart of accounts and everything that is written as a journal entry. Reading
 * order: accounts.c, entry_check.c (the rules of an entry), entry_unpack.c, entries.c (post, reverse), drafts.c,
 * openings.c, adjustments.c, queries.c, capability.c. The rules in words, with the order of checks: docs/domain.md.
 */
#ifndef SERVER_DOMAIN_LEDGER_LEDGER_H
#define SERVER_DOMAIN_LEDGER_LEDGER_H

#include "account.pb-c.h"
#include "entry.pb-c.h"
#include "server/domain/domain.h"
#include "server/domain/kernel/facts.h"

#define ENTRY_LINES_MAX 1000u /* as given; inter-business lines come on top, up to POSTINGS_MAX */

decide_fn account_decide_open, account_decide_change, account_decide_deactivate, account_decide_reactivate;
apply_fn account_apply_open, account_apply_change, account_apply_deactivate, account_apply_reactivate;
query_fn account_query_list, account_query_show;

decide_fn entry_decide_post, entry_decide_reverse, entry_decide_draft, entry_decide_post_draft,
    entry_decide_discard;
apply_fn entry_apply_reversed, entry_apply_drafted, entry_apply_draft_closed;
query_fn entry_query_drafts;
unpack_fn entry_unpack;
hint_fn entry_hint;

decide_fn opening_decide_post;
apply_fn opening_apply_post;

decide_fn adjustment_decide_request, adjustment_decide_approve, adjustment_decide_reject;
apply_fn adjustment_apply_request, adjustment_apply_approve, adjustment_apply_reject;
query_fn adjustment_query_list;

/* ---- the rules of an entry (entry_check.c) ------------------------------------------------------------------------- */

enum entry_origin {
    ENTRY_DIRECT,     /* Entry.Post, Entry.PostDraft */
    ENTRY_ADJUSTMENT, /* of type ADJ, requested or approved */
};

/* Text lengths and counts only: what is asked of a draft. */
enum status entry_check_form(const Daftari__V1__PostEntry *entry, struct fault *why) MUST_USE;

/* All the rules but the kernel's law. On OK `out` has business, date, number and postings: one for each line, in
 * order, then the inter-business lines. Its type and cause are the caller's. */
enum status entry_check(const struct context *context, struct kv_txn *state,
                        const Daftari__V1__PostEntry *entry, enum entry_origin origin, struct decision *out,
                        struct fault *why) MUST_USE;

/* The business that an entry names, HQ when it names none or one that is not there. */
uint16_t entry_named_business(struct kv_txn *state, const Daftari__V1__PostEntry *entry);
/* May one who has these rights see an entry that touches these businesses? */
bool entry_readable(const struct rights *rights, struct kv_txn *masters, const Daftari__V1__PostEntry *entry);
/* May he write in all of them? For drafts and requests that are taken back; names that are unknown do not hinder. */
bool entry_writable(const struct rights *rights, struct kv_txn *state, const Daftari__V1__PostEntry *entry);

#endif
