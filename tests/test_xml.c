/* SPDX-License-Identifier: MIT */
/* XML that is read, and XML that is not. Each text is parsed in a block of its exact size. */
#include "aws/xml.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/check.h"

static struct xml x;
static char *block;

static bool parsed(const char *text, struct pipepoll_error *why)
{
    size_t len = strlen(text);
    free(block);
    block = malloc(len ? len : 1);
    memcpy(block, text, len);
    return xml_parse(&x, block, len, why);
}

static void parse(const char *text)
{
    struct pipepoll_error why;
    if (!parsed(text, &why))
        fail_msg("%s: %s", text, why.text);
}

/* The text at a path of names from the root. */
static str text_at(const char *a, const char *b)
{
    int node = xml_child(&x, XML_ROOT, str_of(a));
    return xml_text(&x, b ? xml_child(&x, node, str_of(b)) : node);
}

static void elements_are_found_by_their_names(void **state)
{
    parse("\xef\xbb\xbf<?xml version=\"1.0\" encoding='UTF-8'?>\n<!-- from a stand-in -->\n"
          "<R xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
          "  <C>\n    <Id>AKID</Id><Secret >s/+=</Secret\t>\n"
          "    <Empty/><Also a = 'b>' c=\"\"></Also>\n  </C>\n  <Id>other</Id>\n</R >\n<!---->\n");
    assert_str_equal(text_at("C", "Id"), "AKID");
    assert_str_equal(text_at("C", "Secret"), "s/+=");
    assert_str_equal(text_at("C", "Empty"), "");
    assert_str_equal(text_at("C", "Also"), "");
    assert_str_equal(text_at("C", "None"), "");
    assert_str_equal(text_at("Id", NULL), "other");
    assert_str_equal(text_at("None", "Id"), "");
    assert_str_equal(x.nodes[XML_ROOT].name, "R");
    assert_int_equal(x.count, 7);
}

static void prefixes_of_name_spaces_do_not_matter(void **state)
{
    parse("<a:R xmlns:a='u'><a:Id>1</a:Id></a:R>");
    assert_str_equal(x.nodes[XML_ROOT].name, "R");
    assert_str_equal(text_at("Id", NULL), "1");
}

static void the_last_of_several_counts(void **state)
{
    parse("<R><Id>1</Id><Id>2</Id></R>");
    assert_str_equal(text_at("Id", NULL), "2");
}

static void escapes_are_undone_once(void **state)
{
    static const char *const rows[][2] = {
        { "a&amp;b", "a&b" },
        { "&lt;&gt;&quot;&apos;", "<>\"'" },
        { "&amp;lt;", "&lt;" },
        { "&#65;&#x42;&#x6a;&#x6A;", "ABjj" },
        { "&#xe4;&#8364;&#x1F600;", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
        { "&#x7f;&#x80;&#x7ff;&#x800;&#xfffd;&#x10000;",
          "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbd\xf0\x90\x80\x80" },
        { "&#10;&#9;", "\n\t" },
        { " as it is ", " as it is " },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[128];
        snprintf(text, sizeof text, "<R><Id>%s</Id></R>", rows[i][0]);
        parse(text);
        assert_str_equal(text_at("Id", NULL), rows[i][1]);
    }
}

static void what_goes_beyond_is_refused(void **state)
{
    static const char *const rows[][2] = {
        { "", "text beside the root" },
        { "word", "text beside the root" },
        { "word<R/>", "text beside an element" },
        { "<R/>word", "text beside the root" },
        { "<R/><R/>", "more than one root" },
        { "<R>", "an end before the last end tag" },
        { "</R>", "an end tag too many" },
        { "<R></Q>", "an end tag of another element" },
        { "<R></R", "a tag that does not end" },
        { "<R", "a tag that does not end" },
        { "<", "a '<' that begins no tag" },
        { "<1/>", "a '<' that begins no tag" },
        { "< R/>", "a '<' that begins no tag" },
        { "<R/ >", "a tag that does not end" },
        { "<R a/>", "an attribute without a value" },
        { "<R a=b/>", "an attribute's value without quotes" },
        { "<R a=\"b/>", "an attribute's value that does not end" },
        { "<R a=\"<\"/>", "an attribute's value that does not end" },
        { "<R a='b'c='d'/>", "a tag with a byte that belongs to no attribute" },
        { "<R !/>", "a tag with a byte that belongs to no attribute" },
        { "<!DOCTYPE R [<!ENTITY e \"x\">]><R>&e;</R>", "a declaration" },
        { "<R><![CDATA[x]]></R>", "a declaration" },
        { "<R><?php x ?></R>", "a declaration" },
        { "<?xml version='1.0'", "a declaration that does not end" },
        { "<R><!-- </R>", "a comment that does not end" },
        { "<R>a<!-- -->b</R>", "a comment within a text" },
        { "<R>a<Q/></R>", "text beside an element" },
        { "<R><Q/>a</R>", "text beside an element" },
        { "<R>&e;</R>", "an entity that is none of XML's own" },
        { "<R>&;</R>", "an entity that is none of XML's own" },
        { "<R>&#;</R>", "an entity that is none of XML's own" },
        { "<R>&#x;</R>", "an entity that is none of XML's own" },
        { "<R>&#0;</R>", "an entity that is none of XML's own" },
        { "<R>&#1;</R>", "an entity that is none of XML's own" },
        { "<R>&#xd800;</R>", "an entity that is none of XML's own" },
        { "<R>&#xffff;</R>", "an entity that is none of XML's own" },
        { "<R>&#x110000;</R>", "an entity that is none of XML's own" },
        { "<R>&#6g;</R>", "an entity that is none of XML's own" },
        { "<R>&amp</R>", "an '&' that begins no character's name" },
        { "<R>&amp</R>;", "an '&' that begins no character's name" },
        { "<R>&a long name;</R>", "an '&' that begins no character's name" },
        { "<R>\x01</R>", "a control character" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pipepoll_error why = { .text = "" };
        if (parsed(rows[i][0], &why))
            fail_msg("%s was read", rows[i][0]);
        if (!strstr(why.text, rows[i][1]))
            fail_msg("%s: %s, not %s", rows[i][0], why.text, rows[i][1]);
        assert_false(parsed(rows[i][0], NULL));
    }
}

static void the_number_of_elements_and_their_depth_have_limits(void **state)
{
    static char text[XML_LEN_MAX + 64];
    struct pipepoll_error why;
    size_t len = 0;
    for (int i = 0; i <= XML_DEPTH_MAX; i++)
        len += (size_t)sprintf(text + len, "<a>");
    assert_false(parsed(text, &why));
    assert_non_null(strstr(why.text, "more or deeper elements"));
    len = (size_t)sprintf(text, "<a>");
    for (int i = 0; i < XML_NODES_MAX; i++)
        len += (size_t)sprintf(text + len, "<b/>");
    assert_false(parsed(text, &why));
    assert_non_null(strstr(why.text, "more or deeper elements"));
    memset(text, ' ', sizeof text - 1);
    assert_false(parsed(text, &why));
    assert_non_null(strstr(why.text, "more bytes"));
}

/* Whatever the end is cut off, it is no document, and nothing outside is touched. */
static void a_document_that_is_cut_is_none(void **state)
{
    static const char whole[] =
        "<?xml version='1.0'?><R a='b'><!-- c --><Id>a&amp;b&#x41;</Id></R>";
    char text[sizeof whole];
    parse(whole);
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        memcpy(text, whole, len);
        text[len] = '\0';
        assert_false(parsed(text, NULL));
    }
}

static void xml_is_known_by_its_first_byte(void **state)
{
    assert_true(xml_is(STR("<a/>")));
    assert_true(xml_is(STR("\xef\xbb\xbf \n<a/>")));
    assert_false(xml_is(STR("{}")));
    assert_false(xml_is(STR("")));
}

static int tear_down(void **state)
{
    free(block);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_found_by_their_names),
        cmocka_unit_test(prefixes_of_name_spaces_do_not_matter),
        cmocka_unit_test(the_last_of_several_counts),
        cmocka_unit_test(escapes_are_undone_once),
        cmocka_unit_test(what_goes_beyond_is_refused),
        cmocka_unit_test(the_number_of_elements_and_their_depth_have_limits),
        cmocka_unit_test(a_document_that_is_cut_is_none),
        cmocka_unit_test(xml_is_known_by_its_first_byte),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
