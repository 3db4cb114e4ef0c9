/* A TLS server's side in memory: bytes of the wire in and out, bytes of the application in and out.
 * So a test decides what becomes of every byte. */
#ifndef TESTS_TLS_H
#define TESTS_TLS_H

#include <stddef.h>

struct tls;
struct tls_link;

/* With a new self-signed certificate for 127.0.0.1, which goes as PEM into the file `path`. */
struct tls *tls_new(const char *path);
struct tls *tls_free(struct tls *t); /* NULL in, NULL out */

struct tls_link *tls_link_new(struct tls *t);
struct tls_link *tls_link_free(struct tls_link *l); /* NULL in, NULL out */
void tls_link_input(struct tls_link *l, const char *bytes, size_t n);
/* Both return how many there were; 0: none now. The latter makes the handshake too. */
size_t tls_link_output(struct tls_link *l, char *bytes, size_t size);
size_t tls_link_read(struct tls_link *l, char *bytes, size_t size);
void tls_link_write(struct tls_link *l, const char *bytes, size_t n);
void tls_link_shutdown(struct tls_link *l); /* close_notify */

#endif
