/* SPDX-License-Identifier: MIT */
/* Both texts are cut to their arrays, so that nothing can fail and nothing must be freed. */
#include "cli/part_finding.h"

#include <stdarg.h>
#include <stdio.h>

void part_finding_set(struct part_finding *f, enum verdict verdict, int exit_code, const char *fix,
                      const char *format, ...)
{
    va_list args;
    f->verdict = verdict;
    f->exit_code = exit_code;
    snprintf(f->fix, sizeof f->fix, "%s", fix);
    va_start(args, format);
    vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
}
