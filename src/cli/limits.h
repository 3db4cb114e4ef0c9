/* What the system lets this process have: descriptors and threads. libuv ends the process by
 * abort() where it cannot get its first ones, so they are asked for before. */
#ifndef CLI_LIMITS_H
#define CLI_LIMITS_H

#include <stdint.h>

#include "base/str.h"

/* Raise the soft limit of open descriptors to the hard one, or to a million. */
void limits_raise(void);

/* How many descriptors this process may have open; UINT64_MAX: any number. */
uint64_t limits_descriptors(void);

/* How many are needed beside those of connections: standard ones, loops, names, files. */
uint64_t limits_descriptors_beside(uint32_t loops);

/* Before the first loop: are there descriptors enough for one, and threads for libuv's pool, which
 * are started and stay? ESYSTEM with a sentence of what to do. */
int limits_check(struct pipepoll_error *why);

#endif
