/* server/app/pki: the key folder holds what libcrypto's own verifier accepts, nothing is overwritten, modes are tight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/text.h"
#include "server/app/pki.h"

static const char *const names[] = {"ca.crt",     "ca.key",     "server.pem",     "log.key",
                                    "master-key", "client.pem", "client.pem.new", "server.pem.new"};

struct folder {
    char path[64];
    char master[96];
};

static char *in(const struct folder *folder, const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", folder->path, name);
    return out;
}

static int folder_setup(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    assert_non_null(folder);
    snprintf(folder->path, sizeof folder->path, "/tmp/t_pki.XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->master, sizeof folder->master, "%s/master-key", folder->path);
    struct fault why = {0};
    struct pki_options options = {.key_dir = folder->path,
                                  .master_key_file = folder->master,
                                  .hosts = "books.example,192.0.2.7,2001:db8::1",
                                  .log_name = "Mama Pima & Sons"};
    if (pki_make(&options, &why) != STATUS_OK)
        fail_msg("%s", why.text);
    *state = folder;
    return 0;
}

static int folder_teardown(void **state)
{
    struct folder *folder = *state;
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unlink(in(folder, names[i], path));
    assert_int_equal(rmdir(folder->path), 0); /* nothing else was left */
    free(folder);
    return 0;
}

static X509 *certificate_read(const char *path)
{
    BIO *bio = BIO_new_file(path, "r");
    assert_non_null(bio);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    assert_non_null(certificate);
    BIO_free(bio);
    return certificate;
}

/* As `openssl verify -x509_strict -CAfile ca.crt -purpose ... FILE`; 0 or the error. */
static int verify(const struct folder *folder, const char *name, int purpose)
{
    char path[128];
    X509 *ca = certificate_read(in(folder, "ca.crt", path)), *leaf = certificate_read(in(folder, name, path));
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    assert_non_null(context);
    assert_int_equal(X509_STORE_add_cert(store, ca), 1);
    assert_int_equal(X509_STORE_CTX_init(context, store, leaf, NULL), 1);
    X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context), X509_V_FLAG_X509_STRICT);
    assert_int_equal(X509_STORE_CTX_set_purpose(context, purpose), 1);
    int error = X509_verify_cert(context) == 1 ? 0 : X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    X509_free(ca);
    X509_free(leaf);
    return error;
}

static void certificates_hold(void **state)
{
    const struct folder *folder = *state;
    char path[128];
    assert_int_equal(verify(folder, "server.pem", X509_PURPOSE_SSL_SERVER), 0);
    assert_int_not_equal(verify(folder, "server.pem", X509_PURPOSE_SSL_CLIENT), 0);
    X509 *server = certificate_read(in(folder, "server.pem", path));
    static const char *const hosts[] = {"localhost", "books.example"};
    static const char *const addresses[] = {"127.0.0.1", "::1", "192.0.2.7", "2001:db8::1"};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(X509_check_host(server, hosts[i], 0, 0, NULL), 1);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(X509_check_ip_asc(server, addresses[i], 0), 1);
    assert_int_equal(X509_check_host(server, "other.example", 0, 0, NULL), 0);
    X509_free(server);
}

static void a_client_certificate_holds(void **state)
{
    const struct folder *folder = *state;
    char path[128];
    uint8_t given[NET_FINGERPRINT_BYTES], real[NET_FINGERPRINT_BYTES];
    unsigned len = 0;
    struct fault why = {0};
    in(folder, "client.pem", path);
    assert_int_equal(pki_make_client(folder->path, "amina@example.com", path, given, &why), STATUS_OK);
    assert_int_equal(verify(folder, "client.pem", X509_PURPOSE_SSL_CLIENT), 0);
    assert_int_not_equal(verify(folder, "client.pem", X509_PURPOSE_SSL_SERVER), 0);
    X509 *client = certificate_read(path);
    assert_int_equal(X509_digest(client, EVP_sha256(), real, &len), 1);
    assert_memory_equal(given, real, sizeof real);
    X509_free(client);
    assert_int_equal(pki_make_client(folder->path, "amina@example.com", path, given, &why), STATUS_INVALID);
    assert_int_equal(pki_make_client(folder->path, "a\nb", path, given, &why), STATUS_INVALID);
}

static void nothing_is_overwritten(void **state)
{
    const struct folder *folder = *state;
    struct fault why = {0};
    struct pki_options again = {.key_dir = folder->path, .master_key_file = folder->master};
    assert_int_equal(pki_make(&again, &why), STATUS_INVALID);
    assert_string_equal(why.field, "key_dir");
}

static void a_renewed_server_is_another(void **state)
{
    const struct folder *folder = *state;
    char path[128];
    struct fault why = {0};
    X509 *before = certificate_read(in(folder, "server.pem", path));
    assert_int_equal(pki_renew_server(folder->path, "new.example", &why), STATUS_OK);
    X509 *after = certificate_read(path);
    assert_int_not_equal(X509_cmp(before, after), 0);
    assert_int_equal(X509_check_host(after, "new.example", 0, 0, NULL), 1);
    assert_int_equal(verify(folder, "server.pem", X509_PURPOSE_SSL_SERVER), 0);
    X509_free(before);
    X509_free(after);
    FILE *other = fopen(in(folder, "server.pem.new", path), "wex"); /* somebody's own, for tomorrow */
    assert_non_null(other);
    assert_true(fputs("mine\n", other) >= 0);
    assert_int_equal(fclose(other), 0);
    assert_int_equal(pki_renew_server(folder->path, "new.example", &why), STATUS_OK);
    other = fopen(path, "re");
    assert_non_null(other);
    char text[8];
    assert_non_null(fgets(text, sizeof text, other));
    assert_string_equal(text, "mine\n");
    fclose(other);
    assert_int_equal(pki_renew_server(folder->path, "a,b c", &why), STATUS_INVALID);
    assert_int_equal(pki_renew_server(folder->path, "a,,b", &why), STATUS_INVALID);
    assert_int_equal(pki_renew_server(folder->path, "a,email:x@y", &why), STATUS_INVALID);
    assert_int_equal(pki_renew_server("/nowhere", "a", &why), STATUS_INTERNAL);
}

static void the_log_key_reads_back(void **state)
{
    const struct folder *folder = *state;
    char path[128], text[256];
    struct config *config = config_new();
    struct note_signer signer;
    struct fault why = {0};
    snprintf(config->key_dir, sizeof config->key_dir, "%s", folder->path);
    assert_int_equal(pki_log_signer(config, &signer, &why), STATUS_OK);
    assert_memory_equal(signer.name, "daftari/mama-pima-sons-", 23);

    FILE *file = fopen(in(folder, "log.key", path), "r+e"); /* another key id: not what the key says */
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    text[len] = '\0';
    char *id = strchr(text + 12, '+');
    assert_non_null(id);
    id[1] = id[1] == '0' ? '1' : '0';
    rewind(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    fclose(file);
    assert_int_equal(pki_log_signer(config, &signer, &why), STATUS_INVALID);
    config_free(config);
}

static void only_the_owner_reads_secrets(void **state)
{
    const struct folder *folder = *state;
    char path[128];
    struct stat st;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(stat(in(folder, names[i], path), &st), 0);
        assert_int_equal(st.st_mode & 07777, i == 0 ? 0644 : 0600);
    }
    uint8_t key[32];
    char text[80];
    FILE *file = fopen(folder->master, "re");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    assert_int_equal(len, 65);
    assert_true(hex_parse(slice_of(text, 64), key, sizeof key));
}

static void the_server_finds_its_files(void **state)
{
    const struct folder *folder = *state;
    struct config *config = config_new();
    struct net_tls tls;
    snprintf(config->key_dir, sizeof config->key_dir, "%s", folder->path);
    pki_server_files(config, &tls);
    assert_int_equal(access(tls.certificate_file, R_OK), 0);
    assert_int_equal(access(tls.key_file, R_OK), 0);
    assert_int_equal(access(tls.client_ca_file, R_OK), 0);
    snprintf(config->key_dir, sizeof config->key_dir, "/nowhere");
    pki_server_files(config, &tls);
    assert_string_equal(tls.client_ca_file, "");
    config_free(config);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)
    const struct CMUnitTest tests[] = {
        CASE(certificates_hold),          CASE(a_client_certificate_holds),
        CASE(nothing_is_overwritten),     CASE(a_renewed_server_is_another),
        CASE(the_log_key_reads_back),     CASE(only_the_owner_reads_secrets),
        CASE(the_server_finds_its_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
