"""tls_client_auth: the certificate that the client will come with is the one that it came with."""

from __future__ import annotations

import re

from dcrgw.core.checks import Outcome, Skipped, check
from dcrgw.core.registration import tls_names
from dcrgw.core.registration.members import TLS_SUBJECT_MEMBERS
from dcrgw.core.registration.rules.subject import Registration
from dcrgw.errors import ErrorCode

_META = ErrorCode.INVALID_CLIENT_METADATA
_SPEC = "RFC 8705 §2.1.2; OB UK DCR, tls_client_auth_subject_dn"
_DN = tls_names.SUBJECT_DN
_BLANK_AFTER_COMMA = re.compile(r"(?<!\\), ")


def is_method(subject: Registration) -> bool:
    """Whether the client authenticates by tls_client_auth.

    A DN sent beside another method is no fault: TPP libraries always send it. It is not registered.
    """
    # Where the market has no such method, asking for it is refused already.
    return subject.auth_method == "tls_client_auth" and "tls_client_auth" in subject.profile.metadata.auth_methods


@check("rules.tls_client_auth.one_name", spec=_SPEC, code=_META)
def tls_one_name(subject: Registration) -> Outcome:
    """A tls_client_auth client names its certificate by exactly one of the five members."""
    named = tls_names.named(subject.metadata)
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
    if len(tls_names.named(subject.metadata)) != 1:
        return Skipped("nothing to compare")
    return tls_names.fault(subject.metadata, subject.identity, subject.profile.metadata.dn_match)
