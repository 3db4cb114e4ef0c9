/* SPDX-License-Identifier: MIT */
/* A page of HTML in the place of an answer, as proxies and portals send it: its words. */
#ifndef AWS_PAGE_H
#define AWS_PAGE_H

#include <stdbool.h>

#include "base/str.h"

bool page_is(str body);
/* The title, or all words when there is none that says something. Changes body, and lies in it. May
 * be empty; entities stay as they are. */
str page_words(char *body, size_t len);

#endif
