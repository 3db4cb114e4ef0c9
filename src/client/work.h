/* SPDX-License-Identifier: MIT */
/* One job in a worker's hands, and the worker it belongs to: what job_worker.c opens and closes,
 * and work.c takes from step to step. */
#ifndef CLIENT_WORK_H
#define CLIENT_WORK_H

#include "aws/job_details.h"
#include "base/table.h"
#include "client/poller.h"
#include "client/request.h"
#include "client/work_life.h"
#include "client/work_result.h"

enum {
    WORK_ANSWER_MS = 60000, /* of the handler, of the journal */
    WORK_CLAIM_LEN = 32,
    WORK_TOKEN_LEN_MAX = 4 * 256,
    WORK_NONCE_LEN_MAX = 4 * 50
};

struct pipepoll_worker {
    struct pipepoll_sink sink;             /* the poller's */
    struct pipepoll_sink *next_self, next; /* the embedder's, told of failures; self may be NULL */
    struct pipepoll_handler *handler_self, handler;
    struct pipepoll_journal *journal_self, journal; /* self may be NULL */
    struct pipepoll *poller;
    struct alloc alloc;
    struct table works; /* by job id and region */
    struct list in_hand;
    struct list noting; /* those whose notes are under way, by ticket */
    struct list line;   /* those that are resumed and whose turn it is not, by noting_link */
    struct list taken;  /* from a queue, until the loop turns, by noting_link */
    uint32_t beginning; /* those whose turn it is, until they run or end */
    uint64_t last_ticket;
    uint64_t told_ns; /* when the log was told of a result that is not confirmed */
    uint32_t count, max_jobs;
    uint32_t reserved; /* slots for jobs that will be taken */
    uint64_t renew_ns;
    bool is_draining, is_closing;
    struct pipepoll_worker_stats stats;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

struct pipepoll_work {
    struct list link; /* in the worker's in_hand */
    struct table_node node;
    struct pipepoll_worker *worker;
    struct client *client;
    struct pipepoll_target *from; /* of one in worker.taken */
    void *user;
    struct work_life life;
    enum work_step step; /* at the timer's instant, or once a call or a note under way has ended */
    bool is_custom;      /* a job of a custom action: no token, and its nonce came with the poll */
    bool has_run;
    bool is_beginning; /* counted in the worker's */
    bool is_asked;     /* the handler was asked for the token, and has not answered */
    bool is_calling;
    bool is_due;                       /* the step was due while a call was out */
    bool is_renewing;                  /* that call is for artifact credentials */
    bool has_renewal_token;            /* the token was asked for again since the last that came */
    enum pipepoll_journal_state noted; /* last; perhaps under way */
    char claim[WORK_CLAIM_LEN];        /* what the nonce is known again by */
    char noted_claim[WORK_CLAIM_LEN];  /* of an earlier run; all NUL: none */
    struct list noting_link;
    uint64_t ticket;
    struct timer timer; /* the step; else the handler's or the journal's deadline, or the renewal */
    struct request request;
    union work_input input;
    struct job_details details; /* once there are some, in the block, until the job starts */
    void *details_block;
    size_t details_size;
    enum job_status status; /* as an acknowledgement was answered */
    struct work_result *result;
    /* Of the failure that came last, for the log and the end. */
    struct {
        int status;
        struct pipepoll_error why;
        char code[ANSWER_CODE_LEN_MAX + 1], request_id[128];
    } said;
    str job_id, client_id;
    struct pipepoll_action_type action_type;
    size_t size, token_len, nonce_len;
    char token[WORK_TOKEN_LEN_MAX], nonce[WORK_NONCE_LEN_MAX]; /* secrets */
    char text[];
};

/* Take a job into hand: one that `from` has found, or that is resumed. PIPEPOLL_ENOMEM. */
int work_new(struct pipepoll_work **out, struct pipepoll_worker *w, struct pipepoll_target *from,
             const struct pipepoll_job *job, const struct pipepoll_action_type *action_type);
/* What an earlier run noted of it; result may be NULL, else it is the work's from now on. */
void work_resume(struct pipepoll_work *work, const struct pipepoll_journal_entry *entry,
                 struct work_result *result);
/* Ask for its token; from: see the handler's token(). On a clean stack. */
void work_begin(struct pipepoll_work *work, struct pipepoll_target *from);
/* The same of one that is resumed, when it is its turn. */
void work_begin_in_turn(struct pipepoll_work *work);
/* The loop has turned since it was taken from a queue. */
void work_begin_taken(struct pipepoll_work *work);
/* The work of this job, or NULL. */
struct pipepoll_work *work_find(struct pipepoll_worker *w, const struct client *client, str job_id);
/* As soon as the loop turns: what has not begun is left; with `closes` all is given up. */
void work_let_go(struct pipepoll_work *work, bool closes);
/* The note that was under way is kept, or not. */
void work_noted(struct pipepoll_work *work, int status);

/* --- between the files of a job --- */

/* The next step, at its instant, by the timer. */
void work_plan(struct pipepoll_work *work, enum work_step step);
/* Of one that began in its turn: it runs or ends, so another may begin; or its step is for later,
 * and it goes back to the end of the line. */
void work_has_begun(struct pipepoll_work *work);
void work_let_others_begin(struct pipepoll_work *work);
/* As work_plan(), and at once where it is due, for the stack is clean. */
void work_take(struct pipepoll_work *work, enum work_step step);
/* The planned step, or the note before it. */
void work_run_step(struct pipepoll_work *work);
/* The timer's, and its request's. */
void work_on_timer(struct timer *timer);
void work_on_done(struct request *request, const struct request_end *end);
struct job_input work_job_input(const struct pipepoll_work *work);
const struct operation *work_details_operation(const struct pipepoll_work *work);
/* Of a running job: new artifact credentials in a while, or never; ask for them now; they came, or
 * did not. */
void work_renew_after(struct pipepoll_work *work, uint64_t after_ns);
void work_renew(struct pipepoll_work *work);
void work_renewed(struct pipepoll_work *work, const struct request_end *end);
/* The token that a renewal asked for came; or it is not known, or late. */
void work_renewal_on_token(struct pipepoll_work *work, bool known);
/* The handler or the journal has WORK_ANSWER_MS, unless a step is planned. */
void work_wait_for_answer(struct pipepoll_work *work);
/* As the embedder gets them: what they point to is the details'. */
struct pipepoll_job_data work_data(const struct job_details *details);
/* Of an end that no answer explains. Static. */
const char *work_outcome_words(enum pipepoll_work_outcome outcome);
/* To claim the job by; longer ones there are none. */
void work_set_nonce(struct pipepoll_work *work, str nonce);
enum work_nonce work_nonce_of(const struct pipepoll_work *work);
/* What the journal must hold before the planned step is done; 0: nothing. */
enum pipepoll_journal_state work_note_before(const struct pipepoll_work *work);
/* Tell it; work_noted() follows, perhaps inside. */
void work_note(struct pipepoll_work *work, enum pipepoll_journal_state state);
/* The job is over: it is forgotten, or kept for the next run as what is known of it now. */
void work_note_end(struct pipepoll_work *work);

/* Worker's: the last work may have ended. */
void job_worker_on_end(struct pipepoll_worker *w);
/* Free slots, but for those that are kept: what polls may be given. */
uint32_t job_worker_credit(const struct pipepoll_worker *w);
/* This target goes, and what was taken for it is left. */
void job_worker_leave_taken(struct pipepoll_worker *w, const struct pipepoll_target *from);

#endif
