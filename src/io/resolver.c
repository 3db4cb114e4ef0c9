/* An entry for each name, kept until the end: names come from the set-up, so they are few. Ages are
 * measured by the clock that counts sleep, since addresses change meanwhile. */
#include "io/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <uv.h>

#include "base/buf.h"

static const uint64_t ns_per_ms = 1000000;

struct entry {
    uv_getaddrinfo_t request;
    struct resolver *resolver;
    struct list link;
    struct list waiting; /* queries */
    bool is_looking, distrusted;
    uint64_t answered_ns;
    size_t len; /* 0: no answer came yet */
    char addresses[RESOLVER_TEXT_SIZE];
    size_t size; /* of this struct and the name */
    char name[]; /* NUL-terminated */
};

struct resolver {
    struct uv_loop_s *loop;
    struct alloc alloc;
    struct list entries;
    struct list refused; /* queries that no look-up could be started for */
    struct alarm refusal;
    bool is_closing;
    void (*closed)(void *ctx);
    void *ctx;
};

/* --- telling --- */

/* A callback may forget the queries behind it, ask again, or close the resolver. */
static void tell(struct list *queries, str addresses, const char *detail)
{
    struct list told;
    list_init(&told);
    list_move_all(&told, queries);
    for (struct list *l; (l = list_pop_first(&told)) != NULL;) {
        struct resolver_query *q = CONTAINER_OF(l, struct resolver_query, link);
        q->waits = false;
        q->on_done(q, addresses, q->problem ? q->problem : detail);
    }
}

static void on_refusal(struct alarm *alarm)
{
    struct resolver *r = CONTAINER_OF(alarm, struct resolver, refusal);
    tell(&r->refused, (str) { NULL, 0 }, "");
}

static void wait_in(struct list *queries, struct resolver_query *q, const char *problem)
{
    q->waits = true;
    q->problem = problem;
    list_put_last(queries, &q->link);
}

static void refuse(struct resolver *r, struct resolver_query *q, const char *problem)
{
    wait_in(&r->refused, q, problem);
    alarm_set(&r->refusal, wake_now_ns());
}

/* --- opening and closing --- */

int resolver_open(struct resolver **out, struct uv_loop_s *loop, struct wake *wake,
                  const struct alloc *alloc)
{
    struct resolver *r = alloc_new(alloc, sizeof *r);
    if (!r)
        return PIPEPOLL_ENOMEM;
    int failed = alarm_init(&r->refusal, wake, on_refusal);
    if (failed) {
        alloc_free(alloc, r, sizeof *r);
        return failed;
    }
    r->loop = loop;
    r->alloc = *alloc;
    list_init(&r->entries);
    list_init(&r->refused);
    *out = r;
    return 0;
}

static void entry_free(struct entry *e)
{
    list_remove(&e->link);
    alloc_free(&e->resolver->alloc, e, e->size);
}

static void resolver_finish(struct resolver *r)
{
    if (!r->is_closing || !list_empty(&r->entries))
        return;
    void (*closed)(void *ctx) = r->closed;
    void *ctx = r->ctx;
    struct alloc alloc = r->alloc;
    alarm_deinit(&r->refusal);
    alloc_free(&alloc, r, sizeof *r);
    if (closed)
        closed(ctx);
}

void resolver_close(struct resolver *r, void (*closed)(void *ctx), void *ctx)
{
    r->is_closing = true;
    r->closed = closed;
    r->ctx = ctx;
    for (struct list *l = r->entries.next, *next; l != &r->entries; l = next) {
        struct entry *e = CONTAINER_OF(l, struct entry, link);
        next = l->next;
        if (e->is_looking)
            uv_cancel((uv_req_t *)&e->request); /* on_looked_up() comes in any case */
        else
            entry_free(e);
    }
    resolver_finish(r);
}

/* --- looking up --- */

/* A link-local address is of no use without its interface, which CURLOPT_RESOLVE cannot say. */
static void put_address(struct buf *out, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN];
    bool is_ipv6 = address->sa_family == AF_INET6;
    if (is_ipv6 && IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)address)->sin6_addr))
        return;
    if (uv_ip_name(address, text, sizeof text))
        return;
    buf_put(out, out->len ? STR(",") : STR(""));
    buf_put(out, is_ipv6 ? STR("[") : STR(""));
    buf_put(out, str_of(text));
    buf_put(out, is_ipv6 ? STR("]") : STR(""));
}

/* Returns the problem, or NULL. */
static const char *take_answer(struct entry *e, int status, const struct addrinfo *found)
{
    struct buf out = BUF_ON(e->addresses);
    if (status)
        return uv_strerror(status);
    for (int n = 0; found && n < RESOLVER_ADDRESSES_MAX; found = found->ai_next, n++)
        put_address(&out, found->ai_addr);
    if (!out.len)
        return "it has no address";
    e->len = out.len;
    e->answered_ns = wake_age_ns();
    return NULL;
}

static uint64_t age_ms(const struct entry *e)
{
    return (wake_age_ns() - e->answered_ns) / ns_per_ms;
}

static bool is_usable(const struct entry *e)
{
    return e->len && age_ms(e) <= RESOLVER_STALE_MS;
}

static void on_looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct entry *e = CONTAINER_OF(request, struct entry, request);
    struct resolver *r = e->resolver;
    char text[RESOLVER_TEXT_SIZE]; /* of our own: a callback may close the resolver */
    e->is_looking = false;
    if (r->is_closing) {
        uv_freeaddrinfo(found);
        entry_free(e);
        resolver_finish(r);
        return;
    }
    const char *problem = take_answer(e, status, found);
    uv_freeaddrinfo(found);
    e->distrusted = false;
    size_t len = is_usable(e) ? e->len : 0;
    memcpy(text, e->addresses, len);
    tell(&e->waiting, (str) { text, len }, len ? "" : problem);
}

/* Returns the problem, or NULL. */
static const char *look_up(struct entry *e)
{
    static const struct addrinfo any_family = { .ai_socktype = SOCK_STREAM };
    if (e->is_looking)
        return NULL;
    int status =
        uv_getaddrinfo(e->resolver->loop, &e->request, on_looked_up, e->name, NULL, &any_family);
    e->is_looking = !status;
    return status ? uv_strerror(status) : NULL;
}

/* --- asking --- */

static bool is_literal(int family, str host)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char address[sizeof(struct in6_addr)];
    struct buf plain = BUF_ON(text);
    buf_put(&plain, host);
    buf_cstr(&plain);
    return !plain.overflow && uv_inet_pton(family, text, address) == 0;
}

static void put_text(char *text, str addresses)
{
    struct buf out = { .at = text, .cap = RESOLVER_TEXT_SIZE };
    buf_put(&out, addresses);
    buf_cstr(&out);
}

static bool put_literal(char *text, str host)
{
    bool has_brackets = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (is_literal(AF_INET, host) ||
        (has_brackets && is_literal(AF_INET6, (str) { host.ptr + 1, host.len - 2 })))
        put_text(text, host);
    else if (str_eq_nocase(host, STR("localhost")))
        put_text(text, STR("127.0.0.1,[::1]"));
    else
        return false;
    return true;
}

static struct entry *find(const struct resolver *r, str host)
{
    for (struct list *l = r->entries.next; l != &r->entries; l = l->next) {
        struct entry *e = CONTAINER_OF(l, struct entry, link);
        if (str_eq_nocase(str_of(e->name), host))
            return e;
    }
    return NULL;
}

static struct entry *find_or_add(struct resolver *r, str host)
{
    struct entry *e = find(r, host);
    if (e)
        return e;
    size_t size = sizeof *e + host.len + 1;
    e = alloc_new(&r->alloc, size);
    if (!e)
        return NULL;
    e->resolver = r;
    e->size = size;
    memcpy(e->name, host.ptr, host.len);
    list_init(&e->waiting);
    list_put_last(&r->entries, &e->link);
    return e;
}

bool resolver_ask(struct resolver *r, struct resolver_query *q, str host, char *text)
{
    if (put_literal(text, host))
        return true;
    struct entry *e = find_or_add(r, host);
    if (!e) {
        refuse(r, q, "out of memory");
        return false;
    }
    bool serves = is_usable(e) && !e->distrusted;
    const char *problem = serves && age_ms(e) <= RESOLVER_FRESH_MS ? NULL : look_up(e);
    if (serves)
        put_text(text, (str) { e->addresses, e->len });
    else if (problem)
        refuse(r, q, problem);
    else
        wait_in(&e->waiting, q, NULL);
    return serves;
}

void resolver_forget(struct resolver_query *q)
{
    if (q->waits)
        list_remove(&q->link);
    q->waits = false;
}

void resolver_distrust(struct resolver *r, str host)
{
    struct entry *e = find(r, host);
    if (e)
        e->distrusted = true;
}
