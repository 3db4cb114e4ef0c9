/* SPDX-License-Identifier: MIT */
/* What cnats' messages say, for the wall alone. Here one is void *, as in struct nats_note. */
#ifndef FLEET_NATS_NOTE_H
#define FLEET_NATS_NOTE_H

#include "fleet/nats_event.h"

/* The message is the note's then. NULL: there is no memory, and the message stays the caller's. */
struct nats_note *nats_note_of(void *message);
/* With the text in it: a nonce may be there. NULL is fine. */
void nats_message_free(void *message);
/* That we may not use this subject. NULL: there is no memory. */
struct nats_note *nats_note_refusal(str subject);

#endif
