/* SPDX-License-Identifier: MIT */
/* Variables by name, and what people write with them: paths. A hook stands for the environment in
 * tests; who has no HOME is looked up in the system's user database. */
#include "base/environment.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAME_SIZE = 256, USER_SIZE = 4096 };

static const char *look_up(const struct environment *e, const char *name)
{
    return e && e->get ? e->get(e->ctx, name) : secure_getenv(name);
}

str environment_get(const struct environment *e, const char *name)
{
    str value = str_of(look_up(e, name));
    return str_trim(value).len ? value : (str) { NULL, 0 };
}

bool environment_has(const struct environment *e, const char *name)
{
    return look_up(e, name) != NULL;
}

bool environment_is_true(const struct environment *e, const char *name)
{
    return str_eq_nocase(str_trim(environment_get(e, name)), STR("true"));
}

/* --- homes --- */

static str without_slash(str path)
{
    while (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    return path.len == 1 && path.ptr[0] == '/' ? STR("") : path;
}

/* name empty: who we are. false: there is no such user. */
static bool put_home_of(struct buf *out, str name)
{
    char room[USER_SIZE], text[NAME_SIZE];
    struct buf user = BUF_ON(text);
    struct passwd entry, *found = NULL;
    buf_put(&user, name);
    buf_cstr(&user);
    if (user.overflow)
        return false;
    int error = name.len ? getpwnam_r(text, &entry, room, sizeof room, &found)
                         : getpwuid_r(geteuid(), &entry, room, sizeof room, &found);
    if (error || !found || !*found->pw_dir)
        return false;
    buf_put(out, without_slash(str_of(found->pw_dir)));
    return true;
}

bool environment_put_home(const struct environment *e, struct buf *out)
{
    str home = environment_get(e, "HOME");
    if (!home.len)
        return put_home_of(out, STR(""));
    buf_put(out, without_slash(home));
    return true;
}

/* --- paths --- */

static bool is_name_byte(char c)
{
    c = ascii_lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* What stands at a '$': the variable's name, and how many bytes in all. Empty: no variable. */
static str variable_at(str path, size_t *len)
{
    bool braced = path.len > 1 && path.ptr[1] == '{';
    str name = str_skip(path, braced ? 2 : 1);
    size_t end = 0;
    if (braced)
        end = str_find(name, '}');
    while (!braced && end < name.len && is_name_byte(name.ptr[end]))
        end++;
    *len = braced ? end + 3 : end + 1;
    return braced && end == name.len ? STR("") : (str) { name.ptr, end };
}

/* The length of what was put for the variable at the head of path; 0: it is none that is set. */
static size_t put_variable(const struct environment *e, struct buf *out, str path)
{
    char text[NAME_SIZE];
    struct buf name = BUF_ON(text);
    size_t len;
    buf_put(&name, variable_at(path, &len));
    buf_cstr(&name);
    const char *value = name.overflow || !name.len ? NULL : look_up(e, text);
    if (!value)
        return 0;
    buf_put(out, str_of(value));
    return len;
}

str environment_unset_in(const struct environment *e, str path)
{
    char text[NAME_SIZE];
    size_t len;
    for (; path.len; path = str_skip(path, 1)) {
        struct buf name = BUF_ON(text);
        str found = path.ptr[0] == '$' ? variable_at(path, &len) : STR("");
        buf_put(&name, found);
        buf_cstr(&name);
        if (found.len && !name.overflow && !look_up(e, text))
            return found;
    }
    return STR("");
}

static void put_variables(const struct environment *e, struct buf *out, str path)
{
    while (path.len) {
        size_t len = path.ptr[0] == '$' ? put_variable(e, out, path) : 0;
        if (!len) {
            buf_put_char(out, path.ptr[0]);
            len = 1;
        }
        path = str_skip(path, len);
    }
}

/* The length of the "~" or "~user" that was put at the head of path; 0: none. */
static size_t put_tilde(const struct environment *e, struct buf *out, str path)
{
    size_t len = str_find(path, '/');
    if (!path.len || path.ptr[0] != '~')
        return 0;
    bool known =
        len == 1 ? environment_put_home(e, out) : put_home_of(out, (str) { path.ptr + 1, len - 1 });
    return known ? len : 0;
}

void environment_put_path(const struct environment *e, struct buf *out, str path)
{
    char room[USER_SIZE];
    struct buf expanded = BUF_ON(room);
    put_variables(e, &expanded, path);
    if (expanded.overflow) {
        out->overflow = true;
        return;
    }
    size_t start = out->len, head = put_tilde(e, out, buf_str(&expanded));
    buf_put(out, str_skip(buf_str(&expanded), head));
    if (head && out->len == start)
        buf_put_char(out, '/'); /* the home of who lives at the root */
}
