/* SPDX-License-Identifier: MIT */
/* How `pipepoll jobs` prints jobs, on stdout. No continuation token is in it: it is the handler's,
 * for the service alone. */
#ifndef CLI_JOBS_REPORT_H
#define CLI_JOBS_REPORT_H

#include "cli/jobs_list.h"

/* A row for each, and how many there are in state_dir. now_ms: Unix time. */
void jobs_report_table(const struct jobs_list *l, const char *state_dir, int64_t now_ms);

/* All of each, in lines of a name and a value. */
void jobs_report_whole(const struct jobs_list *l, int64_t now_ms);

/* All of each, an object a line. ENOMEM: some are missing. */
int jobs_report_json(const struct jobs_list *l, int64_t now_ms);

#endif
