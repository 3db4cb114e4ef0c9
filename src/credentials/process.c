/* credential_process: a program of the operator's choice prints keys as JSON. Its words are never
 * quoted, neither what it prints nor its command line beyond the program's name: helpers take
 * passwords as arguments. */
#include <errno.h>

#include "base/buf.h"
#include "credentials/keys.h"
#include "credentials/run.h"
#include "credentials/words.h"
#include "io/process.h"

enum { TIMEOUT_MS = 60000, OUTPUT_TOKENS = 128, LINE_MAX_BYTES = 4096 };

struct provider_run {
    struct run run;
    struct process_run process;
    char *argv[WORDS_MAX + 1];
    char room[LINE_MAX_BYTES + 1];
    char what[160];
    struct json_token tokens[OUTPUT_TOKENS];
};

static const struct keys_form form = {
    .access_key_id = "AccessKeyId",
    .secret_access_key = "SecretAccessKey",
    .session_token = "SessionToken",
    .expiration = "Expiration",
    .account_id = "AccountId",
    .may_be_permanent = true,
};

/* --- the end of the program --- */

static int read_output(struct provider_run *run, str output)
{
    struct pipepoll_error *why = &run->run.outcome.why;
    struct json j;
    if (json_parse(&j, (char *)output.ptr, output.len, run->tokens, OUTPUT_TOKENS, NULL))
        return explain(why, PIPEPOLL_EPROTO,
                       "%s printed something that is not one small JSON object; run it by hand",
                       run->what);
    int version = keys_member(&j, JSON_ROOT, "Version");
    if (version == JSON_NONE || json_type(&j, version) != JSON_NUMBER ||
        !str_eq(json_text(&j, version), STR("1")))
        return explain(why, PIPEPOLL_EPROTO, "%s printed JSON without \"Version\": 1", run->what);
    struct keys_source from = {
        .json = &j,
        .object = JSON_ROOT,
        .form = &form,
        .account_id = run->run.order.recipe->account_id,
        .what = run->what,
    };
    return keys_read(&run->run.outcome.keys, &run->run.order.host->alloc, &from, why);
}

static int read_end(struct provider_run *run, enum process_end end, int code, str output)
{
    struct pipepoll_error *why = &run->run.outcome.why;
    switch (end) {
    case PROCESS_EXITED:
        if (!code)
            return read_output(run, output);
        return explain(why, PIPEPOLL_ESERVICE,
                       "%s ended with exit status %d; run it by hand to see what it says",
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
        return explain(why,
                       code == ENOMEM || code == EAGAIN ? PIPEPOLL_ENOMEM : PIPEPOLL_ECREDENTIALS,
                       "%s could not be started: %s", run->what, strerror(code));
    }
    return PIPEPOLL_ESYSTEM;
}

static void on_end(struct process_run *process, enum process_end end, int code, str output)
{
    struct provider_run *run = CONTAINER_OF(process, struct provider_run, process);
    run_end(&run->run, read_end(run, end, code, output));
}

/* --- start and stop --- */

static int process_begin(struct run *r)
{
    struct provider_run *run = CONTAINER_OF(r, struct provider_run, run);
    const struct provider_host *host = r->order.host;
    str line = r->order.recipe->process;
    const char *problem = line.len > LINE_MAX_BYTES ? "is longer than 4096 bytes"
                                                    : words_split(line, run->room, run->argv);
    if (problem) {
        run_end(r, explain(&r->outcome.why, PIPEPOLL_ECREDENTIALS,
                           "the command line of credential_process %s", problem));
        return 0;
    }
    struct buf what = BUF_ON(run->what);
    buf_printf(&what, "credential_process %.100s", run->argv[0]);
    run->process.on_done = on_end;
    return process_run_start(&run->process, host->loop, host->wake, &provider_lasting_alloc,
                             run->argv, TIMEOUT_MS);
}

static struct provider_run *process_start(const struct provider_order *order)
{
    static const struct run_kind kind = { sizeof(struct provider_run), process_begin, NULL };
    return run_start(order, &kind);
}

static void process_stop(struct provider_run *run)
{
    process_run_forget(&run->process);
    run_end_stopped(&run->run);
}

const struct provider_kind provider_process = { process_start, process_stop };
