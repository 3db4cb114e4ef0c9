/* SPDX-License-Identifier: MIT */
/* Slices of borrowed bytes: the same type inside the library and in its public header. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "pipepoll.h"

typedef struct pipepoll_str str;

#define STR(literal) ((str) { "" literal, sizeof(literal) - 1 })
/* For constant initialisers, where a compound literal is not allowed. */
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).len, (s).ptr

static inline str str_of(const char *text)
{
    return (str) { text, text ? strlen(text) : 0 };
}

static inline bool str_eq(str a, str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII only, whatever the locale. */
static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline bool ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool ascii_is_hex(char c)
{
    return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

static inline bool str_eq_nocase(str a, str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) /* most often they are equal to the letter */
        if (a.ptr[i] != b.ptr[i] && ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
            return false;
    return true;
}

static inline bool str_starts(str s, str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

/* Without the first n bytes; of a shorter one nothing is left. */
static inline str str_skip(str s, size_t n)
{
    n = n < s.len ? n : s.len;
    return (str) { s.ptr + n, s.len - n };
}

/* The index of the first c, or s.len. */
static inline size_t str_find(str s, char c)
{
    const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : s.len;
}

/* Without blanks, tabs and line ends at both ends. */
static inline str str_trim(str s)
{
    while (s.len && (*s.ptr == ' ' || *s.ptr == '\t' || *s.ptr == '\r' || *s.ptr == '\n'))
        s = str_skip(s, 1);
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t' ||
                     s.ptr[s.len - 1] == '\r' || s.ptr[s.len - 1] == '\n'))
        s.len--;
    return s;
}

/* Its start, of so many bytes at most: a character of UTF-8 is left out rather than cut. */
static inline str str_cut(str s, size_t most)
{
    enum { FOLLOWERS_MAX = 3 };
    size_t len = most, least = most < FOLLOWERS_MAX ? 0 : most - FOLLOWERS_MAX;
    if (s.len <= most)
        return s;
    while (len > least && ((unsigned char)s.ptr[len] & 0xc0) == 0x80)
        len--;
    return (str) { s.ptr, len };
}

/* str_cut() into an array, with a NUL behind it; size > 0. */
static inline void str_copy(char *out, size_t size, str s)
{
    s = str_cut(s, size - 1);
    if (s.len)
        memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
}

/* A copy at *at, which goes on behind it: for texts that lie behind a struct, in its block. */
static inline str str_keep(char **at, str s)
{
    str kept = { *at, s.len };
    if (s.len)
        memcpy(*at, s.ptr, s.len);
    *at += s.len;
    return kept;
}

#endif
