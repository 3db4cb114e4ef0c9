/* A throw-away certification authority and one server certificate by it, for 127.0.0.1, ::1 and
 * localhost: trusted by nobody who was not given the PEM, and worth nothing in two days. */
#ifndef SIM_CERTIFICATE_H
#define SIM_CERTIFICATE_H

#include "pipepoll.h"

struct certificate {
    char *ca_pem;   /* what a client must trust */
    char *cert_pem; /* what the server shows */
    char *key_pem;  /* and its private key */
};

/* NUL-terminated texts, owned by *out. Takes a millisecond or so. PIPEPOLL_ESYSTEM: OpenSSL
 * refused. */
int certificate_init(struct certificate *out, struct pipepoll_error *why);
void certificate_deinit(struct certificate *c); /* wipes the key; fine on a zeroed one */

#endif
