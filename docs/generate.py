"""Write the documents that are made from code: `python -m docs.generate`; `--check` fails where one is stale."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

import dcrgw.app  # noqa: F401  (declares every check)
from dcrgw.cli import COMMANDS
from dcrgw.cli import main as dcrgw_command
from dcrgw.compliance import roll
from dcrgw.compliance.conformance.pack import schema as pack_schema
from dcrgw.compliance.schema import bundle_schema
from dcrgw.compliance.values import labels
from dcrgw.config.documentation import configuration_markdown, configuration_schema
from dcrgw.core.checks import CATALOGUE
from dcrgw.core.scripts.types import LIFE, TYPES, Method
from dcrgw.errors import ErrorCode
from docs import examples_of_checks, profiles_page

DOCS = Path(__file__).parent
_MADE = "<!-- Made by `make docs` from the code; edit the code instead. -->\n"

_STAGES = {
    "http": "HTTP, before anything is read",
    "tls": "The client certificate",
    "proxy": "What a proxy passes on",
    "identity": "Who the certificate says is calling",
    "request": "The registration request",
    "statement": "The software statement",
    "fetch": "What is fetched for a TPP",
    "keys": "Keys that the directory took back",
    "rules": "Request against statement, certificate and profile",
    "standing": "The directory's word",
    "script": "The bank's scripts",
    "registry": "The registry",
    "upstream": "The authorization server behind the market",
    "forward": "What goes on to the authorization server behind the market",
    "release": "What comes back from it, before it is released",
    "userinfo": "What a token tells of its person, from the server behind the market",
    "end_session": "Signing out at the server behind the market",
    "client": "Client authentication at the token endpoint",
    "token": "The token request",
    "details": "Authorization details",
    "authorize": "The authorization request",
    "par": "Pushing an authorization request",
    "interaction": "Asking a person",
    "customer": "The person who signs in",
    "management": "Managing a registration",
    "update": "What an update may not change",
    "admin": "The administration, for the bank's own people",
}

_ERRORS = {
    ErrorCode.INVALID_REDIRECT_URI: ("400", "A redirect URI is malformed or not the statement's."),
    ErrorCode.INVALID_CLIENT_METADATA: ("400, 404-431", "The request or a member of it is at fault."),
    ErrorCode.INVALID_WEBHOOK_URIS: ("400", "Open Finance Brasil: a webhook URI is malformed."),
    ErrorCode.INVALID_SOFTWARE_STATEMENT: ("400", "The statement is not proven, too old, or malformed."),
    ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT: ("400", "The statement is genuine; this TPP may not use it, or not so."),
    ErrorCode.INVALID_CLIENT: ("401", "The certificate identifies no TPP here, or the client is not authenticated."),
    ErrorCode.INVALID_REQUEST: ("400, 404-431", "Outside /register: the request is malformed."),
    ErrorCode.UNAUTHORIZED_CLIENT: ("400", "The client is not registered for this grant type."),
    ErrorCode.UNSUPPORTED_GRANT_TYPE: ("400", "The token endpoint has no such grant type."),
    ErrorCode.INVALID_SCOPE: ("400", "The scope is malformed or more than the client is registered for."),
    ErrorCode.INVALID_GRANT: (
        "400",
        "The code or the refresh token is no good: foreign, used, expired, or not proven.",
    ),
    ErrorCode.INVALID_AUTHORIZATION_DETAILS: (
        "400, redirect",
        "A detail is malformed, unknown, against its type's rules, or too much.",
    ),
    ErrorCode.INVALID_REQUEST_OBJECT: ("400", "The request object is not signed by this client for us and now."),
    ErrorCode.INVALID_REQUEST_URI: ("400", "The request_uri is not ours, not this client's, used up or expired."),
    ErrorCode.UNSUPPORTED_RESPONSE_TYPE: ("400, redirect", "The response type is none that is served here."),
    ErrorCode.ACCESS_DENIED: ("redirect; 400 on the page", "The person said no, or did not sign in."),
    ErrorCode.LOGIN_REQUIRED: ("redirect; 400 on the page", "Nobody is signed in, and the request forbids to ask."),
    ErrorCode.INVALID_TOKEN: ("401", "The access token is unknown, ended, or not for this certificate or client."),
    ErrorCode.INSUFFICIENT_SCOPE: ("403", "The access token is good, but not for managing a registration."),
    ErrorCode.TEMPORARILY_UNAVAILABLE: ("503", "Something that must be asked did not answer; see Retry-After."),
    ErrorCode.SERVER_ERROR: ("500", "The bank's settings or scripts are at fault; quote the interaction id."),
}


def bundle_json() -> str:
    """docs/bundle.schema.json: the shape of a recorded decision."""
    return json.dumps(bundle_schema(), indent=1, sort_keys=True) + "\n"


def roll_text() -> str:
    """dcrgw/compliance/roll.txt: with whatever is new at its end."""
    return roll.grown(CATALOGUE, labels())


def pack_json() -> str:
    """docs/pack.schema.json: the shape of a conformance pack's file."""
    return json.dumps(pack_schema(), indent=1, sort_keys=True) + "\n"


def checks() -> str:
    """docs/checks.md: the catalogue by stage."""
    lines = [
        "# Checks",
        "",
        _MADE,
        f"{len(CATALOGUE)} checks, in the order of a request's way through the gateway.",
        "",
    ]
    for stage, title in _STAGES.items():
        entries = [entry for entry in CATALOGUE.values() if entry.id.partition(".")[0] == stage]
        lines += [f"## {title}", "", "| id | what holds | clause | answer |", "| --- | --- | --- | --- |"]
        lines += [f"| `{e.id}` | {_cell(e.sentence)} | {_cell(e.spec)} | {e.status} `{e.code}` |" for e in entries]
        lines.append("")
    strangers = {entry.id for entry in CATALOGUE.values() if entry.id.partition(".")[0] not in _STAGES}
    if strangers:
        raise SystemExit(f"docs/generate.py knows no stage for {sorted(strangers)}")
    return "\n".join(lines)


def errors() -> str:
    """docs/errors.md: the codes that leave the gateway, and which checks lead to each."""
    lines = ["# Errors", "", _MADE, "The body of a refusal, with every failing check of the stage that failed:", ""]
    lines += [
        "```json",
        '{"error": "invalid_redirect_uri",',
        ' "error_description": "redirect_uris[1] is not … (and 1 more)",',
    ]
    lines += [' "errors": [{"check": "rules.redirect_uris.subset", "description": "…", "spec": "…"}]}', "```", ""]
    lines += ["| error | status | meaning | checks |", "| --- | --- | --- | --- |"]
    for code, (status, meaning) in _ERRORS.items():
        ids = ", ".join(f"`{entry.id}`" for entry in CATALOGUE.values() if entry.code is code)
        lines.append(f"| `{code}` | {status} | {meaning} | {ids or '(no check: a failure on our side)'} |")
    return "\n".join([*lines, ""])


def cli() -> str:
    """docs/cli.md: every command's own help."""
    lines = ["# Command line", "", _MADE]
    for path, command in _commands([], dcrgw_command):
        with click.Context(command, info_name=" ".join(["dcrgw", *path])) as context:
            lines += [f"## {context.info_name}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(lines)


def script_types() -> str:
    """docs/script-types.md: every type of script with its methods."""
    lines = [
        "# Script types",
        "",
        _MADE,
        "How to write one: [scripting.md](scripting.md). Every script has the methods of its life:",
        "",
    ]
    lines += _methods(LIFE)
    for kind in TYPES.values():
        imports = f"from dcrgw.scripting.types import {kind.base_name}"
        lines += [
            "",
            f"## {kind.id}",
            "",
            f"{kind.purpose}.",
            "",
            f"`class {kind.class_name}({kind.base_name})`, `{imports}`",
        ]
        lines += (
            [] if kind.has_caller else ["", "No caller in this version: it is loaded and tried, and nobody calls it."]
        )
        lines += ["", *_methods(kind.methods)]
    return "\n".join([*lines, ""])


def _methods(methods: tuple[Method, ...]) -> list[str]:
    lines = [
        "| method | arguments beside self | returns | mandatory | since | called |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for method in methods:
        forms = " or ".join(f"`({', '.join(form)})`" for form in method.forms)
        called = (method.called or "no caller in this version") + (", of every script" if method.every else "")
        mandatory = "yes" if method.mandatory else "no"
        cells = [f"`{method.name}`", forms, _cell(method.returns), mandatory, str(method.since), _cell(called)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def answers() -> str:
    """docs/answers.md: what each wrong registration gets, from the tables that the tests post."""
    sys.path.insert(0, str(DOCS.parent / "tests" / "gateway"))
    return str(importlib.import_module("answers_page").render())


def _commands(path: list[str], command: click.Command) -> Iterator[tuple[list[str], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in COMMANDS if not path else command.list_commands(click.Context(command)):
            child = command.get_command(click.Context(command), name)
            if child is not None:
                yield from _commands([*path, name], child)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").rstrip(".")


DOCUMENTS: dict[str, Callable[[], str]] = {
    "checks.md": checks,
    "errors.md": errors,
    "answers.md": answers,
    "cli.md": cli,
    "script-types.md": script_types,
    "configuration.md": configuration_markdown,
    "configuration.schema.json": configuration_schema,
    "bundle.schema.json": bundle_json,
    "pack.schema.json": pack_json,
    "profiles.md": lambda: profiles_page.render(_MADE),
    "../dcrgw/compliance/examples.json": examples_of_checks.render,
    "../dcrgw/compliance/roll.txt": roll_text,
}


def main(arguments: list[str]) -> int:
    """Write all documents, or with `--check` name those that are not as the code would write them."""
    stale = []
    for name, render in DOCUMENTS.items():
        text, path = render(), DOCS / name
        if "--check" in arguments:
            if not path.exists() or path.read_text() != text:
                stale.append(f"docs/{name}")
        else:
            path.write_text(text)
    if stale:
        sys.stderr.write(f"stale, run `make docs`: {', '.join(stale)}\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
