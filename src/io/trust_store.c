/* SPDX-License-Identifier: MIT */
/* One X509_STORE, read at the start, and one SSL_CTX with it, which all connections share. A bundle
 * that failed is read a second time, to find out where. */
#include "io/trust_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <curl/curl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/log.h"
#include "io/file.h"

struct trust_store {
    X509_STORE *store;
    SSL_CTX *context; /* of every connection */
};

static const char *default_bundle(void)
{
    const char *named = getenv(X509_get_default_cert_file_env());
    return named && *named ? named : curl_version_info(CURLVERSION_NOW)->cainfo;
}

static bool is_starved(unsigned long code)
{
    return ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
}

/* Any error since the queue was cleared; it is empty then. */
static bool has_starved(void)
{
    bool has = false;
    for (unsigned long code; (code = ERR_get_error()) != 0;)
        has = has || is_starved(code);
    return has;
}

/* --- what is wrong with a bundle --- */

static bool begins_certificate(const char *line)
{
    return strncmp(line, "-----BEGIN CERTIFICATE-----", 27) == 0 ||
           strncmp(line, "-----BEGIN TRUSTED CERTIFICATE-----", 35) == 0 ||
           strncmp(line, "-----BEGIN X509 CERTIFICATE-----", 32) == 0;
}

/* The certificate whose first line begins at `at`. */
static bool is_whole(FILE *f, long at)
{
    BIO *in = BIO_new_fp(f, BIO_NOCLOSE);
    X509 *certificate = NULL;
    if (in && fseek(f, at, SEEK_SET) == 0)
        certificate = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL);
    X509_free(certificate);
    BIO_free(in);
    return certificate != NULL;
}

/* OpenSSL says that a bundle is bad, not where: so each certificate is read by itself. */
static int blame_bundle(FILE *f, const char *file, struct pipepoll_error *why)
{
    char line[4096];
    unsigned number = 0, count = 0;
    bool was_whole = true;
    rewind(f);
    for (long at = 0; fgets(line, sizeof line, f); at = ftell(f)) {
        long behind = ftell(f);
        number += was_whole;
        was_whole = strchr(line, '\n') != NULL; /* a longer line comes in pieces */
        if (!begins_certificate(line))
            continue;
        count++;
        if (!is_whole(f, at)) {
            const char *reason = ERR_reason_error_string(ERR_peek_last_error());
            return explain(why, PIPEPOLL_ESYSTEM,
                           "certificate %u of the CA bundle %s, which begins at line %u, is "
                           "damaged (%s): replace or remove it",
                           count, file, number, reason ? reason : "not understood");
        }
        if (fseek(f, behind, SEEK_SET))
            break;
    }
    return explain(why, PIPEPOLL_ESYSTEM,
                   count ? "the CA bundle %s holds a part that is not understood"
                         : "no certificate (PEM) was found in the CA bundle %s",
                   file);
}

static int load(X509_STORE *store, str ca_bundle, struct pipepoll_error *why)
{
    char text[4096];
    struct buf path = BUF_ON(text);
    buf_put(&path, ca_bundle.len ? ca_bundle : str_of(default_bundle()));
    const char *file = buf_cstr(&path);
    if (path.overflow || memchr(text, '\0', path.len))
        return explain(why, PIPEPOLL_EINVAL, "the path of the CA bundle is longer than %zu bytes",
                       sizeof text - 1);
    if (!path.len) {
        if (X509_STORE_set_default_paths(store) == 1)
            return 0;
        return explain(why, PIPEPOLL_ESYSTEM, "no CA bundle: OpenSSL has no default place for one");
    }
    FILE *probe = fopen(file, "re");
    if (!probe)
        return explain(why, PIPEPOLL_ESYSTEM, "cannot read the CA bundle %s: %s", file,
                       file_problem_at(file, errno));
    struct stat st;
    if (fstat(fileno(probe), &st) == 0 && S_ISDIR(st.st_mode)) {
        fclose(probe);
        return explain(why, PIPEPOLL_ESYSTEM, "cannot read the CA bundle %s: %s", file,
                       strerror(EISDIR));
    }
    int r = X509_STORE_load_file(store, file) == 1 ? 0 : blame_bundle(probe, file, why);
    fclose(probe);
    return r;
}

bool trust_store_apply(const struct trust_store *store, void *ssl_ctx)
{
    SSL_CTX_set1_cert_store(ssl_ctx, store->store);
    return SSL_CTX_set_min_proto_version(ssl_ctx, TLS1_2_VERSION) == 1;
}

/* An idle connection needs no buffers; what a socket did not take is sent again from a copy. */
static int open_context(struct trust_store *store)
{
    static const unsigned char protocols[] = "\x08http/1.1";
    store->context = SSL_CTX_new(TLS_client_method());
    if (!store->context || !trust_store_apply(store, store->context) ||
        SSL_CTX_set_alpn_protos(store->context, protocols, sizeof protocols - 1))
        return PIPEPOLL_ENOMEM;
    SSL_CTX_set_verify(store->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_options(store->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_mode(store->context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(store->context, 1);
    return 0;
}

int trust_store_new(struct trust_store **out, str ca_bundle, struct pipepoll_error *why)
{
    struct trust_store *store = calloc(1, sizeof *store);
    if (!store)
        return PIPEPOLL_ENOMEM;
    ERR_clear_error();
    store->store = X509_STORE_new();
    int r = store->store ? load(store->store, ca_bundle, why) : PIPEPOLL_ENOMEM;
    if (r && has_starved())
        r = PIPEPOLL_ENOMEM;
    if (!r)
        r = open_context(store);
    ERR_clear_error();
    if (r) {
        trust_store_free(store);
        return r;
    }
    /* A certificate the operator put into the bundle is trusted as such, a root or not. */
    X509_STORE_set_flags(store->store, X509_V_FLAG_PARTIAL_CHAIN);
    *out = store;
    return 0;
}

void *trust_store_context(const struct trust_store *store)
{
    return store->context;
}

struct trust_store *trust_store_free(struct trust_store *store)
{
    if (store) {
        SSL_CTX_free(store->context);
        X509_STORE_free(store->store);
    }
    free(store);
    return NULL;
}

/* --- verification --- */

enum pipepoll_cause trust_store_cause(long verdict)
{
    switch (verdict) {
    case X509_V_OK:
        return PIPEPOLL_CAUSE_UNKNOWN;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return PIPEPOLL_CAUSE_NOT_YET_VALID;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return PIPEPOLL_CAUSE_OUTDATED;
    default:
        return PIPEPOLL_CAUSE_UNTRUSTED;
    }
}

const char *trust_store_verdict_text(long verdict)
{
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH)
        return "it does not match the host";
    return X509_verify_cert_error_string(verdict);
}
