#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Where keys come from, end to end on loopback: the program finds them in every place that AWS
tools know, and says what is wrong with them. botocore and the AWS CLI are the witnesses: given the
same machine they must find the same keys. Usage: test_providers.py PIPEPOLL_BINARY

One line per check, then "N passed, N failed". Without botocore: "skipped: ..." and exit status 77,
or a failure where PIPEPOLL_CI=1 promises it."""

import hashlib
import json
import os
import re
import shutil
import socket
import sys
import time

sys.dont_write_bytecode = True
from lib.fake_aws import iso, new_keys
from lib.machine import (AWS, BRIDGE, LIMIT_S, POLLER, Sim, check, machine_test, main, read, target,
                         write)


def jobs_of(ended):
    return json.loads(ended.out)["jobs"] if ended.code == 0 else []


def finds(m, name, keys, witness="botocore"):
    """The program must sign with these keys, and so must the witness."""
    sim = Sim(keys, "--jobs", "2")
    r = m.poll(sim.url)
    check(name, len(jobs_of(r)) == 1 and r.err == "", r)
    if "botocore" in witness:
        found = m.botocore_finds()
        same = isinstance(found, tuple) and tuple(found) == (keys.id, keys.secret,
                                                             keys.token or None)
        check(f"{name}: so says botocore", same, repr(found))
    if "cli" in witness and os.access(AWS, os.X_OK):
        done = m.cli_polls(sim.url)
        check(f"{name}: so says the AWS CLI",
              done.returncode == 0 and len(json.loads(done.stdout)["jobs"]) == 1, done)
    sim.end()


def refuses(m, name, *words, witness=True):
    """The program must end without a poll, with one sentence that holds these words. botocore, as a
    witness, must find no keys either."""
    before = len(m.fake.requests("pipeline"))
    r = m.poll(m.fake.url)
    said = r.err.strip()
    check(name, r.code == 253 and r.out == "" and said and "\n" not in said
          and all(word in said for word in words)
          and len(m.fake.requests("pipeline")) == before, r)
    if witness:
        found = m.botocore_finds()
        check(f"{name}: botocore finds none either", not isinstance(found, tuple), repr(found))


# --- what is at hand ---------------------------------------------------------------------------


@machine_test
def test_environment(m):
    keys = m.has(new_keys())
    finds(m, "keys of the environment", keys, "botocore, cli")
    m.profile("default", new_keys("AKIA"))
    m.env["AWS_PROFILE"] = "default"
    finds(m, "go before a profile", keys)


@machine_test
def test_static_profiles(m):
    default, acme = m.profile("default", new_keys("AKIA")), m.profile("acme", new_keys())
    other = new_keys("AKIA")
    m.config(f"[profile acme]\naws_access_key_id = {other.id}\n"
             f"aws_secret_access_key = {other.secret}\n")
    finds(m, "keys of the default profile", default)
    m.env["AWS_PROFILE"] = "acme"
    finds(m, "AWS_PROFILE names another, and the credentials file beats the config file", acme)
    del m.env["AWS_PROFILE"]
    sim = Sim(acme, "--jobs", "1")
    check("--profile names another", len(jobs_of(m.poll(sim.url, "--profile", "acme"))) == 1)
    sim.end()
    m.env["AWS_PROFILE"] = "acmee"
    refuses(m, "a profile that is not there is named", "acmee")
    shutil.move(f"{m.home}/.aws/credentials", f"{m.home}/elsewhere")
    m.env.update(AWS_PROFILE="acme", AWS_SHARED_CREDENTIALS_FILE="~/elsewhere")
    finds(m, "AWS_SHARED_CREDENTIALS_FILE says where the file is", acme)


@machine_test
def test_half_a_pair(m):
    keys = m.has(new_keys("AKIA"))
    del m.env["AWS_SECRET_ACCESS_KEY"]
    refuses(m, "a key without its secret", "AWS_SECRET_ACCESS_KEY")
    m.env["AWS_SECRET_ACCESS_KEY"] = keys.secret + "\n"
    refuses(m, "a secret with a line end", witness=False)


@machine_test
def test_nothing(m):
    refuses(m, "nothing at all: what was looked at is told", "environment", '"default"',
            "web identity", "container", "AWS_EC2_METADATA_DISABLED")


@machine_test
def test_chain(m):
    """All of it at once: then the first goes, and the next is found."""
    environment, profile = m.has(new_keys()), m.profile("default", new_keys())
    pod, box, instance = m.offers_role(POLLER), m.is_in_container(), m.is_on_ec2()
    m.fake.sts.web_token = "canary.web.identity"
    m.env.update(AWS_ROLE_ARN=POLLER,
                 AWS_WEB_IDENTITY_TOKEN_FILE=write(f"{m.home}/token", "canary.web.identity"))
    finds(m, "the chain: the environment first", environment)
    for name in "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN":
        del m.env[name]
    finds(m, "the chain: then a web identity", pod)
    del m.env["AWS_WEB_IDENTITY_TOKEN_FILE"], m.env["AWS_ROLE_ARN"]
    finds(m, "the chain: then the default profile", profile)
    m.forgets_profiles()
    finds(m, "the chain: then the container", box)
    del m.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    finds(m, "the chain: then the instance", instance)


# --- roles -------------------------------------------------------------------------------------


@machine_test
def test_source_profile(m):
    base = m.profile("base", new_keys("AKIA"))
    bridge = m.offers_role(BRIDGE, trusts=base.id)
    poller = m.offers_role(POLLER, trusts=bridge.id, external_id="ext/=1")
    m.config(f"[profile bridge]\nrole_arn = {BRIDGE}\nsource_profile = base\n"
             f"[profile poller]\nrole_arn = {POLLER}\nsource_profile = bridge\n"
             "external_id = ext/=1\nrole_session_name = night@shift\nduration_seconds = 1800\n")
    m.env["AWS_PROFILE"] = "bridge"
    finds(m, "a role, by the keys of source_profile", bridge)
    m.env["AWS_PROFILE"] = "poller"
    asked = len(m.fake.requests("sts"))
    finds(m, "a role, by the keys of another role", poller)
    first, second = (r.form() for r in m.fake.requests("sts")[asked:asked + 2])
    check("STS is asked for the one and then for the other",
          (first["RoleArn"], second["RoleArn"]) == (BRIDGE, POLLER), (first, second))
    check("external id, session name and duration go along",
          (second.get("ExternalId"), second.get("RoleSessionName"), second.get("DurationSeconds"))
          == ("ext/=1", "night@shift", "1800"), second)
    check("without a session name there is one",
          re.fullmatch(r"pipepoll-\d+", first.get("RoleSessionName", "")), first)


@machine_test
def test_sts_elsewhere(m):
    base = m.profile("base", new_keys("AKIA"))
    keys = m.offers_role(POLLER, trusts=base.id)
    profile = f"[profile poller]\nrole_arn = {POLLER}\nsource_profile = base\n"
    m.config(profile)
    m.env["AWS_PROFILE"] = "poller"
    sts = m.env.pop("AWS_ENDPOINT_URL_STS")
    m.env["AWS_ENDPOINT_URL"] = sts
    finds(m, "STS where AWS_ENDPOINT_URL says", keys, "")
    del m.env["AWS_ENDPOINT_URL"]
    m.config(f"{profile}services = local\n[services local]\nsts =\n  endpoint_url = {sts}\n")
    finds(m, "STS where the profile's services section says", keys, "")


@machine_test
def test_role_in_xml(m):
    """A stand-in that speaks XML to everybody."""
    m.profile("base", new_keys("AKIA"))
    m.config(f"[default]\nrole_arn = {POLLER}\nsource_profile = base\n")
    m.fake.sts.only_xml = True
    finds(m, "a role, by an STS that answers XML", m.offers_role(POLLER))
    m.offers_role(POLLER, trusts="nobody")
    refuses(m, "a role that is denied in XML", "AccessDenied", "is not authorized to perform")


@machine_test
def test_role_without_region(m):
    """STS is asked in the target's region, and in the partition of the role."""
    m.profile("base", new_keys("AKIA"))
    for name in "AWS_REGION", "AWS_DEFAULT_REGION":
        m.env.pop(name, None)
    china = POLLER.replace("arn:aws:", "arn:aws-cn:")
    for arn, region in (POLLER, "ap-east-1"), (china, "cn-north-1"):
        m.config(f"[default]\nrole_arn = {arn}\nsource_profile = base\n")
        sim = Sim(m.offers_role(arn), "--jobs", "1")
        r = m.poll(sim.url, "--region", "ap-east-1")
        scope = m.fake.requests("sts")[-1].headers["Authorization"].split("/")[2]
        check(f"STS is asked in {region}", r.code == 0 and scope == region, (scope, r))
        sim.end()


@machine_test
def test_role_refused(m):
    m.profile("base", new_keys("AKIA"))
    m.config(f"[profile poller]\nrole_arn = {POLLER}\nsource_profile = base\n"
             f"[profile lost]\nrole_arn = {POLLER}\nsource_profile = nowhere\n"
             f"[profile a]\nrole_arn = {POLLER}\nsource_profile = b\n"
             f"[profile b]\nrole_arn = {BRIDGE}\nsource_profile = a\n"
             f"[profile none]\nrole_arn = {POLLER}\n")
    m.is_in_container()
    m.is_on_ec2()
    m.env["AWS_PROFILE"] = "poller"
    refuses(m, "a role that is denied", "AccessDenied", POLLER)
    check("is asked for once, and by botocore once", len(m.fake.requests("sts")) == 2,
          len(m.fake.requests("sts")))
    m.env["AWS_PROFILE"] = "lost"
    refuses(m, "a source_profile that is not there", "nowhere")
    m.env["AWS_PROFILE"] = "a"
    refuses(m, "profiles that source each other", "source_profile")
    m.env["AWS_PROFILE"] = "none"
    refuses(m, "a role without a source", "source_profile", "credential_source")
    check("what is configured but broken does not fall through to the next place",
          not m.fake.requests("container") and not m.fake.requests("imds"), m.fake.seen)


@machine_test
def test_credential_source(m):
    m.config(f"[profile poller]\nrole_arn = {POLLER}\ncredential_source = EcsContainer\n")
    m.env["AWS_PROFILE"] = "poller"
    keys = m.offers_role(POLLER, trusts=m.is_in_container().id)
    finds(m, "a role, by the container's keys", keys)
    m.config(f"[profile poller]\nrole_arn = {POLLER}\ncredential_source = Ec2InstanceMetadata\n")
    keys = m.offers_role(POLLER, trusts=m.is_on_ec2().id)
    finds(m, "a role, by the instance's keys", keys)


@machine_test
def test_environment_as_credential_source(m):
    m.config(f"[default]\nregion = eu-west-1\n"
             f"[profile poller]\nrole_arn = {POLLER}\ncredential_source = Environment\n")
    source = m.has(new_keys("AKIA"))
    keys = m.offers_role(POLLER, trusts=source.id)
    sim = Sim(keys, "--jobs", "1")
    run = m.run(target(sim.url, profile="poller"))
    check("a role, by the keys of the environment", run.event(event="job"), run)
    check("the run ends", run.end() == 0, run)
    sim.end()


@machine_test
def test_web_identity(m):
    keys = m.offers_role(POLLER)
    token = write(f"{m.home}/token", "canary.web.identity")
    m.fake.sts.web_token = "canary.web.identity"
    m.env.update(AWS_ROLE_ARN=POLLER, AWS_WEB_IDENTITY_TOKEN_FILE=token,
                 AWS_ROLE_SESSION_NAME="pod-1")
    finds(m, "a web identity of the environment", keys)
    check("with its session name",
          m.fake.requests("sts")[0].form()["RoleSessionName"] == "pod-1")
    write(token, "canary.stale.identity")
    refuses(m, "a web identity that STS does not take", "InvalidIdentityToken")
    os.unlink(token)
    refuses(m, "a token file that is not there is named", token, witness=False)
    for name in "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_SESSION_NAME":
        del m.env[name]
    write(token, "canary.web.identity")
    m.config(f"[profile pod]\nrole_arn = {POLLER}\nweb_identity_token_file = {token}\n")
    m.env["AWS_PROFILE"] = "pod"
    finds(m, "a web identity of a profile", keys)


# --- IAM Identity Center -----------------------------------------------------------------------


def sso_token(m, name, expires_s, token="canary-sso-token"):
    write(f"{m.home}/.aws/sso/cache/{hashlib.sha1(name.encode()).hexdigest()}.json",
          json.dumps({"startUrl": "https://acme.awsapps.com/start", "region": "eu-west-1",
                      "accessToken": token, "expiresAt": iso(expires_s)}))


@machine_test
def test_sso(m):
    m.config("[sso-session acme]\nsso_region = eu-west-1\n"
             "sso_start_url = https://acme.awsapps.com/start\n"
             "[profile new]\nsso_session = acme\nsso_account_id = 123456789012\n"
             "sso_role_name = Poller\n"
             "[profile old]\nsso_start_url = https://acme.awsapps.com/start\n"
             "sso_region = eu-west-1\nsso_account_id = 123456789012\nsso_role_name = Poller\n")
    m.fake.sso.keys, m.fake.sso.token = new_keys(), "canary-sso-token"
    for profile, cached_as, log_in in (
            ("new", "acme", "aws sso login --sso-session acme"),
            ("old", "https://acme.awsapps.com/start", "aws sso login")):
        m.env["AWS_PROFILE"] = profile
        refuses(m, f"sso, {profile} style: nobody logged in", log_in)
        sso_token(m, cached_as, time.time() - 60, "canary-sso-token-of-yesterday")
        refuses(m, f"sso, {profile} style: the log-in has expired", "expired", log_in)
        check(f"sso, {profile} style: and so is not shown to the portal",
              not [r for r in m.fake.requests("sso") if "Botocore" not in r.headers["User-Agent"]])
        sso_token(m, cached_as, time.time() + 3600)
        finds(m, f"sso, {profile} style", m.fake.sso.keys)
        m.fake.seen.clear()
    m.fake.sso.token = "another"
    refuses(m, "sso: a log-in that the portal ended", "aws sso login")


def sso_login(m, refresh_token, expires_s, **more):
    """What `aws sso login` leaves for a session. -> its path."""
    return write(f"{m.home}/.aws/sso/cache/{hashlib.sha1(b'acme').hexdigest()}.json", json.dumps({
        "startUrl": "https://acme.awsapps.com/start", "region": "eu-west-1",
        "accessToken": "canary-sso-token", "expiresAt": iso(expires_s),
        "clientId": "client", "clientSecret": "canary-client-secret",
        "registrationExpiresAt": iso(time.time() + 86400), "refreshToken": refresh_token} | more))


@machine_test
def test_sso_refresh(m):
    m.config("[sso-session acme]\nsso_region = eu-west-1\n"
             "sso_start_url = https://acme.awsapps.com/start\n"
             "[default]\nsso_session = acme\nsso_account_id = 123456789012\n"
             "sso_role_name = Poller\n"
             "[profile other]\nsso_session = acme\nsso_account_id = 123456789012\n"
             "sso_role_name = Poller\n")
    sso, oidc = m.fake.sso, m.fake.oidc
    sso.keys, oidc.refresh_token = new_keys(), "canary-refresh-0"
    m.fake.sts.known[sso.keys.id] = sso.keys
    path = sso_login(m, oidc.refresh_token, time.time() - 60, scopes=["of", "others"])
    finds(m, "sso: a login whose token has expired is refreshed", sso.keys, "")
    ours = json.loads(read(path))
    check("sso: and written back",
          ours["accessToken"] == sso.token and ours["refreshToken"] == oidc.refresh_token
          and ours["scopes"] == ["of", "others"] and os.stat(path).st_mode & 0o777 == 0o600
          and os.listdir(os.path.dirname(path)) == [os.path.basename(path)], ours.keys())
    finds(m, "sso: what is written back serves", sso.keys)
    check("sso: without another refresh", oidc.refreshes == 1, oidc.refreshes)
    sso_login(m, oidc.refresh_token, time.time() - 60)
    found = m.botocore_finds()
    theirs = json.loads(read(path))
    check("sso: botocore refreshes it too, and writes the same members",
          isinstance(found, tuple) and set(theirs) == set(ours) - {"scopes"}
          and oidc.refreshes == 2, (found, theirs.keys()))
    finds(m, "sso: what botocore wrote serves", sso.keys)
    sso_login(m, "canary-refresh-of-yesterday", time.time() - 60)
    refuses(m, "sso: a login that cannot be refreshed", "InvalidGrantException",
            "aws sso login --sso-session acme")
    sso_login(m, oidc.refresh_token, time.time() - 60)
    run = m.run(target(m.fake.url), target(m.fake.url, "eu-west-1", profile="other"))
    check("sso: roles that share a login are polled though a refresh token serves once",
          run.event(event="job", region="us-east-1") and
          run.event(event="job", region="eu-west-1"), run)
    check("the run ends", run.end() == 0, run)


# --- credential_process ------------------------------------------------------------------------


def process_profile(m, keys, arguments="", code=0, **changes):
    """A profile whose program notes its arguments and prints keys."""
    document = {"Version": 1, "AccessKeyId": keys.id, "SecretAccessKey": keys.secret,
                "SessionToken": keys.token, "Expiration": iso(keys.expires_s)} | changes
    write(f"{m.home}/answer", json.dumps(document))
    script = write(f"{m.home}/get keys.sh", f"""#!/bin/sh
for argument; do printf '%s\\n' "$argument"; done >"{m.home}/arguments"
printf '%s' "$MARK" >>"{m.home}/arguments"
echo 'the login is over: token=canary-from-stderr' >&2
cat "{m.home}/answer" >&2
echo >&2
echo 'please log in' >&2
cat "{m.home}/answer"
exit {code}
""", 0o700)
    m.config(f'[default]\ncredential_process = "{script}" {arguments}\n')


@machine_test
def test_process(m):
    keys = new_keys()
    m.env["MARK"] = "inherited"
    # No blank before the semicolon: to the SDKs, though not to botocore, it would be a comment.
    words = """"two words" 'it''s' a\\ b touch; gone $HOME `id` * | cat > x "" end"""
    process_profile(m, keys, words)
    finds(m, "credential_process", keys, "botocore, cli")
    m.botocore_finds()
    theirs = read(f"{m.home}/arguments")
    m.poll(m.fake.url)
    ours = read(f"{m.home}/arguments")
    check("gets the words as botocore splits them, and no shell sees them",
          ours == theirs and ours.split("\n")[:6] == ["two words", "its", "a b", "touch;", "gone",
                                                      "$HOME"], (ours, theirs))
    check("and the environment", ours.endswith("\ninherited"), ours)

    process_profile(m, keys, code=3)
    refuses(m, "credential_process that fails", "credential_process", "3",
            "the login is over: token=****", "please log in")
    process_profile(m, keys, Version=2)
    refuses(m, "credential_process of another version", "credential_process", "Version")
    for version, said in (1.0, "1.0"), ("1", "a string"), (None, "null"):
        process_profile(m, keys, Version=version)
        refuses(m, f"credential_process of version {version!r}", "Version", said,
                witness=version != 1.0)  # to Python it is 1
    process_profile(m, keys, SecretAccessKey="")
    refuses(m, "credential_process without a secret", "SecretAccessKey", witness=False)
    write(f"{m.home}/answer", f'{{"AccessKeyId": "{keys.id}", "SecretAccessKey": {keys.secret}')
    refuses(m, "credential_process that does not write JSON", "credential_process", "JSON",
            witness=False)  # json.JSONDecodeError escapes from botocore
    m.config("[default]\ncredential_process = /nowhere/get-keys --now\n")
    refuses(m, "credential_process that is not there", "/nowhere/get-keys", witness=False)
    m.config("[default]\ncredential_process = get-keys 'oops\n")
    refuses(m, "credential_process with an open quote", "credential_process", witness=False)


@machine_test
def test_process_hangs(m):
    script = write(f"{m.home}/hang.sh",
                   f"#!/bin/sh\necho $$ >{m.home}/pid.new\nmv {m.home}/pid.new {m.home}/pid\n"
                   "exec sleep 600\n", 0o700)
    m.config(f"[default]\ncredential_process = {script}\n")
    run = m.run(target(m.fake.url))
    until = time.monotonic() + LIMIT_S
    while not os.path.exists(f"{m.home}/pid") and time.monotonic() < until:
        time.sleep(0.01)
    check("a run whose credential_process hangs still ends", run.end() == 0, run)
    pid = read(f"{m.home}/pid").strip()
    state = read(f"/proc/{pid}/stat").split()[2:3]
    check("and ends it too", pid and state in ([], ["Z"]), state)


# --- containers and instances ------------------------------------------------------------------


@machine_test
def test_container(m):
    keys = m.is_in_container()
    finds(m, "a container's keys", keys, "botocore, cli")
    m.env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "canary-wrong"
    refuses(m, "a container that does not take the token", "not this token")
    m.env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "canary\r\nX-Evil: 1"
    before = len(m.fake.seen)
    refuses(m, "a token with a line end is not sent", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            witness=False)
    check("nor is anything else", len(m.fake.seen) == before)
    m.env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = write(
        f"{m.home}/pod-token", "Basic canary-container-token")
    finds(m, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE goes first", keys, "")
    m.fake.container.broken = True
    before = len(m.fake.seen)
    refuses(m, "a container service that fails", "500", witness=False)
    check("is asked three times", len(m.fake.seen) == before + 3, len(m.fake.seen) - before)


@machine_test
def test_container_elsewhere(m):
    m.is_in_container()
    for host in f"0.0.0.0:{m.fake.port}", f"example.com:{m.fake.port}", "169.254.169.254":
        m.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"http://{host}/container"
        refuses(m, f"a container's keys are not asked of {host.split(':')[0]} in the clear",
                host.split(":")[0], "AWS_CONTAINER_CREDENTIALS_FULL_URI")
    check("nobody was connected to", not m.fake.seen, m.fake.seen)


@machine_test
def test_imds(m):
    keys, imds = m.is_on_ec2(), m.fake.imds
    finds(m, "an instance's keys", keys, "botocore, cli")
    first = [(r.method, r.path) for r in m.fake.seen[:3]]
    roles = "/latest/meta-data/iam/security-credentials/"
    check("by version 2 of the protocol", first == [
        ("PUT", "/latest/api/token"), ("GET", roles), ("GET", roles + "PollerRole")], first)
    imds.role = "PollerRole\n"
    finds(m, "a role's name that ends in a line end", keys, "")
    imds.role, imds.tokens_to_forget = "PollerRole", 1
    finds(m, "a token that expired is asked for anew", keys, "")
    imds.code = "AssumeRoleUnauthorizedAccess"
    refuses(m, "an instance whose role is broken", "AssumeRoleUnauthorizedAccess", witness=False)
    imds.code, imds.role = "Success", None
    refuses(m, "an instance without a role", "role")
    imds.role, imds.disabled = "PollerRole", True
    refuses(m, "an instance whose metadata are turned off", "403", witness=False)
    imds.disabled, imds.hangs = False, True
    m.env.update(AWS_METADATA_SERVICE_TIMEOUT="1", AWS_METADATA_SERVICE_NUM_ATTEMPTS="1")
    refuses(m, "an instance that does not answer", "hop limit", witness=False)
    m.env["AWS_EC2_METADATA_DISABLED"] = "TRUE"
    m.fake.seen.clear()
    refuses(m, "AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_DISABLED")
    check("asks nobody", not m.fake.seen, m.fake.seen)

@machine_test
def test_no_proxy_for_metadata(m):
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))  # bound but not listening: refuses
        proxy = f"http://127.0.0.1:{dead.getsockname()[1]}"
        m.env.update(http_proxy=proxy, HTTP_PROXY=proxy, HTTPS_PROXY=proxy, NO_PROXY="")
        m.is_in_container()
        r = m.poll(m.fake.url)
        check("a container's keys are asked for by no proxy, whatever the environment says",
              len(m.fake.requests("container")) == 1 and r.code == 255 and proxy in r.err, r)
        del m.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        m.is_on_ec2()
        r = m.poll(m.fake.url)
        check("nor are an instance's",
              len(m.fake.requests("imds")) == 3 and r.code == 255 and proxy in r.err, r)


if __name__ == "__main__":
    main(globals())
