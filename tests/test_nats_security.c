/* SPDX-License-Identifier: MIT */
/* Who may connect, and what is said to who may not: TLS with certificates of both ends, nkeys,
 * passwords, rights on subjects. Nothing secret is in any line. */
#include <signal.h>
#include <unistd.h>

#include "lib/certificate.h"

#include "fleet/nats_link.h"
#include "lib/engine_log.h"

#define SEED   "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
#define PUBLIC "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"

static struct nats_servers servers;

struct key_pair {
    struct certificate certificate;
    char key_file[64];
};

static void key_pair_init(struct key_pair *k, const char *names)
{
    certificate_init(&k->certificate, "pipepoll test", names);
    snprintf(k->key_file, sizeof k->key_file, "%s.key", k->certificate.file);
    FILE *f = fopen(k->key_file, "w");
    assert_non_null(f);
    PEM_write_PrivateKey(f, k->certificate.key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
}

static void key_pair_deinit(struct key_pair *k)
{
    unlink(k->key_file);
    certificate_deinit(&k->certificate);
}

static void write_file(char *path, const char *text)
{
    strcpy(path, "/tmp/pipepoll-test-XXXXXX");
    FILE *f = fdopen(mkstemp(path), "w");
    fputs(text, f);
    fclose(f);
}

static void check_ready(const struct nats_options *o)
{
    struct engine_user u = { 0 };
    engine_user_open(&u, o);
    engine_user_until_state(&u, ENGINE_READY);
    assert_int_equal(engine_user_write(&u, ENGINE_LEASES, "m.a", "x", 0), ENGINE_DONE);
    engine_user_close(&u);
}

/* Not let in, with these words among others. */
static void check_away(const struct nats_options *o, const char *said)
{
    struct engine_user u = { 0 };
    engine_user_open(&u, o);
    engine_user_until_state(&u, ENGINE_AWAY);
    if (!strstr(u.why, said))
        fail_msg("%s\nlacks: %s", u.why, said);
    assert_null(strstr(u.why, "hush"));
    assert_null(strstr(u.why, SEED));
    engine_user_close(&u);
}

static void test_tls_with_certificates_of_both_ends(void **state)
{
    struct key_pair server, client, stranger;
    char more[1024], url[64];
    key_pair_init(&server, "IP:127.0.0.1");
    key_pair_init(&client, "DNS:member");
    key_pair_init(&stranger, "DNS:member");
    snprintf(more, sizeof more,
             "tls { cert_file: \"%s\", key_file: \"%s\", ca_file: \"%s\", verify: true }",
             server.certificate.file, server.key_file, client.certificate.file);
    nats_servers_start(&servers, 1, more);
    struct nats_options good = engine_options(&servers, "tls", 1);
    good.tls_ca = server.certificate.file;
    good.tls_cert = client.certificate.file;
    good.tls_key = client.key_file;
    check_ready(&good);
    snprintf(url, sizeof url, "tls://127.0.0.1:%d", servers.at[0].port);
    const char *urls[] = { url };
    struct nats_options o = good;
    o.servers = urls;
    check_ready(&o);
    o = good;
    o.tls_ca = stranger.certificate.file;
    check_away(&o, "its certificate is of an authority that tls-ca does not have");
    o = good;
    o.tls_ca = NULL;
    o.servers = urls;
    check_away(&o, "authority that this system does not know: set tls-ca to a file");
    snprintf(url, sizeof url, "tls://localhost:%d", servers.at[0].port);
    o = good;
    o.servers = urls;
    check_away(&o, "its certificate is for another name: name the server in `servers` as");
    o = good;
    o.tls_cert = o.tls_key = NULL;
    check_away(&o, "the server wants our certificate: set tls-cert and tls-key");
    o = good;
    o.tls_cert = stranger.certificate.file;
    o.tls_key = stranger.key_file;
    check_away(&o, "tls-cert");
    o = engine_options(&servers, "tls", 1);
    check_away(&o, "the server wants TLS: its address must begin with tls://");
    nats_servers_end(&servers);
    /* and a server without TLS is not talked to by who wants it */
    nats_servers_start(&servers, 1, NULL);
    good.servers = engine_options(&servers, "tls", 1).servers;
    check_away(&good, "the server has no TLS");
    nats_servers_end(&servers);
    key_pair_deinit(&server);
    key_pair_deinit(&client);
    key_pair_deinit(&stranger);
}

static void test_a_certificate_and_the_key_of_another(void **state)
{
    struct key_pair ours, other;
    struct pipepoll_error why;
    char junk[64];
    key_pair_init(&ours, "DNS:member");
    key_pair_init(&other, "DNS:member");
    struct nats_options o = { .tls_cert = ours.certificate.file, .tls_key = ours.key_file };
    assert_int_equal(nats_link_check(&o, &why), PIPEPOLL_OK);
    o.tls_key = other.key_file;
    assert_int_equal(nats_link_check(&o, &why), PIPEPOLL_ECREDENTIALS);
    assert_non_null(strstr(why.text, " is not the key of the certificate in tls-cert "));
    assert_non_null(strstr(why.text, other.key_file));
    write_file(junk, "-----BEGIN CERTIFICATE-----\nhush\n");
    o = (struct nats_options) { .tls_ca = junk };
    assert_int_equal(nats_link_check(&o, &why), PIPEPOLL_ECREDENTIALS);
    assert_non_null(strstr(why.text, "has no certificate that can be used"));
    unlink(junk);
    key_pair_deinit(&ours);
    key_pair_deinit(&other);
}

static void test_nkeys(void **state)
{
    char path[64], other[64];
    write_file(path, SEED "\n");
    write_file(other, "SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU\n");
    nats_servers_start(&servers, 1, "authorization { users: [ { nkey: " PUBLIC " } ] }");
    struct nats_options o = engine_options(&servers, "nkey", 1);
    o.nkey_file = path;
    check_ready(&o);
    o.nkey_file = other;
    check_away(&o, "nkey-file");
    o.nkey_file = NULL;
    check_away(&o, "the server wants a login: set nkey-file");
    nats_servers_end(&servers);
    unlink(path);
    unlink(other);
}

/* Publishing and listening as a fleet needs, but for one log. */
static const char users[] =
    "authorization { users: ["
    "{ user: all, password: hush },"
    "{ user: some, password: hush, permissions: {"
    "  publish: [\"$JS.API.>\", \"$JS.ACK.>\", \"pipepoll.f.lease.>\"], subscribe: \"_INBOX.>\" } "
    "},"
    "{ user: none, password: hush, permissions: { publish: \"x\", subscribe: \"_INBOX.>\" } },"
    "{ user: deaf, password: hush, permissions: { publish: \">\", subscribe: \"x\" } }"
    "] }";

static void test_passwords_and_rights(void **state)
{
    struct engine_user u = { 0 };
    char path[64], wrong[64];
    write_file(path, "hush\n");
    write_file(wrong, "hushhush\n");
    nats_servers_start(&servers, 1, users);
    struct nats_options o = engine_options(&servers, "f", 1);
    o.user = "all";
    o.password_file = path;
    check_ready(&o);
    o.password_file = wrong;
    check_away(&o, "check nkey-file, creds-file or user");
    o.password_file = path;
    o.user = "some";
    engine_user_open(&u, &o);
    engine_user_until_state(&u, ENGINE_READY);
    assert_int_equal(engine_user_write(&u, ENGINE_LEASES, "m.a", "x", 0), ENGINE_DONE);
    assert_int_equal(engine_user_write(&u, ENGINE_JOBS, "r.o.c.p.1", "x", 0), ENGINE_NO_RIGHT);
    engine_user_close(&u);
    const char *others[] = { "none", "deaf" },
               *said[] = { "no right to use $JS.API.STREAM.INFO.PIPEPOLL_f_LEASES",
                           "no right to use _INBOX." };
    for (int i = 0; i < 2; i++) {
        o.user = others[i];
        engine_user_open(&u, &o);
        engine_user_until_state(&u, ENGINE_UNUSABLE);
        if (!strstr(u.why, said[i]))
            fail_msg("%s", u.why);
        engine_user_close(&u);
    }
    nats_servers_end(&servers);
    unlink(path);
    unlink(wrong);
}

static void test_accounts_without_jetstream_and_other_servers(void **state)
{
    struct engine_user u = { 0 };
    char path[64], url[64];
    write_file(path, "hush\n");
    nats_servers_start(&servers, 1, "accounts { A { users: [{ user: a, password: hush }] } }");
    struct nats_options o = engine_options(&servers, "f", 1);
    o.user = "a";
    o.password_file = path;
    engine_user_open(&u, &o);
    engine_user_until_state(&u, ENGINE_UNUSABLE);
    assert_non_null(strstr(u.why, "configuration needs `jetstream`"));
    engine_user_close(&u);
    snprintf(url, sizeof url, "nats://127.0.0.1:%d", servers.at[0].monitor_port);
    const char *urls[] = { url };
    o.servers = urls;
    check_away(&o, "it "); /* HTTP: it says nothing, for it waits for a request */
    nats_servers_end(&servers);
    check_away(&o, "Connection refused: does nats-server run there?");
    unlink(path);
}

int main(void)
{
    nats_servers_demand();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_with_certificates_of_both_ends),
        cmocka_unit_test(test_a_certificate_and_the_key_of_another),
        cmocka_unit_test(test_nkeys),
        cmocka_unit_test(test_passwords_and_rights),
        cmocka_unit_test(test_accounts_without_jetstream_and_other_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
