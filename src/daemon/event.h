/* The lines `pipepoll run` writes to stdout: one JSON object each, without the line end. Pure. */
#ifndef DAEMON_EVENT_H
#define DAEMON_EVENT_H

#include "base/buf.h"

/* No line is longer: a job's ids are at most 512 bytes each, and longer texts are cut. */
enum { EVENT_LINE_MAX = 8192 };

/* Where something happened. */
struct event_source {
    int64_t unix_ms;
    str region;
    struct pipepoll_action_type action_type;
};

/* {"event":"job","time":...,"region":...,"actionTypeId":{...},"clientId":...,"jobId":...,
 *  "amzRequestId":...}; an id the service left out is left out. */
void event_job(struct buf *out, const struct event_source *at, const struct pipepoll_job *job,
               str request_id);

/* Is this such a line? */
bool event_is_job(str line);

/* {"event":"health",...,"target":NAME,"healthy":false,"status":...,"code":...,"message":...,
 *  "httpStatus":...,"retryInMs":...}; with failure NULL the target is healthy again, and what
 * follows `status` ("ok") is left out. A target that is throttled is healthy, and its status
 * "throttled". */
void event_health(struct buf *out, const struct event_source *at, str target,
                  const struct pipepoll_failure *failure);

/* The last event of a target that was not healthy and is removed: "healthy":true, for it fails no
 * more, and "status":"removed". */
void event_removed(struct buf *out, const struct event_source *at, str target);

/* {"event":"credentials","time":...,"source":...,"usable":...,"degraded":...,"expires":...,
 *  "reason":...}: the credentials that some targets share have changed; `expires` is null where
 * they never do, `reason` is empty where all is well. */
void event_credentials(struct buf *out, int64_t unix_ms, const struct pipepoll_identity *identity);

/* A word for a status: "ok", "throttled", "not-found", ... Static. */
const char *event_status(int status);

#endif
