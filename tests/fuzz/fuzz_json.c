/* SPDX-License-Identifier: MIT */
/* Any bytes as JSON: what is taken is walked to its last node, each text twice. */
#include "aws/json.h"
#include "base/log.h"
#include "fuzz/fuzz.h"

/* Depth is bounded by the parser, so a recursion is fine here. */
static size_t walk(struct json *j, int node, int depth)
{
    size_t seen = 1;
    enum json_type type = json_type(j, node);
    check(depth <= JSON_DEPTH_MAX && *json_type_name(type) != '\0');
    if (type == JSON_STRING) {
        str first = json_text(j, node), second = json_text(j, node);
        check(first.ptr == second.ptr && first.len == second.len);
        check_inside(first, (str) { j->text, j->len });
    }
    if (type == JSON_ARRAY) {
        size_t count = 0;
        for (int n = json_first(j, node); n != JSON_NONE; n = json_next(j, n), count++)
            seen += walk(j, n, depth + 1);
        check(count == json_count(j, node));
    }
    if (type == JSON_OBJECT)
        for (int key = json_first(j, node); key != JSON_NONE; key = json_next(j, key)) {
            json_is(j, key, STR("jobs"));
            json_text(j, key);
            seen += 1 + walk(j, json_value(key), depth + 1);
        }
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = copy_of(data, size);
    struct json j;
    struct pipepoll_error why = { .text = "" };
    int r = json_parse(&j, text, size, NULL, 0, &why);
    check(r != JSON_OK && (r != JSON_BAD || why.text[0]));
    check(size == 0 || memcmp(text, data, size) == 0);
    if (r == JSON_NEED_TOKENS) {
        size_t needed = j.tokens_needed;
        struct json_token *tokens = malloc(needed * sizeof *tokens);
        check(tokens && needed <= size);
        check(json_parse(&j, text, size, tokens, needed, &why) == JSON_OK);
        check(walk(&j, JSON_ROOT, 0) == needed);
        free(tokens);
    }
    free(text);
    return 0;
}
