/*
 * The key folder: what `daftarid init` makes and the server reads. All files have mode 0600 (certificates 0644), are
 * written beside, synced and renamed, so that a reader sees the old or the new.
 *
 *   ca.crt, ca.key   our own certificate authority, EC P-256; ca.crt is what clients trust. ca.key is only needed to
 *                    make certificates: keep it elsewhere if you like.
 *   server.pem       the server's certificate and its key in one file
 *   log.key          the log's signing key (Ed25519), "PRIVATE+KEY+name+id+base64" of golang.org/x/mod/sumdb/note
 *   master-key       by default: the master key of the data folder, 64 hexadecimal digits
 */
#ifndef SERVER_APP_PKI_H
#define SERVER_APP_PKI_H

#include "proto/record/note.h"
#include "server/app/config.h"
#include "server/net/net.h"

struct pki_options {
    const char *key_dir;         /* made (0700) when it is missing; must not hold keys yet */
    const char *master_key_file; /* made when it is missing; taken as it is when it is there */
    const char *hosts; /* names and addresses of the server, separated by commas; NULL or "" = only local */
    const char *log_name; /* name of the books: part of the log's name */
};

/* INVALID when the folder holds any of the keys already; a folder that is not there holds none. */
enum status pki_check_absent(const char *key_dir, struct fault *why) MUST_USE;
/* Everything above, or as little as could be written before the fault. INVALID when the folder holds keys already. */
enum status pki_make(const struct pki_options *options, struct fault *why) MUST_USE;

/* A new server certificate with a new key, signed by the folder's CA. `hosts` as above; local names are always in. */
enum status pki_renew_server(const char *key_dir, const char *hosts, struct fault *why) MUST_USE;

/* A client certificate with its key into `file` (one PEM; must not exist), and its fingerprint for User.EnrollCertificate. */
enum status pki_make_client(const char *key_dir, const char *email, const char *file,
                            uint8_t out_fingerprint[NET_FINGERPRINT_BYTES], struct fault *why) MUST_USE;

/* Where the server's certificate, key and, if there is one, the client CA are. */
void pki_server_files(const struct config *config, struct net_tls *out);

/* The log's signing key. */
enum status pki_log_signer(const struct config *config, struct note_signer *out, struct fault *why) MUST_USE;

/* `daftarid certificate ...`: argv from "certificate" on. Returns the exit code. */
int pki_main(int argc, char **argv);

#endif
