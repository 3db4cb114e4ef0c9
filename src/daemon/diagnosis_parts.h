/* SPDX-License-Identifier: MIT */
/* What the parts of a diagnosis share. Private to the files diagnosis*.c. */
#ifndef DAEMON_DIAGNOSIS_PARTS_H
#define DAEMON_DIAGNOSIS_PARTS_H

#include "daemon/diagnosis.h"
#include "daemon/leave.h"

__attribute__((format(printf, 2, 3))) void set_cause(struct diagnosis *d, const char *format, ...);
__attribute__((format(printf, 2, 3))) void set_fix(struct diagnosis *d, const char *format, ...);

void find_cause(struct diagnosis *d, enum pipepoll_cause cause);

/* What to do about the way to the service, or to one that gives out credentials. Static. */
const char *fix_of_way(const struct probe *probe, enum pipepoll_cause cause);

void judge_no_credentials(struct diagnosis *d, const struct probe *probe);
void judge_untrusted(struct diagnosis *d, const struct probe *probe);
/* Of a certificate that is not valid today. */
void judge_date(struct diagnosis *d, const struct probe *probe);
void judge_way(struct diagnosis *d, const struct probe *probe);
void judge_slow(struct diagnosis *d, const struct probe *probe);

#endif
