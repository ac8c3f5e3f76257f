"""The faults that are planted in claims, headers, keys and times, and the check that must see each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dcrgw.compliance.whatif import DAY_S, Draft, Fault, Spoil
from dcrgw.compliance.whatif_certificates import certificate_faults
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.testkit.keys import SigningKey

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
    yield from _together(good)
    if good.current is not None:
        yield from _succession(good, good.current)
    yield from certificate_faults(good)


def _succession(good: Draft, current: RegisteredClient) -> Iterator[Fault]:
    """What only an update can get wrong: it goes against the client that there is."""
    yield _fault("request: client_id is another", _set("request", "client_id", "what-if"), "update.client_id.same")
    issued = _set("request", "client_id_issued_at", 1)
    yield _fault("request: client_id_issued_at is there", issued, "update.members.settable")
    secret = _set("request", "client_secret", "what-if")
    yield _fault("request: client_secret is another", secret, "update.client_secret.same")
    if good.statement is None:
        return
    names = good.market.profile.statement.claims
    for ours, check in (("software_id", "update.software.same"), ("org_id", "update.organisation.same")):
        claim = names.get(ours, ours)
        value = good.statement.get(claim)
        if isinstance(value, str) and value:
            # Of the same form, or it were refused for that.
            other = value[:-1] + ("1" if value[-1] == "0" else "0")
            yield _fault(f"statement: {claim} is another's", _set("statement", claim, other), check)
    since = current.statement_claims.get("iat")
    if good.market.profile.update_refuses_older_statement and isinstance(since, int):
        older = _set("statement", "iat", since - 1)
        yield _fault("statement: iat is before the stored one's", older, "update.statement.not_older")


def _fault(name: str, spoil: Spoil, *expected: str) -> Fault:
    return Fault(name, frozenset(expected), spoil)


def _set(layer: str, claim: str, value: Any) -> Spoil:
    def spoil(draft: Draft) -> None:
        getattr(draft, layer)[claim] = value

    return spoil


def _drop(layer: str, claim: str) -> Spoil:
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
    def media_type(value: str | None) -> Spoil:
        return lambda draft: setattr(draft, "media_type", value)

    def body(value: bytes) -> Spoil:
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

    def jws(name: str, what: str, spoil: Spoil) -> Fault:
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

    def bent(bend: Callable[[str], str]) -> Spoil:
        return lambda draft: setattr(draft, f"bend_{layer}", bend)

    def without_signature(token: str) -> str:
        return token.rpartition(".")[0] + "."

    def changed_payload(token: str) -> str:
        head, payload, signature = token.split(".")
        return f"{head}.{payload[:-4]}AAAA.{signature}" if len(payload) % 4 == 0 else f"{head}.{payload}.{signature}"

    def cut_signature(token: str) -> str:
        head, payload, signature = token.split(".")
        return f"{head}.{payload}.{signature[:8]}"

    def named(name: str, what: str, spoil: Spoil, *more: str) -> Fault:
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
    yield named("header_json", "a header that is no JSON", bent(lambda token: f"bm9uc2Vuc2U.{token.partition('.')[2]}"))

    def sign_what_is_no_json(draft: Draft) -> None:
        mine = getattr(draft, key)
        signed = mine.sign_raw({"typ": "JWT", "alg": mine.alg, "kid": mine.kid}, b'{"iss":1,"iss":2}')
        setattr(draft, f"bend_{layer}", lambda _: signed)

    # Whose statement it is must be read before its signature can be proven.
    early = ("statement.iss.known",) if layer == "statement" else ("request.shape.statement",)
    yield named("payload_json", "claims that are no strict JSON", sign_what_is_no_json, *early)

    def publish(**change: Any) -> Spoil:
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
        "iat is a day ahead": ("iat", int(at) + DAY_S, "request.iat.future"),
        "exp is a day ago": ("exp", int(at) - DAY_S, "request.exp.past"),
        "exp is ten years ahead": ("exp", int(at) + 3650 * DAY_S, "request.exp.lifetime"),
        "nbf is a day ahead": ("nbf", int(at) + DAY_S, "request.nbf.future"),
        "nbf is a text": ("nbf", "soon", "request.nbf.future"),
    }
    for name, (claim, value, check) in times.items():
        yield _fault(f"request: {name}", _set("request", claim, value), check)


#: Our name of a statement's claim -> the check that sees a value of its own kind that is wrong.
_OWN_FORM = {
    "redirect_uris": "statement.redirect_uris.form",
    "software_redirect_uris": "statement.redirect_uris.form",
    "iat": "statement.iat.future",
    "exp": "statement.exp.past",
    "software_roles": "statement.roles.form",
    "software_id": "statement.software_id.form",
    "org_id": "statement.org_id.form",
    "software_jwks_endpoint": "statement.jwks_endpoint.allowed",
    "org_status": "statement.org_status.active",
    "iss": "statement.iss.known",
}


#: Claims that have the same name in every market.
_JUDGED = frozenset({"iss", "iat", "exp", "jti"})


def _statement_claims(good: Draft) -> Iterator[Fault]:
    policy, at = good.market.profile.statement, good.at
    names = {claim: ours for ours, claim in policy.claims.items()}
    assert good.statement is not None
    for claim in policy.required_claims:
        if claim not in good.statement:
            continue
        own = _OWN_FORM.get(names.get(claim, claim), "statement.claims.types")
        both = ("statement.claims.required", "statement.claims.types", own)
        spoilt: dict[str, tuple[str, ...]] = {"missing": both, "null": both}
        if claim in names or claim in _JUDGED:
            # Of what nothing is decided by, it is enough that it is there.
            spoilt["of another type"] = both
        if own in ("statement.org_status.active", "statement.jwks_endpoint.allowed", "statement.iss.known"):
            spoilt["another value"] = (own,)
        yield from _spoilt("statement", claim, spoilt)
    yield _fault(
        "statement: it holds another", _set("statement", "software_statement", "a.b.c"), "statement.nested.absent"
    )
    yield _fault("statement: iat is a day ahead", _set("statement", "iat", int(at) + DAY_S), "statement.iat.future")
    yield _fault("statement: nbf is a day ahead", _set("statement", "nbf", int(at) + DAY_S), "statement.nbf.future")
    yield _fault("statement: exp is a day ago", _set("statement", "exp", int(at) - DAY_S), "statement.exp.past")
    yield _fault("statement: aud is another's", _set("statement", "aud", "somebody else"), "statement.aud.ours")
    if policy.max_age_s:
        old = int(at) - policy.max_age_s - DAY_S
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
    "grant_types": ("rules.grant_types.consistent",),
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


#: What does not go together: members that are set, and the check that must see it. Where the request has the first of
#: them, or the market takes it.
_TOGETHER: tuple[tuple[str, Mapping[str, Any], str], ...] = (
    ("tls_client_auth_subject_dn", {"tls_client_auth_san_dns": "tpp.example"}, "rules.tls_client_auth.one_name"),
    ("jwks_uri", {"jwks": {"keys": []}, "jwks_uri": "https://what.if/jwks"}, "rules.jwks.one_source"),
    ("id_token_encrypted_response_enc", {"id_token_encrypted_response_enc": "A256GCM"}, "rules.algorithms.encryption"),
    ("token_endpoint_auth_signing_alg", {"token_endpoint_auth_signing_alg": "HS999"}, "rules.algorithms.client_auth"),
    ("response_types", {"response_types": ["code id_token"], "scope": "accounts"}, "rules.scope.openid"),
)


def _together(good: Draft) -> Iterator[Fault]:
    for first, members, check in _TOGETHER:
        wanted = {first, *members}
        if not wanted <= {*good.market.profile.metadata.members} or not _means_something(check, good):
            continue

        def spoil(draft: Draft, members: Mapping[str, Any] = members) -> None:
            draft.request.update(members)

        shown = " and ".join(f"{name} {value}" for name, value in members.items())
        yield _fault(f"request: beside the rest {shown}", spoil, check)


def _means_something(check: str, good: Draft) -> bool:
    """Whether the request's market, method and statement let the check apply at all."""
    if check == "rules.redirect_uris.subset":
        return good.statement is not None
    if check == "rules.scope.known":
        return bool(good.market.profile.metadata.role_scopes)
    if check.startswith("rules.tls_client_auth."):
        return good.request.get("token_endpoint_auth_method") == "tls_client_auth"
    return True
