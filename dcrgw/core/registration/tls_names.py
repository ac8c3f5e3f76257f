"""tls_client_auth: whether what a client registered names the certificate on a connection (RFC 8705 §2.1.2)."""

from __future__ import annotations

from dcrgw.core.certificates.identity import ClientIdentity, matches_dn
from dcrgw.core.certificates.names import DnRefused
from dcrgw.core.checks import Failed, wire_text
from dcrgw.core.registration.members import TLS_SUBJECT_MEMBERS
from dcrgw.core.registration.metadata import ClientMetadata

SUBJECT_DN = "tls_client_auth_subject_dn"
#: A longer name would push the rest of an answer out.
_SHOWN_LENGTH = 256


def named(metadata: ClientMetadata) -> list[str]:
    """Which of the five members are there."""
    return [name for name in TLS_SUBJECT_MEMBERS if name in metadata.members]


def fault(metadata: ClientMetadata, identity: ClientIdentity, dn_match: str) -> Failed | None:
    """Why the certificate is not the one that the metadata name, None when it is; `dn_match` is a profile's.

    Anything but exactly one name is none.
    """
    names = named(metadata)
    if len(names) != 1:
        return Failed("not exactly one name of the certificate is registered")
    text = metadata.text(names[0]) or ""
    if names[0] == SUBJECT_DN:
        return _dn_fault(text, identity, dn_match)
    if names[0] == "tls_client_auth_san_dns":
        # RFC 5280 §7.2: DNS names ignore letter case.
        known = text.lower() in {name.lower() for name in identity.san_dns}
    elif names[0] == "tls_client_auth_san_uri":
        known = text in identity.san_uris
    else:
        # DIVERGENCE: RFC 8705 §2.1.2 knows san_ip and san_email; no Open Banking certificate has them and
        # no identity here carries them, so nothing can be compared.
        return Failed(f"{names[0]} is not offered here")
    return None if known else Failed(f"{names[0]} is not in the client certificate")


def _dn_fault(text: str, identity: ClientIdentity, dn_match: str) -> Failed | None:
    try:
        same = matches_dn(text, identity, dn_match)
    except DnRefused as refused:
        return Failed(f"{SUBJECT_DN} is not a distinguished name (RFC 4514)", str(refused))
    if same:
        return None
    own = identity.subject_dn
    # The caller's own name, spelled as we would: most of those who get here write it in another form.
    shown = f": {own}" if wire_text(own) == own and len(own) <= _SHOWN_LENGTH else ""
    return Failed(f"{SUBJECT_DN} must be the client certificate's subject{shown}", f"subject {own}")
