/* SPDX-License-Identifier: MIT */
/* The API's model of the ten job operations (CodePipeline, 2015-07-09): what may be sent in. */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include <stdint.h>

#include "base/str.h"

enum model_type {
    MODEL_STRING,
    MODEL_INTEGER,
    MODEL_TIMESTAMP, /* seconds, as a number */
    MODEL_STRUCTURE,
    MODEL_MAP /* of strings */
};

struct model_member {
    const char *name; /* NULL: there is no further one */
    enum model_type type;
    bool required;
    int64_t min,
        max; /* characters of a string, value of an integer, entries of a map; max 0: any */
    const char *pattern;                /* of a string; NULL: any */
    const char *const *values;          /* those of an enumeration, NULL after the last; or NULL */
    const struct model_member *members; /* of a structure; of a map its key and its value */
};

enum model_operation {
    MODEL_UNKNOWN,
    MODEL_POLL_FOR_JOBS,
    MODEL_GET_JOB_DETAILS,
    MODEL_ACKNOWLEDGE_JOB,
    MODEL_PUT_JOB_SUCCESS_RESULT,
    MODEL_PUT_JOB_FAILURE_RESULT,
    MODEL_POLL_FOR_THIRD_PARTY_JOBS,
    MODEL_GET_THIRD_PARTY_JOB_DETAILS,
    MODEL_ACKNOWLEDGE_THIRD_PARTY_JOB,
    MODEL_PUT_THIRD_PARTY_JOB_SUCCESS_RESULT,
    MODEL_PUT_THIRD_PARTY_JOB_FAILURE_RESULT
};

/* By the value of X-Amz-Target, and by a name alone. */
enum model_operation model_operation(str target);
enum model_operation model_named(str name);
/* Its name for messages: the target without the service in front; empty where that is another. */
str model_target_name(str target);

/* Of a known operation: its input, and whether it is one of the third-party family. */
const struct model_member *model_input(enum model_operation op);
bool model_is_third_party(enum model_operation op);

#endif
