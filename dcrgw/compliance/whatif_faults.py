"""The faults that are planted in claims, headers, keys, times and certificates, and the check that must see each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from cryptography import x509

from dcrgw.compliance.whatif import Draft, Fault
from dcrgw.testkit.certificates import CertificateAuthority, Issued, resigned
from dcrgw.testkit.keys import SigningKey

_Spoil = Callable[[Draft], None]
_DAY = 86_400

#: How a value is spoilt: what stands in its place.
_SPOILT: Mapping[str, Any] = {"null": None, "empty": "", "of another type": {"a": 1}, "another value": "what-if"}


def faults(good: Draft) -> Iterator[Fault]:
    """Every fault that means something for this request."""
    yield Fault("nothing is wrong", frozenset(), lambda _: None)
    yield from _shape(good)
    if good.is_signed:
        yield from _tokens("request")
        yield from _request_claims(good)
    if good.statement is not None:
        yield from _tokens("statement")
        yield from _statement_claims(good)
    yield from _metadata(good)
    yield from _certificates(good)


def _fault(name: str, spoil: _Spoil, *expected: str) -> Fault:
    return Fault(name, frozenset(expected), spoil)


def _set(layer: str, claim: str, value: Any) -> _Spoil:
    def spoil(draft: Draft) -> None:
        getattr(draft, layer)[claim] = value

    return spoil


def _drop(layer: str, claim: str) -> _Spoil:
    return lambda draft: getattr(draft, layer).pop(claim, None)


def _spoilt(layer: str, claim: str, expected: Mapping[str, tuple[str, ...]]) -> Iterator[Fault]:
    """A claim, missing and spoilt, as far as `expected` says what must see it."""
    name = f"{layer}: {claim}"
    if "missing" in expected:
        yield _fault(f"{name} is missing", _drop(layer, claim), *expected["missing"])
    for how, value in _SPOILT.items():
        if how in expected:
            yield _fault(f"{name} is {how}", _set(layer, claim, value), *expected[how])


def _everywhere(*checks: str, but: str = "") -> dict[str, tuple[str, ...]]:
    return {how: checks for how in ("missing", *_SPOILT) if how != but}


def _shape(good: Draft) -> Iterator[Fault]:
    def media_type(value: str | None) -> _Spoil:
        return lambda draft: setattr(draft, "media_type", value)

    def body(value: bytes) -> _Spoil:
        return lambda draft: setattr(draft, "body", value)

    for kind in (None, "text/plain", "application/xml"):
        yield _fault(f"Content-Type is {kind}", media_type(kind), "request.shape.media_type")
    token, text = ("request.jws.parts", "request.jws.base64url"), ("request.shape.json",)
    for value in (b"", b"nonsense", b"\xff\xfe", b"[]"):
        yield _fault(f"the body is {value!r}", body(value), *(token if good.is_signed else text))
    if good.statement is not None:
        needed = good.market.profile.statement.required
        expected = _everywhere("request.shape.statement", "statement.jws.parts", but="another value")
        if not needed:
            expected = {how: checks for how, checks in expected.items() if how == "of another type"}
        yield from _spoilt("request", "software_statement", expected)


def _tokens(layer: str) -> Iterator[Fault]:
    """Headers, signatures and keys of one token."""
    key, header = ("software_key" if layer == "request" else "directory_key"), f"{layer}_header"
    published = "software_keys" if layer == "request" else "directory_keys"

    def jws(name: str, what: str, spoil: _Spoil) -> Fault:
        return _fault(f"{layer} header: {what}", spoil, f"{layer}.jws.{name}")

    for value in ("none", "HS256", "RS1", "", None, 7):
        yield jws("algorithm", f"alg is {value}", _set(header, "alg", value))
    for value in ("", 7, "k" * 300, None):
        yield jws("kid", f"kid is {str(value)[:9]}", _set(header, "kid", value))
    yield jws("key_unknown", "kid is another", _set(header, "kid", "nobody"))
    yield jws("type", "typ is JWE", _set(header, "typ", "JWE"))
    forbidden: Mapping[str, Any] = {
        "jwk": {}, "jku": "https://what.if", "x5u": "https://what.if", "x5c": [], "crit": ["exp"], "b64": False,
    }  # fmt: skip
    for member, inner in forbidden.items():
        yield jws("header_member", f"{member} is there", _set(header, member, inner))

    def bent(bend: Callable[[str], str]) -> _Spoil:
        return lambda draft: setattr(draft, f"bend_{layer}", bend)

    def without_signature(token: str) -> str:
        return token.rpartition(".")[0] + "."

    def changed_payload(token: str) -> str:
        head, payload, signature = token.split(".")
        return f"{head}.{payload[:-4]}AAAA.{signature}" if len(payload) % 4 == 0 else f"{head}.{payload}.{signature}"

    def cut_signature(token: str) -> str:
        head, payload, signature = token.split(".")
        return f"{head}.{payload}.{signature[:8]}"

    def named(name: str, what: str, spoil: _Spoil, *more: str) -> Fault:
        return _fault(f"{layer}: {what}", spoil, f"{layer}.jws.{name}", *more)

    yield named("parts", "two parts", bent(lambda token: token.rpartition(".")[0]))
    yield named("parts", "four parts", bent(lambda token: f"{token}.AAAA"))
    yield named("base64url", "padding", bent(lambda token: f"{token}="))
    yield named("base64url", "a blank inside", bent(lambda token: token.replace(".", ". ", 1)), f"{layer}.jws.parts")
    yield named("size", "70 kB of header", _set(header, "what", "x" * 70_000))
    yield named("signature_form", "no signature", bent(without_signature))
    yield named("signature_form", "a short signature", bent(cut_signature))

    def sign_by_another(draft: Draft) -> None:
        mine = getattr(draft, key)
        setattr(draft, key, SigningKey.generate(mine.kid, mine.alg))

    yield named("signature", "signed by another key", sign_by_another)

    def publish(**change: Any) -> _Spoil:
        def spoil(draft: Draft) -> None:
            keys = getattr(draft, published)
            keys[:] = [{k: v for k, v in {**jwk, **change}.items() if v is not None} for jwk in keys]

        return spoil

    yield named("key_unusable", "its key is for encryption", publish(use="enc"))
    yield named("key_unusable", "its key is published twice", lambda d: getattr(d, published).append(
        SigningKey.generate(getattr(d, key).kid, getattr(d, key).alg).public_jwk()
    ))  # fmt: skip
    yield named("key_unknown", "nothing is published", lambda draft: getattr(draft, published).clear())


def _request_claims(good: Draft) -> Iterator[Fault]:
    """RFC 7519's claims of a signed request."""
    at, policy = good.at, good.market.profile.request
    if policy.issuer_is_software_id:
        yield from _spoilt("request", "iss", _everywhere("request.iss.present", "request.iss.software"))
    if policy.audience_required:
        yield from _spoilt("request", "aud", _everywhere("request.aud.ours"))
    for claim, check in {"iat": "request.iat.future", "exp": "request.exp.past"}.items():
        yield from _spoilt("request", claim, _everywhere(check))
    yield from _spoilt("request", "jti", _everywhere("request.jti.form", but="another value"))
    if "software_id" in good.request:
        spoilt = _everywhere("request.software_id.statement", but="missing")
        yield from _spoilt("request", "software_id", {how: spoilt[how] for how in ("of another type", "another value")})
    times: Mapping[str, tuple[str, Any, str]] = {
        "iat is a day ahead": ("iat", int(at) + _DAY, "request.iat.future"),
        "exp is a day ago": ("exp", int(at) - _DAY, "request.exp.past"),
        "exp is ten years ahead": ("exp", int(at) + 3650 * _DAY, "request.exp.lifetime"),
        "nbf is a day ahead": ("nbf", int(at) + _DAY, "request.nbf.future"),
        "nbf is a text": ("nbf", "soon", "request.nbf.future"),
    }
    for name, (claim, value, check) in times.items():
        yield _fault(f"request: {name}", _set("request", claim, value), check)


#: Our name of a statement's claim -> the check that sees a value of its own kind that is wrong.
_OWN_FORM = {
    "redirect_uris": "statement.redirect_uris.form",
    "software_redirect_uris": "statement.redirect_uris.form",
    "iat": "statement.iat.future",
    "software_roles": "statement.roles.form",
    "software_id": "statement.software_id.form",
    "org_id": "statement.org_id.form",
    "software_jwks_endpoint": "statement.jwks_endpoint.allowed",
    "org_status": "statement.org_status.active",
    "iss": "statement.iss.known",
}


def _statement_claims(good: Draft) -> Iterator[Fault]:
    policy, at = good.market.profile.statement, good.at
    names = {claim: ours for ours, claim in policy.claims.items()}
    assert good.statement is not None
    for claim in policy.required_claims:
        if claim not in good.statement:
            continue
        own = _OWN_FORM.get(names.get(claim, claim), "statement.claims.types")
        both = ("statement.claims.required", "statement.claims.types", own)
        spoilt: dict[str, tuple[str, ...]] = {"missing": both, "null": both, "of another type": both}
        if own in ("statement.org_status.active", "statement.jwks_endpoint.allowed", "statement.iss.known"):
            spoilt["another value"] = (own,)
        yield from _spoilt("statement", claim, spoilt)
    yield _fault(
        "statement: it holds another", _set("statement", "software_statement", "a.b.c"), "statement.nested.absent"
    )
    yield _fault("statement: iat is a day ahead", _set("statement", "iat", int(at) + _DAY), "statement.iat.future")
    yield _fault("statement: nbf is a day ahead", _set("statement", "nbf", int(at) + _DAY), "statement.nbf.future")
    yield _fault("statement: exp is a day ago", _set("statement", "exp", int(at) - _DAY), "statement.exp.past")
    yield _fault("statement: aud is another's", _set("statement", "aud", "somebody else"), "statement.aud.ours")
    if policy.max_age_s:
        old = int(at) - policy.max_age_s - _DAY
        yield _fault(
            "statement: iat is too long ago",
            _set("statement", "iat", old),
            "statement.iat.age",
            "update.statement.not_older",
        )


_TYPES = ("rules.metadata.types", "rules.redirect_uris.types")
#: A member -> values of its own type that are wrong, each with its check.
_WRONG_VALUES: Mapping[str, tuple[tuple[Any, str], ...]] = {
    "redirect_uris": (
        (["https://what.if/cb"], "rules.redirect_uris.subset"),
        (["http://tpp.example/cb"], "rules.redirect_uris.form"),
        (["https://tpp.example/cb#fragment"], "rules.redirect_uris.form"),
        (["https://user@tpp.example/cb"], "rules.redirect_uris.form"),
        (["https://*.tpp.example/cb"], "rules.redirect_uris.form"),
        (["https://tpp.example/" + "x" * 5000], "rules.redirect_uris.sizes"),
    ),
    "scope": (
        ("openid nonsense", "rules.scope.known"),
        ("openid  accounts", "rules.scope.form"),
        ("openid openid", "rules.scope.form"),
    ),
    "grant_types": ((["implicit"], "rules.grant_types.offered"), (["nonsense"], "rules.grant_types.offered")),
    "response_types": ((["token"], "rules.response_types.offered"), (["nonsense"], "rules.response_types.offered")),
    "token_endpoint_auth_method": (("none", "rules.auth_method.offered"), ("nonsense", "rules.auth_method.offered")),
    "application_type": (("toaster", "rules.application_type.offered"),),
    "id_token_signed_response_alg": (("none", "rules.algorithms.signing"), ("HS999", "rules.algorithms.signing")),
    "request_object_signing_alg": (("none", "rules.algorithms.signing"), ("HS999", "rules.algorithms.signing")),
    "tls_client_auth_subject_dn": (
        ("CN=somebody else", "rules.tls_client_auth.presented"),
        ("no name at all", "rules.tls_client_auth.presented"),
    ),
    "client_name": (("\u202eevil", "rules.metadata.characters"), ("x" * 5_000, "rules.metadata.sizes")),
    "subject_type": (("nobody", "rules.subject_type.known"),),
    "client_uri": (("javascript:alert(1)", "rules.metadata.urls"), ("http://tpp.example", "rules.metadata.urls")),
    "logo_uri": (("https://user@tpp.example/logo", "rules.metadata.urls"),),
}
#: A wrong value may be wrong in another way too, in some markets.
_OR_ELSE: Mapping[str, tuple[str, ...]] = {
    "scope": ("rules.scope.within_roles",),
    "redirect_uris": ("rules.redirect_uris.subset",),
    "tls_client_auth_subject_dn": ("rules.tls_client_auth.form",),
}
_LISTS = frozenset({"redirect_uris", "grant_types", "response_types", "contacts"})


def _metadata(good: Draft) -> Iterator[Fault]:
    policy = good.market.profile.metadata
    for member in policy.required:
        if member in good.request:
            checks = (
                "rules.metadata.required",
                *(("rules.redirect_uris.present",) if member == "redirect_uris" else ()),
            )
            yield _fault(f"request: {member} is missing", _drop("request", member), *checks)
    for member in policy.members:
        if member == "software_id":
            continue  # a claim of the request, judged against the statement's
        if member in good.request:
            yield _fault(f"request: {member} is of another type", _set("request", member, {"a": 1}), *_TYPES)
            if member in _LISTS:
                yield _fault(f"request: {member} is a list of numbers", _set("request", member, [1]), *_TYPES)
        elif member not in _WRONG_VALUES:
            continue
        for value, check in _WRONG_VALUES.get(member, ()):
            more = _OR_ELSE.get(member, ())
            if not _means_something(check, good):
                continue
            yield _fault(f"request: {member} is {str(value)[:40]}", _set("request", member, value), check, *more)


def _means_something(check: str, good: Draft) -> bool:
    """Whether the request's market, method and statement let the check apply at all."""
    if check == "rules.redirect_uris.subset":
        return good.statement is not None
    if check == "rules.scope.known":
        return bool(good.market.profile.metadata.role_scopes)
    if check.startswith("rules.tls_client_auth."):
        return good.request.get("token_endpoint_auth_method") == "tls_client_auth"
    return True


def _certificates(good: Draft) -> Iterator[Fault]:
    """Certificates of a throwaway authority that the market takes in the case. An update's token is bound to the
    recorded certificate, so there another one is refused for that: only what no key needs is spoilt.
    """
    yield _fault("certificate: none", lambda draft: setattr(draft, "chain", ()), "tls.chain.present")
    yield _fault("certificate: no DER", lambda draft: setattr(draft, "chain", (b"what if",)), "tls.leaf.readable")
    late = "certificate: past its end"
    leaf = x509.load_der_x509_certificate(good.chain[0])
    over = leaf.not_valid_after_utc.timestamp() + _DAY
    yield _fault(late, lambda draft: setattr(draft, "at", over), "tls.leaf.dates")
    early = leaf.not_valid_before_utc.timestamp() - _DAY
    yield _fault("certificate: not begun", lambda draft: setattr(draft, "at", early), "tls.leaf.dates")
    if good.operation == "update" or good.market.profile.identity.get("obtransport", "none") == "none":
        return
    yield from _issued(good, leaf)


def _issued(good: Draft, leaf: x509.Certificate) -> Iterator[Fault]:
    subject = leaf.subject.public_bytes()
    names = {each.oid.dotted_string: str(each.value) for each in leaf.subject}
    if "2.5.4.97" in names:
        return  # another kind than obtransport, whose extensions are not made here

    def shown(issued: Issued, authority: CertificateAuthority) -> _Spoil:
        def spoil(draft: Draft) -> None:
            anchors = draft.market.anchors
            known = replace(anchors, roots=(*anchors.roots, authority.certificate))
            draft.market, draft.chain = replace(draft.market, anchors=known), issued.chain_der

        return spoil

    ours, foreign = (CertificateAuthority.create(name, at=good.at) for name in ("What if", "Nobody's"))

    def issue(**wish: Any) -> Issued:
        return ours.issue("obtransport", **{"subject": subject, "key_type": "p256", **wish})

    yield _fault("certificate: another of the same subject", shown(issue(), ours))
    unknown = foreign.issue("obtransport", subject=subject, key_type="p256")
    yield _fault(
        "certificate: of an unknown authority", lambda d: setattr(d, "chain", unknown.chain_der), "tls.path.anchored"
    )
    yield _fault("certificate: for servers only", shown(issue(eku=("serverAuth",)), ours), "tls.leaf.purpose")
    yield _fault("certificate: an authority's", shown(issue(ca=True), ours), "tls.leaf.not_authority")
    yield _fault(
        "certificate: for agreement only", shown(issue(key_usage=("key_agreement",)), ours), "tls.leaf.key_usage"
    )
    yield _fault("certificate: RSA of 1024 bits", shown(issue(key_type="rsa1024"), ours), "tls.leaf.key")
    yield _fault(
        "certificate: signed over SHA-1",
        shown(resigned(issue(), ours, subject=subject, digest="sha1"), ours),
        "tls.leaf.signature",
        "tls.path.strength",
    )
    other = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody"),
            *[a for a in leaf.subject if a.oid != x509.NameOID.COMMON_NAME],
        ]
    )
    if good.statement is not None:
        yield _fault(
            "certificate: of another software",
            shown(issue(subject=other.public_bytes()), ours),
            "rules.identity.software",
            "rules.identity.organisation",
        )
    twice = x509.Name([*leaf.subject, x509.NameAttribute(x509.NameOID.COMMON_NAME, "and another")])
    yield _fault(
        "certificate: two common names", shown(issue(subject=twice.public_bytes()), ours), "identity.common_name.single"
    )
