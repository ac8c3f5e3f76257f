"""The body of a registration or an update, and the request that registers: from files and wishes to what is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcrgw.core.jose.reasons import JoseRefused
from dcrgw.tpp import credentials, requests
from dcrgw.tpp.client import Outgoing
from dcrgw.tpp.credentials import CredentialsUnusable
from dcrgw.tpp.known_client import KnownClient
from dcrgw.tpp.prepared import Moment, Prepared
from dcrgw.tpp.requests import JSON, Statement
from dcrgw.tpp.setup import Incomplete, Setup


@dataclass(frozen=True, slots=True)
class Body:
    """The content of a registration or an update. `shown` is what it holds, decoded."""

    content: bytes
    media_type: str
    shown: Mapping[str, Mapping[str, Any]]


def prepare(setup: Setup, moment: Moment) -> Prepared:
    """The request that registers. A signed one needs statement, signing key, `kid` and an audience.

    Raises: Incomplete, CredentialsUnusable.
    """
    if setup.registration_endpoint is None:
        raise Incomplete("--registration-endpoint or --sandbox says where to register")
    body = compose(setup, moment)
    outgoing = Outgoing(setup.registration_endpoint, body.content, body.media_type, headers=moment.headers)
    return Prepared(outgoing, body.shown)


def compose(setup: Setup, moment: Moment, known: KnownClient | None = None) -> Body:
    """The body for a new client, or for one that is `known`: then all that is registered stays, but for the wishes.

    Raises: Incomplete, CredentialsUnusable.
    """
    statement = _statement(setup.statement, known)
    certificate = credentials.certificate(setup.transport)
    subject_dn = credentials.subject_dn(certificate) if certificate else None
    registered = {**known.metadata, "client_id": known.client_id} if known else None
    if setup.as_json:
        alg = setup.alg or "PS256"
        asked = requests.plain(statement, setup.wish, alg=alg, subject_dn=subject_dn, registered=registered)
        return Body(json.dumps(asked, ensure_ascii=False).encode(), JSON, _shown({"request": asked}, statement))
    if statement is None or setup.signing_key is None or not setup.kid or not setup.wish.audience:
        raise Incomplete(_missing(setup, statement))
    key = credentials.signing_key(setup.signing_key, credentials.secret(setup.transport.password))
    alg = setup.alg or credentials.usual_algorithm(key)
    claims = requests.claims(
        statement,
        setup.wish,
        alg=alg,
        subject_dn=subject_dn,
        now=moment.now,
        jti=moment.jti,
        registered=registered,
    )
    try:
        content = requests.signed(claims, key=key, kid=setup.kid, alg=alg)
    except ValueError as error:
        raise Incomplete(str(error)) from None
    header = {"typ": "JWT", "alg": alg, "kid": setup.kid}
    return Body(content, setup.media_type, _shown({"request header": header, "request claims": claims}, statement))


def _shown(request: dict[str, Mapping[str, Any]], statement: Statement | None) -> Mapping[str, Mapping[str, Any]]:
    if statement is None:
        return request
    header = statement.token.header
    named = {"typ": header.typ, "alg": header.alg, "kid": header.kid}
    return {**request, "software statement header": named, "software statement claims": statement.claims}


def _statement(path: Path | None, known: KnownClient | None) -> Statement | None:
    """The statement of a file, else the one that the client was registered with."""
    text, source = known.statement if known else None, "the client's registration"
    try:
        if path is not None:
            text, source = path.read_text("ascii").strip(), str(path)
        return requests.statement(text) if text is not None else None
    except OSError as error:
        raise CredentialsUnusable(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CredentialsUnusable(f"{path} holds no software statement: it is not ASCII") from None
    except JoseRefused as refused:
        raise CredentialsUnusable(f"{source} holds no software statement: {refused.description}") from None


def _missing(setup: Setup, statement: Statement | None) -> str:
    needed = {
        "--ssa": statement,
        "--signing-key": setup.signing_key,
        "--kid": setup.kid,
        "--audience": setup.wish.audience,
    }
    missing = ", ".join(option for option, value in needed.items() if not value)
    return f"a signed request also needs {missing} (or --json for a plain one)"
