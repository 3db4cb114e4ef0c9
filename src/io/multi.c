/* Nothing is removed, started or told from inside libcurl's own callbacks, which forbid it: results
 * are collected into a list of ours, and then told. */
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
    for (int i = 0; i < ROUNDS_MAX && m->watcher.watched < m->working; i++) {
        curl_multi_socket_all(m->curl, &running);
        if ((unsigned)running < m->working)
            break; /* some have ended, and are to be collected */
    }
    return running;
}

static void collect(struct multi *m, struct list *done)
{
    CURLMsg *message;
    for (int left; (message = curl_multi_info_read(m->curl, &left)) != NULL;) {
        void *private = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        struct multi_user *u = private;
        u->code = message->data.result;
        u->working = false;
        m->working--;
        list_put_last(done, &u->done_link);
        if (u->code)
            curl_multi_remove_handle(m->curl, u->easy);
    }
}

static void act(struct socket_watcher *watcher, curl_socket_t fd, int bits)
{
    struct multi *m = CONTAINER_OF(watcher, struct multi, watcher);
    struct list done;
    int running;
    list_init(&done);
    curl_multi_socket_action(m->curl, fd, bits, &running);
    if ((unsigned)running == m->working)
        go_on(m);
    collect(m, &done);
    for (struct list *l; (l = list_pop_first(&done)) != NULL;) {
        struct multi_user *u = CONTAINER_OF(l, struct multi_user, done_link);
        u->on_done(u, u->code);
    }
}

static void on_soon(struct alarm *soon)
{
    act(&CONTAINER_OF(soon, struct multi, soon)->watcher, CURL_SOCKET_TIMEOUT, 0);
}

static void on_timer(struct alarm *timer)
{
    act(&CONTAINER_OF(timer, struct multi, timer)->watcher, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *curl, long timeout_ms, void *data)
{
    (void)curl;
    struct multi *m = data;
    uint64_t ns = (uint64_t)timeout_ms * 1000000;
    alarm_set(&m->timer, timeout_ms < 0 ? ALARM_OFF : wake_now_ns() + ns);
    return 0;
}

struct multi *multi_open(struct sockets *sockets, struct wake *wake, const struct alloc *alloc)
{
    struct multi *m = alloc_new(alloc, sizeof *m);
    if (!m)
        return NULL;
    m->alloc = *alloc;
    m->watcher = (struct socket_watcher) { .sockets = sockets, .ready = act };
    m->curl = curl_multi_init();
    if (!m->curl || alarm_init(&m->timer, wake, on_timer) || alarm_init(&m->soon, wake, on_soon)) {
        alarm_deinit(&m->timer);
        curl_multi_cleanup(m->curl);
        return alloc_free(alloc, m, sizeof *m);
    }
    list_init(&m->link);
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
    alarm_deinit(&m->timer);
    alarm_deinit(&m->soon);
    alloc_free(&alloc, m, sizeof *m);
}

bool multi_add(struct multi *m, struct multi_user *u)
{
    u->multi = m;
    list_init(&u->done_link);
    curl_easy_setopt(u->easy, CURLOPT_PRIVATE, u);
    if (curl_multi_add_handle(m->curl, u->easy))
        return false;
    u->working = true;
    m->working++;
    /* Begin now instead of by a timer of 0 ms. What ends at once is told from the loop. */
    int running = 0;
    curl_multi_socket_action(m->curl, CURL_SOCKET_TIMEOUT, 0, &running);
    if ((unsigned)running == m->working)
        running = go_on(m);
    if ((unsigned)running < m->working)
        alarm_set(&m->soon, wake_now_ns());
    return true;
}

void multi_remove(struct multi_user *u)
{
    curl_multi_remove_handle(u->multi->curl, u->easy);
    list_remove(&u->done_link);
    u->multi->working -= u->working;
    u->working = false;
}
