/* SPDX-License-Identifier: MIT */
/* One request on its way through the API: api.c is the way, api_job.c what is asked of one job. */
#ifndef SIM_API_CALL_H
#define SIM_API_CALL_H

#include "sim/api.h"
#include "sim/model.h"

struct api_call {
    struct api *api;
    const struct request *rq;
    struct instant when;
    struct reply *reply;
    enum model_operation op;
    str target;
    json_t *document; /* NULL: the body is not JSON */
    struct sim_scope scope;
    struct faults_rule *rule; /* NULL: none */
    uint32_t max_batch;
    str query;    /* the value of the queryable property; empty: there is none */
    json_t *jobs; /* of the answer */
    struct refusal refusal;
    const char *code; /* of the error that is the answer; NULL: none */
};

/* Do what is asked of one job, and fill the reply. False with the refusal. */
bool api_job_answer(struct api_call *c);

#endif
