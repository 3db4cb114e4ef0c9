/* SPDX-License-Identifier: MIT */
/* How things stand in a running process at one moment: the one truth from which its metrics, its
 * health, its page, `pipepoll top` and systemd are told, so that they never contradict each other.
 *
 * A status is filled from the loops (daemon/status_taker.h), each part of it on the thread that
 * knows it, and then only read. It owns its texts. What it says of a target, of a region and of the
 * whole is counted from the same figures, so sums are sums.
 *
 * Pure: whoever fills it has the clock. Unix times are milliseconds, 0 for never; durations are
 * microseconds unless their name says otherwise; counters count since the process began, those of
 * a target since it was added. */
#ifndef STATUS_STATUS_H
#define STATUS_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/str.h"
#include "status/arena.h"

/* --- counting: what the loops count while they work --- */

/* What came of a poll. Words for them: status_outcome_name(). */
enum status_outcome {
    STATUS_JOBS,  /* answered, with jobs */
    STATUS_EMPTY, /* answered, without */
    STATUS_THROTTLED,
    STATUS_TRANSPORT,
    STATUS_TIMED_OUT,
    STATUS_SERVICE,
    STATUS_PROTOCOL,
    STATUS_CREDENTIALS,
    STATUS_DENIED,
    STATUS_NOT_FOUND,
    STATUS_NOT_ENABLED,
    STATUS_REFUSED,
    STATUS_UNTRUSTED,
    STATUS_OTHER,
    STATUS_OUTCOMES
};

/* All of them. */
uint64_t status_polls_sum(const uint64_t polls[STATUS_OUTCOMES]);

/* Of a failure, by its enum pipepoll_status. */
enum status_outcome status_outcome_of(int pipepoll_status);
const char *status_outcome_name(enum status_outcome outcome); /* "jobs", "empty", "timed-out" */

/* How long something took, on a scale of fixed bounds: for a histogram of Prometheus. */
enum { STATUS_BUCKETS = 16 };
struct status_scale {
    size_t count; /* of bounds, below STATUS_BUCKETS: one more bucket is for what is above */
    uint64_t bounds_us[STATUS_BUCKETS - 1]; /* ascending; a bucket holds what is at most that */
};
extern const struct status_scale status_scale_poll;    /* 5 ms to 30 s: polls, pickup */
extern const struct status_scale status_scale_turn;    /* 0.1 ms to 1 s: turns of a loop */
extern const struct status_scale status_scale_handler; /* 1 s to 4 h: runs of handlers */

struct status_durations {
    uint64_t counts[STATUS_BUCKETS]; /* each its own, not cumulative */
    uint64_t count, sum_us;
};
void status_durations_add(struct status_durations *d, const struct status_scale *scale,
                          uint64_t us);
void status_durations_merge(struct status_durations *d, const struct status_durations *from);

/* --- a target: one action type in one region --- */

enum status_state {
    STATUS_ELSEWHERE, /* in a fleet: another member polls it, or nobody yet; not our business */
    STATUS_WAITING,   /* new: no poll of it has been answered yet, and none has to be */
    STATUS_WELL,
    STATUS_SLOWED, /* throttled: it is polled, but less often than it should be */
    STATUS_LATE,   /* without a good poll for too long, see status_stale_ms(), and no failure that
                    * says why: the reader is slow, a limit is too low, a loop hangs */
    STATUS_FAILING,
    STATUS_STATES
};
const char *status_state_name(enum status_state state); /* "waiting", "well", "throttled" ... */

/* Those that are ours to poll, of the counts of all. */
size_t status_ours(const size_t states[STATUS_STATES]);

enum { STATUS_STALE_INTERVALS = 10, STATUS_STALE_LEAST_MS = 60000 };
/* How long a target polled at that interval may be without a good poll before it is late. */
int64_t status_stale_ms(uint32_t interval_ms);

struct status_target {
    str name; /* of its section */
    str region;
    str category, owner, provider, version;
    size_t section;      /* which one it is in the file */
    size_t region_index; /* in status.regions */
    enum status_state state;
    int64_t since_ms;            /* in this state, as far as is known */
    enum status_outcome failing; /* what came of the polls that make it fail, in this state */
    int64_t incident_index;      /* in status.incidents: why it fails; -1: none */
    uint64_t polls[STATUS_OUTCOMES];
    uint64_t jobs;
    int64_t added_ms, last_good_ms; /* a poll that was answered, whatever it brought */
    int64_t last_job_ms;
    uint32_t interval_ms; /* at present */
};

/* --- an account's calls in one region --- */

/* All targets of the same credentials in the same region, which share the account's rate there. */
struct status_region {
    str region;
    str identity;         /* whose credentials, as the config names them: "default credentials" */
    double allowed_per_s; /* polls; 0: no limit was met, and none was set */
    double polls_per_s;   /* since the status before this one, or since the start */
    int64_t clock_skew_ms;
    size_t targets[STATUS_STATES];
    size_t failing[STATUS_OUTCOMES]; /* of those that fail: by what comes of their polls */
    uint64_t polls[STATUS_OUTCOMES], jobs;
    struct status_durations poll_time; /* of answered polls, from start to answer */
};

/* Credentials that targets share. */
struct status_credentials {
    str source;
    str reason; /* of the last failure; empty: all is well */
    bool usable, degraded;
    int64_t expires_ms; /* 0: never */
};

/* A cause by which targets fail, however many they are. */
struct status_incident {
    str status, cause, code; /* words, as events have them */
    str identity;            /* whose credentials, where that matters */
    str words;               /* the sentence that the log had; doctor says what to do */
    str target, region;      /* the first one */
    size_t targets;
    int64_t since_ms;
};

/* --- jobs that are worked here --- */

/* Where a job in hand is. */
enum status_step {
    STATUS_FOUND,   /* its client token, its details and its claim are awaited */
    STATUS_RUNNING, /* its handler works it */
    STATUS_SENDING, /* its result is on the way to the service */
    STATUS_STEPS
};
const char *status_step_name(enum status_step step); /* "found", "running", "sending" */

/* What became of a job: enum pipepoll_work_outcome, one for one. */
enum { STATUS_JOB_ENDS = 10 };
const char *status_job_end_name(size_t end); /* pipepoll_work_outcome_name() with '-' for blanks */

/* One of the last jobs; ids are for the page and for status.json, never for metrics. */
struct status_job {
    str job_id, target, region, handler;
    int end;               /* -1: it is in hand */
    enum status_step step; /* while it is in hand */
    int64_t found_ms, started_ms, ended_ms;
    str message; /* of an end that was no success; one line */
};

enum status_run_end {
    STATUS_RUN_SUCCEEDED,
    STATUS_RUN_FAILED,
    STATUS_RUN_STOPPED, /* it was told to end: a time-out, a drain, a job that was over */
    STATUS_RUN_ENDS
};
const char *status_run_end_name(enum status_run_end end); /* "succeeded", "failed", "stopped" */

struct status_handler {
    str name, kind; /* kind: "exec", "stdio", "webhook" */
    size_t running;
    uint64_t ends[STATUS_RUN_ENDS];
    struct status_durations run_time; /* status_scale_handler */
};

struct status_journal {
    bool is_open;   /* false: there is none */
    bool is_well;   /* its last write succeeded, and none hangs */
    size_t waiting; /* changes that are not on the disk yet */
    int64_t lag_us; /* how long the oldest of them has waited; 0: none waits */
    uint64_t file_bytes, batches, changes, failures, refused;
};

/* --- the fleet, where the process is a member of one --- */

enum status_engine { STATUS_ENGINE_AWAY, STATUS_ENGINE_READY, STATUS_ENGINE_UNUSABLE };
const char *status_engine_name(enum status_engine engine); /* "away", "ready", "unusable" */

enum status_standing {
    STATUS_MEMBER_JOINING, /* takes nothing yet, or not now: it does not see what the others do */
    STATUS_MEMBER_ACTIVE,
    STATUS_MEMBER_LEAVING,
    STATUS_MEMBER_DRAINED, /* told to stay without targets and jobs */
    STATUS_MEMBER_DEAD,    /* silent for too long: its targets go to others */
    STATUS_STANDINGS
};
const char *status_standing_name(enum status_standing standing); /* "joining", "active" ... */

enum { STATUS_MEMBER_NAME_SIZE = 72, STATUS_MEMBERS_MAX = 256 };

struct status_member {
    char name[STATUS_MEMBER_NAME_SIZE], version[40];
    enum status_standing standing;
    bool is_self;
    int64_t silent_ms; /* since its last beat */
    uint64_t held;     /* targets, as it says */
    double polls_per_s;
    uint32_t jobs, free_slots;
};

/* Most texts are in it, so that it can be filled again without more memory. */
struct status_fleet {
    bool is_in; /* false: it is in none, and the rest is empty */
    bool polls; /* it takes targets */
    str name, member;
    enum status_standing standing;
    enum status_engine engine;
    char trouble[256]; /* why the engine is away, and what to do; empty: not known, or it is not */
    char server[128], server_version[32]; /* empty: not connected */
    uint64_t reconnects;
    bool is_fenced;    /* stopped all polls, for the servers do not confirm that we are there */
    bool is_duplicate; /* another process says that it is this member */
    size_t targets, held, unheld;   /* of the config; unheld: by no living member */
    int64_t unheld_ms, takeover_ms; /* how long there were some; how long that may last */
    size_t alive;                   /* members, we included */
    uint64_t claims, lost_claims, fences, moves; /* moves: targets that came to us from others */
    uint64_t unreadable;                         /* messages of another version, or malformed */
    uint64_t jobs_waiting, jobs_out;             /* in the queue; pulled from it, and not settled */
    uint64_t jobs_unworked;  /* of those that wait: of action types that no worker ever pulled */
    char unworked_type[128]; /* one of them, as owner.category.provider.version */
    size_t jobs_held;        /* found here, and not in the queue yet */
    int64_t oldest_ms;       /* Unix time when the oldest of these was found; 0: none */
    uint64_t published, duplicates, failures;
    bool is_queue_full;
    struct status_member *members;   /* alive, or dead for less than an hour */
    size_t member_count, member_cap; /* at most STATUS_MEMBERS_MAX */
};

/* How long a found job may wait for its place in the queue before it is told. */
enum { STATUS_QUEUE_STUCK_MS = 60000 };

/* --- the process --- */

struct status_loop {
    int64_t silent_ms; /* since it turned last, as of now */
    uint64_t turns, busy_us, longest_us;
    struct status_durations turn_time; /* status_scale_turn */
};

enum status_phase { STATUS_STARTING, STATUS_POLLING, STATUS_ENDING };

struct status {
    uint64_t serial; /* another one each time that it is taken */
    int64_t now_ms, started_ms;
    enum status_phase phase;
    uint32_t drain_left_s; /* while it ends */
    const char *version, *libcurl, *tls, *libuv;
    str config_file;
    int64_t config_read_ms; /* the one in force */
    bool config_refused;    /* the file was read again since, and refused */

    struct status_target *targets; /* by section, as in the file, then region */
    size_t target_count;
    struct status_region *regions; /* by identity, then region */
    size_t region_count;
    struct status_credentials *credentials;
    size_t credentials_count;
    struct status_incident *incidents; /* the oldest first */
    size_t incident_count;
    struct status_loop *loops;
    size_t loop_count;

    size_t states[STATUS_STATES];           /* sums over all targets */
    uint64_t polls[STATUS_OUTCOMES], found; /* found: jobs that polls brought */
    uint64_t polls_started;
    double polls_per_s, jobs_per_s; /* since the status before this one, or since the start */
    uint32_t in_flight, parked;
    uint64_t late_us_sum, late_us_max; /* how long due polls waited; of all that ended */
    uint64_t connections_opened, handshakes, handshakes_resumed;
    uint32_t connections; /* open now */
    /* Of found jobs, how long they had waited at most: since the start of the last poll of their
     * target that left none behind. The service does not tell when a job began. Microseconds. */
    struct histogram pickup;
    struct status_durations pickup_time; /* the same; status_scale_poll */

    bool works_jobs; /* some target has a handler */
    uint32_t max_jobs;
    size_t in_hand[STATUS_STEPS];
    uint64_t job_ends[STATUS_JOB_ENDS];
    struct status_job *jobs; /* in hand, the newest first; then those that ended last */
    size_t job_count;
    struct status_handler *handlers;
    size_t handler_count;
    struct status_journal journal;
    struct status_fleet fleet;

    size_t unwritten_jobs, unwritten_bytes; /* on the way to where jobs go */
    uint64_t lost;                          /* jobs that did not get there, each named in the log */

    /* From the system. */
    double cpu_s;
    uint64_t resident_bytes, virtual_bytes;
    uint32_t open_fds, max_fds;

    struct arena arena; /* private: where copied texts and arrays are */
};

/* Empty, all memory freed; fine on a zeroed one. */
void status_deinit(struct status *s);

/* What the other one's texts and arrays are in is s's from now on; the other is empty. */
void status_adopt(struct status *s, struct status *other);

/* A copy that lives as long as s. Without memory the empty text. */
str status_text(struct status *s, str text);

/* An array of so many, zeroed; NULL without memory. The caller sets its count. It lives as long as
 * s. */
void *status_array(struct status *s, size_t count, size_t size);

/* --- the verdict --- */

/* Why a process is not what it should be, in one line each; empty: it is. */
struct status_verdict {
    bool is_alive; /* its loops turn */
    bool is_ready; /* and it polls: at least one target is, or all are other members' of the fleet,
                    * and it neither starts nor ends */
    bool is_well;  /* and no target fails or is late, the journal is well, nothing was lost */
    char why[256]; /* the most important reason, and what to do; "polling 120 targets" */
};

/* A loop that has not turned for so long hangs. */
enum { STATUS_HANGS_MS = 10000 };

void status_judge(const struct status *s, struct status_verdict *out);

/* One line for systemd and the log: "120 targets, 2 failing; 34.0 polls/s, ...". */
enum { STATUS_LINE_MAX = 256 };
size_t status_line(const struct status *s, char line[STATUS_LINE_MAX]);

#endif
