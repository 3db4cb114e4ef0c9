/* SPDX-License-Identifier: MIT */
/* The simulator over its wire: curl asks and signs (its principal is nobody's here), on the same
 * thread and loop, so that nothing has to sleep. */
#include "sim/sim.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "lib/check.h"

enum { BODY_MAX = 64 * 1024, MS_NS = 1000000 };

struct world {
    uv_loop_t loop;
    struct sim *sim;
    CURLM *multi;
    bool closed;
    unsigned handed_out;
    char region[32];
    uint64_t waited_ns; /* from available to handed out */
    uint64_t handed_out_ns;
    bool close_when_handed_out;
};

#define CUSTOM_POLL(query)                                                                         \
    "{\"actionTypeId\":{\"category\":\"Build\",\"owner\":\"Custom\",\"provider\":\"Acme\","        \
    "\"version\":\"1\"},\"queryParam\":" query "}"

struct ask {
    const char *method, *path, *target, *region, *body, *secret, *token;
    bool unsigned_;
};

enum way { ON_ITS_WAY_THERE, ON_ITS_WAY_BACK };

struct got {
    CURLcode code;
    long status;
    double seconds;
    unsigned pieces; /* in which the body came */
    size_t len;
    char body[BODY_MAX];
    char headers[4096];
    size_t headers_len;
};

#define TARGET "CodePipeline_20150709."
#define POLL                                                                                       \
    "{\"actionTypeId\":{\"category\":\"Build\",\"owner\":\"ThirdParty\","                          \
    "\"provider\":\"Acme\",\"version\":\"1\"},\"maxBatchSize\":5}"

/* --- the world -------------------------------------------------------------------------------- */

static void on_closed(void *ctx)
{
    struct world *w = ctx;
    w->closed = true;
}

static void on_handed_out(void *ctx, str region, str job_id, uint64_t available_ns, uint64_t now_ns)
{
    struct world *w = ctx;
    snprintf(w->region, sizeof w->region, "%.*s", STR_ARG(region));
    w->waited_ns = now_ns - available_ns;
    w->handed_out_ns = now_ns;
    w->handed_out++;
    assert_int_equal(job_id.len, 36);
    if (w->close_when_handed_out)
        sim_close(w->sim, on_closed, w);
}

static void world_open(struct world *w, struct sim_options o)
{
    *w = (struct world) { .multi = curl_multi_init() };
    o.handed_out = on_handed_out;
    o.ctx = w;
    assert_int_equal(uv_loop_init(&w->loop), 0);
    struct pipepoll_error why = { .text = "" };
    if (sim_open(&w->sim, &w->loop, &o, &why))
        fail_msg("%s", why.text);
}

/* Everything must end by itself, and nothing may be left on the loop. */
static void world_close(struct world *w)
{
    sim_close(w->sim, on_closed, w);
    assert_false(w->closed); /* never from inside the call */
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_true(w->closed);
    curl_multi_cleanup(w->multi);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

static void faults(struct world *w, struct sim_faults t)
{
    assert_int_equal(sim_faults_set(w->sim, &(struct sim_scope) { 0 }, &t, NULL), 0);
}

static void add_jobs(struct world *w, size_t n)
{
    assert_int_equal(sim_jobs_add(w->sim, &(struct sim_scope) { 0 }, n, NULL), 0);
}

/* --- asking ----------------------------------------------------------------------------------- */

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
    struct got *g = ctx;
    assert_true(g->len + size * n < BODY_MAX);
    memcpy(g->body + g->len, data, size * n);
    g->len += size * n;
    g->body[g->len] = '\0';
    g->pieces++;
    return size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
    struct got *g = ctx;
    assert_true(g->headers_len + size * n < sizeof g->headers);
    memcpy(g->headers + g->headers_len, data, size * n);
    g->headers_len += size * n;
    return size * n;
}

static struct curl_slist *headers_of(const struct ask *a)
{
    char line[256];
    struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/x-amz-json-1.1");
    list = curl_slist_append(list, "Expect:");
    snprintf(line, sizeof line, "X-Amz-Target: %s", a->target ? a->target : "none");
    list = curl_slist_append(list, line);
    snprintf(line, sizeof line, "X-Amz-Security-Token: %s", a->token ? a->token : "");
    return a->token ? curl_slist_append(list, line) : list;
}

static CURL *easy_of(struct world *w, const struct ask *a, struct got *g,
                     struct curl_slist *headers)
{
    char text[256];
    CURL *easy = curl_easy_init();
    const char *ca = sim_ca_pem(w->sim);
    snprintf(text, sizeof text, "%s%s", sim_url(w->sim), a->path ? a->path : "/");
    curl_easy_setopt(easy, CURLOPT_URL, text);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, g);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, g);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, a->body ? a->body : "");
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, a->method ? a->method : "POST");
    struct curl_blob pem = { (void *)(uintptr_t)ca, ca ? strlen(ca) : 0, CURL_BLOB_COPY };
    if (ca)
        curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &pem);
    if (a->unsigned_)
        return easy;
    snprintf(text, sizeof text, "aws:amz:%s:codepipeline", a->region ? a->region : "us-east-1");
    curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, text);
    curl_easy_setopt(easy, CURLOPT_USERNAME, "AKIDEXAMPLE");
    curl_easy_setopt(easy, CURLOPT_PASSWORD,
                     a->secret ? a->secret : "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    return easy;
}

/* One turn of both sides; true while curl is at it. */
static bool exchange(struct world *w)
{
    int running = 0;
    curl_multi_perform(w->multi, &running);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    if (running)
        curl_multi_poll(w->multi, NULL, 0, 1, NULL);
    return running > 0;
}

/* One question from its first byte to its answer's last. Stays where it is: curl points into it. */
struct flight {
    struct curl_slist *headers;
    CURL *easy;
    struct got got;
};

static void flight_begin(struct world *w, struct flight *f, const struct ask *a)
{
    *f = (struct flight) { .headers = headers_of(a) };
    f->easy = easy_of(w, a, &f->got, f->headers);
    curl_multi_add_handle(w->multi, f->easy);
}

static void flight_end(struct world *w, struct flight *f)
{
    int left;
    while (exchange(w))
        ;
    CURLMsg *m = curl_multi_info_read(w->multi, &left);
    assert_non_null(m);
    f->got.code = m->data.result;
    curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &f->got.status);
    curl_easy_getinfo(f->easy, CURLINFO_TOTAL_TIME, &f->got.seconds);
    curl_multi_remove_handle(w->multi, f->easy);
    curl_easy_cleanup(f->easy);
    curl_slist_free_all(f->headers);
}

static struct got ask(struct world *w, struct ask a)
{
    struct flight f;
    flight_begin(w, &f, &a);
    flight_end(w, &f);
    return f.got;
}

static const struct ask a_poll = { .target = TARGET "PollForThirdPartyJobs", .body = POLL };

static struct got poll_once(struct world *w)
{
    return ask(w, a_poll);
}

/* Begin a poll and return when it has set out on that way, with all of it still to go. */
static void poll_until(struct world *w, struct flight *f, enum way way)
{
    struct sim_stats stats = { 0 };
    flight_begin(w, f, &a_poll);
    while ((way == ON_ITS_WAY_THERE ? stats.requests : stats.polls) == 0) {
        assert_true(exchange(w));
        sim_stats(w->sim, &stats);
    }
    assert_int_equal(stats.polls, way == ON_ITS_WAY_BACK);
    assert_int_equal(f->got.headers_len, 0);
}

static struct got control(struct world *w, const char *method, const char *path, const char *body)
{
    return ask(w, (struct ask) { .method = method, .path = path, .body = body, .unsigned_ = true });
}

static unsigned count(const struct got *g, const char *what)
{
    unsigned n = 0;
    for (const char *at = g->body; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

static void assert_answer(const struct got *g, long status, const char *part)
{
    assert_int_equal(g->code, CURLE_OK);
    if (g->status != status || !strstr(g->body, part))
        fail_msg("%ld %s has no %s", g->status, g->body, part);
}

/* --- jobs ------------------------------------------------------------------------------------- */

static void jobs_come_out_over_verified_tls(void **state)
{
    struct world w;
    world_open(&w, (struct sim_options) { .tls = true });
    add_jobs(&w, 7);
    struct got g = poll_once(&w);
    assert_answer(&g, 200, "{\"jobs\":[{\"clientId\":\"");
    assert_int_equal(count(&g, "\"jobId\":"), 5);
    g = poll_once(&w);
    assert_int_equal(count(&g, "\"jobId\":"), 2);
    g = poll_once(&w);
    assert_answer(&g, 200, "{\"jobs\":[]}");
    assert_int_equal(w.handed_out, 7);
    assert_string_equal(w.region, "us-east-1");
    assert_true(w.waited_ns > 0);
    world_close(&w);
}

static void an_answer_has_the_headers_of_aws(void **state)
{
    struct world w;
    world_open(&w, (struct sim_options) { 0 });
    struct got g = poll_once(&w);
    assert_non_null(strstr(g.headers, "Content-Type: application/x-amz-json-1.1\r\n"));
    assert_non_null(strstr(g.headers, "x-amzn-RequestId: "));
    assert_non_null(strstr(g.headers, " GMT\r\n"));
    world_close(&w);
}

static void one_port_serves_all_regions_apart(void **state)
{
    struct world w;
    const struct sim_scope ireland = { .region = STR("eu-west-1") };
    world_open(&w, (struct sim_options) { 0 });
    sim_jobs_add(w.sim, &ireland, 1, NULL);
    struct got g = poll_once(&w);
    assert_answer(&g, 200, "{\"jobs\":[]}");
    g = ask(&w, (struct ask) { .target = TARGET "PollForThirdPartyJobs",
                               .body = POLL,
                               .region = "eu-west-1" });
    assert_int_equal(count(&g, "\"jobId\":"), 1);
    assert_string_equal(w.region, "eu-west-1");
    world_close(&w);
}

static void custom_jobs_come_with_their_details(void **state)
{
    struct world w;
    const struct sim_scope scope = { .action_type.owner = STR("Custom") };
    world_open(&w, (struct sim_options) { 0 });
    sim_jobs_add(w.sim, &scope, 1, NULL);
    struct got g = ask(
        &w, (struct ask) { .target = TARGET "PollForJobs",
                           .body = "{\"actionTypeId\":{\"category\":\"Build\",\"owner\":\"Custom\","
                                   "\"provider\":\"Acme\",\"version\":\"1\"}}" });
    assert_answer(&g, 200, "\"nonce\":\"1\"");
    assert_answer(&g, 200, "\"accountId\":\"111111111111\"");
    assert_answer(&g, 200, "\"actionTypeId\":{\"category\":\"Build\"");
    world_close(&w);
}

/* What stands behind the name in the first job of an answer, up to the quote. */
static const char *member_of(const struct got *g, const char *name, char out[64])
{
    char start[32];
    snprintf(start, sizeof start, "\"%s\":\"", name);
    const char *at = strstr(g->body, start);
    assert_non_null(at);
    snprintf(out, 64, "%.*s", (int)strcspn(at + strlen(start), "\""), at + strlen(start));
    return out;
}

static struct got details(struct world *w, const char *job_id, const char *token,
                          const char *region)
{
    char body[256];
    snprintf(body, sizeof body, "{\"jobId\":\"%s\",\"clientToken\":\"%s\"}", job_id, token);
    return ask(w, (struct ask) {
                      .target = TARGET "GetThirdPartyJobDetails", .body = body, .region = region });
}

static void a_third_party_job_tells_its_details_to_who_has_its_token(void **state)
{
    struct world w;
    char job_id[64], client_id[64], token[80];
    world_open(&w, (struct sim_options) { 0 });
    assert_int_equal(
        sim_job_add(w.sim, &(struct sim_scope) { 0 }, STR("{\"Project\":\"P\\u0000\"}"), NULL), 0);
    struct got g = poll_once(&w);
    member_of(&g, "jobId", job_id);
    snprintf(token, sizeof token, "token-%s", member_of(&g, "clientId", client_id));

    g = details(&w, job_id, token, NULL);
    assert_answer(&g, 200, "{\"jobDetails\":{\"id\":\"");
    assert_answer(&g, 200, "\"nonce\":\"1\"");
    assert_answer(&g, 200, "\"configuration\":{\"Project\":\"P\\u0000\"}");
    assert_answer(&g, 200, "\"artifactCredentials\":{\"accessKeyId\":");
    assert_answer(&g, 200, "\"s3Location\":{\"bucketName\":");
    assert_null(strstr(g.body, "pipelineArn")); /* that is of custom jobs */

    g = details(&w, job_id, "token-wrong", NULL);
    assert_answer(&g, 400, "InvalidClientTokenException");
    g = details(&w, "another", token, NULL);
    assert_answer(&g, 400, "JobNotFoundException");
    g = details(&w, job_id, token, "eu-west-1");
    assert_answer(&g, 400, "JobNotFoundException");
    g = details(&w, job_id, "", NULL);
    assert_answer(&g, 400, "ValidationException");
    assert_true(sim_job_acknowledge(w.sim, str_of(job_id)));
    g = details(&w, job_id, token, NULL);
    assert_answer(&g, 400, "JobNotFoundException");
    world_close(&w);
}

static void a_custom_job_is_no_third_party_job(void **state)
{
    struct world w;
    char job_id[64];
    const struct sim_scope scope = { .action_type.owner = STR("Custom") };
    world_open(&w, (struct sim_options) { 0 });
    sim_jobs_add(w.sim, &scope, 1, NULL);
    struct got g =
        ask(&w, (struct ask) { .target = TARGET "PollForJobs", .body = CUSTOM_POLL("{}") });
    member_of(&g, "pipelineExecutionId", job_id); /* the simulator's are the job's own */
    g = details(&w, job_id, "token", NULL);
    assert_answer(&g, 400, "InvalidJobException");
    world_close(&w);
}

static void requests_share_a_connection(void **state)
{
    struct world w;
    struct sim_stats stats;
    world_open(&w, (struct sim_options) { .tls = true });
    for (int i = 0; i < 5; i++)
        poll_once(&w);
    sim_stats(w.sim, &stats);
    assert_int_equal(stats.polls, 5);
    assert_int_equal(stats.connections, 1);
    world_close(&w);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void a_bad_signature_is_refused_in_the_words_of_aws(void **state)
{
    struct world w;
    struct sim_stats stats;
    world_open(&w, (struct sim_options) { 0 });
    struct ask a = { .target = TARGET "PollForThirdPartyJobs", .body = POLL, .secret = "wrong" };
    struct got g = ask(&w, a);
    assert_answer(&g, 400, "{\"__type\":\"InvalidSignatureException\",\"message\":\"The request");
    a.unsigned_ = true;
    g = ask(&w, a);
    assert_answer(&g, 400, "\"MissingAuthenticationTokenException\"");
    a = (struct ask) { .target = a.target, .body = POLL, .token = "surplus" };
    g = ask(&w, a);
    assert_answer(&g, 400, "\"UnrecognizedClientException\"");
    sim_stats(w.sim, &stats);
    assert_int_equal(stats.refused, 3);
    assert_int_equal(stats.polls, 0);
    world_close(&w);
}

static void the_session_token_is_asked_for_when_there_is_one(void **state)
{
    struct world w;
    world_open(&w, (struct sim_options) { .session_token = STR("a/token+=") });
    struct got g = poll_once(&w);
    assert_answer(&g, 400, "\"UnrecognizedClientException\"");
    g = ask(&w, (struct ask) {
                    .target = TARGET "PollForThirdPartyJobs", .body = POLL, .token = "a/token+=" });
    assert_answer(&g, 200, "{\"jobs\":[]}");
    world_close(&w);
}

static void what_the_service_does_not_do_is_told(void **state)
{
    struct world w;
    world_open(&w, (struct sim_options) { .strict_action_types = true });
    struct got g = ask(&w, (struct ask) { .target = TARGET "MakeTea", .body = POLL });
    assert_answer(&g, 400, "\"UnknownOperationException\"");
    g = ask(&w, (struct ask) { .target = "M\xc3(", .body = POLL });
    assert_answer(&g, 400, "'M?('");
    g = ask(&w, (struct ask) { .target = TARGET "PollForThirdPartyJobs", .body = "{" });
    assert_answer(&g, 400, "\"SerializationException\"");
    g = poll_once(&w);
    assert_answer(&g, 400,
                  "{\"__type\":\"ActionTypeNotFoundException\",\"message\":\"ActionType (Category: "
                  "'Build', Owner: 'ThirdParty', Provider: 'Acme', Version: '1') is not "
                  "available\"}");
    assert_int_equal(sim_action_type_add(w.sim, &(struct sim_scope) { 0 }, NULL), 0);
    g = poll_once(&w);
    assert_answer(&g, 200, "{\"jobs\":[]}");
    world_close(&w);
}

static void custom_jobs_come_by_the_value_of_their_queryable_property(void **state)
{
    static const char type[] = "{\"owner\":\"Custom\",\"queryable\":\"Project\"}";
    static const char job[] =
        "{\"owner\":\"Custom\",\"configuration\":{\"Project\":\"p1\",\"a\":\"b\"}}";
    struct world w;
    world_open(&w, (struct sim_options) { 0 });
    struct got g = control(&w, "POST", "/_sim/action-types", type);
    assert_answer(&g, 200, "{}");
    g = control(&w, "POST", "/_sim/jobs", job);
    assert_answer(&g, 200, "{\"added\":1}");
    struct ask poll = { .target = TARGET "PollForJobs", .body = CUSTOM_POLL("{}") };
    g = ask(&w, poll);
    assert_answer(&g, 400, "queryParam must have the key 'Project'");
    poll.body = CUSTOM_POLL("{\"Project\":\"aaaaaaaaaabbbbbbbbbbc\"}");
    g = ask(&w, poll);
    assert_answer(&g, 400, "more than 20 characters");
    poll.body = CUSTOM_POLL("{\"Project\":\"p2\"}");
    g = ask(&w, poll);
    assert_answer(&g, 200, "{\"jobs\":[]}");
    poll.body = CUSTOM_POLL("{\"Project\":\"p1\"}");
    g = ask(&w, poll);
    assert_answer(&g, 200, "\"configuration\":{\"Project\":\"p1\",\"a\":\"b\"}");
    assert_answer(&g, 200, "\"pipelineExecutionId\":\"");
    world_close(&w);
}

static void only_post_is_served_and_no_large_body(void **state)
{
    struct world w;
    char *large = malloc((1 << 20) + 2);
    memset(large, ' ', (1 << 20) + 1);
    large[(1 << 20) + 1] = '\0';
    world_open(&w, (struct sim_options) { 0 });
    struct got g = ask(&w, (struct ask) { .method = "PUT" });
    assert_answer(&g, 403, "");
    assert_non_null(strstr(g.headers, "Allow: POST\r\n"));
    g = ask(&w, (struct ask) { .body = large, .unsigned_ = true });
    assert_answer(&g, 413, "");
    memcpy(large, "{}", 2);
    large[1 << 20] = '\0';
    g = ask(&w, (struct ask) { .body = large, .unsigned_ = true });
    assert_answer(&g, 400, "UnknownOperationException");
    world_close(&w);
    free(large);
}

/* --- faults --------------------------------------------------------------------------------- */

static void too_many_requests_are_throttled(void **state)
{
    struct world w;
    world_open(&w,
               (struct sim_options) { .faults = { .throttle_per_s = 1, .retry_after_ms = 1500 } });
    struct got g = poll_once(&w);
    assert_answer(&g, 200, "{\"jobs\":[]}");
    g = poll_once(&w);
    assert_answer(&g, 400, "{\"__type\":\"ThrottlingException\",\"message\":\"Rate exceeded\"}");
    assert_non_null(strstr(g.headers, "x-amz-retry-after: 1500\r\n"));
    world_close(&w);
}

static void a_failing_service_hands_out_nothing(void **state)
{
    struct world w;
    struct sim_stats stats;
    world_open(&w, (struct sim_options) { .tls = true });
    add_jobs(&w, 1);
    faults(&w, (struct sim_faults) { .error_rate = 1, .error_status = 503 });
    struct got g = poll_once(&w);
    assert_answer(&g, 503, "\"ServiceUnavailable\"");
    faults(&w, (struct sim_faults) { .error_rate = 1 });
    g = poll_once(&w);
    assert_answer(&g, 500, "\"InternalFailure\"");
    faults(&w, (struct sim_faults) { .garbage_rate = 1 });
    g = poll_once(&w);
    assert_answer(&g, 200, "<html>");
    sim_stats(w.sim, &stats);
    assert_int_equal(stats.faulted, 3);
    assert_int_equal(stats.jobs_waiting, 1);
    faults(&w, (struct sim_faults) { 0 });
    g = poll_once(&w);
    assert_int_equal(count(&g, "\"jobId\":"), 1);
    world_close(&w);
}

static void a_reset_connection_gives_no_answer(void **state)
{
    struct world w;
    struct sim_stats stats;
    for (int tls = 0; tls < 2; tls++) {
        world_open(&w, (struct sim_options) { .tls = tls, .faults = { .reset_rate = 1 } });
        add_jobs(&w, 1);
        struct got g = poll_once(&w);
        assert_int_equal(g.code, CURLE_RECV_ERROR); /* not CURLE_GOT_NOTHING, as after a FIN */
        sim_stats(w.sim, &stats);
        assert_int_equal(stats.faulted, 1);
        assert_int_equal(stats.jobs_waiting, 1);
        world_close(&w);
    }
}

static void a_lost_answer_is_one_that_took_effect(void **state)
{
    struct world w;
    struct sim_stats stats;
    char job_id[64], body[128];
    const struct sim_scope scope = { .action_type.owner = STR("Custom") };
    world_open(&w, (struct sim_options) { 0 });
    sim_jobs_add(w.sim, &scope, 1, NULL);
    /* For the jobs of a provider, whom an acknowledgement does not name. */
    const struct sim_faults lost = { .operation = STR("AcknowledgeJob"), .lose_rate = 1 };
    assert_int_equal(sim_faults_set(w.sim,
                                    &(struct sim_scope) { .action_type.provider = STR("Acme") },
                                    &lost, NULL),
                     0);
    struct got g =
        ask(&w, (struct ask) { .target = TARGET "PollForJobs", .body = CUSTOM_POLL("{}") });
    member_of(&g, "id", job_id);
    snprintf(body, sizeof body, "{\"jobId\":\"%s\",\"nonce\":\"1\"}", job_id);
    const struct ask acknowledge = { .target = TARGET "AcknowledgeJob", .body = body };
    g = ask(&w, acknowledge);
    assert_int_not_equal(g.code, CURLE_OK);
    assert_int_equal(g.headers_len, 0);
    sim_stats(w.sim, &stats);
    assert_int_equal(stats.jobs_acknowledged, 1);
    assert_int_equal(stats.jobs_acknowledged_again, stats.faulted - 1); /* curl may try again */
    assert_int_equal(stats.jobs_in_progress, 1);
    g = control(&w, "DELETE", "/_sim/faults", NULL);
    g = ask(&w, acknowledge);
    assert_answer(&g, 400, "InvalidNonceException");
    world_close(&w);
}

static void a_truncated_answer_is_a_true_one_cut_short(void **state)
{
    struct world w;
    world_open(&w, (struct sim_options) { 0 });
    add_jobs(&w, 1);
    faults(&w, (struct sim_faults) { .truncate_rate = 1 });
    struct got g = poll_once(&w);
    assert_int_equal(g.code, CURLE_PARTIAL_FILE);
    assert_int_equal(w.handed_out, 1);
    assert_true(g.len > 0);
    world_close(&w);
}

static void a_slow_body_comes_in_pieces_and_whole(void **state)
{
    struct world w;
    world_open(&w, (struct sim_options) { .tls = true });
    add_jobs(&w, 5);
    struct got fast = poll_once(&w);
    faults(&w, (struct sim_faults) { .slow_bytes_per_s = 4000 });
    add_jobs(&w, 5);
    struct got slow = poll_once(&w);
    assert_int_equal(fast.pieces, 1);
    assert_true(slow.pieces >= 2);
    assert_int_equal(slow.len, fast.len);
    assert_answer(&slow, 200, "}]}");
    world_close(&w);
}

static void half_of_the_latency_passes_on_each_way(void **state)
{
    struct world w;
    world_open(&w, (struct sim_options) { .faults = { .latency_ms = 31 } });
    add_jobs(&w, 1);
    uint64_t begin_ns = uv_hrtime();
    struct got g = poll_once(&w);
    uint64_t end_ns = uv_hrtime();
    assert_int_equal(count(&g, "\"jobId\":"), 1);
    assert_true(w.handed_out_ns - begin_ns >= 15 * MS_NS);
    assert_true(end_ns - w.handed_out_ns >= 16 * MS_NS);
    world_close(&w);
}

static void a_job_that_comes_during_the_way_there_is_in_the_answer(void **state)
{
    struct world w;
    struct flight f;
    world_open(&w, (struct sim_options) { .faults = { .latency_ms = 20 } });
    poll_until(&w, &f, ON_ITS_WAY_THERE);
    add_jobs(&w, 1);
    flight_end(&w, &f);
    assert_answer(&f.got, 200, "\"jobId\":");
    world_close(&w);
}

static void a_job_that_comes_during_the_way_back_waits_for_the_next_poll(void **state)
{
    struct world w;
    struct flight f;
    world_open(&w, (struct sim_options) { .faults = { .latency_ms = 20 } });
    poll_until(&w, &f, ON_ITS_WAY_BACK);
    add_jobs(&w, 1);
    flight_end(&w, &f);
    assert_answer(&f.got, 200, "{\"jobs\":[]}");
    struct got g = poll_once(&w);
    assert_answer(&g, 200, "\"jobId\":");
    world_close(&w);
}

static void faults_that_come_during_the_way_there_are_met(void **state)
{
    struct world w;
    struct flight f;
    world_open(&w, (struct sim_options) { .faults = { .latency_ms = 20 } });
    poll_until(&w, &f, ON_ITS_WAY_THERE);
    faults(&w, (struct sim_faults) { .error_rate = 1 });
    flight_end(&w, &f);
    assert_answer(&f.got, 500, "\"InternalFailure\"");
    assert_true(f.got.seconds >= 0.020); /* the way back is as long as it was drawn */
    world_close(&w);
}

static void a_wrong_clock_shows_in_its_date_and_its_checks(void **state)
{
    struct world w;
    world_open(&w, (struct sim_options) { .faults = { .clock_skew_s = 3600 } });
    struct got g = poll_once(&w);
    assert_answer(&g, 400, "Signature expired: ");
    faults(&w, (struct sim_faults) { .clock_skew_s = -3600 });
    g = poll_once(&w);
    assert_answer(&g, 400, "Signature not yet current: ");
    world_close(&w);
}

static void faults_can_be_for_one_region_alone(void **state)
{
    struct world w;
    const struct sim_scope ireland = { .region = STR("eu-west-1") };
    world_open(&w, (struct sim_options) { 0 });
    sim_faults_set(w.sim, &ireland, &(struct sim_faults) { .error_rate = 1 }, NULL);
    struct got g = poll_once(&w);
    assert_answer(&g, 200, "{\"jobs\":[]}");
    g = ask(&w, (struct ask) { .target = TARGET "PollForThirdPartyJobs",
                               .body = POLL,
                               .region = "eu-west-1" });
    assert_answer(&g, 500, "");
    world_close(&w);
}

/* --- the control API -------------------------------------------------------------------------- */

static void the_control_api_adds_jobs_and_tells_their_lives(void **state)
{
    struct world w;
    world_open(&w, (struct sim_options) { 0 });
    struct got g = control(&w, "POST", "/_sim/jobs", "{\"provider\":\"Acme\",\"count\":2}");
    assert_answer(&g, 200, "{\"added\":2}");
    g = poll_once(&w);
    char *id = strstr(g.body, "\"jobId\":\""), body[64];
    assert_non_null(id);
    snprintf(body, sizeof body, "{%.46s}", id);
    g = control(&w, "POST", "/_sim/acknowledge", body);
    assert_answer(&g, 200, "{}");
    g = control(&w, "POST", "/_sim/acknowledge", body);
    assert_answer(&g, 400, "is handed out now");
    g = control(&w, "GET", "/_sim/ledger", NULL);
    assert_int_equal(count(&g, "\"event\":\"added\""), 2);
    assert_int_equal(count(&g, "\"event\":\"handed_out\""), 2);
    assert_int_equal(count(&g, "\"event\":\"acknowledged\""), 1);
    assert_int_equal(count(&g, "\"requestId\":"), 2);
    g = control(&w, "GET", "/_sim/ledger?since=5", NULL);
    assert_int_equal(count(&g, "\"serial\":6"), 1);
    assert_int_equal(count(&g, "\"serial\":"), 1);
    g = control(&w, "GET", "/_sim/stats", NULL);
    assert_answer(&g, 200, "\"jobsAcknowledged\":1");
    world_close(&w);
}

#define CLIENT "\"clientId\":\"01234567-89ab-4cde-8f01-23456789abcd\""

static void the_control_api_shows_a_job_and_what_became_of_it(void **state)
{
    struct world w;
    char job_id[64], path[96], body[256];
    world_open(&w, (struct sim_options) { 0 });
    struct got g = control(&w, "POST", "/_sim/jobs",
                           "{\"owner\":\"Custom\",\"configuration\":{\"a\":\"b\"}," CLIENT "}");
    assert_answer(&g, 200, "{\"added\":1}");
    g = ask(&w, (struct ask) { .target = TARGET "PollForJobs", .body = CUSTOM_POLL("{}") });
    member_of(&g, "id", job_id);
    snprintf(path, sizeof path, "/_sim/jobs/%s", job_id);
    g = control(&w, "GET", path, NULL);
    assert_answer(&g, 200, "\"status\":\"Dispatched\"");
    assert_answer(&g, 200, "\"configuration\":{\"a\":\"b\"}");
    assert_answer(&g, 200, CLIENT);
    assert_answer(&g, 200, "\"artifactCredentials\":{\"accessKeyId\":\"ASIA");
    assert_answer(&g, 200, "\"expires\":");
    snprintf(body, sizeof body, "{\"jobId\":\"%s\",\"nonce\":\"1\"}", job_id);
    ask(&w, (struct ask) { .target = TARGET "AcknowledgeJob", .body = body });
    snprintf(body, sizeof body, "{\"jobId\":\"%s\",\"continuationToken\":\"t\"}", job_id);
    ask(&w, (struct ask) { .target = TARGET "PutJobSuccessResult", .body = body });
    ask(&w, (struct ask) { .target = TARGET "PutJobSuccessResult", .body = body });
    g = control(&w, "GET", path, NULL);
    assert_answer(&g, 200, "\"status\":\"Succeeded\"");
    assert_answer(&g, 200, "\"followedBy\":\"");
    assert_answer(&g, 200, "\"result\":{\"continuationToken\":\"t\"}");
    g = control(&w, "GET", "/_sim/ledger", NULL);
    static const char *const events[] = { "credentials", "continued", "result_refused" };
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        snprintf(body, sizeof body, "\"event\":\"%s\"", events[i]);
        assert_int_equal(count(&g, body), 1);
    }
    assert_int_equal(count(&g, "\"follows\":"), 1);
    assert_int_equal(count(&g, "\"followedBy\":"), 1);
    g = control(&w, "GET", "/_sim/stats", NULL);
    assert_answer(&g, 200, "\"jobsContinued\":1,");
    assert_answer(&g, 200, "\"resultsRefused\":1,");
    g = control(&w, "GET", "/_sim/jobs/none", NULL);
    assert_answer(&g, 404, "no such job is known");
    g = control(&w, "POST", path, "{}");
    assert_answer(&g, 405, "not with this method");
    g = control(&w, "POST", "/_sim/jobs", "{\"clientId\":\"me\"}");
    assert_answer(&g, 400, "clientId must be a UUID in lower case");
    world_close(&w);
}

static void the_control_api_sets_and_clears_faults(void **state)
{
    struct world w;
    world_open(&w, (struct sim_options) { 0 });
    struct got g = control(&w, "PUT", "/_sim/faults",
                           "{\"region\":\"us-east-1\",\"error-rate\":1,\"error-status\":502}");
    assert_answer(&g, 200, "{\"region\":\"us-east-1\",\"error-rate\":1,\"error-status\":502}");
    g = control(&w, "GET", "/_sim/faults", NULL);
    assert_answer(&g, 200, "{\"faults\":[{\"region\":\"us-east-1\",\"error-rate\":1");
    g = poll_once(&w);
    assert_answer(&g, 502, "");
    g = control(&w, "DELETE", "/_sim/faults", NULL);
    assert_answer(&g, 200, "{}");
    g = poll_once(&w);
    assert_answer(&g, 200, "{\"jobs\":[]}");
    world_close(&w);
}

static void who_looks_at_the_root_is_told_what_it_is(void **state)
{
    struct world w;
    world_open(&w, (struct sim_options) { 0 });
    struct got g = control(&w, "GET", "/", NULL);
    assert_answer(&g, 200, "simulated AWS CodePipeline");
    assert_answer(&g, 200, "/_sim/stats");
    g = ask(&w, (struct ask) { .method = "GET", .path = "/" }); /* a client's, signed */
    assert_int_equal(g.status, 403);
    g = control(&w, "GET", "/_sim", NULL);
    assert_answer(&g, 404, "POST /_sim/jobs");
    world_close(&w);
}

static void the_control_api_says_what_it_does_not_like(void **state)
{
    static const struct {
        const char *method, *path, *body;
        long status;
        const char *part;
    } cases[] = {
        { "GET", "/_sim/nothing", NULL, 404, "POST /_sim/jobs" },
        { "GET", "/_sim/jobs", NULL, 405, "not with this method" },
        { "POST", "/_sim/jobs", "{", 400, "not JSON" },
        { "POST", "/_sim/jobs", "[]", 400, "must be an object" },
        { "POST", "/_sim/jobs", "{\"coutn\":1}", 400, "no member \\\"coutn\\\"" },
        { "POST", "/_sim/jobs", "{\"count\":0}", 400, "count must be" },
        { "POST", "/_sim/jobs", "{\"region\":5}", 400, "region must be a string" },
        { "POST", "/_sim/jobs", "{\"owner\":\"Me\"}", 400, "owner \\\"Me\\\"" },
        { "POST", "/_sim/jobs", "{\"count\":1000000}", 400, "more jobs" },
        { "PUT", "/_sim/faults", "{\"latency\":-1}", 400, "latency is a whole number from 0 to" },
        { "PUT", "/_sim/faults", "{\"latency\":\"1\"}", 400, "latency must be a number" },
        { "PUT", "/_sim/faults", "{\"lateness\":1}", 400, "\\\"lateness\\\"" },
        { "GET", "/_sim/ledger?until=1", NULL, 400, "since=N" },
    };
    struct world w;
    world_open(&w, (struct sim_options) { 0 });
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct got g = control(&w, cases[i].method, cases[i].path, cases[i].body);
        assert_answer(&g, cases[i].status, cases[i].part);
    }
    world_close(&w);
}

/* --- open and close --------------------------------------------------------------------------- */

/* The answer dies with the connection, wherever it is. */
static void close_on_a_way(enum way way, uint32_t latency_ms)
{
    struct world w;
    struct flight f;
    world_open(&w, (struct sim_options) { .tls = true, .faults = { .latency_ms = latency_ms } });
    add_jobs(&w, 1);
    poll_until(&w, &f, way);
    sim_close(w.sim, on_closed, &w);
    flight_end(&w, &f);
    assert_true(w.closed);
    assert_int_not_equal(f.got.code, CURLE_OK);
    assert_int_equal(f.got.headers_len, 0);
    assert_int_equal(w.handed_out, way == ON_ITS_WAY_BACK);
    curl_multi_cleanup(w.multi);
    assert_int_equal(uv_loop_close(&w.loop), 0);
}

static void closing_while_a_request_is_on_its_way_is_clean(void **state)
{
    close_on_a_way(ON_ITS_WAY_THERE, 3600000);
}

static void closing_while_an_answer_is_on_its_way_is_clean(void **state)
{
    close_on_a_way(ON_ITS_WAY_BACK, 20);
}

static void closing_while_a_job_is_handed_out_is_clean(void **state)
{
    struct world w;
    world_open(&w, (struct sim_options) { .tls = true });
    add_jobs(&w, 3);
    w.close_when_handed_out = true;
    poll_once(&w);
    assert_int_equal(w.handed_out, 3); /* else nothing closes, and the loop would run for ever */
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_true(w.closed);
    curl_multi_cleanup(w.multi);
    assert_int_equal(uv_loop_close(&w.loop), 0);
}

static void options_out_of_range_are_refused(void **state)
{
    static const char *const bad[] = { "nonsense", "127.0.0.1:x", "127.0.0.1:70000", ":80",
                                       "::1:80" };
    uv_loop_t loop;
    struct sim *sim = NULL;
    struct pipepoll_error why;
    uv_loop_init(&loop);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sim_options o = { .listen = str_of(bad[i]) };
        assert_int_equal(sim_open(&sim, &loop, &o, &why), PIPEPOLL_EINVAL);
        assert_non_null(strstr(why.text, bad[i]));
    }
    struct sim_options o = { .faults = { .error_rate = 2 } };
    assert_int_equal(sim_open(&sim, &loop, &o, &why), PIPEPOLL_EINVAL);
    static char token[16385];
    memset(token, 'x', sizeof token);
    o = (struct sim_options) { .session_token = { token, sizeof token } };
    assert_int_equal(sim_open(&sim, &loop, &o, &why), PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "token is longer than 16384"));
    o = (struct sim_options) { .session_token = { token, 16384 }, .listen = STR("nonsense") };
    assert_int_equal(sim_open(&sim, &loop, &o, &why), PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "nonsense"));
    o = (struct sim_options) { .listen = STR("192.0.2.1:0") };
    assert_int_equal(sim_open(&sim, &loop, &o, &why), PIPEPOLL_ESYSTEM);
    assert_null(sim);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_come_out_over_verified_tls),
        cmocka_unit_test(an_answer_has_the_headers_of_aws),
        cmocka_unit_test(one_port_serves_all_regions_apart),
        cmocka_unit_test(custom_jobs_come_with_their_details),
        cmocka_unit_test(a_third_party_job_tells_its_details_to_who_has_its_token),
        cmocka_unit_test(a_custom_job_is_no_third_party_job),
        cmocka_unit_test(requests_share_a_connection),
        cmocka_unit_test(a_bad_signature_is_refused_in_the_words_of_aws),
        cmocka_unit_test(the_session_token_is_asked_for_when_there_is_one),
        cmocka_unit_test(what_the_service_does_not_do_is_told),
        cmocka_unit_test(custom_jobs_come_by_the_value_of_their_queryable_property),
        cmocka_unit_test(only_post_is_served_and_no_large_body),
        cmocka_unit_test(too_many_requests_are_throttled),
        cmocka_unit_test(a_failing_service_hands_out_nothing),
        cmocka_unit_test(a_reset_connection_gives_no_answer),
        cmocka_unit_test(a_lost_answer_is_one_that_took_effect),
        cmocka_unit_test(a_truncated_answer_is_a_true_one_cut_short),
        cmocka_unit_test(a_slow_body_comes_in_pieces_and_whole),
        cmocka_unit_test(half_of_the_latency_passes_on_each_way),
        cmocka_unit_test(a_job_that_comes_during_the_way_there_is_in_the_answer),
        cmocka_unit_test(a_job_that_comes_during_the_way_back_waits_for_the_next_poll),
        cmocka_unit_test(faults_that_come_during_the_way_there_are_met),
        cmocka_unit_test(a_wrong_clock_shows_in_its_date_and_its_checks),
        cmocka_unit_test(faults_can_be_for_one_region_alone),
        cmocka_unit_test(the_control_api_adds_jobs_and_tells_their_lives),
        cmocka_unit_test(the_control_api_shows_a_job_and_what_became_of_it),
        cmocka_unit_test(the_control_api_sets_and_clears_faults),
        cmocka_unit_test(who_looks_at_the_root_is_told_what_it_is),
        cmocka_unit_test(the_control_api_says_what_it_does_not_like),
        cmocka_unit_test(closing_while_a_request_is_on_its_way_is_clean),
        cmocka_unit_test(closing_while_an_answer_is_on_its_way_is_clean),
        cmocka_unit_test(closing_while_a_job_is_handed_out_is_clean),
        cmocka_unit_test(options_out_of_range_are_refused),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
