"""Who may manage a registration: each gate passes and fails, and the wire learns nothing of what is stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.authorization import management
from dcrgw.core.authorization.management import Claim, bearer, judge
from dcrgw.core.authorization.tokens import AccessToken, token_hash
from dcrgw.core.certificates.identity import CertificateKind, subject_key
from dcrgw.core.checks import CATALOGUE, Verdict
from dcrgw.core.evidence import Arrival
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.errors import ErrorCode
from dcrgw.testkit import markets
from dcrgw.testkit.statements import NOW, ORG_ID, SOFTWARE_ID

TOKEN = "t" * 43
STATEMENT = {"organisation_competent_authority_claims": {"authority_id": "FCAGBR", "registration_id": "900001"}}


def client(**changes: Any) -> RegisteredClient:
    made = RegisteredClient(
        client_id="c1",
        client_id_issued_at=NOW,
        market="uk",
        metadata=ClientMetadata({}),
        software_id=SOFTWARE_ID,
        org_id=ORG_ID,
        directory="primary",
        software_statement="e30.e30.AA",
        statement_claims=STATEMENT,
        ssa_jti=None,
        x5t_s256="B" * 43,
        subject_key=subject_key(markets.identity()),
        request_digest="d",
        registration_access_token_hash=token_hash(TOKEN),
    )
    return replace(made, **changes)


def access_token(**changes: Any) -> AccessToken:
    return replace(AccessToken(token_hash(TOKEN), "uk", "c1", (), NOW - 60, NOW + 240, "A" * 43), **changes)


def arrival(client_id: str) -> Arrival:
    return Arrival("uk", (), None, b"", method="GET", client_id=client_id)


def claim(profile: str = "obuk-3.2", **changes: Any) -> Claim:
    by_registration_token = profile == "rfc7591"
    made = Claim(
        arrival=arrival("c1"),
        token_hash=token_hash(TOKEN),
        token=None if by_registration_token else access_token(),
        client=client(),
        identity=markets.identity(),
        market=markets.market(profile),
        at=NOW,
    )
    return replace(made, **changes)


def failed(subject: Claim) -> set[str]:
    return {finding.check.id for finding in judge(subject).failures}


@pytest.mark.parametrize("profile", ["obuk-3.2", "obuk-3.3", "obuk-3.4", "rfc7591"])
def test_own_token_over_own_certificate_manages_the_client(profile: str) -> None:
    assert judge(claim(profile)).value == client()


FAILING = {
    "management.token.known": claim(token=None),
    "management.token.current": claim(at=NOW + 240),
    "management.token.market": claim(token=access_token(market="other")),
    "management.token.client": claim(token=access_token(client_id="c2")),
    "management.token.own_right": claim(token=access_token(grant="g1", sub="mary")),
    "management.token.certificate": claim(token=access_token(x5t_s256="C" * 43)),
    "management.client.active": claim(client=client(status=ClientStatus.SUSPENDED)),
    "management.certificate.holder": claim(client=client(org_id="another")),
}


def test_every_rule_has_a_failing_case() -> None:
    assert {rule.id for rule in management.RULES} == set(FAILING)


@pytest.mark.parametrize("check_id", sorted(FAILING))
def test_claim_that_breaks_one_rule_fails_by_it_alone(check_id: str) -> None:
    assert failed(FAILING[check_id]) == {check_id}
    assert judge(FAILING[check_id]).value is None
    assert (CATALOGUE[check_id].code, CATALOGUE[check_id].status) == (ErrorCode.INVALID_TOKEN, 401)


@pytest.mark.parametrize("check_id", sorted(FAILING))
def test_good_claim_passes_every_rule(check_id: str) -> None:
    verdicts = {finding.check.id: finding.verdict for finding in judge(claim()).findings}
    assert verdicts[check_id] is Verdict.PASSED


@pytest.mark.parametrize("profile", ["obuk-3.2", "rfc7591"])
def test_unknown_client_has_no_manager(profile: str) -> None:
    assert "management.client.active" in failed(claim(profile, client=None))


@pytest.mark.parametrize("status", [each for each in ClientStatus if each is not ClientStatus.ACTIVE])
def test_client_that_is_not_active_is_not_managed(status: ClientStatus) -> None:
    assert failed(claim(client=client(status=status))) == {"management.client.active"}


def test_unbound_access_token_is_refused() -> None:
    assert failed(claim(token=access_token(x5t_s256=None))) == {"management.token.certificate"}


def test_another_registration_access_token_is_refused() -> None:
    assert failed(claim("rfc7591", token_hash=token_hash("u" * 43))) == {"management.token.known"}


def test_client_without_a_registration_access_token_cannot_be_managed_by_any() -> None:
    for presented in (TOKEN, ""):
        bare = claim("rfc7591", client=client(registration_access_token_hash=None), token_hash=token_hash(presented))
        assert failed(bare) == {"management.token.known"}


def test_access_token_is_no_registration_access_token() -> None:
    bare = client(registration_access_token_hash=None)
    assert failed(claim("rfc7591", client=bare, token=access_token())) == {"management.token.known"}


def test_renewed_certificate_is_the_same_client() -> None:
    renewed = markets.identity(x5t_s256="D" * 43, serial_number=2)
    assert failed(claim(identity=renewed, token=access_token(x5t_s256="D" * 43))) == set()
    assert failed(claim("rfc7591", identity=renewed)) == set()


def test_subject_that_did_not_register_manages_no_client_that_is_known_by_it() -> None:
    stranger = markets.identity(subject=markets.subject(C="GB", O="OpenBanking", OU=ORG_ID, CN="another"))
    assert failed(claim("rfc7591", identity=stranger)) == {"management.certificate.holder"}
    bare = client(software_statement=None, software_id=None, org_id=None)
    assert failed(claim(identity=stranger, client=bare)) == {"management.certificate.holder"}


def test_qualified_certificate_of_the_organisation_manages_its_client() -> None:
    subject = markets.subject(C="GB", organizationIdentifier="PSDGB-FCA-900001", CN="Example TPP")
    assert failed(claim(identity=markets.identity(CertificateKind.QWAC, subject=subject))) == set()
    subject = markets.subject(C="GB", organizationIdentifier="PSDGB-FCA-900002", CN="Example TPP")
    qwac = markets.identity(CertificateKind.QWAC, subject=subject)
    assert failed(claim(identity=qwac)) == {"management.certificate.holder"}


@pytest.mark.parametrize(
    ("changes", "misused"),
    [
        ({}, False),
        ({"client": None}, True),
        ({"client": client(status=ClientStatus.DELETED)}, True),
        ({"client": client(status=ClientStatus.SUSPENDED)}, False),
        ({"arrival": arrival("c2")}, True),
        ({"token": access_token(market="other"), "client": None}, False),
        ({"token": None, "client": None}, False),
    ],
)
def test_access_token_is_misused_on_what_is_not_its_client(changes: dict[str, Any], misused: bool) -> None:
    assert claim(**changes).is_misused is misused


FORM = "application/x-www-form-urlencoded"


def call(*authorization: str, **changes: Any) -> Arrival:
    return replace(arrival("c1"), authorization=authorization, **changes)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_scheme_has_no_letter_case(scheme: str) -> None:
    assert bearer(call(f"{scheme} abc.def~1+/-_==")).value == "abc.def~1+/-_=="


@pytest.mark.parametrize("headers", [(), ("",), ("Basic abc",), ("Bearerabc",), ("Token abc",)])
def test_request_without_a_bearer_token_is_asked_for_one(headers: tuple[str, ...]) -> None:
    assert [finding.check for finding in bearer(call(*headers)).failures] == [management.PRESENT]


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer a,b",
        "Bearer =",
        "Bearer \udc80",
        "Bearer\ta",
        "Bearer a\u017f",
        "Bearer \u212a",
    ],
)
def test_bearer_without_one_token_is_refused(header: str) -> None:
    assert {finding.check.status for finding in bearer(call(header)).failures} == {401}


@pytest.mark.parametrize(
    "twice",
    [
        call("Bearer a", "Bearer a"),
        call("Bearer a", "Basic b"),
        call("Bearer a", query="access_token=a"),
        call("Bearer a", query="client_id=c1&access%5Ftoken="),
        call("Bearer a", media_type=f"{FORM.upper()}; charset=utf-8"),
        call(query="access_token=a"),
        call(media_type=FORM),
    ],
)
def test_token_that_comes_twice_or_elsewhere_is_refused(twice: Arrival) -> None:
    assert [finding.check for finding in bearer(twice).failures] == [management.SINGLE]


@settings(max_examples=200)
@given(st.lists(st.text(max_size=30) | st.text(alphabet="Bearer =a~\t", max_size=12), max_size=2), st.text(max_size=20))
def test_any_header_gives_a_token_or_a_refusal(headers: list[str], query: str) -> None:
    judged = bearer(call(*headers, query=query))
    if judged.value is None:
        assert judged.failures
        return
    assert headers[0].lower().startswith("bearer ")
    assert headers[0][7:].strip(" ") == judged.value


def test_call_does_not_show_its_token() -> None:
    assert TOKEN not in repr(call(f"Bearer {TOKEN}"))
