/* SPDX-License-Identifier: MIT */
/* What a config file says about working jobs: its handlers, where the journal is, and who knows the
 * client tokens. Everything in it is its own, so that it may outlive the file's text. */
#ifndef CONFIG_WORKER_CONFIG_H
#define CONFIG_WORKER_CONFIG_H

#include "config/handler_config.h"

/* At most one of file, command and url is set, and one where a third-party target has a handler. */
struct client_tokens_config {
    struct location at; /* of the value of client-tokens */
    char *file;         /* see handler/token_file.h */
    char **command;     /* argv, ends with NULL */
    char *command_text; /* as it was written, for people */
    char *url;          /* holds "{clientId}" */
    char *bearer_file;  /* of the url: what goes as Authorization; NULL: nothing */
    uint32_t ttl_ms;    /* of what command and url say; 5m; 0 without these */
};

struct plan;

struct worker_config {
    struct handler_config *handlers; /* in the order of the file; stay where they are */
    size_t handler_count;
    bool in_use;       /* a target has a handler; without one, all else here is of no use */
    bool has_journal;  /* journal = sqlite, the default */
    char *state_dir;   /* absolute; NULL only when it was left out, which needs journal = none */
    bool rerun;        /* on-restart: jobs that were running are run again instead of failed */
    uint32_t max_jobs; /* in hand at once, in all; 16 */
    struct client_tokens_config tokens;
    char *continuation_key_file; /* default: in state_dir; NULL: neither was given */
};

/* Read [pipepoll] and all handlers; *out needs no init. PIPEPOLL_ENOMEM; deinit in either case. */
int worker_config_read(struct worker_config *out, const struct sections *s,
                       struct diagnostics *diagnostics);
/* Read state-dir and journal alone from the file at path (see config_file.h), for who looks at the
 * journal of a running process: what else the file says need not be right here. PIPEPOLL_EINVAL:
 * there are errors about the file or in these, in *diagnostics; PIPEPOLL_ENOMEM. Deinit in any
 * case. */
int worker_config_load_journal(struct worker_config *out, const char *path,
                               struct diagnostics *diagnostics);
void worker_config_deinit(struct worker_config *c); /* fine on a zeroed one */

/* What shows only with the targets: is anything worked here, what is missing for it, which handlers
 * no target names. */
void worker_config_check(struct worker_config *c, const struct plan *p, const struct sections *s,
                         struct diagnostics *diagnostics);

/* The handler of that name, or NULL. */
const struct handler_config *worker_config_find(const struct worker_config *c, str name);

#endif
