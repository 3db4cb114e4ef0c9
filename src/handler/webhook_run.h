/* SPDX-License-Identifier: MIT */
/* One job at a web service. Private to webhook.c, webhook_run.c and webhook_answer.c. */
#ifndef HANDLER_WEBHOOK_RUN_H
#define HANDLER_WEBHOOK_RUN_H

#include "aws/digest.h"
#include "base/rng.h"
#include "handler/callbacks.h"
#include "handler/http_client.h"
#include "handler/secrets.h"
#include "handler/webhook.h"

/* The service. */
struct webhook {
    struct handler handler;
    struct http_client *client;
    struct callbacks *callbacks;
    struct hmac_key key;
    struct rng rng;
    uint32_t timeout_ms, give_up_ms, backoff_ms, result_ms;
    struct list runs;
    struct timer deadline;
    bool closing;
    void (*closed)(void *ctx);
    void *ctx;
};

static inline uint64_t webhook_after_ms(uint64_t ms)
{
    return timers_now_ns() + ms * 1000000;
}

enum webhook_state {
    WEBHOOK_SENDING,  /* an attempt is under way */
    WEBHOOK_WAITING,  /* for the next one */
    WEBHOOK_ACCEPTED, /* for a call-back */
    WEBHOOK_ENDING    /* it has its result, which is told from the loop */
};

enum { WEBHOOK_TEXT_MAX = 400, WEBHOOK_MESSAGE_MAX = 1200 };

struct webhook_run {
    struct handler_run run;
    struct list link;
    enum webhook_state state;
    const struct handler_events *events;
    void *ctx;
    struct http_call call;
    struct callback callback;
    struct timer timer; /* the next attempt, the end of waiting, or the end */
    uint64_t give_up_ns;
    unsigned attempts;
    bool stopping;
    struct secrets secrets;
    struct handler_result result;
    char *report_text; /* where texts of the result lie, unless they are ours */
    size_t report_len;
    char trouble[WEBHOOK_TEXT_MAX + 200]; /* of the last attempt */
    char message[WEBHOOK_MESSAGE_MAX];    /* of ours */
    str host;                             /* the client's */
    str id, document;                     /* behind the struct */
};

enum webhook_verdict {
    WEBHOOK_RESULT,  /* run->result is set */
    WEBHOOK_LATER,   /* a call-back will tell */
    WEBHOOK_TROUBLE, /* it may pass: run->trouble says what it is */
};

/* --- webhook_run.c --- */

/* A new run, whose first attempt begins. ENOMEM. */
int webhook_run_start(struct webhook_run **out, struct webhook *w, const struct handler_input *in,
                      const struct handler_events *events, void *ctx);
/* An attempt that is under way may still give the result, unless this is the second call. */
void webhook_run_stop(struct webhook_run *run);

/* --- webhook.c --- */

/* A run has ended: the service goes with its last one, when it is closed. */
void webhook_on_run_end(struct webhook *w);

/* --- webhook_answer.c --- */

/* A line for the log, without secrets. */
void webhook_log(struct webhook_run *run, enum pipepoll_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What the answer to an attempt means. Where it is a result, its texts lie in the call's answer. */
enum webhook_verdict webhook_judge(struct webhook_run *run);
/* The result is a failure, told in a sentence that begins with the service's name. */
void webhook_fail(struct webhook_run *run, enum pipepoll_failure_type failure, const char *format,
                  ...) __attribute__((format(printf, 3, 4)));

/* What is in text, which is changed: progress is told, a result is kept, with its texts in text.
 * What kind it is; BAD, OTHER: neither, and why says what is wrong. */
enum report_kind webhook_read(struct webhook_run *run, char *text, size_t len,
                              struct pipepoll_error *why);

#endif
