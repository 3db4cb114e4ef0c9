/* SPDX-License-Identifier: MIT */
/* [http]: where a running process may be asked how it stands, and who may. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/http_token.h"
#include "lib/config_text.h"

static void refuse_with(const char *text, const char *part)
{
    char room[4096];
    struct buf lines = BUF_ON(room);
    struct config config;
    struct diagnostics c;
    assert_int_equal(parse(&config, text, &c), PIPEPOLL_EINVAL);
    diagnostics_each(&c, add_line, &lines);
    if (!strstr(buf_cstr(&lines), part))
        fail_msg("\"%s\" is not in: %s", part, room);
}

static void without_the_section_nothing_listens(void **state)
{
    struct config c = accept(WEB);
    assert_null(c.http.listen);
    config_deinit(&c);
}

static void it_listens_at_home_unless_it_is_told_otherwise(void **state)
{
    static const struct {
        const char *text, *listen;
    } rows[] = {
        { "[http]\n", "127.0.0.1:9464" },
        { "[http]\nlisten = 127.0.0.1:0\n", "127.0.0.1:0" },
        { "[http]\nlisten = [::1]:9464\n", "[::1]:9464" },
        { "[http]\nlisten = unix:/tmp/p.sock\n", "unix:/tmp/p.sock" },
        { "[http]\nlisten = /tmp/p.sock\n", "/tmp/p.sock" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512];
        snprintf(text, sizeof text, "%s%s", WEB, rows[i].text);
        struct config c = accept(text);
        assert_string_equal(c.http.listen, rows[i].listen);
        assert_true(c.http.is_local);
        config_deinit(&c);
    }
}

static void other_machines_need_leave_and_a_secret(void **state)
{
    refuse_with(WEB "[http]\nlisten = 0.0.0.0:9464\n", "allow-remote = yes");
    refuse_with(WEB "[http]\nlisten = [::]:9464\nallow-remote = yes\n", "needs a token-file");
    refuse_with(WEB "[http]\nlisten = 0.0.0.0:9464\nallow-remote = yes\ntoken-file = /nowhere/t\n",
                "token-file");
    refuse_with(WEB "[http]\nlisten = localhost:9464\n", "listen is an address and a port");
    refuse_with(WEB "[http]\nlisten = 9464\n", "listen is an address and a port");
    refuse_with(WEB "[http]\nallow-remote = perhaps\n", "allow-remote is yes or no");
}

static void a_socket_is_in_a_folder_of_our_own(void **state)
{
    char folder[] = "/tmp/test_http_config.XXXXXX", text[256], line[256];
    struct config c;
    struct diagnostics d;
    refuse_with(WEB "[http]\nlisten = unix:p.sock\n",
                "p.ini:7:10: listen is an absolute path, not \"p.sock\"");
    refuse_with(WEB "[http]\nlisten = /nonexistent/p.sock\n",
                "p.ini:7:10: listen cannot be /nonexistent/p.sock: its folder is not there");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chmod(folder, 0777), 0);
    snprintf(text, sizeof text, WEB "[http]\nlisten = %s/p.sock\n", folder);
    snprintf(line, sizeof line,
             "p.ini:7:10: listen is %s/p.sock, in whose place everybody on this machine may put "
             "another socket: the mode of its folder is 777\n",
             folder);
    assert_int_equal(parse(&c, text, &d), 0);
    assert_lines(&d, line);
    config_deinit(&c);
    rmdir(folder);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void who_asks_needs_no_more_of_the_file(void **state)
{
    struct http_config http;
    struct diagnostics d;
    char path[] = "/tmp/test_http_config.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_file(path, "[pipepoll]\nca-bundle = /nonexistent\n[http]\n[target x]\nanything\n");
    assert_int_equal(http_config_load(&http, path, &d), PIPEPOLL_OK);
    assert_string_equal(http.listen, "127.0.0.1:9464");
    http_config_deinit(&http);
    write_file(path, "[http]\ntoken-fiel = /x\n");
    assert_int_equal(http_config_load(&http, path, &d), PIPEPOLL_EINVAL);
    assert_int_equal(d.errors, 1);
    http_config_deinit(&http);
    write_file(path, "[http]\nlisten = x\n");
    assert_int_equal(http_config_load(&http, path, &d), PIPEPOLL_EINVAL);
    assert_int_equal(d.errors, 1);
    http_config_deinit(&http);
    unlink(path);
    assert_int_equal(http_config_load(&http, path, &d), PIPEPOLL_EINVAL);
    assert_int_equal(d.errors, 1);
    http_config_deinit(&http);
}

/* As `run` would read it: `check` refuses what that refuses. */
static void what_token_and_socket_are_is_looked_at(void **state)
{
    static const struct {
        const char *holds, *want;
    } rows[] = { { "short\n", "holds 5 bytes; a secret has 16 or more" },
                 { "", "holds 0 bytes" },
                 { "0123456789abcdef\nsecondline\n", "other than one word" },
                 { "0123456789abcdef \tx", "other than one word" },
                 { " 0123456789abcdef\r\n", NULL } };
    char path[] = "/tmp/test_http_config.XXXXXX", text[256];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    snprintf(text, sizeof text, WEB "[http]\ntoken-file = %s\n", path);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_file(path, rows[i].holds);
        if (rows[i].want) {
            refuse_with(text, rows[i].want);
            refuse_with(text, "p.ini:7:14: token-file ");
            continue;
        }
        struct config c = accept(text);
        const struct http_token *token = c.http.token;
        assert_non_null(token);
        assert_str_equal(((str) { token->bytes, token->len }), "0123456789abcdef");
        config_deinit(&c);
    }
    snprintf(text, sizeof text, WEB "[http]\nlisten = %s\n", path);
    refuse_with(text, "which is there and no socket");
    unlink(path);
}

static void another_address_has_to_be_allowed_as_well(void **state)
{
    struct pipepoll_error why;
    struct config c = accept(WEB);
    assert_int_equal(http_config_set_listen(&c.http, "[::1]:80", &why), PIPEPOLL_OK);
    assert_string_equal(c.http.listen, "[::1]:80");
    assert_int_equal(http_config_set_listen(&c.http, "[::]:80", &why), PIPEPOLL_EINVAL);
    assert_true(str_starts(str_of(why.text), STR("[::]:80 can be reached from other machines")));
    c.http.allow_remote = true;
    assert_int_equal(http_config_set_listen(&c.http, "[::]:80", &why), PIPEPOLL_EINVAL);
    c.http.token_file = strdup("/dev/null");
    assert_int_equal(http_config_set_listen(&c.http, "[::]:80", &why), PIPEPOLL_OK);
    assert_false(c.http.is_local);
    config_deinit(&c);
}

static void its_keys_stand_in_it_alone_and_once(void **state)
{
    refuse_with("[pipepoll]\nlisten = 127.0.0.1:9464\n" WEB, "\"listen\" belongs in [http]");
    refuse_with(WEB "[http]\ninterval = 5s\n", "\"interval\" belongs in");
    refuse_with(WEB "[http]\nlisen = 127.0.0.1:9464\n", "did you mean \"listen\"");
    refuse_with(WEB "[http]\n[http]\n", "a second [http]");
    refuse_with(WEB "[http web]\n", "[http] takes no name");
    refuse_with(WEB "[htp]\n", "did you mean \"http\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_section_nothing_listens),
        cmocka_unit_test(it_listens_at_home_unless_it_is_told_otherwise),
        cmocka_unit_test(other_machines_need_leave_and_a_secret),
        cmocka_unit_test(a_socket_is_in_a_folder_of_our_own),
        cmocka_unit_test(who_asks_needs_no_more_of_the_file),
        cmocka_unit_test(what_token_and_socket_are_is_looked_at),
        cmocka_unit_test(another_address_has_to_be_allowed_as_well),
        cmocka_unit_test(its_keys_stand_in_it_alone_and_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
