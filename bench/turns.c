/* SPDX-License-Identifier: MIT */
/* bench_turns [IDENTITIES [TYPES [REGIONS [ROUNDS]]]]: what `pipepoll run` does to its loop when
 * it starts with many targets, takes another file, fetches all keys anew and ends: the longest
 * turn of each, which is how long everything else waits. Nothing answers (port 9 of this machine,
 * and the first polls are hours away), so all of it is the program's own work; files are read
 * before, as `run` reads them on a thread. Prints one JSON object; all times are of the processor,
 * and of each phase the round that the machine disturbed least counts. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/line_sink.h"
#include "daemon/shards.h"

enum { START, RELOAD, REFRESH, END, PHASES };

struct bench {
    uv_loop_t loop;
    struct config first, second;
    struct logger logger;
    struct sink *sink;
    struct shards shards;
    unsigned identities, types, regions;
    uint64_t longest_ns;
    double least_ms[PHASES];
    bool changed, closed, sink_closed;
    struct shards_change change;
};

static void require(bool works, const char *what)
{
    if (works)
        return;
    fprintf(stderr, "bench_turns: %s\n", what);
    exit(1);
}

/* --- one poller's worth of files --- */

static const char key_lines[] = "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n";

static void write_profiles(const struct bench *b)
{
    char folder[] = "/tmp/bench_turns.XXXXXX", path[64];
    require(mkdtemp(folder) != NULL, "no folder for the profiles");
    snprintf(path, sizeof path, "%s/credentials", folder);
    FILE *f = fopen(path, "w");
    require(f != NULL, "no file for the profiles");
    for (unsigned i = 0; i < b->identities; i++)
        fprintf(f, "[p%u]\n%s", i, key_lines);
    require(fclose(f) == 0, "the profiles were not written");
    setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
    setenv("AWS_CONFIG_FILE", "", 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
}

static void remove_profiles(void)
{
    char *path = getenv("AWS_SHARED_CREDENTIALS_FILE");
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
}

/* The action types from `first` on. */
static struct config config_of(const struct bench *b, unsigned first)
{
    struct config config;
    static struct diagnostics c;
    struct settings settings = { 0 };
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    require(f != NULL, "memory");
    fprintf(f, "[pipepoll]\ncategory = Build\nversion = 1\ninterval = 23h\nregions =");
    for (unsigned r = 0; r < b->regions; r++)
        fprintf(f, " %s", pipepoll_region(pipepoll_str(""), r));
    fprintf(f, "\nendpoint-url = http://127.0.0.1:9\n");
    for (unsigned i = 0; i < b->identities; i++)
        for (unsigned k = first; k < first + b->types; k++)
            fprintf(f, "[target t%u-%u]\nprofile = p%u\nprovider = P%u\n", i, k, i, k);
    fclose(f);
    c = (struct diagnostics) { .file = STR("bench.ini") };
    int r = config_parse(&config, text, len, &settings, &c);
    if (r)
        diagnostics_print(&c);
    require(r == 0, "the file is refused");
    return config;
}

/* --- turns --- */

/* Of this thread's work: others on the machine are not to be seen in it. */
static uint64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void note(struct bench *b, uint64_t start_ns)
{
    uint64_t took_ns = cpu_ns() - start_ns;
    if (took_ns > b->longest_ns)
        b->longest_ns = took_ns;
}

/* One that does not wait: what it takes is work. */
static void turn(struct bench *b)
{
    uint64_t start_ns = cpu_ns();
    uv_run(&b->loop, UV_RUN_NOWAIT);
    note(b, start_ns);
}

static void turn_some(struct bench *b)
{
    for (int i = 0; i < 2000; i++)
        turn(b);
}

static void end_phase(struct bench *b, int phase)
{
    double ms = (double)b->longest_ns / 1e6;
    if (b->least_ms[phase] == 0 || ms < b->least_ms[phase])
        b->least_ms[phase] = ms;
    b->longest_ns = 0;
}

/* --- the phases --- */

static void on_broken(void *ctx, const char *why)
{
    require(false, why);
}

static void on_changed(void *ctx, const struct shards_change *what)
{
    struct bench *b = ctx;
    b->changed = true;
    b->change = *what;
}

static void set_flag(void *ctx)
{
    *(bool *)ctx = true;
}

static void open_all(struct bench *b)
{
    struct pipepoll_error why = { .text = "" };
    int null = open("/dev/null", O_WRONLY);
    require(!uv_loop_init(&b->loop) &&
                !line_sink_open(&b->sink, &b->loop, null, "null", shards_jobs(1, 256)),
            "no sink");
    const struct shards_options o = { .home = &b->loop,
                                      .loops = 1,
                                      .config = &b->first,
                                      .logger = &b->logger,
                                      .sink = b->sink,
                                      .broken = on_broken,
                                      .changed = on_changed,
                                      .ctx = b };
    require(!shards_open(&b->shards, &o, &why), why.text);
}

static void change_to(struct bench *b, struct config *config)
{
    require(!shards_split(&b->shards, &config->plan), "memory");
    b->changed = false;
    uint64_t start_ns = cpu_ns();
    shards_change(&b->shards);
    note(b, start_ns);
    while (!b->changed)
        turn(b);
    turn_some(b);
}

static void close_all(struct bench *b)
{
    b->closed = b->sink_closed = false;
    uint64_t start_ns = cpu_ns();
    shards_close(&b->shards, set_flag, &b->closed);
    note(b, start_ns);
    while (!b->closed)
        turn(b);
    b->sink->close(b->sink, set_flag, &b->sink_closed);
    while (!b->sink_closed)
        turn(b);
}

static unsigned number(int argc, char **argv, int i, unsigned otherwise)
{
    return argc > i ? (unsigned)strtoul(argv[i], NULL, 10) : otherwise;
}

/* None is polled any more. */
static void forget(struct config *config)
{
    for (size_t i = 0; i < config->plan.count; i++)
        config->plan.targets[i].live = NULL;
}

static void play(struct bench *b)
{
    open_all(b);
    change_to(b, &b->first);
    require(b->change.added == b->first.plan.count, "targets were not added");
    end_phase(b, START);
    change_to(b, &b->second);
    end_phase(b, RELOAD);
    uint64_t start_ns = cpu_ns();
    shards_refresh(&b->shards);
    note(b, start_ns);
    turn_some(b);
    start_ns = cpu_ns();
    shards_note(&b->shards);
    note(b, start_ns);
    end_phase(b, REFRESH);
    close_all(b);
    end_phase(b, END);
    shards_deinit(&b->shards);
    require(!uv_loop_close(&b->loop), "the loop has handles left");
    forget(&b->first);
    forget(&b->second);
}

int main(int argc, char **argv)
{
    static struct bench b;
    b.identities = number(argc, argv, 1, 1000);
    b.types = number(argc, argv, 2, 4);
    b.regions = number(argc, argv, 3, 25);
    write_profiles(&b);
    b.first = config_of(&b, 0);
    b.second = config_of(&b, b.types / 2);
    for (unsigned rounds = number(argc, argv, 4, 5); rounds; rounds--)
        play(&b);
    printf("{\"identities\": %u, \"targets\": %zu, \"start_longest_turn_ms\": %.3f, "
           "\"reload_longest_turn_ms\": %.3f, \"refresh_longest_turn_ms\": %.3f, "
           "\"end_longest_turn_ms\": %.3f}\n",
           b.identities, b.first.plan.count, b.least_ms[START], b.least_ms[RELOAD],
           b.least_ms[REFRESH], b.least_ms[END]);
    config_deinit(&b.first);
    config_deinit(&b.second);
    remove_profiles();
    return 0;
}
