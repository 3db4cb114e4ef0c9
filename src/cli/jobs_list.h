/* SPDX-License-Identifier: MIT */
/* The jobs of a journal that were asked for, copied: open ones, and the last of those that have
 * ended. Memory is bounded by max-jobs of the process that writes the journal, and by `limit`. */
#ifndef CLI_JOBS_LIST_H
#define CLI_JOBS_LIST_H

#include "store/journal_change.h"

/* Bits. */
enum {
    JOBS_CLAIMING = 1 << PIPEPOLL_JOURNAL_CLAIMING,
    JOBS_RUNNING = 1 << PIPEPOLL_JOURNAL_RUNNING,
    JOBS_REPORTING = 1 << PIPEPOLL_JOURNAL_REPORTING,
    JOBS_OPEN = JOBS_CLAIMING | JOBS_RUNNING | JOBS_REPORTING,
    JOBS_ENDED = 1,
    JOBS_ALL = JOBS_OPEN | JOBS_ENDED
};

/* "open", "claiming", "running", "reporting", "ended". */
bool jobs_state_read(str word, unsigned *states);

struct jobs_filter {
    str job; /* its id, or the beginning of one; empty: any, as in the others */
    str target, region;
    unsigned states;
    uint32_t limit; /* of those that have ended; not where `job` is given */
};

enum { JOBS_OUTCOME_MAX = 40 };

struct jobs_item {
    struct journal_change *note; /* the last */
    int64_t first_noted_ms, last_noted_ms;
    int64_t ended_ms; /* 0: it is open */
    size_t order;     /* in the journal */
    char outcome[JOBS_OUTCOME_MAX];
};

/* The word of jobs_state_read() for it; "ended" if it has. Static. */
const char *jobs_item_state(const struct jobs_item *item);
/* What it was last noted as doing. Static. */
const char *jobs_item_step(const struct jobs_item *item);

struct jobs_items {
    struct jobs_item *at;
    size_t count, cap;
};

struct jobs_list {
    struct jobs_filter filter;
    struct jobs_items open;  /* the oldest first */
    struct jobs_items ended; /* that ended last first */
    size_t found, ended_found;
    bool is_exact; /* filter.job is a whole id */
    bool no_memory;
};

/* Read them. Errors as journal_read(). deinit in either case. */
int jobs_list_read(struct jobs_list *out, const char *state_dir, const struct jobs_filter *filter,
                   struct pipepoll_error *why);
void jobs_list_deinit(struct jobs_list *l);

#endif
