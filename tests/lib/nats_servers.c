/* SPDX-License-Identifier: MIT */
/* Starting and asking nats-servers. The ports are free when they are chosen; should another take
 * one before the server does, the server does not come up and the test says so. */
#include "lib/nats_servers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENT_MS = 20000, STEP_MS = 20 };

static void die(const char *what)
{
    fprintf(stderr, "nats_servers: %s: %s\n", what, strerror(errno));
    abort();
}

static void pause_ms(int ms)
{
    poll(NULL, 0, ms);
}

static const char *program(void)
{
    static const char *const places[] = { "/usr/sbin/nats-server", "/usr/bin/nats-server",
                                          "/usr/local/bin/nats-server", NATS_SERVER_TAKEN };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

void nats_servers_demand(void)
{
    if (program())
        return;
    printf("skipped: no nats-server (Debian: nats-server)\n");
    exit(getenv("PIPEPOLL_CI") ? 1 : 77);
}

/* --- sockets --- */

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in) { .sin_family = AF_INET,
                                  .sin_port = htons((unsigned short)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* All at once, so that they are different ones. */
static void choose_ports(int *ports, int count)
{
    int fds[3 * NATS_SERVERS];
    for (int i = 0; i < count; i++) {
        struct sockaddr_in at = loopback(0);
        socklen_t size = sizeof at;
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fds[i] < 0 || bind(fds[i], (struct sockaddr *)&at, sizeof at) ||
            getsockname(fds[i], (struct sockaddr *)&at, &size))
            die("a port");
        ports[i] = ntohs(at.sin_port);
    }
    for (int i = 0; i < count; i++)
        close(fds[i]);
}

static int dial(int port)
{
    struct sockaddr_in at = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* What a monitor says; NULL: it does not answer. To be freed. Some of its numbers are beyond
 * integers. */
static json_t *ask(int port, const char *path)
{
    enum { MOST = 1 << 20 };
    char request[256];
    int fd = dial(port);
    if (fd < 0)
        return NULL;
    int len = snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", path);
    char *text = malloc(MOST);
    ssize_t got = 0, all = 0;
    struct timeval patience = { .tv_sec = 2 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (write(fd, request, (size_t)len) == len)
        while ((got = read(fd, text + all, (size_t)(MOST - 1 - all))) > 0)
            all += got;
    close(fd);
    text[all] = '\0';
    char *body = strstr(text, "\r\n\r\n");
    json_t *j = body ? json_loads(body + 4, JSON_DECODE_INT_AS_REAL, NULL) : NULL;
    free(text);
    return j;
}

/* --- processes --- */

static void write_config(const struct nats_servers *s, int i, const char *path)
{
    const struct nats_server *at = &s->at[i];
    FILE *f = fopen(path, "w");
    if (!f)
        die(path);
    fprintf(f,
            "listen: 127.0.0.1:%d\nserver_name: %s\nhttp: 127.0.0.1:%d\n"
            "jetstream { store_dir: \"%s/%s\" }\n%s\n",
            at->port, at->name, at->monitor_port, s->folder, at->name, s->more ? s->more : "");
    if (s->count > 1) {
        fprintf(f, "cluster { name: c, listen: 127.0.0.1:%d, routes: [", at->route_port);
        for (int k = 0; k < s->count; k++)
            fprintf(f, "%s\"nats://127.0.0.1:%d\"", k ? ", " : "", s->at[k].route_port);
        fprintf(f, "] }\n");
    }
    fclose(f);
}

static void run(const char *config, const char *log)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
        _exit(126);
    execl(program(), "nats-server", "-c", config, (char *)NULL);
    _exit(127);
}

static void show(const char *path)
{
    char line[512];
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        fputs(line, stderr);
    if (f)
        fclose(f);
}

static void wait_for_port(struct nats_servers *s, int i, const char *log)
{
    for (int ms = 0; ms < PATIENT_MS; ms += STEP_MS) {
        int fd = dial(s->at[i].port);
        if (fd >= 0) {
            close(fd);
            return;
        }
        if (waitpid(s->at[i].pid, NULL, WNOHANG) > 0)
            break;
        pause_ms(STEP_MS);
    }
    show(log);
    die("it does not come up");
}

void nats_server_start(struct nats_servers *s, int i)
{
    char config[128], log[128];
    snprintf(config, sizeof config, "%s/%s.conf", s->folder, s->at[i].name);
    snprintf(log, sizeof log, "%s/%s.log", s->folder, s->at[i].name);
    write_config(s, i, config);
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0)
        run(config, log);
    s->at[i].pid = pid;
    wait_for_port(s, i, log);
}

void nats_servers_start(struct nats_servers *s, int count, const char *more)
{
    int ports[3 * NATS_SERVERS];
    const char *temporary = getenv("TMPDIR");
    *s = (struct nats_servers) { .count = count, .more = more };
    snprintf(s->folder, sizeof s->folder, "%.40s/nats-XXXXXX", temporary ? temporary : "/tmp");
    if (!mkdtemp(s->folder))
        die(s->folder);
    choose_ports(ports, 3 * count);
    for (int i = 0; i < count; i++) {
        struct nats_server *at = &s->at[i];
        at->port = ports[3 * i];
        at->route_port = ports[3 * i + 1];
        at->monitor_port = ports[3 * i + 2];
        snprintf(at->name, sizeof at->name, "s%d", i + 1);
        snprintf(at->url, sizeof at->url, "nats://127.0.0.1:%d", at->port);
    }
    for (int i = 0; i < count; i++)
        nats_server_start(s, i);
}

void nats_server_signal(struct nats_servers *s, int i, int signal)
{
    if (s->at[i].pid && kill(s->at[i].pid, signal))
        die("kill");
    if (s->at[i].pid && signal == SIGSTOP) /* it answers until it has stopped */
        waitpid(s->at[i].pid, NULL, WUNTRACED);
}

void nats_server_kill(struct nats_servers *s, int i, int signal)
{
    if (!s->at[i].pid)
        return;
    nats_server_signal(s, i, signal);
    waitpid(s->at[i].pid, NULL, 0);
    s->at[i].pid = 0;
}

void nats_servers_end(struct nats_servers *s)
{
    char command[128];
    for (int i = 0; i < s->count; i++)
        nats_server_kill(s, i, SIGKILL);
    snprintf(command, sizeof command, "rm -rf '%s'", s->folder);
    if (system(command))
        die(command);
}

/* --- streams --- */

void nats_server_ask(struct nats_servers *s, int i, const char *subject, const char *body,
                     char *answer, size_t size)
{
    int fd = dial(s->at[i].port);
    struct timeval patience = { .tv_sec = 5 };
    char text[16384];
    size_t all = 0;
    ssize_t got;
    answer[0] = '\0';
    if (fd < 0)
        return;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    dprintf(fd,
            "CONNECT {\"verbose\":false}\r\nSUB test.answer 1\r\nPUB %s test.answer %zu\r\n%s\r\n",
            subject, strlen(body), body);
    while (all < sizeof text - 1 && (got = read(fd, text + all, sizeof text - 1 - all)) > 0) {
        all += (size_t)got;
        text[all] = '\0';
        char *message = strstr(text, "MSG test.answer"), *start, *end;
        if (!message || !(start = strstr(message, "\r\n")) || !(end = strstr(start + 2, "\r\n")))
            continue;
        snprintf(answer, size, "%.*s", (int)(end - start - 2), start + 2);
        break;
    }
    close(fd);
}

/* The stream's part of /jsz, borrowed from *all. NULL: it is not there. */
static json_t *detail(struct nats_servers *s, int i, const char *stream, json_t **all)
{
    size_t k, m;
    json_t *account, *it;
    *all = s->at[i].pid ? ask(s->at[i].monitor_port, "/jsz?accounts=true&streams=true") : NULL;
    json_array_foreach(json_object_get(*all, "account_details"), k, account) json_array_foreach(
        json_object_get(account, "stream_detail"), m,
        it) if (strcmp(json_string_value(json_object_get(it, "name")), stream) == 0) return it;
    return NULL;
}

int nats_servers_leader(struct nats_servers *s, const char *stream, int from)
{
    json_t *all, *it = detail(s, from, stream, &all);
    const char *leader =
        json_string_value(json_object_get(json_object_get(it, "cluster"), "leader"));
    int found = -1;
    for (int i = 0; leader && i < s->count; i++)
        if (strcmp(leader, s->at[i].name) == 0)
            found = i;
    json_decref(all);
    return found;
}

static unsigned long long number(json_t *state, const char *name)
{
    return (unsigned long long)json_number_value(json_object_get(state, name));
}

bool nats_server_holds(struct nats_servers *s, int i, const char *stream, struct nats_held *out)
{
    json_t *all, *it = detail(s, i, stream, &all);
    json_t *state = json_object_get(it, "state");
    *out = (struct nats_held) { number(state, "messages"), number(state, "first_seq"),
                                number(state, "last_seq") };
    if (!out->messages)
        out->first = 0; /* of an empty one, servers count in two ways */
    json_decref(all);
    return it != NULL;
}

static bool agree_now(struct nats_servers *s, const char *stream)
{
    struct nats_held first = { 0 }, held;
    bool is_first = true;
    for (int i = 0; i < s->count; i++) {
        if (!s->at[i].pid)
            continue;
        if (!nats_server_holds(s, i, stream, &held))
            return false;
        if (!is_first && memcmp(&first, &held, sizeof held) != 0)
            return false;
        first = held;
        is_first = false;
    }
    return true;
}

bool nats_servers_agree(struct nats_servers *s, const char *stream)
{
    for (int ms = 0; ms < PATIENT_MS; ms += 100) {
        if (agree_now(s, stream))
            return true;
        pause_ms(100);
    }
    for (int i = 0; i < s->count; i++) {
        struct nats_held h;
        bool has = nats_server_holds(s, i, stream, &h);
        fprintf(stderr, "%s of %s: %s, %llu messages, %llu to %llu\n", stream, s->at[i].name,
                has ? "there" : "missing", h.messages, h.first, h.last);
    }
    return false;
}
