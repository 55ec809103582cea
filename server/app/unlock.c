#include "server/app/unlock.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "people.pb-c.h"
#include "server/app/offline.h"
#include "server/base/secret.h"
#include "server/base/system.h"
#include "server/domain/people/user_row.h"

#define EXIT_USAGE 2

struct unlock_options {
    const char *config_path, *email, *password_file;
};

static void usage(FILE *to)
{
    fputs("usage: daftarid unlock --config FILE --email E [--password-file F]\n"
          "\nFor who controls this machine, while no server runs on the books: unlocks a user whom wrong "
          "passwords have\n"
          "locked, and sets a new password when a file is given (which ends his open sessions). Both are "
          "records.\n\n"
          "  --config FILE          the server's configuration (default /etc/daftari/daftari.conf)\n"
          "  --email E              the user's log-in name\n"
          "  --password-file F      first line is his new password; - reads standard input\n"
          "\nExit: 0 done, 1 failed, 2 usage.\n",
          to);
}

static enum status find_user(struct offline *books, const char *email, struct user_row *out,
                             struct fault *why)
{
    struct kv_txn *state;
    enum status status = kv_begin(books->stores.state, false, &state);
    if (status != STATUS_OK)
        return fault_set(why, status, NULL, "core state cannot be read");
    uint32_t user = user_by_email(state, email);
    bool found = user != 0 && user_row_get(state, user, out);
    kv_abort(state);
    if (!found)
        return fault_set(why, STATUS_NOT_FOUND, "email", "nobody has the e-mail %s", email);
    return STATUS_OK;
}

static enum status set_password(struct offline *books, uint32_t user, const char *path, struct fault *why)
{
    char password[PASSWORD_BYTES_MAX + 8];
    uint8_t salt[SECRET_SALT_BYTES], hash[SECRET_HASH_BYTES];
    enum status status = offline_read_password(path, password, sizeof password, why);
    if (status != STATUS_OK)
        return status;
    status = entropy_fill(&system_entropy, salt, sizeof salt);
    if (status == STATUS_OK)
        status = secret_scrypt(slice_text(password), salt, hash);
    secret_wipe(password, sizeof password);
    if (status != STATUS_OK)
        return fault_set(why, status, NULL, "the password cannot be hashed");
    Daftari__V1__PasswordSet change = DAFTARI__V1__PASSWORD_SET__INIT;
    change.has_user = change.has_password_salt = change.has_password_hash = 1;
    change.user = user;
    change.password_salt = (ProtobufCBinaryData){.len = sizeof salt, .data = salt};
    change.password_hash = (ProtobufCBinaryData){.len = sizeof hash, .data = hash};
    return offline_run(books, "internal.SetPassword", &change.base, why);
}

static enum status unlock(struct offline *books, const struct unlock_options *options, struct fault *why)
{
    struct user_row row;
    Daftari__V1__UnlockUser request = DAFTARI__V1__UNLOCK_USER__INIT;
    request.email = (char *)options->email;
    enum status status = find_user(books, options->email, &row, why);
    bool locked = status == STATUS_OK && (row.flags & USER_LOCKED) != 0;
    if (status == STATUS_OK && !locked && options->password_file == NULL)
        printf("%s is not locked.\n", options->email);
    if (status == STATUS_OK && options->password_file != NULL) {
        status = set_password(books, row.user, options->password_file, why);
        if (status == STATUS_OK)
            printf("%s has a new password.\n", options->email);
    }
    if (status == STATUS_OK && locked) {
        status = offline_run(books, "User.Unlock", &request.base, why);
        if (status == STATUS_OK)
            printf("%s is unlocked.\n", options->email);
    }
    return status;
}

static int run(const struct unlock_options *options)
{
    struct fault why = {0};
    struct offline books;
    struct config *config = config_new();
    if (config == NULL)
        return 1;
    enum status status = config_read(config, options->config_path, stderr);
    if (status != STATUS_OK) {
        config_free(config);
        return 1;
    }
    status = domain_check(&why);
    if (status == STATUS_OK)
        status = offline_open(config, false, "daftarid unlock", &books, &why);
    if (status == STATUS_OK) {
        status = unlock(&books, options, &why);
        offline_close(&books, true);
    }
    if (status != STATUS_OK)
        fprintf(stderr, "daftarid unlock: %s%s%s\n", why.field, why.field[0] != '\0' ? ": " : "",
                why.text[0] != '\0' ? why.text : status_text(status));
    config_free(config);
    return status == STATUS_OK ? 0 : 1;
}

enum { OPT_CONFIG = 256, OPT_EMAIL, OPT_PASSWORD, OPT_HELP };

static const struct option long_options[] = {
    {"config", 1, NULL, OPT_CONFIG},
    {"email", 1, NULL, OPT_EMAIL},
    {"password-file", 1, NULL, OPT_PASSWORD},
    {"help", 0, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

int unlock_main(int argc, char **argv)
{
    struct unlock_options options = {.config_path = "/etc/daftari/daftari.conf"};
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (option) {
        case OPT_CONFIG:
            options.config_path = optarg;
            break;
        case OPT_EMAIL:
            options.email = optarg;
            break;
        case OPT_PASSWORD:
            options.password_file = optarg;
            break;
        case OPT_HELP:
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind != argc || options.email == NULL) {
        usage(stderr);
        return EXIT_USAGE;
    }
    return run(&options);
}
