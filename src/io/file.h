/* Small files read off the loop, by libuv's thread pool: a file may lie on a network that hangs. */
#ifndef IO_FILE_H
#define IO_FILE_H

#include "base/alloc.h"
#include "base/str.h"

struct uv_loop_s;

enum { FILE_SIZE_MAX = 1 << 20 };

/* One reading at a time; zero-fill it once and use it again and again. The owner keeps it until
 * on_done(), which may start it again or free it. */
struct file_read {
    /* From the loop, exactly once per start. error: 0, or a positive errno: ENOENT (a file in a
     * folder that we may not search counts as not there), EACCES, EISDIR, EFBIG (longer than
     * FILE_SIZE_MAX), EINVAL (not a regular file), EPERM (see distrusts), ENOMEM, ... text is
     * writable, and wiped and freed when on_done() returns: it may hold secrets. Empty with an
     * error. */
    void (*on_done)(struct file_read *r, int error, str text);
    bool distrusts; /* refuse a file that everybody may write */
    void *private;
};

/* Start. The path is copied. PIPEPOLL_ENOMEM: not started. */
int file_read_start(struct file_read *r, struct uv_loop_s *loop, const struct alloc *alloc,
                    const char *path);
/* Nobody waits any more: on_done() will not come, and r may be freed at once. What the system still
 * has in hand is wiped and given back to alloc when it returns; it holds the loop until then. Fine
 * when idle. */
void file_read_forget(struct file_read *r);

#endif
