/* SPDX-License-Identifier: MIT */
/* The answer of PollForThirdPartyJobs: body to jobs. Slices into the body, nothing copied. That of
 * PollForJobs, which has their details too: aws/job_details.h. */
#ifndef AWS_JOB_H
#define AWS_JOB_H

#include "aws/decode.h"

enum { JOB_ID_LEN_MAX = 512 };

struct job_details;

struct job_list {
    const struct pipepoll_job *jobs; /* in memory->items */
    size_t count;
    const struct job_details *details; /* one for each job; NULL: these jobs come without */
};

/* What a service with nothing to do says, byte for byte, nearly always. */
static inline bool job_list_is_none(str body)
{
    return str_eq(body, STR("{\"jobs\":[]}"));
}

/* Decode the body (changed in place). Unknown members at any depth are ignored; `jobs` null, or an
 * object without any member, is no jobs; null in the list is skipped; an id that is null or absent
 * is empty. DECODE_BAD: not JSON, an empty body, an object of other members only, a wrong type, a
 * known member twice, an id with NUL or over JOB_ID_LEN_MAX bytes. why may be NULL. */
enum decode_result job_decode(struct job_list *out, struct decode_memory *memory, str body,
                              struct pipepoll_error *why);

#endif
