"""From a step to the request that is sent: a right one of the standard, with what the step changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from dcrgw.compliance.conformance import signing
from dcrgw.compliance.conformance.filling import Lacking
from dcrgw.compliance.conformance.pack import Request, Step
from dcrgw.compliance.conformance.scene import Scene, Unusable, offered, stated
from dcrgw.tpp import grants
from dcrgw.tpp.client import Outgoing
from dcrgw.tpp.prepared import Moment
from dcrgw.tpp.requests import JSON
from dcrgw.tpp.setup import Incomplete


@dataclass(frozen=True, slots=True)
class Made:
    """A request, and what it holds for people: its decoded header and claims."""

    outgoing: Outgoing
    shown: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)


async def make(scene: Scene, step: Step, bearer: str | None) -> Made:
    """The request of a step, filled in. `bearer` is the value after the scheme, None for no such header.

    Raises: Lacking, HookFailed, Incomplete, CredentialsUnusable.
    """
    if step.again or step.at_once:
        if scene.last is None:
            raise Lacking("a request before this one")
        return Made(scene.last, scene.last_shown, scene.values.names["sent"])
    if step.do == "token":
        return _token(scene, step)
    if step.do == "fetch":
        return Made(_outgoing(step, step.url or "", "GET", bearer))
    if step.do in ("read", "delete"):
        verb = {"read": "GET", "delete": "DELETE"}[step.do]
        return Made(_outgoing(step, _management_url(scene, step), verb, bearer))
    content, media_type, shown, claims = await _body(scene, step)
    url, verb = (_management_url(scene, step), "PUT") if step.do == "update" else (endpoint(scene), "POST")
    return Made(_outgoing(step, url, verb, bearer, content, media_type), shown, claims)


def _outgoing(
    step: Step,
    url: str,
    verb: str,
    bearer: str | None,
    content: bytes = b"",
    media_type: str | None = None,
) -> Outgoing:
    secret = {} if bearer is None else {"Authorization": f"{step.scheme} {bearer}".rstrip(" ")}
    address = step.url or url
    return Outgoing(
        f"{address}{'&' if '?' in address else '?'}{step.query}" if step.query else address,
        content,
        media_type,
        method=step.method or verb,
        headers={**Moment().headers, **step.headers},
        secret_headers=secret,
    )


def endpoint(scene: Scene) -> str:
    """Where the bank registers clients. Raises: Lacking."""
    found = scene.own.bank.registration_endpoint or scene.bank.discovery.get("registration_endpoint")
    if not isinstance(found, str):
        raise Lacking("bank.registration_endpoint")
    return found


def _management_url(scene: Scene, step: Step) -> str:
    """Where a client is managed. Raises: Lacking, Unusable."""
    if step.url:
        return step.url
    try:
        return scene.actor(step.client).known.management_url
    except (Incomplete, UnicodeEncodeError):
        raise Unusable("the bank's registration_client_uri is no https URL, or its client_id no text") from None


async def _body(scene: Scene, step: Step) -> tuple[bytes, str, Mapping[str, Any], Mapping[str, Any]]:
    request = scene.pack.request
    assert request is not None, "loading saw to it"
    form = step.form or request.form
    media_type = step.media_type or _media_type(scene, request, form)
    if step.body is not None:
        return step.body.encode(), media_type, {"body": step.body[:2_000]}, {}
    claims = await _claims(scene, step, request)
    if form == "json":
        return json.dumps(claims, ensure_ascii=False).encode(), media_type, {"request": claims}, claims
    header = _header(scene, step, request)
    if scene.own.key is None:
        raise Lacking("signing_key")
    order = signing.Order(header, claims, scene.own.key, _alg(scene, step), step.sign.key, step.sign.damage)
    return signing.token(order).encode(), media_type, {"header": header, "claims": claims}, claims


def _media_type(scene: Scene, request: Request, form: str) -> str:
    usual = scene.own.bank.media_type or request.media_type
    return JSON if form == "json" and request.form == "jws" else usual


def _header(scene: Scene, step: Step, request: Request) -> dict[str, Any]:
    usual = {} if step.bare else scene.values.fill(request.header)
    header = {**usual, **({"alg": step.sign.alg} if step.sign.alg else {}), **step.header}
    return {name: value for name, value in header.items() if name not in step.header_without}


def _alg(scene: Scene, step: Step) -> str:
    return step.sign.alg or scene.own.alg


async def _claims(scene: Scene, step: Step, request: Request) -> dict[str, Any]:
    """The pack's right claims, what an update must say besides, and the step's changes."""
    statement = await stated(scene, step.statement, is_used=not step.bare)
    if step.bare:
        ordered = {"software_statement": statement} if step.statement is not None else {}
        return {**step.claims, **ordered, **dict.fromkeys(step.null)}
    if step.echo:
        right = dict(scene.actor(step.client).known.information)
    else:
        right = _right(scene, request, has_statement=statement is not None)
    if step.do == "update":
        right |= _registered(scene, step)
    asked = {**right, **step.claims}
    extra = request.by_method.get(str(asked.get("token_endpoint_auth_method")), {})
    asked = {**scene.values.fill(extra), **asked}
    asked |= dict.fromkeys(step.null)
    return {name: value for name, value in asked.items() if name not in step.without}


def _right(scene: Scene, request: Request, *, has_statement: bool) -> dict[str, Any]:
    """The standard's right request, with what this bank wants besides."""
    bank = scene.own.bank
    right = {**_usual(scene, request, has_statement=has_statement), **scene.values.fill(bank.claims)}
    return {name: value for name, value in right.items() if name not in bank.without}


def _usual(scene: Scene, request: Request, *, has_statement: bool) -> dict[str, Any]:
    right = dict(scene.values.fill(request.claims))
    for name, offer in request.chosen.items():
        values = offered(scene, offer)
        right[name] = values if offer.as_list else values[0]
    if has_statement:
        return {**right, **scene.values.fill(request.with_statement)}
    for name, value in request.without_statement.items():
        with suppress(Lacking):
            right[name] = scene.values.fill(value)
    return right


def _registered(scene: Scene, step: Step) -> dict[str, Any]:
    """What an update says of the client: its name, and how it authenticates (RFC 7592 §2.2)."""
    information = scene.actor(step.client).known.information
    kept = ("client_id", "token_endpoint_auth_method")
    return {name: information[name] for name in kept if name in information}


def _token(scene: Scene, step: Step) -> Made:
    """The client's own right to a token, by its registered method. Raises: Lacking, Unusable."""
    known = scene.actor(step.client).known
    scope = scene.own.bank.token_scope or scene.pack.token_scope
    form = {**grants.OWN_RIGHT, **({"scope": scope} if scope else {})}
    if scene.own.bank.token_endpoint is None:
        raise Lacking("bank.token_endpoint")
    try:
        prepared = grants.prepare(scene.own.setup(), known, Moment(), method=step.auth_method, form=form)
    except (Incomplete, UnicodeEncodeError):
        raise Unusable("what the bank registered does not suffice to ask for a token: method, secret or id") from None
    sent = {**dict(parse_qsl(prepared.outgoing.body.decode())), **step.form_fields}
    sent = {name: value for name, value in sent.items() if name not in step.without}
    outgoing = Outgoing(
        step.url or prepared.outgoing.url,
        urlencode(sent).encode(),
        prepared.outgoing.media_type,
        headers={**prepared.outgoing.headers, **step.headers},
        secret_headers=prepared.outgoing.secret_headers,
    )
    return Made(outgoing, prepared.shown, {})
