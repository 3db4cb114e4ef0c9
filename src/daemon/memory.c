#include "daemon/memory.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/str.h"

void memory_conceal(void)
{
    const struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };
    if (str_eq(str_of(getenv("PIPEPOLL_ALLOW_CORE")), STR("1")))
        return;
    /* A core piped to a program is not bound by the limit, and a debugger by neither: hence
     * both. */
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}
