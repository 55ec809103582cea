#include "server/app/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/bug.h"
#include "proto/base/text.h"

#define FILE_BYTES_MAX (256u * 1024u)
#define PROBLEMS_MAX   100
/* The writer begins no batch unless the log has room for two of the largest, their tree pages, and what was there before. */
#define LOG_MAP_SPARE_MIB 16u

enum key_type {
    KEY_PATH,    /* char[CONFIG_PATH_MAX] */
    KEY_ADDRESS, /* char[CONFIG_TEXT_MAX], numeric IPv4 or IPv6 */
    KEY_WORD,    /* char[CONFIG_TEXT_MAX], one of `words` */
    KEY_NUMBER,  /* uint64_t, min..max */
    KEY_SWITCH,  /* uint64_t 0 or 1, "no" or "yes" */
};

struct key {
    const char *group; /* heading, at the first key of a group */
    const char *name;
    enum key_type type;
    bool reloadable; /* taken over at SIGHUP */
    bool may_be_empty;
    size_t at; /* offset in struct config */
    uint64_t min, max;
    const char *standard; /* default, as it would stand in a file */
    const char *words;    /* KEY_WORD: separated by spaces */
    const char *doc;
};

#define AT(field)  .name = #field, .at = offsetof(struct config, field)
#define NUMBER     .type = KEY_NUMBER
#define HOUR_MS    3600000u
#define DAY_S      86400u
#define TIB_IN_MIB (1024u * 1024u)

static const struct key keys[] = {
    {AT(data_dir), .group = "Where things are", .type = KEY_PATH, .standard = "/var/lib/daftari",
     .doc = "Data folder: the log, core state, views, wrapped data keys. Made by daftarid init."},
    {AT(key_dir), .type = KEY_PATH, .standard = "/etc/daftari/keys",
     .doc = "Key folder: the certificate authority, the server's certificate and key, the log signing key. "
            "The files "
            "are read again at a reload, the setting is not."},
    {AT(master_key_file), .type = KEY_PATH, .may_be_empty = true, .standard = "",
     .doc = "File with the master key of the data folder: 32 bytes, or 64 hexadecimal digits; readable by "
            "the server "
            "alone and kept outside the data folder. A systemd credential named master-key comes before it."},

    {AT(listen_address), .group = "Network", .type = KEY_ADDRESS, .standard = "127.0.0.1",
     .doc = "Numeric address to listen on. 0.0.0.0 is every IPv4 address of the machine, :: every address."},
    {AT(listen_port), NUMBER, .min = 0, .max = 65535, .standard = "7419",
     .doc = "TCP port to listen on. 0: any free one."},
    {AT(metrics), .type = KEY_SWITCH, .standard = "yes",
     .doc = "Offer metrics in Prometheus text form at http://127.0.0.1:PORT/metrics."},
    {AT(metrics_port), NUMBER, .min = 0, .max = 65535, .standard = "7420",
     .doc = "TCP port of the metrics, on the loopback address only. 0: any free one."},
    {AT(connections_max), NUMBER, .min = 1, .max = 100000, .standard = "1024",
     .doc = "Connections open at once; further ones are closed at once."},
    {AT(connections_per_address_max), NUMBER, .min = 1, .max = 100000, .standard = "256",
     .doc = "Of these, from one IPv4 address or one IPv6 network (/64)."},
    {AT(requests_open_max), NUMBER, .min = 1, .max = 4096, .standard = "256",
     .doc = "Requests in flight on one connection; further ones are answered BUSY."},
    {AT(requests_max), NUMBER, .min = 16, .max = 65536, .standard = "2048",
     .doc = "Requests in flight on all connections together; the last eighth is for users who hold few. Each "
            "costs about 9 KiB of memory from the start."},
    {AT(request_arena_kib), NUMBER, .min = 4096, .max = 1048576, .standard = "16384",
     .doc = "Most memory that one request, its commands and their answers may take, in KiB."},
    {AT(request_bytes_mib), NUMBER, .min = 4, .max = 1048576, .standard = "256",
     .doc = "Request bytes in flight on all connections together, in MiB; when they are used up, requests "
            "are answered "
            "BUSY and large frames wait unread."},
    {AT(output_kib), NUMBER, .min = 64, .max = 1048576, .standard = "4096",
     .doc =
         "Bytes that may wait to be sent on one connection, in KiB; beyond it nothing more is read from it."},
    {AT(handshake_timeout_ms), NUMBER, .min = 100, .max = HOUR_MS, .standard = "10000",
     .doc = "Time for the TLS handshake, in milliseconds."},
    {AT(hello_timeout_ms), NUMBER, .min = 100, .max = HOUR_MS, .standard = "10000",
     .doc = "Time from there to the client's Hello."},
    {AT(frame_timeout_ms), NUMBER, .min = 100, .max = HOUR_MS, .standard = "30000",
     .doc = "Time to complete a frame that was begun."},
    {AT(write_timeout_ms), NUMBER, .min = 100, .max = HOUR_MS, .standard = "30000",
     .doc = "A client that takes less than 32 KiB of what waits for it in this time, and not all of it, is "
            "dropped."},
    {AT(idle_timeout_ms), NUMBER, .min = 1000, .max = 24 * HOUR_MS, .standard = "900000",
     .doc = "A connection without an open request that says nothing is ended after this time; so is a stream "
            "that the "
            "client does not go on with."},
    {AT(request_deadline_ms), NUMBER, .min = 10, .max = HOUR_MS, .standard = "30000",
     .doc = "Time for a request that names none; for each step of a stream."},
    {AT(request_deadline_max_ms), NUMBER, .min = 10, .max = 24 * HOUR_MS, .standard = "600000",
     .doc = "Longest time that a request may name."},
    {AT(drain_ms), NUMBER, .min = 10, .max = HOUR_MS, .standard = "15000",
     .doc = "When the server stops, open requests get this long."},

    {AT(command_queue_max), .group = "Writer", NUMBER, .min = 1, .max = 65536, .standard = "4096",
     .doc = "Requests with commands that wait for the writer; further ones are answered BUSY."},
    {AT(batch_records_max), NUMBER, .min = 1, .max = 1000000, .standard = "16384",
     .doc = "Records of one commit."},
    {AT(batch_kib), NUMBER, .min = 128, .max = 1048576, .standard = "16384",
     .doc = "Bytes of one commit, in KiB."},

    {AT(log_map_mib), .group = "Storage", NUMBER, .min = 16, .max = 64 * TIB_IN_MIB, .standard = "1048576",
     .doc = "Most that the log may grow to, in MiB. Address space, not disk: set it well above what will be "
            "needed. At least 16 MiB more than two batches (batch_kib)."},
    {AT(state_map_mib), NUMBER, .min = 16, .max = 64 * TIB_IN_MIB, .standard = "65536",
     .doc = "Most that core state may grow to, in MiB."},
    {AT(ids_map_mib), NUMBER, .min = 16, .max = 64 * TIB_IN_MIB, .standard = "65536",
     .doc = "Most that the index of command ids may grow to, in MiB; about 20 bytes a command."},
    {AT(view_map_mib), NUMBER, .min = 16, .max = 64 * TIB_IN_MIB, .standard = "262144",
     .doc = "Most that each view may grow to, in MiB."},
    {AT(state_cache_mib), NUMBER, .min = 4, .max = 1048576, .standard = "32",
     .doc = "Core state that is kept in memory, in MiB."},
    {AT(state_dirty_rows_max), NUMBER, .min = 1000, .max = 100000000, .standard = "200000",
     .doc = "Core state is written behind when this many of its rows have changed."},
    {AT(state_idle_ms), NUMBER, .min = 10, .max = HOUR_MS, .standard = "2000",
     .doc = "And when no command has come for this long, in milliseconds."},

    {AT(ids_memory_entries), NUMBER, .min = 100, .max = 16000000, .standard = "131072",
     .doc = "Command ids that are kept in memory before they are written, at about 120 bytes each."},
    {AT(ids_filter_mib), NUMBER, .min = 1, .max = 65536, .standard = "64",
     .doc = "Memory for the filters that tell a new command id from an old one, in MiB: half a million ids "
            "each. Ids "
            "that grow with time, as our clients make them, need none."},

    {AT(reader_threads), .group = "Reading", NUMBER, .min = 1, .max = 64, .standard = "2",
     .doc = "Threads that answer queries and reports."},
    {AT(query_queue_max), NUMBER, .min = 1, .max = 65536, .standard = "4096",
     .doc = "Queries that wait; further ones are answered BUSY."},
    {AT(report_memory_mib), NUMBER, .min = 4, .max = 65536, .standard = "64",
     .doc = "Memory for the rows of one report, in MiB."},
    {AT(report_memory_total_mib), NUMBER, .min = 16, .max = 1048576, .standard = "512",
     .doc =
         "Memory for the rows of all reports that are being read, in MiB; further ones are answered BUSY."},
    {AT(replay_memory_mib), NUMBER, .min = 16, .max = 65536, .standard = "256",
     .doc = "Memory for all balances and reports as known at earlier positions together, in MiB."},

    {AT(session_idle_s), .group = "People", NUMBER, .min = 60, .max = 30 * DAY_S, .standard = "7200",
     .doc = "A session ends after this long without a request, in seconds."},
    {AT(session_lifetime_s), NUMBER, .min = 60, .max = 366 * DAY_S, .standard = "604800",
     .doc = "And after this long in any case."},
    {AT(login_tries_per_minute), NUMBER, .min = 1, .max = 64, .standard = "5",
     .doc = "Wrong passwords for one user in a minute; further tries are not looked at."},
    {AT(login_lock_after), NUMBER, .min = 1, .max = 1000, .standard = "10",
     .doc = "Wrong passwords in a row that lock the user."},

    {AT(log_level), .group = "Diagnostics", .type = KEY_WORD, .words = "debug info warning error",
     .standard = "info", .reloadable = true, .doc = "Least important lines to write to standard error."},
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])
_Static_assert(KEY_COUNT <= CONFIG_KEYS_MAX, "struct config has a line for each key");

size_t config_key_count(void)
{
    return KEY_COUNT;
}

const char *config_key_name(size_t index)
{
    ASSERT(index < KEY_COUNT);
    return keys[index].name;
}

static uint64_t *number_of(struct config *config, const struct key *key)
{
    return (uint64_t *)(void *)((char *)config + key->at);
}

static char *text_of(struct config *config, const struct key *key, size_t *out_size)
{
    *out_size = key->type == KEY_PATH ? CONFIG_PATH_MAX : CONFIG_TEXT_MAX;
    return (char *)config + key->at;
}

void config_waiting(const struct config *in_force, const struct config *fresh, char *out, size_t size)
{
    size_t len = 0;
    ASSERT(size > 0);
    out[0] = '\0';
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const char *a = (const char *)in_force + keys[i].at, *b = (const char *)fresh + keys[i].at;
        bool number = keys[i].type == KEY_NUMBER || keys[i].type == KEY_SWITCH;
        bool same = number ? memcmp(a, b, sizeof(uint64_t)) == 0 : strcmp(a, b) == 0;
        size_t more = strlen(keys[i].name) + (len > 0);
        if (same || keys[i].reloadable || len + more >= size)
            continue;
        snprintf(out + len, size - len, "%s%s", len > 0 ? " " : "", keys[i].name);
        len += more;
    }
}

/* ---- one value ---- */

static bool word_among(const char *words, const char *text)
{
    size_t len = strlen(text);
    for (const char *at = words; len != 0 && (at = strstr(at, text)) != NULL; at += len)
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    return false;
}

static enum status text_check(const struct key *key, const char *text, struct fault *why)
{
    uint8_t address[16];
    switch (key->type) {
    case KEY_PATH:
        if (text[0] == '\0' && !key->may_be_empty)
            return fault_set(why, STATUS_INVALID, key->name, "must not be empty");
        return STATUS_OK;
    case KEY_ADDRESS:
        if (inet_pton(AF_INET, text, address) != 1 && inet_pton(AF_INET6, text, address) != 1)
            return fault_set(why, STATUS_INVALID, key->name,
                             "a numeric address as 127.0.0.1, 0.0.0.0 or ::, got \"%.100s\"", text);
        return STATUS_OK;
    case KEY_WORD:
        if (!word_among(key->words, text))
            return fault_set(why, STATUS_INVALID, key->name, "one of: %s; got \"%.100s\"", key->words, text);
        return STATUS_OK;
    case KEY_NUMBER:
    case KEY_SWITCH:
        break;
    }
    ASSERT(false);
    return STATUS_INTERNAL;
}

static enum status value_set(struct config *config, const struct key *key, const char *text,
                             struct fault *why)
{
    if (key->type == KEY_NUMBER) {
        uint64_t value;
        if (!number_parse(slice_text(text), key->min, key->max, &value))
            return fault_set(why, STATUS_INVALID, key->name,
                             "a whole number from %" PRIu64 " to %" PRIu64 ", got \"%.100s\"", key->min,
                             key->max, text);
        *number_of(config, key) = value;
        return STATUS_OK;
    }
    if (key->type == KEY_SWITCH) {
        bool yes = strcmp(text, "yes") == 0;
        if (!yes && strcmp(text, "no") != 0)
            return fault_set(why, STATUS_INVALID, key->name, "yes or no, got \"%.100s\"", text);
        *number_of(config, key) = yes ? 1 : 0;
        return STATUS_OK;
    }
    size_t size;
    char *to = text_of(config, key, &size);
    if (strlen(text) >= size)
        return fault_set(why, STATUS_INVALID, key->name, "at most %zu bytes", size - 1);
    enum status status = text_check(key, text, why);
    if (status == STATUS_OK)
        memcpy(to, text, strlen(text) + 1);
    return status;
}

struct config *config_new(void)
{
    struct config *config = calloc(1, sizeof *config);
    for (size_t i = 0; config != NULL && i < KEY_COUNT; i++) {
        enum status status = value_set(config, &keys[i], keys[i].standard, NULL);
        ASSERT(status == STATUS_OK);
    }
    return config;
}

void config_free(struct config *config)
{
    free(config);
}

/* ---- a file ---- */

struct parser {
    struct config *config;
    const char *name;
    FILE *problems;
    unsigned line;
    unsigned problem_count;
};

static void problem(struct parser *p, unsigned line, const char *key, const char *text)
{
    p->problem_count++;
    if (p->problem_count > PROBLEMS_MAX || p->problems == NULL)
        return;
    fprintf(p->problems, "%s:%u: %s%s%s\n", p->name, line, key, key[0] != '\0' ? ": " : "", text);
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static struct slice trimmed(struct slice text)
{
    while (text.len != 0 && is_space(text.ptr[0]))
        text = slice_of(text.ptr + 1, text.len - 1);
    while (text.len != 0 && is_space(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

/* A value as written, without its quotes and the comment behind it; NULL or what is wrong. `out` has room for the
 * line and a NUL. */
static const char *value_read(struct slice rest, char *out)
{
    size_t at = 0, len = 0;
    rest = trimmed(rest);
    bool quoted = rest.len != 0 && rest.ptr[0] == '"';
    if (!quoted) {
        while (at < rest.len && rest.ptr[at] != '#')
            at++;
        struct slice bare = trimmed(slice_of(rest.ptr, at));
        if (bare.len == 0)
            return "a value is missing; \"\" is the empty one";
        if (memchr(bare.ptr, '"', bare.len) != NULL)
            return "quotes stand around a whole value or not at all";
        memcpy(out, bare.ptr, bare.len);
        out[bare.len] = '\0';
        return NULL;
    }
    for (at = 1; at < rest.len && rest.ptr[at] != '"'; at++) {
        if (rest.ptr[at] == '\\') {
            at++;
            if (at == rest.len || (rest.ptr[at] != '"' && rest.ptr[at] != '\\'))
                return "inside quotes a \\ stands before \" or \\ only";
        }
        out[len++] = (char)rest.ptr[at];
    }
    if (at == rest.len)
        return "the closing quote is missing";
    out[len] = '\0';
    struct slice after = trimmed(slice_of(rest.ptr + at + 1, rest.len - at - 1));
    return after.len == 0 || after.ptr[0] == '#' ? NULL
                                                 : "nothing but a comment may follow the closing quote";
}

static const struct key *key_find(struct slice name, size_t *out_index)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (slice_equal(slice_text(keys[i].name), name)) {
            *out_index = i;
            return &keys[i];
        }
    return NULL;
}

static void line_take(struct parser *p, struct slice line)
{
    char value[2 * CONFIG_PATH_MAX + CONFIG_TEXT_MAX]; /* a path in quotes, every byte of it escaped */
    line = trimmed(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return;
    if (line.len >= sizeof value) {
        problem(p, p->line, "", "the line is too long");
        return;
    }
    const uint8_t *equals = memchr(line.ptr, '=', line.len);
    struct slice name = trimmed(slice_of(line.ptr, equals != NULL ? (size_t)(equals - line.ptr) : 0));
    if (name.len == 0) {
        problem(p, p->line, "", "a line is empty, a # comment, or name = value");
        return;
    }
    size_t index;
    const struct key *key = key_find(name, &index);
    if (key == NULL) {
        char text[128];
        snprintf(text, sizeof text, "no such setting: %.*s", (int)(name.len < 80 ? name.len : 80),
                 (const char *)name.ptr);
        problem(p, p->line, "", text);
        return;
    }
    if (p->config->given_at[index] != 0) {
        char text[64];
        snprintf(text, sizeof text, "was given at line %u already", p->config->given_at[index]);
        problem(p, p->line, key->name, text);
        return;
    }
    p->config->given_at[index] = p->line;
    const char *wrong = value_read(slice_of(equals + 1, (size_t)(line.ptr + line.len - equals - 1)), value);
    struct fault why;
    p->config->refused[index] = true;
    if (wrong != NULL)
        problem(p, p->line, key->name, wrong);
    else if (value_set(p->config, key, value, &why) != STATUS_OK)
        problem(p, p->line, key->name, why.text);
    else
        p->config->refused[index] = false;
}

/* ---- the whole ---- */

/* The later of two keys' lines, for what is wrong between them. */
static unsigned line_of(const struct parser *p, const char *a, const char *b)
{
    size_t ia = 0, ib = 0;
    const struct key *found_a = key_find(slice_text(a), &ia), *found_b = key_find(slice_text(b), &ib);
    ASSERT(found_a != NULL && found_b != NULL);
    return p->config->given_at[ia] > p->config->given_at[ib] ? p->config->given_at[ia]
                                                             : p->config->given_at[ib];
}

static void not_more(struct parser *p, const char *a, uint64_t a_value, const char *b, uint64_t b_value)
{
    char text[160];
    if (a_value <= b_value)
        return;
    snprintf(text, sizeof text, "must not be more than %s, %" PRIu64 " is more than %" PRIu64, b, a_value,
             b_value);
    problem(p, line_of(p, a, b), a, text);
}

static void whole_check(struct parser *p)
{
    const struct config *c = p->config;
    not_more(p, "connections_per_address_max", c->connections_per_address_max, "connections_max",
             c->connections_max);
    not_more(p, "requests_open_max", c->requests_open_max, "requests_max", c->requests_max);
    not_more(p, "request_deadline_ms", c->request_deadline_ms, "request_deadline_max_ms",
             c->request_deadline_max_ms);
    not_more(p, "session_idle_s", c->session_idle_s, "session_lifetime_s", c->session_lifetime_s);
    if (c->metrics == 1 && c->metrics_port == c->listen_port && c->listen_port != 0)
        problem(p, line_of(p, "metrics_port", "listen_port"), "metrics_port", "must differ from listen_port");
    uint64_t log_mib = LOG_MAP_SPARE_MIB + 2 * c->batch_kib / 1024;
    if (c->log_map_mib < log_mib) {
        char text[160];
        snprintf(text, sizeof text,
                 "at least %" PRIu64 " with batch_kib = %" PRIu64
                 " (twice that, and %u MiB): less has no room for any command",
                 log_mib, c->batch_kib, LOG_MAP_SPARE_MIB);
        problem(p, line_of(p, "log_map_mib", "batch_kib"), "log_map_mib", text);
    }
    size_t dir_len = strlen(c->data_dir);
    if (strncmp(c->master_key_file, c->data_dir, dir_len) == 0 && c->master_key_file[dir_len] == '/')
        problem(p, line_of(p, "master_key_file", "data_dir"), "master_key_file",
                "must lie outside data_dir: who steals the one must not get the other");
}

bool config_taken(const struct config *config, const char *name)
{
    size_t index = 0;
    const struct key *found = key_find(slice_text(name), &index);
    ASSERT(found != NULL);
    return !config->refused[index];
}

unsigned config_line(const struct config *config, const char *name)
{
    size_t index = 0;
    const struct key *found = key_find(slice_text(name), &index);
    ASSERT(found != NULL);
    return config->given_at[index];
}

enum status config_parse(struct config *config, struct slice text, const char *name, FILE *problems)
{
    struct parser p = {.config = config, .name = name, .problems = problems};
    memset(config->given_at, 0, sizeof config->given_at);
    memset(config->refused, 0, sizeof config->refused);
    for (size_t at = 0; at < text.len;) {
        const uint8_t *start = text.ptr + at;
        const uint8_t *newline = memchr(start, '\n', text.len - at);
        size_t len = newline != NULL ? (size_t)(newline - start) : text.len - at;
        at += len + 1;
        p.line++;
        if (len != 0 && start[len - 1] == '\r')
            len--;
        if (text_valid(slice_of(start, len)))
            line_take(&p, slice_of(start, len));
        else
            problem(&p, p.line, "", "is not UTF-8 text, or holds control characters");
    }
    if (p.problem_count == 0)
        whole_check(&p);
    if (p.problem_count > PROBLEMS_MAX && problems != NULL)
        fprintf(problems, "%s: and %u more\n", name, p.problem_count - PROBLEMS_MAX);
    return p.problem_count == 0 ? STATUS_OK : STATUS_INVALID;
}

enum status config_read(struct config *config, const char *path, FILE *problems)
{
    FILE *file = fopen(path, "re");
    uint8_t *bytes = malloc(FILE_BYTES_MAX + 1);
    enum status status = STATUS_NO_MEMORY;
    if (file == NULL) {
        fprintf(problems, "%s: cannot be read: %s\n", path, strerrordesc_np(errno));
        status = STATUS_IO;
    } else if (bytes != NULL) {
        size_t len = fread(bytes, 1, FILE_BYTES_MAX + 1, file);
        if (ferror(file)) {
            fprintf(problems, "%s: cannot be read\n", path);
            status = STATUS_IO;
        } else if (len > FILE_BYTES_MAX) {
            fprintf(problems, "%s: larger than %u bytes\n", path, FILE_BYTES_MAX);
            status = STATUS_INVALID;
        } else {
            status = config_parse(config, slice_of(bytes, len), path, problems);
        }
    }
    if (file != NULL)
        fclose(file);
    free(bytes);
    return status;
}

/* ---- printing ---- */

static void doc_print(const char *doc, FILE *out)
{
    const size_t width = 100;
    for (size_t len = strlen(doc); len != 0; len = strlen(doc)) {
        size_t cut = len;
        if (len > width) {
            cut = width;
            while (cut > 1 && doc[cut] != ' ')
                cut--;
        }
        fprintf(out, "# %.*s\n", (int)cut, doc);
        doc += cut;
        while (*doc == ' ')
            doc++;
    }
}

static void text_print(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void key_print(struct config *config, const struct key *key, FILE *out)
{
    if (key->group != NULL)
        fprintf(out, "\n# ---- %s ----\n", key->group);
    fputc('\n', out);
    doc_print(key->doc, out);
    if (key->type == KEY_NUMBER)
        fprintf(out, "# From %" PRIu64 " to %" PRIu64 "; default %s.", key->min, key->max, key->standard);
    else if (key->type == KEY_WORD)
        fprintf(out, "# One of: %s; default %s.", key->words, key->standard);
    else
        fprintf(out, "# Default %s.", key->standard[0] != '\0' ? key->standard : "\"\"");
    fprintf(out, "%s\n%s = ", key->reloadable ? " Taken over at a reload." : "", key->name);
    size_t size;
    if (key->type == KEY_NUMBER)
        fprintf(out, "%" PRIu64 "\n", *number_of(config, key));
    else if (key->type == KEY_SWITCH)
        fprintf(out, "%s\n", *number_of(config, key) != 0 ? "yes" : "no");
    else {
        text_print(text_of(config, key, &size), out);
        fputc('\n', out);
    }
}

void config_print(const struct config *config, FILE *out)
{
    struct config copy = *config;
    fputs("# Configuration of daftarid; see daftari.conf(5). name = value, # begins a comment.\n"
          "# Check it with: daftarid --check-config --config FILE\n",
          out);
    for (size_t i = 0; i < KEY_COUNT; i++)
        key_print(&copy, &keys[i], out);
}

enum diag_level config_diag_level(const struct config *config)
{
    static const struct {
        const char *word;
        enum diag_level level;
    } levels[] = {
        {"debug", DIAG_DEBUG}, {"info", DIAG_INFO}, {"warning", DIAG_WARNING}, {"error", DIAG_ERROR}};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(config->log_level, levels[i].word) == 0)
            return levels[i].level;
    return DIAG_INFO;
}
