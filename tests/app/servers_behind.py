"""What a gateway has of an authorization server behind a market, made for a fake one."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fake_as import FakeAs
from pydantic import SecretStr

from dcrgw.adapters.keystores import KeyPair
from dcrgw.config.sections.upstream import UpstreamSettings
from dcrgw.materials import UpstreamMaterials


def materials(server: FakeAs, **changes: Any) -> UpstreamMaterials:
    cert = server.trust.transport
    pair = KeyPair(
        key=load_pem_private_key(cert.private_key_pem.bytes(), None),
        certificate=x509.load_pem_x509_certificate(cert.cert_chain_pems[0].bytes()),
        chain=(),
    )
    return UpstreamMaterials(
        market="retail",
        issuer=server.issuer,
        settings=UpstreamSettings.model_validate({"kind": "oidc-provider", "url": server.url, **changes}),
        trust=(x509.load_pem_x509_certificate(server.trust.ca.cert_pem.bytes()),),
        transport=pair,
        registration_token=SecretStr("let-me-in"),
        admin_client_secret=None,
        introspection_client_secret=None,
        proof=SecretStr("we-are-it"),
    )
