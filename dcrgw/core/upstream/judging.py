"""Whether what the authorization server behind a market (AS) says it keeps is what it was asked to keep."""

from __future__ import annotations

import json
from collections.abc import Mapping

from dcrgw.core.checks import Findings, Judgement
from dcrgw.core.registration.client import is_client_id
from dcrgw.core.registration.members import TLS_SUBJECT_MEMBERS
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream import gates
from dcrgw.core.upstream.client import UpstreamClient, WantedClient
from dcrgw.core.upstream.server import UpstreamServer

#: Where codes and people are sent, whose keys and whose certificate are believed: an AS that has any of it though it
#: was not asked for is as wrong as one that has another.
_IDENTITY = frozenset({"redirect_uris", "post_logout_redirect_uris", "jwks_uri", "jwks", *TLS_SUBJECT_MEMBERS})
#: How a client proves itself and how what it gets is protected: wrong where it is not what was asked for.
_PROTECTION = frozenset(
    {
        "token_endpoint_auth_method",
        "token_endpoint_auth_signing_alg",
        "tls_client_certificate_bound_access_tokens",
        "dpop_bound_access_tokens",
        "require_signed_request_object",
        "require_pushed_authorization_requests",
        "id_token_signed_response_alg",
        "id_token_encrypted_response_alg",
        "id_token_encrypted_response_enc",
        "userinfo_encrypted_response_alg",
        "userinfo_encrypted_response_enc",
    }
)
#: Members whose order means nothing.
_UNORDERED = frozenset({"redirect_uris", "post_logout_redirect_uris", "response_types", "contacts"})
#: RFC 7591 §2.1: grant types that follow from the response types, which are compared for themselves.
_IMPLIED = frozenset({"authorization_code", "implicit"})
_NOTHING = frozenset({"null", "false", '""', "[]", "{}"})
#: Of a JWK, what makes it another key (RFC 7638 §3.2).
_OF_A_KEY = ("kty", "crv", "x", "y", "n", "e")


def judge(wanted: WantedClient, told: UpstreamClient, server: UpstreamServer) -> Judgement[UpstreamClient]:
    """The client as the AS has it, if security may rest on it. What else differs stands in the detail of the pass.

    Spec: RFC 7591 §3.2.1 lets a server replace members; those that matter here it may not.
    """
    findings = Findings()
    findings.settle(gates.CLIENT_ID, _id_fault(wanted, told, server))
    wrong = [name for name in differing(wanted, told) if _matters(name, told, server)]
    if wrong:
        description = f"the bank's authorization server did not keep {', '.join(wrong)} as asked"
        findings.settle(gates.MEMBERS, description)
    else:
        findings.add(gates.MEMBERS.passed)
    return findings.judgement(told)


def differing(wanted: WantedClient, told: UpstreamClient) -> tuple[str, ...]:
    """The names of the members that the AS dropped or changed, and of those of identity that it made up."""
    changed = [name for name, value in wanted.metadata.items() if not _same(name, value, told.metadata.get(name))]
    made_up = [name for name in _IDENTITY - wanted.metadata.keys() if told.metadata.get(name)]
    return tuple(sorted([*changed, *made_up]))


def drifted(wanted: WantedClient, told: UpstreamClient, server: UpstreamServer) -> tuple[str, ...]:
    """Those of `differing` that are not the AS's right: it ignores members that it does not know (RFC 7591 §2)."""
    return tuple(
        name for name in differing(wanted, told) if told.metadata.get(name) is not None or _matters(name, told, server)
    )


def _matters(name: str, told: UpstreamClient, server: UpstreamServer) -> bool:
    if name not in _IDENTITY and name not in _PROTECTION:
        return False
    if told.metadata.get(name) is None:
        return name not in server.may_drop
    return True


def _id_fault(wanted: WantedClient, told: UpstreamClient, server: UpstreamServer) -> str | None:
    given = told.ref.client_id
    if server.takes_client_id:
        return None if given == wanted.client_id else "the bank's authorization server gave another client_id than ours"
    return None if is_client_id(given) else "the bank's authorization server gave a client_id that no client may have"


def _same(name: str, asked: JsonValue, kept: JsonValue) -> bool:
    """Whether both say the same; to leave a member out says no more and no less than false or an empty list."""
    if {_text(asked), _text(kept)} <= _NOTHING:
        return True
    if name == "scope" and isinstance(asked, str) and isinstance(kept, str):
        return set(asked.split()) == set(kept.split())
    if name == "grant_types" and isinstance(asked, list) and isinstance(kept, list):
        return {_text(each) for each in asked if each not in _IMPLIED} == {
            _text(each) for each in kept if each not in _IMPLIED
        }
    if name in _UNORDERED and isinstance(asked, list) and isinstance(kept, list):
        return sorted(map(_text, asked)) == sorted(map(_text, kept))
    if name == "jwks":
        return _keys(asked) == _keys(kept)
    return _text(asked) == _text(kept)


def _keys(value: JsonValue) -> list[str] | None:
    keys = value.get("keys") if isinstance(value, Mapping) else None
    if not isinstance(keys, list) or not all(isinstance(key, Mapping) for key in keys):
        return None
    return sorted(_text([key.get(name) for name in _OF_A_KEY]) for key in keys if isinstance(key, Mapping))


def _text(value: JsonValue) -> str:
    """As JSON: 1 and true are not the same."""
    return json.dumps(value, sort_keys=True)
