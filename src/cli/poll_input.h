/* SPDX-License-Identifier: MIT */
/* The input of PollForThirdPartyJobs as the AWS CLI takes it: an object that is made from flags and
 * --cli-input-json, judged by the API's model, and read into options. Pure but for malloc. */
#ifndef CLI_POLL_INPUT_H
#define CLI_POLL_INPUT_H

#include "cli/datum.h"

/* {"actionTypeId": {...}, "maxBatchSize": 1}, and "queryParam": {KEY: VALUE} where the owner is
 * Custom; a missing owner is ThirdParty. Texts of *out lie in
 * the input. false: `wrong` holds a line in the CLI's words for each thing that is. */
bool poll_input_read(struct pipepoll_target_options *out, const struct datum *input,
                     struct text *wrong);

/* --generate-cli-skeleton: what an input and an output look like. */
const struct datum *poll_input_skeleton(struct arena *a);
const struct datum *poll_output_skeleton(struct arena *a);

#endif
