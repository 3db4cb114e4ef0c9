/* SPDX-License-Identifier: MIT */
#include "handler/webhook.h"

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include <uv.h>

#include "handler/callbacks.h"
#include "handler/http_client.h"
#include "handler/webhook_signature.h"
#include "lib/alone.h"
#include "lib/check.h"
#include "lib/server.h"

#define SECRET   "canary/secret+of/the/job"
#define KEY      "canary-key-of-the-webhook"
#define DOCUMENT "{\"jobId\":\"1-2\",\"s\":\"" SECRET "\"}\n"

enum { SHORT_MS = 60, LONG_MS = 20000, REPLIES_MAX = 8 };

struct world {
    uv_loop_t loop;
    struct server server;
    struct callbacks *callbacks;
    struct handler *webhook;
    struct handler_run *run;
    struct webhook_options options;
    struct handler_input input;
    char url[100];

    struct server_reply replies[REPLIES_MAX]; /* the last one serves on */
    unsigned reply_count, requests;
    char asked[REPLIES_MAX][4096];
    char callback_url[CALLBACK_URL_MAX + 1];

    struct handler_result result;
    char message[2000], summary[200], token[200], log[8192], progress[512];
    unsigned dones, closeds, opened;

    struct http_client *client; /* that calls back */
    struct http_call call;
    unsigned called;
    int status;
    char said[300];
};

/* --- the web service --- */

static void find_header(const char *text, const char *name, char *out, size_t size)
{
    char line[64];
    snprintf(line, sizeof line, "\r\n%s: ", name);
    const char *at = strstr(text, line);
    if (at)
        snprintf(out, size, "%.*s", (int)strcspn(at + strlen(line), "\r"), at + strlen(line));
}

static struct server_reply answer(struct server *s, const struct server_request *rq)
{
    struct world *w = s->ctx;
    unsigned i = w->requests < REPLIES_MAX ? w->requests : REPLIES_MAX - 1;
    w->requests++;
    snprintf(w->asked[i], sizeof *w->asked, "%.*s%.*s", STR_ARG(rq->head), STR_ARG(rq->body));
    find_header(w->asked[i], "Pipepoll-Callback-Url", w->callback_url, sizeof w->callback_url);
    return w->replies[w->requests <= w->reply_count ? w->requests - 1 : w->reply_count - 1];
}

static void reply(struct world *w, str bytes, enum server_end end)
{
    w->replies[w->reply_count++] = (struct server_reply) { .bytes = bytes, .end = end };
}

/* Kept until the next one. */
static str answer_text(int status, const char *headers, const char *body)
{
    static char text[2048];
    int len = snprintf(text, sizeof text, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n%s",
                       status, strlen(body), headers, body);
    return (str) { text, (size_t)len };
}

static void reply_once(struct world *w, int status, const char *body)
{
    w->reply_count = w->requests = 0;
    reply(w, answer_text(status, "", body), SERVER_KEEP);
}

#define SUCCEEDED SERVER_OK("35", "", "{\"result\":{\"status\":\"succeeded\"}}  ")
#define ACCEPTED  STR("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")

/* --- the handler's user --- */

static void put(char *out, size_t size, str text)
{
    snprintf(out + strlen(out), size - strlen(out), "%.*s", STR_ARG(text));
}

static void on_progress(void *ctx, const struct report *p)
{
    struct world *w = ctx;
    char text[200];
    int len = snprintf(text, sizeof text, "[%u %.*s %.*s]", p->percent, STR_ARG(p->summary),
                       STR_ARG(p->execution_id));
    put(w->progress, sizeof w->progress, (str) { text, (size_t)len });
}

static void on_log(void *ctx, enum pipepoll_level level, str line)
{
    struct world *w = ctx;
    put(w->log, sizeof w->log, line);
    put(w->log, sizeof w->log, STR("\n"));
}

static void on_done(void *ctx, const struct handler_result *result)
{
    struct world *w = ctx;
    w->dones++;
    w->result = *result;
    snprintf(w->message, sizeof w->message, "%.*s", STR_ARG(result->report.message));
    snprintf(w->summary, sizeof w->summary, "%.*s", STR_ARG(result->report.summary));
    snprintf(w->token, sizeof w->token, "%.*s", STR_ARG(result->report.continuation_token));
    uv_stop(&w->loop);
}

static void on_closed(void *ctx)
{
    struct world *w = ctx;
    w->closeds++;
}

static const struct handler_events events = { on_progress, on_log, on_done };
static const str secrets[] = { STR_INIT(SECRET) };
static struct world *world;

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&w->loop);
    server_open(&w->server, &w->loop, answer, w);
    snprintf(w->url, sizeof w->url, "%shook", w->server.url);
    w->options = (struct webhook_options) { .url = w->url,
                                            .key = STR(KEY),
                                            .timeout_ms = LONG_MS,
                                            .give_up_ms = LONG_MS,
                                            .backoff_ms = 1,
                                            .seed = 7 };
    w->input = (struct handler_input) {
        .job_id = STR("1-2"), .document = STR(DOCUMENT), .secrets = secrets, .secret_count = 1
    };
    *state = world = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (w->webhook)
        w->webhook->close(w->webhook, LONG_MS, on_closed, w);
    if (w->client) {
        http_call_deinit(&w->call);
        http_client_close(w->client, NULL, NULL);
    }
    if (w->callbacks)
        callbacks_close(w->callbacks, NULL, NULL);
    server_close(&w->server);
    while (uv_run(&w->loop, UV_RUN_DEFAULT)) {
    }
    assert_int_equal(w->closeds, w->opened);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    if (strstr(w->log, "canary") || strstr(w->message, "canary"))
        fail_msg("a secret is told: %s %s", w->log, w->message);
    const char *token = strrchr(w->callback_url, '/');
    assert_true(!token || !strstr(w->log, token + 1));
    free(w);
    return 0;
}

static void open_webhook(struct world *w)
{
    struct pipepoll_error why;
    if (webhook_open(&w->webhook, &w->loop, &w->options, &why))
        fail_msg("%s", why.text);
    w->opened++;
}

static void open_callbacks_as(struct world *w, const char *url)
{
    const struct callbacks_options o = { .address = "127.0.0.1:0", .url = url };
    assert_int_equal(callbacks_open(&w->callbacks, &w->loop, &o, NULL), 0);
    w->options.callbacks = w->callbacks;
}

static void open_callbacks(struct world *w)
{
    open_callbacks_as(w, NULL);
}

static void start(struct world *w)
{
    if (!w->webhook)
        open_webhook(w);
    unsigned before = w->dones;
    assert_int_equal(w->webhook->start(w->webhook, &w->run, &w->input, &events, w), 0);
    assert_int_equal(w->dones, before);
}

static void await_done(struct world *w, unsigned dones)
{
    while (w->dones < dones)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_int_equal(w->dones, dones);
}

static void run(struct world *w)
{
    unsigned before = w->dones;
    start(w);
    await_done(w, before + 1);
}

static void await_log(struct world *w, const char *text)
{
    unsigned before = w->dones;
    while (!strstr(w->log, text) && w->dones == before)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_int_equal(w->dones, before);
}

static void check_says(const char *text, const char *wanted)
{
    if (!strstr(text, wanted))
        fail_msg("\"%s\" does not say \"%s\"", text, wanted);
}

static void check_failure(const struct world *w, enum pipepoll_failure_type failure,
                          const char *message)
{
    assert_int_equal(w->result.report.kind, REPORT_FAILED);
    check_says(w->message, message);
    assert_int_equal(w->result.report.failure, failure);
}

/* --- requests and their results --- */

static void a_signature_is_hmac_sha256_of_time_and_body(void **state)
{
    /* By Python: hmac.new(KEY, b"1764360000." + b'{"a":1}', "sha256").hexdigest() */
    static const char wanted[] =
        "v1=0f6c17b30d0ba8bdf524bf57ab91bf16dfc8cdf3de7ae814373575badf6488ce";
    char text[WEBHOOK_SIGNATURE_SIZE];
    struct hmac_key key;
    hmac_key_set(&key, STR(KEY));
    str got = webhook_sign(text, &key, STR("1764360000"), STR("{\"a\":1}"));
    assert_memory_equal(got.ptr, wanted, got.len);
    const str body = STR("{\"a\":1}"), time_s = STR("1764360000");
    assert_null(webhook_signature_problem(&key, time_s, got, body, 1764360300));
    assert_null(webhook_signature_problem(&key, time_s, got, body, 1764359700));
    assert_non_null(webhook_signature_problem(&key, time_s, got, body, 1764360301));
    assert_non_null(webhook_signature_problem(&key, time_s, got, body, 1764359699));
    assert_non_null(webhook_signature_problem(&key, time_s, got, STR("{\"a\":2}"), 1764360000));
    assert_non_null(webhook_signature_problem(&key, time_s, STR(""), body, 1764360000));
    assert_non_null(webhook_signature_problem(&key, STR(""), got, body, 0));
    assert_non_null(webhook_signature_problem(&key, STR("-1"), got, body, 0));
    assert_non_null(webhook_signature_problem(&key, STR("1764360000 "), got, body, 1764360000));
    assert_non_null(
        webhook_signature_problem(&key, STR("99999999999999999999"), got, body, 1764360000));
    text[20] ^= 1;
    assert_non_null(webhook_signature_problem(&key, time_s, got, body, 1764360000));
}

static void check_signed(const char *request)
{
    char time_s[32] = "", signature[100] = "";
    struct hmac_key key;
    find_header(request, "Pipepoll-Timestamp", time_s, sizeof time_s);
    find_header(request, "Pipepoll-Signature", signature, sizeof signature);
    hmac_key_set(&key, STR(KEY));
    assert_null(webhook_signature_problem(&key, str_of(time_s), str_of(signature), STR(DOCUMENT),
                                          time(NULL)));
}

static void a_job_is_posted_and_signed(void **state)
{
    struct world *w = *state;
    reply(w, (str)SUCCEEDED, SERVER_KEEP);
    run(w);
    assert_int_equal(w->result.report.kind, REPORT_SUCCEEDED);
    check_says(w->asked[0], "POST /hook HTTP/1.1\r\nHost: 127.0.0.1:");
    check_says(w->asked[0], "\r\nUser-Agent: pipepoll/");
    check_says(w->asked[0], "\r\nContent-Type: application/json\r\n");
    check_says(w->asked[0], "\r\nPipepoll-Job-Id: 1-2\r\nPipepoll-Attempt: 1\r\n");
    check_says(w->asked[0], "\r\n\r\n" DOCUMENT);
    assert_null(strstr(w->asked[0], "Pipepoll-Callback-Url"));
    check_signed(w->asked[0]);
}

static void a_result_has_the_words_of_all_handlers(void **state)
{
    struct world *w = *state;
    reply_once(w, 200,
               "{\"result\": {\"status\": \"failed\", \"failureType\": \"PermissionError\",\n"
               " \"message\": \"no " SECRET "\"}}");
    run(w);
    check_failure(w, PIPEPOLL_FAILURE_PERMISSION, "no ****");
    reply_once(w, 200, "{\"result\":{\"status\":\"continue\",\"continuationToken\":\"c-1\"}}");
    run(w);
    assert_int_equal(w->result.report.kind, REPORT_CONTINUE);
    assert_string_equal(w->token, "c-1");
    reply_once(w, 200, "{\"result\":{\"status\":\"failed\"}}");
    run(w);
    check_failure(w, PIPEPOLL_FAILURE_JOB, "reported a failure without a message");
}

static void what_is_not_understood_fails_the_job(void **state)
{
    static const struct {
        int status;
        const char *body, *says;
    } rows[] = { { 200, "", "neither" },
                 { 200, "ok", "neither" },
                 { 200, "[]", "neither" },
                 { 200, "{\"result\":", "not understood" },
                 { 200, "{\"result\":{\"status\":\"fine\"}}", "status is \"fine\"" },
                 { 200, "{\"result\":{\"status\":\"" SECRET "\"}}", "status is \"****" },
                 { 200, "{\"progress\":{\"percent\":1}}", "it is progress" },
                 { 204, "", "answered 204, which is neither 200" },
                 { 201, "{\"result\":{\"status\":\"succeeded\"}}", "answered 201" } };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reply_once(w, rows[i].status, rows[i].body);
        run(w);
        check_failure(w, PIPEPOLL_FAILURE_JOB, rows[i].says);
        assert_int_equal(w->requests, 1);
    }
}

static void a_refusal_is_quoted_clean_and_short(void **state)
{
    static const struct {
        const char *body, *says;
    } rows[] = { { "", "answered 422" },
                 { "  no such thing\r\n", "answered 422: no such thing" },
                 { "a\x1b[31mb\nc\xff", "answered 422: a?[31mb?c?" },
                 { "it is " SECRET " then", "answered 422: it is ****" },
                 { "{\"message\": \"a \\u001b b\"}", "answered 422: a ? b" },
                 { "{\"error\": \"bad\"}", "answered 422: bad" },
                 { "{\"other\": \"canary\\/secret+of\\/the\\/job\"}", "answered 422" },
                 { "{\"message\": \"canary\\/secret+of\\/the\\/job\"}", "answered 422: ****" },
                 { "{\"broken\": \"canary\\/secret+of\\/the\\/job", "answered 422" } };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reply_once(w, 422, rows[i].body);
        run(w);
        check_failure(w, PIPEPOLL_FAILURE_JOB, rows[i].says);
        assert_null(strstr(w->message, "canary"));
        assert_int_equal(w->requests, 1);
    }
    char body[1500];
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    reply_once(w, 400, body);
    run(w);
    check_failure(w, PIPEPOLL_FAILURE_JOB, "xxx...");
    assert_true(strlen(w->message) < 500);
}

static void a_redirect_is_a_configuration_error(void **state)
{
    struct world *w = *state;
    reply(w, answer_text(307, "Location: https://elsewhere.example/" SECRET "\r\n", ""),
          SERVER_KEEP);
    run(w);
    check_failure(w, PIPEPOLL_FAILURE_CONFIGURATION,
                  "answered 307, a redirect to https://elsewhere.example/****");
    assert_int_equal(w->requests, 1);
}

static void a_huge_answer_fails_the_job(void **state)
{
    enum { HEAD = 64, BODY = 300 << 10 };
    struct world *w = *state;
    char *text = malloc(HEAD + BODY);
    int head = snprintf(text, HEAD, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BODY);
    memset(text + head, '{', BODY);
    reply(w, (str) { text, (size_t)head + BODY }, SERVER_KEEP);
    run(w);
    check_failure(w, PIPEPOLL_FAILURE_JOB, "longer than 256 KiB");
    assert_int_equal(w->requests, 1);
    free(text);
}

static void a_document_that_is_too_long_is_not_tried(void **state)
{
    struct world *w = *state;
    size_t len = HTTP_CLIENT_BODY_MAX + 1;
    char *large = calloc(1, len);
    reply(w, (str)SUCCEEDED, SERVER_KEEP);
    w->input.document = (str) { large, len };
    run(w);
    check_failure(w, PIPEPOLL_FAILURE_CONFIGURATION, "longer than 256 KiB");
    assert_int_equal(w->server.connections, 0);
    free(large);
}

/* --- trouble --- */

static void trouble_is_tried_again_with_the_same_job_id(void **state)
{
    static const str unavailable = STR_INIT("HTTP/1.1 503 No\r\nContent-Length: 24\r\n\r\n" SECRET);
    struct world *w = *state;
    reply(w, unavailable, SERVER_KEEP);
    reply(w, STR("HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n"), SERVER_KEEP);
    reply(w, STR("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"result\":"), SERVER_RESET);
    reply(w, STR(""), SERVER_HANG);
    reply(w, STR(SECRET "\r\n\r\n"), SERVER_CLOSE);
    reply(w, STR("HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n"), SERVER_CLOSE);
    reply(w, (str)SUCCEEDED, SERVER_KEEP);
    w->options.timeout_ms = 10 * SHORT_MS; /* enough for those that answer */
    run(w);
    assert_int_equal(w->result.report.kind, REPORT_SUCCEEDED);
    assert_int_equal(w->requests, 7);
    for (unsigned i = 0; i < 7; i++) {
        char wanted[100];
        snprintf(wanted, sizeof wanted, "\r\nPipepoll-Job-Id: 1-2\r\nPipepoll-Attempt: %u\r\n",
                 i + 1);
        check_says(w->asked[i], wanted);
        check_signed(w->asked[i]);
    }
    check_says(w->log, "job 1-2: attempt 1 at 127.0.0.1:");
    check_says(w->log, "it answered 503: ****");
}

static void nobody_who_answers_makes_the_system_unavailable(void **state)
{
    struct world *w = *state;
    w->options.url = "http://127.0.0.1:1/";
    w->options.give_up_ms = SHORT_MS;
    run(w);
    check_failure(w, PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE, "127.0.0.1:1 gave no answer to ");
    assert_false(w->result.stopped);
}

static void retry_after_is_honoured(void **state)
{
    struct world *w = *state;
    reply(w, STR("HTTP/1.1 503 No\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"), SERVER_KEEP);
    reply(w, (str)SUCCEEDED, SERVER_KEEP);
    uint64_t began_ns = uv_hrtime();
    run(w);
    assert_int_equal(w->result.report.kind, REPORT_SUCCEEDED);
    assert_true(uv_hrtime() - began_ns >= 1000000000);
}

static void who_asks_for_more_time_than_there_is_is_given_up(void **state)
{
    struct world *w = *state;
    reply(w, STR("HTTP/1.1 503 No\r\nRetry-After: 90000\r\nContent-Length: 0\r\n\r\n"),
          SERVER_KEEP);
    run(w);
    check_failure(w, PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE, "it answered 503");
    assert_int_equal(w->requests, 1);
}

static void retry_after_is_bounded(void **state)
{
    struct world *w = *state;
    w->options.give_up_ms = 100000;
    reply(w, STR("HTTP/1.1 503 No\r\nRetry-After: 90000\r\nContent-Length: 0\r\n\r\n"),
          SERVER_KEEP);
    start(w);
    await_log(w, "the next is in 60.00");
}

/* --- the examples --- */

static int free_port(uv_loop_t *loop)
{
    uv_tcp_t tcp;
    struct sockaddr_in at;
    int size = sizeof at;
    uv_tcp_init(loop, &tcp);
    uv_ip4_addr("127.0.0.1", 0, &at);
    uv_tcp_bind(&tcp, (struct sockaddr *)&at, 0);
    uv_tcp_getsockname(&tcp, (struct sockaddr *)&at, &size);
    uv_close((uv_handle_t *)&tcp, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    return ntohs(at.sin_port);
}

/* Nobody answers at first, while it starts: that is tried again. */
static void check_example(struct world *w, const char *interpreter, const char *file)
{
    int port = free_port(&w->loop);
    char of_port[32];
    snprintf(of_port, sizeof of_port, "PORT=%d", port);
    snprintf(w->url, sizeof w->url, "http://127.0.0.1:%d/", port);
    char *environment[] = { of_port, (char[]) { "WEBHOOK_KEY=" KEY }, NULL };
    char *argv[] = { (char *)(uintptr_t)interpreter, (char *)(uintptr_t)file, NULL };
    pid_t child;
    assert_int_equal(posix_spawnp(&child, interpreter, NULL, NULL, argv, environment), 0);
    run(w);
    enum report_kind kind = w->result.report.kind;
    w->webhook->close(w->webhook, 0, on_closed, w);
    w->options.key = STR("another key of the webhook");
    open_webhook(w);
    char summary[sizeof w->summary];
    memcpy(summary, w->summary, sizeof summary);
    run(w);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(kind, REPORT_SUCCEEDED);
    assert_string_equal(summary, "did 1-2");
    check_failure(w, PIPEPOLL_FAILURE_JOB, "answered 401");
}

static void the_example_in_python_works(void **state)
{
    check_example(*state, "python3", EXAMPLES "/webhook.py");
}

static void the_example_in_node_works(void **state)
{
    if (system("node --version >/dev/null 2>&1")) /* NOLINT */
        skip();
    check_example(*state, "node", EXAMPLES "/webhook.js");
}

/* --- call-backs --- */

static void on_called(struct http_call *c)
{
    struct world *w = world;
    w->called++;
    w->status = c->status;
    snprintf(w->said, sizeof w->said, "%.*s", (int)c->answer_len, c->answer ? c->answer : "");
    uv_stop(&w->loop);
}

struct caller {
    const char *method, *token, *key;
    int64_t age_s;
    bool is_unsigned;
};

static void send_call(struct world *w, struct http_call *c, const char *body,
                      const struct caller *how)
{
    char time_s[32], signature[WEBHOOK_SIGNATURE_SIZE];
    struct hmac_key key;
    const char *token = strrchr(w->callback_url, '/'); /* with its slash */
    snprintf(time_s, sizeof time_s, "%lld", (long long)(time(NULL) - how->age_s));
    hmac_key_set(&key, str_of(how->key ? how->key : KEY));
    http_call_begin(c);
    c->on_done = on_called;
    c->method = str_of(how->method);
    c->target = str_of(how->token ? how->token : token);
    c->body = str_of(body);
    if (!how->is_unsigned) {
        http_call_put_header(c, "Pipepoll-Timestamp", str_of(time_s));
        http_call_put_header(c, "Pipepoll-Signature",
                             webhook_sign(signature, &key, str_of(time_s), str_of(body)));
    }
    http_call_start(c);
}

/* Returns the status. */
static int call_back_as(struct world *w, const char *body, const struct caller *how)
{
    unsigned before = w->called;
    if (!w->client) {
        const struct http_client_options o = { .url = w->callback_url };
        assert_int_equal(http_client_open(&w->client, &w->loop, &o, NULL), 0);
        assert_int_equal(http_call_init(&w->call, w->client), 0);
    }
    send_call(w, &w->call, body, how);
    while (w->called == before)
        uv_run(&w->loop, UV_RUN_ONCE);
    return w->status;
}

static int call_back(struct world *w, const char *body)
{
    return call_back_as(w, body, &(struct caller) { 0 });
}

#define RESULT "{\"result\":{\"status\":\"succeeded\",\"summary\":\"done " SECRET "\"}}"

static void start_accepted(struct world *w)
{
    open_callbacks(w);
    reply(w, ACCEPTED, SERVER_KEEP);
    start(w);
    await_log(w, "is to call back");
    assert_int_equal(w->dones, 0);
}

static void a_result_comes_by_a_callback(void **state)
{
    struct world *w = *state;
    start_accepted(w);
    check_says(w->callback_url, "http://127.0.0.1:");
    assert_int_equal(call_back(w, "{\"progress\":{\"percent\":40,\"summary\":\"" SECRET "\"}}"),
                     204);
    check_says(w->progress, "[40 ****");
    assert_null(strstr(w->progress, "canary"));
    assert_int_equal(call_back(w, RESULT), 204);
    await_done(w, 1);
    assert_int_equal(w->result.report.kind, REPORT_SUCCEEDED);
    check_says(w->summary, "done ****");
    assert_int_equal(call_back(w, RESULT), 404); /* the job is gone */
    assert_int_equal(w->dones, 1);
}

static void an_acceptance_may_tell_progress_or_all(void **state)
{
    struct world *w = *state;
    open_callbacks(w);
    reply_once(w, 202, "{\"progress\":{\"percent\":1,\"externalExecutionId\":\"e-1\"}}");
    start(w);
    await_log(w, "is to call back");
    assert_string_equal(w->progress, "[1  e-1]");
    assert_int_equal(call_back(w, RESULT), 204);
    await_done(w, 1);
    reply_once(w, 202, "{\"result\":{\"status\":\"succeeded\"}}");
    run(w);
    assert_int_equal(w->result.report.kind, REPORT_SUCCEEDED);
}

static void a_callback_may_come_by_a_proxy(void **state)
{
    struct world *w = *state;
    char path[200];
    start_accepted(w);
    snprintf(path, sizeof path, "/some/where%s", strrchr(w->callback_url, '/'));
    assert_int_equal(call_back_as(w, RESULT, &(struct caller) { .token = path }), 204);
    await_done(w, 1);
    assert_int_equal(w->result.report.kind, REPORT_SUCCEEDED);
}

static void the_url_of_callbacks_is_that_of_the_options(void **state)
{
    struct world *w = *state;
    open_callbacks_as(w, "https://proxy.example/some/where/");
    reply(w, (str)SUCCEEDED, SERVER_KEEP);
    run(w);
    check_says(w->callback_url, "https://proxy.example/some/where/");
    assert_int_equal(strlen(w->callback_url), strlen("https://proxy.example/some/where/") + 64);
}

static void a_stop_waits_for_nothing_but_takes_what_comes(void **state)
{
    struct world *w = *state;
    open_callbacks(w);
    reply(w, STR(""), SERVER_HANG);
    start(w);
    while (!w->requests)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_int_equal(call_back(w, "{\"progress\":{}}"), 204); /* it has a connection */
    w->webhook->stop(w->webhook, w->run);
    assert_int_equal(call_back(w, RESULT), 204); /* it may still come */
    await_done(w, 1);
    assert_int_equal(w->result.report.kind, REPORT_SUCCEEDED);
    start(w);
    w->webhook->stop(w->webhook, w->run);
    w->webhook->stop(w->webhook, w->run);
    await_done(w, 2);
    assert_true(w->result.stopped);
    assert_int_equal(call_back(w, RESULT), 404);
}

static void a_callback_may_overtake_the_answer(void **state)
{
    struct world *w = *state;
    open_callbacks(w);
    reply(w, STR(""), SERVER_HANG);
    start(w);
    while (!w->requests)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_int_equal(call_back(w, RESULT), 204);
    await_done(w, 1);
    assert_int_equal(w->result.report.kind, REPORT_SUCCEEDED);
    check_says(w->summary, "done ****");
    assert_int_equal(w->requests, 1);
}

static void a_callback_between_two_attempts_counts(void **state)
{
    struct world *w = *state;
    open_callbacks(w);
    reply(w, STR("HTTP/1.1 503 No\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n"), SERVER_KEEP);
    start(w);
    await_log(w, "the next is in");
    assert_int_equal(call_back(w, RESULT), 204);
    await_done(w, 1);
    assert_int_equal(w->result.report.kind, REPORT_SUCCEEDED);
}

static void a_callback_that_is_not_right_changes_nothing(void **state)
{
    static const char guess[] = "/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    static const struct {
        struct caller how;
        const char *body;
        int status;
        const char *says;
    } rows[] = {
        { { .key = "another key of some length" }, RESULT, 401, "Pipepoll-Signature" },
        { { .is_unsigned = true }, RESULT, 401, "Pipepoll-Timestamp" },
        { { .age_s = 310 }, RESULT, 401, "5 minutes" },
        { { .age_s = -310 }, RESULT, 401, "5 minutes" },
        { { .token = guess }, RESULT, 404, "no job" },
        { { .token = "/" }, RESULT, 404, "no job" },
        { { .method = "PUT" }, RESULT, 405, "POST" },
        { { 0 }, "", 400, "neither" },
        { { 0 }, "{\"result\":{\"status\":\"\"}}", 400, "it has no status" },
        { { 0 }, "{\"result\":[", 400, "" },
        { { 0 }, "{\"progress\":{\"percent\":101}}", 400, "neither" },
        { { 0 }, "{\"result\":{\"status\":\"" SECRET "\"}}", 400, "****" },
    };
    struct world *w = *state;
    start_accepted(w);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int status = call_back_as(w, rows[i].body, &rows[i].how);
        if (status != rows[i].status)
            fail_msg("row %zu: %d, not %d: %s", i, status, rows[i].status, w->said);
        check_says(w->said, rows[i].says);
        assert_null(strstr(w->said, "canary"));
    }
    assert_int_equal(w->dones, 0);
    assert_string_equal(w->progress, "");
    assert_int_equal(call_back(w, RESULT), 204);
    await_done(w, 1);
}

static void who_never_calls_back_fails_the_job(void **state)
{
    struct world *w = *state;
    open_callbacks(w);
    w->options.result_ms = SHORT_MS;
    reply(w, ACCEPTED, SERVER_KEEP);
    run(w);
    check_failure(w, PIPEPOLL_FAILURE_JOB, "gave no result within 0.060 s");
    assert_int_equal(w->requests, 1);
}

static void without_callbacks_202_is_a_configuration_error(void **state)
{
    struct world *w = *state;
    reply(w, ACCEPTED, SERVER_KEEP);
    run(w);
    check_failure(w, PIPEPOLL_FAILURE_CONFIGURATION, "no address for call-backs is set");
}

static void a_job_has_its_url_again_after_a_restart(void **state)
{
    struct world *w = *state;
    char before[sizeof w->callback_url];
    open_callbacks(w);
    reply(w, (str)SUCCEEDED, SERVER_KEEP);
    run(w);
    memcpy(before, w->callback_url, sizeof before);
    w->webhook->close(w->webhook, 0, on_closed, w);
    open_webhook(w);
    run(w);
    assert_string_equal(w->callback_url, before);
    w->input.job_id = STR("1-3");
    run(w);
    assert_string_not_equal(w->callback_url, before);
}

/* --- the end --- */

static void check_stopped(const struct world *w)
{
    check_failure(w, PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE, "it was stopped before");
    assert_true(w->result.stopped);
}

static void a_run_that_waits_is_stopped_at_once(void **state)
{
    struct world *w = *state;
    start_accepted(w);
    w->webhook->stop(w->webhook, w->run);
    assert_int_equal(w->dones, 0);
    await_done(w, 1);
    check_stopped(w);
    w->reply_count = w->requests = 0;
    reply(w, STR("HTTP/1.1 503 No\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n"), SERVER_KEEP);
    start(w);
    await_log(w, "the next is in");
    w->webhook->stop(w->webhook, w->run);
    w->webhook->stop(w->webhook, w->run);
    await_done(w, 2);
    check_stopped(w);
}

static void an_attempt_that_is_under_way_may_still_bring_a_result(void **state)
{
    struct world *w = *state;
    reply(w, (str)SUCCEEDED, SERVER_KEEP);
    start(w);
    w->webhook->stop(w->webhook, w->run);
    await_done(w, 1);
    assert_int_equal(w->result.report.kind, REPORT_SUCCEEDED);
    w->reply_count = w->requests = 0;
    reply(w, STR("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), SERVER_KEEP);
    start(w);
    w->webhook->stop(w->webhook, w->run);
    await_done(w, 2);
    check_stopped(w);
    assert_int_equal(w->requests, 1);
}

static void a_second_stop_ends_an_attempt(void **state)
{
    struct world *w = *state;
    reply(w, STR(""), SERVER_HANG);
    start(w);
    while (!w->requests)
        uv_run(&w->loop, UV_RUN_ONCE);
    w->webhook->stop(w->webhook, w->run);
    w->webhook->stop(w->webhook, w->run);
    await_done(w, 1);
    check_stopped(w);
}

static void a_close_ends_attempts_at_its_deadline(void **state)
{
    struct world *w = *state;
    reply(w, STR(""), SERVER_HANG);
    start(w);
    start(w);
    while (w->requests < 2)
        uv_run(&w->loop, UV_RUN_ONCE);
    w->webhook->close(w->webhook, SHORT_MS, on_closed, w);
    w->webhook = NULL;
    await_done(w, 2);
    check_stopped(w);
}

static void options_that_cannot_be_are_refused(void **state)
{
    struct world *w = *state;
    struct pipepoll_error why;
    w->options.key = STR("canary");
    assert_int_equal(webhook_open(&w->webhook, &w->loop, &w->options, &why), PIPEPOLL_EINVAL);
    check_says(why.text, "the key has 6 bytes, and needs 16");
    w->options.key = STR(KEY);
    w->options.url = "hook.example";
    assert_int_equal(webhook_open(&w->webhook, &w->loop, &w->options, &why), PIPEPOLL_EINVAL);
    struct callbacks *callbacks;
    struct callbacks_options c = { .address = "127.0.0.1:0", .url = "https://a.example/b?c" };
    assert_int_equal(callbacks_open(&callbacks, &w->loop, &c, &why), PIPEPOLL_EINVAL);
    c = (struct callbacks_options) { .address = "nonsense" };
    assert_int_equal(callbacks_open(&callbacks, &w->loop, &c, &why), PIPEPOLL_EINVAL);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_is_hmac_sha256_of_time_and_body),
        ROW(a_job_is_posted_and_signed),
        ROW(a_result_has_the_words_of_all_handlers),
        ROW(what_is_not_understood_fails_the_job),
        ROW(a_refusal_is_quoted_clean_and_short),
        ROW(a_redirect_is_a_configuration_error),
        ROW(a_huge_answer_fails_the_job),
        ROW(a_document_that_is_too_long_is_not_tried),
        ROW(trouble_is_tried_again_with_the_same_job_id),
        ROW(nobody_who_answers_makes_the_system_unavailable),
        ROW(retry_after_is_honoured),
        ROW(who_asks_for_more_time_than_there_is_is_given_up),
        ROW(retry_after_is_bounded),
        ROW(a_result_comes_by_a_callback),
        ROW(an_acceptance_may_tell_progress_or_all),
        ROW(a_callback_may_come_by_a_proxy),
        ROW(the_url_of_callbacks_is_that_of_the_options),
        ROW(a_stop_waits_for_nothing_but_takes_what_comes),
        ROW(a_callback_may_overtake_the_answer),
        ROW(a_callback_between_two_attempts_counts),
        ROW(a_callback_that_is_not_right_changes_nothing),
        ROW(who_never_calls_back_fails_the_job),
        ROW(without_callbacks_202_is_a_configuration_error),
        ROW(a_job_has_its_url_again_after_a_restart),
        ROW(a_run_that_waits_is_stopped_at_once),
        ROW(an_attempt_that_is_under_way_may_still_bring_a_result),
        ROW(a_second_stop_ends_an_attempt),
        ROW(a_close_ends_attempts_at_its_deadline),
        ROW(options_that_cannot_be_are_refused),
        ROW(the_example_in_python_works),
        ROW(the_example_in_node_works),
    };
    alone();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
