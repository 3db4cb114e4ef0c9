/* SPDX-License-Identifier: MIT */
/* bench_poll: what one poll costs from end to end: TLS verified, signed, sent, parsed, dispatched.
 * It needs a service that answers at once; run.py brings one. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static const char usage[] =
    "usage: bench_poll --url URL [--ca FILE] [--in-flight N] [--regions N] [--targets N]\n"
    "                  [--interval MS] [--polls N | --seconds S] [--json]\n"
    "  --url URL      https://host:port, polled for every region\n"
    "  --ca FILE      PEM file of roots (default: AWS_CA_BUNDLE, or the system's)\n"
    "  --in-flight N  polls in flight at all times (64)\n"
    "  --regions N    regions these are split over (1)\n"
    "  --targets N    targets in all (in flight + 512)\n"
    "  --interval MS  pace the load: the time between two polls of a target (none)\n"
    "  --polls N      polls to measure, once all connections are open and warm (100000)\n"
    "  --seconds S    measure so long instead\n"
    "  --json         one JSON object instead of lines\n";

static _Noreturn void refuse(const char *what, const char *value)
{
    fprintf(stderr, "bench_poll: %s: %s\n%s", what, value, usage);
    exit(2);
}

static double number(const char *name, const char *text, double least, double most)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (errno || end == text || *end || !(value >= least && value <= most))
        refuse(name, text);
    return value;
}

static uint32_t count(const char *name, const char *text, uint32_t most)
{
    return (uint32_t)number(name, text, 1, most);
}

struct arguments {
    struct load_options load;
    bool json;
};

static void read_arguments(struct arguments *a, int argc, char **argv)
{
    static const struct option names[] = {
        { "url", required_argument, NULL, 'u' },
        { "ca", required_argument, NULL, 'c' },
        { "in-flight", required_argument, NULL, 'f' },
        { "regions", required_argument, NULL, 'r' },
        { "targets", required_argument, NULL, 't' },
        { "interval", required_argument, NULL, 'i' },
        { "polls", required_argument, NULL, 'p' },
        { "seconds", required_argument, NULL, 's' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct load_options *o = &a->load;
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 'u':
            o->url = pipepoll_str(optarg);
            break;
        case 'c':
            o->ca_bundle = pipepoll_str(optarg);
            break;
        case 'f':
            o->in_flight = count("--in-flight", optarg, 65536);
            break;
        case 'r':
            o->regions = count("--regions", optarg, 1000);
            break;
        case 't':
            o->targets = count("--targets", optarg, 10000000);
            break;
        case 'i':
            o->interval_ms = count("--interval", optarg, 86400000);
            break;
        case 'p':
            o->polls = count("--polls", optarg, UINT32_MAX);
            break;
        case 's':
            o->seconds = number("--seconds", optarg, 0.1, 3600);
            o->polls = 0;
            break;
        case 'j':
            a->json = true;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (optind < argc)
        refuse("no such argument", argv[optind]);
    if (!o->url.len)
        refuse("--url", "is missing");
}

static double us_per_poll(const struct load_result *r, double seconds)
{
    return seconds * 1e6 / (double)r->polls;
}

static void print_json(const struct load_options *o, const struct load_result *r)
{
    struct pipepoll_versions v = PIPEPOLL_VERSIONS_INIT;
    pipepoll_versions(&v);
    printf("{\"in_flight\": %u, \"regions\": %u, \"targets\": %u, \"polls\": %llu, ", o->in_flight,
           o->regions, r->targets, (unsigned long long)r->polls);
    printf("\"seconds\": %.6f, \"polls_per_second\": %.1f, ", r->seconds,
           (double)r->polls / r->seconds);
    printf("\"cpu_us_per_poll\": %.4f, \"user_us_per_poll\": %.4f, \"system_us_per_poll\": %.4f, ",
           us_per_poll(r, r->user_seconds + r->system_seconds), us_per_poll(r, r->user_seconds),
           us_per_poll(r, r->system_seconds));
    printf("\"in_flight_mean\": %.2f, \"in_flight_least\": %u, \"connections\": %llu, ",
           r->in_flight_mean, r->in_flight_least, (unsigned long long)r->connections);
    printf("\"p50_us\": %llu, \"p99_us\": %llu, \"max_us\": %llu, \"max_lateness_ms\": %u, ",
           (unsigned long long)r->p50_us, (unsigned long long)r->p99_us,
           (unsigned long long)r->max_us, r->max_lateness_ms);
    printf("\"jobs\": %llu, \"resident_bytes\": %zu, ", (unsigned long long)r->jobs,
           r->resident_bytes);
    printf("\"allocations_per_poll\": %.2f, \"open_seconds\": %.4f, \"longest_turn_us\": %llu, ",
           (double)r->allocations / (double)r->polls, r->open_seconds,
           (unsigned long long)r->longest_turn_us);
    printf("\"versions\": {\"pipepoll\": \"%s\", \"libcurl\": \"%s\", \"tls\": \"%s\", "
           "\"libuv\": \"%s\"}}\n",
           v.pipepoll, v.libcurl, v.tls, v.libuv);
}

static void print_lines(const struct load_options *o, const struct load_result *r)
{
    struct pipepoll_versions v = PIPEPOLL_VERSIONS_INIT;
    pipepoll_versions(&v);
    printf("polls        %llu in %.2f s, %.0f/s\n", (unsigned long long)r->polls, r->seconds,
           (double)r->polls / r->seconds);
    printf("CPU          %.2f us/poll (%.2f user, %.2f system)\n",
           us_per_poll(r, r->user_seconds + r->system_seconds), us_per_poll(r, r->user_seconds),
           us_per_poll(r, r->system_seconds));
    printf("in flight    %.1f on average, %u at least, of %u; %u targets in %u regions\n",
           r->in_flight_mean, r->in_flight_least, o->in_flight, r->targets, o->regions);
    printf("latency      p50 %.2f ms, p99 %.2f ms, at most %.2f ms\n", (double)r->p50_us / 1e3,
           (double)r->p99_us / 1e3, (double)r->max_us / 1e3);
    printf("connections  %llu, resident memory %.1f MB\n", (unsigned long long)r->connections,
           (double)r->resident_bytes / 1e6);
    printf("opening      %.2f s, the longest turn of the loop %.2f ms of CPU\n", r->open_seconds,
           (double)r->longest_turn_us / 1e3);
    printf("allocations  %.2f a poll\n", (double)r->allocations / (double)r->polls);
    printf("versions     pipepoll %s, libcurl %s, %s, libuv %s\n", v.pipepoll, v.libcurl, v.tls,
           v.libuv);
}

int main(int argc, char **argv)
{
    struct arguments a = { .load = { .in_flight = 64, .regions = 1, .polls = 100000 } };
    struct load_result result;
    struct pipepoll_error why;
    read_arguments(&a, argc, argv);
    if (load_run(&result, &a.load, &why)) {
        fprintf(stderr, "bench_poll: %s\n", why.text);
        return 1;
    }
    (a.json ? print_json : print_lines)(&a.load, &result);
    return 0;
}
