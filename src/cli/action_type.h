/* SPDX-License-Identifier: MIT */
/* --action-type-id where it is a flag of ours alone. */
#ifndef CLI_ACTION_TYPE_H
#define CLI_ACTION_TYPE_H

#include "cli/datum.h"

/* `category=Build,owner=ThirdParty,provider=P,version=1` or the same as a JSON object of strings,
 * or file://FILE of either, in any order; a missing owner is ThirdParty. *out lies in the arena
 * or in text. The values themselves are not judged. PIPEPOLL_EINVAL with one sentence: an unknown
 * or repeated member, a missing one, bad syntax; PIPEPOLL_ENOMEM. */
int action_type_parse(struct arena *a, struct pipepoll_action_type *out, str text,
                      struct pipepoll_error *why);

#endif
