/* SPDX-License-Identifier: MIT */
/* A small file replaced off the loop: whoever reads it finds the old one or the new one, whole. */
#ifndef IO_FILE_WRITE_H
#define IO_FILE_WRITE_H

#include "io/file.h"

/* One at a time; zero-fill it once. The owner keeps it until on_done(). */
struct file_write {
    /* From the loop, exactly once per start. error: 0, or a positive errno; ESTALE: it is not what
     * was read any more, and was let be; ETIMEDOUT: not done within FILE_TIMEOUT_MS, but perhaps
     * later; EAGAIN: no thread could be started. */
    void (*on_done)(struct file_write *w, int error);

    struct timer deadline; /* private, as is the next */
    void *private;
};

/* Replace the file at path, or what it links to, which had this stamp when it was read: by text,
 * with mode 0600. Path and text are copied, and the copies wiped. PIPEPOLL_ENOMEM: not started. */
int file_write_start(struct file_write *w, struct worker *worker, const char *path, str text,
                     const struct file_stamp *as_read);
/* on_done() will not come, and w may be freed at once; a write that has begun is finished all the
 * same. Fine when idle. */
void file_write_forget(struct file_write *w);

#endif
