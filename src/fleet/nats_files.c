/* SPDX-License-Identifier: MIT */
/* A file is told by how it begins, or by its PEM lines: enough to say that a seed stands where
 * creds were asked for. What was read is wiped. */
#include "fleet/nats_files.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "aws/digest.h"
#include "fleet/nats_jwt.h"
#include "fleet/nats_login.h"

enum { FILE_START = 32768, SEED_TEXT = 58, PUBLIC_TEXT = 56 };

enum holds {
    HOLDS_NOTHING,
    HOLDS_SEED,
    HOLDS_OTHER_SEED,
    HOLDS_DAMAGED_SEED,
    HOLDS_PUBLIC,
    HOLDS_CREDS,
    HOLDS_HALF_CREDS,
    HOLDS_DAMAGED_CREDS,
    HOLDS_JWT,
    HOLDS_CERTIFICATE,
    HOLDS_KEY,
    HOLDS_PAIR,
    HOLDS_ENCRYPTED,
    HOLDS_OTHER
};

static const char *const words[] = {
    [HOLDS_NOTHING] = "is empty",
    [HOLDS_SEED] = "holds the seed of an nkey",
    [HOLDS_OTHER_SEED] = "holds a seed that is no user's",
    [HOLDS_DAMAGED_SEED] = "holds a damaged seed",
    [HOLDS_PUBLIC] = "holds a public key",
    [HOLDS_CREDS] = "holds the creds of a user",
    [HOLDS_HALF_CREDS] = "holds creds without their seed",
    [HOLDS_DAMAGED_CREDS] = "holds creds with a damaged seed",
    [HOLDS_JWT] = "holds a JWT without its seed",
    [HOLDS_CERTIFICATE] = "holds a certificate and no key",
    [HOLDS_KEY] = "holds a key and no certificate",
    [HOLDS_PAIR] = "holds a certificate and a key",
    [HOLDS_ENCRYPTED] = "holds an encrypted key, and nobody can be asked for its passphrase",
    [HOLDS_OTHER] = "holds something else",
};

/* --- what a file holds --- */

static bool contains(str text, const char *words_)
{
    return memmem(text.ptr, text.len, words_, strlen(words_)) != NULL;
}

static bool is_seed(str line)
{
    char public[NATS_NKEY_SIZE];
    return nats_nkey_public(public, line);
}

/* Behind the line that begins it. */
static enum holds kind_of_creds(str text)
{
    bool is_next = false;
    for (str line; (line = nats_login_next_line(&text)).len;) {
        if (is_next)
            return is_seed(line) ? HOLDS_CREDS : HOLDS_DAMAGED_CREDS;
        is_next = is_next || contains(line, "BEGIN USER NKEY SEED");
    }
    return HOLDS_HALF_CREDS;
}

static enum holds kind_of_pem(str text)
{
    bool has_key = contains(text, "PRIVATE KEY-----");
    bool has_certificate = contains(text, "CERTIFICATE-----");
    if (has_key && (contains(text, "-----BEGIN ENCRYPTED") || contains(text, "4,ENCRYPTED")))
        return HOLDS_ENCRYPTED;
    if (has_key)
        return has_certificate ? HOLDS_PAIR : HOLDS_KEY;
    return has_certificate ? HOLDS_CERTIFICATE : HOLDS_OTHER;
}

static enum holds kind_of_line(str line)
{
    if (is_seed(line))
        return HOLDS_SEED;
    if (line.len == SEED_TEXT && line.ptr[0] == 'S')
        return line.ptr[1] == 'U' ? HOLDS_DAMAGED_SEED : HOLDS_OTHER_SEED;
    if (line.len == PUBLIC_TEXT && strchr("UAO", line.ptr[0]))
        return HOLDS_PUBLIC;
    return str_starts(line, STR("eyJ")) ? HOLDS_JWT : HOLDS_OTHER;
}

static enum holds kind_of(str text)
{
    str rest = text, line = nats_login_next_line(&rest);
    if (!line.len)
        return HOLDS_NOTHING;
    if (contains(text, "BEGIN NATS USER JWT"))
        return kind_of_creds(text);
    return contains(text, "-----BEGIN ") ? kind_of_pem(text) : kind_of_line(line);
}

/* --- what it should hold --- */

enum file { FILE_CA, FILE_CERT, FILE_KEY, FILE_NKEY, FILE_CREDS, FILE_PASSWORD, FILES };

static const struct {
    const char *option;
    unsigned good; /* what it may hold, a bit each */
    const char *fix;
    enum holds other; /* and what to do where it holds this; NULL: the same */
    const char *other_fix;
} asked[FILES] = {
    [FILE_CA] = { "tls-ca", 1 << HOLDS_CERTIFICATE | 1 << HOLDS_PAIR,
                  "it must have certificates, as PEM" },
    [FILE_CERT] = { "tls-cert", 1 << HOLDS_CERTIFICATE | 1 << HOLDS_PAIR,
                    "it must have certificates, as PEM" },
    [FILE_KEY] = { "tls-key", 1 << HOLDS_KEY | 1 << HOLDS_PAIR,
                   "it must have the key of tls-cert, as PEM", HOLDS_ENCRYPTED,
                   "`openssl pkey` writes it without one" },
    [FILE_NKEY] = { "nkey-file", 1 << HOLDS_SEED, "its first line must be a user's seed, SU...",
                    HOLDS_CREDS, "name it as creds-file instead" },
    [FILE_CREDS] = { "creds-file", 1 << HOLDS_CREDS,
                     "it must have a user's JWT and seed, as `nsc generate creds` writes them",
                     HOLDS_SEED, "name it as nkey-file instead" },
    [FILE_PASSWORD] = { "password-file", ~(1U << HOLDS_NOTHING),
                        "its first line must be the password" },
};

static const char *fix_of(enum file f, enum holds is)
{
    if (is == HOLDS_DAMAGED_SEED || is == HOLDS_DAMAGED_CREDS)
        return "its check sum is wrong, so copy the file again";
    return asked[f].other_fix && is == asked[f].other ? asked[f].other_fix : asked[f].fix;
}

static int check(enum file f, const char *path, struct pipepoll_error *why)
{
    char text[FILE_START];
    const char *option = asked[f].option;
    ssize_t len = nats_login_read_file(text, sizeof text, path);
    if (len < 0)
        return explain(why, PIPEPOLL_ECREDENTIALS, "%s %s cannot be read: %s", option, path,
                       strerror(errno));
    enum holds is = kind_of((str) { text, (size_t)len });
    digest_wipe(text, sizeof text);
    if (asked[f].good >> is & 1)
        return PIPEPOLL_OK;
    return explain(why, PIPEPOLL_ECREDENTIALS, "%s %s %s: %s", option, path, words[is],
                   fix_of(f, is));
}

int nats_files_check(const struct nats_options *o, struct pipepoll_error *why)
{
    const char *const paths[FILES] = {
        [FILE_CA] = o->tls_ca,        [FILE_CERT] = o->tls_cert,
        [FILE_KEY] = o->tls_key,      [FILE_NKEY] = o->nkey_file,
        [FILE_CREDS] = o->creds_file, [FILE_PASSWORD] = o->password_file,
    };
    int r = PIPEPOLL_OK;
    for (enum file f = 0; !r && f < FILES; f++)
        if (paths[f])
            r = check(f, paths[f], why);
    return r;
}

void nats_files_explain(const struct nats_options *o, struct pipepoll_error *why)
{
    char text[FILE_START], when[32];
    struct tm tm;
    ssize_t len = o->creds_file ? nats_login_read_file(text, sizeof text, o->creds_file) : -1;
    if (len < 0)
        return;
    time_t end = nats_jwt_end(text, (size_t)len);
    digest_wipe(text, sizeof text);
    if (end && end <= time(NULL) && gmtime_r(&end, &tm) &&
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm))
        explain(why, PIPEPOLL_ECREDENTIALS,
                "the server refuses creds-file %s, which ended at %s: it needs a new JWT",
                o->creds_file, when);
}

/* --- the server's certificate --- */

bool nats_files_explain_server(const struct nats_options *o, const char *said,
                               struct pipepoll_error *why)
{
    enum { NOT_YET = 9, EXPIRED = 10, OTHER_NAME = 62, OTHER_ADDRESS = 64 };
    str text = str_of(said), prefix = STR("SSL handshake error: ");
    if (!str_starts(text, prefix))
        return false;
    str reason = str_skip(text, prefix.len);
    int number = atoi(reason.ptr);
    if (!number)
        return false;
    size_t colon = str_find(reason, ':');
    str words_ = str_skip(reason, colon < reason.len ? colon + 1 : colon);
    const char *what =
        number == NOT_YET   ? "is not valid yet: is this machine's clock right?"
        : number == EXPIRED ? "has expired: renew it there, or set this machine's clock"
        : number == OTHER_NAME || number == OTHER_ADDRESS
            ? "is for another name: name the server in `servers` as its certificate does"
        : o->tls_ca ? "is of an authority that tls-ca does not have: it must be that of the servers"
                    : "is of an authority that this system does not know: set tls-ca to a file "
                      "with that of the servers, as PEM";
    explain(why, PIPEPOLL_ESYSTEM, "its certificate %s (%d: %.*s)", what, number,
            STR_ARG(str_cut(words_, str_find(words_, ':'))));
    return true;
}
