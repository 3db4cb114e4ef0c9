/* SPDX-License-Identifier: MIT */
/* XML in, as little of it as AWS's Query services write: elements with text or with elements. No
 * declarations of any kind, and so no entities but the five of XML and characters by number;
 * attributes are passed over. What goes beyond is refused, not guessed at. No allocation: the
 * caller owns all memory. */
#ifndef AWS_XML_H
#define AWS_XML_H

#include "base/str.h"

enum { XML_NODES_MAX = 64, XML_DEPTH_MAX = 16, XML_LEN_MAX = 64 << 10 };

/* Nodes are indices, in the order of their start tags; 0 is the root. */
enum { XML_ROOT = 0, XML_NONE = -1 };

struct xml {
    struct xml_node {
        str name;   /* without its namespace's prefix */
        str text;   /* of an element without elements: unescaped, blanks and all */
        int parent; /* XML_NONE: the root's */
    } nodes[XML_NODES_MAX];
    int count;
};

/* Does text begin as XML does? */
bool xml_is(str text);

/* Read text[len], which is changed in place: slices of *out lie in it. false, with why (may be
 * NULL): what was found, and at which byte; it quotes nothing. */
bool xml_parse(struct xml *out, char *text, size_t len, struct pipepoll_error *why);

/* The last element of this name within parent, or XML_NONE; also for XML_NONE. */
int xml_child(const struct xml *x, int parent, str name);
/* Its text, or empty for XML_NONE. */
str xml_text(const struct xml *x, int node);

#endif
