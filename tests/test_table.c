/* SPDX-License-Identifier: MIT */
/* The hash table of intrusive nodes. */
#include "base/table.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "lib/check.h"

enum { MANY = 20000 };

struct thing {
    struct table_node node;
    unsigned number;
    bool seen;
};

static struct thing *things;

static str name_of(unsigned number)
{
    static char text[32];
    return (str) { text, (size_t)snprintf(text, sizeof text, "thing-%u", number) };
}

static uint64_t hash_of(const struct table *t, unsigned number)
{
    return table_hash(t->seed, name_of(number));
}

static struct thing *find(const struct table *t, unsigned number)
{
    for (struct table_node *n = table_first(t, hash_of(t, number)); n; n = table_next(n))
        if (CONTAINER_OF(n, struct thing, node)->number == number)
            return CONTAINER_OF(n, struct thing, node);
    return NULL;
}

static void put(struct table *t, unsigned number)
{
    things[number].number = number;
    table_put(t, &things[number].node, hash_of(t, number));
}

static int set_up(void **state)
{
    things = calloc(MANY, sizeof *things);
    return things ? 0 : -1;
}

static int tear_down(void **state)
{
    free(things);
    return 0;
}

static void nodes_of_one_bucket_come_and_go_apart(void **state)
{
    struct table t = { 0 };
    struct table_node nodes[3];
    for (size_t i = 0; i < 3; i++)
        table_put(&t, &nodes[i], 5 + i * 1024); /* the same bucket, whatever its number */
    for (size_t i = 0; i < 3; i++)
        assert_ptr_equal(table_first(&t, 5 + i * 1024), &nodes[i]);
    table_remove(&t, &nodes[1]);
    assert_ptr_equal(table_first(&t, 5), &nodes[0]);
    assert_null(table_first(&t, 5 + 1024));
    assert_ptr_equal(table_first(&t, 5 + 2048), &nodes[2]);
    assert_int_equal(t.count, 2);
    table_deinit(&t);
}

static void nodes_of_one_hash_are_all_walked(void **state)
{
    struct table t = { 0 };
    struct table_node nodes[3], other;
    unsigned seen = 0;
    for (size_t i = 0; i < 3; i++)
        table_put(&t, &nodes[i], 7);
    table_put(&t, &other, 7 + 1024);
    for (struct table_node *n = table_first(&t, 7); n; n = table_next(n))
        seen |= 1u << (n - nodes);
    assert_int_equal(seen, 7);
    table_deinit(&t);
}

static void all_are_found_at_every_moment_of_growing_and_shrinking(void **state)
{
    struct table t;
    table_init(&t, (struct alloc) { 0 }, 42);
    for (unsigned i = 0; i < MANY; i++) {
        put(&t, i);
        unsigned other = i * 7919u % (i + 1);
        assert_ptr_equal(find(&t, i), &things[i]);
        assert_ptr_equal(find(&t, other), &things[other]);
        assert_null(find(&t, i + 1));
    }
    for (unsigned i = 0; i + 1 < MANY; i++) {
        table_remove(&t, &things[i].node);
        if (i % 3 == 0) { /* a put is when it shrinks */
            put(&t, i);
            table_remove(&t, &things[i].node);
        }
        assert_null(find(&t, i));
        assert_ptr_equal(find(&t, i + 1), &things[i + 1]);
        assert_ptr_equal(find(&t, MANY - 1), &things[MANY - 1]);
    }
    assert_int_equal(t.count, 1);
    for (unsigned i = 0; i < MANY; i++) {
        put(&t, 0);
        table_remove(&t, &things[0].node);
    }
    assert_true(t.mask < 64);
    table_deinit(&t);
}

static size_t in_chain(const struct table_node *n)
{
    size_t length = 0;
    for (; n; n = n->next)
        length++;
    return length;
}

static void no_put_moves_more_than_some_buckets(void **state)
{
    struct table t;
    table_init(&t, (struct alloc) { 0 }, 42);
    for (unsigned i = 0; i < MANY; i++) {
        size_t moved = t.old ? t.moved : 0;
        put(&t, i);
        if (t.old)
            assert_in_range(t.moved, 0, moved + 8);
        assert_in_range(in_chain(table_first(&t, hash_of(&t, i))), 1, 12);
    }
    table_deinit(&t);
}

static void a_walk_gives_each_once_and_may_remove_it(void **state)
{
    struct table t;
    size_t removed = 0, moments = 0;
    table_init(&t, (struct alloc) { 0 }, 1);
    for (unsigned i = 0; i < 3000; i++) {
        put(&t, i);
        if (i % 97 && !t.old)
            continue;
        moments++;
        size_t count = 0;
        struct table_walk walk = { 0 };
        for (unsigned k = 0; k <= i; k++)
            things[k].seen = false;
        for (struct table_node *n; (n = table_each(&t, &walk)) != NULL; count++) {
            assert_false(CONTAINER_OF(n, struct thing, node)->seen);
            CONTAINER_OF(n, struct thing, node)->seen = true;
        }
        assert_int_equal(count, i + 1);
    }
    assert_true(moments > 100);
    struct table_walk walk = { 0 };
    for (struct table_node *n; (n = table_each(&t, &walk)) != NULL; removed++)
        table_remove(&t, n);
    assert_int_equal(removed, 3000);
    assert_int_equal(t.count, 0);
    table_deinit(&t);
}

static void *no_memory(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    size_t *left = ctx;
    if (!new_size)
        free(ptr);
    return new_size && *left && (*left)-- ? realloc(ptr, new_size) : NULL;
}

static void without_memory_to_grow_it_still_takes_and_finds_all(void **state)
{
    for (size_t left = 0; left < 4; left++) {
        struct table t;
        size_t allowed = left;
        table_init(&t, (struct alloc) { no_memory, &allowed }, 3);
        for (unsigned i = 0; i < 200; i++)
            put(&t, i);
        for (unsigned i = 0; i < 200; i++)
            assert_ptr_equal(find(&t, i), &things[i]);
        for (unsigned i = 0; i < 200; i++)
            table_remove(&t, &things[i].node);
        assert_int_equal(t.count, 0);
        table_deinit(&t);
    }
}

static void removing_twice_or_what_was_never_put_changes_nothing(void **state)
{
    struct table t = { 0 };
    struct table_node in = { 0 }, out = { 0 };
    table_remove(&t, &out);
    table_put(&t, &in, 0);
    table_remove(&t, &out);
    assert_int_equal(t.count, 1);
    table_remove(&t, &in);
    table_remove(&t, &in);
    assert_int_equal(t.count, 0);
    table_deinit(&t);
}

static void where_one_string_ends_is_part_of_the_hash(void **state)
{
    uint64_t a = table_hash(table_hash(1, STR("ab")), STR("c"));
    uint64_t b = table_hash(table_hash(1, STR("a")), STR("bc"));
    assert_true(a != b);
    assert_true(table_hash(1, STR("")) != table_hash(table_hash(1, STR("")), STR("")));
    assert_true(table_hash(1, STR("abcdefgh")) != table_hash(1, STR("abcdefg")));
}

/* Each bit of the seed and of the key turns about half of the bits of the hash. */
static void every_bit_of_seed_and_key_counts(void **state)
{
    char key[13] = "eu-central-1";
    uint64_t hash = table_hash(7, (str) { key, 12 });
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t other = table_hash(7 ^ UINT64_C(1) << bit, (str) { key, 12 });
        assert_in_range(__builtin_popcountll(hash ^ other), 12, 52);
    }
    for (unsigned bit = 0; bit < 12 * 8; bit++) {
        key[bit / 8] = (char)(key[bit / 8] ^ 1 << bit % 8);
        uint64_t other = table_hash(7, (str) { key, 12 });
        key[bit / 8] = (char)(key[bit / 8] ^ 1 << bit % 8);
        assert_in_range(__builtin_popcountll(hash ^ other), 12, 52);
    }
}

/* What another implementation makes of the key 7, ~(7 << 32), which gets the vector of SipHash's
 * authors right. */
static void the_hash_is_the_one_that_the_header_names(void **state)
{
    assert_true(table_hash(7, STR("")) == UINT64_C(0xfdc21f6c294e2687));
    assert_true(table_hash(7, STR("abcdefgh")) == UINT64_C(0xda73049d96102cc9));
    assert_true(table_hash(7, STR("us-east-1")) == UINT64_C(0xa0412fde885ada42));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_of_one_bucket_come_and_go_apart),
        cmocka_unit_test(nodes_of_one_hash_are_all_walked),
        cmocka_unit_test(all_are_found_at_every_moment_of_growing_and_shrinking),
        cmocka_unit_test(no_put_moves_more_than_some_buckets),
        cmocka_unit_test(a_walk_gives_each_once_and_may_remove_it),
        cmocka_unit_test(without_memory_to_grow_it_still_takes_and_finds_all),
        cmocka_unit_test(removing_twice_or_what_was_never_put_changes_nothing),
        cmocka_unit_test(where_one_string_ends_is_part_of_the_hash),
        cmocka_unit_test(every_bit_of_seed_and_key_counts),
        cmocka_unit_test(the_hash_is_the_one_that_the_header_names),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
