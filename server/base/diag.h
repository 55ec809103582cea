/* Structured log lines, for operators: "time level component event key=value ...". Edges log, libraries return.
 * Never payloads, names or secrets. Any thread; one write(2) a line to standard error (or the journal's). */
#ifndef SERVER_BASE_DIAG_H
#define SERVER_BASE_DIAG_H

#include "proto/base/status.h"

enum diag_level { DIAG_DEBUG, DIAG_INFO, DIAG_WARNING, DIAG_ERROR };

void diag_set_level(enum diag_level lowest); /* before threads start */
/* diag(DIAG_INFO, "net", "accepted", "peer=%s open=%u", peer, open): text values that may hold spaces are quoted by
 * the caller's format. Lines over 1,000 bytes are cut. */
void diag(enum diag_level level, const char *component, const char *event, const char *format, ...)
    PRINTF_LIKE(4, 5);

#endif
