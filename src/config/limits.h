/* What the system lets this process have: descriptors and threads. libuv ends the process by
 * abort() where it cannot get its first ones, so they are asked for before. */
#ifndef CONFIG_LIMITS_H
#define CONFIG_LIMITS_H

#include <stdint.h>

#include "base/str.h"

/* Raise the soft limit of open descriptors to the hard one, or to a million. */
void limits_raise(void);

/* How many descriptors this process may have open; UINT64_MAX: any number. */
uint64_t limits_descriptors(void);

/* How many are needed for so many connections, idle ones included, on so many loops: with those of
 * the loops, the standard ones, and what look-ups and keys take. */
uint64_t limits_descriptors_needed(size_t connections, uint32_t loops);

/* Before the first loop: are there descriptors enough for one, and threads for libuv's pool, which
 * are started and stay? ESYSTEM with a sentence of what to do. */
int limits_check(struct pipepoll_error *why);

#endif
