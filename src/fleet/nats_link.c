/* SPDX-License-Identifier: MIT */
/* The wall around cnats.
 *
 * cnats calls back on threads of its own, and may do so while it is being closed: on_closed comes
 * once, last of its thread of callbacks, and each subscription says when it has delivered its last
 * message. nats_link_close() waits for both, and rather leaks a link than frees one that is in use.
 * Subscriptions are destroyed with their connection: 3.4.1 may deliver to one that was. */
#include "fleet/nats_link.h"

#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "fleet/nats_files.h"
#include "fleet/nats_login.h"
#include "fleet/nats_note.h"

enum {
    PENDING_MAX = 65536, /* that cnats itself keeps, before it drops some */
    PENDING_BYTES = 64 << 20,
    CLOSE_MS = 2000
};

struct nats_link {
    uv_mutex_t mutex;
    uv_cond_t changed;
    struct nats_wake wake;
    natsConnection *nc;
    char inbox[NATS_INBOX_MAX];
    struct {
        natsSubscription *sub;
        char subject[NATS_INBOX_MAX + 32];
    } subscribed[NATS_SUBSCRIBED_MAX];
    size_t subscribed_count;
    struct nats_notes notes;
    /* Under the mutex: */
    size_t delivering; /* subscriptions that have not ended */
    bool is_lost, is_closed, is_closing;
};

/* --- messages --- */

void nats_message_free(void *message)
{
    natsMsg *m = message;
    if (m && natsMsg_GetDataLength(m) > 0) /* its memory is the message's own */
        explicit_bzero((char *)natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m));
    natsMsg_Destroy(m);
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

/* All that is of interest is read when it arrives, while no other thread has it. */
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

struct nats_note *nats_link_take(struct nats_link *l)
{
    return nats_notes_take(&l->notes);
}

/* --- on threads of cnats --- */

static void put(struct nats_link *l, struct nats_note *n)
{
    if (nats_notes_put(&l->notes, n))
        l->wake.wake(l->wake.ctx);
}

static void on_message(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *closure)
{
    struct nats_link *l = closure;
    struct nats_note *n = nats_note_of(m);
    if (n)
        put(l, n);
    else
        nats_message_free(m);
}

static void on_delivered(void *closure)
{
    struct nats_link *l = closure;
    uv_mutex_lock(&l->mutex);
    l->delivering--;
    uv_cond_broadcast(&l->changed);
    uv_mutex_unlock(&l->mutex);
}

static void on_closed(natsConnection *nc, void *closure)
{
    struct nats_link *l = closure;
    uv_mutex_lock(&l->mutex);
    bool wake = !l->is_closing;
    l->is_lost = true;
    uv_mutex_unlock(&l->mutex);
    if (wake)
        l->wake.wake(l->wake.ctx);
    uv_mutex_lock(&l->mutex);
    l->is_closed = true; /* the last use of l here: it may be freed behind the lock */
    uv_cond_broadcast(&l->changed);
    uv_mutex_unlock(&l->mutex);
}

/* What else comes here ends the connection, or shows as a gap. */
static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus s, void *closure)
{
    struct nats_link *l = closure;
    const char *text = NULL;
    if (natsConnection_GetLastError(nc, &text) == NATS_OK || !text)
        return;
    struct nats_note *n = nats_note_refusal(text);
    if (n)
        put(l, n);
}

/* --- connect --- */

static natsStatus behave(natsOptions *o, struct nats_link *l)
{
    bool ok = natsOptions_SetAllowReconnect(o, false) == NATS_OK &&
              natsOptions_SetTimeout(o, NATS_CONNECT_MS) == NATS_OK &&
              natsOptions_SetPingInterval(o, NATS_PING_MS) == NATS_OK &&
              natsOptions_SetMaxPingsOut(o, 2) == NATS_OK &&
              natsOptions_SetWriteDeadline(o, NATS_WRITE_MS) == NATS_OK &&
              natsOptions_SetSendAsap(o, true) == NATS_OK &&
              natsOptions_SetIgnoreDiscoveredServers(o, true) == NATS_OK &&
              natsOptions_SetClosedCB(o, on_closed, l) == NATS_OK &&
              natsOptions_SetErrorHandler(o, on_error, l) == NATS_OK;
    return ok ? NATS_OK : NATS_NO_MEMORY;
}

static natsStatus trust(natsOptions *o, const struct nats_options *from, const char *server)
{
    bool is_tls = from->tls_ca || str_starts(str_of(server), STR("tls://"));
    natsStatus s = is_tls ? natsOptions_SetSecure(o, true) : NATS_OK;
    if (s == NATS_OK && from->tls_ca)
        s = natsOptions_LoadCATrustedCertificates(o, from->tls_ca);
    if (s == NATS_OK && from->tls_cert)
        s = natsOptions_LoadCertificatesChain(o, from->tls_cert, from->tls_key);
    return s;
}

static natsStatus log_in(natsOptions *o, const struct nats_options *from, struct nats_login *login)
{
    natsStatus s = NATS_OK;
    if (from->nkey_file)
        s = natsOptions_SetNKeyFromSeed(o, login->nkey, from->nkey_file);
    if (s == NATS_OK && from->creds_file)
        s = natsOptions_SetUserCredentialsFromFiles(o, from->creds_file, NULL);
    if (s == NATS_OK && from->user)
        s = natsOptions_SetUserInfo(o, from->user, login->password);
    return s;
}

static natsStatus configure(natsOptions *o, struct nats_link *l, const struct nats_options *from,
                            const char *server, struct nats_login *login)
{
    char name[256];
    snprintf(name, sizeof name, "pipepoll %s %s", from->fleet, from->member);
    natsStatus s = natsOptions_SetURL(o, server);
    if (s == NATS_OK)
        s = natsOptions_SetName(o, name);
    if (s == NATS_OK)
        s = behave(o, l);
    if (s == NATS_OK)
        s = trust(o, from, server);
    return s == NATS_OK ? log_in(o, from, login) : s;
}

/* What OpenSSL says of files that are PEM. */
static int explain_tls(struct pipepoll_error *why, const struct nats_options *o, bool is_pair)
{
    natsStatus last = NATS_OK;
    const char *detail = nats_GetLastError(&last);
    if (!is_pair)
        return explain(why, PIPEPOLL_ECREDENTIALS,
                       "tls-ca %s has no certificate that can be used: it must have the servers' "
                       "authorities, as PEM",
                       o->tls_ca);
    if (detail && strstr(detail, "mismatch"))
        return explain(why, PIPEPOLL_ECREDENTIALS,
                       "tls-key %s is not the key of the certificate in tls-cert %s: name the pair "
                       "that was made together",
                       o->tls_key, o->tls_cert);
    return explain(why, PIPEPOLL_ECREDENTIALS,
                   "tls-cert %s and tls-key %s cannot be used: each must be PEM, and undamaged",
                   o->tls_cert, o->tls_key);
}

int nats_link_check(const struct nats_options *o, struct pipepoll_error *why)
{
    natsOptions *options = NULL;
    int r = nats_files_check(o, why);
    if (r || (!o->tls_ca && !o->tls_cert))
        return r;
    if (natsOptions_Create(&options) != NATS_OK)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    if (o->tls_ca && natsOptions_LoadCATrustedCertificates(options, o->tls_ca) != NATS_OK)
        r = explain_tls(why, o, false);
    else if (o->tls_cert &&
             natsOptions_LoadCertificatesChain(options, o->tls_cert, o->tls_key) != NATS_OK)
        r = explain_tls(why, o, true);
    natsOptions_Destroy(options);
    return r;
}

/* What there is to do, for what is known to happen behind the greeting. */
static const char *advice(natsStatus s, const char *detail)
{
    if (s == NATS_CONNECTION_AUTH_FAILED)
        return "; check nkey-file, creds-file or user against the server's users";
    if (s == NATS_SECURE_CONNECTION_WANTED)
        return "; the server has no TLS, which tls-ca or tls:// demands";
    if (s == NATS_SSL_ERROR)
        return "; check tls-ca, tls-cert and tls-key";
    return strstr(detail, "PONG") ? "; the server ended it: does it take tls-cert?" : "";
}

/* cnats' own words name files and reasons, never what is in them. */
static void explain_status(struct pipepoll_error *why, const struct nats_options *o, natsStatus s)
{
    natsStatus last = NATS_OK;
    const char *detail = nats_GetLastError(&last);
    bool is_ours = detail && *detail && last == s;
    detail = is_ours ? detail : natsStatus_GetText(s);
    const char *behind_place = *detail == '(' ? strstr(detail, "): ") : NULL;
    detail = behind_place ? behind_place + 3 : detail;
    if (!nats_files_explain_server(o, detail, why))
        explain(why, PIPEPOLL_ESYSTEM, "%s%s", detail, advice(s, detail));
}

static natsStatus connect_to(struct nats_link *l, const struct nats_options *from,
                             const char *server, struct nats_login *login)
{
    natsOptions *o = NULL;
    natsStatus s = natsOptions_Create(&o);
    if (s == NATS_OK)
        s = configure(o, l, from, server, login);
    if (s == NATS_OK)
        s = natsConnection_Connect(&l->nc, o);
    natsOptions_Destroy(o);
    return s;
}

static natsStatus subscribe(struct nats_link *l, const char *subject)
{
    if (l->subscribed_count == NATS_SUBSCRIBED_MAX)
        return NATS_INSUFFICIENT_BUFFER;
    natsSubscription *sub = NULL;
    natsStatus s = natsConnection_Subscribe(&sub, l->nc, subject, on_message, l);
    if (s != NATS_OK)
        return s;
    size_t i = l->subscribed_count++;
    str_copy(l->subscribed[i].subject, sizeof l->subscribed[i].subject, str_of(subject));
    l->subscribed[i].sub = sub;
    natsSubscription_SetPendingLimits(sub, PENDING_MAX, PENDING_BYTES);
    uv_mutex_lock(&l->mutex);
    l->delivering++;
    uv_mutex_unlock(&l->mutex);
    s = natsSubscription_SetOnCompleteCB(sub, on_delivered, l);
    if (s != NATS_OK)
        on_delivered(l);
    return s;
}

static natsStatus make_inbox(struct nats_link *l)
{
    natsInbox *inbox = NULL;
    natsStatus s = natsInbox_Create(&inbox);
    if (s == NATS_OK)
        str_copy(l->inbox, sizeof l->inbox, str_of(inbox));
    natsInbox_Destroy(inbox);
    return s;
}

static struct nats_link *new_link(const struct nats_wake *wake)
{
    struct nats_link *l = calloc(1, sizeof *l);
    if (!l || uv_mutex_init(&l->mutex)) {
        free(l);
        return NULL;
    }
    bool has_condition = uv_cond_init(&l->changed) == 0;
    if (has_condition && nats_notes_init(&l->notes)) {
        l->wake = *wake;
        return l;
    }
    if (has_condition)
        uv_cond_destroy(&l->changed);
    uv_mutex_destroy(&l->mutex);
    free(l);
    return NULL;
}

static void free_link(struct nats_link *l)
{
    nats_notes_deinit(&l->notes);
    uv_cond_destroy(&l->changed);
    uv_mutex_destroy(&l->mutex);
    free(l);
}

struct nats_link *nats_link_open(const struct nats_options *o, const char *server,
                                 const struct nats_wake *wake, struct pipepoll_error *why)
{
    struct nats_login login;
    if (nats_link_check(o, why) || nats_login_read(&login, o, why))
        return NULL; /* and it is wiped */
    struct nats_link *l = new_link(wake);
    natsStatus s = l ? connect_to(l, o, server, &login) : NATS_NO_MEMORY;
    nats_login_wipe(&login);
    if (s != NATS_OK) {
        explain_status(why, o, s);
        if (s == NATS_CONNECTION_AUTH_FAILED)
            nats_files_explain(o, why);
        if (l)
            free_link(l);
        return NULL;
    }
    char replies[NATS_INBOX_MAX + 8];
    s = make_inbox(l);
    snprintf(replies, sizeof replies, "%s.r.>", l->inbox);
    if (s == NATS_OK)
        s = subscribe(l, replies);
    if (s == NATS_OK)
        return l;
    explain_status(why, o, s);
    nats_link_close(l);
    return NULL;
}

/* --- close --- */

static bool wait_for_end(struct nats_link *l)
{
    uint64_t end = uv_hrtime() + CLOSE_MS * UINT64_C(1000000);
    uv_mutex_lock(&l->mutex);
    for (uint64_t now; (!l->is_closed || l->delivering) && (now = uv_hrtime()) < end;)
        uv_cond_timedwait(&l->changed, &l->mutex, end - now);
    bool ended = l->is_closed && !l->delivering;
    uv_mutex_unlock(&l->mutex);
    return ended;
}

void nats_link_close(struct nats_link *l)
{
    if (!l)
        return;
    uv_mutex_lock(&l->mutex);
    l->is_closing = true;
    uv_mutex_unlock(&l->mutex);
    nats_notes_close(&l->notes);
    natsConnection_Close(l->nc);
    bool ended = wait_for_end(l);
    for (size_t i = 0; i < l->subscribed_count; i++)
        natsSubscription_Destroy(l->subscribed[i].sub);
    natsConnection_Destroy(l->nc);
    if (ended)
        free_link(l);
}

/* --- use --- */

bool nats_link_is_up(struct nats_link *l)
{
    uv_mutex_lock(&l->mutex);
    bool lost = l->is_lost;
    uv_mutex_unlock(&l->mutex);
    return !lost && natsConnection_Status(l->nc) == NATS_CONN_STATUS_CONNECTED;
}

str nats_link_inbox(const struct nats_link *l)
{
    return str_of(l->inbox);
}

bool nats_link_subscribe(struct nats_link *l, const char *subject)
{
    for (size_t i = 0; i < l->subscribed_count; i++)
        if (strcmp(l->subscribed[i].subject, subject) == 0)
            return true;
    return subscribe(l, subject) == NATS_OK;
}

static natsStatus send_with_headers(struct nats_link *l, const struct nats_post *p)
{
    natsMsg *m = NULL;
    natsStatus s = natsMsg_Create(&m, p->subject, p->reply, p->body.ptr, (int)p->body.len);
    if (s == NATS_OK && p->once)
        s = natsMsgHeader_Set(m, "Nats-Msg-Id", p->once);
    if (s == NATS_OK && p->stream)
        s = natsMsgHeader_Set(m, "Nats-Expected-Stream", p->stream);
    if (s == NATS_OK && p->absent)
        s = natsMsgHeader_Set(m, "Nats-Expected-Last-Subject-Sequence", "0");
    if (s == NATS_OK)
        s = natsConnection_PublishMsg(l->nc, m);
    nats_message_free(m);
    return s;
}

bool nats_link_send(struct nats_link *l, const struct nats_post *p)
{
    if (p->once || p->stream || p->absent)
        return send_with_headers(l, p) == NATS_OK;
    if (p->reply)
        return natsConnection_PublishRequest(l->nc, p->subject, p->reply, p->body.ptr,
                                             (int)p->body.len) == NATS_OK;
    return natsConnection_Publish(l->nc, p->subject, p->body.ptr, (int)p->body.len) == NATS_OK;
}
