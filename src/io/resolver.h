/* Names to addresses by uv_getaddrinfo(), that is on libuv's thread pool: libcurl would start a
 * thread per look-up, in which the loop can get stuck. Answers are kept and renewed ahead of their
 * age; concurrent look-ups of one name are one; when a renewal fails the old answer serves on.
 * Private to io/. */
#ifndef IO_RESOLVER_H
#define IO_RESOLVER_H

#include <stdint.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/str.h"
#include "io/wake.h"

struct uv_loop_s;
struct resolver;

enum {
    RESOLVER_FRESH_MS = 60000,  /* older: renewed in the background when next asked for */
    RESOLVER_STALE_MS = 600000, /* older: not used any more */
    RESOLVER_ADDRESSES_MAX = 16,
    RESOLVER_TEXT_SIZE = RESOLVER_ADDRESSES_MAX * 48 /* "[", INET6_ADDRSTRLEN, "]" and "," */
};

/* One question, embedded in whoever asks; zero-fill it once, but for on_done. */
struct resolver_query {
    /* From the loop. addresses: "192.0.2.1,[2001:db8::1],..." in the resolver's order, as
     * CURLOPT_RESOLVE takes them, valid until it returns; empty: detail says why not (static). */
    void (*on_done)(struct resolver_query *q, str addresses, const char *detail);
    bool waits;
    struct list link; /* private, as is the next */
    const char *problem;
};

int resolver_open(struct resolver **out, struct uv_loop_s *loop, struct wake *wake,
                  const struct alloc *alloc); /* PIPEPOLL_ENOMEM */
/* No query may wait. A look-up under way is cancelled, or outlived when it runs already: that can
 * take the system's DNS timeout, and the loop could not be closed earlier either. `closed` comes
 * from the loop, or at once when no look-up is under way; r is gone then. */
void resolver_close(struct resolver *r, void (*closed)(void *ctx), void *ctx);

/* The addresses known and not stale: put into text (NUL-terminated, RESOLVER_TEXT_SIZE bytes) at
 * once and true; else false, and q->on_done() comes later. IP literals (IPv6 in brackets)
 * and "localhost" (127.0.0.1 and ::1) need no look-up. PIPEPOLL_ENOMEM is told by on_done(). */
bool resolver_ask(struct resolver *r, struct resolver_query *q, str host, char *text);
/* on_done() will not come. Fine when q does not wait. */
void resolver_forget(struct resolver_query *q);
/* No address of it could be connected to: the next question looks again, and waits for it. */
void resolver_distrust(struct resolver *r, str host);

#endif
