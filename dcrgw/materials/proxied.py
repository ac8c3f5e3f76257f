"""What a listener behind a proxy needs: its own certificate, and who may speak for TPPs there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509

from dcrgw.adapters.keystores import KeyPair
from dcrgw.config.faults import ConfigFault
from dcrgw.config.sections.listeners import ProxiedListener
from dcrgw.core.certificates.forwarded import USUAL, Form, Headers
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.materials.administration import reaches
from dcrgw.materials.opening import Opening


@dataclass(frozen=True, slots=True)
class ProxiedMaterials:
    """`pair` is None for plain HTTP, `anchors` where proxies are known by their address alone."""

    listener: ProxiedListener
    pair: KeyPair | None
    anchors: TrustAnchors | None
    form: Form
    headers: Headers


def proxied(
    opening: Opening, listener: ProxiedListener | None, pair: KeyPair | None, of_tpps: Iterable[x509.Certificate]
) -> ProxiedMaterials | None:
    """The listener of the settings. A proxy's authority must be none that vouches for TPPs (`of_tpps`)."""
    if listener is None:
        return None
    key = "listeners.proxied.proxy_ca"
    roots = opening.trust_files(key, listener.proxy_ca, listener.proxy_ca_password, f"{key}_password")
    vouching = tuple(of_tpps)
    for shared in (root for root in roots if any(reaches(root, each) for each in vouching)):
        fix = "issue the proxies' certificates from a CA that issues nothing else"
        opening.faults.append(ConfigFault(key, f"{shared.subject.rfc4514_string()} vouches for TPPs too", fix))
    form = Form(listener.form)
    usual = USUAL[form]
    headers = Headers(listener.header.lower(), usual.chain) if listener.header else usual
    return ProxiedMaterials(listener, pair, TrustAnchors(roots) if listener.proxy_ca else None, form, headers)
