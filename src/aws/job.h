/* The answer of PollForThirdPartyJobs: body to jobs. Slices into the body, nothing copied. */
#ifndef AWS_JOB_H
#define AWS_JOB_H

#include "aws/json.h"

enum { JOB_ID_LEN_MAX = 512 };

/* Memory that the caller owns and grows on JOB_NEED_ROOM. */
struct job_room {
    struct json_token *tokens;
    size_t token_cap;
    struct pipepoll_job *jobs;
    size_t job_cap;
};

struct job_list {
    size_t count; /* jobs are in room->jobs */
    /* After JOB_NEED_ROOM: how many of each to make room for. jobs_needed is 0 as long as the
     * tokens do not suffice to count them, so an answer may ask twice. */
    size_t tokens_needed, jobs_needed;
};

enum job_result {
    JOB_OK = 0,
    JOB_NEED_ROOM = 1, /* body is as it was: make room and call again */
    JOB_BAD = 2        /* not an answer of this operation: why says what was found */
};

/* Decode body[len] (changed in place). Unknown members at any depth are ignored; `jobs` null, or an
 * object without any member, is no jobs; null in the list is skipped; an id that is null or absent
 * is empty. JOB_BAD: not JSON, an empty body, an object of other members only, a wrong type, a
 * known member twice, an id with NUL or over JOB_ID_LEN_MAX bytes. why may be NULL. */
int job_decode(struct job_list *out, const struct job_room *room, char *body, size_t len,
               struct pipepoll_error *why);

#endif
