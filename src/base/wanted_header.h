/* SPDX-License-Identifier: MIT */
/* A header of an HTTP answer that somebody wants to know: who reads the answer names it, who
 * receives it looks for it. */
#ifndef BASE_WANTED_HEADER_H
#define BASE_WANTED_HEADER_H

#include "base/str.h"

enum { WANTED_HEADERS_MAX = 8 }; /* of one answer */

struct wanted_header {
    str name;
    size_t cut_at; /* a longer value is cut there; 0: it counts as not sent when it does not fit */
};

#endif
