# SPDX-License-Identifier: MIT
"""The bill of materials is SPDX 2.3, names each library that the programs and the library need and
what is compiled into them, and is the same from build to build.

usage: test_sbom.py SBOM-SCRIPT PROGRAM LIBRARY
"""
import json
import os
import re
import shutil
import subprocess
import sys

SCRIPT, PROGRAM, LIBRARY = sys.argv[1:]
DATE = 1700000000
# What each is linked with for certain; its versions are the packages'.
OF_LIBRARY = {"libc6", "libcurl4", "libssl3", "libuv1", "libjsmn-dev", "node-llhttp"}
OF_PROGRAM = OF_LIBRARY | {"libmicrohttpd12", "libsqlite3-0", "libpipepoll0"}
OF_FLEETS = {"libnats3.4"}  # of the program too, where it is built with them
DOCUMENT = {"spdxVersion": r"SPDX-2\.3", "dataLicense": r"CC0-1\.0", "SPDXID": "SPDXRef-DOCUMENT",
            "name": r"made-1\.2", "documentNamespace": r"https://[^#\s]+"}
PACKAGE = {"name": r"\S+", "SPDXID": r"SPDXRef-[A-Za-z0-9.-]+", "versionInfo": r"\S+",
           "downloadLocation": "NOASSERTION", "licenseDeclared": r"[\w.-]+( AND [\w.-]+)*"}
RELATIONS = {"DESCRIBES", "DYNAMIC_LINK", "STATIC_LINK"}

failures = []


def check(what, right):
    if not right:
        failures.append(what)


def run(*files):
    done = subprocess.run([sys.executable, SCRIPT, "made", "1.2", *files], text=True,
                          capture_output=True, env={**os.environ, "SOURCE_DATE_EPOCH": str(DATE)})
    if done.returncode != 0:
        sys.exit(f"{done.stderr}sbom.py ended with {done.returncode}")
    return done.stdout


def has_form(what, value, form):
    for name, pattern in form.items():
        text = value.get(name, "")
        check(f"{what}: {name} is {text!r}", re.fullmatch(pattern, text))


def is_spdx(document):
    has_form("document", document, DOCUMENT)
    check("its date", document["creationInfo"]["created"] == "2023-11-14T22:13:20Z")
    for package in document["packages"]:
        has_form(package.get("name", "a package"), package, PACKAGE)
    ids = [p["SPDXID"] for p in document["packages"]]
    check("no id twice", len(ids) == len(set(ids)))
    for r in document["relationships"]:
        ends = {r["spdxElementId"], r["relatedSpdxElement"]}
        check(f"a relation of nothing: {r}", ends <= {*ids, "SPDXRef-DOCUMENT"})
        check(f"its type: {r}", r["relationshipType"] in RELATIONS)


def names(document):
    return {p["name"] for p in document["packages"]} - {"made"}


def main():
    if not all(map(shutil.which, ["dpkg-query", "readelf"])):
        print("skipped: no dpkg-query or readelf")
        sys.exit(1 if os.environ.get("PIPEPOLL_CI") == "1" else 77)
    library, program = run(LIBRARY), run(PROGRAM)
    is_spdx(json.loads(library))
    is_spdx(json.loads(program))
    check(f"of the library: {names(json.loads(library))}", names(json.loads(library)) == OF_LIBRARY)
    of_program = names(json.loads(program))
    check(f"of the program: {of_program}", of_program - OF_FLEETS == OF_PROGRAM)
    check("the same again", run(PROGRAM) == program)
    print("\n".join(failures) or "all is well")
    sys.exit(bool(failures))


main()
