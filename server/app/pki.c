#include "server/app/pki.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/bytes.h"
#include "proto/base/text.h"

#define CA_DAYS       7300 /* twenty years: clients keep it */
#define SERVER_DAYS   825
#define CLIENT_DAYS   825
#define BACKDATE_S    3600 /* clocks of clients differ */
#define SERIAL_BYTES  16
#define HOSTS_MAX     32u
#define SAN_BYTES     8192
#define FILE_BYTES    16384
#define LOG_KEY_BYTES (1 + NOTE_KEY_BYTES)
#define ED25519       1
#define FINGERPRINT   NET_FINGERPRINT_BYTES

/* ---- files ---- */

static enum status path_join(const char *dir, const char *name, char out[NET_PATH_MAX], struct fault *why)
{
    int len = snprintf(out, NET_PATH_MAX, "%s/%s", dir, name);
    if (len < 0 || len >= NET_PATH_MAX)
        return fault_set(why, STATUS_INVALID, "key_dir", "a shorter path");
    return STATUS_OK;
}

static enum status io_fault(struct fault *why, const char *path, const char *doing)
{
    return fault_set(why, STATUS_IO, NULL, "%s: %s: %s", path, doing, strerrordesc_np(errno));
}

static enum status folder_sync_of(const char *path, struct fault *why)
{
    char folder[NET_PATH_MAX];
    const char *slash = strrchr(path, '/');
    int len = slash == NULL ? snprintf(folder, sizeof folder, ".")
                            : snprintf(folder, sizeof folder, "%.*s", (int)(slash - path + 1), path);
    if (len < 0 || len >= NET_PATH_MAX)
        return fault_set(why, STATUS_INVALID, NULL, "a shorter path");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        enum status status = io_fault(why, folder, "cannot be synced");
        if (fd >= 0)
            close(fd);
        return status;
    }
    close(fd);
    return STATUS_OK;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len != 0) {
        ssize_t written = write(fd, bytes, len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        len -= (size_t)written;
    }
    return true;
}

/* Beside (under a name that nobody has), synced, renamed. Without `replace` a file that is there stays and is a fault. */
static enum status file_write(const char *path, const char *bytes, size_t len, mode_t mode, bool replace,
                              struct fault *why)
{
    char beside[NET_PATH_MAX];
    if (snprintf(beside, sizeof beside, "%s.XXXXXX", path) >= NET_PATH_MAX)
        return fault_set(why, STATUS_INVALID, NULL, "a shorter path than %s", path);
    if (!replace && access(path, F_OK) == 0)
        return fault_set(why, STATUS_INVALID, NULL, "%s is there already", path);
    int fd = mkostemp(beside, O_CLOEXEC); /* for the owner alone */
    if (fd < 0)
        return io_fault(why, beside, "cannot be made");
    bool good = fchmod(fd, mode) == 0 && write_all(fd, bytes, len) && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    good = good && (replace ? rename(beside, path) == 0 : link(beside, path) == 0 && unlink(beside) == 0);
    if (!good) {
        enum status status = io_fault(why, path, "cannot be written");
        (void)unlink(beside);
        return status;
    }
    return folder_sync_of(path, why);
}

static enum status bio_write(const char *path, BIO *bio, mode_t mode, bool replace, struct fault *why)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    return file_write(path, bytes, (size_t)len, mode, replace, why);
}

/* ---- certificates ---- */

static enum status crypto_fault(struct fault *why, const char *doing)
{
    char text[160];
    ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
    ERR_clear_error();
    return fault_set(why, STATUS_INTERNAL, NULL, "%s: %s", doing, text);
}

static bool extension_add(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool good = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

static bool serial_set(X509 *certificate)
{
    uint8_t bytes[SERIAL_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, and always of this length */
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool good = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return good;
}

struct authority {
    X509 *certificate;
    EVP_PKEY *key;
};

static void authority_done(struct authority *authority)
{
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
}

struct profile {
    const char *name; /* common name */
    int days;
    const char *constraints, *key_usage, *extended_usage, *alternative_names; /* NULL = none */
};

/* A certificate for `key`, signed by `issuer` (NULL: by itself). NULL when libcrypto fails. */
static X509 *certificate_make(const struct profile *profile, EVP_PKEY *key, const struct authority *issuer)
{
    X509 *made = X509_new();
    if (made == NULL)
        return NULL;
    X509 *signer = issuer != NULL ? issuer->certificate : made;
    time_t now = time(NULL);
    X509_NAME *subject = X509_get_subject_name(made);
    bool good = X509_set_version(made, X509_VERSION_3) == 1 && serial_set(made) &&
                X509_time_adj_ex(X509_getm_notBefore(made), 0, -BACKDATE_S, &now) != NULL &&
                X509_time_adj_ex(X509_getm_notAfter(made), profile->days, 0, &now) != NULL &&
                X509_NAME_add_entry_by_NID(subject, NID_organizationName, MBSTRING_UTF8,
                                           (const uint8_t *)"Daftari", -1, -1, 0) == 1 &&
                X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                           (const uint8_t *)profile->name, -1, -1, 0) == 1 &&
                X509_set_issuer_name(made, X509_get_subject_name(signer)) == 1 &&
                X509_set_pubkey(made, key) == 1 &&
                extension_add(made, signer, NID_basic_constraints, profile->constraints) &&
                extension_add(made, signer, NID_key_usage, profile->key_usage) &&
                extension_add(made, signer, NID_subject_key_identifier, "hash") &&
                extension_add(made, signer, NID_authority_key_identifier, "keyid:always") &&
                (profile->extended_usage == NULL ||
                 extension_add(made, signer, NID_ext_key_usage, profile->extended_usage)) &&
                (profile->alternative_names == NULL ||
                 extension_add(made, signer, NID_subject_alt_name, profile->alternative_names)) &&
                X509_sign(made, issuer != NULL ? issuer->key : key, EVP_sha256()) != 0;
    if (good)
        return made;
    X509_free(made);
    return NULL;
}

static enum status authority_make(const char *key_dir, struct authority *out, struct fault *why)
{
    char path[NET_PATH_MAX];
    const struct profile profile = {.name = "Daftari CA",
                                    .days = CA_DAYS,
                                    .constraints = "critical,CA:TRUE,pathlen:0",
                                    .key_usage = "critical,keyCertSign,cRLSign"};
    struct authority made = {.key = EVP_EC_gen("P-256")};
    if (made.key != NULL)
        made.certificate = certificate_make(&profile, made.key, NULL);
    BIO *key_text = BIO_new(BIO_s_secmem()), *text = BIO_new(BIO_s_mem());
    enum status status = STATUS_OK;
    if (made.certificate == NULL || key_text == NULL || text == NULL ||
        PEM_write_bio_PrivateKey(key_text, made.key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_X509(text, made.certificate) != 1)
        status = crypto_fault(why, "the CA cannot be made");
    if (status == STATUS_OK)
        status = path_join(key_dir, "ca.key", path, why);
    if (status == STATUS_OK)
        status = bio_write(path, key_text, 0600, false, why);
    if (status == STATUS_OK)
        status = path_join(key_dir, "ca.crt", path, why);
    if (status == STATUS_OK)
        status = bio_write(path, text, 0644, false, why);
    BIO_free(key_text);
    BIO_free(text);
    if (status == STATUS_OK)
        *out = made;
    else
        authority_done(&made);
    return status;
}

static enum status authority_read(const char *key_dir, struct authority *out, struct fault *why)
{
    char path[NET_PATH_MAX];
    struct authority read = {0};
    enum status status = path_join(key_dir, "ca.crt", path, why);
    BIO *bio = NULL;
    if (status == STATUS_OK) {
        bio = BIO_new_file(path, "r");
        read.certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
        BIO_free(bio);
        status = read.certificate != NULL ? path_join(key_dir, "ca.key", path, why) : crypto_fault(why, path);
    }
    if (status == STATUS_OK) {
        bio = BIO_new_file(path, "r");
        read.key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
        BIO_free(bio);
        if (read.key == NULL || X509_check_private_key(read.certificate, read.key) != 1)
            status = crypto_fault(why, path);
    }
    if (status == STATUS_OK)
        *out = read;
    else
        authority_done(&read);
    return status;
}

/* A certificate and its new key in one file. */
static enum status leaf_make(const struct authority *authority, const struct profile *profile,
                             const char *path, bool replace, uint8_t out_fingerprint[FINGERPRINT],
                             struct fault *why)
{
    unsigned len = 0;
    enum status status = STATUS_OK;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key != NULL ? certificate_make(profile, key, authority) : NULL;
    BIO *text = BIO_new(BIO_s_secmem());
    if (certificate == NULL || text == NULL || PEM_write_bio_X509(text, certificate) != 1 ||
        PEM_write_bio_PrivateKey(text, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        (out_fingerprint != NULL && X509_digest(certificate, EVP_sha256(), out_fingerprint, &len) != 1))
        status = crypto_fault(why, "the certificate cannot be made");
    if (status == STATUS_OK)
        status = bio_write(path, text, 0600, replace, why);
    BIO_free(text);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return status;
}

/* ---- names ---- */

static bool name_good(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)name[i]) && strchr("-._*", name[i]) == NULL)
            return false;
    return len != 0 && len <= 253;
}

/* "DNS:localhost,IP:127.0.0.1,..." of a list of names and addresses. */
static enum status alternative_names(const char *hosts, char out[SAN_BYTES], struct fault *why)
{
    uint8_t address[16];
    size_t used = (size_t)snprintf(out, SAN_BYTES, "DNS:localhost,IP:127.0.0.1,IP:::1");
    const char *at = hosts != NULL ? hosts : "";
    for (unsigned count = 0; *at != '\0'; count++) {
        char host[256];
        size_t len = strcspn(at, ",");
        if (len >= sizeof host || count >= HOSTS_MAX)
            return fault_set(why, STATUS_INVALID, "hosts", "at most %u names of at most 253 bytes",
                             HOSTS_MAX);
        memcpy(host, at, len);
        host[len] = '\0';
        at += len + (at[len] == ',' ? 1 : 0);
        bool numeric = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
        if (!numeric && !name_good(host))
            return fault_set(why, STATUS_INVALID, "hosts",
                             "names or addresses separated by commas, without spaces; got \"%.100s\"", host);
        int more = snprintf(out + used, SAN_BYTES - used, ",%s:%s", numeric ? "IP" : "DNS", host);
        if (more < 0 || (size_t)more >= SAN_BYTES - used)
            return fault_set(why, STATUS_INVALID, "hosts", "fewer names");
        used += (size_t)more;
    }
    return STATUS_OK;
}

static enum status server_make(const struct authority *authority, const char *key_dir, const char *hosts,
                               bool replace, struct fault *why)
{
    char path[NET_PATH_MAX], names[SAN_BYTES];
    const struct profile profile = {.name = "Daftari server",
                                    .days = SERVER_DAYS,
                                    .constraints = "critical,CA:FALSE",
                                    .key_usage = "critical,digitalSignature",
                                    .extended_usage = "serverAuth",
                                    .alternative_names = names};
    enum status status = alternative_names(hosts, names, why);
    if (status == STATUS_OK)
        status = path_join(key_dir, "server.pem", path, why);
    return status == STATUS_OK ? leaf_make(authority, &profile, path, replace, NULL, why) : status;
}

enum status pki_renew_server(const char *key_dir, const char *hosts, struct fault *why)
{
    struct authority authority;
    enum status status = authority_read(key_dir, &authority, why);
    if (status != STATUS_OK)
        return status;
    status = server_make(&authority, key_dir, hosts, true, why);
    authority_done(&authority);
    return status;
}

enum status pki_make_client(const char *key_dir, const char *email, const char *file,
                            uint8_t out_fingerprint[FINGERPRINT], struct fault *why)
{
    struct authority authority;
    size_t len = strlen(email);
    if (len == 0 || len > 64 || !text_valid(slice_of(email, len))) /* ub-common-name of RFC 5280 */
        return fault_set(why, STATUS_INVALID, "email", "text of 1 to 64 bytes");
    const struct profile profile = {.name = email,
                                    .days = CLIENT_DAYS,
                                    .constraints = "critical,CA:FALSE",
                                    .key_usage = "critical,digitalSignature",
                                    .extended_usage = "clientAuth"};
    enum status status = authority_read(key_dir, &authority, why);
    if (status != STATUS_OK)
        return status;
    status = leaf_make(&authority, &profile, file, false, out_fingerprint, why);
    authority_done(&authority);
    return status;
}

/* ---- the log's key and the master key ---- */

/* "daftari/mama-pima-1f2e3d4c": what the books are called, in letters that a log's name may have, and some chance, so
 * that two logs never share a name. */
static enum status log_name_make(const char *books, char out[NOTE_NAME_MAX], struct fault *why)
{
    uint8_t chance[4];
    char hex[HEX_TEXT_LEN(sizeof chance)];
    if (RAND_bytes(chance, sizeof chance) != 1)
        return crypto_fault(why, "no random bytes");
    hex_format(chance, sizeof chance, hex);
    size_t used = (size_t)snprintf(out, NOTE_NAME_MAX, "daftari/");
    bool dash = true;
    for (const char *at = books != NULL ? books : ""; *at != '\0' && used < 80; at++) {
        bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');
        if (plain)
            out[used++] = (char)tolower((unsigned char)*at);
        else if (!dash)
            out[used++] = '-';
        dash = !plain;
    }
    (void)snprintf(out + used, NOTE_NAME_MAX - used, "%s%s", dash ? "" : "-", hex);
    return STATUS_OK;
}

static enum status log_key_make(const char *key_dir, const char *books, struct fault *why)
{
    char path[NET_PATH_MAX], name[NOTE_NAME_MAX], text[NOTE_VKEY_MAX + 64], encoded[2 * LOG_KEY_BYTES];
    uint8_t key[LOG_KEY_BYTES] = {ED25519};
    struct note_signer signer;
    if (RAND_priv_bytes(key + 1, NOTE_KEY_BYTES) != 1)
        return crypto_fault(why, "no random bytes");
    enum status status = log_name_make(books, name, why);
    if (status == STATUS_OK)
        status = note_signer_from_seed(name, key + 1, &signer);
    if (status == STATUS_OK && !base64_format(slice_of(key, sizeof key), encoded, sizeof encoded))
        status = STATUS_INTERNAL;
    if (status == STATUS_OK)
        status = path_join(key_dir, "log.key", path, why);
    if (status == STATUS_OK) {
        int len = snprintf(text, sizeof text, "PRIVATE+KEY+%s+%08x+%s\n", name, signer.key_id, encoded);
        status = file_write(path, text, (size_t)len, 0600, false, why);
    }
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(text, sizeof text);
    OPENSSL_cleanse(encoded, sizeof encoded);
    OPENSSL_cleanse(&signer, sizeof signer);
    return status;
}

/* "PRIVATE+KEY+name+id+base64": the name holds no plus, base64 may. */
static bool log_key_parse(struct slice text, struct note_signer *out)
{
    static const char begin[] = "PRIVATE+KEY+";
    char name[NOTE_NAME_MAX];
    uint8_t key[LOG_KEY_BYTES], id[4];
    size_t key_len = 0;
    if (text.len != 0 && text.ptr[text.len - 1] == '\n')
        text.len--;
    if (!slice_starts_with(text, slice_text(begin)))
        return false;
    text = slice_of(text.ptr + sizeof begin - 1, text.len - (sizeof begin - 1));
    const uint8_t *plus = text.len != 0 ? memchr(text.ptr, '+', text.len) : NULL;
    size_t name_len = plus != NULL ? (size_t)(plus - text.ptr) : 0;
    if (name_len == 0 || name_len >= sizeof name || text.len < name_len + 10 || plus[9] != '+')
        return false;
    memcpy(name, text.ptr, name_len);
    name[name_len] = '\0';
    bool good = hex_parse(slice_of(plus + 1, 8), id, sizeof id) &&
                base64_parse(slice_of(plus + 10, text.len - name_len - 10), key, sizeof key, &key_len) &&
                key_len == sizeof key && key[0] == ED25519 &&
                note_signer_from_seed(name, key + 1, out) == STATUS_OK && out->key_id == be32_get(id);
    OPENSSL_cleanse(key, sizeof key);
    return good;
}

enum status pki_log_signer(const struct config *config, struct note_signer *out, struct fault *why)
{
    char path[NET_PATH_MAX], text[NOTE_VKEY_MAX + 64];
    enum status status = path_join(config->key_dir, "log.key", path, why);
    if (status != STATUS_OK)
        return status;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return io_fault(why, path, "cannot be opened");
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    if (!log_key_parse(slice_of(text, len), out))
        status = fault_set(why, STATUS_INVALID, "key_dir", "%s is no log signing key", path);
    OPENSSL_cleanse(text, sizeof text);
    return status;
}

static enum status master_key_make(const char *path, struct fault *why)
{
    uint8_t key[32];
    char text[HEX_TEXT_LEN(sizeof key) + 1];
    if (access(path, F_OK) == 0)
        return STATUS_OK; /* the keyring checks it when it opens it */
    if (RAND_priv_bytes(key, sizeof key) != 1)
        return crypto_fault(why, "no random bytes");
    hex_format(key, sizeof key, text);
    text[2 * sizeof key] = '\n';
    enum status status = file_write(path, text, 2 * sizeof key + 1, 0600, false, why);
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(text, sizeof text);
    return status;
}

/* ---- the whole ---- */

enum status pki_check_absent(const char *key_dir, struct fault *why)
{
    static const char *const names[] = {"ca.crt", "ca.key", "server.pem", "log.key"};
    char path[NET_PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        enum status status = path_join(key_dir, names[i], path, why);
        if (status != STATUS_OK)
            return status;
        if (access(path, F_OK) == 0)
            return fault_set(why, STATUS_INVALID, "key_dir", "a folder without keys; %s is there already",
                             path);
    }
    return STATUS_OK;
}

enum status pki_make(const struct pki_options *options, struct fault *why)
{
    char unused[SAN_BYTES];
    struct authority authority;
    enum status status = alternative_names(options->hosts, unused, why);
    if (status != STATUS_OK)
        return status;
    if (mkdir(options->key_dir, 0700) != 0 && errno != EEXIST)
        return io_fault(why, options->key_dir, "cannot be made");
    status = pki_check_absent(options->key_dir, why);
    if (status != STATUS_OK)
        return status;
    status = authority_make(options->key_dir, &authority, why);
    if (status != STATUS_OK)
        return status;
    status = server_make(&authority, options->key_dir, options->hosts, false, why);
    authority_done(&authority);
    if (status == STATUS_OK)
        status = log_key_make(options->key_dir, options->log_name, why);
    if (status == STATUS_OK)
        status = master_key_make(options->master_key_file, why);
    return status == STATUS_OK ? folder_sync_of(options->key_dir, why) : status;
}

void pki_server_files(const struct config *config, struct net_tls *out)
{
    *out = (struct net_tls){0};
    /* Texts that were cut cannot be opened, and the fault names them. */
    (void)path_join(config->key_dir, "server.pem", out->certificate_file, NULL);
    (void)path_join(config->key_dir, "server.pem", out->key_file, NULL);
    (void)path_join(config->key_dir, "ca.crt", out->client_ca_file, NULL);
    if (access(out->client_ca_file, R_OK) != 0)
        out->client_ca_file[0] = '\0';
}

/* ---- command line ---- */

static int pki_usage(FILE *to, int code)
{
    fputs(
        "usage: daftarid certificate server --keys DIR [--hosts NAMES]\n"
        "       daftarid certificate client --keys DIR --email E --file FILE\n"
        "\n"
        "server  makes a new server certificate and key in DIR/server.pem; then reload the server (SIGHUP).\n"
        "        NAMES are its names and addresses, separated by commas, besides localhost.\n"
        "client  makes a certificate with its key in FILE and prints its fingerprint, with which the user "
        "is\n"
        "        enrolled: daftari user enroll-certificate --email E --fingerprint HEX\n"
        "\nExit: 0 done, 1 failed, 2 usage.\n",
        to);
    return code;
}

struct pki_arguments {
    const char *keys, *hosts, *email, *file;
};

static bool arguments_take(int argc, char **argv, struct pki_arguments *out)
{
    for (int i = 2; i < argc; i += 2) {
        const char **to = strcmp(argv[i], "--keys") == 0    ? &out->keys
                          : strcmp(argv[i], "--hosts") == 0 ? &out->hosts
                          : strcmp(argv[i], "--email") == 0 ? &out->email
                          : strcmp(argv[i], "--file") == 0  ? &out->file
                                                            : NULL;
        if (to == NULL || *to != NULL || i + 1 >= argc)
            return false;
        *to = argv[i + 1];
    }
    return out->keys != NULL;
}

int pki_main(int argc, char **argv)
{
    struct pki_arguments given = {0};
    struct fault why = {0};
    enum status status;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return pki_usage(stdout, 0);
    if (argc < 2 || !arguments_take(argc, argv, &given))
        return pki_usage(stderr, 2);
    if (strcmp(argv[1], "server") == 0 && given.email == NULL && given.file == NULL) {
        status = pki_renew_server(given.keys, given.hosts, &why);
    } else if (strcmp(argv[1], "client") == 0 && given.email != NULL && given.file != NULL &&
               given.hosts == NULL) {
        uint8_t fingerprint[FINGERPRINT] = {0};
        char hex[HEX_TEXT_LEN(FINGERPRINT)];
        status = pki_make_client(given.keys, given.email, given.file, fingerprint, &why);
        hex_format(fingerprint, sizeof fingerprint, hex);
        if (status == STATUS_OK)
            printf("%s\n", hex);
    } else {
        return pki_usage(stderr, 2);
    }
    if (status != STATUS_OK)
        fprintf(stderr, "daftarid certificate: %s%s%s\n", why.field, why.field[0] != '\0' ? ": " : "",
                why.text);
    return status == STATUS_OK ? 0 : 1;
}
