/* SPDX-License-Identifier: MIT */
/* The files that credentials were read from, watched without reading them: a file that somebody
 * replaces is news within a second, however long the back-off of what failed with the old one. */
#ifndef CREDENTIALS_WATCH_H
#define CREDENTIALS_WATCH_H

#include "credentials/provider.h"
#include "io/file.h"

enum { WATCH_FILES_MAX = 4 }; /* config, credentials, and a token or two */

/* Embedded and zeroed. */
struct watch {
    const struct provider_host *host; /* borrowed */
    /* From the loop, exactly once per watch_look(): is a file not what was read any more? */
    void (*on_done)(struct watch *w, bool changed);
    /* private */
    struct file_look look;
    struct watched_file {
        char *path;
        struct file_stamp stamp;
    } files[WATCH_FILES_MAX];
    size_t count, at;
    bool looking;
};

/* A file was read, and this is its stamp. Out of memory or of room it is not watched. w may be
 * NULL: nobody watches. */
void watch_note(struct watch *w, const char *path, const struct file_stamp *stamp);

/* Is there anything to look at? */
bool watch_has_files(const struct watch *w);
/* Look once; nothing while a look is under way. PIPEPOLL_ENOMEM: no on_done(). */
int watch_look(struct watch *w);
/* Forget the files, and the look under way: its on_done() will not come. Fine on a zeroed one. */
void watch_forget(struct watch *w);

#endif
