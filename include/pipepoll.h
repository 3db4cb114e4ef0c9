/* SPDX-License-Identifier: MIT
 *
 * pipepoll: poll AWS CodePipeline for third-party jobs, in many regions and for many action types
 * at once, on the caller's libuv loop.
 *
 * The shape: a `struct pipepoll` (the poller) lives on a loop. Targets (one action type in one
 * region) are added to it. Each target is polled at its interval; every answer goes to the sink,
 * with the jobs in it. The poller keeps no jobs: what deliver() was given is the caller's to keep.
 *
 * Rules that hold for every function here unless its comment says otherwise:
 *  - Thread: call on the loop's thread. The library never runs or stops the loop, and leaves
 *    libuv's thread pool alone. What blocks (name look-ups, reading files with credentials, and
 *    loading and awaiting a credential_process) is done on threads of its own: started when there
 *    is something to do, 9 at most for all pollers of the process together as a rule, and ended
 *    after 10 s without work. What takes longer than 0.1 s is made up for by one more thread, up to
 *    80 for names, 16 for files and 32 for programs, so whatever hangs holds up no other. These
 *    threads take no signals, and nobody waits for them: the poller, the loop and the process can
 *    end while one hangs, and dlclose() leaves the library in place. A poller is of no use in a
 *    child made by fork(); new ones may be opened there.
 *  - Errors: 0, or a negative `enum pipepoll_status`; outputs are untouched on failure. Where a
 *    `struct pipepoll_error *why` is taken it may be NULL; on failure it holds one sentence.
 *  - Strings: `struct pipepoll_str` borrows bytes, not NUL-terminated. Inputs are copied before the
 *    function returns; outputs given to a callback die when that callback returns.
 *  - Time: durations in milliseconds, named `_ms`, but for latencies, named `_us`.
 *  - Options: zero-fill (`= PIPEPOLL_OPTIONS_INIT`), set what differs; zero means the default.
 *  - Callbacks run from the loop, never from inside the call that caused them (but log() may).
 *    Every function may be called inside every callback, pipepoll_close() included.
 */
#ifndef PIPEPOLL_H
#define PIPEPOLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PIPEPOLL_API __attribute__((visibility("default")))
#else
#define PIPEPOLL_API
#endif

#define PIPEPOLL_VERSION "0.1.0"

struct uv_loop_s;            /* libuv's uv_loop_t */
struct pipepoll;             /* one poller on one loop */
struct pipepoll_target;      /* one action type in one region */
struct pipepoll_credentials; /* whose keys to sign with, shared by reference count */
struct pipepoll_settings;    /* what the environment and the shared files say besides keys */

struct pipepoll_str {
    const char *ptr;
    size_t len;
};

/* A string literal or a NUL-terminated string as a pipepoll_str. */
PIPEPOLL_API struct pipepoll_str pipepoll_str(const char *text);

enum pipepoll_status {
    PIPEPOLL_OK = 0,
    PIPEPOLL_EINVAL = -1,   /* an argument breaks a rule; `why` names it */
    PIPEPOLL_ENOMEM = -2,   /* out of memory */
    PIPEPOLL_ECLOSING = -3, /* the poller is closing */
    PIPEPOLL_ESYSTEM = -4,  /* the system or a library below refused */

    /* Wrong until somebody changes the set-up. Polled again slowly, reported once per change. */
    PIPEPOLL_ECREDENTIALS = -10, /* no credentials, or the service does not accept them */
    PIPEPOLL_EDENIED = -11,      /* the credentials may not poll this action type */
    PIPEPOLL_ENOTFOUND = -12,    /* the action type does not exist in this region */
    PIPEPOLL_EREFUSED = -13,     /* the service refused the request as such */
    PIPEPOLL_EUNTRUSTED = -14,   /* the server's certificate could not be verified */
    PIPEPOLL_ENOTENABLED = -15,  /* the account has not enabled this region */

    /* Passing. Polled again after a back-off, each failure reported. */
    PIPEPOLL_ETRANSPORT = -20, /* no connection, or it broke */
    PIPEPOLL_ETIMEDOUT = -21,  /* no answer within request_timeout_ms */
    PIPEPOLL_ETHROTTLED = -22, /* the service asks for fewer calls */
    PIPEPOLL_ESERVICE = -23,   /* the service failed */
    PIPEPOLL_EPROTO = -30      /* the answer was not understood */
};

/* What is to be mended, where that is known: finer than a status, and with `subject`, which names
 * the thing. Others may follow; a program treats those that it does not know as UNKNOWN. */
enum pipepoll_cause {
    PIPEPOLL_CAUSE_UNKNOWN, /* none of these: the sentence is all there is */

    /* The source of keys. */
    PIPEPOLL_CAUSE_NOT_CONFIGURED, /* nobody configured one */
    PIPEPOLL_CAUSE_SOURCE,         /* the one that is configured is broken, or gave none */
    PIPEPOLL_CAUSE_FILE,           /* a file can't be read or is damaged; subject: its path */
    PIPEPOLL_CAUSE_LOGIN,          /* a login has ended; subject: the command that renews it */
    PIPEPOLL_CAUSE_ROLE_DENIED,    /* STS refused a role; subject: its ARN */
    PIPEPOLL_CAUSE_ROLE, /* STS gave no keys for a role for another reason; subject: ARN */

    /* The keys, as the service sees them. */
    PIPEPOLL_CAUSE_EXPIRED,      /* they have expired */
    PIPEPOLL_CAUSE_UNKNOWN_KEY,  /* it does not know the access key id */
    PIPEPOLL_CAUSE_WRONG_SECRET, /* the signature is not the one it computed */
    PIPEPOLL_CAUSE_SIGNATURE,    /* it did not take the signature, and does not say why */
    PIPEPOLL_CAUSE_WRONG_REGION, /* signed for another region than that of the endpoint */
    PIPEPOLL_CAUSE_CLOCK,        /* the clock of this machine is wrong */

    /* What was asked for. */
    PIPEPOLL_CAUSE_DENIED,         /* the keys are good, but may not do it */
    PIPEPOLL_CAUSE_OPT_IN,         /* the account has not opted in to the service */
    PIPEPOLL_CAUSE_SUBSCRIPTION,   /* the account is not signed up for the service */
    PIPEPOLL_CAUSE_NOT_ENABLED,    /* nor has it enabled the region */
    PIPEPOLL_CAUSE_NO_ACTION_TYPE, /* no such action type in this region */
    PIPEPOLL_CAUSE_OWNER,          /* action types of this owner can't be polled */
    PIPEPOLL_CAUSE_REQUEST,        /* the service does not take the request as such */

    /* Who answers. */
    PIPEPOLL_CAUSE_THROTTLED,
    PIPEPOLL_CAUSE_SERVICE,    /* it failed */
    PIPEPOLL_CAUSE_MIDDLE_BOX, /* another did: a proxy, a login page; subject: its Server header */
    PIPEPOLL_CAUSE_NOT_UNDERSTOOD, /* what it says makes no sense */

    /* The way there; subject: the host as the URL has it, or the proxy. */
    PIPEPOLL_CAUSE_NAME,               /* it has no address */
    PIPEPOLL_CAUSE_UNREACHABLE,        /* no connection */
    PIPEPOLL_CAUSE_BROKEN_OFF,         /* the connection ended before the answer */
    PIPEPOLL_CAUSE_TIMED_OUT,          /* no connection, or no answer, in time */
    PIPEPOLL_CAUSE_PLAIN_HTTP,         /* it speaks plain HTTP on an https URL */
    PIPEPOLL_CAUSE_TLS,                /* no agreement on TLS */
    PIPEPOLL_CAUSE_CLIENT_CERTIFICATE, /* it demands one of us, and there is none */
    PIPEPOLL_CAUSE_UNTRUSTED,          /* its certificate could not be verified */
    PIPEPOLL_CAUSE_NOT_YET_VALID,      /* its certificate is of the future, by our clock */
    PIPEPOLL_CAUSE_OUTDATED,           /* its certificate has expired, by our clock */
    PIPEPOLL_CAUSE_PROXY,              /* the proxy would not connect */
    PIPEPOLL_CAUSE_PROXY_LOGIN,        /* the proxy wants another user and password, or any */

    /* This machine. */
    PIPEPOLL_CAUSE_MEMORY,
    PIPEPOLL_CAUSE_DESCRIPTORS, /* too many open files, of the process or of the system */
    PIPEPOLL_CAUSE_SYSTEM       /* the system or a library below refused */
};

/* One line for a status, static, never NULL. Any thread. */
PIPEPOLL_API const char *pipepoll_strerror(int status);

/* Why a call failed: one sentence that names the field, the value and what is allowed; and what is
 * to be mended, with its subject, cut to fit. */
struct pipepoll_error {
    char text[512];
    enum pipepoll_cause cause;
    char subject[256]; /* NUL-terminated, "" where there is none */
};

/* --- action types and jobs --- */

/* ActionTypeId of the CodePipeline API (2015-07-09).
 *   category  Source, Build, Deploy, Test, Invoke, Approval or Compute
 *   owner     AWS, ThirdParty or Custom; the service hands third-party jobs to ThirdParty
 *   provider  1 to 35 of [0-9A-Za-z_-]
 *   version   1 to 9 of [0-9A-Za-z_-] */
struct pipepoll_action_type {
    struct pipepoll_str category, owner, provider, version;
};

/* ThirdPartyJob. Each member is empty (len 0) where the service left it out. */
struct pipepoll_job {
    struct pipepoll_str client_id; /* look up your client token by this */
    struct pipepoll_str job_id;    /* the same job can come again until it is acknowledged */
};

/* One answered poll. job_count is 0 when there is nothing to do. */
struct pipepoll_answer {
    struct pipepoll_str request_id; /* x-amzn-RequestId, for AWS support; may be empty */
    const struct pipepoll_job *jobs;
    size_t job_count;
    uint32_t attempt;    /* 1 unless polls before this one failed */
    uint64_t latency_us; /* from the start of the poll to its answer, microseconds */
};

/* One failed poll. */
struct pipepoll_failure {
    int status;                  /* enum pipepoll_status */
    int http_status;             /* 0: there was no answer */
    uint32_t attempt;            /* 1 for the first failure in a row, then 2, 3, ... */
    uint32_t retry_in_ms;        /* when this target is polled next */
    struct pipepoll_str code;    /* AWS error code such as ThrottlingException; may be empty */
    struct pipepoll_str message; /* AWS's message, or what was found; control characters are '?' */
    struct pipepoll_str request_id; /* may be empty */
    enum pipepoll_cause cause;      /* what is to be mended: finer than the status */
    struct pipepoll_str subject;    /* of the cause; may be empty */
};

/* The keys of one identity, that is of all targets with equal credentials: where they come from and
 * how they are. */
struct pipepoll_identity {
    bool usable;       /* there are keys, and the service did not refuse them when asked last */
    bool refused;      /* there are keys, and the service did refuse them; not usable then */
    bool degraded;     /* they have expired or could not be renewed in time, and still serve */
    int64_t expires_s; /* Unix time; INT64_MAX: never, or there are none */
    struct pipepoll_str source;  /* "profile acme, role arn:aws:iam::...:role/Poller, from IMDS" */
    struct pipepoll_str reason;  /* of the last failure, with what to do; empty when all is well */
    enum pipepoll_cause cause;   /* of the same failure */
    struct pipepoll_str subject; /* of the cause; may be empty */
};

/* Where answers go. Embed it in a struct of your own and get that back from `self`. */
struct pipepoll_sink {
    /* How many jobs can you take now? The poller subtracts what polls in flight may still bring and
     * asks the service for no more than the rest; 0 parks every target until pipepoll_wake() or
     * until a poll in flight ends. NULL: any number. */
    size_t (*credit)(struct pipepoll_sink *self);
    /* Each answered poll, empty ones too. Copy what you keep: all of `answer` dies on return. */
    void (*deliver)(struct pipepoll_sink *self, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer);
    /* Each failed poll that may pass; for a failure that needs a change of the set-up, only the
     * first and each change of its status or code. May be NULL. */
    void (*failed)(struct pipepoll_sink *self, struct pipepoll_target *from,
                   const struct pipepoll_failure *failure);
    /* A target that was removed (or whose poller closes) is gone: the last call for it, after any
     * poll in flight was delivered. `from` and its user pointer are free to go. May be NULL. */
    void (*removed)(struct pipepoll_sink *self, struct pipepoll_target *from);
    /* The keys of some targets came, changed, were refused or accepted, or can't be had: once per
     * change, for all targets that share them. Without keys these targets are parked, and resume
     * by themselves. May be NULL. */
    void (*credentials)(struct pipepoll_sink *self, const struct pipepoll_identity *identity);
};

/* --- credentials --- */

/* These say whose keys are wanted. A poller gets them, on its own loop and transport and without
 * blocking, when it opens or when a target is added that names them; it renews them 15 minutes
 * (with some jitter) before they expire, keeps the old ones while that fails and they are good, and
 * asks anew when the service refuses them. While keys are missing or refused, the files they come
 * from (the shared files, a token's) are looked at each second, by stat(), and read again when they
 * have changed; any other source is asked once a minute at most. New keys wake the targets that
 * failed with the old ones. Equal credentials share an identity. They may be given to several
 * pollers of one thread. All copies of keys are wiped when they are let go. */

/* Fixed keys. session_token may be empty. EINVAL: an empty key, one with a control character, or a
 * session_token of more than 16 KiB. ENOMEM. */
PIPEPOLL_API int pipepoll_credentials_static(struct pipepoll_credentials **out,
                                             struct pipepoll_str access_key_id,
                                             struct pipepoll_str secret_access_key,
                                             struct pipepoll_str session_token,
                                             struct pipepoll_error *why);

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SECURITY_TOKEN or AWS_SESSION_TOKEN, and
 * AWS_CREDENTIAL_EXPIRATION, read now; a blank one counts as unset. ECREDENTIALS: the key or the
 * secret is not set, or the last is not a time. EINVAL, ENOMEM as above. */
PIPEPOLL_API int pipepoll_credentials_environment(struct pipepoll_credentials **out,
                                                  struct pipepoll_error *why);

/* None: polls go unsigned, as by `aws --no-sign-request`, which AWS itself refuses. For stand-ins
 * that know no keys. ENOMEM. */
PIPEPOLL_API int pipepoll_credentials_anonymous(struct pipepoll_credentials **out,
                                                struct pipepoll_error *why);

/* The default chain: what the AWS CLI would use on this machine. The first of these that is
 * configured is taken, and it is an error when that one is broken:
 *  1. AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, with AWS_SESSION_TOKEN or AWS_SECURITY_TOKEN
 *     (the older name wins) and AWS_CREDENTIAL_EXPIRATION;
 *  2. a role (source_profile, credential_source) of the profile AWS_PROFILE, else
 *     AWS_DEFAULT_PROFILE, else "default", of AWS_CONFIG_FILE (~/.aws/config) and
 *     AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials);
 *  3. AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN;
 *  4. what else that profile has: a web identity, IAM Identity Center (as `aws sso login` left it,
 *     its token renewed by the refresh token and written back), keys of the credentials file,
 *     credential_process, keys of the config file;
 *  5. a container's: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI (ECS, EKS Pod Identity);
 *  6. EC2 instance metadata, unless AWS_EC2_METADATA_DISABLED: version 2, and version 1 only where
 *     AWS_EC2_METADATA_V1_DISABLED=false allows it.
 * A file or line that cannot be read or understood matters only when something in it is needed, and
 * is told then. ENOMEM. */
PIPEPOLL_API int pipepoll_credentials_default(struct pipepoll_credentials **out,
                                              struct pipepoll_error *why);

/* A profile of the shared files, and nothing else. EINVAL: an empty name. ENOMEM. */
PIPEPOLL_API int pipepoll_credentials_profile(struct pipepoll_credentials **out,
                                              struct pipepoll_str name, struct pipepoll_error *why);

/* A role to assume (STS AssumeRole) with the keys of `source` (NULL: the default chain), which is
 * referenced. */
struct pipepoll_role {
    size_t size;                      /* set to sizeof */
    struct pipepoll_str arn;          /* arn:aws:iam::123456789012:role/Name */
    struct pipepoll_str session_name; /* 2 to 64 of [A-Za-z0-9+=,.@_-]; empty: pipepoll-TIME */
    struct pipepoll_str external_id;  /* empty: none */
    uint32_t duration_s;              /* 900 to 43200; 0: 3600 */
};
/* EINVAL: not a role's ARN, a member out of range, a source that is anonymous, or more than 4
 * roles one upon the other.
 * ENOMEM. */
PIPEPOLL_API int pipepoll_credentials_role(struct pipepoll_credentials **out,
                                           struct pipepoll_credentials *source,
                                           const struct pipepoll_role *role,
                                           struct pipepoll_error *why);

/* One more or one less reference; both take NULL. The poller holds its own. unref returns NULL. */
PIPEPOLL_API struct pipepoll_credentials *pipepoll_credentials_ref(struct pipepoll_credentials *c);
PIPEPOLL_API struct pipepoll_credentials *pipepoll_credentials_unref(
    struct pipepoll_credentials *c);

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
     * what RLIMIT_NOFILE allows, 8 to 65536: with several pollers in a process, divide it. No more
     * polls are in flight than that. */
    uint32_t max_connections;
    double max_polls_per_s;      /* for each account and region; 0: as the service lets us */
    uint32_t request_timeout_ms; /* from start to whole answer; 0: 30000 */
    uint32_t connect_timeout_ms; /* name, TCP and TLS together; 0: 10000 */
    uint64_t seed;               /* of jitter; 0: from the system */

    /* Both hooks may be NULL. resize is realloc() with the old size given and size 0 meaning free;
     * it serves targets, polls, connections and the keys that are fetched: not keys that were given
     * and the trust store, which are made once, nor files and programs that are read for keys, nor
     * the libraries below. log gets one line without a line end, and never a secret. */
    void *(*resize)(void *ctx, void *ptr, size_t old_size, size_t new_size);
    void *resize_ctx;
    void (*log)(void *ctx, enum pipepoll_level level, struct pipepoll_str line);
    void *log_ctx;

    /* Whose product this is: " app/ID" in the User-Agent, by which AWS Partner Revenue Measurement
     * counts. At most 250 bytes (AWS asks for 50); what a token may not have becomes '-'. Empty:
     * AWS_SDK_UA_APP_ID. */
    struct pipepoll_str user_agent_app_id;
    /* Polls of a target until one is answered, the first by plan and the others after a back-off;
     * further ones come by plan again. 1: no retries; 0: 3; at most 1000. */
    uint32_t max_attempts;
};
#ifdef __cplusplus
static inline pipepoll_options pipepoll_options_init(void)
{
    pipepoll_options o = pipepoll_options();
    o.size = sizeof o;
    return o;
}
#define PIPEPOLL_OPTIONS_INIT pipepoll_options_init()
#else
/* clang-format off */
#define PIPEPOLL_OPTIONS_INIT { .size = sizeof(struct pipepoll_options) }
/* clang-format on */
#endif

/* Make a poller on `loop`, which must outlive `closed`. Options are copied, the credentials
 * referenced. The process should ignore SIGPIPE (libuv programs commonly do).
 * Blocks once, to read the CA bundle. After a failure the loop may have one handle to close: let
 * it turn. EINVAL: no sink or deliver, or a number out of range; ESYSTEM: an unreadable CA bundle,
 * or libcurl, libuv or OpenSSL would not start (the known-answer check of the signer included);
 * ENOMEM. */
PIPEPOLL_API int pipepoll_open(struct pipepoll **out, struct uv_loop_s *loop,
                               const struct pipepoll_options *options, struct pipepoll_error *why);

/* Credit is back: parked targets are polled again. Does nothing when none is parked. */
PIPEPOLL_API void pipepoll_wake(struct pipepoll *p);

/* Look again for keys, at once and whatever the back-off: those of each identity that has none, or
 * whose keys have expired or were refused. Targets that wait because their keys were not accepted,
 * or may not do it, are polled when that is done. For when somebody says that the trouble is over;
 * the poller looks by itself too, see below. Nothing on a closing poller. */
PIPEPOLL_API void pipepoll_refresh_credentials(struct pipepoll *p);

/* End: no poll starts any more; polls in flight are finished and delivered (at most
 * request_timeout_ms), but for those whose host is still being looked up, which fail at once; each
 * target gets its removed(); then `closed` is called, last, and p is gone. That is so within
 * request_timeout_ms and one second, whatever a network, a proxy, a service, a name look-up or a
 * disk does, as long as the loop turns. A second call is ignored. closed may be NULL. */
PIPEPOLL_API void pipepoll_close(struct pipepoll *p, void (*closed)(void *ctx), void *ctx);

/* Let the loop end although p is open, or keep it alive again (the default, be there targets or
 * not). Polls in flight, a removed() to come and the end of a closing poller hold it in either
 * case. */
PIPEPOLL_API void pipepoll_keep_loop_alive(struct pipepoll *p, bool keep);

/* Counters since pipepoll_open(). */
struct pipepoll_stats {
    size_t size;                         /* set by the caller to sizeof */
    uint64_t polls;                      /* started */
    uint64_t answers;                    /* understood, empty ones included */
    uint64_t jobs;                       /* delivered */
    uint64_t failures;                   /* failed polls, reported or not */
    uint64_t throttled;                  /* of these: throttled */
    uint64_t connections;                /* opened */
    uint64_t latency_us_sum;             /* of all answers, microseconds */
    uint32_t targets, in_flight, parked; /* now; parked: due, without credit or slot */
    uint32_t max_lateness_ms;            /* longest wait of a due poll, for whatever reason */
};
PIPEPOLL_API void pipepoll_stats(const struct pipepoll *p, struct pipepoll_stats *out);

/* --- targets --- */

struct pipepoll_target_options {
    size_t size; /* set by PIPEPOLL_TARGET_OPTIONS_INIT */
    struct pipepoll_action_type action_type;
    struct pipepoll_str region;       /* such as us-east-1 */
    struct pipepoll_str endpoint_url; /* http(s)://host[:port][/path]; empty: the region's own */
    uint32_t interval_ms;             /* from poll to poll, +-10 %; 0: 5000; at most 86400000 */
    uint32_t pickup_goal_ms;          /* instead of an interval: find 95 of 100 jobs within this */
    uint32_t slowest_interval_ms;     /* with a goal: poll no less often; 0: 12 goals */
    uint32_t max_batch_size;          /* jobs per answer; 0: left to the service */
    bool fips, dualstack;             /* which of the region's endpoints; not with endpoint_url */
    struct pipepoll_credentials *credentials; /* NULL: the poller's */
    void *user;                               /* yours; see pipepoll_target_user() */
    /* Take any certificate of the endpoint's, as `aws --no-verify-ssl` does: whoever is on the way
     * can read the polls and answer them. For tests; AWS's certificates are good. What gives out
     * keys (STS, SSO, ...), and a proxy by https, is verified all the same. */
    bool insecure;
};
#ifdef __cplusplus
static inline pipepoll_target_options pipepoll_target_options_init(void)
{
    pipepoll_target_options o = pipepoll_target_options();
    o.size = sizeof o;
    return o;
}
#define PIPEPOLL_TARGET_OPTIONS_INIT pipepoll_target_options_init()
#else
/* clang-format off */
#define PIPEPOLL_TARGET_OPTIONS_INIT { .size = sizeof(struct pipepoll_target_options) }
/* clang-format on */
#endif

/* Would pipepoll_target_add() take this? OK or EINVAL with the sentence. Pure; any thread. */
PIPEPOLL_API int pipepoll_target_check(const struct pipepoll_target_options *o,
                                       struct pipepoll_error *why);

/* Poll one action type in one region from now on. Options are copied. *out (out may be NULL)
 * belongs to p and dies after its removed(). The first poll comes within one interval, spread
 * at random; after an answer as full as was asked for the next poll starts at once. An answer
 * lost to a failure is asked for again after a back-off: 50 ms (1 s when throttled) doubling to
 * 20 s with full jitter, or what x-amz-retry-after says. EINVAL as pipepoll_target_check();
 * ECLOSING; ENOMEM. */
PIPEPOLL_API int pipepoll_target_add(struct pipepoll *p, const struct pipepoll_target_options *o,
                                     struct pipepoll_target **out, struct pipepoll_error *why);

/* No poll of t starts any more; one in flight is finished and delivered; then removed(). */
PIPEPOLL_API void pipepoll_target_remove(struct pipepoll_target *t);

PIPEPOLL_API void *pipepoll_target_user(const struct pipepoll_target *t);

/* What is known of a target's way to the service. Slices live until the loop turns. */
struct pipepoll_report {
    size_t size; /* set by the caller to sizeof */
    struct pipepoll_identity identity;
    int64_t clock_skew_ms;           /* how far the service's clock is ahead; 0 while not known */
    double polls_per_s;              /* now allowed for the account and region; 0: no limit */
    uint32_t interval_ms;            /* at present: with a pickup goal it changes */
    struct pipepoll_str address;     /* of the last connection's peer; empty: none was made */
    struct pipepoll_str tls_version; /* "TLSv1.3" */
    struct pipepoll_str issuer;      /* of the server's certificate */
    struct pipepoll_str proxy;       /* that is used, without its password; empty: none */
    uint32_t lookup_us, connect_us, tls_us; /* the last connection's steps */
};
PIPEPOLL_API void pipepoll_target_report(const struct pipepoll_target *t,
                                         struct pipepoll_report *out);

/* Both live as long as t. */
PIPEPOLL_API struct pipepoll_str pipepoll_target_region(const struct pipepoll_target *t);
PIPEPOLL_API struct pipepoll_action_type pipepoll_target_action_type(
    const struct pipepoll_target *t);

/* --- settings --- */

/* What the environment and the shared files say of where calls go, as the AWS CLI reads them. The
 * library itself uses of these only what its credentials need, AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE,
 * HTTPS_PROXY, NO_PROXY and AWS_DISABLE_CLOCK_SKEW_CORRECTION; the rest is the caller's to apply or
 * not. */
enum pipepoll_setting {
    PIPEPOLL_SETTING_PROFILE,      /* AWS_PROFILE, AWS_DEFAULT_PROFILE; "default" */
    PIPEPOLL_SETTING_REGION,       /* AWS_REGION, AWS_DEFAULT_REGION, region of the profile */
    PIPEPOLL_SETTING_ENDPOINT_URL, /* AWS_ENDPOINT_URL_CODEPIPELINE, AWS_ENDPOINT_URL, the profile's
                                    * services section, its endpoint_url; a variable that is set
                                    * but empty is an error */
    PIPEPOLL_SETTING_FIPS,         /* AWS_USE_FIPS_ENDPOINT, use_fips_endpoint: "true" or empty */
    PIPEPOLL_SETTING_DUALSTACK,    /* AWS_USE_DUALSTACK_ENDPOINT, use_dualstack_endpoint */
    PIPEPOLL_SETTING_CA_BUNDLE,    /* AWS_CA_BUNDLE, ca_bundle, REQUESTS_CA_BUNDLE: as a path, with
                                    * "~" and $NAME replaced */
    /* As ENDPOINT_URL, for the services that give out credentials: */
    PIPEPOLL_SETTING_STS_ENDPOINT_URL,
    PIPEPOLL_SETTING_SSO_ENDPOINT_URL,
    PIPEPOLL_SETTING_MAX_ATTEMPTS, /* AWS_MAX_ATTEMPTS, max_attempts: 1 or more */
    PIPEPOLL_SETTING_RETRY_MODE,   /* AWS_RETRY_MODE, retry_mode: legacy, standard or adaptive */
    PIPEPOLL_SETTING_OUTPUT,       /* AWS_DEFAULT_OUTPUT, output: as it was written */
    PIPEPOLL_SETTING_USER_AGENT_APP_ID, /* AWS_SDK_UA_APP_ID, sdk_ua_app_id */
    PIPEPOLL_SETTING_COUNT
};
/* Read them, of this profile (empty: AWS_PROFILE, AWS_DEFAULT_PROFILE, or "default"). Blocks to
 * read the files. EINVAL: a value is not one of those that it may have, the profile that was named
 * is not there, or a line that says where calls go is not understood or in a file that everybody
 * may write ("FILE:LINE:COLUMN: what"). ENOMEM. */
PIPEPOLL_API int pipepoll_settings_load(struct pipepoll_settings **out, struct pipepoll_str profile,
                                        struct pipepoll_error *why);
/* A value, empty where it is not given, and where it comes from ("AWS_REGION", "profile acme"). */
PIPEPOLL_API struct pipepoll_str pipepoll_settings_get(const struct pipepoll_settings *s,
                                                       enum pipepoll_setting which,
                                                       struct pipepoll_str *from);
/* What was passed over, or is doubtful: the i-th sentence, empty past the last. */
PIPEPOLL_API struct pipepoll_str pipepoll_settings_warning(const struct pipepoll_settings *s,
                                                           size_t i);
PIPEPOLL_API struct pipepoll_settings *pipepoll_settings_free(struct pipepoll_settings *s);

/* The proxy that calls to this endpoint URL would go by, without its password, in text[size]; ""
 * for none. */
PIPEPOLL_API void pipepoll_proxy(struct pipepoll_str url, char *text, size_t size);

/* The interval that holds a pickup goal whatever the arrivals, milliseconds: for plans. */
PIPEPOLL_API uint32_t pipepoll_goal_interval_ms(uint32_t pickup_goal_ms);

/* --- facts --- */

/* The regions of a partition (aws, aws-cn, aws-us-gov, ...; empty: aws) where CodePipeline is
 * offered, as of 2026: the i-th name, or NULL past the last. Static text. Any thread. */
PIPEPOLL_API const char *pipepoll_region(struct pipepoll_str partition, size_t i);

/* Where the calls of a target would go: "https://host[:port]/path", NUL-terminated, in text[size].
 * EINVAL as pipepoll_target_check(), or when it does not fit. Pure; any thread. */
PIPEPOLL_API int pipepoll_endpoint(const struct pipepoll_target_options *o, char *text, size_t size,
                                   struct pipepoll_error *why);

/* What a poller will take, before it is made: memory of this library and below it, from
 * measurements of an idle target and of a slot with its connection. */
struct pipepoll_footprint {
    size_t target_bytes; /* per target, strings aside */
    size_t slot_bytes;   /* per poll in flight, its TLS connection included */
    size_t fixed_bytes;  /* the rest: trust store, libraries */
    /* Of RLIMIT_NOFILE: per 16 connections, idle or busy, libcurl's own included; and the rest. */
    unsigned descriptors_per_16, fixed_descriptors;
    uint32_t max_connections; /* what 0 stands for in the options, by RLIMIT_NOFILE of now */
};
PIPEPOLL_API struct pipepoll_footprint pipepoll_footprint(void);

/* The versions in use: "0.1.0", "7.88.1", "OpenSSL/3.0.22", "1.44.2". Static texts. Any thread. */
struct pipepoll_versions {
    const char *pipepoll, *libcurl, *tls, *libuv;
};
PIPEPOLL_API struct pipepoll_versions pipepoll_versions(void);

#ifdef __cplusplus
}
#endif

#endif
