/* SPDX-License-Identifier: MIT */
/* The model's rules for what a caller gives, as sentences: PIPEPOLL_EINVAL, and `why` (may be NULL)
 * names the field and what is allowed. So nothing is sent that the service would refuse. Texts are
 * counted in characters, as the model does. Pure. */
#ifndef AWS_INPUT_H
#define AWS_INPUT_H

#include <stdint.h>

#include "base/str.h"

/* UTF-8 of 1 to max characters; never quoted. Optional: or empty, which is not sent. */
int input_check_text(const char *field, str text, size_t max, struct pipepoll_error *why);
int input_check_optional(const char *field, str text, size_t max, struct pipepoll_error *why);

/* 1 to max of [0-9A-Za-z_-]. */
int input_check_name(const char *field, str value, size_t max, struct pipepoll_error *why);

/* One of the names, up to a NULL; the sentence tells the nearest. */
int input_check_choice(const char *field, str value, const char *const *names,
                       struct pipepoll_error *why);

/* Lower-case, as the model's pattern has it. */
int input_check_uuid(const char *field, str value, struct pipepoll_error *why);

/* The jobId and clientToken of each family. */
int input_check_third_party_job(str job_id, str client_token, struct pipepoll_error *why);
int input_check_custom_job(str job_id, str client_token, struct pipepoll_error *why);

/* A member of the other family's inputs. */
int input_check_absent(const char *field, bool is_absent, struct pipepoll_error *why);

#endif
