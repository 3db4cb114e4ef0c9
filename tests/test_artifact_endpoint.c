/* SPDX-License-Identifier: MIT */
#include "handler/artifact_endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <uv.h>

#include "base/buf.h"
#include "base/list.h"
#include "lib/check.h"
#include "lib/watched_memory.h"

enum { LIMIT_MS = 20000, RENEW_MS = 900000 };

struct world {
    uv_loop_t loop;
    uv_timer_t limit;
    struct artifact_endpoint *endpoint;
    bool closed;
    char got[4096]; /* an answer, NUL-terminated */
};

/* The clock of the loop, put forward; random numbers and memory, which can be out. */
static uint64_t forward_ms;
static bool no_random, no_memory;

uint64_t __real_uv_now(const uv_loop_t *loop);
uint64_t __wrap_uv_now(const uv_loop_t *loop);
uint64_t __wrap_uv_now(const uv_loop_t *loop)
{
    return __real_uv_now(loop) + forward_ms;
}

ssize_t __real_getrandom(void *out, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *out, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *out, size_t len, unsigned flags)
{
    errno = ENOSYS;
    return no_random ? -1 : __real_getrandom(out, len, flags);
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return no_memory ? NULL : __real_malloc(size);
}

static void on_limit(uv_timer_t *timer)
{
    fail_msg("nothing happened for %d ms", LIMIT_MS);
}

static void on_closed(void *ctx)
{
    ((struct world *)ctx)->closed = true;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct pipepoll_error why;
    assert_non_null(w);
    signal(SIGPIPE, SIG_IGN);
    forward_ms = 0;
    no_random = no_memory = false;
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->limit);
    uv_timer_start(&w->limit, on_limit, LIMIT_MS, 0);
    assert_int_equal(artifact_endpoint_open(&w->endpoint, &w->loop, &why), 0);
    *state = w;
    return 0;
}

static void close_endpoint(struct world *w)
{
    artifact_endpoint_close(w->endpoint, on_closed, w);
    while (!w->closed)
        uv_run(&w->loop, UV_RUN_ONCE);
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (!w->closed)
        close_endpoint(w);
    uv_close((uv_handle_t *)&w->limit, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    free(w);
    return 0;
}

/* --- a client -------------------------------------------------------------------------------- */

struct waiting {
    uv_poll_t poll;
    bool is_ready, is_closed;
};

static void on_ready(uv_poll_t *poll, int status, int events)
{
    ((struct waiting *)poll->data)->is_ready = true;
}

static void on_poll_closed(uv_handle_t *poll)
{
    ((struct waiting *)poll->data)->is_closed = true;
}

static void receive_all(struct world *w, int fd)
{
    struct waiting wait = { .is_ready = false };
    size_t len = 0;
    ssize_t n = 1;
    wait.poll.data = &wait;
    uv_poll_init(&w->loop, &wait.poll, fd);
    uv_poll_start(&wait.poll, UV_READABLE, on_ready);
    while (n > 0) {
        while (!wait.is_ready)
            uv_run(&w->loop, UV_RUN_ONCE);
        wait.is_ready = false;
        n = recv(fd, w->got + len, sizeof w->got - 1 - len, 0);
        len += n > 0 ? (size_t)n : 0;
    }
    w->got[len] = '\0';
    uv_close((uv_handle_t *)&wait.poll, on_poll_closed);
    while (!wait.is_closed)
        uv_run(&w->loop, UV_RUN_ONCE);
}

/* All texts that are sent and received; the status. */
static unsigned ask(struct world *w, const char *method, const char *uri, const char *authorization)
{
    char request[1024];
    unsigned port, status;
    char path[128] = "";
    assert_int_equal(sscanf(uri, "http://127.0.0.1:%u%127s", &port, path), 2);
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s%s\r\n\r\n",
             method, path, port,
             authorization ? "Authorization: " : "X: ", authorization ? authorization : "");
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
    explicit_bzero(request, sizeof request);
    receive_all(w, fd);
    close(fd);
    assert_int_equal(sscanf(w->got, "HTTP/1.1 %u ", &status), 1);
    return status;
}

static json_t *document(const struct world *w)
{
    const char *body = strstr(w->got, "\r\n\r\n");
    json_t *root = body ? json_loads(body + 4, 0, NULL) : NULL;
    assert_non_null(root);
    assert_non_null(strstr(w->got, "Content-Type: application/json\r\n"));
    return root;
}

static const char *text_of(const json_t *root, const char *name)
{
    const char *text = json_string_value(json_object_get(root, name));
    assert_non_null(text);
    return text;
}

static time_t expires_s(const json_t *root)
{
    struct tm tm = { 0 };
    const char *end = strptime(text_of(root, "Expiration"), "%Y-%m-%dT%H:%M:%SZ", &tm);
    assert_true(end && !*end);
    return timegm(&tm);
}

static const struct pipepoll_artifact_credentials first = { STR_INIT("ASIA1"), STR_INIT("secret/1"),
                                                            STR_INIT("token \"1\"") },
                                                  second = { STR_INIT("ASIA2"),
                                                             STR_INIT("secret/2"),
                                                             STR_INIT("token2==") };

static void assert_gives(struct world *w, const struct artifact_access *access,
                         const struct pipepoll_artifact_credentials *c, uint64_t for_s)
{
    time_t now_s = time(NULL);
    assert_int_equal(ask(w, "GET", access->uri, access->token), 200);
    json_t *root = document(w);
    assert_str_equal(c->access_key_id, text_of(root, "AccessKeyId"));
    assert_str_equal(c->secret_access_key, text_of(root, "SecretAccessKey"));
    assert_str_equal(c->session_token, text_of(root, "Token"));
    assert_in_range(expires_s(root), now_s + (time_t)for_s - 2, now_s + (time_t)for_s + 5);
    json_decref(root);
}

static void assert_is_zero(const struct artifact_access *access)
{
    static const struct artifact_access zero;
    assert_memory_equal(access, &zero, sizeof zero);
}

/* --- tests ----------------------------------------------------------------------------------- */

enum { WHOLE_S = (RENEW_MS + ARTIFACT_EXPIRY_MARGIN_MS) / 1000 };

static void each_job_gets_its_own(void **state)
{
    struct world *w = *state;
    struct artifact_access a, b;
    assert_int_equal(artifact_endpoint_add(w->endpoint, &a, &first, RENEW_MS), 0);
    assert_int_equal(artifact_endpoint_add(w->endpoint, &b, &second, RENEW_MS), 0);
    assert_string_equal(a.uri, b.uri);
    assert_string_not_equal(a.token, b.token);
    assert_int_equal(strspn(a.token, "0123456789abcdef"), ARTIFACT_TOKEN_LEN);
    assert_int_equal(strlen(a.token), ARTIFACT_TOKEN_LEN);
    assert_gives(w, &a, &first, WHOLE_S);
    assert_gives(w, &b, &second, WHOLE_S);
    assert_gives(w, &a, &first, WHOLE_S);
    artifact_endpoint_remove(&a);
    artifact_endpoint_remove(&b);
}

static void only_the_whole_token_opens(void **state)
{
    struct world *w = *state;
    struct artifact_access a;
    char refusal[sizeof w->got], wrong[256];
    assert_int_equal(artifact_endpoint_add(w->endpoint, &a, &first, RENEW_MS), 0);
    assert_int_equal(ask(w, "GET", a.uri, NULL), 401);
    strcpy(refusal, w->got);
    json_t *root = document(w);
    assert_string_equal(text_of(root, "Code"), "AccessDenied");
    assert_non_null(text_of(root, "Message"));
    json_decref(root);
    for (size_t i = 0; i <= ARTIFACT_TOKEN_LEN; i++) {
        strcpy(wrong, a.token);
        wrong[i] = i == ARTIFACT_TOKEN_LEN ? '0' : wrong[i] == '0' ? '1' : '0';
        wrong[ARTIFACT_TOKEN_LEN + (i == ARTIFACT_TOKEN_LEN)] = '\0';
        assert_int_equal(ask(w, "GET", a.uri, wrong), 401);
        assert_string_equal(w->got, refusal);
    }
    snprintf(wrong, sizeof wrong, "Bearer %s", a.token);
    assert_int_equal(ask(w, "GET", a.uri, wrong), 401);
    snprintf(wrong, sizeof wrong, "%.*s", ARTIFACT_TOKEN_LEN - 1, a.token);
    assert_int_equal(ask(w, "GET", a.uri, wrong), 401);
    artifact_endpoint_remove(&a);
}

static void other_paths_and_methods_are_refused(void **state)
{
    struct world *w = *state;
    struct artifact_access a;
    char other[ARTIFACT_URI_MAX + 8];
    assert_int_equal(artifact_endpoint_add(w->endpoint, &a, &first, RENEW_MS), 0);
    snprintf(other, sizeof other, "%s/x", a.uri);
    assert_int_equal(ask(w, "GET", other, a.token), 404);
    json_decref(document(w));
    assert_int_equal(ask(w, "PUT", a.uri, a.token), 405);
    assert_non_null(strstr(w->got, "Allow: GET\r\n"));
    json_decref(document(w));
    assert_int_equal(ask(w, "OPTIONS", a.uri, a.token), 405);
    assert_null(strstr(w->got, "Access-Control"));
    artifact_endpoint_remove(&a);
}

static void renewed_credentials_replace_the_old(void **state)
{
    struct world *w = *state;
    struct artifact_access a;
    assert_int_equal(artifact_endpoint_add(w->endpoint, &a, &first, RENEW_MS), 0);
    forward_ms = RENEW_MS;
    assert_gives(w, &a, &first, ARTIFACT_EXPIRY_MARGIN_MS / 1000);
    artifact_endpoint_renew(&a, &second);
    assert_gives(w, &a, &second, WHOLE_S);
    no_memory = true;
    artifact_endpoint_renew(&a, &first);
    no_memory = false;
    assert_gives(w, &a, &second, WHOLE_S);
    artifact_endpoint_remove(&a);
    artifact_endpoint_renew(&a, &first);
    assert_is_zero(&a);
}

static void when_a_renewal_is_late_clients_are_to_come_soon(void **state)
{
    struct world *w = *state;
    struct artifact_access a;
    assert_int_equal(artifact_endpoint_add(w->endpoint, &a, &first, RENEW_MS), 0);
    forward_ms = RENEW_MS + ARTIFACT_EXPIRY_MARGIN_MS - 30000;
    assert_gives(w, &a, &first, 60);
    forward_ms = 100 * (uint64_t)RENEW_MS;
    assert_gives(w, &a, &first, 60);
    artifact_endpoint_renew(&a, &second);
    assert_gives(w, &a, &second, WHOLE_S);
    artifact_endpoint_remove(&a);
}

static void a_job_that_ended_has_no_token(void **state)
{
    struct world *w = *state;
    struct artifact_access a, b;
    char token[sizeof a.token], refusal[sizeof w->got];
    assert_int_equal(artifact_endpoint_add(w->endpoint, &a, &first, RENEW_MS), 0);
    assert_int_equal(artifact_endpoint_add(w->endpoint, &b, &second, RENEW_MS), 0);
    strcpy(token, a.token);
    assert_int_equal(ask(w, "GET", b.uri, "no token"), 401);
    strcpy(refusal, w->got);
    artifact_endpoint_remove(&a);
    assert_is_zero(&a);
    artifact_endpoint_remove(&a);
    assert_int_equal(ask(w, "GET", b.uri, token), 401);
    assert_string_equal(w->got, refusal); /* as if it had never been */
    assert_gives(w, &b, &second, WHOLE_S);
    artifact_endpoint_remove(&b);
}

static void there_may_be_many_jobs(void **state)
{
    enum { JOBS = 500 };
    struct world *w = *state;
    struct artifact_access *jobs = calloc(JOBS, sizeof *jobs);
    char id[16];
    assert_non_null(jobs);
    for (int i = 0; i < JOBS; i++) {
        snprintf(id, sizeof id, "ASIA%d", i);
        struct pipepoll_artifact_credentials c = { str_of(id), STR("s"), STR("t") };
        assert_int_equal(artifact_endpoint_add(w->endpoint, &jobs[i], &c, RENEW_MS), 0);
    }
    for (int i = 0; i < JOBS; i += 7) {
        assert_int_equal(ask(w, "GET", jobs[0].uri, jobs[i].token), 200);
        snprintf(id, sizeof id, "\"ASIA%d\"", i);
        assert_non_null(strstr(w->got, id));
    }
    close_endpoint(w); /* with all of them */
    assert_is_zero(&jobs[0]);
    assert_is_zero(&jobs[JOBS - 1]);
    artifact_endpoint_remove(&jobs[1]);
    free(jobs);
}

static void without_random_numbers_there_is_no_token(void **state)
{
    struct world *w = *state;
    struct artifact_endpoint *other = NULL;
    struct pipepoll_error why;
    struct artifact_access a;
    no_random = true;
    assert_int_equal(artifact_endpoint_open(&other, &w->loop, &why), PIPEPOLL_ESYSTEM);
    assert_int_equal(artifact_endpoint_add(w->endpoint, &a, &first, RENEW_MS), PIPEPOLL_ESYSTEM);
    assert_is_zero(&a);
    no_random = false;
    no_memory = true;
    assert_int_equal(artifact_endpoint_add(w->endpoint, &a, &first, RENEW_MS), PIPEPOLL_ENOMEM);
    no_memory = false;
    assert_is_zero(&a);
}

/* --- what is left of them -------------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = true };
#elif defined(__has_feature)
enum { SANITIZED = __has_feature(address_sanitizer) };
#else
enum { SANITIZED = false };
#endif

/* How often it stands in memory that was allocated; it is given with each byte complemented, since
 * this program has it nowhere else. */
static unsigned found_in_memory(const unsigned char *hidden, size_t len)
{
    unsigned found = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps)) {
        unsigned long long from, to;
        if (sscanf(line, "%llx-%llx rw-p", &from, &to) != 2 || !strstr(line, " rw-p ") ||
            (!strstr(line, "[heap]") && strchr(line, '/')) || strstr(line, "[stack]"))
            continue;
        const unsigned char *at = (const unsigned char *)(uintptr_t)from,
                            *end = (const unsigned char *)(uintptr_t)to;
        for (; at + len <= end; at++) {
            size_t i = 0;
            while (i < len && (at[i] ^ hidden[i]) == 0xff)
                i++;
            found += i == len;
        }
    }
    fclose(maps);
    return found;
}

static void hide(unsigned char *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)~text[i];
}

static void nothing_is_left_of_them(void **state)
{
    if (SANITIZED || under_valgrind())
        return; /* they keep what was freed, terabytes of it: the plain build shows it */
    struct world *w = *state;
    struct artifact_access *a = calloc(1, sizeof *a);
    unsigned char token[ARTIFACT_TOKEN_LEN], secret[32];
    char text[2000], *in_text = text + 1000;
    assert_non_null(a);
    memset(text, '.', sizeof text);
    for (size_t i = 0; i < sizeof secret; i++)
        in_text[i] = (char)('A' + (17 * i + 5) % 26);
    hide(secret, in_text, sizeof secret);
    struct pipepoll_artifact_credentials c = { STR("ASIA"), STR("s"), { text, sizeof text } };
    assert_int_equal(artifact_endpoint_add(w->endpoint, a, &c, RENEW_MS), 0);
    explicit_bzero(text, sizeof text);
    hide(token, a->token, sizeof token);
    assert_true(found_in_memory(token, sizeof token) > 0);
    assert_true(found_in_memory(secret, sizeof secret) > 0);
    assert_int_equal(ask(w, "GET", a->uri, a->token), 200);
    explicit_bzero(w->got, sizeof w->got);
    artifact_endpoint_renew(a, &first);
    assert_int_equal(found_in_memory(secret, sizeof secret), 0);
    artifact_endpoint_remove(a);
    assert_int_equal(found_in_memory(token, sizeof token), 0);
    free(a);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(each_job_gets_its_own),
        ROW(only_the_whole_token_opens),
        ROW(other_paths_and_methods_are_refused),
        ROW(renewed_credentials_replace_the_old),
        ROW(when_a_renewal_is_late_clients_are_to_come_soon),
        ROW(a_job_that_ended_has_no_token),
        ROW(there_may_be_many_jobs),
        ROW(without_random_numbers_there_is_no_token),
        ROW(nothing_is_left_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
