"""The management API: each call, and a 4xx with a sentence for each wrong one."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sandbox_words import NOW, ORG, SOFTWARE, Running

from dcrgw.core.jose import base64url, reader, verification
from dcrgw.core.jose.keys import key_set
from dcrgw.core.jose.reasons import JoseReason, JoseRefused

POLICY = reader.JosePolicy(frozenset({"PS256", "ES256"}))


def proven(statement: str, document: bytes) -> dict[str, Any]:
    token = reader.read(statement, POLICY)
    verification.verify(token, key_set(document), POLICY)
    return reader.unverified_claims(token)


def refusal(statement: str, document: bytes) -> JoseReason:
    with pytest.raises(JoseRefused) as refused:
        proven(statement, document)
    return refused.value.reason


async def minted(running: Running, **call: Any) -> str:
    status, answer = await running.call("POST", "/statements", call)
    assert status == 200, answer
    return str(answer["statement"])


async def test_root_lists_the_calls(running: Running) -> None:
    status, answer = await running.call("GET", "/")
    assert status == 200
    assert "POST /statements" in answer["calls"]


async def test_statement_is_right_by_default(running: Running) -> None:
    claims = proven(await minted(running), running.world.keys.published)
    assert claims["iss"] == "OpenBanking Ltd"
    assert claims["iat"] == int(NOW)
    assert (claims["software_id"], claims["org_id"]) == (SOFTWARE, ORG)
    assert claims["software_jwks_endpoint"] == f"{running.key_sets}/{ORG}/{SOFTWARE}.jwks"
    assert claims["software_redirect_uris"] == ["https://tpp.example/cb", "https://tpp.example/cb2"]


async def test_two_statements_differ_in_jti(running: Running) -> None:
    first, second = [proven(await minted(running), running.world.keys.published) for _ in range(2)]
    assert first["jti"] != second["jti"]


async def test_claims_are_replaced_added_and_left_out(running: Running) -> None:
    status, answer = await running.call(
        "POST", "/statements", {"claims": {"iss": "Other", "jti": None, "software_roles": [], "extra": {"a": 1}}}
    )
    claims = proven(answer["statement"], running.world.keys.published)
    assert status == 200
    assert answer["claims"] == claims
    assert claims["iss"] == "Other"
    assert claims["extra"] == {"a": 1}
    assert claims["software_roles"] == []
    assert "jti" not in claims


async def test_header_is_replaced_and_left_out(running: Running) -> None:
    statement = await minted(running, header={"kid": "dir-9", "typ": None, "note": 1})
    header = json.loads(base64url.decode(statement.split(".")[0].encode()))
    assert header == {"alg": "ES256", "kid": "dir-9", "note": 1}


async def test_algorithm_none_has_no_signature(running: Running) -> None:
    assert (await minted(running, header={"alg": "none"})).endswith(".")


async def test_foreign_key_hides_under_the_current_kid(running: Running) -> None:
    statement = await minted(running, key="foreign")
    assert refusal(statement, running.world.keys.published) is JoseReason.SIGNATURE


async def test_retired_key_is_not_published(running: Running) -> None:
    statement = await minted(running, key="retired")
    assert refusal(statement, running.world.keys.published) is JoseReason.KEY_UNKNOWN
    proven(statement, running.world.keys.revoked)


async def test_raw_payload_is_signed_as_it_is(running: Running) -> None:
    payload = b'{"iss":"a","iss":"b"}'
    status, answer = await running.call("POST", "/statements", {"raw": base64url.encode(payload)})
    assert (status, answer["claims"]) == (200, None)
    token = reader.read(answer["statement"], POLICY)
    verification.verify(token, key_set(running.world.keys.published), POLICY)
    assert token.payload == payload


async def test_raw_header_is_signed_as_it_is(running: Running) -> None:
    header = b'{"alg":"ES256","kid":"dir-1","kid":"dir-1"}'
    statement = await minted(running, raw_header=base64url.encode(header), raw="")
    assert base64url.decode(statement.split(".")[0].encode()) == header


async def test_generic_market_has_names_without_prefix(running: Running) -> None:
    claims = proven(await minted(running, market="generic"), running.world.keys.published)
    assert claims["redirect_uris"] == ["https://tpp.example/cb", "https://tpp.example/cb2"]
    assert claims["jwks_uri"].endswith(f"/{SOFTWARE}.jwks")
    assert claims["exp"] > NOW
    assert "software_redirect_uris" not in claims


async def test_certificate_names_software_and_organisation(running: Running) -> None:
    status, answer = await running.call("POST", "/certificates", {"kind": "obtransport"})
    assert status == 200
    certificate = x509.load_pem_x509_certificate(answer["certificate"].encode())
    assert certificate.subject.rfc4514_string() == f"CN={SOFTWARE},OU={ORG},O=OpenBanking,C=GB"
    key = load_pem_private_key(answer["key"].encode(), None)
    assert key.public_key() == certificate.public_key()
    (issuer,) = x509.load_pem_x509_certificates(answer["chain"].encode())
    certificate.verify_directly_issued_by(issuer)


@pytest.mark.parametrize("kind", ["obsigning", "obwac", "obseal", "qwac", "qseal", "brcac"])
async def test_every_kind_of_certificate_is_issued(running: Running, kind: str) -> None:
    status, answer = await running.call("POST", "/certificates", {"kind": kind, "key_type": "p256"})
    assert status == 200
    x509.load_pem_x509_certificate(answer["certificate"].encode())


async def test_certificate_is_wrong_as_ordered(running: Running) -> None:
    order = {"kind": "obtransport", "subject": "CN=x,O=y", "not_before": "2020-01-01T00:00:00Z",
             "not_after": 1_600_000_000, "eku": [], "ca": True, "key_type": "rsa1024", "issuer": "foreign"}  # fmt: skip
    status, answer = await running.call("POST", "/certificates", order)
    assert status == 200
    certificate = x509.load_pem_x509_certificate(answer["certificate"].encode())
    assert certificate.subject.rfc4514_string() == "CN=x,O=y"
    assert certificate.not_valid_before_utc.year == 2020
    assert certificate.not_valid_after_utc.timestamp() == 1_600_000_000
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.public_key().key_size == 1024
    with pytest.raises(x509.ExtensionNotFound):
        certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)


async def test_organisation_and_software_are_entered(running: Running) -> None:
    status, organisation = await running.call("POST", "/organisations", {"org_name": "New Ltd", "roles": ["AISP"]})
    assert status == 200
    body = {"org_id": organisation["org_id"], "roles": ["AISP"], "redirect_uris": ["https://new.example/cb"]}
    status, software = await running.call("POST", "/software", body)
    assert (status, software["kid"]) == (200, "sig-1")
    load_pem_private_key(software["signing_key"].encode(), None)
    claims = proven(await minted(running, software_id=software["software_id"]), running.world.keys.published)
    assert claims["org_name"] == "New Ltd"
    assert claims["software_roles"] == ["AISP"]
    assert claims["organisation_competent_authority_claims"]["authorisations"][0]["roles"] == ["AISP"]
    async with running.public.get(claims["software_jwks_endpoint"]) as answer:
        assert list(key_set(await answer.read()).keys) == ["sig-1"]


async def test_status_and_software_change(running: Running) -> None:
    assert (await running.call("PATCH", f"/organisations/{ORG}", {"status": "Revoked"}))[1]["status"] == "Revoked"
    status, answer = await running.call(
        "PATCH", f"/software/{SOFTWARE}", {"active": False, "roles": [], "mode": "Live", "redirect_uris": []}
    )
    assert status == 200
    assert (answer["active"], answer["roles"], answer["mode"], answer["redirect_uris"]) == (False, [], "Live", [])
    claims = proven(await minted(running), running.world.keys.published)
    assert (claims["org_status"], claims["software_mode"]) == ("Revoked", "Live")


@pytest.mark.parametrize(
    ("body", "published"),
    [
        ({"document": "not json"}, b"not json"),
        ({"document": {"keys": []}}, b'{"keys": []}'),
        ({"raw": base64url.encode(b"\xff\x00")}, b"\xff\x00"),
        ({"document": ""}, b""),
    ],
)
async def test_any_key_set_is_published(running: Running, body: dict[str, Any], published: bytes) -> None:
    assert (await running.call("PUT", f"/software/{SOFTWARE}/jwks", body))[0] == 200
    url = f"{running.key_sets}/{ORG}/{SOFTWARE}.jwks"
    async with running.public.get(url) as answer:
        assert await answer.read() == published
    await running.call("PUT", f"/software/{SOFTWARE}/jwks", {"document": None})
    async with running.public.get(url) as answer:
        assert list(key_set(await answer.read()).keys) == ["sig-1"]


async def test_directory_key_rotates(running: Running) -> None:
    before = await minted(running)
    assert await running.call("POST", "/keys/rotate", {"of": "directory", "keep_old": True}) == (200, {"kid": "dir-2"})
    proven(before, running.world.keys.published)
    proven(await minted(running), running.world.keys.published)
    assert (await running.call("POST", "/keys/rotate", {"of": "directory"}))[1]["kid"] == "dir-3"
    assert refusal(before, running.world.keys.published) is JoseReason.KEY_UNKNOWN
    assert refusal(await minted(running, key="retired"), running.world.keys.published) is JoseReason.KEY_UNKNOWN
    proven(await minted(running), running.world.keys.published)


async def test_software_key_rotates(running: Running) -> None:
    body = {"of": "software", "software_id": SOFTWARE, "keep_old": False}
    status, answer = await running.call("POST", "/keys/rotate", body)
    assert (status, answer["kid"]) == (200, "sig-2")
    new = load_pem_private_key(answer["signing_key"].encode(), None)
    published = key_set(running.world.software[SOFTWARE].key_set).keys
    assert list(published) == ["sig-2"]
    assert published["sig-2"].key == new.public_key()


async def test_fault_is_switched_and_requests_are_listed(running: Running) -> None:
    body = {"mode": "500", "count": 1}
    status, answer = await running.call("PUT", "/faults/jwks", body)
    assert (status, answer["mode"], answer["count"]) == (200, "500", 1)
    async with running.public.get(running.key_sets + "/keystore/openbanking.jwks") as served:
        assert served.status == 500
    assert (await running.call("GET", "/requests"))[1] == {
        "requests": [{"endpoint": "jwks", "path": "/keystore/openbanking.jwks", "at": NOW}]
    }


async def test_reports_are_handed_on(running: Running) -> None:
    assert (await running.call("GET", "/reports/last"))[1]["report_id"] == "r-1"
    assert (await running.call("GET", "/reports/r-1"))[1]["decision"] == "refused"
    assert (await running.call("GET", "/reports/r-2"))[0] == 404


async def test_reset_returns_to_the_start(running: Running) -> None:
    start = await minted(running)
    token = await running.token()
    await running.call("POST", "/keys/rotate", {"of": "directory"})
    await running.call("PATCH", f"/organisations/{ORG}", {"status": "Revoked"})
    await running.call("POST", "/organisations", {"org_name": "New Ltd"})
    await running.call("PUT", "/faults/jwks", {"mode": "down"})
    assert (await running.call("POST", "/reset"))[0] == 200
    proven(start, running.world.keys.published)
    assert list(running.world.organisations) == [ORG]
    assert running.world.organisations[ORG].status == "Active"
    assert (await running.call("GET", "/requests"))[1] == {"requests": []}
    async with running.public.get(running.key_sets + "/keystore/openbanking.jwks") as answer:
        assert answer.status == 200
    async with running.as_bank.get(
        running.bank + "/scim/v2/OBThirdPartyProviders", headers={"Authorization": f"Bearer {token}"}
    ) as answer:
        assert answer.status == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/statements", {"market": "mars"}, 400),
        ("POST", "/statements", {"software_id": "nobody"}, 404),
        ("POST", "/statements", {"unheard": 1}, 400),
        ("POST", "/statements", {"key": "stolen"}, 400),
        ("POST", "/statements", {"raw": "a=b"}, 400),
        ("POST", "/statements", {"raw": "é"}, 400),
        ("POST", "/statements", {"claims": []}, 400),
        ("POST", "/statements", [], 400),
        ("POST", "/certificates", {}, 400),
        ("POST", "/certificates", {"kind": "unheard"}, 400),
        ("POST", "/certificates", {"kind": "obtransport", "subject": "no name"}, 400),
        ("POST", "/certificates", {"kind": "obtransport", "subject": "CN=" + "x" * 65}, 400),
        ("POST", "/certificates", {"kind": "obtransport", "subject": "CN=\ud800"}, 400),
        ("POST", "/organisations", {"org_name": "\ud800"}, 400),
        ("POST", "/certificates", {"kind": "obtransport", "not_before": "yesterday"}, 400),
        ("POST", "/certificates", {"kind": "obtransport", "not_before": "2026-01-01T00:00:00"}, 400),
        ("POST", "/certificates", {"kind": "obtransport", "not_after": 10**30}, 400),
        ("POST", "/certificates", {"kind": "obtransport", "not_after": 1}, 400),
        ("POST", "/certificates", {"kind": "obtransport", "eku": ["unheard"]}, 400),
        ("POST", "/certificates", {"kind": "obtransport", "software_id": "nobody"}, 404),
        ("POST", "/organisations", {}, 400),
        ("POST", "/organisations", {"org_name": "x", "roles": ["KING"]}, 400),
        ("PATCH", "/organisations/nobody", {"status": "Active"}, 404),
        ("POST", "/software", {"org_id": "nobody"}, 404),
        ("POST", "/software", {"org_id": ORG, "roles": "AISP"}, 400),
        ("PATCH", "/software/nobody", {"active": True}, 404),
        ("PATCH", f"/software/{SOFTWARE}", {"active": "yes"}, 400),
        ("PUT", "/software/nobody/jwks", {"document": "x"}, 404),
        ("POST", "/keys/rotate", {"of": "everybody"}, 400),
        ("POST", "/keys/rotate", {"of": "software", "software_id": "nobody"}, 404),
        ("PUT", "/faults/unheard", {"mode": "500"}, 404),
        ("PUT", "/faults/jwks", {"mode": "unheard"}, 400),
        ("PUT", "/faults/jwks", {"mode": "slow", "delay_s": -1}, 400),
        ("PUT", "/faults/jwks", {"mode": "slow", "count": 0}, 400),
        ("GET", "/unheard", None, 404),
        ("GET", "/reset", None, 405),
    ],
)
async def test_wrong_call_is_a_4xx_with_a_sentence(
    running: Running, method: str, path: str, body: Any, expected: int
) -> None:
    status, answer = await running.call(method, path, body)
    assert status == expected
    assert list(answer) == ["error"]
    assert answer["error"]


async def test_statement_may_be_far_too_large(running: Running) -> None:
    order = io.BytesIO(json.dumps({"claims": {"padding": "x" * 2_000_000}}).encode())
    async with running.public.post(running.management + "/statements", data=order) as answer:
        assert len((await answer.json())["statement"]) > 2_000_000


@pytest.mark.parametrize("octets", [b"{", b"\xff", b"[" * 100_000, b'"text"'])
async def test_body_that_is_no_object_is_refused(running: Running, octets: bytes) -> None:
    async with running.public.post(running.management + "/statements", data=octets) as answer:
        assert answer.status == 400
        assert "error" in await answer.json()
