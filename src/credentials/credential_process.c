/* SPDX-License-Identifier: MIT */
/* credential_process: a program of the operator's choice prints credentials as JSON. What it prints
 * is never quoted, nor its command line beyond the program's name: helpers take passwords as
 * arguments. What it says on stderr is the best that there is to tell of its trouble, so its end is
 * quoted, without what it may hold of the former. */
#include <errno.h>

#include "aws/answer.h"
#include "base/buf.h"
#include "base/words.h"
#include "credentials/credentials_form.h"
#include "credentials/mask.h"
#include "credentials/provider_base.h"
#include "io/file.h"
#include "io/process.h"

enum {
    TIMEOUT_MS = 60000,
    OUTPUT_TOKENS = 128,
    LINE_MAX_BYTES = 4096,
    OUTPUT_SECRET_MIN = 16 /* longer than the names of the members */
};

struct provider_run {
    struct provider_base base;
    struct process_run process;
    char *argv[WORDS_MAX + 1];
    char room[LINE_MAX_BYTES + 1];
    str arguments; /* of the line, as it is written */
    char what[160];
    char said[256]; /* the end of its stderr, for people; "" for nothing */
    struct json_token tokens[OUTPUT_TOKENS];
};

static const struct credentials_form form = {
    .access_key_id = "AccessKeyId",
    .secret_access_key = "SecretAccessKey",
    .session_token = "SessionToken",
    .expiration = "Expiration",
    .account_id = "AccountId",
    .may_be_permanent = true,
};

/* --- the end of the program --- */

/* Of what it is said to be instead, no more than its kind: only a number holds no secret. */
static int check_version(const struct provider_run *run, struct json *j, struct pipepoll_error *why)
{
    int version = json_member(j, JSON_ROOT, "Version");
    if (version == JSON_NONE)
        return explain(why, PIPEPOLL_EPROTO, "%s printed JSON without \"Version\": 1", run->what);
    if (json_type(j, version) != JSON_NUMBER)
        return explain(why, PIPEPOLL_EPROTO,
                       "%s printed a \"Version\" that is %s: it must be the number 1", run->what,
                       json_type_name(json_type(j, version)));
    str number = json_text(j, version);
    if (str_eq(number, STR("1")))
        return 0;
    return explain(why, PIPEPOLL_EPROTO,
                   "%s printed \"Version\": %.*s, and pipepoll reads version 1 only, written as 1",
                   run->what, number.len < 20 ? (int)number.len : 20, number.ptr);
}

static int read_output(struct provider_run *run, str output)
{
    struct pipepoll_error *why = &run->base.outcome.why;
    struct json j;
    if (json_parse(&j, (char *)output.ptr, output.len, run->tokens, OUTPUT_TOKENS, NULL))
        return explain(why, PIPEPOLL_EPROTO,
                       "%s printed something that is not one small JSON object; run it by hand",
                       run->what);
    int r = check_version(run, &j, why);
    if (r)
        return r;
    struct credentials_form_json from = {
        .json = &j,
        .object = JSON_ROOT,
        .form = &form,
        .account_id = run->base.order.chain->account_id,
        .what = run->what,
    };
    return credentials_form_read(&run->base.outcome.credentials, &run->base.order.host->alloc,
                                 &from, why);
}

static int read_end(struct provider_run *run, enum process_end end, int code, str output)
{
    struct pipepoll_error *why = &run->base.outcome.why;
    switch (end) {
    case PROCESS_EXITED:
        if (!code)
            return read_output(run, output);
        return explain(why, PIPEPOLL_ESERVICE, "%s ended with exit status %d; run it by hand",
                       run->what, code);
    case PROCESS_SIGNALLED:
        return explain(why, PIPEPOLL_ESERVICE, "%s was ended by signal %d (%s)", run->what, code,
                       strsignal(code));
    case PROCESS_TIMED_OUT:
        return explain(why, PIPEPOLL_ETIMEDOUT, "%s did not end within %d s, and was killed",
                       run->what, TIMEOUT_MS / 1000);
    case PROCESS_TOO_LONG:
        return explain(why, PIPEPOLL_ECREDENTIALS, "%s printed more than %d bytes, and was killed",
                       run->what, PROCESS_OUTPUT_MAX);
    case PROCESS_NO_START:
        return explain(why, file_error_passes(code) ? PIPEPOLL_ETRANSPORT : PIPEPOLL_ECREDENTIALS,
                       "%s could not be started: %s", run->what, strerror(code));
    }
    return PIPEPOLL_ESYSTEM;
}

/* --- what it said --- */

static void note_diagnostic(struct provider_run *run, str output)
{
    static const char *const secrets[] = { "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                                           "AWS_SECURITY_TOKEN" };
    const struct environment *e = run->base.order.host->environment;
    str text = run->process.diagnostic;
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        answer_hide(text, environment_get(e, secrets[i]));
    mask_words(text, output, OUTPUT_SECRET_MIN);
    mask_words(text, run->arguments, ANSWER_SECRET_LEN_MIN);
    mask_named(text);
    mask_shapes(text);
    mask_last_line(run->said, sizeof run->said, text);
}

/* In the error when there is one, else in the log: a helper may warn of what is to come. */
static void tell_diagnostic(struct provider_run *run, int status)
{
    struct pipepoll_error *why = &run->base.outcome.why, first = *why;
    if (!run->said[0])
        return;
    if (status)
        explain(why, 0, "%.250s; on stderr it said: %s", first.text, run->said);
    else
        log_line(&run->base.order.host->log, PIPEPOLL_WARNING, "%s says: %s", run->what, run->said);
}

static void on_end(struct process_run *process, enum process_end end, int code, str output)
{
    struct provider_run *run = CONTAINER_OF(process, struct provider_run, process);
    note_diagnostic(run, output);
    int status = read_end(run, end, code, output);
    tell_diagnostic(run, status);
    provider_base_end(&run->base, status);
}

/* --- start and stop --- */

static int process_begin(struct provider_base *r)
{
    struct provider_run *run = CONTAINER_OF(r, struct provider_run, base);
    const struct provider_host *host = r->order.host;
    str line = r->order.chain->process;
    const char *problem = line.len > LINE_MAX_BYTES ? "is longer than 4096 bytes"
                                                    : words_split(line, run->room, run->argv);
    if (problem) {
        provider_base_end(r, explain(&r->outcome.why, PIPEPOLL_ECREDENTIALS,
                                     "the command line of credential_process %s", problem));
        return 0;
    }
    struct buf what = BUF_ON(run->what);
    buf_printf(&what, "credential_process %.100s", run->argv[0]);
    run->arguments = str_skip(str_trim(line), str_find(str_trim(line), ' '));
    run->process.on_done = on_end;
    return process_run_start(&run->process, host->worker, &provider_lasting_alloc, run->argv,
                             TIMEOUT_MS);
}

static void process_stop(struct provider_run *run)
{
    process_run_forget(&run->process);
    provider_base_end_stopped(&run->base);
}

const struct provider_kind provider_process = { sizeof(struct provider_run), process_begin, NULL,
                                                process_stop };
