/* A role to assume, and the rules of STS for what describes one. Pure. */
#ifndef CREDENTIALS_ROLE_H
#define CREDENTIALS_ROLE_H

#include <stdint.h>

#include "base/str.h"

/* Empty members are left to STS, or to us: session_name. */
struct role {
    str arn, session_name, external_id;
    uint32_t duration_s; /* 0: 3600 */
};

enum { ROLE_CHAINED_DURATION_S = 3600 }; /* the longest with the keys of another role */

#define ROLE_FAULT_MAP(X)                                                                          \
    X(ARN, "is not a role's ARN, such as arn:aws:iam::123456789012:role/Name")                     \
    X(SESSION_NAME, "must be 2 to 64 of A-Z a-z 0-9 + = , . @ _ -")                                \
    X(EXTERNAL_ID, "must be 2 to 1224 of A-Z a-z 0-9 + = , . @ : / _ -")                           \
    X(DURATION, "must be 900 to 43200 seconds")

#define X(name, text) ROLE_BAD_##name,
enum role_fault { ROLE_FINE, ROLE_FAULT_MAP(X) ROLE_FAULT_COUNT };
#undef X

/* The first member that breaks a rule. */
enum role_fault role_check(const struct role *r);
/* The rule, to be put behind the member's name and value; static. */
const char *role_fault_text(enum role_fault f);

/* The account in a role's ARN, empty when there is none. */
str role_account(str arn);

bool role_eq(const struct role *a, const struct role *b);

#endif
