/* SPDX-License-Identifier: MIT */
/* The commands of the program, what they share: their flags, their help, their exit codes. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdint.h>

#include "base/buf.h"
#include "daemon/leave.h"

struct flag {
    str name;            /* with its dashes */
    const char *value;   /* what stands for the value in the help; NULL: takes none */
    const char *help;    /* lines after the first are indented by the help itself */
    const char *heading; /* a line above it in the help; NULL: none */
};

/* Of the commands that are a program of their own, pipepoll-sim. */
#define COMMAND_SIM_SUMMARY  "serve a simulated CodePipeline, for any AWS SDK"
#define COMMAND_DEMO_SUMMARY "watch it poll a simulated CodePipeline, without an AWS account"

/* In the help of each command that needs credentials. */
#define COMMAND_CREDENTIALS                                                                        \
    "Credentials are found as the AWS CLI finds them; the first that is configured counts:\n"      \
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; the profile AWS_PROFILE or default (role, web\n" \
    "identity, Identity Center, access keys, credential_process); AWS_WEB_IDENTITY_TOKEN_FILE;\n"  \
    "a container's; EC2 instance metadata. HTTPS_PROXY and NO_PROXY are honoured. No core is\n"    \
    "dumped while credentials are held, unless PIPEPOLL_ALLOW_CORE=1.\n"

struct command {
    str name;
    const char *summary; /* one line */
    const char *about;   /* what it does: lines */
    const struct flag *flags;
    size_t flag_count;
    str operand; /* the flag that an argument without one is the value of; empty: none may be */
    str second_operand;     /* the same of the argument after that one */
    const char *more;       /* examples and exit codes: lines */
    bool holds_credentials; /* so that no core may be dumped */
    bool has_loop;          /* that stderr must not block, and that needs descriptors and threads */
    bool judges_loop;       /* of another command: it refuses what that one would refuse */
    int (*run)(const struct command *self, int argc, char **argv); /* argv[0] is the name */
};

extern const struct command command_poll, command_run, command_jobs, command_check, command_doctor,
    command_bench, command_top, command_health, command_fleet;

/* Each program has its own two: those of pipepoll start pipepoll-sim, where they do their work. */
extern const struct command command_sim, command_demo;

/* A walk along argv. */
struct flags {
    const struct command *command;
    char **argv;
    int argc, at;
    bool has_operand, has_second; /* its flag was given, with or without its name */
};

enum { FLAGS_END = -1, FLAGS_BAD = -2, FLAGS_HELP = -3 };

struct flags flags_of(const struct command *command, int argc, char **argv);

/* The index of the next flag in the command's table, with its value (`--name value` or
 * `--name=value`; a slice of argv, NUL-terminated, never empty: an unset variable of a shell
 * must not pass for a flag that was not given). The beginning of a name will do where no other
 * begins so. FLAGS_END past the last. FLAGS_BAD: an unknown one, a missing, empty or surplus
 * value, a second operand; said on stderr. FLAGS_HELP: the help was asked for and printed. */
int flags_next(struct flags *f, str *value);

/* After FLAGS_BAD or FLAGS_HELP: what to exit with. */
int flags_exit(int result);

/* Give every flag's value to take(), which returns NULL or what it must be. true: all were taken;
 * else *code is what to exit with, and the user was told why. */
bool flags_read(struct flags *f, const char *(*take)(void *options, int flag, str value),
                void *options, int *code);

/* Say on stderr that the value of a flag is wrong: "pipepoll poll: --timeout is WHAT, not "VALUE"".
 * Returns EXIT_USAGE. */
int flags_refuse(const struct flags *f, int flag, const char *what, str value);

/* "pipepoll poll: SENTENCE" on stderr. Returns EXIT_USAGE. */
__attribute__((format(printf, 2, 3))) int command_misuse(const struct command *c,
                                                         const char *format, ...);

/* "pipepoll/0.1.0 libcurl/7.88.1 ...": the libraries in use. */
void command_put_versions(struct buf *out);

/* Flush stdout; EXIT_OTHER, said on stderr, when not all that was printed got out; else `code`. */
int command_finish(int code);

/* Print a document that grows, BUF_GROWING, whole or not at all, and free it; with a line's end,
 * unless it is empty. Returns what command_finish() does; EXIT_OTHER, said on stderr, when there
 * was no memory for it. */
int command_print(struct buf *document, int code);

/* Print the libraries in use: the whole of --version. Returns what command_finish() does. */
int command_version(void);

#endif
