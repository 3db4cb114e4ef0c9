/* SPDX-License-Identifier: MIT */
#include "handler/token_source.h"

#include <signal.h>

#include <uv.h>

#include "base/buf.h"
#include "handler/background.h"
#include "lib/check.h"
#include "lib/program_file.h"
#include "lib/token_answer.h"

enum { LONG_MS = 60000, SHORT_MS = 100 };

/* --- a disk that hangs --- */

static bool holds;
static struct background *held_by;
static struct background_work *held;

void __real_background_start(struct background *b, struct background_work *w);
void __wrap_background_start(struct background *b, struct background_work *w);

void __wrap_background_start(struct background *b, struct background_work *w)
{
    if (!holds) {
        __real_background_start(b, w);
        return;
    }
    held_by = b;
    held = w;
}

/* --- a source, and what it says --- */

struct world {
    uv_loop_t loop;
    struct token_source *source;
    struct token_source_options options;
    struct buf log;
    char log_room[4096];
    unsigned closeds;
};

static void on_log(void *ctx, enum pipepoll_level level, str line)
{
    struct world *w = ctx;
    buf_printf(&w->log, "%s: %.*s\n", log_level_name(level), STR_ARG(line));
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&w->loop);
    w->log = BUF_ON(w->log_room);
    w->options.log = (struct log) { on_log, w };
    w->options.look_ms = w->options.timeout_ms = LONG_MS;
    *state = w;
    return 0;
}

static void on_closed(void *ctx)
{
    struct world *w = ctx;
    w->closeds++;
}

static void close_source(struct world *w)
{
    token_source_close(w->source, on_closed, w);
    w->source = NULL;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (w->source)
        close_source(w);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->closeds, 1);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    free(w);
    return 0;
}

static void open_file(struct world *w, const char *text)
{
    w->options.file = program_write("tokens", text);
    assert_int_equal(chmod(w->options.file, 0600), 0);
    assert_int_equal(token_source_open(&w->source, &w->loop, &w->options, NULL), 0);
}

static void open_command(struct world *w, const char *script)
{
    char text[1024];
    snprintf(text, sizeof text, "#!/bin/sh\ncd '%s'\n%s\n", program_folder, script);
    char *argv[] = { (char *)(uintptr_t)program_write("command", text), (char[]) { "--for" },
                     NULL };
    unlink(program_path("runs"));
    w->options.command = argv;
    assert_int_equal(token_source_open(&w->source, &w->loop, &w->options, NULL), 0);
    w->options.command = NULL;
}

static void ask(struct world *w, struct answer *a, str client_id, bool refresh)
{
    a->lookup.on_done = on_done;
    token_source_get(w->source, &a->lookup, client_id, refresh);
}

static void await(struct world *w, const struct answer *a, unsigned count)
{
    while (a->count < count)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_int_equal(a->count, count);
}

static struct answer get(struct world *w, const char *client_id, bool refresh)
{
    struct answer a = { 0 };
    ask(w, &a, str_of(client_id), refresh);
    await(w, &a, 1);
    return a;
}

static void check(struct world *w, const char *client_id, enum token_found found, const char *token)
{
    struct answer a = get(w, client_id, false);
    assert_int_equal(a.found, found);
    assert_string_equal(a.token, token);
}

static void check_refreshed(struct world *w, const char *client_id, enum token_found found,
                            const char *token)
{
    struct answer a = get(w, client_id, true);
    assert_int_equal(a.found, found);
    assert_string_equal(a.token, token);
}

/* --- a file --- */

static void a_file_knows_its_clients(void **state)
{
    struct world *w = *state;
    open_file(w, "# ours\na token-a\nb token-b\n");
    check(w, "a", TOKEN_FOUND, "token-a");
    check(w, "b", TOKEN_FOUND, "token-b");
    check(w, "c", TOKEN_UNKNOWN, "");
    check(w, "", TOKEN_UNKNOWN, "");
    assert_int_equal(w->log.len, 0);
}

static void a_file_is_not_read_again_before_its_time(void **state)
{
    struct world *w = *state;
    open_file(w, "a one\n");
    check(w, "a", TOKEN_FOUND, "one");
    program_write("tokens", "a two\n");
    check(w, "a", TOKEN_FOUND, "one");
    check_refreshed(w, "a", TOKEN_FOUND, "two");
    check(w, "a", TOKEN_FOUND, "two");
}

static void a_file_that_changes_is_read_when_it_is_time(void **state)
{
    struct world *w = *state;
    w->options.look_ms = 1;
    open_file(w, "a one\n");
    check(w, "a", TOKEN_FOUND, "one");
    program_write("tokens", "a two\nb three\n");
    for (uint64_t until = uv_hrtime() + 3000000; uv_hrtime() < until;) {
    }
    check(w, "a", TOKEN_FOUND, "two");
    char want[200];
    snprintf(want, sizeof want, "info: %s: read again, 2 client tokens\n", program_path("tokens"));
    assert_str_equal(buf_str(&w->log), want);
}

static void a_change_of_the_same_length_in_the_same_instant_is_seen(void **state)
{
    struct world *w = *state;
    open_file(w, "a one\n");
    for (int i = 0; i < 50; i++) {
        char text[16], token[8];
        snprintf(token, sizeof token, "t%03d", i);
        snprintf(text, sizeof text, "a %s\n", token);
        program_write("tokens", text);
        check_refreshed(w, "a", TOKEN_FOUND, token);
    }
}

static void a_bad_file_leaves_the_tokens_of_before(void **state)
{
    struct world *w = *state;
    open_file(w, "a one\n");
    check(w, "a", TOKEN_FOUND, "one");
    program_write("tokens", "a two\nsecret-without-id\n");
    check_refreshed(w, "a", TOKEN_FOUND, "one");
    check_refreshed(w, "a", TOKEN_FOUND, "one");
    char want[200];
    snprintf(want, sizeof want,
             "warning: %s:2:18: a client id must be followed by its token; the client tokens of "
             "before stay in use\n",
             program_path("tokens"));
    assert_str_equal(buf_str(&w->log), want); /* once */
    unlink(program_path("tokens"));
    check_refreshed(w, "a", TOKEN_FOUND, "one");
    program_write("tokens", "a three\n");
    check_refreshed(w, "a", TOKEN_FOUND, "three");
}

static void without_a_file_nobody_can_tell(void **state)
{
    struct world *w = *state;
    open_file(w, "");
    unlink(w->options.file);
    struct answer a = get(w, "a", false);
    char want[200];
    snprintf(want, sizeof want, "%s: No such file or directory", program_path("tokens"));
    assert_int_equal(a.found, TOKEN_UNAVAILABLE);
    assert_string_equal(a.why, want);
    program_write("tokens", "a one\n");
    check_refreshed(w, "a", TOKEN_FOUND, "one");
}

static void a_pipe_is_no_file(void **state)
{
    struct world *w = *state;
    open_file(w, "");
    unlink(w->options.file);
    int witness = witness_make("tokens");
    struct answer a = get(w, "a", false);
    close(witness);
    unlink(program_path("tokens"));
    assert_int_equal(a.found, TOKEN_UNAVAILABLE);
    assert_non_null(strstr(a.why, ": not a regular file"));
}

static void a_file_that_others_may_open_is_warned_of_once(void **state)
{
    struct world *w = *state;
    open_file(w, "a one\n");
    chmod(program_path("tokens"), 0640);
    check(w, "a", TOKEN_FOUND, "one");
    check_refreshed(w, "a", TOKEN_FOUND, "one");
    const char *first = memmem(w->log.at, w->log.len, "chmod 600", 9);
    assert_non_null(first);
    assert_null(memmem(first + 1, (size_t)(w->log.at + w->log.len - first - 1), "chmod 600", 9));
}

static void a_disk_that_hangs_holds_up_nobody_for_long(void **state)
{
    struct world *w = *state;
    w->options.timeout_ms = SHORT_MS;
    open_file(w, "a one\n");
    holds = true;
    struct answer a = get(w, "a", false);
    holds = false;
    assert_int_equal(a.found, TOKEN_UNAVAILABLE);
    assert_non_null(strstr(a.why, "could not be read within 100 ms"));
    struct answer at_once = { 0 };
    ask(w, &at_once, STR("a"), false);
    assert_int_equal(at_once.count, 1);
    __real_background_start(held_by, held);
    do {
        uv_run(&w->loop, UV_RUN_ONCE);
        at_once.count = 0;
        ask(w, &at_once, STR("a"), false);
    } while (at_once.found != TOKEN_FOUND);
}

static void a_look_up_that_is_forgotten_is_not_answered(void **state)
{
    struct world *w = *state;
    struct answer a = { 0 }, b = { 0 };
    token_lookup_forget(&a.lookup);
    open_file(w, "a one\n");
    ask(w, &a, STR("a"), false);
    ask(w, &b, STR("a"), false);
    token_lookup_forget(&a.lookup);
    await(w, &b, 1);
    assert_int_equal(a.count, 0);
    token_lookup_forget(&b.lookup);
}

static void closing_forgets_those_that_wait_for_a_file(void **state)
{
    struct world *w = *state;
    struct answer a = { 0 };
    open_file(w, "a one\n");
    ask(w, &a, STR("a"), false);
    close_source(w);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(a.count, 0);
}

/* --- a command --- */

static size_t runs(void)
{
    char text[256];
    int fd = open(program_path("runs"), O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof text);
    if (fd >= 0)
        close(fd);
    return (size_t)got;
}

static void a_command_is_asked_with_the_client_id(void **state)
{
    struct world *w = *state;
    open_command(w, "echo \"token-$#-$1-$2\"");
    check(w, "abc", TOKEN_FOUND, "token-2---for-abc");
}

static void a_command_may_read_the_client_id(void **state)
{
    struct world *w = *state;
    w->options.client_id_on_stdin = true;
    open_command(w, "read -r id; printf '%s' \"token-$#-$id\"");
    check(w, "abc", TOKEN_FOUND, "token-1-abc");
}

static void what_a_command_says_is_kept(void **state)
{
    struct world *w = *state;
    open_command(w, "printf x >>runs; test $2 = none || echo \"$2-$(wc -c <runs)\"");
    check(w, "a", TOKEN_FOUND, "a-1");
    check(w, "a", TOKEN_FOUND, "a-1");
    check(w, "none", TOKEN_UNKNOWN, "");
    check(w, "none", TOKEN_UNKNOWN, "");
    assert_int_equal(runs(), 2);
    check_refreshed(w, "a", TOKEN_FOUND, "a-3");
    check(w, "a", TOKEN_FOUND, "a-3");
    assert_int_equal(runs(), 3);
}

static void one_run_answers_all_who_ask_for_a_client(void **state)
{
    struct world *w = *state;
    struct answer a = { 0 }, b = { 0 }, forgotten = { 0 };
    open_command(w, "printf x >>runs; echo token");
    ask(w, &a, STR("a"), false);
    ask(w, &forgotten, STR("a"), false);
    ask(w, &b, STR("a"), true);
    token_lookup_forget(&forgotten.lookup);
    await(w, &a, 1);
    await(w, &b, 1);
    assert_int_equal(forgotten.count, 0);
    assert_string_equal(b.token, "token");
    assert_int_equal(runs(), 1);
}

static void no_more_commands_run_at_once_than_allowed(void **state)
{
    struct world *w = *state;
    struct answer all[8] = { 0 };
    w->options.max_runs = 1;
    open_command(w, "mkdir lock || exit 1; cat /proc/version >/dev/null; rmdir lock; echo \"$2\"");
    for (size_t i = 0; i < 8; i++)
        ask(w, &all[i], (str) { &"abcdefgh"[i], 1 }, false);
    for (size_t i = 0; i < 8; i++) {
        await(w, &all[i], 1);
        assert_int_equal(all[i].found, TOKEN_FOUND);
        assert_int_equal(all[i].token[0], 'a' + (int)i);
    }
}

static void check_unavailable(struct world *w, const char *script, const char *why)
{
    open_command(w, script);
    struct answer a = get(w, "a", false);
    assert_int_equal(a.found, TOKEN_UNAVAILABLE);
    assert_string_equal(a.why, why);
    a = get(w, "a", false); /* a failure is not kept */
    assert_int_equal(a.found, TOKEN_UNAVAILABLE);
}

static void a_command_that_fails_is_told_with_its_last_words(void **state)
{
    check_unavailable(*state, "echo secret; echo one >&2; echo 'no vault' >&2; exit 3",
                      "command ended with exit code 3; on stderr it said: no vault");
}

static void what_is_no_token_is_not_quoted(void **state)
{
    check_unavailable(*state, "echo two words",
                      "command printed something that is no token: that is one word of up to 256 "
                      "characters");
}

static void a_flood_is_no_token(void **state)
{
    check_unavailable(*state, "head -c 100000 /dev/zero | tr '\\0' ' '",
                      "command printed something that is no token: that is one word of up to 256 "
                      "characters");
}

static void a_command_has_its_time(void **state)
{
    struct world *w = *state;
    w->options.timeout_ms = SHORT_MS;
    check_unavailable(w, "exec sleep 60",
                      "command did not say the token within 100 ms, and was killed");
}

static void what_no_client_is_called_starts_no_process(void **state)
{
    static const char *const ids[] = { "", "-v", "--help", "a b", "a\nb", "a\001" };
    struct world *w = *state;
    open_command(w, "printf x >>runs; echo token");
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        check(w, ids[i], TOKEN_UNKNOWN, "");
    struct answer a = { 0 };
    ask(w, &a, STR("a\0b"), false);
    assert_int_equal(a.found, TOKEN_UNKNOWN);
    assert_int_equal(runs(), 0);
    check(w, "$(touch${IFS}hacked);`id`", TOKEN_FOUND, "token");
    assert_int_equal(access(program_path("hacked"), F_OK), -1);
}

static void closing_kills_commands(void **state)
{
    struct world *w = *state;
    struct answer a = { 0 }, b = { 0 };
    int witness = witness_make("witness"), ready = witness_make("ready");
    w->options.max_runs = 1;
    open_command(w, "trap '' TERM; exec 9>witness; echo x >ready; while :; do sleep 60; done");
    ask(w, &a, STR("a"), false);
    ask(w, &b, STR("b"), false);
    while (uv_run(&w->loop, UV_RUN_NOWAIT)) {
        struct pollfd wait = { .fd = ready, .events = POLLIN };
        if (poll(&wait, 1, 1) == 1)
            break;
    }
    close(ready);
    close_source(w);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    witness_await_end(witness);
    assert_int_equal(a.count + b.count, 0);
}

static void a_source_is_one_or_the_other(void **state)
{
    struct world *w = *state;
    char *none[] = { NULL };
    struct token_source *s;
    struct token_source_options o = { 0 };
    assert_int_equal(token_source_open(&s, &w->loop, &o, NULL), PIPEPOLL_EINVAL);
    o.command = none;
    assert_int_equal(token_source_open(&s, &w->loop, &o, NULL), PIPEPOLL_EINVAL);
    o.file = "x";
    assert_int_equal(token_source_open(&s, &w->loop, &o, NULL), PIPEPOLL_EINVAL);
    w->closeds = 1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_knows_its_clients),
        TEST(a_file_is_not_read_again_before_its_time),
        TEST(a_file_that_changes_is_read_when_it_is_time),
        TEST(a_change_of_the_same_length_in_the_same_instant_is_seen),
        TEST(a_bad_file_leaves_the_tokens_of_before),
        TEST(without_a_file_nobody_can_tell),
        TEST(a_pipe_is_no_file),
        TEST(a_file_that_others_may_open_is_warned_of_once),
        TEST(a_disk_that_hangs_holds_up_nobody_for_long),
        TEST(a_look_up_that_is_forgotten_is_not_answered),
        TEST(closing_forgets_those_that_wait_for_a_file),
        TEST(a_command_is_asked_with_the_client_id),
        TEST(a_command_may_read_the_client_id),
        TEST(what_a_command_says_is_kept),
        TEST(one_run_answers_all_who_ask_for_a_client),
        TEST(no_more_commands_run_at_once_than_allowed),
        TEST(a_command_that_fails_is_told_with_its_last_words),
        TEST(what_is_no_token_is_not_quoted),
        TEST(a_flood_is_no_token),
        TEST(a_command_has_its_time),
        TEST(what_no_client_is_called_starts_no_process),
        TEST(closing_kills_commands),
        TEST(a_source_is_one_or_the_other),
    };
    return cmocka_run_group_tests(tests, program_folder_make, program_folder_remove);
}
