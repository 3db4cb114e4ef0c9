/* SPDX-License-Identifier: MIT */
#include "cli/ask.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/socket_address.h"
#include "lib/check.h"

enum { SHORT_MS = 100 };

/* A server of one connection, on a thread: reads a request, says what it is told to say. */
struct server {
    int listener;
    pthread_t thread;
    const char *says; /* NULL: nothing, and it keeps the connection until the client goes */
    char heard[8192];
    char address[SOCKET_ADDRESS_MAX];
    char folder[64];
};

static void *serve(void *arg)
{
    struct server *s = arg;
    struct buf heard = BUF_ON(s->heard);
    char bytes[1024];
    int fd = accept(s->listener, NULL, NULL);
    ssize_t got;
    while (!memmem(heard.at, heard.len, "\r\n\r\n", 4) && (got = read(fd, bytes, sizeof bytes)) > 0)
        buf_put(&heard, (str) { bytes, (size_t)got });
    buf_cstr(&heard);
    if (s->says)
        assert_true(write(fd, s->says, strlen(s->says)) > 0);
    else
        while (read(fd, bytes, sizeof bytes) > 0)
            ;
    close(fd);
    return NULL;
}

static void listen_at(struct server *s, const char *address)
{
    struct socket_address a;
    struct buf shown = BUF_ON(s->address);
    assert_true(socket_address_read(&a, str_of(address)));
    s->listener = socket(a.at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, &a.at.any, a.len), 0);
    assert_int_equal(listen(s->listener, 1), 0);
    assert_int_equal(getsockname(s->listener, &a.at.any, &a.len), 0);
    socket_address_put(&shown, &a);
    buf_cstr(&shown);
}

static void start(struct server *s, const char *address, const char *says)
{
    s->says = says;
    listen_at(s, address);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
    pthread_join(s->thread, NULL);
    close(s->listener);
}

static int asked(struct server *s, const struct ask *a, struct ask_answer *answer,
                 struct pipepoll_error *why)
{
    struct ask here = *a;
    here.address = s->address;
    int r = ask(answer, &here, why);
    stop(s);
    return r;
}

static int set_up(void **state)
{
    struct server *s = calloc(1, sizeof *s);
    assert_non_null(s);
    strcpy(s->folder, "/tmp/test_ask.XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct server *s = *state;
    char path[128];
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", s->folder, i ? "token" : "socket");
        unlink(path);
    }
    rmdir(s->folder);
    free(s);
    return 0;
}

static void an_answer_is_its_status_and_its_body(void **state)
{
    struct server *s = *state;
    struct pipepoll_error why;
    struct ask_answer answer;
    start(s, "127.0.0.1:0",
          "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 13\r\n\r\nending\nmore\r\n");
    assert_int_equal(asked(s, &(struct ask) { .path = "/readyz" }, &answer, &why), 0);
    assert_int_equal(answer.status, 503);
    assert_int_equal(answer.len, 13);
    assert_str_equal(ask_answer_line(&answer), "ending");
    assert_true(str_starts(str_of(s->heard), STR("GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:")));
    assert_null(strstr(s->heard, "Authorization"));
    free(answer.body);
}

static void a_unix_socket_is_asked_with_the_token_of_a_file(void **state)
{
    struct server *s = *state;
    struct pipepoll_error why;
    struct ask_answer answer;
    char at[128], token[128];
    snprintf(at, sizeof at, "%s/socket", s->folder);
    snprintf(token, sizeof token, "%s/token", s->folder);
    FILE *file = fopen(token, "w");
    assert_non_null(file);
    assert_true(fputs(" s3same-0123456789\n", file) > 0 && fclose(file) == 0);
    start(s, at, "HTTP/1.0 200 OK\r\n\r\nno length, and the end is the end");
    const struct ask a = { .path = "/", .token_file = token };
    assert_int_equal(asked(s, &a, &answer, &why), 0);
    assert_int_equal(answer.status, 200);
    assert_str_equal(ask_answer_line(&answer), "no length, and the end is the end");
    assert_non_null(strstr(s->heard, "\r\nHost: localhost\r\n"));
    assert_non_null(strstr(s->heard, "\r\nAuthorization: Bearer s3same-0123456789\r\n"));
    free(answer.body);
}

static void what_is_no_answer_is_told(void **state)
{
    static const char *const none[] = { "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nContent-Le",
                                        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbroken",
                                        "HTTP/1.1 099 Never\r\n\r\n" };
    struct server *s = *state;
    struct pipepoll_error why;
    struct ask_answer answer;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        start(s, "127.0.0.1:0", none[i]);
        assert_int_equal(asked(s, &(struct ask) { .path = "/" }, &answer, &why), PIPEPOLL_EPROTO);
    }
}

static void who_says_nothing_is_not_waited_for(void **state)
{
    struct server *s = *state;
    struct pipepoll_error why;
    struct ask_answer answer;
    start(s, "127.0.0.1:0", NULL);
    assert_int_equal(asked(s, &(struct ask) { .path = "/", .timeout_ms = SHORT_MS }, &answer, &why),
                     PIPEPOLL_ETIMEDOUT);
    assert_non_null(strstr(why.text, "no answer within 100 ms"));
}

static void nobody_there_is_one_line(void **state)
{
    struct server *s = *state;
    struct pipepoll_error why;
    struct ask_answer answer;
    char at[128];
    listen_at(s, "127.0.0.1:0"); /* so that the port is nobody's */
    close(s->listener);
    struct ask a = { .address = s->address, .path = "/" };
    assert_int_equal(ask(&answer, &a, &why), PIPEPOLL_ETRANSPORT);
    assert_non_null(strstr(why.text, ": nobody listens there"));
    snprintf(at, sizeof at, "unix:%s/socket", s->folder);
    a.address = at;
    assert_int_equal(ask(&answer, &a, &why), PIPEPOLL_ETRANSPORT);
    assert_non_null(strstr(why.text, "/socket: nobody listens there"));
    a.address = "localhost:80";
    assert_int_equal(ask(&answer, &a, &why), PIPEPOLL_EINVAL);
    a.address = s->address;
    a.token_file = "/nonexistent/token";
    assert_int_equal(ask(&answer, &a, &why), PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "/nonexistent/token"));
}

static void an_address_may_be_the_url_that_is_shown(void **state)
{
    struct socket_address a, b;
    struct pipepoll_error why;
    assert_true(socket_address_read(&b, STR("127.0.0.1:9464")));
    static const char *const same[] = { "127.0.0.1:9464", "http://127.0.0.1:9464",
                                        "http://127.0.0.1:9464/" };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        assert_int_equal(ask_address_read(&a, same[i], &why), PIPEPOLL_OK);
        assert_memory_equal(&a.at.ipv4, &b.at.ipv4, sizeof a.at.ipv4);
    }
    assert_int_equal(ask_address_read(&a, "http://[::1]:9464/", &why), PIPEPOLL_OK);
    static const char *const none[] = { "http://",
                                        "http://unix:/run/x",
                                        "http:///run/x",
                                        "https://127.0.0.1:9464/",
                                        "http://127.0.0.1:9464//",
                                        "127.0.0.1:9464/",
                                        "localhost:80",
                                        "" };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(ask_address_read(&a, none[i], &why), PIPEPOLL_EINVAL);
    assert_int_equal(ask_address_read(&a, "http://[::1]:0/", &why), PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "port 0"));
}

static const char *refused(unsigned status, const char *body)
{
    static struct pipepoll_error why;
    char text[512];
    snprintf(text, sizeof text, "%s", body);
    const struct ask_answer answer = { status, text, strlen(text) };
    assert_int_equal(ask_refuse(&answer, "127.0.0.1:1", &why), PIPEPOLL_EPROTO);
    return why.text;
}

static void what_is_refused_is_told_and_cannot_command_a_terminal(void **state)
{
    char long_one[400];
    assert_string_equal(refused(500, "a\x1b[2J\xc2\x9b"
                                     "1m\x07 b\nmore"),
                        "127.0.0.1:1 answers with 500: a?[2J?1m? b");
    assert_string_equal(refused(401, ""),
                        "127.0.0.1:1 answers with 401: it wants a token: --token-file");
    assert_string_equal(refused(401, "no"),
                        "127.0.0.1:1 answers with 401: no; it wants a token: --token-file");
    assert_string_equal(refused(404, "\n"), "127.0.0.1:1 answers with 404");
    memset(long_one, 'x', sizeof long_one);
    long_one[sizeof long_one - 1] = '\0';
    assert_true(strlen(refused(500, long_one)) < 120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_is_its_status_and_its_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_unix_socket_is_asked_with_the_token_of_a_file, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_answer_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_says_nothing_is_not_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_there_is_one_line, set_up, tear_down),
        cmocka_unit_test(an_address_may_be_the_url_that_is_shown),
        cmocka_unit_test(what_is_refused_is_told_and_cannot_command_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
