/* SPDX-License-Identifier: MIT */
/* A status as a page that people look at, and as the events that keep the page up to date.
 *
 * The page is one document that asks for nothing elsewhere: src/status/page/ has its parts, and a
 * script of the build puts them together. It says everything without its script: each number, and
 * links that choose which targets are listed. With the script it opens one stream of events
 * (GET "events" with the page's own query, text/event-stream), and writes what each brings into the
 * elements that are there. What stands in an element is composed here alone, for both.
 *
 * Of 10 000 targets a reader wants to see where the trouble is. So the page has a grid of action
 * types and regions, whose cells count their targets by state. With many action types its rows are
 * providers; of many of those the ones in most trouble, and one row for all others. Lists are
 * bounded in the same way, trouble first, and say how much they leave out. The targets of a cell,
 * a row or a column are listed for the query that its link has:
 *
 *   row=KEY      of a row: "Build/ThirdParty/PROVIDER/1", "PROVIDER", or "*", the others
 *   region=KEY   of a column: a region, or "*"
 *
 * both percent-encoded, either may be absent; what is not understood chooses all targets. So an
 * event has what its reader looks at and no more: some 40 KB, whatever the number of targets.
 *
 * Pure, but for memory. */
#ifndef STATUS_PAGE_H
#define STATUS_PAGE_H

#include "status/status.h"

/* The whole document. From malloc(), with a NUL behind it that *len does not count. NULL: no
 * memory. query: what follows the '?' of the request's target, as it was sent; may be empty. Served
 * with
 *   Content-Type: text/html; charset=utf-8
 *   Content-Security-Policy: page_security_policy
 *   Cache-Control: no-store */
char *page_html(const struct status *s, str query, size_t *len);

/* One event, `data: {...}` and an empty line: to be sent on each stream at once, and then once a
 * second. The same rules. query: of the stream's own request, so streams of different queries get
 * different events. Without memory a second may be left out: events stand by themselves. */
char *page_event(const struct status *s, str query, size_t *len);

/* default-src 'none', and the hashes of the page's own script and styles. */
extern const char page_security_policy[];

#endif
