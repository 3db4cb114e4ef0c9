/* SPDX-License-Identifier: MIT */
/* The promise of pipepoll_close(): the end comes within request_timeout_ms and one second whatever
 * freezes, and the loop closes then, with all descriptors and all memory given back. One row for
 * each stage of a poll's way, and of the way to its credentials. */
#include <dirent.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/alone.h"
#include "lib/black_hole.h"
#include "lib/check.h"
#include "lib/names.h"
#include "lib/server.h"
#include "pipepoll.h"

/* FREEZE_MS: longer than loopback needs to get to any stage, shorter than the request's time.
 * HASTE_MS: a request's time where what counts is in which turn of the loop the close comes. */
enum { REQUEST_MS = 300, FREEZE_MS = 80, HASTE_MS = 30, LOOP_STATS_MAX = 4, GRACE_MS = 1000 };

struct world {
    struct pipepoll_sink sink;
    uv_loop_t loop;
    uv_timer_t timer;
    struct server server; /* answers with `reply`, after that nothing */
    struct server_reply reply;
    struct black_hole place;
    struct pipepoll_credentials *credentials; /* NULL: fixed ones */
    char url[96];
    unsigned answers, removed, closed;
    size_t in_use;
    bool rang;
    char failure[512];
};

static char pem_path[] = "/tmp/pipepoll-close-XXXXXX",
            profile_path[] = "/tmp/pipepoll-close-XXXXXX";

/* --- the stages --- */

/* In each, false: there is no such place on this machine. */
struct stage {
    const char *name;
    bool (*freeze)(struct world *w);
    const char *told_as; /* when it was frozen; NULL: no poll is under way */
    bool by_tls;         /* the scripted server */
};

static void say_url(struct world *w, const char *scheme, const char *host, unsigned port)
{
    snprintf(w->url, sizeof w->url, "%s://%s:%u/", scheme, host, port);
}

static unsigned server_port(const struct world *w)
{
    return (unsigned)atoi(strrchr(w->server.url, ':') + 1);
}

static bool at_the_name(struct world *w)
{
    names_hang("close-hangs.test");
    say_url(w, "https", "close-hangs.test", 1);
    return true;
}

static bool at_connect(struct world *w)
{
    bool is_there = black_hole_open(&w->place, "127.0.0.1", 0);
    say_url(w, "http", "127.0.0.1", w->place.port);
    return is_there;
}

static bool at_connect_for_tls(struct world *w)
{
    bool is_there = at_connect(w);
    say_url(w, "https", "127.0.0.1", w->place.port);
    return is_there;
}

/* Both addresses of a name, one after the other. */
static bool at_each_connect(struct world *w)
{
    bool is_there = at_connect(w);
    names_say("close-race.test", "::1 127.0.0.1");
    say_url(w, "http", "close-race.test", w->place.port);
    return is_there;
}

/* The race of the addresses is lost by a connect that never ends, and won by a mute server. */
static bool after_a_lost_race(struct world *w)
{
    names_say("close-race.test", "::1 127.0.0.1");
    say_url(w, "http", "close-race.test", server_port(w));
    return black_hole_open(&w->place, "::1", server_port(w));
}

static bool at_tls(struct world *w)
{
    bool is_there = mute_open(&w->place, "127.0.0.1", 0);
    say_url(w, "https", "127.0.0.1", w->place.port);
    return is_there;
}

static bool amid_tls(struct world *w)
{
    w->server.cut = (struct server_cut) { 200, SIZE_MAX, SERVER_HANG };
    return true;
}

static bool at_the_request(struct world *w)
{
    bool is_there = at_tls(w);
    say_url(w, "http", "127.0.0.1", w->place.port);
    return is_there;
}

static bool amid_the_request(struct world *w)
{
    w->server.cut = (struct server_cut) { SIZE_MAX, 100, SERVER_HANG };
    return true;
}

static bool before_the_answer(struct world *w)
{
    return true;
}

static bool amid_the_head(struct world *w)
{
    w->reply.bytes = STR("HTTP/1.1 200 OK\r\nContent-Le");
    return true;
}

static bool amid_the_body(struct world *w)
{
    w->reply.bytes = STR("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"jobs\"");
    return true;
}

static bool use_proxy(struct world *w, const char *scheme, const char *host, unsigned port)
{
    char proxy[96];
    snprintf(proxy, sizeof proxy, "%s://%s:%u", scheme, host, port);
    setenv("HTTPS_PROXY", proxy, 1);
    say_url(w, "https", "127.0.0.9", 1);
    return true;
}

static bool at_the_name_of_the_proxy(struct world *w)
{
    names_hang("close-proxy.test");
    return use_proxy(w, "http", "close-proxy.test", 1);
}

static bool at_connect_to_the_proxy(struct world *w)
{
    return black_hole_open(&w->place, "127.0.0.1", 0) &&
           use_proxy(w, "http", "127.0.0.1", w->place.port);
}

static bool at_the_tls_of_the_proxy(struct world *w)
{
    return mute_open(&w->place, "127.0.0.1", 0) &&
           use_proxy(w, "https", "127.0.0.1", w->place.port);
}

static bool at_the_proxys_answer(struct world *w)
{
    return use_proxy(w, "http", "127.0.0.1", server_port(w));
}

static bool at_tls_through_the_proxy(struct world *w)
{
    w->reply.bytes = STR("HTTP/1.1 200 Connection established\r\n\r\n");
    return use_proxy(w, "http", "127.0.0.1", server_port(w));
}

static void use_profile(struct world *w, const char *text)
{
    FILE *file = fopen(profile_path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    setenv("AWS_SHARED_CREDENTIALS_FILE", profile_path, 1);
    assert_int_equal(pipepoll_credentials_profile(&w->credentials, STR("acme"), NULL), 0);
}

static bool at_the_credentials_of_a_container(struct world *w)
{
    bool is_there = mute_open(&w->place, "127.0.0.1", 0);
    say_url(w, "http", "127.0.0.1", w->place.port);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", w->url, 1);
    return is_there && pipepoll_credentials_default(&w->credentials, NULL) == 0;
}

static bool at_the_credentials_of_a_role(struct world *w)
{
    bool is_there = at_connect(w);
    setenv("AWS_ENDPOINT_URL_STS", w->url, 1);
    use_profile(w, "[acme]\nrole_arn = arn:aws:iam::123456789012:role/R\nsource_profile = s\n"
                   "[s]\naws_access_key_id = AKID\naws_secret_access_key = secret\n");
    return is_there;
}

static bool at_a_credential_process(struct world *w)
{
    use_profile(w, "[acme]\ncredential_process = tail -f /dev/null\n");
    return true;
}

static const char name_told[] = "names are no longer looked up";
static const char no_connection[] = "no connection in time";
static const char no_handshake[] = "no end of the TLS handshake";
static const char no_answer[] = "no whole answer in time";

static const struct stage stages[] = {
    { "the name", at_the_name, name_told, false },
    { "connect", at_connect, no_connection, false },
    { "connect for TLS", at_connect_for_tls, no_connection, false },
    { "connect to each address", at_each_connect, no_connection, false },
    { "an answer, after a lost race", after_a_lost_race, no_answer, false },
    { "TLS, at once", at_tls, no_handshake, false },
    { "TLS, half-way", amid_tls, no_handshake, true },
    { "the request, unread", at_the_request, no_answer, false },
    { "the request, half read", amid_the_request, no_answer, false },
    { "the answer", before_the_answer, no_answer, false },
    { "the answer by TLS", before_the_answer, no_answer, true },
    { "the head of an answer", amid_the_head, no_answer, false },
    { "the body of an answer", amid_the_body, no_answer, false },
    { "the body of an answer by TLS", amid_the_body, no_answer, true },
    { "the name of the proxy", at_the_name_of_the_proxy, name_told, false },
    { "connect to the proxy", at_connect_to_the_proxy, no_connection, false },
    { "TLS with the proxy", at_the_tls_of_the_proxy, no_connection, false },
    { "the proxy's answer", at_the_proxys_answer, no_connection, false },
    { "TLS through the proxy", at_tls_through_the_proxy, no_handshake, false },
    { "credentials of a container", at_the_credentials_of_a_container, NULL, false },
    { "credentials of a role", at_the_credentials_of_a_role, NULL, false },
    { "a credential_process", at_a_credential_process, NULL, false },
};

enum { STAGES = sizeof stages / sizeof *stages };

/* --- the world --- */

static void on_deliver(struct pipepoll_sink *self, struct pipepoll_target *from,
                       const struct pipepoll_answer *answer)
{
    ((struct world *)self)->answers++;
}

static void on_failed(struct pipepoll_sink *self, struct pipepoll_target *from,
                      const struct pipepoll_failure *failure)
{
    struct world *w = (struct world *)self;
    snprintf(w->failure, sizeof w->failure, "%.*s", STR_ARG(failure->message));
}

static void on_credentials(struct pipepoll_sink *self, const struct pipepoll_identity *identity)
{
    struct world *w = (struct world *)self;
    if (!identity->usable)
        snprintf(w->failure, sizeof w->failure, "%.*s", STR_ARG(identity->reason));
}

static void on_removed(struct pipepoll_sink *self, struct pipepoll_target *from)
{
    ((struct world *)self)->removed++;
}

static void on_closed(void *ctx)
{
    ((struct world *)ctx)->closed++;
}

static struct server_reply answer(struct server *server, const struct server_request *rq)
{
    return ((struct world *)server->ctx)->reply;
}

static void *resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct world *w = ctx;
    w->in_use += new_size - (ptr ? old_size : 0);
    if (new_size)
        return realloc(ptr, new_size);
    free(ptr);
    return NULL;
}

static void ring(uv_timer_t *timer)
{
    ((struct world *)timer->data)->rang = true;
}

/* Turn the loop for so long, or until the poller is closed. */
static void turn_for(struct world *w, unsigned ms)
{
    uv_update_time(&w->loop);
    w->rang = false;
    uv_timer_start(&w->timer, ring, ms, 0);
    while (!w->rang && !w->closed)
        uv_run(&w->loop, UV_RUN_ONCE);
}

static unsigned open_descriptors(void)
{
    unsigned n = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        n++;
    closedir(folder);
    return n;
}

static void world_open(struct world *w)
{
    *w = (struct world) {
        .sink = { .size = sizeof w->sink,
                  .deliver = on_deliver,
                  .failed = on_failed,
                  .removed = on_removed,
                  .credentials = on_credentials },
        .reply = { STR(""), SERVER_HANG, 0 },
        .place = { .listener = -1 },
    };
    for (int i = 0; i < BLACK_HOLE_FILL; i++)
        w->place.fill[i] = -1;
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->timer);
    w->timer.data = w;
    server_open(&w->server, &w->loop, answer, w);
    static const char *const names[] = { "HTTPS_PROXY", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                         "AWS_ENDPOINT_URL_STS" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

static struct pipepoll *poller_open(struct world *w, uint32_t request_ms)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    struct pipepoll_target_options t = PIPEPOLL_TARGET_OPTIONS_INIT;
    struct pipepoll *p = NULL;
    if (!w->credentials)
        pipepoll_credentials_static(&w->credentials, STR("AKID"), STR("secret"), STR("token"),
                                    NULL);
    o.sink = &w->sink;
    o.credentials = w->credentials;
    o.ca_bundle = str_of(pem_path);
    o.seed = 1;
    o.request_timeout_ms = request_ms;
    o.resize = resize;
    o.resize_ctx = w;
    t.action_type =
        (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"), STR("Acme"), STR("1") };
    t.region = STR("us-east-1");
    t.endpoint_url = str_of(w->url[0] ? w->url : w->server.url);
    t.interval_ms = 1;
    assert_int_equal(pipepoll_open(&p, &w->loop, &o, NULL), 0);
    assert_int_equal(pipepoll_target_add(p, &t, NULL, NULL), 0);
    w->credentials = pipepoll_credentials_unref(w->credentials);
    return p;
}

static void close_in_time(struct world *w, struct pipepoll *p, const char *stage, unsigned limit_ms)
{
    pipepoll_close(p, on_closed, w);
    turn_for(w, limit_ms);
    if (!w->closed)
        fail_msg("frozen at %s: not closed after %u ms", stage, limit_ms);
    assert_int_equal(w->closed, 1);
    assert_int_equal(w->removed, 1);
    assert_int_equal(w->answers, 0);
    if (w->in_use)
        fail_msg("frozen at %s: %zu bytes stay", stage, w->in_use);
}

static void world_close(struct world *w, const char *stage)
{
    black_hole_close(&w->place);
    server_close(&w->server);
    uv_close((uv_handle_t *)&w->timer, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&w->loop))
        fail_msg("frozen at %s: the loop does not close", stage);
}

/* Where a poll was frozen its failure tells: so each row is at its stage indeed. */
static void close_when_frozen(struct world *w, const struct stage *stage)
{
    struct pipepoll *p = poller_open(w, REQUEST_MS);
    turn_for(w, FREEZE_MS);
    close_in_time(w, p, stage->name, REQUEST_MS + GRACE_MS);
    if (stage->told_as && !strstr(w->failure, stage->told_as))
        fail_msg("frozen at %s: told as \"%s\"", stage->name, w->failure);
}

static void close_at_each_turn(struct world *w, const struct stage *stage)
{
    struct pipepoll_credentials *credentials = pipepoll_credentials_ref(w->credentials);
    for (int loop_stats = 0; loop_stats <= LOOP_STATS_MAX; loop_stats++) {
        struct pipepoll *p = poller_open(w, HASTE_MS);
        for (int i = 0; i < loop_stats; i++)
            uv_run(&w->loop, UV_RUN_ONCE);
        close_in_time(w, p, stage->name, HASTE_MS + GRACE_MS);
        w->closed = w->removed = 0;
        w->credentials = pipepoll_credentials_ref(credentials);
    }
    pipepoll_credentials_unref(credentials);
}

static void at_each_stage(void (*close_at)(struct world *w, const struct stage *stage))
{
    for (size_t i = 0; i < STAGES; i++) {
        struct world w;
        unsigned before = open_descriptors();
        world_open(&w);
        if (stages[i].by_tls)
            server_use_tls(&w.server, pem_path);
        if (stages[i].freeze(&w))
            close_at(&w, &stages[i]);
        else
            print_message("there is no place here to freeze at %s\n", stages[i].name);
        w.credentials = pipepoll_credentials_unref(w.credentials);
        world_close(&w, stages[i].name);
        if (open_descriptors() != before)
            fail_msg("frozen at %s: not all descriptors are closed", stages[i].name);
    }
}

/* --- tests --- */

static void a_close_ends_in_time_whatever_stage_is_frozen(void **state)
{
    at_each_stage(close_when_frozen);
}

static void so_does_one_in_each_of_the_first_turns(void **state)
{
    at_each_stage(close_at_each_turn);
}

static void be_alone(void)
{
    alone();
    signal(SIGPIPE, SIG_IGN);
}

/* A certificate to begin with, and whatever a first poller opens for good. */
static int prepare(void **state)
{
    struct world w;
    close(mkstemp(pem_path));
    close(mkstemp(profile_path));
    world_open(&w);
    server_use_tls(&w.server, pem_path);
    pipepoll_close(poller_open(&w, REQUEST_MS), on_closed, &w);
    world_close(&w, "nothing");
    return 0;
}

static int forget(void **state)
{
    names_fail("close-hangs.test", EAI_NONAME, 0);
    names_fail("close-proxy.test", EAI_NONAME, 0);
    unlink(pem_path);
    unlink(profile_path);
    return 0;
}

int main(void)
{
    be_alone();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_close_ends_in_time_whatever_stage_is_frozen),
        cmocka_unit_test(so_does_one_in_each_of_the_first_turns),
    };
    return cmocka_run_group_tests(tests, prepare, forget);
}
