/* SPDX-License-Identifier: MIT */
/* Memory for texts and arrays that go all at once: nobody has to know which of them is whose. Pure,
 * but for memory. */
#ifndef STATUS_ARENA_H
#define STATUS_ARENA_H

#include "base/str.h"

struct arena {
    struct arena_block *first; /* private; NULL: it is empty */
};

/* Empty, all memory freed; fine on a zeroed one. */
void arena_deinit(struct arena *a);

/* What the other one holds is a's from now on; the other is empty. */
void arena_adopt(struct arena *a, struct arena *other);

/* A copy that lives as long as a. Without memory the empty text. */
str arena_text(struct arena *a, str text);

/* An array of so many, zeroed, that lives as long as a. NULL: no memory, or none are wanted. */
void *arena_array(struct arena *a, size_t count, size_t size);

#endif
