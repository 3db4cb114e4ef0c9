/* SPDX-License-Identifier: MIT */
/* Between the files of the schedule. */
#ifndef POLL_SCHEDULE_PART_H
#define POLL_SCHEDULE_PART_H

#include "poll/schedule.h"

/* The share's work or room has changed: into the state that this makes. */
void schedule_settle(struct schedule *s, struct share *share);
void schedule_note_stall(struct stall *stall, uint64_t since_ns, uint64_t now_ns);
/* true: it waited out the stall, and waits a little more now. It must be in no list. */
bool schedule_put_off(struct schedule *s, struct target *t, const struct stall *stall,
                      uint64_t now_ns);
/* It is ASIDE, and leaves. */
void schedule_leave_aside(struct schedule *s, struct target *t);

#endif
