/* SPDX-License-Identifier: MIT */
/* One job in a worker's hands, and the run of a handler that works it. A run outlives its job when
 * that is continued: it then waits for the follow-up job. Private to job_runner.c, job_hand.c,
 * job_start.c, job_run.c and job_note.c. */
#ifndef DAEMON_JOB_H
#define DAEMON_JOB_H

#include "base/buf.h"
#include "base/list.h"
#include "daemon/job_handler.h"
#include "daemon/job_history.h"
#include "daemon/job_outbox.h"
#include "daemon/job_queue.h"
#include "daemon/job_runner.h"
#include "daemon/target_set.h"
#include "handler/artifact_endpoint.h"
#include "handler/secrets.h"
#include "handler/token_source.h"

enum {
    /* How long a handler runs on without a job, while the follow-up job is awaited. */
    JOB_FOLLOW_UP_MS = 30 * 60000,
    JOB_RENEW_MS = 15 * 60000,
    /* The newest renewals, whose secrets are masked; those of the ones before have expired. */
    JOB_RENEWALS_MASKED = 8,
    JOB_RETRY_MS = 1000,
    JOB_FAILURE_MAX = 200,
    JOB_STOP_MS = 2000 /* what handlers are given at the very end */
};

struct job_run;

/* A job in hand: the user pointer of its work. */
struct job {
    struct list link; /* in the runner's, the oldest first */
    struct job_runner *runner;
    struct pipepoll_work *work;
    struct target_set_entry *found_at; /* held */
    struct job_handler *handler;
    struct token_lookup lookup;
    struct job_run *run;   /* that works it, or worked it until it was continued; may be NULL */
    struct sha256 subject; /* of its continuations; once it has started */
    uint64_t started_ms;   /* by uv_now() */
    int64_t found_at_ms, started_at_ms; /* Unix time; 0: not yet */
    bool has_result;                    /* by the journal: nothing is left but to send it */
    bool is_told_of_token;              /* the log has said why it has none */
    char failure[JOB_FAILURE_MAX];      /* why it failed: one line, cut to fit; empty: it did not */
    struct queued_job
        *queued; /* as the fleet's queue has it, until it is claimed; NULL: a poll's */
    struct outbox_entry *outbox;        /* its result, for the fleet; NULL: it has none there */
    char sent_for[BEAT_MEMBER_MAX + 1]; /* the member whose result it is; empty: ours */
    uint64_t pass_to; /* the owner of the run that waits for it elsewhere; 0: nobody */
};

/* One run of a handler. */
struct job_run {
    struct list link; /* in the runner's */
    struct job_runner *runner;
    struct job_handler *handler;
    struct handler_run *handler_run; /* NULL: it has ended */
    struct job *job;                 /* whose result is awaited; NULL: none now */
    struct job *continued;           /* the one before, while its continuation is not confirmed */
    struct target_set_entry *awaits; /* whose poll finds the follow-up job; NULL: none is awaited */
    struct artifact_access access;
    struct secrets renewed[JOB_RENEWALS_MASKED]; /* its handler knows none of them */
    size_t renewals;
    uv_timer_t timer; /* what it is for follows from the members above */
    uint64_t id, began_ns;
    uint32_t part;
    bool is_given_up;               /* nobody wants its result */
    struct report progress, result; /* the last, and of an ended run; kind OTHER: none */
    void *progress_texts, *result_texts;
    bool was_stopped;
    char job_id[64]; /* of its first job, for the log */
};

struct job_runner {
    struct pipepoll_handler handler; /* the worker's */
    struct pipepoll_journal journal; /* the same; unused without one */
    struct pipepoll_worker *worker;
    uv_loop_t *loop;
    const struct job_world *world;
    struct fleet *fleet;     /* NULL: we are alone */
    struct job_queue *queue; /* the fleet's; NULL: nothing is taken out of it */
    struct fleet_listener listener;
    struct job_outbox *outbox; /* NULL: alone, or without a journal */
    const struct target_set *targets;
    const struct logger *logger;
    struct job_handler *handlers; /* one for each of the config */
    size_t handler_count;
    struct token_source *tokens; /* NULL: none are needed */
    struct artifact_endpoint *artifacts;
    struct journal_user *journal_user;
    struct list runs, jobs;
    struct job_history history;
    uint64_t last_run_id;
    bool was_forgotten; /* the journal was told so for the job whose end comes next */
    uint32_t max_jobs;
    bool is_draining, is_handing_back;
    bool is_drained; /* no job is asked for any more */
    struct job_tally *tally;
    size_t to_close;
    uv_timer_t idle; /* to tell of the drain's end from the loop */
    void (*drained)(void *ctx);
    void *drained_ctx;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static inline bool job_is_worked(const struct job *job)
{
    return job && job->run && job->run->job == job;
}

/* --- job_runner.c --- */

/* A job has ended, or a run does not wait any more: its drain may go on. */
void job_runner_on_change(struct job_runner *r);

/* --- job_hand.c --- */

/* The worker's callbacks. */
void job_hand_fill(struct pipepoll_handler *out);
/* For what is there of the target now: its handler, which may be NULL. NULL: no memory. */
struct job *job_new(struct job_runner *r, struct target_set_entry *found_at);
void job_free(struct job *job);
/* "job ID: ...", with its target and region. */
__attribute__((format(printf, 3, 4))) void job_log(const struct job *job, enum pipepoll_level level,
                                                   const char *format, ...);
/* The same of what many jobs may have for one reason, all at once or whenever they are found: only
 * some lines of a kind are written in each pause, and the others are counted. kind: what happened,
 * without anything of this job's own, such as an id, a time or words of others. */
enum { JOB_FAULT_LINES = 10 };
__attribute__((format(printf, 4, 5))) void job_log_fault(const struct job *job,
                                                         enum pipepoll_level level,
                                                         const char *kind, const char *format, ...);
/* Its result is a failure, and this its message. */
void job_note_failure(struct job *job, str message);
/* What is said of its end. */
str job_end_message(const struct job *job, const struct pipepoll_work_end *end);
/* End it by our own doing. */
void job_fail(struct job *job, enum pipepoll_failure_type type, const char *message);

/* --- job_member.c: in a fleet --- */

/* PIPEPOLL_ENOMEM. */
int job_member_open(struct job_runner *r);
void job_member_close(struct job_runner *r, void (*closed)(void *ctx), void *ctx);
/* Take jobs of those action types out of the queue that have a handler here. */
void job_member_set_types(struct job_runner *r, const struct plan *plan);
/* May a poll be made for our handlers now? Else it is made for the queue. Yes without a fleet. */
bool job_member_wants(const struct job_runner *r);
/* Asked to take no jobs but those that runs here wait for. */
bool job_member_is_drained(const struct job_runner *r);
/* It has been claimed. */
void job_member_started(struct job *job);
/* Does another member's handler wait for it? Then it is passed on when it has ended here. */
bool job_member_passes(struct job *job, const struct continuation *c);
void job_member_ended(struct job *job, const struct pipepoll_work_end *end);
/* Have results in the fleet's outbox, and if it `takes` send those that dead members left there.
 * PIPEPOLL_ENOMEM. */
int job_member_open_outbox(struct job_runner *r, bool takes);
/* The journal notes this of the job; is_recalled: it had noted it in an earlier run. */
void job_member_noted(struct job *job, const struct pipepoll_journal_entry *entry,
                      bool is_recalled);
/* is_over: the journal forgets it. */
void job_member_sent(struct job *job, const struct pipepoll_work_end *end, bool is_over);

/* --- job_status.c --- */

/* It has ended: one of the last from now on. */
void job_status_note_end(struct job *job, const struct pipepoll_work_end *end);
/* A run began, or has ended, at its handler. */
void job_status_run_began(struct job_run *run);
void job_status_run_ended(struct job_run *run);

/* --- job_start.c --- */

/* Have the job's handler work it, or a run that waits for it. */
void job_start(struct job *job, const struct pipepoll_job_data *data);

/* Is it a follow-up job of a run that waits in another member of the fleet? */
bool job_start_is_elsewhere(struct job *job, const struct pipepoll_job_data *data);
/* Is it a follow-up job that a run here waits for? */
bool job_start_is_awaited(struct job *job, const struct pipepoll_job_data *data);

/* --- job_run.c --- */

extern const struct handler_events job_run_events;
/* A run for this job, without a handler's yet. NULL: no memory. */
struct job_run *job_run_new(struct job *job);
void job_run_free(struct job_run *run);
/* It waits no more: a follow-up job has come, or it is given up. Fine on one that does not wait. */
void job_run_end_wait(struct job_run *run);
/* It has its handler, and a job. */
void job_run_plan_continuation(struct job_run *run);
/* It has a result, and a job, to which it goes; then the run is gone. */
void job_run_report(struct job_run *run);
/* New artifact credentials for it. */
void job_run_renew(struct job_run *run, const struct pipepoll_artifact_credentials *c);
/* The job's end, whatever came of it. */
void job_run_on_ended(struct job *job, enum pipepoll_work_outcome outcome);
/* Tell its handler to end. */
void job_run_stop(struct job_run *run);
/* Does one wait for a follow-up job? */
bool job_run_any_waits(const struct job_runner *r);
/* Those that still wait are given up: nobody asks for follow-up jobs any more. */
void job_run_on_drained(struct job_runner *r);

/* --- job_note.c --- */

/* Opens the runner's user of the journal and its notes. */
int job_note_open(struct job_runner *r);
void job_note_ended(struct job_runner *r, struct pipepoll_work *work,
                    const struct pipepoll_work_end *end);

#endif
