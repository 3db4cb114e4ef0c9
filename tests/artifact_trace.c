/* SPDX-License-Identifier: MIT */
/* An artifact endpoint by stdin's lines, for witnesses:
 *
 *     add NAME ID SECRET TOKEN RENEW_MS    a job; prints its URI and its authorization token
 *     renew NAME ID SECRET TOKEN           its new credentials
 *     remove NAME                          it has ended
 *     forward MS                           the loop's clock is put forward
 *
 * Each is answered by a line, "done" where nothing else is said. It ends with its stdin. */
#include <stdio.h>
#include <stdlib.h>

#include <uv.h>

#include "handler/artifact_endpoint.h"

enum { JOBS_MAX = 64, WORDS_MAX = 6 };

struct job {
    char name[64];
    struct artifact_access access;
};

struct trace {
    struct artifact_endpoint *endpoint;
    struct job jobs[JOBS_MAX];
    char line[16384];
    size_t len;
};

static uint64_t forward_ms;

uint64_t __real_uv_now(const uv_loop_t *loop);
uint64_t __wrap_uv_now(const uv_loop_t *loop);
uint64_t __wrap_uv_now(const uv_loop_t *loop)
{
    return __real_uv_now(loop) + forward_ms;
}

static void end(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(2);
}

/* Or a free one, for "". */
static struct job *job_of(struct trace *t, const char *name)
{
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (!strcmp(t->jobs[i].name, name))
            return &t->jobs[i];
    end("no such job");
    return NULL;
}

static void add(struct trace *t, char *words[WORDS_MAX],
                const struct pipepoll_artifact_credentials *c)
{
    struct job *job = job_of(t, "");
    snprintf(job->name, sizeof job->name, "%s", words[1]);
    if (artifact_endpoint_add(t->endpoint, &job->access, c, (uint32_t)strtoul(words[5], NULL, 10)))
        end("cannot add it");
    printf("%s %s\n", job->access.uri, job->access.token);
}

static void run(struct trace *t, char *words[WORDS_MAX])
{
    const struct pipepoll_artifact_credentials c = { str_of(words[2]), str_of(words[3]),
                                                     str_of(words[4]) };
    str verb = str_of(words[0]);
    if (str_eq(verb, STR("add"))) {
        add(t, words, &c);
        return;
    }
    if (str_eq(verb, STR("renew"))) {
        artifact_endpoint_renew(&job_of(t, words[1])->access, &c);
    } else if (str_eq(verb, STR("remove"))) {
        struct job *job = job_of(t, words[1]);
        artifact_endpoint_remove(&job->access);
        job->name[0] = '\0';
    } else if (str_eq(verb, STR("forward"))) {
        forward_ms += strtoull(words[1], NULL, 10);
    } else {
        end("no such command");
    }
    puts("done");
}

static void run_line(struct trace *t, char *line)
{
    char *words[WORDS_MAX], nothing[] = "", *rest = line;
    for (size_t i = 0; i < WORDS_MAX; i++) {
        words[i] = strsep(&rest, " ");
        words[i] = words[i] ? words[i] : nothing;
    }
    run(t, words);
    fflush(stdout);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    struct trace *t = handle->data;
    *out = uv_buf_init(t->line + t->len, (unsigned)(sizeof t->line - t->len));
}

static void on_read(uv_stream_t *in, ssize_t n, const uv_buf_t *bytes)
{
    struct trace *t = in->data;
    char *end_of_line;
    if (n < 0) {
        uv_close((uv_handle_t *)in, NULL);
        artifact_endpoint_close(t->endpoint, NULL, NULL);
        return;
    }
    t->len += (size_t)n;
    while ((end_of_line = memchr(t->line, '\n', t->len))) {
        size_t used = (size_t)(end_of_line + 1 - t->line);
        *end_of_line = '\0';
        run_line(t, t->line);
        t->len -= used;
        memmove(t->line, t->line + used, t->len);
    }
}

int main(void)
{
    static struct trace t;
    struct pipepoll_error why;
    uv_loop_t loop;
    uv_pipe_t in = { .data = &t };
    uv_loop_init(&loop);
    if (artifact_endpoint_open(&t.endpoint, &loop, &why))
        end(why.text);
    uv_pipe_init(&loop, &in, 0);
    uv_pipe_open(&in, 0);
    uv_read_start((uv_stream_t *)&in, on_alloc, on_read);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) ? 1 : 0;
}
