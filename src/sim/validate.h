/* The model's rules for what is sent in (CodePipeline API 2015-07-09), complained about as AWS
 * does. */
#ifndef SIM_VALIDATE_H
#define SIM_VALIDATE_H

#include "sim/http_message.h"

enum validate_operation {
    VALIDATE_UNKNOWN,
    VALIDATE_POLL_FOR_JOBS,
    VALIDATE_POLL_FOR_THIRD_PARTY_JOBS,
    VALIDATE_GET_THIRD_PARTY_JOB_DETAILS,
    VALIDATE_NOT_SIMULATED /* a job operation, but none of these */
};

/* By the value of X-Amz-Target. */
enum validate_operation validate_operation(str target);
/* Its name for messages: the target without the service in front. */
str validate_operation_name(str target);

/* The body as JSON, with what validate_poll() wants of it; NULL: it is none. The caller's. */
json_t *validate_document(str body);

struct validate_input {
    struct pipepoll_action_type action_type; /* slices of the document */
    uint32_t max_batch;                      /* 0: not sent */
    json_t *query;                           /* queryParam of the document; NULL: none */
};

/* Read the input of one of the two polls. document may be NULL: the body was not JSON. False with a
 * SerializationException (the wrong types) or a ValidationException (the wrong values, all of them
 * named); the owner must be the one whose jobs the operation hands out. */
bool validate_poll(struct refusal *out, struct validate_input *in, enum validate_operation op,
                   const json_t *document);

struct validate_job {
    str job_id, client_token; /* slices of the document */
};

/* The input of an operation on a third-party job, as above. */
bool validate_job(struct refusal *out, struct validate_job *in, const json_t *document);

/* The action type as far as it can be read, empty members else: for telling whose fault it is. */
struct pipepoll_action_type validate_action_type(const json_t *document);

#endif
