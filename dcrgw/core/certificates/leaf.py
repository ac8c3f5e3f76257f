"""The rules for a TPP's own certificate: those that the handshake does not make, and those that it does, again."""

from __future__ import annotations

from dataclasses import dataclass

from dcrgw.core.certificates.reading import Leaf
from dcrgw.core.checks import Check, Failed, Outcome, check, gate
from dcrgw.errors import ErrorCode

_CLIENT_AUTH, _ANY_PURPOSE = "1.3.6.1.5.5.7.3.2", "2.5.29.37.0"

#: Positive, and with its sign bit at most 20 octets.
_MAX_SERIAL_BITS = 8 * 20 - 1


@dataclass(frozen=True, slots=True)
class LeafPolicy:
    """What a market may choose."""

    #: Take anyExtendedKeyUsage in place of clientAuth.
    any_purpose_is_enough: bool = False
    #: Refuse a certificate without keyUsage (RFC 5280 makes the extension optional in leaves).
    key_usage_required: bool = False
    common_name_max_length: int = 64
    #: Take a qualified seal's or person's certificate for TLS (ETSI EN 319 412-5 §4.2.3 gives each its purpose).
    seals_are_taken: bool = False
    minimum_rsa_bits: int = 2048


@dataclass(frozen=True, slots=True)
class LeafUnderPolicy:
    """What the leaf rules judge; none of them depends on the time."""

    leaf: Leaf
    policy: LeafPolicy


READABLE = gate(
    "tls.leaf.readable",
    "The client certificate is DER that reads without doubt to its end.",
    spec="RFC 5280 §4.1",
    code=ErrorCode.INVALID_CLIENT,
    status=401,
)
DATES = gate(
    "tls.leaf.dates",
    "The client certificate is valid now, its first and last second included.",
    spec="RFC 5280 §4.1.2.5",
    code=ErrorCode.INVALID_CLIENT,
    status=401,
)


def dates(leaf: Leaf, at: float) -> str | None:
    """Why the leaf is outside its dates at `at` (epoch seconds), None when it is not."""
    if at < leaf.not_before:
        return "the client certificate is not valid yet"
    # A certificate's last second lasts to its end.
    return "the client certificate has expired" if at >= leaf.not_after + 1 else None


@check("tls.leaf.purpose", spec="RFC 5280 §4.2.1.12", code=ErrorCode.INVALID_CLIENT, status=401)
def purpose(subject: LeafUnderPolicy) -> Outcome:
    """The client certificate says that it is for TLS client authentication."""
    purposes = subject.leaf.extended_key_usage
    # Without the extension OpenSSL lets a key serve any purpose; we want it said.
    if purposes is None:
        return "the client certificate has no extendedKeyUsage; clientAuth is needed"
    if _CLIENT_AUTH in purposes or (subject.policy.any_purpose_is_enough and _ANY_PURPOSE in purposes):
        return None
    return "the client certificate's extendedKeyUsage does not include clientAuth"


@check("tls.leaf.not_authority", spec="RFC 5280 §4.2.1.9", code=ErrorCode.INVALID_CLIENT, status=401)
def not_authority(subject: LeafUnderPolicy) -> Outcome:
    """The client certificate is not one that may issue others."""
    return "the client certificate is a CA certificate" if subject.leaf.is_authority else None


@check("tls.leaf.key_usage", spec="RFC 5280 §4.2.1.3", code=ErrorCode.INVALID_CLIENT, status=401)
def key_usage(subject: LeafUnderPolicy) -> Outcome:
    """The client certificate's keyUsage, where it has one, includes digitalSignature."""
    if subject.leaf.key_usage_signs is None:
        return "the client certificate has no keyUsage" if subject.policy.key_usage_required else None
    return None if subject.leaf.key_usage_signs else "the client certificate's keyUsage lacks digitalSignature"


@check("tls.leaf.key", spec="RFC 9325 §4.5", code=ErrorCode.INVALID_CLIENT, status=401)
def key(subject: LeafUnderPolicy) -> Outcome:
    """The client certificate's key is RSA of 2048 bits or more, as the market says, or EC on P-256, P-384 or P-521."""
    weakness = subject.leaf.weak_key
    if weakness:
        return f"the client certificate {weakness}"
    bits, least = subject.leaf.rsa_bits, subject.policy.minimum_rsa_bits
    return f"the client certificate holds an RSA key shorter than {least} bits" if bits and bits < least else None


@check("tls.leaf.signature", spec="RFC 9155", code=ErrorCode.INVALID_CLIENT, status=401)
def signature(subject: LeafUnderPolicy) -> Outcome:
    """The client certificate is signed over SHA-256, SHA-384 or SHA-512."""
    weakness = subject.leaf.weak_signature
    return f"the client certificate {weakness}" if weakness else None


@check("tls.leaf.serial_number", spec="RFC 5280 §4.1.2.2", code=ErrorCode.INVALID_CLIENT, status=401)
def serial_number(subject: LeafUnderPolicy) -> Outcome:
    """The client certificate's serial number is positive and at most 20 octets long."""
    number = subject.leaf.serial_number
    if number > 0 and number.bit_length() <= _MAX_SERIAL_BITS:
        return None
    # Revocation lists are searched by this number; readers differ on what a negative or longer one is.
    return Failed("the client certificate's serial number is not a positive integer of at most 20 octets", hex(number))


@check("tls.leaf.qualified_use", spec="ETSI EN 319 412-5 §4.2.3", code=ErrorCode.INVALID_CLIENT, status=401)
def qualified_use(subject: LeafUnderPolicy) -> Outcome:
    """A qualified certificate used for TLS is one for web authentication, not a seal's or a person's."""
    qualified = subject.leaf.qualified
    if qualified is None or not qualified.types or "web" in qualified.types or subject.policy.seals_are_taken:
        return None
    return "the client certificate is qualified for seals or signatures, not for web authentication"


RULES: tuple[Check[LeafUnderPolicy], ...] = (
    purpose,
    not_authority,
    key_usage,
    key,
    signature,
    serial_number,
    qualified_use,
)
