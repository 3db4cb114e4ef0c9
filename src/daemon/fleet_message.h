/* SPDX-License-Identifier: MIT */
/* A job that a poll found as the message of it in the fleet's queue. */
#ifndef DAEMON_FLEET_MESSAGE_H
#define DAEMON_FLEET_MESSAGE_H

#include "daemon/record.h"

/* For queue_sink_options.encode; member: the name of this one, a text. */
bool fleet_message_put(void *member, struct buf *key, struct buf *body, const struct record *what);

#endif
