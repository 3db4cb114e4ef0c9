/* SPDX-License-Identifier: MIT */
/* Values are kept and compared as texts, for those of the config at the start go with its next
 * reading. */
#include "cli/run_fixed.h"

#include <stdlib.h>

#include "config/config_text.h"

enum { VALUE_MAX = 16384 }; /* more than a list of servers has */

static bool is_kept(enum key k)
{
    return key_waits(k) && strcmp(key_section(k), "handler") != 0;
}

void run_fixed_note(struct run_fixed *f, const struct config *at_start)
{
    char text[VALUE_MAX];
    for (enum key k = 0; k < KEY_COUNT; k++) {
        struct buf value = BUF_ON(text);
        if (!is_kept(k))
            continue;
        config_text_put(&value, at_start, k);
        f->values[k] = strdup(buf_cstr(&value));
    }
    f->max_attempts = at_start->max_attempts;
    f->wants_token = at_start->http.token_file;
}

static void put_name(struct buf *out, bool is_changed, const char *name)
{
    if (is_changed)
        buf_printf(out, "%s%s", out->len ? ", " : "", name);
}

void run_fixed_put_changed(struct buf *out, const struct run_fixed *f, const struct config *c)
{
    char text[VALUE_MAX];
    for (enum key k = 0; k < KEY_COUNT; k++) {
        struct buf value = BUF_ON(text);
        if (!f->values[k])
            continue;
        config_text_put(&value, c, k);
        put_name(out, strcmp(f->values[k], buf_cstr(&value)) != 0, key_name(k));
    }
    put_name(out, f->max_attempts != c->max_attempts, "max_attempts");
    put_name(out, f->wants_token != (c->http.token_file != NULL), key_name(KEY_TOKEN_FILE));
}

void run_fixed_deinit(struct run_fixed *f)
{
    for (enum key k = 0; k < KEY_COUNT; k++)
        free(f->values[k]);
}
