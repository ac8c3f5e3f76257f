"""What a caller or a bank keeps secret is in no bundle, wherever it stood; and a replay compares what was compared."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from click.testing import CliRunner
from compliance_builders import a_closed_decision
from hypothesis import given, settings
from hypothesis import strategies as st
from test_scripted_replay import script

from dcrgw.cli import main
from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.keeping import bundled
from dcrgw.compliance.redaction import Withheld, surrogate, surrogates, without
from dcrgw.core.authorization.credentials import basic_pair
from dcrgw.core.evidence import Arrival, Entry
from dcrgw.ports.http import HttpAnswer

LONG, SHORT = "canary-of-more-than-sixteen", "canary-9"
FORM = "application/x-www-form-urlencoded"


def arrival(body: bytes = b"", media_type: str = FORM, **more: object) -> Arrival:
    return Arrival("uk", (), media_type, body, **more)  # type: ignore[arg-type]


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def clean(given: Arrival) -> str:
    """All that is kept of a request's texts."""
    kept = without(given, surrogates(given, ()))
    return "\n".join([kept.body.decode("latin-1"), kept.query, *kept.authorization])


@pytest.mark.parametrize("secret", [LONG, SHORT])
@pytest.mark.parametrize(
    "placed",
    [
        lambda secret: arrival(authorization=(f"Bearer {secret}",)),
        lambda secret: arrival(authorization=(secret,)),
        lambda secret: arrival(authorization=(f"bearer   {secret} of two words",)),
        lambda secret: arrival(authorization=(f"Bearer {secret}!#",)),
        lambda secret: arrival(authorization=(f'Digest username="u", response="{secret}"',)),
        lambda secret: arrival(query=f"access_token={secret}"),
        lambda secret: arrival(f"grant_type=password&username=u&password={secret}".encode()),
        lambda secret: arrival(f"CLIENT_SECRET={secret}&assertion={secret}&token={secret}".encode()),
        lambda secret: arrival(f"code={secret} with%zz faults".encode()),
        lambda secret: arrival(f"id%5Ftoken={quote(secret)}".encode()),
        lambda secret: arrival(json.dumps({"client_secret": secret}).encode(), "application/json"),
        lambda secret: arrival(json.dumps({"a": [{"clientSecret": secret}]}).encode(), "application/json"),
        lambda secret: arrival(json.dumps({"a": json.dumps({"password": secret})}).encode(), "application/json"),
        lambda secret: arrival(f'{{"client_secret": "{secret}", "client_secret": "{secret}"'.encode(), "text/plain"),
    ],
)
def test_a_secret_is_replaced_wherever_it_stands(placed, secret) -> None:  # type: ignore[no-untyped-def]
    assert secret not in clean(placed(secret))


@pytest.mark.parametrize("secret", [LONG, SHORT])
def test_of_an_id_and_a_secret_the_id_is_kept(secret: str) -> None:
    pair = base64.b64encode(f"a-client:{secret}".encode()).decode()
    kept = without(given := arrival(authorization=(f"Basic {pair}",)), surrogates(given, ()))
    assert basic_pair(kept.authorization[0]) == ("a-client", surrogate(secret, 1 if secret == LONG else 0))


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"jwks": {"keys": [{"kty": "EC", "d": "canary"}]}}),
        json.dumps({"a": json.dumps({"kty": "RSA", "dp": "canary"})}),
        '{"a": 1, "a": 2, "jwks": {"keys": [{"kty": "oct", "k": "canary"}]}',
        '{"jwks": {"keys": [{"\\u006bty": "EC", "\\u0064": "canary"}]}}',
        urlencode({"jwks": json.dumps({"kty": "EC", "d": "canary"})}),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\ncanary",
        f"{encoded({'alg': 'PS256'})}.{encoded({'jwks': {'kty': 'EC', 'd': 'canary'}})}.AAAA",
        f"{encoded({'alg': 'PS256'})}.{encoded({'jwks': {'kty': 'EC', 'd': 'canary'}})}.AAAA.AAAA",
        f"client_assertion={encoded({'alg': 'PS256'})}.{encoded({'client_secret': 'canary'})}.AAAA",
        f"{encoded({'a': 1})}.{encoded({'software_statement': 'e30.' + encoded({'x': {'accessToken': 'c'}})})}.AA",
    ],
)
def test_what_cannot_be_taken_out_is_not_kept_at_all(body: str) -> None:
    with pytest.raises(Withheld):
        surrogates(arrival(body.encode()), ())


def test_a_public_key_is_kept() -> None:
    body = json.dumps({"jwks": {"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "d"}]}}).encode()
    assert clean(arrival(body, "application/json")).encode().startswith(body)


@pytest.mark.parametrize("header", ["", " ", "Bearer", "Basic ", "bearer   "])
def test_a_header_without_a_credential_stays_as_it_is(header: str) -> None:
    told = arrival(authorization=(header,))
    assert without(told, surrogates(told, ())).authorization == (header,)


def test_what_stands_for_a_padded_token_is_a_token_too() -> None:
    assert surrogate(f"{LONG}==").endswith("==")


@given(st.text(st.characters(max_codepoint=0x2FF), min_size=1, max_size=60))
@settings(max_examples=60)
def test_a_surrogate_is_of_the_secret_s_length_and_nothing_of_a_token_s_letters_stays(secret: str) -> None:
    instead = surrogate(secret, 7)
    assert len(instead) >= len(secret)
    letters = [(one, other) for one, other in zip(secret, instead, strict=False) if one.isalnum() and one.isascii()]
    assert "".join(other for _, other in letters).strip("redact-07") == ""


@given(st.dictionaries(st.sampled_from(["code", "token", "password", "key"]), st.text(min_size=1, max_size=40)))
@settings(max_examples=60)
def test_a_form_stays_one_and_keeps_no_value_that_opens_a_door(members: dict[str, str]) -> None:
    given = arrival(urlencode(members).encode())
    kept = dict(parse_qsl(without(given, surrogates(given, ())).body.decode(), keep_blank_values=True))
    assert kept.keys() == members.keys()
    # Of very short ones what stands for them may be the same by chance.
    assert all(kept[name] != value or surrogate(value) == value for name, value in members.items())


def test_a_token_that_is_a_jwt_keeps_its_claims_and_no_signature() -> None:
    token = f"{encoded({'alg': 'PS256'})}.{encoded({'sub': 'somebody'})}.{LONG}"
    assert surrogate(token, 3).startswith(token.removesuffix(LONG))
    assert LONG not in surrogate(token, 3)
    assert "one.two" not in surrogate("one.two.three-that-are-no-jwt", 3)


def test_no_body_takes_the_square_of_its_length() -> None:
    for hostile in (b"\\" * 400_000, b'"' * 400_000, b'"d' * 200_000, b"-----BEGIN " * 40_000, b"&a=%" * 100_000):
        given = arrival(hostile, "application/json")
        assert len(without(given, surrogates(given, ())).body) >= len(hostile)


def test_more_secrets_than_any_request_needs_are_not_looked_for() -> None:
    with pytest.raises(Withheld):
        surrogates(arrival("&".join(f"token={LONG}{each}" for each in range(100)).encode()), ())


ASK = """
        key = configurationAttributes = self.tier.getValue2()
        answer = context.http.get("https://risk.example/" + key + "?api_key=" + key + "&sw=1")
        context.client.attributes["risk"] = answer.text
"""


def test_what_a_script_hides_is_in_no_question_of_its_and_a_replay_may_ask_it_again(tmp_path) -> None:  # type: ignore[no-untyped-def]
    closed = a_closed_decision()
    url = f"https://risk.example/{SHORT}?api_key={SHORT}&sw=1"
    closed.evidence.journal.entries.append(Entry("http.get", (url,), HttpAnswer(200, "text/plain", "low")))
    document = bundled(replace(closed, hidden=frozenset({SHORT})))
    assert SHORT.encode() not in document
    assert bundles.read(document).decided.decision == "registered"
    (tmp_path / "one.bundle.json").write_bytes(document)
    made = script(tmp_path, ASK)
    said = ["replay", str(tmp_path), "--with", str(made), "--property", f"tier={SHORT}", "--format", "json"]
    told = json.loads(CliRunner().invoke(main, said).stdout)
    # A script that is named by file hides nothing: what stands under an API key's name is known all the same.
    assert (told["before"], told["after"]) == ("registered", "unknown")
    (tmp_path / "pass").write_text(SHORT)
    said[5] = f"tier=file:{tmp_path / 'pass'}"
    told = json.loads(CliRunner().invoke(main, said).stdout)
    assert (told["before"], told["after"]) == ("registered", "registered")
    assert {each["member"]: each["after"] for each in told["stored"]} == {"attributes.risk": '"low"'}
