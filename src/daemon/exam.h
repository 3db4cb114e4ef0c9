/* What `pipepoll doctor` finds out about one target. */
#ifndef DAEMON_EXAM_H
#define DAEMON_EXAM_H

#include "config/plan.h"

enum exam_state {
    EXAM_PENDING,
    EXAM_ANSWERED,   /* a poll was answered */
    EXAM_NOT_POLLED, /* as asked for; there are keys to poll with */
    EXAM_NO_KEYS,
    EXAM_FAILED,
    EXAM_UNANSWERED /* when the time was up */
};

struct exam {
    const struct plan_target *target;
    bool made_up; /* its action type was not named by the user, and is not there */
    struct pipepoll_target *live;
    enum exam_state state;

    /* Of the last failure: */
    unsigned failures;
    int status, http_status;
    char code[64], message[512], request_id[128], subject[256];
    enum pipepoll_cause cause;

    /* Of the way to the service; texts are empty where nothing is known. */
    char url[512], proxy[256], address[64], tls_version[16], issuer[128];
    bool usable, refused, degraded;
    int64_t expires_s, clock_skew_ms;
    char source[256], reason[512], reason_subject[256];
    enum pipepoll_cause reason_cause;
    uint32_t lookup_us, connect_us, tls_us;
    bool clock_uncorrected; /* as AWS_DISABLE_CLOCK_SKEW_CORRECTION has it */
};

void exam_init(struct exam *e, const struct plan_target *target);
void exam_note_failure(struct exam *e, const struct pipepoll_failure *f);
/* Take over what the library knows of the live target. */
void exam_note_report(struct exam *e);

#endif
