/* SPDX-License-Identifier: MIT */
/* EC P-256 keys. The private key of the authority is dropped as soon as it has signed: nobody
 * can ever issue a second certificate under it. Every extension that strict verifiers ask for
 * is there. */
#include "sim/certificate.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"

enum { DAY_S = 24 * 60 * 60, SERIAL_BITS = 127 };

struct extension {
    int nid;
    const char *value;
};

enum { NAME_MAX_LEN = 253 };

static const struct extension ca_extensions[] = {
    { NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
    { NID_key_usage, "critical,keyCertSign,cRLSign" },
    { NID_subject_key_identifier, "hash" },
    { 0, NULL },
};

/* Who signs whom; for an authority both sides are itself. */
struct issue {
    const char *name;
    EVP_PKEY *key;
    X509 *issuer; /* NULL: itself */
    EVP_PKEY *issuer_key;
    const struct extension *extensions;
};

static bool put_serial(X509 *cert)
{
    BIGNUM *n = BN_new();
    bool ok = n && BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
              BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
    BN_free(n);
    return ok;
}

static bool put_extensions(X509 *cert, X509 *issuer, const struct extension *list)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    for (; list->value; list++) {
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, list->nid, list->value);
        int ok = e && X509_add_ext(cert, e, -1);
        X509_EXTENSION_free(e);
        if (!ok)
            return false;
    }
    return true;
}

static bool fill(X509 *cert, const struct issue *i)
{
    X509 *issuer = i->issuer ? i->issuer : cert;
    X509_NAME *name = X509_get_subject_name(cert);
    return X509_set_version(cert, X509_VERSION_3) && put_serial(cert) &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S) &&
           X509_gmtime_adj(X509_getm_notAfter(cert), DAY_S) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)i->name, -1,
                                      -1, 0) &&
           X509_set_issuer_name(cert, X509_get_subject_name(issuer)) &&
           X509_set_pubkey(cert, i->key) && put_extensions(cert, issuer, i->extensions) &&
           X509_sign(cert, i->issuer_key, EVP_sha256());
}

static X509 *issue(const struct issue *i)
{
    X509 *cert = X509_new();
    if (cert && fill(cert, i))
        return cert;
    X509_free(cert);
    return NULL;
}

/* What a memory BIO holds, as a string of our own. */
static char *text_of(BIO *bio)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    return len > 0 ? strndup(data, (size_t)len) : NULL;
}

static char *cert_pem(X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = bio && PEM_write_bio_X509(bio, cert) ? text_of(bio) : NULL;
    BIO_free(bio);
    return text;
}

static char *key_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text = NULL;
    if (bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
        text = text_of(bio);
    BIO_free(bio);
    return text;
}

/* The name comes from a command line, and OpenSSL would read its commas and colons. */
static bool is_dns_name(str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!(c >= '0' && c <= '9') && !((c | 32) >= 'a' && (c | 32) <= 'z') && c != '-' &&
            c != '.' && c != '*')
            return false;
    }
    return name.len <= NAME_MAX_LEN;
}

static X509 *issue_server(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, str name)
{
    char names[NAME_MAX_LEN + 64];
    struct buf b = BUF_ON(names);
    buf_put(&b, STR("IP:127.0.0.1,IP:::1,DNS:localhost"));
    buf_put(&b, name.len ? STR(",DNS:") : name);
    buf_put(&b, name);
    const struct extension extensions[] = {
        { NID_basic_constraints, "critical,CA:FALSE" },
        { NID_key_usage, "critical,digitalSignature" },
        { NID_ext_key_usage, "serverAuth" },
        { NID_subject_alt_name, buf_cstr(&b) },
        { NID_subject_key_identifier, "hash" },
        { NID_authority_key_identifier, "keyid:always" },
        { 0, NULL },
    };
    return issue(&(struct issue) { .name = "pipepoll sim",
                                   .key = key,
                                   .issuer = ca,
                                   .issuer_key = ca_key,
                                   .extensions = extensions });
}

int certificate_init(struct certificate *out, str name, struct pipepoll_error *why)
{
    struct certificate c = { 0 };
    if (!is_dns_name(name))
        return explain(why, PIPEPOLL_EINVAL, "\"%.*s\" is no name that a certificate can be for",
                       STR_ARG(name));
    X509 *ca = NULL, *server = NULL;
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    if (ca_key && key)
        ca = issue(&(struct issue) { .name = "pipepoll sim authority",
                                     .key = ca_key,
                                     .issuer_key = ca_key,
                                     .extensions = ca_extensions });
    if (ca)
        server = issue_server(key, ca, ca_key, name);
    if (server) {
        c.ca_pem = cert_pem(ca);
        c.cert_pem = cert_pem(server);
        c.key_pem = key_pem(key);
    }
    X509_free(server);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    if (c.ca_pem && c.cert_pem && c.key_pem) {
        *out = c;
        return 0;
    }
    certificate_deinit(&c);
    ERR_clear_error();
    return explain(why, PIPEPOLL_ESYSTEM, "OpenSSL made no certificate");
}

void certificate_deinit(struct certificate *c)
{
    if (c->key_pem)
        OPENSSL_cleanse(c->key_pem, strlen(c->key_pem));
    free(c->key_pem);
    free(c->cert_pem);
    free(c->ca_pem);
    *c = (struct certificate) { 0 };
}
