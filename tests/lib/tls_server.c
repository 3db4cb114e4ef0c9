/* SPDX-License-Identifier: MIT */
#include "lib/tls_server.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* OpenSSL's objects under names of ours: struct tls_server is an SSL_CTX, struct tls_peer an
 * SSL. */
static SSL_CTX *context(struct tls_server *t)
{
    return (SSL_CTX *)t;
}

static SSL *ssl(struct tls_peer *l)
{
    return (SSL *)l;
}

static void must(int fine)
{
    if (fine > 0)
        return;
    ERR_print_errors_fp(stderr);
    abort();
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX with;
    X509V3_set_ctx_nodb(&with);
    X509V3_set_ctx(&with, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &with, nid, value);
    must(X509_add_ext(certificate, extension, -1));
    X509_EXTENSION_free(extension);
}

static X509 *certificate_new(EVP_PKEY *key)
{
    X509 *c = X509_new();
    X509_set_version(c, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
    X509_gmtime_adj(X509_getm_notBefore(c), -86400);
    X509_gmtime_adj(X509_getm_notAfter(c), 86400);
    X509_set_pubkey(c, key);
    X509_NAME *name = X509_get_subject_name(c);
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
                                    0));
    X509_set_issuer_name(c, name);
    add_extension(c, NID_subject_alt_name, "IP:127.0.0.1");
    add_extension(c, NID_basic_constraints, "critical,CA:TRUE");
    must(X509_sign(c, key, NULL));
    return c;
}

static void save(X509 *certificate, const char *path)
{
    FILE *file = fopen(path, "w");
    must(file && PEM_write_X509(file, certificate) && fclose(file) == 0);
}

struct tls_server *tls_server_new(const char *path)
{
    SSL_CTX *t = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); /* signatures of one length */
    X509 *certificate = certificate_new(key);
    must(SSL_CTX_use_certificate(t, certificate));
    must(SSL_CTX_use_PrivateKey(t, key));
    save(certificate, path);
    SSL_CTX_set_num_tickets(t, 0); /* each handshake is as long as the others */
    X509_free(certificate);
    EVP_PKEY_free(key);
    return (struct tls_server *)t;
}

struct tls_server *tls_server_free(struct tls_server *t)
{
    SSL_CTX_free(context(t));
    return NULL;
}

struct tls_peer *tls_peer_new(struct tls_server *t)
{
    SSL *l = SSL_new(context(t));
    SSL_set_bio(l, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(l);
    return (struct tls_peer *)l;
}

struct tls_peer *tls_peer_free(struct tls_peer *l)
{
    SSL_free(ssl(l));
    return NULL;
}

void tls_peer_input(struct tls_peer *l, const char *bytes, size_t n)
{
    if (n)
        must(BIO_write(SSL_get_rbio(ssl(l)), bytes, (int)n));
}

size_t tls_peer_output(struct tls_peer *l, char *bytes, size_t size)
{
    int n = BIO_read(SSL_get_wbio(ssl(l)), bytes, (int)size);
    return n > 0 ? (size_t)n : 0;
}

size_t tls_peer_read(struct tls_peer *l, char *bytes, size_t size)
{
    int n = SSL_read(ssl(l), bytes, (int)size);
    ERR_clear_error();
    return n > 0 ? (size_t)n : 0;
}

void tls_peer_write(struct tls_peer *l, const char *bytes, size_t n)
{
    if (n)
        must(SSL_write(ssl(l), bytes, (int)n));
}

void tls_peer_shutdown(struct tls_peer *l)
{
    SSL_shutdown(ssl(l));
}
