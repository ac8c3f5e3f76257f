"""Certificates that nearly are another TPP's: none of them carries its statement."""

from __future__ import annotations

from typing import Any

import pytest
from town import UK, Town
from yarl import URL

pytestmark = pytest.mark.asyncio(loop_scope="module")

QWAC = "2.5.4.97=PSDGB-FCA-{number},CN=tpp.example,O=Rogue,C=GB"


def _names(town: Town) -> dict[str, str]:
    index = town.index()
    software, org = index["software_id"], index["org_id"]
    return {
        "sw": software,
        "org": org,
        "SW": software.swapcase(),
        "ORG": org.swapcase(),
        "wide": chr(ord(software[0]) + 0xFEE0) + software[1:],
        "other": town.index(UK, "obwac")["org_id"],
        "number": "999999",
    }


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("obtransport", "CN={SW},OU={org},O=OpenBanking,C=GB"),
        ("obtransport", "CN={sw},OU={ORG},O=OpenBanking,C=GB"),
        ("obtransport", "CN={sw},OU={other},O=OpenBanking,C=GB"),
        ("obtransport", "CN={wide},OU={org},O=OpenBanking,C=GB"),
        ("obtransport", "CN={sw}\\20,OU={org},O=OpenBanking,C=GB"),
        ("obtransport", "CN={sw},OU={org},OU={other},O=OpenBanking,C=GB"),
        ("obtransport", "CN={sw},CN=x,OU={org},O=OpenBanking,C=GB"),
        ("obtransport", "CN={sw}+CN=x,OU={org},O=OpenBanking,C=GB"),
        ("obtransport", "CN=x,OU={org},O=CN\\={sw},C=GB"),
        ("obtransport", "CN={sw},O={org},C=GB"),
        ("obtransport", "CN={sw},OU={org},2.5.4.97=PSDGB-FCA-{number},C=GB"),
        ("obtransport", "CN={org},OU={sw},O=OpenBanking,C=GB"),
        ("obwac", "CN={other},2.5.4.97=PSDGB-FCA-{number},O=Rogue,C=GB"),
        ("obwac", "CN={ORG},2.5.4.97=PSDGB-FCA-{number},O=Rogue,C=GB"),
        ("obwac", "CN={org}.,2.5.4.97=PSDGB-FCA-{number},O=Rogue,C=GB"),
        ("obwac", "CN={sw},2.5.4.97=PSDGB-FCA-{number},O=Rogue,C=GB"),
        ("qwac", QWAC),
        ("qwac", QWAC.replace("PSDGB-FCA", "psdgb-fca")),
        ("qwac", QWAC.replace("{number}", "")),
        ("qwac", QWAC.replace("PSDGB-FCA-", "OFBBR-")),
        ("obseal", None),
        ("brcac", None),
    ],
)
async def test_an_impostors_certificate_registers_nobody(town: Town, kind: str, subject: str | None) -> None:
    wish: dict[str, Any] = {"kind": kind, "key_type": "p256", "software_id": town.index()["software_id"]}
    if subject:
        wish["subject"] = subject.format(**_names(town))
    pair = await town.certificate("impostor", **wish)
    before = town.clients()
    # A fresh session, since the files' names are those of the certificate before.
    old = town.sessions.pop(pair, None)
    if old is not None:
        await old.close()
    try:
        reply = await town.post(await town.body(), pair=pair)
    except OSError:
        reply = None  # the handshake refused it
    if reply is not None:
        assert 400 <= reply.status < 500, reply.body
        assert any(check.startswith(("identity.", "rules.identity.", "tls.")) for check in reply.checks), reply.checks
    assert town.clients() == before


@pytest.mark.parametrize("tpp", ["obwac", None])
async def test_a_request_signed_by_another_tpps_key_is_refused(town: Town, tpp: str | None) -> None:
    statement = (town.folder / town.index(UK, tpp)["software_statement"]).read_text().strip()
    other = "obwac" if tpp is None else None
    body = town.key(other).sign(town.claims(statement, UK, tpp)).encode()
    reply = await town.post(body, UK, tpp)
    assert reply.status == 400
    assert reply.checks[0] in ("request.jws.signature", "request.jws.key_unknown")


async def test_another_markets_statement_and_audience_do_not_count_here(town: Town) -> None:
    body = town.key().sign(town.claims(await town.statement(), aud="https://other.example")).encode()
    assert (await town.post(body)).checks == ["request.aud.ours"]


@pytest.mark.parametrize(
    "path",
    ["/uk-3.2/../generic/register", "/uk-3.2//register", "/uk-3.2/register/", "/uk-3.2/%72egister", "/UK-3.2/register"],
)
async def test_no_path_leads_to_another_market_or_past_one(town: Town, path: str) -> None:
    base = town.index()["registration_endpoint"].removesuffix("/uk-3.2/register")
    reply = await town.post(await town.body(), url=URL(base + path, encoded=True))
    assert reply.status in (404, 415)


@pytest.mark.parametrize(
    "document",
    [
        {"keys": [{"kty": "EC", "kid": "sig-1", "crv": ["P-256"], "x": "AA", "y": "AA"}]},
        {"keys": [{"kty": [], "kid": "sig-1"}, {"kid": {}}, None, [], "x", 5]},
        {"keys": [{"kty": "oct", "kid": "sig-1", "k": "AA"}]},
        {"keys": {}},
        {"keys": []},
        [],
        "",
    ],
)
async def test_no_key_set_of_a_tpp_makes_the_gateway_fail(town: Town, document: Any) -> None:
    software = (await town.manage("POST", "/software", org_id=town.index()["org_id"]))["software_id"]
    await town.manage("PUT", f"/software/{software}/jwks", document=document)
    made = await town.manage("POST", "/statements", market=UK, software_id=software, claims={})
    reply = await town.post(
        town.key().sign(town.claims(made["statement"], iss=software, software_id=software)).encode()
    )
    assert reply.status in (400, 503), reply.body
