/* The public header stands alone: compiled, not run, as C99 and later by each C compiler. */
#include "pipepoll.h"
#include "pipepoll.h" /* a second time does no harm */

struct pipepoll_options header_options(struct pipepoll_sink *sink);
struct pipepoll_target_options header_target_options(void);

struct pipepoll_options header_options(struct pipepoll_sink *sink)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    o.sink = sink;
    return o;
}

struct pipepoll_target_options header_target_options(void)
{
    struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
    o.region = pipepoll_str("us-east-1");
    return o;
}
