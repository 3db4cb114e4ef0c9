/* SPDX-License-Identifier: MIT */
/* One request to a service that hands out credentials, made again while its trouble looks passing.
 * Runs are hours apart, so an exchange has connections of its own, which end with it, and wipes
 * what it sent and got: nothing that carried secrets is left lying about. */
#ifndef CREDENTIALS_EXCHANGE_H
#define CREDENTIALS_EXCHANGE_H

#include "aws/answer.h"
#include "base/buf.h"
#include "credentials/provider.h"

enum {
    EXCHANGE_ANSWER_MAX = 64 << 10,
    EXCHANGE_TOKENS = 256, /* of JSON in an answer */
    EXCHANGE_PATH_SIZE = 1024,
    EXCHANGE_HEAD_SIZE = 8 << 10,
    EXCHANGE_BODY_SIZE = 15 << 10 /* the transport takes 24 KiB in all */
};

/* Embedded in the provider's run. */
struct exchange {
    /* The owner's, set after exchange_open(). */
    void (*on_done)(struct exchange *x); /* from the loop, exactly once per start */
    uint32_t timeout_ms;                 /* of one attempt */
    unsigned attempts;                   /* at most */
    const char *const *passing; /* error codes that are worth another attempt too; NULL: none */

    /* The request, put together between exchange_begin() and exchange_start(). */
    str method;                  /* empty: POST */
    struct buf path, head, body; /* path empty: that of the URL; head: see exchange_put_header() */
    str secret;                  /* never to be quoted from the answer; borrowed until on_done() */

    /* The answer; what of it has a length is valid in on_done() only, and wiped then. */
    enum fault fault; /* FAULT_NONE: status 2xx, and the answer is all there */
    int http_status;  /* 0: none came */
    char *answer;     /* writable */
    size_t answer_len;
    int64_t date_s;                /* its Date, Unix time; 0: none that is to be believed */
    str code;                      /* of a fault: the service's error code, or empty */
    struct pipepoll_error message; /* of a fault: the service's words, or what went wrong; with its
                                    * cause */

    /* private */
    const struct provider_host *host;
    struct pool *pool;
    struct timer timer; /* the next attempt */
    struct transfer transfer;
    enum { EXCHANGE_IDLE, EXCHANGE_WAITING, EXCHANGE_IN_FLIGHT } state;
    unsigned tried;
    bool stopped;
    uint32_t retry_after_ms; /* the service's hint; 0: none */
    str url;                 /* borrowed */
    bool is_metadata;
    struct json_token tokens[EXCHANGE_TOKENS];
    char code_room[ANSWER_CODE_LEN_MAX];
    char path_text[EXCHANGE_PATH_SIZE], body_text[EXCHANGE_BODY_SIZE];
    char head_text[EXCHANGE_HEAD_SIZE];
};

enum exchange_way {
    EXCHANGE_BY_RULES, /* by a proxy where the rules name one */
    EXCHANGE_DIRECT    /* metadata services: by no proxy, and HTTP/1.1 only */
};

/* Take connections to a URL, borrowed until the close. x is zeroed first. PIPEPOLL_ENOMEM: nothing
 * to close. */
int exchange_open(struct exchange *x, const struct provider_host *host, str url,
                  enum exchange_way way);
/* Ends the connections and wipes x. Not between start and on_done(); fine on a zeroed one. */
void exchange_close(struct exchange *x);

/* Forget the last request and answer. The head begins with Host and User-Agent. */
void exchange_begin(struct exchange *x);
void exchange_put_header(struct exchange *x, str name, str value);
/* "host[:port]" of the URL: the Host header. */
str exchange_host(const struct exchange *x);

/* Not between start and on_done(). What does not fit, or cannot be sent, is told by on_done()
 * too. */
void exchange_start(struct exchange *x);
/* Let no later start get anywhere. true: one is under way, and ends soon, by on_done(). */
bool exchange_stop(struct exchange *x);

/* The answer as JSON. what: who gave it, the start of the sentence. PIPEPOLL_EPROTO. */
int exchange_json(struct exchange *x, struct json *out, const char *what,
                  struct pipepoll_error *why);
/* After a fault, into why: who was asked (what), the service's code and message or what went wrong,
 * and what to do (hint, perhaps ""). Returns the fault's status, but PIPEPOLL_ESERVICE for what has
 * expired: it may pass. */
int exchange_explain(const struct exchange *x, const char *what, const char *hint,
                     struct pipepoll_error *why);

#endif
