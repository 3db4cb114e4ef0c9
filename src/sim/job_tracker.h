/* SPDX-License-Identifier: MIT */
/* What became of each job of a demo: handed out when, found how often, how long it waited. Pure. */
#ifndef SIM_JOB_TRACKER_H
#define SIM_JOB_TRACKER_H

#include <stdint.h>

#include "base/str.h"

enum { JOB_TRACKER_WAIT_MAX_MS = 60000, JOB_TRACKER_ID_MAX = 63 };

struct tracked_job {
    char id[JOB_TRACKER_ID_MAX + 1]; /* empty: a free place */
    uint64_t available_ns;
    uint32_t found; /* how often */
};

struct job_tracker {
    struct tracked_job *jobs; /* open addressing; at most half full */
    size_t count, cap;
    uint64_t found;   /* at least once */
    uint64_t doubled; /* times a job was found again */
    uint64_t strange; /* found, but never handed out */
    uint64_t max_ms;
    uint32_t
        waits[JOB_TRACKER_WAIT_MAX_MS + 1]; /* how many jobs waited so many ms; the last: or more */
};

void job_tracker_deinit(struct job_tracker *t); /* fine on a zeroed one */

/* The service hands the job out; a second time (its lease ended) changes nothing. 0;
 * PIPEPOLL_EINVAL: an id that is empty or too long; PIPEPOLL_ENOMEM. */
int job_tracker_handed_out(struct job_tracker *t, str id, uint64_t available_ns);

/* The poller delivers it. */
void job_tracker_found(struct job_tracker *t, str id, uint64_t now_ns);

/* The wait in ms that this share (0 to 1) of the found jobs did not exceed; 0 without any. */
uint32_t job_tracker_wait_ms(const struct job_tracker *t, double share);

#endif
