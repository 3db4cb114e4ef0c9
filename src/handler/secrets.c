/* SPDX-License-Identifier: MIT */
/* Plain searches: a job has few secrets, and the lines that are searched are bounded. */
#include "handler/secrets.h"

#include <stdlib.h>

static size_t count_lines(const str *from, size_t count)
{
    size_t lines = 0;
    for (size_t i = 0; i < count; i++, lines++)
        for (str rest = from[i]; str_find(rest, '\n') < rest.len; lines++)
            rest = str_skip(rest, str_find(rest, '\n') + 1);
    return lines;
}

static void add_lines(struct secrets *s, str secret)
{
    while (secret.len) {
        size_t len = str_find(secret, '\n');
        if (len >= SECRET_LEN_MIN)
            s->list[s->count++] = (str) { secret.ptr, len };
        secret = str_skip(secret, len < secret.len ? len + 1 : len);
    }
}

int secrets_init(struct secrets *s, const str *from, size_t count)
{
    *s = (struct secrets) { 0 };
    for (size_t i = 0; i < count; i++)
        s->size += from[i].len;
    s->bytes = malloc(s->size + 1);
    s->list = calloc(count_lines(from, count) + 1, sizeof *s->list);
    if (!s->bytes || !s->list) {
        s->size = 0;
        secrets_deinit(s);
        return PIPEPOLL_ENOMEM;
    }
    char *at = s->bytes;
    for (size_t i = 0; i < count; i++)
        add_lines(s, str_keep(&at, from[i]));
    return PIPEPOLL_OK;
}

void secrets_deinit(struct secrets *s)
{
    if (s->bytes)
        explicit_bzero(s->bytes, s->size);
    free(s->bytes);
    free(s->list);
    *s = (struct secrets) { 0 };
}

static void mask_all(char *text, size_t len, str secret)
{
    char *at = text, *end = text + len;
    while ((at = memmem(at, (size_t)(end - at), secret.ptr, secret.len))) {
        memset(at, '*', secret.len);
        at += secret.len;
    }
}

/* A single letter gives nothing away, and would mask the end of nearly any text. */
static void mask_beginning(char *text, size_t len, str secret)
{
    size_t most = len < secret.len ? len : secret.len - 1;
    for (size_t n = most; n > 3; n--) {
        if (memcmp(text + len - n, secret.ptr, n))
            continue;
        memset(text + len - n, '*', n);
        return;
    }
}

void secrets_mask(const struct secrets *s, char *text, size_t len, bool cut)
{
    for (size_t i = 0; len && i < s->count; i++)
        mask_all(text, len, s->list[i]);
    for (size_t i = 0; cut && i < s->count; i++)
        mask_beginning(text, len, s->list[i]);
}
