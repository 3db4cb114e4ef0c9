/* SPDX-License-Identifier: MIT */
/* A function for zsh's own _arguments, which knows `--name value` and `--name=value`. Its language
 * gives a meaning to brackets and colons, so they get a backslash where they are text. Each option
 * may stand more than once ('*'): the program says where one may not. */
#include <stdio.h>

#include "cli/completion.h"

static const char top[] = "#compdef pipepoll\n"
                          "# Completion of pipepoll for zsh, made from its table of commands.\n"
                          "# Belongs into site-functions/_pipepoll, or any folder of $fpath.\n"
                          "_pipepoll() {\n"
                          "  local curcontext=$curcontext state line\n"
                          "  local -A opt_args\n"
                          "  local -a commands\n";

static const char choice[] = "  _arguments -C \\\n"
                             "    '(- 1 *)--help[list the commands]' \\\n"
                             "    '(- 1 *)--version[name the libraries in use]' \\\n"
                             "    '1: :->command' \\\n"
                             "    '*:: :->argument' && return\n"
                             "  case $state in\n"
                             "  (command)\n"
                             "    commands+=('help:say more about a command')\n"
                             "    _describe -t commands command commands && return ;;\n"
                             "  (argument)\n"
                             "    case $words[1] in\n"
                             "    (help) _describe -t commands command commands && return ;;\n";

static const char bottom[] = "    esac ;;\n"
                             "  esac\n"
                             "  return 1\n"
                             "}\n"
                             "_pipepoll \"$@\"\n";

static const str quote = STR_INIT("'\\''");

static void print_commands(const struct program *p)
{
    printf("  commands=(\n");
    for (size_t i = 0; i < p->count; i++) {
        char text[COMPLETION_LINE_MAX];
        struct buf summary = BUF_ON(text);
        completion_describe(&summary, p->commands[i]->summary, quote, "\\");
        printf("    '%.*s:%s'\n", STR_ARG(p->commands[i]->name), buf_cstr(&summary));
    }
    printf("  )\n");
}

/* ":MESSAGE:ACTION" of _arguments. */
static void print_value(const struct flag *f)
{
    char text[COMPLETION_LINE_MAX], message[COMPLETION_LINE_MAX];
    struct buf words = BUF_ON(text), name = BUF_ON(message);
    for (const char *at = f->value; *at; at++) {
        if (strchr(":\\", *at))
            buf_put_char(&name, '\\');
        buf_put_char(&name, *at);
    }
    printf(":%s:", buf_cstr(&name));
    switch (completion_kind(f)) {
    case COMPLETION_WORDS:
        completion_words(&words, f, STR("'\"$regions\"'"));
        printf("(%s)", buf_cstr(&words));
        break;
    case COMPLETION_FILE:
        printf("_files");
        break;
    case COMPLETION_FOLDER:
        printf("_files -/");
        break;
    case COMPLETION_NONE:
    case COMPLETION_ANY:
        putchar(' ');
        break;
    }
}

static void print_option(const struct flag *f)
{
    char text[COMPLETION_LINE_MAX];
    struct buf what = BUF_ON(text);
    completion_describe(&what, f->help, quote, "[]\\");
    printf("        '*%.*s%s", STR_ARG(f->name), f->value ? "=" : "");
    if (what.len)
        printf("[%s]", buf_cstr(&what));
    if (f->value)
        print_value(f);
    printf("' \\\n");
}

static void print_command(const struct command *c)
{
    const struct flag *operands[] = { completion_operand(c, c->operand),
                                      completion_operand(c, c->second_operand) };
    printf("    (%.*s)\n      _arguments \\\n", STR_ARG(c->name));
    for (size_t i = 0; i < c->flag_count; i++)
        print_option(&c->flags[i]);
    for (size_t i = 0; i < sizeof operands / sizeof *operands && operands[i]; i++) {
        printf("        '%zu", i + 1);
        print_value(operands[i]);
        printf("' \\\n");
    }
    printf("        '(- *)--help[all about it]' && return ;;\n");
}

void completion_print_zsh(const struct program *p)
{
    char text[COMPLETION_LINE_MAX];
    struct buf regions = BUF_ON(text);
    completion_regions(&regions);
    fputs(top, stdout);
    printf("  local regions='%s'\n", buf_cstr(&regions));
    print_commands(p);
    fputs(choice, stdout);
    for (size_t i = 0; i < p->count; i++)
        print_command(p->commands[i]);
    fputs(bottom, stdout);
}
