/* SPDX-License-Identifier: MIT */
/* Between the files of the schedule. */
#ifndef POLL_SCHEDULE_PART_H
#define POLL_SCHEDULE_PART_H

#include "poll/schedule.h"

/* The share's work or room has changed: into the state that this makes. */
void schedule_settle(struct schedule *s, struct share *share);
/* What its polls and calls take tokens of. */
static inline struct budget *schedule_budget_of(struct schedule *s, const struct share *share)
{
    return share->budget ? share->budget : &s->unlimited;
}
/* Whose turn it is: the first of the ring that has a token. NULL: none has. */
struct budget *schedule_next_budget(struct schedule *s, uint64_t now_ns);
void schedule_note_stall(struct stall *stall, uint64_t since_ns, uint64_t now_ns);
/* true: it waited out the stall, and waits a little more now. It must be in no list. */
bool schedule_put_off(struct schedule *s, struct target *t, const struct stall *stall,
                      uint64_t now_ns);
/* The number of shares that count, or of slots, has changed. */
void schedule_deal_limit(struct schedule *s);
/* So many more are in the share, and so many more of these are paused. */
void schedule_count_targets(struct schedule *s, struct share *share, int targets, int paused);
/* It waits for this instant; or, if it is paused, for the end of that. */
void schedule_wait_until(struct schedule *s, struct target *t, uint64_t due_ns);
/* It stands nowhere any more. Its state is as before. */
void schedule_leave_line(struct schedule *s, struct target *t);
/* It is ASIDE, and leaves. */
void schedule_leave_aside(struct schedule *s, struct target *t);

#endif
