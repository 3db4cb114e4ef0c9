/* SPDX-License-Identifier: MIT */
/* The engine on one real server: each function of its interface, what it makes of streams that are
 * otherwise, an outage, and a close that nobody waits for. */
#include <signal.h>

#include "lib/engine_log.h"
#include "lib/nats_servers.h"

static struct nats_servers servers;

static int start_server(void **state)
{
    nats_servers_start(&servers, 1, NULL);
    return 0;
}

static int end_server(void **state)
{
    nats_servers_end(&servers);
    return 0;
}

static struct nats_options options(const char *fleet)
{
    return engine_options(&servers, fleet, 1);
}

static void open_ready(struct engine_user *u, const char *fleet)
{
    const struct nats_options o = options(fleet);
    engine_user_open(u, &o);
    engine_user_until_state(u, ENGINE_READY);
}

static enum engine_result put(struct engine_user *u, enum engine_log log, const char *key,
                              const char *body)
{
    return engine_user_write(u, log, key, body, 0);
}

/* --- who only looks --- */

static void check_missed(const char *fleet, const char *said)
{
    struct engine_user u = { 0 };
    struct nats_options o = options(fleet);
    o.only_looks = true;
    engine_user_open(&u, &o);
    engine_user_until_state(&u, ENGINE_UNUSABLE);
    if (!strstr(u.why, said))
        fail_msg("%s\nlacks: %s", u.why, said);
    engine_user_close(&u);
}

static void test_who_only_looks_makes_nothing(void **state)
{
    struct engine_user u = { 0 };
    char answer[1024];
    check_missed("seen", "there is no fleet seen here, nor any other: the first member that starts "
                         "makes it");
    nats_server_ask(&servers, 0, "$JS.API.STREAM.NAMES", "", answer, sizeof answer);
    assert_null(strstr(answer, "PIPEPOLL_seen"));
    open_ready(&u, "seen");
    check_missed("sen", "there is no fleet sen here; the fleets there are: seen");
    struct engine_user guest = { 0 };
    struct nats_options o = options("seen");
    o.only_looks = true;
    o.jobs_max_bytes *= 2; /* which a member would see to */
    engine_user_open(&guest, &o);
    engine_user_until_state(&guest, ENGINE_READY);
    engine_user_close(&guest);
    nats_server_ask(&servers, 0, "$JS.API.STREAM.INFO.PIPEPOLL_seen_JOBS", "", answer,
                    sizeof answer);
    char bytes[64];
    snprintf(bytes, sizeof bytes, "\"max_bytes\":%lld", (long long)o.jobs_max_bytes / 2);
    assert_non_null(strstr(answer, bytes));
    nats_server_ask(&servers, 0, "$JS.API.STREAM.DELETE.PIPEPOLL_seen_DEAD", "", answer,
                    sizeof answer);
    check_missed("seen", "stream PIPEPOLL_seen_DEAD is not there: a member makes it");
    engine_user_close(&u);
}

/* --- writes and watches --- */

/* Two beats that nobody took at first: the later one is the last in the log in the end. */
static void test_writes_that_wait_again_keep_their_order(void **state)
{
    struct engine_user u = { 0 };
    char answer[256];
    open_ready(&u, "order");
    engine_user_for(&u,
                    3100); /* a doubt is looked into at once: the log is there again in no time */
    nats_server_ask(&servers, 0, "$JS.API.STREAM.DELETE.PIPEPOLL_order_LEASES", "", answer,
                    sizeof answer);
    const struct engine_message one = engine_message_of(&u, ENGINE_LEASES, "m.a", "one", 0);
    const struct engine_message two = engine_message_of(&u, ENGINE_LEASES, "m.a", "two", 0);
    assert_true(u.engine->write(u.engine, &one) && u.engine->write(u.engine, &two));
    engine_user_until(&u, &u.written, 2);
    assert_int_equal(u.results[one.ticket], ENGINE_DONE);
    assert_int_equal(u.results[two.ticket], ENGINE_DONE);
    u.engine->watch(u.engine, ENGINE_LEASES, STR(""));
    engine_user_until(&u, &u.caught_up, 1);
    assert_int_equal(u.seen_count, 1);
    assert_string_equal(u.seen[0].body, "two");
    engine_user_close(&u);
}

static void test_what_is_written_is_seen(void **state)
{
    struct engine_user u = { 0 };
    open_ready(&u, "seen");
    assert_int_equal(put(&u, ENGINE_LEASES, "m.a", "one"), ENGINE_DONE);
    assert_int_equal(put(&u, ENGINE_LEASES, "m.b", "two"), ENGINE_DONE);
    assert_int_equal(put(&u, ENGINE_LEASES, "m.a", "three"), ENGINE_DONE);
    u.engine->watch(u.engine, ENGINE_LEASES, STR(""));
    engine_user_until(&u, &u.caught_up, 1);
    assert_int_equal(u.seen_count, 2);
    assert_string_equal(u.seen[0].key, "m.b");
    assert_string_equal(u.seen[0].body, "two");
    assert_string_equal(u.seen[1].key, "m.a");
    assert_string_equal(u.seen[1].body, "three");
    assert_true(u.seen[1].sequence > u.seen[0].sequence);
    assert_int_equal(put(&u, ENGINE_LEASES, "t.x.1", ""), ENGINE_DONE);
    engine_user_until(&u, &u.seen_count, 3);
    assert_string_equal(u.seen[2].key, "t.x.1");
    assert_string_equal(u.seen[2].body, "");
    engine_user_close(&u);
}

static void test_watches_of_a_prefix_end_and_begin_anew(void **state)
{
    struct engine_user u = { 0 };
    open_ready(&u, "anew");
    put(&u, ENGINE_LEASES, "m.a", "1");
    put(&u, ENGINE_LEASES, "mm.a", "2");
    put(&u, ENGINE_LEASES, "t.a.1", "3");
    u.engine->watch(u.engine, ENGINE_LEASES, STR("m"));
    engine_user_until(&u, &u.caught_up, 1);
    assert_int_equal(u.seen_count, 1);
    assert_string_equal(u.seen[0].key, "m.a");
    u.engine->watch(u.engine, ENGINE_LEASES, STR(""));
    engine_user_until(&u, &u.caught_up, 2);
    assert_int_equal(u.seen_count, 4);
    u.engine->unwatch(u.engine, ENGINE_LEASES);
    put(&u, ENGINE_LEASES, "m.a", "4");
    u.engine->watch(u.engine, ENGINE_JOBS, STR("")); /* which has nothing */
    engine_user_until(&u, &u.caught_up, 3);
    assert_int_equal(u.seen_count, 4);
    engine_user_close(&u);
}

static void test_what_is_removed_is_gone(void **state)
{
    struct engine_user u = { 0 };
    struct nats_held held;
    open_ready(&u, "gone");
    const char *keys[] = { "r", "r.a", "r.a.b", "rest", "s.a" };
    for (int i = 0; i < 5; i++)
        put(&u, ENGINE_OUTBOX, keys[i], "x");
    u.engine->remove(u.engine, ENGINE_OUTBOX, STR("s.a"));
    u.engine->remove(u.engine, ENGINE_OUTBOX, STR("r."));
    u.engine->remove(u.engine, ENGINE_OUTBOX, STR("r.."));
    do {
        engine_user_for(&u, 5);
        assert_true(nats_server_holds(&servers, 0, "PIPEPOLL_gone_OUTBOX", &held));
    } while (held.messages > 2);
    u.engine->watch(u.engine, ENGINE_OUTBOX, STR(""));
    engine_user_until(&u, &u.caught_up, 1);
    assert_int_equal(u.seen_count, 2);
    assert_string_equal(u.seen[0].key, "r");
    assert_string_equal(u.seen[1].key, "rest");
    u.engine->remove(u.engine, ENGINE_OUTBOX, STR(""));
    do {
        engine_user_for(&u, 5);
        assert_true(nats_server_holds(&servers, 0, "PIPEPOLL_gone_OUTBOX", &held));
    } while (held.messages);
    assert_int_equal(u.seen_count, 2);
    engine_user_close(&u);
}

static void test_absent_once_and_full(void **state)
{
    struct engine_user u = { 0 };
    char *large = calloc(1, ENGINE_BODY_MAX + 2);
    open_ready(&u, "rules");
    assert_int_equal(engine_user_write(&u, ENGINE_LEASES, "t.a.1", "me", ENGINE_ABSENT),
                     ENGINE_DONE);
    assert_int_equal(engine_user_write(&u, ENGINE_LEASES, "t.a.1", "him", ENGINE_ABSENT),
                     ENGINE_PRESENT);
    assert_int_equal(put(&u, ENGINE_LEASES, "t.a.1", "me"), ENGINE_DONE);
    struct engine_message m = engine_message_of(&u, ENGINE_JOBS, "r.o.c.p.1", "job", 0);
    m.once = STR("j1:7");
    assert_int_equal(engine_user_send(&u, &m), ENGINE_DONE);
    m.ticket = ++u.ticket;
    assert_int_equal(engine_user_send(&u, &m), ENGINE_DUPLICATE);
    memset(large, 'x', ENGINE_BODY_MAX);
    assert_int_equal(put(&u, ENGINE_JOBS, "r.o.c.p.1", large), ENGINE_DONE);
    assert_int_equal(put(&u, ENGINE_JOBS, "r.o.c.p.1", large), ENGINE_FULL);
    memset(large, 'x', ENGINE_BODY_MAX + 1);
    m = engine_message_of(&u, ENGINE_JOBS, "r.o.c.p.1", large, 0);
    assert_false(u.engine->write(u.engine, &m));
    m = engine_message_of(&u, ENGINE_JOBS, "r.o c.p.1", "", 0);
    assert_false(u.engine->write(u.engine, &m));
    engine_user_close(&u);
    free(large);
}

/* --- pulls --- */

static void put_jobs(struct engine_user *u, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        char body[16];
        snprintf(body, sizeof body, "job %d", i);
        assert_int_equal(put(u, ENGINE_JOBS, i % 2 ? "r1.o.c.p.1" : "r2.o.c.p.1", body),
                         ENGINE_DONE);
    }
}

static void test_jobs_are_pulled_and_settled(void **state)
{
    struct engine_user u = { 0 };
    open_ready(&u, "pull");
    put_jobs(&u, 0, 3);
    put(&u, ENGINE_JOBS, "r1.o.c.other.1", "not this");
    u.engine->pull(u.engine, STR("*.o.c.p.1"), 2);
    engine_user_until(&u, &u.pulled_count, 2);
    engine_user_for(&u, 50);
    assert_int_equal(u.pulled_count, 2);
    assert_string_equal(u.pulled[0].key, "r2.o.c.p.1");
    assert_string_equal(u.pulled[0].body, "job 0");
    assert_int_equal(u.pulled[0].delivered, 1);
    u.engine->hold(u.engine, u.pulled[1].delivery);
    u.engine->done(u.engine, u.pulled[0].delivery);
    engine_user_until(&u, &u.pulled_count, 3);
    assert_string_equal(u.pulled[2].body, "job 2");
    u.engine->give_back(u.engine, u.pulled[1].delivery, 0);
    engine_user_until(&u, &u.pulled_count, 4);
    assert_string_equal(u.pulled[3].body, "job 1");
    assert_int_equal(u.pulled[3].delivered, 2);
    uint64_t given = uv_hrtime();
    u.engine->give_back(u.engine, u.pulled[3].delivery, 300);
    engine_user_until(&u, &u.pulled_count, 5);
    assert_int_equal(u.pulled[4].delivered, 3);
    assert_true(uv_hrtime() - given > 250 * UINT64_C(1000000));
    engine_user_close(&u);
}

/* What nobody wants any more goes back at once, as does what was not settled at the end; what was
 * settled does not come again. */
static void test_unsettled_jobs_are_others(void **state)
{
    struct engine_user a = { 0 }, b = { 0 };
    open_ready(&a, "others");
    put_jobs(&a, 0, 4);
    a.engine->pull(a.engine, STR("*.o.c.p.1"), 2);
    engine_user_until(&a, &a.pulled_count, 2);
    a.engine->pull(a.engine, STR("*.o.c.p.1"), 0);
    a.engine->done(a.engine, a.pulled[0].delivery);
    engine_user_close(&a);
    open_ready(&b, "others");
    b.engine->pull(b.engine, STR("*.o.c.p.1"), 10);
    engine_user_until(&b, &b.pulled_count, 3);
    engine_user_for(&b, 50);
    assert_int_equal(b.pulled_count, 3);
    for (int i = 0; i < 3; i++) {
        assert_string_not_equal(b.pulled[i].body, "job 0");
        assert_true(b.pulled[i].delivered == (strcmp(b.pulled[i].body, "job 1") == 0 ? 2 : 1));
        b.engine->done(b.engine, b.pulled[i].delivery);
    }
    engine_user_close(&b);
    char answer[2048];
    nats_server_ask(&servers, 0, "$JS.API.CONSUMER.INFO.PIPEPOLL_others_JOBS.@,o,c,p,1", "", answer,
                    sizeof answer);
    assert_non_null(strstr(answer, "\"num_ack_pending\":0"));
    assert_non_null(strstr(answer, "\"num_pending\":0"));
}

/* The server answers nothing to who asks for jobs of a consumer that is gone. */
static void test_a_consumer_that_is_gone_is_made_again(void **state)
{
    struct engine_user u = { 0 };
    char answer[512];
    open_ready(&u, "made");
    put_jobs(&u, 0, 2);
    u.engine->pull(u.engine, STR("*.o.c.p.1"), 2);
    engine_user_until(&u, &u.pulled_count, 2);
    nats_server_ask(&servers, 0, "$JS.API.CONSUMER.DELETE.PIPEPOLL_made_JOBS.@,o,c,p,1", "", answer,
                    sizeof answer);
    assert_non_null(strstr(answer, "\"success\":true"));
    u.engine->pull(u.engine, STR("*.o.c.p.1"), 4);
    engine_user_until(&u, &u.pulled_count, 4);
    assert_string_equal(u.pulled[2].body, "job 0");
    engine_user_close(&u);
}

static void test_a_deleted_stream_is_told_and_made_again(void **state)
{
    struct engine_user u = { 0 };
    char answer[512];
    open_ready(&u, "anew2");
    nats_server_ask(&servers, 0, "$JS.API.STREAM.DELETE.PIPEPOLL_anew2_JOBS", "", answer,
                    sizeof answer);
    u.engine->pull(u.engine, STR("*.o.c.p.1"), 2);
    engine_user_until_state(&u, ENGINE_AWAY);
    assert_non_null(strstr(u.why, "stream PIPEPOLL_anew2_JOBS was deleted"));
    engine_user_until_state(&u, ENGINE_READY);
    put_jobs(&u, 0, 2);
    engine_user_until(&u, &u.pulled_count, 2);
    engine_user_close(&u);
}

static void test_it_tells_how_it_stands(void **state)
{
    struct engine_user u = { 0 };
    struct engine_stats s;
    open_ready(&u, "stands");
    put_jobs(&u, 0, 5);
    u.engine->pull(u.engine, STR("*.o.c.p.1"), 2);
    engine_user_until(&u, &u.pulled_count, 2);
    do {
        engine_user_for(&u, 20);
        u.engine->stats(u.engine, &s);
    } while (s.jobs_waiting != 3 || s.jobs_out != 2);
    assert_int_equal(s.jobs_unworked, 0);
    assert_int_equal(s.state, ENGINE_READY);
    assert_string_equal(s.server, servers.at[0].url);
    assert_int_equal(strncmp(s.version, "2.", 2), 0);
    assert_int_equal(s.reconnects, 0);
    engine_user_close(&u);
}

/* Jobs that nobody ever pulled wait too. */
static void test_it_counts_jobs_that_nobody_works(void **state)
{
    struct engine_user u = { 0 }, other = { 0 };
    struct engine_stats s;
    open_ready(&u, "unworked");
    put_jobs(&u, 0, 5);
    open_ready(&other, "unworked");
    do {
        engine_user_for(&other, 20);
        other.engine->stats(other.engine, &s);
    } while (!s.jobs_known);
    assert_int_equal(s.jobs_waiting, 5);
    assert_int_equal(s.jobs_unworked, 5);
    assert_non_null(strstr(s.unworked_key, ".o.c.p.1"));
    engine_user_close(&u);
    engine_user_close(&other);
}

/* --- streams that are otherwise --- */

static void test_wrong_streams_are_told_with_the_fix(void **state)
{
    struct engine_user u = { 0 };
    char answer[2048];
    open_ready(&u, "wrong");
    engine_user_close(&u);
    struct nats_options o = options("wrong");
    o.jobs_max_age_ms = 7200000;
    engine_user_open(&u, &o);
    engine_user_until_state(&u, ENGINE_UNUSABLE);
    assert_non_null(strstr(u.why, "stream PIPEPOLL_wrong_JOBS has max_age 24h, and must have 2h: "
                                  "nats stream edit PIPEPOLL_wrong_JOBS --max-age=2h"));
    assert_non_null(strstr(u.why, servers.at[0].url));
    engine_user_close(&u);
    nats_server_ask(&servers, 0, "$JS.API.STREAM.CREATE.PIPEPOLL_queue_LEASES",
                    "{\"name\":\"PIPEPOLL_queue_LEASES\",\"subjects\":[\"pipepoll.queue.lease.>\"],"
                    "\"retention\":\"workqueue\",\"storage\":\"file\",\"num_replicas\":1,"
                    "\"description\":\"pipepoll fleet queue, format 1\"}",
                    answer, sizeof answer);
    assert_non_null(strstr(answer, "did_create"));
    o = options("queue");
    engine_user_open(&u, &o);
    engine_user_until_state(&u, ENGINE_UNUSABLE);
    assert_non_null(strstr(u.why, "PIPEPOLL_queue_LEASES has retention workqueue, and must have "
                                  "limits"));
    /* and when that is done, it goes on by itself */
    nats_server_ask(&servers, 0, "$JS.API.STREAM.DELETE.PIPEPOLL_queue_LEASES", "", answer,
                    sizeof answer);
    assert_non_null(strstr(answer, "\"success\":true"));
    engine_user_until_state(&u, ENGINE_READY);
    engine_user_close(&u);
}

static void test_a_later_format_and_too_few_servers(void **state)
{
    struct engine_user u = { 0 };
    char answer[2048];
    nats_server_ask(&servers, 0, "$JS.API.STREAM.CREATE.PIPEPOLL_later_LEASES",
                    "{\"name\":\"PIPEPOLL_later_LEASES\",\"subjects\":[\"pipepoll.later.lease.>\"],"
                    "\"retention\":\"limits\",\"storage\":\"file\",\"num_replicas\":1,"
                    "\"description\":\"pipepoll fleet later, format 2\"}",
                    answer, sizeof answer);
    assert_non_null(strstr(answer, "did_create"));
    struct nats_options o = options("later");
    engine_user_open(&u, &o);
    engine_user_until_state(&u, ENGINE_UNUSABLE);
    assert_non_null(strstr(u.why, "has format 2, of a later pipepoll; this one knows 1"));
    engine_user_close(&u);
    o = options("three");
    o.replicas = 3;
    engine_user_open(&u, &o);
    engine_user_until_state(&u, ENGINE_UNUSABLE);
    assert_non_null(strstr(u.why, "a single server keeps one copy: set replicas = 1 in [fleet]"));
    engine_user_close(&u);
}

static const char *queue_of(const char *fleet)
{
    static char answer[2048];
    char subject[128];
    snprintf(subject, sizeof subject, "$JS.API.STREAM.INFO.PIPEPOLL_%s_JOBS", fleet);
    nats_server_ask(&servers, 0, subject, "", answer, sizeof answer);
    return answer;
}

static void test_what_others_set_in_a_stream_stays(void **state)
{
    static const char *const formats[] = { "1", "1.1" };
    for (int later = 0; later < 2; later++) {
        struct engine_user u = { 0 };
        char fleet[16], subject[128], config[1024], answer[2048];
        snprintf(fleet, sizeof fleet, "kept%d", later);
        snprintf(subject, sizeof subject, "$JS.API.STREAM.CREATE.PIPEPOLL_%s_JOBS", fleet);
        snprintf(config, sizeof config,
                 "{\"name\":\"PIPEPOLL_%s_JOBS\",\"subjects\":[\"pipepoll.%s.jobs.>\"],"
                 "\"description\":\"pipepoll fleet %s, format %s\",\"retention\":\"limits\","
                 "\"storage\":\"file\",\"discard\":\"new\",\"num_replicas\":1,"
                 "\"max_age\":86400000000000,\"duplicate_window\":3600000000000,"
                 "\"max_bytes\":2097152,\"allow_rollup_hdrs\":true}",
                 fleet, fleet, fleet, formats[later]);
        nats_server_ask(&servers, 0, subject, config, answer, sizeof answer);
        assert_non_null(strstr(answer, "did_create"));
        struct nats_options o = options(fleet);
        o.jobs_max_bytes = 3 << 20;
        engine_user_open(&u, &o);
        engine_user_until_state(&u, ENGINE_READY);
        assert_non_null(strstr(queue_of(fleet), "\"allow_rollup_hdrs\":true"));
        assert_non_null(
            strstr(queue_of(fleet), later ? "\"max_bytes\":2097152" : "\"max_bytes\":3145728"));
        engine_user_close(&u);
    }
}

static void test_the_queue_follows_its_size(void **state)
{
    struct engine_user u = { 0 };
    open_ready(&u, "size");
    engine_user_close(&u);
    struct nats_options o = options("size");
    o.jobs_max_bytes = 3 << 20;
    engine_user_open(&u, &o);
    engine_user_until_state(&u, ENGINE_READY);
    assert_non_null(strstr(queue_of("size"), "\"max_bytes\":3145728"));
    engine_user_close(&u);
}

/* --- outages and the end --- */

static void test_away_and_back(void **state)
{
    struct engine_user u = { 0 };
    open_ready(&u, "back");
    u.engine->watch(u.engine, ENGINE_LEASES, STR(""));
    u.engine->pull(u.engine, STR("*.o.c.p.1"), 1);
    put(&u, ENGINE_LEASES, "m.a", "1");
    put_jobs(&u, 0, 2);
    engine_user_until(&u, &u.pulled_count, 1);
    engine_user_until(&u, &u.caught_up, 1);
    nats_server_kill(&servers, 0, SIGKILL);
    engine_user_until_state(&u, ENGINE_AWAY);
    uint64_t began = uv_hrtime();
    assert_int_equal(put(&u, ENGINE_LEASES, "m.a", "2"), ENGINE_UNKNOWN);
    assert_in_range((uv_hrtime() - began) / 1000000, 2000, ENGINE_ANSWER_MS + 1000);
    u.engine->done(u.engine, u.pulled[0].delivery);
    nats_server_start(&servers, 0);
    engine_user_until_state(&u, ENGINE_READY);
    engine_user_until(&u, &u.caught_up, 2);
    assert_string_equal(u.seen[u.seen_count - 1].body, "1");
    engine_user_until(&u, &u.pulled_count, 2);    /* and the first was settled */
    if (strcmp(u.pulled[1].body, "job 0") == 0) { /* a killed server may have forgotten it */
        u.engine->done(u.engine, u.pulled[1].delivery);
        engine_user_until(&u, &u.pulled_count, 3);
    }
    assert_string_equal(u.pulled[u.pulled_count - 1].body, "job 1");
    assert_int_equal(put(&u, ENGINE_LEASES, "m.a", "3"), ENGINE_DONE);
    engine_user_close(&u);
}

static void test_a_write_goes_out_when_the_server_is_back_in_time(void **state)
{
    struct engine_user u = { 0 };
    open_ready(&u, "soon");
    nats_server_kill(&servers, 0, SIGKILL);
    engine_user_until_state(&u, ENGINE_AWAY);
    const struct engine_message m = engine_message_of(&u, ENGINE_LEASES, "m.a", "1", 0);
    assert_true(u.engine->write(u.engine, &m));
    nats_server_start(&servers, 0);
    engine_user_until(&u, &u.written, 1);
    assert_int_equal(u.results[m.ticket], ENGINE_DONE);
    engine_user_close(&u);
}

/* A server that is frozen takes bytes and says nothing. */
static void test_frozen(void **state)
{
    struct engine_user u = { 0 }, v = { 0 };
    open_ready(&u, "frozen");
    open_ready(&v, "frozen");
    nats_server_signal(&servers, 0, SIGSTOP);
    const struct engine_message m = engine_message_of(&v, ENGINE_LEASES, "m.a", "1", 0);
    assert_true(v.engine->write(v.engine, &m));
    uint64_t began = uv_hrtime();
    engine_user_close_in(&v, 200);
    assert_in_range((uv_hrtime() - began) / 1000000, 0, 700);
    engine_user_until_state(&u, ENGINE_AWAY);
    assert_in_range((uv_hrtime() - began) / 1000000, 0, 6000);
    began = uv_hrtime();
    engine_user_close_in(&u, 100); /* amid connecting */
    assert_in_range((uv_hrtime() - began) / 1000000, 0, 600);
    nats_server_signal(&servers, 0, SIGCONT);
}

static void test_what_was_asked_for_is_sent_before_the_end(void **state)
{
    struct engine_user u = { 0 }, v = { 0 };
    open_ready(&u, "last");
    u.engine->watch(u.engine, ENGINE_LEASES, STR(""));
    for (int i = 0; i < 2000; i++) {
        char key[32];
        snprintf(key, sizeof key, "t.%d.1", i);
        const struct engine_message m = engine_message_of(&u, ENGINE_LEASES, key, "x", 0);
        assert_true(u.engine->write(u.engine, &m));
    }
    engine_user_close(&u);
    open_ready(&v, "last");
    v.engine->watch(v.engine, ENGINE_LEASES, STR(""));
    engine_user_until(&v, &v.caught_up, 1);
    assert_int_equal(v.seen_count, 2000);
    engine_user_close(&v);
}

static void test_the_queue_of_writes_is_bounded(void **state)
{
    struct engine_user u = { 0 };
    open_ready(&u, "bound");
    int taken = 0;
    nats_server_signal(&servers, 0, SIGSTOP);
    for (int i = 0; i < 6000; i++) {
        const struct engine_message m = engine_message_of(&u, ENGINE_LEASES, "m.a", "x", 0);
        taken += u.engine->write(u.engine, &m);
    }
    assert_int_equal(taken, 4096);
    engine_user_until(&u, &u.written, taken);
    nats_server_signal(&servers, 0, SIGCONT);
    engine_user_until_state(&u, ENGINE_READY);
    assert_int_equal(put(&u, ENGINE_LEASES, "m.a", "y"), ENGINE_DONE);
    assert_int_equal(u.written, taken + 1);
    engine_user_close(&u);
}

static void close_inside(void *ctx, enum engine_state state, str why)
{
    struct engine_user *u = ctx;
    u->engine->close(u->engine, 1000, engine_on_closed, u);
}

static void test_closed_inside_an_event_and_before_any(void **state)
{
    struct engine_user u = { 0 };
    const struct nats_options o = options("inside");
    engine_user_open_with(&u, &o, close_inside);
    while (!u.closed)
        engine_user_turn(&u);
    uv_run(u.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(u.loop), 0);
    u.loop = NULL;
    engine_user_open(&u, &o);
    engine_user_close(&u);
    assert_int_equal(u.states, 0);
}

int main(int argc, char **argv)
{
    nats_servers_demand();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_only_looks_makes_nothing),
        cmocka_unit_test(test_what_is_written_is_seen),
        cmocka_unit_test(test_writes_that_wait_again_keep_their_order),
        cmocka_unit_test(test_watches_of_a_prefix_end_and_begin_anew),
        cmocka_unit_test(test_what_is_removed_is_gone),
        cmocka_unit_test(test_absent_once_and_full),
        cmocka_unit_test(test_jobs_are_pulled_and_settled),
        cmocka_unit_test(test_unsettled_jobs_are_others),
        cmocka_unit_test(test_a_consumer_that_is_gone_is_made_again),
        cmocka_unit_test(test_a_deleted_stream_is_told_and_made_again),
        cmocka_unit_test(test_it_tells_how_it_stands),
        cmocka_unit_test(test_it_counts_jobs_that_nobody_works),
        cmocka_unit_test(test_wrong_streams_are_told_with_the_fix),
        cmocka_unit_test(test_a_later_format_and_too_few_servers),
        cmocka_unit_test(test_what_others_set_in_a_stream_stays),
        cmocka_unit_test(test_the_queue_follows_its_size),
        cmocka_unit_test(test_away_and_back),
        cmocka_unit_test(test_a_write_goes_out_when_the_server_is_back_in_time),
        cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_what_was_asked_for_is_sent_before_the_end),
        cmocka_unit_test(test_the_queue_of_writes_is_bounded),
        cmocka_unit_test(test_closed_inside_an_event_and_before_any),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, start_server, end_server);
}
