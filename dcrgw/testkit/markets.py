"""A market with the shipped profiles, and identities without a certificate behind them: for judging by values alone."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

from dcrgw.core.certificates import names
from dcrgw.core.certificates.identity import CertificateKind, ClientIdentity, Subject
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.core.market import Directory, Market
from dcrgw.core.registration.profile import Profile, from_document, resolve
from dcrgw.testkit.statements import BANK_ORG_ID, BRAZIL_ISSUER, CDR_ISSUER, ISSUER, NOW, ORG_ID, SOFTWARE_ID

_OIDS = {
    "C": "2.5.4.6",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "CN": "2.5.4.3",
    "UID": "0.9.2342.19200300.100.1.1",
    "organizationIdentifier": "2.5.4.97",
}


def profile_document(name: str) -> Mapping[str, object]:
    """What a shipped profile file says, without what it extends."""
    text = resources.files("dcrgw").joinpath("profiles", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def profile(name: str = "obuk-3.2") -> Profile:
    """A shipped profile."""
    return from_document(name, resolve(profile_document(name), profile_document))


def directory(**changes: Any) -> Directory:
    """The sandbox's directory, which publishes keys on localhost:9443."""
    made = Directory(
        name="primary",
        issuers=frozenset({ISSUER, "https://directory.example", BRAZIL_ISSUER, CDR_ISSUER}),
        software_jwks_hosts=frozenset({"localhost:9443"}),
        has_standing=True,
    )
    return replace(made, **changes)


def market(name: str = "obuk-3.2", **changes: Any) -> Market:
    """A market of one directory; `name` is its profile's. It trusts no certificate."""
    made = Market(
        name="uk",
        base_url="https://bank.example",
        issuer="https://bank.example",
        profile=profile(name),
        directories={"primary": directory()},
        anchors=TrustAnchors(()),
        auth_methods=(
            "tls_client_auth",
            "private_key_jwt",
            "self_signed_tls_client_auth",
            "client_secret_basic",
            "client_secret_jwt",
        ),
        request_audiences=frozenset({BANK_ORG_ID}),
        refuse_loopback_redirects=True,
        leeway_s=10,
        error_codes={},
    )
    return replace(made, **changes)


def subject(**pairs: str) -> Subject:
    """A subject in certificate order: `subject(C="GB", CN="x")`."""
    return tuple(((_OIDS[name], value),) for name, value in pairs.items())


def identity(kind: CertificateKind = CertificateKind.OBTRANSPORT, **changes: Any) -> ClientIdentity:
    """What an OBTransport certificate of the sandbox's TPP proves; a change of `subject` changes CN, OU … too."""
    pairs: Subject = changes.pop("subject", subject(C="GB", O="OpenBanking", OU=ORG_ID, CN=SOFTWARE_ID))
    values = {oid: value for rdn in pairs for oid, value in rdn}
    made = ClientIdentity(
        common_name=values.get(_OIDS["CN"], ""),
        subject=pairs,
        kind=kind,
        organizational_unit=values.get(_OIDS["OU"]),
        organization_identifier=values.get(_OIDS["organizationIdentifier"]),
        uid=values.get(_OIDS["UID"]),
        san_dns=(),
        san_uris=(),
        x5t_s256="A" * 43,
        serial_number=1,
        issuer=subject(C="GB", O="OpenBanking", CN="Issuing CA"),
        not_before=NOW - 86_400,
        not_after=NOW + 86_400,
        subject_dn=names.text(pairs),
    )
    return replace(made, **changes)
