/* SPDX-License-Identifier: MIT */
/* aws/shape: an answer by a table, whatever the answer holds. */
#include "aws/shape.h"

#include <stdio.h>
#include <stdlib.h>

#include "aws/shape_copy.h"
#include "base/buf.h"
#include "lib/check.h"

struct leaf {
    str name, note;
};

struct branch {
    struct shape_list leaves;
    str name;
};

struct tree {
    str name;
    struct shape_list branches, words;
    struct leaf best; /* two levels down in the answer */
};

static const struct shape_member leaf_members[] = {
    { STR_INIT("name"), SHAPE_TEXT, offsetof(struct leaf, name), NULL, 8 },
    { STR_INIT("note"), SHAPE_TEXT, offsetof(struct leaf, note), NULL, 0 },
};
static const struct shape leaf = { leaf_members, 2, sizeof(struct leaf) };

static const struct shape_member branch_members[] = {
    { STR_INIT("leaves"), SHAPE_LIST, offsetof(struct branch, leaves), &leaf, 0 },
    { STR_INIT("name"), SHAPE_TEXT, offsetof(struct branch, name), NULL, 0 },
};
static const struct shape branch = { branch_members, 2, sizeof(struct branch) };

static const struct shape_member wrapper_members[] = {
    { STR_INIT("leaf"), SHAPE_STRUCTURE, offsetof(struct tree, best), &leaf, 0 },
};
static const struct shape wrapper = { wrapper_members, 1, 0 };

static const struct shape_member tree_members[] = {
    { STR_INIT("name"), SHAPE_TEXT, offsetof(struct tree, name), NULL, 0 },
    { STR_INIT("branches"), SHAPE_LIST, offsetof(struct tree, branches), &branch, 0 },
    { STR_INIT("words"), SHAPE_MAP, offsetof(struct tree, words), NULL, 0 },
    { STR_INIT("best"), SHAPE_STRUCTURE, 0, &wrapper, 0 },
};
static const struct shape tree = { tree_members, 4, sizeof(struct tree) };

struct decoded {
    struct tree tree;
    struct decode_memory memory;
    char *body; /* of its exact size, so that a sanitizer sees any step outside */
    struct pipepoll_error why;
    int asked;
};

static void grow(struct decoded *d)
{
    struct decode_memory *m = &d->memory;
    m->tokens = realloc(m->tokens, m->tokens_needed * sizeof *m->tokens);
    m->token_cap = m->tokens_needed;
    free(m->items);
    m->items = m->items_needed ? malloc(m->items_needed) : NULL;
    m->item_cap = m->items_needed;
    d->asked++;
}

static enum decode_result decode(struct decoded *d, str body)
{
    enum decode_result r;
    *d = (struct decoded) { .body = malloc(body.len ? body.len : 1) };
    assert_non_null(d->body);
    memcpy(d->body, body.ptr, body.len);
    while ((r = shape_decode(&d->tree, &tree, &d->memory, (str) { d->body, body.len }, &d->why)) ==
           DECODE_NEED_MEMORY) {
        assert_memory_equal(d->body, body.ptr, body.len);
        grow(d);
    }
    return r;
}

static void done(struct decoded *d)
{
    free(d->memory.tokens);
    free(d->memory.items);
    free(d->body);
}

static void assert_bad(const char *body, const char *sentence)
{
    struct decoded d;
    assert_int_equal(decode(&d, str_of(body)), DECODE_BAD);
    assert_string_equal(d.why.text, sentence);
    done(&d);
}

static const str whole =
    STR_INIT("{\"best\":{\"leaf\":{\"note\":\"n\",\"name\":\"b\"}},"
             "\"branches\":[{\"leaves\":[{\"name\":\"l1\"},{\"name\":\"l2\"}]},"
             "{\"name\":\"x\"},{\"leaves\":[{\"name\":\"l3\"}]}],"
             "\"words\":{\"k\":\"v\",\"\":\"\"},\"name\":\"t\"}");

static void assert_whole(const struct tree *t)
{
    const struct branch *branches = t->branches.items;
    const struct shape_pair *words = t->words.items;
    assert_str_equal(t->name, "t");
    assert_str_equal(t->best.name, "b");
    assert_str_equal(t->best.note, "n");
    assert_int_equal(t->branches.count, 3);
    assert_int_equal(branches[0].leaves.count, 2);
    assert_str_equal(((const struct leaf *)branches[0].leaves.items)[1].name, "l2");
    assert_str_equal(branches[1].name, "x");
    assert_str_equal(((const struct leaf *)branches[2].leaves.items)[0].name, "l3");
    assert_int_equal(t->words.count, 2);
    assert_str_equal(words[0].key, "k");
    assert_str_equal(words[0].value, "v");
    assert_true(words[1].key.ptr && words[1].value.ptr);
}

static void everything_lands_where_the_table_says(void **state)
{
    struct decoded d;
    assert_int_equal(decode(&d, whole), DECODE_OK);
    assert_whole(&d.tree);
    assert_int_equal(d.asked, 2); /* for tokens, then for items */
    done(&d);
}

static void a_copy_needs_no_answer_any_more(void **state)
{
    struct decoded d;
    struct tree copy;
    assert_int_equal(decode(&d, whole), DECODE_OK);
    size_t size = shape_copy_size(&d.tree, &tree);
    char *block = malloc(size); /* of its exact size */
    assert_non_null(block);
    shape_copy(&copy, &d.tree, &tree, block);
    memset(d.body, 'x', whole.len);
    memset(d.memory.items, 'x', d.memory.item_cap);
    done(&d);
    assert_whole(&copy);
    assert_null(((const struct branch *)copy.branches.items)[0].name.ptr); /* absent stays so */
    free(block);
}

static void a_copy_of_nothing_needs_nothing(void **state)
{
    struct decoded d;
    struct tree copy;
    assert_int_equal(decode(&d, STR("{}")), DECODE_OK);
    assert_int_equal(shape_copy_size(&d.tree, &tree), 0);
    shape_copy(&copy, &d.tree, &tree, &copy);
    assert_int_equal(copy.branches.count + copy.name.len, 0);
    done(&d);
}

static void what_is_absent_or_null_stays_zero_and_what_is_empty_does_not(void **state)
{
    static const char *const bodies[] = {
        "{}", "{\"name\":null,\"branches\":null,\"words\":null,\"best\":null}",
        "{\"best\":{\"leaf\":null},\"branches\":[],\"words\":{}}",
        "{\"words\":{\"k\":null},\"branches\":[null,null]}"
    };
    struct decoded d;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        assert_int_equal(decode(&d, str_of(bodies[i])), DECODE_OK);
        assert_null(d.tree.name.ptr);
        assert_null(d.tree.best.name.ptr);
        assert_int_equal(d.tree.branches.count + d.tree.words.count, 0);
        done(&d);
    }
    assert_int_equal(decode(&d, STR("{\"name\":\"\"}")), DECODE_OK);
    assert_non_null(d.tree.name.ptr);
    assert_int_equal(d.tree.name.len, 0);
    done(&d);
}

static void unknown_members_are_ignored_at_any_depth(void **state)
{
    struct decoded d;
    assert_int_equal(
        decode(&d, STR("{\"x\":[{\"name\":1}],\"name\":\"t\",\"branches\":[{\"name\":\"a\","
                       "\"Leaves\":7,\"y\":{\"leaves\":[1]}},null,{\"z\":[]}]}")),
        DECODE_OK);
    assert_str_equal(d.tree.name, "t");
    assert_int_equal(d.tree.branches.count, 2);
    done(&d);
}

static void escapes_are_resolved_in_names_keys_and_texts(void **state)
{
    struct decoded d;
    assert_int_equal(decode(&d, STR("{\"n\\u0061me\":\"\\ud83d\\ude00\\n\",\"words\":{\"\\u006b\":"
                                    "\"\\u0000\"}}")),
                     DECODE_OK);
    assert_str_equal(d.tree.name, "\xf0\x9f\x98\x80\n");
    const struct shape_pair *words = d.tree.words.items;
    assert_str_equal(words[0].key, "k");
    assert_int_equal(words[0].value.len, 1);
    done(&d);
}

static void what_is_wrong_is_told_by_its_place_and_never_by_its_value(void **state)
{
    assert_bad("{\"name\":1}", "name is a number, not a string");
    assert_bad("{\"branches\":{}}", "branches is an object, not a list");
    assert_bad("{\"words\":[]}", "words is a list, not an object");
    assert_bad("{\"words\":{\"secret\":{}}}", "words[0] is an object, not a string");
    assert_bad("{\"best\":\"secret\"}", "best is a string, not an object");
    assert_bad("{\"branches\":[null,{\"leaves\":[{},{\"name\":true}]}]}",
               "branches[1].leaves[1].name is a boolean, not a string");
    assert_bad("{\"branches\":[3]}", "branches[0] is a number, not an object");
    assert_bad("{\"best\":{\"leaf\":{\"name\":\"ninebytes\"}}}",
               "best.leaf.name has more than 8 bytes");
    assert_bad("{\"name\":\"a\\u0000b\"}", "name has a NUL in it");
    assert_bad("{\"message\":\"secret\"}", "the answer has no name, but message");
    assert_bad("[]", "found '[' at byte 0, not a JSON object");
}

static void nothing_that_counts_may_be_there_twice(void **state)
{
    assert_bad("{\"name\":\"a\",\"n\\u0061me\":\"b\"}", "name is there twice");
    assert_bad("{\"name\":null,\"name\":\"b\"}", "name is there twice");
    assert_bad("{\"branches\":[],\"branches\":[{}]}", "branches is there twice");
    assert_bad("{\"words\":{\"a\":\"1\",\"b\":\"2\",\"\\u0061\":\"3\"}}",
               "words[2] has a key that was there before");
}

/* As often as wanted: before, a number, after. */
struct repeated {
    const char *begin, *before, *after, *end;
};

static char *repeat(const struct repeated *r, size_t times)
{
    size_t each = strlen(r->before) + strlen(r->after) + 8;
    struct buf out = { .cap = strlen(r->begin) + times * each + strlen(r->end) + 1 };
    out.at = malloc(out.cap);
    assert_non_null(out.at);
    buf_put(&out, str_of(r->begin));
    for (size_t i = 0; i < times; i++)
        buf_printf(&out, "%s%s%zu%s", i ? "," : "", r->before, i, r->after);
    buf_put(&out, str_of(r->end));
    buf_cstr(&out);
    assert_false(out.overflow);
    return out.at;
}

static void assert_most(const struct repeated *r, size_t most, const char *sentence)
{
    struct decoded d;
    char *text = repeat(r, most);
    assert_int_equal(decode(&d, str_of(text)), DECODE_OK);
    done(&d);
    free(text);
    text = repeat(r, most + 1);
    assert_int_equal(decode(&d, str_of(text)), DECODE_BAD);
    assert_string_equal(d.why.text, sentence);
    assert_int_equal(d.memory.items_needed, 0); /* nothing is made for what is refused */
    done(&d);
    free(text);
}

static void lists_and_maps_have_a_bound(void **state)
{
    static const struct repeated list = { "{\"branches\":[", "{\"name\":\"", "\"}", "]}" };
    static const struct repeated map = { "{\"words\":{", "\"", "\":\"\"", "}}" };
    assert_most(&list, SHAPE_LIST_MAX, "branches has more than 16384 elements");
    assert_most(&map, SHAPE_MAP_MAX, "words has more than 512 members");
}

/* A token short, an item short: asked for each, and nothing was changed by then. */
static void less_memory_than_needed_is_asked_for(void **state)
{
    static const char text[] =
        "{\"branches\":[{},{\"leaves\":[{}]}],\"words\":{\"\\u0061\":\"b\"}}";
    char body[sizeof text];
    struct json_token tokens[16];
    union {
        char bytes[512];
        void *aligned;
    } items;
    struct tree out;
    memcpy(body, text, sizeof text);
    size_t bytes = 2 * sizeof(struct branch) + sizeof(struct leaf) + sizeof(struct shape_pair);
    struct decode_memory m = { tokens, 11, &items, sizeof items, 0, 0 };
    assert_int_equal(shape_decode(&out, &tree, &m, str_of(body), NULL), DECODE_NEED_MEMORY);
    assert_int_equal(m.tokens_needed, 12);
    m = (struct decode_memory) { tokens, 12, &items, bytes - 1, 0, 0 };
    assert_int_equal(shape_decode(&out, &tree, &m, str_of(body), NULL), DECODE_NEED_MEMORY);
    assert_int_equal(m.items_needed, bytes);
    assert_string_equal(body, text);
    m.item_cap = bytes;
    assert_int_equal(shape_decode(&out, &tree, &m, str_of(body), NULL), DECODE_OK);
    assert_int_equal(out.branches.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_lands_where_the_table_says),
        cmocka_unit_test(a_copy_needs_no_answer_any_more),
        cmocka_unit_test(a_copy_of_nothing_needs_nothing),
        cmocka_unit_test(what_is_absent_or_null_stays_zero_and_what_is_empty_does_not),
        cmocka_unit_test(unknown_members_are_ignored_at_any_depth),
        cmocka_unit_test(escapes_are_resolved_in_names_keys_and_texts),
        cmocka_unit_test(what_is_wrong_is_told_by_its_place_and_never_by_its_value),
        cmocka_unit_test(nothing_that_counts_may_be_there_twice),
        cmocka_unit_test(lists_and_maps_have_a_bound),
        cmocka_unit_test(less_memory_than_needed_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
