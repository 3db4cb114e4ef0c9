/* SPDX-License-Identifier: MIT */
/* The state directory, held by one process at a time. Blocking. */
#ifndef STORE_STATE_DIR_H
#define STORE_STATE_DIR_H

#include <stdbool.h>

#include "pipepoll.h"

struct state_dir {
    char *path; /* absolute */
    int lock;   /* a descriptor; held as long as it is open */
};

/* Make it, with mode 0700, if it is missing. ESYSTEM. */
int state_dir_make(const char *path, struct pipepoll_error *why);
/* Make it if it is missing, and lock it. ESYSTEM: it cannot be made or used, or another process
 * holds it and still does 100 ms later, which `why` names; ENOMEM. */
int state_dir_open(struct state_dir *d, const char *path, struct pipepoll_error *why);
void state_dir_close(struct state_dir *d);

/* Does a process hold it now? *pid: which one; 0: it is not known. Where none does, its lock is
 * taken for a moment, and nothing is made or changed. */
bool state_dir_is_held(const char *path, long *pid);

/* Could state_dir_open() open it, and in what words would it refuse? Makes and changes nothing.
 * *is_held: of what is refused, another process holds it, perhaps for good reason. ESYSTEM, ENOMEM.
 * Without the lock: could it be made, at least? *is_there: it need not be. */
int state_dir_check(const char *path, bool *is_held, struct pipepoll_error *why);
int state_dir_check_place(const char *path, bool *is_there, struct pipepoll_error *why);

/* path/name, to be freed; NULL: out of memory. */
char *state_dir_file(const char *path, const char *name);

/* The same, absolute, of a plain file that is there, without the lock. ENOTFOUND: there is none;
 * ESYSTEM; ENOMEM. */
int state_dir_find(char **out, const char *path, const char *name, struct pipepoll_error *why);

#endif
