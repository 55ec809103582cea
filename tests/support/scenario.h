/*
 * Scenarios: business rules as text that an accountant can read, run against the domain in memory (world.h).
 *
 *   scenario Text until the end of the line         starts one: fresh books (KES, two decimals, from 2025-01-01)
 *   today 2025-06-15
 *   actor jane JOURNAL:write APPROVE:read in WTR LND     permissions, then businesses ("in all" for every one)
 *   actor mary user 5                                    with the rights that the books give user 5
 *   given load data/FILE.jsonl [except Opening.]         commands of a data file, by the server
 *   given businesses N                                   B1 to BN, by the server
 *   given METHOD {json}                                  by the server; must be accepted
 *   when WHO METHOD {json}                               one command; JSON may go on over indented lines
 *   when WHO posts DATE BUSINESS "text" [type T]         an entry, lines below it:
 *       D 1110 300.00 [BUSINESS] [CURRENCY] [xN]         debit or credit, account, amount ("-": none), N times
 *   then ok [NUMBER | unnumbered] [as NAME]              lines below it: all its postings, in this order
 *       D 1110 WTR 300.00 [CURRENCY]
 *   then refused REASON [field]      then invalid [field]      then denied [field]      then nothing
 *   balance 1110 WTR 300.00 [CURRENCY]                   debit positive
 *   stock W1L empty WTR 300.000 3600.00 [PLACE]          quantity and value; empty, filled or plain
 *   ask WHO METHOD {json}                                a query
 *   then rows N        then has name=value name=value    some row has these fields (blanks as _;
 *                                                        of a list: a/b,c/d)
 *   then not-found
 *
 * WHO is an actor, `owner` (everything, everywhere) or `server`. $NAME in JSON stands for the position of the record
 * that was accepted `as NAME`. Every scenario ends with world_check.
 */
#ifndef TESTS_SUPPORT_SCENARIO_H
#define TESTS_SUPPORT_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>

struct scenario_coverage {
    bool reason[1024]; /* reasons that some scenario expects */
    bool posted[1024]; /* record types that some scenario saw with postings */
    bool moved[1024];  /* ... with movements of stock */
};

/* Runs every scenario of a file and prints one TAP line for each. Counts those that failed. */
size_t scenario_run_file(const char *path, struct scenario_coverage *coverage);

#endif
