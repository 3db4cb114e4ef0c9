/* TLS between two ends in memory: what is told of a connection, and whom a bundle trusts. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "io/trust.h"
#include "lib/check.h"

struct identity {
    EVP_PKEY *key;
    X509 *certificate; /* of its own issue */
    char file[32];     /* the same as PEM */
};

static void identity_init(struct identity *id, const char *organisation)
{
    id->key = EVP_EC_gen("P-256");
    id->certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(id->certificate);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)organisation, -1,
                               -1, 0);
    X509_set_issuer_name(id->certificate, name);
    X509_set_version(id->certificate, 2);
    X509_gmtime_adj(X509_getm_notBefore(id->certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(id->certificate), 3600);
    X509_set_pubkey(id->certificate, id->key);
    assert_true(X509_sign(id->certificate, id->key, EVP_sha256()) > 0);
    snprintf(id->file, sizeof id->file, "/tmp/test_trust_XXXXXX");
    FILE *pem = fdopen(mkstemp(id->file), "w");
    assert_non_null(pem);
    PEM_write_X509(pem, id->certificate);
    fclose(pem);
}

static void identity_deinit(struct identity *id)
{
    unlink(id->file);
    X509_free(id->certificate);
    EVP_PKEY_free(id->key);
}

/* A client that trusts what the bundle holds, and a server with this identity. */
struct ends {
    SSL_CTX *client_ctx, *server_ctx;
    SSL *client, *server;
    struct trust_notes *notes;
};

static void ends_init(struct ends *e, const struct trust *t, const struct identity *id)
{
    BIO *near, *far;
    e->client_ctx = SSL_CTX_new(TLS_client_method());
    e->server_ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_verify(e->client_ctx, SSL_VERIFY_PEER, NULL);
    e->notes = trust_notes_new(t);
    assert_true(trust_apply(e->notes, e->client_ctx));
    assert_int_equal(SSL_CTX_use_certificate(e->server_ctx, id->certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(e->server_ctx, id->key), 1);
    e->client = SSL_new(e->client_ctx);
    e->server = SSL_new(e->server_ctx);
    assert_int_equal(BIO_new_bio_pair(&near, 0, &far, 0), 1);
    SSL_set_bio(e->client, near, near);
    SSL_set_bio(e->server, far, far);
}

static void ends_deinit(struct ends *e)
{
    SSL_free(e->client);
    SSL_free(e->server);
    SSL_CTX_free(e->client_ctx);
    SSL_CTX_free(e->server_ctx);
    trust_notes_release(e->notes);
}

/* Do they agree? */
static bool shake_hands(struct ends *e)
{
    int client = 0, server = 0;
    for (int i = 0; i < 8 && (client != 1 || server != 1); i++) {
        client = SSL_connect(e->client);
        server = SSL_accept(e->server);
    }
    return client == 1 && server == 1;
}

static struct trust *trust_in(const struct identity *id)
{
    struct trust *t = NULL;
    assert_int_equal(trust_new(&t, str_of(id->file), NULL), 0);
    return t;
}

static void only_what_the_bundle_holds_is_trusted(void **state)
{
    struct identity known, stranger;
    struct ends e;
    identity_init(&known, "Acme");
    identity_init(&stranger, "Acme");
    struct trust *t = trust_in(&known);
    ends_init(&e, t, &known);
    assert_true(shake_hands(&e));
    ends_deinit(&e);
    ends_init(&e, t, &stranger);
    assert_false(shake_hands(&e));
    ends_deinit(&e);
    trust_free(t);
    identity_deinit(&known);
    identity_deinit(&stranger);
}

static void assert_refused_version(int version)
{
    struct identity id;
    struct ends e;
    identity_init(&id, "Acme");
    struct trust *t = trust_in(&id);
    ends_init(&e, t, &id);
    SSL_set_security_level(e.server, 0);
    SSL_set_security_level(e.client, 0);
    SSL_set_min_proto_version(e.server, version);
    SSL_set_max_proto_version(e.server, version);
    assert_false(shake_hands(&e));
    ends_deinit(&e);
    trust_free(t);
    identity_deinit(&id);
}

static void tls_before_1_2_is_refused(void **state)
{
    assert_refused_version(TLS1_VERSION);
    assert_refused_version(TLS1_1_VERSION);
}

static void a_connection_tells_its_version_and_issuer(void **state)
{
    struct identity id;
    struct ends e;
    char text[64];
    identity_init(&id, "Acme\nLtd \xc3\xa4");
    struct trust *t = trust_in(&id);
    ends_init(&e, t, &id);
    trust_describe_issuer(e.client, text, sizeof text);
    assert_string_equal(text, ""); /* before the handshake */
    SSL_set_max_proto_version(e.server, TLS1_2_VERSION);
    assert_true(shake_hands(&e));
    trust_describe_version(e.client, text, sizeof text);
    assert_string_equal(text, "TLSv1.2");
    trust_describe_issuer(e.client, text, sizeof text);
    assert_string_equal(text, "O = Acme\\0ALtd \\C3\\A4"); /* no control character gets through */
    trust_describe_issuer(e.client, text, 9);
    assert_string_equal(text, "O = Acme");
    ends_deinit(&e);
    trust_free(t);
    identity_deinit(&id);
}

static void a_missing_bundle_is_named(void **state)
{
    struct trust *t = NULL;
    struct pipepoll_error why;
    assert_int_equal(trust_new(&t, STR("/nowhere/ca.pem"), &why), PIPEPOLL_ESYSTEM);
    assert_non_null(strstr(why.text, "/nowhere/ca.pem"));
    assert_int_equal(trust_new(&t, STR("/dev/null"), &why), PIPEPOLL_ESYSTEM);
    assert_non_null(strstr(why.text, "no certificate"));
    assert_null(t);
}

/* The second of three, whose text is cut or whose bytes are none. */
static void check_damaged(const struct identity *id, const char *broken)
{
    char name[] = "/tmp/test_trust_XXXXXX", wanted[256];
    struct trust *t = NULL;
    struct pipepoll_error why;
    FILE *pem = fdopen(mkstemp(name), "w");
    assert_non_null(pem);
    fputs("# ours\n", pem);
    PEM_write_X509(pem, id->certificate);
    long lines = 1;
    fflush(pem);
    FILE *again = fopen(name, "r");
    for (int c; (c = getc(again)) != EOF;)
        lines += c == '\n';
    fclose(again);
    fputs(broken, pem);
    PEM_write_X509(pem, id->certificate);
    fclose(pem);
    assert_int_equal(trust_new(&t, str_of(name), &why), PIPEPOLL_ESYSTEM);
    unlink(name);
    snprintf(wanted, sizeof wanted,
             "certificate 2 of the CA bundle %s, which begins at line %ld, is damaged (", name,
             lines);
    if (!strstr(why.text, wanted))
        fail_msg("\"%s\" does not say \"%s\"", why.text, wanted);
    assert_null(t);
}

static void a_damaged_certificate_is_named_by_its_number_and_line(void **state)
{
    struct identity id;
    identity_init(&id, "Acme");
    check_damaged(&id, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    check_damaged(&id, "-----BEGIN CERTIFICATE-----\nMIIB*!\n-----END CERTIFICATE-----\n");
    check_damaged(&id, "-----BEGIN CERTIFICATE-----\nMIIB\n");
    identity_deinit(&id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_the_bundle_holds_is_trusted),
        cmocka_unit_test(a_damaged_certificate_is_named_by_its_number_and_line),
        cmocka_unit_test(tls_before_1_2_is_refused),
        cmocka_unit_test(a_connection_tells_its_version_and_issuer),
        cmocka_unit_test(a_missing_bundle_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
