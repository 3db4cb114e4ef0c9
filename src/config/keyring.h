/* The credentials of the targets that a poller is given: one object for each identity, so that
 * those of equal identity share its keys. The poller keeps its own references, and knows equal
 * credentials of another ring again: a ring lives no longer than the adding of targets. */
#ifndef CONFIG_KEYRING_H
#define CONFIG_KEYRING_H

#include "base/table.h"
#include "config/identity.h"

struct keyring_entry;

struct keyring {
    struct table all;
    struct keyring_entry *newest; /* that was asked for */
};

/* Borrowed from the ring; the identity's slices must outlive it. As identity_credentials(). */
int keyring_get(struct keyring *k, const struct identity *id, struct pipepoll_credentials **out,
                struct pipepoll_error *why);
void keyring_deinit(struct keyring *k); /* fine on a zeroed one */

#endif
