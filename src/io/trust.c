/* One X509_STORE, read at the start, which each SSL_CTX refers to. A bundle that failed is read a
 * second time, to find out where.
 *
 * Why a handshake failed is told by more than its error code: a message callback notes what the
 * peer sent. The notes are ex data of the SSL_CTX, which holds a reference until OpenSSL frees
 * it. */
#include "io/trust.h"

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

struct trust {
    X509_STORE *store;
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
    int r = X509_STORE_load_file(store, file) == 1 ? 0 : blame_bundle(probe, file, why);
    fclose(probe);
    return r;
}

int trust_new(struct trust **out, str ca_bundle, struct pipepoll_error *why)
{
    struct trust *t = calloc(1, sizeof *t);
    if (!t)
        return PIPEPOLL_ENOMEM;
    ERR_clear_error();
    t->store = X509_STORE_new();
    int r = t->store ? load(t->store, ca_bundle, why) : PIPEPOLL_ENOMEM;
    if (r && has_starved())
        r = PIPEPOLL_ENOMEM;
    ERR_clear_error();
    if (r) {
        trust_free(t);
        return r;
    }
    /* A certificate the operator put into the bundle is trusted as such, a root or not. */
    X509_STORE_set_flags(t->store, X509_V_FLAG_PARTIAL_CHAIN);
    *out = t;
    return 0;
}

struct trust *trust_free(struct trust *t)
{
    if (t)
        X509_STORE_free(t->store);
    free(t);
    return NULL;
}

/* --- what a handshake tells --- */

static CRYPTO_ONCE notes_once = CRYPTO_ONCE_STATIC_INIT;
static int notes_index = -1;

static void on_context_freed(void *ctx, void *notes, CRYPTO_EX_DATA *data, int index, long number,
                             void *arg)
{
    (void)ctx, (void)data, (void)index, (void)number, (void)arg;
    trust_notes_release(notes);
}

static void find_notes_index(void)
{
    notes_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_context_freed);
}

struct trust_notes *trust_notes_new(const struct trust *t)
{
    struct trust_notes *notes = calloc(1, sizeof *notes);
    if (notes)
        *notes = (struct trust_notes) { .trust = t, .refs = 1 };
    return notes;
}

void trust_notes_release(struct trust_notes *notes)
{
    if (notes && --notes->refs == 0)
        free(notes);
}

/* OpenSSL shows each record's head before it judges it, and each message. */
static void on_message(int is_sent, int version, int type, const void *bytes, size_t len, SSL *ssl,
                       void *ctx)
{
    struct trust_notes *notes = ctx;
    const unsigned char *at = bytes;
    (void)version, (void)ssl;
    if (is_sent)
        return;
    if (type == SSL3_RT_HEADER && len >= 5 && memcmp(at, "HTTP/", 5) == 0)
        notes->speaks_http = true;
    else if (type == SSL3_RT_HANDSHAKE && len && at[0] == SSL3_MT_CERTIFICATE_REQUEST)
        notes->wants_certificate = true;
    else if (type == SSL3_RT_ALERT && len >= 2 && at[1] != SSL3_AD_CLOSE_NOTIFY)
        notes->alert = at[1];
}

enum pipepoll_cause trust_blame(const struct trust_notes *notes, long verdict)
{
    if (notes->speaks_http)
        return PIPEPOLL_CAUSE_PLAIN_HTTP;
    switch (verdict) {
    case X509_V_OK:
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return PIPEPOLL_CAUSE_NOT_YET_VALID;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return PIPEPOLL_CAUSE_OUTDATED;
    default:
        return PIPEPOLL_CAUSE_UNTRUSTED;
    }
    if (notes->alert == SSL_AD_CERTIFICATE_REQUIRED)
        return PIPEPOLL_CAUSE_CLIENT_CERTIFICATE;
    /* Before TLS 1.3 there is no alert for it: any after the question is taken for it. */
    if (notes->wants_certificate && notes->alert)
        return PIPEPOLL_CAUSE_CLIENT_CERTIFICATE;
    return notes->alert ? PIPEPOLL_CAUSE_TLS : PIPEPOLL_CAUSE_UNKNOWN;
}

bool trust_apply(struct trust_notes *notes, void *ssl_ctx)
{
    if (!CRYPTO_THREAD_run_once(&notes_once, find_notes_index) || notes_index < 0 ||
        SSL_CTX_set_ex_data(ssl_ctx, notes_index, notes) != 1)
        return false;
    notes->refs++;
    SSL_CTX_set_msg_callback(ssl_ctx, on_message);
    SSL_CTX_set_msg_callback_arg(ssl_ctx, notes);
    SSL_CTX_set1_cert_store(ssl_ctx, notes->trust->store);
    /* What a socket did not take is sent again from a copy. */
    SSL_CTX_set_mode(ssl_ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ssl_ctx, 1);
    return SSL_CTX_set_min_proto_version(ssl_ctx, TLS1_2_VERSION) == 1;
}

bool trust_lacks_memory(const char *error, long verdict)
{
    const char *reason = ERR_reason_error_string(ERR_R_MALLOC_FAILURE);
    return verdict == X509_V_ERR_OUT_OF_MEM || (reason && strstr(error, reason));
}

bool trust_was_closed(const void *ssl)
{
    return SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN;
}

void trust_describe_version(const void *ssl, char *text, size_t size)
{
    snprintf(text, size, "%s", SSL_get_version(ssl));
}

void trust_describe_issuer(const void *ssl, char *text, size_t size)
{
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    BIO *line = certificate ? BIO_new(BIO_s_mem()) : NULL;
    const char *bytes = NULL;
    text[0] = '\0';
    if (!line)
        return;
    X509_NAME_print_ex(line, X509_get_issuer_name(certificate), 0, XN_FLAG_ONELINE);
    long len = BIO_get_mem_data(line, &bytes);
    if (len > 0)
        snprintf(text, size, "%.*s", (int)len, bytes);
    BIO_free(line);
}
