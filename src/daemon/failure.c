/* SPDX-License-Identifier: MIT */
/* The status tells, but for PIPEPOLL_ECREDENTIALS, which stands for credentials that are wrong as
 * well as for those that will soon be right: there the wait until the next poll tells which. */
#include "daemon/failure.h"

bool failure_may_pass(const struct pipepoll_failure *f)
{
    switch (f->status) {
    case PIPEPOLL_ETRANSPORT:
    case PIPEPOLL_ETIMEDOUT:
    case PIPEPOLL_ETHROTTLED:
    case PIPEPOLL_ESERVICE:
    case PIPEPOLL_EPROTO:
        return true;
    case PIPEPOLL_ECREDENTIALS:
        /* Credentials that are being refreshed and a clock that was corrected come again soon. */
        return f->retry_in_ms <= FAILURE_BACKOFF_MAX_MS;
    default:
        return false;
    }
}

str failure_message(str message)
{
    while (message.len &&
           (message.ptr[message.len - 1] == '.' || message.ptr[message.len - 1] == ' '))
        message.len--;
    return message;
}

void failure_put_retry(struct buf *out, uint32_t retry_in_ms)
{
    enum { SOON_MS = 10000 };
    if (retry_in_ms < SOON_MS)
        buf_put(out, STR("; retrying"));
    else
        buf_printf(out, "; tried again every %u s", (retry_in_ms + 500) / 1000);
}
