/* SPDX-License-Identifier: MIT */
/* The JWT of a creds file: until when its user may log in, which the server judges. Pure. */
#ifndef FLEET_NATS_JWT_H
#define FLEET_NATS_JWT_H

#include <stdint.h>

#include "base/str.h"

/* Of the text of a creds file, which is written to: Unix time, 0: it has no end, or it is none. */
int64_t nats_jwt_end(char *creds, size_t len);

#endif
