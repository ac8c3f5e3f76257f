"""Revocation lists and OCSP answers of a test authority, right and wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from dcrgw.testkit.certificate_kinds import Extension
from dcrgw.testkit.certificates import CertificateAuthority, Issued

#: The second is to be refused.
_DIGESTS: dict[str, hashes.SHA256 | hashes.SHA224] = {"sha256": hashes.SHA256(), "sha224": hashes.SHA224()}


def published(list_url: str = "", responder_url: str = "") -> list[Extension]:
    """The extensions by which a certificate names its issuer's list and responder."""
    found: list[Extension] = []
    if list_url:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(list_url)], None, None, None)
        found.append((x509.CRLDistributionPoints([point]), False))
    if responder_url:
        access = x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(responder_url)
        )
        found.append((x509.AuthorityInformationAccess([access]), False))
    return found


def revocation_list(
    authority: CertificateAuthority,
    revoked: Mapping[int, str | None] | Sequence[int] = (),
    *,
    at: float,
    life_s: float = 3600.0,
    number: int | None = 1,
    extensions: Sequence[Extension] = (),
    entry_extensions: Sequence[Extension] = (),
    issuer: x509.Name | None = None,
    digest: str = "sha256",
) -> bytes:
    """A list, DER. `revoked` are serial numbers, perhaps with a reason (keyCompromise …); its life begins `at`."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer or authority.certificate.subject)
    builder = builder.last_update(_moment(at)).next_update(_moment(at + life_s))
    for serial_number, reason in (
        dict.fromkeys(revoked).items() if not isinstance(revoked, Mapping) else revoked.items()
    ):
        entry = x509.RevokedCertificateBuilder().serial_number(serial_number).revocation_date(_moment(at))
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags(reason)), critical=False)
        for extension, critical in entry_extensions:
            entry = entry.add_extension(extension, critical)
        builder = builder.add_revoked_certificate(entry.build())
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(authority.key, _DIGESTS[digest]).public_bytes(Encoding.DER)


def scope(
    *urls: str,
    users: bool = False,
    authorities: bool = False,
    attributes: bool = False,
    indirect: bool = False,
    reasons: Sequence[str] = (),
) -> Extension:
    """An issuingDistributionPoint: which certificates a list is for."""
    return (
        x509.IssuingDistributionPoint(
            full_name=[x509.UniformResourceIdentifier(url) for url in urls] or None,
            relative_name=None,
            only_contains_user_certs=users,
            only_contains_ca_certs=authorities,
            only_some_reasons=frozenset(x509.ReasonFlags(each) for each in reasons) or None,
            indirect_crl=indirect,
            only_contains_attribute_certs=attributes,
        ),
        True,
    )


def responder(
    authority: CertificateAuthority, *, eku: Sequence[str] = ("1.3.6.1.5.5.7.3.9",), **changes: object
) -> Issued:
    """A responder that the authority named for its answers."""
    return authority.issue(
        subject="CN=Responder",
        eku=eku,
        key_type="p256",
        extensions=((x509.OCSPNoCheck(), False),),
        **changes,  # type: ignore[arg-type]
    )


def answer(
    asked: x509.Certificate | ocsp.OCSPRequest,
    authority: CertificateAuthority,
    status: str = "good",
    *,
    at: float,
    life_s: float | None = 3600.0,
    signer: Issued | None = None,
    nonce: bytes | None = None,
    algorithm: str = "sha1",
    digest: str = "sha256",
    reason: str | None = None,
    with_certificate: bool = True,
) -> bytes:
    """An OCSP answer about one certificate, DER: good, revoked or unknown; signed by the authority or by `signer`."""
    names = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "sha512": hashes.SHA512()}  # noqa: S303 - names only
    if isinstance(asked, x509.Certificate):
        asked = ocsp.OCSPRequestBuilder().add_certificate(asked, authority.certificate, names[algorithm]).build()
    builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
        issuer_name_hash=asked.issuer_name_hash,
        issuer_key_hash=asked.issuer_key_hash,
        serial_number=asked.serial_number,
        algorithm=asked.hash_algorithm,
        cert_status=ocsp.OCSPCertStatus[status.upper()],
        this_update=_moment(at),
        next_update=None if life_s is None else _moment(at + life_s),
        revocation_time=_moment(at) if status == "revoked" else None,
        revocation_reason=x509.ReasonFlags(reason) if reason else None,
    )
    by, key = (signer.certificate, signer.key) if signer else (authority.certificate, authority.key)
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, by)
    if signer is not None and with_certificate:
        builder = builder.certificates([signer.certificate])
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.sign(key, _DIGESTS[digest]).public_bytes(Encoding.DER)


def no_answer(status: str) -> bytes:
    """A responder's word that it cannot answer: TRY_LATER, UNAUTHORIZED …, DER."""
    return ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus[status]).public_bytes(Encoding.DER)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(int(at), UTC)
