#include <stdlib.h>

#include "base/log.h"
#include "credentials/provider.h"

/* A blank value counts as unset, as in every AWS tool. */
static str read_variable(const char *name)
{
    str value = str_of(getenv(name));
    return str_trim(value).len ? value : (str) { NULL, 0 };
}

int pipepoll_credentials_environment(struct pipepoll_credentials **out, struct pipepoll_error *why)
{
    static const char *const names[] = { "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY" };
    str keys[3] = { read_variable(names[0]), read_variable(names[1]),
                    read_variable("AWS_SESSION_TOKEN") };
    for (size_t i = 0; i < 2; i++)
        if (!keys[i].len)
            return explain(why, PIPEPOLL_ECREDENTIALS,
                           "no credentials: %s is not set in the environment", names[i]);
    return provider_fixed(out, "environment", keys, why);
}
