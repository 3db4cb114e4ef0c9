/* SPDX-License-Identifier: MIT */
/* Places on loopback where a connection freezes. A black hole drops every attempt to connect, as a
 * firewall does: its queue is full and nobody accepts. A mute one lets the kernel connect, and then
 * nobody reads or writes. */
#ifndef TESTS_BLACK_HOLE_H
#define TESTS_BLACK_HOLE_H

#include <stdbool.h>

enum { BLACK_HOLE_FILL = 4 };

struct black_hole {
    int listener, fill[BLACK_HOLE_FILL];
    unsigned port;
};

/* address: "127.0.0.1" or "::1"; port 0: of the system's choice. false: it cannot be had there. */
bool black_hole_open(struct black_hole *h, const char *address, unsigned port);
bool mute_open(struct black_hole *h, const char *address, unsigned port);
void black_hole_close(struct black_hole *h);

#endif
