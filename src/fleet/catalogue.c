/* SPDX-License-Identifier: MIT */
/* The targets as one string of hex digits: a list of strings would be as many tokens as targets. */
#include "fleet/catalogue.h"

#include "aws/digest.h"
#include "base/jsontext.h"
#include "fleet/message.h"

enum { TARGETS_MAX = 4 << 20 };

static uint64_t big_endian(const unsigned char *bytes)
{
    uint64_t n = 0;
    for (int i = 0; i < 8; i++)
        n = n << 8 | bytes[i];
    return n;
}

uint64_t catalogue_digest(const uint64_t *sorted, size_t count)
{
    struct sha256_sum sum;
    struct sha256 digest;
    if (!count)
        return 0;
    sha256_begin(&sum);
    for (size_t i = 0; i < count; i++) {
        char bytes[8];
        for (int k = 0; k < 8; k++)
            bytes[k] = (char)(sorted[i] >> (56 - 8 * k));
        sha256_put(&sum, (str) { bytes, sizeof bytes });
    }
    sha256_end(&sum, &digest);
    uint64_t first = big_endian(digest.bytes);
    return first ? first : 1;
}

size_t catalogue_parts(size_t count)
{
    return (count + CATALOGUE_PART - 1) / CATALOGUE_PART;
}

size_t catalogue_part_count(size_t count, size_t part)
{
    size_t first = part * CATALOGUE_PART, left = first < count ? count - first : 0;
    return left < CATALOGUE_PART ? left : CATALOGUE_PART;
}

size_t catalogue_room(size_t count)
{
    return count * MESSAGE_HEX + 128;
}

void catalogue_put(struct buf *out, const uint64_t *sorted, size_t count, size_t part)
{
    size_t first = part * CATALOGUE_PART;
    message_open(out);
    jsontext_count(out, "parts", catalogue_parts(count));
    jsontext_count(out, "count", count);
    buf_put(out, STR(",\"targets\":\""));
    for (size_t i = first; i < count && i < first + CATALOGUE_PART; i++)
        message_put_hex(out, sorted[i]);
    buf_put(out, STR("\"}"));
}

static bool is_all_hex(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!ascii_is_hex(s.ptr[i]))
            return false;
    return s.len % MESSAGE_HEX == 0;
}

enum beat_read catalogue_read(struct catalogue_part *out, str body)
{
    struct message b;
    enum beat_read r = message_read(&b, body);
    uint64_t parts, count;
    if (r != BEAT_OK)
        return r;
    if (!message_get_number(&b.json, "parts", &parts) ||
        !message_get_number(&b.json, "count", &count) ||
        !message_get_text(&b.json, JSON_ROOT, "targets", &out->hex) || !is_all_hex(out->hex))
        return BEAT_MALFORMED;
    if (!count || count > TARGETS_MAX || parts != catalogue_parts((size_t)count))
        return BEAT_MALFORMED;
    out->parts = (size_t)parts;
    out->count = (size_t)count;
    return BEAT_OK;
}

uint64_t catalogue_target(const struct catalogue_part *p, size_t i)
{
    uint64_t n = 0;
    (void)message_read_hex((str) { p->hex.ptr + i * MESSAGE_HEX, MESSAGE_HEX }, &n);
    return n;
}
