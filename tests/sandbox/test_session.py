"""A whole sandbox: what it writes, who may read it, and that nothing of it is left at the end."""

from __future__ import annotations

import json
import re
import stat
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from dcrgw.core.jose import reader, verification
from dcrgw.core.jose.keys import key_set
from dcrgw.sandbox import materials
from dcrgw.sandbox.gateway_config import MARKETS
from dcrgw.sandbox.session import Ports, Session, session

TPP_MEMBERS = {
    "market", "profile", "directory", "issuer", "well_known", "registration_endpoint", "token_endpoint", "health",
    "admin", "request_audience", "request_media_type", "request_metadata", "server_ca",
    "transport_cert", "transport_key", "transport_subject_dn", "signing_key", "signing_cert", "kid", "software_id",
    "org_id", "software_statement", "redirect_uris", "scope", "token_endpoint_auth_methods", "directory_endpoints",
}  # fmt: skip
FILES = ("server_ca", "transport_cert", "transport_key", "signing_key", "signing_cert", "software_statement")


# One sandbox for all that only look at it: most of a start is finding primes.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Session]:
    async with session(tmp_path_factory.mktemp("sandbox") / "var", Ports(), lambda _: None) as opened:
        opened.publish()
        yield opened


def index(sandbox: Session) -> dict[str, Any]:
    return dict(json.loads((sandbox.folder.path / "sandbox.json").read_text()))


def tpps(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [found, *found["more"].values(), *found["markets"]]


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_index_has_version_one(sandbox: Session) -> None:
    found = index(sandbox)
    assert found == sandbox.index
    assert found["version"] == 1
    assert set(found) == TPP_MEMBERS | {"version", "more", "markets", "customers"}
    assert set(found["more"]) == {"obwac", "revoked"}
    assert [market["market"] for market in found["markets"]] == [each.name for each in MARKETS]
    for tpp in tpps(found)[1:]:
        assert set(tpp) == TPP_MEMBERS
    assert found["registration_endpoint"] == f"https://localhost:{sandbox.endpoints.mtls}/uk-3.2/register"
    assert found["token_endpoint"] == f"https://localhost:{sandbox.endpoints.mtls}/uk-3.2/token"
    assert found["issuer"] == f"https://localhost:{sandbox.endpoints.public}/uk-3.2"
    assert found["well_known"] == found["issuer"] + "/.well-known/openid-configuration"


async def test_index_stands_one_member_a_line(sandbox: Session) -> None:
    lines = (sandbox.folder.path / "sandbox.json").read_text().splitlines()
    assert f'  "software_id": "{index(sandbox)["software_id"]}",' in lines


async def test_every_named_file_is_there(sandbox: Session) -> None:
    for tpp in tpps(index(sandbox)):
        for member in FILES:
            assert (sandbox.folder.path / tpp[member]).is_file()


async def test_keys_are_their_owners_alone(sandbox: Session) -> None:
    root = sandbox.folder.path
    private = [path for path in root.rglob("*") if path.suffix in (".key", ".p12", ".password")]
    assert len(private) == 16
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    assert stat.S_IMODE(root.stat().st_mode) == 0o700


async def test_certificates_belong_to_their_keys(sandbox: Session) -> None:
    root = sandbox.folder.path
    for tpp in (index(sandbox), *index(sandbox)["more"].values()):
        for kind in ("transport", "signing"):
            certificate = tpp[f"{kind}_cert"]
            leaf, issuing = x509.load_pem_x509_certificates((root / certificate).read_bytes())
            key = load_pem_private_key((root / tpp[f"{kind}_key"]).read_bytes(), None)
            assert key.public_key() == leaf.public_key()
            leaf.verify_directly_issued_by(issuing)
            issuing.verify_directly_issued_by(x509.load_pem_x509_certificate((root / "ca.pem").read_bytes()))


async def test_subjects_name_who_they_are(sandbox: Session) -> None:
    found = index(sandbox)
    expected = f"CN={found['software_id']},OU={found['org_id']},O=OpenBanking,C=GB"
    assert found["transport_subject_dn"] == expected
    obwac = found["more"]["obwac"]
    assert re.match(rf"CN={obwac['org_id']},organizationIdentifier=PSDGB-FCA-\d{{6}},", obwac["transport_subject_dn"])


async def test_gateway_certificate_carries_exactly_this_machine(sandbox: Session) -> None:
    pem = (sandbox.folder.path / "bank/server.pem").read_bytes()
    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["localhost", "127.0.0.1", "::1"]


async def test_bank_keystore_opens_with_its_password(sandbox: Session) -> None:
    bank = sandbox.folder.path / "bank"
    store = pkcs12.load_pkcs12((bank / "transport.p12").read_bytes(), (bank / "transport.password").read_bytes())
    assert store.cert is not None
    assert sandbox.parties.bank.software.software_id in store.cert.certificate.subject.rfc4514_string()
    assert len(store.additional_certs) == 1


async def test_statements_are_the_directorys(sandbox: Session) -> None:
    worlds = {"primary": sandbox.parties.world} | {each.name: each.world for each in sandbox.parties.abroad}
    policy = reader.JosePolicy(frozenset({"PS256"}))
    for tpp in tpps(index(sandbox)):
        keys = key_set(worlds[tpp["directory"]].keys.published)
        token = reader.read((sandbox.folder.path / tpp["software_statement"]).read_bytes(), policy)
        verification.verify(token, keys, policy)
        claims = reader.unverified_claims(token)
        assert (claims["software_id"], claims["org_id"]) == (tpp["software_id"], tpp["org_id"])
        assert ("software_redirect_uris" in claims) is (tpp["market"] not in ("generic", "australia"))


async def test_revoked_tpp_was_active_when_its_statement_was_made(sandbox: Session) -> None:
    revoked = index(sandbox)["more"]["revoked"]
    policy = reader.JosePolicy(frozenset({"PS256"}))
    statement = reader.read((sandbox.folder.path / revoked["software_statement"]).read_bytes(), policy)
    assert reader.unverified_claims(statement)["org_status"] == "Active"
    world = sandbox.parties.world
    assert world.organisation(revoked["org_id"]).status == "Revoked"
    world.reset()
    assert world.organisation(revoked["org_id"]).status == "Revoked"


async def test_configuration_names_every_market(sandbox: Session) -> None:
    config = tomllib.loads(sandbox.config.read_text())
    assert config["environment"] == "sandbox"
    assert [market["name"] for market in config["market"]] == [market.name for market in MARKETS]
    assert {market["base_url"] + "/register" for market in config["market"]} == {
        market["registration_endpoint"] for market in index(sandbox)["markets"]
    }
    assert {market["issuer"] for market in config["market"]} == {
        market["issuer"] for market in index(sandbox)["markets"]
    }
    directory, *others = config["directory"]
    assert [(each["name"], each["kind"]) for each in others] == [
        ("brazil", "participants"),
        ("cdr", "data-recipients"),
    ]
    assert directory["client_id"] == sandbox.parties.bank.software.software_id
    for name in ("signing_key", "signing_cert", "trust_keystore", "transport_keystore"):
        assert (sandbox.folder.path / directory[name]).is_file()


async def test_two_starts_share_no_key_and_leave_nothing(tmp_path: Path) -> None:
    places = []
    for _ in range(2):
        async with session(tmp_path / "var", Ports(), lambda _: None) as opened:
            opened.publish()
            places.append((opened.folder.path / "ca.pem").read_bytes())
        assert left_in(tmp_path / "var") == []
    assert places[0] != places[1]


async def test_leftovers_of_a_killed_run_are_gone_before_anything_serves(tmp_path: Path) -> None:
    (tmp_path / materials.INDEX).write_text("stale")
    (tmp_path / "notes.txt").write_text("somebody's own")
    async with session(tmp_path, Ports(), lambda _: None):
        assert not (tmp_path / materials.INDEX).exists()
    assert left_in(tmp_path) == ["notes.txt"]


async def test_taken_port_is_an_error_that_leaves_nothing(sandbox: Session, tmp_path: Path) -> None:
    taken = int(sandbox.endpoints.management.rpartition(":")[2])
    with pytest.raises(OSError, match=str(taken)):
        async with session(tmp_path / "second", Ports(management=taken), lambda _: None):
            pass
    assert left_in(tmp_path / "second") == []
