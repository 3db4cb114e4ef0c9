/* SPDX-License-Identifier: MIT */
/* base/fault and the texts of the public statuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/fault.h"

static void every_fault_has_a_status_a_reaction_and_a_text(void **state)
{
    assert_int_equal(fault_status(FAULT_NONE), PIPEPOLL_OK);
    assert_int_equal(fault_reaction(FAULT_NONE), REACTION_NONE);
    for (int f = FAULT_NONE + 1; f < FAULT_COUNT; f++) {
        enum fault fault = (enum fault)f;
        assert_true(fault_status(fault) < 0);
        assert_true(fault_reaction(fault) != REACTION_NONE);
        assert_true(strlen(fault_text(fault)) > 0);
    }
}

/* The three ways to have no good credentials are one status to the embedder. */
static bool is_of_credentials(enum fault f)
{
    return f == FAULT_NO_CREDENTIALS || f == FAULT_EXPIRED || f == FAULT_SKEWED;
}

static void no_two_faults_but_those_of_credentials_share_a_status(void **state)
{
    for (int f = 0; f < FAULT_COUNT; f++) {
        for (int g = 0; g < f; g++) {
            bool same = is_of_credentials((enum fault)f) && is_of_credentials((enum fault)g);
            assert_int_equal(fault_status((enum fault)f) == fault_status((enum fault)g), same);
        }
    }
}

static void the_text_of_a_status_is_its_most_general_fault(void **state)
{
    for (int f = 0; f < FAULT_COUNT; f++) {
        enum fault fault = (enum fault)f;
        enum fault general = is_of_credentials(fault) ? FAULT_NO_CREDENTIALS : fault;
        assert_string_equal(pipepoll_strerror(fault_status(fault)), fault_text(general));
    }
}

static void only_what_passes_by_itself_is_retried_soon(void **state)
{
    assert_int_equal(fault_reaction(FAULT_SERVICE), REACTION_RETRY);
    assert_int_equal(fault_reaction(FAULT_TIMED_OUT), REACTION_RETRY);
    assert_int_equal(fault_reaction(FAULT_SKEWED), REACTION_RETRY);
    assert_int_equal(fault_reaction(FAULT_THROTTLED), REACTION_SLOW_DOWN);
    assert_int_equal(fault_reaction(FAULT_EXPIRED), REACTION_REFRESH);
    assert_int_equal(fault_reaction(FAULT_NO_CREDENTIALS), REACTION_WAIT);
    assert_int_equal(fault_reaction(FAULT_DENIED), REACTION_WAIT);
    assert_int_equal(fault_reaction(FAULT_NOT_FOUND), REACTION_WAIT);
}

static void every_public_status_has_a_text_of_its_own(void **state)
{
    static const int statuses[] = {
        PIPEPOLL_OK,         PIPEPOLL_EINVAL,       PIPEPOLL_ENOMEM,     PIPEPOLL_ECLOSING,
        PIPEPOLL_ESYSTEM,    PIPEPOLL_ECREDENTIALS, PIPEPOLL_EDENIED,    PIPEPOLL_ENOTFOUND,
        PIPEPOLL_EREFUSED,   PIPEPOLL_EUNTRUSTED,   PIPEPOLL_ETRANSPORT, PIPEPOLL_ETIMEDOUT,
        PIPEPOLL_ETHROTTLED, PIPEPOLL_ESERVICE,     PIPEPOLL_EPROTO,     PIPEPOLL_ENOTENABLED,
        PIPEPOLL_EBUSY,      PIPEPOLL_EEXISTS,
    };
    enum { COUNT = sizeof statuses / sizeof *statuses };
    for (int i = 0; i < COUNT; i++) {
        assert_string_not_equal(pipepoll_strerror(statuses[i]), pipepoll_strerror(1));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(pipepoll_strerror(statuses[i]), pipepoll_strerror(statuses[k]));
    }
    assert_string_equal(pipepoll_strerror(-999), "unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_has_a_status_a_reaction_and_a_text),
        cmocka_unit_test(no_two_faults_but_those_of_credentials_share_a_status),
        cmocka_unit_test(the_text_of_a_status_is_its_most_general_fault),
        cmocka_unit_test(only_what_passes_by_itself_is_retried_soon),
        cmocka_unit_test(every_public_status_has_a_text_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
