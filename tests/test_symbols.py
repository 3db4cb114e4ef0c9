# SPDX-License-Identifier: MIT
"""libpipepoll exports what its headers declare, no more and no less, all of one version; and the
symbols file of the Debian package lists just that.

usage: test_symbols.py libpipepoll.so SYMBOLS-FILE HEADER...
"""
import re
import shutil
import subprocess
import sys
from pathlib import Path

VERSION = "PIPEPOLL_0.1"
COMMENT = re.compile(r"/\*.*?\*/", re.S)
ONLY_CPLUSPLUS = re.compile(r"^#ifdef __cplusplus\n.*?^#(?:else|endif)$", re.M | re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:.*\\\n)*.*$", re.M)
FUNCTION = re.compile(r"\b(pipepoll_\w+)\s*\(")
PACKAGED = re.compile(r"^ (\S+@\S+) \d+(?:\.\d+)*$", re.M)


def declared(header):
    """-> the names of all functions, and of those with PIPEPOLL_API."""
    text = DIRECTIVE.sub("", ONLY_CPLUSPLUS.sub("", COMMENT.sub("", header)))
    functions, public = set(), set()
    for declaration in re.split(r"[;{}]", text):
        name = FUNCTION.search(declaration)
        if name:
            functions.add(name[1])
            if re.search(r"\bPIPEPOLL_API\b", declaration):
                public.add(name[1])
    return functions, public


def symbols(library, which):
    command = ["nm", "-D", "--with-symbol-versions", which, library]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line.split()[-1] for line in lines.splitlines()]


def complaints(functions, public, defined, undefined):
    exported = dict(symbol.partition("@@")[::2] for symbol in defined if symbol != VERSION)
    for name in functions - public:
        yield f"{name} is declared without PIPEPOLL_API"
    for name in public - exported.keys():
        yield f"{name} is declared but not exported"
    for name in exported.keys() - public:
        yield f"{name} is exported but not declared"
    for name in exported.keys() & public:
        if exported[name] != VERSION:
            yield f"{name} has version {exported[name] or 'none'}, not {VERSION}"
    for symbol in undefined:
        if symbol.startswith("pipepoll_"):
            yield f"{symbol} is used but defined nowhere"


def unpackaged(defined, listed):
    """The node of a version is listed as NAME@NAME."""
    defined = {s.replace("@@", "@") if "@" in s else f"{s}@{s}" for s in defined}
    for symbol in defined - listed:
        yield f"{symbol} is not in the package's symbols file"
    for symbol in listed - defined:
        yield f"{symbol} is in the package's symbols file, but not exported"


def blind_spots():
    """What this check would miss, proved on a header and a library made up for it."""
    header = """#define PIPEPOLL_NOT(x) \\\n pipepoll_not(x)\n/* pipepoll_nor(this) */
        struct sink { int (*call)(struct pipepoll_str s); };
        PIPEPOLL_API struct pipepoll_str pipepoll_str(const char *text);
        PIPEPOLL_API int
        pipepoll_lost(void); PIPEPOLL_API void pipepoll_old(void); int pipepoll_plain(void);"""
    defined = [f"pipepoll_str@@{VERSION}", f"leak@@{VERSION}", VERSION]
    defined.append("pipepoll_old@@PIPEPOLL_0.0")
    found = sorted(complaints(*declared(header), defined, ["pipepoll_gone", "free@GLIBC_2.2.5"]))
    blamed = [line.split()[0] for line in found]
    expected = ["leak", "pipepoll_gone", "pipepoll_lost", "pipepoll_old", "pipepoll_plain"]
    if blamed != expected:
        yield f"self-test: blames {blamed}, not {expected}"
    if len([*unpackaged(["new@@V"], {"old@V"})]) != 2:
        yield "self-test: the symbols file is not compared"


def main():
    library, symbols_file, *headers = sys.argv[1:]
    if not shutil.which("nm"):
        print("skipped: no nm")
        sys.exit(77)
    functions, public = declared("".join(Path(header).read_text() for header in headers))
    defined = symbols(library, "--defined-only")
    found = [*complaints(functions, public, defined, symbols(library, "--undefined-only"))]
    found += unpackaged(defined, set(PACKAGED.findall(Path(symbols_file).read_text())))
    found += blind_spots()
    print("\n".join(sorted(found)) or f"{len(public)} functions, all of {VERSION}")
    sys.exit(bool(found))


main()
