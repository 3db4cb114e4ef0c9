/* SPDX-License-Identifier: MIT */
/* The time of day, for what is told to people and other machines: events, the log, a status, files.
 * What waits or measures has a steady clock. Not for floors 0 and 1, where time is an argument; who
 * has timers asks these (io/timers.h), so that tests may give them another time. */
#ifndef BASE_WALL_CLOCK_H
#define BASE_WALL_CLOCK_H

#include <stdint.h>

/* Unix time. */
int64_t wall_clock_ms(void);

#endif
