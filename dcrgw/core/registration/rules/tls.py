"""tls_client_auth: the certificate that the client will come with is the one that it came with."""

from __future__ import annotations

import re

from dcrgw.core.certificates.identity import matches_dn
from dcrgw.core.certificates.names import DnRefused
from dcrgw.core.checks import Failed, Outcome, Skipped, check, wire_text
from dcrgw.core.registration.members import TLS_SUBJECT_MEMBERS
from dcrgw.core.registration.rules.subject import Registration
from dcrgw.errors import ErrorCode

_META = ErrorCode.INVALID_CLIENT_METADATA
_SPEC = "RFC 8705 §2.1.2; OB UK DCR, tls_client_auth_subject_dn"
_OTHER_METHOD = Skipped("the client does not authenticate by tls_client_auth")
_DN = "tls_client_auth_subject_dn"
#: A longer name would push the rest of an answer out.
_SHOWN_LENGTH = 256
_BLANK_AFTER_COMMA = re.compile(r"(?<!\\), ")


def _named(subject: Registration) -> list[str]:
    return [name for name in TLS_SUBJECT_MEMBERS if name in subject.metadata.members]


@check("rules.tls_client_auth.one_name", spec=_SPEC, code=_META)
def tls_one_name(subject: Registration) -> Outcome:
    """A tls_client_auth client names its certificate by exactly one of the five members."""
    if subject.auth_method != "tls_client_auth":
        # A DN sent beside another method is no fault: TPP libraries always send it. It is not registered.
        return _OTHER_METHOD
    named = _named(subject)
    if len(named) == 1:
        return None
    offered = [name for name in TLS_SUBJECT_MEMBERS if name in subject.profile.metadata.members]
    return f"tls_client_auth needs exactly one of {', '.join(offered)}"


@check("rules.tls_client_auth.form", spec="OB UK DCR, tls_client_auth_subject_dn; RFC 8705 §2.1.2", code=_META)
def tls_form(subject: Registration) -> Outcome:
    """The subject DN is no longer, and begins as, the market says."""
    dn, rules = subject.metadata.text(_DN), subject.profile.metadata
    if dn is None:
        return Skipped("no subject DN is registered")
    if len(dn) > rules.subject_dn_max_length:
        return f"{_DN} is longer than {rules.subject_dn_max_length} characters"
    if not rules.subject_dn_must_start_with:
        return None
    if not dn.startswith(rules.subject_dn_must_start_with):
        return f"{_DN} must start with {rules.subject_dn_must_start_with}"
    return f"{_DN} must not have a blank after a comma" if _BLANK_AFTER_COMMA.search(dn) else None


@check("rules.tls_client_auth.presented", spec=_SPEC, code=_META)
def tls_presented(subject: Registration) -> Outcome:
    """What names the certificate names the one on this connection."""
    named = _named(subject)
    if subject.auth_method != "tls_client_auth" or len(named) != 1:
        return _OTHER_METHOD if subject.auth_method != "tls_client_auth" else Skipped("nothing to compare")
    text = subject.metadata.text(named[0]) or ""
    if named[0] == _DN:
        return _dn_fault(text, subject)
    if named[0] == "tls_client_auth_san_dns":
        # RFC 5280 §7.2: DNS names ignore letter case.
        known = text.lower() in {name.lower() for name in subject.identity.san_dns}
    elif named[0] == "tls_client_auth_san_uri":
        known = text in subject.identity.san_uris
    else:
        # DIVERGENCE: RFC 8705 §2.1.2 knows san_ip and san_email; no Open Banking certificate has them and
        # no identity here carries them, so nothing can be compared.
        return f"{named[0]} is not offered here"
    return None if known else f"{named[0]} is not in the client certificate"


def _dn_fault(text: str, subject: Registration) -> Outcome:
    try:
        same = matches_dn(text, subject.identity, subject.profile.metadata.dn_match)
    except DnRefused as fault:
        return Failed(f"{_DN} is not a distinguished name (RFC 4514)", str(fault))
    if same:
        return None
    own = subject.identity.subject_dn
    # The caller's own name, spelled as we would: most of those who get here write it in another form.
    shown = f": {own}" if wire_text(own) == own and len(own) <= _SHOWN_LENGTH else ""
    return Failed(f"{_DN} must be the client certificate's subject{shown}", f"subject {own}")
