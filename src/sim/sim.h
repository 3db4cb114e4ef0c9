/* The simulated CodePipeline on a libuv loop: what `pipepoll sim`, `pipepoll demo`, the tests and the
 * benchmarks stand on. One port serves every region: a request's region is that of its credential
 * scope. All functions on the loop's thread; nothing here blocks but sim_open() (bind, key pair). */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdint.h>

#include "base/str.h"

struct uv_loop_s;
struct sim;

/* How answers go wrong, for one region and action type or for all. Zero is well-behaved. */
struct sim_trouble {
    uint32_t latency_ms;        /* before each answer */
    uint32_t latency_jitter_ms; /* 0 .. this much more, at random */
    uint32_t throttle_per_s;    /* requests a second above which ThrottlingException comes; 0: none */
    uint32_t retry_after_ms;    /* sent as x-amz-retry-after with throttling and 5xx; 0: not sent */
    double error_rate;          /* share of requests answered by error_status, 0 to 1 */
    int error_status;           /* 500, 502, 503, 504; 0: 500 */
    double reset_rate;          /* share whose connection is reset (RST) without an answer */
    double truncate_rate;       /* share whose body ends before its Content-Length */
    double garbage_rate;        /* share answered 200 with a body that is not JSON */
    uint32_t slow_bytes_per_s;  /* body speed; 0: at once */
    int32_t clock_skew_s;       /* of Date and of signature checks */
};

/* How jobs appear by themselves. */
struct sim_arrivals {
    double jobs_per_s;  /* over all regions and action types seen so far; 0: none */
    uint64_t seed;      /* same seed, same ids; 0: 1 */
};

struct sim_options {
    str listen;          /* "127.0.0.1:0" when empty; port 0 picks one */
    bool tls;            /* with a throw-away certificate for 127.0.0.1, ::1 and localhost */
    str access_key_id;   /* empty: AKIDEXAMPLE / wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY */
    str secret_access_key;
    str session_token;   /* required on requests when not empty */
    uint32_t lease_ms;   /* a handed-out job comes back after this; 0: 60000 */
    uint32_t default_batch; /* jobs for a poll without maxBatchSize; 0: 10 */
    uint32_t queue_max;  /* jobs waiting or leased in all; further ones are refused; 0: 100000 */
    uint32_t ledger_max; /* events kept, the oldest go first; 0: 100000 */
    struct sim_arrivals arrivals;
    struct sim_trouble trouble; /* for everything; more by sim_trouble_set() */
    bool strict_action_types;   /* only action types that were added exist: else any valid one does */
    /* Called from the loop for each job handed out (also a second time after its lease). */
    void (*handed_out)(void *ctx, str region, str job_id, uint64_t available_ns, uint64_t now_ns);
    void *ctx;
};

int sim_open(struct sim **out, struct uv_loop_s *loop, const struct sim_options *o,
             struct pipepoll_error *why);
/* Stops listening, ends connections; then `closed`, and s is gone. closed may be NULL. */
void sim_close(struct sim *s, void (*closed)(void *ctx), void *ctx);

uint16_t sim_port(const struct sim *s);
const char *sim_url(const struct sim *s);    /* "https://127.0.0.1:PORT" */
const char *sim_ca_pem(const struct sim *s); /* what a client must trust; NULL without tls */

/* Who a job or a trouble is for: empty members match any (for a trouble) and default to us-east-1,
 * Build, ThirdParty, Acme, 1 (for a job). The most particular trouble wins. */
struct sim_place {
    str region;
    struct pipepoll_action_type action_type;
};
/* EINVAL: a number out of range. */
int sim_trouble_set(struct sim *s, const struct sim_place *where, const struct sim_trouble *trouble,
                    struct pipepoll_error *why);
/* Make the action type known where strict_action_types is on. */
int sim_action_type_add(struct sim *s, const struct sim_place *where, struct pipepoll_error *why);
/* n jobs, available now. Their ids follow the seed. ENOMEM; EINVAL: queue_max would be passed. */
int sim_jobs_add(struct sim *s, const struct sim_place *where, size_t n, struct pipepoll_error *why);
/* What AcknowledgeThirdPartyJob will do later: the job is done with, its lease does not return it. */
bool sim_job_acknowledge(struct sim *s, str job_id);

struct sim_stats {
    uint64_t requests, polls, refused, throttled, troubled; /* troubled: any other misbehaviour */
    uint64_t jobs_added, jobs_handed_out /* first times */, jobs_handed_out_again, jobs_acknowledged;
    uint64_t jobs_waiting, jobs_leased;
    uint64_t connections;
};
void sim_stats(const struct sim *s, struct sim_stats *out);

#endif
