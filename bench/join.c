/* SPDX-License-Identifier: MIT */
/* bench_join [IDENTITIES [TYPES [REGIONS]]]: what it costs a loop to take many targets and to let
 * them go: in all, the longest single call, and the longest turn of the loop meanwhile. Nothing
 * answers (port 9 of this machine, and the first polls are hours away), so all of it is the
 * library's own work. Prints one JSON object; all times are of the processor. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <uv.h>

#include "pipepoll.h"

struct bench {
    struct pipepoll_sink sink;
    struct pipepoll *poller;
    uv_loop_t loop;
    unsigned identities, types, regions;
    size_t targets, removed;
    uint64_t longest_call_ns, longest_turn_ns;
    bool closed;
};

static void require(bool works, const char *what)
{
    if (works)
        return;
    fprintf(stderr, "bench_join: %s\n", what);
    exit(1);
}

static void deliver(struct pipepoll_sink *self, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer)
{
    (void)self, (void)from, (void)answer;
}

static void removed(struct pipepoll_sink *self, struct pipepoll_target *from)
{
    ((struct bench *)self)->removed++;
}

static void on_closed(void *ctx)
{
    ((struct bench *)ctx)->closed = true;
}

/* Of this thread's work: others on the machine are not to be seen in it. */
static uint64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void note(uint64_t *longest_ns, uint64_t start_ns)
{
    uint64_t took_ns = cpu_ns() - start_ns;
    if (took_ns > *longest_ns)
        *longest_ns = took_ns;
}

/* One that does not wait: what it takes is work. */
static void turn(struct bench *b)
{
    uint64_t start_ns = cpu_ns();
    uv_run(&b->loop, UV_RUN_NOWAIT);
    note(&b->longest_turn_ns, start_ns);
}

static struct pipepoll_credentials *credentials_of(unsigned i)
{
    struct pipepoll_credentials *credentials = NULL;
    char id[24];
    snprintf(id, sizeof id, "AKID%08u", i);
    require(!pipepoll_credentials_static(&credentials, pipepoll_str(id), pipepoll_str("secret"),
                                         pipepoll_str(""), NULL),
            "credentials");
    return credentials;
}

static void add(struct bench *b, struct pipepoll_credentials *credentials, const char *region,
                unsigned type)
{
    struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
    char provider[24];
    snprintf(provider, sizeof provider, "P%u", type);
    o.action_type =
        (struct pipepoll_action_type) { pipepoll_str("Build"), pipepoll_str("ThirdParty"),
                                        pipepoll_str(provider), pipepoll_str("1") };
    o.region = pipepoll_str(region);
    o.endpoint_url = pipepoll_str("http://127.0.0.1:9");
    o.interval_ms = 86400000;
    o.credentials = credentials;
    uint64_t start_ns = cpu_ns();
    require(!pipepoll_target_add(b->poller, &o, NULL, NULL), "a target");
    note(&b->longest_call_ns, start_ns);
    b->targets++;
}

static void add_all(struct bench *b)
{
    for (unsigned i = 0; i < b->identities; i++) {
        struct pipepoll_credentials *credentials = credentials_of(i);
        const char *region;
        for (unsigned r = 0; r < b->regions && (region = pipepoll_region(pipepoll_str(""), r)); r++)
            for (unsigned k = 0; k < b->types; k++)
                add(b, credentials, region, k);
        pipepoll_credentials_unref(credentials);
    }
}

static void open_poller(struct bench *b)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    struct pipepoll_credentials *credentials = credentials_of(0);
    b->sink =
        (struct pipepoll_sink) { .size = sizeof b->sink, .deliver = deliver, .removed = removed };
    o.sink = &b->sink;
    o.credentials = credentials;
    require(!uv_loop_init(&b->loop) && !pipepoll_open(&b->poller, &b->loop, &o, NULL), "open");
    pipepoll_credentials_unref(credentials);
}

static void close_poller(struct bench *b)
{
    uint64_t start_ns = cpu_ns();
    pipepoll_close(b->poller, on_closed, b);
    note(&b->longest_call_ns, start_ns);
    while (!b->closed)
        turn(b);
    require(b->removed == b->targets, "targets were lost");
    require(!uv_loop_close(&b->loop), "the loop has handles left");
}

static unsigned number(int argc, char **argv, int i, unsigned otherwise)
{
    return argc > i ? (unsigned)strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    struct bench b = { .identities = number(argc, argv, 1, 400),
                       .types = number(argc, argv, 2, 1),
                       .regions = number(argc, argv, 3, 29) };
    open_poller(&b);
    uint64_t start_ns = cpu_ns();
    add_all(&b);
    double join_ms = (double)(cpu_ns() - start_ns) / 1e6;
    for (int i = 0; i < 200; i++)
        turn(&b);
    start_ns = cpu_ns();
    close_poller(&b);
    printf("{\"identities\": %u, \"targets\": %zu, \"join_ms\": %.1f, \"close_ms\": %.1f, "
           "\"longest_call_ms\": %.3f, \"longest_turn_ms\": %.3f}\n",
           b.identities, b.targets, join_ms, (double)(cpu_ns() - start_ns) / 1e6,
           (double)b.longest_call_ns / 1e6, (double)b.longest_turn_ns / 1e6);
    return 0;
}
