/* SPDX-License-Identifier: MIT */
/* Every command's arguments are read here, by one table of flags each, so that all of them take
 * `--name value`, `--name=value` and the beginnings of names, suggest what was meant, and refuse an
 * empty value. */
#include "cli/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/control.h"
#include "base/nearest.h"

enum { HELP_COLUMN = 30, SEVERAL_MAX = 4 };

struct flags flags_of(const struct command *command, int argc, char **argv)
{
    return (struct flags) { .command = command, .argv = argv, .argc = argc, .at = 1 };
}

int command_misuse(const struct command *c, const char *format, ...)
{
    char text[2048]; /* what an argument holds may be somebody else's */
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    control_mask(text, n < 0 ? 0 : strlen(text));
    fprintf(stderr, "pipepoll %.*s: %s; see pipepoll %.*s --help\n", STR_ARG(c->name),
            n < 0 ? "wrong usage" : text, STR_ARG(c->name));
    return EXIT_USAGE;
}

int flags_refuse(const struct flags *f, int flag, const char *what, str value)
{
    return command_misuse(f->command, "%.*s is %s, not \"%.*s\"",
                          STR_ARG(f->command->flags[flag].name), what, STR_ARG(value));
}

int flags_exit(int result)
{
    return result == FLAGS_HELP ? command_finish(EXIT_FINE) : EXIT_USAGE;
}

static void print_flag(const struct flag *f)
{
    if (f->heading)
        printf("\n%s\n", f->heading);
    int width =
        printf("  %.*s%s%s", STR_ARG(f->name), f->value ? " " : "", f->value ? f->value : "");
    if (width >= HELP_COLUMN) {
        putchar('\n');
        width = 0;
    }
    for (const char *line = f->help; *line; width = 0) {
        size_t len = strcspn(line, "\n");
        printf("%*s%.*s\n", HELP_COLUMN - width, "", (int)len, line);
        line += len + (line[len] == '\n');
    }
}

/* What stands for an operand in the help: the value of its flag. */
static const char *value_of(const struct command *c, str operand)
{
    for (size_t i = 0; operand.len && i < c->flag_count; i++)
        if (str_eq(c->flags[i].name, operand))
            return c->flags[i].value;
    return "";
}

static void print_usage(const struct command *c)
{
    const str operands[] = { c->operand, c->second_operand };
    printf("Usage: pipepoll %.*s [OPTION]...", STR_ARG(c->name));
    for (size_t i = 0; i < sizeof operands / sizeof *operands; i++)
        if (operands[i].len)
            printf(" [%s]", value_of(c, operands[i]));
}

static void print_help(const struct command *c)
{
    printf("pipepoll %.*s - %s\n\n", STR_ARG(c->name), c->summary);
    print_usage(c);
    printf("\n\n%s\nOptions:\n", c->about);
    for (size_t i = 0; i < c->flag_count; i++)
        print_flag(&c->flags[i]);
    printf("  --help%*sthis text\n\n%s", HELP_COLUMN - 8, "", c->more);
}

static int bad(const struct flags *f, const char *what, str argument, const char *more)
{
    command_misuse(f->command, "%s \"%.*s\"%s", what, STR_ARG(argument), more);
    return FLAGS_BAD;
}

static int unknown_flag(const struct flags *f, str name)
{
    struct nearest near = nearest_to(name);
    for (size_t i = 0; i < f->command->flag_count; i++)
        nearest_try(&near, f->command->flags[i].name);
    nearest_try(&near, STR("--help"));
    char hint[96];
    return bad(f, "unknown option", name, nearest_hint(&near, hint, sizeof hint));
}

/* What is an argument by itself, or follows a flag as its value, rather than a flag. */
static bool is_flag(str argument)
{
    return argument.len > 2 && str_starts(argument, STR("--"));
}

static int take_value(struct flags *f, int flag, str text, size_t equals, str *value)
{
    const struct flag *known = &f->command->flags[flag];
    *value = equals < text.len ? str_skip(text, equals + 1) : (str) { 0 };
    if (!known->value && !value->ptr)
        return flag;
    if (!known->value) {
        command_misuse(f->command, "%.*s takes no value", STR_ARG(known->name));
        return FLAGS_BAD;
    }
    if (!value->ptr && f->at < f->argc && !is_flag(str_of(f->argv[f->at])))
        *value = str_of(f->argv[f->at++]);
    if (value->len)
        return flag;
    command_misuse(f->command, "%.*s needs a value: %s%s", STR_ARG(known->name), known->value,
                   value->ptr ? ", and was given an empty one (an unset variable?)" : "");
    return FLAGS_BAD;
}

static int several_flags(const struct flags *f, str name)
{
    char text[160];
    struct buf names = BUF_ON(text);
    const struct command *c = f->command;
    unsigned count = 0;
    for (size_t i = 0; i < c->flag_count; i++) {
        if (!str_starts(c->flags[i].name, name) || ++count > SEVERAL_MAX)
            continue;
        buf_printf(&names, "%s%.*s", count > 1 ? ", " : ": ", STR_ARG(c->flags[i].name));
    }
    if (count > SEVERAL_MAX)
        buf_put(&names, STR(", ..."));
    return bad(f, "several options begin with", name, buf_cstr(&names));
}

/* The flag of this name, or the one that begins so. FLAGS_BAD: none, or several. */
static int find_flag(const struct flags *f, str name)
{
    const struct command *c = f->command;
    int found = FLAGS_BAD;
    size_t count = 0;
    for (size_t i = 0; i < c->flag_count; i++) {
        if (str_eq(c->flags[i].name, name))
            return (int)i;
        if (name.len > 2 && str_starts(c->flags[i].name, name)) {
            found = (int)i;
            count++;
        }
    }
    if (count == 1)
        return found;
    return count ? several_flags(f, name) : unknown_flag(f, name);
}

/* An argument that is no flag. */
static int take_operand(const struct flags *f, str text, str *value)
{
    const struct command *c = f->command;
    if (!c->operand.len)
        return bad(f, "unexpected argument", text, "");
    if (!text.len)
        return bad(f, "empty argument", text, " (an unset variable?)");
    *value = text;
    bool is_second = f->has_operand && c->second_operand.len;
    return find_flag(f, is_second ? c->second_operand : c->operand);
}

/* false: it is there already. */
static bool mark_operand(const struct flags *f, str operand, int flag, bool *has, str value)
{
    const struct command *c = f->command;
    if (!operand.len || !str_eq(c->flags[flag].name, operand))
        return true;
    if (*has)
        command_misuse(c, "one %s is taken, and this is another: \"%.*s\"", value_of(c, operand),
                       STR_ARG(value));
    bool is_first = !*has;
    *has = true;
    return is_first;
}

static int next(struct flags *f, str *value)
{
    if (f->at >= f->argc)
        return FLAGS_END;
    str text = str_of(f->argv[f->at++]);
    size_t equals = str_starts(text, STR("--")) ? str_find(text, '=') : text.len;
    str name = { text.ptr, equals };
    if (str_eq(name, STR("--help")) || str_eq(name, STR("-h"))) {
        print_help(f->command);
        return FLAGS_HELP;
    }
    if (!str_starts(text, STR("-")) || text.len == 1)
        return take_operand(f, text, value);
    int flag = find_flag(f, name);
    return flag < 0 ? flag : take_value(f, flag, text, equals, value);
}

int flags_next(struct flags *f, str *value)
{
    const struct command *c = f->command;
    int flag = next(f, value);
    bool is_fine = flag < 0 || (mark_operand(f, c->operand, flag, &f->has_operand, *value) &&
                                mark_operand(f, c->second_operand, flag, &f->has_second, *value));
    return is_fine ? flag : FLAGS_BAD;
}

void command_put_versions(struct buf *out)
{
    struct pipepoll_versions v = PIPEPOLL_VERSIONS_INIT;
    pipepoll_versions(&v);
    buf_printf(out, "pipepoll/%s libcurl/%s %s libuv/%s", v.pipepoll, v.libcurl, v.tls, v.libuv);
}

int command_finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "pipepoll: cannot write to stdout: %s\n", strerror(errno));
    return EXIT_OTHER;
}

int command_print(struct buf *document, int code)
{
    if (document->len)
        buf_put_char(document, '\n');
    bool is_whole = !document->overflow;
    if (!is_whole)
        fprintf(stderr, "pipepoll: out of memory\n");
    else if (document->len)
        fwrite(document->at, 1, document->len, stdout);
    buf_free(document);
    return command_finish(is_whole ? code : EXIT_OTHER);
}

int command_version(void)
{
    char text[256];
    struct buf line = BUF_ON(text);
    command_put_versions(&line);
    printf("%.*s\n", STR_ARG(buf_str(&line)));
    return command_finish(EXIT_FINE);
}

bool flags_read(struct flags *f, const char *(*take)(void *options, int flag, str value),
                void *options, int *code)
{
    str value;
    int flag;
    while ((flag = flags_next(f, &value)) >= 0) {
        const char *what = take(options, flag, value);
        if (what) {
            *code = flags_refuse(f, flag, what, value);
            return false;
        }
    }
    *code = flag == FLAGS_END ? EXIT_FINE : flags_exit(flag);
    return flag == FLAGS_END;
}
