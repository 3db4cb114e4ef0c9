/* SPDX-License-Identifier: MIT */
/* The files of a login and of TLS, looked at before they are used: each has what its option asks
 * for, or there is one line that names the option, the file, what is in it, and what to do. No line
 * says more of what is in a file. */
#ifndef FLEET_NATS_FILES_H
#define FLEET_NATS_FILES_H

#include "fleet/nats_engine.h"

/* Blocks, but not on a pipe. PIPEPOLL_ECREDENTIALS, and the line. That a certificate and a key
 * belong together is not seen here: nats_link_check(). */
int nats_files_check(const struct nats_options *o, struct pipepoll_error *why);

/* What is wrong with a server's certificate, and what to do, by what cnats said of the handshake:
 * "SSL handshake error: 18:self-signed certificate:...", with OpenSSL's number (X509_V_ERR_...).
 * false: it said something else. Pure. */
bool nats_files_explain_server(const struct nats_options *o, const char *said,
                               struct pipepoll_error *why);

/* The server refused our login: a line that says more than that, where a file does. */
void nats_files_explain(const struct nats_options *o, struct pipepoll_error *why);

#endif
