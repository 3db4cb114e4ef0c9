/* SPDX-License-Identifier: MIT */
/* The config file: what each key does, and each sentence it can be refused with. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/limits.h"
#include "lib/config_text.h"

static void a_small_file_gets_the_documented_defaults(void **state)
{
    struct config c = accept(WEB);
    assert_int_equal(c.max_in_flight, 256);
    assert_int_equal(c.max_in_flight_per_region, 0);
    assert_int_equal(c.request_timeout_ms, 30000);
    assert_int_equal(c.connect_timeout_ms, 10000);
    assert_int_equal(c.ca_bundle.len, 0);
    assert_int_equal(c.log_level, PIPEPOLL_INFO);
    assert_false(c.log_json);
    assert_int_equal(c.plan.count, 1);
    const struct plan_target *t = &c.plan.targets[0];
    assert_str_equal(t->name, "web");
    assert_str_equal(t->options.action_type.owner, "ThirdParty");
    assert_int_equal(t->options.interval_ms, 5000);
    assert_int_equal(t->options.max_batch_size, 10);
    assert_int_equal(t->options.endpoint_url.len, 0);
    assert_false(t->options.fips || t->options.dualstack);
    config_deinit(&c);
}

static const char certificate[] = TEST_DATA "/certificate.pem"; /* somebody's own */

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void every_key_does_what_it_says(void **state)
{
    struct config c =
        accept("[pipepoll]\nmax-in-flight = 7\nmax-connections = 5\nmax-in-flight-per-region = 3\n"
               "request-timeout = 2m\nconnect-timeout = 1500ms\nca-bundle = " TEST_DATA
               "/certificate.pem\n"
               "log-level = debug\nlog-format = json\n"
               "[target t]\nregions = us-west-2\ncategory = Test\nowner = ThirdParty\n"
               "provider = P-1\nversion = 2_b\nMax-Batch-Size = 5\ninterval = 0.25\n"
               "fips = on\ndualstack = true\n");
    assert_int_equal(c.max_in_flight, 7);
    assert_int_equal(c.max_in_flight_per_region, 3);
    assert_int_equal(c.max_connections, 5);
    assert_int_equal(config_limits(&c).max_connections, 5);
    assert_int_equal(c.request_timeout_ms, 120000);
    assert_int_equal(c.connect_timeout_ms, 1500);
    assert_str_equal(c.ca_bundle, certificate);
    assert_int_equal(c.log_level, PIPEPOLL_DEBUG);
    assert_true(c.log_json);
    const struct pipepoll_target_options *o = &c.plan.targets[0].options;
    assert_str_equal(o->region, "us-west-2");
    assert_str_equal(o->action_type.category, "Test");
    assert_str_equal(o->action_type.owner, "ThirdParty");
    assert_str_equal(o->action_type.provider, "P-1");
    assert_str_equal(o->action_type.version, "2_b");
    assert_int_equal(o->max_batch_size, 5);
    assert_int_equal(o->interval_ms, 250);
    assert_true(o->fips);
    assert_true(o->dualstack);
    config_deinit(&c);
}

static void keys_of_targets_have_defaults_in_the_process_section(void **state)
{
    struct config c = accept("[target a]\nprovider = A\n[target b]\nprovider = B\ninterval = 1s\n"
                             "[pipepoll]\nregions = us-east-1\ncategory = Build\nversion = 1\n"
                             "interval = 9s\nendpoint-url = http://127.0.0.1:9\n");
    assert_int_equal(c.plan.count, 2);
    assert_int_equal(c.plan.section_count, 2);
    assert_str_equal(c.plan.targets[0].name, "a");
    assert_int_equal(c.plan.targets[0].options.interval_ms, 9000);
    assert_str_equal(c.plan.targets[0].options.endpoint_url, "http://127.0.0.1:9");
    assert_int_equal(c.plan.targets[1].options.interval_ms, 1000);
    config_deinit(&c);
}

static void lists_of_regions_may_go_on_over_lines_and_name_all(void **state)
{
    struct config c = accept("[target t]\nregions = us-east-1, # the first\n    eu-west-1\n"
                             "  ap-south-1 , us-west-2\n"
                             "category = Build\nprovider = A\nversion = 1\n");
    assert_int_equal(c.plan.count, 4);
    config_deinit(&c);
    c = accept(
        "[target t]\nregions = all, all:aws-cn\ncategory = Build\nprovider = A\nversion = 1\n");
    size_t n = 0;
    while (pipepoll_region(STR("aws"), n))
        n++;
    assert_int_equal(c.plan.count, n + 2);
    config_deinit(&c);
}

static void syntax_is_told_with_line_and_column(void **state)
{
    assert_refused("[target web\n",
                   "p.ini:1:12: a section header must end with ']' (comments aside)\n");
    assert_refused("x = 1\n" WEB, "p.ini:1:1: a [section] header must come before this line\n");
    assert_refused(WEB "interval 5s\n",
                   "p.ini:6:1: a property needs an '=' between its name and its value\n");
    assert_refused(WEB "= 5s\n", "p.ini:6:1: there is no name before the '='\n");
    assert_refused("[pipepoll]\n  x\n" WEB,
                   "p.ini:2:3: a property needs an '=' between its name and its value\n");
    assert_refused(WEB "interval = 5\a\n", "p.ini:6:13: a control character\n");
    assert_refused(WEB "interval =\n  5s\n", "p.ini:6:1: \"interval\" has no value on its line\n");
}

static void what_commands_a_terminal_is_one_error_without_it(void **state)
{
    const char *rest = "regions = us-east-1\ncategory = Build\nprovider = Acme\nversion = 1\n";
    static const struct {
        const char *name, *said;
    } names[] = { { "w\x1b[2J", "p.ini:1:10: a control character\n" },
                  { "w\xc2\x9b"
                    "2J",
                    "p.ini:1:10: a control character\n" },
                  { "we\tb", "p.ini:1:11: a control character\n" },
                  { "we\fb", "p.ini:1:11: a control character\n" },
                  { "w\x7f", "p.ini:1:10: a control character\n" } };
    char text[512];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(text, sizeof text, "[target %s]\n%s", names[i].name, rest);
        assert_refused(text, names[i].said);
    }
    snprintf(text, sizeof text,
             "[target web]\nprofile = a\n b\xc2\x9b"
             "1m\n%s",
             rest);
    assert_refused(text, "p.ini:3:3: a control character\n");
    snprintf(text, sizeof text, "[wob \xc2\x9bx]\n[target web]\n%s", rest);
    assert_refused(text, "p.ini:1:1: unknown section [wob ??x]: there are [pipepoll], "
                         "[target NAME], [handler NAME], [http] and [fleet]\n");
}

static void a_file_that_is_no_text_is_one_line(void **state)
{
    assert_refused("\xff\xfe[target web]\n", "p.ini: is UTF-16 text: save it as UTF-8\n");
    assert_refused("\1\2\3\n\4\5\n", "p.ini: is binary, not a text file\n");
}

static void unknown_names_are_told_with_the_nearest_right_one(void **state)
{
    assert_refused(WEB "intervall = 5s\n", "p.ini:6:1: unknown key \"intervall\" in [target web] "
                                           "(did you mean \"interval\"?)\n");
    assert_refused("[pipepoll]\nmax_in_fligth = 1\n" WEB,
                   "p.ini:2:1: unknown key \"max_in_fligth\" in [pipepoll] "
                   "(did you mean \"max-in-flight\"?)\n");
    assert_refused(WEB "colour = red\n", "p.ini:6:1: unknown key \"colour\" in [target web]\n");
    assert_refused("[targt web]\n" WEB, "p.ini:1:1: unknown section [targt web] (did you mean "
                                        "\"target\"?): there are [pipepoll], [target NAME], "
                                        "[handler NAME], [http] and [fleet]\n");
    assert_refused(WEB "log-level = info\n", "p.ini:6:1: \"log-level\" belongs in [pipepoll]\n");
    assert_refused("[pipepoll x]\n" WEB, "p.ini:1:1: [pipepoll] takes no name\n");
    assert_refused("[target]\nregions = us-east-1\ncategory = Build\nprovider = A\nversion = 1\n",
                   "p.ini:1:1: [target] needs a name, such as [target web]\n");
    assert_refused("[target]\nregion = us-east-1\ncategory = Build\nprovider = A\nversion = 1\n",
                   "p.ini:1:1: [target] needs a name, such as [target web]\n"
                   "p.ini:2:1: unknown key \"region\" in [target NAME] (did you mean "
                   "\"regions\"?)\n");
}

static void what_is_there_twice_is_told_with_the_line_of_the_first(void **state)
{
    assert_refused(WEB "version = 2\n",
                   "p.ini:6:1: a second \"version\" (the first is at line 5)\n");
    assert_refused("[pipepoll]\n[pipepoll]\n" WEB,
                   "p.ini:2:1: a second [pipepoll] (the first is at line 1)\n");
    assert_refused(WEB "[target web]\nregions = nowhere!\ninterval = never\n",
                   "p.ini:6:1: a second [target web] (the first is at line 1)\n");
    assert_refused(
        WEB "[target b]\nregions = us-east-1, us-east-2\ncategory = Build\n"
            "provider = Acme\nversion = 1\n",
        "p.ini:6:1: [target b] polls Build/ThirdParty/Acme/1 in us-east-1, as [target web] "
        "at line 1 does\n");
}

/* As of the machine's list: it may be new, so that it is no error. */
static void assert_warned(const char *text, const char *want)
{
    struct config config;
    struct diagnostics c;
    assert_int_equal(parse(&config, text, &c), 0);
    assert_lines(&c, want);
    config_deinit(&config);
}

static void a_region_that_looks_misspelt_is_refused_at_any_endpoint(void **state)
{
    const char *rest = "category = Build\nprovider = A\nversion = 1\nendpoint-url = http://h\n";
    char text[256];
    snprintf(text, sizeof text, "[target a]\nregions = us-est-1\n%s", rest);
    assert_refused(text, "p.ini:2:11: CodePipeline is not known to be offered in "
                         "\"us-est-1\" (did you mean \"us-east-1\"?); allow-unknown-regions = yes "
                         "polls there all the same\n");
    snprintf(text, sizeof text, "[target a]\nregions = us-est-1\nallow-unknown-regions=yes\n%s",
             rest);
    assert_warned(text, "p.ini:2:11: CodePipeline is not known to be offered in "
                        "\"us-est-1\" (did you mean \"us-east-1\"?)\n");
    snprintf(text, sizeof text, "[target a]\nregions = on-my-own-machine\n%s", rest);
    assert_warned(text, "");
    snprintf(text, sizeof text, "[target a]\nregions = fips-us-est-1\n%s", rest);
    assert_refused(text, "p.ini:2:11: CodePipeline is not known to be offered in "
                         "\"fips-us-est-1\" (did you mean \"us-east-1\"?); allow-unknown-regions "
                         "= yes polls there all the same\n");
    snprintf(text, sizeof text,
             "[target a]\nregions = fips-us-gov-west-1 ca-central-1-fips aws-us-gov-global\n%s",
             rest);
    assert_warned(text, "");
}

static void custom_actions_are_polled_and_those_of_aws_are_not(void **state)
{
    assert_warned(WEB "owner = Custom\n", "");
    assert_refused(
        WEB "owner = AWS\n",
        "p.ini:6:9: owner \"AWS\" has no jobs for others, as AWS works on its own actions "
        "itself: it must be ThirdParty or Custom\n");
}

static void a_query_is_of_custom_actions(void **state)
{
    assert_warned(WEB "owner = Custom\nquery-param = Project = web\n", "");
    assert_warned("[pipepoll]\nquery-param = Project=web\n" WEB, ""); /* for those that it fits */
    assert_warned(WEB "owner = Custom\nquery-param = Project=a\n"
                      "[target b]\nregions = us-east-1\ncategory = Build\nprovider = Acme\n"
                      "version = 1\nowner = Custom\nquery-param = Project=b\n",
                  "");
    assert_refused(WEB "query-param = Project=web\n",
                   "p.ini:6:15: query-param goes with owner = Custom only, and [target web] has "
                   "another\n");
    assert_refused(WEB "owner = Custom\nquery-param = web\n",
                   "p.ini:7:15: query-param is a property and its value such as Project=web, not "
                   "\"web\"\n");
    assert_refused(WEB "owner = Custom\nquery-param = Project=a b\n",
                   "p.ini:7:15: the value of queryParam \"a b\" is not 1 to 50 of a-z, A-Z, 0-9, "
                   "'_' and '-'\n");
}

static void a_region_has_no_more_slots_than_there_are(void **state)
{
    assert_refused("[pipepoll]\nmax-in-flight = 3\nmax-in-flight-per-region = 4\n" WEB,
                   "p.ini:3:28: max-in-flight-per-region = 4 is more than max-in-flight, 3\n");
}

static void a_region_named_twice_is_told_where_it_is_named_again(void **state)
{
    const char *rest = "category = Build\nprovider = Acme\nversion = 1\n";
    char text[256];
    snprintf(text, sizeof text, "[target a]\nregions = us-east-1, us-east-1\n%s", rest);
    assert_refused(text, "p.ini:2:22: us-east-1 is named twice\n");
    snprintf(text, sizeof text, "[target a]\nregions = us-east-1 us-east-2 us-east-2 us-east-1\n%s",
             rest);
    assert_refused(text, "p.ini:2:31: us-east-2 is named twice\n"
                         "p.ini:2:41: us-east-1 is named twice\n");
    snprintf(text, sizeof text, "[target a]\nregions = all:aws-us-gov, all:aws-us-gov\n%s", rest);
    assert_refused(text, "p.ini:2:27: us-gov-east-1 is named twice\n");
}

static void the_same_target_at_another_endpoint_is_another(void **state)
{
    struct config c = accept(WEB "[target b]\nregions = us-east-1\ncategory = Build\n"
                                 "provider = Acme\nversion = 1\nendpoint-url = http://[::1]:1\n");
    assert_int_equal(c.plan.count, 2);
    config_deinit(&c);
}

static void a_misspelt_key_is_one_error(void **state)
{
    assert_refused("[target a]\nregins = us-east-1\ncategory = Build\nprovider = A\nversion = 1\n",
                   "p.ini:2:1: unknown key \"regins\" in [target a] (did you mean \"regions\"?)\n");
    assert_refused("[pipepoll]\nregins = us-east-1\n[target a]\ncategory = Build\n"
                   "provider = A\nversion = 1\n",
                   "p.ini:2:1: unknown key \"regins\" in [pipepoll] (did you mean \"regions\"?)\n");
    assert_refused("[target a]\nregins = us-east-1\ncategory = Build\nprovider = A\n",
                   "p.ini:1:1: [target a] has no version (such as 1)\n"
                   "p.ini:2:1: unknown key \"regins\" in [target a] (did you mean \"regions\"?)\n");
    assert_refused(WEB "[target b]\nregions = us-east-1\ncategory = Build\nprovider = Acme\n"
                       "version = 1\nendpont-url = http://127.0.0.1:9\n",
                   "p.ini:11:1: unknown key \"endpont-url\" in [target b] "
                   "(did you mean \"endpoint-url\"?)\n");
}

static void a_misspelt_endpoint_puts_no_region_in_doubt(void **state)
{
    assert_refused("[target a]\nregions = local-1\ncategory = Build\nprovider = A\nversion = 1\n"
                   "endpont-url = http://127.0.0.1:9\n",
                   "p.ini:6:1: unknown key \"endpont-url\" in [target a] "
                   "(did you mean \"endpoint-url\"?)\n");
}

static void missing_keys_are_told_at_the_section(void **state)
{
    assert_refused(
        "\n[target web]\ninterval = 5s\n",
        "p.ini:2:1: [target web] has no category (such as Build or Test)\n"
        "p.ini:2:1: [target web] has no provider (your name in CodePipeline's list of "
        "action providers)\n"
        "p.ini:2:1: [target web] has no version (such as 1)\n"
        "p.ini:2:1: [target web] has no regions (a list such as us-east-1, eu-west-1, or "
        "all; AWS_REGION would do too)\n");
    assert_refused("", "p.ini:1:1: there is no [target NAME] section: nothing to poll\n");
    assert_refused("[pipepoll]\ninterval = 5s\n",
                   "p.ini:1:1: there is no [target NAME] section: nothing to poll\n");
}

static void wrong_values_are_told_where_they_stand(void **state)
{
    assert_refused(WEB "interval = soon\n",
                   "p.ini:6:12: interval is a time from 1ms to 24h such as "
                   "500ms, 5s or 2m, not \"soon\"\n");
    assert_refused(WEB "interval = 25h\n", "p.ini:6:12: interval is a time from 1ms to 24h such as "
                                           "500ms, 5s or 2m, not \"25h\"\n");
    assert_refused(WEB "max-batch-size = 0\n",
                   "p.ini:6:18: max-batch-size is a number from 1 to 10000, not \"0\"\n");
    assert_refused(WEB "fips = maybe\n", "p.ini:6:8: fips is yes or no, not \"maybe\"\n");
    assert_refused("[pipepoll]\nmax-in-flight = 65537\nlog-level = loud\nlog-format = xml\n"
                   "request-timeout = 0s\n" WEB,
                   "p.ini:2:17: max-in-flight is a number from 1 to 65536, not \"65537\"\n"
                   "p.ini:3:13: log-level is error, warning, info or debug, not \"loud\"\n"
                   "p.ini:4:14: log-format is text or json, not \"xml\"\n"
                   "p.ini:5:19: request-timeout is a time from 1ms to 10m such as 500ms, 5s or 2m, "
                   "not \"0s\"\n");
}

static void assert_roots_refused(const char *path, const char *why)
{
    char text[512], want[512];
    snprintf(text, sizeof text, "[pipepoll]\nca-bundle = %s\n" WEB, path);
    snprintf(want, sizeof want, "p.ini:2:13: ca-bundle: %s\n", why);
    assert_refused(text, want);
}

static void a_ca_bundle_that_the_poller_would_refuse_is_told(void **state)
{
    char path[] = "/tmp/test_config.XXXXXX", why[256];
    assert_roots_refused("/nonexistent/ca.pem", "cannot read the CA bundle /nonexistent/ca.pem: "
                                                "No such file or directory");
    assert_roots_refused("/", "cannot read the CA bundle /: Is a directory");
    assert_roots_refused("/dev/null", "no certificate (PEM) was found in the CA bundle /dev/null");
    close(mkstemp(path));
    snprintf(why, sizeof why, "no certificate (PEM) was found in the CA bundle %s", path);
    assert_roots_refused(path, why);
    write_file(path, "junk\n");
    assert_roots_refused(path, why);
    write_file(path, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    snprintf(why, sizeof why,
             "certificate 1 of the CA bundle %s, which begins at line 1, is damaged (ASN1 lib): "
             "replace or remove it",
             path);
    assert_roots_refused(path, why);
    unlink(path);
}

static void a_ca_bundle_is_named_as_paths_are(void **state)
{
    char path[] = "/tmp/test config XXXXXX", text[256];
    close(mkstemp(path));
    unlink(path);
    assert_int_equal(symlink(certificate, path), 0);
    snprintf(text, sizeof text, "[pipepoll]\nca-bundle = %s\n" WEB, path);
    struct config c = accept(text);
    assert_str_equal(c.ca_bundle, path);
    config_deinit(&c);
    setenv("TEST_CONFIG_ROOTS", path, 1);
    c = accept("[pipepoll]\nca-bundle = ${TEST_CONFIG_ROOTS}\n" WEB);
    assert_str_equal(c.ca_bundle, path);
    config_deinit(&c);
    unlink(path);
}

/* Who reads it would leave nothing for the poller. */
static void a_pipe_is_not_read_to_judge_it(void **state)
{
    char path[] = "/tmp/test_config.XXXXXX", text[256];
    close(mkstemp(path));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(text, sizeof text, "[pipepoll]\nca-bundle = %s\n" WEB, path);
    struct config c = accept(text);
    assert_str_equal(c.ca_bundle, path);
    config_deinit(&c);
    unlink(path);
}

static void what_the_library_refuses_is_told_where_it_stands(void **state)
{
    assert_refused_at(
        "[target t]\nregions = us-east-1\ncategory = Bild\nprovider = A\nversion = 1\n",
        "p.ini:3:12: ", "Bild");
    assert_refused_at("[target t]\nregions = us-east-1\ncategory = Build\nprovider = A B\n"
                      "version = 1\n",
                      "p.ini:4:12: ", "A B");
    assert_refused_at("[pipepoll]\nversion = 1234567890\n[target t]\nregions = us-east-1\n"
                      "category = Build\nprovider = A\n[target u]\nregions = us-east-1\n"
                      "category = Build\nprovider = B\n",
                      "p.ini:2:11: ", "1234567890");
    assert_refused_at("[target t]\nregions = eu-west-1, us_east_1\ncategory = Build\nprovider = A\n"
                      "version = 1\n",
                      "p.ini:2:22: ", "us_east_1");
    assert_refused_at(WEB "endpoint-url = ftp://x\n", "p.ini:6:16: ", "ftp://x");
    assert_refused_at("[target t]\nregions = all:aws-chn\ncategory = Build\nprovider = A\n"
                      "version = 1\n",
                      "p.ini:2:11: ", "(did you mean \"aws-cn\"?)");
    assert_refused_at("[target t]\nregions = ,\ncategory = Build\nprovider = A\nversion = 1\n",
                      "p.ini:2:11: ", "no region");
}

static void a_region_nobody_knows_is_a_warning(void **state)
{
    struct config config;
    struct diagnostics c;
    const char *text =
        "[target t]\nregions = mars-north-99\ncategory = Build\nprovider = A\nversion = 1\n";
    assert_int_equal(parse(&config, text, &c), 0);
    assert_lines(&c, "p.ini:2:11: CodePipeline is not known to be offered in "
                     "\"mars-north-99\"\n");
    config_deinit(&config);
}

static void all_errors_come_in_the_order_of_the_file_up_to_twenty(void **state)
{
    struct config config;
    struct diagnostics c;
    char text[1024], last[32];
    struct buf file = BUF_ON(text), all = BUF_ON(text);
    buf_put(&file, STR("[pipepoll]\n"));
    for (int i = 0; i < 25; i++)
        buf_printf(&file, "zzz%d = 1\n", i);
    assert_int_equal(parse(&config, buf_cstr(&file), &c), PIPEPOLL_EINVAL);
    assert_int_equal(c.count, 20);
    assert_int_equal(c.errors, 25);
    assert_int_equal(c.list[0].at.line, 2);
    assert_int_equal(c.list[19].at.line, 21);
    c.count = 0;
    diagnostics_each(&c, add_line, &all);
    snprintf(last, sizeof last, "%.*s", STR_ARG(buf_str(&all)));
    assert_string_equal(last, "... and 5 more\n");
    assert_refused("[pipepoll]\nfips = x\nzzz = 1\nmax-in-flight = x\n" WEB,
                   "p.ini:2:8: fips is yes or no, not \"x\"\n"
                   "p.ini:3:1: unknown key \"zzz\" in [pipepoll]\n"
                   "p.ini:4:17: max-in-flight is a number from 1 to 65536, not \"x\"\n");
}

/* --- files ----------------------------------------------------------------------------------- */

static void assert_not_loaded(const char *path, const char *want)
{
    struct config config;
    struct diagnostics c;
    assert_int_equal(config_load(&config, path, &c), PIPEPOLL_EINVAL);
    assert_int_equal(c.count, 1);
    assert_string_equal(c.list[0].text, want);
}

static void only_files_and_pipes_of_a_sane_size_are_read(void **state)
{
    char path[] = "/tmp/test_config_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_not_loaded("/nonexistent/p.ini", "No such file or directory");
    assert_not_loaded("/dev/null", "neither a regular file nor a pipe or socket");
    assert_not_loaded("/", "neither a regular file nor a pipe or socket");
    assert_not_loaded(path, "the file is empty");
    assert_int_equal(ftruncate(fd, CONFIG_SIZE_MAX + 1), 0);
    assert_not_loaded(path, "larger than 1 MiB");

    struct config config;
    struct diagnostics c;
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(write(fd, WEB, sizeof WEB - 1), sizeof WEB - 1);
    assert_int_equal(config_load(&config, path, &c), 0);
    config_deinit(&config);
    unlink(path);
    close(fd);

    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], WEB, sizeof WEB - 1), sizeof WEB - 1);
    close(fds[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
    assert_int_equal(config_load(&config, path, &c), 0);
    assert_int_equal(config.plan.count, 1);
    config_deinit(&config);
    close(fds[0]);
}

static void each_loop_has_descriptors_and_several_have_one_more_at_home(void **state)
{
    struct pipepoll_footprint each = PIPEPOLL_FOOTPRINT_INIT;
    pipepoll_footprint(&each);
    uint64_t one = limits_descriptors_needed(0, 1), two = limits_descriptors_needed(0, 2);
    assert_int_equal(two - one, each.fixed_descriptors + 2 * LIMITS_LOOP_DESCRIPTORS);
    assert_int_equal(limits_descriptors_needed(0, 3) - two,
                     each.fixed_descriptors + LIMITS_LOOP_DESCRIPTORS);
    assert_int_equal(limits_descriptors_needed(32, 1) - one, 2 * each.descriptors_per_16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_file_gets_the_documented_defaults),
        cmocka_unit_test(every_key_does_what_it_says),
        cmocka_unit_test(keys_of_targets_have_defaults_in_the_process_section),
        cmocka_unit_test(lists_of_regions_may_go_on_over_lines_and_name_all),
        cmocka_unit_test(syntax_is_told_with_line_and_column),
        cmocka_unit_test(what_commands_a_terminal_is_one_error_without_it),
        cmocka_unit_test(a_file_that_is_no_text_is_one_line),
        cmocka_unit_test(unknown_names_are_told_with_the_nearest_right_one),
        cmocka_unit_test(what_is_there_twice_is_told_with_the_line_of_the_first),
        cmocka_unit_test(a_region_that_looks_misspelt_is_refused_at_any_endpoint),
        cmocka_unit_test(custom_actions_are_polled_and_those_of_aws_are_not),
        cmocka_unit_test(a_query_is_of_custom_actions),
        cmocka_unit_test(a_region_has_no_more_slots_than_there_are),
        cmocka_unit_test(a_region_named_twice_is_told_where_it_is_named_again),
        cmocka_unit_test(the_same_target_at_another_endpoint_is_another),
        cmocka_unit_test(a_misspelt_key_is_one_error),
        cmocka_unit_test(a_misspelt_endpoint_puts_no_region_in_doubt),
        cmocka_unit_test(missing_keys_are_told_at_the_section),
        cmocka_unit_test(wrong_values_are_told_where_they_stand),
        cmocka_unit_test(a_ca_bundle_that_the_poller_would_refuse_is_told),
        cmocka_unit_test(a_ca_bundle_is_named_as_paths_are),
        cmocka_unit_test(a_pipe_is_not_read_to_judge_it),
        cmocka_unit_test(what_the_library_refuses_is_told_where_it_stands),
        cmocka_unit_test(a_region_nobody_knows_is_a_warning),
        cmocka_unit_test(all_errors_come_in_the_order_of_the_file_up_to_twenty),
        cmocka_unit_test(only_files_and_pipes_of_a_sane_size_are_read),
        cmocka_unit_test(each_loop_has_descriptors_and_several_have_one_more_at_home),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
