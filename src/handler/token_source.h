/* SPDX-License-Identifier: MIT */
/* Which client token belongs to a client id? Asked of a file, which is read again when it changes,
 * or of a command or a web service, whose answers are kept for a while. All on the loop's thread;
 * nothing here blocks it. Tokens are never printed, and wiped when they are not needed any more. */
#ifndef HANDLER_TOKEN_SOURCE_H
#define HANDLER_TOKEN_SOURCE_H

#include "base/list.h"
#include "base/log.h"
#include "base/str.h"

struct uv_loop_s;
struct token_source;

enum token_found {
    TOKEN_FOUND,
    TOKEN_UNKNOWN,    /* there is none for this client id */
    TOKEN_UNAVAILABLE /* nobody can tell now: `why` says what the trouble is, in one sentence */
};

/* One look-up at a time; zero-fill it once and use it again and again. The caller keeps it until
 * on_done() or token_lookup_forget(). */
struct token_lookup {
    /* Once for each token_source_get(), perhaps inside of it; it may start it again, or free it.
     * token and why die when it returns. */
    void (*on_done)(struct token_lookup *l, enum token_found found, str token, const char *why);

    struct list link; /* private */
};

/* One of file, command and url; zero means the default of the others. Copied. */
struct token_source_options {
    const char *file;         /* see token_file.h */
    char *const *command;     /* gets the client id as one more argument, and prints the token on
                               * stdout; exit code 0 without output: the client id is unknown */
    bool client_id_on_stdin;  /* as a line there instead */
    const char *directory;    /* of command; NULL: this process's */
    char *const *environment; /* of command, NAME=VALUE, beside the base; NULL: none */
    /* Gets a GET in which the client id stands for each "{clientId}" of the path and query: 200 and
     * the token as text, or JSON with it as clientToken; or 404, the client id is unknown. */
    const char *url;
    const char *ca_bundle;   /* of url: a PEM file; NULL: the system's roots */
    const char *bearer_file; /* of url: what it holds goes with each GET, as Authorization:
                               * Bearer; read each time. NULL: none */
    uint32_t timeout_ms;     /* of command or GET, 0: 10000; of a reading of the file the same */
    uint32_t max_runs;       /* commands or GETs at once; 0: 4 */
    uint32_t ttl_ms;         /* of what they say; 0: 300000 */
    uint32_t unknown_ttl_ms; /* of a client id that is unknown to them; 0: 30000 */
    uint32_t max_entries;    /* that are kept of what they say; 0: 10000 */
    uint32_t look_ms;        /* from one look at the file to the next; 0: 1000 */
    uint64_t seed;           /* for the table of client ids: one that nobody else knows */
    struct log log;          /* readings of the file, and what is wrong with it */
};

/* SIGPIPE must be ignored in this process. PIPEPOLL_EINVAL: not one of file, command and url, or no
 * such URL; PIPEPOLL_ENOMEM; PIPEPOLL_ESYSTEM: no thread, or no roots. The file is not read yet; a
 * url reads its roots, about 30 ms. */
int token_source_open(struct token_source **out, struct uv_loop_s *loop,
                      const struct token_source_options *o, struct pipepoll_error *why);

/* refresh: the service called the token wrong that was found before: do not answer from memory. */
void token_source_get(struct token_source *s, struct token_lookup *l, str client_id, bool refresh);
/* on_done() will not come. Fine when it has, or on a zeroed one. */
void token_lookup_forget(struct token_lookup *l);

/* Not inside on_done(). Look-ups that wait are forgotten, commands and GETs that run are ended;
 * then closed() (may be NULL), and s is gone. */
void token_source_close(struct token_source *s, void (*closed)(void *ctx), void *ctx);

#endif
