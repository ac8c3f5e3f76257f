"""Every claim that the directory mints, spoilt in every way: what each market says to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from town import UK, Town
from wrongs import encoded, reads_well, statement_of

from dcrgw.core.checks import CATALOGUE
from dcrgw.testkit.statements import NULL

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: How a claim is spoilt; each is one column of docs/answers.md.
SPOILT: Mapping[str, tuple[Any, ...]] = {
    "absent or null": (None, NULL),
    "`true`": (True,),
    "`{}`": ({},),
    "`[]`": ([],),
    "empty text": ("",),
    "odd text": ("ä\u202e<b>\n",),
    "3 000 characters": ("x" * 3_000,),
}

Checks = tuple[str, ...]
#: The failing checks of one column each; an empty tuple is a 201.
Outcomes = tuple[Checks, ...]

_TAKEN: Checks = ()
_REQUIRED: Checks = ("statement.claims.required",)
_TYPES: Checks = ("statement.claims.types",)

ANYTHING: Outcomes = (_TAKEN,) * len(SPOILT)


def _everywhere(*checks: str) -> Outcomes:
    return (checks,) * len(SPOILT)


def _text(absent: Checks = _TAKEN) -> Outcomes:
    """A string that is kept and not judged."""
    return (absent, _TYPES, _TYPES, _TYPES, _TAKEN, _TAKEN, _TYPES)


def _text_with(check: str, absent: Checks) -> Outcomes:
    """A string that has to have a form too."""
    both = (*_TYPES, check)
    return (absent, both, both, both, (check,), (check,), both)


def _url() -> Outcomes:
    """A string that is fetched from."""
    return (_TAKEN, _TYPES, _TYPES, _TYPES, _TAKEN, ("fetch.url",), _TYPES)


def _list(check: str, absent: Checks, empty: Checks) -> Outcomes:
    """A list; an empty one has a meaning."""
    return (absent, (check,), (check,), empty, (check,), (check,), (check,))


def _date(absent: Checks, *checks: str) -> Outcomes:
    return (absent, *(checks,) * (len(SPOILT) - 1))


_IAT = ("statement.iat.future", "statement.iat.age")

CLAIMS: Mapping[str, Mapping[str, Outcomes]] = {
    UK: {
        "iss": _everywhere("statement.iss.known"),
        "iat": _date((*_REQUIRED, *_IAT), *_IAT),
        "jti": _text(_REQUIRED),
        "software_id": _text_with("statement.software_id.form", _REQUIRED),
        "software_client_id": ANYTHING,
        "software_client_name": _text(),
        "software_client_description": ANYTHING,
        "software_client_uri": ANYTHING,
        "software_version": ANYTHING,
        "software_environment": _text(),
        "software_mode": _text(),
        "software_roles": _list("statement.roles.form", _REQUIRED, ("rules.scope.within_roles",)),
        "software_redirect_uris": _list("statement.redirect_uris.form", _REQUIRED, ("rules.redirect_uris.subset",)),
        "software_jwks_endpoint": _text_with("statement.jwks_endpoint.allowed", _REQUIRED),
        "software_jwks_revoked_endpoint": _url(),
        "software_logo_uri": ANYTHING,
        "software_policy_uri": ANYTHING,
        "software_tos_uri": ANYTHING,
        "software_on_behalf_of_org": ANYTHING,
        "org_id": _text_with("statement.org_id.form", _REQUIRED),
        "org_name": _text(),
        "org_status": _text_with("statement.org_status.active", _REQUIRED),
        "org_contacts": ANYTHING,
        "org_jwks_endpoint": _text(),
        "org_jwks_revoked_endpoint": _url(),
        "organisation_competent_authority_claims": (
            _TAKEN,
            ("statement.authorities.form",),
            ("rules.scope.authorised",),
            ("rules.scope.authorised",),
            ("statement.authorities.form",),
            ("statement.authorities.form",),
            ("statement.authorities.form",),
        ),
    },
    "generic": {
        "iss": _everywhere("statement.iss.known"),
        "iat": _date(_IAT, *_IAT),
        "exp": _date(_TAKEN, "statement.exp.past"),
        "jti": _text(),
        "software_id": _text_with("statement.software_id.form", _REQUIRED),
        "software_version": ANYTHING,
        "client_name": _text(),
        "client_uri": ANYTHING,
        "redirect_uris": _list("statement.redirect_uris.form", _TAKEN, _TAKEN),
        "jwks_uri": _text_with("statement.jwks_endpoint.allowed", _TAKEN),
        "org_id": _text_with("statement.org_id.form", _TAKEN),
        "org_name": _text(),
        "org_status": _text_with("statement.org_status.active", _TAKEN),
        "software_roles": _list("statement.roles.form", _TAKEN, _TAKEN),
    },
}


@pytest.mark.parametrize(
    ("market", "claim"), [(market, claim) for market, claims in CLAIMS.items() for claim in claims]
)
async def test_every_spoilt_claim_gets_its_documented_answer(town: Town, market: str, claim: str) -> None:
    for outcome, values in zip(CLAIMS[market][claim], SPOILT.values(), strict=True):
        for value in values:
            statement, clients = await statement_of(town, market, {claim: value}), town.clients()
            reply = await town.post(encoded(town, town.claims(statement, market), market), market)
            assert tuple(reply.checks) == outcome, (value, reply.body)
            if not outcome:
                assert (reply.status, town.clients()) == (201, clients + 1)
                continue
            assert (reply.status, reply.body["error"]) == (400, CATALOGUE[outcome[0]].code)
            reads_well(reply, market)
            assert town.clients() == clients


@pytest.mark.parametrize("market", CLAIMS)
async def test_the_table_holds_every_claim_that_is_minted(town: Town, market: str) -> None:
    assert set((await town.manage("POST", "/statements", market=market))["claims"]) == CLAIMS[market].keys()


async def test_what_a_statement_says_of_a_client_is_not_taken_for_what_the_server_says(town: Town) -> None:
    forged = {
        "client_id": "admin",
        "client_secret": "known",
        "client_secret_expires_at": 0,
        "client_id_issued_at": 1,
        "registration_access_token": "known",
        "registration_client_uri": "https://attacker.example",
        "token_endpoint_auth_method": "none",
        "grant_types": ["implicit"],
    }
    for market in (UK, "generic"):
        reply = await town.post(
            encoded(town, town.claims(await town.statement(market, **forged), market), market), market
        )
        for name, value in forged.items():
            assert reply.body.get(name) != value or name == "client_secret_expires_at", (market, name)
        if market == "generic":
            # RFC 7591 §3.1.1: there the statement's method and grants win, and then have to obey the rules.
            assert (reply.status, reply.checks[0]) == (400, "rules.grant_types.offered")
        else:
            assert reply.status == 201
