/* SPDX-License-Identifier: MIT */
/* The lines `pipepoll run` writes to stdout: one JSON object each, without the line end. Pure. */
#ifndef DAEMON_EVENT_H
#define DAEMON_EVENT_H

#include "daemon/record.h"

/* No line is longer, for the texts of a record have their limits. */
enum { EVENT_LINE_MAX = 8192 };

/* A job:
 *   {"event":"job","time":...,"region":...,"actionTypeId":{...},"clientId":...,"jobId":...,
 *    "amzRequestId":...}; an id the service left out is left out. One of a custom action has
 *   "nonce" and "accountId" instead of a clientId.
 * The health of a target:
 *   {"event":"health",...,"target":NAME,"healthy":false,"status":...,"cause":...,"code":...,
 *    "message":...,"httpStatus":...,"retryInMs":...}; what follows `status` ("ok") is left out
 *   while it is well. The cause is a pipepoll_cause_name(), followed by the `subject`
 *   that it is about where it has one (a file, a role, a host).
 *   One that is throttled is healthy, and its status "throttled"; one that is removed while it was
 *   not healthy fails no more, so it is healthy, with the status "removed".
 * The credentials that some targets share:
 *   {"event":"credentials","time":...,"source":...,"usable":...,"degraded":...,"expires":...,
 *    "reason":...,"cause":...}; `expires` is null where they never do; where all is well `reason`
 *   is empty, and `cause` left out. */
void event_put(struct buf *out, const struct record *r);

/* `"actionTypeId":{...}`, as a member. */
void event_put_action_type(struct buf *out, const struct pipepoll_action_type *type);

/* A word for a status: "ok", "throttled", "not-found", ... Static. */
const char *event_status(int status);

#endif
