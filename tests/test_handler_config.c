/* SPDX-License-Identifier: MIT */
/* The handlers of the config file and what goes with them: what each key does, and each sentence it
 * can be refused with. */
#include "lib/config_files.h"

static void a_handler_of_one_key_gets_the_documented_defaults(void **state)
{
    struct fixture *f = *state;
    struct config c = accept(HANDLER "command = sh -c 'echo \"a b\"' x\n");
    const struct handler_config *h = c.worker.handlers;
    assert_int_equal(c.worker.handler_count, 1);
    assert_ptr_equal(c.plan.targets[0].handler, h);
    assert_string_equal(h->name, "h");
    assert_int_equal(h->kind, HANDLER_EXEC);
    assert_string_equal(h->argv[0], "sh");
    assert_string_equal(h->argv[2], "echo \"a b\"");
    assert_null(h->argv[4]);
    assert_string_equal(h->command, "sh -c 'echo \"a b\"' x");
    assert_non_null(strstr(h->program, "/sh"));
    assert_int_equal(h->timeout_ms, 3600000);
    assert_int_equal(h->kill_after_ms, 10000);
    assert_int_equal(h->open_files + h->address_space + h->cpu_seconds, 0);
    assert_int_equal(h->continue_after_ms, 0);
    assert_null(h->directory);
    assert_null(h->environment);
    const struct worker_config *w = &c.worker;
    assert_true(w->in_use && w->has_journal && !w->rerun);
    assert_int_equal(w->max_jobs, 16);
    assert_string_equal(w->state_dir, path_in(f, "state"));
    assert_string_equal(w->continuation_key_file, path_in(f, "state/continuation.key"));
    assert_string_equal(w->tokens.file, path_in(f, "tokens"));
    config_deinit(&c);
}

static void every_key_of_a_program_does_what_it_says(void **state)
{
    struct config c =
        accept(HANDLER "kind = stdio\ncommand = ./program\ndirectory = $PIPEPOLL_TEST\n"
                       "environment = A=1 'B=2 3'\n  C=\ntimeout = 2h\nkill-after = 5s\n"
                       "open-files = 64\naddress-space = 1.5GiB\ncpu-time = 90s\nconcurrency = 4\n"
                       "continue-after = 30m\n");
    const struct handler_config *h = c.worker.handlers;
    assert_int_equal(h->kind, HANDLER_STDIO);
    assert_string_equal(h->environment[0], "A=1");
    assert_string_equal(h->environment[1], "B=2 3");
    assert_string_equal(h->environment[2], "C=");
    assert_null(h->environment[3]);
    assert_int_equal(h->timeout_ms, 7200000);
    assert_int_equal(h->kill_after_ms, 5000);
    assert_int_equal(h->open_files, 64);
    assert_int_equal(h->address_space, UINT64_C(3) << 29);
    assert_int_equal(h->cpu_seconds, 90);
    assert_int_equal(h->concurrency, 4);
    assert_int_equal(h->continue_after_ms, 1800000);
    config_deinit(&c);
}

static void every_key_of_a_web_service_does_what_it_says(void **state)
{
    struct fixture *f = *state;
    struct config c = accept(HANDLER "url = https://example.com/jobs\n"
                                     "secret-file = $PIPEPOLL_TEST/key\n");
    const struct handler_config *h = c.worker.handlers;
    assert_int_equal(h->kind, HANDLER_WEBHOOK);
    assert_int_equal(h->timeout_ms, 30000);
    assert_int_equal(h->callback_timeout_ms, 3600000);
    assert_string_equal(h->callback_host, "127.0.0.1");
    assert_int_equal(h->callback_port, 0);
    assert_null(h->callback_url);
    assert_string_equal(h->secret_file, path_in(f, "key"));
    config_deinit(&c);
    c = accept(HANDLER "url = http://build.internal:8080/jobs?x=1\nallow-http = yes\n"
                       "secret-file = key\ntimeout = 5s\ncallback-timeout = 10m\n"
                       "callback-listen = [::1]:8443\ncallback-url = http://10.0.0.1/back\n");
    h = c.worker.handlers;
    assert_string_equal(h->url, "http://build.internal:8080/jobs?x=1");
    assert_int_equal(h->timeout_ms, 5000);
    assert_int_equal(h->callback_timeout_ms, 600000);
    assert_string_equal(h->callback_host, "::1");
    assert_int_equal(h->callback_port, 8443);
    assert_string_equal(h->callback_url, "http://10.0.0.1/back");
    config_deinit(&c);
}

static void every_key_makes_a_handler_another(void **state)
{
    const char *const rows[][2] = {
        { "command = sh", "command = sh -e" },
        { "command = sh", "kind = stdio\ncommand = sh" },
        { "command = sh", "command = sh\nenvironment = A=1" },
        { "command = sh\nenvironment = A=2", "command = sh\nenvironment = A=1" },
        { "command = sh\nenvironment = A=1 B=", "command = sh\nenvironment = A=1" },
        { "command = sh", "command = sh\ndirectory = /" },
        { "command = sh", "command = sh\ntimeout = 1s" },
        { "command = sh", "command = sh\nkill-after = 1s" },
        { "command = sh", "command = sh\nopen-files = 100" },
        { "command = sh", "command = sh\naddress-space = 1GiB" },
        { "command = sh", "command = sh\ncpu-time = 1s" },
        { "command = sh", "command = sh\ncontinue-after = 1s" },
        { "kind = stdio\ncommand = sh", "kind = stdio\ncommand = sh\nconcurrency = 2" },
        { "url = https://h\nsecret-file = key", "url = https://i\nsecret-file = key" },
        { "url = https://h\nsecret-file = key", "url = https://h\nsecret-file = tokens" },
        { "url = https://h\nsecret-file = key", "url = https://h\nsecret-file = key\n"
                                                "allow-http = yes" },
        { "url = https://h\nsecret-file = key", "url = https://h\nsecret-file = key\n"
                                                "callback-timeout = 1s" },
        { "url = https://h\nsecret-file = key", "url = https://h\nsecret-file = key\n"
                                                "callback-listen = 127.0.0.2:0" },
        { "url = https://h\nsecret-file = key", "url = https://h\nsecret-file = key\n"
                                                "callback-listen = 127.0.0.1:1" },
        { "url = https://h\nsecret-file = key", "url = https://h\nsecret-file = key\n"
                                                "callback-url = https://h" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config of[2];
        for (size_t k = 0; k < 2; k++) {
            char text[1024];
            snprintf(text, sizeof text, "%s%s\n", HANDLER, rows[i][k]);
            of[k] = accept(text);
        }
        assert_true(handler_config_is_same(of[0].worker.handlers, of[0].worker.handlers));
        assert_false(handler_config_is_same(of[0].worker.handlers, of[1].worker.handlers));
        config_deinit(&of[0]);
        config_deinit(&of[1]);
    }
}

static void programs_and_limits_are_taken_as_they_will_be_used(void **state)
{
    struct fixture *f = *state;
    struct config c = accept(HANDLER "command = ../program\ndirectory = $PIPEPOLL_TEST/state\n"
                                     "cpu-time = 1500ms\n");
    assert_string_equal(c.worker.handlers->program, path_in(f, "state/../program"));
    assert_int_equal(c.worker.handlers->cpu_seconds, 2);
    assert_int_equal(c.worker.handlers->concurrency, 0);
    config_deinit(&c);
    assert_refused(HANDLER "command = program\nenvironment = PATH=.:\n",
                   "p.ini:11:11: command names the program \"program\", which is not in PATH, "
                   ".:\n");
    c = accept("[pipepoll]\nstate-dir = $PIPEPOLL_TEST/state//\n" WEB);
    assert_string_equal(c.worker.state_dir, path_in(f, "state"));
    config_deinit(&c);
}

static void handlers_that_say_the_same_are_the_same(void **state)
{
    struct config a = accept(HANDLER "command = sh  'a'\n"),
                  b = accept(HANDLER "kind = exec\ncommand = sh a\ntimeout = 60m\n"),
                  c = accept(HANDLER "command = sh a b\n");
    assert_true(handler_config_is_same(a.worker.handlers, b.worker.handlers));
    assert_false(handler_config_is_same(a.worker.handlers, c.worker.handlers));
    config_deinit(&a);
    config_deinit(&b);
    config_deinit(&c);
}

/* --- what is wrong --- */

static void a_wrong_section_is_told(void **state)
{
    const struct refusal rows[] = {
        { WEB "[handler]\ncommand = sh\n",
          "p.ini:6:1: [handler] needs a name, such as [handler build]\n" },
        { WEB "[handler none]\ncommand = sh\n",
          "p.ini:6:1: [handler none] needs another name: handler = none means lines on stdout\n" },
        { HANDLER "command = sh\n[handler h]\ncommand = sh\n",
          "p.ini:12:1: a second [handler h] (the first is at line 10)\n" },
        { WEB "[handlr h]\ncommand = sh\n",
          "p.ini:6:1: unknown section [handlr h] (did you mean \"handler\"?): there are "
          "[pipepoll], [target NAME], [handler NAME], [http] and [fleet]\n" },
        { HANDLER "command = sh\nregions = x\n",
          "p.ini:12:1: \"regions\" belongs in [target NAME] or [pipepoll]\n" },
        { HANDLER "command = sh\nmax-jobs = 3\n",
          "p.ini:12:1: \"max-jobs\" belongs in [pipepoll]\n" },
        { WEB "command = sh\n", "p.ini:6:1: \"command\" belongs in [handler NAME]\n" },
        { HANDLER "comand = sh\n",
          "p.ini:11:1: unknown key \"comand\" in [handler h] (did you mean "
          "\"command\"?)\n" },
        { HANDLER "command = sh\ncommand = sh\n",
          "p.ini:12:1: a second \"command\" (the first is at line 11)\n" },
        { PROCESS WEB "handler = bild\n[handler build]\ncommand = sh\n",
          "p.ini:9:11: there is no [handler bild] (did you mean \"build\"?)\n" },
        { PROCESS "handler = x\n" WEB "[target b]\nregions = us-east-1\ncategory = Test\n"
                  "provider = Acme\nversion = 1\n",
          "p.ini:4:11: there is no [handler x]\n" },
    };
    ASSERT_ALL_REFUSED(rows);
}

static void a_kind_that_cannot_be_told_is_told(void **state)
{
    const struct refusal rows[] = {
        { HANDLER "timeout = 5s\n",
          "p.ini:10:1: [handler h] has no command (a program to run), and "
          "no url (a web service)\n" },
        { HANDLER "command = sh\nurl = https://h\n",
          "p.ini:10:1: [handler h] has a command and a url: one of both must go\n" },
        { HANDLER "kind = shell\ncommand = sh\n",
          "p.ini:11:8: kind is exec, stdio or webhook, not \"shell\"\n" },
        { HANDLER "kind = stdio\n", "p.ini:10:1: [handler h] has no command (a program and its "
                                    "arguments; no shell reads it)\n" },
        { HANDLER "kind = webhook\n",
          "p.ini:10:1: [handler h] has no url (of the web service that gets the jobs)\n"
          "p.ini:10:1: [handler h] has no secret-file (a file with the key that signs "
          "requests)\n" },
        { HANDLER "command = sh\nconcurrency = 2\nsecret-file = key\n",
          "p.ini:12:15: concurrency is of no use to kind = exec: it is for stdio\n"
          "p.ini:13:15: secret-file is of no use to kind = exec: it is for webhook\n" },
        { HANDLER "url = https://h\nsecret-file = key\nkill-after = 3s\n",
          "p.ini:13:14: kill-after is of no use to kind = webhook: it is for exec and stdio\n" },
    };
    ASSERT_ALL_REFUSED(rows);
}

static void a_program_that_cannot_be_run_is_told(void **state)
{
    const struct refusal rows[] = {
        { HANDLER "command = no-such-program x\nenvironment = PATH=/a:/b\n",
          "p.ini:11:11: command names the program \"no-such-program\", which is not in PATH, "
          "/a:/b\n" },
        { HANDLER "command = ./nothing\n",
          "p.ini:11:11: command names the program \"./nothing\", which cannot be run: No such file "
          "or directory\n" },
        { HANDLER "command = ./text\n", "p.ini:11:11: command names the program \"./text\", which "
                                        "cannot be run: Permission denied\n" },
        { HANDLER "command = ./state\n",
          "p.ini:11:11: command names the program \"./state\", which "
          "cannot be run: Is a directory\n" },
        { HANDLER "command = sh 'x\n", "p.ini:11:11: command has a quote that is not closed\n" },
        { HANDLER "command = ''\n", "p.ini:11:11: command names the program \"\", which is not in "
                                    "PATH, /bin:/usr/bin\n" },
        { HANDLER "command = sh\ndirectory = nowhere\n",
          "p.ini:12:13: directory nowhere cannot be entered: No such file or directory\n" },
        { HANDLER "command = sh\ndirectory = text\n",
          "p.ini:12:13: directory text cannot be entered: Not a directory\n" },
        { HANDLER "command = sh\nenvironment = A=1 b 2C=3\n",
          "p.ini:12:15: environment is a list of NAME=VALUE, parted by blanks, and word 2 is none\n"
          "p.ini:12:15: environment is a list of NAME=VALUE, parted by blanks, and word 3 is "
          "none\n" },
    };
    assert_int_equal(setenv("PATH", "/bin:/usr/bin", 1), 0);
    ASSERT_ALL_REFUSED(rows);
}

static void values_out_of_range_are_told(void **state)
{
    const struct refusal rows[] = {
        { HANDLER "command = sh\ntimeout = 0\ncontinue-after = soon\nkill-after = never\n",
          "p.ini:12:11: timeout is a time from 1ms to 168h such as 30s or 2h, not \"0\"\n"
          "p.ini:13:18: continue-after is a time from 1ms to 168h such as 30s or 2h, not "
          "\"soon\"\n"
          "p.ini:14:14: kill-after is a time from 1ms to 168h such as 30s or 2h, not \"never\"\n" },
        { HANDLER "command = sh\nopen-files = 3\naddress-space = 2GB\ncpu-time = 169h\n",
          "p.ini:12:14: open-files is a number of 16 or more, not \"3\"\n"
          "p.ini:13:17: address-space is a size of 1MiB or more such as 512MiB or 2GiB, not "
          "\"2GB\"\n"
          "p.ini:14:12: cpu-time is a time from 1s to 168h such as 30s or 2h, not \"169h\"\n" },
        { HANDLER "kind = stdio\ncommand = sh\nconcurrency = 0\n",
          "p.ini:13:15: concurrency is a number from 1 to 65536, not \"0\"\n" },
        { "[pipepoll]\nmax-jobs = 65537\njournal = redis\non-restart = maybe\n" WEB,
          "p.ini:2:12: max-jobs is a number from 1 to 65536, not \"65537\"\n"
          "p.ini:3:11: journal is sqlite or none, not \"redis\"\n"
          "p.ini:4:14: on-restart is fail or rerun, not \"maybe\"\n" },
    };
    ASSERT_ALL_REFUSED(rows);
}

#define HOOK HANDLER "secret-file = key\n"

static void a_url_that_is_no_way_for_jobs_is_told(void **state)
{
    const struct refusal rows[] = {
        { HOOK "url = http://example.com/\n",
          "p.ini:12:7: url is http:// to another machine, which would show jobs and secrets to "
          "whoever is on the way: use https://\n" },
        { HOOK "url = http://127.0.0.1.example.com/\nallow-http = no\n",
          "p.ini:12:7: url is http:// to another machine, which would show jobs and secrets to "
          "whoever is on the way: use https://\n" },
        { HOOK "url = ftp://h/\n",
          "p.ini:12:7: url must begin with https:// (or http://, to this machine)\n" },
        { HOOK "url = example.com\n",
          "p.ini:12:7: url must begin with https:// (or http://, to this machine)\n" },
        { HOOK "url = https://\n", "p.ini:12:7: url is no URL such as https://example.com/jobs\n" },
        { HOOK "url = https://me:secret@h/\n",
          "p.ini:12:7: url must not name a user or password\n" },
        { HOOK "url = https://h:0/\n",
          "p.ini:12:7: url has a port that is no number from 1 to 65535\n" },
        { HOOK "url = https://h:65536/\n",
          "p.ini:12:7: url has a port that is no number from 1 to 65535\n" },
        { HOOK "url = http://128.0.0.1/\n",
          "p.ini:12:7: url is http:// to another machine, which would show jobs and secrets to "
          "whoever is on the way: use https://\n" },
        { HOOK "url = https://h/#x\n", "p.ini:12:7: url must not have a fragment (#...)\n" },
        { HOOK "url = https://h/a b\n", "p.ini:12:7: url holds a blank or a control character\n" },
        { HOOK "url = https://h/\ncallback-url = http://h/\n",
          "p.ini:13:16: callback-url is http:// to another machine, which would show jobs and "
          "secrets to whoever is on the way: use https://\n" },
        { HOOK "url = https://h/\ncallback-listen = localhost:1\n",
          "p.ini:13:19: callback-listen is an address and a port such as 127.0.0.1:8080 or "
          "[::1]:0 (0: any), not \"localhost:1\"\n" },
        { HOOK "url = https://h/\ncallback-listen = [::1:8080\n",
          "p.ini:13:19: callback-listen is an address and a port such as 127.0.0.1:8080 or "
          "[::1]:0 (0: any), not \"[::1:8080\"\n" },
        { HOOK "url = https://h/\ncallback-listen = 0.0.0.0:8080\n",
          "p.ini:13:19: callback-listen is every address of this machine: a callback-url must say "
          "by which one the service gets here\n" },
    };
    ASSERT_ALL_REFUSED(rows);
    struct config c = accept(HOOK "url = http://[::1]:80\n");
    config_deinit(&c);
    c = accept(HOOK "url = http://localhost/\n");
    config_deinit(&c);
}

static void a_key_that_others_may_read_is_told(void **state)
{
    const struct refusal rows[] = {
        { HANDLER "url = https://h/\nsecret-file = text\n",
          "p.ini:12:15: secret-file text may be read by everybody on this machine (mode 644): "
          "chmod "
          "600\n" },
        { HANDLER "url = https://h/\nsecret-file = nothing\n",
          "p.ini:12:15: secret-file nothing cannot be read: No such file or directory\n" },
        { HANDLER "url = https://h/\nsecret-file = state\n",
          "p.ini:12:15: secret-file state cannot be read: Is a directory\n" },
        { "[pipepoll]\ncontinuation-key-file = text\n" WEB,
          "p.ini:2:25: continuation-key-file text may be read by everybody on this machine (mode "
          "644): chmod 600\n" },
    };
    ASSERT_ALL_REFUSED(rows);
}

static void what_is_of_no_use_or_doubtful_is_a_warning(void **state)
{
    assert_warned(WEB "[handler h]\ncommand = sh\n",
                  "p.ini:6:1: [handler h] is of no use: no target has handler = h\n");
    assert_warned(HANDLER "command = sh\n[handler i]\ncommand = sh\n",
                  "p.ini:12:1: [handler i] is of no use: no target has handler = i\n");
    assert_warned(HANDLER "command = sh\nenvironment = A=1, B=2\n",
                  "p.ini:12:15: environment has a comma at the end of A, which belongs to the "
                  "value: words are parted by blanks alone\n");
    assert_warned("[pipepoll]\nclient-tokens = text\n" WEB,
                  "p.ini:2:17: client-tokens text may be read by everybody on this machine (mode "
                  "644): chmod 600\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handler_of_one_key_gets_the_documented_defaults),
        cmocka_unit_test(every_key_of_a_program_does_what_it_says),
        cmocka_unit_test(every_key_of_a_web_service_does_what_it_says),
        cmocka_unit_test(handlers_that_say_the_same_are_the_same),
        cmocka_unit_test(every_key_makes_a_handler_another),
        cmocka_unit_test(programs_and_limits_are_taken_as_they_will_be_used),
        cmocka_unit_test(a_wrong_section_is_told),
        cmocka_unit_test(a_kind_that_cannot_be_told_is_told),
        cmocka_unit_test(a_program_that_cannot_be_run_is_told),
        cmocka_unit_test(values_out_of_range_are_told),
        cmocka_unit_test(a_url_that_is_no_way_for_jobs_is_told),
        cmocka_unit_test(a_key_that_others_may_read_is_told),
        cmocka_unit_test(what_is_of_no_use_or_doubtful_is_a_warning),
    };
    return cmocka_run_group_tests_name("handler_config", tests, set_up, tear_down);
}
