/* SPDX-License-Identifier: MIT */
/* TLS between two ends in memory: who is trusted, what is told of a connection, what becomes of its
 * session, and what of the memory that its bytes lay in. */
#include <errno.h>
#include <malloc.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "io/tls.h"
#include "io/trust_store.h"
#include "lib/certificate.h"

/* A client of ours, and a server of OpenSSL's with this certificate. */
struct ends {
    SSL_CTX *context;
    SSL *server;
    BIO *far;
    bool cut;      /* the wire has ended for the client */
    size_t window; /* the client receives no more than so many bytes, */
    size_t piece;  /* and so many at a time */
    bool waits;    /* what was sent last, for more of the client's */
    bool stuck;    /* the client asked for an answer while that waited */
    struct tls client;
    struct ssl_session_st *session;
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static enum io_status wire_send(void *ends, const char *bytes, size_t len, bool goes_on,
                                size_t *sent)
{
    struct ends *e = ends;
    e->waits = goes_on;
    return BIO_write_ex(e->far, bytes, len, sent) == 1 ? IO_OK : IO_AGAIN;
}

static enum io_status wire_receive(void *ends, char *room, size_t size, size_t *received)
{
    struct ends *e = ends;
    e->stuck = e->stuck || e->waits;
    if (e->window &&
        BIO_read_ex(e->far, room, least(size, least(e->window, e->piece)), received) == 1) {
        e->window -= *received;
        return IO_OK;
    }
    return e->cut ? IO_END : IO_AGAIN;
}

static void ends_init(struct ends *e, const struct certificate *c)
{
    *e = (struct ends) { .context = SSL_CTX_new(TLS_server_method()) };
    assert_int_equal(SSL_CTX_use_certificate(e->context, c->x509), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(e->context, c->key), 1);
}

static void ends_deinit(struct ends *e)
{
    SSL_CTX_free(e->context);
    tls_session_free(e->session);
}

static void connect_as(struct ends *e, struct tls_options o)
{
    BIO *near;
    o.session = e->session;
    o.carrier = (struct tls_carrier) { e, wire_send, wire_receive };
    e->cut = e->waits = e->stuck = false;
    e->window = e->piece = SIZE_MAX;
    e->server = SSL_new(e->context);
    assert_int_equal(BIO_new_bio_pair(&near, 1 << 16, &e->far, 1 << 16), 1);
    SSL_set_bio(e->server, near, near);
    SSL_set_accept_state(e->server);
    assert_true(tls_init(&e->client, &o));
}

static void disconnect(struct ends *e)
{
    tls_deinit(&e->client);
    SSL_free(e->server);
    BIO_free(e->far);
}

/* What the client's side comes to. */
static enum io_status shake_hands(struct ends *e)
{
    enum io_status status = IO_AGAIN;
    for (int i = 0; i < 8 && status == IO_AGAIN; i++) {
        status = tls_shake_hands(&e->client);
        SSL_do_handshake(e->server);
        ERR_clear_error();
    }
    return status;
}

/* The server sends a byte, which brings what it has to say of sessions. */
static void hear_from_server(struct ends *e)
{
    char room[16];
    size_t n = 0;
    assert_int_equal(SSL_write(e->server, "x", 1), 1);
    assert_int_equal(tls_receive(&e->client, room, sizeof room, &n), IO_OK);
    assert_int_equal(n, 1);
}

static struct trust_store *trust_in(const struct certificate *c)
{
    struct trust_store *t = NULL;
    assert_int_equal(trust_store_new(&t, str_of(c->file), NULL), 0);
    return t;
}

/* A connection between ends that trust each other. */
struct meeting {
    struct certificate certificate;
    struct trust_store *trust;
    struct ends e;
};

static void introduce(struct meeting *m, bool keeps_buffers)
{
    certificate_init(&m->certificate, "Acme", "DNS:acme.example");
    m->trust = trust_in(&m->certificate);
    ends_init(&m->e, &m->certificate);
    connect_as(&m->e, (struct tls_options) { .trust_store = m->trust,
                                             .host = "acme.example",
                                             .keeps_buffers = keeps_buffers });
}

static void meet(struct meeting *m, bool keeps_buffers)
{
    introduce(m, keeps_buffers);
    assert_int_equal(shake_hands(&m->e), IO_OK);
}

static void part(struct meeting *m)
{
    disconnect(&m->e);
    ends_deinit(&m->e);
    trust_store_free(m->trust);
    certificate_deinit(&m->certificate);
}

static void only_what_the_bundle_holds_is_trusted(void **state)
{
    struct certificate known, stranger;
    struct ends e;
    char text[200];
    certificate_init(&known, "Acme", "DNS:acme.example");
    certificate_init(&stranger, "Acme", "DNS:acme.example");
    struct trust_store *t = trust_in(&known);
    const struct tls_options o = { .trust_store = t, .host = "acme.example" };
    ends_init(&e, &known);
    connect_as(&e, o);
    assert_int_equal(shake_hands(&e), IO_OK);
    disconnect(&e);
    ends_deinit(&e);
    ends_init(&e, &stranger);
    connect_as(&e, o);
    assert_int_equal(shake_hands(&e), IO_ERROR);
    assert_int_equal(tls_cause(&e.client), PIPEPOLL_CAUSE_UNTRUSTED);
    assert_non_null(strstr(tls_problem(&e.client, text, sizeof text), "not trusted"));
    disconnect(&e);
    ends_deinit(&e);
    trust_store_free(t);
    certificate_deinit(&known);
    certificate_deinit(&stranger);
}

static void a_certificate_must_name_the_host(void **state)
{
    static const struct {
        const char *names, *host;
        bool good;
    } rows[] = {
        { "DNS:acme.example", "acme.example", true },
        { "DNS:acme.example", "ACME.example", true },
        { "DNS:acme.example", "acme.example.", true },
        { "DNS:acme.example", "acme.example.org", false },
        { "DNS:acme.example", "", false },
        { "DNS:*.acme.example", "a.acme.example", true },
        { "DNS:*.acme.example", "acme.example", false },
        { "DNS:*.acme.example", "a.b.acme.example", false },
        { "DNS:a*.acme.example", "ab.acme.example", false },
        { "IP:127.0.0.1", "127.0.0.1", true },
        { "IP:::1", "::1", true },
        { "IP:127.0.0.1", "127.0.0.2", false },
        { "DNS:127.0.0.1", "127.0.0.1", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct certificate c;
        struct ends e;
        struct tls none;
        certificate_init(&c, "Acme", rows[i].names);
        struct trust_store *t = trust_in(&c);
        struct tls_options o = { .trust_store = t, .host = rows[i].host };
        ends_init(&e, &c);
        if (*rows[i].host) {
            connect_as(&e, o);
            enum io_status status = shake_hands(&e);
            if ((status == IO_OK) != rows[i].good)
                fail_msg("%s for %s", rows[i].names, rows[i].host);
            assert_int_equal(tls_cause(&e.client),
                             rows[i].good ? PIPEPOLL_CAUSE_UNKNOWN : PIPEPOLL_CAUSE_UNTRUSTED);
            disconnect(&e);
        } else {
            assert_false(tls_init(&none, &o)); /* OpenSSL takes no name for any name */
        }
        ends_deinit(&e);
        trust_store_free(t);
        certificate_deinit(&c);
    }
}

static void assert_refused_version(int version)
{
    struct certificate c;
    struct ends e;
    certificate_init(&c, "Acme", "DNS:acme.example");
    struct trust_store *t = trust_in(&c);
    ends_init(&e, &c);
    SSL_CTX_set_security_level(e.context, 0);
    SSL_CTX_set_min_proto_version(e.context, version);
    SSL_CTX_set_max_proto_version(e.context, version);
    connect_as(&e, (struct tls_options) { .trust_store = t, .host = "acme.example" });
    SSL_set_security_level(e.client.ssl, 0);
    assert_int_equal(shake_hands(&e), IO_ERROR);
    disconnect(&e);
    ends_deinit(&e);
    trust_store_free(t);
    certificate_deinit(&c);
}

static void tls_before_1_2_is_refused(void **state)
{
    assert_refused_version(TLS1_VERSION);
    assert_refused_version(TLS1_1_VERSION);
}

static void a_connection_tells_its_version_and_issuer(void **state)
{
    struct certificate c;
    struct ends e;
    char text[64];
    certificate_init(&c, "Acme\nLtd \xc3\xa4", "DNS:acme.example");
    struct trust_store *t = trust_in(&c);
    ends_init(&e, &c);
    SSL_CTX_set_max_proto_version(e.context, TLS1_2_VERSION);
    connect_as(&e, (struct tls_options) { .trust_store = t, .host = "acme.example" });
    tls_describe_issuer(&e.client, text, sizeof text);
    assert_string_equal(text, ""); /* before the handshake */
    assert_int_equal(shake_hands(&e), IO_OK);
    tls_describe_version(&e.client, text, sizeof text);
    assert_string_equal(text, "TLSv1.2");
    tls_describe_issuer(&e.client, text, sizeof text);
    assert_string_equal(text, "O = Acme\\0ALtd \\C3\\A4"); /* no control character gets through */
    tls_describe_issuer(&e.client, text, 9);
    assert_string_equal(text, "O = Acme");
    disconnect(&e);
    ends_deinit(&e);
    trust_store_free(t);
    certificate_deinit(&c);
}

/* By both versions, and although the first connection was cut. */
static void the_next_connection_goes_on_with_the_session(void **state)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    for (int i = 0; i < 4; i++) {
        struct certificate c;
        struct ends e;
        certificate_init(&c, "Acme", "DNS:acme.example");
        struct trust_store *t = trust_in(&c);
        const struct tls_options o = { .trust_store = t, .host = "acme.example" };
        ends_init(&e, &c);
        SSL_CTX_set_max_proto_version(e.context, versions[i % 2]);
        for (int n = 0; n < 3; n++) {
            connect_as(&e, o);
            assert_int_equal(shake_hands(&e), IO_OK);
            assert_int_equal(tls_was_resumed(&e.client), n > 0);
            hear_from_server(&e);
            tls_keep_session(&e.client, &e.session);
            assert_non_null(e.session);
            struct ssl_session_st *other = NULL;
            tls_keep_session(&e.client, &other);
            assert_null(other); /* it was kept */
            e.client.broken = i >= 2;
            disconnect(&e);
        }
        ends_deinit(&e);
        trust_store_free(t);
        certificate_deinit(&c);
    }
}

static void assert_waits(struct ends *e, struct tls_options o, bool waits)
{
    size_t sent;
    connect_as(e, o);
    assert_int_equal(shake_hands(e), IO_OK);
    assert_int_equal(e->waits, waits);
    assert_int_equal(tls_send(&e->client, "x", 1, &sent), IO_OK);
    assert_false(e->waits);
    hear_from_server(e);
    assert_false(e->stuck);
    tls_keep_session(&e->client, &e->session);
    disconnect(e);
}

/* If anything else waited, the peer would wait for it. The server asks for a second ClientHello
 * where it takes none of the groups that the first one has a key of. */
static void only_the_end_of_a_handshake_waits_for_what_is_sent_next(void **state)
{
    static const struct {
        int version;
        const char *groups;
        bool waits;
    } rows[] = { { TLS1_2_VERSION, "X25519", false },
                 { TLS1_3_VERSION, "X25519", true },
                 { TLS1_3_VERSION, "P-384", true } };
    struct certificate c;
    certificate_init(&c, "Acme", "DNS:acme.example");
    struct trust_store *t = trust_in(&c);
    const struct tls_options o = { .trust_store = t, .host = "acme.example" };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ends e;
        ends_init(&e, &c);
        SSL_CTX_set_max_proto_version(e.context, rows[i].version);
        assert_int_equal(SSL_CTX_set1_groups_list(e.context, rows[i].groups), 1);
        for (int n = 0; n < 2; n++) /* the second goes on with the session of the first */
            assert_waits(&e, o, rows[i].waits);
        ends_deinit(&e);
    }
    trust_store_free(t);
    certificate_deinit(&c);
}

static void an_end_that_was_not_announced_is_a_cut(void **state)
{
    for (int announced = 0; announced < 2; announced++) {
        struct meeting m;
        char room[16];
        size_t n;
        meet(&m, false);
        hear_from_server(&m.e);
        assert_int_equal(tls_receive(&m.e.client, room, sizeof room, &n), IO_AGAIN);
        if (announced)
            SSL_shutdown(m.e.server);
        m.e.cut = true;
        assert_int_equal(tls_receive(&m.e.client, room, sizeof room, &n), IO_END);
        assert_int_equal(tls_was_closed(&m.e.client), announced);
        part(&m);
    }
}

static void what_is_over_is_said_to_the_peer_unless_the_connection_broke(void **state)
{
    for (int broken = 0; broken < 2; broken++) {
        struct meeting m;
        char room[16];
        meet(&m, false);
        m.e.client.broken = broken;
        tls_deinit(&m.e.client);
        assert_true(SSL_read(m.e.server, room, sizeof room) <= 0);
        assert_int_equal(SSL_get_shutdown(m.e.server), broken ? 0 : SSL_RECEIVED_SHUTDOWN);
        part(&m);
    }
}

/* --- memory --- */

/* OpenSSL's memory comes by these, zeroed. */
static struct memory {
    const char *secret; /* looked for in what is given back; NULL: nothing is */
    unsigned found;
    int buffers; /* in use, of the size that a record needs */
    int left;    /* so many more are there; 0: any number */
} memory;

static int is_buffer(size_t size)
{
    return size >= SSL3_RT_MAX_PLAIN_LENGTH && size < SSL3_RT_MAX_PLAIN_LENGTH + 4096;
}

static void *take(size_t size, const char *file, int line)
{
    if (is_buffer(size) && memory.left && !--memory.left) {
        errno = ENOMEM;
        return NULL;
    }
    void *block = calloc(1, size);
    memory.buffers += block && is_buffer(malloc_usable_size(block));
    return block;
}

static void give_back(void *block, const char *file, int line)
{
    if (!block)
        return;
    size_t size = malloc_usable_size(block);
    memory.buffers -= is_buffer(size);
    if (memory.secret)
        memory.found += memmem(block, size, memory.secret, strlen(memory.secret)) != NULL;
    free(block);
}

static void *resize(void *block, size_t size, const char *file, int line)
{
    void *larger = take(size, file, line);
    if (larger && block)
        memcpy(larger, block, least(size, malloc_usable_size(block)));
    if (larger)
        give_back(block, file, line);
    return larger;
}

/* What a handshake brings after its end is over with. */
static void send_after_the_first_answer(struct ends *e)
{
    char room[16];
    size_t n;
    hear_from_server(e);
    assert_int_equal(tls_send(&e->client, "ask", 3, &n), IO_OK);
    assert_int_equal(SSL_read(e->server, room, sizeof room), 3);
}

static int buffers_of_client(struct ends *e)
{
    SSL_free_buffers(e->server);
    return memory.buffers;
}

static void what_was_received_is_not_left_in_memory_that_is_given_back(void **state)
{
    static const char secret[] = "the nonce of a job, or its actionConfiguration";
    for (size_t room = 1; room <= sizeof secret; room++) {
        for (int whole = 0; whole < 2; whole++) {
            struct meeting m;
            char text[sizeof secret];
            size_t n = 0, got = 0;
            meet(&m, false);
            memory = (struct memory) { .secret = secret, .buffers = memory.buffers };
            assert_int_equal(SSL_write(m.e.server, secret, sizeof secret), sizeof secret);
            do {
                size_t size = least(room, sizeof text - got);
                assert_int_equal(tls_receive(&m.e.client, text + got, size, &n), IO_OK);
                got += n;
            } while (whole && got < sizeof text);
            part(&m);
            assert_int_equal(memory.found, 0);
            memory.secret = NULL;
            assert_memory_equal(text, secret, got);
        }
    }
}

static void a_connection_that_waits_has_no_buffers_unless_it_is_to_keep_them(void **state)
{
    for (int keeps = 0; keeps < 2; keeps++) {
        struct meeting m;
        char room[16];
        size_t n;
        meet(&m, keeps);
        assert_int_equal(buffers_of_client(&m.e), 2 * keeps);
        send_after_the_first_answer(&m.e);
        assert_int_equal(buffers_of_client(&m.e), 2 * keeps);
        hear_from_server(&m.e);
        assert_int_equal(buffers_of_client(&m.e), 2 * keeps);
        assert_int_equal(tls_receive(&m.e.client, room, sizeof room, &n), IO_AGAIN);
        assert_int_equal(buffers_of_client(&m.e), 2 * keeps);
        part(&m);
        assert_int_equal(memory.buffers, 0);
    }
}

/* Whichever buffer there is no memory for: if the handshake ends well, the connection is fine. */
static void memory_that_lacks_in_a_handshake_is_told_by_it(void **state)
{
    enum io_status status = IO_ERROR;
    int told = 0;
    for (int left = 1; status != IO_OK; left++) {
        struct meeting m;
        char text[100];
        size_t n;
        introduce(&m, false);
        memory.left = left;
        status = IO_AGAIN;
        for (int i = 0; i < 8 && status == IO_AGAIN; i++) {
            status = tls_shake_hands(&m.e.client);
            int rest = memory.left;
            memory.left = 0; /* the server has enough */
            SSL_do_handshake(m.e.server);
            ERR_clear_error();
            memory.left = status == IO_AGAIN ? rest : 0;
        }
        if (status == IO_ERROR) {
            assert_string_equal(tls_problem(&m.e.client, text, sizeof text), "out of memory");
            told++;
        } else {
            assert_int_equal(tls_send(&m.e.client, "ask", 3, &n), IO_OK);
        }
        part(&m);
    }
    assert_true(told > 0);
}

enum { RECORD_LEN = 5 + 4 + 1 + 16 }; /* of four bytes, in TLS 1.3 */

static void expect_part(struct ends *e)
{
    char room[16];
    size_t n;
    assert_int_equal(tls_receive(&e->client, room, sizeof room, &n), IO_OK);
    assert_int_equal(n, 4);
    assert_memory_equal(room, "part", 4);
}

/* Buffers that hold some of it are not given back. */
static void a_record_comes_whole_wherever_it_was_cut(void **state)
{
    struct meeting m;
    char room[16];
    size_t n;
    meet(&m, false);
    send_after_the_first_answer(&m.e);
    assert_int_equal(buffers_of_client(&m.e), 0);
    for (size_t cut = 1; cut < RECORD_LEN; cut++) {
        assert_int_equal(SSL_write(m.e.server, "part", 4), 4);
        m.e.window = cut;
        assert_int_equal(tls_receive(&m.e.client, room, sizeof room, &n), IO_AGAIN);
        assert_int_equal(buffers_of_client(&m.e), 1);
        m.e.window = SIZE_MAX;
        expect_part(&m.e);
        assert_int_equal(buffers_of_client(&m.e), 0);
    }
    part(&m);
}

/* To give back a buffer reads nothing from the wire. */
static void a_record_that_follows_another_is_not_lost(void **state)
{
    struct meeting m;
    meet(&m, false);
    send_after_the_first_answer(&m.e);
    for (size_t piece = RECORD_LEN; piece <= 2 * RECORD_LEN; piece++) {
        m.e.piece = piece;
        for (int i = 0; i < 2; i++)
            assert_int_equal(SSL_write(m.e.server, "part", 4), 4);
        for (int i = 0; i < 2; i++)
            expect_part(&m.e);
    }
    part(&m);
}

int main(void)
{
    if (!CRYPTO_set_mem_functions(take, resize, give_back))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_the_bundle_holds_is_trusted),
        cmocka_unit_test(a_certificate_must_name_the_host),
        cmocka_unit_test(tls_before_1_2_is_refused),
        cmocka_unit_test(a_connection_tells_its_version_and_issuer),
        cmocka_unit_test(the_next_connection_goes_on_with_the_session),
        cmocka_unit_test(only_the_end_of_a_handshake_waits_for_what_is_sent_next),
        cmocka_unit_test(an_end_that_was_not_announced_is_a_cut),
        cmocka_unit_test(what_is_over_is_said_to_the_peer_unless_the_connection_broke),
        cmocka_unit_test(what_was_received_is_not_left_in_memory_that_is_given_back),
        cmocka_unit_test(a_connection_that_waits_has_no_buffers_unless_it_is_to_keep_them),
        cmocka_unit_test(memory_that_lacks_in_a_handshake_is_told_by_it),
        cmocka_unit_test(a_record_comes_whole_wherever_it_was_cut),
        cmocka_unit_test(a_record_that_follows_another_is_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
