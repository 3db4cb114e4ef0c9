/* SPDX-License-Identifier: MIT */
/* One curl multi on the loop: sockets watched, timer armed, results told from a clean stack.
 * Private to io/. */
#ifndef IO_MULTI_H
#define IO_MULTI_H

#include <curl/curl.h>

#include "base/list.h"
#include "io/socket.h"
#include "io/timers.h"

/* Embedded first in whatever an easy handle works for; CURLOPT_PRIVATE points at it. */
struct multi_user {
    CURL *easy;
    struct multi *multi;
    /* From the loop. May start or end anything, this multi included. After a failure the handle has
     * left the multi. */
    void (*on_done)(struct multi_user *u, CURLcode code);
    bool working;     /* libcurl works on it, or its result is still to be told */
    struct list link; /* of those that libcurl works on, then of those that are done */
    CURLcode code;
};

struct multi {
    CURLM *curl;
    struct timer timer; /* libcurl's own */
    struct timer soon;  /* look for results */
    struct socket_watcher watcher;
    struct list link; /* the owner's */
    unsigned users;   /* counted by the owner */
    unsigned working; /* handles that libcurl works on, and they: */
    struct list at_work;
    bool starved; /* libcurl ran out of memory in it: no new handles */
    struct alloc alloc;
};

/* NULL: out of memory. */
struct multi *multi_open(struct sockets *sockets, struct timers *timers, const struct alloc *alloc);
/* Every handle must have left. Its idle connections end. Not in a list. */
void multi_close(struct multi *m);

/* Give the handle to libcurl and let it begin at once; on_done() comes later, never from inside.
 * false: out of memory. */
bool multi_add(struct multi *m, struct multi_user *u);
/* Take it back, whatever it does; no on_done(). Not inside a callback of libcurl. */
void multi_remove(struct multi_user *u);

#endif
