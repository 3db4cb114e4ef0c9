/* SPDX-License-Identifier: MIT */
/* What demos with children say in the end. */
#ifndef SIM_DEMO_REPORT_H
#define SIM_DEMO_REPORT_H

#include "sim/demo_stage.h"

/* A row of the summary for people, and all rows of the verdict. */
void demo_report_row(const char *name, uint64_t value, const char *more);
void demo_report_rows(const struct demo_stage *s);

/* Of the summary's JSON: its beginning, with a comma behind, and the verdict, without. */
void demo_report_options(const struct demo_stage *s);
void demo_report_verdict(const struct demo_stage *s);

/* What went wrong, on stderr. true: nothing did. */
bool demo_report_went_well(const struct demo_stage *s);
/* The ids of jobs that were lost or worked twice, some of them, on stderr. */
void demo_report_name_jobs(const struct ledger *l);

#endif
