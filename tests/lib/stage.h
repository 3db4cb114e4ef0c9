/* SPDX-License-Identifier: MIT */
/* What a provider of credentials runs on, with a scripted service on the same loop: a clock and an
 * environment of the test's choice, and memory that is searched for secrets when it is given back.
 * Requests are kept to be looked at. */
#ifndef TESTS_STAGE_H
#define TESTS_STAGE_H

#include "credentials/fetch.h"
#include "lib/server.h"

/* In every secret that a test plays with: must be in no text, and in no memory that is let go. */
#define STAGE_CANARY "CANARY-0123456789abcdef"

enum { STAGE_REQUESTS_MAX = 64, STAGE_REQUEST_SIZE = 8192 };

struct stage_reply {
    int status;          /* 0: 200 */
    const char *headers; /* further lines, "A: b\r\n"; NULL: none */
    const char *body;    /* NULL: empty */
    enum server_end end;
    bool raw; /* body is all that is sent: what a good server would not say */
};

struct stage {
    uv_loop_t loop;
    struct timers *timers;
    struct trust_store *trust_store;
    struct transport *transport;
    struct rng rng;
    struct environment environment;
    struct provider_host host;
    struct profiles_recent recent;
    struct server server;

    int64_t now_s;
    str region;                   /* of the targets */
    const char *const *variables; /* "NAME=value", ..., NULL; NULL: none */
    const struct stage_reply *script;
    unsigned script_len; /* the last reply serves on and on */

    unsigned requests;
    char request[STAGE_REQUESTS_MAX][STAGE_REQUEST_SIZE]; /* head and body, NUL-terminated */
    char reply[STAGE_REQUESTS_MAX][STAGE_REQUEST_SIZE];

    unsigned done;                   /* calls of on_done() */
    struct provider_outcome outcome; /* of the last run */
    struct fetch_outcome fetched;    /* of the last fetch */

    size_t allocations, fail_at; /* the n-th from now fails; 0: none */
    size_t in_use;               /* bytes */
    unsigned canaries_let_go;    /* pieces of memory that were given back with a canary in them */
};

/* One stage for all tests of a program, since reading the system's roots is slow: set-up and
 * tear-down of cmocka's group. The tear-down aborts (cmocka would pass over a failure there) unless
 * all memory came back, and no canary with it. */
int stage_open(void **state);
int stage_close(void **state);

/* The next reply of the script: what the stage's server does with each request. */
struct server_reply stage_answer(struct server *server, const struct server_request *rq);

void stage_play(struct stage *s, const struct stage_reply *script, unsigned script_len);
#define STAGE_PLAY(stage, ...)                                                                     \
    stage_play(stage, (const struct stage_reply[]) { __VA_ARGS__ },                                \
               sizeof((struct stage_reply[]) { __VA_ARGS__ }) / sizeof(struct stage_reply))

/* One turn of the loop that waits for something to happen, but fires no timer that was set in it:
 * UV_RUN_ONCE would, and a test that stops between two turns would miss half of the places. */
void stage_turn(struct stage *s);

/* One run of a provider from start to end; role and source may be NULL. The credentials that came
 * are the stage's until the next run. false: it did not start. */
bool stage_run(struct stage *s, const struct provider_kind *kind, const struct chain *chain,
               const struct role *role, struct credentials *source);
/* The same, stopped after so many turns of the loop, whatever is under way. */
bool stage_run_and_stop(struct stage *s, const struct provider_kind *kind,
                        const struct chain *chain, struct credentials *source, unsigned turns);
/* Runs with the 1st, 2nd, ... allocation failing, until one run makes fewer and brings
 * credentials. */
void stage_starve(struct stage *s, const struct provider_kind *kind, const struct chain *chain,
                  struct credentials *source);

/* One fetch from start to end, or in two steps; false or NULL: it did not start. */
bool stage_fetch(struct stage *s, const struct credentials_config *config);
struct fetch *stage_fetch_begin(struct stage *s, const struct credentials_config *config);
void stage_fetch_end(struct stage *s);

/* The last run failed so: the sentence holds this text, and no canary. */
void stage_assert_failed(const struct stage *s, bool lasting, const char *text);
/* The last run brought these credentials. */
void stage_assert_credentials(const struct stage *s, const char *id, const char *secret,
                              const char *token);
/* The n-th request (from 1) holds this text. */
void stage_assert_asked(const struct stage *s, unsigned n, const char *text);

/* A file with this text below a directory of its own; the path is in path[size]. */
void stage_write_file(char *path, size_t size, const char *text);

#endif
