/* SPDX-License-Identifier: MIT */
/* What goes by the engine and is a secret, nonces of custom jobs and what a member logs in with,
 * leaves nothing behind. Without a server: what lies on the desk, and what came from cnats. */
#include <nats/nats.h>

#include "fleet/nats_login.h"
#include "fleet/nats_note.h"
#include "fleet/nats_order.h"
#include "lib/freed_memory.h"

static const struct engine_message message = { .log = ENGINE_JOBS,
                                               .key = STR_INIT("eu-west-1.ThirdParty"),
                                               .body = STR_INIT("{\"nonce\":\"" CANARY "\"}"),
                                               .ticket = 1 };

static void a_write_is_wiped_whatever_becomes_of_it(void **state)
{
    static struct nats_desk d;
    struct list events;
    assert_int_equal(nats_desk_init(&d), PIPEPOLL_OK);
    assert_true(nats_order_write(&d, "fleet", &message)); /* it is told of */
    nats_desk_tell(&d, CONTAINER_OF(list_pop_first(&d.writes), struct nats_event, link));
    list_init(&events);
    nats_desk_take(&d, &events);
    nats_event_free(&d, CONTAINER_OF(list_pop_first(&events), struct nats_event, link));
    assert_int_equal(freed_with_canary, 0);
    assert_true(nats_order_write(&d, "fleet", &message)); /* it stays */
    d.write_count = NATS_WRITES_MAX;
    assert_false(nats_order_write(&d, "fleet", &message)); /* there is no room */
    assert_int_equal(freed_with_canary, 0);
    nats_desk_deinit(&d);
    assert_int_equal(freed_with_canary, 0);
}

static void a_message_of_the_server_is_wiped(void **state)
{
    natsMsg *m = NULL;
    assert_int_equal(natsMsg_Create(&m, "a.b", NULL, message.body.ptr, (int)message.body.len),
                     NATS_OK);
    struct nats_note *n = nats_note_of(m);
    assert_non_null(n);
    assert_true(memmem(n->body.ptr, n->body.len, CANARY, strlen(CANARY)));
    nats_note_free(n);
    nats_message_free(NULL);
    assert_false(heap_has(CANARY));
}

static void a_password_leaves_no_copy(void **state)
{
    char path[] = "/tmp/pipepoll-test-XXXXXX";
    int fd = mkstemp(path);
    struct nats_login login;
    struct pipepoll_error why;
    const struct nats_options o = { .user = "u", .password_file = path };
    assert_int_equal(write(fd, CANARY "\n", strlen(CANARY) + 1), strlen(CANARY) + 1);
    close(fd);
    assert_int_equal(nats_login_read(&login, &o, &why), PIPEPOLL_OK);
    assert_string_equal(login.password, CANARY);
    assert_false(heap_has(CANARY));
    nats_login_wipe(&login);
    assert_null(memmem(&login, sizeof login, CANARY, strlen(CANARY)));
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_is_wiped_whatever_becomes_of_it),
        cmocka_unit_test(a_message_of_the_server_is_wiped),
        cmocka_unit_test(a_password_leaves_no_copy),
    };
    assert_int_equal(nats_Open(-1), NATS_OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    nats_Close();
    return failed;
}
