/* SPDX-License-Identifier: MIT */
/* Config files as texts: taken, or refused with these sentences. */
#ifndef TESTS_CONFIG_TEXT_H
#define TESTS_CONFIG_TEXT_H

#include <stdlib.h>

#include "base/buf.h"
#include "config/config.h"
#include "lib/check.h"

#define WEB "[target web]\nregions = us-east-1\ncategory = Build\nprovider = Acme\nversion = 1\n"

static inline int parse(struct config *out, const char *text, struct diagnostics *c)
{
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    *c = (struct diagnostics) { .file = STR("p.ini") };
    return config_parse(out, copy, len, NULL, c);
}

static inline void add_line(void *ctx, enum pipepoll_level level, str text)
{
    struct buf *all = ctx;
    buf_put(all, text);
    buf_put_char(all, '\n');
}

static inline void assert_lines(const struct diagnostics *c, const char *want)
{
    char text[16384];
    struct buf all = BUF_ON(text);
    diagnostics_each(c, add_line, &all);
    assert_string_equal(buf_cstr(&all), want);
}

/* The file is refused with exactly these lines. */
static inline void assert_refused(const char *text, const char *want)
{
    struct config config;
    struct diagnostics c;
    assert_int_equal(parse(&config, text, &c), PIPEPOLL_EINVAL);
    assert_lines(&c, want);
}

static inline struct config accept(const char *text)
{
    struct config config;
    struct diagnostics c;
    int r = parse(&config, text, &c);
    assert_lines(&c, "");
    assert_int_equal(r, 0);
    return config;
}

/* These sentences are the library's; here it matters that they come, and where. */
static inline void assert_refused_at(const char *text, const char *place, const char *word)
{
    struct config config;
    struct diagnostics c;
    char line[1024];
    struct buf all = BUF_ON(line);
    assert_int_equal(parse(&config, text, &c), PIPEPOLL_EINVAL);
    diagnostics_each(&c, add_line, &all);
    assert_int_equal(c.count, 1);
    assert_true(str_starts(buf_str(&all), str_of(place)));
    assert_non_null(strstr(buf_cstr(&all), word));
}

#endif
