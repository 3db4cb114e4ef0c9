/* SPDX-License-Identifier: MIT */
/* Before the first loop. libuv ends the process by abort() where it cannot get its first
 * descriptors and threads, so they are asked for before. */
#ifndef DAEMON_PREFLIGHT_H
#define DAEMON_PREFLIGHT_H

struct pipepoll_error;

/* Are there descriptors enough for a loop, and threads for libuv's pool, which are started and
 * stay? PIPEPOLL_ESYSTEM with a sentence of what to do. */
int preflight_check(struct pipepoll_error *why);

#endif
