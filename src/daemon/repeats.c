/* SPDX-License-Identifier: MIT */
/* A kind has a place in the list from its first line on. In each pause some are written at once,
 * which for most kinds is one; the rest waits for the end of the pause as a number and its last
 * line. A pause without any does not forget the kind: whatever comes with a longer period finds its
 * pause grown. After a long silence it is forgotten, but never with a sum that was not written:
 * the silence makes that due. */
#include "daemon/repeats.h"

#include <ctype.h>

#include "base/jsontext.h"

/* --- kinds --- */

static bool is_of_word(unsigned char c)
{
    return isalnum(c) || c >= 0x80 || (c && strchr("-_./:+", c));
}

static uint64_t mix(uint64_t hash, unsigned char c)
{
    return (hash ^ c) * 0x100000001b3; /* FNV-1a: a clash only sums up more */
}

static size_t word_len(str s, bool *has_digit)
{
    size_t len = 0;
    *has_digit = false;
    for (; len < s.len && is_of_word((unsigned char)s.ptr[len]); len++)
        *has_digit = *has_digit || isdigit((unsigned char)s.ptr[len]);
    return len;
}

uint64_t repeats_kind_of(str line)
{
    uint64_t hash = 0xcbf29ce484222325;
    while (line.len) {
        bool has_digit;
        size_t len = word_len(line, &has_digit), n = len ? len : 1;
        for (size_t i = 0; i < n && !has_digit; i++)
            hash = mix(hash, (unsigned char)line.ptr[i]);
        hash = has_digit ? mix(hash, '#') : hash;
        line = str_skip(line, n);
    }
    return hash ? hash : 1;
}

/* --- lines --- */

/* Of one kind the last line tells how things stand; of several the worst must not be lost. */
static bool is_kept(const struct repeat *p, const struct repeats_line *line)
{
    return !p->counted || !p->is_shared || line->level <= p->level;
}

static void keep(struct repeat *p, const struct repeats_line *line, int64_t now_ms)
{
    struct buf members = { .at = p->members, .cap = sizeof p->members - 1 };
    if (line->about)
        subject_put(&members, line->about);
    p->members[members.overflow ? 0 : members.len] = '\0';
    str_copy(p->line, sizeof p->line, line->text);
    p->level = line->level;
    p->kept_ms = now_ms;
}

static bool is_silent(const struct repeat *p, int64_t now_ms)
{
    return now_ms - p->last_ms >= REPEATS_RECALL_MS;
}

/* Its own, or a free one, or the one that was silent for longest, or the last. */
static struct repeat *find(struct repeats *r, uint64_t kind, int64_t now_ms)
{
    struct repeat *other = NULL;
    for (size_t i = 0; i < REPEATS_MAX; i++) {
        struct repeat *p = &r->list[i];
        bool is_over = now_ms >= p->due_ms || is_silent(p, now_ms);
        if (p->kind == kind)
            return p;
        if (!p->counted && is_over && (!other || p->last_ms < other->last_ms))
            other = p;
    }
    if (!other)
        return &r->list[REPEATS_MAX - 1];
    *other = (struct repeat) { .kind = 0 };
    return other;
}

static void begin_pause(struct repeat *p, int64_t now_ms)
{
    p->pause_ms = p->pause_ms ? 2 * p->pause_ms : REPEATS_PAUSE_MS;
    if (p->pause_ms > REPEATS_PAUSE_MAX_MS)
        p->pause_ms = REPEATS_PAUSE_MAX_MS;
    p->due_ms = now_ms + p->pause_ms;
    p->counted = 0;
    p->is_shared = false;
    p->allowed = p->allowance;
}

/* Several loops have the same to say of what they share, and who says it twice says nothing new. */
static bool is_known(const struct repeat *p, const struct repeats_line *line, int64_t now_ms)
{
    return line->level >= PIPEPOLL_INFO && p->level == line->level &&
           now_ms - p->kept_ms < REPEATS_SAME_MS &&
           str_eq(str_of(p->line), str_cut(line->text, sizeof p->line - 1));
}

bool repeats_admit(struct repeats *r, const struct repeats_line *line, int64_t now_ms)
{
    struct repeat *p = find(r, line->kind, now_ms);
    if (p->kind && is_known(p, line, now_ms))
        return false;
    if (!p->kind || (is_silent(p, now_ms) && !p->counted))
        *p = (struct repeat) { .kind = line->kind };
    else if (is_silent(p, now_ms))
        p->due_ms = now_ms;
    p->last_ms = now_ms;
    p->allowance = line->allowance;
    if (!p->counted && now_ms >= p->due_ms)
        begin_pause(p, now_ms);
    bool is_written = !p->counted && p->allowed &&
                      line_budget_take(&r->lines, REPEATS_LINES, REPEATS_LINE_EVERY_MS, now_ms);
    if (!is_written)
        p->is_shared = p->is_shared || p->kind != line->kind;
    if (is_kept(p, line))
        keep(p, line, now_ms);
    if (is_written)
        p->allowed--;
    else if (!p->counted++)
        p->since_ms = now_ms;
    return is_written;
}

static void put_time(struct buf *out, const struct repeats *r, const char *before, int64_t at_ms)
{
    buf_put(out, str_of(before));
    jsontext_put_expiry(out, (at_ms + r->unix_offset_ms) / 1000);
}

static void tell(const struct repeats *r, struct repeat *p, int64_t now_ms, repeats_line_fn *line,
                 void *ctx)
{
    char room[REPEATS_LINE_MAX + 200];
    struct buf text = BUF_ON(room);
    buf_put(&text, str_of(p->line));
    if (p->counted > 1) {
        buf_printf(&text, p->is_shared ? " (one of %llu of several kinds" : " (%llu like it",
                   (unsigned long long)p->counted);
        put_time(&text, r, " since ", p->since_ms);
        put_time(&text, r, ", the last at ", p->last_ms);
        buf_put_char(&text, ')');
    } else if (now_ms - p->kept_ms >= REPEATS_LATE_MS) {
        put_time(&text, r, " (at ", p->kept_ms);
        buf_put_char(&text, ')');
    }
    line(ctx, p->level, str_of(p->members), buf_str(&text));
}

void repeats_tell(struct repeats *r, int64_t now_ms, bool last, repeats_line_fn *line, void *ctx)
{
    for (size_t i = 0; i < REPEATS_MAX; i++) {
        struct repeat *p = &r->list[i];
        if (!p->counted || (!last && now_ms < p->due_ms && !is_silent(p, now_ms)))
            continue;
        if (!line_budget_take(&r->lines, REPEATS_LINES, REPEATS_LINE_EVERY_MS, now_ms) && !last)
            continue; /* later, as things stand then */
        tell(r, p, now_ms, line, ctx);
        begin_pause(p, now_ms);
    }
}
