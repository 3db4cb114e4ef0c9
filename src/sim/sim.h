/* SPDX-License-Identifier: MIT */
/* The simulated CodePipeline on a libuv loop: what `pipepoll sim`, `pipepoll demo`, the tests and
 * the benchmarks stand on. One port serves every region: a request's region is that of its
 * credential scope. All functions on the loop's thread; nothing here blocks but sim_open() (bind,
 * key pair). */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct uv_loop_s;
struct sim;
struct ledger;

/* How answers go wrong, for one region, action type and operation or for all. Zero is well-behaved.
 * The latency of a request is drawn when it is complete. Half of it passes before the request is
 * looked at: that instant and the faults set then decide what it gets, Date and leases too. The
 * other half passes before the answer is sent.
 * A truncated or lost answer is a true one: its jobs are handed out and come back after their
 * lease, its acknowledgement or result counts. Resets, errors and garbage do nothing. */
struct sim_faults {
    str operation;              /* for this one alone, as "AcknowledgeJob"; empty: for all */
    uint32_t latency_ms;        /* of the round trip, there and back; at most 1 h */
    uint32_t latency_jitter_ms; /* 0 .. this much more, at random */
    uint32_t throttle_per_s;    /* requests a second, over all that this fault is for, above which
                                 * ThrottlingException comes; 0: none */
    uint32_t retry_after_ms;    /* sent as x-amz-retry-after with throttling and 5xx; 0: not sent */
    double error_rate;          /* share of requests answered by error_status, 0 to 1 */
    int error_status;           /* 500, 502, 503, 504; 0: 500 */
    double reset_rate;          /* share whose connection is reset (RST) without an answer */
    double truncate_rate;       /* share whose body ends before its Content-Length */
    double garbage_rate;        /* share answered 200 with a body that is not JSON */
    double lose_rate; /* share that takes effect, and whose connection is reset instead of the
                       * answer */
    uint32_t slow_bytes_per_s; /* body speed; 0: at once */
    int32_t clock_skew_s;      /* of Date and of signature checks; within a year */
};

/* Limit them to an operation, of which the name is borrowed. EINVAL: it is none. */
int sim_faults_operation(struct sim_faults *faults, str name, struct pipepoll_error *why);
/* Set one member by the name that the options of `pipepoll sim` and the control API know it by.
 * EINVAL: no such name, or a value out of range, which the sentence quotes as it was given. */
int sim_faults_field(struct sim_faults *faults, str name, double value, str given,
                     struct pipepoll_error *why);
/* The i-th of these names ("latency", "error-rate", ...), or NULL past the last. Static text. */
const char *sim_faults_name(size_t i);

/* How jobs appear by themselves. */
struct sim_arrivals {
    double jobs_per_s; /* over all regions and action types seen so far; 0: none */
    uint64_t seed;     /* same seed, same ids; 0: 1 */
};

/* What AWS does not document about the life of a job, and how it goes here. */
enum sim_nonce_answer {
    SIM_NONCE_ERROR, /* InvalidNonceException */
    SIM_NONCE_STATUS /* the job's present status, whoever brought it there */
};
struct sim_undocumented {
    uint32_t job_timeout_ms;          /* from its acknowledgement to its result; 0: 3600000 */
    uint32_t follow_up_delay_ms;      /* from a continuation to the job that follows; 0: at once */
    uint32_t artifact_credentials_ms; /* their lifetime; 0: 3600000 */
    enum sim_nonce_answer repeated_nonce; /* to an acknowledgement by the nonce that won before */
    enum sim_nonce_answer wrong_nonce;    /* by any other, or of a job that is not handed out */
    bool acknowledge_without_status;      /* its answer has no member "status" */
};

/* One request to the service and what it got. All members die when the callback returns. */
struct sim_served {
    str operation, region; /* as the request says, unverified; empty: it does not */
    str provider;          /* of the action type, as region */
    str user_agent;
    str access_key_id; /* printable ASCII */
    int status;        /* 0: the connection was reset */
    const char *code;  /* of the error; NULL: none */
    size_t jobs;       /* handed out */
};

struct sim_options {
    str listen;            /* "127.0.0.1:0" when empty; port 0 picks one */
    bool tls;              /* with a throw-away certificate for 127.0.0.1, ::1 and localhost */
    str name;              /* one more DNS name in that certificate; empty: none */
    str cert_pem, key_pem; /* both or neither: serve this certificate instead */
    str access_key_id;     /* empty: AKIDEXAMPLE / wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY */
    str secret_access_key;
    str session_token;      /* required on requests when not empty */
    uint32_t lease_ms;      /* a handed-out job comes back after this; 0: 60000 */
    uint32_t default_batch; /* jobs for a poll without maxBatchSize; 0: 10 */
    uint32_t queue_max;     /* jobs that are not over; further ones are refused; 0: 100000 */
    uint32_t ledger_max;    /* events kept, the oldest go first; 0: 100000 */
    uint32_t over_max;      /* jobs that are over and still known, the newest; 0: 100000 */
    struct sim_undocumented undocumented;
    struct sim_arrivals arrivals;
    struct sim_faults faults; /* for everything; more by sim_faults_set() */
    bool strict_action_types; /* only action types that were added exist: else any valid one does */
    /* Called from the loop for each job handed out (also a second time after its lease). Both
     * instants are of uv_hrtime(). Every function here may be called inside it. */
    void (*handed_out)(void *ctx, str region, str job_id, uint64_t available_ns, uint64_t now_ns);
    /* Called for each request to the service when its answer is decided; not for those to the
     * control API. */
    void (*served)(void *ctx, const struct sim_served *what);
    void *ctx;
};

/* Options are copied. EINVAL: a bad address or number; ESYSTEM: it cannot listen, or a library
 * below refused; ENOMEM. */
int sim_open(struct sim **out, struct uv_loop_s *loop, const struct sim_options *o,
             struct pipepoll_error *why);
/* Stops listening, ends connections; then `closed`, later and from the loop, and s is gone. closed
 * may be NULL. A second call is ignored. */
void sim_close(struct sim *s, void (*closed)(void *ctx), void *ctx);

uint16_t sim_port(const struct sim *s);
const char *sim_url(const struct sim *s);    /* "https://127.0.0.1:PORT" */
const char *sim_ca_pem(const struct sim *s); /* what a client must trust; NULL without tls */

/* Who a job or a fault is for: empty members match any (for a fault) and default to us-east-1,
 * Build, ThirdParty, Acme, 1 (for a job). The most specific fault wins. */
struct sim_scope {
    str region;
    struct pipepoll_action_type action_type;
};
/* The member called region, category, owner, provider or version; NULL for any other name. */
str *sim_scope_member(struct sim_scope *scope, str name);
/* Replaces the fault set for exactly this scope and operation before, its throttle window included.
 * EINVAL: a number out of range, an unknown operation, or too many faults; ENOMEM. */
int sim_faults_set(struct sim *s, const struct sim_scope *where, const struct sim_faults *faults,
                   struct pipepoll_error *why);
/* The client tokens are what the text says: a client id and its token on each line, with blanks
 * between them; empty lines and those that begin with # say nothing. A client that it does not name
 * has "token-" followed by its id. EINVAL: a line is something else, or there are too many; ENOMEM:
 * then they are what they were. */
int sim_client_tokens_set(struct sim *s, str text, struct pipepoll_error *why);
/* Make the action type known where strict_action_types is on; in every region when that is empty,
 * while the rest defaults as for a job. EINVAL: not a valid scope; ENOMEM. */
int sim_action_type_add(struct sim *s, const struct sim_scope *where, struct pipepoll_error *why);
/* n jobs, available now; their action type is known from now on. Their ids follow the seed. EINVAL:
 * not a valid scope, or queue_max would be passed (none is added); ENOMEM (some may be). */
int sim_jobs_add(struct sim *s, const struct sim_scope *where, size_t n,
                 struct pipepoll_error *why);
/* One job whose action configuration is this JSON object of strings. */
int sim_job_add(struct sim *s, const struct sim_scope *where, str configuration,
                struct pipepoll_error *why);
/* Acknowledge the job and report its success in one: for who only wants jobs found. False: no such
 * job, or it is not handed out now. */
bool sim_job_acknowledge(struct sim *s, str job_id);

struct sim_stats {
    uint64_t requests;  /* to the service, not to the control API; since they are complete */
    uint64_t polls;     /* answered with a list of jobs, an empty one included */
    uint64_t refused;   /* for what they asked, or for their signature */
    uint64_t throttled; /* ThrottlingException */
    uint64_t faulted;   /* 5xx, reset, truncated, garbage or lost */
    uint64_t jobs_added, jobs_handed_out /* first times */, jobs_handed_out_again,
        jobs_acknowledged;
    uint64_t jobs_acknowledged_again, jobs_lost_races;
    uint64_t jobs_succeeded, jobs_continued /* those among them that another follows */,
        jobs_failed, jobs_timed_out, results_refused;
    uint64_t jobs_waiting, jobs_leased, jobs_in_progress;
    uint64_t connections;
};
void sim_stats(const struct sim *s, struct sim_stats *out);

/* What happened to each job (sim/ledger.h), up to the last request or sim_stats(). */
const struct ledger *sim_ledger(const struct sim *s);

#endif
