/* SPDX-License-Identifier: MIT */
/* A catalogue: the targets of a config, published once for all members that have the same, and
 * named in their beats by its digest; in parts, since a message is less than 512 KiB. Pure. */
#ifndef FLEET_CATALOGUE_H
#define FLEET_CATALOGUE_H

#include "fleet/beat.h"

enum { CATALOGUE_PART = 30000 /* targets in one part */ };

/* A catalogue: its targets sorted, each once. */
uint64_t catalogue_digest(const uint64_t *sorted, size_t count); /* 0 of none, else never */
size_t catalogue_parts(size_t count);
/* How many of them are in this part. */
size_t catalogue_part_count(size_t count, size_t part);
/* The room that catalogue_put() needs for a part of so many targets. */
size_t catalogue_room(size_t count);
/* Part `part` of the whole. */
void catalogue_put(struct buf *out, const uint64_t *sorted, size_t count, size_t part);

struct catalogue_part {
    size_t parts, count; /* parts of the whole; targets of the whole */
    str hex;             /* of this part's targets, 16 digits each */
};

enum beat_read catalogue_read(struct catalogue_part *out, str body);
/* Target i of a part. */
uint64_t catalogue_target(const struct catalogue_part *p, size_t i);

#endif
