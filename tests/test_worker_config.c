/* SPDX-License-Identifier: MIT */
/* What the config file says about working jobs, beside the handlers themselves: the journal, client
 * tokens, and which target has which handler. */
#include "lib/config_files.h"

static void every_key_of_the_process_does_what_it_says(void **state)
{
    struct config c = accept("[pipepoll]\njournal = none\non-restart = rerun\nmax-jobs = 64\n"
                             "client-tokens-command = sh tokens --for\nclient-tokens-ttl = 1m\n"
                             "continuation-key-file = key\n" WEB USE "[handler h]\ncommand = sh\n");
    const struct worker_config *w = &c.worker;
    assert_true(!w->has_journal && w->rerun);
    assert_null(w->state_dir);
    assert_int_equal(w->max_jobs, 64);
    assert_string_equal(w->tokens.command[2], "--for");
    assert_int_equal(w->tokens.ttl_ms, 60000);
    assert_string_equal(w->continuation_key_file, "key");
    config_deinit(&c);
    c = accept(
        "[pipepoll]\njournal = none\nclient-tokens-url = https://h.example/t/{clientId}\n" WEB USE
        "[handler h]\ncommand = sh\n");
    assert_string_equal(c.worker.tokens.url, "https://h.example/t/{clientId}");
    assert_null(c.worker.continuation_key_file);
    config_deinit(&c);
}

static void a_default_handler_is_of_all_targets_that_name_no_other(void **state)
{
    struct config c = accept(PROCESS USE WEB "[target b]\nregions = us-east-1\ncategory = Test\n"
                                             "provider = Acme\nversion = 1\nhandler = none\n"
                                             "[handler h]\ncommand = sh\n");
    assert_ptr_equal(c.plan.targets[0].handler, c.worker.handlers);
    assert_null(c.plan.targets[1].handler);
    config_deinit(&c);
}

static void a_file_without_handlers_needs_none_of_it(void **state)
{
    struct config c = accept(WEB "handler = none\n");
    assert_false(c.worker.in_use);
    config_deinit(&c);
}

static void custom_actions_need_no_client_tokens(void **state)
{
    struct config c = accept("[pipepoll]\njournal = none\n" WEB USE
                             "owner = Custom\n[handler h]\ncommand = sh\n");
    assert_true(c.worker.in_use);
    config_deinit(&c);
}

static void another_handler_leaves_a_target_as_it_is(void **state)
{
    struct config a = accept(HANDLER "command = sh\n"), b = accept(WEB);
    struct plan_diff diff = { .old = a.plan, .new = b.plan };
    struct plan_step step;
    assert_true(plan_diff_next(&diff, &step));
    assert_true(step.kept);
    config_deinit(&a);
    config_deinit(&b);
}

static void what_working_jobs_needs_is_told_when_it_is_missing(void **state)
{
    const struct refusal rows[] = {
        { WEB USE "[handler h]\ncommand = sh\n",
          "p.ini:1:1: [target web] has a handler, and [pipepoll] no state-dir: a folder for the "
          "journal, which keeps jobs through a crash (or journal = none)\n"
          "p.ini:1:1: [target web] has a handler, and nothing tells client tokens: [pipepoll] "
          "needs "
          "client-tokens (a file), client-tokens-command or client-tokens-url\n" },
        { "[pipepoll]\njournal = none\nhandler = h\n[target z]\nregions = us-east-1\n"
          "category = Test\nprovider = Acme\nversion = 1\n" WEB "[handler h]\ncommand = sh\n",
          "p.ini:4:1: [target z] has a handler, and nothing tells client tokens: [pipepoll] needs "
          "client-tokens (a file), client-tokens-command or client-tokens-url\n" },
        { "[pipepoll]\nstate-dr = /tmp\nclient-token = tokens\n" WEB USE
          "[handler h]\ncommand = sh\n",
          "p.ini:2:1: unknown key \"state-dr\" in [pipepoll] (did you mean \"state-dir\"?)\n"
          "p.ini:3:1: unknown key \"client-token\" in [pipepoll] (did you mean "
          "\"client-tokens\"?)\n" },
        { "[pipepoll]\nstate-dir = state\n" WEB,
          "p.ini:2:13: state-dir is an absolute path, not \"state\": it must be the same at every "
          "start\n" },
        { "[pipepoll]\nstate-dir = /tmp/no/such/folder\n" WEB,
          "p.ini:2:13: state-dir /tmp/no/such/folder cannot be made: the folder that it is to be "
          "in "
          "is not there\n" },
        { "[pipepoll]\nstate-dir = /dev/null\n" WEB,
          "p.ini:2:13: state-dir /dev/null is not a directory\n" },
        { "[pipepoll]\nclient-tokens = nothing\n" WEB,
          "p.ini:2:17: client-tokens nothing cannot be read: No such file or directory\n" },
        { "[pipepoll]\nclient-tokens = $PIPEPOLL_NOT_SET/tokens\n" WEB,
          "p.ini:2:17: client-tokens $PIPEPOLL_NOT_SET/tokens cannot be read: the environment "
          "variable PIPEPOLL_NOT_SET is not set\n" },
        { "[pipepoll]\nclient-tokens = tokens\nclient-tokens-command = sh\n" WEB,
          "p.ini:3:25: client-tokens-command stands instead of client-tokens, which is given at "
          "line 2: one of both must go\n" },
        { "[pipepoll]\nclient-tokens-command = ./text\nclient-tokens-ttl = 1ms\n" WEB,
          "p.ini:2:25: client-tokens-command names the program \"./text\", which cannot be run: "
          "Permission denied\n"
          "p.ini:3:21: client-tokens-ttl is a time from 1s to 24h such as 5m, not \"1ms\"\n" },
        { "[pipepoll]\nclient-tokens = tokens\nclient-tokens-bearer-file = /nowhere\n" WEB,
          "p.ini:3:29: client-tokens-bearer-file /nowhere cannot be read: No such file or "
          "directory\n"
          "p.ini:3:29: client-tokens-bearer-file goes with client-tokens-url\n" },
        { "[pipepoll]\nclient-tokens-url = http://h/\n" WEB,
          "p.ini:2:21: client-tokens-url is http:// to another machine, which would show jobs and "
          "secrets to whoever is on the way: use https://\n"
          "p.ini:2:21: client-tokens-url must hold {clientId}, in whose place the client id "
          "goes\n" },
        { "[pipepoll]\nclient-tokens = tokens\nclient-tokens-ttl = 1m\n" WEB,
          "p.ini:3:21: client-tokens-ttl goes with client-tokens-command or client-tokens-url; the "
          "file of client-tokens is read again when it changes\n" },
    };
    ASSERT_ALL_REFUSED(rows);
}

static void handlers_are_bounded(void **state)
{
    char *text = test_malloc(65536);
    struct buf b = { .at = text, .cap = 65536 };
    buf_put(&b, STR(WEB));
    for (int i = 0; i <= 1000; i++)
        buf_printf(&b, "[handler %d]\ncommand = sh\n", i);
    assert_refused(buf_cstr(&b), "p.ini:2006:1: more than 1000 handlers\n");
    test_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_of_the_process_does_what_it_says),
        cmocka_unit_test(a_default_handler_is_of_all_targets_that_name_no_other),
        cmocka_unit_test(a_file_without_handlers_needs_none_of_it),
        cmocka_unit_test(custom_actions_need_no_client_tokens),
        cmocka_unit_test(another_handler_leaves_a_target_as_it_is),
        cmocka_unit_test(what_working_jobs_needs_is_told_when_it_is_missing),
        cmocka_unit_test(handlers_are_bounded),
    };
    return cmocka_run_group_tests_name("worker_config", tests, set_up, tear_down);
}
