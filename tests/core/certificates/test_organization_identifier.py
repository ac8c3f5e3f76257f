"""organizationIdentifier is read in every form that certificates have it, and no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrgw.core.certificates.organization_identifier import OrganizationIdentifier, read
from dcrgw.core.registration import authorities


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("PSDGB-FCA-900001", ("PSD", "GB", "900001", "FCA")),
        ("PSDPL-PFSA-1234567890", ("PSD", "PL", "1234567890", "PFSA")),
        ("PSDGB-OB-Unknown0015800001HQQrZAAX", ("PSD", "GB", "Unknown0015800001HQQrZAAX", "OB")),
        ("OFBBR-d7384bd0-842f-43c5-be02-9d2b2d5efc2c", ("OFB", "BR", "d7384bd0-842f-43c5-be02-9d2b2d5efc2c", "")),
        ("VATBE-0876866142", ("VAT", "BE", "0876866142", "")),
        ("NTRGB-12345678", ("NTR", "GB", "12345678", "")),
        ("LEIXG-529900T8BM49AURSDO55", ("LEI", "XG", "529900T8BM49AURSDO55", "")),
        ("SI:FR-552100554", ("SI:", "FR", "552100554", "")),
    ],
)
def test_every_form_is_read(text: str, parts: tuple[str, str, str, str]) -> None:
    found = read(text)
    assert found == OrganizationIdentifier(*parts)
    assert found.number in found.in_words()


@pytest.mark.parametrize(
    "text",
    ["", "PSDGB-FCA", "PSDGB-900001", "psdgb-fca-1", "PSDGBR-FCA-1", "VAT-BE-1", "VATBE-", "VATBE-1 2", "900001"],
)
def test_no_other_form_is(text: str) -> None:
    assert read(text) is None


@given(st.text(max_size=40))
def test_any_text_is_read_or_not(text: str) -> None:
    found = read(text)
    assert found is None or found.number in text


def entry(**more: object) -> authorities.RegulatorEntry:
    claims = {"authority_id": "FCAGBR", "registration_id": "900001", "status": "Active", **more}
    read_claims = authorities.read(claims)
    assert read_claims is not None
    return read_claims[1][0]


@pytest.mark.parametrize(
    ("named", "more", "matches"),
    [
        ("PSDGB-FCA-900001", {}, True),
        ("PSDGB-FCA-900002", {}, False),
        ("PSDIE-FCA-900001", {}, False),
        ("PSDGB-PRA-900001", {}, False),
        ("VATGB-900001", {}, False),
        ("VATGB-123", {"X509OrganisationIdentifier": ["NTRGB-1", "VATGB-123"]}, True),
        ("vatgb-123", {"X509OrganisationIdentifier": ["VATGB-123"]}, False),
        ("PSDGB-FCA-7", {"EtsiIdentifier": "PSDGB-FCA-7"}, True),
        ("VATGB-123", {"X509OrganisationIdentifier": [7, None, {}]}, False),
    ],
)
def test_certificate_names_a_regulator_s_entry_or_what_the_directory_lists_for_it(
    named: str, more: dict[str, object], matches: bool
) -> None:
    assert entry(**more).is_named_by(named) is matches
