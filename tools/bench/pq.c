#include <string.h>

#include <dlfcn.h>

#include "tools/bench/pq.h"

bool pq_load(struct pq *pq)
{
    memset(pq, 0, sizeof *pq);
    /* It keeps what it took of OpenSSL in variables of its own: unloaded, that would be lost. */
    pq->library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (pq->library == NULL)
        return false;
    const struct {
        const char *name;
        void *at; /* a pointer to a function pointer: dlsym(3) says why it is copied as bytes */
    } symbols[] = {
        {"PQconnectdb", &pq->connectdb},
        {"PQstatus", &pq->status},
        {"PQerrorMessage", &pq->error_message},
        {"PQfinish", &pq->finish},
        {"PQsetnonblocking", &pq->set_nonblocking},
        {"PQsocket", &pq->socket},
        {"PQexec", &pq->exec},
        {"PQprepare", &pq->prepare},
        {"PQsendQueryPrepared", &pq->send_prepared},
        {"PQflush", &pq->flush},
        {"PQconsumeInput", &pq->consume_input},
        {"PQisBusy", &pq->is_busy},
        {"PQgetResult", &pq->get_result},
        {"PQresultStatus", &pq->result_status},
        {"PQresultErrorMessage", &pq->result_error},
        {"PQgetvalue", &pq->value},
        {"PQclear", &pq->clear},
    };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        void *symbol = dlsym(pq->library, symbols[i].name);
        if (symbol == NULL) {
            pq_unload(pq);
            return false;
        }
        memcpy(symbols[i].at, &symbol, sizeof symbol);
    }
    return true;
}

void pq_unload(struct pq *pq)
{
    if (pq->library != NULL)
        (void)dlclose(pq->library);
    pq->library = NULL;
}
