/* SPDX-License-Identifier: MIT */
/* A disk under SQLite that does as a test says: each operation that can change a file, or wait for
 * the disk, is counted, and asks before it is done. */
#ifndef TESTS_FAULTY_DISK_H
#define TESTS_FAULTY_DISK_H

#include <stdbool.h>

enum disk_act {
    DISK_WORKS,
    DISK_FULL,  /* a write finds no space; other operations fail */
    DISK_FAILS, /* an I/O error */
    DISK_TEARS, /* half of a write is done, then the process is killed */
    DISK_CUT    /* the power goes: what was not synced is undone, then the process is killed */
};

struct faulty_disk {
    enum disk_act (*ask)(struct faulty_disk *self, int number); /* 0, 1, ...; any thread */
    bool skips_sync; /* nobody pulls the plug of this machine */
    int count;       /* operations so far */
};

/* From now on SQLite's files are on d. */
void faulty_disk_install(struct faulty_disk *d);
void faulty_disk_remove(void);

#endif
