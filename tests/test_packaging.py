# SPDX-License-Identifier: MIT
"""What the packaging says twice is the same: the version in the build file, the Debian changelog
and the list of changes; the packages to build from in setup.sh and in debian/control; the licence.

usage: test_packaging.py SOURCE_ROOT VERSION
"""
import re
import sys
from pathlib import Path

ROOT, VERSION = Path(sys.argv[1]), sys.argv[2]
DEBIAN = ROOT / "src/share/debian"
# Debian's own ways to have a compiler; and roots of trust, which no build reads.
NO_BUILD_DEPENDS = {"build-essential", "ninja-build", "ca-certificates"}
# Only the packages are made of it; what setup.sh builds can do without.
NOT_IN_SETUP = {"debhelper-compat", "scdoc"}


def text(path):
    return path.read_text(encoding="utf-8")


def first(pattern, path):
    found = re.search(pattern, text(path), re.M)
    return found[1] if found else "none"


def build_depends(control):
    listed = re.search(r"^Build-Depends:(.*(?:\n .*)*)", control, re.M)[1]
    return {re.match(r"[^\s:(<]+", entry.strip())[0] for entry in listed.split(",")}


def of_setup(script):
    return set(re.search(r'^packages="([^"]*)"', script, re.M)[1].split())


def words(licence):
    """The permission, without how a file lays it out."""
    lines = (re.sub(r"^ \.?", "", line) for line in licence.splitlines())
    return " ".join(lines).partition("Permission is")[2].split()


def complaints():
    versions = {"meson.build": VERSION,
                "debian/changelog": first(r"^pipepoll \(([^)]+)\)", DEBIAN / "changelog"),
                "CHANGELOG.md": first(r"^## (\d[\w.]*)", ROOT / "src/share/CHANGELOG.md")}
    if len(set(versions.values())) != 1:
        yield f"versions differ: {versions}"
    wanted = of_setup(text(ROOT / "subprojects/setup.sh")) - NO_BUILD_DEPENDS
    listed = build_depends(text(DEBIAN / "control")) - NOT_IN_SETUP
    for package in sorted(wanted ^ listed):
        where = "debian/control" if package in wanted else "setup.sh"
        yield f"{package} is not among what {where} wants for a build"
    if words(text(ROOT / "LICENSE")) != words(text(DEBIAN / "copyright")):
        yield "debian/copyright is not the text of LICENSE"


def main():
    found = [*complaints()]
    print("\n".join(found) or f"all of {VERSION}")
    sys.exit(bool(found))


main()
