"""A market that nobody ships: the profile and the table of docs/markets.md, loaded by a gateway and lived in."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from market_tpps import MarketTpp
from town import Town

from dcrgw.testkit.keys import SigningKey

pytestmark = pytest.mark.asyncio(loop_scope="module")

DOCS = Path(__file__).parents[2] / "docs"
PROFILE = DOCS / "examples/atlantis.toml"


def edit(text: str) -> str:
    """The configuration with the page's own market, at this gateway's addresses."""
    (table,) = [each for each in re.findall(r"```toml\n(.*?)```", (DOCS / "markets.md").read_text(), re.DOTALL)
                if 'name = "atlantis"' in each]  # fmt: skip
    base_url = re.search(r'base_url = "(https://localhost:\d+)/uk-3.2"', text)
    assert base_url is not None
    table = table.replace("https://bank.example", base_url[1]).replace("atlantis.toml", str(PROFILE))
    return f"{text}\n{table}"


class Atlantean(MarketTpp):
    """An app of a firm in Atlantis: the sandbox's directory signs what it is told to."""

    made: dict[str, Any]
    shown: tuple[Path, Path]

    @classmethod
    async def arriving(cls, town: Town, *roles: str) -> Atlantean:
        tpp = cls(town, "uk-3.2")
        firm = await town.manage("POST", "/organisations", org_name="Nautilus")
        tpp.made = await town.manage(
            "POST",
            "/software",
            org_id=firm["org_id"],
            roles=list(roles),
            redirect_uris=["https://nautilus.example/cb"],
        )
        tpp.shown = await town.certificate(
            tpp.made["software_id"], kind="obtransport", software_id=tpp.made["software_id"]
        )
        return tpp

    @property
    def pair(self) -> tuple[Path, Path]:
        return self.shown

    @property
    def key(self) -> SigningKey:
        return SigningKey(self.made["kid"], "PS256", load_pem_private_key(self.made["signing_key"].encode(), None))

    @property
    def index(self) -> dict[str, Any]:
        base = self.town.index("uk-3.2")
        endpoint = base["registration_endpoint"].replace("/uk-3.2/", "/atlantis/")
        return {
            **base,
            "issuer": endpoint.removesuffix("/register"),
            "registration_endpoint": endpoint,
            "token_endpoint": endpoint.replace("/register", "/token"),
            "request_media_type": "application/jwt",
        }

    async def statement(self, **claims: Any) -> str:
        software_id, org_id = self.made["software_id"], self.made["org_id"]
        keystore = self.town.session.endpoints.keystore
        named = {
            "exp": int(time.time()) + 600,
            "app_id": software_id,
            "app_name": "Nautilus",
            "app_roles": self.made["roles"],
            "app_callbacks": ["https://nautilus.example/cb"],
            "app_keys": f"{keystore}/{org_id}/{software_id}.jwks",
            "firm_id": org_id,
            "firm_name": "Nautilus",
            "firm_status": "Active",
        }
        minted = await self.town.manage("POST", "/statements", software_id=software_id, claims={**named, **claims})
        # What the UK's statements say is there as well: Atlantis reads its own names alone.
        return minted["statement"]

    async def claims(self, statement: str | None = None, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        asked = {
            "iss": self.made["software_id"],
            "aud": self.index["issuer"],
            "iat": now,
            "exp": now + 300,
            "jti": str(uuid4()),
            "software_statement": statement or await self.statement(),
            "redirect_uris": ["https://nautilus.example/cb"],
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "PS256",
            "grant_types": ["client_credentials", "authorization_code"],
            **changes,
        }
        return {name: value for name, value in asked.items() if value is not None}


async def test_a_client_lives_in_a_market_of_ones_own(town: Town) -> None:
    tpp = await Atlantean.arriving(town, "TRITON")
    await tpp.become_client()
    assert tpp.answer["scope"] == "atlantis:manage openid tides"
    assert (tpp.answer["client_name"], tpp.answer["response_types"]) == ("Nautilus", ["code"])
    assert (await tpp.manage("GET")).status == 200
    assert (await tpp.update(scope="tides atlantis:manage")).body["scope"] == "tides atlantis:manage"
    gone = await tpp.manage("DELETE")
    assert (gone.status, gone.headers["Allow"]) == (405, "GET, PUT")
    weak = await tpp.grant(scope="tides")
    assert (await tpp.manage("GET", token=weak.body["access_token"])).status == 403
    again = await tpp.post(await tpp.body())
    assert (again.body["error"], again.checks) == ("invalid_client_metadata", ["registry.software.unregistered"])


async def test_its_wrongs_are_refused_by_its_own_rules(town: Town) -> None:
    tpp = await Atlantean.arriving(town, "NEREID")
    for changes, check in (
        ({"scope": "tides"}, "rules.scope.within_roles"),
        ({"scope": "accounts"}, "rules.scope.known"),
        ({"token_endpoint_auth_method": "tls_client_auth"}, "rules.auth_method.offered"),
        ({"exp": int(time.time()) + 900}, "request.exp.lifetime"),
        ({"redirect_uris": ["https://tpp.example/cb"]}, "rules.redirect_uris.subset"),
    ):
        assert check in (await tpp.register(**changes)).checks
    for claims, check in (
        ({"exp": None}, "statement.claims.required"),
        ({"app_roles": ["KRAKEN"]}, "statement.roles.admitted"),
        ({"app_id": None}, "statement.claims.required"),
        ({"firm_status": "Sunk"}, "statement.org_status.active"),
    ):
        statement = await tpp.statement(**claims)
        assert check in (await tpp.post(await tpp.body(statement))).checks
    assert (await tpp.post(await tpp.body(), media_type="application/jose")).status == 415


async def test_a_statement_of_the_uk_says_nothing_there(town: Town) -> None:
    tpp, uk = await Atlantean.arriving(town, "TRITON"), MarketTpp(town, "uk-3.2")
    assert "statement.claims.required" in (await tpp.post(await tpp.body(await uk.statement()))).checks
