/* SPDX-License-Identifier: MIT */
/* A random walk of embedders: four pollers on one loop, whose every callback may add, remove, wake,
 * refresh, close and open again, against a server that resets, cuts, stalls, throttles, lies and
 * now and then answers. Whatever they do, the promises of pipepoll.h are kept, and the loop ends.
 *
 * test_walk [FIRST [COUNT]]: so many seeds from this one on; a failure names its seed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "lib/alone.h"
#include "lib/server.h"
#include "pipepoll.h"

enum {
    POLLERS = 4,
    TARGETS_MAX = 6, /* of one poller at once */
    LIVES_MAX = 12,  /* pollers opened in one walk */
    STEPS = 120,     /* then all are closed */
    JOBS_MAX = 4096,
    WALK_MS_MAX = 20000,
    LOOP_STATS_MAX = 200000
};

struct walk;

/* One poller from open to closed; its memory lives on, so that what is told too late is seen. */
struct life {
    struct pipepoll_sink sink;
    struct walk *walk;
    struct pipepoll *poller;
    size_t credit, held; /* jobs: at most, and now; SIZE_MAX: no limit */
    unsigned targets;
    bool closing, closed;
};

struct track {
    struct life *life;
    struct pipepoll_target *target; /* NULL: gone */
    struct track *next;
    unsigned number;
    bool told; /* of its removal */
};

struct walk {
    uv_loop_t loop;
    uv_timer_t outside; /* what an embedder does by itself */
    struct server server;
    struct rng rng;
    uint64_t seed;
    struct life lives[LIVES_MAX];
    struct track *tracks;
    unsigned lives_begun, lives_open, steps, track_count;
    bool cuts; /* answers may be cut wherever they are */
    unsigned char sent[JOBS_MAX], delivered[JOBS_MAX];
    unsigned jobs, lost, timeouts, broken;
    char *texts[JOBS_MAX];
    unsigned text_count;
};

static char alarm_text[96], pem_path[] = "/tmp/pipepoll-walk-XXXXXX";
static unsigned total_jobs, total_answers, total_failures, total_removed, total_lives;

static void must(const struct walk *w, bool kept, const char *promise)
{
    if (kept)
        return;
    fprintf(stderr, "seed %llu: broken: %s\n", (unsigned long long)w->seed, promise);
    unlink(pem_path);
    abort();
}

static uint64_t roll(struct walk *w, uint64_t sides)
{
    return rng_next(&w->rng) % sides;
}

static void step(struct life *l, struct pipepoll_target *from);

/* --- the sink --- */

static struct life *heard(struct pipepoll_sink *self, const char *what)
{
    struct life *l = (struct life *)self;
    must(l->walk, !l->closed, what);
    return l;
}

static struct track *track_of(struct life *l, struct pipepoll_target *from)
{
    struct track *t = pipepoll_target_user(from);
    must(l->walk, t && t->life == l && t->target == from && !t->told,
         "a callback names a target that is there");
    return t;
}

static size_t on_credit(struct pipepoll_sink *self)
{
    struct life *l = heard(self, "no credit() after closed");
    step(l, NULL);
    return l->credit > l->held ? l->credit - l->held : 0;
}

static void count_job(struct life *l, const struct track *from, const struct pipepoll_job *job)
{
    struct walk *w = l->walk;
    unsigned number = 0, target = 0;
    must(w, sscanf(job->job_id.ptr, "%u-%u", &number, &target) == 2 && number < w->jobs,
         "a job is one that was sent");
    must(w, target == from->number, "a job comes to the target that asked for it");
    must(w, !w->delivered[number]++, "a job is delivered once");
    total_jobs++;
}

static void on_deliver(struct pipepoll_sink *self, struct pipepoll_target *from,
                       const struct pipepoll_answer *a)
{
    struct life *l = heard(self, "no deliver() after closed");
    struct track *t = track_of(l, from);
    for (size_t i = 0; i < a->job_count; i++)
        count_job(l, t, &a->jobs[i]);
    l->held += a->job_count;
    must(l->walk, l->held <= l->credit, "no more jobs than there is credit");
    total_answers++;
    step(l, from);
}

static void on_failed(struct pipepoll_sink *self, struct pipepoll_target *from,
                      const struct pipepoll_failure *f)
{
    struct life *l = heard(self, "no failed() after closed");
    track_of(l, from);
    must(l->walk, f->status < 0 && f->message.len, "a failure says what failed");
    l->walk->timeouts += f->status == PIPEPOLL_ETIMEDOUT;
    total_failures++;
    step(l, from);
}

static void on_removed(struct pipepoll_sink *self, struct pipepoll_target *from)
{
    struct life *l = heard(self, "no removed() after closed");
    struct track *t = track_of(l, from);
    t->told = true;
    l->targets--;
    total_removed++;
    step(l, NULL);
    t->target = NULL;
}

static void on_credentials(struct pipepoll_sink *self, const struct pipepoll_identity *identity)
{
    struct life *l = heard(self, "no credentials() after closed");
    step(l, NULL);
}

/* --- what an embedder may do --- */

static void life_begin(struct walk *w);

static void on_closed(void *ctx)
{
    struct life *l = ctx;
    struct walk *w = l->walk;
    must(w, l->closing && !l->closed, "closed is called once");
    must(w, !l->targets, "closed is called after each removed()");
    l->closed = true;
    w->lives_open--;
    while (w->lives_open < POLLERS && w->steps < STEPS && w->lives_begun < LIVES_MAX)
        life_begin(w);
}

static void life_end(struct life *l)
{
    l->closing = true;
    pipepoll_close(l->poller, on_closed, l);
    must(l->walk, !l->closed, "closed is not called from inside pipepoll_close()");
}

static struct pipepoll_credentials *some_credentials(struct walk *w)
{
    struct pipepoll_credentials *credentials = NULL;
    char id[16];
    if (roll(w, 3) == 0) {
        pipepoll_credentials_default(&credentials, NULL);
        return credentials;
    }
    snprintf(id, sizeof id, "AKID%u", (unsigned)roll(w, 3));
    pipepoll_credentials_static(&credentials, pipepoll_str(id), pipepoll_str("secret"), (str) { 0 },
                                NULL);
    return credentials;
}

static void add(struct life *l)
{
    struct walk *w = l->walk;
    struct track *t = calloc(1, sizeof *t);
    char provider[32], url[80];
    struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
    t->life = l;
    t->number = ++w->track_count;
    t->next = w->tracks;
    w->tracks = t;
    snprintf(provider, sizeof provider, "T%u", t->number);
    snprintf(url, sizeof url, "%s", w->server.url);
    if (!w->server.tls && roll(w, 8) == 0)
        snprintf(url, sizeof url, "http://localhost%s", strrchr(w->server.url, ':'));
    o.action_type = (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"),
                                                    str_of(provider), STR("1") };
    o.region = roll(w, 2) ? STR("us-east-1") : STR("eu-west-1");
    o.endpoint_url = str_of(url);
    if (roll(w, 4) == 0)
        o.pickup_goal_ms = 1 + (uint32_t)roll(w, 20);
    else
        o.interval_ms = 1 + (uint32_t)roll(w, 20);
    o.max_batch_size = (uint32_t)roll(w, 4);
    o.user = t;
    o.credentials = roll(w, 2) ? some_credentials(w) : NULL;
    struct pipepoll_error why = { .text = "" };
    int r = pipepoll_target_add(l->poller, &o, &t->target, &why);
    pipepoll_credentials_unref(o.credentials);
    must(w, r == (l->closing ? PIPEPOLL_ECLOSING : 0),
         why.text[0] ? why.text : "a target is added");
    l->targets += r == 0;
    t->told = r != 0;
}

static void remove_any(struct life *l)
{
    unsigned skip = (unsigned)roll(l->walk, TARGETS_MAX);
    for (struct track *t = l->walk->tracks; t; t = t->next)
        if (t->life == l && t->target && !t->told && !skip--)
            pipepoll_target_remove(t->target);
}

static void look_at(struct life *l)
{
    struct pipepoll_stats stats = PIPEPOLL_STATS_INIT;
    struct pipepoll_report report = PIPEPOLL_REPORT_INIT;
    pipepoll_stats(l->poller, &stats);
    for (struct track *t = l->walk->tracks; t; t = t->next)
        if (t->life == l && t->target && !t->told)
            pipepoll_target_report(t->target, &report);
}

static void release(struct life *l)
{
    l->held = 0;
    pipepoll_wake(l->poller);
}

static void move_cut(struct walk *w)
{
    static const enum server_end ends[] = { SERVER_CUT, SERVER_RESET, SERVER_HANG, SERVER_KEEP };
    if (!w->cuts)
        return;
    w->server.cut = (struct server_cut) { roll(w, 3000), roll(w, 3000), ends[roll(w, 4)] };
}

static void step(struct life *l, struct pipepoll_target *from)
{
    struct walk *w = l->walk;
    if (w->steps >= STEPS || roll(w, 3))
        return;
    w->steps++;
    switch (roll(w, 11)) {
    case 0:
    case 1:
    case 2:
        if (l->targets < TARGETS_MAX)
            add(l);
        break;
    case 3:
        remove_any(l);
        break;
    case 4:
        if (from)
            pipepoll_target_remove(from);
        break;
    case 5:
        release(l);
        break;
    case 6:
        pipepoll_refresh_credentials(l->poller);
        break;
    case 7:
        look_at(l);
        break;
    case 8:
        if (roll(w, 2))
            life_end(l);
        break;
    case 9:
        pipepoll_keep_loop_alive(l->poller, roll(w, 2));
        break;
    case 10:
        server_drop_idle(&w->server, roll(w, 2) ? SERVER_RESET : SERVER_CUT);
        move_cut(w);
        break;
    }
}

static void life_begin(struct walk *w)
{
    struct life *l = &w->lives[w->lives_begun++];
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    struct pipepoll_error why = { .text = "" };
    *l = (struct life) {
        .sink = { sizeof(struct pipepoll_sink), on_credit, on_deliver, on_failed, on_removed,
                  on_credentials },
        .walk = w,
        .credit = roll(w, 3) ? 1 + roll(w, 30) : SIZE_MAX,
    };
    if (roll(w, 4) == 0) {
        l->sink.credit = NULL;
        l->credit = SIZE_MAX;
    }
    o.sink = &l->sink;
    o.credentials = some_credentials(w);
    o.ca_bundle = str_of(pem_path);
    o.max_in_flight = 1 + (uint32_t)roll(w, 8);
    o.max_connections = (uint32_t)roll(w, 4);
    o.request_timeout_ms = 30 + (uint32_t)roll(w, 100);
    o.connect_timeout_ms = 20 + (uint32_t)roll(w, 100);
    o.seed = rng_next(&w->rng);
    int r = pipepoll_open(&l->poller, &w->loop, &o, &why);
    pipepoll_credentials_unref(o.credentials);
    must(w, r == 0, why.text);
    w->lives_open++;
    total_lives++;
    for (unsigned n = 1 + (unsigned)roll(w, 3); n; n--)
        add(l);
}

/* --- the service --- */

static str keep(struct walk *w, char *text)
{
    must(w, text && w->text_count < JOBS_MAX, "a walk of bounded length");
    w->texts[w->text_count++] = text;
    return str_of(text);
}

static str made(struct walk *w, int status, const char *headers, const char *body)
{
    char *text = NULL;
    must(w,
         asprintf(&text, "HTTP/1.1 %d Word\r\nContent-Length: %zu\r\n%s\r\n%s", status,
                  strlen(body), headers, body) > 0,
         "memory");
    return keep(w, text);
}

/* Whole numbers in a request's JSON. */
static unsigned number_in(str body, const char *key, unsigned otherwise)
{
    const char *at = memmem(body.ptr, body.len, key, strlen(key));
    return at ? (unsigned)strtoul(at + strlen(key), NULL, 10) : otherwise;
}

static struct server_reply jobs_for(struct walk *w, const struct server_request *rq)
{
    static const enum server_end ends[] = { SERVER_KEEP, SERVER_KEEP, SERVER_CLOSE, SERVER_CUT,
                                            SERVER_RESET };
    char body[2048] = "{\"jobs\":[";
    unsigned target = number_in(rq->body, "\"provider\":\"T", 0);
    unsigned most = number_in(rq->body, "\"maxBatchSize\":", 5), n = (unsigned)roll(w, 6);
    for (unsigned i = 0; i < n && i < most && w->jobs < JOBS_MAX; i++) {
        size_t len = strlen(body);
        w->sent[w->jobs] = 1;
        snprintf(body + len, sizeof body - len, "%s{\"clientId\":\"c\",\"jobId\":\"%u-%u\"}",
                 i ? "," : "", w->jobs++, target);
    }
    strcat(body, "]}");
    return (struct server_reply) { made(w, 200, "", body), ends[roll(w, 5)],
                                   roll(w, 4) ? 0 : 16 + (unsigned)roll(w, 200) };
}

static struct server_reply error_of(struct walk *w)
{
    static const char *const codes[] = {
        "ThrottlingException",         "ExpiredTokenException", "AccessDeniedException",
        "UnrecognizedClientException", "InternalFailure",       "InvalidSignatureException",
        "ActionTypeNotFoundException"
    };
    unsigned i = (unsigned)roll(w, sizeof codes / sizeof *codes);
    char body[128];
    snprintf(body, sizeof body, "{\"__type\":\"%s\",\"message\":\"no\"}", codes[i]);
    return (struct server_reply) { made(w, i == 4 ? 500 : 400,
                                        "x-amz-retry-after: 2\r\nx-amzn-RequestId: r\r\n", body),
                                   SERVER_KEEP, 0 };
}

static struct server_reply credentials_for(struct walk *w)
{
    if (roll(w, 3) == 0)
        return (struct server_reply) { made(w, 503, "", "busy"), SERVER_KEEP, 0 };
    return (struct server_reply) {
        made(w, 200, "",
             "{\"AccessKeyId\":\"AKIDC\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
             "\"Expiration\":\"2100-01-01T00:00:00Z\"}"),
        SERVER_KEEP, 0
    };
}

static struct server_reply answer(struct server *s, const struct server_request *rq)
{
    static const enum server_end ends[] = { SERVER_KEEP, SERVER_CLOSE, SERVER_CUT, SERVER_RESET };
    struct walk *w = s->ctx;
    move_cut(w);
    if (rq->head.len > 4 && memcmp(rq->head.ptr, "GET ", 4) == 0)
        return credentials_for(w);
    switch (roll(w, 12)) {
    case 0:
        return (struct server_reply) { STR(""), SERVER_HANG, 0 };
    case 1:
        return (struct server_reply) { STR("HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{\"jo"),
                                       ends[1 + roll(w, 3)], 3 };
    case 2:
        return (struct server_reply) { STR("<html>"), ends[roll(w, 4)], 0 };
    case 3:
        return (struct server_reply) { STR(""), SERVER_RESET, 0 };
    case 4:
    case 5:
        return error_of(w);
    case 6:
        return (struct server_reply) { STR("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"),
                                       SERVER_KEEP, 0 };
    default:
        return jobs_for(w, rq);
    }
}

/* --- a walk --- */

static void on_outside(uv_timer_t *timer)
{
    struct walk *w = timer->data;
    for (unsigned i = 0; i < w->lives_begun; i++) {
        struct life *l = &w->lives[i];
        if (l->closed)
            continue;
        step(l, NULL);
        l->held = l->held && roll(w, 4) ? l->held : 0;
        pipepoll_wake(l->poller);
        w->steps++;
        if (w->steps >= STEPS && !l->closing)
            life_end(l);
    }
}

static void walk_open(struct walk *w, uint64_t seed)
{
    char credentials_url[96];
    *w = (struct walk) { .seed = seed, .rng = { seed * 7919 } };
    uv_loop_init(&w->loop);
    server_open(&w->server, &w->loop, answer, w);
    snprintf(credentials_url, sizeof credentials_url, "%skeys", w->server.url);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", credentials_url, 1);
    if (roll(w, 3) == 0)
        server_use_tls(&w->server, pem_path);
    w->cuts = roll(w, 4) == 0;
    uv_timer_init(&w->loop, &w->outside);
    w->outside.data = w;
    uv_timer_start(&w->outside, on_outside, 2, 2);
    for (int i = 0; i < POLLERS; i++)
        life_begin(w);
}

/* A poll that timed out may have been answered too late, here or on the way. */
static void check_jobs(const struct walk *w)
{
    unsigned lost = 0;
    for (unsigned i = 0; i < w->jobs; i++)
        lost += w->sent[i] && !w->delivered[i];
    must(w, w->cuts || lost <= w->timeouts * 5, "each job that was answered with is delivered");
}

static void walk_close(struct walk *w)
{
    server_close(&w->server);
    uv_close((uv_handle_t *)&w->outside, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    must(w, uv_loop_close(&w->loop) == 0, "the loop closes");
    for (struct track *t = w->tracks, *next; t; t = next) {
        must(w, t->told, "each target gets its removed()");
        next = t->next;
        free(t);
    }
    while (w->text_count)
        free(w->texts[--w->text_count]);
}

static void walk(uint64_t seed)
{
    static struct walk w;
    snprintf(alarm_text, sizeof alarm_text, "seed %llu: broken: it ends\n",
             (unsigned long long)seed);
    alarm(WALK_MS_MAX / 1000);
    walk_open(&w, seed);
    for (unsigned loop_stats = 0; w.lives_open; loop_stats++) {
        must(&w, loop_stats < LOOP_STATS_MAX, "a bounded number of turns");
        uv_run(&w.loop, UV_RUN_ONCE);
    }
    check_jobs(&w);
    walk_close(&w);
    alarm(0);
}

static void on_timer(int signal)
{
    if (write(STDERR_FILENO, alarm_text, strlen(alarm_text)) < 0)
        _exit(3);
    abort();
}

static void be_alone(void)
{
    alone();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, on_timer);
}

/* A certificate that is never shown, for walks without TLS. */
static void make_certificate(void)
{
    int fd = mkstemp(pem_path);
    uv_loop_t loop;
    struct server server;
    if (fd < 0)
        abort();
    close(fd);
    uv_loop_init(&loop);
    server_open(&server, &loop, answer, NULL);
    server_use_tls(&server, pem_path);
    server_close(&server);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    be_alone();
    make_certificate();
    for (uint64_t seed = first; seed < first + count; seed++)
        walk(seed);
    unlink(pem_path);
    printf("%llu walks: %u pollers, %u answers, %u jobs, %u failures, %u removed\n",
           (unsigned long long)count, total_lives, total_answers, total_jobs, total_failures,
           total_removed);
    return 0;
}
