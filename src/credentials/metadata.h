/* SPDX-License-Identifier: MIT */
/* The two services that hand out credentials to whoever asks from the right machine: are they
 * configured, and at which address? Pure. */
#ifndef CREDENTIALS_METADATA_H
#define CREDENTIALS_METADATA_H

#include "credentials/source.h"

source_look metadata_container; /* ECS, EKS Pod Identity: AWS_CONTAINER_CREDENTIALS_* */
source_look metadata_imds;      /* EC2: unless AWS_EC2_METADATA_DISABLED */

#endif
