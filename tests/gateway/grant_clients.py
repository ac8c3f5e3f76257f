"""TPPs and customers at the endpoints of a grant, right but for what a test changes."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from as_clients import FORM, findings, proof, registered
from town import UK, Reply, Town

from dcrgw.core.authorization.grants import challenge
from dcrgw.testkit.person import Person, Seen

VERIFIER = secrets.token_urlsafe(48)
CALLBACK = "https://tpp.example/cb"
GRANTS = ["client_credentials", "authorization_code", "refresh_token"]


async def client_of(
    town: Town, method: str = "private_key_jwt", market: str = UK, tpp: str | None = None, **changes: Any
) -> dict[str, Any]:
    """A registration that may ask customers."""
    asked = {"grant_types": GRANTS, "response_types": ["code"], "redirect_uris": [CALLBACK], **changes}
    return await registered(town, method, market, tpp, **asked)


async def send(
    town: Town, client: dict[str, Any], endpoint: str, market: str = UK, tpp: str | None = None, **form: Any
) -> Reply:
    """A form of a client at an endpoint below the market's base URL."""
    proven, headers = proof(town, client, market, tpp)
    body = urlencode({name: value for name, value in {**proven, **form}.items() if value is not None}).encode()
    url = town.index(market)["token_endpoint"].removesuffix("token") + endpoint
    return await town.post(body, market, tpp, media_type=FORM, url=url, headers=headers)


def request(**changes: Any) -> dict[str, Any]:
    """The parameters of a right request."""
    right = {
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid accounts",
        "state": "the state",
        "nonce": "the nonce",
        "code_challenge": challenge(VERIFIER),
        "code_challenge_method": "S256",
        **changes,
    }
    return {name: value for name, value in right.items() if value is not None}


def object_claims(town: Town, client: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The claims of a right request object."""
    now = int(time.time())
    right = {
        **request(client_id=client["client_id"]),
        "iss": client["client_id"],
        "aud": town.index(UK)["issuer"],
        "nbf": now,
        "exp": now + 300,
        "jti": secrets.token_urlsafe(),
        **changes,
    }
    return {name: value for name, value in right.items() if value is not None}


async def pushed(town: Town, client: dict[str, Any], **changes: Any) -> str:
    """The request_uri of a pushed request."""
    reply = await send(town, client, "par", **request(**changes))
    assert reply.status == 201, (reply.body, findings(town))
    assert reply.headers["Cache-Control"] == "no-store"
    assert 5 <= reply.body["expires_in"] <= 600
    return str(reply.body["request_uri"])


def address(town: Town, client: dict[str, Any], market: str = UK, **parameters: str) -> str:
    """Where the customer's browser is sent."""
    issuer = town.index(market)["issuer"]
    return f"{issuer}/authorize?{urlencode({'client_id': client['client_id'], **parameters})}"


async def decided(town: Town, person: Person, url: str, decision: str = "approve") -> Seen:
    """What Mia sees after her decision; her name and password are the sandbox's."""
    people = json.loads((town.folder / "sandbox.json").read_text())["customers"]
    seen = await person.open(url)
    assert seen.status == 200, seen.text
    seen = await person.submit(seen, login=people[0]["login"], password=people[0]["password"])
    return await person.submit(seen, decision=decision)


def answer(seen: Seen) -> dict[str, str]:
    """The parameters that the TPP is answered with: those of the fragment where there is one."""
    assert seen.left_for is not None, seen.text
    parts = urlsplit(seen.left_for)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == CALLBACK
    return dict(parse_qsl(parts.fragment or parts.query))


async def tokens(town: Town, client: dict[str, Any], code: str, **changes: Any) -> Reply:
    """What a code is worth at the token endpoint."""
    right = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return await send(town, client, "token", **{**right, **changes})
