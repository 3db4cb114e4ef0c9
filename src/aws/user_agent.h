/* SPDX-License-Identifier: MIT */
/* How we name ourselves to AWS, and whom we work for: the mark by which AWS Partner Revenue
 * Measurement knows whose product made a call. Pure. */
#ifndef AWS_USER_AGENT_H
#define AWS_USER_AGENT_H

#include "base/buf.h"

enum {
    USER_AGENT_APP_ID_ADVISED = 50, /* AWS asks for no more; its SDKs warn and send it whole */
    USER_AGENT_APP_ID_MAX = 250,    /* what we send at most */
    USER_AGENT_SIZE = 300           /* room for the longest, and a NUL */
};

/* "pipepoll/VERSION", and with an app id " app/ID": its bytes other than A-Z a-z 0-9 and
 * !#$%&'*+,-.^_`|~ become '-', as by the SDKs, so that nothing can end the header early. An id
 * longer than USER_AGENT_APP_ID_MAX sets overflow. */
void user_agent_put(struct buf *out, str app_id);

#endif
