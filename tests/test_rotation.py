#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Keys that come and go under a long run, clocks that are wrong and rates that are low, end to end
on loopback: the run goes on, or waits and resumes. Usage: test_rotation.py PIPEPOLL_BINARY

Every wait is for an event, with a deadline. One line per check, then "N passed, N failed". Without
botocore, whose signer the fakes need: "skipped: ..." and exit status 77, or a failure where
PIPEPOLL_CI=1 promises it."""

import dataclasses
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
from lib.fake_aws import Role, new_keys
from lib.machine import BRIDGE, POLLER, Sim, check, machine_test, main, read, target, write

DAY_S = 86400
# A target that is not woken tries again after 30 s or more by itself.
WOKEN_WITHIN_S = 20


def healthy(run):
    return not [e for e in run.events("health") if not e["healthy"]]


@machine_test
def test_two_identities(m):
    alpha = m.profile("alpha", new_keys("AKIA"))
    source = m.has(new_keys("AKIA"))
    beta = m.offers_role(POLLER, trusts=source.id)
    sims = {"us-east-1": Sim(alpha), "eu-west-1": Sim(beta)}
    run = m.run(target(sims["us-east-1"].url, profile="alpha"),
                target(sims["eu-west-1"].url, "eu-west-1", role_arn=POLLER))
    for region, sim in sims.items():
        sim.control("POST", "jobs", region=region, count=1)
    for region in sims:
        job = run.event(event="job")
        check(f"two identities in one run: a job ({region} or the other)", job, run)
    check("from the two of them", {e["region"] for e in run.events("job")} == set(sims), run)
    check("the run ends", run.end() == 0, run)
    check("neither was ever refused",
          healthy(run) and not any(s.stats()["refused"] for s in sims.values()), run)
    check("the role was assumed once", len(m.fake.requests("sts")) == 1, m.fake.seen)
    for sim in sims.values():
        sim.end()


@machine_test
def test_one_role_for_all(m):
    m.has(new_keys("AKIA"))
    m.offers_role(POLLER)
    run = m.run(*(target(m.fake.url, region, role_arn=POLLER)
                  for region in ("us-east-1", "eu-west-1", "sa-east-1")))
    check("targets with the same role share it",
          m.until(lambda: len(m.fake.pipeline.answered) >= 6) and run.end() == 0
          and len(m.fake.requests("sts")) == 1, run)


@machine_test
def test_refresh(m):
    """A role's keys that last four seconds, a container's that last four, an old token file."""
    fake = m.fake
    m.has(new_keys("AKIA"))
    fake.sts.roles[POLLER] = Role(lambda: new_keys("ASIAROLE", life_s=4))
    run = m.run(target(fake.url, role_arn=POLLER))
    m.until(lambda: len(set(fake.pipeline.answered)) >= 3)
    check("a role that expires soon is assumed again and again",
          run.end() == 0 and len(set(fake.pipeline.answered)) >= 3, run)
    check("and no poll fails meanwhile",
          healthy(run) and {r.status for r in fake.requests("pipeline")} == {200}, run)
    calls, kinds = len(fake.requests("sts")), len(set(fake.pipeline.answered))
    check("nor is it assumed more often than needed", calls <= kinds + 1, (calls, kinds))


@machine_test
def test_failing_refresh(m):
    fake, box = m.fake, m.fake.container
    m.is_in_container()
    token = m.env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = write(f"{m.home}/token", "canary-1")
    first = box.keys = new_keys("ASIAOLD", life_s=6)
    fake.sts.known[first.id] = first
    box.token = "canary-1"
    run = m.run(target(fake.url))
    m.until(lambda: fake.pipeline.answered)
    box.broken, before = True, len(fake.requests("container"))
    m.until(lambda: len(fake.requests("container")) >= before + 4)
    polls = len(fake.pipeline.answered)
    check("a refresh that fails keeps the old keys",
          m.until(lambda: len(fake.pipeline.answered) >= polls + 5)
          and set(fake.pipeline.answered) == {first.id}
          and {r.status for r in fake.requests("pipeline")} == {200}, run)
    second = new_keys("ASIANEW")
    fake.sts.known[second.id] = box.keys = second
    write(token, "canary-2")
    box.token, box.broken = "canary-2", False
    m.until(lambda: second.id in fake.pipeline.answered)
    check("and succeeds later, with the token file read again",
          run.end() == 0 and second.id in fake.pipeline.answered and healthy(run), run)


@machine_test
def test_expired_by_the_service(m):
    fake = m.fake
    m.has(new_keys("AKIA"))
    fake.sts.roles[POLLER] = Role(lambda: new_keys("ASIAROLE"))
    run = m.run(target(fake.url, role_arn=POLLER))
    m.until(lambda: fake.pipeline.answered)
    first = fake.pipeline.answered[0]
    fake.pipeline.revoked.add(first)
    m.until(lambda: fake.pipeline.answered[-1] != first)
    check("ExpiredToken brings other keys", fake.pipeline.answered[-1] != first, run)
    refused = [r for r in fake.requests("pipeline") if r.status != 200]
    check("by one refresh and one retry",
          len(refused) == 1 and len(fake.requests("sts")) == 2, (len(refused), run))
    told = run.event(event="health", healthy=False), run.event(event="health", healthy=True)
    check("and meanwhile the target is unhealthy",
          told[0].get("code") == "ExpiredTokenException" and told[1], (told, run))
    fake.pipeline.revoked.add(fake.pipeline.answered[-1])
    told = run.event(event="health", healthy=False)
    check("when the new keys are refused too: no refresh so soon, and no hurry",
          len(fake.requests("sts")) == 2 and told.get("retryInMs", 0) > 30000, (told, run))
    check("the run ends", run.end() == 0, run)


@machine_test
def test_rotated_file(m):
    fake = m.fake
    old = m.profile("default", new_keys("AKIA"))
    run = m.run(target(fake.url))
    m.until(lambda: fake.pipeline.answered)
    m.forgets_profiles()
    new = m.profile("default", new_keys("AKIA"))
    fake.pipeline.revoked.add(old.id)
    check("keys that were replaced in the file are read again when the old ones end",
          m.until(lambda: new.id in fake.pipeline.answered), run)
    check("the run ends", run.end() == 0, run)


def many(fake, count=20, **more):
    return [target(fake.url, provider=f"Acme{i}", **more) for i in range(count)]


def refusals(fake):
    return [r for r in fake.requests("pipeline") if r.status != 200]


def providers_answered_with(run, keys):
    return {e["actionTypeId"]["provider"] for e in run.events("job") if e["clientId"] == keys.id}


@machine_test
def test_late_file(m):
    """New keys that come into the file long after the old ones ended: all are back at once."""
    fake = m.fake
    old = m.profile("default", new_keys("AKIA"))
    run = m.run(*many(fake))
    m.until(lambda: len(fake.pipeline.answered) >= 20)
    fake.pipeline.revoked.add(old.id)
    m.until(lambda: len(refusals(fake)) >= 40)  # each has tried again, too
    event = run.event(event="credentials", usable=False)
    check("keys that the service refuses are not usable", "ExpiredToken" in event.get("reason", ""),
          (event, run))
    new = new_keys("AKIA")
    fake.sts.known[new.id] = new
    late = write(f"{m.home}/late", f"[default]\naws_access_key_id = {new.id}\n"
                 f"aws_secret_access_key = {new.secret}\n")
    os.rename(late, f"{m.home}/.aws/credentials")
    at_s = time.monotonic()
    check("a file that is renamed into place is read", run.event(event="job", clientId=new.id), run)
    while len(providers_answered_with(run, new)) < 20 and run.event(event="job"):
        pass
    took_s = time.monotonic() - at_s
    check("and wakes all targets that failed on the old one",
          took_s < WOKEN_WITHIN_S, (took_s, run))
    check("the run ends", run.end() == 0, run)


@machine_test
def test_rewritten_file(m):
    """A file that is empty for a while."""
    fake, path = m.fake, f"{m.home}/.aws/credentials"
    old = m.profile("default", new_keys("AKIA"))
    run = m.run(target(fake.url))
    m.until(lambda: fake.pipeline.answered)
    write(path, "")
    fake.pipeline.revoked.add(old.id)
    run.event(event="credentials", usable=False)
    event = run.event(event="credentials", usable=False)
    check("a file without keys is told", "no credentials" in event.get("reason", "")
          or "nothing is configured" in event.get("reason", ""), (event, run))
    at_s = time.monotonic()
    new = m.profile("default", new_keys("AKIA"))
    check("and read again when it has some", run.event(event="job", clientId=new.id)
          and time.monotonic() - at_s < WOKEN_WITHIN_S, run)
    check("the run ends", run.end() == 0, run)


@machine_test
def test_keys_that_come_late(m):
    """Nothing is configured yet, and the folder of the files is not there."""
    run = m.run(target(m.fake.url))
    event = run.event(event="credentials", usable=False)
    check("that nothing is configured is told", "nothing is configured" in event.get("reason", ""),
          (event, run))
    keys = m.profile("default", new_keys("AKIA"))
    check("and taken when it is written", run.event(event="job", clientId=keys.id), run)
    check("the run ends", run.end() == 0, run)


@machine_test
def test_corrected_secret(m):
    fake, keys = m.fake, new_keys("AKIA")
    m.profile("default", dataclasses.replace(keys, secret="canary/wrong"))
    fake.sts.known[keys.id] = keys
    run = m.run(target(fake.url))
    check("a wrong secret makes an unhealthy target", run.event(event="health", healthy=False), run)
    event = run.event(event="credentials", usable=False)
    check("and keys that are not usable", "SignatureDoesNotMatch" in event.get("reason", ""),
          (event, run))
    m.until(lambda: len(refusals(fake)) >= 2)
    m.forgets_profiles()
    m.profile("default", keys)
    check("corrected ones are usable", run.event(event="credentials", usable=True), run)
    check("and used by themselves", run.event(event="job", clientId=keys.id), run)
    check("the run ends", run.end() == 0, run)


@machine_test
def test_hangup_asks_again(m):
    """What nobody watches: a role that is denied, and then allowed."""
    fake, source = m.fake, m.has(new_keys("AKIA"))
    m.offers_role(POLLER, trusts="nobody")
    run = m.run(target(fake.url, role_arn=POLLER))
    run.event(event="credentials", usable=False)
    keys = m.offers_role(POLLER, trusts=source.id)
    run.signal(signal.SIGHUP)
    check("SIGHUP fetches keys that are missing", run.event(event="job", clientId=keys.id), run)
    fake.pipeline.revoked.add(keys.id)
    run.event(event="health", healthy=False)
    m.until(lambda: len(refusals(fake)) >= 2)
    run.signal(signal.SIGHUP)
    check("and those that were refused", m.until(lambda: len(fake.requests("sts")) >= 4), run)
    fake.pipeline.revoked.clear()
    run.signal(signal.SIGHUP)
    check("and has their targets polled", run.event(event="health", healthy=True), run)
    check("the run ends", run.end() == 0, run)


@machine_test
def test_region_not_enabled(m):
    """One region does not know the keys that all others accept."""
    fake = m.fake
    m.has(new_keys("AKIA"))
    fake.sts.roles[POLLER] = Role(lambda: new_keys("ASIAROLE"))
    fake.pipeline.closed.add("me-south-1")
    run = m.run(target(fake.url, role_arn=POLLER), more="interval = 20ms\n")
    run.event(event="job")
    text = read(f"{m.home}/pipepoll.ini")
    write(f"{m.home}/pipepoll.ini", text + f"[target closed]\nregions = me-south-1\n"
          f"category = Build\nprovider = Acme\nversion = 1\nendpoint-url = {fake.url}\n"
          f"role-arn = {POLLER}\n")
    run.signal(signal.SIGHUP)
    event = run.event(event="health", healthy=False)
    check("a region that is not enabled is told as such", event.get("status") == "not-enabled"
          and "enable-region --region-name me-south-1" in event.get("message", ""), (event, run))
    check("and looked at slowly", event.get("retryInMs", 0) > 240000, event)
    polls = len(fake.pipeline.answered)
    m.until(lambda: len(fake.pipeline.answered) >= polls + 20)
    check("the run ends", run.end() == 0, run)
    check("nobody's keys are fetched anew", len(fake.requests("sts")) == 1, run)
    check("and they are good all the time",
          [e["usable"] for e in run.events("credentials")] == [True], run)


@machine_test
def test_one_broken_identity(m):
    keys = m.has(new_keys())
    m.config(f"[profile denied]\nrole_arn = {POLLER}\ncredential_source = Environment\n")
    run = m.run(target(m.fake.url, "eu-west-1", profile="denied"), target(m.fake.url))
    event = run.event(event="credentials", usable=False)
    check("an identity that is denied is told", "AccessDenied" in event.get("reason", ""), run)
    m.until(lambda: len(m.fake.pipeline.answered) >= 20)
    jobs = run.end() == 0 and run.events("job")
    check("and the others are polled with theirs", len(jobs) >= 20 and {
        (job["clientId"], job["region"]) for job in jobs} == {(keys.id, "us-east-1")}, run)


@machine_test
def test_reload(m):
    """An identity goes while its fetch hangs, and another comes."""
    source = m.has(new_keys())
    m.config(f"[profile ec2]\nrole_arn = {BRIDGE}\ncredential_source = Ec2InstanceMetadata\n")
    m.is_on_ec2()
    m.fake.imds.hangs = True
    keys = m.offers_role(POLLER, trusts=source.id)
    run = m.run(target(m.fake.url), target(m.fake.url, "eu-west-1", profile="ec2"))
    m.until(lambda: m.fake.requests("imds") and m.fake.pipeline.answered)
    file = f"{m.home}/pipepoll.ini"
    write(file, read(file).replace("profile = ec2", f"role-arn = {POLLER}"))
    run.signal(signal.SIGHUP)
    check("SIGHUP: a target gets another identity",
          run.event(event="job", clientId=keys.id, region="eu-west-1"), run)
    check("the run ends", run.end() == 0 and healthy(run), run)


@machine_test
def test_end_while_waiting(m):
    m.is_on_ec2()
    m.fake.imds.hangs = True
    run = m.run(target(m.fake.url))
    m.until(lambda: m.fake.seen)
    check("a run that waits for its keys ends when told to", run.end() == 0, run)


@machine_test
def test_parked(m):
    fake, keys = m.fake, m.is_in_container()
    fake.container.broken = True
    run = m.run(target(fake.url), target(fake.url, "eu-west-1"))
    event = run.event(event="credentials", usable=False)
    check("without keys: an event that says why", "500" in event.get("reason", ""), (event, run))
    m.until(lambda: len(fake.requests("container")) >= 8)
    check("no poll is sent", not fake.requests("pipeline"), run)
    fake.container.broken = False
    check("when they come polling resumes by itself",
          run.event(event="job", clientId=keys.id), run)
    check("the run ends", run.end() == 0, run)
    told = [e["usable"] for e in run.events("credentials")]
    check("the change was told once each way", told == [False, True], told)


@machine_test
def test_static_stability(m):
    fake = m.fake
    m.is_on_ec2()
    keys = fake.imds.keys = new_keys(life_s=3)
    fake.sts.known[keys.id] = keys
    fake.pipeline.lets_expire = False
    run = m.run(target(fake.url))
    m.until(lambda: fake.pipeline.answered)
    fake.imds.broken = True
    event = run.event(event="credentials", degraded=True)
    check("an instance's keys that cannot be refreshed: degraded", event.get("usable"),
          (event, run))
    m.until(lambda: time.time() > keys.expires_s + 1)
    polls = len(fake.pipeline.answered)
    m.until(lambda: len(fake.pipeline.answered) >= polls + 5)
    check("and used on after they expired", len(fake.pipeline.answered) >= polls + 5, run)
    check("the run ends", run.end() == 0 and healthy(run), run)


@machine_test
def test_expired_from_the_start(m):
    m.is_on_ec2()
    keys = m.fake.imds.keys = new_keys(life_s=-60)
    m.fake.sts.known[keys.id] = keys
    m.fake.pipeline.lets_expire = False
    run = m.run(target(m.fake.url))
    event = run.event(event="credentials")
    check("an instance that hands out expired keys only: they are used, and degraded",
          event.get("usable") and event.get("degraded") and run.event(event="job"), (event, run))
    check("the run ends", run.end() == 0, run)


@machine_test
def test_expired_and_not_refreshed(m):
    """Another target, with keys that are good, is the clock."""
    fake = m.fake
    m.has(new_keys("AKIA"))
    keys = new_keys("ASIAROLE", life_s=2)
    fake.sts.roles[POLLER] = Role(keys)
    run = m.run(target(fake.url, role_arn=POLLER), target(fake.url, "eu-west-1"))
    check("a role's keys are used", m.until(lambda: keys.id in fake.pipeline.answered), run)
    fake.sts.roles[POLLER] = Role(keys, trusts="nobody")
    event = run.event(event="credentials", usable=False)
    if "still being fetched" in event.get("reason", ""):  # they expired while STS was asked
        event = run.event(event="credentials", usable=False)
    check("when they expire and there are no others the reason is told",
          "AccessDenied" in event.get("reason", ""), (event, run))
    m.until(lambda: time.time() > keys.expires_s + 1.5)
    used = [r.at_s for r in fake.requests("pipeline") if keys.id in r.headers["Authorization"]]
    check("and no poll is signed with them any more", max(used) < keys.expires_s + 1, run)
    check("the run ends", run.end() == 0, run)


# --- clocks and rates --------------------------------------------------------------------------


@machine_test
def test_clock_skew(m):
    keys = m.has(new_keys())
    for skew_s in DAY_S, -DAY_S:
        sim = Sim(keys, "--jobs", "2", "--clock-skew", str(skew_s))
        r = m.poll(sim.url)
        check(f"a clock that is {skew_s} s off: one retry", r.code == 0 and '"jobId"' in r.out
              and sim.stats()["refused"] == 1 and sim.stats()["requests"] == 2, (r, sim.stats()))
        run = m.run(target(sim.url))
        check("also in a run", run.event(event="job"), run)
        polls = sim.stats()["polls"]
        sim.until(lambda s: s["polls"] >= polls + 10)
        check("and only at its start",
              run.end() == 0 and sim.stats()["refused"] == 2, (sim.stats(), run))
        m.env["AWS_DISABLE_CLOCK_SKEW_CORRECTION"] = "true"
        r = m.poll(sim.url)
        check("unless AWS_DISABLE_CLOCK_SKEW_CORRECTION",
              r.code == 254 and "Signature" in r.err and "5 min" in r.err, r)
        del m.env["AWS_DISABLE_CLOCK_SKEW_CORRECTION"]
        sim.end()


@machine_test
def test_clock_skew_of_sts(m):
    m.has(new_keys("AKIA"))
    for skew_s in DAY_S, -DAY_S:
        keys = m.offers_role(POLLER)
        m.fake.sts.clock_skew_s = skew_s
        sim = Sim(keys, "--jobs", "1", "--clock-skew", str(skew_s))
        run = m.run(target(sim.url, role_arn=POLLER))
        check(f"a role, by a clock that is {skew_s} s off", run.event(event="job"), run)
        check("the run ends", run.end() == 0, run)
        sim.end()


@machine_test
def test_throttling(m):
    """us-east-1 allows 20 polls a second of the 200 wanted; eu-west-1, which allows all of its 200,
    is the clock by which that is counted. The share of what is allowed is that of the SDKs' cubic:
    it starts from next to nothing and feels its way up."""
    keys, allowed, wanted, count = m.has(new_keys()), 20, 200, 1600
    slow, free = Sim(keys, "--throttle", str(allowed)), Sim(keys)
    run = m.run(*(target(sim.url, region, provider=f"Acme{i}")
                  for sim, region in ((slow, "us-east-1"), (free, "eu-west-1"))
                  for i in range(10)),
                more="interval = 50ms\n")
    b, a = free.until(lambda s: s["polls"] >= count), slow.stats()
    most = allowed * b["polls"] / wanted
    check("throttled targets get a good part of what is allowed", a["polls"] >= most * 0.3, (a, b))
    check("and ask for little more", a["throttled"] < a["polls"] * 0.3, (a, b))
    check("another region notices nothing", b["throttled"] == b["refused"] == 0
          and "eu-west-1" not in [e["region"] for e in run.events("health")], (a, b))
    check("the run ends", run.end() == 0, run)
    for sim in slow, free:
        sim.end()


if __name__ == "__main__":
    main(globals())
