/* SPDX-License-Identifier: MIT */
/* What is sent in, checked by the model's rules (sim/model.h) and complained about as AWS does. */
#ifndef SIM_VALIDATE_H
#define SIM_VALIDATE_H

#include "sim/http_message.h"
#include "sim/model.h"

/* The body as JSON, with what the functions below want of it; NULL: it is none. The caller's. */
json_t *validate_document(str body);

/* Each reads the input of an operation of its kind. document may be NULL: the body was not JSON.
 * False with a SerializationException (the wrong types) or a ValidationException (the wrong values,
 * all of them named). What is read are slices of the document, empty where it was not sent. */

struct validate_poll {
    struct pipepoll_action_type action_type;
    uint32_t max_batch; /* 0: not sent */
    json_t *query;      /* queryParam of the document; NULL: none */
};
/* The owner must be the one whose jobs the operation hands out. */
bool validate_poll(struct refusal *out, struct validate_poll *in, enum model_operation op,
                   const json_t *document);

struct validate_job {
    str job_id, client_token, nonce, continuation_token;
    json_t *output_variables; /* of the document; NULL: none */
};
/* Output variables are only for the last result of a job: not with a continuation token. */
bool validate_job(struct refusal *out, struct validate_job *in, enum model_operation op,
                  const json_t *document);

/* For telling whose fault it is: as far as it can be read, empty members else. */
struct pipepoll_action_type validate_action_type(const json_t *document);
str validate_job_id(const json_t *document);

#endif
