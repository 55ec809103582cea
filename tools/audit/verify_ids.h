/* Command ids of a log: that none comes twice, and that the index that a server keeps of them says the same. Memory does
 * not grow with history: what is compared with is an index of our own in a scratch folder. One thread. */
#ifndef TOOLS_AUDIT_VERIFY_IDS_H
#define TOOLS_AUDIT_VERIFY_IDS_H

#include "proto/record/record.h"
#include "server/ports/kv.h"
#include "tools/audit/verify.h"

struct id_check;

/* `folder` is made, and removed with all that is in it by id_check_close. */
enum status id_check_open(const char *folder, struct id_check **out, struct fault *why) MUST_USE;
/* In order of positions; an id that an earlier record bears is a problem of this one. */
enum status id_check_record(struct id_check *check, const struct record *record, struct verify_report *report,
                            struct fault *why) MUST_USE;
/* The index as the read transaction `stored` shows it, with every record given so far: each id up to the position that
 * it claims stands at its record's position, and there is nothing else. What is
 * stored and cannot be read: CORRUPT. */
enum status id_check_compare(struct id_check *check, struct kv_txn *stored, struct verify_report *report,
                             struct fault *why) MUST_USE;
void id_check_close(struct id_check *check); /* NULL is fine */

#endif
