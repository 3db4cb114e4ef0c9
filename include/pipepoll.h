/* SPDX-License-Identifier: MIT
 *
 * pipepoll: poll AWS CodePipeline for third-party and custom jobs, in many regions and for many
 * action types at once, on the caller's libuv loop.
 *
 * The shape: a `struct pipepoll` (the poller) lives on a loop. You add targets to it (one action
 * type in one region each). It polls each target at its interval and gives every answer, with the
 * jobs in it, to the sink. The poller keeps no jobs: deliver() must keep what it needs.
 *
 * Rules that hold for every function here unless its comment says otherwise:
 *  - Thread: call on the loop's thread. The library never runs or stops the loop, and does not use
 *    libuv's thread pool. It does blocking work (looking up names, reading files with credentials,
 *    starting a credential_process and waiting for it) on threads of its own. It starts them when
 *    there is work, normally 9 at most for all pollers of the process together, and ends them after
 *    10 s without work. For work that takes longer than 0.1 s it starts one more thread, up to 80
 *    for names, 16 for files and 32 for programs, so work that hangs holds up no other. These
 *    threads take no signals, and nobody waits for them: the poller, the loop and the process can
 *    end while one hangs, and dlclose() leaves the library in place. A child made by fork() cannot
 *    use its parent's pollers; it may open new ones.
 *  - Errors: 0, or a negative `enum pipepoll_status`; a failure leaves outputs untouched. A
 *    `struct pipepoll_error *why` may be NULL; after a failure it holds one sentence.
 *  - Strings: `struct pipepoll_str` borrows bytes, not NUL-terminated. Functions copy inputs before
 *    they return; outputs given to a callback die when that callback returns.
 *  - Time: durations are in milliseconds and named `_ms`; latencies in microseconds, named `_us`.
 *  - Options: zero-fill (`= PIPEPOLL_OPTIONS_INIT`), set what differs; zero means the default.
 *  - Growth: a program that was built with this header runs with later libraries, see below.
 *  - Callbacks run from the loop, never from inside the call that caused them (but log() may).
 *    You may call every function inside every callback, pipepoll_close() included.
 *
 * What may grow, and how. Every structure whose first member is `size` may get further members: at
 * its end, never in padding, and no member moves or changes its meaning. A structure with a size
 *  - that you give to the library (options, sink, role) begins with its _INIT, which sets the size.
 *    The library reads no byte beyond that size, and takes missing members as zero, the default: so
 *    a program older than the library runs. A program newer than the library runs too, as long as
 *    it leaves members that the library does not know zero; else it gets EINVAL with both sizes,
 *    for the library could not do what it asks;
 *  - that a callback receives (answer, failure, identity) has as many bytes as its size says: check
 *    PIPEPOLL_HAS() before you read a member that the oldest library you run with may lack;
 *  - that the library fills in (stats, report, footprint, versions) begins with its _INIT. The
 *    library sets its size to the number of bytes that it filled in, and leaves the rest as it was.
 * Arrays have a stride beside their count, the size of one element: use pipepoll_job_at(), never an
 * index of your own. A structure that contains another one points to it, unless that one never
 * grows: pipepoll_str, pipepoll_action_type, pipepoll_query_param and pipepoll_error (which has a
 * reserve). Enumerations may get further values; treat those that you do not know as unknown. A
 * callback that is added to the sink is NULL in older programs, and not called. Functions may be
 * added; none changes.
 */
#ifndef PIPEPOLL_H
#define PIPEPOLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipepoll/credentials.h"
#include "pipepoll/error.h"
#include "pipepoll/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PIPEPOLL_VERSION "0.1.0"

struct uv_loop_s;       /* libuv's uv_loop_t */
struct pipepoll;        /* one poller on one loop */
struct pipepoll_target; /* one action type in one region */

/* --- action types and jobs --- */

/* ActionTypeId of the CodePipeline API (2015-07-09).
 *   category  Source, Build, Deploy, Test, Invoke, Approval or Compute
 *   owner     ThirdParty or Custom, for AWS works on its own actions itself. It decides which
 *             operation polls: PollForThirdPartyJobs or PollForJobs
 *   provider  1 to 35 of [0-9A-Za-z_-]
 *   version   1 to 9 of [0-9A-Za-z_-] */
struct pipepoll_action_type {
    struct pipepoll_str category, owner, provider, version;
};

/* ThirdPartyJob, or the Job of a custom action. A member is empty (len 0) where the service left it
 * out. May grow: its size is the job_size of the answer that contains it. */
struct pipepoll_job {
    struct pipepoll_str client_id;  /* look up your client token by this; empty: a custom job */
    struct pipepoll_str job_id;     /* the same job can come again until it is acknowledged */
    struct pipepoll_str nonce;      /* of a custom job: AcknowledgeJob wants it; a secret */
    struct pipepoll_str account_id; /* of a custom job: whose pipeline it is */
};

/* One answered poll. job_count is 0 when there is nothing to do. */
struct pipepoll_answer {
    size_t size;                     /* of this; see "What may grow" */
    struct pipepoll_str request_id;  /* x-amzn-RequestId, for AWS support; may be empty */
    const struct pipepoll_job *jobs; /* the first; see pipepoll_job_at() */
    size_t job_count;
    size_t job_size;     /* bytes from one job to the next */
    uint32_t attempt;    /* 1 unless polls before this one failed */
    uint64_t latency_us; /* from the start of the poll to its answer, microseconds */
};

/* The i-th job of an answer; NULL past the last. It dies with the answer. Any thread. */
PIPEPOLL_API const struct pipepoll_job *pipepoll_job_at(const struct pipepoll_answer *answer,
                                                        size_t i);

/* One failed poll. */
struct pipepoll_failure {
    size_t size;                 /* of this; see "What may grow" */
    int status;                  /* enum pipepoll_status */
    int http_status;             /* 0: there was no answer */
    uint32_t attempt;            /* 1 for the first failure in a row, then 2, 3, ... */
    uint32_t retry_in_ms;        /* when this target is polled next */
    struct pipepoll_str code;    /* AWS error code such as ThrottlingException; may be empty */
    struct pipepoll_str message; /* AWS's message, or what was found; control characters are '?' */
    struct pipepoll_str request_id; /* may be empty */
    enum pipepoll_cause cause;      /* what to fix: more exact than the status */
    struct pipepoll_str subject;    /* of the cause; may be empty */
};

/* The credentials of one identity, which all targets with equal credentials share: where they come
 * from, and their state. */
struct pipepoll_identity {
    size_t size;       /* of this; see "What may grow" */
    bool usable;       /* there are credentials, and the service did not refuse them last time */
    bool refused;      /* there are credentials, and the service refused them: not usable */
    bool degraded;     /* they have expired or could not be refreshed in time, but are still used */
    int64_t expires_s; /* Unix time; INT64_MAX: never, or there are none */
    struct pipepoll_str source;  /* "profile acme, role arn:aws:iam::...:role/Poller, from IMDS" */
    struct pipepoll_str reason;  /* of the last failure, with what to do; empty when all is well */
    enum pipepoll_cause cause;   /* of the same failure */
    struct pipepoll_str subject; /* of the cause; may be empty */
};

/* One poll that has ended, for whoever counts. */
struct pipepoll_poll {
    size_t size;         /* of this; see "What may grow" */
    int status;          /* enum pipepoll_status; OK: it was answered */
    uint32_t jobs;       /* that it brought */
    uint32_t asked;      /* how many it asked for at most; 0: as many as the service likes */
    uint32_t attempt;    /* 1 unless polls before this one failed */
    uint64_t latency_us; /* from its start to its end, microseconds; 0: it could not start */
    uint64_t late_us;    /* how long it had been due when it started */
};

/* Where answers go. Embed it in a struct of your own and get that back from `self`.
 * pipepoll_open() reads its members once. */
struct pipepoll_sink {
    size_t size; /* set by PIPEPOLL_SINK_INIT: of this struct, not of what it is embedded in */
    /* How many jobs can you take now? The poller subtracts the jobs that polls in flight may still
     * bring and asks the service for no more than the rest; 0 parks every target until
     * pipepoll_wake() or until a poll in flight ends. NULL: any number. */
    size_t (*credit)(struct pipepoll_sink *self);
    /* Each answered poll, empty ones too. Copy what you keep: all of `answer` dies on return. */
    void (*deliver)(struct pipepoll_sink *self, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer);
    /* Each failed poll, if the failure may pass by itself; if it needs a change of the set-up, only
     * the first and each change of its status, cause or code. May be NULL. */
    void (*failed)(struct pipepoll_sink *self, struct pipepoll_target *from,
                   const struct pipepoll_failure *failure);
    /* A target that was removed (or whose poller closes) is gone: the last call for it, after any
     * poll in flight was delivered. `from` dies when this returns; you may free its user data. May
     * be NULL. */
    void (*removed)(struct pipepoll_sink *self, struct pipepoll_target *from);
    /* The credentials of some targets arrived, changed, were refused or accepted, or are
     * unavailable: once per change, for all targets that share them. Without credentials these
     * targets are parked; they resume by themselves. May be NULL. */
    void (*credentials)(struct pipepoll_sink *self, const struct pipepoll_identity *identity);
    /* Each poll that has ended, also those that failed() is not told of, and before deliver() or
     * failed() for it: to count. May be NULL. */
    void (*polled)(struct pipepoll_sink *self, struct pipepoll_target *from,
                   const struct pipepoll_poll *poll);
    /* The poll that was out when pipepoll_target_pause() was called has ended, and all of it was
     * told: no poll of this target is out. Not when the target was resumed or removed meanwhile.
     * May be NULL. */
    void (*paused)(struct pipepoll_sink *self, struct pipepoll_target *from);
};
#define PIPEPOLL_SINK_INIT PIPEPOLL_INIT(pipepoll_sink)

/* --- the poller --- */

enum pipepoll_level { PIPEPOLL_ERROR, PIPEPOLL_WARNING, PIPEPOLL_INFO, PIPEPOLL_DEBUG };

struct pipepoll_options {
    size_t size;                /* set by PIPEPOLL_OPTIONS_INIT */
    struct pipepoll_sink *sink; /* required; must outlive `closed` */
    struct pipepoll_credentials
        *credentials;                  /* of targets without their own; NULL: default chain */
    struct pipepoll_str ca_bundle;     /* PEM file of roots; empty: that of AWS_CA_BUNDLE or
                                        * REQUESTS_CA_BUNDLE ("~", $NAME replaced), or system's */
    uint32_t max_in_flight;            /* polls at once; 0: 256; at most 65536 */
    uint32_t max_in_flight_per_region; /* 0: a fair share, max_in_flight / regions, at least 1 */
    /* Open at once, idle ones included; the one idle longest is closed for a new one. 0: half of
     * what RLIMIT_NOFILE allows, 8 to 65536; with several pollers in a process, divide it among
     * them. No more polls than this are in flight. */
    uint32_t max_connections;
    /* Polls of a target until one is answered: the first as scheduled, the others after a back-off;
     * after these it polls as scheduled again. 1: no retries; 0: 3; at most 1000. */
    uint32_t max_attempts;
    double max_polls_per_s;      /* for each account and region; 0: as the service allows */
    uint32_t request_timeout_ms; /* from start to whole answer; 0: 30000 */
    uint32_t connect_timeout_ms; /* name, TCP and TLS together; 0: 10000 */
    uint64_t seed;               /* of jitter; 0: from the system */

    /* Both hooks may be NULL. resize is realloc() with the old size, where size 0 means free. It
     * allocates targets, polls, connections and fetched credentials; not the credentials that you
     * give and the trust store, which are made once, nor memory to read files and programs for
     * credentials, nor that of the libraries below. log gets one line without a line end, and never
     * a secret. */
    void *(*resize)(void *ctx, void *ptr, size_t old_size, size_t new_size);
    void *resize_ctx;
    void (*log)(void *ctx, enum pipepoll_level level, struct pipepoll_str line);
    void *log_ctx;

    /* Whose product this is: goes as " app/ID" into the User-Agent, where AWS Partner Revenue
     * Measurement finds it. At most 250 bytes (AWS asks for 50); '-' replaces characters that a
     * token may not contain. Empty: AWS_SDK_UA_APP_ID. */
    struct pipepoll_str user_agent_app_id;
};
#define PIPEPOLL_OPTIONS_INIT PIPEPOLL_INIT(pipepoll_options)

/* Would pipepoll_open() accept these options? It does not look at their sink. OK; EINVAL or ESYSTEM
 * with the sentence, as there; ENOMEM. Blocks to read the CA bundle; any thread. */
PIPEPOLL_API int pipepoll_options_check(const struct pipepoll_options *options,
                                        struct pipepoll_error *why);

/* Make a poller on `loop`, which must outlive `closed`. Copies the options and references the
 * credentials. The process should ignore SIGPIPE (libuv programs commonly do).
 * Blocks once, to read the CA bundle. After a failure the loop may still have to close one handle:
 * let it turn. EINVAL: no sink or deliver, a number out of range, or a wrong size; ESYSTEM: an
 * unreadable CA bundle, or libcurl, libuv or OpenSSL did not start (OpenSSL must pass the signer's
 * known-answer check); ENOMEM. */
PIPEPOLL_API int pipepoll_open(struct pipepoll **out, struct uv_loop_s *loop,
                               const struct pipepoll_options *options, struct pipepoll_error *why);

/* There is credit again: poll parked targets. Does nothing when none is parked. */
PIPEPOLL_API void pipepoll_wake(struct pipepoll *p);

/* Fetch credentials at once, whatever the back-off: for each identity that has none, or whose
 * credentials have expired or were refused (as soon as it is used, if all its targets are paused).
 * Then poll the targets that wait because their credentials were not accepted or lack permission.
 * Use it when somebody says that the cause is fixed; the poller also fetches by itself, see
 * pipepoll/credentials.h. Does nothing on a closing poller. */
PIPEPOLL_API void pipepoll_refresh_credentials(struct pipepoll *p);

/* End: no further poll starts; polls in flight are finished and delivered (within
 * request_timeout_ms), except those whose host is still being looked up, which fail at once; each
 * target gets its removed(); then `closed` is called, last, and p is gone. This takes at most
 * request_timeout_ms and one second, whatever a network, a proxy, a service, a name look-up or a
 * disk does, as long as the loop turns. A second call does nothing. closed may be NULL. */
PIPEPOLL_API void pipepoll_close(struct pipepoll *p, void (*closed)(void *ctx), void *ctx);

/* Let the loop end although p is open, or keep it alive again (the default, with or without
 * targets). Polls in flight, a pending removed(), a closing poller and the jobs in hand of a worker
 * whose poller this is keep it alive in either case. */
PIPEPOLL_API void pipepoll_keep_loop_alive(struct pipepoll *p, bool keep);

/* Counters since pipepoll_open(). */
struct pipepoll_stats {
    size_t size;                         /* set by PIPEPOLL_STATS_INIT */
    uint64_t polls;                      /* started */
    uint64_t answers;                    /* understood, empty ones included */
    uint64_t jobs;                       /* delivered */
    uint64_t failures;                   /* failed polls, reported or not */
    uint64_t throttled;                  /* of these: throttled */
    uint64_t connections;                /* opened */
    uint64_t latency_us_sum;             /* of all answers, microseconds */
    uint32_t targets, in_flight, parked; /* now; parked: due, without credit or slot */
    uint32_t max_lateness_ms;            /* longest time a due poll waited, for any reason */
    uint32_t connections_open;           /* now, idle ones included */
    uint64_t handshakes;                 /* of TLS, completed; those of HTTP/2 are not counted */
    uint64_t resumed;                    /* of these: went on with an earlier session */
    uint64_t paused;                     /* of targets, now: those that were told to pause */
};
#define PIPEPOLL_STATS_INIT PIPEPOLL_INIT(pipepoll_stats)
PIPEPOLL_API void pipepoll_stats(const struct pipepoll *p, struct pipepoll_stats *out);

/* --- targets --- */

/* A property of the action type that is queryable, and its value: of custom jobs, only those whose
 * action is configured so. The key has 1 to 50 characters, the value 1 to 50 of [0-9A-Za-z_-]. */
struct pipepoll_query_param {
    struct pipepoll_str key, value;
};

struct pipepoll_target_options {
    size_t size; /* set by PIPEPOLL_TARGET_OPTIONS_INIT */
    struct pipepoll_action_type action_type;
    struct pipepoll_str region;       /* such as us-east-1 */
    struct pipepoll_str endpoint_url; /* http(s)://host[:port][/path]; empty: the region's own */
    uint32_t interval_ms;             /* from poll to poll, +-10 %; 0: 5000; at most 86400000 */
    uint32_t pickup_goal_ms;          /* instead of an interval: find 95 of 100 jobs within this */
    uint32_t slowest_interval_ms;     /* with a goal: poll no less often; 0: 12 goals */
    uint32_t max_batch_size;          /* jobs per answer; 0: the service decides */
    bool fips, dualstack;             /* which of the region's endpoints; not with endpoint_url */
    /* Accept any certificate from the endpoint, as `aws --no-verify-ssl` does: anybody on the way
     * can read the polls and answer them. For tests; AWS's certificates are good. Services that
     * give out credentials (STS, SSO, ...) and https proxies are verified nevertheless. */
    bool insecure;
    struct pipepoll_credentials *credentials; /* NULL: the poller's */
    void *user;                               /* yours; see pipepoll_target_user() */
    /* Both empty: none. With an owner Custom only, where an action type with a queryable property
     * requires it, and no other allows it. */
    struct pipepoll_query_param query_param;
    uint32_t paused; /* 1: it begins as after pipepoll_target_pause() */
    /* The first poll after it was added or resumed comes at a random time within this; the polls
     * after that are spread over the interval. 0: one interval; at most 86400000. */
    uint32_t first_poll_within_ms;
};
#define PIPEPOLL_TARGET_OPTIONS_INIT PIPEPOLL_INIT(pipepoll_target_options)

/* Would pipepoll_target_add() accept this? OK or EINVAL with the sentence. Pure; any thread. */
PIPEPOLL_API int pipepoll_target_check(const struct pipepoll_target_options *o,
                                       struct pipepoll_error *why);

/* Poll one action type in one region from now on. Copies the options. *out (out may be NULL)
 * belongs to p and dies after its removed(). The first poll comes at a random time within one
 * interval (see first_poll_within_ms); after an answer as full as it asked for, the next poll
 * starts at once. After a failure it polls again after a back-off: 50 ms (1 s when throttled)
 * doubling to 20 s with full jitter, or what x-amz-retry-after says. EINVAL as
 * pipepoll_target_check(); ECLOSING; ENOMEM. */
PIPEPOLL_API int pipepoll_target_add(struct pipepoll *p, const struct pipepoll_target_options *o,
                                     struct pipepoll_target **out, struct pipepoll_error *why);

/* No further poll of t starts; one in flight is finished and delivered; then comes removed(). */
PIPEPOLL_API void pipepoll_target_remove(struct pipepoll_target *t);

/* No further poll of t starts until pipepoll_target_resume(). One that is out is finished and
 * delivered as ever: false, and the sink's paused() tells its end. true: none is out. A paused
 * target stays a target: jobs that it found are worked, it can be removed, and a poller's close()
 * ends it. It holds no slot, and no credentials are fetched or refreshed for it alone: only for
 * targets that are not paused, and while a call for a job needs them. Any number may be paused and
 * resumed in one turn of the loop. Fine on one that is paused or removed. */
PIPEPOLL_API bool pipepoll_target_pause(struct pipepoll_target *t);
/* Poll t again: at the instant that was planned when it was paused, if that is yet to come, else at
 * a random time, as the first of one that was added now; and what it fails with is told
 * anew. Does nothing on one that is not paused, or is removed. */
PIPEPOLL_API void pipepoll_target_resume(struct pipepoll_target *t);
/* Is a poll of t out? Until its deliver() or failed() has returned, so inside them as well. */
PIPEPOLL_API bool pipepoll_target_is_polling(const struct pipepoll_target *t);

/* Other processes poll the account and region of t too: keep their calls together below what one
 * may make. part: of max_polls_per_s, 0 to 1, and 1 at first; cap_per_s: a ceiling beside it, such
 * as the rate that the service's throttling left another process; 0: none. Holds for all targets of
 * this poller that share t's budget, until it is set again or the last of them is removed. Jobs'
 * calls go out as ever, and count. EINVAL: a number out of range. */
PIPEPOLL_API int pipepoll_target_share_budget(struct pipepoll_target *t, double part,
                                              double cap_per_s, struct pipepoll_error *why);

PIPEPOLL_API void *pipepoll_target_user(const struct pipepoll_target *t);

/* What is known about a target's way to the service. Slices live until the loop turns. */
struct pipepoll_report {
    size_t size; /* set by PIPEPOLL_REPORT_INIT */
    const struct pipepoll_identity *identity;
    int64_t clock_skew_ms;           /* how far the service's clock is ahead; 0 while unknown */
    double polls_per_s;              /* now allowed for the account and region; 0: no limit */
    struct pipepoll_str address;     /* of the last connection's peer; empty: there was none */
    struct pipepoll_str tls_version; /* "TLSv1.3" */
    struct pipepoll_str issuer;      /* of the server's certificate */
    struct pipepoll_str proxy;       /* in use, without its password; empty: none */
    uint32_t lookup_us, connect_us, tls_us; /* the last connection's steps */
    uint32_t interval_ms;                   /* at present: with a pickup goal it changes */
    double adaptive_polls_per_s; /* of polls_per_s: what throttling left; 0: there was none */
    uint64_t throttled_ms;       /* since the service throttled last; UINT64_MAX: it never did */
};
#define PIPEPOLL_REPORT_INIT PIPEPOLL_INIT(pipepoll_report)
PIPEPOLL_API void pipepoll_target_report(const struct pipepoll_target *t,
                                         struct pipepoll_report *out);

/* Both live as long as t. */
PIPEPOLL_API struct pipepoll_str pipepoll_target_region(const struct pipepoll_target *t);
PIPEPOLL_API struct pipepoll_action_type pipepoll_target_action_type(
    const struct pipepoll_target *t);

/* --- facts --- */

/* The interval that meets a pickup goal whenever jobs arrive, milliseconds: for plans. */
PIPEPOLL_API uint32_t pipepoll_goal_interval_ms(uint32_t pickup_goal_ms);

/* The regions of a partition (aws, aws-cn, aws-us-gov, ...; empty: aws) where CodePipeline is
 * offered, as of 2026: the i-th name, or NULL past the last. Static text. Any thread. */
PIPEPOLL_API const char *pipepoll_region(struct pipepoll_str partition, size_t i);

/* Where the calls of a target would go: "https://host[:port]/path", NUL-terminated, in text[size].
 * EINVAL as pipepoll_target_check(), or when it does not fit. Pure; any thread. */
PIPEPOLL_API int pipepoll_endpoint(const struct pipepoll_target_options *o, char *text, size_t size,
                                   struct pipepoll_error *why);

/* What a poller will need, before it exists: memory of this library and of those below it, from
 * measurements of an idle target and of a slot with its connection. */
struct pipepoll_footprint {
    size_t size;              /* set by PIPEPOLL_FOOTPRINT_INIT */
    uint32_t max_connections; /* what 0 means in the options, by the present RLIMIT_NOFILE */
    size_t target_bytes;      /* per target, strings aside */
    size_t slot_bytes;        /* per poll in flight, its TLS connection included */
    size_t fixed_bytes;       /* the rest: trust store, libraries */
    /* Descriptors: per 16 connections, idle or busy, libcurl's own included; and all others. */
    uint32_t descriptors_per_16, fixed_descriptors;
};
#define PIPEPOLL_FOOTPRINT_INIT PIPEPOLL_INIT(pipepoll_footprint)
PIPEPOLL_API void pipepoll_footprint(struct pipepoll_footprint *out);

/* The versions in use: "0.1.0", "7.88.1", "OpenSSL/3.0.22", "1.44.2". Static texts. Any thread. */
struct pipepoll_versions {
    size_t size; /* set by PIPEPOLL_VERSIONS_INIT */
    const char *pipepoll, *libcurl, *tls, *libuv;
};
#define PIPEPOLL_VERSIONS_INIT PIPEPOLL_INIT(pipepoll_versions)
PIPEPOLL_API void pipepoll_versions(struct pipepoll_versions *out);

#ifdef __cplusplus
}
#endif

#endif
