/* SPDX-License-Identifier: MIT */
/* The limit stops core files, of the programs that we start too. It stops neither a core that the
 * kernel pipes to a program nor a debugger; PR_SET_DUMPABLE does, but ends with an exec. Hence
 * both. */
#include "daemon/process_harden.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/str.h"

void process_harden(void)
{
    const struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };
    if (str_eq(str_of(getenv("PIPEPOLL_ALLOW_CORE")), STR("1")))
        return;
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}
