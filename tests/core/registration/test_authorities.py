"""Competent-authority claims in the shapes that directories give them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from test_metadata import JSON

from dcrgw.core.registration.authorities import Authorisation, active_roles, read

AISP = frozenset({"AISP"})


@pytest.mark.parametrize(
    "claims",
    [
        {"status": "Active", "authorisations": [{"member_state": "GB", "roles": ["AISP"]}]},
        [{"status": "active", "authorisations": [{"member_state": "GBR", "roles": ["AISP"]}]}],
        {"Status": "ACTIVE", "Authorisations": [{"MemberState": "GB", "Psd2Role": "AISP", "Active": True}]},
        {"MemberState": "GB", "Authorisations": [{"Role": "AISP", "Active": "true"}]},
    ],
)
def test_every_known_shape_authorises(claims: Any) -> None:
    read_claims = read(claims)
    assert read_claims is not None
    assert active_roles(read_claims[0], {"GBR"}) == AISP


@pytest.mark.parametrize(
    "claims",
    [
        {},
        [],
        {"status": "Revoked", "authorisations": [{"member_state": "GB", "roles": ["AISP"]}]},
        {"status": None, "authorisations": [{"member_state": "GB", "roles": ["AISP"]}]},
        {"authorisations": [{"member_state": "GB", "roles": ["AISP"], "active": False}]},
        {"authorisations": [{"member_state": "GB", "roles": ["AISP"], "active": 1}]},
        {"authorisations": [{"roles": ["AISP"]}]},
        {"authorisations": [{"member_state": "FR", "roles": ["AISP"]}]},
        {"authorisations": [{"member_state": "GB", "roles": {"AISP": 1}}]},
        {"authorisations": {"member_state": "GB", "roles": ["AISP"]}},
    ],
)
def test_what_is_not_said_to_be_active_authorises_nothing(claims: Any) -> None:
    read_claims = read(claims)
    assert read_claims is not None
    assert active_roles(read_claims[0], {"GB"}) == frozenset()


def test_inactive_authorisation_is_kept_as_such() -> None:
    assert read({"authorisations": [{"member_state": "GB", "roles": ["AISP"], "active": False}]}) == (
        (Authorisation("GB", AISP, active=False),),
        (),
    )


@given(claims=JSON)
@settings(max_examples=100)
def test_any_json_is_read_or_refused(claims: Any) -> None:
    result = read(claims)
    assert (result is None) is not (
        isinstance(claims, dict) or (isinstance(claims, list) and all(isinstance(c, dict) for c in claims))
    )
