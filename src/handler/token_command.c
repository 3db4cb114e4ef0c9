/* SPDX-License-Identifier: MIT */
/* A run is a subprocess, with what it prints and the last line of its stderr. */
#include "handler/token_command.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "handler/lines.h"
#include "handler/program_environment.h"
#include "handler/subprocess.h"
#include "handler/token_file.h"
#include "handler/token_questions.h"

enum {
    TIMEOUT_MS = 10000,
    KILL_AFTER_MS = 1000,
    GRACE_MS = 500,
    OPEN_FILES = 1024,
    PRINTED_MAX = 1024,
    LINE_MAX_BYTES = 200
};

struct token_command {
    struct background *background;
    struct token_questions questions;
    char **argv, **environment; /* argv has room for a client id, at its end */
    size_t argc;
    char *directory;
    bool on_stdin;
    uint32_t timeout_ms;
};

struct command_question {
    struct token_question question;
    struct subprocess *subprocess;
    struct buf printed;
    struct lines diagnostic;
    char printed_room[PRINTED_MAX], line[LINE_MAX_BYTES];
    char last[LINE_MAX_BYTES + 1]; /* of its stderr */
};

static struct token_command *owner(const struct command_question *q)
{
    return CONTAINER_OF(q->question.questions, struct token_command, questions);
}

/* --- one run --- */

static void on_last_line(void *ctx, char *line, size_t len, bool cut)
{
    struct command_question *q = ctx;
    if (!str_trim((str) { line, len }).len)
        return;
    for (size_t i = 0; i < len; i++)
        q->last[i] = (unsigned char)line[i] < 0x20 || line[i] == 0x7f ? '?' : line[i];
    q->last[len] = '\0';
}

static void on_output(void *ctx, int fd, str bytes)
{
    struct command_question *q = ctx;
    if (fd == SUBPROCESS_STDOUT)
        buf_put(&q->printed, bytes);
    else
        lines_put(&q->diagnostic, bytes);
}

static const char *program_name(const struct token_command *c)
{
    const char *slash = strrchr(c->argv[0], '/');
    return slash ? slash + 1 : c->argv[0];
}

static void explain_failure(struct command_question *q, const struct subprocess_result *r,
                            struct pipepoll_error *why)
{
    const char *name = program_name(owner(q));
    if (r->timed_out)
        explain(why, 0, "%.100s did not say the token within %u ms, and was killed", name,
                owner(q)->timeout_ms);
    else if (r->end == SUBPROCESS_NO_START)
        explain(why, 0, "%s of %.100s: %s",
                r->stage == LAUNCH_DIRECTORY ? "the folder" : "the start", name, strerror(r->code));
    else if (r->end == SUBPROCESS_EXITED)
        explain(why, 0, "%.100s ended with exit code %d%s%s", name, r->code,
                q->last[0] ? "; on stderr it said: " : "", q->last);
    else
        explain(why, 0, "%.100s was killed by signal %d", name, r->code);
}

static void take_answer(struct command_question *q, str printed, struct pipepoll_error *why)
{
    if (printed.len && (q->printed.overflow || !token_is_right(printed))) {
        explain(why, 0,
                "%.100s printed something that is no token: that is one word of up to 256 "
                "characters",
                program_name(owner(q)));
        token_question_answer(&q->question, TOKEN_UNAVAILABLE, (str) { NULL, 0 }, why->text);
        return;
    }
    token_question_answer(&q->question, printed.len ? TOKEN_FOUND : TOKEN_UNKNOWN, printed, "");
}

static void on_end(void *ctx, const struct subprocess_result *r)
{
    struct command_question *q = ctx;
    struct pipepoll_error why;
    lines_end(&q->diagnostic);
    q->subprocess = NULL;
    if (r->end == SUBPROCESS_EXITED && !r->code && !r->timed_out) {
        str printed = q->printed.overflow ? STR("?") : str_trim(buf_str(&q->printed));
        take_answer(q, printed, &why);
    } else {
        explain_failure(q, r, &why);
        token_question_answer(&q->question, TOKEN_UNAVAILABLE, (str) { NULL, 0 }, why.text);
    }
}

static bool run(struct token_question *question)
{
    struct command_question *q = CONTAINER_OF(question, struct command_question, question);
    struct token_command *c = owner(q);
    struct subprocess_options o = {
        .launch = { .argv = c->argv,
                    .environment = c->environment,
                    .directory = c->directory,
                    .limits = { .open_files = OPEN_FILES } },
        .timeout_ms = c->timeout_ms,
        .kill_after_ms = KILL_AFTER_MS,
        .grace_ms = GRACE_MS,
        .on_output = on_output,
        .on_end = on_end,
        .ctx = q,
    };
    char line[CLIENT_ID_LEN_MAX + 1];
    struct buf input = BUF_ON(line);
    q->printed = BUF_ON(q->printed_room);
    q->diagnostic =
        (struct lines) { .at = q->line, .cap = sizeof q->line, .on_line = on_last_line, .ctx = q };
    buf_put(&input, question->client_id);
    buf_put_char(&input, '\n');
    c->argv[c->argc] = c->on_stdin ? NULL : (char *)(uintptr_t)question->client_id.ptr;
    return !subprocess_start(&q->subprocess, c->background, &o,
                             c->on_stdin ? buf_str(&input) : (str) { NULL, 0 });
}

void token_command_get(struct token_command *c, struct token_lookup *l, str client_id, bool refresh)
{
    token_questions_get(&c->questions, l, client_id, refresh);
}

/* --- open and close --- */

static bool keep_argv(struct token_command *c, char *const *argv)
{
    size_t bytes = 0;
    for (; argv[c->argc]; c->argc++)
        bytes += strlen(argv[c->argc]) + 1;
    c->argv = calloc(1, (c->argc + 2) * sizeof *c->argv + bytes);
    if (!c->argv)
        return false;
    char *at = (char *)(c->argv + c->argc + 2);
    for (size_t i = 0; i < c->argc; i++) {
        c->argv[i] = at;
        str_keep(&at, (str) { argv[i], strlen(argv[i]) + 1 });
    }
    return true;
}

static void command_free(struct token_command *c)
{
    token_questions_deinit(&c->questions);
    free(c->argv);
    free(c->environment);
    free(c->directory);
    free(c);
}

static bool keep(struct token_command *c, const struct token_source_options *o)
{
    c->environment = program_environment(o->environment, NULL);
    if (o->directory && !(c->directory = strdup(o->directory)))
        return false;
    return keep_argv(c, o->command) && c->environment;
}

int token_command_open(struct token_command **out, struct background *b,
                       const struct token_source_options *o)
{
    struct token_command *c = calloc(1, sizeof *c);
    if (!c)
        return PIPEPOLL_ENOMEM;
    c->background = b;
    c->on_stdin = o->client_id_on_stdin;
    c->timeout_ms = o->timeout_ms ? o->timeout_ms : TIMEOUT_MS;
    c->questions.loop = background_loop(b);
    c->questions.size = sizeof(struct command_question);
    c->questions.run = run;
    token_questions_init(&c->questions, o);
    if (!keep(c, o)) {
        command_free(c);
        return PIPEPOLL_ENOMEM;
    }
    *out = c;
    return PIPEPOLL_OK;
}

void token_command_close(struct token_command *c)
{
    struct token_question *next;
    while ((next = token_questions_drop(&c->questions))) {
        struct command_question *q = CONTAINER_OF(next, struct command_question, question);
        if (q->subprocess)
            subprocess_abandon(q->subprocess);
        token_question_free(next);
    }
    command_free(c);
}
