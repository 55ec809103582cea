/*
 * A digest of everything in a set of tables, to compare a view (or core state) with a replay of the log.
 *
 *   table digest   for plain tables: SHA-256 over, row by row in key order, u32 key length, key, u32 value length, value
 *                  for tables with blind keys, whose keys and order a sealed store does not show: the sum modulo 2^256
 *                  of SHA-256(value) over all rows
 *   digest         SHA-256 over, table by table: name, NUL, u64 rows, table digest
 *
 * Table 0, the cursor, is left out. All integers big-endian.
 */
#ifndef SERVER_VIEWS_DIGEST_H
#define SERVER_VIEWS_DIGEST_H

#include "proto/record/record.h"
#include "server/ports/kv.h"

enum status tables_digest(struct kv_txn *txn, const struct kv_table *tables, unsigned table_count,
                          struct hash *out) MUST_USE;

#endif
