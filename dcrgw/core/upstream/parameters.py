"""What goes on to the AS is what was judged: the parameters as we read them, written anew in one plain spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from dcrgw.core.checks import Findings, Judgement, gate
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import ErrorCode

NAMES = gate(
    "forward.parameters.name",
    "Parameters that go on to another server have plain names: lower-case letters, digits, _ and -.",
    spec="RFC 6749 appendix A; RFC 9700 §4.4",
    code=ErrorCode.INVALID_REQUEST,
)

# DIVERGENCE: RFC 6749 appendix A.1 allows more in a name.
# Some servers fold case (ASP.NET), make `scope.x` and `scope x` one with `scope_x` (PHP), or `scope[]` one with `scope`
# (PHP, Rails, qs): what they would read as a parameter that we did not judge has such a name.
_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_CREDENTIALS = frozenset({"client_id", "client_secret", "client_assertion", "client_assertion_type"})
#: Parameters that must stand beside a request object too (OpenID Connect Core 1.0 §6.1), from the object itself.
_BESIDE_OBJECT = ("response_type", "scope", "redirect_uri")


def plain(parameters: Mapping[str, JsonValue]) -> Judgement[Mapping[str, JsonValue]]:
    """The same parameters, if no server could take one of them for another."""
    findings = Findings()
    strange = [name for name in parameters if not _NAME.fullmatch(name)]
    findings.settle(NAMES, "a parameter's name has other than lower-case letters, digits, _ and -" if strange else None)
    return findings.judgement(parameters)


def encoded(parameters: Mapping[str, str]) -> str:
    """The one spelling: UTF-8, everything escaped that may be; a blank is %20, which forms and queries both have."""
    return urlencode(parameters, quote_via=quote, safe="")


def without_credentials(form: Mapping[str, str]) -> dict[str, str]:
    """The parameters without those by which a client authenticates."""
    return {name: value for name, value in form.items() if name not in _CREDENTIALS}


def of_request(asked: Mapping[str, str], brought: Mapping[str, JsonValue]) -> dict[str, str]:
    """What goes on of an authorization request: of one with an object only the object, and what was read in it.

    `asked` are the parameters as sent, `brought` those that were judged (RFC 9101 §6.3: then no others count).
    """
    if "request" not in asked:
        return dict(asked)
    kept = {name: asked[name] for name in ("request", *sorted(_CREDENTIALS)) if name in asked}
    beside = {name: brought.get(name) for name in _BESIDE_OBJECT}
    return kept | {name: value for name, value in beside.items() if isinstance(value, str)}
