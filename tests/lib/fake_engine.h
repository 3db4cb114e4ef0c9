/* SPDX-License-Identifier: MIT */
/* An engine in memory on virtual time: any number of members, each with a `struct engine` of its
 * own, share one set of logs. Behaves as fleet/engine.h says, also where it is unpleasant: answers
 * are lost, connections are cut, all servers are away, a watch lags.
 *
 *   struct fake *f = fake_open(seed);
 *   struct engine *e = fake_join(f, &(struct fake_member) { 0 }, &events);
 *   fake_run(f, fake_now(f) + 1000000000);      a second
 *   fake_close(f);                              with all engines that are still there
 *
 * Jobs are not delivered: pull() does nothing.
 *
 * There is one queue of events, which tests use as well. Events of one owner (a process) wait while
 * it stands still, and vanish when it is killed. The same seed gives the same run. */
#ifndef TESTS_FAKE_ENGINE_H
#define TESTS_FAKE_ENGINE_H

#include "base/rng.h"
#include "fleet/engine.h"

struct fake;

struct fake *fake_open(uint64_t seed);
void fake_close(struct fake *f);
struct rng *fake_rng(struct fake *f);

/* --- time --- */

uint64_t fake_now(const struct fake *f);
/* Fire what is due until then, the instant included; the clock shows until_ns afterwards. */
void fake_run(struct fake *f, uint64_t until_ns);

/* A process. */
struct fake_owner;
struct fake_owner *fake_owner_new(struct fake *f);
void fake_stop(struct fake *f, struct fake_owner *o); /* SIGSTOP */
void fake_cont(struct fake *f, struct fake_owner *o);
/* Its events vanish, its engine too; what it had sent arrives. */
void fake_kill(struct fake *f, struct fake_owner *o);
/* Call fn(ctx, data) at that instant, with a copy of data[size] of at most 32 bytes. owner: NULL
 * for the world's own. */
void fake_at(struct fake *f, uint64_t at_ns, struct fake_owner *owner,
             void (*fn)(void *ctx, const void *data), void *ctx, const void *data, size_t size);

/* --- engines --- */

struct fake_member {
    struct fake_owner *owner;   /* NULL: of none */
    uint64_t least_ns, most_ns; /* of one way to the servers */
    double loss;                /* of requests, and of answers */
    size_t queue;               /* writes on their way at once; 0: 4096 */
    uint64_t lag_ns;            /* a watch may lag for so long after a cut; 0: it does not */
    uint64_t hiccup_ns;         /* now and then a way takes so much longer */
};

/* The events come from fake_run(). Ends with fake_close(), fake_kill() or its own close(). */
struct engine *fake_join(struct fake *f, const struct fake_member *plan,
                         const struct engine_events *events);
/* Another way to the servers from now on; its owner stays. */
void fake_change(struct engine *e, const struct fake_member *plan);
/* Cut one from the servers, or not any more. */
void fake_cut(struct engine *e, bool is_cut);
/* All servers are away, or there again. What was written stays. */
void fake_outage(struct fake *f, bool is_away);
/* All logs are gone: new ones count from 1. Watches notice after some seconds. */
void fake_lose(struct fake *f);
/* Writes to this log are answered so from now on, without effect; ENGINE_DONE: as usual. */
void fake_refuse(struct fake *f, enum engine_log log, enum engine_result result);

/* --- the logs --- */

/* The last message of this key, empty if there is none. */
str fake_body(const struct fake *f, enum engine_log log, str key);
/* Message i of those that are there, in the order of the log; false: no more. */
bool fake_message(const struct fake *f, enum engine_log log, size_t i, str *key, str *body);
size_t fake_count(const struct fake *f, enum engine_log log);
/* Written by nobody. */
void fake_put(struct fake *f, enum engine_log log, str key, str body);

#endif
