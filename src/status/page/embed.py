#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One self-contained document of page.html, page.css and page.js, as C, with a policy that allows
just that script and those styles. embed.py HTML CSS JS OUTPUT.

In page.html {{style}} and {{script}} stand for the files; comments are left out. What else is in
such braces is put in by page.c for each reader: {{grid}}, {{figure:NAME}}, {{rows:NAME}} and
{{hidden:NAME}}."""

import base64
import hashlib
import re
import sys
from pathlib import Path

PLACES = re.compile(r"grid|(figure|rows|hidden):[A-Za-z0-9]+")


def hashed(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def policy(style, script):
    return "; ".join([
        "default-src 'none'", "script-src " + hashed(script), "style-src " + hashed(style),
        "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'",
        "frame-ancestors 'none'"])


def in_c(name, data):
    bytes_of = [str(b) for b in data.encode()] + ["0"]
    lines = [",".join(bytes_of[i:i + 24]) for i in range(0, len(bytes_of), 24)]
    return f"const char {name}[] = {{\n" + ",\n".join(lines) + "\n};\n"


def main(html, style, script):
    for name, text in ("page.css", style), ("page.js", script):
        if "{{" in text or "</s" in text:
            sys.exit(f"{name}: '{{{{' and '</s' have a meaning in the document")
    html = re.sub(r"<!--.*?-->\n?", "", html, flags=re.S)
    html = html.replace("{{style}}", style).replace("{{script}}", script)
    for place in re.findall(r"\{\{(.*?)\}\}", html):
        if not PLACES.fullmatch(place):
            sys.exit(f"page.html: what is {{{{{place}}}}}?")
    return ('#include "status/page.h"\n#include "status/page_document.h"\n'
            + in_c("page_security_policy", policy(style, script)) + in_c("page_document", html)
            + "const size_t page_document_len = sizeof page_document - 1;\n")


Path(sys.argv[4]).write_text(main(*(Path(p).read_text() for p in sys.argv[1:4])))
