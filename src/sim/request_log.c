/* SPDX-License-Identifier: MIT */
/* A client with the wrong credentials polls on and on and is refused each time: its user looks at
 * the simulator's terminal first, so that is where the two access keys are named. Secrets are in no
 * line: the simulator never sees one, but for its own. */
#include "sim/request_log.h"

#include <stdio.h>
#include <uv.h>

#include "base/buf.h"
#include "base/plural.h"

static const uint64_t pause_ns = 1000000000;

static void put_word(struct buf *out, str word)
{
    enum { WORD_MAX = 64 };
    buf_put(out,
            word.len ? (str) { word.ptr, word.len < WORD_MAX ? word.len : WORD_MAX } : STR("-"));
}

static void put_request(struct buf *out, const struct sim_served *what)
{
    put_word(out, what->operation);
    buf_put(out, STR(" "));
    put_word(out, what->region);
    buf_put(out, STR(" "));
    put_word(out, what->access_key_id);
    if (what->status)
        buf_printf(out, " %d", what->status);
    else
        buf_put(out, STR(" reset"));
    if (what->code)
        buf_printf(out, " %s", what->code);
    else if (str_starts(what->operation, STR("PollFor")))
        buf_printf(out, " %zu job%s", what->jobs, plural(what->jobs));
}

static bool has_wrong_credentials(const struct sim_served *what)
{
    return what->code && (strcmp(what->code, "UnrecognizedClientException") == 0 ||
                          strcmp(what->code, "InvalidSignatureException") == 0);
}

static void put_wrong_credentials(const struct request_log *log, struct buf *out,
                                  const struct sim_served *what)
{
    buf_put(out, STR("a request was refused: it is signed with the key "));
    put_word(out, what->access_key_id);
    if (!str_eq(what->access_key_id, log->access_key_id))
        buf_printf(out, ", and %.*s is expected", STR_ARG(log->access_key_id));
    else if (strcmp(what->code, "UnrecognizedClientException") == 0)
        buf_put(out, STR(", and its session token is not the expected one"));
    else
        buf_put(out, STR(" as expected, but with another secret key, clock or request than it "
                         "says"));
    if (log->untold)
        buf_printf(out, " (and %llu more were since the last such line)",
                   (unsigned long long)log->untold);
}

bool request_log_line(struct request_log *log, struct buf *out, const struct sim_served *what,
                      uint64_t now_ns)
{
    if (log->all) {
        put_request(out, what);
        return true;
    }
    if (!has_wrong_credentials(what))
        return false;
    if (log->told_ns && now_ns - log->told_ns < pause_ns) {
        log->untold++;
        return false;
    }
    put_wrong_credentials(log, out, what);
    log->told_ns = now_ns;
    log->untold = 0;
    return true;
}

void request_log_served(void *ctx, const struct sim_served *what)
{
    char text[512];
    struct buf line = BUF_ON(text);
    if (request_log_line(ctx, &line, what, uv_hrtime()))
        fprintf(stderr, "pipepoll sim: %s\n", buf_cstr(&line));
}
