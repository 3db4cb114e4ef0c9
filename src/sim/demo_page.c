/* SPDX-License-Identifier: MIT */
/* The port is asked of the system and given back: the run takes it a moment later, and says so if
 * somebody else was faster. */
#include "sim/demo_page.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in) { .sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

int demo_page_choose(struct demo_page *p, struct pipepoll_error *why)
{
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_found = fd >= 0 && !bind(fd, (struct sockaddr *)&at, sizeof at) &&
                    !getsockname(fd, (struct sockaddr *)&at, &len);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (!is_found)
        return explain(why, PIPEPOLL_ESYSTEM, "no port on 127.0.0.1 for the page: %s",
                       strerror(error));
    snprintf(p->listen, sizeof p->listen, "127.0.0.1:%u", ntohs(at.sin_port));
    snprintf(p->url, sizeof p->url, "http://%s/", p->listen);
    return PIPEPOLL_OK;
}

/* Loopback answers within the call, but a socket that does not wait is told so afterwards. */
static bool is_connected(int fd)
{
    struct pollfd waits = { .fd = fd, .events = POLLOUT };
    int error = 0;
    socklen_t len = sizeof error;
    return poll(&waits, 1, 0) == 1 && !getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) && !error;
}

bool demo_page_is_there(const struct demo_page *p)
{
    const char *port = strchr(p->listen, ':');
    struct sockaddr_in at = loopback((uint16_t)atoi(port ? port + 1 : "0"));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_there = fd >= 0 &&
                    (!connect(fd, (struct sockaddr *)&at, sizeof at) || errno == EINPROGRESS) &&
                    is_connected(fd);
    if (fd >= 0)
        close(fd);
    return is_there;
}

static bool has_display(void)
{
    const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");
    return (x && *x) || (wayland && *wayland);
}

static void on_browser_exit(uv_process_t *browser, int64_t code, int signal)
{
}

void demo_page_show(struct demo_page *p, uv_loop_t *loop)
{
    char opener[] = "xdg-open";
    char *argv[] = { opener, p->url, NULL };
    const uv_process_options_t o = {
        .exit_cb = on_browser_exit, .file = opener, .args = argv, .flags = UV_PROCESS_DETACHED
    };
    p->is_shown = true;
    if (!has_display())
        return;
    uv_spawn(loop, &p->browser, &o); /* where there is none, its URL was told */
    p->has_browser = true;
}

void demo_page_close(struct demo_page *p)
{
    if (p->has_browser)
        uv_close((uv_handle_t *)&p->browser, NULL);
    p->has_browser = false;
}
