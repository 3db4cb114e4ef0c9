/* SPDX-License-Identifier: MIT */
/* Targets that are not to be polled for a while. They stand in no line and no heap, and keep their
 * room in the heap of due instants, so that going on never fails. A share all of whose targets are
 * paused takes no part in the fair limit: its slots are the others'. */
#include "poll/schedule.h"

#include "poll/schedule_part.h"

static bool is_counted(const struct share *share)
{
    return !share->paused || share->paused < share->targets;
}

void schedule_count_targets(struct schedule *s, struct share *share, int targets, int paused)
{
    bool was_counted = is_counted(share);
    share->targets += (uint32_t)targets;
    share->paused += (uint32_t)paused;
    if (is_counted(share) == was_counted)
        return;
    s->share_count += was_counted ? UINT32_MAX : 1;
    schedule_deal_limit(s);
}

void schedule_pause(struct schedule *s, struct target *t)
{
    if (t->is_paused || t->state == TARGET_REMOVED)
        return;
    schedule_leave_line(s, t);
    t->is_paused = true;
    if (t->state != TARGET_IN_FLIGHT)
        t->state = TARGET_PAUSED;
    schedule_count_targets(s, t->share, 0, 1);
}

void schedule_unpause(struct schedule *s, struct target *t, uint64_t due_ns)
{
    if (!t->is_paused || t->state == TARGET_REMOVED)
        return;
    t->is_paused = false;
    schedule_count_targets(s, t->share, 0, -1);
    if (t->state == TARGET_PAUSED)
        schedule_wait_until(s, t, due_ns);
}
