/* SPDX-License-Identifier: MIT */
/* The path is the same in both: OPERATIONResponse, OPERATIONResult, and there Credentials and
 * AssumedRoleUser. Only times differ: seconds in JSON, RFC 3339 in XML. */
#include "credentials/sts_answer.h"

#include "aws/xml.h"
#include "credentials/credentials_form.h"

static const struct credentials_form form = {
    .access_key_id = "AccessKeyId",
    .secret_access_key = "SecretAccessKey",
    .session_token = "SessionToken",
    .expiration = "Expiration",
};

/* The fifth part of arn:aws:sts::123456789012:assumed-role/..., or empty. */
static str arn_account(str arn)
{
    for (int i = 0; i < 4; i++) {
        size_t colon = str_find(arn, ':');
        if (colon == arn.len)
            return STR("");
        arn = str_skip(arn, colon + 1);
    }
    return (str) { arn.ptr, str_find(arn, ':') };
}

static str element_name(const struct sts_answer *from, const char *suffix, char *room, size_t size)
{
    struct buf b = { .at = room, .cap = size };
    buf_printf(&b, "%s%s", from->operation, suffix);
    return buf_str(&b);
}

static int no_credentials(const struct sts_answer *from, struct pipepoll_error *why)
{
    return explain(why, PIPEPOLL_EPROTO, "%s: there are no Credentials in the answer", from->what);
}

/* --- JSON --- */

/* The object that is called so within an object, or JSON_NONE; also for JSON_NONE. */
static int down(const struct json *j, int node, str name)
{
    if (node == JSON_NONE)
        return JSON_NONE;
    int found = JSON_NONE;
    for (int key = json_first(j, node); key != JSON_NONE; key = json_next(j, key))
        if (json_is(j, key, name))
            found = json_value(key);
    return found != JSON_NONE && json_type(j, found) == JSON_OBJECT ? found : JSON_NONE;
}

static int read_json(struct credentials **out, const struct alloc *alloc,
                     const struct sts_answer *from, struct pipepoll_error *why)
{
    char response[64], result[64];
    struct json j;
    int r = exchange_json(from->exchange, &j, from->what, why);
    if (r)
        return r;
    int assumed = down(&j, JSON_ROOT, element_name(from, "Response", response, sizeof response));
    assumed = down(&j, assumed, element_name(from, "Result", result, sizeof result));
    int credentials = down(&j, assumed, STR("Credentials"));
    int user = down(&j, assumed, STR("AssumedRoleUser"));
    if (credentials == JSON_NONE)
        return no_credentials(from, why);
    const struct credentials_form_json source = {
        .json = &j,
        .object = credentials,
        .form = &form,
        .account_id = user == JSON_NONE ? STR("") : arn_account(json_member_text(&j, user, "Arn")),
        .what = from->what,
    };
    return credentials_form_read(out, alloc, &source, why);
}

/* --- XML --- */

static str text_of(const struct xml *x, int parent, const char *name)
{
    return str_trim(xml_text(x, xml_child(x, parent, str_of(name))));
}

static int read_xml(struct credentials **out, const struct alloc *alloc,
                    const struct sts_answer *from, struct pipepoll_error *why)
{
    char response[64], result[64];
    struct xml x;
    struct pipepoll_error problem;
    if (!xml_parse(&x, from->exchange->answer, from->exchange->answer_len, &problem))
        return explain(why, PIPEPOLL_EPROTO, "%s answered with XML that is not understood: %s",
                       from->what, problem.text);
    if (!str_eq(x.nodes[XML_ROOT].name, element_name(from, "Response", response, sizeof response)))
        return no_credentials(from, why);
    int assumed = xml_child(&x, XML_ROOT, element_name(from, "Result", result, sizeof result));
    int credentials = xml_child(&x, assumed, STR("Credentials"));
    if (credentials == XML_NONE)
        return no_credentials(from, why);
    int user = xml_child(&x, assumed, STR("AssumedRoleUser"));
    const struct credentials_form_texts texts = {
        .credentials = { .access_key_id = text_of(&x, credentials, form.access_key_id),
                         .secret_access_key = text_of(&x, credentials, form.secret_access_key),
                         .session_token = text_of(&x, credentials, form.session_token),
                         .account_id = arn_account(text_of(&x, user, "Arn")) },
        .expiration = text_of(&x, credentials, form.expiration),
        .form = &form,
        .what = from->what,
    };
    return credentials_form_read_texts(out, alloc, &texts, why);
}

int sts_answer_read(struct credentials **out, const struct alloc *alloc,
                    const struct sts_answer *from, struct pipepoll_error *why)
{
    const struct exchange *x = from->exchange;
    return xml_is((str) { x->answer, x->answer_len }) ? read_xml(out, alloc, from, why)
                                                      : read_json(out, alloc, from, why);
}
