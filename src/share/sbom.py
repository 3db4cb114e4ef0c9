#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A bill of materials (SPDX 2.3, JSON) of programs and libraries as they were built on Debian:
each library that they are linked with, and the sources that are compiled into them, with the
package, its source package, version and licence. What those bring along is told by their own
packages. The date is SOURCE_DATE_EPOCH: two builds give the same bytes.

usage: sbom.py NAME VERSION FILE... >NAME.spdx.json"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time

# By source package, as its copyright file has it; of a licence that is not here nothing is said,
# which is an error: look it up and add it.
LICENCES = {
    "curl": "curl",
    "glibc": "LGPL-2.1-or-later",
    "gnutls28": "LGPL-2.1-or-later",
    "jansson": "MIT",
    "jsmn": "MIT",
    "libmicrohttpd": "LGPL-2.1-or-later",
    "libuv1": "MIT AND BSD-2-Clause AND BSD-3-Clause AND ISC",
    "nats.c": "Apache-2.0",
    "node-undici": "MIT",
    "openssl": "Apache-2.0",
    "sqlite3": "blessing",
}
# Compiled into libpipepoll and pipepoll: the tokeniser of JSON and the parser of HTTP (llhttp).
COMPILED_IN = ["libjsmn-dev", "node-llhttp"]
OURS = "libpipepoll.so.0"


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


def needed(path):
    """-> the sonames that the loader looks for, in order."""
    return re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "--dynamic", "--wide", path))


def paths_of(sonames):
    """-> for each the library that the loader would take."""
    known = output("/sbin/ldconfig", "-p")
    for soname in sonames:
        found = re.search(rf"^\s*{re.escape(soname)} .*=> (\S+)$", known, re.M)
        if not found:
            sys.exit(f"sbom.py: {soname} is not among what ldconfig knows")
        yield found[1]


def packages_with(sonames):
    """-> the names of the Debian packages that have them."""
    paths = [*paths_of(sonames)]
    # Where /lib is a link to /usr/lib, dpkg knows a file by one of its two names, and complains.
    both = [p for path in paths for p in (path, "/usr" + path)]
    lines = subprocess.run(["dpkg-query", "-S", *both], text=True, capture_output=True).stdout
    owners = {path.removeprefix("/usr"): packages.split(",")[0]
              for packages, path in (line.split(": ", 1) for line in lines.splitlines())}
    for path in paths:
        if path.removeprefix("/usr") not in owners:
            sys.exit(f"sbom.py: {path} is of no package")
    return {owners[path.removeprefix("/usr")] for path in paths}


def spdx_id(name):
    return "SPDXRef-Package-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def entry(name, version, licence, **more):
    return {"name": name, "SPDXID": spdx_id(name), "versionInfo": version,
            "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "licenseConcluded": "NOASSERTION", "licenseDeclared": licence,
            "copyrightText": "NOASSERTION", **more}


def debian_entry(package):
    wanted = "${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}"
    name, version, arch, source, source_version = output(
        "dpkg-query", "-W", "-f", wanted, package).split("\t")
    if source not in LICENCES:
        sys.exit(f"sbom.py: no licence is known for {source}; add it to LICENCES")
    locator = f"pkg:deb/debian/{name}@{version}?arch={arch}".replace("+", "%2B")
    return entry(name, version, LICENCES[source], supplier="Organization: Debian",
                 sourceInfo=f"built from the Debian source package {source} {source_version}",
                 externalRefs=[{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                "referenceLocator": locator}])


def relation(source, kind, target):
    return {"spdxElementId": source, "relationshipType": kind, "relatedSpdxElement": target}


def document(name, version, files):
    top = entry(name, version, "MIT", supplier="Organization: The pipepoll authors")
    sonames = {soname for path in files for soname in needed(path)} - {OURS}
    linked = [debian_entry(p) for p in sorted(packages_with(sonames))]
    if any(OURS in needed(path) for path in files):
        linked.append(entry("libpipepoll0", version, "MIT"))
    inside = [debian_entry(p) for p in COMPILED_IN]
    relations = [relation("SPDXRef-DOCUMENT", "DESCRIBES", top["SPDXID"])]
    relations += [relation(top["SPDXID"], "DYNAMIC_LINK", p["SPDXID"]) for p in linked]
    relations += [relation(top["SPDXID"], "STATIC_LINK", p["SPDXID"]) for p in inside]
    packages = [top, *linked, *inside]
    date = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    unique = hashlib.sha256(json.dumps([packages, date]).encode()).hexdigest()[:32]
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
            "name": f"{name}-{version}",
            "documentNamespace": f"https://pipepoll.example/spdx/{name}-{version}-{unique}",
            "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", date),
                             "creators": [f"Tool: pipepoll-sbom-{version}",
                                          "Organization: The pipepoll authors"]},
            "packages": packages, "relationships": relations}


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    name, version, *files = sys.argv[1:]
    json.dump(document(name, version, files), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
