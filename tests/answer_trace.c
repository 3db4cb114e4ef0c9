/* SPDX-License-Identifier: MIT */
/* Answers queried and formatted by stdin's lines, for witnesses to compare with their own:
 * "FORMAT<tab>WIDTH<tab>JSON<tab>QUERY" (an empty query: none). For each line of input one of
 * output: the text as a JSON string, or "error: WHY". */
#include <stdio.h>
#include <stdlib.h>

#include "cli/format.h"
#include "cli/query.h"

static str take_field(str *line)
{
    size_t end = str_find(*line, '\t');
    str field = { line->ptr, end };
    *line = str_skip(*line, end < line->len ? end + 1 : end);
    return field;
}

static bool answer(struct arena *a, str line, struct text *out, struct pipepoll_error *why)
{
    enum format format;
    size_t column;
    str name = take_field(&line), width = take_field(&line), json = take_field(&line);
    const struct datum *v = format_read(name, &format) ? datum_read(a, json, why) : NULL;
    struct format_screen screen = { "PollForThirdPartyJobs", (size_t)atoi(width.ptr), false };
    if (v && line.len) {
        const struct query *q = query_compile(a, line, &column, why);
        v = q ? query_search(a, q, v, why) : NULL;
    }
    return v && format_put(out, v, format, &screen, why);
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t len; (len = getline(&line, &cap, stdin)) > 0;) {
        struct arena a = { .blocks = NULL };
        struct text out = { .arena = &a }, quoted = { .arena = &a };
        struct pipepoll_error why = { .text = "?" };
        if (answer(&a, (str) { line, (size_t)len - 1 }, &out, &why)) {
            text_put_quoted(&quoted, buf_str(&out.buf), false);
            printf("%.*s\n", STR_ARG(buf_str(&quoted.buf)));
        } else {
            printf("error: %s\n", why.text);
        }
        arena_free(&a);
    }
    free(line);
    return 0;
}
