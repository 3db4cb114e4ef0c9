/* SPDX-License-Identifier: MIT */
/* The document that the build makes of src/status/page/, with what is to be put into it between
 * braces: see page/embed.py. Private to the page. */
#ifndef STATUS_PAGE_DOCUMENT_H
#define STATUS_PAGE_DOCUMENT_H

#include <stddef.h>

extern const char page_document[];
extern const size_t page_document_len;

#endif
