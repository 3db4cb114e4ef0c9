/* SPDX-License-Identifier: MIT */
/* A line for each option: fish has a list of conditions and what they offer. Files are offered only
 * where one is asked for. */
#include <stdio.h>

#include "cli/completion.h"

static const char top[] = "# Completion of pipepoll for fish, made from its table of commands.\n"
                          "# Belongs into vendor_completions.d, or ~/.config/fish/completions.\n"
                          "function __pipepoll_has_no_command\n"
                          "    test (count (commandline -opc)) -eq 1\n"
                          "end\n"
                          "function __pipepoll_is\n"
                          "    set -l words (commandline -opc)\n"
                          "    test (count $words) -ge 2; and test $words[2] = $argv[1]\n"
                          "end\n";

static const str quote = STR_INIT("\\'");

static void print_description(const char *help)
{
    char text[COMPLETION_LINE_MAX];
    struct buf what = BUF_ON(text);
    completion_describe(&what, help, quote, "\\");
    if (what.len)
        printf(" -d '%s'", buf_cstr(&what));
    putchar('\n');
}

static void print_value(const struct flag *f)
{
    char text[COMPLETION_LINE_MAX];
    struct buf words = BUF_ON(text);
    switch (completion_kind(f)) {
    case COMPLETION_NONE:
        break;
    case COMPLETION_ANY:
        printf(" -x");
        break;
    case COMPLETION_WORDS:
        completion_words(&words, f, STR("(__pipepoll_regions)"));
        printf(" -x -a '%s'", buf_cstr(&words));
        break;
    case COMPLETION_FILE:
        printf(" -r -F");
        break;
    case COMPLETION_FOLDER:
        printf(" -x -a '(__fish_complete_directories)'");
        break;
    }
}

static void print_command(const struct command *c)
{
    const struct flag *operand = completion_operand(c, c->operand);
    for (size_t i = 0; i < c->flag_count; i++) {
        str name = str_skip(c->flags[i].name, STR("--").len);
        printf("complete -c pipepoll -n '__pipepoll_is %.*s' -l %.*s", STR_ARG(c->name),
               STR_ARG(name));
        print_value(&c->flags[i]);
        print_description(c->flags[i].help);
    }
    printf("complete -c pipepoll -n '__pipepoll_is %.*s' -l help -d 'all about it'\n",
           STR_ARG(c->name));
    if (operand && completion_kind(operand) == COMPLETION_FILE)
        printf("complete -c pipepoll -n '__pipepoll_is %.*s' -F\n", STR_ARG(c->name));
    if (operand && completion_kind(operand) == COMPLETION_WORDS) {
        printf("complete -c pipepoll -n '__pipepoll_is %.*s'", STR_ARG(c->name));
        print_value(operand);
        print_description(operand->help);
    }
}

static void print_names(const struct program *p, const char *condition)
{
    for (size_t i = 0; i < p->count; i++) {
        printf("complete -c pipepoll -n '%s' -a %.*s", condition, STR_ARG(p->commands[i]->name));
        print_description(p->commands[i]->summary);
    }
}

void completion_print_fish(const struct program *p)
{
    char text[COMPLETION_LINE_MAX];
    struct buf regions = BUF_ON(text);
    completion_regions(&regions);
    fputs(top, stdout);
    printf("function __pipepoll_regions\n    string split ' ' '%s'\nend\n", buf_cstr(&regions));
    printf("complete -c pipepoll -f\n");
    print_names(p, "__pipepoll_has_no_command");
    printf("complete -c pipepoll -n __pipepoll_has_no_command -a help"
           " -d 'say more about a command'\n"
           "complete -c pipepoll -n __pipepoll_has_no_command -l help -d 'list the commands'\n"
           "complete -c pipepoll -n __pipepoll_has_no_command -l version"
           " -d 'name the libraries in use'\n");
    print_names(p, "__pipepoll_is help");
    for (size_t i = 0; i < p->count; i++)
        print_command(p->commands[i]);
}
