/* SPDX-License-Identifier: MIT */
/* base/heap: order, moves, removals, and memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/heap.h"
#include "base/rng.h"
#include "pipepoll.h"

enum { COUNT = 1000 };

static void fill(struct heap *h, struct heap_node *nodes, size_t count, struct rng *rng)
{
    heap_init(h, (struct alloc) { 0 });
    for (size_t i = 0; i < count; i++) {
        nodes[i] = (struct heap_node) { 0 };
        assert_int_equal(heap_reserve(h), 0);
        heap_put(h, &nodes[i], rng_next(rng) % 500); /* half of the keys are not alone */
    }
}

/* Takes all out and sees that the keys never fall. */
static void assert_drains_in_order(struct heap *h, size_t count)
{
    uint64_t last = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t key = heap_min_key(h);
        assert_true(key >= last);
        last = key;
        struct heap_node *node = heap_pop(h);
        assert_non_null(node);
        assert_false(heap_contains(node));
    }
    assert_null(heap_pop(h));
}

static void nodes_come_out_in_the_order_of_their_keys(void **state)
{
    struct heap h;
    static struct heap_node nodes[COUNT];
    struct rng rng = { 1 };
    fill(&h, nodes, COUNT, &rng);
    assert_drains_in_order(&h, COUNT);
    heap_deinit(&h);
}

static void a_node_put_again_moves_to_its_new_key(void **state)
{
    struct heap h;
    static struct heap_node nodes[COUNT];
    struct rng rng = { 2 };
    fill(&h, nodes, COUNT, &rng);
    for (size_t i = 0; i < COUNT; i += 2)
        heap_put(&h, &nodes[i], 1000 + rng_next(&rng) % 500);
    for (size_t i = 1; i < COUNT; i += 4)
        heap_put(&h, &nodes[i], 0);
    assert_int_equal(h.count, COUNT);
    assert_int_equal(heap_min_key(&h), 0);
    assert_drains_in_order(&h, COUNT);
    heap_deinit(&h);
}

static void a_node_can_be_removed_from_anywhere_and_twice(void **state)
{
    struct heap h;
    static struct heap_node nodes[COUNT];
    struct rng rng = { 3 };
    fill(&h, nodes, COUNT, &rng);
    for (size_t i = 0; i < COUNT; i += 3) {
        heap_remove(&h, &nodes[i]);
        assert_false(heap_contains(&nodes[i]));
        heap_remove(&h, &nodes[i]);
    }
    assert_drains_in_order(&h, COUNT - (COUNT + 2) / 3);
    heap_deinit(&h);
}

static void an_empty_heap_has_no_minimum(void **state)
{
    struct heap h;
    heap_init(&h, (struct alloc) { 0 });
    assert_true(heap_min_key(&h) == UINT64_MAX);
    assert_null(heap_pop(&h));
    heap_deinit(&h);
    heap_deinit(&h);
}

/* An allocator that gives so many blocks, counts bytes, and checks the sizes it is told. */
struct quota {
    int blocks;
    size_t bytes;
};

static void *quota_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct quota *q = ctx;
    if (new_size && q->blocks-- <= 0)
        return NULL;
    assert_true(q->bytes >= old_size);
    q->bytes = q->bytes - old_size + new_size;
    if (new_size)
        return realloc(ptr, new_size);
    free(ptr);
    return NULL;
}

static void a_failed_reserve_leaves_the_heap_whole(void **state)
{
    struct quota q = { .blocks = 1 };
    struct heap h;
    struct heap_node nodes[64] = { 0 };
    heap_init(&h, (struct alloc) { quota_resize, &q });
    size_t reserved = 0;
    while (reserved < 64 && heap_reserve(&h) == 0) {
        heap_put(&h, &nodes[reserved], 64 - reserved);
        reserved++;
    }
    assert_true(reserved > 0 && reserved < 64);
    assert_int_equal(heap_reserve(&h), PIPEPOLL_ENOMEM);

    heap_remove(&h, &nodes[0]);
    heap_unreserve(&h);
    assert_int_equal(heap_reserve(&h), 0); /* a room given back can be had without memory */
    heap_put(&h, &nodes[0], 7);
    assert_drains_in_order(&h, reserved);
    heap_deinit(&h);
    assert_int_equal(q.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_come_out_in_the_order_of_their_keys),
        cmocka_unit_test(a_node_put_again_moves_to_its_new_key),
        cmocka_unit_test(a_node_can_be_removed_from_anywhere_and_twice),
        cmocka_unit_test(an_empty_heap_has_no_minimum),
        cmocka_unit_test(a_failed_reserve_leaves_the_heap_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
