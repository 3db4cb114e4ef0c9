/* SPDX-License-Identifier: MIT */
/* The distance between two words is a table of |a| * |b| steps, of which only three rows are kept,
 * on the stack; no word is longer than 64 bytes. Only a smaller distance replaces the best, so that
 * of equally near words the first one tried stays. */
#include "base/nearest.h"

#include <stdio.h>

enum { WORD_MAX = 64 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

struct nearest nearest_to(str word)
{
    size_t tolerated = word.len / 3 > 2 ? word.len / 3 : 2;
    return (struct nearest) { .word = word, .distance = tolerated + 1 };
}

static bool is_swap(str a, str b, size_t i, size_t j)
{
    return i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1];
}

/* Optimal string alignment, three rows of the table at a time. */
static size_t distance(str a, str b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t differs = ascii_lower(a.ptr[i - 1]) != ascii_lower(b.ptr[j - 1]);
            row[j] = smaller(above[j - 1] + differs, smaller(above[j], row[j - 1]) + 1);
            if (is_swap(a, b, i, j))
                row[j] = smaller(row[j], before[j - 2] + 1);
        }
    }
    return row[b.len];
}

void nearest_try(struct nearest *n, str candidate)
{
    if (n->word.len > WORD_MAX || candidate.len > WORD_MAX)
        return;
    size_t d = distance(n->word, candidate);
    if (d < n->distance && 2 * d <= candidate.len) {
        n->distance = d;
        n->best = candidate;
    }
}

const char *nearest_hint(const struct nearest *n, char *text, size_t size)
{
    if (n->best.len)
        snprintf(text, size, " (did you mean \"%.*s\"?)", STR_ARG(n->best));
    else
        text[0] = '\0';
    return text;
}
