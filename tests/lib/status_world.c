/* SPDX-License-Identifier: MIT */
/* Everything is made of the index of what it is about, so that a reader of the figures can tell
 * which target has which. The sums are sums. */
#include "lib/status_world.h"

#include <stdio.h>

static const char *const region_names[STATUS_WORLD_REGIONS] = {
    "us-east-1",      "us-east-2",      "us-west-1",      "us-west-2",      "ca-central-1",
    "sa-east-1",      "eu-west-1",      "eu-west-2",      "eu-west-3",      "eu-central-1",
    "eu-central-2",   "eu-north-1",     "eu-south-1",     "eu-south-2",     "me-south-1",
    "me-central-1",   "af-south-1",     "ap-south-1",     "ap-south-2",     "ap-east-1",
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2",
};

static const char *const provider_names[] = { "Snapdeploy", "Testlake",  "Scanfleet",
                                              "Lintworks",  "Canaryist", "Packhouse" };
enum { PROVIDER_NAMES = sizeof provider_names / sizeof *provider_names };

static const char *const categories[] = { "Deploy", "Test", "Test", "Build", "Deploy", "Build" };

/* A text such as "target-7". */
static str text(struct status *s, const char *prefix, size_t n)
{
    char line[64];
    int len = snprintf(line, sizeof line, "%s%zu", prefix, n);
    return status_text(s, (str) { line, (size_t)len });
}

static enum status_state state_of(size_t i)
{
    if (i % 97 == 5 || i == 3)
        return STATUS_FAILING;
    if (i % 41 == 8)
        return STATUS_SLOWED;
    if (i % 211 == 77)
        return STATUS_LATE;
    return i % 83 == 60 ? STATUS_WAITING : STATUS_WELL;
}

static void fill_incidents(struct status *s)
{
    static const struct status_incident incidents[] = {
        { STR_INIT("denied"), STR_INIT("denied"), STR_INIT("AccessDeniedException"),
          STR_INIT("profile team-a"),
          STR_INIT("denied: profile team-a may not call codepipeline:PollForThirdPartyJobs; allow "
                   "it in the policy of arn:aws:iam::111122223333:role/ci"),
          STR_INIT(STATUS_WORLD_HOSTILE), STR_INIT("us-west-2"), 0, STATUS_WORLD_NOW_MS - 754000 },
        { STR_INIT("unreachable"), STR_INIT("name"), STR_INIT(""), STR_INIT("default credentials"),
          STR_INIT("unreachable: no address for codepipeline.eu-west-1.amazonaws.com; is the "
                   "name server of this machine well?"),
          STR_INIT("testlake-1"), STR_INIT("eu-west-1"), 0, STATUS_WORLD_NOW_MS - 95000 },
    };
    s->incident_count = sizeof incidents / sizeof *incidents;
    s->incidents = status_array(s, s->incident_count, sizeof *s->incidents);
    memcpy(s->incidents, incidents, sizeof incidents);
}

static void fill_target(struct status *s, struct status_target *t, size_t i, unsigned second)
{
    size_t provider = i / s->region_count, kind = provider % PROVIDER_NAMES;
    const char *name = provider_names[kind];
    t->name = provider ? text(s, "target-", provider) : STR(STATUS_WORLD_HOSTILE);
    t->region_index = i % s->region_count;
    t->region = s->regions[t->region_index].region;
    t->category = str_of(categories[kind]);
    t->owner = provider % 3 ? STR("ThirdParty") : STR("Custom");
    t->provider = provider < PROVIDER_NAMES ? str_of(name) : text(s, "Vendor-", provider);
    t->version = STR("1");
    t->state = state_of(i);
    t->since_ms = s->now_ms - 1000 - (int64_t)(i % 5000) * 1000;
    t->incident_index = -1;
    t->added_ms = s->started_ms;
    t->interval_ms = t->state == STATUS_SLOWED ? 8000 : 1000 + 500 * (uint32_t)(i % 3);
    if (t->state == STATUS_WAITING)
        return;
    t->polls[STATUS_EMPTY] = 3000 + i % 100 + second;
    t->polls[STATUS_JOBS] = t->jobs = i % 7;
    t->last_good_ms = s->now_ms - 100 - (int64_t)(i % 20) * 90;
    t->last_job_ms = t->jobs ? s->now_ms - 60000 - (int64_t)i * 10 : 0;
    if (t->state == STATUS_SLOWED)
        t->polls[STATUS_THROTTLED] = 40;
    if (t->state == STATUS_FAILING) {
        t->incident_index = i == 3 ? 0 : i % 2;
        t->failing = t->incident_index ? STATUS_TRANSPORT : STATUS_DENIED;
        t->polls[t->failing] = 12 + second;
        t->last_good_ms -= 95000;
    }
}

static void count_target(struct status *s, const struct status_target *t)
{
    struct status_region *r = &s->regions[t->region_index];
    s->states[t->state]++;
    r->targets[t->state]++;
    r->failing[t->failing] += t->state == STATUS_FAILING;
    r->jobs += t->jobs;
    s->found += t->jobs;
    for (size_t i = 0; i < STATUS_OUTCOMES; i++) {
        s->polls[i] += t->polls[i];
        r->polls[i] += t->polls[i];
        s->polls_started += t->polls[i];
    }
    r->polls_per_s += 1000.0 / t->interval_ms;
    s->polls_per_s += 1000.0 / t->interval_ms;
    if (t->incident_index >= 0)
        s->incidents[t->incident_index].targets++;
}

static void fill_regions(struct status *s, size_t regions)
{
    s->region_count = regions;
    s->regions = status_array(s, regions, sizeof *s->regions);
    for (size_t i = 0; i < regions; i++) {
        s->regions[i].region = str_of(region_names[i]);
        s->regions[i].identity = i % 4 ? STR("default credentials") : STR("profile team-a");
        s->regions[i].clock_skew_ms = i % 3 ? 0 : -120;
    }
}

/* Once all targets are counted: a limit that some come close to. */
static void fill_limits(struct status *s)
{
    for (size_t i = 0; i < s->region_count; i++) {
        struct status_region *r = &s->regions[i];
        if (i % 5 != 4)
            r->allowed_per_s = r->polls_per_s * (1.05 + (double)(i % 5) / 2);
        r->poll_time.count = r->polls[STATUS_EMPTY];
        r->poll_time.counts[3] = r->poll_time.count;
        r->poll_time.sum_us = r->poll_time.count * 41000;
    }
}

static void fill_jobs(struct status *s)
{
    static const struct {
        const char *handler, *message;
        int end;
        enum status_step step;
    } kinds[] = {
        { "deploy", "", -1, STATUS_RUNNING },
        { "", "", -1, STATUS_FOUND },
        { "scan", "", -1, STATUS_SENDING },
        { "deploy", "", 0, 0 },
        { "scan", "exit status 3: 2 findings in <b>web</b>", 2, 0 },
        { "deploy", "", 1, 0 },
        { "", "another worker has it", 3, 0 },
    };
    enum { KINDS = sizeof kinds / sizeof *kinds, JOBS = 24 };
    s->works_jobs = true;
    s->max_jobs = 16;
    s->job_count = JOBS;
    s->jobs = status_array(s, JOBS, sizeof *s->jobs);
    for (size_t i = 0; i < JOBS; i++) {
        struct status_job *j = &s->jobs[i];
        size_t kind = i < KINDS ? i : 3 + i % (KINDS - 3);
        j->job_id = text(s, "f4f4ff82-2d11-4a3b-8c5e-", 100000000000 + i);
        j->target = s->targets[i % s->target_count].name;
        j->region = s->targets[i % s->target_count].region;
        j->handler = str_of(kinds[kind].handler);
        j->message = str_of(kinds[kind].message);
        j->end = kinds[kind].end;
        j->step = kinds[kind].step;
        j->found_ms = s->now_ms - 2000 - (int64_t)i * 17000;
        j->started_ms = j->handler.len ? j->found_ms + 350 : 0;
        j->ended_ms = j->end < 0 ? 0 : j->found_ms + 9000;
        if (j->end < 0)
            s->in_hand[j->step]++;
        else
            s->job_ends[j->end]++;
    }
    s->job_ends[0] += 1200;
}

static void fill_handlers(struct status *s)
{
    static const struct status_handler handlers[] = {
        { STR_INIT("deploy"),
          STR_INIT("exec"),
          1,
          { 1190, 4, 1 },
          { .counts = { [2] = 1195 }, .count = 1195 } },
        { STR_INIT("scan"),
          STR_INIT("stdio"),
          0,
          { 310, 22, 0 },
          { .counts = { [4] = 332 }, .count = 332 } },
        { STR_INIT("notify"), STR_INIT("webhook"), 0, { 0 }, { .count = 0 } },
    };
    s->handler_count = sizeof handlers / sizeof *handlers;
    s->handlers = status_array(s, s->handler_count, sizeof *s->handlers);
    memcpy(s->handlers, handlers, sizeof handlers);
    s->handlers[0].run_time.sum_us = UINT64_C(1195) * 8600000;
    s->handlers[1].run_time.sum_us = UINT64_C(332) * 41000000;
}

static void fill_credentials(struct status *s)
{
    static const struct status_credentials credentials[] = {
        { STR_INIT("default credentials"), STR_INIT(""), true, false,
          STATUS_WORLD_NOW_MS + 2820000 },
        { STR_INIT("profile team-a"), STR_INIT("sts.us-east-1.amazonaws.com did not answer in 5 s"),
          true, true, STATUS_WORLD_NOW_MS + 340000 },
        { STR_INIT("keys of [pipepoll]"), STR_INIT(""), true, false, 0 },
    };
    s->credentials_count = sizeof credentials / sizeof *credentials;
    s->credentials = status_array(s, s->credentials_count, sizeof *s->credentials);
    memcpy(s->credentials, credentials, sizeof credentials);
}

static struct status_loop loop(int64_t silent_ms, uint64_t turns, uint64_t busy_us,
                               uint64_t longest_us)
{
    return (struct status_loop) {
        silent_ms,
        turns,
        busy_us,
        longest_us,
        { .counts = { [1] = turns }, .count = turns, .sum_us = busy_us },
    };
}

static void fill_process(struct status *s)
{
    s->version = "0.1.0";
    s->libcurl = "7.88.1";
    s->tls = "OpenSSL/3.0.17";
    s->libuv = "1.44.2";
    s->config_file = STR("/etc/pipepoll/pipepoll.ini");
    s->config_read_ms = s->started_ms + 3600000;
    s->loop_count = 2;
    s->loops = status_array(s, s->loop_count, sizeof *s->loops);
    s->loops[0] = loop(3, 812345, 91234567, 4100);
    s->loops[1] = loop(8, 799001, 90234567, 12800);
    s->connections = 48;
    s->connections_opened = s->handshakes = 214;
    s->handshakes_resumed = 166;
    s->cpu_s = 181.42;
    s->resident_bytes = 31 << 20;
    s->virtual_bytes = 190 << 20;
    s->open_fds = 71;
    s->max_fds = 1024;
    s->journal = (struct status_journal) { true, true, 3, 1800, 413696, 5120, 9214, 0, 0 };
}

static struct status_member member(const char *name, enum status_standing standing, bool is_self,
                                   int64_t silent_ms, uint64_t held)
{
    struct status_member m = { .standing = standing,
                               .is_self = is_self,
                               .silent_ms = silent_ms,
                               .held = held,
                               .polls_per_s = (double)held * 0.75,
                               .jobs = 2,
                               .free_slots = 6 };
    snprintf(m.name, sizeof m.name, "%s", name);
    snprintf(m.version, sizeof m.version, "0.1.0");
    return m;
}

static void fill_fleet(struct status *s)
{
    struct status_fleet *f = &s->fleet;
    *f = (struct status_fleet) { .is_in = true,
                                 .polls = true,
                                 .name = STR("ci"),
                                 .member = STR("mill-1"),
                                 .standing = STATUS_MEMBER_ACTIVE,
                                 .engine = STATUS_ENGINE_READY,
                                 .server = "nats://10.0.0.7:4222",
                                 .server_version = "2.9.10",
                                 .reconnects = 1,
                                 .targets = 3 * s->target_count,
                                 .held = s->target_count,
                                 .takeover_ms = 20000,
                                 .alive = 3,
                                 .claims = s->target_count + 9,
                                 .lost_claims = 2,
                                 .fences = 1,
                                 .moves = 9,
                                 .jobs_waiting = 14,
                                 .jobs_out = 5,
                                 .jobs_held = 3,
                                 .oldest_ms = s->now_ms - 250,
                                 .published = 1810,
                                 .duplicates = 4,
                                 .failures = 6,
                                 .member_count = 4,
                                 .member_cap = 4 };
    f->members = status_array(s, f->member_count, sizeof *f->members);
    f->members[0] = member("mill-1", STATUS_MEMBER_ACTIVE, true, 700, f->held);
    f->members[1] = member("mill-2", STATUS_MEMBER_ACTIVE, false, 1900, 2 * f->held);
    f->members[2] = member("mill-3", STATUS_MEMBER_DRAINED, false, 400, 0);
    f->members[3] = member("mill-4", STATUS_MEMBER_DEAD, false, 754000, 0);
}

static void fill_pickup(struct status *s)
{
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t us = 40000 + i * 900 + (i > 980 ? i * 4000 : 0);
        histogram_add(&s->pickup, us);
        status_durations_add(&s->pickup_time, &status_scale_poll, us);
    }
}

void status_world_fill(struct status *s, size_t providers, size_t regions, unsigned second)
{
    *s = (struct status) { .now_ms = STATUS_WORLD_NOW_MS + (int64_t)second * 1000,
                           .started_ms = STATUS_WORLD_NOW_MS - INT64_C(187000) * 1000,
                           .phase = STATUS_POLLING };
    fill_process(s);
    fill_regions(s, regions);
    fill_incidents(s);
    s->target_count = providers * regions;
    s->targets = status_array(s, s->target_count, sizeof *s->targets);
    for (size_t i = 0; i < s->target_count; i++) {
        fill_target(s, &s->targets[i], i, second);
        count_target(s, &s->targets[i]);
    }
    fill_limits(s);
    fill_pickup(s);
    fill_credentials(s);
    fill_jobs(s);
    fill_handlers(s);
    fill_fleet(s);
    s->in_flight = 37;
    s->parked = 2;
    s->late_us_sum = s->polls_started * 180;
    s->late_us_max = 21000;
    s->jobs_per_s = 1.25;
}
