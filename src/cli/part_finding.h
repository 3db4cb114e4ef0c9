/* SPDX-License-Identifier: MIT */
/* What was found of a part of the set-up that no target is: a handler, the journal, [http], a
 * server of [fleet]. */
#ifndef CLI_PART_FINDING_H
#define CLI_PART_FINDING_H

#include "daemon/diagnosis.h"

/* For people. */
struct part_finding {
    char part[96];
    enum verdict verdict;
    int exit_code; /* of enum exit_code */
    char text[700];
    char fix[160]; /* empty where all is well, or text says it */
};

/* All but the part; what does not fit is cut. */
__attribute__((format(printf, 5, 6))) void part_finding_set(struct part_finding *f,
                                                            enum verdict verdict, int exit_code,
                                                            const char *fix, const char *format,
                                                            ...);

#endif
