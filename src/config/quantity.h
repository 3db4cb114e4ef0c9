/* SPDX-License-Identifier: MIT */
/* Numbers, durations and switches as people write them in flags and files. Pure. */
#ifndef CONFIG_QUANTITY_H
#define CONFIG_QUANTITY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Each returns false, and leaves *out as it was, for anything but such a value from min to max. */

/* Decimal digits only. */
bool quantity_count(str text, uint32_t min, uint32_t max, uint32_t *out);
/* Digits with at most one point, such as 2.5. */
bool quantity_real(str text, double min, double max, double *out);
/* 500ms, 5s, 2m, 1h; a number alone is seconds; 0.5s is fine. *out is in milliseconds. */
bool quantity_duration_ms(str text, uint32_t min_ms, uint32_t max_ms, uint32_t *out);
/* 512, 64KiB, 1.5GiB: bytes, up to 2^40. */
bool quantity_bytes(str text, uint64_t min, uint64_t max, uint64_t *out);
/* true, yes, on; false, no, off. */
bool quantity_switch(str text, bool *out);

/* The shortest such text: 500ms, 5s, 2m, 1h. */
void quantity_put_duration(struct buf *out, uint32_t ms);
/* The same of bytes: 1000, 64KiB, 2GiB. */
void quantity_put_bytes(struct buf *out, uint64_t bytes);

#endif
