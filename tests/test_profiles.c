/* SPDX-License-Identifier: MIT */
/* The shared files: where they are, what names and repetitions mean, and what is refused. */
#include "credentials/profiles.h"

#include "lib/check.h"
#include "lib/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct alloc libc_alloc = { 0 };
static const struct profiles_paths paths = { "/h/.aws/config", "/h/.aws/credentials" };

static struct profiles *read_both(const char *config, const char *credentials)
{
    const struct profiles_file files[] = { { .text = str_of(config) },
                                           { .text = str_of(credentials) } };
    struct profiles *p = NULL;
    struct pipepoll_error why = { .text = "" };
    int r = profiles_new(&p, &libc_alloc, &paths, files, &why);
    if (r)
        fail_msg("%s", why.text);
    return p;
}

#define assert_get(p, name, key, want)                                                             \
    assert_str_equal(profiles_get(p, PROFILES_PROFILE, STR(name), STR(key)), want)

/* --- read once for many --- */

static struct profiles_part *part_of(enum profiles_which which, const char *text)
{
    return profiles_part_new(&libc_alloc, which, str_of(text));
}

static struct profiles *share(struct profiles_recent *recent, const char *credentials)
{
    struct profiles_file files[] = {
        { .part = part_of(PROFILES_CONFIG, "[profile a]\nk = 1\n") },
        { .part = part_of(PROFILES_CREDENTIALS, credentials) },
    };
    struct profiles *p = NULL;
    assert_int_equal(profiles_merge(&p, recent, &libc_alloc, &paths, files), 0);
    assert_null(files[0].part);
    assert_null(files[1].part);
    return p;
}

static void a_part_may_be_used_by_several(void **state)
{
    struct profiles_recent one = { 0 }, another = { 0 };
    struct profiles_file files[PROFILES_FILES] = { { .part = NULL } };
    struct profiles *first, *second;
    struct profiles_part *part = part_of(PROFILES_CREDENTIALS, "[a]\nc = 1\n");
    files[1].part = profiles_part_ref(part);
    assert_int_equal(profiles_merge(&first, &one, &libc_alloc, &paths, files), 0);
    files[1].part = part;
    assert_int_equal(profiles_merge(&second, &another, &libc_alloc, &paths, files), 0);
    profiles_free(first);
    assert_get(second, "a", "c", "1");
    profiles_free(second);
}

/* --- large files --- */

/* Each is found by a table, the last line of it. */
static void each_of_thousands_of_profiles_is_found(void **state)
{
    enum { COUNT = 3000 };
    size_t size = COUNT * 64, len = 0;
    char *text = malloc(size), name[32];
    for (unsigned i = 0; i < COUNT; i++)
        len += (size_t)snprintf(text + len, size - len, "[p%u]\nKEY = %u\nkey = %u\n", i, i, i + 1);
    const struct profiles_file files[] = { { .shared = false }, { .text = { text, len } } };
    struct profiles *p;
    assert_int_equal(profiles_new(&p, &libc_alloc, &paths, files, NULL), 0);
    for (unsigned i = 0; i < COUNT; i++) {
        char want[32];
        snprintf(name, sizeof name, "p%u", i);
        snprintf(want, sizeof want, "%u", i + 1);
        assert_true(profiles_has(p, PROFILES_PROFILE, str_of(name)));
        assert_str_equal(profiles_get(p, PROFILES_PROFILE, str_of(name), STR("Key")), want);
        assert_int_equal(profiles_get(p, PROFILES_PROFILE, str_of(name), STR("other")).len, 0);
    }
    profiles_free(p);
    free(text);
}

static void files_that_hold_the_same_are_read_once_while_somebody_uses_them(void **state)
{
    struct profiles_recent recent = { 0 };
    struct profiles *first = share(&recent, "[a]\nc = 1\n"), *same = share(&recent, "[a]\nc = 1\n");
    struct profiles *other = share(&recent, "[a]\nc = 2\n");
    assert_ptr_equal(first, same);
    assert_ptr_not_equal(first, other);
    assert_get(other, "a", "c", "2");
    profiles_free(first);
    assert_get(same, "a", "c", "1");
    profiles_free(same);
    assert_ptr_equal(recent.profiles, other);
    profiles_free(other);
    assert_null(recent.profiles);
}

static void a_file_that_may_not_be_used_is_not_taken_for_one_that_may(void **state)
{
    struct profiles_recent recent = { 0 };
    struct profiles_file files[PROFILES_FILES] = { { .part = NULL } };
    struct profiles *good, *shared;
    files[1].part = part_of(PROFILES_CREDENTIALS, "[a]\nc = 1\n");
    assert_int_equal(profiles_merge(&good, &recent, &libc_alloc, &paths, files), 0);
    files[1].part = part_of(PROFILES_CREDENTIALS, "[a]\nc = 1\n");
    files[1].shared = true;
    assert_int_equal(profiles_merge(&shared, &recent, &libc_alloc, &paths, files), 0);
    assert_ptr_not_equal(good, shared);
    profiles_free(good);
    profiles_free(shared);
}

/* --- names and repetitions --- */

static void the_credentials_file_beats_the_config_file_and_the_last_value_the_first(void **state)
{
    struct profiles *p = read_both("[profile a]\nk = 1\nK = 2\nonly = here\nboth = config\n"
                                   "[profile a]\nk = 3\n",
                                   "[a]\nboth = credentials\n");
    assert_get(p, "a", "K", "3");
    assert_get(p, "a", "only", "here");
    assert_get(p, "a", "both", "credentials");
    assert_get(p, "a", "none", "");
    assert_get(p, "b", "k", "");
    assert_null(profiles_free(p));
}

static void a_default_with_prefix_hides_the_plain_one_of_its_file_only(void **state)
{
    struct profiles *p = read_both("[default]\nplain = 1\n[profile default]\nprefixed = 1\n",
                                   "[default]\nsecret = 1\n");
    assert_get(p, "default", "plain", "");
    assert_get(p, "default", "prefixed", "1");
    assert_get(p, "default", "secret", "1");
    profiles_free(p);
}

static void sections_of_each_kind_have_names_of_their_own(void **state)
{
    struct profiles *p = read_both("[profile x]\nk = p\n[sso-session x]\nk = s\n[services x]\n"
                                   "k = v\n[unknown x]\nk = u\n",
                                   "");
    assert_str_equal(profiles_get(p, PROFILES_PROFILE, STR("x"), STR("k")), "p");
    assert_str_equal(profiles_get(p, PROFILES_SSO_SESSION, STR("x"), STR("k")), "s");
    assert_str_equal(profiles_get(p, PROFILES_SERVICES, STR("x"), STR("k")), "v");
    profiles_free(p);
}

static void a_later_property_hides_the_earlier_one_with_its_sub_properties(void **state)
{
    struct profiles *p = read_both("[services s]\nsts =\n  endpoint_url = http://one\n  n = 1\n"
                                   "sts =\n  ENDPOINT_URL = http://two\n  endpoint_url = http://3\n"
                                   "s3 =\n  endpoint_url = http://s3\n",
                                   "");
    const str section = STR_INIT("s"), url = STR_INIT("endpoint_url");
    assert_str_equal(profiles_get_sub(p, PROFILES_SERVICES, section, STR("STS"), url), "http://3");
    assert_str_equal(profiles_get_sub(p, PROFILES_SERVICES, section, STR("sts"), STR("n")), "");
    assert_str_equal(profiles_get_sub(p, PROFILES_SERVICES, section, STR("s3"), url), "http://s3");
    assert_str_equal(profiles_get_sub(p, PROFILES_SERVICES, section, STR("ec2"), url), "");
    profiles_free(p);
}

static void the_lines_of_a_continued_value_are_joined(void **state)
{
    struct profiles *p =
        read_both("[profile a]\nk = one # cut\n \n   two # kept\n\tthree\nl = 1", "");
    assert_get(p, "a", "k", "one\ntwo # kept\nthree");
    assert_get(p, "a", "l", "1");
    profiles_free(p);
}

static void names_may_hold_what_people_write_and_the_config_file_s_are_quoted(void **state)
{
    struct profiles *p =
        read_both("[profile \"my team\"]\nk = quoted\n[profile 'a \"b\" c']\nk = both\n"
                  "[profile \"a \\\"b\\\" \\c\"]\nk = backslashes\n"
                  "[profile Acme(dev)&co,1]\nk = signs\n[profile a\\ b]\n"
                  "k = escaped\n[profile two words]\nk = lost\n[profile 'open]\n"
                  "k = lost\n[profiles dev]\nk = plural\n[profile]\nk = lost\n",
                  "[two words, (dev)]\nk = whole\n[\"q\"]\nk = kept\n");
    assert_get(p, "my team", "k", "quoted");
    assert_get(p, "a \"b\" c", "k", "both");
    assert_get(p, "a \"b\" \\c", "k", "backslashes");
    assert_get(p, "Acme(dev)&co,1", "k", "signs");
    assert_get(p, "a b", "k", "escaped");
    assert_get(p, "dev", "k", "plural");
    assert_get(p, "two words, (dev)", "k", "whole");
    assert_get(p, "\"q\"", "k", "kept");
    static const char *const lost[] = { "two", "two words", "open", "'open", "", "profile" };
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++)
        assert_false(profiles_has(p, PROFILES_PROFILE, str_of(lost[i])));
    profiles_free(p);
}

static void a_token_belongs_to_the_keys_of_its_own_file(void **state)
{
    struct profiles *p = read_both(
        "[profile a]\nid = 1\ntoken = of 1\n[profile b]\nid = 1\ntoken = t\n", "[a]\nid = 2\n");
    const str id = STR_INIT("id"), token = STR_INIT("token");
    assert_str_equal(profiles_get_beside(p, PROFILES_PROFILE, STR("a"), token, id), "");
    assert_str_equal(profiles_get_beside(p, PROFILES_PROFILE, STR("b"), token, id), "t");
    assert_true(profiles_is_in_credentials(p, PROFILES_PROFILE, STR("a"), id));
    assert_false(profiles_is_in_credentials(p, PROFILES_PROFILE, STR("b"), id));
    profiles_free(p);
}

/* --- what is wrong --- */

static const char *check_profile(const struct profiles *p, const char *name, const char *key)
{
    static struct pipepoll_error why;
    const char *const keys[] = { key, NULL };
    why.text[0] = '\0';
    int r = profiles_check(p, PROFILES_PROFILE, str_of(name), keys, &why);
    assert_int_equal(r, why.text[0] ? PIPEPOLL_EINVAL : 0);
    return why.text;
}

static void a_bad_line_is_told_to_who_needs_it_with_its_place_and_without_its_text(void **state)
{
    static const struct {
        const char *config, *credentials, *name, *key, *want;
    } rows[] = {
        { "[profile a]\nk\n[profile b]\nk = 1\n", "", "a", "k",
          "/h/.aws/config:2:1: a property needs an '=' between its name and its value" },
        { "[profile a]\nk\n[profile b]\nk = 1\n", "", "b", "k", "" },
        { "[profile a]\n  k SECRET\nother = 1\n", "", "a", "other", "" },
        { "[profile a]\n  k SECRET\n", "", "a", "K",
          "/h/.aws/config:2:3: a property needs an '=' between its name and its value" },
        { "", "[a]\nk = 1\n[b]\nk = \a\n", "b", "k",
          "/h/.aws/credentials:4:5: a control character" },
        { "[profile a]\ns =\n  SECRET\nk = 1\n", "", "a", "s",
          "/h/.aws/config:3:3: an indented line below an empty value needs an '='" },
        { "[profile a]\ns =\n  SECRET\nk = 1\n", "", "a", "k", "" },
        /* A header without its end hides all that it would have been about. */
        { "[profile a\nk = 1\n[profile b]\nk = 1\n", "", "a", "k",
          "/h/.aws/config:1:11: a section header must end with ']' (comments aside)" },
        { "[profile a\nk = 1\n[profile b]\nk = 1\n", "", "b", "k", "" },
        { "", "[a\nk = 1\n[b]\nk = 1\n", "a", "k",
          "/h/.aws/credentials:1:3: a section header must end with ']' (comments aside)" },
        { "", "k = SECRET\n[a]\nk = 1\n", "default", "other",
          "/h/.aws/credentials:1:1: a [section] header must come before this line" },
        { "", "k = SECRET\n[a]\nk = 1\n", "a", "k", "" },
        { "[profile a]\n= SECRET\nk = 1\n", "", "a", "k", "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct profiles *p = read_both(rows[i].config, rows[i].credentials);
        const char *got = check_profile(p, rows[i].name, rows[i].key);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("row %zu: got \"%s\"", i, got);
        profiles_free(p);
    }
    print_message("%zu rows\n", sizeof rows / sizeof *rows);
}

static void who_looks_for_a_profile_that_is_not_there_gets_a_hint(void **state)
{
    struct profiles *p = read_both("[profile acme]\n[plain]\n", "[other]\n[profile pre]\n");
    char text[256];
    assert_string_equal(profiles_explain_missing(p, STR("acne"), text, sizeof text),
                        "is in neither /h/.aws/config nor /h/.aws/credentials (did you mean "
                        "\"acme\"?)");
    assert_string_equal(profiles_explain_missing(p, STR("plain"), text, sizeof text),
                        "is not in /h/.aws/config: [plain] there must read [profile plain]");
    assert_string_equal(profiles_explain_missing(p, STR("pre"), text, sizeof text),
                        "is not in /h/.aws/credentials: [profile pre] there must read [pre]");
    assert_string_equal(profiles_explain_missing(p, STR("zzzzzz"), text, sizeof text),
                        "is in neither /h/.aws/config nor /h/.aws/credentials");
    assert_string_equal(profiles_explain_missing(p, STR(""), text, sizeof text),
                        "has no name: unset the variable, or name a profile");
    profiles_free(p);
    p = read_both("[zzz\n", "");
    assert_string_equal(profiles_explain_missing(p, STR("acme"), text, sizeof text),
                        "is in neither /h/.aws/config nor /h/.aws/credentials (/h/.aws/config:1:5: "
                        "a section header must end with ']' (comments aside))");
    profiles_free(p);
}

/* --- memory --- */

struct ledger {
    unsigned given, fail_at, unwiped; /* fail_at 0: never */
    int open;                         /* blocks that were not given back yet */
};

static void *resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct ledger *l = ctx;
    if (new_size && ++l->given == l->fail_at)
        return NULL;
    l->open += new_size ? 1 : ptr ? -1 : 0;
    if (new_size)
        return realloc(ptr, new_size);
    l->unwiped += ptr && memmem(ptr, old_size, "SECRET", 6);
    free(ptr);
    return NULL;
}

static void the_copies_are_wiped_and_a_failing_allocator_is_told(void **state)
{
    struct ledger ledger = { 0 };
    const struct alloc alloc = { resize, &ledger };
    const str credentials = STR_INIT("[a]\naws_secret_access_key = SECRET\n");
    struct profiles *p = NULL;
    const struct profiles_file files[] = { { .shared = false }, { .text = credentials } };
    assert_int_equal(profiles_new(&p, &alloc, &paths, files, NULL), 0);
    profiles_free(p);
    unsigned needed = ledger.given;
    for (unsigned n = 1; n <= needed; n++) {
        ledger = (struct ledger) { .fail_at = n };
        assert_int_equal(profiles_new(&p, &alloc, &paths, files, NULL), PIPEPOLL_ENOMEM);
        assert_int_equal(ledger.open, 0);
        assert_int_equal(ledger.unwiped, 0);
    }
    ledger = (struct ledger) { .fail_at = 0 };
    assert_int_equal(profiles_new(&p, &alloc, &paths, files, NULL), 0);
    profiles_free(p);
    assert_int_equal(ledger.open, 0);
    assert_int_equal(ledger.unwiped, 0);
}

/* --- places --- */

static struct profiles_paths find_paths(const char *environment)
{
    struct profiles_paths found;
    json_t *members = json_loads(environment, 0, NULL);
    const struct environment e = environment_of(members);
    assert_int_equal(profiles_find(&found, &e, NULL), 0);
    json_decref(members);
    return found;
}

static void a_tilde_is_the_home_and_an_empty_variable_names_no_file(void **state)
{
    struct profiles_paths found = find_paths("{\"HOME\": \"/h/\", \"AWS_CONFIG_FILE\": \"~/c\","
                                             " \"AWS_SHARED_CREDENTIALS_FILE\": \" \"}");
    assert_string_equal(found.config, "/h/c");
    assert_string_equal(found.credentials, "");
    assert_string_equal(find_paths("{\"HOME\": \"/h\"}").credentials, "/h/.aws/credentials");
}

static void a_path_that_is_too_long_is_an_error(void **state)
{
    char long_home[PROFILES_PATH_MAX + 1];
    memset(long_home, 'h', sizeof long_home - 1);
    long_home[sizeof long_home - 1] = '\0';
    json_t *members = json_pack("{ss}", "HOME", long_home);
    const struct environment e = environment_of(members);
    struct profiles_paths found;
    struct pipepoll_error why;
    assert_int_equal(profiles_find(&found, &e, &why), PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "AWS_CONFIG_FILE or HOME"));
    json_decref(members);
}

/* --- files --- */

static char directory[] = "/tmp/test_profiles_XXXXXX";

static int make_directory(void **state)
{
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    return rmdir(directory);
}

struct load {
    char config[64], credentials[64];
    json_t *members;
};

static struct load prepare(void)
{
    struct load l;
    snprintf(l.config, sizeof l.config, "%s/config", directory);
    snprintf(l.credentials, sizeof l.credentials, "%s/credentials", directory);
    l.members = json_pack("{ssss}", "AWS_CONFIG_FILE", l.config, "AWS_SHARED_CREDENTIALS_FILE",
                          l.credentials);
    return l;
}

static int run(const struct load *l, struct profiles **out, struct pipepoll_error *why)
{
    const struct environment e = environment_of(l->members);
    return profiles_load(out, &libc_alloc, &e, why);
}

static void end(struct load *l)
{
    unlink(l->config);
    unlink(l->credentials);
    json_decref(l->members);
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void files_are_read_and_a_missing_one_is_empty(void **state)
{
    struct load l = prepare();
    struct profiles *p = NULL;
    assert_int_equal(run(&l, &p, NULL), 0);
    assert_false(profiles_has(p, PROFILES_PROFILE, STR("default")));
    profiles_free(p);
    write_text(l.config, "[default]\nk = 1\n");
    write_text(l.credentials, "");
    assert_int_equal(run(&l, &p, NULL), 0);
    assert_get(p, "default", "k", "1");
    profiles_free(p);
    end(&l);
}

static void the_null_device_is_an_empty_file(void **state)
{
    struct load l = prepare();
    struct profiles *p = NULL;
    write_text(l.credentials, "[default]\nk = 1\n");
    json_object_set_new(l.members, "AWS_CONFIG_FILE", json_string("/dev/null"));
    assert_int_equal(run(&l, &p, NULL), 0);
    assert_get(p, "default", "k", "1");
    profiles_free(p);
    end(&l);
}

/* Of the config file, which holds "k" of the default profile and cannot be used; the credentials
 * file can. */
static void check_unused(struct load *l, const char *problem)
{
    struct profiles *p = NULL;
    char text[PROFILES_PATH_MAX];
    write_text(l->credentials, "[default]\nother = 1\n");
    assert_int_equal(run(l, &p, NULL), 0);
    assert_get(p, "default", "k", "");
    assert_get(p, "default", "other", "1");
    if (!strstr(profiles_doubt(p, text, sizeof text), problem) || !strstr(text, l->config))
        fail_msg("\"%s\" lacks \"%s\" or the path", text, problem);
    assert_non_null(strstr(profiles_problem(p, PROFILES_CONFIG, text, sizeof text), problem));
    assert_string_equal(profiles_problem(p, PROFILES_CREDENTIALS, text, sizeof text), "");
    profiles_free(p);
    end(l);
}

static void a_file_that_everybody_may_write_serves_nobody_who_needs_it(void **state)
{
    struct load l = prepare();
    struct profiles *p = NULL;
    write_text(l.config, "[default]\n# k\nk = 1\n");
    write_text(l.credentials, "[default]\nother = 1\n");
    assert_int_equal(chmod(l.config, 0602), 0);
    assert_int_equal(run(&l, &p, NULL), 0);
    assert_string_equal(check_profile(p, "default", "other"), "");
    const char *got = check_profile(p, "default", "k");
    assert_non_null(strstr(got, "/config:3:1: everybody may write this file"));
    profiles_free(p);
    json_object_set_new(l.members, "PIPEPOLL_ALLOW_SHARED_FILES", json_string("1"));
    assert_int_equal(run(&l, &p, NULL), 0);
    assert_string_equal(check_profile(p, "default", "k"), "");
    profiles_free(p);
    end(&l);
}

static void what_is_no_regular_file_is_not_used_and_not_waited_for(void **state)
{
    struct load l = prepare();
    assert_int_equal(mkfifo(l.config, 0600), 0);
    check_unused(&l, "is not a regular file");
    l = prepare();
    assert_int_equal(mkdir(l.config, 0700), 0);
    struct profiles *p = NULL;
    char text[PROFILES_PATH_MAX];
    assert_int_equal(run(&l, &p, NULL), 0);
    assert_non_null(strstr(profiles_doubt(p, text, sizeof text), "is not a regular file"));
    profiles_free(p);
    assert_int_equal(rmdir(l.config), 0);
    write_text(l.config, "[default]\nk = 1\n");
    unlink(l.credentials);
    assert_int_equal(mkfifo(l.credentials, 0600), 0);
    assert_int_equal(run(&l, &p, NULL), 0);
    assert_non_null(strstr(profiles_doubt(p, text, sizeof text), "is not a regular file"));
    assert_non_null(strstr(text, l.credentials));
    profiles_free(p);
    end(&l);
}

static void more_than_a_mebibyte_is_not_used(void **state)
{
    struct load l = prepare();
    write_text(l.config, "[default]\nk = 1\n");
    assert_int_equal(truncate(l.config, (1 << 20) + 1), 0);
    check_unused(&l, "is larger than 1 MiB");
}

static void write_bytes(const char *path, str bytes)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, f), bytes.len);
    fclose(f);
}

static void what_is_no_text_is_named_as_such(void **state)
{
    static const struct {
        str bytes;
        const char *want;
    } rows[] = {
        { STR_INIT("\xff\xfe[\0d\0]\0\n\0k\0=\0"
                   "1\0"),
          "is UTF-16 text: save it as UTF-8" },
        { STR_INIT("\xfe\xff\0[\0d\0]\0\n\0k\0=\0"
                   "1"),
          "is UTF-16 text: save it as UTF-8" },
        { STR_INIT("[\0d\0]\0\n\0k\0=\0"
                   "1\0"),
          "is UTF-16 text: save it as UTF-8" },
        { STR_INIT("\x7f"
                   "ELF\2\1\1\0\0\0\0\0\0\0\0"),
          "is binary, not a text file" },
        { STR_INIT("\x1f\x8b\x08\x08\x01\x02\x03[default]\nk = 1\n"),
          "is binary, not a text file" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct load l = prepare();
        write_bytes(l.config, rows[i].bytes);
        check_unused(&l, rows[i].want);
    }
}

static void a_file_that_may_not_be_read_is_not_used(void **state)
{
    const uid_t self = geteuid(), nobody = 65534;
    struct load l = prepare();
    write_text(l.config, "[default]\nk = 1\n");
    write_text(l.credentials, "[default]\nother = 1\n");
    assert_int_equal(chmod(l.config, 0), 0);
    assert_int_equal(chmod(l.credentials, 0644), 0);
    assert_int_equal(chmod(directory, 0711), 0);
    struct profiles *p = NULL;
    char text[PROFILES_PATH_MAX];
    if (self == 0) /* who may read every file */
        assert_int_equal(seteuid(nobody), 0);
    assert_int_equal(run(&l, &p, NULL), 0);
    assert_int_equal(seteuid(self), 0);
    assert_get(p, "default", "other", "1");
    assert_non_null(
        strstr(profiles_doubt(p, text, sizeof text), "config cannot be read: Permission"));
    profiles_free(p);
    end(&l);
}

static void a_folder_that_may_not_be_searched_is_told_as_such(void **state)
{
    const uid_t self = geteuid(), nobody = 65534;
    struct load l = prepare();
    write_text(l.config, "[default]\nk = 1\n");
    assert_int_equal(chmod(directory, self == 0 ? 0700 : 0), 0);
    struct profiles *p = NULL;
    char text[PROFILES_PATH_MAX];
    if (self == 0)
        assert_int_equal(seteuid(nobody), 0);
    assert_int_equal(run(&l, &p, NULL), 0);
    assert_int_equal(seteuid(self), 0);
    assert_int_equal(chmod(directory, 0700), 0);
    assert_non_null(strstr(profiles_doubt(p, text, sizeof text),
                           "config cannot be read: a folder of its path is closed to this user"));
    profiles_free(p);
    end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_credentials_file_beats_the_config_file_and_the_last_value_the_first),
        cmocka_unit_test(a_default_with_prefix_hides_the_plain_one_of_its_file_only),
        cmocka_unit_test(sections_of_each_kind_have_names_of_their_own),
        cmocka_unit_test(a_later_property_hides_the_earlier_one_with_its_sub_properties),
        cmocka_unit_test(the_lines_of_a_continued_value_are_joined),
        cmocka_unit_test(names_may_hold_what_people_write_and_the_config_file_s_are_quoted),
        cmocka_unit_test(a_token_belongs_to_the_keys_of_its_own_file),
        cmocka_unit_test(a_bad_line_is_told_to_who_needs_it_with_its_place_and_without_its_text),
        cmocka_unit_test(who_looks_for_a_profile_that_is_not_there_gets_a_hint),
        cmocka_unit_test(the_copies_are_wiped_and_a_failing_allocator_is_told),
        cmocka_unit_test(a_tilde_is_the_home_and_an_empty_variable_names_no_file),
        cmocka_unit_test(a_path_that_is_too_long_is_an_error),
        cmocka_unit_test(files_are_read_and_a_missing_one_is_empty),
        cmocka_unit_test(the_null_device_is_an_empty_file),
        cmocka_unit_test(a_file_that_everybody_may_write_serves_nobody_who_needs_it),
        cmocka_unit_test(what_is_no_regular_file_is_not_used_and_not_waited_for),
        cmocka_unit_test(more_than_a_mebibyte_is_not_used),
        cmocka_unit_test(what_is_no_text_is_named_as_such),
        cmocka_unit_test(a_file_that_may_not_be_read_is_not_used),
        cmocka_unit_test(a_part_may_be_used_by_several),
        cmocka_unit_test(each_of_thousands_of_profiles_is_found),
        cmocka_unit_test(files_that_hold_the_same_are_read_once_while_somebody_uses_them),
        cmocka_unit_test(a_file_that_may_not_be_used_is_not_taken_for_one_that_may),
        cmocka_unit_test(a_folder_that_may_not_be_searched_is_told_as_such),
    };
    return cmocka_run_group_tests_name("profiles", tests, make_directory, remove_directory);
}
