/* SPDX-License-Identifier: MIT */
/* A world of job workers in virtual time: the real library, several workers of one account, killed
 * and started again at random, against a service that hands jobs out, takes claims and results, and
 * misbehaves. One file for each part:
 *
 *   life_service.c   the service: queues, leases, claims, results, time-outs, and its ledger
 *   life_network.c   what is in the way of a call, and of its answer
 *   life_journal.c   a journal that commits late, fails, and outlives its worker
 *   life_worker.c    an embedder: opened, resumed, killed, drained, closed; its handler runs jobs
 *   life_watch.c     what must hold; the first thing found broken ends the world, with its story
 *
 * All chance is drawn from the world's dice: a seed is a world. Secrets of this world contain
 * LIFE_SECRET, so that any text can be searched for them. */
#ifndef TESTS_LIFE_H
#define TESTS_LIFE_H

#include "lib/chance.h"
#include "lib/service_rules.h"
#include "lib/virtual.h"
#include "pipepoll/worker.h"

#define LIFE_SECRET "s3cr3t"

enum {
    LIFE_REGIONS = 2,
    LIFE_PROVIDERS = 2, /* action types; each worker has a target for each, in each region */
    LIFE_WORKERS = 4,
    LIFE_CLIENTS = 8,
    LIFE_JOBS = 1024,
    LIFE_CLAIMS = 8, /* hand-outs of a job whose claims are compared */
    LIFE_STORY = 24, /* events of a job that are remembered */
    LIFE_TIMEOUT_MS = 5000,
    LIFE_NOBODY = -1
};

struct life_plan {
    uint64_t seed;
    bool is_calm;      /* no trouble, no kill, no loss: then nothing may time out */
    bool shares_jobs;  /* one that is handed out is handed out to others as well */
    bool tells_status; /* a repeated acknowledgement of the winner: its status, not InvalidNonce */
    uint32_t workers;
    double run_s; /* until jobs, troubles and kills end */
    double job_every_s;
    double work_s; /* mean run of a job */
    double lease_s, timeout_s;
    double loss;        /* share of calls that meet with each kind of accident */
    double limit_per_s; /* the service's, for each region; 0: none */
    int64_t clock_ms;   /* how far the service's clock is ahead */
};

struct life_worker_plan {
    uint32_t max_jobs;
    bool has_journal;
    bool fails_interrupted; /* jobs that ran when it was killed are reported as failed */
    double renew_s;         /* artifact credentials; 0: not at all */
    double ceiling_per_s;   /* 0: none */
    double commit_s;        /* mean; 0: inside note() */
    double commit_failures; /* share */
    double fate_every_s;    /* killed or closed; 0: never */
};

/* --- the service --- */

enum life_state {
    LIFE_QUEUED,
    LIFE_LEASED,
    LIFE_IN_PROGRESS,
    LIFE_SUCCEEDED, /* from here on it is over */
    LIFE_FAILED,
    LIFE_TIMED_OUT
};

struct life_job {
    struct list link; /* in its queue, while QUEUED */
    struct life *life;
    uint32_t index, region, provider, client;
    enum life_state state;
    struct timer timer; /* lease, then time-out */
    uint32_t hand_outs; /* the nonce counts them */
    uint32_t seen_by;   /* a bit for each worker that it was handed out to */
    int holder;         /* the worker whose acknowledgement had its effect */
    /* As it was planned. */
    const struct life_job *parent; /* it goes on with */
    uint32_t depth;
    enum pipepoll_work_outcome wants; /* SUCCEEDED, CONTINUED or FAILED */
    double work_s;
    /* The ledger. */
    enum pipepoll_work_outcome got; /* the result that had its effect */
    bool was_interrupted;           /* it is a failure by an interrupted run */
    uint32_t results;
    uint32_t told_over;               /* a bit for each worker whose claim came too late */
    char claims[LIFE_CLAIMS][64 + 1]; /* as they were noted, by hand-out; a ring */
    uint32_t lost; /* acknowledgements and results whose sender may not know what came of them */
    /* What its worker knows. */
    uint32_t starts;
    bool note_failed; /* one that goes on without: running or reporting */
    struct life_resumption {
        enum pipepoll_journal_state from;
        uint32_t life;       /* which one resumed it; 0: none */
    } resumed[LIFE_WORKERS]; /* last, by each worker */
    uint32_t confirmed_by;   /* which life of the holder told so last */
    bool is_unresolved;      /* so its holder said, and will not look at it again */
    bool is_explained;       /* its last worker told why there is no result */
    struct life_event {
        uint64_t at_ns;
        char text[88];
    } story[LIFE_STORY];
    uint32_t events;
};

enum life_trouble {
    LIFE_CALM,
    LIFE_REFUSES,
    LIFE_RESETS,
    LIFE_HANGS,
    LIFE_FAILS,
    LIFE_THROTTLES,
    LIFE_DENIES, /* credentials are not accepted */
    LIFE_TROUBLES
};

struct life_region {
    struct life *life;
    struct list queues[LIFE_PROVIDERS];
    struct timer change;
    enum life_trouble trouble;
    struct token_rate rate; /* the service's */
};

/* Who sent a request, by its User-Agent. */
struct life_sender {
    struct life_worker *worker;
    uint32_t life;
};

void life_service_begin(struct life *life);
void life_service_end(struct life *life);
struct life_job *life_job_of(struct life *life, str job_id);
void life_job_id(const struct life_job *job, char text[32]);
bool life_is_over(const struct life_job *job);
void life_name_token(uint32_t client, char text[32]);
/* The effect of a call that has arrived, and what the service says. */
void life_serve(struct life *life, const struct life_sender *from, const struct virtual_request *rq,
                struct virtual_answer *answer);
void life_refuse(struct virtual_answer *answer, int status, const char *code, str quoted);

/* --- the network --- */

void life_network_begin(struct life *life);
void life_network_end(struct life *life);
void life_region_name(uint32_t region, char text[32]);
/* "jobId":"..." of a body; empty: it has none. */
str life_member(str body, const char *name);

/* --- a journal --- */

struct life_entry {
    enum pipepoll_journal_state state; /* 0: none */
    char claim[64 + 1], text[64];      /* text: summary, or message */
    bool is_failure, goes_on;
};

struct life_note {
    struct list link;
    struct life_job *job;
    uint64_t ticket; /* 0: forget */
    uint64_t since_ns;
    struct life_entry entry;
};

struct life_journal {
    struct life_entry durable[LIFE_JOBS];
    struct list pending; /* notes, in their order */
    struct timer commit;
};

void life_journal_begin(struct life_worker *w);
void life_journal_end(struct life_worker *w);
/* What the worker's process did not live to see: some are kept, the others lost. */
void life_journal_cut(struct life_worker *w);
/* All are kept. */
void life_journal_flush(struct life_worker *w);
/* Is it kept, as far as this journal lets anybody know? */
bool life_journal_holds(const struct life_worker *w, const struct life_job *job,
                        enum pipepoll_journal_state state);
void life_journal_resume(struct life_worker *w);
extern const struct pipepoll_journal life_journal_face;

/* --- a worker --- */

/* What a worker may call in a region. */
struct life_bucket {
    const void *budget; /* of the library, that it is for */
    double tokens;
    uint64_t at_ns;
};

struct life_worker {
    struct life *life;
    uint32_t index;
    struct life_worker_plan plan;
    struct pipepoll_handler handler;
    struct pipepoll_journal notes; /* what the library calls */
    struct life_journal journal;
    struct pipepoll_worker *worker; /* NULL: it is down */
    struct pipepoll_target *targets[LIFE_REGIONS * LIFE_PROVIDERS];
    uint32_t lives; /* counts starts */
    struct list blocks, runs;
    struct timer fate;
    bool is_draining, is_closing;
    uint32_t hand;                 /* jobs that it was asked the token of, and that did not end */
    uint64_t polled_ns;            /* last, or last busy */
    const struct life_job *forgot; /* by the journal, and its end is not told yet */
    struct life_bucket buckets[LIFE_REGIONS];
};

/* A job in hand. */
struct life_run {
    struct list link;
    struct timer timer; /* the token, or the end of the run */
    struct life_worker *worker;
    struct pipepoll_work *work;
    struct life_job *job;
    bool wants_token, gave_wrong_token, has_started;
};

void life_worker_begin(struct life_worker *w);
void life_worker_end(struct life_worker *w);
void life_worker_open(struct life_worker *w);
void life_worker_kill(struct life_worker *w);
void life_worker_drain(struct life_worker *w);
void life_worker_close(struct life_worker *w);

/* --- what must hold --- */

/* job: whose story is told; NULL: nobody's. */
__attribute__((format(printf, 3, 4))) void life_broke(struct life *life, const struct life_job *job,
                                                      const char *format, ...);
__attribute__((format(printf, 2, 3))) void life_tell(struct life_job *job, const char *format, ...);
void life_watch_text(struct life *life, const char *what, str text);
void life_watch_depart(struct life *life, const struct life_sender *from,
                       const struct virtual_request *rq);
void life_watch_result(struct life *life, const struct life_sender *from, struct life_job *job,
                       enum pipepoll_work_outcome outcome, str text);
void life_watch_taken(struct life_worker *w, const struct life_job *job, bool is_found);
void life_watch_start(struct life_worker *w, const struct life_run *run,
                      const struct pipepoll_job_data *data);
void life_watch_forget(struct life_worker *w, const struct life_job *job);
void life_watch_end(struct life_worker *w, struct life_job *job,
                    const struct pipepoll_work_end *end);
void life_watch_token(const struct life_run *run, enum pipepoll_work_outcome outcome);
/* All is calm, and nobody has work. */
void life_watch_idle(struct life *life);
/* Once all is over. */
void life_watch_world(struct life *life);

struct life_numbers {
    uint64_t calls, jobs, results, timed_out, late, kills, closes, reruns, lost, renewals, stopped;
    uint64_t ended[PIPEPOLL_WORK_UNREPORTED + 1]; /* by outcome */
};

struct life {
    struct virtual_service service;
    struct life_plan plan;
    struct rng rng;
    bool is_ending; /* all is calm from now on */
    bool is_over;   /* no worker is opened any more */
    struct life_region regions[LIFE_REGIONS];
    struct timer arrival;
    struct life_job *jobs;
    uint32_t job_count;
    struct life_worker workers[LIFE_WORKERS];
    struct life_numbers numbers;
    uint64_t hash; /* of all calls */
    char broken[200];
    uint64_t broken_ns;
    const struct life_job *broken_job;
};

/* A world of this plan and its workers' plans, from begin to end. */
void life_run(struct life *life, const struct life_plan *plan,
              const struct life_worker_plan *workers);
void life_print_story(const struct life *life);
void life_deinit(struct life *life);

#endif
