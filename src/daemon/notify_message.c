/* SPDX-License-Identifier: MIT */
/* Lines of NAME=VALUE in one datagram, with the one value that may hold anything last. */
#include "daemon/notify_message.h"

#include <stddef.h>

enum { STATUS_MAX = 400 };

static void put_status(struct buf *out, str status)
{
    status = str_cut(status, STATUS_MAX);
    buf_put(out, STR("STATUS="));
    for (size_t i = 0; i < status.len; i++) {
        unsigned char c = (unsigned char)status.ptr[i];
        buf_put_char(out, c < 0x20 || c == 0x7f ? ' ' : (char)c);
    }
    buf_put_char(out, '\n');
}

void notify_message_put(struct buf *out, const struct notify_message *m)
{
    switch (m->state) {
    case NOTIFY_SAME:
        break;
    case NOTIFY_READY:
        buf_put(out, STR("READY=1\n"));
        break;
    case NOTIFY_RELOADING:
        buf_printf(out, "RELOADING=1\nMONOTONIC_USEC=%llu\n", (unsigned long long)m->monotonic_us);
        break;
    case NOTIFY_STOPPING:
        buf_put(out, STR("STOPPING=1\n"));
        break;
    }
    if (m->extend_us)
        buf_printf(out, "EXTEND_TIMEOUT_USEC=%llu\n", (unsigned long long)m->extend_us);
    if (m->beat)
        buf_put(out, STR("WATCHDOG=1\n"));
    if (m->status.len)
        put_status(out, m->status);
}

bool notify_address(str text, struct sockaddr_un *out, socklen_t *len)
{
    bool is_abstract = str_starts(text, STR("@"));
    *out = (struct sockaddr_un) { .sun_family = AF_UNIX };
    if ((!is_abstract && !str_starts(text, STR("/"))) || text.len < 2 ||
        text.len >= sizeof out->sun_path)
        return false;
    memcpy(out->sun_path, text.ptr, text.len);
    if (is_abstract)
        out->sun_path[0] = '\0';
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + text.len + !is_abstract);
    return true;
}

/* Digits, and no more of them than fit. */
static bool read_number(str text, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || *out > UINT64_MAX / 10 - 1)
            return false;
        *out = *out * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    return text.len > 0;
}

uint64_t notify_beat_us(const struct environment *e, int64_t pid)
{
    str watched = environment_get(e, "WATCHDOG_PID");
    uint64_t us, number;
    if (!read_number(environment_get(e, "WATCHDOG_USEC"), &us))
        return 0;
    if (watched.len && (!read_number(watched, &number) || number != (uint64_t)pid))
        return 0;
    return us / 2;
}
