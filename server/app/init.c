/* `daftarid init`: keys, certificates, the first records (books, built-in roles, owner) and a configuration file. All or
 * nothing: keys and books are made beside their places and moved there when they are whole. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "books.pb-c.h"
#include "people.pb-c.h"
#include "proto/base/text.h"
#include "proto/wire/message.h"
#include "server/app/offline.h"
#include "server/app/pki.h"
#include "server/app/serve.h"
#include "server/app/staging.h"
#include "server/base/secret.h"
#include "server/base/system.h"
#include "server/domain/people/people.h"
#include "server/domain/people/user_row.h"

#define EXIT_USAGE       2
#define ITEM_ARENA_BYTES (1024u * 1024u)
#define UNIT_CONFIG_FILE "/etc/daftari/daftari.conf" /* what daftarid.service names */
#define FIRST_MAP_MIB    64                          /* the first records are few */

struct init_options {
    const char *data_dir, *key_dir, *master_key_file, *config_path;
    const char *owner_email, *owner_name, *owner_phone, *password_file;
    const char *books, *currency, *symbol, *utc_offset, *first_date, *hosts, *fiscal_year_start;
    uint64_t scale;
};

static void usage(FILE *to)
{
    fputs(
        "usage: daftarid init --data DIR --keys DIR --owner-email E --owner-name NAME --password-file F "
        "[options]\n"
        "\nMakes new books: the data folder, its keys, TLS certificates, the owner and a configuration file. "
        "Neither the\n"
        "data folder nor the key folder may hold books yet.\n\n"
        "  --data DIR             data folder (log, state, views): must not exist\n"
        "  --keys DIR             key folder (CA, server certificate, log signing key, master key)\n"
        "  --master-key FILE      master key of the data folder (default: KEYS/master-key; made when "
        "absent)\n"
        "  --config FILE          configuration file to write (default: KEYS/daftari.conf); must not exist\n"
        "  --owner-email E        log-in name of the first owner\n"
        "  --owner-name NAME      first and last name\n"
        "  --owner-phone PHONE    E.164, +254700000000\n"
        "  --password-file F      first line is the owner's password (8 characters or more); - reads "
        "standard input\n"
        "  --books NAME           name of the books (default: Books)\n"
        "  --currency CODE        base currency (default: KES)  --scale N decimals (default: 2)  --symbol "
        "TEXT\n"
        "  --utc-offset +HH:MM    of the business date (default: +03:00)\n"
        "  --first-date DATE      first business date that may be posted to (default: 2000-01-01)\n"
        "  --fiscal-year-start MM-DD  (default: 01-01)\n"
        "  --hosts NAMES          names and addresses of the server, separated by commas, for its "
        "certificate\n"
        "\nExit: 0 done, 1 failed, 2 usage.\n",
        to);
}

/* ---- the first records ------------------------------------------------------------------------------------------------ */

static enum status parse_offset(const char *text, int32_t *out_minutes, struct fault *why)
{
    uint64_t hours, minutes;
    size_t len = strlen(text);
    if (len != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' ||
        !number_parse(slice_of(text + 1, 2), 0, 14, &hours) ||
        !number_parse(slice_of(text + 4, 2), 0, 59, &minutes))
        return fault_set(why, STATUS_INVALID, "utc-offset", "as +03:00, got '%s'", text);
    int32_t total = (int32_t)(hours * 60 + minutes);
    *out_minutes = text[0] == '-' ? -total : total;
    return STATUS_OK;
}

static enum status parse_month_day(const char *text, uint32_t *out, struct fault *why)
{
    uint64_t month, day;
    if (strlen(text) != 5 || text[2] != '-' || !number_parse(slice_of(text, 2), 1, 12, &month) ||
        !number_parse(slice_of(text + 3, 2), 1, 28, &day))
        return fault_set(why, STATUS_INVALID, "fiscal-year-start", "as 01-01 (day 28 at most), got '%s'",
                         text);
    *out = (uint32_t)(month * 100 + day);
    return STATUS_OK;
}

static enum status open_books(struct offline *books, const struct init_options *options, struct fault *why)
{
    Daftari__V1__OpenBooks first = DAFTARI__V1__OPEN_BOOKS__INIT;
    enum status status = parse_offset(options->utc_offset, &first.utc_offset_minutes, why);
    if (status == STATUS_OK)
        status = date_parse(slice_text(options->first_date), &first.first_date, why);
    if (status == STATUS_OK)
        status = parse_month_day(options->fiscal_year_start, &first.fiscal_year_start, why);
    if (status != STATUS_OK)
        return status;
    first.name = (char *)options->books;
    first.base_currency = (char *)options->currency;
    first.symbol = (char *)options->symbol;
    first.has_scale = first.has_utc_offset_minutes = first.has_first_date = first.has_fiscal_year_start = 1;
    first.scale = (uint32_t)options->scale;
    return offline_run(books, "internal.OpenBooks", &first.base, why);
}

static enum status create_owner(struct offline *books, const struct init_options *options, struct fault *why)
{
    char password[PASSWORD_BYTES_MAX + 8], name[NAME_TEXT_MAX + 1];
    uint8_t salt[SECRET_SALT_BYTES], hash[SECRET_HASH_BYTES];
    char owner_role[] = OWNER_ROLE, *roles[] = {owner_role};
    enum status status = offline_read_password(options->password_file, password, sizeof password, why);
    if (status == STATUS_OK)
        status = entropy_fill(&system_entropy, salt, sizeof salt);
    if (status == STATUS_OK)
        status = secret_scrypt(slice_text(password), salt, hash);
    secret_wipe(password, sizeof password);
    if (status != STATUS_OK)
        return status;

    snprintf(name, sizeof name, "%s", options->owner_name);
    char *last = strrchr(name, ' ');
    if (last != NULL)
        *last++ = '\0';
    Daftari__V1__UserCreated owner = DAFTARI__V1__USER_CREATED__INIT;
    owner.email = (char *)options->owner_email;
    owner.first_name = name;
    owner.last_name = last != NULL ? last : name;
    owner.phone = (char *)options->owner_phone;
    owner.n_roles = 1;
    owner.roles = roles;
    owner.has_password_salt = owner.has_password_hash = 1;
    owner.password_salt = (ProtobufCBinaryData){.len = sizeof salt, .data = salt};
    owner.password_hash = (ProtobufCBinaryData){.len = sizeof hash, .data = hash};
    return offline_run(books, "internal.CreateUser", &owner.base, why);
}

static enum status define_roles(struct offline *books, struct fault *why)
{
    enum status status = STATUS_OK;
    struct arena *arena = arena_new(ITEM_ARENA_BYTES);
    if (arena == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    for (size_t i = 0; status == STATUS_OK && i < people_built_in_role_count; i++) {
        Daftari__V1__DefineRole *role = people_built_in_role(i, arena);
        status =
            role == NULL ? STATUS_NO_MEMORY : offline_run(books, "internal.DefineRole", &role->base, why);
    }
    arena_free(arena);
    return status;
}

static enum status write_books(const struct init_options *options, const struct config *config,
                               struct fault *why)
{
    struct offline books;
    enum status status = offline_open(config, true, "daftarid init", &books, why);
    if (status != STATUS_OK)
        return status;
    status = open_books(&books, options, why);
    if (status == STATUS_OK)
        status = define_roles(&books, why);
    if (status == STATUS_OK)
        status = create_owner(&books, options, why);
    offline_close(&books, status == STATUS_OK);
    return status;
}

/* ---- folders and files --------------------------------------------------------------------------------------- */

/* What is being made, and where it goes. */
struct making {
    const struct init_options *options;
    struct config *config;       /* names the places where things are made */
    struct staging keys, data;   /* made here */
    char books[CONFIG_PATH_MAX]; /* the data folder, in `data` until it is whole */
    char master[CONFIG_PATH_MAX], config_file[CONFIG_PATH_MAX];
    char config_fresh[CONFIG_PATH_MAX]; /* the same until all is whole */
    bool config_beside;                 /* that is a name of its own, beside its place */
    bool master_elsewhere;              /* to be made, and not in the key folder */
    bool master_made;                   /* there */
};

static enum status path_set(char out[CONFIG_PATH_MAX], const char *folder, const char *name,
                            struct fault *why)
{
    int len = snprintf(out, CONFIG_PATH_MAX, "%s%s%s", folder, name[0] != '\0' ? "/" : "", name);
    return len >= 0 && len < CONFIG_PATH_MAX ? STATUS_OK
                                             : fault_set(why, STATUS_INVALID, folder, "a shorter path");
}

/* A master key that is there is taken as it is. One in the key folder is made with the other keys. */
static enum status place_master_key(struct making *m, struct fault *why)
{
    const char *key_dir = m->options->key_dir, *given = m->options->master_key_file;
    size_t len = strlen(key_dir);
    enum status status =
        given != NULL ? path_set(m->master, given, "", why) : path_set(m->master, key_dir, "master-key", why);
    if (status != STATUS_OK)
        return status;
    bool there = access(m->master, F_OK) == 0;
    bool with_keys = strncmp(m->master, key_dir, len) == 0 && m->master[len] == '/' &&
                     strchr(m->master + len + 1, '/') == NULL;
    if (there || !with_keys) {
        m->master_elsewhere = !there;
        return path_set(m->config->master_key_file, m->master, "", why);
    }
    return path_set(m->config->master_key_file, m->keys.path, m->master + len + 1, why);
}

/* Before anything is made: nothing may be in the way. */
static enum status find_places(struct making *m, struct fault *why)
{
    const struct init_options *options = m->options;
    enum status status = domain_check(why);
    if (status == STATUS_OK)
        status = options->config_path != NULL
                     ? path_set(m->config_file, options->config_path, "", why)
                     : path_set(m->config_file, options->key_dir, "daftari.conf", why);
    if (status == STATUS_OK && access(m->config_file, F_OK) == 0)
        status = fault_set(why, STATUS_INVALID, "config", "a file that does not exist yet; %s does",
                           m->config_file);
    if (status == STATUS_OK && access(options->data_dir, F_OK) == 0)
        status = fault_set(why, STATUS_INVALID, "data", "a folder that does not exist yet; %s does",
                           options->data_dir);
    if (status == STATUS_OK)
        status = pki_check_absent(options->key_dir, why);
    return status;
}

static enum status make_all(struct making *m, struct fault *why)
{
    struct config *config = m->config;
    enum status status = staging_make(m->options->key_dir, &m->keys, why);
    if (status == STATUS_OK)
        status = staging_make(m->options->data_dir, &m->data, why);
    if (status == STATUS_OK)
        status = path_set(m->books, m->data.path, "books", why);
    if (status == STATUS_OK)
        status = place_master_key(m, why);
    if (status == STATUS_OK)
        status = pki_make(&(struct pki_options){.key_dir = m->keys.path,
                                                .master_key_file = config->master_key_file,
                                                .hosts = m->options->hosts,
                                                .log_name = m->options->books},
                          why);
    m->master_made = m->master_elsewhere && status == STATUS_OK;
    if (status == STATUS_OK)
        status = path_set(config->data_dir, m->books, "", why);
    config->log_map_mib = config->state_map_mib = config->ids_map_mib =
        FIRST_MAP_MIB; /* the server opens them with its own */
    return status == STATUS_OK ? write_books(m->options, config, why) : status;
}

/* Where the configuration is written until all is whole: in the folder that it moves with, else beside its place. */
static enum status place_config(struct making *m, struct fault *why)
{
    const struct init_options *options = m->options;
    const char *slash = strrchr(m->config_file, '/');
    size_t len = slash != NULL ? (size_t)(slash - m->config_file) : 0;
    bool with_keys = len == strlen(options->key_dir) && strncmp(m->config_file, options->key_dir, len) == 0;
    bool with_data = len == strlen(options->data_dir) && strncmp(m->config_file, options->data_dir, len) == 0;
    m->config_beside = len == 0 || (!with_keys && !with_data);
    if (!m->config_beside)
        return path_set(m->config_fresh, with_keys ? m->keys.path : m->books, slash + 1, why);
    int written =
        snprintf(m->config_fresh, sizeof m->config_fresh, "%s.init-%ld", m->config_file, (long)getpid());
    return written < CONFIG_PATH_MAX ? STATUS_OK : fault_set(why, STATUS_INVALID, "config", "a shorter path");
}

/* Names the places where things will be. */
static enum status write_config(struct making *m, struct fault *why)
{
    const struct init_options *options = m->options;
    FILE *file = fopen(m->config_fresh, "wxe"); /* never over one that is there */
    if (file == NULL)
        return fault_set(why, STATUS_IO, "config", "%s: %s", m->config_file, strerror(errno));
    fprintf(
        file,
        "# Made by daftarid init. `daftarid --config %s --print-config` shows every key and its meaning.\n",
        m->config_file);
    fprintf(file, "data_dir = \"%s\"\nkey_dir = \"%s\"\nmaster_key_file = \"%s\"\n", options->data_dir,
            options->key_dir, m->master);
    bool good = fflush(file) == 0 && fsync(fileno(file)) == 0;
    good = fclose(file) == 0 && good;
    return good ? STATUS_OK : fault_set(why, STATUS_IO, "config", "%s: %s", m->config_file, strerror(errno));
}

/* A link, which is never made over a file that is there; where the file system has none, a renaming. */
static enum status move_config(const struct making *m, struct fault *why)
{
    if (!m->config_beside || link(m->config_fresh, m->config_file) == 0)
        return STATUS_OK;
    if (errno != EEXIST && rename(m->config_fresh, m->config_file) == 0)
        return STATUS_OK;
    return fault_set(why, STATUS_IO, "config", "%s: %s", m->config_file, strerror(errno));
}

/* Keys first: books without the key that opens them would be worse than keys without books. */
static enum status move_all(struct making *m, struct fault *why)
{
    bool whole = access(m->options->key_dir, F_OK) != 0;
    enum status status = staging_move(m->keys.path, m->options->key_dir, why);
    if (status != STATUS_OK)
        return status;
    status = staging_move(m->books, m->options->data_dir, why);
    if (status != STATUS_OK && whole)
        (void)rename(m->options->key_dir, m->keys.path); /* and from there it is removed */
    return status == STATUS_OK ? move_config(m, why) : status;
}

/* The unit's server is another user, who must own what it writes; started by hand as root it would not. */
static void say_what_next(const struct making *m)
{
    const struct init_options *options = m->options;
    printf("New books in %s.\n"
           "Keys in %s: keep a copy of %s in another place; without it nobody can read the books.\n",
           options->data_dir, options->key_dir, m->master);
    if (strcmp(m->config_file, UNIT_CONFIG_FILE) == 0)
        printf("Start the server:  chown -R daftari: %s %s && systemctl enable --now daftarid\n",
               options->data_dir, options->key_dir);
    else
        printf("Start the server:  daftarid --config %s\n", m->config_file);
    printf("Log in:            daftari log-in --email %s   (with DAFTARI_CA=%s/ca.crt, or a copy of it)\n",
           options->owner_email, options->key_dir);
}

static enum status run_init(const struct init_options *options, struct fault *why)
{
    struct making m = {.options = options, .config = config_new()};
    if (m.config == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    enum status status = find_places(&m, why);
    if (status == STATUS_OK) {
        status = make_all(&m, why);
        if (status == STATUS_OK)
            status = place_config(&m, why);
        if (status == STATUS_OK)
            status = write_config(&m, why);
        if (status == STATUS_OK)
            status = move_all(&m, why);
        if (m.config_beside)
            (void)unlink(m.config_fresh);
        staging_remove(&m.keys);
        staging_remove(&m.data);
        if (status != STATUS_OK && m.master_made)
            (void)unlink(m.master);
    }
    if (status == STATUS_OK)
        say_what_next(&m);
    config_free(m.config);
    return status;
}

/* ---- command line --------------------------------------------------------------------------------------------- */

enum {
    OPT_DATA = 256,
    OPT_KEYS,
    OPT_MASTER,
    OPT_CONFIG,
    OPT_EMAIL,
    OPT_NAME,
    OPT_PHONE,
    OPT_PASSWORD,
    OPT_BOOKS,
    OPT_CURRENCY,
    OPT_SCALE,
    OPT_SYMBOL,
    OPT_OFFSET,
    OPT_FIRST,
    OPT_FISCAL,
    OPT_HOSTS,
    OPT_HELP,
};

static const struct option long_options[] = {
    {"data", 1, NULL, OPT_DATA},         {"keys", 1, NULL, OPT_KEYS},
    {"master-key", 1, NULL, OPT_MASTER}, {"config", 1, NULL, OPT_CONFIG},
    {"owner-email", 1, NULL, OPT_EMAIL}, {"owner-name", 1, NULL, OPT_NAME},
    {"owner-phone", 1, NULL, OPT_PHONE}, {"password-file", 1, NULL, OPT_PASSWORD},
    {"books", 1, NULL, OPT_BOOKS},       {"currency", 1, NULL, OPT_CURRENCY},
    {"scale", 1, NULL, OPT_SCALE},       {"symbol", 1, NULL, OPT_SYMBOL},
    {"utc-offset", 1, NULL, OPT_OFFSET}, {"first-date", 1, NULL, OPT_FIRST},
    {"hosts", 1, NULL, OPT_HOSTS},       {"fiscal-year-start", 1, NULL, OPT_FISCAL},
    {"help", 0, NULL, OPT_HELP},         {NULL, 0, NULL, 0},
};

/* False: not an option, or a value of the wrong form (said on standard error). */
static bool take_option(struct init_options *options, int option, const char *value)
{
    const char **const texts[] = {
        [OPT_DATA - 256] = &options->data_dir,
        [OPT_KEYS - 256] = &options->key_dir,
        [OPT_MASTER - 256] = &options->master_key_file,
        [OPT_CONFIG - 256] = &options->config_path,
        [OPT_EMAIL - 256] = &options->owner_email,
        [OPT_NAME - 256] = &options->owner_name,
        [OPT_PHONE - 256] = &options->owner_phone,
        [OPT_PASSWORD - 256] = &options->password_file,
        [OPT_BOOKS - 256] = &options->books,
        [OPT_CURRENCY - 256] = &options->currency,
        [OPT_SYMBOL - 256] = &options->symbol,
        [OPT_OFFSET - 256] = &options->utc_offset,
        [OPT_FIRST - 256] = &options->first_date,
        [OPT_FISCAL - 256] = &options->fiscal_year_start,
        [OPT_HOSTS - 256] = &options->hosts,
    };
    if (option == OPT_SCALE) {
        if (number_parse(slice_text(value), 0, CURRENCY_SCALE_MAX, &options->scale))
            return true;
        fprintf(stderr, "daftarid init: --scale takes 0 to %d\n", CURRENCY_SCALE_MAX);
        return false;
    }
    if (option < 256 || option - 256 >= (int)(sizeof texts / sizeof *texts) || texts[option - 256] == NULL)
        return false;
    *texts[option - 256] = value;
    return true;
}

int init_main(int argc, char **argv)
{
    struct init_options options = {.books = "Books",
                                   .currency = "KES",
                                   .symbol = "",
                                   .scale = 2,
                                   .utc_offset = "+03:00",
                                   .first_date = "2000-01-01",
                                   .fiscal_year_start = "01-01",
                                   .hosts = "",
                                   .owner_phone = ""};
    struct fault why = {0};
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == OPT_HELP) {
            usage(stdout);
            return 0;
        }
        if (!take_option(&options, option, optarg))
            return EXIT_USAGE;
    }
    if (optind != argc || options.data_dir == NULL || options.key_dir == NULL ||
        options.owner_email == NULL || options.owner_name == NULL || options.password_file == NULL) {
        usage(stderr);
        return EXIT_USAGE;
    }
    enum status status = run_init(&options, &why);
    if (status != STATUS_OK)
        fprintf(stderr, "daftarid init: %s%s%s (%s)\n", why.field, why.field[0] != '\0' ? ": " : "", why.text,
                status_text(status));
    return status == STATUS_OK ? 0 : 1;
}
