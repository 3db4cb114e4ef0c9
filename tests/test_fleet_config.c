/* SPDX-License-Identifier: MIT */
/* [fleet]: what a member is told, and that nothing secret can be in the file or be told of it. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/config_text.h"

#define FLEET "[fleet]\nservers = nats://127.0.0.1\nmember = m\n"

struct reading {
    char text[4096];
    struct sections sections;
    struct diagnostics diagnostics;
    struct fleet_config fleet;
};

/* As a build with an engine has it, whatever this one is. */
static void read_as(struct reading *r, const char *text, bool is_built)
{
    *r = (struct reading) { .diagnostics = { .file = STR("p.ini") } };
    snprintf(r->text, sizeof r->text, "%s", text);
    assert_int_equal(sections_read(&r->sections, r->text, strlen(r->text), &r->diagnostics), 0);
    assert_int_equal(fleet_config_read(&r->fleet, &r->sections.fleet, is_built, &r->diagnostics),
                     0);
}

static void drop(struct reading *r)
{
    fleet_config_deinit(&r->fleet);
    sections_deinit(&r->sections);
}

static struct reading taken(const char *text)
{
    struct reading r;
    read_as(&r, text, true);
    assert_lines(&r.diagnostics, "");
    sections_deinit(&r.sections);
    r.sections = (struct sections) { 0 };
    return r;
}

static void expect_lines(const char *text, const char *want)
{
    struct reading r;
    read_as(&r, text, true);
    assert_lines(&r.diagnostics, want);
    drop(&r);
}

static void expect_part(const char *text, const char *part)
{
    char room[8192];
    struct buf lines = BUF_ON(room);
    struct reading r;
    read_as(&r, text, true);
    diagnostics_each(&r.diagnostics, add_line, &lines);
    if (!strstr(buf_cstr(&lines), part))
        fail_msg("\"%s\" is not in: %s", part, room);
    drop(&r);
}

static void without_the_section_there_is_no_fleet(void **state)
{
    struct reading r = taken(WEB);
    assert_null(r.fleet.servers);
    drop(&r);
}

static void what_is_left_out_has_defaults(void **state)
{
    struct reading r = taken(FLEET);
    assert_string_equal(r.fleet.servers[0], "nats://127.0.0.1:4222");
    assert_null(r.fleet.servers[1]);
    assert_false(r.fleet.is_tls);
    assert_string_equal(r.fleet.name, "pipepoll");
    assert_string_equal(r.fleet.member, "m");
    assert_int_equal(r.fleet.replicas, 3);
    assert_false(r.fleet.is_fast);
    assert_true(r.fleet.polls && r.fleet.works);
    assert_int_equal(r.fleet.queue_size, 1 << 30);
    assert_int_equal(r.fleet.queue_age_ms, 86400000);
    assert_int_equal(r.fleet.spool_jobs, 100000);
    drop(&r);
}

static void all_of_it_is_read(void **state)
{
    struct reading r = taken("[fleet]\n"
                             "servers = tls://n1.example.com, tls://[fd00::1]:4333\n"
                             "  TLS://n3:1\n"
                             "name = east_1\nmember = a-b\nreplicas = 5\ntakeover = fast\n"
                             "polls = no\nworks = off\nqueue-size = 4GiB\nqueue-age = 2h\n"
                             "spool-jobs = 7\n");
    assert_string_equal(r.fleet.servers[0], "tls://n1.example.com:4222");
    assert_string_equal(r.fleet.servers[1], "tls://[fd00::1]:4333");
    assert_string_equal(r.fleet.servers[2], "tls://n3:1");
    assert_int_equal(r.fleet.server_count, 3);
    assert_null(r.fleet.servers[3]);
    assert_true(r.fleet.is_tls);
    assert_string_equal(r.fleet.name, "east_1");
    assert_int_equal(r.fleet.replicas, 5);
    assert_true(r.fleet.is_fast);
    assert_false(r.fleet.polls || r.fleet.works);
    assert_int_equal(r.fleet.queue_size, 4ull << 30);
    assert_int_equal(r.fleet.queue_age_ms, 7200000);
    assert_int_equal(r.fleet.spool_jobs, 7);
    drop(&r);
}

static void a_servers_place_is_told_and_never_its_secret(void **state)
{
    static const char *const secrets[] = { "nats://u:s3cret@h:4222", "u:s3cret@h",
                                           "nats://s3cret@h",        "http://s3cret@h",
                                           "nats://h/s3cret",        "nats://h?t=s3cret",
                                           "nats://h:s3cret",        "s3cret" };
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        char text[256], room[4096];
        struct buf lines = BUF_ON(room);
        struct reading r;
        snprintf(text, sizeof text, "[fleet]\nmember = m\nservers = nats://[::1], %s\n",
                 secrets[i]);
        read_as(&r, text, true);
        diagnostics_each(&r.diagnostics, add_line, &lines);
        assert_true(str_starts(buf_str(&lines), STR("p.ini:3:25: servers ")));
        assert_null(strstr(buf_cstr(&lines), "s3cret"));
        assert_int_equal(r.diagnostics.errors, 1);
        drop(&r);
    }
    expect_part("[fleet]\nservers = tls://u:p@h\n",
                "user and password-file, nkey-file or creds-file");
}

static void servers_that_cannot_be_are_refused(void **state)
{
    static const struct {
        const char *servers, *part;
    } rows[] = {
        { "nats://", "without a name" },
        { "nats://h_1:0", "has a port" },
        { "nats://h:65536", "has a port" },
        { "nats://a*b", "without a name" },
        { "nats://[::1", "in brackets that is not like [::1] or [::1]:4222" },
        { "tls://[::1]4222", "in brackets that is not like" },
        { "tls://a, nats://b", "p.ini:2:20: servers has servers with nats:// and with tls://" },
        { ",", "servers names no server" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256];
        snprintf(text, sizeof text, "[fleet]\nservers = %s\nmember = m\n", rows[i].servers);
        expect_part(text, rows[i].part);
    }
    expect_lines("[fleet]\nmember = m\n",
                 "p.ini:1:1: [fleet] needs servers, such as tls://nats-1.example.com, "
                 "tls://nats-2.example.com, tls://nats-3.example.com\n");
    char many[2048] = "[fleet]\nmember = m\nservers = ";
    for (int i = 0; i <= FLEET_SERVERS_MAX; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "tls://a%d ", i);
    strcat(many, "\n");
    expect_part(many, "has more than 32 servers");
}

static void what_is_told_of_servers_is_told_once(void **state)
{
    char room[4096];
    struct buf lines = BUF_ON(room);
    struct reading r;
    read_as(
        &r,
        "[fleet]\nmember = m\nservers = nats://10.0.0.1, nats://10.0.0.2, NATS://10.0.0.1:4222\n",
        true);
    diagnostics_each(&r.diagnostics, add_line, &lines);
    assert_str_equal(
        buf_str(&lines),
        "p.ini:3:11: servers has nats:// to another machine: what members say, jobs too, "
        "can be read and changed on the way; use tls://\n"
        "p.ini:3:45: servers has this one twice: once is enough\n");
    assert_int_equal(r.fleet.server_count, 2);
    assert_null(r.fleet.servers[2]);
    assert_int_equal(r.diagnostics.errors, 0);
    drop(&r);
}

static void values_of_another_kind_are_refused(void **state)
{
    static const char *const rows[][2] = {
        { "replicas = 2\n", "p.ini:4:12: replicas is 1, 3 or 5, not \"2\"" },
        { "takeover = slow\n", "takeover is default or fast" },
        { "name = a.b\n", "name is 1 to 64 letters" },
        { "polls = perhaps\n", "polls is yes or no" },
        { "queue-size = 1KiB\n", "queue-size is a size" },
        { "queue-age = 59m\n", "queue-age is a time" },
        { "spool-jobs = 0\n", "spool-jobs is a number" },
        { "memver = x\n", "did you mean \"member\"" },
        { "token = x\n",
          "unknown key \"token\" in [fleet]: there is no login by a token; it is user" },
        { "password = x\n", "it is in a file of its own, password-file" },
        { "ca = /x\n", "unknown key \"ca\" in [fleet]: it is tls-ca" },
        { "tls-ca = /dev/null\n", "tls-ca goes with servers that are tls://" },
        { "user = u\n", "user needs password-file as well" },
        { "tls-key = /nowhere/key\n", "tls-key /nowhere/key cannot be read" },
        { "nkey-file = /\n", "nkey-file / cannot be read" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256];
        snprintf(text, sizeof text, FLEET "%s", rows[i][0]);
        expect_part(text, rows[i][1]);
    }
    expect_part("[pipepoll]\nservers = nats://h\n", "\"servers\" belongs in [fleet]");
    expect_part(FLEET FLEET, "a second [fleet] (the first is at line 1)");
}

static void secrets_are_in_files_of_our_own(void **state)
{
    char path[] = "/tmp/test_fleet_config.XXXXXX", text[512];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    snprintf(text, sizeof text, FLEET "user = u\npassword-file = %s\n", path);
    struct reading r = taken(text);
    assert_string_equal(r.fleet.user, "u");
    assert_string_equal(r.fleet.password_file, path);
    drop(&r);
    assert_int_equal(fchmod(fd, 0644), 0);
    expect_part(text, "p.ini:5:17: password-file /tmp/test_fleet_config.");
    expect_part(text, "may be read by everybody on this machine (mode 644): chmod 600");
    assert_int_equal(fchmod(fd, 0600), 0);
    snprintf(text, sizeof text, FLEET "nkey-file = %s\ncreds-file = %s\n", path, path);
    expect_part(text,
                "p.ini:5:14: creds-file stands instead of nkey-file, which is given at line 4");
    snprintf(text, sizeof text,
             "[fleet]\nmember = m\nservers = nats://h\nuser = u\npassword-file = %s\n", path);
    expect_part(text, "p.ini:3:11: servers would show the password");
    close(fd);
    unlink(path);
}

static void plain_text_to_another_machine_is_warned_of(void **state)
{
    struct reading r;
    read_as(&r, "[fleet]\nmember = m\nservers = nats://n1\n", true);
    assert_int_equal(r.diagnostics.errors, 0);
    assert_int_equal(r.diagnostics.count, 1);
    assert_string_equal(r.fleet.servers[0], "nats://n1:4222");
    drop(&r);
}

static void a_host_name_becomes_a_member(void **state)
{
    char member[FLEET_NAME_MAX + 1];
    assert_true(fleet_config_member_of(member, sizeof member, "ip-10-0-0-1.ec2.internal"));
    assert_string_equal(member, "ip-10-0-0-1-ec2-internal");
    assert_false(fleet_config_member_of(member, sizeof member, ""));
    assert_false(fleet_config_member_of(member, sizeof member, "localhost"));
    assert_false(fleet_config_member_of(member, sizeof member, "localhost.localdomain"));
    assert_false(fleet_config_member_of(
        member, sizeof member,
        "a23456789b123456789c123456789d123456789e123456789f123456789g12345"));
}

static void a_build_without_an_engine_says_so_in_one_line(void **state)
{
    struct reading r;
    read_as(&r, "[fleet]\nservers = http://u:p@h\nreplicas = 2\n", false);
    assert_lines(&r.diagnostics, "p.ini:1:1: [fleet] is of no use here: this pipepoll was built "
                                 "without fleets, which need libnats\n");
    assert_null(r.fleet.servers);
    drop(&r);
}

static void check_with(const char *text, bool works_jobs, const char *want)
{
    struct reading r;
    const struct worker_config worker = { .has_journal = true, .in_use = works_jobs };
    read_as(&r, text, true);
    fleet_config_check(&r.fleet, &worker, &r.sections, &r.diagnostics);
    if (!want)
        assert_lines(&r.diagnostics, "");
    else if (!r.diagnostics.count || !strstr(r.diagnostics.list[0].text, want))
        fail_msg("\"%s\" is not said of %s", want, text);
    drop(&r);
}

static void a_member_has_something_to_do_and_a_place_for_it(void **state)
{
    check_with(WEB, false, NULL);
    check_with(FLEET, false, "[fleet] needs a state-dir in [pipepoll]");
    check_with("[pipepoll]\nstate-dir = /tmp\n" FLEET, false, NULL);
    check_with(FLEET, true, NULL); /* said of the handler */
    check_with(FLEET "polls = no\n", true, NULL);
    check_with(FLEET "polls = no\n", false, "polls = no, and no target has a handler");
    check_with(FLEET "polls = no\nworks = no\n", true, "polls = no, and works = no");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_section_there_is_no_fleet),
        cmocka_unit_test(what_is_left_out_has_defaults),
        cmocka_unit_test(all_of_it_is_read),
        cmocka_unit_test(a_servers_place_is_told_and_never_its_secret),
        cmocka_unit_test(servers_that_cannot_be_are_refused),
        cmocka_unit_test(what_is_told_of_servers_is_told_once),
        cmocka_unit_test(values_of_another_kind_are_refused),
        cmocka_unit_test(secrets_are_in_files_of_our_own),
        cmocka_unit_test(plain_text_to_another_machine_is_warned_of),
        cmocka_unit_test(a_host_name_becomes_a_member),
        cmocka_unit_test(a_build_without_an_engine_says_so_in_one_line),
        cmocka_unit_test(a_member_has_something_to_do_and_a_place_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
