#include "server/net/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "proto/wire/frame.h"

#define KEY_UPDATES_MAX 32u /* without data in between: keys last for millions of records */

static const uint8_t session_context[] = "daftari"; /* tickets of another program are not ours */

/* Counts KeyUpdate messages since the last data in the connection's app data, for tls_read. */
static void on_message(int written, int version, int type, const void *message, size_t len, SSL *ssl,
                       void *context)
{
    (void)version;
    (void)context;
    if (!written && type == SSL3_RT_HANDSHAKE && len != 0 && *(const uint8_t *)message == SSL3_MT_KEY_UPDATE)
        SSL_set_app_data(ssl, (void *)((uintptr_t)SSL_get_app_data(ssl) + 1));
}

static int alpn_choose(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                       unsigned int in_len, void *context)
{
    (void)ssl;
    (void)context;
    for (unsigned at = 0; at < in_len && in[at] < in_len - at; at += 1u + in[at]) {
        if (in[at] == strlen(FRAME_ALPN) && memcmp(in + at + 1, FRAME_ALPN, in[at]) == 0) {
            *out = in + at + 1;
            *out_len = in[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* OpenSSL's own words, for the operator; empties the queue. */
static enum status file_fault(struct fault *why, const char *field, const char *file)
{
    char text[160] = "not readable";
    unsigned long error = ERR_peek_last_error();
    if (error != 0)
        ERR_error_string_n(error, text, sizeof text);
    ERR_clear_error();
    return fault_set(why, STATUS_INVALID, field, "%s: %s", file, text);
}

static enum status client_ca_set(SSL_CTX *context, const char *file, struct fault *why)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(file);
    if (names == NULL || SSL_CTX_load_verify_locations(context, file, NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return file_fault(why, "tls_client_ca_file", file);
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    return STATUS_OK;
}

enum status tls_context(const struct net_tls *files, SSL_CTX **out, struct fault *why)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory for TLS");
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
    /* A peer that vanishes without close_notify is a disconnect: frames carry their lengths, nothing can be cut short
     * unnoticed. */
    SSL_CTX_set_options(context,
                        SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Otherwise one read goes on for as long as messages without data come (RFC 8446, 4.6.3: 27 bytes, 30 microseconds
     * each), and everybody else waits. */
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_msg_callback(context, on_message);
    SSL_CTX_set_read_ahead(context, 1); /* header and record with one read(2) */
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_max_early_data(context, 0);
    SSL_CTX_set_session_id_context(context, session_context, sizeof session_context - 1);
    SSL_CTX_set_alpn_select_cb(context, alpn_choose, NULL);

    enum status status = STATUS_OK;
    if (SSL_CTX_use_certificate_chain_file(context, files->certificate_file) != 1)
        status = file_fault(why, "tls_certificate_file", files->certificate_file);
    else if (SSL_CTX_use_PrivateKey_file(context, files->key_file, SSL_FILETYPE_PEM) != 1)
        status = file_fault(why, "tls_key_file", files->key_file);
    else if (SSL_CTX_check_private_key(context) != 1)
        status = fault_set(why, STATUS_INVALID, "tls_key_file", "%s does not belong to the certificate %s",
                           files->key_file, files->certificate_file);
    else if (files->client_ca_file[0] != '\0')
        status = client_ca_set(context, files->client_ca_file, why);
    ERR_clear_error();
    if (status != STATUS_OK) {
        SSL_CTX_free(context);
        return status;
    }
    *out = context;
    return STATUS_OK;
}

SSL *tls_new(SSL_CTX *context, int fd)
{
    ERR_clear_error();
    SSL *ssl = SSL_new(context);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_accept_state(ssl);
    return ssl;
}

/* What a call that did not succeed means. Every call below starts with an empty error queue, since SSL_get_error
 * looks at whatever is in it. */
static enum tls_result result_of(SSL *ssl, int returned)
{
    switch (SSL_get_error(ssl, returned)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
    case SSL_ERROR_SYSCALL:
        ERR_clear_error();
        return TLS_CLOSED;
    default:
        ERR_clear_error();
        return TLS_FAILED;
    }
}

enum tls_result tls_handshake(SSL *ssl)
{
    ERR_clear_error();
    int returned = SSL_do_handshake(ssl);
    return returned == 1 ? TLS_DONE : result_of(ssl, returned);
}

enum tls_result tls_read(SSL *ssl, uint8_t *out, size_t cap, size_t *out_len)
{
    ERR_clear_error();
    int returned = SSL_read_ex(ssl, out, cap, out_len);
    enum tls_result result = returned == 1 ? TLS_DONE : result_of(ssl, returned);
    if ((uintptr_t)SSL_get_app_data(ssl) > KEY_UPDATES_MAX)
        return TLS_FAILED;
    if (result == TLS_DONE)
        SSL_set_app_data(ssl, NULL);
    return result;
}

bool tls_pending(const SSL *ssl)
{
    return SSL_has_pending(ssl) == 1;
}

enum tls_result tls_write(SSL *ssl, const uint8_t *bytes, size_t len, size_t *out_len)
{
    ERR_clear_error();
    int returned = SSL_write_ex(ssl, bytes, len, out_len);
    return returned == 1 ? TLS_DONE : result_of(ssl, returned);
}

uint64_t tls_sent_bytes(const SSL *ssl)
{
    return BIO_number_written(SSL_get_wbio(ssl));
}

void tls_end(SSL *ssl)
{
    ERR_clear_error();
    if (SSL_is_init_finished(ssl))
        (void)SSL_shutdown(ssl);
    ERR_clear_error();
}

bool tls_protocol_agreed(const SSL *ssl)
{
    const unsigned char *name;
    unsigned len;
    SSL_get0_alpn_selected(ssl, &name, &len);
    return len == strlen(FRAME_ALPN) && memcmp(name, FRAME_ALPN, len) == 0;
}

bool tls_fingerprint(const SSL *ssl, uint8_t out[NET_FINGERPRINT_BYTES])
{
    X509 *certificate = SSL_get1_peer_certificate(ssl);
    unsigned len = 0;
    bool good = certificate != NULL && SSL_get_verify_result(ssl) == X509_V_OK &&
                X509_digest(certificate, EVP_sha256(), out, &len) == 1 && len == NET_FINGERPRINT_BYTES;
    X509_free(certificate);
    return good;
}
