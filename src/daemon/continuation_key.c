/* A new file gets its name once it is whole, by a link, which fails if another process was first:
 * then that one's key is read. */
#include "daemon/continuation_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

enum { KEY_SIZE = 32, KEY_HEX = 2 * KEY_SIZE };

static int fail(struct pipepoll_error *why, const char *path, const char *what)
{
    return explain(why, PIPEPOLL_ESYSTEM, "the continuation key %s: %s", path, what);
}

static int digit_of(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, ascii_lower(c)) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool read_hex(unsigned char key[KEY_SIZE], str text)
{
    if (text.len != KEY_HEX)
        return false;
    for (size_t i = 0; i < KEY_SIZE; i++) {
        int high = digit_of(text.ptr[2 * i]), low = digit_of(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        key[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static int read_file(unsigned char key[KEY_SIZE], int fd, const char *path,
                     struct pipepoll_error *why)
{
    char text[KEY_HEX + 16];
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return fail(why, path, "not a regular file");
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return fail(why, path, "others may read it: chmod 600");
    ssize_t len = read(fd, text, sizeof text);
    bool is_right = len >= 0 && read_hex(key, str_trim((str) { text, (size_t)len }));
    explicit_bzero(text, sizeof text);
    if (len < 0)
        return fail(why, path, strerror(errno));
    return is_right ? PIPEPOLL_OK : fail(why, path, "it is not 64 hex digits");
}

static bool write_new(int fd, const unsigned char key[KEY_SIZE])
{
    char text[KEY_HEX + 1];
    for (size_t i = 0; i < KEY_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", key[i]);
    text[KEY_HEX] = '\n';
    bool is_written = write(fd, text, sizeof text) == sizeof text && fsync(fd) == 0;
    explicit_bzero(text, sizeof text);
    return is_written;
}

/* An errno. */
static int make_file(const unsigned char key[KEY_SIZE], const char *path)
{
    char name[PATH_MAX];
    int n = snprintf(name, sizeof name, "%s.%ld", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof name)
        return ENAMETOOLONG;
    unlink(name);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int error = write_new(fd, key) && link(name, path) == 0 ? 0 : errno;
    close(fd);
    unlink(name);
    return error;
}

static int load(unsigned char key[KEY_SIZE], const char *path, struct pipepoll_error *why)
{
    if (!path)
        return PIPEPOLL_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        int error = make_file(key, path);
        if (!error)
            return PIPEPOLL_OK;
        if (error != EEXIST)
            return fail(why, path, strerror(error));
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    }
    if (fd < 0)
        return fail(why, path, strerror(errno));
    int r = read_file(key, fd, path, why);
    close(fd);
    return r;
}

int continuation_key_load(struct hmac_key *out, const char *path, struct pipepoll_error *why)
{
    unsigned char key[KEY_SIZE];
    if (getrandom(key, sizeof key, 0) != sizeof key)
        return explain(why, PIPEPOLL_ESYSTEM, "the system gives no random numbers: %s",
                       strerror(errno));
    int r = load(key, path, why);
    if (!r)
        hmac_key_set(out, (str) { (const char *)key, sizeof key });
    explicit_bzero(key, sizeof key);
    return r;
}
