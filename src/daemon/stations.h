/* All the polling of `pipepoll run`: a station on each of one or more loops, regions split among
 * them, and every line brought to the one output. On the home loop's thread. */
#ifndef DAEMON_STATIONS_H
#define DAEMON_STATIONS_H

#include "daemon/crew.h"
#include "daemon/output.h"
#include "daemon/split.h"
#include "daemon/station.h"

struct stations_options {
    struct uv_loop_s *home;
    uint32_t loops;                /* no more than the config's max_in_flight */
    const struct config *config;   /* its limits; read by stations_open() only */
    const struct console *console; /* copied for each station, now and at each change */
    struct output *output;         /* on `home`; of stations_outlet_size() */
};

struct post;

struct stations {
    struct stations_options options;
    struct crew *crew;
    struct post *posts;
    struct split split;
    struct health_board board;
    struct plan shares[CREW_LOOPS_MAX]; /* what each polls */
    struct plan next[CREW_LOOPS_MAX];   /* what each is to poll */
    uint32_t first_pumped;
    bool left, done;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* What the output must hold of its own: lines of several stations wait in their relays. */
size_t stations_outlet_size(uint32_t loops, uint32_t max_in_flight);

/* Open the pollers, without targets. As pipepoll_open(); whatever comes of it, end it by
 * stations_close(). */
int stations_open(struct stations *s, const struct stations_options *o, struct pipepoll_error *why);

/* What came of a change. */
struct stations_change {
    size_t added, removed, kept; /* targets */
    uint32_t idle;               /* loops without any */
};

/* Poll what the plan says, from what was polled before. Reorders the plan's targets, which must
 * live until the next change or the end. Waits for one turn of each loop. PIPEPOLL_ENOMEM: nothing
 * was changed. */
int stations_change(struct stations *s, struct plan *plan, struct stations_change *out);

/* Have keys that are missing or refused asked for anew. Waits for one turn of each loop. Not after
 * stations_close(). */
void stations_refresh(struct stations *s);

/* The output has room again, or is broken and every line left is to go to its lost(). */
void stations_on_room(struct stations *s);
void stations_on_broken(struct stations *s);

/* Drain: polls in flight are delivered and their lines put into the output, however long that has
 * no room; then closed(ctx), perhaps inside this call, where stations_deinit() is allowed. */
void stations_close(struct stations *s, void (*closed)(void *ctx), void *ctx);

/* At any time: polls in flight, as of the last that ended or of stations_note(); bytes of lines
 * that did not get to the output yet. */
uint32_t stations_in_flight(const struct stations *s);
size_t stations_backlog(const struct stations *s);

/* What all pollers did in their time: as of the last stations_note(), and after closed(). */
struct stations_work {
    uint64_t polls, jobs, failures;       /* started; delivered; polls that failed */
    size_t targets, unhealthy, throttled; /* the latter two: by stations_note() alone */
    uint32_t in_flight, parked;           /* polls */
    uint32_t max_lateness_ms;
};
struct stations_work stations_work(const struct stations *s);

/* Waits for one turn of each loop. Not after stations_close(). */
void stations_note(struct stations *s);

/* After stations_close() and output_give_up(): the lines that wait in between go to lost(). Returns
 * how many polls are still in flight. */
uint32_t stations_give_up(struct stations *s);

/* Log incidents that are due; `last`: all that were not told yet. */
void stations_tell_health(struct stations *s, const struct console *log, bool last);

void stations_deinit(struct stations *s); /* fine on a zeroed one */

#endif
