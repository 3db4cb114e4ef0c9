/* SPDX-License-Identifier: MIT */
#include "bare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <uv.h>

#include "aws/operation.h"
#include "gauge.h"

enum { WARM_POLLS_EACH = 3 };

static long number(const char *text, long most)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    gauge_require(!errno && end != text && !*end && n > 0 && n <= most, text);
    return n;
}

static void read_arguments(struct bare *b, const char *program, int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr,
                "usage: %s PORT CA-FILE IN-FLIGHT POLLS\n"
                "  of a service on 127.0.0.1, over TLS; prints one JSON object\n",
                program);
        exit(2);
    }
    b->port = (uint16_t)number(argv[1], UINT16_MAX);
    b->ca_file = argv[2];
    b->in_flight = (size_t)number(argv[3], 65536);
    b->polls = (uint64_t)number(argv[4], UINT32_MAX);
}

void bare_init(struct bare *b, const char *program, int argc, char **argv)
{
    const struct pipepoll_action_type action_type = { STR_INIT("Build"), STR_INIT("ThirdParty"),
                                                      STR_INIT("Bench000000"), STR_INIT("1") };
    const struct poll_input input = { .action_type = &action_type };
    *b = (struct bare) { 0 };
    read_arguments(b, program, argc, argv);
    snprintf(b->host, sizeof b->host, "127.0.0.1:%u", b->port);
    b->body = BUF_ON(b->input);
    operation_poll_for_third_party_jobs.encode(&b->body, &input);
}

static struct bare_moment moment_now(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (struct bare_moment) {
        .at_ns = uv_hrtime(),
        .cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6,
    };
}

void bare_answered(struct bare *b, int status, str body)
{
    struct job_list list;
    gauge_require(status == 200, "status 200");
    gauge_require(job_list_is_none(body) || job_decode(&list, &b->memory, body, NULL) == DECODE_OK,
                  "decode");
    b->answers++;
    if (b->answers == WARM_POLLS_EACH * b->in_flight) {
        b->begin = moment_now();
    } else if (b->answers == WARM_POLLS_EACH * b->in_flight + b->polls) {
        b->end = moment_now();
        uv_resident_set_memory(&b->resident_bytes);
        b->is_done = true;
    }
}

void bare_print(const struct bare *b)
{
    double polls = (double)b->polls;
    printf("{\"in_flight\": %zu, \"polls\": %.0f, \"cpu_us_per_poll\": %.4f, "
           "\"polls_per_second\": %.1f, \"resident_bytes\": %zu}\n",
           b->in_flight, polls, (b->end.cpu_s - b->begin.cpu_s) * 1e6 / polls,
           polls * 1e9 / (double)(b->end.at_ns - b->begin.at_ns), b->resident_bytes);
}
