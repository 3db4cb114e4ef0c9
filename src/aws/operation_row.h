/* SPDX-License-Identifier: MIT */
/* What the rows of aws/operation.h are made with. */
#ifndef AWS_OPERATION_ROW_H
#define AWS_OPERATION_ROW_H

#include "aws/operation.h"

#define OPERATION_TARGET(name) STR_INIT("CodePipeline_20150709." name)

enum { OPERATION_JOB_CODES = 7 };
/* Of all operations on one job: their meanings are of enum job_refusal. */
extern const struct answer_code operation_job_codes[OPERATION_JOB_CODES];

#endif
