/* SPDX-License-Identifier: MIT */
/* Messages of cnats as notes. All that is of interest in one is read when it arrives, while no
 * other thread has it. */
#include "fleet/nats_note.h"

#include <nats/nats.h>
#include <stdlib.h>

void nats_message_free(void *message)
{
    natsMsg *m = message;
    if (m && natsMsg_GetDataLength(m) > 0) /* its memory is the message's own */
        explicit_bzero((char *)natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m));
    natsMsg_Destroy(m);
}

void nats_note_free(struct nats_note *n)
{
    if (!n)
        return;
    nats_message_free(n->message);
    free(n);
}

static uint64_t number_of(natsMsg *m, const char *name)
{
    const char *text = NULL;
    natsStatus s = natsMsgHeader_Get(m, name, &text);
    return s == NATS_OK && text ? strtoull(text, NULL, 10) : UINT64_MAX;
}

static void read_status(struct nats_note *n, natsMsg *m)
{
    const char *text = NULL;
    if (n->body.len || natsMsgHeader_Get(m, "Status", &text) != NATS_OK || !text)
        return;
    n->status = atoi(text);
    if (natsMsgHeader_Get(m, "Description", &text) == NATS_OK)
        n->description = str_of(text);
    if (n->status != 100)
        return;
    n->last_seen = number_of(m, "Nats-Last-Consumer");
    if (natsMsgHeader_Get(m, "Nats-Consumer-Stalled", &text) == NATS_OK)
        n->stalled = str_of(text);
}

struct nats_note *nats_note_of(void *message)
{
    natsMsg *m = message;
    struct nats_note *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    n->message = m;
    n->subject = str_of(natsMsg_GetSubject(m));
    n->reply = str_of(natsMsg_GetReply(m));
    n->body = (str) { natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m) };
    n->last_seen = UINT64_MAX;
    read_status(n, m);
    n->event.bytes = n->subject.len + n->body.len;
    return n;
}

struct nats_note *nats_note_refusal(str subject)
{
    natsMsg *m = NULL;
    char text[512];
    str_copy(text, sizeof text, subject);
    if (natsMsg_Create(&m, text, NULL, NULL, 0) != NATS_OK)
        return NULL;
    struct nats_note *n = nats_note_of(m);
    if (n)
        n->is_refusal = true;
    else
        natsMsg_Destroy(m);
    return n;
}
