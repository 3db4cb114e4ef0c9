/* One transfer from start to on_done(). Nothing is removed, started or told from inside libcurl's
 * own callbacks: results are collected first, then told from a clean stack. */
#include "base/buf.h"
#include "io/curl_fault.h"
#include "io/lane.h"
#include "io/transport.h"

static const uint64_t ns_per_ms = 1000000;

/* --- the end --- */

/* Tells the owner, who may start x again, or free it, or close the pool. */
static void transfer_finish(struct transfer *x, CURLcode code)
{
    struct lane *lane = x->lane;
    long status = 0, opened = 0;
    curl_easy_getinfo(lane->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(lane->easy, CURLINFO_NUM_CONNECTS, &opened);
    lane->multi->pool->transport->connections += (uint64_t)opened;
    x->http_status = (int)status;
    x->fault = x->out_of_memory ? FAULT_OUT_OF_MEMORY : curl_fault(code);
    x->detail = x->too_long      ? "the answer is longer than allowed"
                : x->overdue     ? "no whole answer in time"
                : lane->error[0] ? lane->error
                                 : curl_easy_strerror(code);
    alarm_deinit(&x->deadline);
    x->lane = NULL;
    lane->transfer = NULL;
    lane->fresh = x->fault == FAULT_UNREACHABLE;
    lane->worn = opened > 0;
    lane->multi->busy--;
    lane_give(lane);
    x->on_done(x);
}

void transfer_drain(struct multi *m)
{
    struct list done;
    list_init(&done);
    CURLMsg *message;
    for (int left; (message = curl_multi_info_read(m->curl, &left)) != NULL;) {
        void *private = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        struct lane *lane = private;
        lane->transfer->result = (int)message->data.result;
        list_put_last(&done, &lane->transfer->done_link);
        curl_multi_remove_handle(m->curl, lane->easy);
    }
    for (struct list *l; (l = list_pop_first(&done)) != NULL;) {
        struct transfer *x = CONTAINER_OF(l, struct transfer, done_link);
        transfer_finish(x, (CURLcode)x->result);
    }
}

/* When the loop was late, the answer may lie in the socket already: libuv rings timers before it
 * looks at sockets. So the deadline takes one more turn of the loop before it ends a transfer. */
static void on_deadline(struct alarm *deadline)
{
    struct transfer *x = CONTAINER_OF(deadline, struct transfer, deadline);
    if (!x->overdue) {
        x->overdue = true;
        alarm_set(deadline, wake_now_ns());
        return;
    }
    curl_multi_remove_handle(x->lane->multi->curl, x->lane->easy);
    transfer_finish(x, CURLE_OPERATION_TIMEDOUT);
}

/* --- the answer --- */

static void keep_if_wanted(struct transfer *x, str name, str value)
{
    for (size_t i = 0; i < x->wanted_count; i++) {
        if (!str_eq_nocase(x->wanted[i].name, name) || value.len > sizeof x->values - x->values_len)
            continue;
        char *at = x->values + x->values_len;
        memcpy(at, value.ptr, value.len);
        x->values_len += value.len;
        x->wanted[i].value = (str) { at, value.len };
    }
}

static void forget_headers(struct transfer *x)
{
    x->values_len = 0;
    for (size_t i = 0; i < x->wanted_count; i++)
        x->wanted[i].value = (str) { NULL, 0 };
}

/* "HTTP/1.1 503 ..." or "HTTP/2 503": the one digit that tells a failing service. */
static bool is_server_failure(str status_line)
{
    size_t blank = str_find(status_line, ' ');
    return blank + 1 < status_line.len && status_line.ptr[blank + 1] == '5';
}

size_t transfer_on_header(char *line, size_t unit, size_t count, void *data)
{
    struct lane *lane = data;
    struct transfer *x = lane->transfer;
    str text = { line, unit * count };
    x->header_bytes += text.len;
    if (x->header_bytes > TRANSFER_HEADERS_MAX || ++x->header_lines > TRANSFER_HEADER_LINES_MAX) {
        x->too_long = true;
        return 0;
    }
    size_t colon = str_find(text, ':');
    if (str_starts(text, STR("HTTP/"))) {
        forget_headers(x); /* after 1xx another head follows */
        if (is_server_failure(text) && !lane->forbids_reuse) {
            lane->forbids_reuse = true;
            curl_easy_setopt(lane->easy, CURLOPT_FORBID_REUSE, 1L);
        }
    } else if (colon < text.len) {
        keep_if_wanted(x, (str) { text.ptr, colon }, str_trim(str_skip(text, colon + 1)));
    }
    return text.len;
}

static bool make_room(struct transfer *x, const struct alloc *alloc, size_t len)
{
    if (len <= x->answer_cap)
        return true;
    size_t cap = x->answer_cap ? x->answer_cap : TRANSFER_ANSWER_FIRST;
    while (cap < len)
        cap *= 2;
    char *more = alloc_resize(alloc, x->answer, x->answer_cap, cap);
    if (!more)
        return false;
    x->answer = more;
    x->answer_cap = cap;
    return true;
}

size_t transfer_on_body(char *bytes, size_t unit, size_t count, void *data)
{
    struct lane *lane = data;
    struct transfer *x = lane->transfer;
    size_t size = unit * count;
    x->too_long = size > TRANSFER_ANSWER_MAX - x->answer_len;
    if (x->too_long)
        return 0;
    x->out_of_memory = !make_room(x, &lane->multi->pool->transport->o.alloc, x->answer_len + size);
    if (x->out_of_memory)
        return 0;
    memcpy(x->answer + x->answer_len, bytes, size);
    x->answer_len += size;
    return size;
}

/* --- the start --- */

/* libcurl takes header lines as a list of C strings: the nodes lie in the lane, the strings in the
 * caller's own bytes. The first line keeps libcurl from adding one of its own. */
static bool set_head(struct lane *lane, char *head, size_t len)
{
    static char no_accept[] = "Accept:";
    size_t n = 0;
    lane->lines[n++].data = no_accept;
    for (char *line = head, *end = head + len; line < end;) {
        char *line_end = memchr(line, '\r', (size_t)(end - line));
        if (!line_end || n > TRANSFER_HEAD_LINES)
            return false;
        *line_end = '\0';
        lane->lines[n++].data = line;
        line = line_end + 2;
    }
    for (size_t i = 0; i < n; i++)
        lane->lines[i].next = i + 1 < n ? &lane->lines[i + 1] : NULL;
    return true;
}

static void reset_answer(struct transfer *x)
{
    x->fault = FAULT_NONE;
    x->http_status = 0;
    x->answer_len = x->header_bytes = x->header_lines = 0;
    x->too_long = x->out_of_memory = x->overdue = false;
    x->detail = "";
    list_init(&x->done_link);
    forget_headers(x);
}

static void set_request(struct lane *lane, const struct transfer *x)
{
    lane->error[0] = '\0';
    curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDSIZE, (long)x->body.len);
    curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDS, x->body.ptr);
    curl_easy_setopt(lane->easy, CURLOPT_FRESH_CONNECT, lane->fresh ? 1L : 0L);
    if (lane->forbids_reuse) {
        lane->forbids_reuse = false;
        curl_easy_setopt(lane->easy, CURLOPT_FORBID_REUSE, 0L);
    }
}

int transfer_start(struct transfer *x, struct pool *pool)
{
    struct lane *lane = lane_take(pool);
    if (!lane)
        return PIPEPOLL_ENOMEM;
    reset_answer(x);
    set_request(lane, x);
    int r = alarm_init(&x->deadline, pool->transport->o.wake, on_deadline);
    if (!r && !set_head(lane, x->head, x->head_len))
        r = PIPEPOLL_ESYSTEM;
    if (!r && curl_multi_add_handle(lane->multi->curl, lane->easy))
        r = PIPEPOLL_ENOMEM;
    if (r) {
        alarm_deinit(&x->deadline);
        lane_give(lane);
        return r;
    }
    x->lane = lane;
    lane->transfer = x;
    lane->multi->busy++;
    alarm_set(&x->deadline, wake_now_ns() + x->timeout_ms * ns_per_ms);

    /* Send now instead of by a timer of 0 ms. What ends at once is told from the loop. */
    unsigned running = 0;
    curl_multi_socket_action(lane->multi->curl, CURL_SOCKET_TIMEOUT, 0, (int *)&running);
    if (running < lane->multi->busy)
        alarm_set(&lane->multi->timer, wake_now_ns());
    return 0;
}

void transfer_deinit(struct transfer *x, struct transport *tp)
{
    x->answer = alloc_free(&tp->o.alloc, x->answer, x->answer_cap);
    x->answer_cap = 0;
}
