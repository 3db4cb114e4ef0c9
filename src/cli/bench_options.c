/* SPDX-License-Identifier: MIT */
/* The flags are read one by one, then checked as a whole. The defaults of duration, regions and
 * targets come last: they follow from the other numbers, and the check would blame the user for
 * what nobody has asked for. A host of AWS is known by its domain, not by its address: this guards
 * against slips, not against intent. */
#include "cli/bench_options.h"

#include "base/environment.h"
#include "base/url.h"
#include "config/config.h"
#include "config/quantity.h"
#include "config/region.h"
#include "daemon/loop_threads.h"

enum {
    FLAG_ENDPOINT_URL,
    FLAG_CA_BUNDLE,
    FLAG_IN_FLIGHT,
    FLAG_DURATION,
    FLAG_POLLS,
    FLAG_WARM_UP,
    FLAG_REGION,
    FLAG_REGIONS,
    FLAG_TARGETS,
    FLAG_LOOPS,
    FLAG_OUTPUT,
    FLAG_I_KNOW
};

/* In their interval at once, for up to some 400 000 polls/s on a loop. */
enum { SPARE_TARGETS = 512, TARGETS_MAX = 1000000 };

_Static_assert(FLAG_I_KNOW + 1 == BENCH_FLAG_COUNT,
               "a flag without a name, or the other way round");

const struct flag bench_flags[BENCH_FLAG_COUNT] = {
    [FLAG_ENDPOINT_URL] = { STR_INIT("--endpoint-url"), "URL",
                            "what to load (required): http(s)://host[:port]" },
    [FLAG_CA_BUNDLE] = { STR_INIT("--ca-bundle"), "FILE",
                         "PEM file of the roots to trust (default AWS_CA_BUNDLE,\n"
                         "or the system's)" },
    [FLAG_IN_FLIGHT] = { STR_INIT("--in-flight"), "N", "polls at all times (default 64)" },
    [FLAG_DURATION] = { STR_INIT("--duration"), "S", "measure for so long (default 10)" },
    [FLAG_POLLS] = { STR_INIT("--polls"), "N",
                     "instead: until so many are answered (looked at every 10 ms)" },
    [FLAG_WARM_UP] = { STR_INIT("--warm-up"), "S",
                       "not measured: so long, and until all connections are\n"
                       "open, but for 10 s more at most (default 1)" },
    [FLAG_REGION] = { STR_INIT("--region"), "REGION",
                      "sign for this one, and with --regions for others too\n"
                      "(default AWS_REGION, AWS_DEFAULT_REGION, us-east-1)" },
    [FLAG_REGIONS] = { STR_INIT("--regions"), "N|all",
                       "sign for so many (default one for each loop)" },
    [FLAG_TARGETS] = { STR_INIT("--targets"), "N",
                       "in all (default as many as are in flight, and 512 more\n"
                       "on each loop)" },
    [FLAG_LOOPS] = { STR_INIT("--loops"), "N",
                     "on so many threads, regions and polls in flight split\n"
                     "among them (default 1, at most 64)" },
    [FLAG_OUTPUT] = { STR_INIT("--output"), "text|json", "of the figures (default text)" },
    [FLAG_I_KNOW] = { STR_INIT("--i-know"), NULL,
                      "load a host of AWS: it throttles the whole account" },
};

/* NULL, or what the value should have been. */
static const char *read_load(struct bench_options *o, int flag, str value)
{
    switch (flag) {
    case FLAG_IN_FLIGHT:
        return quantity_count(value, 1, 65536, &o->in_flight) ? NULL : "a number from 1 to 65536";
    case FLAG_REGIONS:
        return region_count_read(value, &o->regions);
    case FLAG_TARGETS:
        return quantity_count(value, 1, TARGETS_MAX, &o->targets) ? NULL
                                                                  : "a number from 1 to 1000000";
    case FLAG_LOOPS:
        return quantity_count(value, 1, LOOP_THREADS_LOOPS_MAX, &o->loops)
                   ? NULL
                   : "a number from 1 to 64";
    }
    return NULL;
}

static const char *read_value(void *options, int flag, str value)
{
    struct bench_options *o = options;
    switch (flag) {
    case FLAG_ENDPOINT_URL:
        o->endpoint_url = value;
        return value.len ? NULL : "a URL such as https://127.0.0.1:8443";
    case FLAG_CA_BUNDLE:
        o->ca_bundle = value;
        return NULL;
    case FLAG_REGION:
        o->region = value;
        return value.len ? NULL : "a region, such as us-east-1";
    case FLAG_DURATION:
        return quantity_duration_ms(value, 100, 86400000, &o->duration_ms)
                   ? NULL
                   : "a time from 100ms to 24h, such as 10 or 2m";
    case FLAG_POLLS:
        return quantity_count(value, 1, UINT32_MAX, &o->polls) ? NULL : "a number from 1";
    case FLAG_WARM_UP:
        return quantity_duration_ms(value, 0, 3600000, &o->warm_up_ms) ? NULL : "a time up to 1h";
    case FLAG_OUTPUT:
        return config_format(value, &o->json) ? NULL : "text or json";
    case FLAG_I_KNOW:
        o->knows = true;
        return NULL;
    }
    return read_load(o, flag, value);
}

static str default_region(void)
{
    const struct environment ours = { NULL, NULL };
    str region = environment_get(&ours, "AWS_REGION");
    if (!region.len)
        region = environment_get(&ours, "AWS_DEFAULT_REGION");
    return region.len ? region : STR("us-east-1");
}

/* Without the end of a fully qualified name. */
static str host_of(str url)
{
    struct url u;
    str host = url_split(&u, url) ? u.host : STR("");
    while (host.len && host.ptr[host.len - 1] == '.')
        host.len--;
    return host;
}

static bool is_below(str host, str domain)
{
    if (host.len < domain.len || !str_eq_nocase(str_skip(host, host.len - domain.len), domain))
        return false;
    return host.len == domain.len || host.ptr[host.len - domain.len - 1] == '.';
}

/* Of any partition. */
static bool is_aws(str url)
{
    static const str domains[] = { STR_INIT("amazonaws.com"),  STR_INIT("amazonaws.com.cn"),
                                   STR_INIT("amazonaws.eu"),   STR_INIT("api.aws"),
                                   STR_INIT("aws.amazon.com"), STR_INIT("amazonwebservices.com.cn"),
                                   STR_INIT("c2s.ic.gov"),     STR_INIT("sc2s.sgov.gov"),
                                   STR_INIT("csp.hci.ic.gov"), STR_INIT("cloud.adc-e.uk") };
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++)
        if (is_below(host_of(url), domains[i]))
            return true;
    return false;
}

/* EXIT_FINE, or what is said on stderr is wrong with the whole. */
static int check_whole(struct bench_options *o, const struct command *c)
{
    struct pipepoll_target_options target = PIPEPOLL_TARGET_OPTIONS_INIT;
    struct pipepoll_error why;
    if (!o->endpoint_url.len)
        return command_misuse(c, "--endpoint-url is required: a load is for a service of your own, "
                                 "such as pipepoll sim, never for AWS by accident");
    target.action_type = (struct pipepoll_action_type) { STR_INIT("Build"), STR_INIT("ThirdParty"),
                                                         STR_INIT("Bench"), STR_INIT("1") };
    target.region = o->region;
    target.endpoint_url = o->endpoint_url;
    if (pipepoll_target_check(&target, &why))
        return command_misuse(c, "%s", why.text);
    if (is_aws(o->endpoint_url) && !o->knows)
        return command_misuse(c,
                              "%.*s is a host of AWS, where a load throttles the whole account "
                              "and its fleet: --i-know loads it all the same",
                              STR_ARG(host_of(o->endpoint_url)));
    if (o->duration_ms && o->polls)
        return command_misuse(c, "--duration and --polls exclude each other");
    if (o->regions && o->regions < o->loops)
        return command_misuse(c, "--regions must be at least --loops, %u: a region is on one loop",
                              o->loops);
    if (o->in_flight < o->loops)
        return command_misuse(c, "--in-flight must be at least --loops, %u", o->loops);
    if (o->targets && o->targets < (o->regions ? o->regions : o->loops))
        return command_misuse(c, "--targets must be at least one for each region");
    return EXIT_FINE;
}

bool bench_options_read(struct bench_options *out, struct flags *f, int *code)
{
    *out = (struct bench_options) { .in_flight = 64, .warm_up_ms = 1000, .loops = 1 };
    if (!flags_read(f, read_value, out, code))
        return false;
    if (!out->region.len)
        out->region = default_region();
    *code = check_whole(out, f->command);
    if (*code != EXIT_FINE)
        return false;
    if (!out->duration_ms && !out->polls)
        out->duration_ms = 10000;
    if (!out->regions)
        out->regions = out->loops;
    if (!out->targets)
        out->targets = out->in_flight + SPARE_TARGETS * out->loops;
    if (out->targets < out->regions)
        out->targets = out->regions;
    return true;
}
