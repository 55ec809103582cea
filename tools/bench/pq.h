/* The few functions of libpq that the comparison needs, looked up when it runs: daftari-bench itself needs no libpq.
 * Names, parameters and values as in libpq-fe.h of PostgreSQL 15 (its documentation, chapter 34). */
#ifndef TOOLS_BENCH_PQ_H
#define TOOLS_BENCH_PQ_H

#include <stdbool.h>

#define PQ_CONNECTION_OK 0 /* ConnStatusType */
#define PQ_COMMAND_OK    1 /* ExecStatusType */
#define PQ_TUPLES_OK     2

struct pq_conn;
struct pq_result;

struct pq {
    void *library;
    struct pq_conn *(*connectdb)(const char *info);
    int (*status)(const struct pq_conn *conn);
    char *(*error_message)(const struct pq_conn *conn);
    void (*finish)(struct pq_conn *conn);
    int (*set_nonblocking)(struct pq_conn *conn, int on);
    int (*socket)(const struct pq_conn *conn);
    struct pq_result *(*exec)(struct pq_conn *conn, const char *sql);
    struct pq_result *(*prepare)(struct pq_conn *conn, const char *name, const char *sql, int params,
                                 const unsigned *types);
    int (*send_prepared)(struct pq_conn *conn, const char *name, int params, const char *const *values,
                         const int *lengths, const int *formats, int result_format);
    int (*flush)(struct pq_conn *conn);
    int (*consume_input)(struct pq_conn *conn);
    int (*is_busy)(struct pq_conn *conn);
    struct pq_result *(*get_result)(struct pq_conn *conn);
    int (*result_status)(const struct pq_result *result);
    char *(*result_error)(const struct pq_result *result);
    char *(*value)(const struct pq_result *result, int row, int column);
    void (*clear)(struct pq_result *result);
};

bool pq_load(struct pq *pq); /* false: there is no libpq.so.5, or not with all of these */
void pq_unload(struct pq *pq);

#endif
