"""Calls and scripts for the scripting tests: each test states only what differs."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dcrgw.core.certificates.identity import CertificateKind, ClientIdentity
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.ports.scripts import ScriptCall
from dcrgw.scripting.loader import LoadedScript, load

NOW = 1_800_000_000.0


@cache
def certificate(common_name: str = "software-1") -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.DER)


def identity(common_name: str = "software-1") -> ClientIdentity:
    return ClientIdentity(
        common_name=common_name,
        subject=(),
        kind=CertificateKind.OBTRANSPORT,
        organizational_unit="org-1",
        organization_identifier=None,
        uid=None,
        san_dns=(),
        san_uris=(),
        x5t_s256="thumb",
        serial_number=7,
        issuer=(),
        not_before=NOW,
        not_after=NOW,
        subject_dn=f"CN={common_name}",
    )


def statement(**changes: Any) -> SoftwareStatement:
    plain = SoftwareStatement(
        iss="OpenBanking Ltd",
        iat=NOW,
        exp=None,
        jti="ssa-1",
        software_id="software-1",
        software_client_name="Good Budget",
        software_roles=frozenset({"AISP"}),
        software_redirect_uris=("https://tpp.example/cb",),
        software_jwks_endpoint=None,
        software_jwks_revoked_endpoint=None,
        software_environment=None,
        software_mode=None,
        org_id="org-1",
        org_name=None,
        org_status=None,
        org_jwks_endpoint=None,
        authorisations=None,
        claims={"org_jwks_endpoint": "https://keys.example/org", "software_roles": ["AISP"], "iat": 1},
        jws="a.b.c",
        kid="k",
        alg="PS256",
        directory="ob",
    )
    return replace(plain, **changes)


def call(**changes: Any) -> ScriptCall:
    plain = ScriptCall(
        market="uk",
        identity=identity(),
        certificate=certificate(),
        statement=statement(),
        metadata=ClientMetadata(
            {
                "redirect_uris": ["https://tpp.example/cb"],
                "scope": "openid accounts",
                "token_endpoint_auth_method": "tls_client_auth",
                "tls_client_auth_subject_dn": "CN=software-1",
            }
        ),
        request_claims={"iss": "software-1", "software_statement": "a.b.c", "jti": "r-1"},
        client_id="generated",
    )
    return replace(plain, **changes)


SKELETON = """
from dcrgw.scripting.types import ClientRegistrationType

class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        return True
    def destroy(self, configurationAttributes):
        return True
{methods}
"""

UPDATE = "def updateClient(self, context):\n    return True\n"
CREATE = "def createClient(self, context):\n    return True\n"


def source(create: str = CREATE, update: str = UPDATE) -> str:
    return SKELETON.format(methods=indent(dedent(create) + dedent(update), "    "))


def body(text: str) -> str:
    """A createClient of these statements."""
    return "def createClient(self, context):\n" + indent(dedent(text), "    ") + "\n"


def entry(folder: Path, text: str, name: str = "script", **changes: Any) -> ScriptEntry:
    file = folder / f"{name}.py"
    file.write_text(text, encoding="utf-8")
    return replace(ScriptEntry(name, name, "client_registration", text, str(file)), **changes)


def loaded(
    folder: Path, text: str, name: str = "script", *, properties: Mapping[str, str] | None = None, **changes: Any
) -> LoadedScript:
    return load(entry(folder, text, name, **changes), properties or {}, now=NOW)


def script(
    folder: Path, create: str = CREATE, update: str = UPDATE, name: str = "script", **changes: Any
) -> ScriptEntry:
    return entry(folder, source(create, update), name, **changes)
