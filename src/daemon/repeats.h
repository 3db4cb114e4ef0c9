/* SPDX-License-Identifier: MIT */
/* Lines of the log that a fault can repeat without bound, summed up: of each kind the first ones
 * are written, the others counted, and the last of these is written with their number and its time
 * after a pause that grows while they come. Pure: the time is an argument, and memory is bounded by
 * the kinds at once. Incidents of targets have their own sums: incidents.h. */
#ifndef DAEMON_REPEATS_H
#define DAEMON_REPEATS_H

#include "daemon/line_budget.h"
#include "daemon/subject.h"
#include "pipepoll.h"

enum {
    REPEATS_MAX =
        64, /* kinds at once; what finds no place shares the last, which tells its worst */
    REPEATS_LINE_MAX = 1024,
    REPEATS_PAUSE_MS = 60000, /* and then double */
    REPEATS_PAUSE_MAX_MS = 3600000,
    REPEATS_RECALL_MS = 900000, /* without any, and the next one is the first again */
    REPEATS_SAME_MS = 5000,     /* the same information again so soon is no news */
    REPEATS_LATE_MS = 1000,     /* a line that is written so late says when it was */
    REPEATS_MEMBERS_MAX = 512,
    REPEATS_LINES = 64,           /* of all kinds, at once; and then */
    REPEATS_LINE_EVERY_MS = 15000 /* one in so long */
};

struct repeat {
    uint64_t kind; /* 0: free */
    enum pipepoll_level level;
    char line[REPEATS_LINE_MAX]; /* the last that was counted; before that, the last written */
    char members[REPEATS_MEMBERS_MAX]; /* of it, by subject_put(); empty: none, or long */
    uint64_t counted;                  /* since `due_ms` was set */
    int64_t since_ms, last_ms;         /* the first that is counted; the last of all */
    int64_t due_ms, pause_ms;
    int64_t kept_ms;             /* when `line` was */
    bool is_shared;              /* of what is counted some is of another kind */
    uint32_t allowance, allowed; /* in each pause; how many more until it is due */
};

struct repeats {
    int64_t unix_offset_ms;   /* what to add to the times given here to get Unix time */
    struct line_budget lines; /* private */
    struct repeat list[REPEATS_MAX];
};

/* Of what kind a line is: the same for lines that differ in words with a digit in them alone (ids,
 * times, numbers, addresses). Never 0. */
uint64_t repeats_kind_of(str line);

struct repeats_line {
    uint64_t kind; /* of repeats_kind_of() of it, or of what stands for it */
    enum pipepoll_level level;
    const struct subject *about; /* may be NULL */
    str text;
    uint32_t allowance; /* how many of the kind are written in each pause */
};

/* May it be written? false: it was counted, or is information that was given before. */
bool repeats_admit(struct repeats *r, const struct repeats_line *line, int64_t now_ms);

/* A line, and its members of JSON without a comma before them; perhaps empty. */
typedef void repeats_line_fn(void *ctx, enum pipepoll_level level, str members, str text);

/* Hand over each sum that is due; `last`: each there is. */
void repeats_tell(struct repeats *r, int64_t now_ms, bool last, repeats_line_fn *line, void *ctx);

#endif
