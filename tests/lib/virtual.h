/* SPDX-License-Identifier: MIT */
/* A world in virtual time for the real library: client/ and credentials/ as they are, and these
 * fakes in place of io/timers, io/transport and io/trust_store. A test links `virtual` (see
 * tests/meson.build), which comes before the io floor and defines the same functions.
 *
 *   virtual_begin(seed);                the clock at an instant, the calendar at VIRTUAL_WALL_MS
 *   virtual_serve(&my_service);         who answers every request, whatever pool it goes by
 *   pipepoll_open(&p, NULL, &o, &why);  the public functions, or client/request.h; no loop needed
 *   virtual_run(virtual_s(600));        ten minutes, in some milliseconds
 *   pipepoll_close(p, NULL, NULL); virtual_run(...);
 *   assert_int_equal(virtual_end(), 0); nothing was left behind
 *
 * There is one queue of events: the timers of io/timers.h, which tests set as well (timer_init()
 * on virtual_timers()). The clock jumps from one to the next and stands still in between, so that
 * work takes no time. All chance is the test's and the poller's own (options.seed): the same seeds
 * give the same trace. A loop that is never done at one instant is found, and ends the test.
 *
 * Each request is told of twice: depart() when it leaves, which decides its way, and answer() when
 * it has arrived. A deadline of the caller's that passes first ends it as it does in real. Every
 * answer gets a Date by the service's clock.
 *
 * Not in here: names, TLS, proxies, files and programs. Credentials are fixed, anonymous, or come
 * over the network (a role from STS, a container's, IMDS). */
#ifndef TESTS_VIRTUAL_H
#define TESTS_VIRTUAL_H

#include "io/transport.h"

#define VIRTUAL_NEVER   TIMER_OFF
#define VIRTUAL_WALL_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

/* --- the clock --- */

/* An instant, so many seconds after the beginning. */
uint64_t virtual_s(double seconds);

/* seed: of what io/timers gives as a random seed. One world at a time. */
void virtual_begin(uint64_t seed);
/* How many timers, transfers and pools are left: 0 once all pollers have told that they are closed.
 * Takes the world's own memory along. */
unsigned virtual_end(void);

/* For the test's own timers; not counted by virtual_end(), but to be ended with timer_deinit(). */
struct timers *virtual_timers(void);

/* Fire what is due until then, the instant included, or until virtual_stop(). The clock shows
 * until_ns afterwards, unless it is VIRTUAL_NEVER or the run was stopped. */
void virtual_run(uint64_t until_ns);
void virtual_stop(void); /* after the event under way */
/* The process stands still for so long: what became due meanwhile fires afterwards. */
void virtual_stall(uint64_t ns);
/* Somebody sets the calendar clock of this machine. */
void virtual_set_wall_ms(int64_t wall_ms);
/* The process that has these is killed, at once and without a word: its memory is the test's to
 * free, by the hook of pipepoll_options. What it had sent arrives nevertheless. */
void virtual_kill(struct timers *timers, struct transport *tp);

/* --- the network --- */

/* Slices live until the callback returns. */
struct virtual_request {
    str url;    /* of the pool, as the endpoint was resolved: with a path, if only "/" */
    str target; /* X-Amz-Target, or empty */
    str method, path, head, body;
    void *mark; /* what depart() put there; NULL in depart() */
};

/* The value of a header of the request; empty: it has none so named (in this spelling). */
str virtual_header(const struct virtual_request *rq, str name);

/* What becomes of a request on its way. All zero: it arrives at once. */
struct virtual_way {
    uint64_t after_ns; /* until it arrives, or until it fails; VIRTUAL_NEVER: it hangs */
    enum fault fault;  /* it does not arrive */
    bool is_sent;      /* before it failed */
    bool looks_up;     /* it hangs for want of an address, which nobody waits for at the end */
    void *mark;        /* the service's, for answer() and ended() */
};

enum { VIRTUAL_HEADERS = 4 };

/* Copied when answer() returns. */
struct virtual_answer {
    uint64_t after_ns; /* from the service to the whole answer */
    int status;        /* 200 at first */
    str body;
    struct virtual_header {
        str name, value; /* name: lower case */
    } headers[VIRTUAL_HEADERS];
    int64_t clock_ms; /* how far the service's clock is ahead of ours */
    bool breaks;      /* the connection does, instead of the answer */
};

struct virtual_service {
    /* May be NULL: requests arrive at once. */
    void (*depart)(struct virtual_service *s, const struct virtual_request *rq,
                   struct virtual_way *way);
    void (*answer)(struct virtual_service *s, const struct virtual_request *rq,
                   struct virtual_answer *answer);
    /* May be NULL: the request with this mark is over, and its sender is told next. */
    void (*ended)(struct virtual_service *s, void *mark);
};

void virtual_serve(struct virtual_service *s);
/* All that is in flight to this URL breaks off within a millisecond. */
void virtual_break(str url);
unsigned virtual_in_flight(void);

/* virtual_begin() and virtual_end() call these. */
void virtual_network_begin(void);
unsigned virtual_network_end(void);

#endif
