/* SPDX-License-Identifier: MIT */
/* Failures of one cause as one incident, however many targets it hits: told once when it has been
 * gathered, again with growing pauses while it lasts, and once when it has passed. One that comes
 * back soon is the same, and needs longer each time to be told. All lines together are limited too:
 * an hour of whatever fails is some hundred lines. Pure: the time is an argument, and memory is
 * bounded by the number of incidents at once. */
#ifndef DAEMON_INCIDENTS_H
#define DAEMON_INCIDENTS_H

#include <stdatomic.h>

#include "config/identity_config.h"
#include "daemon/line_budget.h"
#include "daemon/subject.h"

enum {
    INCIDENTS_MAX = 32, /* the last is for all causes that find no other */
    INCIDENT_REGIONS_MAX = 64,
    INCIDENT_WORDS_MAX = 768,
    INCIDENTS_GATHER_MS = 1000, /* from the first target to the line, and from the last */
    INCIDENTS_PAUSE_MS = 60000, /* to the first repetition, and then double */
    INCIDENTS_PAUSE_MAX_MS = 3600000,
    INCIDENTS_RECALL_MS = 900000,        /* from its end to its return, to be the same */
    INCIDENTS_GATHER_MAX_MS = 600000,    /* of one that returns again and again */
    INCIDENTS_LINES = 2 * INCIDENTS_MAX, /* at once: all begin, all end; and then */
    INCIDENTS_LINE_EVERY_MS = 15000      /* one in so long */
};

/* What makes failures one and the same. */
struct incident_cause {
    int status;
    enum pipepoll_cause cause;
    str code;
    str identity; /* whose credentials, where that matters; else empty */
};

struct incident_region {
    char name[40];
    uint32_t targets;
};

struct incident {
    int status; /* PIPEPOLL_OK: free */
    enum pipepoll_cause cause;
    char code[64], identity[IDENTITY_CONFIG_NAME_MAX + 1];
    char words[INCIDENT_WORDS_MAX]; /* of its first failure */
    char name[64], region[40];      /* of the first target */
    char request_id[128];           /* of its first failure; empty: the service gave none */
    int http_status;
    size_t targets, most; /* now, and at most */
    struct incident_region regions[INCIDENT_REGIONS_MAX];
    size_t region_count, most_regions; /* different ones now (further ones are not counted), most */
    int64_t since_ms, due_ms, empty_ms; /* empty: since when no target is left */
    uint64_t pause_ms;
    bool told, removed; /* removed: the last target to go is not polled any more */
    bool was_replaced;  /* a target that left it went on to fail for another cause */
    bool over;          /* it has passed, and is remembered */
    unsigned returns;
    _Atomic uint64_t failed; /* polls, since it began */
};

struct incidents {
    int64_t unix_offset_ms;   /* what to add to the times given here to get Unix time */
    struct line_budget lines; /* private */
    struct incident list[INCIDENTS_MAX];
};

/* A target fails for this cause from now on. true: it is a new incident, to be described. */
bool incidents_enter(struct incidents *in, const struct incident_cause *cause, str region,
                     int64_t now_ms, struct incident **out);
/* In which words, and where: the name of the target's section. Cut to what is kept. */
void incident_describe(struct incident *i, str words, str name, str region);
/* Which request failed. */
void incident_note_request(struct incident *i, const struct pipepoll_failure *failure);
/* Another poll of a target that entered it has failed. Any thread. */
void incident_note_failed(struct incident *i);
/* A target that entered it does not fail for it any more, or is removed. */
void incident_leave(struct incident *i, str region, bool removed, int64_t now_ms);
/* A target that left it fails for another cause. */
void incident_note_replaced(struct incident *i);

typedef void incident_line_fn(void *ctx, enum pipepoll_level level, const struct subject *about,
                              str text);

/* Hand over each line that is due. `last`: also what would have been gathered for a while yet. */
void incidents_tell(struct incidents *in, int64_t now_ms, bool last, incident_line_fn *line,
                    void *ctx);

#endif
