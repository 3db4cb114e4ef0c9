/* SPDX-License-Identifier: MIT */
/* The job allocates nothing but what getaddrinfo() itself does: its answer has a fixed size. */
#include "io/look_up.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/timers.h"

/* --- addresses --- */

static const unsigned char v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

static bool is_v4(const struct address *a)
{
    return memcmp(a->bytes, v4_prefix, sizeof v4_prefix) == 0;
}

static struct address from_v4(const struct in_addr *v4)
{
    struct address a;
    memcpy(a.bytes, v4_prefix, sizeof v4_prefix);
    memcpy(a.bytes + sizeof v4_prefix, v4, sizeof *v4);
    return a;
}

bool address_read(struct address *a, str text)
{
    char plain[INET6_ADDRSTRLEN];
    struct in_addr v4;
    if (text.len >= sizeof plain)
        return false;
    memcpy(plain, text.ptr, text.len);
    plain[text.len] = '\0';
    if (inet_pton(AF_INET, plain, &v4) == 1) {
        *a = from_v4(&v4);
        return true;
    }
    return inet_pton(AF_INET6, plain, a->bytes) == 1;
}

bool address_eq(const struct address *a, const struct address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

const char *address_text(const struct address *a, char text[ADDRESS_TEXT_SIZE])
{
    char plain[INET6_ADDRSTRLEN] = "";
    bool v4 = is_v4(a);
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->bytes + sizeof v4_prefix : a->bytes, plain,
              sizeof plain);
    snprintf(text, ADDRESS_TEXT_SIZE, v4 ? "%s" : "[%s]", plain);
    return text;
}

/* --- on the thread --- */

/* A link-local address is of no use without its interface, which CURLOPT_RESOLVE cannot say. */
static bool read_sockaddr(struct address *a, const struct sockaddr *from)
{
    if (from->sa_family == AF_INET) {
        *a = from_v4(&((const struct sockaddr_in *)(const void *)from)->sin_addr);
        return true;
    }
    if (from->sa_family != AF_INET6)
        return false;
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
    memcpy(a->bytes, v6, sizeof a->bytes);
    return !IN6_IS_ADDR_LINKLOCAL(v6);
}

static void take(struct look_up_answer *answer, const struct addrinfo *found)
{
    for (; found && answer->count < LOOK_UP_ADDRESSES_MAX; found = found->ai_next)
        answer->count += read_sockaddr(&answer->addresses[answer->count], found->ai_addr);
    answer->is_final = !answer->count;
    if (!answer->count)
        snprintf(answer->problem, sizeof answer->problem, "it has no address");
}

/* getaddrinfo() says "try again", or even "no such name", when it could open nothing. */
static int shortage(int code, int error)
{
    if (code == EAI_SYSTEM || error == EMFILE || error == ENFILE)
        return error;
    if (code == EAI_MEMORY)
        return ENOMEM;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    error = fd < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return error == EMFILE || error == ENFILE ? error : 0;
}

static bool is_final(int code)
{
#ifdef EAI_NODATA
    if (code == EAI_NODATA)
        return true;
#endif
    return code == EAI_NONAME;
}

static void fail(struct look_up_answer *answer, int code, int error)
{
    char text[sizeof answer->problem];
    error = shortage(code, error);
    const char *problem = error ? strerror_r(error, text, sizeof text) : gai_strerror(code);
    snprintf(answer->problem, sizeof answer->problem, "%s", problem);
    answer->starved = error == ENOMEM;
    answer->is_final = !error && is_final(code);
}

static void run(struct worker_job *j)
{
    static const struct addrinfo any_family = { .ai_socktype = SOCK_STREAM };
    struct look_up *l = CONTAINER_OF(j, struct look_up, job);
    struct addrinfo *found = NULL;
    uint64_t begun_ns = timers_now_ns();
    errno = 0;
    int code = getaddrinfo(l->host, NULL, &any_family, &found), error = errno;
    if (code)
        fail(&l->answer, code, error);
    else
        take(&l->answer, found);
    if (!code)
        freeaddrinfo(found);
    l->answer.took_ns = timers_now_ns() - begun_ns;
}

static void share(struct worker_job *to, const struct worker_job *from)
{
    const struct look_up *earlier = (const struct look_up *)(const void *)from;
    CONTAINER_OF(to, struct look_up, job)->answer = earlier->answer;
}

/* --- on the loop --- */

static void done(struct worker_job *j)
{
    struct look_up *l = CONTAINER_OF(j, struct look_up, job);
    l->on_done(l);
}

static void end(struct worker_job *j)
{
    free(CONTAINER_OF(j, struct look_up, job));
}

struct look_up *look_up_new(str host)
{
    static const struct worker_kind kind = { run, done, end, share };
    struct look_up *l = calloc(1, sizeof *l + host.len + 1);
    if (!l)
        return NULL;
    for (size_t i = 0; i < host.len; i++)
        l->host[i] = ascii_lower(host.ptr[i]);
    l->job.kind = &kind;
    l->job.key = (str) { l->host, host.len };
    return l;
}

int look_up_start(struct look_up *l, struct worker *w, enum worker_class class)
{
    l->job.class = class;
    int error = worker_start(w, &l->job);
    if (error)
        free(l);
    return error;
}

void look_up_forget(struct look_up *l)
{
    worker_abandon(&l->job);
}
