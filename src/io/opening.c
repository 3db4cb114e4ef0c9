/* SPDX-License-Identifier: MIT */
/* A bucket of tokens that fills by the time that passes, faster while few are under way. */
#include "io/opening.h"

static uint64_t each_ns(const struct opening *o)
{
    return o->under_way < OPENING_UNDER_WAY ? OPENING_EACH_NS : OPENING_EACH_BEYOND_NS;
}

static void fill(struct opening *o, uint64_t now_ns)
{
    uint64_t more = (now_ns - o->counted_ns) / each_ns(o);
    if (more < OPENING_AT_ONCE - o->tokens) {
        o->tokens += (unsigned)more;
        o->counted_ns += more * each_ns(o);
    } else {
        o->tokens = OPENING_AT_ONCE;
        o->counted_ns = now_ns;
    }
}

bool opening_may_begin(struct opening *o, uint64_t now_ns, uint64_t *again_ns)
{
    fill(o, now_ns);
    *again_ns = o->counted_ns + each_ns(o);
    return o->tokens > 0;
}

void opening_begin(struct opening *o)
{
    o->under_way++;
    o->tokens -= o->tokens > 0;
}

void opening_end(struct opening *o)
{
    o->under_way--;
}
