/* SPDX-License-Identifier: MIT */
/* `pipepoll run`, what its parts share: the beginning (run.c), the reload and the end. All on the
 * home loop's thread. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <uv.h>

#include "cli/run_fixed.h"
#include "cli/run_options.h"
#include "daemon/config_reader.h"
#include "daemon/logger.h"
#include "daemon/main_loop.h"
#include "daemon/notify.h"
#include "daemon/shards.h"
#include "daemon/status_taker.h"
#include "daemon/web.h"

/* What is done about the file. */
enum run_reload {
    RELOAD_NONE,
    RELOAD_READING,  /* on a thread */
    RELOAD_STARTING, /* the first targets come, a slice at each turn */
    RELOAD_CHANGING  /* targets come and go */
};

struct run {
    struct run_options options;
    struct config config;
    struct run_fixed fixed;      /* keys as they were at the start */
    struct worker_config worker; /* of the start, taken out of the config: it stays in force */
    struct http_config http;     /* the same */
    struct fleet_config fleet;   /* the same */
    struct job_world world;      /* open if has_world */
    bool has_world;
    struct config previous; /* some of its targets are still polled while RELOAD_CHANGING */
    struct config_reader *reader;
    enum run_reload reload;
    bool reload_again; /* SIGHUP came meanwhile */
    struct logger logger;
    struct log log;
    struct main_loop home; /* its timer runs from the beginning of the end */
    uv_timer_t look;       /* for incidents that are to be told */
    struct notify notify;
    uv_timer_t notify_timer;
    struct fleet *joined;             /* the fleet that we are in; NULL: none */
    uint64_t looked_ms, looked_polls; /* see run_fleet_look() */
    void (*fleet_closed)(struct run *r);
    struct fleet_listener of_sink;
    struct sink *sink;
    struct shards shards;
    struct web *web;           /* NULL: nobody may ask how we are */
    struct status_taker taker; /* of all there is to say of them */
    int64_t config_read_ms;    /* Unix time */
    bool config_refused;       /* when it was read last */
    bool ending;
    unsigned handed_back;     /* how often handlers were told to end */
    int end_number;           /* the signal that asked for the end; 0: none did */
    uint64_t ending_since_ms; /* of the loop's clock */
    struct shards_work work;  /* at that time */
    int code;
};

/* --- run_reload.c --- */

/* One line of a diagnostic; ctx is a struct logger. */
void run_log_diagnostic(void *ctx, enum pipepoll_level level, str text);
/* After its diagnostics: the line that says what came of it. c may be NULL for PIPEPOLL_ENOMEM. */
void run_log_refusal(struct run *r, int result, const struct diagnostics *diagnostics,
                     const char *then);
/* What the options override, in a config that was loaded. */
void run_apply_options(struct run *r, struct config *config);
/* Poll the targets of the config, which the shards do not know yet. PIPEPOLL_ENOMEM. */
int run_start_targets(struct run *r);
/* For the shards' changed(). */
void run_on_changed(void *ctx, const struct shards_change *what);
/* For the reader: split the plan; take what was read, or tell what is wrong with it. */
int run_on_prepare(void *ctx, struct config *config);
void run_on_read(void *ctx, struct config_reading *got);
/* SIGHUP: read the file again; once more afterwards, when that is under way. */
void run_reload(struct run *r);

/* --- run_status.c --- */

/* Before anything is opened. */
void run_prepare_status(struct run *r);
/* How things stand; lives until the next call. */
const struct status *run_status(struct run *r);

/* --- run_fleet.c --- */

/* Where the file has a [fleet]; a fleet that was joined is to be closed, whatever comes of it. */
int run_fleet_join(struct run *r, struct pipepoll_error *why);
/* What it polls of its targets, to be said behind their number; empty: all. Static. */
const char *run_fleet_share(const struct run *r);
/* Where jobs go: to the fleet's queue if there is one. As sinks_open(). */
struct sinks_options;
int run_fleet_open_sink(struct run *r, const struct sinks_options *o, struct pipepoll_error *why);
/* Each second or so: tell the others how we are. */
void run_fleet_look(struct run *r);
/* What there is to say of the fleet. */
void run_fleet_fill_status(struct run *r, struct status *s);
/* Our targets are the others' from now on. */
void run_fleet_leave(struct run *r);
/* Then closed(r), at once where there is none. */
void run_fleet_close(struct run *r, void (*closed)(struct run *r));

/* --- run_notify.c --- */

/* Before there are other threads that may look at the environment. */
void run_notify_start(struct run *r);
/* Targets are polled as the file says, for the first time or after a reload, done or refused. */
void run_notify_settled(struct run *r);
void run_notify_reloading(struct run *r);
void run_notify_stopping(struct run *r); /* once r->ending */
void run_notify_close(struct run *r);

/* --- run_end.c --- */

/* Begin the end, once: polls in flight are delivered, lines written, handles closed. code: what to
 * exit with, unless 0. Not before the shards were opened or failed to. */
void run_end(struct run *r, int code);
/* SIGTERM or SIGINT: begin the end, or end at once where it began a while ago. */
void run_on_end_signal(struct run *r, int number);
/* Close what is left when the sink is gone, or never was. */
void run_close_handles(struct run *r);
/* What it waits for, on one line. */
void run_put_end(struct run *r, struct buf *out);
/* How long the end may still take, in seconds. */
uint32_t run_drain_left_s(struct run *r);
/* SIGUSR1: one line on how things stand. */
void run_log_status(struct run *r);

#endif
