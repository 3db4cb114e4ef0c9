/* SPDX-License-Identifier: MIT */
/* What a fleet needs of the engine that its members share: four logs of messages, each with a key,
 * that survive members, machines and a minority of the engine's own servers. Narrow, so that
 * another engine can take the place of the first (NATS JetStream, fleet/nats_engine.h), and so that
 * tests have one in memory.
 *
 * The bargain. Nothing here blocks or fails at once: what is asked for is copied into a bounded
 * queue, and what became of it comes as an event, on the loop's thread, once, by a deadline of the
 * engine's own (ENGINE_ANSWER_MS and what the queue takes). A write that timed out may have had its
 * effect. No event comes from inside a call; every function may be called inside every event.
 * Texts of an event die when it returns.
 *
 * Keys are words of ASCII letters, digits, '-' and '_', joined by '.'; the engine puts the fleet's
 * name before them. */
#ifndef FLEET_ENGINE_H
#define FLEET_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum {
    ENGINE_ANSWER_MS = 3000, /* what a write waits for its answer */
    ENGINE_KEY_MAX = 255,
    ENGINE_BODY_MAX = 512 << 10,
    ENGINE_DEAD_BYTES = 256 << 20 /* of ENGINE_DEAD, in a week: then the oldest go */
};

/* The logs. */
enum engine_log {
    ENGINE_LEASES, /* the last message of each key alone; never ages */
    ENGINE_JOBS,   /* a day of found jobs, for the workers to pull; full: refuses */
    ENGINE_OUTBOX, /* the last message of each key: results until the service has them */
    ENGINE_DEAD    /* jobs that nobody could take, a week */
};

enum engine_state {
    ENGINE_AWAY,     /* not there yet, or not any more, or one of its logs is silent: what can be
                      * done is done all the same; it tries again by itself */
    ENGINE_READY,    /* connected, and its logs are there as they should be */
    ENGINE_UNUSABLE, /* there, and as it is of no use: no right, a log of another kind or format; it
                      * is looked at again with growing pauses */
    ENGINE_CLOSED
};

enum engine_result {
    ENGINE_DONE,
    ENGINE_DUPLICATE, /* as DONE: a message with this once-id is there */
    ENGINE_PRESENT,   /* the key was to be absent, and is not; nothing was written */
    ENGINE_FULL,      /* the log takes no more now */
    ENGINE_NO_RIGHT,
    ENGINE_UNKNOWN /* no answer in time, or the engine is away: perhaps done, perhaps not */
};

/* A write of one message. */
struct engine_message {
    enum engine_log log;
    str key, body;
    bool absent;     /* only if no message has this key; exact, whoever else tries */
    str once;        /* not if a message with this id was written within the hour; empty: always.
                      * At most ENGINE_KEY_MAX bytes, of 0x21 to 0x7e */
    uint64_t ticket; /* comes back in written(); any number but 0 */
};

/* A job that was pulled; the engine's until it is settled. */
struct engine_delivery;

struct engine_events {
    /* The first comes soon after the start. why: one line for the user, with the server and what to
     * do; empty when READY. */
    void (*state)(void *ctx, enum engine_state state, str why);
    void (*written)(void *ctx, uint64_t ticket, enum engine_result result);
    /* A watch brings what its log holds (of LEASES and OUTBOX the last message of each key, of the
     * others all), in the order of the log, then each that comes; a message that was removed is not
     * told. sequence: its number in the log, rising. After the engine was away, or missed some, or
     * a message of ours got a number that is no new one, all of it comes again, with the same
     * numbers, and caught_up() again. */
    void (*seen)(void *ctx, enum engine_log log, str key, str body, uint64_t sequence);
    /* The watch has brought all that there was when it began (again). */
    void (*caught_up)(void *ctx, enum engine_log log);
    /* One of the jobs that pull() asked for. delivered: how often it was, 1 at first. */
    void (*pulled)(void *ctx, struct engine_delivery *d, str key, str body, unsigned delivered);
    void *ctx;
};

/* How the engine and the logs stand, for status; read with one call, any thread. */
struct engine_stats {
    enum engine_state state;
    char server[128]; /* that we are connected to, without credentials; empty: none */
    char version[32]; /* the server's */
    uint64_t reconnects;
    /* In ENGINE_JOBS; some seconds old, and unworked up to half a minute. */
    bool jobs_known;        /* false: not yet */
    uint64_t jobs_waiting;  /* not delivered to anybody, those of unworked included */
    uint64_t jobs_out;      /* delivered, and not settled */
    uint64_t jobs_unworked; /* of keys that no worker ever pulled */
    char unworked_key[128]; /* of one of these, perhaps cut; empty: there are none */
};

/* Embed it, and get your own struct back from `self`. */
struct engine {
    /* false: nothing was taken, and no event comes: the queue is full, or the message is none that
     * engine_can_write(), and never will be taken. */
    bool (*write)(struct engine *self, const struct engine_message *m);
    /* Tell all messages of this log whose key begins with this prefix (whole words; empty: all);
     * the same log again: begin anew, as after a doubt. */
    void (*watch)(struct engine *self, enum engine_log log, str prefix);
    void (*unwatch)(struct engine *self, enum engine_log log);
    /* The messages of this key go; of one that ends with '.', or is empty, those of all keys that
     * begin with it. No event, and no hurry: some are gathered; tried some times, and left undone
     * when the queue is full. */
    void (*remove)(struct engine *self, enum engine_log log, str key);
    /* Of the jobs whose key matches `filter` ('*' stands for one word) have up to `count` on their
     * way to us or unsettled here: 0 lets go of the wish. Remembered while the engine is away. At
     * most ENGINE_PULLS filters at a time, those that were let go lately included; false: it is one
     * more, and nothing was taken. A job comes as often as it takes. */
    bool (*pull)(struct engine *self, str filter, unsigned count);
    /* Settle a delivery, once; d is gone. Or say that we are at it: it is kept from others for
     * another ENGINE_HOLD_MS. */
    void (*done)(struct engine *self, struct engine_delivery *d);
    void (*give_back)(struct engine *self, struct engine_delivery *d, uint32_t after_ms);
    void (*hold)(struct engine *self, struct engine_delivery *d);
    void (*stats)(struct engine *self, struct engine_stats *out);
    /* What was asked for is sent, for most_ms at most, then closed(ctx) comes from the loop and the
     * engine is gone; no other event comes any more. Deliveries that are not settled come to
     * others. */
    void (*close)(struct engine *self, uint32_t most_ms, void (*closed)(void *ctx), void *ctx);
};

enum { ENGINE_PULLS = 64, ENGINE_HOLD_MS = 30000 };

/* Is this a key, or with is_filter one that may have the word '*'? Pure, as the next. */
bool engine_is_key(str key, bool is_filter);
/* Are its key, body and once-id such as an engine takes? */
bool engine_can_write(const struct engine_message *m);

#endif
