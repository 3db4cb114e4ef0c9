/* SPDX-License-Identifier: MIT */
/* One pass over the bytes with a stack of open elements, which are nodes themselves: each knows its
 * parent. Texts are unescaped as their end tag is met; that makes them shorter, never longer, so it
 * is done where they stand. */
#include "aws/xml.h"

#include "base/log.h"

struct reader {
    struct xml *out;
    char *text;
    size_t len, at;
    int open, depth;      /* the innermost open element, or XML_NONE; how many are */
    const char *problem;  /* NULL: none yet */
    size_t content_start; /* where the text of the innermost element begins */
    bool has_elements;    /* it has some, or the last thing met was an end tag */
};

static bool fail(struct reader *r, const char *problem)
{
    r->problem = r->problem ? r->problem : problem;
    return false;
}

static str rest(const struct reader *r)
{
    return (str) { r->text + r->at, r->len - r->at };
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->len && is_blank(r->text[r->at]))
        r->at++;
}

/* --- text --- */

/* The bytes of a character; 0: there is none of this number that XML allows. */
static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x20 ? !(c == '\t' || c == '\n' || c == '\r')
                 : (c >= 0xd800 && c < 0xe000) || c > 0x10ffff || (c & 0xfffe) == 0xfffe)
        return 0;
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = { 0, 0xc0, 0xe0, 0xf0 };
    out[0] = (char)(lead[more] | c >> 6 * more);
    for (size_t i = 1; i <= more; i++)
        out[i] = (char)(0x80 | (c >> 6 * (more - i) & 0x3f));
    return more + 1;
}

static int digit_of(char c, unsigned base)
{
    int d = ascii_is_digit(c) ? c - '0' : -1;
    if (base == 16 && ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f')
        d = ascii_lower(c) - 'a' + 10;
    return d;
}

/* "#38" or "#x26"; 0: not that. */
static uint32_t number_of(str name)
{
    bool hex = name.len > 1 && name.ptr[1] == 'x';
    uint32_t n = 0;
    for (size_t i = hex ? 2 : 1; i < name.len; i++) {
        int d = digit_of(name.ptr[i], hex ? 16 : 10);
        if (d < 0 || n > 0x10ffff)
            return 0;
        n = n * (hex ? 16 : 10) + (uint32_t)d;
    }
    return n;
}

/* What stands between '&' and ';', written to out. The bytes; 0: XML has no such name. */
static size_t put_entity(char *out, str name)
{
    static const struct {
        str name;
        char c;
    } known[] = { { STR_INIT("lt"), '<' },
                  { STR_INIT("gt"), '>' },
                  { STR_INIT("amp"), '&' },
                  { STR_INIT("quot"), '"' },
                  { STR_INIT("apos"), '\'' } };
    if (name.len > 1 && name.ptr[0] == '#')
        return put_utf8(out, number_of(name));
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_eq(name, known[i].name)) {
            *out = known[i].c;
            return 1;
        }
    return 0;
}

enum { ENTITY_MAX = 10 }; /* "&#x0010ffff;", nearly */

/* Of [start, end); the reader's place is set for diagnostics. */
static bool unescape(struct reader *r, size_t start, size_t end, str *out)
{
    char *to = r->text + start, *begin = to;
    for (size_t i = start; i < end; i++) {
        char c = r->text[i];
        r->at = i;
        if (c != '&') {
            *to++ = c;
            continue;
        }
        str name = { r->text + i + 1, str_find((str) { r->text + i, end - i }, ';') - 1 };
        if (i + 1 + name.len >= end || name.len > ENTITY_MAX)
            return fail(r, "an '&' that begins no character's name");
        char bytes[4];
        size_t len = put_entity(bytes, name);
        if (!len)
            return fail(r, "an entity that is none of XML's own");
        memcpy(to, bytes, len);
        to += len;
        i += name.len + 1;
    }
    *out = (str) { begin, (size_t)(to - begin) };
    return true;
}

/* From content_start to here: blanks only, where elements are. */
static bool is_all_blank(const struct reader *r)
{
    for (size_t i = r->content_start; i < r->at; i++)
        if (!is_blank(r->text[i]))
            return false;
    return true;
}

/* --- tags --- */

static bool is_name_byte(char c, bool first)
{
    char lower = ascii_lower(c);
    if ((lower >= 'a' && lower <= 'z') || c == '_')
        return true;
    return !first && (ascii_is_digit(c) || c == '-' || c == '.' || c == ':');
}

static str read_name(struct reader *r)
{
    size_t start = r->at;
    while (r->at < r->len && is_name_byte(r->text[r->at], r->at == start))
        r->at++;
    return (str) { r->text + start, r->at - start };
}

static bool read_byte(struct reader *r, char c, const char *problem)
{
    if (r->at == r->len || r->text[r->at] != c)
        return fail(r, problem);
    r->at++;
    return true;
}

/* name="value" or name='value', which nobody here wants. */
static bool skip_attribute(struct reader *r)
{
    if (!read_name(r).len)
        return fail(r, "a tag with a byte that belongs to no attribute");
    skip_blanks(r);
    if (!read_byte(r, '=', "an attribute without a value"))
        return false;
    skip_blanks(r);
    char quote = r->at < r->len ? r->text[r->at] : '\0';
    if (quote != '"' && quote != '\'')
        return fail(r, "an attribute's value without quotes");
    r->at++;
    size_t end = str_find(rest(r), quote);
    if (end == r->len - r->at || str_find((str) { r->text + r->at, end }, '<') < end)
        return fail(r, "an attribute's value that does not end");
    r->at += end + 1;
    return true;
}

static bool skip_attributes(struct reader *r)
{
    for (;;) {
        size_t before = r->at;
        skip_blanks(r);
        if (r->at == r->len)
            return fail(r, "a tag that does not end");
        if (r->text[r->at] == '>' || r->text[r->at] == '/')
            return true;
        if (r->at == before)
            return fail(r, "a tag with a byte that belongs to no attribute");
        if (!skip_attribute(r))
            return false;
    }
}

static void go_up(struct reader *r)
{
    r->open = r->out->nodes[r->open].parent;
    r->depth--;
    r->content_start = r->at;
    r->has_elements = true;
}

static str local_name(str name)
{
    size_t colon = str_find(name, ':');
    return colon < name.len ? str_skip(name, colon + 1) : name;
}

static bool add_node(struct reader *r, str name)
{
    struct xml *x = r->out;
    if (r->open == XML_NONE && x->count)
        return fail(r, "more than one root");
    if (x->count == XML_NODES_MAX || r->depth == XML_DEPTH_MAX)
        return fail(r, "more or deeper elements than expected");
    x->nodes[x->count] = (struct xml_node) { .name = name, .parent = r->open };
    r->open = x->count++;
    r->depth++;
    return true;
}

static bool read_start(struct reader *r)
{
    if (!is_all_blank(r))
        return fail(r, "text beside an element");
    r->at++;
    str name = read_name(r);
    if (!name.len || !add_node(r, name) || !skip_attributes(r))
        return fail(r, "a '<' that begins no tag");
    bool is_empty = r->text[r->at] == '/';
    r->at += is_empty;
    if (!read_byte(r, '>', "a tag that does not end"))
        return false;
    r->content_start = r->at;
    r->has_elements = false;
    if (is_empty)
        go_up(r);
    return true;
}

static bool read_end(struct reader *r)
{
    struct xml_node *n = r->open == XML_NONE ? NULL : &r->out->nodes[r->open];
    size_t end = r->at;
    if (!n || (r->has_elements && !is_all_blank(r)))
        return fail(r, n ? "text beside an element" : "an end tag too many");
    r->at += 2;
    if (!str_eq(read_name(r), n->name))
        return fail(r, "an end tag of another element");
    skip_blanks(r);
    if (!read_byte(r, '>', "a tag that does not end"))
        return false;
    size_t after = r->at;
    if (!r->has_elements && !unescape(r, r->content_start, end, &n->text))
        return false;
    r->at = after;
    go_up(r);
    return true;
}

/* A text with a comment in its middle would be two: a comment stands beside elements only. */
static bool skip_comment(struct reader *r)
{
    if (!is_all_blank(r))
        return fail(r, "a comment within a text");
    const char *end = memmem(r->text + r->at + 4, r->len - r->at - 4, "-->", 3);
    if (!end)
        return fail(r, "a comment that does not end");
    r->at = (size_t)(end - r->text) + 3;
    r->content_start = r->at;
    return true;
}

static bool read_markup(struct reader *r)
{
    str s = rest(r);
    if (str_starts(s, STR("<!--")))
        return skip_comment(r);
    if (str_starts(s, STR("<!")) || str_starts(s, STR("<?")))
        return fail(r, "a declaration");
    return str_starts(s, STR("</")) ? read_end(r) : read_start(r);
}

/* --- the whole --- */

static const str byte_order_mark = STR_INIT("\xef\xbb\xbf");

static bool skip_prolog(struct reader *r)
{
    if (str_starts(rest(r), byte_order_mark))
        r->at += byte_order_mark.len;
    skip_blanks(r);
    if (!str_starts(rest(r), STR("<?xml ")))
        return true;
    const char *end = memmem(r->text + r->at, r->len - r->at, "?>", 2);
    if (!end)
        return fail(r, "a declaration that does not end");
    r->at = (size_t)(end - r->text) + 2;
    return true;
}

static bool has_control(struct reader *r)
{
    for (r->at = 0; r->at < r->len; r->at++) {
        char c = r->text[r->at];
        if (((unsigned char)c < 0x20 && !is_blank(c)) || c == 0x7f)
            return true;
    }
    r->at = 0;
    return false;
}

static bool read_all(struct reader *r)
{
    if (r->len > XML_LEN_MAX)
        return fail(r, "more bytes than expected");
    if (has_control(r))
        return fail(r, "a control character");
    if (!skip_prolog(r))
        return false;
    r->content_start = r->at;
    while (r->at < r->len) {
        if (r->text[r->at] != '<')
            r->at++;
        else if (!read_markup(r))
            return false;
    }
    if (r->open != XML_NONE)
        return fail(r, "an end before the last end tag");
    if (!is_all_blank(r) || !r->out->count)
        return fail(r, "text beside the root");
    return true;
}

bool xml_is(str text)
{
    if (str_starts(text, byte_order_mark))
        text = str_skip(text, byte_order_mark.len);
    return str_starts(str_trim(text), STR("<"));
}

bool xml_parse(struct xml *out, char *text, size_t len, struct pipepoll_error *why)
{
    struct reader r = { .out = out, .text = text, .len = len, .open = XML_NONE };
    out->count = 0;
    if (!read_all(&r)) {
        explain(why, 0, "%s at byte %zu", r.problem, r.at);
        return false;
    }
    for (int i = 0; i < out->count; i++)
        out->nodes[i].name = local_name(out->nodes[i].name);
    return true;
}

int xml_child(const struct xml *x, int parent, str name)
{
    int found = XML_NONE;
    for (int i = 1; parent != XML_NONE && i < x->count; i++)
        if (x->nodes[i].parent == parent && str_eq(x->nodes[i].name, name))
            found = i;
    return found;
}

str xml_text(const struct xml *x, int node)
{
    return node == XML_NONE ? STR("") : x->nodes[node].text;
}
