/* SPDX-License-Identifier: MIT */
/* An action type on the command line is the AWS CLI's parameter of that name: parsed as such, and
 * judged by the same rules as the rest of its input. */
#include "cli/action_type.h"

#include "base/log.h"
#include "cli/parameter.h"
#include "cli/poll_input.h"

int action_type_parse(struct arena *a, struct pipepoll_action_type *out, str text,
                      struct pipepoll_error *why)
{
    struct pipepoll_target_options read = { .size = sizeof read };
    struct text wrong = { .arena = a };
    const struct datum *action_type;
    int r = parameter_load(a, text, &text, why);
    if (!r)
        r = parameter_parse(a, text, &action_type, why);
    if (r)
        return r;
    struct datum *input = datum_object(a);
    datum_set(a, input, STR("actionTypeId"), action_type);
    if (!poll_input_read(&read, input, &wrong)) {
        str first = { wrong.buf.at, str_find(buf_str(&wrong.buf), '\n') };
        return explain(why, PIPEPOLL_EINVAL, "%.*s", STR_ARG(first));
    }
    if (a->failed)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    *out = read.action_type;
    return PIPEPOLL_OK;
}
