/* SPDX-License-Identifier: MIT */
/* Certificates of their own issue, made on the spot, each in a file as PEM. */
#ifndef TESTS_CERTIFICATE_H
#define TESTS_CERTIFICATE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "lib/check.h"

struct certificate {
    EVP_PKEY *key;
    X509 *x509;    /* of its own issue */
    char file[40]; /* the same as PEM */
};

static inline void certificate_init(struct certificate *c, const char *organisation,
                                    const char *names)
{
    c->key = EVP_EC_gen("P-256");
    c->x509 = X509_new();
    X509_NAME *name = X509_get_subject_name(c->x509);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)organisation, -1,
                               -1, 0);
    X509_set_issuer_name(c->x509, name);
    X509_set_version(c->x509, 2);
    X509_gmtime_adj(X509_getm_notBefore(c->x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(c->x509), 3600);
    X509_set_pubkey(c->x509, c->key);
    X509_EXTENSION *alternative = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    assert_int_equal(X509_add_ext(c->x509, alternative, -1), 1);
    X509_EXTENSION_free(alternative);
    assert_true(X509_sign(c->x509, c->key, EVP_sha256()) > 0);
    snprintf(c->file, sizeof c->file, "/tmp/pipepoll-test-XXXXXX");
    FILE *pem = fdopen(mkstemp(c->file), "w");
    assert_non_null(pem);
    PEM_write_X509(pem, c->x509);
    fclose(pem);
}

static inline void certificate_deinit(struct certificate *c)
{
    unlink(c->file);
    X509_free(c->x509);
    EVP_PKEY_free(c->key);
}

#endif
