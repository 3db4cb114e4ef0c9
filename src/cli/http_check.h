/* SPDX-License-Identifier: MIT */
/* Could `pipepoll run` listen where [http] says, or does it so already? */
#ifndef CLI_HTTP_CHECK_H
#define CLI_HTTP_CHECK_H

#include "cli/part_finding.h"
#include "config/http_config.h"

/* False: nothing is to listen. Blocks, for some seconds where what listens there does not answer.
 * Changes nothing: nobody can connect meanwhile, and a socket's file stays as it is. */
bool http_check(struct part_finding *f, const struct http_config *c);

#endif
