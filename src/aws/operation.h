/* The API calls, one row each: adding a call is adding a row. Pure: inputs to body bytes, and the
 * model's rules for them (CodePipeline API 2015-07-09). */
#ifndef AWS_OPERATION_H
#define AWS_OPERATION_H

#include "base/buf.h"
#include "base/str.h"

enum operation {
    OPERATION_POLL_FOR_THIRD_PARTY_JOBS,
    OPERATION_COUNT,
};

/* Value of X-Amz-Target: "CodePipeline_20150709.PollForThirdPartyJobs". */
str operation_target(enum operation op);

extern const struct pipepoll_str operation_content_type; /* application/x-amz-json-1.1 */

/* The input rules of PollForThirdPartyJobs. PIPEPOLL_EINVAL with one sentence naming the field, the
 * value and what is allowed. max_batch_size 0 means "not sent". */
int action_type_check(const struct pipepoll_action_type *a, struct pipepoll_error *why);
int max_batch_size_check(uint32_t max_batch_size, struct pipepoll_error *why);

/* {"actionTypeId":{...},"maxBatchSize":n}; the member is left out when n is 0. The action type has
 * passed action_type_check(), so nothing in it needs escaping. */
void operation_encode_poll(struct buf *out, const struct pipepoll_action_type *a,
                           uint32_t max_batch_size);

#endif
