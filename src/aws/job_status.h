/* SPDX-License-Identifier: MIT */
/* The answer of AcknowledgeThirdPartyJob and AcknowledgeJob: the status of the job. */
#ifndef AWS_JOB_STATUS_H
#define AWS_JOB_STATUS_H

#include "aws/decode.h"

enum job_status {
    JOB_STATUS_ABSENT, /* the model lets the service leave it out: nobody knows */
    JOB_STATUS_OTHER,  /* one that the model of 2015-07-09 does not have */
    JOB_STATUS_CREATED,
    JOB_STATUS_QUEUED,
    JOB_STATUS_DISPATCHED,
    JOB_STATUS_IN_PROGRESS, /* what an acknowledgement makes of a job */
    JOB_STATUS_TIMED_OUT,
    JOB_STATUS_SUCCEEDED,
    JOB_STATUS_FAILED
};

/* "InProgress"; "absent" and "other" for the first two. Static. */
const char *job_status_name(enum job_status status);

/* See shape_decode(). */
enum decode_result job_status_decode(enum job_status *out, struct decode_memory *memory, str body,
                                     struct pipepoll_error *why);

#endif
