/* SPDX-License-Identifier: MIT */
/* SQLite would take over an empty file, recover a foreign one and follow a log that lies beside a
 * file it has nothing to do with: hence a look at the header by plain reads first. */
#include "store/journal_header.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/journal_db.h"

static int refuse(struct pipepoll_error *why, const char *path, const char *found)
{
    return explain(why, PIPEPOLL_ESYSTEM,
                   "journal %s: %s; move it away, or choose another state directory", path, found);
}

static int judge(int fd, const char *path, struct pipepoll_error *why)
{
    unsigned char head[DATABASE_HEADER] = { 0 };
    uint32_t id, format;
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return refuse(why, path, "is not a plain file");
    if (st.st_size == 0)
        return refuse(why, path, "is empty");
    ssize_t n = pread(fd, head, sizeof head, 0);
    if (n < 0)
        return explain(why, PIPEPOLL_ESYSTEM, "journal %s: cannot be read: %s", path,
                       strerror(errno));
    if (!database_read_header(head, (size_t)n, &id, &format))
        return refuse(why, path, "is not an SQLite file");
    if (n < DATABASE_HEADER)
        return refuse(why, path, "is damaged: it ends within its header");
    return database_judge(&journal_kind, path, id, format, why);
}

/* A log without its database: a new database must not come to lie beside it. */
static int check_orphan(const char *path, const char *suffix, struct pipepoll_error *why)
{
    struct stat st;
    char *log;
    if (asprintf(&log, "%s%s", path, suffix) < 0)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    int r = PIPEPOLL_OK;
    if (stat(log, &st) == 0 && st.st_size > 0)
        r = explain(why, PIPEPOLL_ESYSTEM,
                    "journal %s: is missing, but its log %s is there; put it back, or move the log "
                    "away, which forgets the jobs in it",
                    path, log);
    free(log);
    return r;
}

static int check_orphans(const char *path, struct pipepoll_error *why)
{
    int r = check_orphan(path, "-wal", why);
    return r ? r : check_orphan(path, "-journal", why);
}

int journal_header_check(const char *path, bool *exists, struct pipepoll_error *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *exists = fd >= 0 || errno != ENOENT;
    if (!*exists)
        return check_orphans(path, why);
    if (fd < 0)
        return explain(why, PIPEPOLL_ESYSTEM, "journal %s: cannot be opened: %s", path,
                       strerror(errno));
    int r = judge(fd, path, why);
    close(fd);
    return r;
}
