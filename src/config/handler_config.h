/* SPDX-License-Identifier: MIT */
/* One [handler NAME] of a config file: what works the jobs of the targets that name it. Everything
 * in it is its own, so that it may outlive the file's text. */
#ifndef CONFIG_HANDLER_CONFIG_H
#define CONFIG_HANDLER_CONFIG_H

#include "config/section.h"

enum handler_kind {
    HANDLER_EXEC,   /* a program for each job */
    HANDLER_STDIO,  /* one program that lives on, and takes many */
    HANDLER_WEBHOOK /* a web service */
};

enum { HANDLER_HOST_MAX = 46 };

struct handler_config {
    char *name;
    struct location at; /* of its section */
    enum handler_kind kind;
    uint32_t timeout_ms; /* exec: of the program, stdio: of a job, 1h; webhook: of a request, 30s */
    uint32_t continue_after_ms; /* a continuation is sent when a job ran so long; 0: never */

    /* exec, stdio; NULL and 0 with webhook */
    char *command;          /* as it was written, for people */
    char **argv;            /* ends with NULL; [0] was found */
    char *program;          /* where; absolute, but for a path relative to our own folder */
    char *directory;        /* NULL: this process's */
    char **environment;     /* NAME=VALUE, ends with NULL; NULL: none. May be secret */
    uint32_t kill_after_ms; /* 10s */
    uint64_t open_files;    /* 0: the kind's default */
    uint64_t address_space; /* bytes; 0: as this process's */
    uint64_t cpu_seconds;   /* 0: as this process's */
    uint32_t concurrency;   /* stdio: jobs that the program has at once; 1 */

    /* webhook; NULL and 0 with others */
    char *url;
    char *secret_file;                    /* of the HMAC key */
    bool allow_http;                      /* to hosts other than loopback too */
    uint32_t callback_timeout_ms;         /* from "accepted" to its result; 1h */
    char callback_host[HANDLER_HOST_MAX]; /* an address to listen at, without brackets */
    uint16_t callback_port;               /* 0: any */
    char *callback_url;                   /* how the service gets there; NULL: by that address */
};

/* Read a section of that kind; *out needs no init. Complains of all that is wrong. What a command,
 * directory or file names must be there: blocks. PIPEPOLL_ENOMEM; deinit in either case. */
int handler_config_read(struct handler_config *out, const struct section *s,
                        struct diagnostics *diagnostics);
void handler_config_deinit(struct handler_config *c); /* fine on a zeroed one */

/* Do they say the same, whatever their names? */
bool handler_config_is_same(const struct handler_config *a, const struct handler_config *b);

/* exec, stdio, webhook. Static. */
const char *handler_kind_name(enum handler_kind kind);

#endif
