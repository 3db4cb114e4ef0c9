/* The hash table of intrusive nodes. */
#include "sim/table.h"

#include "lib/check.h"

static void nodes_of_one_bucket_come_and_go_apart(void **state)
{
    struct table t;
    struct table_node nodes[3];
    (void)state;
    assert_int_equal(table_init(&t, 1), 0);
    for (size_t i = 0; i < 3; i++)
        table_put(&t, &nodes[i], 5 + i * 1024); /* the same bucket, whatever its number */
    for (size_t i = 0; i < 3; i++)
        assert_ptr_equal(table_first(&t, 5 + i * 1024), &nodes[i]);
    table_remove(&t, &nodes[1]);
    assert_ptr_equal(table_first(&t, 5), &nodes[0]);
    assert_null(table_first(&t, 5 + 1024));
    assert_ptr_equal(table_first(&t, 5 + 2048), &nodes[2]);
    table_deinit(&t);
}

static void nodes_of_one_hash_are_all_walked(void **state)
{
    struct table t;
    struct table_node nodes[3], other;
    unsigned seen = 0;
    (void)state;
    assert_int_equal(table_init(&t, 100), 0);
    for (size_t i = 0; i < 3; i++)
        table_put(&t, &nodes[i], 7);
    table_put(&t, &other, 7 + 1024);
    for (struct table_node *n = table_first(&t, 7); n; n = table_next(n))
        seen |= 1u << (n - nodes);
    assert_int_equal(seen, 7);
    table_deinit(&t);
}

static void where_one_string_ends_is_part_of_the_hash(void **state)
{
    (void)state;
    uint64_t a = table_hash(table_hash(TABLE_HASH, STR("ab")), STR("c"));
    uint64_t b = table_hash(table_hash(TABLE_HASH, STR("a")), STR("bc"));
    assert_true(a != b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_of_one_bucket_come_and_go_apart),
        cmocka_unit_test(nodes_of_one_hash_are_all_walked),
        cmocka_unit_test(where_one_string_ends_is_part_of_the_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
