/* SPDX-License-Identifier: MIT */
/* A line is told when its end has come, or once as many bytes as there is room for: the rest of it
 * is then passed over. */
#include "handler/lines.h"

#include "base/jsontext.h"

static void tell(struct lines *l, bool cut)
{
    size_t len = l->len;
    if (!cut && len && l->at[len - 1] == '\r')
        len--;
    l->len = 0;
    l->on_line(l->ctx, l->at, len, cut);
}

static void add(struct lines *l, str part)
{
    size_t fits = l->cap - l->len;
    if (l->skipping || !part.len)
        return;
    memcpy(l->at + l->len, part.ptr, part.len < fits ? part.len : fits);
    l->len += part.len < fits ? part.len : fits;
    if (part.len <= fits)
        return;
    l->skipping = true;
    tell(l, true);
}

void lines_put(struct lines *l, str bytes)
{
    while (bytes.len) {
        size_t len = str_find(bytes, '\n');
        bool ends = len < bytes.len;
        add(l, (str) { bytes.ptr, len });
        bytes = str_skip(bytes, ends ? len + 1 : len);
        if (ends && !l->skipping)
            tell(l, false);
        if (ends)
            l->skipping = false;
    }
}

void lines_end(struct lines *l)
{
    if (l->len)
        tell(l, false);
    l->skipping = false;
}

size_t lines_clean(char *line, size_t len, bool cut)
{
    for (int i = 0; cut && i < 3 && len && jsontext_characters((str) { line, len }) == SIZE_MAX;
         i++)
        len--;
    bool is_utf8 = jsontext_characters((str) { line, len }) != SIZE_MAX;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)line[i];
        if (c == '\t')
            line[i] = ' ';
        else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !is_utf8))
            line[i] = '?';
    }
    return len;
}
