/* SPDX-License-Identifier: MIT */
/* A job of the handler `stdio`, and what its files know of the handler: stdio_handler.c moves jobs
 * from list to list, stdio_answer.c reads what the program says of them. Private to these. */
#ifndef HANDLER_STDIO_JOB_H
#define HANDLER_STDIO_JOB_H

#include <uv.h>

#include "handler/job_document.h"
#include "handler/stdio_log.h"
#include "handler/stdio_worker.h"

enum stdio_job_state {
    STDIO_JOB_WAITING,  /* for its turn, or a program */
    STDIO_JOB_HELD,     /* given to the program */
    STDIO_JOB_STOPPING, /* which was told to stop it */
    STDIO_JOB_ENDED     /* without a result: done() comes from the loop */
};

struct stdio_job {
    struct handler_run run;
    struct list link; /* in the list of its state, where those that came first are due first */
    enum stdio_job_state state;
    bool stopped;      /* by stop() or close(), not since its time was up */
    uint64_t since_ms; /* it waits, is held, or was told to stop */
    const struct handler_events *events;
    void *ctx;
    struct secrets secrets;
    struct job_document line; /* until it is written */
    uint64_t other_lines;
    struct report report; /* of ENDED */
    char message[1200];
    str id, stop_line; /* behind the struct */
};

struct stdio_handler {
    struct handler handler;
    struct stdio_handler_options options; /* with the defaults filled in */
    struct background *background;
    struct stdio_worker_events worker_events;
    uv_timer_t timer;
    struct list waiting, held, stopping, ended;
    size_t in_hand;            /* held and stopping */
    struct stdio_job *writing; /* in hand, and its line not whole in the pipe */
    uint64_t free_ms;          /* since when nothing but that is in hand, if so */
    struct stdio_log log;
    bool closing;
    uint64_t term_ms, deadline_ms; /* of closing */
    void (*closed)(void *ctx);
    void *ctx;
    struct stdio_worker worker;
};

struct stdio_job *stdio_job_of(struct list *link);
/* In no list. NULL: no memory. */
struct stdio_job *stdio_job_new(struct stdio_handler *h, const struct handler_input *in);
void stdio_job_move(struct stdio_handler *h, struct stdio_job *job, enum stdio_job_state state,
                    struct list *to);

/* Does the program have one whose line is whole in its pipe? */
bool stdio_job_any_is_read(const struct stdio_handler *h);

/* Each moves it to `ended`: it fails, with a message, since... */
void stdio_job_end(struct stdio_handler *h, struct stdio_job *job,
                   enum pipepoll_failure_type failure, const struct buf *message);
void stdio_job_end_stopped(struct stdio_handler *h, struct stdio_job *job);   /* stop(), close() */
void stdio_job_end_timed_out(struct stdio_handler *h, struct stdio_job *job); /* its time is up */
void stdio_job_end_lost(struct stdio_handler *h, struct stdio_job *job); /* the program ended */
void stdio_job_end_unstarted(struct stdio_handler *h, struct stdio_job *job); /* it took no job */

/* A job in hand has its result, or one that ended is told. It is gone then, and its caller may have
 * started, stopped or closed anything. */
void stdio_job_tell(struct stdio_handler *h, struct stdio_job *job, const struct report *report);

/* Lines of the program. */
void stdio_answer_on_output(void *handler, char *line, size_t len, bool cut);
void stdio_answer_on_error(void *handler, char *line, size_t len, bool cut);

#endif
