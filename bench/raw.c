/* SPDX-License-Identifier: MIT */
/* bench_raw: the least that a poll can cost with the same parts. A bare loop of epoll and OpenSSL
 * keeps so many polls in flight, each signed by our signer, framed by llhttp and read by our
 * decoder, with nothing of what makes a poller: no schedule, budgets, retries, time-outs or
 * callbacks, and every answer is taken to be a good one. bench_poll is measured beside it.
 *
 * Connections are opened one by one before anything counts. One that the service closes after an
 * answer is opened anew, with the session of the last if that can be resumed: so a handshake is
 * measured. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <llhttp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "aws/operation.h"
#include "aws/sigv4.h"
#include "bare.h"
#include "gauge.h"
#include "io/trust_store.h"

enum { EVENTS = 64, ROOM = 16 << 10 };

struct peer {
    SSL *ssl;
    llhttp_t parser;
    bool is_open;  /* its handshake is done */
    bool is_whole; /* the answer */
    bool goes_on;  /* with another poll after this answer */
    size_t len;
    char body[1024]; /* of the answer */
};

struct raw {
    struct bare bare;
    struct trust_store *trust_store;
    int epoll;
    struct peer *peers;
    bool has_begun; /* all were opened: polls go out */
    SSL_SESSION *session;
    llhttp_settings_t settings;
    struct credentials *credentials;
    struct sigv4_key key;
    struct amz_date date;
    int64_t date_s; /* what it says */
};

/* --- one poll --- */

static void set_date(struct raw *w)
{
    int64_t now_s = time(NULL);
    if (now_s != w->date_s)
        amz_date_set(&w->date, now_s);
    w->date_s = now_s;
}

static void put_request(struct raw *w, struct buf *out)
{
    char authorization_text[512], scratch_text[4096];
    struct buf authorization = BUF_ON(authorization_text), scratch = BUF_ON(scratch_text);
    str body = buf_str(&w->bare.body), date = amz_date_str(&w->date);
    const struct sigv4_header headers[] = {
        { STR("Content-Type"), operation_content_type },
        { STR("Host"), pipepoll_str(w->bare.host) },
        { STR("X-Amz-Date"), date },
        { STR("X-Amz-Target"), operation_poll_for_third_party_jobs.target },
    };
    const struct sigv4_request request = {
        .method = STR("POST"),
        .path = STR("/"),
        .headers = headers,
        .header_count = sizeof headers / sizeof *headers,
        .body = body,
        .date = &w->date,
    };
    gauge_require(!sigv4_sign(&authorization, &scratch, &w->key, w->credentials, &request), "sign");
    buf_put(out, STR("POST / HTTP/1.1\r\n"));
    for (size_t i = 0; i < request.header_count; i++) {
        buf_put(out, headers[i].name);
        buf_put(out, STR(": "));
        buf_put(out, headers[i].value);
        buf_put(out, STR("\r\n"));
    }
    buf_printf(out, "User-Agent: raw\r\nContent-Length: %zu\r\nAuthorization: ", body.len);
    buf_put(out, buf_str(&authorization));
    buf_put(out, STR("\r\n\r\n"));
    buf_put(out, body);
}

static void ask(struct raw *w, struct peer *p)
{
    char text[2048];
    struct buf request = BUF_ON(text);
    set_date(w);
    put_request(w, &request);
    p->len = 0;
    p->is_whole = false;
    gauge_require(
        !request.overflow && SSL_write(p->ssl, text, (int)request.len) == (int)request.len, "send");
}

static int on_body(llhttp_t *parser, const char *bytes, size_t len)
{
    struct peer *p = parser->data;
    gauge_require(p->len + len <= sizeof p->body, "an answer's room");
    memcpy(p->body + p->len, bytes, len);
    p->len += len;
    return 0;
}

static int on_whole(llhttp_t *parser)
{
    struct peer *p = parser->data;
    p->is_whole = true;
    p->goes_on = llhttp_should_keep_alive(parser);
    return 0;
}

/* --- one connection --- */

static void open_peer(struct raw *w, struct peer *p);

static void shake_hands(struct raw *w, struct peer *p)
{
    int r = SSL_connect(p->ssl);
    p->is_open = r == 1;
    gauge_require(p->is_open || SSL_get_error(p->ssl, r) == SSL_ERROR_WANT_READ,
                  "a handshake with a server that is trusted");
    if (p->is_open && w->has_begun)
        ask(w, p);
}

static void close_peer(struct raw *w, struct peer *p)
{
    SSL_SESSION *session = SSL_get0_session(p->ssl);
    if (session != w->session && SSL_SESSION_is_resumable(session)) {
        SSL_SESSION_up_ref(session);
        SSL_SESSION_free(w->session);
        w->session = session;
    }
    SSL_shutdown(p->ssl); /* else its session would not be resumable */
    close(SSL_get_fd(p->ssl));
    SSL_free(p->ssl);
    ERR_clear_error();
}

static void take_answer(struct raw *w, struct peer *p)
{
    bare_answered(&w->bare, p->parser.status_code, (str) { p->body, p->len });
    if (p->goes_on) {
        ask(w, p);
    } else {
        close_peer(w, p);
        open_peer(w, p);
    }
}

static void on_readable(struct raw *w, struct peer *p)
{
    static char room[ROOM];
    if (!p->is_open) {
        shake_hands(w, p);
        return;
    }
    do {
        int n = SSL_read(p->ssl, room, sizeof room);
        if (n <= 0 && SSL_get_error(p->ssl, n) == SSL_ERROR_WANT_READ)
            return; /* no data: a session's ticket */
        gauge_require(n > 0 && llhttp_execute(&p->parser, room, (size_t)n) == HPE_OK, "read");
    } while (!p->is_whole || SSL_pending(p->ssl));
    take_answer(w, p);
}

/* On the loopback interface connect() takes no time. */
static void open_peer(struct raw *w, struct peer *p)
{
    const struct sockaddr_in at = { .sin_family = AF_INET,
                                    .sin_port = htons(w->bare.port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = p };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    gauge_require(fd >= 0 && !connect(fd, (const struct sockaddr *)&at, sizeof at), "connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    p->ssl = SSL_new(trust_store_context(w->trust_store));
    gauge_require(p->ssl && SSL_set_fd(p->ssl, fd), "memory");
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(p->ssl), "127.0.0.1");
    gauge_require(!w->session || SSL_set_session(p->ssl, w->session), "a session to resume");
    gauge_require(!epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event), "epoll");
    llhttp_init(&p->parser, HTTP_RESPONSE, &w->settings);
    p->parser.data = p;
    shake_hands(w, p);
}

static void turn(struct raw *w)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(w->epoll, events, EVENTS, 10000);
    gauge_require(n > 0, "an answer within ten seconds");
    for (int i = 0; i < n; i++)
        on_readable(w, events[i].data.ptr);
}

/* --- before and after --- */

static void open_all(struct raw *w)
{
    const struct alloc alloc = { NULL, NULL };
    const struct credentials_text credentials = {
        .access_key_id = STR("AKIDEXAMPLE"),
        .secret_access_key = STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    };
    llhttp_settings_init(&w->settings);
    w->settings.on_body = on_body;
    w->settings.on_message_complete = on_whole;
    gauge_require(!trust_store_new(&w->trust_store, pipepoll_str(w->bare.ca_file), NULL),
                  "the roots");
    gauge_require(!credentials_new(&w->credentials, &alloc, &credentials, UINT64_MAX),
                  "credentials");
    gauge_require(!sigv4_key_init(&w->key, STR("us-east-1"), STR("codepipeline")), "key");
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->peers = calloc(w->bare.in_flight, sizeof *w->peers);
    gauge_require(w->peers, "memory");
    for (size_t i = 0; i < w->bare.in_flight; i++)
        for (open_peer(w, &w->peers[i]); !w->peers[i].is_open;)
            turn(w);
}

static void close_all(struct raw *w)
{
    for (size_t i = 0; i < w->bare.in_flight; i++)
        close_peer(w, &w->peers[i]);
    SSL_SESSION_free(w->session);
    free(w->peers);
    close(w->epoll);
    sigv4_key_deinit(&w->key);
    credentials_unref(w->credentials);
    trust_store_free(w->trust_store);
}

int main(int argc, char **argv)
{
    static struct raw w;
    bare_init(&w.bare, "bench_raw", argc, argv);
    signal(SIGPIPE, SIG_IGN);
    open_all(&w);
    w.has_begun = true;
    for (size_t i = 0; i < w.bare.in_flight; i++)
        ask(&w, &w.peers[i]);
    while (!w.bare.is_done)
        turn(&w);
    bare_print(&w.bare);
    close_all(&w);
    return 0;
}
