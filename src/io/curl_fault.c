/* SPDX-License-Identifier: MIT */
/* Only what is listed can be tried again soon. Any other code waits for a change of the set-up, so
 * that no code of a later libcurl makes us knock at a door that stays shut. */
#include "io/curl_fault.h"

enum fault curl_fault(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return FAULT_NONE;
    case CURLE_OPERATION_TIMEDOUT:
        return FAULT_TIMED_OUT;
    case CURLE_OUT_OF_MEMORY:
        return FAULT_OUT_OF_MEMORY;
    case CURLE_PEER_FAILED_VERIFICATION:
        return FAULT_UNTRUSTED;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PROXY:
    case CURLE_QUIC_CONNECT_ERROR:
        return FAULT_UNREACHABLE;
    case CURLE_UNSUPPORTED_PROTOCOL: /* an answer without a status line */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_WRITE_ERROR: /* our own limits */
    case CURLE_BAD_CONTENT_ENCODING:
        return FAULT_MALFORMED;
    default: /* libcurl's list is open: anything else is a set-up it cannot work with */
        return FAULT_BROKEN;
    }
}
