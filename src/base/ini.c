#include "base/ini.h"

const char *ini_fault_text(enum ini_fault f)
{
    switch (f) {
    case INI_FINE:
        return "fine";
#define X(name, text)                                                                              \
    case INI_##name:                                                                               \
        return text;
        INI_FAULT_MAP(X)
#undef X
    }
    return "unknown";
}

void ini_init(struct ini *in, str text)
{
    const str mark = STR_INIT("\xef\xbb\xbf");
    *in = (struct ini) { .rest = str_starts(text, mark) ? str_skip(text, mark.len) : text };
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_comment(char c)
{
    return c == '#' || c == ';';
}

static str take_line(struct ini *in)
{
    str line = { in->rest.ptr, str_find(in->rest, '\n') };
    in->rest = str_skip(in->rest, line.len < in->rest.len ? line.len + 1 : line.len);
    in->line++;
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Behind a header a comment may follow at once; behind a value only after a blank, so that values
 * may hold the two characters. */
static str without_comment(str line, bool needs_blank)
{
    for (size_t i = 0; i < line.len; i++)
        if (is_comment(line.ptr[i]) && (!needs_blank || (i > 0 && is_blank(line.ptr[i - 1]))))
            return (str) { line.ptr, i };
    return line;
}

static uint32_t column_of(str line, const char *at)
{
    return (uint32_t)(at - line.ptr) + 1;
}

static void bad(struct ini_item *item, enum ini_fault fault, uint32_t column)
{
    item->kind = INI_BAD;
    item->fault = fault;
    item->column = item->value_column = column;
}

static void read_header(struct ini *in, struct ini_item *item, str line)
{
    str text = str_trim(without_comment(line, false));
    in->lost = text.ptr[text.len - 1] != ']';
    if (in->lost) {
        in->place = INI_IN_RUIN;
        bad(item, INI_OPEN_HEADER, (uint32_t)text.len + 1);
        return;
    }
    in->place = INI_IN_SECTION;
    text = str_trim((str) { text.ptr + 1, text.len - 2 });
    size_t word = 0;
    while (word < text.len && !is_blank(text.ptr[word]))
        word++;
    item->kind = INI_SECTION;
    item->name = (str) { text.ptr, word };
    item->value = str_trim(str_skip(text, word));
    item->column = 1;
    item->value_column = column_of(line, item->value.ptr);
}

/* `name = value`, where `text` lies in `line`; false when there is no '=' or no name. */
static bool read_pair(struct ini_item *item, str line, str text)
{
    size_t equals = str_find(text, '=');
    item->name = str_trim((str) { text.ptr, equals });
    if (equals == text.len || item->name.len == 0)
        return false;
    item->value = str_trim(str_skip(text, equals + 1));
    item->column = column_of(line, item->name.ptr);
    item->value_column = column_of(line, item->value.ptr);
    return true;
}

static void read_property(struct ini *in, struct ini_item *item, str line)
{
    if (in->place == INI_BEFORE_ALL) {
        in->lost = true;
        bad(item, INI_NO_SECTION, 1);
        return;
    }
    if (!read_pair(item, line, without_comment(line, true))) {
        in->place = INI_IN_RUIN;
        bad(item, item->name.len ? INI_NO_EQUALS : INI_NO_NAME, 1);
        return;
    }
    item->kind = INI_PROPERTY;
    in->place = item->value.len ? INI_IN_PROPERTY : INI_IN_PARENT;
}

/* Comments are not cut from indented lines: they belong to the value. */
static void read_indented(struct ini *in, struct ini_item *item, str line)
{
    str text = str_trim(line);
    uint32_t column = column_of(line, text.ptr);
    switch (in->place) {
    case INI_BEFORE_ALL:
        in->lost = true;
        bad(item, INI_NO_SECTION, column);
        return;
    case INI_IN_SECTION:
        bad(item, INI_NO_PROPERTY, column);
        return;
    case INI_IN_PROPERTY:
        item->kind = INI_CONTINUATION;
        item->value = text;
        item->column = item->value_column = column;
        return;
    case INI_IN_PARENT:
        item->kind = INI_SUB_PROPERTY;
        if (!read_pair(item, line, text))
            bad(item, item->name.len ? INI_SUB_NO_EQUALS : INI_SUB_NO_NAME, column);
        return;
    case INI_IN_RUIN:
        return; /* skipped by the caller */
    }
}

/* The index of the first byte no text file has, or line.len. */
static size_t find_control(str line)
{
    size_t i = 0;
    while (i < line.len && ((unsigned char)line.ptr[i] >= 0x20 || line.ptr[i] == '\t') &&
           line.ptr[i] != 0x7f)
        i++;
    return i;
}

static bool is_skipped(const struct ini *in, str line)
{
    if (str_trim(line).len == 0 || is_comment(line.ptr[0]))
        return true;
    if (line.ptr[0] == '[')
        return false;
    return in->lost || (in->place == INI_IN_RUIN && is_blank(line.ptr[0]));
}

void ini_next(struct ini *in, struct ini_item *item)
{
    while (in->rest.len) {
        str line = take_line(in);
        if (is_skipped(in, line))
            continue;
        *item = (struct ini_item) { .line = in->line };
        size_t control = find_control(line);
        if (control < line.len) {
            in->lost |= line.ptr[0] == '[';
            in->place = in->place == INI_BEFORE_ALL ? in->place : INI_IN_RUIN;
            bad(item, INI_CONTROL, (uint32_t)control + 1);
        } else if (line.ptr[0] == '[') {
            read_header(in, item, line);
        } else if (is_blank(line.ptr[0])) {
            read_indented(in, item, line);
        } else {
            read_property(in, item, line);
        }
        return;
    }
    *item = (struct ini_item) { .kind = INI_END, .line = in->line + 1, .column = 1 };
}
