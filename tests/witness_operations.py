#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""botocore and its model of CodePipeline as witnesses of aws/operation: the bodies, each limit of
each member, and each error. Usage: witness_operations.py OPERATION_TRACE

One line per difference, then "N passed, N failed". Without botocore: "skipped: ..." and exit status
77, or a failure where PIPEPOLL_CI=1 promises it."""

import datetime
import json
import os
import subprocess
import sys

try:
    import botocore.loaders
    import botocore.model
    import botocore.serialize
except ImportError:
    print("skipped: no botocore (Debian: python3-botocore)")
    sys.exit(1 if os.environ.get("PIPEPOLL_CI") == "1" else 77)

LIMIT_S = 20
UUID = "0123abcd-4567-89ef-0123-456789abcdef"
VALUES = {"jobId": UUID, "clientToken": "tok+/=1", "nonce": "3", "continuationToken": "ct \"1\"",
          "type": "JobFailed", "message": "böom \\ \U0001f600", "created": "1767323045",
          "percentComplete": "0", "category": "Build", "owner": "Custom", "provider": "Acme",
          "version": "1", "maxBatchSize": "10", "A@b-_1": "V-1"}
# One of these may be sent at most: outputVariables are the last result's.
EXCLUSIVE = ("continuationToken", "outputVariables.A@b-_1")


def members(shape, path=""):
    """-> (path, shape, is it required beside its fellows, and always?) in the model's order."""
    for name, member in shape.members.items():
        here, needed = path + name, name in shape.required_members
        if member.type_name == "structure":
            for inner, of, beside, always in members(member, here + "."):
                yield inner, of, beside, always and needed
        elif member.type_name == "map":
            yield here + ".A@b-_1", member.value, "min" in member.value.metadata, False
        else:
            yield here, member, needed, needed


def least_of(operation):
    return {path: value_of(path) for path, _, _, always in members(operation.input_shape) if always}


def value_of(path):
    return VALUES.get(path.split(".")[-1], "text of " + path)


def line(operation, given):
    return "\t".join([operation.name, *(f"{path}={value}" for path, value in given.items())])


def nested(given):
    params = {}
    for path, value in given.items():
        where, (*way, name) = params, path.split(".", 1)
        for step in way:
            where = where.setdefault(step, {})
        if name == "created":
            value = datetime.datetime.fromtimestamp(int(value), datetime.timezone.utc)
        where[name] = int(value) if name in ("percentComplete", "maxBatchSize") else value
    return params


def body(operation, given):
    """botocore's own, but for blanks and for how it spells what is not ASCII."""
    serializer = botocore.serialize.JSONSerializer()
    sent = serializer.serialize_to_request(nested(given), operation)["body"]
    return json.dumps(json.loads(sent), separators=(",", ":"), ensure_ascii=False)


def bodies(operation):
    """-> (line, the body that is wanted)."""
    every = {path: value_of(path) for path, *_ in members(operation.input_shape)}
    least = least_of(operation)
    for without in EXCLUSIVE if all(path in every for path in EXCLUSIVE) else ("",):
        most = {path: value for path, value in every.items() if path != without}
        yield line(operation, most), body(operation, most)
    yield line(operation, least), body(operation, least)


def limits(operation):
    """-> (line, may it be sent?) for each limit of the model, on both of its sides."""
    every = list(members(operation.input_shape))
    for path, shape, needed, _ in every:
        top = path.split(".")[0]
        fellows = {p: value_of(p) for p, *_ in every if p.split(".")[0] == top}
        given = fellows | least_of(operation)
        meta, pattern = shape.metadata, shape.metadata.get("pattern")
        values = [("", not needed)] if shape.type_name == "string" else []
        if shape.type_name == "integer":
            most = meta.get("max", 2**31 - 1)
            values = [(str(meta["min"]), True), (str(most), True), (str(most + 1), False)]
        elif meta.get("enum"):
            values += [(name, name != "AWS") for name in meta["enum"]] + [("Else", False)]
        elif pattern and "8}" in pattern:
            values += [(UUID, True), (UUID.upper(), False), (UUID + "0", False)]
        elif meta.get("max"):
            character = "a" if pattern else "é"
            values += [(character * meta["max"], True), (character * (meta["max"] + 1), False)]
            values += [("é", False)] if pattern else []
        for value, good in values:
            yield line(operation, given | {path: value}), good


def run(program, lines):
    done = subprocess.run([program], input="".join(f"{text}\n" for text in lines), text=True,
                          check=True, capture_output=True, timeout=LIMIT_S)
    return done.stdout.split("\n")[:-1]


def beside(program, cases):
    return zip(cases, run(program, [line for line, _ in cases]), strict=True)


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, good, what):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        if not good:
            print(f"FAILED  {what}")


def check_errors(program, operation, tally):
    """Each error of the model means one thing; two have the same words in the documentation."""
    names = [shape.name for shape in operation.error_shapes]
    meanings = dict(zip(names, run(program, [f"{operation.name}\t!{name}" for name in names])))
    same = {"InvalidJobException", "JobNotFoundException"}
    for name, meaning in meanings.items():
        others = [n for n, m in meanings.items() if m == meaning and {n, name} != same]
        tally.check(not meaning.endswith(" 0") or "Poll" in operation.name,
                    f"{operation.name}: {name} means nothing")
        tally.check(others == [name] or set(others) <= same, f"{operation.name}: {others} are one")


def main():
    model = botocore.model.ServiceModel(
        botocore.loaders.Loader().load_service_model("codepipeline", "service-2"), "codepipeline")
    program, tally = sys.argv[1], Tally()
    for name in run(program, ["?"]):
        operation = model.operation_model(name)
        for (sent, want), got in beside(program, list(bodies(operation))):
            tally.check(got == want, f"{sent}: {got} is not {want}")
        for (sent, good), got in beside(program, list(limits(operation))):
            tally.check(good != got.startswith("error: "), f"{sent[:200]}: {got[:200]}")
        check_errors(program, operation, tally)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return tally.failed


sys.exit(main() > 0)
