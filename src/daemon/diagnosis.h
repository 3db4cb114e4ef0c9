/* What an examination means, in plain words: the cause, and what to do. Pure. */
#ifndef DAEMON_DIAGNOSIS_H
#define DAEMON_DIAGNOSIS_H

#include "daemon/probe.h"

enum verdict {
    VERDICT_WELL,
    VERDICT_WARNING, /* it works, but not for long or not well */
    VERDICT_ILL
};

struct diagnosis {
    enum verdict verdict;
    const char *word;            /* "ok", "denied", "no-credentials", ... Static */
    int exit_code;               /* of enum exit_code */
    bool names_code;             /* the cause names the service's code */
    char cause[1024], fix[1024]; /* empty where all is well */
};

void diagnosis_of(struct diagnosis *out, const struct probe *e);

#endif
