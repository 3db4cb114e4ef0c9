/* SPDX-License-Identifier: MIT */
/* What demos with children say in the end. */
#ifndef SIM_DEMO_REPORT_H
#define SIM_DEMO_REPORT_H

#include "base/buf.h"
#include "sim/demo_stage.h"

/* A row of the summary for people, and all rows of the verdict. */
void demo_report_row(const char *name, uint64_t value, const char *more);
void demo_report_rows(const struct demo_stage *s);

/* Members of the summary's JSON. */
void demo_report_options(struct buf *out, const struct demo_options *o, double took_s);
void demo_report_verdict(struct buf *out, const struct demo_verdict *v);

/* What went wrong, on stderr. true: nothing did. */
bool demo_report_went_well(const struct demo_stage *s);
/* The ids of jobs that were lost or worked twice, some of them, on stderr. */
void demo_report_name_jobs(const struct ledger *l);

#endif
