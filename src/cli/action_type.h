/* --action-type-id: the AWS CLI's shorthand and its JSON form. Pure. */
#ifndef CLI_ACTION_TYPE_H
#define CLI_ACTION_TYPE_H

#include "base/str.h"

/* `category=Build,owner=ThirdParty,provider=P,version=1` or the same as a JSON object of strings,
 * in any order; a missing owner is ThirdParty. Slices of text. The values themselves are not
 * judged. PIPEPOLL_EINVAL with one sentence: an unknown or repeated member, a missing one, bad
 * syntax. */
int action_type_parse(struct pipepoll_action_type *out, str text, struct pipepoll_error *why);

#endif
