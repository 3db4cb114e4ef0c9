/* Where the shared files are, and what must hold before one is believed: whoever may write it can
 * name a program for us to run (credential_process). */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/digest.h"
#include "base/buf.h"
#include "base/log.h"
#include "credentials/profiles.h"

enum { SIZE_MAX_BYTES = 1 << 20 };

/* --- places --- */

static str home_of_user(char *room, size_t size)
{
    struct passwd entry, *found = NULL;
    if (getpwuid_r(geteuid(), &entry, room, size, &found) != 0 || !found)
        return (str) { NULL, 0 };
    return str_of(found->pw_dir);
}

static int find_one(char path[PROFILES_PATH_MAX], str given, str home, const char *below)
{
    struct buf b = { .at = path, .cap = PROFILES_PATH_MAX };
    if (str_starts(given, STR("~/"))) {
        if (home.len) {
            buf_put(&b, home);
            buf_put(&b, str_skip(given, 1));
        }
    } else if (given.len) {
        buf_put(&b, given);
    } else if (home.len) {
        buf_put(&b, home);
        buf_put(&b, str_of(below));
    }
    buf_cstr(&b);
    return b.overflow ? PIPEPOLL_EINVAL : 0;
}

int profiles_find(struct profiles_paths *out, const struct environment *e,
                  struct pipepoll_error *why)
{
    char room[4096];
    str home = environment_get(e, "HOME");
    if (!home.len)
        home = home_of_user(room, sizeof room);
    while (home.len > 1 && home.ptr[home.len - 1] == '/')
        home.len--;
    if (find_one(out->config, environment_get(e, "AWS_CONFIG_FILE"), home, "/.aws/config"))
        return explain(why, PIPEPOLL_EINVAL,
                       "the path in AWS_CONFIG_FILE or HOME is longer than %d bytes",
                       PROFILES_PATH_MAX - 1);
    if (find_one(out->credentials, environment_get(e, "AWS_SHARED_CREDENTIALS_FILE"), home,
                 "/.aws/credentials"))
        return explain(why, PIPEPOLL_EINVAL,
                       "the path in AWS_SHARED_CREDENTIALS_FILE or HOME is longer than %d bytes",
                       PROFILES_PATH_MAX - 1);
    return 0;
}

/* --- files --- */

struct content {
    char *ptr; /* NULL: nothing is there */
    size_t size, len;
};

static bool is_absent(const char *path)
{
    struct stat st;
    if (!*path || strcmp(path, "/dev/null") == 0)
        return true;
    return stat(path, &st) != 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES);
}

static int check_file(const struct stat *st, const char *path, struct pipepoll_error *why)
{
    if (!S_ISREG(st->st_mode))
        return explain(why, PIPEPOLL_ESYSTEM, "%s is not a regular file", path);
    if (st->st_mode & S_IWOTH)
        return explain(why, PIPEPOLL_ESYSTEM,
                       "everybody may write %s, so it is not to be trusted: chmod o-w it", path);
    if (st->st_size > SIZE_MAX_BYTES)
        return explain(why, PIPEPOLL_ESYSTEM, "%s is larger than 1 MiB", path);
    return 0;
}

/* As much as the file held when it was opened. */
static int read_all(struct content *c, int fd)
{
    while (c->len < c->size) {
        ssize_t n = read(fd, c->ptr + c->len, c->size - c->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0)
            break;
        c->len += (size_t)n;
    }
    return 0;
}

static int read_open(struct content *c, const struct alloc *alloc, int fd, const char *path,
                     struct pipepoll_error *why)
{
    struct stat st;
    int r = fstat(fd, &st)
                ? explain(why, PIPEPOLL_ESYSTEM, "cannot read %s: %s", path, strerror(errno))
                : check_file(&st, path, why);
    if (r || st.st_size == 0)
        return r;
    c->size = (size_t)st.st_size;
    c->ptr = alloc_new(alloc, c->size);
    if (!c->ptr)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    int error = read_all(c, fd);
    return error ? explain(why, PIPEPOLL_ESYSTEM, "cannot read %s: %s", path, strerror(error)) : 0;
}

/* Whatever it returns, the content is to be let go. */
static int read_file(struct content *c, const struct alloc *alloc, const char *path,
                     struct pipepoll_error *why)
{
    if (is_absent(path))
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer would hang */
    if (fd < 0)
        return explain(why, PIPEPOLL_ESYSTEM, "cannot read %s: %s", path, strerror(errno));
    int r = read_open(c, alloc, fd, path, why);
    close(fd);
    return r;
}

static void let_go(struct content *c, const struct alloc *alloc)
{
    if (c->ptr)
        digest_wipe(c->ptr, c->size);
    alloc_free(alloc, c->ptr, c->size);
}

int profiles_load(struct profiles **out, const struct alloc *alloc, const struct environment *e,
                  struct pipepoll_error *why)
{
    struct profiles_paths paths;
    struct content config = { 0 }, credentials = { 0 };
    int r = profiles_find(&paths, e, why);
    if (!r)
        r = read_file(&config, alloc, paths.config, why);
    if (!r)
        r = read_file(&credentials, alloc, paths.credentials, why);
    if (!r)
        r = profiles_new(out, alloc, &paths, (str) { config.ptr, config.len },
                         (str) { credentials.ptr, credentials.len }, why);
    let_go(&config, alloc);
    let_go(&credentials, alloc);
    return r;
}
