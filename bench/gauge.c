/* SPDX-License-Identifier: MIT */
#include "gauge.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Long enough for the clock, and short enough for all rounds of a dozen cases in some seconds. */
static const uint64_t batch_ns = 8000000;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void prepare(const struct gauge_case *c)
{
    if (c->prepare)
        c->prepare(c->ctx);
}

static uint64_t time_batch_ns(const struct gauge_case *c)
{
    uint64_t begin_ns = now_ns();
    c->run(c->ctx, c->times);
    return now_ns() - begin_ns;
}

/* Also the warm-up. */
static void find_times(struct gauge_case *c)
{
    c->times = 1;
    while (time_batch_ns(c) < batch_ns)
        c->times *= 2;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(struct gauge_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        prepare(&cases[i]);
        find_times(&cases[i]);
    }
    for (size_t round = 0; round < GAUGE_ROUNDS; round++)
        for (size_t i = 0; i < count; i++)
            cases[i].ns[round] = (double)time_batch_ns(&cases[i]) / (double)cases[i].times;
    for (size_t i = 0; i < count; i++)
        qsort(cases[i].ns, GAUGE_ROUNDS, sizeof *cases[i].ns, compare);
}

static double median_ns(const struct gauge_case *c)
{
    return c->ns[GAUGE_ROUNDS / 2];
}

static double ratio(const struct gauge_case *c)
{
    return median_ns(c) / median_ns(c->against);
}

static void print_table(const char *what, const char *once, const struct gauge_case *cases,
                        size_t count)
{
    printf("%s (ns per %s, median of %d and least..most)\n", what, once, GAUGE_ROUNDS);
    for (size_t i = 0; i < count; i++) {
        const struct gauge_case *c = &cases[i];
        printf("  %-42s %12.1f  %10.1f..%-12.1f", c->name, median_ns(c), c->ns[0],
               c->ns[GAUGE_ROUNDS - 1]);
        if (c->bytes)
            printf(" %6.2f ns/byte", median_ns(c) / (double)c->bytes);
        if (c->against)
            printf(" %6.2f x %s", ratio(c), c->against->name);
        putchar('\n');
    }
}

static int write_json(const char *file, const char *what, const char *once,
                      const struct gauge_case *cases, size_t count)
{
    FILE *out = fopen(file, "w");
    if (!out) {
        perror(file);
        return 1;
    }
    fprintf(out, "{\"what\": \"%s\", \"unit\": \"ns per %s\", \"cases\": [", what, once);
    for (size_t i = 0; i < count; i++) {
        const struct gauge_case *c = &cases[i];
        fprintf(out, "%s\n {\"name\": \"%s\", \"median\": %.2f, \"least\": %.2f, \"most\": %.2f",
                i ? "," : "", c->name, median_ns(c), c->ns[0], c->ns[GAUGE_ROUNDS - 1]);
        if (c->bytes)
            fprintf(out, ", \"bytes\": %zu", c->bytes);
        if (c->against)
            fprintf(out, ", \"against\": \"%s\", \"ratio\": %.3f", c->against->name, ratio(c));
        fputc('}', out);
    }
    fputs("\n]}\n", out);
    if (!fclose(out))
        return 0;
    perror(file);
    return 1;
}

static int refuse(const char *program)
{
    fprintf(stderr, "usage: %s [--json FILE | --case NAME --count N]\n", program);
    return 2;
}

static int run_one(char **argv, const struct gauge_case *cases, size_t count)
{
    char *end;
    unsigned long long times = strtoull(argv[4], &end, 10);
    if (end == argv[4] || *end)
        return refuse(argv[0]);
    for (size_t i = 0; i < count; i++) {
        const struct gauge_case *c = &cases[i];
        if (strcmp(c->name, argv[2]) != 0)
            continue;
        prepare(c);
        c->run(c->ctx, (size_t)times);
        return 0;
    }
    fprintf(stderr, "%s: there is no case '%s'\n", argv[0], argv[2]);
    return 2;
}

int gauge_main(int argc, char **argv, const char *what, const char *once, struct gauge_case *cases,
               size_t count)
{
    if (argc == 5 && strcmp(argv[1], "--case") == 0 && strcmp(argv[3], "--count") == 0)
        return run_one(argv, cases, count);
    bool json = argc == 3 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !json)
        return refuse(argv[0]);
    measure(cases, count);
    print_table(what, once, cases, count);
    return json ? write_json(argv[2], what, once, cases, count) : 0;
}

void gauge_require(bool works, const char *what)
{
    if (works)
        return;
    fprintf(stderr, "this does not work: %s\n", what);
    exit(1);
}
