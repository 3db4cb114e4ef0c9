/* SPDX-License-Identifier: MIT */
/* The engine's thread: connects, proves the logs, and then does what lies on the desk. Its parts
 * share this struct, which no other thread touches; each has a turn after every wake-up. */
#ifndef FLEET_NATS_CORE_H
#define FLEET_NATS_CORE_H

#include "fleet/nats_desk.h"
#include "fleet/nats_greeting.h"
#include "fleet/nats_link.h"
#include "fleet/nats_log.h"

enum { NATS_IN_FLIGHT_MAX = 1024, NATS_PULL_REQUESTS = 4, NATS_BODY_MAX = 2048 };

/* A request of the engine's own, one at a time for each purpose. */
struct nats_request {
    struct nats_ask ask;
    char subject[NATS_SUBJECT_MAX + NATS_STREAM_MAX + 64];
    bool is_out;
};

enum nats_check_step { NATS_CHECK_INFO, NATS_CHECK_CREATE, NATS_CHECK_UPDATE, NATS_CHECK_NAMES };

struct nats_check {
    struct nats_request request;
    enum engine_log log;
    enum nats_check_step step;
    bool is_running;
    bool is_any_silent; /* why: the first of them */
    char why[NATS_WHY_MAX];
    uint64_t at_ms, last_ms; /* when the next begins, UINT64_MAX: when there is a doubt */
    unsigned failures;
};

struct nats_watch {
    struct nats_request request;
    enum engine_log log;
    struct nats_wish wish; /* as it was taken from the desk */
    bool is_running, must_tell_caught_up, is_caught_up;
    char consumer[64];
    unsigned number;             /* of this log's watches: they take turns with subjects */
    uint64_t sequence;           /* the consumer's, of the last message */
    uint64_t heard_ms, again_ms; /* when it last gave a sign; when it may begin again */
    unsigned failures;
};

struct nats_pull {
    struct nats_request request;
    struct nats_pull_wish wish;
    char consumer[ENGINE_KEY_MAX + 1];
    bool is_there; /* the consumer */
    unsigned in_hand, failures;
    unsigned left[NATS_PULL_REQUESTS]; /* of each request that is out */
    uint64_t numbers[NATS_PULL_REQUESTS], last_number;
    uint64_t until_ms[NATS_PULL_REQUESTS], again_ms;
    uint64_t heard_ms; /* the last sign of life of the consumer, or the first request for it */
};

struct nats_core {
    struct nats_desk *desk;
    const struct nats_options *options;
    struct nats_link *link; /* NULL: away */
    char replies[NATS_INBOX_MAX + 8];
    struct nats_asks asks;
    uint64_t now_ms, next_ms; /* when the next turn is due without a wake-up */
    /* Connecting. */
    size_t server; /* of the options', then of the others; the next, or the one we have */
    size_t tried;  /* since the last that was of use */
    uint64_t connect_at_ms;
    unsigned links;                     /* that there were */
    struct nats_greeting greeting;      /* of the last that was of use */
    char address[NATS_ADDRESS_MAX + 8]; /* of `server` */
    enum engine_state state;
    char why[NATS_WHY_MAX];
    bool must_tell, is_closing;
    bool is_proved[NATS_LOGS]; /* the log is as it must be, as far as we know */
    /* The parts. */
    struct nats_check check;
    struct list writes;
    uint64_t written[NATS_LOGS]; /* the number of the last of ours in each log */
    size_t in_flight;
    uint64_t writes_at_ms;
    struct list removes;
    struct list removing; /* waits for the answer */
    uint64_t removes_at_ms;
    struct nats_watch watches[NATS_LOGS];
    struct nats_pull pulls[ENGINE_PULLS];
    struct list deliveries;
    struct list unconfirmed; /* of them: to be settled again */
    size_t settling;         /* let go, and not confirmed */
    struct nats_request counts;
    uint64_t counts_at_ms;
    unsigned count_rounds;
    char *worked; /* filters of all consumers of jobs, each with a NUL, at the last look */
    size_t worked_len;
};

/* NULL: no memory. */
struct nats_core *nats_core_new(struct nats_desk *desk, const struct nats_options *options);
/* The thread: until the desk says that it closes; frees c. */
void nats_core_run(struct nats_core *c);

/* --- for the parts --- */

/* A turn is due then. */
void nats_core_by(struct nats_core *c, uint64_t at_ms);
void nats_core_state(struct nats_core *c, enum engine_state state, const char *why);
/* With the server's address before it. */
void nats_core_state_of_server(struct nats_core *c, enum engine_state state, const char *why);
uint64_t nats_core_pause_ms(unsigned failures, uint64_t base_ms, uint64_t most_ms);

/* $JS.API.<what>.<stream of log>[.<rest>] with this body; on_answer comes, unless false. */
bool nats_core_ask(struct nats_core *c, struct nats_request *r, const char *what,
                   enum engine_log log, str rest, str body,
                   void (*on_answer)(void *ctx, struct nats_ask *ask, const struct nats_answer *a));
/* $JS.API.<what>, of all streams, without a body. */
bool nats_core_ask_all(struct nats_core *c, struct nats_request *r, const char *what,
                       void (*on_answer)(void *ctx, struct nats_ask *ask,
                                         const struct nats_answer *a));
/* No answer is of interest. */
void nats_core_post(struct nats_core *c, const char *subject, str body);

/* An unsigned member, or 0. */
uint64_t nats_number(const struct json *j, int object, const char *member);

/* --- the parts --- */

void nats_check_turn(struct nats_core *c);
void nats_check_begin(struct nats_core *c); /* soon, with a new link */
void nats_check_doubt(struct nats_core *c); /* a log did not answer */
void nats_check_refused(struct nats_core *c, str subject);

void nats_write_turn(struct nats_core *c);
void nats_write_end(struct nats_core *c);
void nats_remove_turn(struct nats_core *c);
void nats_remove_end(struct nats_core *c);

void nats_watch_turn(struct nats_core *c);
void nats_watch_lost(struct nats_core *c);
/* The log may be another one than it brings: begin anew. */
void nats_watch_doubt(struct nats_core *c, enum engine_log log);
/* Are they a watch's? */
bool nats_watch_message(struct nats_core *c, struct nats_note *n, const struct nats_place *p);
bool nats_watch_status(struct nats_core *c, const struct nats_note *n);

void nats_pull_turn(struct nats_core *c);
void nats_pull_lost(struct nats_core *c);
bool nats_pull_message(struct nats_core *c, struct nats_note *n, const struct nats_place *p);
bool nats_pull_status(struct nats_core *c, const struct nats_note *n);

void nats_count_turn(struct nats_core *c);
void nats_count_end(struct nats_core *c);

void nats_settle_linked(struct nats_core *c); /* before more is pulled */
void nats_settle_turn(struct nats_core *c);
void nats_settle_end(struct nats_core *c); /* all go back to the log */

#endif
