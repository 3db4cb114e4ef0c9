/* SPDX-License-Identifier: MIT */
/* What is known of a name is an answer and its age, by the clock that counts sleep, since addresses
 * change meanwhile. A question is answered from it at once, or it waits: for the look-up, or until
 * its time is over. Those that could be answered from old addresses wait a moment only; so there
 * are two lines of those who wait, each in the order in which their time is over, and one timer. */
#include "io/resolver.h"

#include <stdio.h>

#include "base/buf.h"
#include "io/known_addresses.h"

static const uint64_t ns_per_ms = 1000000;
static const char closing[] = "names are no longer looked up, since all is being closed";
static const char out_of_memory[] = "out of memory";

enum line { HASTY, PATIENT, LINES };

struct resolver {
    struct resolver_options o;
    struct table names;
    struct list unused; /* names without a holder, the last one last */
    unsigned unused_count;
    struct list lines[LINES]; /* queries, by `turn` */
    struct list refused;      /* queries that nothing was started for, by `link` */
    struct timer timer;
    bool stopped;
    char late[64]; /* what is told when time is over */
};

struct resolver_name {
    struct table_node node;
    struct resolver *resolver;
    struct list unused_link;
    unsigned holders;
    struct list waiting;     /* queries, by `link` */
    struct look_up *look_up; /* NULL: none is under way */
    uint64_t looked_ns;      /* when the last one was begun; 0: never */
    struct known_addresses known;
    size_t size; /* of this struct and the host */
    size_t host_len;
    char host[];
};

/* --- what is known of a name --- */

static uint64_t since_looked_ms(const struct resolver_name *n)
{
    return (timers_age_ns() - n->looked_ns) / ns_per_ms;
}

static bool is_usable(const struct resolver_name *n)
{
    return known_addresses_are_usable(&n->known, timers_age_ns());
}

/* It was, or is. */
static bool is_slow(const struct resolver_name *n)
{
    return n->known.slow || (n->look_up && since_looked_ms(n) >= RESOLVER_PATIENCE_MS);
}

static bool recheck_is_due(const struct resolver_name *n)
{
    return !n->known.is_fixed && since_looked_ms(n) > RESOLVER_RECHECK_MS;
}

/* --- telling --- */

static void query_end(struct resolver_query *q, const char *problem)
{
    list_remove(&q->link);
    list_remove(&q->turn);
    q->waits = false;
    q->on_done(q, problem);
}

/* A callback may forget the queries behind it, ask again, or release the name. */
static void tell_all(struct list *queries, const char *problem, bool starved)
{
    struct list told;
    list_init(&told);
    list_move_all(&told, queries);
    while (!list_empty(&told)) {
        struct resolver_query *q = CONTAINER_OF(told.next, struct resolver_query, link);
        q->starved = q->starved || starved;
        query_end(q, q->problem ? q->problem : problem);
    }
}

static uint64_t limit_ns(const struct resolver *r, enum line line)
{
    uint64_t limit_ms = r->o.limit_ms;
    if (line == HASTY && (!limit_ms || limit_ms > RESOLVER_PATIENCE_MS))
        limit_ms = RESOLVER_PATIENCE_MS;
    return limit_ms * ns_per_ms;
}

/* TIMER_OFF: nobody waits in it, or they have all the time. */
static uint64_t line_due_ns(const struct resolver *r, enum line line)
{
    const struct list *first = r->lines[line].next;
    uint64_t limit = limit_ns(r, line);
    if (first == &r->lines[line] || !limit)
        return TIMER_OFF;
    return CONTAINER_OF(first, struct resolver_query, turn)->asked_ns + limit;
}

static void set_timer(struct resolver *r)
{
    uint64_t hasty = line_due_ns(r, HASTY), patient = line_due_ns(r, PATIENT);
    uint64_t due_ns = hasty < patient ? hasty : patient;
    timer_set(&r->timer, list_empty(&r->refused) ? due_ns : timers_now_ns());
}

static void tell_late(struct resolver *r, enum line line, uint64_t now_ns, const char *problem)
{
    while (line_due_ns(r, line) <= now_ns)
        query_end(CONTAINER_OF(r->lines[line].next, struct resolver_query, turn), problem);
}

static void on_timer(struct timer *timer)
{
    struct resolver *r = CONTAINER_OF(timer, struct resolver, timer);
    uint64_t now_ns = timers_now_ns();
    tell_all(&r->refused, "", false);
    tell_late(r, HASTY, now_ns, NULL);
    tell_late(r, PATIENT, now_ns, r->late);
    set_timer(r);
}

static void wait_in(struct list *queries, struct resolver_query *q, const char *problem)
{
    q->waits = true;
    q->starved = problem == out_of_memory;
    q->problem = problem;
    list_init(&q->turn);
    list_put_last(queries, &q->link);
}

static void refuse(struct resolver *r, struct resolver_query *q, const char *problem)
{
    wait_in(&r->refused, q, problem);
    set_timer(r);
}

static void wait_for(struct resolver_name *n, struct resolver_query *q)
{
    struct resolver *r = n->resolver;
    wait_in(&n->waiting, q, NULL);
    q->asked_ns = timers_now_ns();
    list_put_last(&r->lines[is_usable(n) ? HASTY : PATIENT], &q->turn);
    set_timer(r);
}

void resolver_forget(struct resolver_query *q)
{
    if (!q->waits)
        return;
    q->waits = false;
    list_remove(&q->link);
    list_remove(&q->turn);
}

/* --- opening and closing --- */

int resolver_open(struct resolver **out, const struct resolver_options *o)
{
    struct resolver *r = alloc_new(&o->alloc, sizeof *r);
    if (!r)
        return PIPEPOLL_ENOMEM;
    int failed = timer_init(&r->timer, o->timers, on_timer);
    if (failed) {
        alloc_free(&o->alloc, r, sizeof *r);
        return failed;
    }
    r->o = *o;
    table_init(&r->names, o->alloc, timers_random_seed());
    list_init(&r->unused);
    list_init(&r->refused);
    for (int i = 0; i < LINES; i++)
        list_init(&r->lines[i]);
    snprintf(r->late, sizeof r->late, "the name look-up took longer than %g s", o->limit_ms / 1e3);
    *out = r;
    return 0;
}

static void name_free(struct resolver_name *n)
{
    struct resolver *r = n->resolver;
    list_remove(&n->unused_link);
    r->unused_count--;
    table_remove(&r->names, &n->node);
    if (n->look_up)
        look_up_forget(n->look_up);
    alloc_free(&r->o.alloc, n, n->size);
}

static void trim_unused(struct resolver *r, unsigned most)
{
    while (r->unused_count > most)
        name_free(CONTAINER_OF(r->unused.next, struct resolver_name, unused_link));
}

void resolver_close(struct resolver *r)
{
    struct alloc alloc = r->o.alloc;
    trim_unused(r, 0);
    table_deinit(&r->names);
    timer_deinit(&r->timer);
    alloc_free(&alloc, r, sizeof *r);
}

static void turn_away(struct resolver *r, struct resolver_query *q)
{
    resolver_forget(q);
    refuse(r, q, closing);
}

void resolver_stop_waiting(struct resolver *r)
{
    r->stopped = true;
    for (int line = 0; line < LINES; line++)
        while (!list_empty(&r->lines[line]))
            turn_away(r, CONTAINER_OF(r->lines[line].next, struct resolver_query, turn));
}

/* --- names --- */

static uint64_t hash_of(const struct resolver *r, str host)
{
    uint64_t hash = r->names.seed;
    char piece[8];
    for (size_t i = 0, len; i < host.len; i += len) {
        for (len = 0; len < sizeof piece && i + len < host.len; len++)
            piece[len] = ascii_lower(host.ptr[i + len]);
        hash = table_hash(hash, (str) { piece, len });
    }
    return hash;
}

static struct resolver_name *name_find(const struct resolver *r, str host, uint64_t hash)
{
    for (struct table_node *t = table_first(&r->names, hash); t; t = table_next(t)) {
        struct resolver_name *n = CONTAINER_OF(t, struct resolver_name, node);
        if (str_eq_nocase(resolver_host(n), host))
            return n;
    }
    return NULL;
}

static struct resolver_name *name_new(struct resolver *r, str host, uint64_t hash)
{
    size_t size = sizeof(struct resolver_name) + host.len;
    struct resolver_name *n = alloc_new(&r->o.alloc, size);
    if (!n)
        return NULL;
    n->resolver = r;
    n->size = size;
    n->host_len = host.len;
    memcpy(n->host, host.ptr, host.len);
    list_init(&n->waiting);
    list_put_last(&r->unused, &n->unused_link);
    r->unused_count++;
    table_put(&r->names, &n->node, hash);
    known_addresses_fix(&n->known, host);
    return n;
}

struct resolver_name *resolver_hold(struct resolver *r, str host)
{
    uint64_t hash = hash_of(r, host);
    struct resolver_name *n = name_find(r, host, hash);
    if (!n)
        n = name_new(r, host, hash);
    if (n && !n->holders++) {
        list_remove(&n->unused_link);
        r->unused_count--;
    }
    return n;
}

void resolver_release(struct resolver_name *n)
{
    if (!n || --n->holders)
        return;
    struct resolver *r = n->resolver;
    list_put_last(&r->unused, &n->unused_link);
    r->unused_count++;
    trim_unused(r, RESOLVER_UNUSED_MAX);
}

str resolver_host(const struct resolver_name *n)
{
    return (str) { n->host, n->host_len };
}

const char *resolver_addresses(const struct resolver_name *n, char text[RESOLVER_TEXT_SIZE])
{
    struct buf out = { .at = text, .cap = RESOLVER_TEXT_SIZE };
    known_addresses_put(&out, &n->known);
    return buf_cstr(&out);
}

/* --- looking up --- */

static void on_looked_up(struct look_up *l)
{
    struct resolver_name *n = l->ctx;
    n->look_up = NULL;
    known_addresses_learn(&n->known, &l->answer, timers_age_ns());
    bool is_good = is_usable(n);
    /* n may be gone then */
    tell_all(&n->waiting, is_good ? NULL : l->answer.problem, !is_good && l->answer.starved);
}

static enum worker_class class_of(const struct resolver_name *n)
{
    if (n->known.slow)
        return WORKER_NAME_SLOW;
    return n->known.answered_ns ? WORKER_NAME_KNOWN : WORKER_NAME_NEW;
}

/* Returns the problem, or NULL. */
static const char *look_up(struct resolver_name *n)
{
    if (n->look_up)
        return NULL;
    struct look_up *l = look_up_new(resolver_host(n));
    n->looked_ns = timers_age_ns();
    if (!l)
        return out_of_memory;
    l->on_done = on_looked_up;
    l->ctx = n;
    if (look_up_start(l, n->resolver->o.worker, class_of(n)))
        return "no thread could be started for the name look-up (is there a limit on processes?)";
    n->look_up = l;
    return NULL;
}

bool resolver_ask(struct resolver_name *n, struct resolver_query *q)
{
    struct resolver *r = n->resolver;
    bool usable = is_usable(n);
    /* Nobody waits again and again for a name service that has failed. */
    bool serves =
        usable && !n->known.distrusted &&
        (known_addresses_are_fresh(&n->known, timers_age_ns()) || n->known.failed || is_slow(n));
    if (serves) {
        if (recheck_is_due(n) && !r->stopped)
            look_up(n);
        return true;
    }
    const char *problem = r->stopped ? closing : look_up(n);
    if (problem && usable)
        return true;
    if (problem)
        refuse(r, q, problem);
    else
        wait_for(n, q);
    return false;
}

void resolver_distrust(struct resolver_name *n)
{
    n->known.distrusted = !n->known.is_fixed;
}

bool resolver_leads_to(struct resolver_name *n, const struct address *peer)
{
    if (recheck_is_due(n) && !n->resolver->stopped)
        look_up(n);
    return known_addresses_lead_to(&n->known, peer, timers_age_ns());
}
