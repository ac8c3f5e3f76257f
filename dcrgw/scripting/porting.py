"""What to tell the author of a script that was written for Jython: which line, and what to write instead."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

_PRINT_STATEMENT = re.compile(rb"^[ \t]*(print)[ \t]+[^\s(=]", re.MULTILINE)
_IMPORT = re.compile(rb"^[ \t]*(?:from|import)[ \t]+([A-Za-z_][A-Za-z0-9_.]*)", re.MULTILINE)

#: Package roots that exist on the JVM only. (`io.jans`: Python's own io is a module without children.)
_JVM_PACKAGES = (
    *("java", "javax", "io.jans", "org.gluu", "org.xdi", "org.oxauth", "org.python", "org.jboss"),
    *("org.json", "org.apache", "org.jose4j", "org.bouncycastle", "com.nimbusds"),
)
#: How many findings one message names.
_MOST = 5

_WHERE_TO_LOOK = "dcrgw.scripting.types has the base classes, dcrgw.scripting.contexts has CertUtils"


def syntax_fault(source: bytes, error: Exception) -> tuple[int | None, str]:
    """(line, advice) for a file that is not Python 3. Python 2's prints and Java imports are named as such."""
    found = sorted([*_prints(source), *_imports(source)])
    if found:
        first, *others = found[:_MOST]
        return first[0], "; ".join([first[1], *(f"line {line}: {advice}" for line, advice in others)])
    if isinstance(error, SyntaxError):
        return error.lineno, f"this is not Python 3: {error.msg}"
    return None, "this is not Python source"


def import_fault(source: bytes) -> tuple[int, str] | None:
    """(line, advice) for the first import of a Java package in a file that is Python 3, None when there is none."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in filter(is_jvm, names):
            return node.lineno, _import_advice(name)
    return None


def is_jvm(name: str) -> bool:
    """Whether a dotted name is a Java package."""
    return any(name == root or name.startswith(f"{root}.") for root in _JVM_PACKAGES)


def _prints(source: bytes) -> Iterator[tuple[int, str]]:
    """The first print statement stands for all."""
    if found := list(_PRINT_STATEMENT.finditer(source)):
        advice = f"Python 2 print statement ({len(found)} in this file): write print(...) with parentheses"
        yield _line(source, found[0].start(1)), advice


def _imports(source: bytes) -> Iterator[tuple[int, str]]:
    for found in _IMPORT.finditer(source):
        if is_jvm(name := found[1].decode()):
            yield _line(source, found.start(1)), _import_advice(name)


def _line(source: bytes, position: int) -> int:
    return source.count(b"\n", 0, position) + 1


def _import_advice(name: str) -> str:
    return f"{name} is a Java package, and scripts run on Python 3: take the import out ({_WHERE_TO_LOOK})"
