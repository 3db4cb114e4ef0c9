/* SPDX-License-Identifier: MIT */
/* The process of a stdio handler: started when it is wanted, and started again after a delay; its
 * streams as lines; its end as a sentence. It knows no jobs. Private to the handler. */
#ifndef HANDLER_STDIO_WORKER_H
#define HANDLER_STDIO_WORKER_H

#include "base/rng.h"
#include "handler/lines.h"
#include "handler/stdio_handler.h"
#include "handler/subprocess.h"

enum stdio_worker_state {
    STDIO_WORKER_NONE,     /* there is none; may be started from restart_ms on */
    STDIO_WORKER_STARTING, /* it does not run yet */
    STDIO_WORKER_READY,    /* it reads */
    STDIO_WORKER_RETIRED,  /* its stdin has ended: it may finish what it has */
    STDIO_WORKER_ENDING    /* told to end, and made to */
};

/* From the loop, never from inside a call of below. */
struct stdio_worker_events {
    void (*on_output)(void *ctx, char *line, size_t len, bool cut);
    void (*on_error)(void *ctx, char *line, size_t len, bool cut);
    /* The line that was written first, of those on their way, is whole in its pipe. */
    void (*on_written)(void *ctx);
    /* Its state is another, or `idle`. */
    void (*on_change)(void *ctx);
    /* There is none any more: how. */
    void (*on_end)(void *ctx);
    void *ctx;
};

struct stdio_worker {
    const struct stdio_handler_options *options;
    const struct stdio_worker_events *events;
    struct background *background;
    struct subprocess *subprocess; /* unless NONE */
    enum stdio_worker_state state;
    bool idle;   /* READY, and all that was written is in its pipe */
    bool mute;   /* it closed its stdout: no result will come */
    bool hung;   /* it did not answer "stop" */
    bool worked; /* it gave a result: the owner says so */
    uint64_t started_ms, retired_ms, restart_ms; /* of the loop's clock */
    unsigned failures;                           /* in a row */
    struct rng rng;
    const char *fault; /* why it was told to end; NULL: for nothing of its own */
    bool failed;       /* the last one ended in another way than with exit code 0 */
    struct buf how;    /* the last one ended, or was not started */
    struct lines out, err;
    char last_line[STDIO_HANDLER_LOG_LINE_MAX];
    size_t last_len;
    char program[64]; /* the name in its path */
    char how_text[1024];
    char out_line[STDIO_HANDLER_LINE_MAX], err_line[STDIO_HANDLER_LOG_LINE_MAX];
};

/* w is zeroed. o, with its defaults filled in, and events must outlive it. */
void stdio_worker_init(struct stdio_worker *w, struct background *b,
                       const struct stdio_handler_options *o,
                       const struct stdio_worker_events *events);
/* Of NONE. Without memory it fails as one that ends at once: how, and restart_ms. */
void stdio_worker_start(struct stdio_worker *w);
/* PIPEPOLL_ENOMEM. */
int stdio_worker_write(struct stdio_worker *w, str line);
/* End its stdin. */
void stdio_worker_retire(struct stdio_worker *w);
/* SIGTERM, and SIGKILL after kill_after_ms. fault (static; may be NULL): "PROGRAM fault". */
void stdio_worker_end(struct stdio_worker *w, const char *fault);
/* Kill it now; on_end() will not come. */
void stdio_worker_abandon(struct stdio_worker *w);
/* When it must start, or is to end, if nothing happens; UINT64_MAX: never. wanted: jobs wait for
 * one. free_ms: since when it has had no job; UINT64_MAX: it has some. */
uint64_t stdio_worker_due(const struct stdio_worker *w, bool wanted, uint64_t free_ms);
void stdio_worker_on_due(struct stdio_worker *w);
/* The last line of stderr, that may be logged. */
void stdio_worker_keep_line(struct stdio_worker *w, str line);

#endif
