/* SPDX-License-Identifier: MIT */
/* The record has all that the message says, but who found it. */
#include "daemon/fleet_message.h"

#include "fleet/job_message.h"

bool fleet_message_put(void *member, struct buf *key, struct buf *body, const struct record *what)
{
    const struct record_job *job = &what->job;
    const struct job_message m = { .region = job->from.region,
                                   .action_type = job->from.action_type,
                                   .job_id = job->job_id,
                                   .client_id = job->client_id,
                                   .nonce = job->nonce,
                                   .account_id = job->account_id,
                                   .target = job->from.hash,
                                   .member = str_of(member),
                                   .epoch = job->from.epoch,
                                   .found_ms = what->unix_ms };
    job_message_put(body, &m);
    return job_message_put_key(key, m.region, &m.action_type) && !body->overflow;
}
