/* SPDX-License-Identifier: MIT */
/* As no-color.org has it: NO_COLOR counts unless it is empty. A terminal without a name, or that is
 * "dumb", shows the codes. */
#include "daemon/colour.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool colour_is_wanted(int fd)
{
    const char *forbidden = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(fd) && !(forbidden && forbidden[0]) && terminal && terminal[0] &&
           strcmp(terminal, "dumb") != 0;
}
