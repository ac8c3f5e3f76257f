"""One registration from the TPP's side: from files and wishes to a request, from a request to the bank's answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcrgw.core.jose.reasons import JoseRefused
from dcrgw.tpp import client, credentials, requests
from dcrgw.tpp.client import Answer, Outgoing
from dcrgw.tpp.credentials import CredentialsUnusable, Transport
from dcrgw.tpp.requests import JOSE, JSON, Statement, Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything that a registration needs. A signed one needs statement, signing key, `kid` and an audience."""

    registration_endpoint: str
    transport: Transport = field(default_factory=Transport)
    server_ca: Path | None = None
    statement: Path | None = None
    signing_key: Path | None = None
    kid: str | None = None
    alg: str | None = None
    wish: Wish = field(default_factory=Wish)
    media_type: str = JOSE
    #: Plain RFC 7591 JSON in place of a signed request.
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request ready to be sent. `header` is empty for a plain one."""

    setup: Setup
    outgoing: Outgoing
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    statement: Statement | None


class Incomplete(ValueError):
    """Something that the request needs was not given. The message names it."""


def prepare(setup: Setup, *, now: float, jti: str, interaction_id: str) -> Prepared:
    """The request that a setup makes at `now` (epoch seconds).

    Raises: Incomplete, CredentialsUnusable.
    """
    statement = _statement(setup.statement)
    certificate = credentials.certificate(setup.transport)
    subject_dn = credentials.subject_dn(certificate) if certificate else None
    headers = {"x-fapi-interaction-id": interaction_id}
    if setup.as_json:
        body = requests.plain(statement, setup.wish, alg=setup.alg or "PS256", subject_dn=subject_dn)
        outgoing = Outgoing(setup.registration_endpoint, body, JSON, headers=headers)
        return Prepared(setup, outgoing, {}, json.loads(body), statement)
    if statement is None or setup.signing_key is None or not setup.kid or not setup.wish.audience:
        raise Incomplete(_missing(setup))
    key = credentials.signing_key(setup.signing_key, credentials.secret(setup.transport.password))
    alg = setup.alg or credentials.usual_algorithm(key)
    claims = requests.claims(statement, setup.wish, alg=alg, subject_dn=subject_dn, now=now, jti=jti)
    try:
        body = requests.signed(claims, key=key, kid=setup.kid, alg=alg)
    except ValueError as error:
        raise Incomplete(str(error)) from None
    outgoing = Outgoing(setup.registration_endpoint, body, setup.media_type, headers=headers)
    return Prepared(setup, outgoing, {"typ": "JWT", "alg": alg, "kid": setup.kid}, claims, statement)


async def send(prepared: Prepared, *, timeout_s: float = 30.0) -> Answer:
    """The bank's answer. Raises: ConnectionTrouble, CredentialsUnusable."""
    setup = prepared.setup
    context = credentials.tls_context(setup.transport, setup.server_ca)
    return await client.send(
        prepared.outgoing, context, shows_certificate=setup.transport.is_given, timeout_s=timeout_s
    )


def _statement(path: Path | None) -> Statement | None:
    if path is None:
        return None
    try:
        return requests.statement(path.read_text("ascii").strip())
    except OSError as error:
        raise CredentialsUnusable(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CredentialsUnusable(f"{path} holds no software statement: it is not ASCII") from None
    except JoseRefused as refused:
        raise CredentialsUnusable(f"{path} holds no software statement: {refused.description}") from None


def _missing(setup: Setup) -> str:
    needed = {
        "--ssa": setup.statement,
        "--signing-key": setup.signing_key,
        "--kid": setup.kid,
        "--audience": setup.wish.audience,
    }
    missing = ", ".join(option for option, value in needed.items() if not value)
    return f"a signed request also needs {missing} (or --json for a plain one)"
