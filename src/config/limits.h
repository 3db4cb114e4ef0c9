/* SPDX-License-Identifier: MIT */
/* How many descriptors this process may have, and how many a plan needs. */
#ifndef CONFIG_LIMITS_H
#define CONFIG_LIMITS_H

#include <stddef.h>
#include <stdint.h>

enum { LIMITS_LOOP_DESCRIPTORS = 4 }; /* of a loop: its epoll, eventfd and signal pipe */

/* Raise the soft limit of open descriptors to the hard one, or to a million. */
void limits_raise(void);

/* How many descriptors this process may have open; UINT64_MAX: any number. */
uint64_t limits_descriptors(void);

/* How many are needed for so many connections, idle ones included, on so many loops: with those of
 * the loops, the standard ones, and what look-ups and credentials take. */
uint64_t limits_descriptors_needed(size_t connections, uint32_t loops);

#endif
