#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each function of a test in Python is called, for a test that nobody calls passes: test_called.py
FOLDER-OF-TESTS. Methods and what is decorated are called by others. (Of the tests in C the compiler
tells.)"""

import ast
import sys
from pathlib import Path


def named_in(tree):
    """What is used, or imported, by its name."""
    nodes = list(ast.walk(tree))
    return ({n.id for n in nodes if isinstance(n, ast.Name)}
            | {n.attr for n in nodes if isinstance(n, ast.Attribute)}
            | {a.name for n in nodes if isinstance(n, ast.ImportFrom) for a in n.names})


trees = {path: ast.parse(path.read_text(encoding="utf-8"))
         for path in sorted(Path(sys.argv[1]).rglob("*.py"))}
named = set().union(*map(named_in, trees.values()))
functions = [(path, f) for path, tree in trees.items() for f in tree.body
             if isinstance(f, ast.FunctionDef) and not f.decorator_list]
left = [f"{path}:{f.lineno}: nobody calls {f.name}()" for path, f in functions
        if f.name not in named]
print("\n".join(left or [f"{len(functions)} functions of {len(trees)} files are called"]))
sys.exit(bool(left))
