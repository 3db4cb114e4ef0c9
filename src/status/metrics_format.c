/* SPDX-License-Identifier: MIT */
/* RFC 9110, 12.5.1: ranges parted by commas, each with parameters parted by semicolons. Of the
 * ranges that a format is in, the most exact one says how much it is liked. Parameters other than
 * q and version change nothing for us and are passed over. */
#include "status/metrics_format.h"

#include <stdint.h>

enum exactness { NOT_IN_IT, ANY_TYPE, ANY_OF_KIND, NAMED, NAMED_VERSION };

struct kind {
    str type, any, version;
};

static const struct kind kinds[] = {
    [METRICS_PROMETHEUS] = { STR_INIT("text/plain"), STR_INIT("text/*"), STR_INIT("0.0.4") },
    [METRICS_OPENMETRICS] = { STR_INIT("application/openmetrics-text"), STR_INIT("application/*"),
                              STR_INIT("1.0.0") },
};

struct range {
    str type, version;
    uint32_t quality; /* in thousandths */
};

struct liking {
    enum exactness exactness;
    uint32_t quality;
};

/* What comes before the next such mark that is not in a quoted string; *rest: what is behind it. */
static str next_part(str *rest, char mark)
{
    bool is_quoted = false;
    size_t n = 0;
    for (; n < rest->len && (is_quoted || rest->ptr[n] != mark); n++) {
        if (rest->ptr[n] == '"')
            is_quoted = !is_quoted;
        else if (is_quoted && rest->ptr[n] == '\\' && n + 1 < rest->len)
            n++;
    }
    str part = { rest->ptr, n };
    *rest = str_skip(*rest, n < rest->len ? n + 1 : n);
    return str_trim(part);
}

/* "1", "0.75", "1.000" in thousandths. false: it is no quality value. */
static bool read_quality(str s, uint32_t *out)
{
    uint32_t part = 100;
    if (!s.len || (s.ptr[0] != '0' && s.ptr[0] != '1') || s.len > 5)
        return false;
    if (s.len > 1 && s.ptr[1] != '.')
        return false;
    *out = s.ptr[0] == '1' ? 1000 : 0;
    for (size_t i = 2; i < s.len; i++, part /= 10) {
        if (!ascii_is_digit(s.ptr[i]))
            return false;
        *out += (uint32_t)(s.ptr[i] - '0') * part;
    }
    return *out <= 1000;
}

static str unquoted(str s)
{
    bool is_quoted = s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"';
    return is_quoted ? (str) { s.ptr + 1, s.len - 2 } : s;
}

static bool read_range(str text, struct range *out)
{
    *out = (struct range) { .type = next_part(&text, ';'), .quality = 1000 };
    while (text.len) {
        str parameter = next_part(&text, ';');
        size_t equals = str_find(parameter, '=');
        if (equals == parameter.len)
            continue;
        str name = str_trim((str) { parameter.ptr, equals });
        str value = unquoted(str_trim(str_skip(parameter, equals + 1)));
        if (str_eq_nocase(name, STR("q")) && !read_quality(value, &out->quality))
            return false;
        if (str_eq_nocase(name, STR("version")))
            out->version = value;
    }
    return true;
}

static enum exactness exactness_of(const struct range *r, const struct kind *kind)
{
    if (str_eq_nocase(r->type, kind->type)) {
        if (!r->version.len)
            return NAMED;
        return str_eq(r->version, kind->version) ? NAMED_VERSION : NOT_IN_IT;
    }
    if (str_eq_nocase(r->type, kind->any))
        return ANY_OF_KIND;
    return str_eq(r->type, STR("*/*")) ? ANY_TYPE : NOT_IN_IT;
}

static struct liking liking_of(str accept, enum metrics_format format)
{
    struct liking best = { NOT_IN_IT, 0 };
    struct range r;
    while (accept.len) {
        if (!read_range(next_part(&accept, ','), &r))
            continue;
        enum exactness exactness = exactness_of(&r, &kinds[format]);
        if (exactness > best.exactness)
            best = (struct liking) { exactness, r.quality };
    }
    return best;
}

enum metrics_format metrics_format_of(str accept)
{
    struct liking text = liking_of(accept, METRICS_PROMETHEUS);
    struct liking open = liking_of(accept, METRICS_OPENMETRICS);
    bool is_named = open.exactness >= NAMED;
    if (open.quality > text.quality || (open.quality && open.quality == text.quality && is_named))
        return METRICS_OPENMETRICS;
    return METRICS_PROMETHEUS;
}

const char *metrics_content_type(enum metrics_format format)
{
    return format == METRICS_OPENMETRICS
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}
