/* SPDX-License-Identifier: MIT */
/* A BIO of our own hands OpenSSL's bytes to the carrier, so that no signal is raised, no descriptor
 * is OpenSSL's, and TLS goes through an HTTPS proxy by the same code. Reading takes all that is
 * there in one go (read_ahead), which is why a reader goes on while tls_has_pending().
 *
 * Who the peer must be is part of the verification (X509_VERIFY_PARAM): a handshake with another
 * fails, and no byte of a request is sent. Why one failed is told by more than its error code: a
 * message callback notes what the peer sent.
 *
 * A session outlives its connection only if OpenSSL believes that the connection was shut down in
 * both directions; so each is said to have been. */
#include "io/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "io/trust_store.h"

enum { HOST_MAX = 255, OPENSSL_3_2 = 0x30200000 };

/* --- the bytes of the wire --- */

/* With TLS 1.3 the client has the last word (RFC 8446, 2), and its request follows. */
static bool is_last_of_handshake(const struct tls *t)
{
    return SSL_get_state(t->ssl) == TLS_ST_CW_FINISHED && SSL_version(t->ssl) == TLS1_3_VERSION;
}

/* What a carrier leaves in OpenSSL's queue of errors is none of this connection's. */
static int on_bio_write(BIO *bio, const char *bytes, size_t len, size_t *sent)
{
    struct tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ERR_set_mark();
    enum io_status status =
        t->carrier.send(t->carrier.ctx, bytes, len, is_last_of_handshake(t), sent);
    ERR_pop_to_mark();
    if (status == IO_AGAIN)
        BIO_set_retry_write(bio);
    return status == IO_OK;
}

static int on_bio_read(BIO *bio, char *room, size_t size, size_t *received)
{
    struct tls *t = BIO_get_data(bio);
    enum io_status status = IO_AGAIN;
    BIO_clear_retry_flags(bio);
    if (!t->is_silent) {
        ERR_set_mark();
        status = t->carrier.receive(t->carrier.ctx, room, size, received);
        ERR_pop_to_mark();
    }
    t->ended = t->ended || status == IO_END;
    if (status == IO_AGAIN)
        BIO_set_retry_read(bio);
    return status == IO_OK;
}

static long on_bio_control(BIO *bio, int what, long number, void *at)
{
    const struct tls *t = BIO_get_data(bio);
    (void)number, (void)at;
    return what == BIO_CTRL_FLUSH || (what == BIO_CTRL_EOF && t->ended);
}

/* Made by whichever thread comes first and has the memory; NULL: there is none now. */
static BIO_METHOD *method_of_all(void)
{
    static _Atomic(BIO_METHOD *) method;
    BIO_METHOD *made = atomic_load(&method), *none = NULL;
    if (made)
        return made;
    made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "carrier");
    if (!made)
        return NULL;
    BIO_meth_set_write_ex(made, on_bio_write);
    BIO_meth_set_read_ex(made, on_bio_read);
    BIO_meth_set_ctrl(made, on_bio_control);
    if (atomic_compare_exchange_strong(&method, &none, made))
        return made;
    BIO_meth_free(made);
    return none;
}

static BIO *bio_new(struct tls *t)
{
    BIO_METHOD *method = method_of_all();
    BIO *bio = method ? BIO_new(method) : NULL;
    if (!bio)
        return NULL;
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    return bio;
}

/* --- what the peer sends in a handshake --- */

/* OpenSSL shows each record's head before it judges it, and each message. */
static void on_message(int is_sent, int version, int type, const void *bytes, size_t len, SSL *ssl,
                       void *tls)
{
    struct tls *t = tls;
    const unsigned char *at = bytes;
    (void)version, (void)ssl;
    if (is_sent)
        return;
    t->may_have_session = t->may_have_session || type == SSL3_RT_HANDSHAKE;
    if (type == SSL3_RT_HEADER && len >= 5 && memcmp(at, "HTTP/", 5) == 0)
        t->speaks_http = true;
    else if (type == SSL3_RT_HANDSHAKE && len && at[0] == SSL3_MT_CERTIFICATE_REQUEST)
        t->wants_certificate = true;
    else if (type == SSL3_RT_ALERT && len >= 2 && at[1] != SSL3_AD_CLOSE_NOTIFY)
        t->alert = at[1];
}

/* --- the set-up --- */

static bool is_address(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* A name may end with the dot of the root, which certificates leave out (RFC 6066 §3). */
static bool expect_name(SSL *ssl, const char *host)
{
    char text[HOST_MAX + 1];
    struct buf name = BUF_ON(text);
    str without_dot = str_of(host);
    if (without_dot.len && host[without_dot.len - 1] == '.')
        without_dot.len--;
    buf_put(&name, without_dot);
    if (!name.len || name.overflow)
        return false; /* OpenSSL takes no name for any name */
    X509_VERIFY_PARAM *expected = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, buf_cstr(&name)) == 1 &&
           X509_VERIFY_PARAM_set1_host(expected, text, name.len) == 1;
}

static bool expect(SSL *ssl, const struct tls_options *o)
{
    if (o->insecure)
        SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
    if (is_address(o->host))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), o->host) == 1;
    return expect_name(ssl, o->host);
}

static bool set_up(struct tls *t, const struct tls_options *o)
{
    BIO *bio = bio_new(t);
    if (!bio)
        return false;
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_msg_callback(t->ssl, on_message);
    SSL_set_msg_callback_arg(t->ssl, t);
    SSL_set_connect_state(t->ssl);
    return expect(t->ssl, o) && (!o->session || SSL_set_session(t->ssl, o->session) == 1);
}

bool tls_init(struct tls *t, const struct tls_options *o)
{
    *t = (struct tls) { .carrier = o->carrier, .keeps_buffers = o->keeps_buffers };
    t->ssl = SSL_new(trust_store_context(o->trust_store));
    bool done = t->ssl && set_up(t, o);
    if (done && o->keeps_buffers)
        SSL_clear_mode(t->ssl, SSL_MODE_RELEASE_BUFFERS);
    ERR_clear_error();
    if (!done)
        tls_deinit(t);
    return done;
}

void tls_deinit(struct tls *t)
{
    if (!t->ssl)
        return;
    if (!t->broken && SSL_is_init_finished(t->ssl))
        SSL_shutdown(t->ssl);
    SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(t->ssl);
    ERR_clear_error();
    t->ssl = NULL;
}

/* --- bytes --- */

/* To clear an empty queue costs OpenSSL as much as a full one. */
static void begin(void)
{
    if (ERR_peek_error())
        ERR_clear_error();
    errno = 0;
}

/* OpenSSL doesn't say each time that a malloc() of its failed; the C library does, by errno. */
static enum io_status fail(struct tls *t)
{
    t->error = t->broken ? t->error : ERR_peek_last_error();
    t->starved = t->starved || errno == ENOMEM || ERR_GET_REASON(t->error) == ERR_R_MALLOC_FAILURE;
    t->broken = true;
    ERR_clear_error();
    return t->ended && !t->starved ? IO_END : IO_ERROR;
}

static enum io_status conclude(struct tls *t, int result)
{
    switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_NONE:
        return IO_OK;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return IO_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return IO_END;
    default:
        return fail(t);
    }
}

enum io_status tls_shake_hands(struct tls *t)
{
    begin();
    return conclude(t, SSL_do_handshake(t->ssl));
}

bool tls_wants_to_send(const struct tls *t)
{
    return SSL_want_write(t->ssl);
}

enum io_status tls_send(struct tls *t, const char *bytes, size_t len, size_t *sent)
{
    begin();
    *sent = 0;
    return conclude(t, SSL_write_ex(t->ssl, bytes, len, sent));
}

/* From OpenSSL 3.2 on a mode cannot be taken back from the records: there it gives the buffer back
 * by itself. */
static bool gives_back_apart(const struct tls *t)
{
    return !t->keeps_buffers && OpenSSL_version_num() < OPENSSL_3_2;
}

/* What was in the read buffer has been wiped as it was handed out. OpenSSL would wipe all its 16 kB
 * once more when it gives it back; so it does so not then, but in a read of its own, to which the
 * carrier has nothing to say. */
static void give_back_buffer(struct tls *t)
{
    char none;
    size_t n;
    if (SSL_has_pending(t->ssl))
        return;
    t->is_silent = true;
    SSL_set_mode(t->ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_clear_options(t->ssl, SSL_OP_CLEANSE_PLAINTEXT);
    (void)conclude(t, SSL_read_ex(t->ssl, &none, sizeof none, &n)); /* the next call fails too */
    SSL_set_options(t->ssl, SSL_OP_CLEANSE_PLAINTEXT);
    t->is_silent = false;
}

enum io_status tls_receive(struct tls *t, char *room, size_t size, size_t *received)
{
    begin();
    *received = 0;
    bool is_apart = gives_back_apart(t);
    if (is_apart)
        SSL_clear_mode(t->ssl, SSL_MODE_RELEASE_BUFFERS);
    enum io_status status = conclude(t, SSL_read_ex(t->ssl, room, size, received));
    if (is_apart && (status == IO_OK || status == IO_AGAIN))
        give_back_buffer(t);
    return status;
}

bool tls_has_pending(const struct tls *t)
{
    return SSL_has_pending(t->ssl);
}

bool tls_was_closed(const struct tls *t)
{
    return SSL_get_shutdown(t->ssl) & SSL_RECEIVED_SHUTDOWN;
}

/* --- sessions --- */

void tls_keep_session(struct tls *t, struct ssl_session_st **session)
{
    SSL_SESSION *own = t->may_have_session ? SSL_get0_session(t->ssl) : NULL;
    t->may_have_session = false;
    if (!own || own == *session || !SSL_SESSION_is_resumable(own))
        return;
    SSL_SESSION_up_ref(own);
    SSL_SESSION_free(*session);
    *session = own;
}

bool tls_was_resumed(const struct tls *t)
{
    return SSL_session_reused(t->ssl);
}

void tls_session_free(struct ssl_session_st *session)
{
    SSL_SESSION_free(session);
}

/* --- what there is to tell --- */

/* X509_V_OK also when whatever certificate comes is taken. */
static long verdict_of(const struct tls *t)
{
    bool verifies = SSL_get_verify_mode(t->ssl) != SSL_VERIFY_NONE;
    return verifies ? SSL_get_verify_result(t->ssl) : X509_V_OK;
}

enum pipepoll_cause tls_cause(const struct tls *t)
{
    if (t->speaks_http)
        return PIPEPOLL_CAUSE_PLAIN_HTTP;
    enum pipepoll_cause of_verdict = trust_store_cause(verdict_of(t));
    if (of_verdict)
        return of_verdict;
    /* Before TLS 1.3 there is no alert for it: any after the question is taken for it. */
    if (t->alert == SSL_AD_CERTIFICATE_REQUIRED || (t->wants_certificate && t->alert))
        return PIPEPOLL_CAUSE_CLIENT_CERTIFICATE;
    return t->alert ? PIPEPOLL_CAUSE_TLS : PIPEPOLL_CAUSE_UNKNOWN;
}

/* The verdict is asked first: below a proxy's TLS, libcurl empties OpenSSL's queue of errors. */
const char *tls_problem(const struct tls *t, char *text, size_t size)
{
    long verdict = verdict_of(t);
    const char *reason = ERR_reason_error_string(t->error);
    if (t->starved)
        return "out of memory";
    if (verdict != X509_V_OK)
        snprintf(text, size, "the certificate of the server is not trusted: %s",
                 trust_store_verdict_text(verdict));
    else if (t->error)
        snprintf(text, size, "TLS failed: %s", reason ? reason : "an unknown error of OpenSSL");
    else
        return NULL;
    return text;
}

void tls_describe_version(const struct tls *t, char *text, size_t size)
{
    snprintf(text, size, "%s", SSL_get_version(t->ssl));
}

void tls_describe_issuer(const struct tls *t, char *text, size_t size)
{
    X509 *certificate = SSL_get0_peer_certificate(t->ssl);
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
