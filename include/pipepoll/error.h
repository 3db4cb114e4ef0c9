/* SPDX-License-Identifier: MIT
 *
 * How every function reports failure, and how it takes and returns texts. The rules for all
 * functions are in pipepoll.h, which includes this. */
#ifndef PIPEPOLL_ERROR_H
#define PIPEPOLL_ERROR_H

#include <stddef.h>

/* The initialiser of a structure with a size, all else zero. */
#ifdef __cplusplus
template <typename T> inline T pipepoll_sized()
{
    T o = T();
    o.size = sizeof(T);
    return o;
}
#define PIPEPOLL_INIT(type) pipepoll_sized<type>()
#else
/* clang-format off */
#define PIPEPOLL_INIT(type) { .size = sizeof(struct type) }
/* clang-format on */
#endif

/* Does a structure with a size, made by somebody else, have this member? Evaluates `p` more than
 * once. */
#define PIPEPOLL_HAS(p, member)                                                                    \
    ((size_t)((const char *)(&(p)->member + 1) - (const char *)(p)) <= (p)->size)

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PIPEPOLL_API __attribute__((visibility("default")))
#else
#define PIPEPOLL_API
#endif

/* Borrowed bytes, not NUL-terminated. Never grows. */
struct pipepoll_str {
    const char *ptr;
    size_t len;
};

/* A string literal or a NUL-terminated string as a pipepoll_str. */
PIPEPOLL_API struct pipepoll_str pipepoll_str(const char *text);

enum pipepoll_status {
    PIPEPOLL_OK = 0,
    PIPEPOLL_EINVAL = -1,   /* an argument breaks a rule; `why` names it */
    PIPEPOLL_ENOMEM = -2,   /* out of memory */
    PIPEPOLL_ECLOSING = -3, /* the poller is closing */
    PIPEPOLL_ESYSTEM = -4,  /* the system or a library below refused */
    PIPEPOLL_EBUSY = -5,    /* there is no room for it now */
    PIPEPOLL_EEXISTS = -6,  /* it is there already */

    /* Fails until somebody changes the set-up. Polled again slowly, reported once per change. */
    PIPEPOLL_ECREDENTIALS = -10, /* no credentials, or the service does not accept them */
    PIPEPOLL_EDENIED = -11,      /* the credentials may not poll this action type */
    PIPEPOLL_ENOTFOUND = -12,    /* the action type does not exist in this region */
    PIPEPOLL_EREFUSED = -13,     /* the service refused the request itself */
    PIPEPOLL_EUNTRUSTED = -14,   /* the server's certificate could not be verified */
    PIPEPOLL_ENOTENABLED = -15,  /* the account has not enabled this region */

    /* Passes by itself. Polled again after a back-off, each failure reported. */
    PIPEPOLL_ETRANSPORT = -20, /* no connection, or it broke */
    PIPEPOLL_ETIMEDOUT = -21,  /* no answer within request_timeout_ms */
    PIPEPOLL_ETHROTTLED = -22, /* the service asks for fewer calls */
    PIPEPOLL_ESERVICE = -23,   /* the service failed */
    PIPEPOLL_EPROTO = -30      /* the answer was not understood */
};

/* What to fix, where that is known: more exact than a status, and with `subject`, which names the
 * thing. Others may be added; a program treats those that it does not know as UNKNOWN. */
enum pipepoll_cause {
    PIPEPOLL_CAUSE_UNKNOWN, /* none of these: the sentence is all there is */

    /* The source of credentials. */
    PIPEPOLL_CAUSE_NOT_CONFIGURED, /* nobody configured one */
    PIPEPOLL_CAUSE_SOURCE,         /* the one that is configured is broken, or gave none */
    PIPEPOLL_CAUSE_FILE,           /* a file is unreadable or damaged; subject: its path */
    PIPEPOLL_CAUSE_LOGIN,          /* a login has ended; subject: the command that refreshes it */
    PIPEPOLL_CAUSE_ROLE_DENIED,    /* STS refused a role; subject: its ARN */
    PIPEPOLL_CAUSE_ROLE, /* STS gave no credentials for a role for another reason; subject: ARN */

    /* The credentials, as the service sees them. */
    PIPEPOLL_CAUSE_EXPIRED,      /* they have expired */
    PIPEPOLL_CAUSE_UNKNOWN_KEY,  /* it does not know the access key id */
    PIPEPOLL_CAUSE_WRONG_SECRET, /* the signature is not the one it computed */
    PIPEPOLL_CAUSE_SIGNATURE,    /* it did not accept the signature, and does not say why */
    PIPEPOLL_CAUSE_WRONG_REGION, /* signed for another region than that of the endpoint */
    PIPEPOLL_CAUSE_CLOCK,        /* the clock of this machine is wrong */

    /* What was asked for. */
    PIPEPOLL_CAUSE_DENIED,         /* the credentials are good, but may not do it */
    PIPEPOLL_CAUSE_OPT_IN,         /* the account has not opted in to the service */
    PIPEPOLL_CAUSE_SUBSCRIPTION,   /* the account is not signed up for the service */
    PIPEPOLL_CAUSE_NOT_ENABLED,    /* the account has not enabled the region */
    PIPEPOLL_CAUSE_NO_ACTION_TYPE, /* no such action type in this region */
    PIPEPOLL_CAUSE_OWNER,          /* nobody can poll action types of this owner */
    PIPEPOLL_CAUSE_REQUEST,        /* the service refuses the request itself */

    /* Who answers. */
    PIPEPOLL_CAUSE_THROTTLED,
    PIPEPOLL_CAUSE_SERVICE,        /* it failed */
    PIPEPOLL_CAUSE_MIDDLE_BOX,     /* a proxy or login page answered; subject: its Server header */
    PIPEPOLL_CAUSE_NOT_UNDERSTOOD, /* its answer makes no sense */

    /* The way there; subject: the host as the URL has it, or the proxy. */
    PIPEPOLL_CAUSE_NAME,               /* it has no address */
    PIPEPOLL_CAUSE_UNREACHABLE,        /* no connection */
    PIPEPOLL_CAUSE_BROKEN_OFF,         /* the connection ended before the answer */
    PIPEPOLL_CAUSE_TIMED_OUT,          /* no connection, or no answer, in time */
    PIPEPOLL_CAUSE_PLAIN_HTTP,         /* it speaks plain HTTP on an https URL */
    PIPEPOLL_CAUSE_TLS,                /* no agreement on TLS */
    PIPEPOLL_CAUSE_CLIENT_CERTIFICATE, /* it demands a certificate of ours; there is none */
    PIPEPOLL_CAUSE_UNTRUSTED,          /* its certificate could not be verified */
    PIPEPOLL_CAUSE_NOT_YET_VALID,      /* its certificate is not valid yet, by our clock */
    PIPEPOLL_CAUSE_OUTDATED,           /* its certificate has expired, by our clock */
    PIPEPOLL_CAUSE_PROXY,              /* the proxy would not connect */
    PIPEPOLL_CAUSE_PROXY_LOGIN,        /* the proxy wants another user and password, or any */

    /* This machine. */
    PIPEPOLL_CAUSE_MEMORY,
    PIPEPOLL_CAUSE_DESCRIPTORS, /* too many open files, in the process or in the system */
    PIPEPOLL_CAUSE_SYSTEM       /* the system or a library below refused */
};

/* A word for a cause, such as "wrong-secret", for logs and programs: it never changes. "unknown"
 * for a cause that the library does not know. Static. Any thread. */
PIPEPOLL_API const char *pipepoll_cause_name(enum pipepoll_cause cause);

/* One line for a status, static, never NULL. Any thread. */
PIPEPOLL_API const char *pipepoll_strerror(int status);

/* Why a call failed: one sentence that names the field, the value and what is allowed; and what to
 * fix, with its subject, cut to fit. Callers need not initialise it, so it has no size and never
 * gets longer: new members take their bytes from the reserve, and are 0 where a library does not
 * know them. */
struct pipepoll_error {
    char text[512];
    enum pipepoll_cause cause;
    char subject[256]; /* NUL-terminated, "" where there is none */
    char reserved[60]; /* 0 */
};

#ifdef __cplusplus
}
#endif

#endif
