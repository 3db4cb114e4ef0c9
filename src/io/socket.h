/* SPDX-License-Identifier: MIT */
/* The sockets of a transport, libcurl's and the connections', in one epoll instance of our own
 * that the loop watches through a single handle. Private to io/. */
#ifndef IO_SOCKET_H
#define IO_SOCKET_H

#include <stdbool.h>

#include <curl/curl.h>

#include "base/alloc.h"

struct uv_loop_s;
struct sockets;

/* Who wants to know that a socket is ready: embedded once per multi and once per connection. */
struct socket_watcher {
    struct sockets *sockets;
    /* bits: CURL_CSELECT_*, as curl_multi_socket_action() takes them. From the loop. An error comes
     * with CURL_CSELECT_IN: what arrived before it is still to be read. */
    void (*ready)(struct socket_watcher *w, curl_socket_t fd, int bits);
    /* private */
    unsigned watched; /* sockets whose events go here */
    curl_socket_t last;
};

/* Whom a socket is opened for. */
struct socket_opener {
    struct sockets *sockets;
    int error; /* errno of the last socket that could not be opened; 0: all could */
};

/* PIPEPOLL_ENOMEM; PIPEPOLL_ESYSTEM with the reason in errno. */
int sockets_open(struct sockets **out, struct uv_loop_s *loop, const struct alloc *alloc);
/* Every multi and easy handle must be cleaned up before. `closed` comes from the loop, in its next
 * turn: it waits for nothing but the one handle. */
void sockets_close(struct sockets *s, void (*closed)(void *ctx), void *ctx);

/* Watch a connection, for CURL_POLL_IN or _INOUT. From then on its
 * events go to w. false: it cannot be watched. */
bool sockets_watch(struct sockets *s, curl_socket_t fd, struct socket_watcher *w, int what);
/* No event goes to w any more. Before what it is embedded in goes, and while the sockets that it
 * watches are still open where they are ours. */
void sockets_leave(struct socket_watcher *w);

/* Another descriptor of a socket of libcurl's, which is ours to watch and to close by
 * sockets_on_close(). -1: none was available, and opener->error says why. */
int sockets_duplicate(struct sockets *s, curl_socket_t fd, struct socket_opener *opener);

/* For curl_multi_setopt(): CURLMOPT_SOCKETFUNCTION, with a struct socket_watcher as its data. */
int sockets_on_curl(CURL *easy, curl_socket_t fd, int what, void *watcher, void *unused);
/* For curl_easy_setopt(): CURLOPT_OPENSOCKETFUNCTION, data: a struct socket_opener. */
curl_socket_t sockets_on_open(void *opener, curlsocktype purpose, struct curl_sockaddr *address);
/* CURLOPT_CLOSESOCKETFUNCTION, data: a struct sockets. */
int sockets_on_close(void *sockets, curl_socket_t fd);

#endif
