/* SPDX-License-Identifier: MIT */
/* Each step takes as much text as it can and never gives any back: no pattern of the model has a
 * step whose characters the next one wants. */
#include "sim/pattern.h"

#include <stdint.h>
#include <stdlib.h>

/* The class that begins behind its bracket: is c in it? *end is its closing bracket. */
static bool class_has(const char *class, char c, const char **end)
{
    bool has = false;
    while (*class && *class != ']') {
        class += *class == '\\' && class[1];
        char first = *class ++, last = first;
        if (class[0] == '-' && class[1] && class[1] != ']') {
            last = class[1];
            class += 2;
        }
        has = has || (c >= first && c <= last);
    }
    *end = class;
    return has;
}

/* One step of the pattern: a class or a character. *end is what follows it. */
static bool step_has(const char *step, char c, const char **end)
{
    if (*step != '[') {
        *end = step + 1;
        return *step == c;
    }
    bool has = class_has(step + 1, c, end);
    *end += **end == ']';
    return has;
}

struct times {
    size_t min, max;
};

static struct times read_times(const char **at)
{
    if (**at == '+') {
        ++*at;
        return (struct times) { 1, SIZE_MAX };
    }
    if (**at != '{')
        return (struct times) { 1, 1 };
    char *end;
    size_t n = strtoul(*at + 1, &end, 10);
    *at = end + (*end == '}');
    return (struct times) { n, n };
}

bool pattern_matches(const char *pattern, str text)
{
    while (*pattern) {
        const char *end;
        size_t n = 0;
        (void)step_has(pattern, '\0', &end); /* for its end */
        const char *next = end;
        struct times times = read_times(&next);
        while (n < times.max && n < text.len && step_has(pattern, text.ptr[n], &end))
            n++;
        if (n < times.min)
            return false;
        text = str_skip(text, n);
        pattern = next;
    }
    return text.len == 0;
}
