"""Redirect URIs: where authorization codes go, so the strictest strings of all."""

from __future__ import annotations

import re
from collections.abc import Callable

from dcrgw.core.checks import Outcome, Skipped, check
from dcrgw.core.registration.rules.subject import Registration
from dcrgw.core.registration.uris import Uri, is_loopback, parse
from dcrgw.errors import ErrorCode

_RED = ErrorCode.INVALID_REDIRECT_URI
_DOT_SEGMENT = re.compile(r"(?:^|/)(?:\.|%2[eE]){1,2}(?:[/;]|$)|%2[fF]|%5[cC]|%00")


@check("rules.redirect_uris.present", spec="OB UK DCR, redirect_uris; RFC 7591 §2", code=_RED)
def redirect_uris_present(subject: Registration) -> Outcome:
    """A client of a redirect based grant has a redirect URI."""
    if "authorization_code" not in subject.grant_types:
        return Skipped("no grant redirects")
    return None if subject.redirect_uris else "redirect_uris must name at least one URI"


@check("rules.redirect_uris.form", spec="OB UK DCR, redirect_uris; RFC 7591 §5; RFC 9700 §4.1", code=_RED)
def redirect_uris_form(subject: Registration) -> Outcome:
    """Every redirect URI is an absolute https URI without user name, fragment, wildcard or dot segment."""
    if _takes_native(subject):
        return _first(subject, _native_fault)
    return _first(subject, _web_fault)


@check("rules.redirect_uris.loopback", spec="OB UK DCR, redirect_uris: not localhost; RFC 9700 §4.1", code=_RED)
def redirect_uris_loopback(subject: Registration) -> Outcome:
    """No redirect URI leads to the machine that follows it."""
    if not subject.market.refuse_loopback_redirects:
        return Skipped("the market takes loopback redirect URIs")
    return _first(subject, _loopback_fault)


@check("rules.redirect_uris.subset", spec="OB UK DCR, redirect_uris; RFC 7591 §3.1.1", code=_RED)
def redirect_uris_subset(subject: Registration) -> Outcome:
    """Every redirect URI is one that the directory signed for this software."""
    signed = subject.proven.software_redirect_uris
    if not subject.profile.metadata.redirect_uris_within_statement or (
        not signed and _statement_may_be_silent(subject)
    ):
        return Skipped("the statement names no redirect URIs here")
    # DIVERGENCE: RFC 7591 §3.1.1 lets the statement replace the request; a URI outside it is refused instead, so
    # that a TPP learns of it before its first user does.
    # Compared byte for byte (RFC 6749 §3.1.2.3 asks for simple string comparison): a
    # normalising compare would let https://a/%2e%2e/ or another letter case through.
    return _first(
        subject, lambda uri: None if uri in signed else "is not one of the software statement's redirect URIs"
    )


def _statement_may_be_silent(subject: Registration) -> bool:
    """The market's statements need not name redirect URIs at all."""
    rules = subject.profile.statement
    return rules.claims.get("software_redirect_uris") not in rules.required_claims


def _first(subject: Registration, fault_of: Callable[[str], str | None]) -> str | None:
    faults = [(index, fault) for index, uri in enumerate(subject.redirect_uris) if (fault := fault_of(uri))]
    if not faults:
        return None
    index, fault = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"redirect_uris[{index}] {fault}{more}"


def _takes_native(subject: Registration) -> bool:
    rules = subject.profile.metadata
    return rules.native_redirect_uris and subject.metadata.text("application_type") == "native"


def _web_fault(text: str) -> str | None:
    uri = parse(text)
    if uri is None:
        return "must be an absolute URI in ASCII, with a plain host and port"
    if uri.scheme != "https" or not uri.host:
        return "must be an https URI"
    return _common_fault(text, uri)


def _native_fault(text: str) -> str | None:
    uri = parse(text)
    if uri is None:
        return "must be an absolute URI in ASCII, with a plain host and port"
    loopback = uri.scheme == "http" and uri.host is not None and is_loopback(uri.host)
    # RFC 8252 §7.1: a private scheme is a domain name in reverse, so it holds a dot; javascript and data do not.
    private = "." in uri.scheme and uri.host is None
    if loopback or private or (uri.scheme == "https" and uri.host):
        return _common_fault(text, uri)
    return "must be https, http on a loopback address, or a private scheme such as com.example.app"


def _common_fault(text: str, uri: Uri) -> str | None:
    if uri.userinfo is not None:
        return "must not hold a user name"
    if uri.fragment is not None:
        return "must not have a fragment"
    if "*" in text or "%2a" in text.lower():
        return "must not hold a wildcard"
    # DIVERGENCE: RFC 3986 allows dot segments; refused even when signed, since browsers and servers resolve them apart.
    if _DOT_SEGMENT.search(uri.path):
        return "must not hold dot segments or encoded separators in its path"
    return None


def _loopback_fault(text: str) -> str | None:
    uri = parse(text)
    if uri is not None and uri.host is not None and is_loopback(uri.host):
        return "must not lead to a loopback address"
    return None
