#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "proto/base/text.h"
#include "tools/bench/certificate.h"
#include "tools/bench/load.h"
#include "tools/bench/postgres.h"

#define BIN            "/usr/lib/postgresql/15/bin/"
#define START_MAX_US   60000000u
#define STOP_MAX_US    30000000u
#define POLL_US        50000u
#define FALLBACK_USER  "nobody"
#define POSTGRES_USER  "postgres"
#define ACCOUNTS_FIRST 1 /* as BENCH_ACCOUNT_FIRST for ours */

/* Lean: what our server keeps an answer ready for, and no more. An account's two sums; an entry under a command id that
 * is taken once; its lines, found by account. One statement is one transaction: its lines must balance, its accounts
 * exist, a command id that was used gives the first answer again. Accounts are locked in order, so nobody deadlocks. */
static const char schema[] =
    "create table account(id int primary key, debit bigint not null default 0, credit bigint not null "
    "default 0)"
    "  with (fillfactor = 50);"
    "create table entry(position bigint generated always as identity primary key, command_id uuid not null "
    "unique,"
    "  recorded timestamptz not null default now(), date date not null, text text not null);"
    "create table posting(account int not null, entry bigint not null, line smallint not null, amount bigint "
    "not null,"
    "  primary key (account, entry, line));"
    "create function post_entry(id uuid, day date, words text, accounts int[], amounts bigint[]) returns "
    "bigint"
    "  language plpgsql as $$"
    " declare p bigint; r record;"
    " begin"
    "  if (select sum(a) from unnest(amounts) a) <> 0 then raise 'unbalanced'; end if;"
    "  insert into entry(command_id, date, text) values (id, day, words)"
    "   on conflict (command_id) do nothing returning position into p;"
    "  if p is null then select position into p from entry where command_id = id; return p; end if;"
    "  insert into posting select a, p, n, m from unnest(accounts, amounts) with ordinality as l(a, m, n);"
    "  for r in select a, sum(greatest(m, 0)) d, sum(greatest(-m, 0)) c from unnest(accounts, amounts) as "
    "l(a, m)"
    "    group by a order by a loop"
    "   update account set debit = debit + r.d, credit = credit + r.c where account.id = r.a;"
    "   if not found then raise 'no account %', r.a; end if;"
    "  end loop;"
    "  return p;"
    " end $$;"
    "create function post_entries(ids uuid[], day date, words text, debits int[], credits int[], amounts "
    "bigint[])"
    "  returns bigint language plpgsql as $$"
    " declare n bigint;"
    " begin"
    "  with given as (select * from unnest(ids, debits, credits, amounts) as g(id, d, c, m)),"
    "   new as (insert into entry(command_id, date, text) select id, day, words from given"
    "    on conflict (command_id) do nothing returning position, command_id),"
    "   lines as (insert into posting select l.a, new.position, l.n, l.m from new join given on given.id = "
    "command_id,"
    "    lateral (values (d, 1, m), (c, 2, -m)) as l(a, n, m) returning account, amount),"
    "   sums as (select account, sum(greatest(amount, 0)) d, sum(greatest(-amount, 0)) c, sum(amount) s from "
    "lines"
    "    group by account),"
    "   moved as (update account set debit = debit + sums.d, credit = credit + sums.c from sums"
    "    where account.id = sums.account returning sums.s)"
    "   select count(*) into n from new where (select sum(s) from moved) = 0;"
    "  if n = 0 and cardinality(ids) > 0 and not exists (select from entry where command_id = ids[1])"
    "   then raise 'unbalanced, or no such account'; end if;"
    "  return n;"
    " end $$;";

const char *postgres_missing(void)
{
    struct pq pq;
    bool library = pq_load(&pq);
    pq_unload(&pq);
    if (library && access(BIN "initdb", X_OK) == 0 && access(BIN "postgres", X_OK) == 0)
        return NULL;
    return "PostgreSQL 15 is not installed: apt-get install --no-install-recommends postgresql-15 libpq5";
}

static enum dft_status fail(struct dft_fault *why, const char *what, const char *about)
{
    snprintf(why->text, sizeof why->text, "postgres: %.100s %.120s", what, about);
    why->text[strcspn(why->text, "\n")] = '\0';
    return why->status = DFT_IO;
}

/* ---- the cluster --------------------------------------------------------------------------------------------------- */

/* PostgreSQL does not run as root. False: there is nobody else. */
static bool user_for(struct process_user *out, bool *out_needed)
{
    *out_needed = geteuid() == 0;
    if (!*out_needed)
        return true;
    const struct passwd *user = getpwnam(POSTGRES_USER);
    if (user == NULL)
        user = getpwnam(FALLBACK_USER);
    if (user == NULL || user->pw_uid == 0)
        return false;
    *out = (struct process_user){.uid = user->pw_uid, .gid = user->pw_gid};
    return true;
}

static unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                getsockname(fd, (struct sockaddr *)&address, &len) == 0;
    if (fd >= 0)
        close(fd);
    return good ? ntohs(address.sin_port) : 0;
}

static bool write_file(const char *path, const char *text, const char *mode)
{
    FILE *file = fopen(path, mode);
    bool good = file != NULL && fputs(text, file) >= 0;
    if (file != NULL)
        good = fclose(file) == 0 && good;
    return good;
}

static bool own_by(const char *path, const struct process_user *user)
{
    return user == NULL || chown(path, user->uid, user->gid) == 0;
}

/* Durable as delivered; room for memory and for the write-ahead log as an owner of a small machine would give it. */
static bool configure(const struct postgres *postgres)
{
    char path[BENCH_PATH_MAX + 32], text[3 * BENCH_PATH_MAX];
    snprintf(path, sizeof path, "%s/data/postgresql.conf", postgres->folder);
    snprintf(text, sizeof text,
             "listen_addresses = '127.0.0.1'\nport = %u\nunix_socket_directories = '%s'\nssl = on\n"
             "ssl_cert_file = '%s/server.crt'\nssl_key_file = '%s/server.key'\nssl_min_protocol_version = "
             "'TLSv1.3'\n"
             "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\nmax_connections = 100\n"
             "shared_buffers = 512MB\nmax_wal_size = 4GB\n",
             postgres->port, postgres->folder, postgres->folder, postgres->folder);
    return write_file(path, text, "ae");
}

static bool init_cluster(struct postgres *postgres, const struct process_user *user)
{
    char data[BENCH_PATH_MAX + 32], log[BENCH_PATH_MAX + 32], words[BENCH_PATH_MAX + 32],
        file[BENCH_PATH_MAX + 64];
    char certificate[BENCH_PATH_MAX + 32], key[BENCH_PATH_MAX + 32];
    snprintf(data, sizeof data, "%s/data", postgres->folder);
    snprintf(log, sizeof log, "%s/log", postgres->folder);
    snprintf(words, sizeof words, "%s/password", postgres->folder);
    snprintf(certificate, sizeof certificate, "%s/server.crt", postgres->folder);
    snprintf(key, sizeof key, "%s/server.key", postgres->folder);
    snprintf(file, sizeof file, "--pwfile=%s", words);
    const char *const args[] = {
        BIN "initdb",      "--pgdata",   data, "--username=bench", "--auth=scram-sha-256", file,
        "--encoding=UTF8", "--locale=C", NULL};
    return certificate_make(certificate, key) && write_file(words, postgres->password, "we") &&
           write_file(log, "", "we") && own_by(words, user) && own_by(log, user) &&
           own_by(certificate, user) && own_by(key, user) && own_by(postgres->folder, user) &&
           process_run(args, log, user) && configure(postgres);
}

static bool run_sql(const struct pq *pq, struct pq_conn *conn, const char *sql, struct dft_fault *why)
{
    struct pq_result *result = pq->exec(conn, sql);
    int status = result != NULL ? pq->result_status(result) : -1;
    bool good = status == PQ_COMMAND_OK || status == PQ_TUPLES_OK;
    if (!good)
        (void)fail(why, "", result != NULL ? pq->result_error(result) : pq->error_message(conn));
    if (result != NULL)
        pq->clear(result);
    return good;
}

/* Waits until it answers, and makes the ledger. */
static bool make_ledger(struct postgres *postgres, uint32_t accounts, struct dft_fault *why)
{
    const struct pq *pq = &postgres->pq;
    char sql[256];
    uint64_t end_us = bench_now_us() + START_MAX_US;
    struct pq_conn *conn = pq->connectdb(postgres->socket_info);
    while (conn != NULL && pq->status(conn) != PQ_CONNECTION_OK && bench_now_us() < end_us &&
           !process_ended(&postgres->pid) && !load_interrupted()) {
        pq->finish(conn);
        usleep(POLL_US);
        conn = pq->connectdb(postgres->socket_info);
    }
    bool good = conn != NULL && pq->status(conn) == PQ_CONNECTION_OK;
    if (!good)
        (void)fail(why, "does not start:", conn != NULL ? pq->error_message(conn) : "no memory");
    snprintf(sql, sizeof sql, "insert into account(id) select generate_series(%d, %u)", ACCOUNTS_FIRST,
             accounts);
    good = good && run_sql(pq, conn, schema, why) && run_sql(pq, conn, sql, why) &&
           run_sql(pq, conn, "vacuum analyze", why) && run_sql(pq, conn, "checkpoint", why);
    if (conn != NULL)
        pq->finish(conn);
    return good;
}

enum dft_status postgres_make(struct postgres *postgres, const char *scratch, uint32_t accounts,
                              struct dft_fault *why)
{
    struct process_user user;
    uint8_t random[12];
    bool other_user = false;
    char data[BENCH_PATH_MAX + 32], log[BENCH_PATH_MAX + 32];
    memset(postgres, 0, sizeof *postgres);
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random || !user_for(&user, &other_user) ||
        !pq_load(&postgres->pq))
        return fail(why, "cannot begin", "");
    hex_format(random, sizeof random, postgres->password);
    snprintf(postgres->folder, sizeof postgres->folder, "%.60s/daftari-compare-XXXXXX",
             scratch); /* sockets: 107 bytes */
    if (mkdtemp(postgres->folder) == NULL) {
        postgres->folder[0] = '\0';
        postgres_remove(postgres);
        return fail(why, "no folder can be made in", scratch);
    }
    postgres->port = free_port();
    snprintf(postgres->socket_info, sizeof postgres->socket_info,
             "host=%s port=%u user=bench password=%s dbname=postgres", postgres->folder, postgres->port,
             postgres->password);
    snprintf(postgres->tls_info, sizeof postgres->tls_info,
             "host=localhost hostaddr=127.0.0.1 port=%u user=bench password=%s dbname=postgres "
             "sslmode=verify-full "
             "sslrootcert=%s/server.crt",
             postgres->port, postgres->password, postgres->folder);
    snprintf(data, sizeof data, "%s/data", postgres->folder);
    snprintf(log, sizeof log, "%s/log", postgres->folder);
    const char *const args[] = {BIN "postgres", "-D", data, NULL};
    bool good = init_cluster(postgres, other_user ? &user : NULL);
    if (!good)
        (void)fail(why,
                   other_user ? "initdb failed; it runs as another user, who must be able to enter"
                              : "initdb failed below",
                   scratch);
    if (good)
        postgres->pid = process_spawn(args, log, other_user ? &user : NULL);
    good = good && postgres->pid > 0 && make_ledger(postgres, accounts, why);
    if (!good)
        postgres_remove(postgres);
    return good ? DFT_OK : DFT_IO;
}

void postgres_remove(struct postgres *postgres)
{
    uint64_t end_us = bench_now_us() + STOP_MAX_US;
    if (postgres->pid > 0)
        (void)kill(postgres->pid, SIGINT); /* fast shutdown: its own children end too */
    while (!process_ended(&postgres->pid) && bench_now_us() < end_us)
        usleep(POLL_US);
    process_kill(&postgres->pid);
    if (postgres->folder[0] != '\0')
        folder_remove(postgres->folder);
    pq_unload(&postgres->pq);
    memset(postgres, 0, sizeof *postgres);
}

uint64_t postgres_disk_bytes(struct postgres *postgres)
{
    const struct pq *pq = &postgres->pq;
    uint64_t bytes = 0;
    struct pq_conn *conn = pq->connectdb(postgres->socket_info);
    struct pq_result *result = conn != NULL ? pq->exec(conn, "select pg_database_size('postgres')") : NULL;
    if (result != NULL && pq->result_status(result) == PQ_TUPLES_OK)
        bytes = strtoull(pq->value(result, 0, 0), NULL, 10);
    if (result != NULL)
        pq->clear(result);
    if (conn != NULL)
        pq->finish(conn);
    return bytes;
}
