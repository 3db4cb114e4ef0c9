/* SPDX-License-Identifier: MIT */
/* A program of the build, which is not installed: it prints what our programs know, from the tables
 * that they read it by. It has the simulated service in it, whose commands have tables too.
 *
 *   describe tables           commands, options and keys of the config file as JSON, for tests
 *   describe bash|zsh|fish    the completions of that shell */
#include <stdio.h>
#include <stdlib.h>

#include "base/jsontext.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "config/section.h"

static void put_option(struct buf *out, const struct flag *f)
{
    buf_put_char(out, '{');
    jsontext_member(out, "name", f->name);
    if (f->value)
        jsontext_member(out, "value", str_of(f->value));
    buf_put_char(out, '}');
}

static void put_command(struct buf *out, const struct command *c)
{
    buf_put_char(out, '{');
    jsontext_member(out, "name", c->name);
    jsontext_member(out, "summary", str_of(c->summary));
    jsontext_member(out, "operand", c->operand);
    jsontext_name(out, STR("options"));
    for (size_t i = 0; i < c->flag_count; i++) {
        buf_put_char(out, i ? ',' : '[');
        put_option(out, &c->flags[i]);
    }
    buf_put(out, STR("]}"));
}

static void put_keys(struct buf *out)
{
    for (enum key k = 0; k < KEY_COUNT; k++) {
        buf_put(out, k ? STR(",\n{") : STR("[{"));
        jsontext_member(out, "name", str_of(key_name(k)));
        jsontext_member(out, "section", str_of(key_section(k)));
        jsontext_member(out, "effect", key_waits(k) ? STR("next start") : STR("reload"));
        buf_put_char(out, '}');
    }
    buf_put_char(out, ']');
}

static int print_tables(const struct program *p)
{
    static char text[1 << 16];
    struct buf out = BUF_ON(text);
    buf_put(&out, STR("{\"commands\":\n"));
    for (size_t i = 0; i < p->count; i++) {
        buf_put(&out, i ? STR(",\n") : STR("["));
        put_command(&out, p->commands[i]);
    }
    buf_put(&out, STR("],\n\"keys\":\n"));
    put_keys(&out);
    buf_put(&out, STR("}\n"));
    if (out.overflow)
        return EXIT_OTHER;
    fwrite(out.at, 1, out.len, stdout);
    return command_finish(EXIT_FINE);
}

static const struct {
    const char *shell;
    void (*print)(const struct program *p);
} completions[] = { { "bash", completion_print_bash },
                    { "zsh", completion_print_zsh },
                    { "fish", completion_print_fish } };

int main(int argc, char **argv)
{
    str what = str_of(argc == 2 ? argv[1] : "");
    if (str_eq(what, STR("tables")))
        return print_tables(&commands_of_pipepoll);
    for (size_t i = 0; i < sizeof completions / sizeof *completions; i++) {
        if (str_eq(what, str_of(completions[i].shell))) {
            completions[i].print(&commands_of_pipepoll);
            return command_finish(EXIT_FINE);
        }
    }
    fputs("usage: describe tables|bash|zsh|fish\n", stderr);
    return EXIT_USAGE;
}
