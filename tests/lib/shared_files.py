# SPDX-License-Identifier: MIT
"""The rows of witness_files.py: shared files and environments, and what may differ between us and
AWS's own clients. FOLDER stands for the home, PROXY for the host and port of the test's listener.

`may` is empty where nothing may differ; else it holds `ours`, what we do instead (without the
region, where that is us-east-1), and `why`; `like` names witnesses that do as we do. `cli` wants
both versions of the AWS CLI beside botocore, `new` a botocore that knows AWS_ENDPOINT_URL, `url`
is an endpoint URL in place of the listener's."""

import hashlib
import json

from lib.program import path_of

ONE_LINE = "half a fleet should not stop for a line that nobody reads"
EMPTY = "an empty variable is not set"


def keys(name, more=""):
    return f"aws_access_key_id = {name}\naws_secret_access_key = s\n{more}"


def section(title, name, more=""):
    return f"[{title}]\n{keys(name, more)}"


def program(word):
    """A credential_process whose key id is its arguments."""
    return f"{path_of('print-key')} {word}"


def of_grammar():
    """One way to write a credentials file each: (name, text, what may differ)."""
    good = section("default", "AKID")
    yield "plain", good, {}
    yield "empty", "", {}
    yield "an indented first property", "[default]\n  " + keys("AKID").replace("\n", "\n  "), {}
    yield "an indented header", "  " + good, {}
    for name, indent in ("blanks", "  "), ("tabs", "\t"):
        yield f"indented by {name}", "".join(indent + line for line in good.splitlines(True)), {}
    yield "text behind ]", good.replace("]", "] # mine"), {}
    yield "text behind ] that is no comment", good.replace("]", "] mine"), {}
    yield "colons", good.replace(" =", ":"), {}
    yield "a colon without a blank", good.replace(" = ", ":"), {}
    yield "a colon and an equals sign", good.replace("AKID", "AK:ID"), {}
    yield "no blanks", good.replace(" = ", "="), {}
    yield "keys in capitals", good.replace("aws_access_key_id", "AWS_ACCESS_KEY_ID"), {}
    yield "the section in capitals", good.replace("default", "Default"), {}
    yield "blanks within []", good.replace("default", " default "), {
        "ours": {"key": "AKID"}, "why": "blanks within [ ] mean nothing"}
    yield "CRLF", good.replace("\n", "\r\n"), {}
    yield "CR", good.replace("\n", "\r"), {}
    yield "a byte order mark", "\ufeff" + good, {
        "ours": {"key": "AKID"}, "why": "Windows editors write it"}
    yield "no-break spaces around =", good.replace(" = ", "\u00a0=\u00a0"), {}
    yield "no-break spaces around =, and blanks", good.replace(" = ", " \u00a0= \u00a0"), {}
    yield "a no-break space at the end", good.replace("AKID", "AKID\u00a0"), {}
    yield "ideographic spaces", good.replace(" = ", "\u3000=\u3000"), {}
    yield "a zero width space", good.replace(" = ", "\u200b= "), {}
    yield "UTF-16", good.encode("utf-16"), {}
    yield "UTF-16 without a mark", good.encode("utf-16-le"), {}
    yield "UTF-16 the other way round", b"\xfe\xff" + good.encode("utf-16-be"), {}
    yield "Latin-1 in a comment", b"# caf\xe9\n" + good.encode(), {
        "ours": {"key": "AKID"}, "why": ONE_LINE}
    yield "a NUL", good.replace("AKID", "AK\0ID"), {
        "ours": {}, "why": "no text"}
    yield "comments", "# one\n; two\n" + good.replace("]\n", "]\n# three\n ; four\n"), {}
    yield "a comment behind a value", good.replace("AKID", "AKID # mine"), {
        "ours": {"key": "AKID"}, "why": "the SDKs, which share the files, have it so"}
    yield "a sign within a value", good.replace("AKID", "AK#ID"), {}
    yield "an empty value", good + "aws_session_token =\n", {}
    yield "an empty key", good.replace("AKID", ""), {
        "ours": {}, "why": "they sign with an empty key id"}
    yield "a value in quotes", good.replace("AKID", '"AKID"'), {}
    yield "a continued value", good.replace("AKID\n", "AK\n  ID\n"), {}
    yield "a bad line elsewhere", good + "[other]\nnonsense\n", {
        "ours": {"key": "AKID"}, "why": ONE_LINE}
    yield "a bad line in the section", good + "nonsense\n", {
        "ours": {"key": "AKID"}, "why": "the same"}
    yield "a bad header elsewhere", good + "[other\nx = y\n", {
        "ours": {"key": "AKID"}, "why": ONE_LINE}
    yield "a bad line about the keys", good.replace(" = AKID", " AKID"), {}
    yield "a line before all sections", "x = y\n" + good, {}
    yield "a section twice", good + "[other]\n" + section("default", "AKID2"), {
        "ours": {"key": "AKID2"}, "why": "the same"}
    yield "a key twice", good + "aws_access_key_id = AKID2\n", {
        "ours": {"key": "AKID2"}, "why": "the same"}
    yield "[DEFAULT]", section("DEFAULT", "AKID") + "[default]\nregion = eu-west-1\n", {
        "ours": {}, "why": "an accident of Python's parser"}
    yield "[profile default] in the credentials file", section("profile default", "AKID"), {}
    yield "a token", good + "aws_session_token = TOKEN\n", {"token": True}
    yield "aws_security_token", good + "aws_security_token = TOKEN\n", {}
    yield "both tokens", good + "aws_session_token = NEW\naws_security_token = OLD\n", {}
    yield "a percent sign", good.replace("AKID", "AK%ID"), {}
    yield "sub-properties", good + "s3 =\n  max_concurrent_requests = 20\n", {}
    yield "a bad sub-property", good + "s3 =\n  max_concurrent_requests\n", {
        "ours": {"key": "AKID"}, "why": ONE_LINE}


NAMES = ("two words", "it's", "a(b)", "a&b", "a,b", "x/y", "x:y", "x=y", "é", "a#b", "[x")


def sso_token(session):
    return f".aws/sso/cache/{hashlib.sha1(session.encode()).hexdigest()}.json"


def of_names():
    """(name, files, variables, what may differ)"""
    for name in NAMES:
        wish = {"AWS_PROFILE": name}
        yield f"{name!r} in the credentials file", {"credentials": section(name, "AKID")}, wish, {}
        for quoted in (name, f'"{name}"'):
            yield f"[profile {quoted}]", {"config": section(f"profile {quoted}", "AKID")}, wish, {}
        role = "role_arn = arn:aws:iam::123456789012:role/r\n"
        yield f"source_profile = {name}", {
            "config": f"[default]\n{role}source_profile = {name}\n",
            "credentials": section(name, "AKID")}, {}, {}
    yield "quotes in quotes", {"config": section(r'profile "a \"b\""', "AKID")}, {
        "AWS_PROFILE": 'a "b"'}, {}
    yield "a backslash", {"config": section(r"profile a\ b", "AKID")}, {"AWS_PROFILE": "a b"}, {}
    yield "an open quote", {"config": section('profile "ab', "AKID")}, {"AWS_PROFILE": "ab"}, {}
    yield "two words after profile", {"config": section("profile a b", "AKID")}, {
        "AWS_PROFILE": "a b"}, {}
    yield "no name after profile", {"config": section("profile", "AKID")}, {
        "AWS_PROFILE": "profile"}, {}
    yield "[profiles x]", {"config": section("profiles x", "AKID")}, {"AWS_PROFILE": "x"}, {}
    yield "[Profile x]", {"config": section("Profile x", "AKID")}, {"AWS_PROFILE": "x"}, {}
    yield "[profile\tx]", {"config": section("profile\tx", "AKID")}, {"AWS_PROFILE": "x"}, {}
    yield "[ profile x ]", {"config": section(" profile x ", "AKID")}, {"AWS_PROFILE": "x"}, {
        "ours": {"key": "AKID"}, "why": "blanks within [ ] mean nothing"}
    yield "[x] in the config file", {"config": section("x", "AKID")}, {"AWS_PROFILE": "x"}, {}
    yield "a profile in capitals", {"config": section("profile X", "AKID")}, {
        "AWS_PROFILE": "x"}, {}
    yield "[default] in the config file", {"config": section("default", "AKID")}, {}, {}
    yield "[profile default]", {"config": section("profile default", "AKID")}, {}, {}
    yield "[profile default] before [default]", {
        "config": section("profile default", "AKID") + section("default", "AKID2")}, {}, {
        "ours": {"key": "AKID"}, "why": "the SDKs have it so"}
    yield "keys of both files", {"config": section("default", "AKID2"),
                                 "credentials": section("default", "AKID")}, {}, {}
    yield "half a pair in each file", {
        "config": "[default]\naws_secret_access_key = s\n",
        "credentials": "[default]\naws_access_key_id = AKID\n"}, {}, {
        "ours": {"key": "AKID"}, "why": "both files are one profile, as the SDKs have it"}
    sso = "sso_account_id = 123456789012\nsso_role_name = r\n"
    for name in "s", "my sso", "it's", "a(b)", "a,b", '"quoted"':
        yield f"sso_session = {name}", {
            "config": f"[default]\nsso_session = {name}\n{sso}[sso-session {name}]\n"
                      "sso_region = us-east-1\nsso_start_url = https://x.awsapps.com/start\n",
            sso_token(name.strip('"')): json.dumps({
                "accessToken": "t", "expiresAt": "2999-01-01T00:00:00Z", "region": "us-east-1",
                "startUrl": "https://x.awsapps.com/start"})}, {}, {}


def of_programs():
    """A credential_process each: (name, command, what may differ)"""
    for name, word in (("plain", "AKID"), ("quoted", '"AK ID"'), ("single quotes", "'AK ID'"),
                       (" # in double quotes", '"AK #ID"'), (" # in single quotes", "'AK #ID'"),
                       (" ; in quotes", "'AK ;ID'"), ("an escaped blank", r"AK\ ID"),
                       ("no shell", "AK$HOME"), ("a tilde", "~"), ("a pipe", "'a' | b"),
                       ("an escaped quote", r'"AK\"ID"'), ("a backslash in quotes", r'"AK\ID"'),
                       ("joined quotes", "A'K'\"I\"D"), ("an open quote", "'AKID"),
                       ("an empty word", "''AKID")):
        yield name, program(word), {}
    yield " # outside quotes", program("AKID # mine"), {
        "ours": {"key": "AKID"}, "why": "a comment, as the SDKs have it"}
    yield "no such program", path_of("nothing-there"), {}
    yield "on the PATH", "true", {}
    yield "a tilde for the program", "~/print-key AKID", {}


def of_paths():
    """(name, where the files are, variables, what may differ); FOLDER stands for the home."""
    one = section("default", "AKID")
    yield "AWS_SHARED_CREDENTIALS_FILE", {"c": one}, {"AWS_SHARED_CREDENTIALS_FILE": "FOLDER/c"}, {}
    for name, path in (("~", "~/c"), ("$VAR", "$WHERE/c"), ("${VAR}", "${WHERE}/c"),
                       ("~ in the middle", "FOLDER/~/c"), ("an unknown $VAR", "$NOWHERE/c"),
                       ("~root", "~root/no/such/file"), ("$VAR within a word", "FOLDER/$C"),
                       ("~ by $VAR", "$TILDE/c"), ("blanks", " FOLDER/c "),
                       ("quotes", '"FOLDER/c"'),
                       ("relative", "c")):
        more = {"WHERE": "FOLDER", "C": "c", "TILDE": "~"}
        yield f"credentials: {name}", {"c": one}, dict(more, AWS_SHARED_CREDENTIALS_FILE=path), {}
        yield f"config: {name}", {"c": one}, dict(more, AWS_CONFIG_FILE=path), {}
    yield "an empty AWS_CONFIG_FILE", {".aws/config": one}, {"AWS_CONFIG_FILE": ""}, {}
    yield "an empty AWS_SHARED_CREDENTIALS_FILE", {".aws/credentials": one}, {
        "AWS_SHARED_CREDENTIALS_FILE": ""}, {}
    yield "HOME unset", {"c": one}, {"HOME": None, "AWS_CONFIG_FILE": "FOLDER/c"}, {}
    yield "HOME unset, nothing named", {".aws/credentials": one}, {"HOME": None}, {}
    yield "HOME empty", {".aws/credentials": one}, {"HOME": ""}, {}
    yield "HOME with a slash at its end", {".aws/credentials": one}, {"HOME": "FOLDER/"}, {}
    yield "HOME is no folder", {".aws/credentials": one}, {"HOME": "FOLDER/.aws/credentials"}, {}
    yield "a folder", {"c/d": ""}, {"AWS_SHARED_CREDENTIALS_FILE": "FOLDER/c"}, {}
    yield "a folder, and keys in the other file", {"c/d": "", ".aws/config": one}, {
        "AWS_SHARED_CREDENTIALS_FILE": "FOLDER/c"}, {}
    yield "/dev/null", {".aws/config": one}, {"AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}, {}


def of_modes():
    """(name, files, modes, what may differ), as a user whom modes bind"""
    one = section("default", "AKID")
    yield "unreadable", {".aws/credentials": one}, {".aws/credentials": 0}, {}
    yield "unreadable, and keys in the other file", {
        ".aws/credentials": "", ".aws/config": one}, {".aws/credentials": 0}, {}
    yield "a closed folder", {".aws/credentials": one}, {".aws": 0}, {}
    yield "writable by all", {".aws/credentials": one}, {".aws/credentials": 0o666}, {
        "ours": {}, "why": "it can name a program to run"}
    yield "writable by the group", {".aws/credentials": one}, {".aws/credentials": 0o664}, {}


PAIR = {"AWS_ACCESS_KEY_ID": "AKENV", "AWS_SECRET_ACCESS_KEY": "s"}
ROLE = "arn:aws:iam::123456789012:role/r"


def of_environments():
    """(name, files, variables, what may differ)"""
    two = {"credentials": section("default", "AKID") + section("a", "AKA") + section("b", "AKB"),
           "config": "[default]\nregion = eu-west-1\n[profile a]\nregion = eu-west-2\n"
                     "[profile b]\nregion = eu-west-3\n"}
    here = {"AWS_DEFAULT_REGION": None}
    cli = {"cli": True}
    yield "keys", {}, PAIR, cli
    yield "AWS_PROFILE", two, dict(here, AWS_PROFILE="a"), cli
    yield "AWS_DEFAULT_PROFILE", two, dict(here, AWS_DEFAULT_PROFILE="a"), cli
    yield "both profiles", two, dict(here, AWS_PROFILE="a", AWS_DEFAULT_PROFILE="b"), {
        "cli": True, "ours": {"key": "AKA", "region": "eu-west-2"}, "like": ["2"],
        "why": "version 2 has it so; version 1 and botocore take the other"}
    yield "both profiles, one empty", two, dict(here, AWS_PROFILE="", AWS_DEFAULT_PROFILE="b"), {
        "cli": True, "ours": {}, "like": ["2"], "why": "the same"}
    yield "empty AWS_PROFILE", two, dict(here, AWS_PROFILE=""), cli
    yield "empty AWS_DEFAULT_PROFILE", two, dict(here, AWS_DEFAULT_PROFILE=""), cli
    yield "blank AWS_PROFILE", two, dict(here, AWS_PROFILE=" "), cli
    yield "a profile that is not there", two, {"AWS_PROFILE": "none"}, cli
    yield "keys over a profile", two, dict(PAIR, AWS_PROFILE="a"), cli
    yield "keys over a profile that is not there", two, dict(PAIR, AWS_PROFILE="none"), cli
    yield "AWS_REGION", two, dict(here, AWS_REGION="ap-south-1"), {
        "cli": True, "ours": {"key": "AKID", "region": "ap-south-1"}, "like": ["2"],
        "why": "version 2 and the SDKs have it so"}
    yield "AWS_DEFAULT_REGION", two, {"AWS_DEFAULT_REGION": "ap-south-1"}, cli
    yield "an empty AWS_DEFAULT_REGION", two, {"AWS_DEFAULT_REGION": ""}, {
        "cli": True, "ours": {"key": "AKID", "region": "eu-west-1"}, "why": EMPTY}
    yield "no region", {"credentials": two["credentials"]}, here, cli
    yield "a region in capitals", two, {"AWS_DEFAULT_REGION": "US-EAST-1"}, {
        "ours": {}, "why": "no signature for it would be accepted"}
    yield "AWS_DEFAULT_REGION=aws-global", two, {"AWS_DEFAULT_REGION": "aws-global"}, {
        "ours": {"key": "AKID", "region": "us-east-1"}, "why": "the service knows no such region"}
    for region in "fips-us-east-1", "us-east-1-fips", "us-gov-west-1":
        yield f"AWS_DEFAULT_REGION={region}", two, {"AWS_DEFAULT_REGION": region}, {}
    yield "a session token", {}, dict(PAIR, AWS_SESSION_TOKEN="T"), cli
    yield "AWS_SECURITY_TOKEN", {}, dict(PAIR, AWS_SECURITY_TOKEN="T"), cli
    yield "both tokens", {}, dict(PAIR, AWS_SECURITY_TOKEN="OLD", AWS_SESSION_TOKEN="NEW"), cli
    yield "an empty token", {}, dict(PAIR, AWS_SESSION_TOKEN=""), cli
    yield "an empty token and an old one", {}, dict(PAIR, AWS_SESSION_TOKEN="",
                                                    AWS_SECURITY_TOKEN="OLD"), cli
    half = {"ours": {}, "why": "half a pair is an error, lest another account's keys are used"}
    yield "an empty key id", two, dict(PAIR, AWS_ACCESS_KEY_ID=""), dict(cli, **half)
    yield "an empty pair", two, dict(PAIR, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""), cli
    yield "an empty secret", two, dict(PAIR, AWS_SECRET_ACCESS_KEY=""), cli
    yield "no secret", two, {"AWS_ACCESS_KEY_ID": "AKENV"}, {}
    yield "no key id", two, {"AWS_SECRET_ACCESS_KEY": "s"}, half
    yield "a token beside keys of a file", two, {"AWS_SESSION_TOKEN": "T"}, {}
    for when in "2999-01-01T00:00:00Z", "2999-01-01T00:00:00+00:00", "":
        yield f"expires {when}", {}, dict(PAIR, AWS_CREDENTIAL_EXPIRATION=when), {}
    for when in "2001-01-01T00:00:00Z", "soon":
        yield f"expires {when}", {}, dict(PAIR, AWS_CREDENTIAL_EXPIRATION=when), {}
    web = {"AWS_WEB_IDENTITY_TOKEN_FILE": "FOLDER/token", "AWS_ROLE_ARN": ROLE}
    files = dict(two, token="a.b.c")
    yield "a web identity", {"token": "a.b.c"}, web, cli
    yield "a web identity, and keys in the default profile", files, web, cli
    yield "a web identity, and keys", files, dict(web, **PAIR), cli
    yield "a web identity, and AWS_PROFILE", files, dict(web, AWS_PROFILE="a"), cli
    yield "a web identity, and a role in the profile", dict(
        files, config=f"[default]\nrole_arn = {ROLE}\nsource_profile = a\n"), web, {}
    yield "a web identity without a role", files, dict(web, AWS_ROLE_ARN=""), {}
    yield "a role without a web identity", files, {"AWS_ROLE_ARN": ROLE}, {}
    yield "a web identity whose file is not there", two, web, {}
    yield "a role's own source", {"config": section(
        "default", "AKID", f"role_arn = {ROLE}\nsource_profile = default\n")}, {}, {}
    yield "a role by the environment", {
        "config": f"[default]\nrole_arn = {ROLE}\ncredential_source = Environment\n"}, dict(
        PAIR, AWS_PROFILE="default"), {}
    yield "keys and a program", {"config": f"[default]\ncredential_process = {program('AKP')}\n",
                                 "credentials": section("default", "AKID")}, {}, {}
    yield "keys and a program in one file", {"config": section(
        "default", "AKID", f"credential_process = {program('AKP')}\n")}, {}, {}
    fine = {"ours": {"key": "AKENV"}, "why": EMPTY}
    yield "AWS_RETRY_MODE=legacy", {}, dict(PAIR, AWS_RETRY_MODE="legacy"), dict(
        fine, like=["botocore", "1"], why="version 2 does not know it")
    for mode in "standard", "adaptive", "odd":
        yield f"AWS_RETRY_MODE={mode}", {}, dict(PAIR, AWS_RETRY_MODE=mode), {}
    yield "AWS_RETRY_MODE in capitals", {}, dict(PAIR, AWS_RETRY_MODE="Standard"), {
        "ours": {"key": "AKENV"}, "why": "the SDKs have it so"}
    yield "an empty AWS_RETRY_MODE", {}, dict(PAIR, AWS_RETRY_MODE=""), fine
    for count in "1", "0", "-1", "x", "1000000000":
        yield f"AWS_MAX_ATTEMPTS={count}", {}, dict(PAIR, AWS_MAX_ATTEMPTS=count), {}
    yield "an empty AWS_MAX_ATTEMPTS", {}, dict(PAIR, AWS_MAX_ATTEMPTS=""), fine
    yield "max_attempts = x", {"config": "[default]\nmax_attempts = x\n"}, PAIR, {}
    yield "retry_mode = odd", {"config": "[default]\nretry_mode = odd\n"}, PAIR, {}
    for output in "text", "", "off":
        yield f"AWS_DEFAULT_OUTPUT={output}", {}, dict(PAIR, AWS_DEFAULT_OUTPUT=output), {}
    yield "AWS_USE_FIPS_ENDPOINT=maybe", {}, dict(PAIR, AWS_USE_FIPS_ENDPOINT="maybe"), {
        "ours": {}, "why": "who meant FIPS must not get others"}
    for switch in "true", "false", "TRUE", "":
        yield f"AWS_USE_FIPS_ENDPOINT={switch}", {}, dict(PAIR, AWS_USE_FIPS_ENDPOINT=switch), {}
    for app in "acme", "", "two words":
        yield f"AWS_SDK_UA_APP_ID={app}", {}, dict(PAIR, AWS_SDK_UA_APP_ID=app), {}


def of_ways():
    """Where calls go: (name, files, variables, what may differ); PROXY stands for the listener, and
    the endpoint is AWS's own or what the row says."""
    aws = dict(PAIR, https_proxy="http://PROXY", HTTPS_PROXY=None)
    yield "a proxy", {}, aws, {}
    yield "in capitals", {}, dict(aws, https_proxy=None, HTTPS_PROXY="http://PROXY"), {}
    yield "without a scheme", {}, dict(aws, https_proxy="PROXY"), {}
    for name, user in (("a user", "u:p"), ("a raw @", "u:p@q"), ("two raw @", "u:p@q@r"),
                       ("an encoded @", "u:p%40q"), ("a raw %", "u:p%q"), ("a colon", "u:p:q"),
                       ("a plus", "u:p+q"),
                       ("a raw @ in the user", "u@v:p")):
        yield f"a proxy's password: {name}", {}, dict(aws, https_proxy=f"http://{user}@PROXY"), {}
    for user in "u:p/q", "u:p#q", "u:p?q":
        yield f"a proxy's password: {user}", {}, dict(aws, https_proxy=f"http://{user}@PROXY"), {
            "ours": {"asked": "codepipeline", "user": user}, "why": "what stands before the last @"}
    for user in "u", "u:":
        yield f"a proxy's user: {user}", {}, dict(aws, https_proxy=f"http://{user}@PROXY"), {
            "ours": {"asked": "codepipeline", "user": "u:"}, "why": "as curl; they send no user"}
    nowhere = {"url": "https://127.0.0.1:1"}
    asks = {"asked": "127"}
    yield "a proxy for an address", {}, aws, nowhere
    yield "an empty https_proxy", {}, dict(aws, https_proxy="", HTTPS_PROXY="http://PROXY"), nowhere
    yield "an empty HTTPS_PROXY", {}, dict(aws, HTTPS_PROXY=""), nowhere
    yield "ALL_PROXY", {}, dict(aws, https_proxy=None, ALL_PROXY="http://PROXY"), dict(
        nowhere, ours=asks, why="as curl and the SDKs")
    yield "an empty https_proxy over ALL_PROXY", {}, dict(
        aws, https_proxy="", ALL_PROXY="http://PROXY"), nowhere
    for name, value in (("an address", "127.0.0.1"), ("a list", "a.b, 127.0.0.1"), ("*", "*"),
                        ("another", "127.0.0.2"), ("empty", "")):
        yield f"no_proxy: {name}", {}, dict(aws, no_proxy=value), nowhere
    yield "a block of addresses in no_proxy", {}, dict(aws, no_proxy="127.0.0.0/8"), dict(
        nowhere, ours={}, why="as curl and Go")
    here = dict(PAIR, AWS_ENDPOINT_URL="http://PROXY")
    new = {"new": True}
    services = "[services s]\ncodepipeline =\n  endpoint_url = http://PROXY\n"
    yield "AWS_ENDPOINT_URL", {}, here, new
    yield "AWS_ENDPOINT_URL_CODEPIPELINE", {}, dict(
        PAIR, AWS_ENDPOINT_URL_CODEPIPELINE="http://PROXY"), new
    yield "an empty one of the service", {}, dict(here, AWS_ENDPOINT_URL_CODEPIPELINE=""), {
        "new": True, "ours": {}, "why": "it was to keep calls away from AWS"}
    yield "endpoint_url", {"config": "[default]\nendpoint_url = http://PROXY\n"}, PAIR, new
    yield "an empty endpoint_url", {"config": "[default]\nendpoint_url =\n"}, aws, {
        "new": True, "ours": {}, "why": "it was to keep calls away from AWS"}
    yield "services", {"config": f"[default]\nservices = s\n{services}"}, PAIR, new
    yield "services over endpoint_url", {
        "config": f"[default]\nservices = s\nendpoint_url = http://127.0.0.1:1\n{services}"
    }, PAIR, new
    yield "an empty one in services", {
        "config": "[default]\nservices = s\nendpoint_url = http://PROXY\n"
                  "[services s]\ncodepipeline =\n  endpoint_url =\n"}, PAIR, {
        "new": True, "ours": {}, "why": "it was to keep calls away from AWS"}
    yield "services that are not there", {"config": "[default]\nservices = none\n"}, aws, new
    yield "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", {}, dict(
        aws, AWS_ENDPOINT_URL="http://PROXY", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true"), new
    yield "ignore_configured_endpoint_urls", {
        "config": "[default]\nignore_configured_endpoint_urls = true\nendpoint_url = http://PROXY\n"
    }, aws, new


def of_roots():
    """(name, variables, the profile's ca_bundle, what may differ), before a service whose CA nobody
    knows but who reads FOLDER/c."""
    more = {"ours": {"fine": True}, "why": "$NAME counts in this path too"}
    off = {"ours": {"fine": False}, "why": "nothing but a flag turns verification off"}
    yield "none", {}, None, {}
    for name in "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE":
        for path in "FOLDER/c", "~/c", "FOLDER/none":
            yield f"{name}={path}", {name: path}, None, {}
        yield f"{name}=$HOME/c", {name: "$HOME/c"}, None, more
        yield f"an empty {name}", {name: ""}, None, off
    for path in "FOLDER/c", "~/c":
        yield f"ca_bundle = {path}", {}, path, {}
    yield "ca_bundle = $HOME/c", {}, "$HOME/c", more
    yield "an empty ca_bundle", {}, "", off
    yield "AWS_CA_BUNDLE over REQUESTS_CA_BUNDLE", {
        "AWS_CA_BUNDLE": "FOLDER/c", "REQUESTS_CA_BUNDLE": "/none"}, None, {}
    yield "ca_bundle over REQUESTS_CA_BUNDLE", {"REQUESTS_CA_BUNDLE": "/none"}, "FOLDER/c", {}
    yield "AWS_CA_BUNDLE over ca_bundle", {"AWS_CA_BUNDLE": "FOLDER/c"}, "/none", {}
