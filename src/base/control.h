/* SPDX-License-Identifier: MIT */
/* Control characters, which a terminal obeys instead of showing them: C0, DEL, and C1 as UTF-8 has
 * them (U+0080 to U+009F), of which U+009B does what ESC [ does. Pure. */
#ifndef BASE_CONTROL_H
#define BASE_CONTROL_H

#include "base/str.h"

/* The bytes of the control character that s begins with; 0: with none. */
static inline size_t control_len(str s)
{
    unsigned char c = s.len ? (unsigned char)s.ptr[0] : 'x';
    if (c < 0x20 || c == 0x7f)
        return 1;
    return c == 0xc2 && s.len > 1 && ((unsigned char)s.ptr[1] & 0xe0) == 0x80 ? 2 : 0;
}

/* The index of the first, or s.len. */
static inline size_t control_find(str s)
{
    size_t i = 0;
    while (i < s.len && !control_len(str_skip(s, i)))
        i++;
    return i;
}

/* Each of their bytes becomes '?'. */
static inline void control_mask(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        for (size_t n = control_len((str) { text + i, len - i }); n; n--)
            text[n > 1 ? i + 1 : i] = '?';
}

#endif
