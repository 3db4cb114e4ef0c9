/* SPDX-License-Identifier: MIT */
/* cmocka with the headers it wants, and a check for slices. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* needs the four above */

#include "base/str.h"

#define assert_str_equal(got, want) check_str(got, str_of(want), __FILE__, __LINE__)

static inline void check_str(str got, str want, const char *file, int line)
{
    if (str_eq(got, want))
        return;
    print_error("got \"%.*s\", want \"%.*s\"\n", STR_ARG(got), STR_ARG(want));
    _fail(file, line);
}

#endif
