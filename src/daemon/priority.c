/* SPDX-License-Identifier: MIT */
/* Whoever started us may have redirected stderr since systemd set the variable, so it is compared
 * with what stderr is. */
#include "daemon/priority.h"

#include <sys/stat.h>

#include "base/environment.h"

bool priority_names(str variable, uint64_t device, uint64_t inode)
{
    char text[64];
    struct buf wanted = BUF_ON(text);
    buf_put_u64(&wanted, device);
    buf_put_char(&wanted, ':');
    buf_put_u64(&wanted, inode);
    return str_eq(variable, buf_str(&wanted));
}

bool priority_is_wanted(int fd)
{
    const struct environment e = { NULL, NULL };
    struct stat is;
    return fstat(fd, &is) == 0 &&
           priority_names(environment_get(&e, "JOURNAL_STREAM"), is.st_dev, is.st_ino);
}

int priority_of(enum pipepoll_level level)
{
    switch (level) {
    case PIPEPOLL_ERROR:
        return 3;
    case PIPEPOLL_WARNING:
        return 4;
    case PIPEPOLL_INFO:
        return 6;
    case PIPEPOLL_DEBUG:
        return 7;
    }
    return 6;
}
