/* SPDX-License-Identifier: MIT */
/* The simulated service over TLS, as a client of the library sees it. */
#ifndef TESTS_SIMULATED_H
#define TESTS_SIMULATED_H

#include <stdlib.h>
#include <unistd.h>

#include "lib/check.h"
#include "pipepoll.h"
#include "sim/sim.h"

#define SIMULATED_KEY    "AKIDEXAMPLE"
#define SIMULATED_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
enum { SIMULATED_PATH_SIZE = 64 };

/* Open it, and write what clients must trust to a file, whose path is put into ca: unlink() it. */
static inline void simulated_open(struct sim **out, uv_loop_t *loop, struct sim_options *o,
                                  char ca[SIMULATED_PATH_SIZE])
{
    struct pipepoll_error why;
    o->tls = true;
    if (sim_open(out, loop, o, &why))
        fail_msg("%s", why.text);
    snprintf(ca, SIMULATED_PATH_SIZE, "/tmp/pipepoll-test-XXXXXX");
    int fd = mkstemp(ca);
    assert_true(fd >= 0);
    const char *pem = sim_ca_pem(*out);
    assert_int_equal(write(fd, pem, strlen(pem)), strlen(pem));
    close(fd);
}

/* That it knows; secret NULL: the right one. */
static inline struct pipepoll_credentials *simulated_credentials(const char *secret)
{
    struct pipepoll_credentials *c = NULL;
    assert_int_equal(pipepoll_credentials_static(&c, STR(SIMULATED_KEY),
                                                 str_of(secret ? secret : SIMULATED_SECRET),
                                                 (str) { 0 }, NULL),
                     0);
    return c;
}

#endif
