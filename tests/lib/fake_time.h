/* SPDX-License-Identifier: MIT */
/* The inside of fake_engine.h. */
#ifndef TESTS_FAKE_TIME_H
#define TESTS_FAKE_TIME_H

#include "base/heap.h"
#include "base/list.h"
#include "base/table.h"
#include "lib/fake_engine.h"

enum { FAKE_DATA = 32, FAKE_LOGS = ENGINE_DEAD + 1 };

struct fake_event {
    struct heap_node node;
    struct list link; /* in its owner's, while that stands still */
    uint64_t serial, at_ns;
    struct fake_owner *owner;
    void (*fn)(void *ctx, const void *data);
    void *ctx;
    _Alignas(16) unsigned char data[FAKE_DATA];
};

struct fake_owner {
    struct list link, waiting;
    bool is_stopped, is_dead;
};

/* A message that is there. */
struct fake_stored {
    struct table_node node; /* by key */
    struct list link;       /* in the order of the log */
    uint64_t sequence, stored_ns;
    str key, body; /* in this block */
    size_t size;
};

struct fake_log {
    struct table keys;
    struct list messages;
    uint64_t sequence;
    size_t count;
    enum engine_result refusal;
};

struct fake {
    struct fake_event **queue; /* a heap by instant, then by order of asking */
    size_t queued, room;
    struct list free_events, owners, engines;
    uint64_t now_ns, serial;
    struct rng rng;
    struct fake_log logs[FAKE_LOGS];
    uint64_t erasures; /* so far: a place in a log may be gone */
    bool is_away;
    struct table once;      /* ids of the last hour */
    struct list once_order; /* the same, by time */
    struct list requests;
};

/* --- fake_time.c --- */
void fake_kill_owner(struct fake *f, struct fake_owner *o);
void fake_time_close(struct fake *f);

/* --- fake_logs.c --- */
void fake_logs_open(struct fake *f);
void fake_logs_close(struct fake *f);
void fake_store(struct fake *f, enum engine_log log, str key, str body);
bool fake_has(const struct fake *f, enum engine_log log, str key);
void fake_erase(struct fake *f, enum engine_log log, str key); /* as the engine's remove() */
bool fake_key_begins(str key, str prefix);                     /* by whole words */

#endif
