/* SPDX-License-Identifier: MIT */
/* Ports are asked of the system, all at once so that they differ, and given back: a server takes
 * its own a moment later. A server would outlive us if we are killed: setpriv, where there is one,
 * has the kernel see to that. */
#include "sim/demo_servers.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/demo_page.h"

enum { PORTS = 2 * DEMO_SERVERS };

/* --- the program --- */

static bool is_program(struct demo_servers *s, str folder)
{
    snprintf(s->program, sizeof s->program, "%.*s/nats-server", STR_ARG(folder));
    return folder.len && !access(s->program, X_OK);
}

int demo_servers_find(struct demo_servers *s, struct pipepoll_error *why)
{
    const char *path = getenv("PATH");
    for (str rest = str_of(path ? path : ""); rest.len;) {
        str folder = { rest.ptr, str_find(rest, ':') };
        if (is_program(s, folder))
            return PIPEPOLL_OK;
        rest = str_skip(rest, folder.len < rest.len ? folder.len + 1 : folder.len);
    }
    if (is_program(s, STR("/usr/sbin")))
        return PIPEPOLL_OK;
    return explain(why, PIPEPOLL_ESYSTEM,
                   "no nats-server on PATH: install it (on Debian the package nats-server)");
}

/* --- what they are started with --- */

static bool choose_port(int fd, char *listen, size_t size)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) ||
        getsockname(fd, (struct sockaddr *)&at, &len))
        return false;
    snprintf(listen, size, "127.0.0.1:%u", ntohs(at.sin_port));
    return true;
}

static int choose_ports(struct demo_servers *s, struct pipepoll_error *why)
{
    int held[PORTS];
    bool is_good = true;
    for (size_t i = 0; i < PORTS; i++) {
        struct demo_server *one = &s->at[i / 2];
        held[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        is_good =
            choose_port(held[i], i % 2 ? one->route : one->listen, sizeof one->listen) && is_good;
    }
    for (size_t i = 0; i < PORTS; i++)
        if (held[i] >= 0)
            close(held[i]);
    return is_good ? PIPEPOLL_OK
                   : explain(why, PIPEPOLL_ESYSTEM, "no ports on 127.0.0.1 for the NATS servers");
}

static int write_config(const struct demo_servers *s, size_t which, const char *path,
                        const struct demo_folder *folder, struct pipepoll_error *why)
{
    FILE *f = demo_folder_create(path, why);
    if (!f)
        return PIPEPOLL_ESYSTEM;
    fprintf(f,
            "server_name: s%zu\nlisten: \"%s\"\njetstream { store_dir: \"%s/nats-%zu\", "
            "max_file_store: 2GB }\ncluster { name: demo, listen: \"%s\", routes: [",
            which + 1, s->at[which].listen, folder->path, which + 1, s->at[which].route);
    for (size_t i = 0; i < DEMO_SERVERS; i++)
        fprintf(f, "%s\"nats-route://%s\"", i ? ", " : "", s->at[i].route);
    fputs("] }\n", f);
    return demo_folder_finish(f, path, why);
}

/* --- the children --- */

static void on_closed(uv_handle_t *handle)
{
    struct demo_server *one = handle->data;
    one->is_running = false;
    one->all->ended(one->all->ctx, one);
}

static void on_exit_of(uv_process_t *process, int64_t code, int signal)
{
    uv_close((uv_handle_t *)process, on_closed);
}

static void on_failed_closed(uv_handle_t *handle)
{
}

/* Ctrl-C is for us, so that they are in sessions of their own. */
static int spawn(struct demo_server *one, uv_loop_t *loop, char *const argv[])
{
    uv_stdio_container_t nothing[3] = { { .flags = UV_IGNORE },
                                        { .flags = UV_IGNORE },
                                        { .flags = UV_IGNORE } };
    const uv_process_options_t o = { .exit_cb = on_exit_of,
                                     .flags = UV_PROCESS_DETACHED,
                                     .file = argv[0],
                                     .args = (char **)argv,
                                     .stdio_count = 3,
                                     .stdio = nothing };
    one->process.data = one;
    return uv_spawn(loop, &one->process, &o);
}

static int start_one(struct demo_servers *s, size_t which, uv_loop_t *loop,
                     const struct demo_folder *folder, struct pipepoll_error *why)
{
    struct demo_server *one = &s->at[which];
    char path[sizeof folder->config];
    char keeper[] = "setpriv", flag[] = "--pdeathsig", number[] = "KILL", config[] = "-c";
    bool has_keeper = !access("/usr/bin/setpriv", X_OK);
    char *with[] = { keeper, flag, number, s->program, config, path, NULL };
    snprintf(path, sizeof path, "%s/nats-%zu.conf", folder->path, which + 1);
    if (write_config(s, which, path, folder, why))
        return PIPEPOLL_ESYSTEM;
    int r = spawn(one, loop, has_keeper ? with : with + 3);
    one->all = s;
    one->is_running = !r;
    if (!r)
        return PIPEPOLL_OK;
    uv_close((uv_handle_t *)&one->process, on_failed_closed);
    return explain(why, PIPEPOLL_ESYSTEM, "cannot start %s: %s", s->program, uv_strerror(r));
}

int demo_servers_start(struct demo_servers *s, uv_loop_t *loop, const struct demo_folder *folder,
                       struct pipepoll_error *why)
{
    int r = choose_ports(s, why);
    for (size_t i = 0; !r && i < DEMO_SERVERS; i++)
        r = start_one(s, i, loop, folder, why);
    return r;
}

bool demo_servers_are_there(const struct demo_servers *s)
{
    for (size_t i = 0; i < DEMO_SERVERS; i++) {
        struct demo_page at = { .url = "" };
        memcpy(at.listen, s->at[i].listen, sizeof at.listen);
        if (!demo_page_is_there(&at))
            return false;
    }
    return true;
}

bool demo_servers_are_running(const struct demo_servers *s)
{
    for (size_t i = 0; i < DEMO_SERVERS; i++)
        if (s->at[i].is_running)
            return true;
    return false;
}

void demo_servers_kill(struct demo_server *which)
{
    if (!which->is_running || which->is_killed)
        return;
    which->is_killed = true;
    uv_process_kill(&which->process, SIGKILL);
}

void demo_servers_kill_all(struct demo_servers *s)
{
    for (size_t i = 0; i < DEMO_SERVERS; i++)
        demo_servers_kill(&s->at[i]);
}

void demo_servers_end(struct demo_servers *s)
{
    demo_servers_kill_all(s);
    for (size_t i = 0; i < DEMO_SERVERS; i++)
        if (s->at[i].is_running && !uv_is_closing((uv_handle_t *)&s->at[i].process))
            waitpid(s->at[i].process.pid, NULL, 0);
}
