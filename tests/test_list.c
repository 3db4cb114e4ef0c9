/* SPDX-License-Identifier: MIT */
/* base/list: order, removal and moving of intrusive nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
    int number;
    struct list link;
};

static void setup(struct list *l, struct item items[4])
{
    list_init(l);
    for (int i = 0; i < 4; i++) {
        items[i].number = i;
        list_init(&items[i].link);
    }
}

/* Empties the list; the digits tell the order. */
static int drain(struct list *l)
{
    int order = 0;
    for (struct list *node; (node = list_pop_first(l)) != NULL;)
        order = order * 10 + CONTAINER_OF(node, struct item, link)->number;
    assert_true(list_empty(l));
    return order;
}

static void nodes_keep_the_order_they_were_put_in(void **state)
{
    struct list l;
    struct item items[4];
    setup(&l, items);
    list_put_last(&l, &items[2].link);
    list_put_last(&l, &items[3].link);
    list_put_first(&l, &items[1].link);
    assert_int_equal(drain(&l), 123);
    assert_null(list_pop_first(&l));
}

static void a_node_leaves_from_anywhere_and_twice(void **state)
{
    struct list l;
    struct item items[4];
    setup(&l, items);
    for (int i = 0; i < 4; i++)
        list_put_last(&l, &items[i].link);
    list_remove(&items[2].link);
    list_remove(&items[2].link);
    assert_true(list_empty(&items[2].link));
    list_remove(&items[0].link);
    assert_int_equal(drain(&l), 13);
}

static void a_node_popped_can_be_put_again(void **state)
{
    struct list l;
    struct item items[4];
    setup(&l, items);
    list_put_last(&l, &items[1].link);
    list_put_last(&l, &items[2].link);
    list_put_last(&l, list_pop_first(&l));
    assert_int_equal(drain(&l), 21);
}

static void all_nodes_move_behind_those_that_are_there(void **state)
{
    struct list to, from;
    struct item items[4];
    setup(&to, items);
    list_init(&from);
    list_move_all(&to, &from);
    assert_true(list_empty(&to) && list_empty(&from));

    list_put_last(&to, &items[1].link);
    list_put_last(&from, &items[2].link);
    list_put_last(&from, &items[3].link);
    list_move_all(&to, &from);
    assert_true(list_empty(&from));
    assert_int_equal(drain(&to), 123);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_keep_the_order_they_were_put_in),
        cmocka_unit_test(a_node_leaves_from_anywhere_and_twice),
        cmocka_unit_test(a_node_popped_can_be_put_again),
        cmocka_unit_test(all_nodes_move_behind_those_that_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
