/* SPDX-License-Identifier: MIT */
/* A status as one JSON document: what /status.json answers and `pipepoll top` reads. Pure.
 *
 * A reader may rely on the members below as long as "format" is 1: others may join them, none goes
 * away or changes its meaning, so that readers skip what they do not know. No member is a secret.
 * Times are RFC 3339 in UTC, null for never. Counters count since the process began, those of a
 * target since it was added. What is named ...PerS is a rate, what is named ...Seconds a duration,
 * both with decimals; what is named ...Ms is in whole milliseconds.
 *
 *   {"format":1, "time":T, "started":T, "phase":"starting"|"polling"|"ending",
 *    "drainLeftSeconds":N,
 *    "verdict":{"alive":B, "ready":B, "well":B, "why":S},  see struct status_verdict
 *    "versions":{"pipepoll":S, "libcurl":S, "tls":S, "libuv":S},
 *    "config":{"file":S, "read":T, "refused":B},           refused: read again since, in vain
 *    "summary":{                                           sums over all targets
 *      "targets":N, "states":STATES, "polls":POLLS, "pollsStarted":N, "jobs":N,
 *      "pollsPerS":N, "jobsPerS":N, "inFlight":N, "parked":N,
 *      "lateSeconds":{"sum":N, "max":N},                   how long due polls waited to start
 *      "unwrittenJobs":N, "unwrittenBytes":N, "lostJobs":N},  on the way to where jobs go
 *    "pickupSeconds":{"count":N, "p50":N, "p95":N, "p99":N, "max":N},
 *                                               how long found jobs had waited at most
 *    "connections":{"open":N, "opened":N, "handshakes":N, "handshakesResumed":N},
 *    "targets":[{"target":S, "region":S,
 *      "actionTypeId":{"category":S, "owner":S, "provider":S, "version":S},
 *      "state":STATE, "since":T, "reason":S,    the incident's sentence; "": none
 *      "incident":N,                            its index in incidents, or null
 *      "polls":POLLS, "jobs":N, "added":T, "lastGoodPoll":T, "lastJob":T, "intervalMs":N}, ...],
 *    "regions":[{"region":S, "identity":S,      an account's calls in one region
 *      "allowedPerS":N,                         null: no limit was met, and none was set
 *      "pollsPerS":N, "clockSkewMs":N, "targets":STATES, "polls":POLLS, "jobs":N,
 *      "pollSeconds":{"count":N, "sum":N}}, ...],
 *    "credentials":[{"source":S, "usable":B, "degraded":B, "expires":T, "reason":S}, ...],
 *    "incidents":[{"status":S, "cause":S, "code":S, "identity":S, "message":S, "target":S,
 *      "region":S, "targets":N, "since":T}, ...], the oldest first; target, region: its first
 *    "jobs":{"worked":B, "max":N,                 worked: some target has a handler
 *      "inHand":{"found":N, "running":N, "sending":N},
 *      "ends":{"succeeded":N, "continued":N, "failed":N, "lost-race":N, "no-token":N, "left":N,
 *        "unresolved":N, "over":N, "rejected":N, "unreported":N},
 *      "last":[{"jobId":S, "target":S, "region":S, "handler":S,
 *        "state":S,                               of inHand while it is, then of ends
 *        "found":T, "started":T, "ended":T, "message":S}, ...]},     in hand first, newest first
 *    "handlers":[{"handler":S, "kind":S, "running":N,
 *      "ends":{"succeeded":N, "failed":N, "stopped":N},
 *      "runSeconds":{"count":N, "sum":N}}, ...],
 *    "journal":{"well":B, "waiting":N, "lagSeconds":N, "fileBytes":N, "batches":N, "changes":N,
 *      "failures":N, "refused":N},                or null: there is none
 *    "fleet":{"fleet":S, "member":S, "state":STANDING, "polls":B,  polls: it takes targets
 *      "engine":{"state":"away"|"ready"|"unusable", "trouble":S, "server":S, "version":S,
 *        "reconnects":N},
 *      "targets":{"all":N, "held":N, "unheld":N, "unheldMs":N,    held: here; unheld: by nobody
 *        "claims":N, "lostClaims":N, "moves":N},
 *      "fenced":B, "fences":N, "duplicate":B, "unreadable":N,
 *      "queue":{"waiting":N, "out":N, "unworked":N, "full":B,     out: pulled, and not settled;
 *                         unworked: of those that wait, of action types that no worker ever pulled
 *        "held":N, "oldestHeld":T, "published":N, "duplicates":N, "failures":N},  of this member
 *      "alive":N, "members":[{"member":S, "state":STANDING, "self":B, "silentMs":N, "held":N,
 *        "pollsPerS":N, "jobs":N, "freeSlots":N, "version":S}, ...]},   or null: there is none
 *    "loops":[{"silentMs":N, "turns":N, "busySeconds":N, "longestSeconds":N}, ...],
 *    "process":{"cpuSeconds":N, "residentBytes":N, "virtualBytes":N, "openFds":N, "maxFds":N}}
 *
 * STATE is "elsewhere", "waiting", "well", "throttled", "late" or "failing", and STATES an object
 * with the number of targets in each. STANDING is "joining", "active", "leaving", "drained"
 * or "dead". POLLS is an object with the number of polls by outcome, as
 * status_outcome_name() has them ("jobs", "empty", "throttled", "timed-out", ...), without those
 * that never happened. */
#ifndef STATUS_STATUS_JSON_H
#define STATUS_STATUS_JSON_H

#include "status/status.h"

/* From malloc(), with a NUL behind it that *len does not count. NULL: no memory. */
char *status_json(const struct status *s, size_t *len);

#endif
