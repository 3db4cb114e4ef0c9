/* SPDX-License-Identifier: MIT */
/* The service without its wire: queues of jobs, leases, arrivals and the ledger. Pure: every
 * function is told what time it is (now_ns never goes back) and draws all chance from the seed.
 * Nothing happens between calls; what time brings about (leases that end, jobs that arrive) is
 * caught up with at the instant it was due. */
#ifndef SIM_SERVICE_H
#define SIM_SERVICE_H

#include "sim/job_store.h"
#include "sim/ledger.h"
#include "sim/sim.h"

struct service;

struct service_options {
    uint64_t lease_ns;
    uint32_t default_batch, queue_max, ledger_max, over_max; /* none 0 */
    struct sim_undocumented undocumented;                    /* time-outs not 0 */
    struct sim_arrivals arrivals;                            /* seed not 0 */
    bool strict_action_types;
};

/* *out is the caller's. PIPEPOLL_EINVAL: a rate below 0 or above 1e6; PIPEPOLL_ENOMEM. */
int service_new(struct service **out, const struct service_options *o, struct pipepoll_error *why);
struct service *service_free(struct service *s); /* NULL in, NULL out; returns NULL */

/* A job as it is now; slices die with the job, so at the next call of the service. */
struct service_job {
    str id, client_id, configuration;
    enum job_state state;
    uint64_t nonce;           /* counts its hand-outs: 1, 2, ... */
    uint64_t available_ns;    /* since when it waited */
    str execution_id;         /* of the action: the same for all jobs of a continuation */
    str continuation_token;   /* empty: it continues none */
    str follows, followed_by; /* jobs; empty: none */
    str result;               /* JSON text of what ended it; empty: none */
    str access_key;           /* of the newest artifact credentials; empty: none yet */
    uint64_t credentials_end_ns;
};

struct service_poll {
    const struct sim_scope *scope; /* full and valid */
    uint32_t max_batch;            /* 0: default_batch */
    str query;                     /* of the queryable property; empty: any job */
    struct uuid request_id;
    void (*visit)(void *ctx, const struct service_job *job); /* may call the service */
    void *ctx;
};

/* The job of this id and its scope, which lives as long as the service. false: there is none, or it
 * is forgotten: of the jobs that are over the newest over_max are known, for a day, and 64 MiB of
 * what came with them. */
bool service_job(struct service *s, str job_id, struct service_job *job, struct sim_scope *scope,
                 uint64_t now_ns);

/* Its scope alone, without looking at the time. */
bool service_scope(const struct service *s, str job_id, struct sim_scope *scope);

/* Hand out what waits at the scope, the longest-waiting first, and lease it. */
void service_poll(struct service *s, const struct service_poll *poll, uint64_t now_ns);

/* May the scope be polled: true unless strict_action_types is on and it was never added. An empty
 * region of an added action type stands for every region. */
bool service_knows(const struct service *s, const struct sim_scope *scope);
/* An empty region means every region; what else is empty gets its default. queryable: the property
 * that its jobs are polled by; empty: none. EINVAL, ENOMEM. */
int service_action_type_add(struct service *s, const struct sim_scope *scope, str queryable,
                            struct pipepoll_error *why);
/* That property; empty: none. Lives until the action type is added again. */
str service_queryable(const struct service *s, const struct sim_scope *scope);

struct service_job_data {
    str query;         /* the value of the queryable property; empty: none */
    str configuration; /* JSON text of an object */
    str client_id;     /* a UUID; empty: one is drawn for each job */
};
struct service_jobs {
    const struct sim_scope *scope;
    size_t count;
    const struct service_job_data *data; /* NULL: an empty configuration */
};
/* As sim_jobs_add() and sim_job_acknowledge(). */
int service_jobs_add(struct service *s, const struct service_jobs *jobs, uint64_t now_ns,
                     struct pipepoll_error *why);
bool service_finish(struct service *s, str job_id, uint64_t now_ns);

/* --- what a worker does with a job ----------------------------------------------------------- */

struct service_request {
    str job_id;
    struct uuid request_id;
    uint64_t now_ns;
};

enum service_answer {
    SERVICE_DONE,
    SERVICE_NO_JOB,      /* nothing happened, as by all that follow */
    SERVICE_WRONG_NONCE, /* of acknowledge alone */
    SERVICE_WRONG_STATE, /* of results alone: it is not in progress */
    SERVICE_NO_MEMORY
};

/* Claim the job by the nonce of its present hand-out: it is in progress, its lease over, and its
 * time-out runs. What any other claim gets is told by `undocumented`. *state is the job's after
 * SERVICE_DONE, and no promise that this request brought it there. */
enum service_answer service_acknowledge(struct service *s, const struct service_request *by,
                                        str nonce, enum job_state *state);

struct service_success {
    str result;             /* kept with the job; JSON text */
    str continuation_token; /* not empty: a job of the same client, action and configuration follows
                             * with it, after the delay for such jobs */
};
enum service_answer service_succeed(struct service *s, const struct service_request *by,
                                    const struct service_success *success);
enum service_answer service_fail(struct service *s, const struct service_request *by, str result);

/* New credentials for the job's artifacts, which are told in the ledger: they end after their
 * lifetime. Then as service_job(). False: there is no such job, or it is over. */
bool service_credentials(struct service *s, const struct service_request *by,
                         struct service_job *job, struct sim_scope *scope);

/* Catch up with now_ns; then ledger and stats (only the jobs_ members are set) are up to date. */
void service_tick(struct service *s, uint64_t now_ns);
const struct ledger *service_ledger(const struct service *s);
void service_stats(const struct service *s, struct sim_stats *out);

#endif
