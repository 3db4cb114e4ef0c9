/* SPDX-License-Identifier: MIT */
/* What a connection logs in with: public keys out of seeds, files that are not what they should be,
 * and options that are none. No line says what is in a file. */
#include "fleet/nats_login.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fleet/nats_files.h"
#include "fleet/nats_greeting.h"
#include "fleet/nats_jwt.h"
#include "fleet/nats_options.h"
#include "lib/check.h"

/* The pair of NATS's own documentation. */
#define SEED   "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
#define PUBLIC "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"

static void test_public_keys(void **state)
{
    char key[NATS_NKEY_SIZE], wrong[] = SEED;
    assert_true(nats_nkey_public(key, STR(SEED)));
    assert_string_equal(key, PUBLIC);
    wrong[20] = wrong[20] == 'A' ? 'B' : 'A'; /* the sum does not fit */
    assert_false(nats_nkey_public(key, str_of(wrong)));
    assert_false(nats_nkey_public(key, STR(PUBLIC)));
    assert_false(nats_nkey_public(key, STR("SU")));
    wrong[20] = '1'; /* not of its alphabet */
    assert_false(nats_nkey_public(key, str_of(wrong)));
}

static int64_t end_of(const char *claims)
{
    char text[256];
    snprintf(text, sizeof text, "-----BEGIN NATS USER JWT-----\neyJ9.%s.c2ln\n------END", claims);
    return nats_jwt_end(text, strlen(text));
}

static void test_when_a_jwt_ends(void **state)
{
    char none[] = "SUA";
    assert_int_equal(end_of("eyJleHAiOjE3NjQ0NTM2MDAsIm5hbWUiOiLDvMO_w78-In0"), 1764453600);
    assert_int_equal(end_of("eyJuYW1lIjoiYSJ9"), 0);                     /* no end */
    assert_int_equal(end_of("eyJleHAiOjEuNX0"), 0);                      /* {"exp":1.5} */
    assert_int_equal(end_of("eyJleHAiOjk5OTk5OTk5OTk5OTk5OTk5OTl9"), 0); /* nineteen digits */
    assert_int_equal(end_of("eyJleHAi"), 0);
    assert_int_equal(end_of("%%%%"), 0);
    assert_int_equal(end_of(""), 0);
    assert_int_equal(nats_jwt_end(none, 3), 0);
    assert_int_equal(nats_jwt_end(none, 0), 0);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_files(void **state)
{
    char path[] = "/tmp/pipepoll-test-XXXXXX";
    struct nats_login login;
    struct pipepoll_error why;
    close(mkstemp(path));
    struct nats_options o = { .nkey_file = path };
    write_file(path, "\n  " SEED "\n");
    assert_int_equal(nats_login_read(&login, &o, &why), PIPEPOLL_OK);
    assert_string_equal(login.nkey, PUBLIC);
    write_file(path, "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VX\n");
    assert_int_equal(nats_login_read(&login, &o, &why), PIPEPOLL_ECREDENTIALS);
    assert_non_null(strstr(why.text, path));
    assert_null(strstr(why.text, "SUACSSL3"));
    o = (struct nats_options) { .user = "u", .password_file = path };
    write_file(path, "hush hush\n");
    assert_int_equal(nats_login_read(&login, &o, &why), PIPEPOLL_OK);
    assert_string_equal(login.password, "hush hush");
    for (size_t i = 0; i < 3; i++) {
        static const char *const blank[] = { "\n\n", "\n  ", " " };
        write_file(path, blank[i]);
        assert_int_equal(nats_login_read(&login, &o, &why), PIPEPOLL_ECREDENTIALS);
    }
    unlink(path);
    assert_int_equal(nats_login_read(&login, &o, &why), PIPEPOLL_ECREDENTIALS);
    assert_non_null(strstr(why.text, "cannot be read"));
}

#define CREDS_END "-----BEGIN USER NKEY SEED-----\n"
#define CREDS     "-----BEGIN NATS USER JWT-----\neyJ0.eyJq.c2ln\n\n" CREDS_END
#define DAMAGED   "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VX"

static void test_what_a_file_holds(void **state)
{
    static const struct {
        char option; /* n, c, p, a, t, k */
        const char *text, *said;
    } rows[] = {
        { 'n', SEED "\n", NULL },
        { 'n', "", "is empty" },
        { 'n', " \n\n", "is empty" },
        { 'n', CREDS SEED "\n", "holds the creds of a user: name it as creds-file instead" },
        { 'n', DAMAGED "\n", "holds a damaged seed: its check sum is wrong" },
        { 'n', PUBLIC "\n", "holds a public key" },
        { 'n', "hush hush\n", "holds something else" },
        { 'c', CREDS SEED "\n", NULL },
        { 'c', CREDS "\n" SEED "\r\n------END USER NKEY SEED------\n", NULL },
        { 'c', "", "is empty" },
        { 'c', SEED, "holds the seed of an nkey: name it as nkey-file instead" },
        { 'c', CREDS DAMAGED "\n", "creds with a damaged seed" },
        { 'c', CREDS, "creds without their seed" },
        { 'c', "eyJ0.eyJq.c2ln\n", "a JWT without its seed" },
        { 'p', "hush", NULL },
        { 'p', "\n", "is empty: its first line must be the password" },
        { 'a', "-----BEGIN CERTIFICATE-----\nhush\n", NULL },
        { 'a', "-----BEGIN PRIVATE KEY-----\nhush\n", "holds a key and no certificate" },
        { 't', "", "tls-cert" },
        { 'k', "-----BEGIN EC PRIVATE KEY-----\nhush\n", NULL },
        { 'k', "-----BEGIN CERTIFICATE-----\nhush\n", "holds a certificate and no key" },
        { 'k', "-----BEGIN ENCRYPTED PRIVATE KEY-----\nhush\n", "an encrypted key" },
    };
    char path[] = "/tmp/pipepoll-test-XXXXXX";
    close(mkstemp(path));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pipepoll_error why = { .text = "" };
        struct nats_options o = { 0 };
        const char **at = rows[i].option == 'n'   ? &o.nkey_file
                          : rows[i].option == 'c' ? &o.creds_file
                          : rows[i].option == 'p' ? &o.password_file
                          : rows[i].option == 'a' ? &o.tls_ca
                          : rows[i].option == 't' ? &o.tls_cert
                                                  : &o.tls_key;
        *at = path;
        write_file(path, rows[i].text);
        int r = nats_files_check(&o, &why);
        assert_int_equal(r, rows[i].said ? PIPEPOLL_ECREDENTIALS : PIPEPOLL_OK);
        if (rows[i].said && (!strstr(why.text, rows[i].said) || !strstr(why.text, path)))
            fail_msg("%s\nlacks: %s", why.text, rows[i].said);
        assert_null(strstr(why.text, "hush"));
        assert_null(strstr(why.text, "SUACSSL3"));
        assert_null(strstr(why.text, "eyJ0"));
    }
    unlink(path);
    struct pipepoll_error why;
    struct nats_options o = { .creds_file = "/" };
    assert_int_equal(nats_files_check(&o, &why), PIPEPOLL_ECREDENTIALS);
    assert_string_equal(why.text, "creds-file / cannot be read: Is a directory");
}

static void test_a_servers_certificate_in_words(void **state)
{
    static const char *const rows[][2] = {
        { "SSL handshake error: 10:certificate has expired:depth=0:cert=/CN=a",
          "its certificate has expired: renew it there, or set this machine's clock (10: "
          "certificate has expired)" },
        { "SSL handshake error: 9:certificate is not yet valid:depth=0:x", "is not valid yet" },
        { "SSL handshake error: 64:IP address mismatch:expected=::1:x", "is for another name" },
        { "SSL handshake error: 18", "set tls-ca to a file" },
    };
    struct nats_options o = { 0 };
    struct pipepoll_error why;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(nats_files_explain_server(&o, rows[i][0], &why));
        if (!strstr(why.text, rows[i][1]))
            fail_msg("%s", why.text);
    }
    o.tls_ca = "/ca";
    assert_true(nats_files_explain_server(&o, "SSL handshake error: 20:x:depth=0", &why));
    assert_non_null(strstr(why.text, "that tls-ca does not have"));
    assert_false(nats_files_explain_server(&o, "SSL handshake error: unexpected eof", &why));
    assert_false(nats_files_explain_server(&o, "Connection refused", &why));
    assert_false(nats_files_explain_server(&o, "", &why));
}

static void check_refused(struct nats_options o, const char *said)
{
    struct pipepoll_error why;
    assert_int_equal(nats_options_check(&o, &why), PIPEPOLL_EINVAL);
    if (!strstr(why.text, said))
        fail_msg("%s\nlacks: %s", why.text, said);
    assert_null(strstr(why.text, "secret"));
}

static void test_options(void **state)
{
    const char *servers[] = { "nats://a:4222", "tls://[::1]:4222" };
    const char *urls[] = { "nats://me:secret@host", "http://a", "a:4222", "nats://", "nats://a/x" };
    const struct nats_options good = { .servers = servers,
                                       .server_count = 2,
                                       .fleet = "f",
                                       .member = "m-1_x",
                                       .replicas = 3,
                                       .jobs_max_bytes = 1 << 20,
                                       .jobs_max_age_ms = 3600000 };
    assert_int_equal(nats_options_check(&good, NULL), PIPEPOLL_OK);
    struct nats_options *copy = nats_options_copy(&good);
    assert_string_equal(copy->servers[1], servers[1]);
    assert_string_equal(copy->member, "m-1_x");
    assert_null(copy->user);
    free(copy);
    for (int i = 0; i < 5; i++) {
        struct nats_options o = good;
        o.servers = &urls[i];
        o.server_count = 1;
        check_refused(o, i ? "a server must be like" : "holds a user or password");
    }
    struct nats_options o = good;
    o.fleet = "a.b";
    check_refused(o, "the fleet's name");
    o = good;
    o.member = "";
    check_refused(o, "the member's name");
    o = good;
    o.server_count = 0;
    check_refused(o, "servers");
    o = good;
    o.tls_cert = "c";
    check_refused(o, "tls-cert and tls-key go together");
    o = good;
    o.user = "u";
    check_refused(o, "user and password-file go together");
    o.password_file = "p";
    o.nkey_file = "n";
    check_refused(o, "exclude each other");
    o = good;
    o.replicas = 6;
    check_refused(o, "replicas");
    o = good;
    o.jobs_max_bytes = 1;
    check_refused(o, "bytes");
    o = good;
    o.jobs_max_age_ms = 1000;
    check_refused(o, "age");
}

static void test_greetings(void **state)
{
    struct nats_greeting g;
    assert_true(nats_greeting_read(
        &g, STR("INFO {\"server_name\":\"s1\",\"version\":\"2.9.10\",\"jetstream\":true,"
                "\"tls_required\":true,\"max_payload\":1048576,\"connect_urls\":"
                "[\"10.0.0.1:4222\",\"no address\",7,\"[::1]:4223\"]} \r")));
    assert_string_equal(g.version, "2.9.10");
    assert_true(g.wants_tls && !g.wants_login && !g.wants_certificate);
    assert_int_equal(g.max_payload, 1048576);
    assert_string_equal(g.others[0], "10.0.0.1:4222");
    assert_string_equal(g.others[1], "[::1]:4223");
    assert_string_equal(g.others[2], "");
    assert_true(nats_greeting_is_known(&g));
    const char *known[] = { "2.9.0", "2.10.1", "2.12.0-RC.1", "3.0.0" },
               *unknown[] = { "2.8.4", "1.4.1", "x", "2" };
    for (int i = 0; i < 4; i++) {
        str_copy(g.version, sizeof g.version, str_of(known[i]));
        assert_true(nats_greeting_is_known(&g));
        str_copy(g.version, sizeof g.version, str_of(unknown[i]));
        assert_false(nats_greeting_is_known(&g));
    }
    assert_false(nats_greeting_read(&g, STR("SSH-2.0-OpenSSH")));
    assert_false(nats_greeting_read(&g, STR("INFO {")));
    assert_false(nats_greeting_read(&g, STR("INFO {}")));
}

/* Says a line to one who connects, and waits for the other to go. */
static void *answer_with_ssh(void *listener)
{
    static const char line[] = "SSH-2.0-OpenSSH\r\n";
    char byte;
    int fd = accept(*(int *)listener, NULL, NULL);
    send(fd, line, sizeof line - 1, MSG_NOSIGNAL);
    while (recv(fd, &byte, 1, 0) > 0) {
    }
    close(fd);
    return NULL;
}

static void test_another_protocol_is_told_by_its_first_line(void **state)
{
    struct nats_greeting g;
    struct pipepoll_error why = { .text = "" };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    pthread_t thread;
    char server[64];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&at, &len);
    snprintf(server, sizeof server, "nats://127.0.0.1:%u", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&thread, NULL, answer_with_ssh, &listener), 0);
    assert_int_equal(nats_greeting_get(&g, server, 10000, &why), PIPEPOLL_ESYSTEM);
    pthread_join(thread, NULL);
    assert_string_equal(why.text, "what answers there is no server of NATS");
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public_keys),
        cmocka_unit_test(test_when_a_jwt_ends),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_what_a_file_holds),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_greetings),
        cmocka_unit_test(test_another_protocol_is_told_by_its_first_line),
        cmocka_unit_test(test_a_servers_certificate_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
