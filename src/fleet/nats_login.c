/* SPDX-License-Identifier: MIT */
/* Files of a login. An nkey is base32 without padding of two bytes that say what it is, 32 bytes of
 * key, and a CRC-16 of both; cnats wants the public key beside the seed, which is made here, so
 * that nobody has to configure it. What was read is wiped, but for what cnats keeps of it. */
#include "fleet/nats_login.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "aws/digest.h"

enum {
    KEY_SIZE = 32,
    SEED_SIZE = 2 + KEY_SIZE + 2, /* bytes of a seed: its kind, the key, the sum */
    SEED_TEXT = 58,
    KIND_SEED = 18 << 3,
    KIND_USER = 20 << 3,
    FILE_START = 4096 /* of a file: nobody looks at what follows */
};

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static bool from_base32(unsigned char *out, size_t size, str text)
{
    unsigned bits = 0, held = 0;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.ptr[i] ? strchr(alphabet, text.ptr[i]) : NULL;
        if (!at)
            return false;
        bits = (bits << 5 | (unsigned)(at - alphabet)) & 0xffff;
        held += 5;
        if (held >= 8 && len < size) {
            held -= 8;
            out[len++] = (unsigned char)(bits >> held);
        }
    }
    return len == size;
}

static void to_base32(char *out, const unsigned char *bytes, size_t size)
{
    unsigned bits = 0, held = 0;
    for (size_t i = 0; i < size; i++) {
        bits = (bits << 8 | bytes[i]) & 0xffff;
        for (held += 8; held >= 5; held -= 5)
            *out++ = alphabet[bits >> (held - 5) & 31];
    }
    if (held)
        *out++ = alphabet[bits << (5 - held) & 31];
    *out = '\0';
}

/* CRC-16/XMODEM. */
static unsigned sum_of(const unsigned char *bytes, size_t size)
{
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++) {
        sum ^= (unsigned)bytes[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            sum = (sum & 0x8000 ? sum << 1 ^ 0x1021 : sum << 1) & 0xffff;
    }
    return sum;
}

static bool has_sum(const unsigned char *bytes, size_t size)
{
    unsigned sum = sum_of(bytes, size);
    return bytes[size] == (sum & 0xff) && bytes[size + 1] == sum >> 8;
}

/* The kinds of a seed share a byte: 5 bits for "seed", 5 for whose, and the rest is 0. */
static bool is_user_seed(const unsigned char *raw)
{
    unsigned whose = (unsigned)(raw[0] & 7) << 5 | raw[1] >> 3;
    return (raw[0] & 0xf8) == KIND_SEED && whose == KIND_USER;
}

bool nats_nkey_public(char out[NATS_NKEY_SIZE], str seed)
{
    unsigned char raw[SEED_SIZE], key[1 + KEY_SIZE + 2] = { KIND_USER };
    bool ok = seed.len == SEED_TEXT && from_base32(raw, sizeof raw, seed) && is_user_seed(raw) &&
              has_sum(raw, SEED_SIZE - 2) && digest_ed25519_public(key + 1, raw + 2) == 0;
    digest_wipe(raw, sizeof raw);
    if (!ok)
        return false;
    unsigned sum = sum_of(key, 1 + KEY_SIZE);
    key[1 + KEY_SIZE] = sum & 0xff;
    key[2 + KEY_SIZE] = (unsigned char)(sum >> 8);
    to_base32(out, key, sizeof key);
    return true;
}

/* Without stdio, whose buffer keeps a copy. */
ssize_t nats_login_read_file(char *out, size_t size, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : 0;
    size_t len = 0;
    while (fd >= 0 && len < size && (n = read(fd, out + len, size - len)) > 0)
        len += (size_t)n;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        digest_wipe(out, len);
    errno = error;
    return n < 0 ? -1 : (ssize_t)len;
}

str nats_login_next_line(str *text)
{
    str line = { 0 };
    while (!line.len && text->len) {
        size_t end = str_find(*text, '\n');
        line = str_trim((str) { text->ptr, end });
        *text = str_skip(*text, end + 1);
    }
    return line;
}

/* The first line that is not empty. */
static int read_line(char *out, size_t size, const char *path, const char *what,
                     struct pipepoll_error *why)
{
    char text[FILE_START];
    ssize_t len = nats_login_read_file(text, sizeof text, path);
    if (len < 0)
        return explain(why, PIPEPOLL_ECREDENTIALS, "%s %s cannot be read: %s", what, path,
                       strerror(errno));
    str rest = { text, (size_t)len }, line = nats_login_next_line(&rest);
    bool fits = line.len && line.len < size;
    str_copy(out, size, fits ? line : STR(""));
    digest_wipe(text, sizeof text);
    return fits ? PIPEPOLL_OK
                : explain(why, PIPEPOLL_ECREDENTIALS, "%s %s has no line that could be one", what,
                          path);
}

static bool is_seed_line(const char *line)
{
    return line[0] == 'S' && line[1] == 'U';
}

static int read_nkey(struct nats_login *out, const char *path, struct pipepoll_error *why)
{
    char seed[256];
    int r = read_line(seed, sizeof seed, path, "nkey-file", why);
    if (!r && !(is_seed_line(seed) && nats_nkey_public(out->nkey, str_of(seed))))
        r = explain(why, PIPEPOLL_ECREDENTIALS,
                    "nkey-file %s does not hold a user's seed, SU... in its first line", path);
    digest_wipe(seed, sizeof seed);
    return r;
}

int nats_login_read(struct nats_login *out, const struct nats_options *o,
                    struct pipepoll_error *why)
{
    memset(out, 0, sizeof *out);
    int r = PIPEPOLL_OK;
    if (o->nkey_file)
        r = read_nkey(out, o->nkey_file, why);
    if (!r && o->password_file)
        r = read_line(out->password, sizeof out->password, o->password_file, "password-file", why);
    if (r)
        nats_login_wipe(out);
    return r;
}

int nats_login_suits(const struct nats_options *o, const char *server,
                     const struct nats_greeting *g, struct pipepoll_error *why)
{
    bool is_tls = o->tls_ca || str_starts(str_of(server), STR("tls://"));
    if (!nats_greeting_is_known(g))
        return explain(why, PIPEPOLL_ESYSTEM,
                       "nats-server %.16s is too old: 2.9 or later is needed", g->version);
    if (g->wants_tls && !is_tls)
        return explain(why, PIPEPOLL_ECREDENTIALS,
                       "the server wants TLS: its address must begin with tls://");
    if (g->wants_certificate && !o->tls_cert)
        return explain(why, PIPEPOLL_ECREDENTIALS,
                       "the server wants our certificate: set tls-cert and tls-key");
    if (g->wants_login && !o->nkey_file && !o->creds_file && !o->user && !o->tls_cert)
        return explain(why, PIPEPOLL_ECREDENTIALS,
                       "the server wants a login: set nkey-file, creds-file, or user and "
                       "password-file");
    return PIPEPOLL_OK;
}

void nats_login_wipe(struct nats_login *l)
{
    digest_wipe(l, sizeof *l);
}
