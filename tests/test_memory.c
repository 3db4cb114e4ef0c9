/* SPDX-License-Identifier: MIT */
/* Want of memory, at each place where it may be met: a script of polls (answers, throttling,
 * refused and refreshed credentials, roles, files) and a request for details, from open to closed,
 * in which one allocation fails, the n-th, for every n; or all do from the n-th on. Nothing may
 * crash, leak or hang, what fails for it says so, and what can be tried again is.
 *
 * Time is put forward wherever nothing is left to do but wait, so that a life takes no longer than
 * its work does.
 *
 * Four kinds of allocations are counted together: those by the hook of the options, the library's
 * own calls of malloc(), calloc() and realloc() (by the linker), and those of OpenSSL and libcurl
 * (by their hooks). libuv has a hook too, but aborts by design when its own tables cannot grow.
 *
 * The whole is `test_memory all 1 8`: more than 65 000 points, some ten minutes.
 *
 * test_memory [own|dry|below|all [FIRST [COUNT [STRIDE [N]]]]]: so many seeds, and of each the
 * allocations STRIDE apart, or the N-th alone. "dry": own ones, each from the N-th on. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "aws/job_details.h"
#include "base/rng.h"
#include "client/poller.h"
#include "client/request.h"
#include "io/worker.h"
#include "lib/alone.h"
#include "lib/moved_clock.h"
#include "lib/server.h"

enum kind { OF_HOOK, OF_US, OF_OPENSSL, OF_CURL, KINDS };
enum from { FIXED, FROM_FILE, FROM_CONTAINER, BY_ROLE, SOURCES };
/* LIMIT_MS: by the clock that is put forward. What may pass is not left for a minute. */
enum { ANSWERS = 6, LIMIT_MS = 50000, LIMIT_S = 20, REPLIES = 64 };

static const char *const kind_names[] = { "hook", "own", "OpenSSL", "libcurl" };

/* --- what fails --- */

static _Atomic bool armed;
static _Thread_local int aside;
static _Atomic size_t asked, fail_at;
static bool wanted[KINDS], runs_dry;
static _Atomic int failed_kind;
static _Atomic long in_use; /* bytes by the hook */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

static bool fails(enum kind kind)
{
    if (!armed || aside || !wanted[kind])
        return false;
    size_t n = ++asked;
    if (!fail_at || (runs_dry ? n < fail_at : n != fail_at))
        return false;
    failed_kind = (int)kind;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails(OF_US) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails(OF_US) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    return fails(OF_US) ? NULL : __real_realloc(ptr, size);
}

static void *hook_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    if (new_size && fails(OF_HOOK))
        return NULL;
    in_use += (long)new_size - (ptr ? (long)old_size : 0);
    if (new_size)
        return __real_realloc(ptr, new_size);
    free(ptr);
    return NULL;
}

static void *ssl_malloc(size_t size, const char *file, int line)
{
    return fails(OF_OPENSSL) ? NULL : __real_malloc(size);
}

static void *ssl_realloc(void *ptr, size_t size, const char *file, int line)
{
    return fails(OF_OPENSSL) ? NULL : __real_realloc(ptr, size);
}

static void ssl_free(void *ptr, const char *file, int line)
{
    free(ptr);
}

static void *curl_malloc(size_t size)
{
    return fails(OF_CURL) ? NULL : __real_malloc(size);
}

static void *curl_realloc(void *ptr, size_t size)
{
    return fails(OF_CURL) ? NULL : __real_realloc(ptr, size);
}

static void *curl_calloc(size_t count, size_t size)
{
    return fails(OF_CURL) ? NULL : __real_calloc(count, size);
}

static char *curl_strdup(const char *text)
{
    return fails(OF_CURL) ? NULL : strdup(text);
}

static void stand_aside(bool begins)
{
    aside += begins ? 1 : -1;
}

/* --- what is under way on threads: the clock must not be put forward then --- */

enum { KINDS_OF_JOBS = 16 };

static struct {
    const struct worker_kind *kind;
    struct worker_kind counted;
} job_kinds[KINDS_OF_JOBS];
static unsigned jobs_under_way;

int __real_worker_start(struct worker *w, struct worker_job *j);
void __real_worker_abandon(struct worker_job *j);
int __wrap_worker_start(struct worker *w, struct worker_job *j);
void __wrap_worker_abandon(struct worker_job *j);

static void on_job_done(struct worker_job *j)
{
    size_t i = 0;
    while (j->kind != &job_kinds[i].counted)
        i++;
    jobs_under_way--;
    job_kinds[i].kind->done(j);
}

static const struct worker_kind *count_kind(const struct worker_kind *kind)
{
    size_t i = 0;
    while (job_kinds[i].kind && job_kinds[i].kind != kind)
        i++;
    job_kinds[i].kind = kind;
    job_kinds[i].counted = *kind;
    job_kinds[i].counted.done = on_job_done;
    return &job_kinds[i].counted;
}

int __wrap_worker_start(struct worker *w, struct worker_job *j)
{
    j->kind = count_kind(j->kind);
    int r = __real_worker_start(w, j);
    jobs_under_way += r == 0;
    return r;
}

void __wrap_worker_abandon(struct worker_job *j)
{
    jobs_under_way -= j->worker != NULL;
    __real_worker_abandon(j);
}

/* --- one script --- */

struct script {
    struct pipepoll_sink sink;
    uv_loop_t loop;
    struct server server;
    struct rng rng;  /* of the replies */
    uint64_t end_ms; /* the limit */
    struct pipepoll *poller;
    struct pipepoll_target *targets[3];
    uint64_t seed;
    enum from source;
    unsigned faults,
        other_failures; /* that the server made; that were told as anything else than memory */
    unsigned answers, failures, target_count, removed, closed, expired, throttled,
        credentials_given;
    bool refreshed; /* asked to */
    struct request request;
    struct job_input job;
    struct job_details details;
    unsigned requests, requests_told;
    char replies[REPLIES][512];
    unsigned reply_count;
};

static char alarm_text[160], pem_path[] = "/tmp/pipepoll-memory-XXXXXX",
                             file_path[] = "/tmp/pipepoll-memory-XXXXXX";
static char last_failure[512], last_reason[512];
static size_t points[KINDS];

static void give_up(const char *promise)
{
    fprintf(stderr, "%s%s (%s; last failure: %s; credentials: %s)\n", alarm_text, promise,
            failed_kind < 0 ? "none failed" : kind_names[failed_kind], last_failure, last_reason);
    unlink(pem_path);
    unlink(file_path);
    abort();
}

static void must(bool kept, const char *promise)
{
    if (!kept)
        give_up(promise);
}

static bool is_ours(void)
{
    return failed_kind == OF_HOOK || failed_kind == OF_US;
}

static void on_deliver(struct pipepoll_sink *self, struct pipepoll_target *from,
                       const struct pipepoll_answer *answer)
{
    ((struct script *)self)->answers++;
}

static void on_failed(struct pipepoll_sink *self, struct pipepoll_target *from,
                      const struct pipepoll_failure *failure)
{
    struct script *s = (struct script *)self;
    s->failures++;
    snprintf(last_failure, sizeof last_failure, "%.*s", STR_ARG(failure->message));
    s->other_failures += failure->status != PIPEPOLL_ENOMEM;
    must(failure->message.len > 0, "a failure says what failed");
    must(s->other_failures <= s->faults || !is_ours(), "want of memory is told as ENOMEM");
}

static void on_removed(struct pipepoll_sink *self, struct pipepoll_target *from)
{
    ((struct script *)self)->removed++;
}

static void on_credentials(struct pipepoll_sink *self, const struct pipepoll_identity *identity)
{
    bool is_known = !identity->reason.len || identity->refused;
    snprintf(last_reason, sizeof last_reason, "%.*s", STR_ARG(identity->reason));
    must(is_known || !is_ours() || identity->cause == PIPEPOLL_CAUSE_MEMORY,
         "that credentials lack memory has its cause");
}

static void on_closed(void *ctx)
{
    ((struct script *)ctx)->closed++;
}

static void on_details(struct request *rq, const struct request_end *end)
{
    struct script *s = CONTAINER_OF(rq, struct script, request);
    s->requests_told++;
    must(end->status || s->details.data.input_artifacts.count == 2, "a result is whole");
    must(!end->status || end->status == PIPEPOLL_ENOMEM || end->status == PIPEPOLL_ECLOSING ||
             !is_ours(),
         "a request lacks memory by ENOMEM");
}

/* Of a job whose id is too long for the memory that a poll's body has. */
static int ask(struct script *s)
{
    static char id[400];
    memset(id, 'j', sizeof id);
    s->job = (struct job_input) { { id, sizeof id }, STR("token") };
    s->request = (struct request) { .operation = &operation_get_third_party_job_details,
                                    .input = &s->job,
                                    .result = &s->details,
                                    .on_done = on_details };
    int r = request_start(&s->request, s->poller, s->targets[0]->client, NULL);
    s->requests += r == 0;
    return r;
}

/* Whole and kept; bytes must outlive the connection, which few replies do. */
static struct server_reply reply(struct script *s, const char *status, const char *body)
{
    char *text = s->replies[s->reply_count++ % REPLIES];
    int len = snprintf(text, sizeof s->replies[0],
                       "HTTP/1.1 %s\r\nx-amz-retry-after: 1\r\nContent-Length: %zu\r\n\r\n%s",
                       status, strlen(body), body);
    return (struct server_reply) { { text, (size_t)len }, SERVER_KEEP, 0 };
}

static bool begins(str text, const char *with)
{
    return text.len >= strlen(with) && memcmp(text.ptr, with, strlen(with)) == 0;
}

static struct server_reply answer(struct server *server, const struct server_request *rq)
{
    struct script *s = server->ctx;
    char credentials[256];
    if (begins(rq->head, "GET /keys")) {
        snprintf(credentials, sizeof credentials,
                 "{\"AccessKeyId\":\"AKID%u\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
                 "\"Expiration\":\"2100-01-01T00:00:00Z\"}",
                 ++s->credentials_given);
        return reply(s, "200 OK", credentials);
    }
    if (begins(rq->body, "Action=AssumeRole")) {
        snprintf(credentials, sizeof credentials,
                 "{\"AssumeRoleResponse\":{\"AssumeRoleResult\":{\"Credentials\":{"
                 "\"AccessKeyId\":\"ASIA%u\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\","
                 "\"Expiration\":4102444800}}}}",
                 ++s->credentials_given);
        return reply(s, "200 OK", credentials);
    }
    if (memmem(rq->head.ptr, rq->head.len, "GetThirdPartyJobDetails", 23))
        return reply(s, "200 OK",
                     "{\"jobDetails\":{\"data\":{\"inputArtifacts\":[{\"name\":\"a\"},{}],"
                     "\"actionConfiguration\":{\"configuration\":{\"key\":\"\\u0076alue\"}}}}}");
    switch (rng_next(&s->rng) % 8) {
    case 0:
        if (s->throttled++ || s->seed / 8 % 4 != 3)
            break; /* it takes a second */
        s->faults++;
        return reply(s, "400 Bad", "{\"__type\":\"ThrottlingException\"}");
    case 1:
        if (!s->expired++ && (s->source == FROM_CONTAINER || s->source == BY_ROLE) && ++s->faults)
            return reply(s, "400 Bad", "{\"__type\":\"ExpiredTokenException\"}");
        break;
    case 2:
        s->faults++;
        return (struct server_reply) { STR(""), SERVER_RESET, 0 };
    case 3:
        s->faults++;
        return (struct server_reply) { SERVER_OK("4000", "", "{\"jobs\":[{"), SERVER_CLOSE, 0 };
    case 4:
        s->faults++;
        return reply(s, "500 Oh", "");
    default:
        break;
    }
    struct server_reply jobs =
        reply(s, "200 OK", "{\"jobs\":[{\"clientId\":\"c1\",\"jobId\":\"j1\"}]}");
    jobs.piece = rng_next(&s->rng) % 4 ? 0 : 30;
    return jobs;
}

static int credentials_of(struct script *s, struct pipepoll_credentials **out)
{
    struct pipepoll_role role = { .size = sizeof role,
                                  .arn = STR("arn:aws:iam::123456789012:role/Name"),
                                  .session_name = STR("test") };
    struct pipepoll_credentials *source = NULL;
    int r = 0;
    switch (s->source) {
    case FROM_FILE:
        return pipepoll_credentials_profile(out, STR("acme"), NULL);
    case FROM_CONTAINER:
        return pipepoll_credentials_default(out, NULL);
    case BY_ROLE:
        r = pipepoll_credentials_profile(&source, STR("acme"), NULL);
        if (!r)
            r = pipepoll_credentials_role(out, source, &role, NULL);
        pipepoll_credentials_unref(source);
        return r;
    case FIXED:
    case SOURCES:
        break;
    }
    return pipepoll_credentials_static(out, STR("AKID"), STR("secret"), STR("token"), NULL);
}

static int add(struct script *s, const char *region, const char *host)
{
    struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
    char url[96];
    snprintf(url, sizeof url, "%s", s->server.url);
    if (host)
        snprintf(url, sizeof url, "http://%s%s", host, strrchr(s->server.url, ':'));
    o.action_type =
        (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"), STR("Acme"), STR("1") };
    o.region = pipepoll_str(region);
    o.endpoint_url = str_of(url);
    o.interval_ms = 1;
    int r = pipepoll_target_add(s->poller, &o, &s->targets[s->target_count], NULL);
    s->target_count += r == 0;
    return r;
}

static int start(struct script *s)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    int r = credentials_of(s, &o.credentials);
    if (r)
        return r;
    o.sink = &s->sink;
    o.ca_bundle = str_of(pem_path);
    o.seed = s->seed;
    o.max_in_flight = 2;
    o.request_timeout_ms = 5000;
    o.resize = hook_resize;
    r = pipepoll_open(&s->poller, &s->loop, &o, NULL);
    pipepoll_credentials_unref(o.credentials);
    if (!r)
        r = add(s, "us-east-1", NULL);
    if (!r)
        r = ask(s);
    if (!r)
        r = add(s, "eu-west-1", s->server.tls ? NULL : "localhost");
    return r;
}

/* Want of memory below us may be told as what those below made of it, and be slow to be tried
 * again: then that it is told is enough. */
static bool is_done(const struct script *s)
{
    if (s->answers >= ANSWERS)
        return true;
    if (runs_dry && failed_kind >= 0)
        return s->failures > 0 || last_reason[0];
    return failed_kind >= 0 && !is_ours() && (s->failures > 0 || last_reason[0]);
}

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

/* What the loop would wait for comes at once, unless it is the work of a thread. */
static void pass_time(struct script *s)
{
    struct pollfd ready = { .fd = uv_backend_fd(&s->loop), .events = POLLIN };
    int wait_ms = uv_backend_timeout(&s->loop);
    if (wait_ms == 0 || poll(&ready, 1, jobs_under_way ? 1 : 0) > 0)
        return;
    if (!jobs_under_way)
        moved_ms += wait_ms > 0 ? (uint64_t)wait_ms : 0;
    must(now_ms() < s->end_ms, "it ends in time");
}

static void turn_loop(struct script *s)
{
    uv_run(&s->loop, UV_RUN_NOWAIT);
    pass_time(s);
}

static void turn(struct script *s)
{
    turn_loop(s);
    if (s->answers < ANSWERS / 2 || s->refreshed)
        return;
    s->refreshed = true;
    pipepoll_refresh_credentials(s->poller);
    pipepoll_target_remove(s->targets[0]);
    s->targets[0] = NULL;
}

static void play(struct script *s)
{
    int r = start(s);
    must(r == 0 || (failed_kind >= 0 && (r == PIPEPOLL_ENOMEM || !is_ours())),
         "an open and an add lack memory by ENOMEM");
    while (!r && !is_done(s))
        turn(s);
    if (s->poller)
        pipepoll_close(s->poller, on_closed, s);
    while (s->poller && !s->closed)
        turn_loop(s);
    must(s->removed == s->target_count, "each target gets its removed()");
    must(s->requests_told == s->requests, "each request gets its end, once");
}

static void script_open(struct script *s, uint64_t seed)
{
    char url[96];
    *s = (struct script) {
        .sink = { sizeof(struct pipepoll_sink), NULL, on_deliver, on_failed, on_removed,
                  on_credentials },
        .rng = { seed },
        .seed = seed,
        .source = (enum from)(seed / 2 % SOURCES),
    };
    uv_loop_init(&s->loop);
    s->end_ms = now_ms() + LIMIT_MS;
    server_open(&s->server, &s->loop, answer, s);
    if (seed % 2)
        server_use_tls(&s->server, pem_path);
    snprintf(url, sizeof url, "%skeys", s->server.url);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
    setenv("AWS_ENDPOINT_URL_STS", s->server.url, 1);
}

/* The n-th allocation fails (0: none). How many there were. */
static size_t run(uint64_t seed, size_t n)
{
    static struct script s;
    script_open(&s, seed);
    snprintf(alarm_text, sizeof alarm_text,
             "seed %llu, allocation %zu: broken: ", (unsigned long long)seed, n);
    alarm(LIMIT_S);
    last_failure[0] = last_reason[0] = '\0';
    asked = 0;
    fail_at = n;
    failed_kind = -1;
    armed = true;
    play(&s);
    armed = false;
    server_close(&s.server);
    uv_run(&s.loop, UV_RUN_DEFAULT);
    alarm(0);
    must(uv_loop_close(&s.loop) == 0, "the loop closes");
    must(jobs_under_way == 0, "each job is told or abandoned");
    must(in_use == 0, "all memory of the hook is given back");
    if (failed_kind >= 0)
        points[failed_kind]++;
    return asked;
}

/* Not safe in a handler, but the test is over. */
static void on_timer(int signal)
{
    give_up("it ends");
}

static void make_files(void)
{
    static const char profile[] = "[acme]\naws_access_key_id = AKIDF\n"
                                  "aws_secret_access_key = secret\naws_session_token = token\n";
    int fd = mkstemp(file_path), pem = mkstemp(pem_path);
    uv_loop_t loop;
    struct server server;
    if (pem < 0 || write(fd, profile, sizeof profile - 1) < 0)
        abort();
    close(fd);
    close(pem);
    uv_loop_init(&loop);
    server_open(&server, &loop, answer, NULL);
    server_use_tls(&server, pem_path);
    server_close(&server);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

static void be_alone(void)
{
    alone();
    setenv("AWS_SHARED_CREDENTIALS_FILE", file_path, 1);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, on_timer);
}

static uint64_t argument(int argc, char **argv, int i, uint64_t otherwise)
{
    return argc > i ? strtoull(argv[i], NULL, 10) : otherwise;
}

/* "own" allocations, those "below" us, or all. */
static void want(const char *which)
{
    bool above = strcmp(which, "below") != 0;
    runs_dry = strcmp(which, "dry") == 0;
    wanted[OF_HOOK] = wanted[OF_US] = above;
    wanted[OF_OPENSSL] = wanted[OF_CURL] = !above || strcmp(which, "all") == 0;
}

int main(int argc, char **argv)
{
    uint64_t first = argument(argc, argv, 2, 1), count = argument(argc, argv, 3, 1);
    size_t stride = argument(argc, argv, 4, 1), only = argument(argc, argv, 5, 0);
    server_aside = stand_aside;
    want(argc > 1 ? argv[1] : "all");
    if (!CRYPTO_set_mem_functions(ssl_malloc, ssl_realloc, ssl_free) ||
        curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc, free, curl_realloc, curl_strdup,
                             curl_calloc))
        abort();
    make_files();
    be_alone();
    run(first, only);
    for (uint64_t seed = first; !only && seed < first + count; seed++)
        for (size_t n = 1 + seed % stride; run(seed, n) >= n; n += stride)
            continue;
    unlink(pem_path);
    unlink(file_path);
    for (int i = 0; i < KINDS; i++)
        printf("%zu %s%s", points[i], kind_names[i], i + 1 < KINDS ? ", " : "\n");
    return 0;
}
