/* SPDX-License-Identifier: MIT */
/* What a line of the log is about, beside its words: members of its JSON, so that whoever collects
 * logs need not read prose. What is empty or 0 is left out. */
#ifndef DAEMON_SUBJECT_H
#define DAEMON_SUBJECT_H

#include "base/buf.h"

struct subject {
    str job_id;
    str target, region; /* the name of its section; of many, the first one's */
    size_t targets, regions;
    str identity; /* whose credentials, as the config file names them */
    str source;   /* where credentials come from */
    str status;   /* event_status() of a failure */
    str cause;    /* pipepoll_cause_name() of it, or of credentials that fail */
    str code;     /* the service's */
    str request_id;
    int http_status;
    str event;   /* a line of stdout that did not get there: JSON already */
    str members; /* of another line, by this function, without a comma before them */
};

/* Each as `,"name":value`. Pure. */
void subject_put(struct buf *out, const struct subject *s);

#endif
