/* SPDX-License-Identifier: MIT */
/* A program that was built when the library's structures were shorter, for test_older_structures.c:
 * what it did and saw. */
#ifndef TESTS_OLDER_PROGRAM_H
#define TESTS_OLDER_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uv_loop_s;

/* What lies behind a structure of the program's: nothing of the library's business. */
enum { OLDER_FENCE = 512, OLDER_FENCE_BYTE = 0xa5 };

struct older {
    struct older_parts *parts;
    unsigned answers, failures, closed;
    char client_ids[128]; /* each with a blank */
    char code[64];        /* of the last failure */
    int http_status;
    bool usable;
    uint64_t polls, jobs;
    const char *libcurl;
    size_t target_bytes;
    bool fences_stand; /* behind what the library filled in */
    char why[512];
};

/* Poll the service at `url`, with credentials of its own. 0, or the library's status with why. */
int older_open(struct older *o, struct uv_loop_s *loop, const char *url);
/* Ask for whatever the library fills in. */
void older_look(struct older *o);
/* Then `closed` becomes 1, from the loop. */
void older_close(struct older *o);
/* A role of this ARN, and the check of a target. 0, or the library's status with why. */
int older_assume(struct older *o, const char *arn);
void older_free(struct older *o);

#endif
