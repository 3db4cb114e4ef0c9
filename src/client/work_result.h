/* SPDX-License-Identifier: MIT */
/* The result of a job as the handler gave it: checked by the model's rules, and kept until the
 * service confirms it. */
#ifndef CLIENT_WORK_RESULT_H
#define CLIENT_WORK_RESULT_H

#include "aws/operation.h"
#include "base/alloc.h"
#include "pipepoll/worker.h"

struct work_result;

/* What a work's calls are asked with. */
union work_input {
    struct job_input job;
    struct acknowledge_input acknowledge;
    struct success_input success;
    struct failure_input failure;
};

/* Of a success. */
struct work_result_kind {
    bool is_custom;         /* of a job of a custom action */
    str continuation_token; /* empty: the job is done */
};

/* A copy of what the handler gave. PIPEPOLL_EINVAL with one sentence, PIPEPOLL_ENOMEM. r may be
 * NULL. */
int work_result_success(struct work_result **out, const struct alloc *a,
                        const struct pipepoll_success *r, const struct work_result_kind *kind,
                        struct pipepoll_error *why);
int work_result_failure(struct work_result **out, const struct alloc *a,
                        const struct pipepoll_job_failure *r, struct pipepoll_error *why);
/* Wiped. NULL is fine. */
void work_result_free(struct work_result *r, const struct alloc *a);

/* What it makes of the job once it is confirmed. */
enum pipepoll_work_outcome work_result_outcome(const struct work_result *r);
/* The call that brings it to the service, and its input, whose texts are the result's and the
 * job's. */
const struct operation *work_result_put(const struct work_result *r, struct job_input job,
                                        bool is_custom, union work_input *input);
/* For a journal: the members of an entry that tell the result, and point into *r. */
void work_result_describe(struct work_result *r, struct pipepoll_journal_entry *entry);

#endif
