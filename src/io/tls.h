/* SPDX-License-Identifier: MIT */
/* TLS on one connection, by OpenSSL, over whatever carries its bytes. Every connection has the one
 * set-up of its trust store, and goes on with the last session of its host, which saves both sides
 * most of a handshake. Private to io/. */
#ifndef IO_TLS_H
#define IO_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "pipepoll/error.h"

struct ssl_st;
struct ssl_session_st;
struct trust_store;

/* What became of an attempt to move bytes. */
enum io_status {
    IO_OK,    /* some were moved */
    IO_AGAIN, /* none can be now */
    IO_END,   /* the peer sends no more */
    IO_ERROR
};

/* Who moves the bytes of the wire. */
struct tls_carrier {
    void *ctx;
    /* goes_on: more comes at once, for which these bytes may wait. */
    enum io_status (*send)(void *ctx, const char *bytes, size_t len, bool goes_on, size_t *sent);
    enum io_status (*receive)(void *ctx, char *room, size_t size, size_t *received);
};

struct tls_options {
    const struct trust_store *trust_store; /* borrowed, as is the rest */
    const char *host;   /* a name, or an address without brackets: what must be certified */
    bool insecure;      /* take whatever certificate comes */
    bool keeps_buffers; /* while it waits, too: 34 kB for two allocations less each time */
    struct ssl_session_st *session; /* to go on with; NULL: none */
    struct tls_carrier carrier;
};

struct tls {
    struct ssl_st *ssl; /* private, as is the rest; NULL: not in use */
    struct tls_carrier carrier;
    bool keeps_buffers;
    bool is_silent;         /* the carrier, for a while */
    bool broken;            /* after an error nothing may be said to the peer any more */
    bool ended;             /* the carrier has */
    bool starved;           /* for lack of memory */
    bool may_have_session;  /* another than it had when that was kept */
    bool wants_certificate; /* the peer asked for one of us */
    bool speaks_http;       /* it answered in plain HTTP */
    unsigned char alert;    /* the number of the last alert that it sent; 0: none */
    unsigned long error;    /* OpenSSL's, of what failed; 0: none of its */
};

/* false: out of memory. */
bool tls_init(struct tls *t, const struct tls_options *o);
/* Says to the peer that nothing more comes (close_notify), where that can be said at once. Fine on
 * a zeroed one, and twice. */
void tls_deinit(struct tls *t);

/* Go on with the handshake. IO_OK: it is done, and the peer is who it should be. Send at once then:
 * the last bytes of the handshake may wait for that, and go in one packet with it. */
enum io_status tls_shake_hands(struct tls *t);
/* After IO_AGAIN: is it for room to send in? */
bool tls_wants_to_send(const struct tls *t);
/* After IO_AGAIN send the same bytes again. */
enum io_status tls_send(struct tls *t, const char *bytes, size_t len, size_t *sent);
enum io_status tls_receive(struct tls *t, char *room, size_t size, size_t *received);
/* May there be bytes to receive that no event of the carrier will announce? */
bool tls_has_pending(const struct tls *t);
/* Has the peer said (close_notify) that it sends no more? Otherwise the end of its bytes is a
 * cut. */
bool tls_was_closed(const struct tls *t);

/* Replace *session by that of this connection, if it has one that another can go on with and that
 * was not kept yet: TLS 1.3 brings it after the handshake, as a rule with the first answer. */
void tls_keep_session(struct tls *t, struct ssl_session_st **session);
void tls_session_free(struct ssl_session_st *session); /* NULL is fine */

/* After the handshake: did it go on with the session that it was given? */
bool tls_was_resumed(const struct tls *t);

/* After IO_ERROR or IO_END: what is to be mended; UNKNOWN: nothing of TLS's, as far as is known. */
enum pipepoll_cause tls_cause(const struct tls *t);
/* After IO_ERROR: what happened, in `text` or static; NULL: it was the carrier's error. */
const char *tls_problem(const struct tls *t, char *text, size_t size);

/* "TLSv1.3", and who issued the peer's certificate as one line of ASCII, empty if there is none.
 * Cut to size. */
void tls_describe_version(const struct tls *t, char *text, size_t size);
void tls_describe_issuer(const struct tls *t, char *text, size_t size);

#endif
