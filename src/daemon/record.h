/* SPDX-License-Identifier: MIT */
/* What there is to tell of the polling, as a sink takes it: a job that was found, a change of a
 * target's health, a change of the credentials that targets share. Texts are borrowed. Pure. */
#ifndef DAEMON_RECORD_H
#define DAEMON_RECORD_H

#include "base/buf.h"

enum record_kind { RECORD_JOB, RECORD_HEALTH, RECORD_CREDENTIALS };

/* Texts of the service and of people are cut to these: memory for records is bounded. The ids are
 * whole, for the library takes no longer ones. */
enum {
    RECORD_NAME_MAX = 256,
    RECORD_REGION_MAX = 64,
    RECORD_TYPE_MAX = 64, /* each part of an action type */
    RECORD_ID_MAX = 512,
    RECORD_NONCE_MAX = 200,
    RECORD_ACCOUNT_MAX = 48,
    RECORD_REQUEST_ID_MAX = 192,
    RECORD_CODE_MAX = 128,
    RECORD_MESSAGE_MAX = 512,
    RECORD_SOURCE_MAX = 256,
    RECORD_SUBJECT_MAX = 160
};

enum health {
    HEALTH_WELL,
    HEALTH_THROTTLED, /* polled as often as the service allows */
    HEALTH_ILL,
    HEALTH_COUNT
};

/* The target that it is about. */
struct record_target {
    str name; /* of its section */
    str region;
    struct pipepoll_action_type action_type;
    uint64_t hash, epoch; /* in a fleet: what it is, and under which claim it is polled */
};

struct record_job {
    struct record_target from;
    str client_id, job_id; /* empty: the service left it out */
    str request_id;        /* of the poll that found it */
    str nonce, account_id; /* of a custom job, which has no client id */
};

struct record_health {
    struct record_target from;
    enum health health;
    bool removed; /* the last of its target: it fails no more, for it is not polled any more */
    /* Of the failure that made it so; zero while well. */
    int status;
    enum pipepoll_cause cause;
    int http_status;
    uint32_t retry_in_ms;
    str code, message, request_id;
    str subject; /* of the cause */
};

struct record_credentials {
    bool usable, refused, degraded;
    int64_t expires_s; /* INT64_MAX: never */
    enum pipepoll_cause cause;
    str source, reason, subject;
};

struct record {
    enum record_kind kind;
    int64_t unix_ms;
    union {
        struct record_job job;
        struct record_health health;
        struct record_credentials credentials;
    };
};

/* No copy is longer. */
enum { RECORD_SIZE_MAX = 3072 };

/* How long a copy is: a multiple of what its place must be aligned to. */
size_t record_size(const struct record *r);
/* Copy it with its texts to `at`, of so many bytes, aligned as malloc() does. Returns the copy. */
struct record *record_copy(void *at, const struct record *r);
/* From malloc(); NULL: there is no memory. */
struct record *record_dup(const struct record *r);
/* Such a copy, wiped: a job's nonce may be in it. NULL is fine. */
void record_free(struct record *r);

#endif
