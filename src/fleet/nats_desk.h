/* SPDX-License-Identifier: MIT */
/* The desk between the loop and the engine's thread: what is asked for goes one way, what happened
 * the other, all under one mutex that nobody holds while he works. */
#ifndef FLEET_NATS_DESK_H
#define FLEET_NATS_DESK_H

#include <uv.h>

#include "fleet/nats_ask.h"
#include "fleet/nats_event.h"

enum {
    NATS_WRITES_MAX = 4096, /* asked for and not told of */
    NATS_WRITE_BYTES = 32 << 20,
    NATS_REMOVES_MAX = 4096,
    NATS_EVENTS_MAX = 4096, /* of what the engine reads; answers are as many as there are asks */
    NATS_EVENT_BYTES = 16 << 20,
    NATS_WORDS_MAX = 64, /* states and caught-ups */
    NATS_WHY_MAX = 512
};

#define NATS_LOGS ((int)ENGINE_DEAD + 1)

struct nats_state {
    struct nats_event event;
    enum engine_state state;
    char why[NATS_WHY_MAX];
};

struct nats_caught_up {
    struct nats_event event;
    enum engine_log log;
    uint64_t generation;
};

struct nats_write {
    struct nats_event event;
    size_t size; /* with what is behind it */
    struct nats_ask ask;
    enum engine_log log;
    char *subject, *once; /* behind the struct, as the body; once may be NULL */
    str body;
    bool absent;
    uint64_t ticket, asked_ms;
    uint64_t order; /* of asking: rises from one to the next */
    enum engine_result result;
};

struct nats_remove {
    struct list link;
    struct nats_ask ask;
    enum engine_log log;
    unsigned attempts;
    char request[160]; /* the subject of the request */
    char subject[];    /* without that */
};

/* What is to be watched. */
struct nats_wish {
    uint64_t generation; /* rises with each watch() and unwatch() */
    bool is_wanted;
    char prefix[ENGINE_KEY_MAX + 1];
};

struct nats_pull_wish {
    char filter[ENGINE_KEY_MAX + 1]; /* empty: this place is free */
    unsigned count;
    bool is_idle; /* the thread has nothing of it, and it may be another's */
};

enum nats_settlement { NATS_UNSETTLED, NATS_DONE, NATS_GIVEN_BACK };

struct engine_delivery {
    struct nats_event event;
    struct list mine; /* the thread's */
    struct nats_note *note;
    size_t pull;
    unsigned delivered;
    bool is_let_go;              /* it has left the user's hands */
    uint64_t again_ms, until_ms; /* when the server is told again, and for how long */
    struct nats_ask ask;
    char *reply; /* where it is settled */
    str key;
    /* Under the mutex: */
    struct list settled; /* in the desk's list, or in none */
    enum nats_settlement settlement;
    bool is_held;
    uint32_t after_ms;
};

struct nats_desk {
    uv_mutex_t mutex;
    uv_cond_t changed;
    /* To the thread. */
    bool is_woken, is_closing;
    uint64_t close_by_ms;
    struct list writes, removes, settled;
    struct list left; /* deliveries when the thread has ended */
    size_t write_count, write_bytes, remove_count;
    uint64_t last_order; /* of a write */
    struct nats_wish watches[NATS_LOGS];
    struct nats_pull_wish pulls[ENGINE_PULLS];
    /* To the loop. */
    struct list happened;
    size_t read_count, read_bytes; /* of messages that the engine read */
    uv_async_t *async;             /* NULL: nobody listens any more */
    size_t word_count;             /* states and caught-ups that it has not taken */
    struct engine_stats stats;
};

int nats_desk_init(struct nats_desk *d);
void nats_desk_deinit(struct nats_desk *d); /* frees what lies on it */

uint64_t nats_now_ms(void);

/* --- the thread's --- */

void nats_desk_wake(struct nats_desk *d); /* any thread */
/* Until woken, or until then. */
void nats_desk_wait(struct nats_desk *d, uint64_t until_ms);
/* The event goes to the loop. */
void nats_desk_tell(struct nats_desk *d, struct nats_event *e);
/* false: not now; try again later. */
bool nats_desk_tell_state(struct nats_desk *d, enum engine_state state, const char *why);
bool nats_desk_tell_caught_up(struct nats_desk *d, enum engine_log log, uint64_t generation);
/* May more be read? If not, the thread is woken when it may. */
bool nats_desk_has_room(struct nats_desk *d);

/* --- the loop's --- */

void nats_desk_take(struct nats_desk *d, struct list *events);
/* Wipes: a job's nonce may be in it. It is in no list. */
void nats_write_free(struct nats_write *w);
/* What was taken, told or not; a delivery stays the thread's. */
void nats_event_free(struct nats_desk *d, struct nats_event *e);

#endif
