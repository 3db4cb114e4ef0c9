/* SPDX-License-Identifier: MIT */
/* Nothing is removed, started or told from inside libcurl's own callbacks, which forbid it: results
 * are collected into a list of ours, and then told.
 *
 * When libcurl 7.88.1 cannot note a socket for lack of memory, it leaves a table of no size behind,
 * and divides by that size the next time. So a multi that has said so is asked nothing more: what
 * it works on ends, and it lives until its last handle has left. */
#define CURL_DISABLE_DEPRECATION /* curl_multi_socket_all() */
#include "io/multi.h"

/* More rounds than a name has addresses. */
enum { ROUNDS_MAX = 2 * 16 };

/* When an address refuses, libcurl 7.88.1 turns to the next one without opening a socket for it,
 * and waits then, with no event to come, for half of the connect timeout. Nothing but a round
 * through all handles of the multi makes it go on. */
static int go_on(struct multi *m)
{
    int running = (int)m->working;
    for (int i = 0; i < ROUNDS_MAX && m->watcher.watched < m->working && !m->starved; i++) {
        m->starved |= curl_multi_socket_all(m->curl, &running) == CURLM_OUT_OF_MEMORY;
        if ((unsigned)running < m->working)
            break; /* some have ended, and are to be collected */
    }
    return running;
}

/* How many handles it still works on. */
static int turn(struct multi *m, curl_socket_t fd, int bits)
{
    int running = 0;
    m->starved |= curl_multi_socket_action(m->curl, fd, bits, &running) == CURLM_OUT_OF_MEMORY;
    return (unsigned)running == m->working && !m->starved ? go_on(m) : running;
}

static void note_done(struct multi *m, struct multi_user *u, CURLcode code, struct list *done)
{
    u->code = code;
    u->working = false;
    m->working--;
    list_remove(&u->link);
    list_put_last(done, &u->link);
    if (code)
        curl_multi_remove_handle(m->curl, u->easy);
}

static void collect(struct multi *m, struct list *done)
{
    CURLMsg *message;
    for (int left; (message = curl_multi_info_read(m->curl, &left)) != NULL;) {
        void *private = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        note_done(m, private, message->data.result, done);
    }
    while (m->starved && !list_empty(&m->at_work)) {
        struct multi_user *u = CONTAINER_OF(m->at_work.next, struct multi_user, link);
        note_done(m, u, CURLE_OUT_OF_MEMORY, done);
    }
}

static void act(struct socket_watcher *watcher, curl_socket_t fd, int bits)
{
    struct multi *m = CONTAINER_OF(watcher, struct multi, watcher);
    struct list done;
    list_init(&done);
    if (!m->starved)
        turn(m, fd, bits);
    collect(m, &done);
    for (struct list *l; (l = list_pop_first(&done)) != NULL;) {
        struct multi_user *u = CONTAINER_OF(l, struct multi_user, link);
        u->on_done(u, u->code);
    }
}

static void on_soon(struct timer *soon)
{
    act(&CONTAINER_OF(soon, struct multi, soon)->watcher, CURL_SOCKET_TIMEOUT, 0);
}

static void on_timer(struct timer *timer)
{
    act(&CONTAINER_OF(timer, struct multi, timer)->watcher, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *curl, long timeout_ms, void *data)
{
    struct multi *m = data;
    uint64_t ns = (uint64_t)timeout_ms * 1000000;
    timer_set(&m->timer, timeout_ms < 0 ? TIMER_OFF : timers_now_ns() + ns);
    return 0;
}

struct multi *multi_open(struct sockets *sockets, struct timers *timers, const struct alloc *alloc)
{
    struct multi *m = alloc_new(alloc, sizeof *m);
    if (!m)
        return NULL;
    m->alloc = *alloc;
    m->watcher = (struct socket_watcher) { .sockets = sockets, .ready = act };
    m->curl = curl_multi_init();
    if (!m->curl || timer_init(&m->timer, timers, on_timer) ||
        timer_init(&m->soon, timers, on_soon)) {
        timer_deinit(&m->timer);
        curl_multi_cleanup(m->curl);
        return alloc_free(alloc, m, sizeof *m);
    }
    list_init(&m->link);
    list_init(&m->at_work);
    curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, sockets_on_curl);
    curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, &m->watcher);
    curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
    curl_multi_setopt(m->curl, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return m;
}

void multi_close(struct multi *m)
{
    struct alloc alloc = m->alloc;
    curl_multi_cleanup(m->curl);
    sockets_leave(&m->watcher); /* of sockets that libcurl closed without a word */
    timer_deinit(&m->timer);
    timer_deinit(&m->soon);
    alloc_free(&alloc, m, sizeof *m);
}

bool multi_add(struct multi *m, struct multi_user *u)
{
    if (m->starved)
        return false;
    u->multi = m;
    list_init(&u->link);
    curl_easy_setopt(u->easy, CURLOPT_PRIVATE, u);
    if (curl_multi_add_handle(m->curl, u->easy))
        return false;
    u->working = true;
    m->working++;
    list_put_last(&m->at_work, &u->link);
    /* Begin now instead of by a timer of 0 ms. What ends at once is told from the loop. */
    int running = turn(m, CURL_SOCKET_TIMEOUT, 0);
    if (m->starved || (unsigned)running < m->working)
        timer_set(&m->soon, timers_now_ns());
    return true;
}

void multi_remove(struct multi_user *u)
{
    curl_multi_remove_handle(u->multi->curl, u->easy);
    list_remove(&u->link);
    u->multi->working -= u->working;
    u->working = false;
}
