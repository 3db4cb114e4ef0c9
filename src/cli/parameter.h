/* SPDX-License-Identifier: MIT */
/* The parameters of the AWS CLI's commands as they stand on its command line: file://, fileb://,
 * JSON and shorthand. Blocks to read a file that is named. */
#ifndef CLI_PARAMETER_H
#define CLI_PARAMETER_H

#include "cli/datum.h"

enum { PARAMETER_SIZE_MAX = 1 << 20 };

/* What the file holds that value names by file://PATH or fileb://PATH (~ and $VARIABLE are
 * understood), else the value itself. PIPEPOLL_EINVAL with the CLI's sentence. */
int parameter_load(struct arena *a, str value, str *out, struct pipepoll_error *why);

/* name=value,... with values plain or quoted, or the same as a JSON object: *out is an object.
 * PIPEPOLL_EINVAL with one sentence in the CLI's words. */
int parameter_parse(struct arena *a, str text, const struct datum **out,
                    struct pipepoll_error *why);

#endif
