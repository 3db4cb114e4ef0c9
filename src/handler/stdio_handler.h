/* SPDX-License-Identifier: MIT */
/* The handler `stdio`: one long-lived program that takes many jobs on stdin and answers on stdout,
 * both line by line, each line a JSON object in UTF-8.
 *
 * What the program reads. A job is the document of job_document.h, on one line, of up to 16 MiB;
 * what the job's environment would say to a program of its own is its member "environment". A job
 * that is not wanted any more is told by
 *
 *     {"jobId": "...", "stop": true}
 *
 * which may come for a job that has its result already, and the end of stdin says: finish the jobs
 * that you have, and exit.
 *
 * What it writes. Each line is of at most 64 KiB, and says which job it is about:
 *
 *     {"jobId": "...", "progress": {...}}
 *     {"jobId": "...", "result": {...}}
 *
 * in the words of report.h, jobId first: then a line that is cut or is no JSON fails its own job
 * alone. The first result counts, and ends the job: a later one is about a job that it does not
 * have, as is a line without a job id, or with another's. Such lines are logged, within the bounds
 * below. A program flushes its stdout after each line. Its stderr goes to the log.
 *
 * How many jobs it has. It gets the next job when the line before it is in its pipe and it has
 * fewer than `concurrency`; the others wait here. With the default, 1, a program may be a loop that
 * reads a line, works and answers; it may pass over "stop" then, and is ended instead, as follows.
 *
 * When it stops a job. A job that is told to stop, since its caller wants so or its time is up, may
 * still give any result for kill_after_ms. Without one it ends here, and the program is taken for
 * hung: it gets no more jobs, its stdin ends, the other jobs that it has go on until their own
 * ends, and then it gets SIGTERM, and SIGKILL after kill_after_ms. So one bad job harms no other
 * that has begun; those that wait, wait for the next process.
 *
 * When it ends. The jobs that it has and gave no result for fail as SystemUnavailable, with how it
 * ended and the last line of its stderr; a job whose line was not whole in its pipe waits for the
 * next process. That is started when there are jobs, after a delay that grows with each failure in
 * a row (full jitter, up to 20 s), and starts anew after a result, or a minute of life. A job for
 * which nothing is done for start_within_ms, since the program cannot be started, dies, or does not
 * read while it has no other job, fails as SystemUnavailable and says why. A program may end by
 * itself whenever it likes. One that closes its stdin before its last result gets no more jobs, so
 * none is lost; when it has none left, it has kill_after_ms to exit. One that closes its stdout has
 * as long, whatever jobs it has.
 *
 * The program runs as those of exec.h do, with the same descriptors, environment, limits and
 * process group.
 */
#ifndef HANDLER_STDIO_HANDLER_H
#define HANDLER_STDIO_HANDLER_H

#include "base/log.h"
#include "handler/handler.h"
#include "handler/program_options.h"

/* Zero means the default. */
struct stdio_handler_options {
    struct program_options program; /* its log_lines_max is of stderr and unknown lines, a minute */
    uint32_t concurrency;           /* jobs that it has at once; 0: 1 */
    uint32_t start_within_ms;       /* see above; 0: 60000 */
    uint32_t restart_base_ms;       /* the most that the first delay may be; 0: 1000 */
    uint64_t seed;                  /* of the jitter; 0: a random one */
    /* For lines that belong to no job: "NAME: ...", without control characters and the secrets of
     * the jobs that it has, and of the last few that it had. While it has a single job, a line of
     * stderr goes to that job's own log. */
    struct log log;
};

enum { STDIO_HANDLER_LINE_MAX = 65536, STDIO_HANDLER_LOG_LINE_MAX = 8192 };

/* o is copied, and all that it points to must outlive the handler. SIGPIPE must be ignored in this
 * process. The program is started for the first job. Job ids must differ among the jobs in hand.
 *
 * stop() tells the job to stop as above; a second call ends it here at once. close() tells all jobs
 * to stop and ends stdin; the program gets SIGTERM when kill_after_ms are left of the deadline, or
 * half of it, and is killed at the deadline. PIPEPOLL_ENOMEM; PIPEPOLL_ESYSTEM: no thread. */
int stdio_handler_open(struct handler **out, struct uv_loop_s *loop,
                       const struct stdio_handler_options *o);

#endif
