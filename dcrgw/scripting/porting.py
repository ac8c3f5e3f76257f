"""What to tell the author of a script that was written for Jython or in Java: which line, and what to write instead."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

_PRINT_STATEMENT = re.compile(rb"^[ \t]*(print)[ \t]+[^\s(=]", re.MULTILINE)
_IMPORT = re.compile(rb"^[ \t]*(?:from|import)[ \t]+([A-Za-z_][A-Za-z0-9_.]*)", re.MULTILINE)

#: What begins a Java file: a package, an import that ends in a semicolon, a class with an opening brace.
_JAVA = re.compile(
    rb"^[ \t]*(?:package[ \t]+[\w.]+[ \t]*;|import[ \t]+(?:static[ \t]+)?[\w.*]+[ \t]*;"
    rb"|(?:public[ \t]+)?(?:final[ \t]+)?class[ \t]+\w+[^:{\n]*\{)",
    re.MULTILINE,
)

#: Other Python 2 that is no Python 3, with what to write.
_DIALECT = (
    (
        re.compile(rb"^[ \t]*except[ \t]+[\w.()]+[ \t]*,[ \t]*\w+[ \t]*:", re.MULTILINE),
        "except X, e: write except X as e:",
    ),
    (re.compile(rb"^[ \t]*raise[ \t]+\w+[ \t]*,", re.MULTILINE), "raise X, text: write raise X(text)"),
    (re.compile(rb"^[ \t]*exec[ \t]+[^\s(=]", re.MULTILINE), "exec statement: write exec(...)"),
    (re.compile(rb"<>"), "<> operator: write !="),
)

#: Package roots that exist on the JVM only. (`io.jans`: Python's own io is a module without children.)
_JVM_PACKAGES = (
    *("java", "javax", "io.jans", "org.gluu", "org.xdi", "org.oxauth", "org.python", "org.jboss"),
    *("org.json", "org.apache", "org.jose4j", "org.bouncycastle", "com.nimbusds"),
)
#: How many findings one message names.
_MOST = 5

_JAVA_ADVICE = (
    "this is a Java script, and scripts run on Python 3: write its class in Python, with the same methods "
    "(docs/scripting.md shows how); programmingLanguage is PYTHON then"
)
_WHERE_TO_LOOK = "dcrgw.scripting.types has the base classes, dcrgw.scripting.contexts has CertUtils"


def syntax_fault(source: bytes, error: Exception) -> tuple[int | None, str]:
    """(line, advice) for a file that is not Python 3. Python 2's prints and Java imports are named as such."""
    if java := _JAVA.search(source):
        return _line(source, java.start()), _JAVA_ADVICE
    found = sorted([*_prints(source), *_imports(source), *_dialect(source)])
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


def _dialect(source: bytes) -> Iterator[tuple[int, str]]:
    for pattern, advice in _DIALECT:
        if found := pattern.search(source):
            yield _line(source, found.start()), f"Python 2, {advice}"


def _line(source: bytes, position: int) -> int:
    return source.count(b"\n", 0, position) + 1


def _import_advice(name: str) -> str:
    return f"{name} is a Java package, and scripts run on Python 3: take the import out ({_WHERE_TO_LOOK})"
