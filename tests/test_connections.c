/* SPDX-License-Identifier: MIT */
/* The bound over all connections of a transport: the one idle longest goes first, transfers wait
 * while all are busy, and a lack of descriptors is got over, or told by its name. */
#include <errno.h>
#include <stdio.h>

#include "io/pool.h"
#include "lib/moved_clock.h"
#include "lib/wire.h"

enum { POOLS = 12 };

static const struct server_reply ok = OK_REPLY;
static const struct server_reply silence = { STR_INIT(""), SERVER_HANG, 0 };

/* Many origins as the transport sees them: each pool has connections of its own. */
struct origins {
    struct wire w;
    struct pool *pools[POOLS];
    struct probe probes[POOLS];
};

static void origins_open(struct origins *o, const struct server_reply *script,
                         uint32_t max_connections)
{
    const struct wire_setup setup = { script, 1, .max_connections = max_connections };
    memset(o, 0, sizeof *o);
    wire_open_as(&o->w, &setup);
    struct pool_options to_server = { .url = str_of(o->w.server.url) };
    for (int i = 0; i < POOLS; i++)
        assert_int_equal(pool_open(&o->pools[i], o->w.transport, &to_server), 0);
}

static void origins_close(struct origins *o)
{
    for (int i = 0; i < POOLS; i++) {
        pool_close(o->pools[i]);
    }
    wire_close(&o->w);
}

static void start(struct origins *o, int i, uint32_t timeout_ms)
{
    struct pool *usual = o->w.pool;
    o->w.pool = o->pools[i];
    probe_start(&o->w, &o->probes[i], timeout_ms);
    o->w.pool = usual;
}

static void ask(struct origins *o, int i)
{
    start(o, i, 30000);
    run_until_done(&o->w, 1);
    assert_int_equal(o->probes[i].x.fault, FAULT_NONE);
}

static void no_more_are_open_than_the_bound_allows(void **state)
{
    struct origins o;
    origins_open(&o, &ok, 3);
    for (int i = 0; i < POOLS; i++) {
        ask(&o, i);
        assert_true(o.w.transport->connections <= 3);
    }
    assert_int_equal(o.w.server.connections, POOLS);
    origins_close(&o);
}

/* Old ones are closed by and by, and still count until then. */
static void the_bound_holds_while_old_ones_are_closed(void **state)
{
    struct origins o;
    origins_open(&o, &ok, 3);
    for (int i = 0; i < 3; i++)
        ask(&o, i);
    moved_ms += 61000;
    start(&o, 4, 30000);
    assert_int_equal(o.w.transport->connections, 3);
    run_until_done(&o.w, 1);
    assert_int_equal(o.probes[4].x.fault, FAULT_NONE);
    origins_close(&o);
}

static void the_one_that_was_idle_longest_is_closed_first(void **state)
{
    struct origins o;
    origins_open(&o, &ok, 3);
    ask(&o, 0);
    ask(&o, 1);
    ask(&o, 2);
    ask(&o, 0); /* by the connection that it has */
    assert_int_equal(o.w.server.connections, 3);
    ask(&o, 3); /* in the place of 1 */
    ask(&o, 0);
    ask(&o, 2);
    assert_int_equal(o.w.server.connections, 4);
    ask(&o, 1);
    assert_int_equal(o.w.server.connections, 5);
    origins_close(&o);
}

static void while_all_are_busy_transfers_wait_their_turn(void **state)
{
    struct origins o;
    origins_open(&o, &ok, 2);
    for (int i = 0; i < POOLS; i++)
        start(&o, i, 30000);
    assert_int_equal(o.w.transport->connections, 2);
    run_until_done(&o.w, POOLS);
    for (int i = 0; i < POOLS; i++)
        assert_int_equal(o.probes[i].x.fault, FAULT_NONE);
    origins_close(&o);
}

static void one_that_waits_in_vain_ends_by_its_deadline_and_says_why(void **state)
{
    struct origins o;
    origins_open(&o, &silence, 1);
    start(&o, 0, 60000);
    start(&o, 1, 1000);
    moved_ms += 1000;
    run_until_done(&o.w, 1);
    assert_int_equal(o.probes[1].x.fault, FAULT_TIMED_OUT);
    assert_non_null(strstr(o.probes[1].detail, "max_connections"));
    transfer_abort(&o.probes[0].x);
    run_until_done(&o.w, 1);
    origins_close(&o);
}

static void one_that_waits_can_be_hurried(void **state)
{
    struct origins o;
    origins_open(&o, &silence, 1);
    start(&o, 0, 60000);
    start(&o, 1, 60000);
    transfer_abort(&o.probes[1].x);
    transfer_abort(&o.probes[0].x);
    run_until_done(&o.w, 2);
    origins_close(&o);
}

static void the_connections_of_a_pool_that_nobody_asks_any_more_are_closed(void **state)
{
    struct origins o;
    origins_open(&o, &ok, 0);
    ask(&o, 0);
    moved_ms += 61000;
    ask(&o, 1);
    assert_int_equal(o.w.transport->connections, 1);
    origins_close(&o);
}

/* --- descriptors --- */

static const struct transport *limited; /* NULL: descriptors for all */
static unsigned descriptors;
static int lack; /* errno of a socket too many */

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);

int __wrap_socket(int family, int type, int protocol)
{
    if (!limited || limited->connections <= descriptors)
        return __real_socket(family, type, protocol);
    errno = lack;
    return -1;
}

static void limit(const struct origins *o, unsigned count, int error)
{
    limited = o->w.transport;
    descriptors = count;
    lack = error;
}

static void a_lack_of_descriptors_closes_what_is_idle(void **state)
{
    struct origins o;
    for (int error = ENFILE; error <= EMFILE; error += EMFILE - ENFILE) {
        origins_open(&o, &ok, 0);
        limit(&o, 3, error);
        for (int round = 0; round < 3; round++)
            for (int i = 0; i < POOLS; i++)
                ask(&o, i);
        assert_int_equal(o.w.server.connections, 3 * POOLS);
        limited = NULL;
        origins_close(&o);
    }
}

static void many_that_lack_descriptors_share_the_few(void **state)
{
    struct origins o;
    origins_open(&o, &ok, 0);
    limit(&o, 2, EMFILE);
    for (int i = 0; i < POOLS; i++)
        start(&o, i, 30000);
    run_until_done(&o.w, POOLS);
    for (int i = 0; i < POOLS; i++)
        assert_string_equal(o.probes[i].detail, "");
    limited = NULL;
    for (int i = 0; i < POOLS; i++)
        ask(&o, i);
    assert_true(o.w.transport->connections > 2); /* it does not last */
    origins_close(&o);
}

static void assert_told(int error, const char *text)
{
    struct origins o;
    origins_open(&o, &ok, 0);
    limit(&o, 0, error);
    start(&o, 0, 30000);
    run_until_done(&o.w, 1);
    limited = NULL;
    assert_int_equal(o.probes[0].x.fault, FAULT_UNREACHABLE);
    assert_non_null(strstr(o.probes[0].detail, text));
    ask(&o, 0);
    origins_close(&o);
}

static void where_none_can_be_given_back_it_is_told_by_its_name(void **state)
{
    assert_told(EMFILE, "too many open files: this process may have ");
    assert_told(ENFILE, "too many open files in the whole system");
}

int main(void)
{
    unsetenv("SSL_CERT_FILE"); /* what the machine says of it is not what is tested here */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_are_open_than_the_bound_allows),
        cmocka_unit_test(the_bound_holds_while_old_ones_are_closed),
        cmocka_unit_test(the_one_that_was_idle_longest_is_closed_first),
        cmocka_unit_test(while_all_are_busy_transfers_wait_their_turn),
        cmocka_unit_test(one_that_waits_in_vain_ends_by_its_deadline_and_says_why),
        cmocka_unit_test(one_that_waits_can_be_hurried),
        cmocka_unit_test(the_connections_of_a_pool_that_nobody_asks_any_more_are_closed),
        cmocka_unit_test(a_lack_of_descriptors_closes_what_is_idle),
        cmocka_unit_test(many_that_lack_descriptors_share_the_few),
        cmocka_unit_test(where_none_can_be_given_back_it_is_told_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
