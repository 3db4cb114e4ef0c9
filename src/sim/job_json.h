/* SPDX-License-Identifier: MIT */
/* Jobs as the API tells of them. */
#ifndef SIM_JOB_JSON_H
#define SIM_JOB_JSON_H

#include "sim/http_message.h"
#include "sim/service.h"

/* An element of the answer of PollForThirdPartyJobs, and of PollForJobs. */
json_t *job_json_third_party(const struct service_job *job);
json_t *job_json_custom(const struct service_job *job, const struct sim_scope *scope);
/* The jobDetails of GetThirdPartyJobDetails, and of GetJobDetails. */
json_t *job_json_third_party_details(const struct service_job *job, const struct sim_scope *scope);
json_t *job_json_details(const struct service_job *job, const struct sim_scope *scope);

#endif
