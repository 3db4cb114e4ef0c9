/* SPDX-License-Identifier: MIT */
/* One word, as it goes into a header. */
#include "config/http_token.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* RFC 7230 §3.2: what a header may hold, and no blanks, which would be trimmed somewhere. */
static bool is_sendable(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
            return false;
    return true;
}

static int judge(struct http_token *t, const char *path, struct pipepoll_error *why)
{
    str token = str_trim((str) { t->bytes, t->len });
    if (t->len == sizeof t->bytes)
        return explain(why, PIPEPOLL_EINVAL, "token-file %.200s: is larger than %d bytes", path,
                       HTTP_TOKEN_MAX - 1);
    if (!is_sendable(token))
        return explain(why, PIPEPOLL_EINVAL,
                       "token-file %.200s: holds other than one word of visible ASCII", path);
    if (token.len < HTTP_TOKEN_LEAST)
        return explain(why, PIPEPOLL_EINVAL,
                       "token-file %.200s: holds %zu bytes; a secret has %d or more", path,
                       token.len, HTTP_TOKEN_LEAST);
    memmove(t->bytes, token.ptr, token.len);
    t->len = token.len;
    return PIPEPOLL_OK;
}

int http_token_read(struct http_token *out, const char *path, struct pipepoll_error *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : read(fd, out->bytes, sizeof out->bytes);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return explain(why, PIPEPOLL_ESYSTEM, "token-file %.200s: %s", path, strerror(error));
    out->len = (size_t)n;
    int r = judge(out, path, why);
    if (r)
        explicit_bzero(out, sizeof *out);
    return r;
}
