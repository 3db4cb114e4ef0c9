/* SPDX-License-Identifier: MIT */
/* One name looked up by the system's resolver (getaddrinfo), on a thread: it may take as long as it
 * likes. Concurrent look-ups of one name are one, from whichever loops. Private to io/. */
#ifndef IO_LOOK_UP_H
#define IO_LOOK_UP_H

#include <stdint.h>

#include "base/str.h"
#include "io/worker.h"

enum { LOOK_UP_ADDRESSES_MAX = 16 };

/* IPv4 ones mapped into IPv6 (::ffff:192.0.2.1). */
struct address {
    unsigned char bytes[16];
};

struct look_up_answer {
    unsigned count;                                  /* 0: problem says why */
    struct address addresses[LOOK_UP_ADDRESSES_MAX]; /* in the resolver's order */
    char problem[96];
    bool starved;     /* there was no memory for it */
    bool is_final;    /* the name has no address: not that nobody could be asked */
    uint64_t took_ns; /* at a thread */
};

struct look_up {
    struct worker_job job; /* private */
    /* From the loop, once, unless forgotten; l is gone when it returns. */
    void (*on_done)(struct look_up *l);
    void *ctx;
    struct look_up_answer answer;
    char host[]; /* NUL-terminated */
};

/* NULL: out of memory. */
struct look_up *look_up_new(str host);
/* 0; or a positive errno: no thread could be started, and l is gone. */
int look_up_start(struct look_up *l, struct worker *w, enum worker_class class);
/* on_done() will not come. */
void look_up_forget(struct look_up *l);

/* false: not an address. */
bool address_read(struct address *a, str text);
bool address_eq(const struct address *a, const struct address *b);
/* "192.0.2.1", "[2001:db8::1]"; NUL-terminated. */
enum { ADDRESS_TEXT_SIZE = 48 };
const char *address_text(const struct address *a, char text[ADDRESS_TEXT_SIZE]);

#endif
