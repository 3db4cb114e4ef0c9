/* SPDX-License-Identifier: MIT */
/* Config files that name handlers, and a folder with files of every kind that these may name. */
#ifndef TESTS_CONFIG_FILES_H
#define TESTS_CONFIG_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/config_text.h"

/* A folder with files of every kind that a config may name. */
struct fixture {
    char folder[32];
    char path[128];
};

static inline char *path_in(struct fixture *f, const char *name)
{
    snprintf(f->path, sizeof f->path, "%s/%s", f->folder, name);
    return f->path;
}

static inline void make_file(struct fixture *f, const char *name, mode_t mode)
{
    FILE *file = fopen(path_in(f, name), "w");
    assert_non_null(file);
    fputs("x\n", file);
    fclose(file);
    assert_int_equal(chmod(f->path, mode), 0);
}

static inline int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    strcpy(f->folder, "/tmp/test_handler.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    make_file(f, "program", 0755);
    make_file(f, "text", 0644);
    make_file(f, "key", 0600);
    make_file(f, "tokens", 0600);
    assert_int_equal(mkdir(path_in(f, "state"), 0700), 0);
    assert_int_equal(setenv("PIPEPOLL_TEST", f->folder, 1), 0);
    assert_int_equal(chdir(f->folder), 0);
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    const char *names[] = { "program", "text", "key", "tokens" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(path_in(f, names[i]));
    rmdir(path_in(f, "state"));
    assert_int_equal(chdir("/"), 0);
    rmdir(f->folder);
    test_free(f);
    return 0;
}

#define PROCESS                                                                                    \
    "[pipepoll]\nstate-dir = $PIPEPOLL_TEST/state\nclient-tokens = $PIPEPOLL_TEST/tokens\n"
#define USE "handler = h\n"
/* Lines of a handler begin at line 10. */
#define HANDLER PROCESS WEB USE "[handler h]\n"

struct refusal {
    const char *text, *want;
};

static inline void assert_all_refused(const struct refusal *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_refused(rows[i].text, rows[i].want);
}
#define ASSERT_ALL_REFUSED(rows) assert_all_refused(rows, sizeof(rows) / sizeof *(rows))

static inline void assert_warned(const char *text, const char *want)
{
    struct config config;
    struct diagnostics c;
    assert_int_equal(parse(&config, text, &c), 0);
    assert_lines(&c, want);
    config_deinit(&config);
}

#endif
