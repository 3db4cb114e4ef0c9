/* SPDX-License-Identifier: MIT */
/* What protects the memory of a process that holds credentials. */
#ifndef DAEMON_PROCESS_HARDEN_H
#define DAEMON_PROCESS_HARDEN_H

/* From now on no core is dumped, and no other process of this user may look into the memory.
 * Nothing is done where the environment says PIPEPOLL_ALLOW_CORE=1: for those who debug. */
void process_harden(void);

#endif
