/* SPDX-License-Identifier: MIT */
/* One change to the journal, copied into one block: an entry of a job, or its end. */
#ifndef STORE_JOURNAL_CHANGE_H
#define STORE_JOURNAL_CHANGE_H

#include "base/list.h"
#include "store/journal.h"

struct journal_change {
    struct list link;
    struct journal_user *user; /* who is told */
    uint64_t ticket;
    int64_t at_ms;                       /* Unix time */
    size_t size;                         /* of the block */
    bool is_end;                         /* of the entry only region and job_id are set then */
    bool was_told;                       /* that it could not be kept yet */
    str target, outcome, variables;      /* variables: of the success, see journal_variables.h */
    struct pipepoll_journal_entry entry; /* what it points to is in the block */
    struct pipepoll_success success;
    struct pipepoll_revision revision;
    struct pipepoll_job_failure failure;
};

/* Copies, to be freed with free(). NULL: out of memory. */
struct journal_change *journal_change_note(str target, const struct pipepoll_journal_entry *entry);
struct journal_change *journal_change_end(str target, str region, str job_id, str outcome);

#endif
