"""The faults that are planted in the caller's certificate, and the check that must see each.

The certificates are a throwaway authority's, which the market takes in the case; they say what the recorded one says
but for the fault.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from dcrgw.compliance.whatif import DAY_S, Draft, Fault, Spoil
from dcrgw.testkit.certificates import CertificateAuthority, Issued, resigned

#: What the issuer says of itself, and what `issue` says.
_NOT_COPIED = frozenset(
    {
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER, ExtensionOID.SUBJECT_KEY_IDENTIFIER, ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE, ExtensionOID.EXTENDED_KEY_USAGE, ExtensionOID.CRL_DISTRIBUTION_POINTS,
        ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    }
)  # fmt: skip
#: An INTEGER of 22 octets.
_LONG_NUMBER = b"\x02\x16" + b"\x01" * 22
_LONG, _TURNED = "x" * 65, "soft\u202eware"


def certificate_faults(good: Draft) -> Iterator[Fault]:
    """No certificate, one at another time, and others than the recorded one."""
    leaf = x509.load_der_x509_certificate(good.chain[0])

    def at(time: float) -> Spoil:
        return lambda draft: setattr(draft, "at", time)

    yield _fault("none", lambda draft: setattr(draft, "chain", ()), "tls.chain.present")
    yield _fault("no DER", lambda draft: setattr(draft, "chain", (b"what if",)), "tls.leaf.readable")
    yield _fault("past its end", at(leaf.not_valid_after_utc.timestamp() + DAY_S), "tls.leaf.dates")
    yield _fault("not begun", at(leaf.not_valid_before_utc.timestamp() - DAY_S), "tls.leaf.dates")
    yield _fault("garbage sent along", lambda draft: setattr(draft, "chain", (*draft.chain, b"x")), "tls.path.readable")
    yield from _Others(good, leaf).faults()


def _fault(name: str, spoil: Spoil, *expected: str) -> Fault:
    return Fault(f"certificate: {name}", frozenset(expected), spoil)


class _Others:
    """Makes certificates like the recorded one."""

    def __init__(self, good: Draft, leaf: x509.Certificate) -> None:
        self._good, self._leaf = good, leaf
        self._ours, self._foreign = (CertificateAuthority.create(name, at=good.at) for name in ("What if", "Nobody's"))
        self._copied = [(each.value, each.critical) for each in leaf.extensions if each.oid not in _NOT_COPIED]

    def faults(self) -> Iterator[Fault]:
        """Each wrong one, and a right one."""
        if self._good.operation == "create":
            # An update's token may be bound to the recorded certificate: then another is refused for that.
            yield _fault("another of the same subject", self._shown(self._issue()))
            yield from self._of_another()
        yield from self._leaves()
        yield from self._subjects()
        yield from self._paths()

    def _leaves(self) -> Iterator[Fault]:
        signed = resigned(self._issue(), self._ours, subject=self._subject, digest="sha1")
        numbered = resigned(self._issue(), self._ours, subject=self._subject, serial_number=_LONG_NUMBER)
        yield _fault("for servers only", self._shown(self._issue(eku=("serverAuth",))), "tls.leaf.purpose")
        yield _fault("an authority's", self._shown(self._issue(ca=True)), "tls.leaf.not_authority")
        agreement = self._issue(key_usage=("key_agreement",))
        yield _fault("for agreement only", self._shown(agreement), "tls.leaf.key_usage")
        yield _fault("RSA of 1024 bits", self._shown(self._issue(key_type="rsa1024")), "tls.leaf.key")
        yield _fault("signed over SHA-1", self._shown(signed), "tls.leaf.signature")
        yield _fault("of a long number", self._shown(numbered), "tls.leaf.serial_number")

    def _subjects(self) -> Iterator[Fault]:
        common_name = x509.NameAttribute(NameOID.COMMON_NAME, "and another")
        twice = x509.Name([*self._leaf.subject, common_name])
        yield _fault("two common names", self._named(twice), "identity.common_name.single")
        for name, value, check in (
            ("a long common name", _LONG, "identity.common_name.length"),
            ("a common name that turns", _TURNED, "identity.subject.characters"),
        ):
            pairs = [
                (each.oid, value if each.oid == NameOID.COMMON_NAME else each.value) for each in self._leaf.subject
            ]
            with warnings.catch_warnings():
                # That it is too long is what it is made for.
                warnings.simplefilter("ignore", UserWarning)
                subject = x509.Name([x509.NameAttribute(oid, each, _validate=False) for oid, each in pairs])
            yield _fault(name, self._named(subject), check)
        for what, oid in {"organisations": NameOID.ORGANIZATION_IDENTIFIER, "user ids": NameOID.USER_ID}.items():
            if found := self._leaf.subject.get_attributes_for_oid(oid):
                twice = x509.Name([*self._leaf.subject, found[0]])
                yield _fault(f"two {what}", self._named(twice), "identity.subject.unambiguous")

    def _of_another(self) -> Iterator[Fault]:
        """One that names another software or organisation, where the subject names the statement's."""
        statement, claims = self._good.statement, self._good.market.profile.statement.claims
        ties = {*self._good.market.profile.identity.values()} - {"none"}
        named = self._good.request.get("token_endpoint_auth_method") == "tls_client_auth"
        if statement is None or not (ties or named):
            return
        for field, check in (("software_id", "rules.identity.software"), ("org_id", "rules.identity.organisation")):
            own = statement.get(claims.get(field, field))
            if not isinstance(own, str) or not any(own in str(each.value) for each in self._leaf.subject):
                continue
            subject = x509.Name(
                [x509.NameAttribute(each.oid, str(each.value).replace(own, "somebody")) for each in self._leaf.subject]
            )
            expected = check, "rules.tls_client_auth.presented"
            yield _fault(f"of another {field}", self._named(subject), *expected)

    def _paths(self) -> Iterator[Fault]:
        ours, at = self._ours, self._good.at
        unknown = self._issue(self._foreign)
        anchored = "tls.path.anchored"
        yield _fault("of an unknown authority", lambda draft: setattr(draft, "chain", unknown.chain_der), anchored)
        over = ours.intermediate("What if", not_before=at - 2 * DAY_S, not_after=at - DAY_S)
        servers = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        for name, authority, check in (
            ("no longer valid", over, "tls.path.dates"),
            ("none", ours.intermediate("What if", ca=False), "tls.path.constraints"),
            (
                "too far down",
                ours.intermediate("What if", path_length=0).intermediate("So far"),
                "tls.path.constraints",
            ),
            ("of a weak key", ours.intermediate("What if", key_type="rsa1024"), "tls.path.strength"),
            ("for servers only", ours.intermediate("What if", extensions=(servers,)), "tls.path.purpose"),
        ):
            yield _fault(f"of an authority that is {name}", self._shown(self._issue(authority)), check)

    @property
    def _subject(self) -> bytes:
        return self._leaf.subject.public_bytes()

    def _issue(self, authority: CertificateAuthority | None = None, **wish: Any) -> Issued:
        right = {"subject": self._subject, "key_type": "p256", "extensions": self._copied}
        return (authority or self._ours).issue("obtransport", **{**right, **wish})

    def _named(self, subject: x509.Name) -> Spoil:
        return self._shown(self._issue(subject=subject.public_bytes()))

    def _shown(self, issued: Issued) -> Spoil:
        def spoil(draft: Draft) -> None:
            anchors = draft.market.anchors
            known = replace(anchors, roots=(*anchors.roots, self._ours.certificate))
            draft.market, draft.chain = replace(draft.market, anchors=known), issued.chain_der

        return spoil
