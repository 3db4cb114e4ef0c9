/* SPDX-License-Identifier: MIT */
/* The program beside ours is started. It has ended for us once the loop has let go of it too, so
 * that it can be started again with the same memory. */
#include "sim/demo_run.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "cli/program.h"

extern char **environ;

/* --- the end --- */

static void on_closed(uv_handle_t *handle)
{
    struct demo_run *r = handle->data;
    if (--r->to_close || !r->is_running)
        return;
    r->is_running = false;
    r->ended(r->ctx, r->code, r->signal);
}

static void close_handles(struct demo_run *r)
{
    r->to_close = 2;
    uv_close((uv_handle_t *)&r->process, on_closed);
    uv_close((uv_handle_t *)&r->output, on_closed);
}

static void on_process_exit(uv_process_t *process, int64_t code, int signal)
{
    struct demo_run *r = process->data;
    r->code = code;
    r->signal = signal;
    close_handles(r);
}

/* --- what it prints --- */

static void on_room(uv_handle_t *output, size_t suggested, uv_buf_t *room)
{
    struct demo_run *r = output->data;
    *room = uv_buf_init(r->output_text, sizeof r->output_text);
}

static void on_output(uv_stream_t *output, ssize_t got, const uv_buf_t *room)
{
    if (got < 0)
        uv_read_stop(output);
}

/* --- the beginning --- */

/* Of a machine that knows AWS. */
static bool leads_away(str variable)
{
    static const str endings[] = { STR_INIT("_PROXY"), STR_INIT("_CA_BUNDLE") };
    str key = { variable.ptr, str_find(variable, '=') };
    if (str_starts(key, STR("AWS_")) || str_eq(key, STR("HOME")))
        return true;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (key.len >= endings[i].len &&
            str_eq_nocase(str_skip(key, key.len - endings[i].len), endings[i]))
            return true;
    return false;
}

/* NULL: no memory. To be freed, but not what it points to. */
static char **environment_of(char *home)
{
    static char *own[] = { "AWS_ACCESS_KEY_ID=AKIDEXAMPLE",
                           "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                           "AWS_EC2_METADATA_DISABLED=true" };
    enum { OWN = sizeof own / sizeof *own };
    size_t count = 0, used = 0;
    while (environ[count])
        count++;
    char **environment = calloc(count + OWN + 2, sizeof *environment);
    if (!environment)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (!leads_away(str_of(environ[i])))
            environment[used++] = environ[i];
    for (size_t i = 0; i < OWN; i++)
        environment[used++] = own[i];
    environment[used] = home;
    return environment;
}

static int spawn(struct demo_run *r, uv_loop_t *loop, const char *program,
                 const struct demo_folder *folder, char **environment)
{
    char config[sizeof folder->config], name[] = "pipepoll", command[] = "run", flag[] = "--config";
    char *argv[] = { name, command, flag, config, NULL };
    uv_stdio_container_t stdio[3] = {
        { .flags = UV_IGNORE },
        { .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&r->output },
        { .flags = UV_INHERIT_FD, .data.fd = 2 },
    };
    snprintf(config, sizeof config, "%s", folder->config);
    /* Ctrl-C is for us: we end it when its jobs are done. */
    const uv_process_options_t o = { .exit_cb = on_process_exit,
                                     .flags = UV_PROCESS_DETACHED,
                                     .file = program,
                                     .args = argv,
                                     .env = environment,
                                     .stdio_count = 3,
                                     .stdio = stdio };
    uv_pipe_init(loop, &r->output, 0);
    r->output.data = r->process.data = r;
    int result = uv_spawn(loop, &r->process, &o);
    if (result)
        close_handles(r);
    else
        uv_read_start((uv_stream_t *)&r->output, on_room, on_output);
    return result;
}

int demo_run_start(struct demo_run *r, uv_loop_t *loop, const struct demo_folder *folder,
                   struct pipepoll_error *why)
{
    char text[4096], home[sizeof folder->path + 8];
    struct buf path = BUF_ON(text);
    program_beside(&path, STR("pipepoll"));
    snprintf(home, sizeof home, "HOME=%s", folder->path);
    char **environment = environment_of(home);
    int result = environment ? spawn(r, loop, buf_cstr(&path), folder, environment) : UV_ENOMEM;
    free(environment);
    r->is_running = !result;
    if (!result)
        return PIPEPOLL_OK;
    return explain(why, PIPEPOLL_ESYSTEM, "cannot start %s: %s; it belongs beside pipepoll-sim",
                   buf_cstr(&path), uv_strerror(result));
}

void demo_run_signal(struct demo_run *r, int number)
{
    if (r->is_running && !r->to_close)
        uv_process_kill(&r->process, number);
}
