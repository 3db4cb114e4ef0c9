/* SPDX-License-Identifier: MIT */
/* JSON texts parsed in memory of their exact size, walked whole, and judged. */
#ifndef TESTS_JSON_VERDICT_H
#define TESTS_JSON_VERDICT_H

#include <stdlib.h>

#include "aws/json.h"
#include "lib/check.h"

enum { MIB = 1 << 20 };

/* Texts and tokens live in blocks of their exact size: a sanitizer sees any step outside. */
struct parse {
    struct json json;
    char *text;
    struct json_token *tokens;
    struct pipepoll_error why;
};

static inline void *exact(size_t size)
{
    void *block = malloc(size ? size : 1);
    assert_non_null(block);
    return block;
}

static inline int parse(struct parse *p, str text)
{
    *p = (struct parse) { .text = exact(text.len) };
    memcpy(p->text, text.ptr, text.len);
    int r = json_parse(&p->json, p->text, text.len, NULL, 0, &p->why);
    if (r != JSON_NEED_TOKENS)
        return r;
    p->tokens = exact(p->json.tokens_needed * sizeof *p->tokens);
    return json_parse(&p->json, p->text, text.len, p->tokens, p->json.tokens_needed, &p->why);
}

static inline void drop(struct parse *p)
{
    free(p->tokens);
    free(p->text);
}

/* Every node by first and next from the root, every string unescaped. Returns how many nodes. */
static inline int walk_all(struct json *j)
{
    int visited = 1;
    for (int parent = 0; parent < j->token_count; parent++) {
        for (int node = json_first(j, parent); node != JSON_NONE; node = json_next(j, node)) {
            visited++;
            if (json_type(j, node) == JSON_STRING)
                json_text(j, node);
        }
    }
    return visited;
}

static inline int verdict(str text)
{
    struct parse p;
    int r = parse(&p, text);
    if (r == JSON_OK)
        assert_int_equal(walk_all(&p.json), (int)p.json.tokens_needed);
    drop(&p);
    return r;
}

#endif
