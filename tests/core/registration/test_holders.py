"""Whose certificate it is, asked of a registered client."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dcrgw.core.certificates.identity import CertificateKind, ClientIdentity, subject_key
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.holders import client_fault
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.testkit import markets
from dcrgw.testkit.statements import NOW, ORG_ID, SOFTWARE_ID

TRANSPORT = markets.identity()
OBWAC = markets.identity(
    CertificateKind.OBWAC,
    subject=markets.subject(C="GB", organizationIdentifier="PSDGB-FCA-900001", CN=ORG_ID),
)
QWAC = markets.identity(
    CertificateKind.QWAC,
    subject=markets.subject(C="GB", organizationIdentifier="PSDGB-FCA-900001", CN="tpp.example"),
)
REGULATED = {
    "organisation_competent_authority_claims": {
        "authority_id": "FCAGBR",
        "registration_id": "900001",
        "status": "Active",
        "authorisations": [],
    }
}


def client(**changes: Any) -> RegisteredClient:
    made = RegisteredClient(
        client_id="client-1",
        client_id_issued_at=NOW,
        market="uk",
        metadata=ClientMetadata({}),
        software_id=SOFTWARE_ID,
        org_id=ORG_ID,
        directory="primary",
        software_statement="e30.e30.AAAA",
        statement_claims=REGULATED,
        ssa_jti=None,
        x5t_s256="another" * 6,
        subject_key=subject_key(TRANSPORT),
        request_digest="digest",
    )
    return replace(made, **changes)


@pytest.mark.parametrize("identity", [TRANSPORT, OBWAC, QWAC])
def test_any_certificate_of_the_tpp_is_its_own(identity: ClientIdentity) -> None:
    assert client_fault(identity, client(), markets.profile()) is None


@pytest.mark.parametrize(
    ("identity", "changes"),
    [
        (TRANSPORT, {"software_id": "another"}),
        (TRANSPORT, {"org_id": "another"}),
        (TRANSPORT, {"org_id": None}),
        (TRANSPORT, {"software_id": SOFTWARE_ID.lower()}),
        (OBWAC, {"org_id": "another"}),
        (OBWAC, {"org_id": None}),
        (QWAC, {"statement_claims": {}}),
        (QWAC, {"statement_claims": {"organisation_competent_authority_claims": 7}}),
        (replace(QWAC, organization_identifier="PSDGB-FCA-900002"), {}),
        (replace(TRANSPORT, kind=CertificateKind.OTHER), {}),
    ],
)
def test_certificate_of_another_tpp_is_not(identity: ClientIdentity, changes: dict[str, Any]) -> None:
    assert client_fault(identity, client(**changes), markets.profile()) is not None


def test_where_nothing_names_a_tpp_it_is_the_registered_subject() -> None:
    generic = markets.profile("rfc7591")
    renewed = replace(TRANSPORT, x5t_s256="B" * 43, serial_number=2)
    assert client_fault(renewed, client(), generic) is None
    assert client_fault(OBWAC, client(), generic) is not None


def test_client_without_statement_is_held_by_its_subject() -> None:
    bare = client(software_statement=None, software_id=None, org_id=None, statement_claims={}, directory=None)
    assert client_fault(TRANSPORT, bare, markets.profile()) is None
    assert client_fault(OBWAC, bare, markets.profile()) is not None
