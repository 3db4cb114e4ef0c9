/* SPDX-License-Identifier: MIT */
/* One pass, each byte copied at most once. A word takes no more room than it has in the line, and
 * its NUL takes that of the blank behind it: line.len + 1 bytes are always enough. Quotes join what
 * they touch, so a"b c"d is one word and '' an empty one. */
#include "base/words.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Copy what stands in quotes, from after the opening one, to *to. Returns the byte after the
 * closing one, or NULL when there is none. */
static const char *copy_quoted(const char *at, const char *end, char quote, char **to)
{
    for (; at < end && *at != quote; at++) {
        bool escapes = quote == '"' && *at == '\\' && at + 1 < end && strchr("\"\\", at[1]);
        at += escapes;
        *(*to)++ = *at;
    }
    return at < end ? at + 1 : NULL;
}

/* Copy one word with a NUL after it. Returns the byte after it, or NULL: *problem says why. */
static const char *copy_word(const char *at, const char *end, char **to, const char **problem)
{
    while (at < end && !is_blank(*at)) {
        char c = *at++;
        if (c == '\'' || c == '"') {
            at = copy_quoted(at, end, c, to);
            *problem = "has a quote that is not closed";
        } else if (c == '\\') {
            *problem = "ends with a backslash";
            if (at == end)
                return NULL;
            *(*to)++ = *at++;
        } else {
            *(*to)++ = c;
        }
        if (!at)
            return NULL;
    }
    *(*to)++ = '\0';
    return at;
}

const char *words_split(str line, char *room, char **argv)
{
    const char *at = line.ptr, *end = line.ptr + line.len, *problem = NULL;
    size_t count = 0;
    if (line.len && memchr(line.ptr, '\0', line.len))
        return "holds a NUL";
    for (;;) {
        while (at < end && is_blank(*at))
            at++;
        if (at == end)
            break;
        if (count == WORDS_MAX)
            return "has more than 64 words";
        argv[count++] = room;
        at = copy_word(at, end, &room, &problem);
        if (!at)
            return problem;
    }
    argv[count] = NULL;
    return count ? NULL : "is empty";
}
