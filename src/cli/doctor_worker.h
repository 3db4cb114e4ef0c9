/* What `pipepoll doctor` prints of handlers, client tokens and the journal. */
#ifndef CLI_DOCTOR_WORKER_H
#define CLI_DOCTOR_WORKER_H

#include "config/worker_config.h"

/* Print on stdout; nothing where no target has a handler. Each returns what to exit with: the
 * greatest of all. */
int doctor_worker_text(const struct worker_config *w);
/* ,"worker":[...] */
int doctor_worker_json(const struct worker_config *w);

#endif
