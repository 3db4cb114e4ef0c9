/* SPDX-License-Identifier: MIT */
/* A TLS server's side in memory: bytes of the wire in and out, bytes of the application in and out.
 * So a test decides what becomes of every byte. */
#ifndef TESTS_TLS_SERVER_H
#define TESTS_TLS_SERVER_H

#include <stddef.h>

struct tls_server;
struct tls_peer;

/* With a new self-signed certificate for 127.0.0.1, which goes as PEM into the file `path`. */
struct tls_server *tls_server_new(const char *path);
struct tls_server *tls_server_free(struct tls_server *t); /* NULL in, NULL out */

struct tls_peer *tls_peer_new(struct tls_server *t);
struct tls_peer *tls_peer_free(struct tls_peer *l); /* NULL in, NULL out */
void tls_peer_input(struct tls_peer *l, const char *bytes, size_t n);
/* Both return how many there were; 0: none now. The latter makes the handshake too. */
size_t tls_peer_output(struct tls_peer *l, char *bytes, size_t size);
size_t tls_peer_read(struct tls_peer *l, char *bytes, size_t size);
void tls_peer_write(struct tls_peer *l, const char *bytes, size_t n);
void tls_peer_shutdown(struct tls_peer *l); /* close_notify */

#endif
