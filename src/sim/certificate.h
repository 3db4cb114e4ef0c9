/* SPDX-License-Identifier: MIT */
/* A throw-away certification authority and one server certificate by it, for 127.0.0.1, ::1,
 * localhost and one more name: trusted by nobody who was not given the PEM, and worth nothing in
 * two days. */
#ifndef SIM_CERTIFICATE_H
#define SIM_CERTIFICATE_H

#include "base/str.h"

struct certificate {
    char *ca_pem;   /* what a client must trust */
    char *cert_pem; /* what the server shows */
    char *key_pem;  /* and its private key */
};

/* NUL-terminated texts, owned by *out. name: one more DNS name; may be empty. Takes a millisecond
 * or so. PIPEPOLL_EINVAL: no DNS name; PIPEPOLL_ESYSTEM: OpenSSL refused. */
int certificate_init(struct certificate *out, str name, struct pipepoll_error *why);
void certificate_deinit(struct certificate *c); /* wipes the key; fine on a zeroed one */

#endif
