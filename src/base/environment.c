#include "base/environment.h"

#include <stdlib.h>

str environment_get(const struct environment *e, const char *name)
{
    str value = str_of(e && e->get ? e->get(e->ctx, name) : secure_getenv(name));
    return str_trim(value).len ? value : (str) { NULL, 0 };
}

bool environment_is_true(const struct environment *e, const char *name)
{
    return str_eq_nocase(str_trim(environment_get(e, name)), STR("true"));
}
