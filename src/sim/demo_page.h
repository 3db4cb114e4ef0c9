/* SPDX-License-Identifier: MIT */
/* The live page of the demo's `pipepoll run`: where it is, and a browser that shows it. On the
 * loop's thread. */
#ifndef SIM_DEMO_PAGE_H
#define SIM_DEMO_PAGE_H

#include <uv.h>

#include "pipepoll.h"

struct demo_page {
    char listen[32]; /* "127.0.0.1:PORT", for the config file */
    char url[48];
    bool is_shown, has_browser;
    uv_process_t browser;
};

/* A port that nobody listens on now. One port for the whole demo: the page finds its run again
 * after a crash. ESYSTEM. */
int demo_page_choose(struct demo_page *p, struct pipepoll_error *why);

/* Does the run listen there by now? */
bool demo_page_is_there(const struct demo_page *p);

/* Have the desktop open it, where there is one; does not wait for that. */
void demo_page_show(struct demo_page *p, uv_loop_t *loop);

/* Before the loop ends. What was opened stays open. */
void demo_page_close(struct demo_page *p);

#endif
