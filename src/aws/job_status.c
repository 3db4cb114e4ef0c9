/* SPDX-License-Identifier: MIT */
/* One member, read by a table as all answers are. A status is compared to the letter: what is
 * spelt otherwise is another one, since work starts only on a status that surely means so. */
#include "aws/job_status.h"

#include "aws/shape.h"

static const char *const names[] = {
    [JOB_STATUS_ABSENT] = "absent",         [JOB_STATUS_OTHER] = "other",
    [JOB_STATUS_CREATED] = "Created",       [JOB_STATUS_QUEUED] = "Queued",
    [JOB_STATUS_DISPATCHED] = "Dispatched", [JOB_STATUS_IN_PROGRESS] = "InProgress",
    [JOB_STATUS_TIMED_OUT] = "TimedOut",    [JOB_STATUS_SUCCEEDED] = "Succeeded",
    [JOB_STATUS_FAILED] = "Failed",
};

enum { STATUSES = sizeof names / sizeof *names };

static const struct shape_member members[] = { { .name = STR_INIT("status"), .kind = SHAPE_TEXT } };
static const struct shape answer = { members, 1, sizeof(str) };

const char *job_status_name(enum job_status status)
{
    return names[status];
}

static enum job_status read_status(str text)
{
    if (!text.ptr)
        return JOB_STATUS_ABSENT;
    for (unsigned i = JOB_STATUS_CREATED; i < STATUSES; i++)
        if (str_eq(text, str_of(names[i])))
            return (enum job_status)i;
    return JOB_STATUS_OTHER;
}

enum decode_result job_status_decode(enum job_status *out, struct decode_memory *memory, str body,
                                     struct pipepoll_error *why)
{
    str text;
    enum decode_result result = shape_decode(&text, &answer, memory, body, why);
    *out = result ? JOB_STATUS_ABSENT : read_status(text);
    return result;
}
