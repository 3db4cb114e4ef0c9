/* SPDX-License-Identifier: MIT */
/* What is told of a bundle that cannot be used. */
#include "io/trust_store.h"
#include "lib/certificate.h"

static void a_missing_bundle_is_named(void **state)
{
    struct trust_store *t = NULL;
    struct pipepoll_error why;
    assert_int_equal(trust_store_new(&t, STR("/nowhere/ca.pem"), &why), PIPEPOLL_ESYSTEM);
    assert_non_null(strstr(why.text, "/nowhere/ca.pem"));
    assert_int_equal(trust_store_new(&t, STR("/dev/null"), &why), PIPEPOLL_ESYSTEM);
    assert_non_null(strstr(why.text, "no certificate"));
    assert_null(t);
}

/* The second of three, whose text is cut or whose bytes are none. */
static void check_damaged(const struct certificate *c, const char *broken)
{
    char name[] = "/tmp/test_trust_XXXXXX", wanted[256];
    struct trust_store *t = NULL;
    struct pipepoll_error why;
    FILE *pem = fdopen(mkstemp(name), "w");
    assert_non_null(pem);
    fputs("# ours\n", pem);
    PEM_write_X509(pem, c->x509);
    long lines = 1;
    fflush(pem);
    FILE *again = fopen(name, "r");
    for (int byte; (byte = getc(again)) != EOF;)
        lines += byte == '\n';
    fclose(again);
    fputs(broken, pem);
    PEM_write_X509(pem, c->x509);
    fclose(pem);
    assert_int_equal(trust_store_new(&t, str_of(name), &why), PIPEPOLL_ESYSTEM);
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
    struct certificate certificate;
    certificate_init(&certificate, "Acme", "DNS:acme.example");
    check_damaged(&certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    check_damaged(&certificate, "-----BEGIN CERTIFICATE-----\nMIIB*!\n-----END CERTIFICATE-----\n");
    check_damaged(&certificate, "-----BEGIN CERTIFICATE-----\nMIIB\n");
    certificate_deinit(&certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_certificate_is_named_by_its_number_and_line),
        cmocka_unit_test(a_missing_bundle_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
