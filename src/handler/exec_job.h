/* SPDX-License-Identifier: MIT */
/* What exec.c and exec_output.c know of a job. Private to these. */
#ifndef HANDLER_EXEC_JOB_H
#define HANDLER_EXEC_JOB_H

#include "base/buf.h"
#include "handler/exec.h"
#include "handler/lines.h"
#include "handler/secrets.h"
#include "handler/subprocess.h"

struct exec_job {
    struct handler_run run;
    struct list link;
    struct subprocess *subprocess;
    const struct handler_events *events;
    void *ctx;
    struct secrets secrets;
    uint64_t log_lines_left, log_bytes_left;
    uint64_t other_lines, left_out;
    uint32_t timeout_ms;
    bool is_stopped;      /* by stop() */
    struct report report; /* the last result; its texts lie in report_text */
    char *report_text;
    size_t report_len;
    struct lines out, err;
    char out_line[EXEC_LINE_MAX], err_line[EXEC_LOG_LINE_MAX];
    char last_line[EXEC_LOG_LINE_MAX]; /* of stderr, that is not blank, masked */
    size_t last_len;
    char program[64];  /* the name in its path, for messages */
    char message[512]; /* of ours */
    str id;            /* behind the struct */
};

/* Ready for the two streams of a job whose other members are set. */
void exec_output_init(struct exec_job *job);
void exec_output_put(struct exec_job *job, int fd, str bytes);
/* No more comes. */
void exec_output_end(struct exec_job *job);
/* The end of the program as a result, where it gave none that can be read. */
void exec_output_judge(struct exec_job *job, const struct subprocess_result *end,
                       struct handler_result *out);
void exec_output_deinit(struct exec_job *job);

#endif
