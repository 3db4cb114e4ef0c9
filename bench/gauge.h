/* SPDX-License-Identifier: MIT */
/* Timing of small things, one table a program. The cases of a table take turns, so that a machine
 * that slows down slows them all alike, and ratios hold where nanoseconds do not. */
#ifndef BENCH_GAUGE_H
#define BENCH_GAUGE_H

#include <stdbool.h>
#include <stddef.h>

enum { GAUGE_NAME_SIZE = 48, GAUGE_ROUNDS = 15 };

struct gauge_case {
    char name[GAUGE_NAME_SIZE];
    void (*run)(void *ctx, size_t times); /* do it so many times */
    void *ctx;
    void (*prepare)(void *ctx); /* before it runs; again for each case on this ctx; NULL: none */
    size_t bytes;               /* that doing it once reads; 0: not told by the byte */
    const struct gauge_case *against; /* the case of this table that counts as 1; NULL: none */

    /* private */
    size_t times;
    double ns[GAUGE_ROUNDS]; /* of doing it once, one a round */
};

/* What main() of such a program does: measures the cases and prints the table; `--json FILE` in
 * argv also writes it as one JSON object. `--case NAME --count N` instead does that one exactly N
 * times, measures nothing and prints nothing: for those who count instructions from outside. `what`
 * is the table's heading and `once` what doing it once is called, such as "request"; they and the
 * names must need no escaping in JSON. Returns the exit status. */
int gauge_main(int argc, char **argv, const char *what, const char *once, struct gauge_case *cases,
               size_t count);

/* End the program when something that is measured does not even work. */
void gauge_require(bool works, const char *what);

#endif
