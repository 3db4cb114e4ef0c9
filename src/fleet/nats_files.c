/* SPDX-License-Identifier: MIT */
/* A file is told by how it begins, or by its PEM lines: enough to say that a seed stands where
 * creds were asked for. What was read is wiped. */
#include "fleet/nats_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

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

static str next_line(str *text)
{
    size_t end = str_find(*text, '\n');
    str line = str_trim((str) { text->ptr, end });
    *text = str_skip(*text, end < text->len ? end + 1 : end);
    return line;
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
    while (text.len) {
        str line = next_line(&text);
        if (is_next && line.len)
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
    str rest = text, line = { 0 };
    while (!line.len && rest.len)
        line = next_line(&rest);
    if (!line.len)
        return HOLDS_NOTHING;
    if (contains(text, "BEGIN NATS USER JWT"))
        return kind_of_creds(text);
    return contains(text, "-----BEGIN ") ? kind_of_pem(text) : kind_of_line(line);
}

/* --- what it should hold --- */

/* 0 or an errno. */
static int read_start(char text[FILE_START], size_t *len, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : 0;
    *len = 0;
    while (fd >= 0 && *len < FILE_START && (n = read(fd, text + *len, FILE_START - *len)) > 0)
        *len += (size_t)n;
    int error = errno;
    if (fd >= 0)
        close(fd);
    return n < 0 ? error : 0;
}

static int read_kind(enum holds *out, const char *option, const char *path,
                     struct pipepoll_error *why)
{
    char text[FILE_START];
    size_t len;
    int error = read_start(text, &len, path);
    *out = kind_of((str) { text, len });
    digest_wipe(text, sizeof text);
    return error ? explain(why, PIPEPOLL_ECREDENTIALS, "%s %s cannot be read: %s", option, path,
                           strerror(error))
                 : PIPEPOLL_OK;
}

static int refuse(const char *option, const char *path, enum holds is, const char *fix,
                  struct pipepoll_error *why)
{
    if (is == HOLDS_DAMAGED_SEED || is == HOLDS_DAMAGED_CREDS)
        fix = "its check sum is wrong, so copy the file again";
    return explain(why, PIPEPOLL_ECREDENTIALS, "%s %s %s: %s", option, path, words[is], fix);
}

static int check_nkey(const char *path, struct pipepoll_error *why)
{
    enum holds is;
    int r = read_kind(&is, "nkey-file", path, why);
    if (r || is == HOLDS_SEED)
        return r;
    return refuse("nkey-file", path, is,
                  is == HOLDS_CREDS ? "name it as creds-file instead"
                                    : "its first line must be a user's seed, SU...",
                  why);
}

static int check_creds(const char *path, struct pipepoll_error *why)
{
    enum holds is;
    int r = read_kind(&is, "creds-file", path, why);
    if (r || is == HOLDS_CREDS)
        return r;
    return refuse("creds-file", path, is,
                  is == HOLDS_SEED ? "name it as nkey-file instead"
                                   : "it must have a user's JWT and seed, as `nsc generate creds` "
                                     "writes them",
                  why);
}

static int check_password(const char *path, struct pipepoll_error *why)
{
    enum holds is;
    int r = read_kind(&is, "password-file", path, why);
    if (r || is != HOLDS_NOTHING)
        return r;
    return refuse("password-file", path, is, "its first line must be the password", why);
}

static int check_certificate(const char *option, const char *path, struct pipepoll_error *why)
{
    enum holds is;
    int r = read_kind(&is, option, path, why);
    if (r || is == HOLDS_CERTIFICATE || is == HOLDS_PAIR)
        return r;
    return refuse(option, path, is, "it must have certificates, as PEM", why);
}

static int check_key(const char *path, struct pipepoll_error *why)
{
    enum holds is;
    int r = read_kind(&is, "tls-key", path, why);
    if (r || is == HOLDS_KEY || is == HOLDS_PAIR)
        return r;
    return refuse("tls-key", path, is,
                  is == HOLDS_ENCRYPTED ? "`openssl pkey` writes it without one"
                                        : "it must have the key of tls-cert, as PEM",
                  why);
}

int nats_files_check(const struct nats_options *o, struct pipepoll_error *why)
{
    int r = o->tls_ca ? check_certificate("tls-ca", o->tls_ca, why) : PIPEPOLL_OK;
    if (!r && o->tls_cert)
        r = check_certificate("tls-cert", o->tls_cert, why);
    if (!r && o->tls_key)
        r = check_key(o->tls_key, why);
    if (!r && o->nkey_file)
        r = check_nkey(o->nkey_file, why);
    if (!r && o->creds_file)
        r = check_creds(o->creds_file, why);
    if (!r && o->password_file)
        r = check_password(o->password_file, why);
    return r;
}

void nats_files_explain(const struct nats_options *o, struct pipepoll_error *why)
{
    char text[FILE_START], when[32];
    size_t len;
    struct tm tm;
    if (!o->creds_file || read_start(text, &len, o->creds_file))
        return;
    time_t end = nats_jwt_end(text, len);
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
