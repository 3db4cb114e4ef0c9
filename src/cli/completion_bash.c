/* SPDX-License-Identifier: MIT */
/* One function without helpers of others, so that it works where bash-completion is not installed.
 * Bash parts `--name=value` into three words. Files are left to readline, which knows about blanks
 * and tildes in their names. */
#include <stdio.h>

#include "cli/completion.h"

static const char top[] = "# Completion of pipepoll for bash, made from its table of commands.\n"
                          "# Belongs into bash-completion/completions/pipepoll; `. FILE` will do.\n"
                          "_pipepoll() {\n"
                          "  local IFS=$' \\t\\n' current=${COMP_WORDS[COMP_CWORD]} "
                          "before=${COMP_WORDS[COMP_CWORD - 1]}\n"
                          "  local words='' command=${COMP_WORDS[1]-}\n";

static const char parts[] = "  COMPREPLY=()\n"
                            "  if [[ $current == '=' ]]; then\n"
                            "    current=''\n"
                            "  elif [[ $before == '=' ]]; then\n"
                            "    before=${COMP_WORDS[COMP_CWORD - 2]}\n"
                            "  fi\n"
                            "  ((COMP_CWORD > 1)) || command=''\n"
                            "  case $command in\n";

static const char bottom[] = "  esac\n"
                             "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
                             "}\n"
                             "complete -F _pipepoll pipepoll\n";

static const char files[] = "compopt -o default; return";
static const char folders[] = "compopt -o dirnames; return";

static void print_regions(void)
{
    char text[COMPLETION_LINE_MAX];
    struct buf regions = BUF_ON(text);
    completion_regions(&regions);
    printf("  local regions='%s'\n", buf_cstr(&regions));
}

static void print_commands(const struct program *p, const char *pattern, const char *more)
{
    printf("  %s) words='", pattern);
    for (size_t i = 0; i < p->count; i++)
        printf("%s%.*s", i ? " " : "", STR_ARG(p->commands[i]->name));
    printf("%s' ;;\n", more);
}

static void print_value(const struct flag *f)
{
    char text[COMPLETION_LINE_MAX];
    struct buf words = BUF_ON(text);
    enum completion_kind kind = completion_kind(f);
    if (kind == COMPLETION_NONE)
        return;
    printf("    %.*s) ", STR_ARG(f->name));
    if (kind == COMPLETION_WORDS) {
        completion_words(&words, f, STR("$regions"));
        printf("words=\"%s\" ;;\n", buf_cstr(&words));
    } else {
        printf("%s ;;\n", kind == COMPLETION_FILE     ? files
                          : kind == COMPLETION_FOLDER ? folders
                                                      : "return");
    }
}

static void print_words(const struct flag *operand)
{
    char text[COMPLETION_LINE_MAX];
    struct buf words = BUF_ON(text);
    completion_words(&words, operand, STR("$regions"));
    printf("%s ", buf_cstr(&words));
}

static void print_command(const struct command *c)
{
    const struct flag *operand = completion_operand(c, c->operand);
    printf("  %.*s)\n    case $before in\n", STR_ARG(c->name));
    for (size_t i = 0; i < c->flag_count; i++)
        print_value(&c->flags[i]);
    printf("    *)\n");
    if (operand && completion_kind(operand) == COMPLETION_FILE)
        printf("      [[ $current == -* ]] || { %s; }\n", files);
    printf("      words='");
    if (operand && completion_kind(operand) == COMPLETION_WORDS)
        print_words(operand);
    for (size_t i = 0; i < c->flag_count; i++)
        printf("%.*s ", STR_ARG(c->flags[i].name));
    printf("--help' ;;\n    esac ;;\n");
}

void completion_print_bash(const struct program *p)
{
    fputs(top, stdout);
    print_regions();
    fputs(parts, stdout);
    print_commands(p, "''", " help --help --version");
    print_commands(p, "help", "");
    for (size_t i = 0; i < p->count; i++)
        print_command(p->commands[i]);
    fputs(bottom, stdout);
}
