/* libcurl's sockets on the loop: one uv_poll each, opened, watched and closed for curl multis. */
#ifndef IO_SOCKET_H
#define IO_SOCKET_H

#include <curl/curl.h>

#include "base/alloc.h"

struct uv_loop_s;
struct sockets;

/* Who wants to know that a socket is ready: embedded once per multi. */
struct socket_watcher {
    struct sockets *sockets;
    /* bits: CURL_CSELECT_*, as curl_multi_socket_action() takes them. From the loop. */
    void (*ready)(struct socket_watcher *w, curl_socket_t fd, int bits);
};

/* PIPEPOLL_ENOMEM. */
int sockets_open(struct sockets **out, struct uv_loop_s *loop, const struct alloc *alloc);
/* Every multi and easy handle must be cleaned up before. `closed` comes from the loop. */
void sockets_close(struct sockets *s, void (*closed)(void *ctx), void *ctx);

/* Watch a connection that libcurl has handed over, for CURL_POLL_IN or _INOUT. From then on its
 * events go to w, until libcurl closes the socket. */
void sockets_watch(struct sockets *s, curl_socket_t fd, struct socket_watcher *w, int what);

/* For curl_multi_setopt(): CURLMOPT_SOCKETFUNCTION, with a struct socket_watcher as its data. */
int sockets_on_curl(CURL *easy, curl_socket_t fd, int what, void *watcher, void *unused);
/* For curl_easy_setopt(): CURLOPT_OPENSOCKETFUNCTION and _CLOSESOCKETFUNCTION, data: sockets. */
curl_socket_t sockets_on_open(void *sockets, curlsocktype purpose, struct curl_sockaddr *address);
int sockets_on_close(void *sockets, curl_socket_t fd);

#endif
