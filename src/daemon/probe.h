/* SPDX-License-Identifier: MIT */
/* What `pipepoll doctor` finds out about one target. */
#ifndef DAEMON_PROBE_H
#define DAEMON_PROBE_H

#include "config/plan.h"

enum probe_state {
    PROBE_PENDING,
    PROBE_ANSWERED,   /* a poll was answered */
    PROBE_NOT_POLLED, /* as asked for; there are credentials to poll with */
    PROBE_NO_CREDENTIALS,
    PROBE_FAILED,
    PROBE_UNANSWERED /* when the time was up */
};

struct probe {
    const struct plan_target *target;
    bool made_up; /* its action type was not named by the user, and is not there */
    struct pipepoll_target *live;
    str ca_bundle; /* the file of the roots that are trusted; empty: the system's */
    enum probe_state state;

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

void probe_init(struct probe *probe, const struct plan_target *target);
void probe_note_failure(struct probe *probe, const struct pipepoll_failure *f);
/* Take over what the library knows of the live target. */
void probe_note_report(struct probe *probe);

#endif
