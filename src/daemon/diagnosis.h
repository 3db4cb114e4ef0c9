/* SPDX-License-Identifier: MIT */
/* What an examination means, in plain words: the cause, and what to do. Pure. */
#ifndef DAEMON_DIAGNOSIS_H
#define DAEMON_DIAGNOSIS_H

#include "daemon/probe.h"

enum verdict {
    VERDICT_WELL,
    VERDICT_WARNING, /* it works, but not for long or not well */
    VERDICT_ILL
};

/* What it comes to in one word: of a status, of a cause, or one that only an examination has. */
enum finding_kind { FINDING_STATUS, FINDING_CAUSE, FINDING_OWN };
enum { FINDING_NOT_POLLED, FINDING_DEGRADED, FINDING_NOT_REFRESHED, FINDING_NO_CREDENTIALS };

struct finding {
    enum finding_kind kind;
    int which; /* enum pipepoll_status, enum pipepoll_cause, or one of those above */
};

bool finding_eq(struct finding a, struct finding b);

struct diagnosis {
    enum verdict verdict;
    struct finding finding;
    const char *word;            /* of the finding: "ok", "denied", "no-credentials". Static */
    int exit_code;               /* of enum exit_code */
    bool names_code;             /* the cause names the service's code */
    char cause[1024], fix[1024]; /* empty where all is well */
};

void diagnosis_of(struct diagnosis *out, const struct probe *probe);

#endif
