/* SPDX-License-Identifier: MIT */
/* Small files read off the loop: a file may lie on a disk, or behind a network, that hangs. */
#ifndef IO_FILE_H
#define IO_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "io/timers.h"

struct worker;

enum { FILE_SIZE_MAX = 1 << 20, FILE_TIMEOUT_MS = 10000 };

/* What tells one state of a file from another without reading it: its place and its times. */
struct file_stamp {
    int error; /* a positive errno: it cannot be looked at, and the rest is 0 */
    uint64_t device, inode, size;
    int64_t modified_ns, changed_ns; /* Unix time; of the contents, and of the entry */
};

bool file_stamp_eq(const struct file_stamp *a, const struct file_stamp *b);

/* What becomes of a text on the thread that read it, for it may be long and the loop has no time.
 * One reading serves all who want the same of a path while it is under way. All on any thread. */
struct file_maker {
    char id; /* not that of another maker */
    /* Out of a text, which is wiped and freed afterwards. NULL: out of memory. From malloc(), or as
     * long-lived: the embedder's memory may be gone by then. */
    void *(*make)(str text);
    void *(*ref)(void *made);  /* one reference more; returns made */
    void (*unref)(void *made); /* one less */
};

/* One reading at a time; zero-fill it once and use it again and again. The owner keeps it until
 * on_done(), which may start it again or free it. */
struct file_read {
    /* From the loop, exactly once per start. error: 0, or a positive errno: ENOENT, EACCES
     * (stamp.error too: of a folder above it), EISDIR, EFBIG (longer than
     * FILE_SIZE_MAX), EINVAL (not a regular file), ETIMEDOUT (not read
     * within FILE_TIMEOUT_MS), EAGAIN (no thread could be started), EMFILE, ENOMEM, ... text is
     * writable, and wiped and freed when on_done() returns: it may hold secrets. Empty with an
     * error, or a maker. */
    void (*on_done)(struct file_read *r, int error, str text);
    const struct file_maker *maker; /* NULL: none; the text is wanted */
    void *made;              /* in on_done(), without an error: a reference; NULL without a maker */
    bool open_to_all;        /* in on_done(): everybody may write it */
    struct file_stamp stamp; /* in on_done(): of what was read, taken before it was */

    struct timer deadline; /* private, as is the next */
    void *private;
};

/* Start. The path is copied. PIPEPOLL_ENOMEM: not started. */
int file_read_start(struct file_read *r, struct worker *w, const char *path);
/* Nobody waits any more: on_done() will not come, and r may be freed at once, whatever the system
 * still has in hand; that is wiped when the system returns it. Fine when idle. */
void file_read_forget(struct file_read *r);

/* An error of above in words. */
const char *file_strerror(int error);
/* The same of a path, where a folder that may not be searched is told from a file. Blocks. */
const char *file_problem_at(const char *path, int error);
/* The same in on_done(), where a folder that may not be searched is told from a file. */
const char *file_problem(const struct file_read *r, int error);
/* FILE, unless the machine lacks something. */
enum pipepoll_cause file_cause(int error);
/* The machine's trouble, which passes, rather than the file's? */
bool file_error_passes(int error);

/* One look at a file, for its stamp. Zero-fill it once; the owner keeps it as a file_read. */
struct file_look {
    /* From the loop, exactly once per start. */
    void (*on_done)(struct file_look *l, const struct file_stamp *stamp);

    struct timer deadline; /* private, as is the next */
    void *private;
};

/* Start. The path is copied. PIPEPOLL_ENOMEM: not started. */
int file_look_start(struct file_look *l, struct worker *w, const char *path);
/* on_done() will not come, and l may be freed at once. Fine when idle. */
void file_look_forget(struct file_look *l);

#endif
