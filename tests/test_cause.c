/* SPDX-License-Identifier: MIT */
/* The table of causes: none is left out, whatever the public header comes to list. */
#include "base/cause.h"
#include "lib/check.h"

/* The compiler names each that is missing here; the test, each that is missing in the table. */
static bool is_listed(enum pipepoll_cause cause)
{
    switch (cause) {
#define X(name, group, text) case PIPEPOLL_CAUSE_##name:
        CAUSE_MAP(X)
#undef X
        return true;
    }
    return false;
}

static void every_cause_has_a_group_and_a_name_of_its_own(void **state)
{
    for (int cause = PIPEPOLL_CAUSE_UNKNOWN; cause <= PIPEPOLL_CAUSE_SYSTEM; cause++) {
        enum pipepoll_cause c = (enum pipepoll_cause)cause;
        assert_true(is_listed(c));
        assert_int_equal(cause_known(c), c);
        assert_int_equal(cause_group(c) == CAUSE_GROUP_UNKNOWN, c == PIPEPOLL_CAUSE_UNKNOWN);
        for (int other = PIPEPOLL_CAUSE_UNKNOWN; other < cause; other++)
            assert_string_not_equal(pipepoll_cause_name(c),
                                    pipepoll_cause_name((enum pipepoll_cause)other));
    }
}

static void a_cause_of_a_later_library_is_unknown(void **state)
{
    static const int later[] = { PIPEPOLL_CAUSE_SYSTEM + 1, 1000, INT32_MAX, -1 };
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        enum pipepoll_cause c = (enum pipepoll_cause)later[i];
        assert_int_equal(cause_known(c), PIPEPOLL_CAUSE_UNKNOWN);
        assert_int_equal(cause_group(c), CAUSE_GROUP_UNKNOWN);
        assert_string_equal(pipepoll_cause_name(c), "unknown");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cause_has_a_group_and_a_name_of_its_own),
        cmocka_unit_test(a_cause_of_a_later_library_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
