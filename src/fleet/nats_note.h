/* SPDX-License-Identifier: MIT */
/* What arrives, on its way from cnats' threads to the engine's: a bounded queue. Here a message of
 * cnats is void *, as in struct nats_note; the wall knows what it is. */
#ifndef FLEET_NATS_NOTE_H
#define FLEET_NATS_NOTE_H

#include <uv.h>

#include "fleet/nats_event.h"

struct nats_notes {
    uv_mutex_t mutex;
    uv_cond_t changed;
    /* Under the mutex: */
    struct list list;
    size_t count, bytes;
    bool is_closing;
};

/* false: it could not be made. */
bool nats_notes_init(struct nats_notes *q);
/* Frees what is left. */
void nats_notes_deinit(struct nats_notes *q);
/* Waits while the queue is full. false: it closes, and the note was freed. Any thread. */
bool nats_notes_put(struct nats_notes *q, struct nats_note *n);
/* The next, the caller's to free; NULL: none. */
struct nats_note *nats_notes_take(struct nats_notes *q);
/* Nobody waits there any more. */
void nats_notes_close(struct nats_notes *q);

/* Of what the server says of an error: that we may not use a subject. NULL: it is another, or there
 * is no memory. */
struct nats_note *nats_note_refusal(const char *error);

/* --- nats_link.c --- */

/* The message is the note's then. NULL: there is no memory, and the message stays the caller's. */
struct nats_note *nats_note_of(void *message);
/* With the text in it: a nonce may be there. NULL is fine. */
void nats_message_free(void *message);

#endif
