/* SPDX-License-Identifier: MIT */
/* What works off jobs, whichever kind it is: a program for each job (exec.h), one long-lived
 * program (stdio_handler.h), a web service (webhook.h). There is one for each [handler NAME] of the
 * config file on each loop. It takes any number of jobs at once: its user bounds them. A kind
 * embeds struct handler, and struct handler_run for each job.
 *
 * All on the loop's thread; callbacks come from the loop, never from inside a call of these. */
#ifndef HANDLER_HANDLER_H
#define HANDLER_HANDLER_H

#include "base/log.h"
#include "handler/report.h"

/* All is borrowed until start() returns. */
struct handler_input {
    str job_id;         /* for log lines */
    str document;       /* the job as one line of JSON (job_document.h); wiped when it is used */
    const str *secrets; /* what is masked in log lines and in failures' messages */
    size_t secret_count;
    /* NAME=VALUE, for kinds that start a program for the job; others tell it in the document. */
    char *const *environment;
};

struct handler_result {
    /* SUCCEEDED, CONTINUE or FAILED, and what belongs to it; a failure always has a message. */
    struct report report;
    bool stopped; /* by stop(), before it gave a result: FAILED, SystemUnavailable */
    /* Lines that said nothing to us, and lines that were not logged. */
    uint64_t other_lines, left_out;
};

/* Called with the ctx of start(). What they are given dies when they return. */
struct handler_events {
    /* A PROGRESS report. May be NULL. */
    void (*progress)(void *ctx, const struct report *progress);
    /* A line for the log: "job ID: ...", without control characters and secrets. May be NULL. */
    void (*log)(void *ctx, enum pipepoll_level level, str line);
    /* Once; the run is gone when this returns. Required. */
    void (*done)(void *ctx, const struct handler_result *result);
};

struct handler;

/* One job that is worked off. */
struct handler_run {
    struct handler *handler;
};

struct handler {
    /* events must outlive done(). PIPEPOLL_ENOMEM: done() will not come; whatever else keeps it
     * from starting done() tells, by the failure type that fits. */
    int (*start)(struct handler *self, struct handler_run **out, const struct handler_input *in,
                 const struct handler_events *events, void *ctx);
    /* End it: done() comes as always, in a bounded time, and a result that is given until then
     * counts. A second call ends it at once. */
    void (*stop)(struct handler *self, struct handler_run *run);
    /* Stop every run, and after deadline_ms end those that are left, whose done() comes then; then
     * closed() (may be NULL), and the handler is gone. Nothing may be started any more. */
    void (*close)(struct handler *self, uint32_t deadline_ms, void (*closed)(void *ctx), void *ctx);
};

#endif
