/* SPDX-License-Identifier: MIT */
/* Classes of cells: s a state, n a number, t a name, l a long text, m a meter. The heads of the
 * tables in page.html have the same, from where the script knows them. */
#include "status/page_out.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/jsontext.h"

void page_escape(struct buf *out, str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '&')
            buf_put(out, STR("&amp;"));
        else if (c == '<')
            buf_put(out, STR("&lt;"));
        else if (c == '>')
            buf_put(out, STR("&gt;"));
        else if (c == '"')
            buf_put(out, STR("&quot;"));
        else if (c == '\'')
            buf_put(out, STR("&#39;"));
        else if ((unsigned char)c < 0x20 && c != '\n')
            buf_put(out, STR("\xef\xbf\xbd"));
        else
            buf_put_char(out, c);
    }
}

void page_row(struct page_out *o, const char *state)
{
    o->rows++;
    if (o->form == PAGE_JSON) {
        buf_put(o->out, o->rows > 1 ? STR(",[") : STR("["));
        jsontext_string(o->out, str_of(state));
    } else if (o->form == PAGE_HTML) {
        buf_put(o->out, *state ? STR("<tr data-s=\"") : STR("<tr>"));
        buf_put(o->out, str_of(state));
        if (*state)
            buf_put(o->out, STR("\">"));
    }
}

void page_row_end(struct page_out *o)
{
    if (o->form == PAGE_JSON)
        buf_put_char(o->out, ']');
    else if (o->form == PAGE_HTML)
        buf_put(o->out, STR("</tr>\n"));
}

static void put_cell(struct page_out *o, str class, str text)
{
    if (o->form == PAGE_JSON) {
        buf_put_char(o->out, ',');
        jsontext_string(o->out, text);
    } else if (o->form == PAGE_HTML) {
        buf_put(o->out, class.len ? STR("<td class=\"") : STR("<td>"));
        buf_put(o->out, class);
        if (class.len)
            buf_put(o->out, STR("\">"));
        page_escape(o->out, text);
        buf_put(o->out, STR("</td>"));
    }
}

void page_words(struct page_out *o, str text)
{
    put_cell(o, STR(""), text);
}

void page_name(struct page_out *o, str text)
{
    put_cell(o, STR("t"), text);
}

void page_state(struct page_out *o, const char *state)
{
    put_cell(o, STR("s"), str_of(state));
}

void page_long(struct page_out *o, str text)
{
    put_cell(o, STR("l"), text);
}

void page_number_text(struct page_out *o, const struct buf *text)
{
    put_cell(o, STR("n"), buf_str(text));
}

void page_number(struct page_out *o, const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_cell(o, STR("n"), (str) { text, n > 0 && (size_t)n < sizeof text ? (size_t)n : 0 });
}

void page_meter(struct page_out *o, int percent, const struct buf *text)
{
    if (percent > 100)
        percent = 100;
    if (o->form == PAGE_JSON) {
        buf_printf(o->out, ",[%d,", percent);
        jsontext_string(o->out, buf_str(text));
        buf_put_char(o->out, ']');
    } else if (o->form == PAGE_HTML) {
        buf_put(o->out, STR("<td class=\"m\">"));
        if (percent >= 0)
            buf_printf(o->out, "<meter max=\"100\" value=\"%d\"></meter>", percent);
        page_escape(o->out, buf_str(text));
        buf_put(o->out, STR("</td>"));
    }
}
