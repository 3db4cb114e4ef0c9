/* A stream is one of libcurl's own transfers, for HTTP/2: those of a multi share a connection where
 * the server agrees by ALPN, and are HTTP/1.1 where it does not. For that case: libcurl 7.88 fails
 * a request when the peer has reset more than five idle connections of a multi, hence five; and a
 * handle counts the dead connections it met over its whole life and gives up at the sixth, hence a
 * new handle after each that had to open a connection. Its clock stands still while the machine
 * sleeps, so that idle connections would look young: none outlives a sleep. */
#include "base/buf.h"
#include "io/curl_fault.h"
#include "io/pool.h"
#include "io/transfer.h"

enum { IDLE_AGE_S = 60, LIFETIME_S = 600 };
static const uint64_t sleep_ns = 1000000000; /* less is but the time from one clock to the other */

struct stream {
    struct multi_user user; /* first: its handle and multi */
    struct pool *pool;
    struct list idle_link;
    struct route_query way;
    struct transfer *x;                               /* NULL: idle */
    struct curl_slist lines[TRANSFER_HEAD_LINES + 2]; /* nodes point into the transfer's head */
    bool fresh;         /* its last connection broke or hung: the next transfer opens one */
    bool worn;          /* opened a connection: to be replaced */
    bool forbids_reuse; /* the service failed: this connection is not kept */
    bool special;       /* its last request was no POST to the pool's own path */
    bool noted;         /* what the connection tells, if it is a new one */
    char error[CURL_ERROR_SIZE];
};

static void stream_close(struct stream *s)
{
    const struct alloc *alloc = &s->pool->transport->o.alloc;
    curl_easy_cleanup(s->user.easy);
    pool_give_multi(s->pool, s->user.multi);
    alloc_free(alloc, s, sizeof *s);
}

/* --- the end --- */

static void stream_end(struct stream *s, enum fault fault, const char *detail)
{
    struct transfer *x = s->x;
    long opened = 0;
    curl_easy_getinfo(s->user.easy, CURLINFO_NUM_CONNECTS, &opened);
    s->pool->transport->connections += (uint64_t)opened;
    x->carrier = NULL;
    s->x = NULL;
    s->fresh = fault == FAULT_UNREACHABLE || fault == FAULT_TIMED_OUT;
    s->worn = opened > 0;
    s->pool->busy--;
    list_put_first(&s->pool->idle, &s->idle_link);
    transfer_end(x, fault, detail);
}

static void on_transferred(struct multi_user *user, CURLcode code)
{
    struct stream *s = CONTAINER_OF(user, struct stream, user);
    const char *error = s->error[0] ? s->error : curl_easy_strerror(code);
    char text[ROUTE_PROBLEM_SIZE];
    long status = 0;
    curl_easy_getinfo(user->easy, CURLINFO_RESPONSE_CODE, &status);
    s->x->http_status = (int)status;
    if (code && !s->noted && !status)
        error = route_blame(&s->pool->route, user->easy, error, text);
    stream_end(s, curl_fault(code), error);
}

static void on_expire(struct transfer *x)
{
    struct stream *s = x->carrier;
    bool awaits_address = s->way.lookup.waits;
    route_forget(&s->way);
    multi_remove(&s->user);
    stream_end(s, FAULT_TIMED_OUT,
               awaits_address ? "no address of the host in time" : "no whole answer in time");
}

/* --- the answer --- */

/* "HTTP/1.1 503 ..." or "HTTP/2 503" */
static int status_of(str line)
{
    str rest = str_skip(line, str_find(line, ' '));
    int status = 0;
    for (size_t i = 1; i < rest.len && i <= 3 && rest.ptr[i] >= '0' && rest.ptr[i] <= '9'; i++)
        status = status * 10 + (rest.ptr[i] - '0');
    return status;
}

/* The connection can be asked only while the transfer is on it. */
static void note_connection(struct stream *s)
{
    long opened = 0;
    curl_easy_getinfo(s->user.easy, CURLINFO_NUM_CONNECTS, &opened);
    if (opened && !s->noted)
        route_note(&s->way, s->user.easy);
    s->noted = true;
}

static size_t on_header(char *line, size_t unit, size_t count, void *data)
{
    struct stream *s = data;
    str text = { line, unit * count };
    if (!transfer_count_head(s->x, text.len, 1))
        return 0;
    size_t colon = str_find(text, ':');
    if (str_starts(text, STR("HTTP/"))) {
        note_connection(s);
        transfer_put_status(s->x, status_of(text));
        if (s->x->http_status >= 500 && !s->forbids_reuse) {
            s->forbids_reuse = true;
            curl_easy_setopt(s->user.easy, CURLOPT_FORBID_REUSE, 1L);
        }
    } else if (colon < text.len) {
        struct wanted_header *wanted = transfer_wanted(s->x, (str) { text.ptr, colon });
        if (wanted)
            transfer_put_value(s->x, wanted, str_trim(str_skip(text, colon + 1)));
    }
    return text.len;
}

static size_t on_body(char *bytes, size_t unit, size_t count, void *data)
{
    struct stream *s = data;
    return transfer_put_body(s->x, (str) { bytes, unit * count }) ? unit * count : 0;
}

/* --- the start --- */

static void on_found(struct route_query *way, const char *problem)
{
    struct stream *s = CONTAINER_OF(way, struct stream, way);
    if (problem) {
        stream_end(s, FAULT_UNREACHABLE, problem);
        return;
    }
    route_follow(way, s->user.easy);
    if (!multi_add(s->user.multi, &s->user))
        stream_end(s, FAULT_OUT_OF_MEMORY, "out of memory");
}

/* Options are set once: setting them costs more than sending. */
static bool stream_renew(struct stream *s)
{
    CURL *easy = pool_new_easy(s->pool);
    if (!easy)
        return false;
    curl_easy_cleanup(s->user.easy);
    s->user.easy = easy;
    s->worn = s->forbids_reuse = s->special = false;
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_AGE_S);
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, (long)LIFETIME_S);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, s->error);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, s->lines);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, s);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, s);
    return true;
}

static struct stream *stream_new(struct pool *pool)
{
    const struct alloc *alloc = &pool->transport->o.alloc;
    struct stream *s = alloc_new(alloc, sizeof *s);
    if (!s)
        return NULL;
    s->pool = pool;
    s->user.on_done = on_transferred;
    s->way = (struct route_query) { .route = &pool->route, .on_found = on_found };
    s->worn = true;
    list_init(&s->idle_link);
    list_init(&s->user.done_link);
    s->user.multi = pool_take_multi(pool);
    return s->user.multi ? s : alloc_free(alloc, s, sizeof *s);
}

/* libcurl takes header lines as a list of C strings: the nodes lie here, the strings in the
 * caller's own bytes. The first two keep libcurl from adding lines of its own. */
static bool set_head(struct stream *s, char *head, size_t len)
{
    static char no_accept[] = "Accept:", no_type[] = "Content-Type:";
    size_t n = 0;
    s->lines[n++].data = no_accept;
    s->lines[n++].data = no_type;
    for (char *line = head, *end = head + len; line < end;) {
        char *line_end = memchr(line, '\r', (size_t)(end - line));
        if (!line_end || n > TRANSFER_HEAD_LINES + 1)
            return false;
        *line_end = '\0';
        s->lines[n++].data = line;
        line = line_end + 2;
    }
    for (size_t i = 0; i < n; i++)
        s->lines[i].next = i + 1 < n ? &s->lines[i + 1] : NULL;
    return true;
}

/* One option of text; libcurl copies it. The room is free: streams send by themselves. */
static bool set_text(struct stream *s, CURLoption option, str text)
{
    struct buf copy = { .at = s->pool->transport->send_room, .cap = SEND_ROOM };
    buf_put(&copy, text);
    return buf_cstr(&copy) && !copy.overflow && !curl_easy_setopt(s->user.easy, option, copy.at);
}

/* Most requests are POSTs to the pool's own path, which costs nothing here. */
static bool set_line(struct stream *s, const struct transfer *x)
{
    CURL *easy = s->user.easy;
    bool is_special = x->method.len || x->path.len;
    if (!is_special && !s->special)
        return true;
    s->special = is_special;
    curl_easy_setopt(easy, transfer_has_body(x) ? CURLOPT_POST : CURLOPT_HTTPGET, 1L);
    return set_text(s, CURLOPT_CUSTOMREQUEST, x->method.len ? x->method : STR("POST")) &&
           set_text(s, CURLOPT_REQUEST_TARGET, x->path.len ? x->path : s->pool->path);
}

static int prepare(struct stream *s, const struct transfer *x)
{
    if (s->worn && !stream_renew(s))
        return PIPEPOLL_ENOMEM;
    if (!set_head(s, x->head, x->head_len))
        return PIPEPOLL_ESYSTEM;
    curl_easy_setopt(s->user.easy, CURLOPT_POSTFIELDSIZE, (long)x->body.len);
    curl_easy_setopt(s->user.easy, CURLOPT_POSTFIELDS, x->body.len ? x->body.ptr : "");
    if (!set_line(s, x)) /* after these, which make it a POST */
        return PIPEPOLL_ENOMEM;
    curl_easy_setopt(s->user.easy, CURLOPT_FRESH_CONNECT, s->fresh ? 1L : 0L);
    if (s->forbids_reuse)
        curl_easy_setopt(s->user.easy, CURLOPT_FORBID_REUSE, 0L);
    s->forbids_reuse = s->noted = false;
    s->error[0] = '\0';
    return 0;
}

/* false: out of memory. Only libcurl knows whether it will connect, so that the addresses are kept
 * up to date for it at all times. */
static bool set_off(struct stream *s)
{
    bool is_dated = route_is_dated(&s->pool->route);
    if (is_dated && !route_find(&s->way))
        return true; /* on_found() comes */
    if (is_dated)
        route_follow(&s->way, s->user.easy);
    return multi_add(s->user.multi, &s->user);
}

static int begin(struct stream *s, struct transfer *x)
{
    int r = prepare(s, x);
    if (!r)
        r = transfer_begin(x, s->pool->transport, on_expire);
    if (r)
        return r;
    s->x = x;
    x->carrier = s;
    if (set_off(s))
        return 0;
    transfer_abandon(x);
    return PIPEPOLL_ENOMEM;
}

/* Ends all connections, unless some are in use: those have their deadlines. */
static void heed_sleep(struct pool *pool)
{
    uint64_t now_ns = wake_now_ns(), slept_ns = wake_age_ns() - now_ns;
    if (slept_ns > pool->slept_ns + sleep_ns && !pool->busy)
        pool->carrier->close_idle(pool);
    pool->slept_ns = slept_ns;
}

static int stream_start(struct transfer *x, struct pool *pool)
{
    heed_sleep(pool);
    struct list *idle = list_pop_first(&pool->idle);
    struct stream *s = idle ? CONTAINER_OF(idle, struct stream, idle_link) : stream_new(pool);
    if (!s)
        return PIPEPOLL_ENOMEM;
    int r = begin(s, x);
    if (r) {
        s->x = NULL;
        x->carrier = NULL;
        list_put_first(&pool->idle, &s->idle_link);
    } else {
        pool->busy++;
    }
    return r;
}

static void close_idle(struct pool *pool)
{
    for (struct list *l; (l = list_pop_first(&pool->idle)) != NULL;)
        stream_close(CONTAINER_OF(l, struct stream, idle_link));
}

const struct carrier carrier_stream = { stream_start, close_idle, 5, true };
