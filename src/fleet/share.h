/* SPDX-License-Identifier: MIT */
/* One budget for each account and region (a group) in the whole fleet, so that ten machines are no
 * more than one to the service: each member may use of the ceiling what it holds of the targets,
 * and a rate that throttles have cut at one member holds for each target of the group, whoever
 * polls it.
 * Pure; the time is an argument, of the same clock as the leases'. */
#ifndef FLEET_SHARE_H
#define FLEET_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/str.h"
#include "fleet/beat.h"

struct share; /* all groups */

/* keep_ns: how long a throttled rate counts after it was heard; a member says it again with each
 * beat while it lasts. 0 or PIPEPOLL_ENOMEM. */
int share_open(struct share **out, struct alloc alloc, uint64_t keep_ns);
void share_close(struct share *s); /* NULL is fine */

enum { SHARE_NONE = -1 };
/* The number of the group of this name, from 0 on, for as long as s is open; SHARE_NONE: no memory.
 * The name is cut to BEAT_GROUP_MAX bytes. */
int share_group(struct share *s, str name);
size_t share_count(const struct share *s);
str share_name(const struct share *s, int group);

/* Count anew what is held: begin, one call for each target of the config, end. In between the
 * figures before hold. held: by anybody whose claim counts (lease_target(): has a holder). */
void share_begin(struct share *s);
void share_target(struct share *s, int group, bool is_held, bool is_ours);
void share_end(struct share *s);

/* What a member's beat says of throttled groups; our own beats' are to be told as well. Groups that
 * are not ours are ignored. */
void share_heard(struct share *s, const struct beat_figures *figures, uint64_t now_ns);

/* Of the group's ceiling ours is this part, 0 to 1: what we hold of all that is held. */
double share_part(const struct share *s, int group);
/* Polls a second that we may make in the group; ceiling_per_s: the operator's for the whole fleet,
 * 0 for none. 0: as many as we like. Who holds no target of it gets little, but not 0. */
double share_rate(const struct share *s, int group, double ceiling_per_s, uint64_t now_ns);
/* The lowest throttled rate for each target that was heard lately; 0: none. */
double share_throttled(const struct share *s, int group, uint64_t now_ns);

#endif
