/* SPDX-License-Identifier: MIT */
/* What `pipepoll doctor` prints. */
#ifndef CLI_DOCTOR_REPORT_H
#define CLI_DOCTOR_REPORT_H

#include "base/buf.h"
#include "cli/doctor_parts.h"
#include "config/worker_config.h"
#include "daemon/diagnosis.h"

/* A job that a poll has taken. */
struct doctor_job {
    const struct probe *probe;
    char *client_id, *job_id; /* owned */
};

struct doctor_report {
    struct probe *probes;
    size_t count;
    struct doctor_job *jobs;
    size_t job_count;
    struct doctor_parts parts;
    bool made_up; /* polled was for an action type that nobody has named */
};

/* Print on stdout. Each returns what to exit with: the greatest of all targets and
 * of all other parts. */
int doctor_report_text(const struct doctor_report *r);
int doctor_report_json(struct buf *out, const struct doctor_report *r);

#endif
