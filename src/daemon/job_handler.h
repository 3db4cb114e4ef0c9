/* SPDX-License-Identifier: MIT */
/* A [handler NAME] of the config on one loop: opened as the kind that it is. */
#ifndef DAEMON_JOB_HANDLER_H
#define DAEMON_JOB_HANDLER_H

#include "config/handler_config.h"
#include "daemon/logger.h"
#include "handler/exec.h"
#include "handler/handler.h"
#include "status/status.h"

struct callbacks;

struct job_handler {
    const struct handler_config *config; /* must outlive it */
    struct handler *handler;
    struct callbacks *callbacks; /* a webhook's; NULL: it has none */
    size_t running;
    uint64_t ends[STATUS_RUN_ENDS];
    struct status_durations run_time;
    void (*closed)(void *ctx);
    void *ctx;
};

/* The struct must not move until it is closed. ca_bundle: for https, a PEM file; NULL: the system's
 * roots. Blocks to read key and roots, as at the start one may. After a failure there is nothing
 * to close, and why names the handler. */
int job_handler_open(struct job_handler *h, struct uv_loop_s *loop,
                     const struct handler_config *config, const char *ca_bundle,
                     const struct logger *logger, struct pipepoll_error *why);

/* As the handler's close(). */
void job_handler_close(struct job_handler *h, uint32_t deadline_ms, void (*closed)(void *ctx),
                       void *ctx);

#endif
