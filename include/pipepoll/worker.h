/* SPDX-License-Identifier: MIT
 *
 * A job worker: from a job that a poll found to its result at the service. It opens a poller, and
 * takes the jobs of its targets through their whole life:
 *
 *     found -> client token -> details -> claimed -> running -> result sent -> confirmed
 *
 * You give it a handler. The handler is asked for the client token of a client id, gets each job
 * that is claimed with its whole data, and calls pipepoll_work_succeed(), _continue() or _fail()
 * when it is done, at once or hours later, from any callback. All the rest is the worker's: the
 * calls and their retries, the race with other workers, the same job found twice, artifact
 * credentials that expire, and the result, which is sent again until the service confirms it.
 *
 * The rules of pipepoll.h hold here too: one thread, the loop's; callbacks come from the loop,
 * never from inside the call that caused them; every function may be called inside every callback;
 * borrowed texts die when the callback returns; structures may grow.
 *
 * What it promises. A job is asked for only while a slot for it is free (max_jobs), so that jobs
 * stay in the service when you are busy. The handler gets a job only after the service answered
 * this worker's acknowledgement with "in progress". A job that another worker claimed is dropped,
 * and no result is ever sent for it, for that would fail the winner's job. No secret (client token,
 * nonce, artifact credentials, configuration) is in any message, and memory that held one is wiped.
 *
 * What the API cannot tell. When the answer to an acknowledgement is lost, the worker asks again
 * with the same nonce. If the service then says that the nonce is invalid, the job may be this
 * worker's or another's: it ends as PIPEPOLL_WORK_UNRESOLVED, without a result, and the pipeline's
 * own time-out ends it. So does one whose acknowledgement is answered without a status. If the
 * service answers with "in progress", the job runs: AWS does not say whether it answers so to a
 * nonce by which another worker has claimed the job. A result that the service calls too late
 * (InvalidJobState) after an attempt whose answer was lost counts as confirmed, though the job may
 * have timed out before that attempt arrived.
 *
 * Sources: the API reference of AWS CodePipeline, 2015-07-09: GetThirdPartyJobDetails,
 * AcknowledgeThirdPartyJob, PutThirdPartyJobSuccessResult, PutThirdPartyJobFailureResult; and for
 * targets whose owner is Custom GetJobDetails, AcknowledgeJob, PutJobSuccessResult and
 * PutJobFailureResult. */
#ifndef PIPEPOLL_WORKER_H
#define PIPEPOLL_WORKER_H

#include "pipepoll/journal.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pipepoll_worker; /* one poller, and the jobs of its targets */
struct pipepoll_work;   /* one job in a worker's hands */

/* --- what a job brings --- */

struct pipepoll_property {
    struct pipepoll_str key, value; /* the value may hold any bytes, NUL included */
};

/* Where to read an input from, or to write an output to. */
struct pipepoll_artifact {
    struct pipepoll_str name, revision; /* revision: of inputs */
    struct pipepoll_str location_type;  /* "S3" */
    struct pipepoll_str bucket_name, object_key;
};

/* Good for the artifacts of this job alone, for a limited time that the service does not tell. This
 * one, pipepoll_pipeline and pipepoll_revision never grow. */
struct pipepoll_artifact_credentials {
    struct pipepoll_str access_key_id, secret_access_key, session_token;
};

/* Which action of which pipeline asked. */
struct pipepoll_pipeline {
    struct pipepoll_str name;
    struct pipepoll_str arn, execution_id; /* empty in jobs of third-party actions */
    struct pipepoll_str stage, action, action_execution_id;
};

/* ThirdPartyJobData, or JobData. Texts that the service left out are empty. */
struct pipepoll_job_data {
    size_t size; /* of this; see "What may grow" in pipepoll.h */
    struct pipepoll_action_type action_type;
    const struct pipepoll_pipeline *pipeline;
    const struct pipepoll_artifact_credentials *artifact_credentials; /* secret */
    struct pipepoll_str continuation_token;  /* of a job that goes on; empty: a new one */
    struct pipepoll_str encryption_key_id;   /* for outputs; a key's id or ARN, or an alias's ARN */
    struct pipepoll_str encryption_key_type; /* "KMS" */
    /* Secret as well: it carries the values of properties that the action type calls so. */
    size_t property_count, input_count, output_count;
    const void *properties, *inputs, *outputs; /* by the functions below, for they may grow */
    size_t property_size, artifact_size;
    struct pipepoll_str account_id; /* whose pipeline it is; of jobs of custom actions only */
};

/* The i-th, or NULL past the last; they die with the data. Any thread. */
PIPEPOLL_API const struct pipepoll_property *pipepoll_job_property(
    const struct pipepoll_job_data *data, size_t i);
PIPEPOLL_API const struct pipepoll_artifact *pipepoll_job_input(
    const struct pipepoll_job_data *data, size_t i);
PIPEPOLL_API const struct pipepoll_artifact *pipepoll_job_output(
    const struct pipepoll_job_data *data, size_t i);

/* --- how a job ends --- */

enum pipepoll_work_outcome {
    /* The service has the result. */
    PIPEPOLL_WORK_SUCCEEDED,
    PIPEPOLL_WORK_CONTINUED, /* the follow-up job comes by a poll, here or elsewhere */
    PIPEPOLL_WORK_FAILED,    /* by its result; or the service refused another, see `code` */

    /* It never ran here. */
    PIPEPOLL_WORK_LOST_RACE,  /* another worker claimed it */
    PIPEPOLL_WORK_NO_TOKEN,   /* no client token is known for the client id, or a wrong one */
    PIPEPOLL_WORK_LEFT,       /* not claimed: the service hands it out again */
    PIPEPOLL_WORK_UNRESOLVED, /* nobody can tell whether it is claimed; see the top */

    PIPEPOLL_WORK_OVER,      /* it ended without us: timed out, stopped, or is not known any more */
    PIPEPOLL_WORK_REJECTED,  /* the service does not take its claim, or its result, as it is */
    PIPEPOLL_WORK_UNREPORTED /* claimed here, and the worker closed before the result was
                              * confirmed */
};

/* "succeeded", "lost race", ... Static. Any thread. */
PIPEPOLL_API const char *pipepoll_work_outcome_name(enum pipepoll_work_outcome outcome);

struct pipepoll_work_end {
    size_t size; /* of this; see "What may grow" in pipepoll.h */
    enum pipepoll_work_outcome outcome;
    bool ran;                 /* start() was called for it */
    int status;               /* of the call that decided, enum pipepoll_status; OK: none failed */
    struct pipepoll_str code; /* AWS error code; may be empty */
    struct pipepoll_str message;    /* one line; empty when the service has your result */
    struct pipepoll_str request_id; /* may be empty */
};

/* --- the handler --- */

/* Embed it in a struct of your own and get that back from `self`. pipepoll_worker_open() reads its
 * members once. */
struct pipepoll_handler {
    size_t size; /* set by PIPEPOLL_HANDLER_INIT */
    /* Which client token belongs to this client id? Answer with pipepoll_work_token(), now or later
     * (within 60 s). Asked for each job, with the target that it was found by. from is NULL when it
     * is resumed, and when it is asked for again, since the service called the token wrong or you
     * did not know it: then do not answer from a cache. Not asked for jobs of custom actions, which
     * have none. Required. */
    void (*token)(struct pipepoll_handler *self, struct pipepoll_work *work,
                  struct pipepoll_target *from, struct pipepoll_str client_id);
    /* Run this job: it is claimed, and yours until you call pipepoll_work_succeed(), _continue() or
     * _fail(), inside this callback or later. Copy what you keep of data. Required. */
    void (*start)(struct pipepoll_handler *self, struct pipepoll_work *work,
                  const struct pipepoll_job_data *data);
    /* New artifact credentials for a running job. May be NULL: none are fetched then. The client
     * token is asked for again if the service calls it wrong. */
    void (*renewed)(struct pipepoll_handler *self, struct pipepoll_work *work,
                    const struct pipepoll_artifact_credentials *credentials);
    /* What became of a job in hand: the last call for it, `work` dies when this returns. Also of
     * one that is resumed and ends before token() was called, or is taken and ends before found().
     * Required. */
    void (*ended)(struct pipepoll_handler *self, struct pipepoll_work *work,
                  const struct pipepoll_work_end *end);
    /* A poll of this target found a job, and it has a slot: the first call for it, whoever owns its
     * action type. So of one that is taken (pipepoll_worker_take()), which has a user then. Not for
     * those that are resumed. May be NULL. */
    void (*found)(struct pipepoll_handler *self, struct pipepoll_work *work,
                  struct pipepoll_target *from);
    /* Are the jobs of this target for the handler? Asked before each of its polls; when that turns,
     * say so by pipepoll_worker_ask_wants(). The answers of
     * those that it does not want go to options.sink as they are, and neither max_jobs nor the
     * worker's drain counts for them: the sink's credit() does. Neither side waits for the other: a
     * sink without credit does not keep the handler's targets from being polled, nor the reverse.
     * May be NULL: it wants all. */
    bool (*wants)(struct pipepoll_handler *self, struct pipepoll_target *from);
    /* A job that runs is over at the service: timed out, stopped, or not known any more. Once; it
     * is yours nevertheless until you give a result, which need not be a good one: stop the run.
     * Found out when its details are asked for, each renew_ms, which is done if this or renewed()
     * is there. May be NULL. */
    void (*over)(struct pipepoll_handler *self, struct pipepoll_work *work);
    /* May this job be claimed? Asked once its details are known, before it is acknowledged; one
     * that may not is left to the service (LEFT). Not asked for those that are resumed. Nothing may
     * be called inside but what tells of this job, such as pipepoll_work_job_id(). May be NULL: all
     * are claimed. */
    bool (*claims)(struct pipepoll_handler *self, struct pipepoll_work *work,
                   const struct pipepoll_job_data *data);
};
#define PIPEPOLL_HANDLER_INIT PIPEPOLL_INIT(pipepoll_handler)

/* --- one job --- */

/* Both live as long as work. */
PIPEPOLL_API struct pipepoll_str pipepoll_work_job_id(const struct pipepoll_work *work);
PIPEPOLL_API struct pipepoll_str pipepoll_work_client_id(const struct pipepoll_work *work);
/* The region that it was found in. */
PIPEPOLL_API struct pipepoll_str pipepoll_work_region(const struct pipepoll_work *work);
/* Of a job of a custom action that is not claimed here: by which another worker can claim it, see
 * pipepoll_worker_take(). Empty for any other job, and once it has started. A secret; it lives
 * until the callback in which you ask returns. */
PIPEPOLL_API struct pipepoll_str pipepoll_work_nonce(const struct pipepoll_work *work);
/* Yours; NULL at first. */
PIPEPOLL_API void pipepoll_work_set_user(struct pipepoll_work *work, void *user);
PIPEPOLL_API void *pipepoll_work_user(const struct pipepoll_work *work);

/* The answer to token(): 1 to 256 characters, copied; empty: the client id is unknown. EINVAL: the
 * token breaks that rule, or nobody asked. */
PIPEPOLL_API int pipepoll_work_token(struct pipepoll_work *work, struct pipepoll_str token,
                                     struct pipepoll_error *why);

/* The source revision that an action produced: 1 to 1500 characters; the change's identifier: 1 to
 * 100; its summary: up to 2048. */
struct pipepoll_revision {
    struct pipepoll_str revision, change_identifier, summary;
    int64_t created_s; /* Unix time; 0: not said */
};

/* An output variable of an action, which actions after it can use. The name has 1 or more of
 * [0-9A-Za-z@_-]; the value is any UTF-8 text. This one never grows. */
struct pipepoll_variable {
    struct pipepoll_str name, value;
};

struct pipepoll_success {
    size_t size;                              /* set by PIPEPOLL_SUCCESS_INIT */
    struct pipepoll_str summary;              /* for the pipeline's page, up to 2048 characters */
    struct pipepoll_str execution_id;         /* of your own run, up to 1500 characters */
    const struct pipepoll_revision *revision; /* NULL: none */
    bool has_percent;                         /* percent_complete, 0 to 100, is sent */
    uint32_t percent_complete;
    /* Of jobs of custom actions only, and not in _continue(): at most 1024, no name twice, and
     * 192 KiB of names and values in all, as they are sent. Of more than the pipeline has room for
     * the service refuses the result. */
    const struct pipepoll_variable *variables;
    size_t variable_count;
};
#define PIPEPOLL_SUCCESS_INIT PIPEPOLL_INIT(pipepoll_success)

/* FailureType of the API. */
enum pipepoll_failure_type {
    PIPEPOLL_FAILURE_JOB, /* the work itself */
    PIPEPOLL_FAILURE_CONFIGURATION,
    PIPEPOLL_FAILURE_PERMISSION,
    PIPEPOLL_FAILURE_REVISION_OUT_OF_SYNC,
    PIPEPOLL_FAILURE_REVISION_UNAVAILABLE,
    PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE
};

/* "JobFailed", "ConfigurationError", ... of enum pipepoll_failure_type; NULL past the last. Static.
 * Any thread. */
PIPEPOLL_API const char *pipepoll_failure_type_name(unsigned type);

struct pipepoll_job_failure {
    size_t size; /* set by PIPEPOLL_JOB_FAILURE_INIT */
    enum pipepoll_failure_type type;
    struct pipepoll_str message;      /* for the pipeline's page, 1 to 5000 characters */
    struct pipepoll_str execution_id; /* of your own run, up to 1500 characters; may be empty */
};
#define PIPEPOLL_JOB_FAILURE_INIT PIPEPOLL_INIT(pipepoll_job_failure)

/* The result of a running job, copied, and sent until the service confirms it; then comes ended().
 * A success that the service refuses for what is in it is reported as failed instead (JobFailed,
 * "the result was refused: CODE"), so the pipeline does not wait for the job's time-out.
 * _continue() ends this job as well and asks the service for a follow-up job that carries the token
 * (1 to 2048 characters): it is how a job lives longer than its time-out. result may be NULL in
 * succeed and continue. EINVAL: a member breaks its rule, or the job is not running, or has a
 * result; ENOMEM; it runs on then. */
PIPEPOLL_API int pipepoll_work_succeed(struct pipepoll_work *work,
                                       const struct pipepoll_success *result,
                                       struct pipepoll_error *why);
PIPEPOLL_API int pipepoll_work_continue(struct pipepoll_work *work, struct pipepoll_str token,
                                        const struct pipepoll_success *result,
                                        struct pipepoll_error *why);
PIPEPOLL_API int pipepoll_work_fail(struct pipepoll_work *work,
                                    const struct pipepoll_job_failure *result,
                                    struct pipepoll_error *why);

/* --- the worker --- */

struct pipepoll_worker_options {
    size_t size;                      /* set by PIPEPOLL_WORKER_OPTIONS_INIT */
    struct pipepoll_handler *handler; /* required; must outlive `closed` */
    struct pipepoll_journal *journal; /* must outlive `closed`; NULL: a crash forgets all */
    /* In its hands at once; 0: 16; at most 65536. Slots are set aside for what polls under way may
     * bring, since a job that finds no slot is lost to everybody until its lease ends. So with many
     * targets and few slots this bounds the polls that are under way too, and a poll that hangs
     * keeps its slot for request_timeout_ms: as many targets as there are slots, if all of them
     * hang, keep the others from being polled for so long, and again at each of their polls. Have
     * more slots than regions that may hang together, or a request_timeout_ms of a few seconds: the
     * service answers a poll at once, whether there are jobs or not. */
    uint32_t max_jobs;
    /* From one set of a job's artifact credentials to the next; 0: 900000; at most 86400000. */
    uint32_t renew_ms;
};
#define PIPEPOLL_WORKER_OPTIONS_INIT PIPEPOLL_INIT(pipepoll_worker_options)

/* Open a poller, and work its jobs. options are those of pipepoll_open(), but that a sink is not
 * needed, nor any of its members, unless the handler has wants(), and then deliver(). The sink
 * hears of all that a poller tells; but of an answer whose jobs the worker takes it gets a copy
 * without jobs (job_count 0), which says that the target is well, before the handler is asked for
 * tokens. credit() counts for targets that the handler does not want. Errors as pipepoll_open();
 * EINVAL: no handler, one of its required members is missing, or a number is out of range. */
PIPEPOLL_API int pipepoll_worker_open(struct pipepoll_worker **out, struct uv_loop_s *loop,
                                      const struct pipepoll_options *options,
                                      const struct pipepoll_worker_options *worker_options,
                                      struct pipepoll_error *why);

/* The poller, to add targets to, and to wake when the sink has credit again. It is the worker's:
 * never close it. Lives until `closed`. */
PIPEPOLL_API struct pipepoll *pipepoll_worker_poller(const struct pipepoll_worker *w);

/* wants() says something else of this target from now on: a poll of it that waits for the credit of
 * the side that it was for is the other's. Without this call it goes on waiting. */
PIPEPOLL_API void pipepoll_worker_ask_wants(struct pipepoll_worker *w,
                                            struct pipepoll_target *target);

/* All notes up to this ticket are durable (status OK), or all that were not told of before could
 * not be kept (any other status): a job that is not claimed yet is then left to the service; one
 * that is goes on, for it is better run without a note than not at all. Tickets told of before, and
 * those of jobs that have ended, are passed over. Inside note() as well; not after `closed`. */
PIPEPOLL_API void pipepoll_worker_noted(struct pipepoll_worker *w, uint64_t up_to_ticket,
                                        int status);

/* Take up a job that the journal of an earlier run holds; target: one of this worker's poller, of
 * the same region and with credentials of the same account. Do it before the loop turns after
 * pipepoll_target_add(), or a poll may find the job first. By the state of the entry:
 *   CLAIMING   it is acknowledged again, for the one before may have had its effect; but it is left
 *              (LEFT) when the service has handed it out anew meanwhile, perhaps to another worker;
 *              and UNRESOLVED when it is of a custom action, since a poll alone brings its nonce
 *   RUNNING    its details are fetched again and it is started again without an acknowledgement;
 *              or, with `failure`, that is reported and it is not started
 *   REPORTING  its result is sent again
 * It takes a slot even beyond max_jobs, but of any number that is resumed only max_jobs, or 64 if
 * that is less, begin at once: the others wait in line for those to run or to end, and one that has
 * to try again later goes to the end of the line. EINVAL: the entry lacks a member, or the job is
 * in hand; ECLOSING; ENOMEM. */
PIPEPOLL_API int pipepoll_worker_resume(struct pipepoll_worker *w, struct pipepoll_target *target,
                                        const struct pipepoll_journal_entry *entry,
                                        const struct pipepoll_job_failure *failure,
                                        struct pipepoll_error *why);

/* A job that came by another way than a poll of this worker: somebody's poll found it, and a queue
 * brought it here. */
struct pipepoll_queued_job {
    size_t size;                   /* set by PIPEPOLL_QUEUED_JOB_INIT */
    struct pipepoll_str job_id;    /* 1 to 512 characters */
    struct pipepoll_str client_id; /* of a third-party job, 1 to 512 characters */
    struct pipepoll_str nonce;     /* of a custom job, 1 to 50 characters; a secret */
};
#define PIPEPOLL_QUEUED_JOB_INIT PIPEPOLL_INIT(pipepoll_queued_job)

/* Work this job as if a poll of `target` had just found it: token, details, claim, run, result. The
 * target is of this worker's poller and of the job's action type, region and account; paused or
 * not, and whatever wants() says of it. The job is copied; user is what pipepoll_work_user() tells
 * from the beginning. found() comes from the loop, as all that follows.
 *
 * Who brought it learns what became of it so: start() says that the service has confirmed this
 * worker's claim, and ended() with `ran` false that it is not run here. Then SUCCEEDED, CONTINUED,
 * FAILED, LOST_RACE and OVER need no more of anybody; UNRESOLVED neither, for nothing can be done
 * about it; LEFT may be tried again, here or elsewhere; NO_TOKEN and REJECTED come to nothing here
 * as long as the tokens, the rights or the job are what they are.
 *
 * EBUSY: no slot is free that is not set aside for a poll under way, or the journal cannot write
 * now (is_well); try again when a job has ended, or keep slots for it by pipepoll_worker_reserve().
 * EEXISTS: this job is in hand, by a poll or by an earlier take. EINVAL: a member breaks its rule,
 * or the target is another poller's. ECLOSING: the worker drains or closes. ENOMEM. */
PIPEPOLL_API int pipepoll_worker_take(struct pipepoll_worker *w, struct pipepoll_target *target,
                                      const struct pipepoll_queued_job *job, void *user,
                                      struct pipepoll_error *why);

/* Keep so many slots for jobs that will be taken: polls get the rest from now on, and each take
 * uses one of them up. Call it again to change the number. Without it polls may leave none. */
PIPEPOLL_API void pipepoll_worker_reserve(struct pipepoll_worker *w, uint32_t slots);

/* How many jobs pipepoll_worker_take() would take now: free slots, those kept for it included, less
 * what polls under way may bring. */
PIPEPOLL_API uint32_t pipepoll_worker_room(const struct pipepoll_worker *w);

/* Ask for no more jobs for the handler. Those that run go on, and their results are sent; those
 * that are not claimed yet are left to the service. There is no way back. */
PIPEPOLL_API void pipepoll_worker_drain(struct pipepoll_worker *w);

/* End: drain, then end what runs (as UNREPORTED), finish the calls in flight, tell each job's end,
 * and close the poller, as pipepoll_close() does and in its time; `closed` comes last, and w is
 * gone. Who wants running jobs to finish drains first and closes when none is left. A second call
 * does nothing. closed may be NULL. */
PIPEPOLL_API void pipepoll_worker_close(struct pipepoll_worker *w, void (*closed)(void *ctx),
                                        void *ctx);

struct pipepoll_worker_stats {
    size_t size;                           /* set by PIPEPOLL_WORKER_STATS_INIT */
    uint32_t claiming, running, reporting; /* now: before, in and after their run */
    uint64_t found;                        /* jobs that polls brought, and that took a slot */
    uint64_t repeated;                     /* jobs that were in hand already */
    uint64_t overflowed; /* left to the service: no slot, no memory, or it drains */
    uint64_t resumed;
    uint64_t started;
    uint64_t ended[16];      /* by enum pipepoll_work_outcome */
    uint64_t report_retries; /* of results, beyond the attempts of one call */
    uint64_t taken;          /* by pipepoll_worker_take() */
};
#define PIPEPOLL_WORKER_STATS_INIT PIPEPOLL_INIT(pipepoll_worker_stats)
PIPEPOLL_API void pipepoll_worker_stats(const struct pipepoll_worker *w,
                                        struct pipepoll_worker_stats *out);

#ifdef __cplusplus
}
#endif

#endif
