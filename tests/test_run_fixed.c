/* SPDX-License-Identifier: MIT */
/* What a changed file cannot change before the next start is named: every such key of [pipepoll],
 * [http] and [fleet], and no other. */
#include "cli/run_fixed.h"

#include <stdio.h>

#include "lib/config_text.h"

static void expect(const char *before, const char *after, const char *want)
{
    char text[2048];
    struct buf names = BUF_ON(text);
    struct run_fixed fixed = { .max_attempts = 0 };
    struct config a = accept(before), b = accept(after);
    run_fixed_note(&fixed, &a);
    config_deinit(&a);
    run_fixed_put_changed(&names, &fixed, &b);
    assert_string_equal(buf_cstr(&names), want);
    run_fixed_deinit(&fixed);
    config_deinit(&b);
}

static void what_is_as_before_is_not_named(void **state)
{
    expect(WEB, WEB, "");
    expect(WEB, "[pipepoll]\nmax-in-flight = 256\nrequest-timeout = 30s\njournal = sqlite\n" WEB,
           "");
    expect(WEB "[http]\n", WEB "[http]\nlisten = 127.0.0.1:9464\n", "");
}

static void what_a_reload_changes_is_not_named(void **state)
{
    expect(WEB, "[pipepoll]\nlog-level = debug\nlog-format = json\ndrain-timeout = 1s\n" WEB, "");
    expect(WEB, WEB "interval = 9s\n", "");
}

static void what_waits_is_named(void **state)
{
    static const struct {
        const char *line, *name;
    } rows[] = {
        { "max-in-flight = 9", "max-in-flight" },
        { "max-in-flight-per-region = 9", "max-in-flight-per-region" },
        { "max-connections = 9", "max-connections" },
        { "max-polls-per-second = 9", "max-polls-per-second" },
        { "request-timeout = 9s", "request-timeout" },
        { "connect-timeout = 9s", "connect-timeout" },
        { "user-agent-app-id = id", "user-agent-app-id" },
        { "state-dir = /tmp/", "state-dir, continuation-key-file" },
        { "journal = none", "journal" },
        { "on-restart = rerun", "on-restart" },
        { "max-jobs = 9", "max-jobs" },
        { "client-tokens-command = /bin/true x", "client-tokens-command, client-tokens-ttl" },
        { "continuation-key-file = /nonexistent/key", "continuation-key-file" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512];
        snprintf(text, sizeof text, "[pipepoll]\n%s\n%s", rows[i].line, WEB);
        expect(WEB, text, rows[i].name);
        expect(text, WEB, rows[i].name);
    }
    expect("[pipepoll]\nmax-in-flight = 9\n" WEB "[http]\n", WEB "[http]\nlisten = [::1]:80\n",
           "max-in-flight, listen");
}

/* Its value is taken with a reload. */
static void whether_a_token_is_needed_waits(void **state)
{
    struct run_fixed fixed = { .max_attempts = 0 };
    char text[256];
    struct buf names = BUF_ON(text);
    struct config c = accept(WEB "[http]\n");
    run_fixed_note(&fixed, &c);
    c.http.token_file = strdup("/x");
    run_fixed_put_changed(&names, &fixed, &c);
    assert_string_equal(buf_cstr(&names), "token-file");
    run_fixed_deinit(&fixed);
    fixed = (struct run_fixed) { .max_attempts = 0 };
    run_fixed_note(&fixed, &c);
    free(c.http.token_file);
    c.http.token_file = strdup("/y");
    buf_reset(&names);
    run_fixed_put_changed(&names, &fixed, &c);
    assert_int_equal(names.len, 0);
    c.max_attempts++;
    run_fixed_put_changed(&names, &fixed, &c);
    assert_string_equal(buf_cstr(&names), "max_attempts");
    run_fixed_deinit(&fixed);
    config_deinit(&c);
}

static void all_of_a_fleet_waits(void **state)
{
    struct config config;
    struct diagnostics d;
    const char *before =
        "[pipepoll]\nstate-dir = /tmp\n" WEB "[fleet]\nmember = m\nservers = nats://127.0.0.1\n";
    if (parse(&config, before, &d))
        skip(); /* built without fleets */
    config_deinit(&config);
    static const char *const lines[] = { "name = x\n",          "replicas = 1\n",
                                         "takeover = fast\n",   "works = no\n",
                                         "queue-size = 1MiB\n", "queue-age = 1h\n",
                                         "spool-jobs = 1\n" };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[1024], name[32];
        snprintf(text, sizeof text, "%s%s", before, lines[i]);
        str_copy(name, sizeof name, (str) { lines[i], str_find(str_of(lines[i]), ' ') });
        expect(before, text, name);
    }
    expect(before,
           "[pipepoll]\nstate-dir = /tmp\n" WEB
           "[fleet]\nmember = m\nservers = nats://127.0.0.1, nats://[::1]:1\n",
           "servers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_as_before_is_not_named),
        cmocka_unit_test(what_a_reload_changes_is_not_named),
        cmocka_unit_test(what_waits_is_named),
        cmocka_unit_test(whether_a_token_is_needed_waits),
        cmocka_unit_test(all_of_a_fleet_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
